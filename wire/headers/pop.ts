/** Headers of POP: pop, acknowledge, invisible time, notification. Field names are Apache's. */
import { defaulted, type HeaderCodec, header, optional, required } from "../header.ts";
import { type TopicQueueHeader, topicQueueFields } from "./common.ts";

export interface AckMessageRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** Receipt of a pop: `ckQueueOffset popTime invisibleTime reviveQid retryFlag brokerName queueId msgQueueOffset`. */
  extraInfo: string;
  /** Queue offset of the message. */
  offset: number;
  /** Lite topic below `topic` (5.5). */
  liteTopic?: string | undefined;
}
export const ackMessageRequestHeader: HeaderCodec<AckMessageRequestHeader> = header<AckMessageRequestHeader>(
  "AckMessageRequestHeader",
  {
    ...topicQueueFields,
    consumerGroup: required.string,
    topic: required.string,
    queueId: required.int,
    extraInfo: required.string,
    offset: required.long,
    liteTopic: optional.string,
  },
);

export interface ChangeInvisibleTimeRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** Receipt of a pop: `ckQueueOffset popTime invisibleTime reviveQid retryFlag brokerName queueId msgQueueOffset`. */
  extraInfo: string;
  /** Queue offset of the message. */
  offset: number;
  /** For how long from now the message stays invisible, ms. */
  invisibleTime: number;
  /** Lite topic below `topic` (5.5). */
  liteTopic?: string | undefined;
  /** Keeps the retry count (5.5). */
  suspend: boolean;
}
export const changeInvisibleTimeRequestHeader: HeaderCodec<ChangeInvisibleTimeRequestHeader> =
  header<ChangeInvisibleTimeRequestHeader>("ChangeInvisibleTimeRequestHeader", {
    ...topicQueueFields,
    consumerGroup: required.string,
    topic: required.string,
    queueId: required.int,
    extraInfo: required.string,
    offset: required.long,
    invisibleTime: required.long,
    liteTopic: optional.string,
    suspend: defaulted.boolean(false),
  });

export interface ChangeInvisibleTimeResponseHeader {
  /** Begin of the new invisible time, ms since 1970. */
  popTime: number;
  /** The new invisible time, ms. */
  invisibleTime: number;
  /** Revive queue that holds the check point; 999 in ordered mode. */
  reviveQid: number;
}
export const changeInvisibleTimeResponseHeader: HeaderCodec<ChangeInvisibleTimeResponseHeader> =
  header<ChangeInvisibleTimeResponseHeader>("ChangeInvisibleTimeResponseHeader", {
    popTime: required.long,
    invisibleTime: required.long,
    reviveQid: required.int,
  });

export interface NotificationRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker; -1: any. */
  queueId: number;
  /** How long the request may be held, ms. */
  pollTime: number;
  /** When the request was made, ms since 1970. */
  bornTime: number;
  /** Ordered: queue by queue, strictly. */
  order: boolean;
  /** Id of the attempt: the same id gets the same ordered messages again. */
  attemptId?: string | undefined;
  /** TAG or SQL92. */
  expType?: string | undefined;
  /** Filter expression. */
  exp?: string | undefined;
}
export const notificationRequestHeader: HeaderCodec<NotificationRequestHeader> = header<NotificationRequestHeader>(
  "NotificationRequestHeader",
  {
    ...topicQueueFields,
    consumerGroup: required.string,
    topic: required.string,
    queueId: required.int,
    pollTime: required.long,
    bornTime: required.long,
    order: defaulted.boolean(false),
    attemptId: optional.string,
    expType: optional.string,
    exp: optional.string,
  },
);

export interface NotificationResponseHeader {
  /** Whether there is something to pop. */
  hasMsg: boolean;
  /** Too many requests are held. */
  pollingFull: boolean;
}
export const notificationResponseHeader: HeaderCodec<NotificationResponseHeader> = header<NotificationResponseHeader>(
  "NotificationResponseHeader",
  {
    hasMsg: required.boolean,
    pollingFull: defaulted.boolean(false),
  },
);

