/**
 * Messages that wait for the timer, as text: what their properties say, and what they become when they are put again. The
 * properties are Apache's to the letter, so that either broker goes on with what the other has parked.
 */
import { WireError } from "../../../wire/errors.ts";
import { tagsCode } from "../../../wire/java_hash.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeRecord, type StoredMessage } from "../../../wire/message_reader.ts";
import { addProperty, PROPERTY_SEPARATOR, propertyOf, removeProperty, setProperty } from "../../../wire/properties.ts";
import type { MessageInput } from "../message_store.ts";

/** Messages with a time of their own wait in its queue 0. */
export const TIMER_TOPIC = "rmq_sys_wheel_timer";
export const TIMER_QUEUE = { topic: TIMER_TOPIC, queueId: 0 } as const;

/** TIMER_ENQUEUE_MS of a message whose time had come before it was seen: Long.MAX_VALUE. */
export const ENQUEUE_MS_EXPIRED = "9223372036854775807";

/** Room that a parked message needs for what `deliveredMessage` adds to its properties, in bytes. */
export const TIMER_PROPERTIES_BYTES_MAX = 128;

/** int64 as Java's Long.parseLong takes it; undefined for what it does not, or what is no safe integer. */
export function parseTime(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d{1,19}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Undefined for what begins like a record and is none: a power cut may leave its first page and not the others. */
export function decodedRecord(bytes: Uint8Array, at = 0): StoredMessage | undefined {
  try {
    return decodeRecord(bytes, at);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** TIMER_OUT_MS and where to; undefined when the record says no place or no time that can be. */
export interface WaitingMessage {
  readonly message: StoredMessage;
  readonly outTimeMs: number;
  readonly realTopic: string;
  readonly realQueueId: number;
  /** Set on a message that cancels another: the key of that one. */
  readonly cancels: string | undefined;
  /** As `cancels` would name this message. */
  readonly uniqKey: string | undefined;
  readonly rollTimes: number;
}

export function waitingMessage(record: Uint8Array): WaitingMessage | undefined {
  const message = decodedRecord(record);
  if (message === undefined) return undefined;
  const { properties } = message;
  // Both brokers end the last pair. No CRC is over the properties: these have lost their end in a power cut.
  if (!properties.endsWith(PROPERTY_SEPARATOR)) return undefined;
  const outTimeMs = parseTime(propertyOf(properties, MessageConst.TIMER_OUT_MS));
  const realTopic = propertyOf(properties, MessageConst.REAL_TOPIC);
  const realQueueId = Number(propertyOf(properties, MessageConst.REAL_QID) ?? "NaN");
  if (outTimeMs === undefined || outTimeMs < 0 || realTopic === undefined) return undefined;
  if (!Number.isInteger(realQueueId) || realQueueId < 0) return undefined;
  return {
    message,
    outTimeMs,
    realTopic,
    realQueueId,
    cancels: propertyOf(properties, MessageConst.TIMER_DEL_UNIQKEY),
    uniqKey: propertyOf(properties, MessageConst.UNIQ_KEY),
    rollTimes: Number(propertyOf(properties, MessageConst.TIMER_ROLL_TIMES) ?? "0"),
  };
}

/** What TIMER_DEL_UNIQKEY of a cancelling message holds. @param withTopic appendTopicForTimerDeleteKey */
export const deleteKey = (topic: string, uniqKey: string, withTopic: boolean): string =>
  withTopic ? `${topic}+${uniqKey}` : uniqKey;

/**
 * The message as it is put again: to its real place, or, rolled, once more into the timer topic.
 * @param enqueueMs of its unit, as text.
 */
export function deliveredMessage(waiting: WaitingMessage, enqueueMs: string, dequeueMs: number, roll: boolean): MessageInput {
  const { message } = waiting;
  let { properties } = message;
  properties = setProperty(properties, MessageConst.TIMER_ENQUEUE_MS, enqueueMs);
  if (roll) properties = setProperty(properties, MessageConst.TIMER_ROLL_TIMES, String(waiting.rollTimes + 1));
  properties = setProperty(properties, MessageConst.TIMER_DEQUEUE_MS, String(dequeueMs));
  return {
    topic: roll ? TIMER_TOPIC : waiting.realTopic,
    queueId: roll ? TIMER_QUEUE.queueId : waiting.realQueueId,
    flag: message.flag,
    sysFlag: message.sysFlag,
    bornTimestamp: message.bornTimestamp,
    bornHost: message.bornHost,
    bornPort: message.bornPort,
    storeHost: message.storeHost,
    storePort: message.storePort,
    reconsumeTimes: message.reconsumeTimes,
    preparedTransactionOffset: 0,
    body: message.body,
    properties: removeProperty(properties, MessageConst.CRC32),
    tagsCode: tagsCode(propertyOf(properties, MessageConst.TAGS)),
  };
}

/**
 * The same message, parked until `outTimeMs` (a whole step, see `parkedUntil`).
 * @param properties without TIMER_OUT_MS, REAL_TOPIC and REAL_QID, or with them: they are replaced.
 */
export function parkedMessage(message: MessageInput, outTimeMs: number): MessageInput {
  let { properties } = message;
  for (const name of [MessageConst.TIMER_OUT_MS, MessageConst.REAL_TOPIC, MessageConst.REAL_QID]) {
    if (properties.includes(name)) properties = removeProperty(properties, name);
  }
  properties = addProperty(properties, MessageConst.TIMER_OUT_MS, String(outTimeMs));
  properties = addProperty(properties, MessageConst.REAL_TOPIC, message.topic);
  properties = addProperty(properties, MessageConst.REAL_QID, String(message.queueId));
  return { ...message, ...TIMER_QUEUE, properties };
}

/** The slot for a time: the step before it, so that it is delivered within one step after it. */
export const parkedUntil = (deliverMs: number, precisionMs: number): number =>
  deliverMs % precisionMs === 0 ? deliverMs - precisionMs : deliverMs - (deliverMs % precisionMs);

/**
 * What tells deliveries of different messages apart in the log. Two that agree in all of it are the same message, sent twice
 * by a producer that retried: which of them is missing does not matter then, only how many.
 */
export function identityOf(topic: string, queueId: number, message: StoredMessage, rollTimes: number): string {
  const { properties, bornTimestamp, bodyCrc } = message;
  const uniqKey = propertyOf(properties, MessageConst.UNIQ_KEY) ?? "";
  const outTime = propertyOf(properties, MessageConst.TIMER_OUT_MS) ?? "";
  return `${topic}\n${queueId}\n${uniqKey}\n${outTime}\n${rollTimes}\n${bornTimestamp}\n${bodyCrc}`;
}
