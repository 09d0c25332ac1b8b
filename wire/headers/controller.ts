/** Headers of the controller: election, replicas, broker ids. Field names are Apache's. */
import { defaulted, type HeaderCodec, header, optional, required } from "../header.ts";

export interface AlterSyncStateSetRequestHeader {
  /** Broker name. */
  brokerName?: string | undefined;
  /** Broker id of the master; absent when there is none. */
  masterBrokerId?: number | undefined;
  /** Epoch of the master. */
  masterEpoch?: number | undefined;
  /** When the call was made, ms since 1970. */
  invokeTime?: number | undefined;
}
export const alterSyncStateSetRequestHeader: HeaderCodec<AlterSyncStateSetRequestHeader> = header<AlterSyncStateSetRequestHeader>(
  "AlterSyncStateSetRequestHeader",
  {
    brokerName: optional.string,
    masterBrokerId: optional.long,
    masterEpoch: optional.int,
    invokeTime: optional.long,
  },
);

export interface AlterSyncStateSetResponseHeader {
  /** Epoch after the change. */
  newSyncStateSetEpoch?: number | undefined;
}
export const alterSyncStateSetResponseHeader: HeaderCodec<AlterSyncStateSetResponseHeader> =
  header<AlterSyncStateSetResponseHeader>("AlterSyncStateSetResponseHeader", {
    newSyncStateSetEpoch: optional.int,
  });

export interface ElectMasterRequestHeader {
  /** Cluster name. */
  clusterName: string;
  /** Broker name. */
  brokerName: string;
  /** Broker to elect, with designateElect; -1: any. */
  brokerId: number;
  /** Elect this very broker. */
  designateElect: boolean;
  /** When the call was made, ms since 1970. */
  invokeTime?: number | undefined;
}
export const electMasterRequestHeader: HeaderCodec<ElectMasterRequestHeader> = header<ElectMasterRequestHeader>(
  "ElectMasterRequestHeader",
  {
    clusterName: required.string,
    brokerName: required.string,
    brokerId: required.long,
    designateElect: required.boolean,
    invokeTime: optional.long,
  },
);

export interface ElectMasterResponseHeader {
  /** Broker id of the master; absent when there is none. */
  masterBrokerId?: number | undefined;
  /** `host:port` of the master. */
  masterAddress?: string | undefined;
  /** Epoch of the master. */
  masterEpoch?: number | undefined;
  /** Epoch of the sync state set. */
  syncStateSetEpoch?: number | undefined;
}
export const electMasterResponseHeader: HeaderCodec<ElectMasterResponseHeader> = header<ElectMasterResponseHeader>(
  "ElectMasterResponseHeader",
  {
    masterBrokerId: optional.long,
    masterAddress: optional.string,
    masterEpoch: optional.int,
    syncStateSetEpoch: optional.int,
  },
);

export interface GetMetaDataResponseHeader {
  /** Name of the controllers' group. */
  group?: string | undefined;
  /** Id of the leading controller. */
  controllerLeaderId?: string | undefined;
  /** Its address. */
  controllerLeaderAddress?: string | undefined;
  /** Whether the answerer leads. */
  isLeader?: boolean | undefined;
  /** Controllers, separated by `;`. */
  peers?: string | undefined;
}
export const getMetaDataResponseHeader: HeaderCodec<GetMetaDataResponseHeader> = header<GetMetaDataResponseHeader>(
  "GetMetaDataResponseHeader",
  {
    group: optional.string,
    controllerLeaderId: optional.string,
    controllerLeaderAddress: optional.string,
    isLeader: optional.boolean,
    peers: optional.string,
  },
);

export interface GetReplicaInfoRequestHeader {
  /** Broker name. */
  brokerName?: string | undefined;
}
export const getReplicaInfoRequestHeader: HeaderCodec<GetReplicaInfoRequestHeader> = header<GetReplicaInfoRequestHeader>(
  "GetReplicaInfoRequestHeader",
  {
    brokerName: optional.string,
  },
);

export interface GetReplicaInfoResponseHeader {
  /** Broker id of the master; absent when there is none. */
  masterBrokerId?: number | undefined;
  /** `host:port` of the master. */
  masterAddress?: string | undefined;
  /** Epoch of the master. */
  masterEpoch?: number | undefined;
}
export const getReplicaInfoResponseHeader: HeaderCodec<GetReplicaInfoResponseHeader> = header<GetReplicaInfoResponseHeader>(
  "GetReplicaInfoResponseHeader",
  {
    masterBrokerId: optional.long,
    masterAddress: optional.string,
    masterEpoch: optional.int,
  },
);

