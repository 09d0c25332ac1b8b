/**
 * Messages that wait for the timer: what their properties say. These are Apache's to the letter, so that either broker goes
 * on with what the other has parked. What a message becomes when it is parked and when it is put again: `timer_forms.ts`.
 */
import { decodeUtf8, readInt64 } from "../../../wire/bytes.ts";
import { WireError } from "../../../wire/errors.ts";
import { RECORD_AT, RECORD_BYTES_MIN } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeRecord, frameHolds, propertiesAt, readStoreTimestamp, type StoredMessage } from "../../../wire/message_reader.ts";
import { propertyOf } from "../../../wire/properties.ts";
import type { TimerScan } from "./timer_scan.ts";

/** Messages with a time of their own wait in its queue 0. */
export const TIMER_TOPIC = "rmq_sys_wheel_timer";
export const TIMER_QUEUE = { topic: TIMER_TOPIC, queueId: 0 } as const;

/** TIMER_ENQUEUE_MS of a message whose time had come before it was seen: Long.MAX_VALUE. */
export const ENQUEUE_MS_EXPIRED = "9223372036854775807";

const PAIR_END = 2;

/** Room that a parked message needs for what delivering adds to its properties (`DeliveredForm`), in bytes. */
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

/** TIMER_OUT_MS and where to, beside what tells it apart. Texts are made when they are asked for, while `record` is valid. */
export class WaitingMessage {
  readonly outTimeMs: number;
  readonly realTopic: string;
  readonly realQueueId: number;
  /** Set on a message that cancels another: the key of that one. */
  readonly cancels: string | undefined;
  readonly rollTimes: number;
  /** Nothing that delivering sets is among the properties. */
  readonly isFresh: boolean;
  /** The bytes it was read from; they are not kept. */
  readonly record: Uint8Array;
  readonly #propertiesAt: number;
  readonly #uniqKeyFrom: number;
  readonly #uniqKeyTo: number;
  readonly #tagsFrom: number;
  readonly #tagsTo: number;

  constructor(record: Uint8Array, propertiesFrom: number, scan: TimerScan, realTopic: string) {
    this.outTimeMs = scan.outTimeMs;
    this.realTopic = realTopic;
    this.realQueueId = scan.realQueueId;
    this.cancels = scan.cancels.text(record);
    this.rollTimes = scan.rollTimes;
    this.isFresh = scan.isFresh;
    this.record = record;
    this.#propertiesAt = propertiesFrom;
    this.#uniqKeyFrom = scan.uniqKey.from;
    this.#uniqKeyTo = scan.uniqKey.to;
    this.#tagsFrom = scan.tags.from;
    this.#tagsTo = scan.tags.to;
  }

  get storeTimestamp(): number {
    return readStoreTimestamp(this.record);
  }

  get bornTimestamp(): number {
    return readInt64(this.record, RECORD_AT.bornTimestamp);
  }

  /** As `cancels` would name this message. */
  get uniqKey(): string | undefined {
    return this.#text(this.#uniqKeyFrom, this.#uniqKeyTo);
  }

  get tags(): string | undefined {
    return this.#text(this.#tagsFrom, this.#tagsTo);
  }

  /** They end with 0x02. */
  get properties(): string {
    return decodeUtf8(this.record.subarray(this.#propertiesAt));
  }

  #text(from: number, to: number): string | undefined {
    return from === to ? undefined : decodeUtf8(this.record.subarray(from, to));
  }
}

/**
 * Reads what waits, as little of it as is needed.
 * @param scan for the walk over its properties; one serves all
 * @param record as long as its first four bytes say
 * @returns undefined when the record is none, or says no place or no time that can be
 */
export function waitingMessage(record: Uint8Array, scan: TimerScan): WaitingMessage | undefined {
  const { length } = record;
  if (length < RECORD_BYTES_MIN || !frameHolds(record, 0, length)) return undefined;
  const from = propertiesAt(record, 0);
  // Both brokers end the last pair. No CRC is over the properties: these have lost their end in a power cut.
  if (from === length || record[length - 1] !== PAIR_END) return undefined;
  scan.scan(record, from, length);
  const { realTopic, outTimeMs, realQueueId } = scan;
  if (!(outTimeMs >= 0) || !(realQueueId >= 0) || realTopic === undefined) return undefined;
  return new WaitingMessage(record, from, scan, realTopic);
}

/** What TIMER_DEL_UNIQKEY of a cancelling message holds. @param withTopic appendTopicForTimerDeleteKey */
export const deleteKey = (topic: string, uniqKey: string, withTopic: boolean): string =>
  withTopic ? `${topic}+${uniqKey}` : uniqKey;

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
