/** Headers of offsets: committed, smallest, largest, by time, reset, cloned. Field names are Apache's. */
import { defaulted, type HeaderCodec, header, optional, required } from "../header.ts";
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
export const queryConsumerOffsetRequestHeader: HeaderCodec<QueryConsumerOffsetRequestHeader> =
  header<QueryConsumerOffsetRequestHeader>("QueryConsumerOffsetRequestHeader", {
    ...topicQueueFields,
    consumerGroup: required.string,
    topic: required.string,
    queueId: required.int,
    setZeroIfNotFound: optional.boolean,
  });

export interface QueryConsumerOffsetResponseHeader {
  /** Queue offset that the group committed: the next to consume. */
  offset: number;
}
export const queryConsumerOffsetResponseHeader: HeaderCodec<QueryConsumerOffsetResponseHeader> =
  header<QueryConsumerOffsetResponseHeader>("QueryConsumerOffsetResponseHeader", {
    offset: required.long,
  });

export interface UpdateConsumerOffsetRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** Queue offset to store: the next to consume. */
  commitOffset: number;
}
export const updateConsumerOffsetRequestHeader: HeaderCodec<UpdateConsumerOffsetRequestHeader> =
  header<UpdateConsumerOffsetRequestHeader>("UpdateConsumerOffsetRequestHeader", {
    ...topicQueueFields,
    consumerGroup: required.string,
    topic: required.string,
    queueId: required.int,
    commitOffset: required.long,
  });

export interface InitConsumerOffsetRequestHeader extends TopicHeader {
  /** Topic name. */
  topic?: string | undefined;
  /** Where the group starts: 0 min, 1 max. */
  initMode?: number | undefined;
}
export const initConsumerOffsetRequestHeader: HeaderCodec<InitConsumerOffsetRequestHeader> =
  header<InitConsumerOffsetRequestHeader>("InitConsumerOffsetRequestHeader", {
    ...topicFields,
    topic: optional.string,
    initMode: optional.int,
  });

export interface GetMaxOffsetRequestHeader extends TopicQueueHeader {
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** True: count only what is readable; false: also what is appended and not dispatched yet. */
  committed: boolean;
}
export const getMaxOffsetRequestHeader: HeaderCodec<GetMaxOffsetRequestHeader> = header<GetMaxOffsetRequestHeader>(
  "GetMaxOffsetRequestHeader",
  {
    ...topicQueueFields,
    topic: required.string,
    queueId: required.int,
    committed: defaulted.boolean(true),
  },
);

export interface GetMaxOffsetResponseHeader {
  /** Queue offset after the last message. */
  offset: number;
}
export const getMaxOffsetResponseHeader: HeaderCodec<GetMaxOffsetResponseHeader> = header<GetMaxOffsetResponseHeader>(
  "GetMaxOffsetResponseHeader",
  {
    offset: required.long,
  },
);

export interface GetMinOffsetRequestHeader extends TopicQueueHeader {
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
}
export const getMinOffsetRequestHeader: HeaderCodec<GetMinOffsetRequestHeader> = header<GetMinOffsetRequestHeader>(
  "GetMinOffsetRequestHeader",
  {
    ...topicQueueFields,
    topic: required.string,
    queueId: required.int,
  },
);

export interface GetMinOffsetResponseHeader {
  /** Queue offset of the first message still there. */
  offset: number;
}
export const getMinOffsetResponseHeader: HeaderCodec<GetMinOffsetResponseHeader> = header<GetMinOffsetResponseHeader>(
  "GetMinOffsetResponseHeader",
  {
    offset: required.long,
  },
);

export interface GetEarliestMsgStoretimeRequestHeader extends TopicQueueHeader {
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
}
export const getEarliestMsgStoretimeRequestHeader: HeaderCodec<GetEarliestMsgStoretimeRequestHeader> =
  header<GetEarliestMsgStoretimeRequestHeader>("GetEarliestMsgStoretimeRequestHeader", {
    ...topicQueueFields,
    topic: required.string,
    queueId: required.int,
  });

