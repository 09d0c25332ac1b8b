/**
 * Delay levels: the table of `messageDelayLevel`, and how a message with a level is parked in SCHEDULE_TOPIC_XXXX until
 * `schedule.ts` delivers it.
 */
import { MessageConst } from "../../../wire/message_const.ts";
import { removeProperty, setProperty } from "../../../wire/properties.ts";
import type { MessageInput } from "../../store/message_store.ts";
import { SCHEDULE_TOPIC } from "../metadata/topics_validator.ts";

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Levels count from 1; level n waits in queue n - 1. */
export class DelayLevels {
  readonly #settings: { readonly messageDelayLevel: string };
  #text = "";
  #delaysMs: readonly number[] = [];

  /** @throws Error as `delayMs`. */
  constructor(settings: { readonly messageDelayLevel: string }) {
    this.#settings = settings;
    this.#table();
  }

  /** The highest level. */
  get max(): number {
    return this.#table().length;
  }

  /**
   * How long a message of `level` (1..max) waits, ms.
   * @throws Error when messageDelayLevel is not a list like `1s 5s 10m`: it names the key and the part that is wrong.
   */
  delayMs(level: number): number {
    const delay = this.#table()[level - 1];
    if (delay === undefined) throw new Error(`delay level ${level} is outside 1..${this.max}`);
    return delay;
  }

  /** Parsed anew when the setting changed. */
  #table(): readonly number[] {
    const text = this.#settings.messageDelayLevel;
    if (text !== this.#text) {
      this.#delaysMs = text.split(" ").map((part) => parseDelay(part, text));
      this.#text = text;
    }
    return this.#delaysMs;
  }
}

function parseDelay(part: string, text: string): number {
  const unit = UNIT_MS.get(part.slice(-1));
  const count = part.slice(0, -1);
  if (unit === undefined || !/^\d{1,9}$/.test(count)) {
    throw new Error(`messageDelayLevel=${text} can't be used: "${part}" is not a number with s, m, h or d after it`);
  }
  return Number(count) * unit;
}

/** The level in a DELAY property; 0 when there is none; NaN when the text is no int32. */
export function delayLevelOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const level = Number(text);
  return /^[+-]?\d+$/.test(text) && level === (level | 0) ? level : Number.NaN;
}

/**
 * The same message, parked. A level above the highest becomes the highest, in the stored DELAY property too; with a level
 * the timer properties mean nothing and are taken off, as in Apache.
 * @param level above 0.
 */
export function parkedMessage(message: MessageInput, level: number, levels: DelayLevels): MessageInput {
  const used = Math.min(level, levels.max);
  let properties = used === level ? message.properties : setProperty(message.properties, MessageConst.DELAY, String(used));
  if (properties.includes("TIMER_DEL")) {
    properties = removeProperty(properties, MessageConst.TIMER_DELIVER_MS);
    properties = removeProperty(properties, MessageConst.TIMER_DELAY_SEC);
    properties = removeProperty(properties, MessageConst.TIMER_DELAY_MS);
  }
  properties = setProperty(properties, MessageConst.REAL_TOPIC, message.topic);
  properties = setProperty(properties, MessageConst.REAL_QID, String(message.queueId));
  return {
    ...message,
    topic: SCHEDULE_TOPIC,
    queueId: used - 1,
    properties,
    deliverDelayMs: levels.delayMs(used),
  };
}