export interface PeekMessageRequestHeader extends TopicQueueHeader {
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker; -1: any. */
  queueId: number;
  /** Messages at most. */
  maxMsgNums: number;
  /** Consumer group. */
  consumerGroup: string;
}
export const peekMessageRequestHeader: HeaderCodec<PeekMessageRequestHeader> = header<PeekMessageRequestHeader>(
  "PeekMessageRequestHeader",
  {
    ...topicQueueFields,
    topic: required.string,
    queueId: required.int,
    maxMsgNums: required.int,
    consumerGroup: required.string,
  },
);

export interface PollingInfoRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker; -1: any. */
  queueId: number;
}
export const pollingInfoRequestHeader: HeaderCodec<PollingInfoRequestHeader> = header<PollingInfoRequestHeader>(
  "PollingInfoRequestHeader",
  {
    ...topicQueueFields,
    consumerGroup: required.string,
    topic: required.string,
    queueId: required.int,
  },
);

export interface PollingInfoResponseHeader {
  /** Requests held now. */
  pollingNum: number;
}
export const pollingInfoResponseHeader: HeaderCodec<PollingInfoResponseHeader> = header<PollingInfoResponseHeader>(
  "PollingInfoResponseHeader",
  {
    pollingNum: required.int,
  },
);

export interface PopMessageRequestHeader extends TopicQueueHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Topic name. */
  topic: string;
  /** Queue number within the topic on this broker; -1: any. */
  queueId: number;
  /** Messages at most. */
  maxMsgNums: number;
  /** How long a popped message stays invisible, ms. */
  invisibleTime: number;
  /** How long the request may be held, ms. */
  pollTime: number;
  /** When the request was made, ms since 1970. */
  bornTime: number;
  /** Where a group without offset starts: 0 min, 1 max. */
  initMode: number;
  /** TAG or SQL92. */
  expType?: string | undefined;
  /** Filter expression. */
  exp?: string | undefined;
  /** Ordered: queue by queue, strictly. */
  order: boolean;
  /** Id of the attempt: the same id gets the same ordered messages again. */
  attemptId?: string | undefined;
}
export const popMessageRequestHeader: HeaderCodec<PopMessageRequestHeader> = header<PopMessageRequestHeader>(
  "PopMessageRequestHeader",
  {
    ...topicQueueFields,
    consumerGroup: required.string,
    topic: required.string,
    queueId: required.int,
    maxMsgNums: required.int,
    invisibleTime: required.long,
    pollTime: required.long,
    bornTime: required.long,
    initMode: required.int,
    expType: optional.string,
    exp: optional.string,
    order: defaulted.boolean(false),
    attemptId: optional.string,
  },
);

export interface PopMessageResponseHeader {
  /** When the messages were popped, ms since 1970. */
  popTime: number;
  /** How long a popped message stays invisible, ms. */
  invisibleTime: number;
  /** Revive queue that holds the check point; 999 in ordered mode. */
  reviveQid: number;
  /** Messages left behind. */
  restNum: number;
  /** `flag queueId startOffset` joined by `;`. */
  startOffsetInfo?: string | undefined;
  /** `flag queueId off1,off2` joined by `;`. */
  msgOffsetInfo?: string | undefined;
  /** `flag queueId count` joined by `;`. */
  orderCountInfo?: string | undefined;
}
export const popMessageResponseHeader: HeaderCodec<PopMessageResponseHeader> = header<PopMessageResponseHeader>(
  "PopMessageResponseHeader",
  {
    popTime: required.long,
    invisibleTime: required.long,
    reviveQid: required.int,
    restNum: required.long,
    startOffsetInfo: optional.string,
    msgOffsetInfo: optional.string,
    orderCountInfo: optional.string,
  },
);
