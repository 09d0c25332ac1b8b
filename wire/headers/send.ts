/** Headers of sending: message (V1 and V2), reply, recall, send back. Field names are Apache's. */
import { defaulted, type HeaderCodec, header, named, optional, required } from "../header.ts";
import { type RpcHeader, rpcFields, type TopicHeader, type TopicQueueHeader, topicFields, topicQueueFields } from "./common.ts";

export interface SendMessageRequestHeader extends TopicQueueHeader {
  /** Producer group. */
  producerGroup: string;
  /** Topic name. */
  topic: string;
  /** Template topic for auto-creation, TBW102. */
  defaultTopic: string;
  /** Queues wanted when the topic is created. */
  defaultTopicQueueNums: number;
  /** Queue number within the topic on this broker; below 0 the broker chooses. */
  queueId: number;
  /** Bits of the record: 1 compressed, 2 several tags, 0xC transaction state, 0x700 compression type (`../message.ts`). */
  sysFlag: number;
  /** When the client made the message, ms since 1970. */
  bornTimestamp: number;
  /** The user's flag. */
  flag: number;
  /** Text of `../properties.ts`. */
  properties?: string | undefined;
  /** Retries so far. */
  reconsumeTimes?: number | undefined;
  /** Unitised deployment. */
  unitMode?: boolean | undefined;
  /** The body is a batch. */
  batch?: boolean | undefined;
  /** Retries before the dead letter queue, for messages to `%RETRY%` topics. */
  maxReconsumeTimes?: number | undefined;
}
export const sendMessageRequestHeader: HeaderCodec<SendMessageRequestHeader> = header<SendMessageRequestHeader>(
  "SendMessageRequestHeader",
  {
    ...topicQueueFields,
    producerGroup: required.string,
    topic: required.string,
    defaultTopic: required.string,
    defaultTopicQueueNums: required.int,
    queueId: required.int,
    sysFlag: required.int,
    bornTimestamp: required.long,
    flag: required.int,
    properties: optional.string,
    reconsumeTimes: optional.int,
    unitMode: optional.boolean,
    batch: optional.boolean,
    maxReconsumeTimes: optional.int,
  },
);

export interface SendMessageResponseHeader {
  /** offsetMsgId; of a batch one for each message, separated by commas. */
  msgId: string;
  /** Queue the message went to. */
  queueId: number;
  /** Its queue offset; of a batch that of the first message. */
  queueOffset: number;
  /** The UNIQ_KEY of the message. */
  transactionId?: string | undefined;
  /** Unique key of an inner batch. */
  batchUniqId?: string | undefined;
  /** To take a delayed message back with RECALL_MESSAGE. */
  recallHandle?: string | undefined;
}
export const sendMessageResponseHeader: HeaderCodec<SendMessageResponseHeader> = header<SendMessageResponseHeader>(
  "SendMessageResponseHeader",
  {
    msgId: required.string,
    queueId: required.int,
    queueOffset: required.long,
    transactionId: optional.string,
    batchUniqId: optional.string,
    recallHandle: optional.string,
  },
);

export interface ReplyMessageRequestHeader extends TopicQueueHeader {
  /** Producer group. */
  producerGroup: string;
  /** Topic name. */
  topic: string;
  /** Template topic for auto-creation, TBW102. */
  defaultTopic: string;
  /** Queues wanted when the topic is created. */
  defaultTopicQueueNums: number;
  /** Queue number within the topic on this broker. */
  queueId: number;
  /** Bits of the record: 1 compressed, 2 several tags, 0xC transaction state, 0x700 compression type (`../message.ts`). */
  sysFlag: number;
  /** When the client made the message, ms since 1970. */
  bornTimestamp: number;
  /** The user's flag. */
  flag: number;
  /** Text of `../properties.ts`. */
  properties?: string | undefined;
  /** Retries so far. */
  reconsumeTimes?: number | undefined;
  /** Unitised deployment. */
  unitMode: boolean;
  /** `ip:port` of the sender. */
  bornHost: string;
  /** `ip:port` of the broker. */
  storeHost: string;
  /** When it was stored, ms since 1970. */
  storeTimestamp: number;
}
export const replyMessageRequestHeader: HeaderCodec<ReplyMessageRequestHeader> = header<ReplyMessageRequestHeader>(
  "ReplyMessageRequestHeader",
  {
    ...topicQueueFields,
    producerGroup: required.string,
    topic: required.string,
    defaultTopic: required.string,
    defaultTopicQueueNums: required.int,
    queueId: required.int,
    sysFlag: required.int,
    bornTimestamp: required.long,
    flag: required.int,
    properties: optional.string,
    reconsumeTimes: optional.int,
    unitMode: defaulted.boolean(false),
    bornHost: required.string,
    storeHost: required.string,
    storeTimestamp: required.long,
  },
);

