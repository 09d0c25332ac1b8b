/** Messages, checked and turned into the parts of a SEND request; answers, turned into results. */

import { type BatchEntry, encodeBatch } from "../../wire/batch.ts";
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { SendMessageResponseHeader } from "../../wire/headers/send.ts";
import { SYS_FLAG_COMPRESSED, SYS_FLAG_TRANSACTION_PREPARED } from "../../wire/message.ts";
import { MessageConst } from "../../wire/message_const.ts";
import { DLQ_PREFIX, RETRY_PREFIX } from "../../wire/mix_all.ts";
import { formatProperties, NAME_VALUE_SEPARATOR, PROPERTY_SEPARATOR } from "../../wire/properties.ts";
import type { ExtFields } from "../../wire/remoting_command.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { clipped, topicNameFault } from "../routing/names.ts";
import type { BodyCompressor } from "./body_compression.ts";
import { MQClientError } from "./errors.ts";
import { bodyBytes, type Message, plainProperties, toProperties } from "./message.ts";
import { MSG_TYPE_REPLY } from "./request_reply.ts";
import type { UniqKeys } from "./uniq_key.ts";

/** The last three were stored as well: what they lack is the flush or the slave that was asked for. */
export type SendStatus = "SEND_OK" | "FLUSH_DISK_TIMEOUT" | "FLUSH_SLAVE_TIMEOUT" | "SLAVE_NOT_AVAILABLE";

export interface SendResult {
  readonly sendStatus: SendStatus;
  /** UNIQ_KEY, made here; of a batch all of them, joined by commas. */
  readonly msgId: string;
  /** Store host and physical offset; of a batch all of them, joined by commas. */
  readonly offsetMsgId: string;
  readonly messageQueue: MessageQueue;
  /** Of a batch that of its first message. */
  readonly queueOffset: number;
  readonly transactionId: string | undefined;
  readonly regionId: string;
  /** Takes a delayed message back, where the broker allows it. */
  readonly recallHandle: string | undefined;
}

/** What goes to the broker, whichever queue is chosen. Made once, however often it is tried. */
export interface Outgoing {
  readonly topic: string;
  readonly body: Uint8Array;
  readonly properties: string;
  readonly sysFlag: number;
  readonly flag: number;
  readonly msgId: string;
  readonly batch: boolean;
  /** The answer of a request. */
  readonly reply: boolean;
  /** What it was made of; of a batch the first. */
  readonly message: Message;
}

/** Longer ones no broker takes (127), `%RETRY%` and its like aside. */
const TOPIC_CHARS_MAX = 127;

export interface OutgoingLimits {
  readonly compressMsgBodyOverHowmuch: number;
  readonly maxMessageSize: number;
}

/** @throws MQClientError kind invalid, naming the bound */
export function outgoing(
  message: Message,
  limits: OutgoingLimits,
  uniqKeys: UniqKeys,
  compressor: BodyCompressor,
  transaction?: { producerGroup: string },
): Outgoing {
  const bytes = checkedBody(message, limits.maxMessageSize);
  const { properties, msgId, reply } = sentProperties(message, uniqKeys, transaction);
  let sysFlag = transaction === undefined ? 0 : SYS_FLAG_TRANSACTION_PREPARED;
  let body = bytes;
  if (bytes.length >= limits.compressMsgBodyOverHowmuch) {
    const smaller = compressor.compress(bytes);
    if (smaller.length < bytes.length) {
      body = smaller;
      sysFlag |= SYS_FLAG_COMPRESSED | compressor.flag;
    }
  }
  return {
    topic: message.topic,
    body,
    properties,
    sysFlag,
    flag: message.flag ?? 0,
    msgId,
    batch: false,
    reply,
    message,
  };
}

/**
 * Batches of at most `maxMessageSize` bytes each, in order. All messages need one topic and one waitStoreMsgOK, no delay.
 * @throws MQClientError kind invalid
 */
export function outgoingBatches(messages: readonly Message[], limits: OutgoingLimits, uniqKeys: UniqKeys): Outgoing[] {
  const [first] = messages;
  if (first === undefined) throw new MQClientError("invalid", "Cannot send a batch without messages");
  if (first.topic.startsWith(RETRY_PREFIX) || first.topic.startsWith(DLQ_PREFIX)) {
    throw new MQClientError("invalid", `Cannot send a batch to "${first.topic}": retry topics take single messages only`);
  }
  const batches: Outgoing[] = [];
  let entries: BatchEntry[] = [];
  let ids: string[] = [];
  let bytes = 0;
  const flush = () => {
    const outer = toProperties({ topic: first.topic, body: "", waitStoreMsgOK: first.waitStoreMsgOK });
    const msgId = ids.join(",");
    const properties = formatProperties(outer);
    batches.push({
      topic: first.topic,
      body: encodeBatch(entries),
      properties,
      sysFlag: 0,
      flag: 0,
      msgId,
      batch: true,
      reply: false,
      message: first,
    });
    [entries, ids, bytes] = [[], [], 0];
  };
  for (const message of messages) {
    checkBatchable(message, first);
    const body = checkedBody(message, limits.maxMessageSize);
    const { properties, msgId } = sentProperties(message, uniqKeys, undefined);
    const entry: BatchEntry = { flag: message.flag ?? 0, body, properties };
    // 22 bytes of lengths, and up to three bytes a character.
    const size = 22 + body.length + 3 * entry.properties.length;
    if (entries.length > 0 && bytes + size > limits.maxMessageSize) flush();
    entries.push(entry);
    ids.push(msgId);
    bytes += size;
  }
  flush();
  return batches;
}

