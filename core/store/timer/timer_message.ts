/**
 * Messages that wait for the timer, as text: what their properties say, and what they become when they are put again. The
 * properties are Apache's to the letter, so that either broker goes on with what the other has parked.
 */
import { decodeUtf8, readInt32, readInt64 } from "../../../wire/bytes.ts";
import { WireError } from "../../../wire/errors.ts";
import { readHost } from "../../../wire/host.ts";
import { tagsCode } from "../../../wire/java_hash.ts";
import { RECORD_AT, RECORD_BYTES_MIN } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import {
  decodeRecord,
  frameHolds,
  layoutOf,
  propertiesAt,
  readStoreTimestamp,
  recordBody,
  type StoredMessage,
} from "../../../wire/message_reader.ts";
import { addProperty, PROPERTY_SEPARATOR, propertyOf, removeProperty, setProperty } from "../../../wire/properties.ts";
import type { MessageInput } from "../message_store.ts";
import type { TimerScan } from "./timer_scan.ts";

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

/** TIMER_OUT_MS and where to, beside what tells it apart. */
export interface WaitingMessage {
  readonly storeTimestamp: number;
  readonly bornTimestamp: number;
  readonly outTimeMs: number;
  readonly realTopic: string;
  readonly realQueueId: number;
  /** Set on a message that cancels another: the key of that one. */
  readonly cancels: string | undefined;
  /** As `cancels` would name this message. */
  readonly uniqKey: string | undefined;
  readonly rollTimes: number;
  readonly tags: string | undefined;
  readonly properties: string;
  /** Nothing that delivering sets is among the properties. */
  readonly isFresh: boolean;
  /** The bytes it was read from; they are not kept. */
  readonly record: Uint8Array;
}

const CANT_BE = Number.NaN;

/**
 * Reads what waits, as little of it as is needed.
 * @param scan for the walk over its properties; one serves all
 * @param record as long as its first four bytes say
 * @returns undefined when the record is none, or says no place or no time that can be
 */
export function waitingMessage(record: Uint8Array, scan: TimerScan): WaitingMessage | undefined {
  if (record.length < RECORD_BYTES_MIN || !frameHolds(record, 0, record.length)) return undefined;
  const properties = decodeUtf8(record.subarray(propertiesAt(record, 0)));
  // Both brokers end the last pair. No CRC is over the properties: these have lost their end in a power cut.
  if (!properties.endsWith(PROPERTY_SEPARATOR)) return undefined;
  scan.scan(properties);
  const { realTopic, cancels, uniqKey, tags, isFresh } = scan;
  const outTimeMs = parseTime(scan.outTime) ?? CANT_BE;
  const realQueueId = Number(scan.realQueueId ?? CANT_BE);
  if (!(outTimeMs >= 0) || realTopic === undefined || !Number.isInteger(realQueueId) || realQueueId < 0) return undefined;
  return {
    storeTimestamp: readStoreTimestamp(record),
    bornTimestamp: readInt64(record, RECORD_AT.bornTimestamp),
    outTimeMs,
    realTopic,
    realQueueId,
    cancels,
    uniqKey,
    rollTimes: Number(scan.rollTimes ?? "0"),
    tags,
    properties,
    isFresh,
    record,
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
  const { record } = waiting;
  const layout = layoutOf(record);
  const { bornHostAt, bornAddressBytes, storeHostAt, storeAddressBytes } = layout;
  const storePortAt = storeHostAt + storeAddressBytes;
  return {
    topic: roll ? TIMER_TOPIC : waiting.realTopic,
    queueId: roll ? TIMER_QUEUE.queueId : waiting.realQueueId,
    flag: readInt32(record, RECORD_AT.flag),
    sysFlag: readInt32(record, RECORD_AT.sysFlag),
    bornTimestamp: readInt64(record, RECORD_AT.bornTimestamp),
    bornHost: readHost(record, bornHostAt, bornAddressBytes),
    bornPort: readInt32(record, bornHostAt + bornAddressBytes),
    storeHost: readHost(record, storeHostAt, storeAddressBytes),
    storePort: readInt32(record, storePortAt),
    reconsumeTimes: readInt32(record, storePortAt + 4),
    preparedTransactionOffset: 0,
    body: recordBody(record, layout),
    properties: deliveredProperties(waiting, enqueueMs, String(dequeueMs), roll),
    tagsCode: tagsCode(waiting.tags),
  };
}

function deliveredProperties(waiting: WaitingMessage, enqueueMs: string, dequeueMs: string, roll: boolean): string {
  let { properties } = waiting;
  const rollTimes = String(waiting.rollTimes + 1);
  // The same, but for what could be there already.
  if (waiting.isFresh) {
    properties = addProperty(properties, MessageConst.TIMER_ENQUEUE_MS, enqueueMs);
    if (roll) properties = addProperty(properties, MessageConst.TIMER_ROLL_TIMES, rollTimes);
    return addProperty(properties, MessageConst.TIMER_DEQUEUE_MS, dequeueMs);
  }
  properties = setProperty(properties, MessageConst.TIMER_ENQUEUE_MS, enqueueMs);
  if (roll) properties = setProperty(properties, MessageConst.TIMER_ROLL_TIMES, rollTimes);
  properties = setProperty(properties, MessageConst.TIMER_DEQUEUE_MS, dequeueMs);
  return removeProperty(properties, MessageConst.CRC32);
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
  return { ...message, topic: TIMER_TOPIC, queueId: TIMER_QUEUE.queueId, properties };
}

/** The slot for a time: the step before it, so that it is delivered within one step after it. */
export const parkedUntil = (deliverMs: number, precisionMs: number): number =>
  deliverMs % precisionMs === 0 ? deliverMs - precisionMs : deliverMs - (deliverMs % precisionMs);

/**
 * What tells messages apart, wherever they are on their way. Two that agree in all of it are the same message, sent twice by a
 * producer that retried: which of them is missing does not matter then, only how many.
 * @param topic where it is to go, with `queueId`
 */
export function identityOf(topic: string, queueId: number, { properties, bornTimestamp, bodyCrc }: StoredMessage): string {
  const uniqKey = propertyOf(properties, MessageConst.UNIQ_KEY) ?? "";
  const outTime = propertyOf(properties, MessageConst.TIMER_OUT_MS) ?? "";
  return `${topic}\n${queueId}\n${uniqKey}\n${outTime}\n${bornTimestamp}\n${bodyCrc}`;
}
