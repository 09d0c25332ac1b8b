/** Headers about connected clients: connections, lists, notices, calls to one consumer. Field names are Apache's. */
import { type HeaderCodec, header, optional, required } from "../header.ts";
import { type RpcHeader, rpcFields, type TopicHeader, topicFields } from "./common.ts";

export interface ConsumeMessageDirectlyResultRequestHeader extends TopicHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Client id, `ip@instance`; absent: any client of the group. */
  clientId?: string | undefined;
  /** offsetMsgId of the message to consume. */
  msgId?: string | undefined;
  /** Broker name. */
  brokerName?: string | undefined;
  /** Topic name. */
  topic?: string | undefined;
  /** Topic bits: 1 unit, 2 unit subscription. */
  topicSysFlag?: number | undefined;
  /** Group bits: 1 unit. */
  groupSysFlag?: number | undefined;
}
export const consumeMessageDirectlyResultRequestHeader: HeaderCodec<ConsumeMessageDirectlyResultRequestHeader> =
  header<ConsumeMessageDirectlyResultRequestHeader>("ConsumeMessageDirectlyResultRequestHeader", {
    ...topicFields,
    consumerGroup: required.string,
    clientId: optional.string,
    msgId: optional.string,
    brokerName: optional.string,
    topic: optional.string,
    topicSysFlag: optional.int,
    groupSysFlag: optional.int,
  });

export interface GetConsumerConnectionListRequestHeader extends RpcHeader {
  /** Consumer group. */
  consumerGroup: string;
}
export const getConsumerConnectionListRequestHeader: HeaderCodec<GetConsumerConnectionListRequestHeader> =
  header<GetConsumerConnectionListRequestHeader>("GetConsumerConnectionListRequestHeader", {
    ...rpcFields,
    consumerGroup: required.string,
  });

export interface GetConsumerListByGroupRequestHeader extends RpcHeader {
  /** Consumer group. */
  consumerGroup: string;
}
export const getConsumerListByGroupRequestHeader: HeaderCodec<GetConsumerListByGroupRequestHeader> =
  header<GetConsumerListByGroupRequestHeader>("GetConsumerListByGroupRequestHeader", {
    ...rpcFields,
    consumerGroup: required.string,
  });

export interface GetConsumerRunningInfoRequestHeader extends RpcHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Client id, `ip@instance`. */
  clientId: string;
  /** Include a thread dump. */
  jstackEnable?: boolean | undefined;
}
export const getConsumerRunningInfoRequestHeader: HeaderCodec<GetConsumerRunningInfoRequestHeader> =
  header<GetConsumerRunningInfoRequestHeader>("GetConsumerRunningInfoRequestHeader", {
    ...rpcFields,
    consumerGroup: required.string,
    clientId: required.string,
    jstackEnable: optional.boolean,
  });

export interface GetConsumerStatusRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
  /** Consumer group. */
  group: string;
  /** Client id of the one to ask; absent: all clients of the group. */
  clientAddr?: string | undefined;
}
export const getConsumerStatusRequestHeader: HeaderCodec<GetConsumerStatusRequestHeader> = header<GetConsumerStatusRequestHeader>(
  "GetConsumerStatusRequestHeader",
  {
    ...topicFields,
    topic: required.string,
    group: required.string,
    clientAddr: optional.string,
  },
);

export interface GetProducerConnectionListRequestHeader extends RpcHeader {
  /** Producer group. */
  producerGroup: string;
}
export const getProducerConnectionListRequestHeader: HeaderCodec<GetProducerConnectionListRequestHeader> =
  header<GetProducerConnectionListRequestHeader>("GetProducerConnectionListRequestHeader", {
    ...rpcFields,
    producerGroup: required.string,
  });

export type HeartbeatRequestHeader = RpcHeader;
export const heartbeatRequestHeader: HeaderCodec<HeartbeatRequestHeader> = header<HeartbeatRequestHeader>(
  "HeartbeatRequestHeader",
  {
    ...rpcFields,
  },
);

export type LockBatchMqRequestHeader = RpcHeader;
export const lockBatchMqRequestHeader: HeaderCodec<LockBatchMqRequestHeader> = header<LockBatchMqRequestHeader>(
  "LockBatchMqRequestHeader",
  {
    ...rpcFields,
  },
);

export interface NotifyConsumerIdsChangedRequestHeader extends RpcHeader {
  /** Consumer group. */
  consumerGroup: string;
}
export const notifyConsumerIdsChangedRequestHeader: HeaderCodec<NotifyConsumerIdsChangedRequestHeader> =
  header<NotifyConsumerIdsChangedRequestHeader>("NotifyConsumerIdsChangedRequestHeader", {
    ...rpcFields,
    consumerGroup: required.string,
  });

export type UnlockBatchMqRequestHeader = RpcHeader;
export const unlockBatchMqRequestHeader: HeaderCodec<UnlockBatchMqRequestHeader> = header<UnlockBatchMqRequestHeader>(
  "UnlockBatchMqRequestHeader",
  {
    ...rpcFields,
  },
);

export interface UnregisterClientRequestHeader extends RpcHeader {
  /** Client id, `ip@instance`. */
  clientID: string;
  /** Producer group. */
  producerGroup?: string | undefined;
  /** Consumer group. */
  consumerGroup?: string | undefined;
}
export const unregisterClientRequestHeader: HeaderCodec<UnregisterClientRequestHeader> = header<UnregisterClientRequestHeader>(
  "UnregisterClientRequestHeader",
  {
    ...rpcFields,
    clientID: required.string,
    producerGroup: optional.string,
    consumerGroup: optional.string,
  },
);