/** @throws MQClientError kind invalid */
export function checkTopic(topic: string): void {
  const fault =
    topic.length > TOPIC_CHARS_MAX ? `it has ${topic.length} characters, at most ${TOPIC_CHARS_MAX} fit` : topicNameFault(topic);
  if (fault !== undefined) throw new MQClientError("invalid", `Cannot use topic "${clipped(topic)}": ${fault}`);
}

/** The result of a stored message; undefined for a refusal. */
export function sendResult(
  out: Outgoing,
  queue: MessageQueue,
  code: number,
  header: () => SendMessageResponseHeader,
  extFields: ExtFields | undefined,
): SendResult | undefined {
  const sendStatus = STATUS[code];
  if (sendStatus === undefined) return undefined;
  const { msgId, queueId, queueOffset, transactionId, batchUniqId, recallHandle } = header();
  return {
    sendStatus,
    msgId: batchUniqId ?? out.msgId,
    offsetMsgId: msgId,
    messageQueue: { topic: out.topic, brokerName: queue.brokerName, queueId },
    queueOffset,
    transactionId,
    regionId: extFields?.MSG_REGION ?? "DefaultRegion",
    recallHandle,
  };
}

const STATUS: Readonly<Record<number, SendStatus>> = {
  [ResponseCode.SUCCESS]: "SEND_OK",
  [ResponseCode.FLUSH_DISK_TIMEOUT]: "FLUSH_DISK_TIMEOUT",
  [ResponseCode.FLUSH_SLAVE_TIMEOUT]: "FLUSH_SLAVE_TIMEOUT",
  [ResponseCode.SLAVE_NOT_AVAILABLE]: "SLAVE_NOT_AVAILABLE",
};

function checkedBody(message: Message, bytesMax: number): Uint8Array {
  const body = bodyBytes(message);
  if (body.length === 0)
    throw new MQClientError("invalid", `Cannot send to "${message.topic}": the body is empty, which brokers refuse`);
  if (body.length > bytesMax) {
    throw new MQClientError(
      "invalid",
      `Cannot send to "${message.topic}": the body has ${body.length} bytes, maxMessageSize is ${bytesMax}. Raise it here and in broker.conf, or send less at a time`,
    );
  }
  return body;
}

interface SentProperties {
  readonly properties: string;
  readonly msgId: string;
  readonly reply: boolean;
}

/** @throws MQClientError kind invalid */
function sentProperties(
  message: Message,
  uniqKeys: UniqKeys,
  transaction: { producerGroup: string } | undefined,
): SentProperties {
  try {
    const plain = transaction === undefined ? plainProperties(message) : undefined;
    if (plain !== undefined) {
      const msgId = uniqKeys.next();
      return { properties: plain + UNIQ_KEY_NAME + msgId + PROPERTY_SEPARATOR, msgId, reply: false };
    }
    const properties = toProperties(message);
    // A message sent again keeps its key; DUP checks of consumers rely on it.
    const msgId = properties.get(MessageConst.UNIQ_KEY) ?? uniqKeys.next();
    properties.set(MessageConst.UNIQ_KEY, msgId);
    if (transaction !== undefined) {
      properties.set(MessageConst.TRAN_MSG, "true");
      properties.set(MessageConst.PGROUP, transaction.producerGroup);
    }
    const reply = properties.get(MessageConst.MSG_TYPE) === MSG_TYPE_REPLY;
    return { properties: formatProperties(properties), msgId, reply };
  } catch (error) {
    if (error instanceof MQClientError) throw error;
    throw new MQClientError("invalid", `Cannot send to "${message.topic}": ${(error as Error).message}`, error);
  }
}

const UNIQ_KEY_NAME = MessageConst.UNIQ_KEY + NAME_VALUE_SEPARATOR;

function checkBatchable(message: Message, first: Message): void {
  const { delayTimeLevel, delayTimeMs, delayTimeSec, deliverTimeMs } = message;
  const fault =
    message.topic !== first.topic
      ? `its messages are for "${first.topic}" and "${message.topic}"`
      : (message.waitStoreMsgOK ?? true) !== (first.waitStoreMsgOK ?? true)
        ? "its messages differ in waitStoreMsgOK"
        : (delayTimeLevel ?? delayTimeMs ?? delayTimeSec ?? deliverTimeMs) !== undefined
          ? "delayed messages can't be batched"
          : undefined;
  if (fault !== undefined) throw new MQClientError("invalid", `Cannot send a batch to "${first.topic}": ${fault}`);
}