export interface CleanControllerBrokerDataRequestHeader {
  /** Cluster name. */
  clusterName?: string | undefined;
  /** Broker name. */
  brokerName: string;
  /** Ids separated by `;`. */
  brokerControllerIdsToClean?: string | undefined;
  /** Also those alive. */
  isCleanLivingBroker: boolean;
  /** When the call was made, ms since 1970. */
  invokeTime?: number | undefined;
}
export const cleanControllerBrokerDataRequestHeader: HeaderCodec<CleanControllerBrokerDataRequestHeader> =
  header<CleanControllerBrokerDataRequestHeader>("CleanControllerBrokerDataRequestHeader", {
    clusterName: optional.string,
    brokerName: required.string,
    brokerControllerIdsToClean: optional.string,
    isCleanLivingBroker: defaulted.boolean(false),
    invokeTime: optional.long,
  });

export interface ApplyBrokerIdRequestHeader {
  /** Cluster name. */
  clusterName?: string | undefined;
  /** Broker name. */
  brokerName?: string | undefined;
  /** Id asked for. */
  appliedBrokerId?: number | undefined;
  /** Proof of the same registration. */
  registerCheckCode?: string | undefined;
}
export const applyBrokerIdRequestHeader: HeaderCodec<ApplyBrokerIdRequestHeader> = header<ApplyBrokerIdRequestHeader>(
  "ApplyBrokerIdRequestHeader",
  {
    clusterName: optional.string,
    brokerName: optional.string,
    appliedBrokerId: optional.long,
    registerCheckCode: optional.string,
  },
);

export interface ApplyBrokerIdResponseHeader {
  /** Cluster name. */
  clusterName?: string | undefined;
  /** Broker name. */
  brokerName?: string | undefined;
}
export const applyBrokerIdResponseHeader: HeaderCodec<ApplyBrokerIdResponseHeader> = header<ApplyBrokerIdResponseHeader>(
  "ApplyBrokerIdResponseHeader",
  {
    clusterName: optional.string,
    brokerName: optional.string,
  },
);

export interface GetNextBrokerIdRequestHeader {
  /** Cluster name. */
  clusterName?: string | undefined;
  /** Broker name. */
  brokerName?: string | undefined;
}
export const getNextBrokerIdRequestHeader: HeaderCodec<GetNextBrokerIdRequestHeader> = header<GetNextBrokerIdRequestHeader>(
  "GetNextBrokerIdRequestHeader",
  {
    clusterName: optional.string,
    brokerName: optional.string,
  },
);

export interface GetNextBrokerIdResponseHeader {
  /** Cluster name. */
  clusterName?: string | undefined;
  /** Broker name. */
  brokerName?: string | undefined;
  /** Next free id. */
  nextBrokerId?: number | undefined;
}
export const getNextBrokerIdResponseHeader: HeaderCodec<GetNextBrokerIdResponseHeader> = header<GetNextBrokerIdResponseHeader>(
  "GetNextBrokerIdResponseHeader",
  {
    clusterName: optional.string,
    brokerName: optional.string,
    nextBrokerId: optional.long,
  },
);

export interface RegisterBrokerToControllerRequestHeader {
  /** Cluster name. */
  clusterName?: string | undefined;
  /** Broker name. */
  brokerName?: string | undefined;
  /** 0 master, above 0 slave. */
  brokerId?: number | undefined;
  /** `host:port`. */
  brokerAddress?: string | undefined;
  /** When the call was made, ms since 1970. */
  invokeTime?: number | undefined;
}
export const registerBrokerToControllerRequestHeader: HeaderCodec<RegisterBrokerToControllerRequestHeader> =
  header<RegisterBrokerToControllerRequestHeader>("RegisterBrokerToControllerRequestHeader", {
    clusterName: optional.string,
    brokerName: optional.string,
    brokerId: optional.long,
    brokerAddress: optional.string,
    invokeTime: optional.long,
  });

export interface RegisterBrokerToControllerResponseHeader {
  /** Cluster name. */
  clusterName?: string | undefined;
  /** Broker name. */
  brokerName?: string | undefined;
  /** Broker id of the master; absent when there is none. */
  masterBrokerId?: number | undefined;
  /** `host:port` of the master. */
  masterAddress?: string | undefined;
  /** Epoch of the master. */
  masterEpoch?: number | undefined;
  /** Epoch of the sync state set. */
  syncStateSetEpoch?: number | undefined;
}
export const registerBrokerToControllerResponseHeader: HeaderCodec<RegisterBrokerToControllerResponseHeader> =
  header<RegisterBrokerToControllerResponseHeader>("RegisterBrokerToControllerResponseHeader", {
    clusterName: optional.string,
    brokerName: optional.string,
    masterBrokerId: optional.long,
    masterAddress: optional.string,
    masterEpoch: optional.int,
    syncStateSetEpoch: optional.int,
  });
