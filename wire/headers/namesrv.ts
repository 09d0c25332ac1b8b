/** Headers of the nameserver: registration, routes, KV configuration, permissions. Field names are Apache's. */
import { defaulted, type HeaderCodec, header, optional, required } from "../header.ts";
import { type TopicHeader, topicFields } from "./common.ts";

export interface AddWritePermOfBrokerRequestHeader {
  /** Broker name. */
  brokerName: string;
}
export const addWritePermOfBrokerRequestHeader: HeaderCodec<AddWritePermOfBrokerRequestHeader> =
  header<AddWritePermOfBrokerRequestHeader>("AddWritePermOfBrokerRequestHeader", {
    brokerName: required.string,
  });

export interface AddWritePermOfBrokerResponseHeader {
  /** Topics changed. */
  addTopicCount: number;
}
export const addWritePermOfBrokerResponseHeader: HeaderCodec<AddWritePermOfBrokerResponseHeader> =
  header<AddWritePermOfBrokerResponseHeader>("AddWritePermOfBrokerResponseHeader", {
    addTopicCount: required.int,
  });

export interface BrokerHeartbeatRequestHeader {
  /** Cluster name. */
  clusterName: string;
  /** `host:port` that clients dial. */
  brokerAddr: string;
  /** Broker name. */
  brokerName: string;
  /** 0 master, above 0 slave. */
  brokerId?: number | undefined;
  /** Epoch of the master it follows. */
  epoch?: number | undefined;
  /** Physical offset of the end of its log. */
  maxOffset?: number | undefined;
  /** Confirmed physical offset. */
  confirmOffset?: number | undefined;
  /** Silence after which the broker counts as gone, ms (spelled so on the wire). */
  heartbeatTimeoutMills?: number | undefined;
  /** Smaller is preferred as master. */
  electionPriority?: number | undefined;
}
export const brokerHeartbeatRequestHeader: HeaderCodec<BrokerHeartbeatRequestHeader> = header<BrokerHeartbeatRequestHeader>(
  "BrokerHeartbeatRequestHeader",
  {
    clusterName: required.string,
    brokerAddr: required.string,
    brokerName: required.string,
    brokerId: optional.long,
    epoch: optional.int,
    maxOffset: optional.long,
    confirmOffset: optional.long,
    heartbeatTimeoutMills: optional.long,
    electionPriority: optional.int,
  },
);

export interface DeleteKVConfigRequestHeader {
  /** KV namespace. */
  namespace: string;
  /** Key. */
  key: string;
}
export const deleteKVConfigRequestHeader: HeaderCodec<DeleteKVConfigRequestHeader> = header<DeleteKVConfigRequestHeader>(
  "DeleteKVConfigRequestHeader",
  {
    namespace: required.string,
    key: required.string,
  },
);

export interface DeleteTopicFromNamesrvRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
  /** Only from the brokers of this cluster; absent or empty: from all. */
  clusterName?: string | undefined;
}
export const deleteTopicFromNamesrvRequestHeader: HeaderCodec<DeleteTopicFromNamesrvRequestHeader> =
  header<DeleteTopicFromNamesrvRequestHeader>("DeleteTopicFromNamesrvRequestHeader", {
    ...topicFields,
    topic: required.string,
    clusterName: optional.string,
  });

export interface GetKVConfigRequestHeader {
  /** KV namespace. */
  namespace: string;
  /** Key. */
  key: string;
}
export const getKVConfigRequestHeader: HeaderCodec<GetKVConfigRequestHeader> = header<GetKVConfigRequestHeader>(
  "GetKVConfigRequestHeader",
  {
    namespace: required.string,
    key: required.string,
  },
);

export interface GetKVConfigResponseHeader {
  /** Value. */
  value?: string | undefined;
}
export const getKVConfigResponseHeader: HeaderCodec<GetKVConfigResponseHeader> = header<GetKVConfigResponseHeader>(
  "GetKVConfigResponseHeader",
  {
    value: optional.string,
  },
);

export interface GetKVListByNamespaceRequestHeader {
  /** KV namespace. */
  namespace: string;
}
export const getKVListByNamespaceRequestHeader: HeaderCodec<GetKVListByNamespaceRequestHeader> =
  header<GetKVListByNamespaceRequestHeader>("GetKVListByNamespaceRequestHeader", {
    namespace: required.string,
  });

export interface GetRouteInfoRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
  /** Asks for strict JSON. */
  acceptStandardJsonOnly?: boolean | undefined;
}
export const getRouteInfoRequestHeader: HeaderCodec<GetRouteInfoRequestHeader> = header<GetRouteInfoRequestHeader>(
  "GetRouteInfoRequestHeader",
  {
    ...topicFields,
    topic: required.string,
    acceptStandardJsonOnly: optional.boolean,
  },
);

export interface PutKVConfigRequestHeader {
  /** KV namespace. */
  namespace: string;
  /** Key. */
  key: string;
  /** Value. */
  value: string;
}
export const putKVConfigRequestHeader: HeaderCodec<PutKVConfigRequestHeader> = header<PutKVConfigRequestHeader>(
  "PutKVConfigRequestHeader",
  {
    namespace: required.string,
    key: required.string,
    value: required.string,
  },
);

