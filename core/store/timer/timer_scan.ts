/**
 * One walk over the properties of a message that waits, in the bytes of its record: the values the timer asks for, and which
 * of those it is about to write are there already. Of a name that occurs twice the last counts, as everywhere.
 *
 * No text is made but of a topic that was not the last one's: a million messages pass here twice.
 */
import { decodeUtf8 } from "../../../wire/bytes.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { isText } from "../../../wire/text_cache.ts";

const NAME_END = 1;
const PAIR_END = 2;
const PLUS = 43;
const MINUS = 45;
/** int64 has so many. */
const DIGITS_MAX = 19;

/** Where a value lies; an empty one is none. */
class Range {
  from = 0;
  to = 0;

  clear(): void {
    this.from = 0;
    this.to = 0;
  }

  set(from: number, to: number): void {
    if (from === to) return;
    this.from = from;
    this.to = to;
  }

  text(bytes: Uint8Array): string | undefined {
    return this.from === this.to ? undefined : decodeUtf8(bytes.subarray(this.from, this.to));
  }
}

/** Values of the last `scan`. */
export class TimerScan {
  /** TIMER_OUT_MS; NaN when it is absent or no int64, as the other numbers. */
  outTimeMs = Number.NaN;
  /** REAL_QID. */
  realQueueId = Number.NaN;
  /** TIMER_ROLL_TIMES; 0 when it is absent. */
  rollTimes = 0;
  realTopic: string | undefined;
  /** None of what delivering sets, or takes off, is there. */
  isFresh = true;
  readonly uniqKey = new Range();
  /** TIMER_DEL_UNIQKEY. */
  readonly cancels = new Range();
  readonly tags = new Range();
  readonly #realTopic = new Range();
  /** Of the messages before. */
  #topic = "";

  /** @param from where the properties of a record begin @param to its end */
  scan(bytes: Uint8Array, from: number, to: number): void {
    this.outTimeMs = Number.NaN;
    this.realQueueId = Number.NaN;
    this.rollTimes = 0;
    this.isFresh = true;
    this.uniqKey.clear();
    this.cancels.clear();
    this.tags.clear();
    this.#realTopic.clear();
    for (let at = from; at < to; at++) {
      const nameFrom = at;
      while (at < to && bytes[at] !== NAME_END && bytes[at] !== PAIR_END) at++;
      if (at >= to || bytes[at] === PAIR_END) continue;
      const nameEnd = at++;
      while (at < to && bytes[at] !== PAIR_END) at++;
      if (nameEnd > nameFrom) this.#take(bytes, nameFrom, nameEnd, at);
    }
    this.realTopic = this.#topicOf(bytes);
  }

  /** The length of the name rules out most pairs. */
  #take(bytes: Uint8Array, from: number, nameEnd: number, end: number): void {
    const at = nameEnd + 1;
    switch (nameEnd - from) {
      case MessageConst.TAGS.length:
        if (isText(bytes, from, nameEnd, MessageConst.TAGS)) this.tags.set(at, end);
        break;
      case MessageConst.UNIQ_KEY.length:
        if (isText(bytes, from, nameEnd, MessageConst.UNIQ_KEY)) this.uniqKey.set(at, end);
        else if (isText(bytes, from, nameEnd, MessageConst.REAL_QID)) {
          if (at < end) this.realQueueId = int64In(bytes, at, end);
        } else if (isText(bytes, from, nameEnd, MessageConst.CRC32)) this.isFresh = false;
        break;
      case MessageConst.REAL_TOPIC.length:
        if (isText(bytes, from, nameEnd, MessageConst.REAL_TOPIC)) this.#realTopic.set(at, end);
        break;
      case MessageConst.TIMER_OUT_MS.length:
        if (at < end && isText(bytes, from, nameEnd, MessageConst.TIMER_OUT_MS)) this.outTimeMs = int64In(bytes, at, end);
        break;
      case MessageConst.TIMER_ENQUEUE_MS.length:
        if (isText(bytes, from, nameEnd, MessageConst.TIMER_ENQUEUE_MS)) this.isFresh = false;
        else if (isText(bytes, from, nameEnd, MessageConst.TIMER_DEQUEUE_MS)) this.isFresh = false;
        else if (isText(bytes, from, nameEnd, MessageConst.TIMER_ROLL_TIMES)) {
          this.isFresh = false;
          if (at < end) this.rollTimes = int64In(bytes, at, end);
        }
        break;
      case MessageConst.TIMER_DEL_UNIQKEY.length:
        if (isText(bytes, from, nameEnd, MessageConst.TIMER_DEL_UNIQKEY)) this.cancels.set(at, end);
        break;
      default:
    }
  }

  #topicOf(bytes: Uint8Array): string | undefined {
    const { from, to } = this.#realTopic;
    if (from === to) return undefined;
    if (!isText(bytes, from, to, this.#topic)) this.#topic = decodeUtf8(bytes.subarray(from, to));
    return this.#topic;
  }
}

/** As Java's Long.parseLong takes it; NaN for what it does not, or what is no safe integer. */
function int64In(bytes: Uint8Array, from: number, to: number): number {
  const sign = bytes[from];
  let at = sign === PLUS || sign === MINUS ? from + 1 : from;
  if (at === to || to - at > DIGITS_MAX) return Number.NaN;
  let value = 0;
  for (; at < to; at++) {
    const digit = (bytes[at] as number) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  return sign === MINUS ? -value : value;
}
