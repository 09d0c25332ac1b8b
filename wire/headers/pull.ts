/** Headers of reading: pull, query by key, view by id, consume queue entries. Field names are Apache's. */
import { type HeaderCodec, header, optional, required } from "../header.ts";
import { type TopicHeader, type TopicQueueHeader, topicFields, topicQueueFields } from "./common.ts";

export interface PullMessageRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Topic name. */
  topic: string;
  /** Lite topic below `topic` (5.5). */
  liteTopic?: string | undefined;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** Queue offset to begin at. */
  queueOffset: number;
  /** Messages at most. */
  maxMsgNums: number;
  /** Bits: 1 commit offset, 2 suspend, 4 subscription, 8 class filter, 16 lite pull. */
  sysFlag: number;
  /** Consumer offset to store, when sysFlag has 1. */
  commitOffset: number;
  /** How long the pull may be held, ms, when sysFlag has 2. */
  suspendTimeoutMillis: number;
  /** Filter expression, when sysFlag has 4. */
  subscription?: string | undefined;
  /** Version of the subscription, ms since 1970. */
  subVersion: number;
  /** TAG or SQL92. */
  expressionType?: string | undefined;
  /** Bytes of messages at most. */
  maxMsgBytes?: number | undefined;
  /** -1 client, 0 proxy for ordered, 1 for broadcast, 2 for stream consumers. */
  requestSource?: number | undefined;
  /** Client behind the proxy (spelled so on the wire). */
  proxyFrowardClientId?: string | undefined;
}
export const pullMessageRequestHeader: HeaderCodec<PullMessageRequestHeader> = header<PullMessageRequestHeader>(
  "PullMessageRequestHeader",
  {
    ...topicQueueFields,
    consumerGroup: required.string,
    topic: required.string,
    liteTopic: optional.string,
    queueId: required.int,
    queueOffset: required.long,
    maxMsgNums: required.int,
    sysFlag: required.int,
    commitOffset: required.long,
    suspendTimeoutMillis: required.long,
    subscription: optional.string,
    subVersion: required.long,
    expressionType: optional.string,
    maxMsgBytes: optional.int,
    requestSource: optional.int,
    proxyFrowardClientId: optional.string,
  },
);

export interface PullMessageResponseHeader {
  /** Broker id to pull from next. */
  suggestWhichBrokerId: number;
  /** Queue offset to pull next. */
  nextBeginOffset: number;
  /** Smallest queue offset. */
  minOffset: number;
  /** Queue offset after the last message. */
  maxOffset: number;
  /** To add to the queue offsets in the body (static topics). */
  offsetDelta?: number | undefined;
  /** Topic bits: 1 unit, 2 unit subscription. */
  topicSysFlag?: number | undefined;
  /** Group bits: 1 unit. */
  groupSysFlag?: number | undefined;
  /** 1 broker, 2 group, 3 topic, 4 broadcast, 5 subscription. */
  forbiddenType?: number | undefined;
}
export const pullMessageResponseHeader: HeaderCodec<PullMessageResponseHeader> = header<PullMessageResponseHeader>(
  "PullMessageResponseHeader",
  {
    suggestWhichBrokerId: required.long,
    nextBeginOffset: required.long,
    minOffset: required.long,
    maxOffset: required.long,
    offsetDelta: optional.long,
    topicSysFlag: optional.int,
    groupSysFlag: optional.int,
    forbiddenType: optional.int,
  },
);

export interface QueryMessageRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
  /** A user key, or a UNIQ_KEY (extra field `_UNIQUE_KEY_QUERY`). */
  key: string;
  /** Messages at most. */
  maxNum: number;
  /** From this store time on, ms since 1970. */
  beginTimestamp: number;
  /** Up to this store time, ms since 1970. */
  endTimestamp: number;
  /** K key, U unique key, T tag. */
  indexType?: string | undefined;
  /** Where the previous page ended. */
  lastKey?: string | undefined;
}
export const queryMessageRequestHeader: HeaderCodec<QueryMessageRequestHeader> = header<QueryMessageRequestHeader>(
  "QueryMessageRequestHeader",
  {
    ...topicFields,
    topic: required.string,
    key: required.string,
    maxNum: required.int,
    beginTimestamp: required.long,
    endTimestamp: required.long,
    indexType: optional.string,
    lastKey: optional.string,
  },
);

export interface QueryMessageResponseHeader {
  /** Store time of the last indexed message, ms since 1970. */
  indexLastUpdateTimestamp: number;
  /** Physical offset of the last indexed message. */
  indexLastUpdatePhyoffset: number;
}
export const queryMessageResponseHeader: HeaderCodec<QueryMessageResponseHeader> = header<QueryMessageResponseHeader>(
  "QueryMessageResponseHeader",
  {
    indexLastUpdateTimestamp: required.long,
    indexLastUpdatePhyoffset: required.long,
  },
);

export interface ViewMessageRequestHeader {
  /** Topic name; no broker looks at it. */
  topic?: string | undefined;
  /** Physical offset, from the offsetMsgId. */
  offset: number;
}
export const viewMessageRequestHeader: HeaderCodec<ViewMessageRequestHeader> = header<ViewMessageRequestHeader>(
  "ViewMessageRequestHeader",
  {
    topic: optional.string,
    offset: required.long,
  },
);

export interface QueryConsumeQueueRequestHeader extends TopicQueueHeader {
  /** Topic name. */
  topic?: string | undefined;
  /** Queue number within the topic on this broker. */
  queueId?: number | undefined;
  /** First queue offset. */
  index?: number | undefined;
  /** Entries at most. */
  count?: number | undefined;
  /** Consumer group. */
  consumerGroup?: string | undefined;
}
export const queryConsumeQueueRequestHeader: HeaderCodec<QueryConsumeQueueRequestHeader> = header<QueryConsumeQueueRequestHeader>(
  "QueryConsumeQueueRequestHeader",
  {
    ...topicQueueFields,
    topic: optional.string,
    queueId: optional.int,
    index: optional.long,
    count: optional.int,
    consumerGroup: optional.string,
  },
);