export interface QueryDataVersionRequestHeader {
  /** Broker name. */
  brokerName: string;
  /** `host:port` that clients dial. */
  brokerAddr: string;
  /** Cluster name. */
  clusterName: string;
  /** 0 master, above 0 slave. */
  brokerId: number;
}
export const queryDataVersionRequestHeader: HeaderCodec<QueryDataVersionRequestHeader> = header<QueryDataVersionRequestHeader>(
  "QueryDataVersionRequestHeader",
  {
    brokerName: required.string,
    brokerAddr: required.string,
    clusterName: required.string,
    brokerId: required.long,
  },
);

export interface QueryDataVersionResponseHeader {
  /** Whether the nameserver has another DataVersion. */
  changed: boolean;
}
export const queryDataVersionResponseHeader: HeaderCodec<QueryDataVersionResponseHeader> = header<QueryDataVersionResponseHeader>(
  "QueryDataVersionResponseHeader",
  {
    changed: required.boolean,
  },
);

export interface RegisterBrokerRequestHeader {
  /** Broker name. */
  brokerName: string;
  /** `host:port` that clients dial. */
  brokerAddr: string;
  /** Cluster name. */
  clusterName: string;
  /** `host:port` of the HA port. */
  haServerAddr: string;
  /** 0 master, above 0 slave. */
  brokerId: number;
  /** Silence after which the broker counts as gone, ms. */
  heartbeatTimeoutMillis?: number | undefined;
  /** A slave may act for its master; absent from old brokers. */
  enableActingMaster?: boolean | undefined;
  /** The body is a zlib stream; Apache's brokers say false even then (`../bodies/register_broker.ts`). */
  compressed?: boolean | undefined;
  /** CRC-32 & 0x7FFFFFFF of the body as sent; 0 is not checked. */
  bodyCrc32: number;
}
export const registerBrokerRequestHeader: HeaderCodec<RegisterBrokerRequestHeader> = header<RegisterBrokerRequestHeader>(
  "RegisterBrokerRequestHeader",
  {
    brokerName: required.string,
    brokerAddr: required.string,
    clusterName: required.string,
    haServerAddr: required.string,
    brokerId: required.long,
    heartbeatTimeoutMillis: optional.long,
    enableActingMaster: optional.boolean,
    compressed: optional.boolean,
    bodyCrc32: defaulted.int(0),
  },
);

export interface RegisterBrokerResponseHeader {
  /** `host:port` of the master's HA port, for slaves. */
  haServerAddr?: string | undefined;
  /** `host:port` of the master, for slaves. */
  masterAddr?: string | undefined;
}
export const registerBrokerResponseHeader: HeaderCodec<RegisterBrokerResponseHeader> = header<RegisterBrokerResponseHeader>(
  "RegisterBrokerResponseHeader",
  {
    haServerAddr: optional.string,
    masterAddr: optional.string,
  },
);

export interface RegisterTopicRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
}
export const registerTopicRequestHeader: HeaderCodec<RegisterTopicRequestHeader> = header<RegisterTopicRequestHeader>(
  "RegisterTopicRequestHeader",
  {
    ...topicFields,
    topic: required.string,
  },
);

export interface UnRegisterBrokerRequestHeader {
  /** Broker name. */
  brokerName: string;
  /** `host:port` that clients dial. */
  brokerAddr: string;
  /** Cluster name. */
  clusterName: string;
  /** 0 master, above 0 slave. */
  brokerId: number;
}
export const unRegisterBrokerRequestHeader: HeaderCodec<UnRegisterBrokerRequestHeader> = header<UnRegisterBrokerRequestHeader>(
  "UnRegisterBrokerRequestHeader",
  {
    brokerName: required.string,
    brokerAddr: required.string,
    clusterName: required.string,
    brokerId: required.long,
  },
);

export interface WipeWritePermOfBrokerRequestHeader {
  /** Broker name. */
  brokerName: string;
}
export const wipeWritePermOfBrokerRequestHeader: HeaderCodec<WipeWritePermOfBrokerRequestHeader> =
  header<WipeWritePermOfBrokerRequestHeader>("WipeWritePermOfBrokerRequestHeader", {
    brokerName: required.string,
  });

export interface WipeWritePermOfBrokerResponseHeader {
  /** Topics changed. */
  wipeTopicCount: number;
}
export const wipeWritePermOfBrokerResponseHeader: HeaderCodec<WipeWritePermOfBrokerResponseHeader> =
  header<WipeWritePermOfBrokerResponseHeader>("WipeWritePermOfBrokerResponseHeader", {
    wipeTopicCount: required.int,
  });

export interface GetTopicsByClusterRequestHeader {
  /** Cluster name. */
  cluster: string;
}
export const getTopicsByClusterRequestHeader: HeaderCodec<GetTopicsByClusterRequestHeader> =
  header<GetTopicsByClusterRequestHeader>("GetTopicsByClusterRequestHeader", {
    cluster: required.string,
  });

export interface GetBrokerMemberGroupRequestHeader {
  /** Cluster name. */
  clusterName: string;
  /** Broker name. */
  brokerName: string;
}
export const getBrokerMemberGroupRequestHeader: HeaderCodec<GetBrokerMemberGroupRequestHeader> =
  header<GetBrokerMemberGroupRequestHeader>("GetBrokerMemberGroupRequestHeader", {
    clusterName: required.string,
    brokerName: required.string,
  });