export interface GetEarliestMsgStoretimeResponseHeader {
  /** Store time of the first message, ms since 1970; -1 when there is none. */
  timestamp: number;
}
export const getEarliestMsgStoretimeResponseHeader: HeaderCodec<GetEarliestMsgStoretimeResponseHeader> =
  header<GetEarliestMsgStoretimeResponseHeader>("GetEarliestMsgStoretimeResponseHeader", {
    timestamp: required.long,
  });

export interface SearchOffsetRequestHeader extends TopicQueueHeader {
  /** Topic name. */
  topic: string;
  /** Lite topic below `topic` (5.5). */
  liteTopic?: string | undefined;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** Store time to look for, ms since 1970. */
  timestamp: number;
  /** LOWER (the first message of that time; also for any other text) or UPPER (the last). */
  boundaryType?: string | undefined;
}
export const searchOffsetRequestHeader: HeaderCodec<SearchOffsetRequestHeader> = header<SearchOffsetRequestHeader>(
  "SearchOffsetRequestHeader",
  {
    ...topicQueueFields,
    topic: required.string,
    liteTopic: optional.string,
    queueId: required.int,
    timestamp: required.long,
    boundaryType: optional.string,
  },
);

export interface SearchOffsetResponseHeader {
  /** Queue offset found. */
  offset: number;
}
export const searchOffsetResponseHeader: HeaderCodec<SearchOffsetResponseHeader> = header<SearchOffsetResponseHeader>(
  "SearchOffsetResponseHeader",
  {
    offset: required.long,
  },
);

export interface ResetOffsetRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  group: string;
  /** Topic name. */
  topic: string;
  /** The one queue to reset; -1: all. */
  queueId: number;
  /** Queue offset to set, with `queueId` 0 or more; absent or -1: find it by `timestamp`. */
  offset?: number | undefined;
  /** Store time to go to, ms since 1970; below 0: the end of each queue. */
  timestamp: number;
  /** Also when that moves a queue forward. */
  isForce: boolean;
}
export const resetOffsetRequestHeader: HeaderCodec<ResetOffsetRequestHeader> = header<ResetOffsetRequestHeader>(
  "ResetOffsetRequestHeader",
  {
    ...topicQueueFields,
    group: required.string,
    topic: required.string,
    queueId: defaulted.int(-1),
    offset: optional.long,
    timestamp: required.long,
    isForce: required.boolean,
  },
);

export interface QueryCorrectionOffsetHeader extends TopicHeader {
  /** Groups to leave out, separated by `,`. */
  filterGroups?: string | undefined;
  /** Group to compare with. */
  compareGroup: string;
  /** Topic name. */
  topic: string;
}
export const queryCorrectionOffsetHeader: HeaderCodec<QueryCorrectionOffsetHeader> = header<QueryCorrectionOffsetHeader>(
  "QueryCorrectionOffsetHeader",
  {
    ...topicFields,
    filterGroups: optional.string,
    compareGroup: required.string,
    topic: required.string,
  },
);

export interface CloneGroupOffsetRequestHeader extends RpcHeader {
  /** Group to copy offsets from. */
  srcGroup: string;
  /** Group to copy offsets to. */
  destGroup: string;
  /** Only this topic; absent or empty: all topics of the source group. */
  topic?: string | undefined;
  /** Set by mqadmin; no broker looks at it. */
  offline?: boolean | undefined;
}
export const cloneGroupOffsetRequestHeader: HeaderCodec<CloneGroupOffsetRequestHeader> = header<CloneGroupOffsetRequestHeader>(
  "CloneGroupOffsetRequestHeader",
  {
    ...rpcFields,
    srcGroup: required.string,
    destGroup: required.string,
    topic: optional.string,
    offline: optional.boolean,
  },
);

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
export const statisticsMessagesRequestHeader: HeaderCodec<StatisticsMessagesRequestHeader> =
  header<StatisticsMessagesRequestHeader>("StatisticsMessagesRequestHeader", {
    ...topicQueueFields,
    consumerGroup: required.string,
    topic: required.string,
    queueId: required.int,
    fromTime: optional.long,
    toTime: optional.long,
  });