export interface RecallMessageRequestHeader extends TopicHeader {
  /** Producer group. */
  producerGroup?: string | undefined;
  /** Topic name. */
  topic: string;
  /** From the answer to the send of the delayed message. */
  recallHandle: string;
}
export const recallMessageRequestHeader: HeaderCodec<RecallMessageRequestHeader> = header<RecallMessageRequestHeader>(
  "RecallMessageRequestHeader",
  {
    ...topicFields,
    producerGroup: optional.string,
    topic: required.string,
    recallHandle: required.string,
  },
);

export interface RecallMessageResponseHeader {
  /** UNIQ_KEY of the message that will not be delivered. */
  msgId: string;
}
export const recallMessageResponseHeader: HeaderCodec<RecallMessageResponseHeader> = header<RecallMessageResponseHeader>(
  "RecallMessageResponseHeader",
  {
    msgId: required.string,
  },
);

export interface ConsumerSendMsgBackRequestHeader extends RpcHeader {
  /** Physical offset of the message that was not consumed. */
  offset: number;
  /** Consumer group. */
  group: string;
  /** Delay level 1..18; 0 lets the broker choose by retry count, below 0 sends to the DLQ. */
  delayLevel: number;
  /** Id of the message as the client knows it: its UNIQ_KEY. */
  originMsgId?: string | undefined;
  /** Topic the message was pulled from. */
  originTopic?: string | undefined;
  /** Unitised deployment. */
  unitMode: boolean;
  /** Retries before the dead letter queue; counts for clients from 3.4.9 on. */
  maxReconsumeTimes?: number | undefined;
}
export const consumerSendMsgBackRequestHeader: HeaderCodec<ConsumerSendMsgBackRequestHeader> =
  header<ConsumerSendMsgBackRequestHeader>("ConsumerSendMsgBackRequestHeader", {
    ...rpcFields,
    offset: required.long,
    group: required.string,
    delayLevel: required.int,
    originMsgId: optional.string,
    originTopic: optional.string,
    unitMode: defaulted.boolean(false),
    maxReconsumeTimes: optional.int,
  });

/** SEND_MESSAGE_V2's letters, and the target broker's name. The same header as V1 otherwise. */
export interface SendMessageRequestHeaderV2 extends SendMessageRequestHeader {
  /** Name of the broker meant (letter n). */
  brokerName?: string | undefined;
}

/**
 * The V2 form: one letter a field.
 * a producerGroup, b topic, c defaultTopic, d defaultTopicQueueNums, e queueId, f sysFlag, g bornTimestamp, h flag,
 * i properties, j reconsumeTimes, k unitMode, l maxReconsumeTimes, m batch, n brokerName.
 */
export const sendMessageRequestHeaderV2: HeaderCodec<SendMessageRequestHeaderV2> = header<SendMessageRequestHeaderV2>(
  "SendMessageRequestHeaderV2",
  {
    ...topicQueueFields,
    producerGroup: named("a", required.string),
    topic: named("b", required.string),
    defaultTopic: named("c", required.string),
    defaultTopicQueueNums: named("d", required.int),
    queueId: named("e", required.int),
    sysFlag: named("f", required.int),
    bornTimestamp: named("g", required.long),
    flag: named("h", required.int),
    properties: named("i", optional.string),
    reconsumeTimes: named("j", optional.int),
    unitMode: named("k", optional.boolean),
    maxReconsumeTimes: named("l", optional.int),
    batch: named("m", optional.boolean),
    brokerName: named("n", optional.string),
  },
);
