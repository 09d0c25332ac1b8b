import { defaulted, header, optional, required } from "../header.ts";
import { type RpcHeader, rpcFields, type TopicHeader, type TopicQueueHeader, topicFields, topicQueueFields } from "./common.ts";

export interface QueryConsumerOffsetRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** False: answer 22 when the group has no offset. */
  setZeroIfNotFound?: boolean | undefined;
}
export const queryConsumerOffsetRequestHeader = header<QueryConsumerOffsetRequestHeader>("QueryConsumerOffsetRequestHeader", {
  ...topicQueueFields,
  consumerGroup: required.string,
  topic: required.string,
  queueId: required.int,
  setZeroIfNotFound: optional.boolean,
});

export interface QueryConsumerOffsetResponseHeader {
  /** Queue offset; for VIEW_MESSAGE_BY_ID and CONSUMER_SEND_MSG_BACK the physical offset. */
  offset: number;
}
export const queryConsumerOffsetResponseHeader = header<QueryConsumerOffsetResponseHeader>("QueryConsumerOffsetResponseHeader", {
  offset: required.long,
});

export interface UpdateConsumerOffsetRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** Consumer offset to store. */
  commitOffset: number;
}
export const updateConsumerOffsetRequestHeader = header<UpdateConsumerOffsetRequestHeader>("UpdateConsumerOffsetRequestHeader", {
  ...topicQueueFields,
  consumerGroup: required.string,
  topic: required.string,
  queueId: required.int,
  commitOffset: required.long,
});

export interface InitConsumerOffsetRequestHeader extends TopicHeader {
  /** Topic name. */
  topic?: string | undefined;
  /** Where a group without offset starts: 0 min, 1 max. */
  initMode?: number | undefined;
}
export const initConsumerOffsetRequestHeader = header<InitConsumerOffsetRequestHeader>("InitConsumerOffsetRequestHeader", {
  ...topicFields,
  topic: optional.string,
  initMode: optional.int,
});

export interface GetMaxOffsetRequestHeader extends TopicQueueHeader {
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** Whether unconfirmed messages are left out. */
  committed: boolean;
}
export const getMaxOffsetRequestHeader = header<GetMaxOffsetRequestHeader>("GetMaxOffsetRequestHeader", {
  ...topicQueueFields,
  topic: required.string,
  queueId: required.int,
  committed: defaulted.boolean(true),
});

export interface GetMaxOffsetResponseHeader {
  /** Queue offset; for VIEW_MESSAGE_BY_ID and CONSUMER_SEND_MSG_BACK the physical offset. */
  offset: number;
}
export const getMaxOffsetResponseHeader = header<GetMaxOffsetResponseHeader>("GetMaxOffsetResponseHeader", {
  offset: required.long,
});

export interface GetMinOffsetRequestHeader extends TopicQueueHeader {
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
}
export const getMinOffsetRequestHeader = header<GetMinOffsetRequestHeader>("GetMinOffsetRequestHeader", {
  ...topicQueueFields,
  topic: required.string,
  queueId: required.int,
});

export interface GetMinOffsetResponseHeader {
  /** Queue offset; for VIEW_MESSAGE_BY_ID and CONSUMER_SEND_MSG_BACK the physical offset. */
  offset: number;
}
export const getMinOffsetResponseHeader = header<GetMinOffsetResponseHeader>("GetMinOffsetResponseHeader", {
  offset: required.long,
});

export interface GetEarliestMsgStoretimeRequestHeader extends TopicQueueHeader {
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
}
export const getEarliestMsgStoretimeRequestHeader = header<GetEarliestMsgStoretimeRequestHeader>(
  "GetEarliestMsgStoretimeRequestHeader",
  {
    ...topicQueueFields,
    topic: required.string,
    queueId: required.int,
  },
);

export interface GetEarliestMsgStoretimeResponseHeader {
  /** ms since 1970. */
  timestamp: number;
}
export const getEarliestMsgStoretimeResponseHeader = header<GetEarliestMsgStoretimeResponseHeader>(
  "GetEarliestMsgStoretimeResponseHeader",
  {
    timestamp: required.long,
  },
);

export interface SearchOffsetRequestHeader extends TopicQueueHeader {
  /** Topic name. */
  topic: string;
  /** Lite topic below `topic` (5.5). */
  liteTopic?: string | undefined;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** ms since 1970. */
  timestamp: number;
  /** LOWER or UPPER: which of several messages of that time. */
  boundaryType?: string | undefined;
}
export const searchOffsetRequestHeader = header<SearchOffsetRequestHeader>("SearchOffsetRequestHeader", {
  ...topicQueueFields,
  topic: required.string,
  liteTopic: optional.string,
  queueId: required.int,
  timestamp: required.long,
  boundaryType: optional.string,
});

export interface SearchOffsetResponseHeader {
  /** Queue offset; for VIEW_MESSAGE_BY_ID and CONSUMER_SEND_MSG_BACK the physical offset. */
  offset: number;
}
export const searchOffsetResponseHeader = header<SearchOffsetResponseHeader>("SearchOffsetResponseHeader", {
  offset: required.long,
});

export interface ResetOffsetRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  group: string;
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** Queue offset; for VIEW_MESSAGE_BY_ID and CONSUMER_SEND_MSG_BACK the physical offset. */
  offset?: number | undefined;
  /** ms since 1970. */
  timestamp: number;
  /** Accept an offset ahead of the present one. */
  isForce: boolean;
}
export const resetOffsetRequestHeader = header<ResetOffsetRequestHeader>("ResetOffsetRequestHeader", {
  ...topicQueueFields,
  group: required.string,
  topic: required.string,
  queueId: defaulted.int(-1),
  offset: optional.long,
  timestamp: required.long,
  isForce: required.boolean,
});

export interface QueryCorrectionOffsetHeader extends TopicHeader {
  /** Groups to leave out, separated by `,`. */
  filterGroups?: string | undefined;
  /** Group to compare with. */
  compareGroup: string;
  /** Topic name. */
  topic: string;
}
export const queryCorrectionOffsetHeader = header<QueryCorrectionOffsetHeader>("QueryCorrectionOffsetHeader", {
  ...topicFields,
  filterGroups: optional.string,
  compareGroup: required.string,
  topic: required.string,
});

export interface CloneGroupOffsetRequestHeader extends RpcHeader {
  /** Group to copy offsets from. */
  srcGroup: string;
  /** Group to copy offsets to. */
  destGroup: string;
  /** Topic name. */
  topic?: string | undefined;
  /** Informative. */
  offline?: boolean | undefined;
}
export const cloneGroupOffsetRequestHeader = header<CloneGroupOffsetRequestHeader>("CloneGroupOffsetRequestHeader", {
  ...rpcFields,
  srcGroup: required.string,
  destGroup: required.string,
  topic: optional.string,
  offline: optional.boolean,
});

export interface StatisticsMessagesRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** From, ms since 1970. */
  fromTime?: number | undefined;
  /** To, ms since 1970. */
  toTime?: number | undefined;
}
export const statisticsMessagesRequestHeader = header<StatisticsMessagesRequestHeader>("StatisticsMessagesRequestHeader", {
  ...topicQueueFields,
  consumerGroup: required.string,
  topic: required.string,
  queueId: required.int,
  fromTime: optional.long,
  toTime: optional.long,
});
