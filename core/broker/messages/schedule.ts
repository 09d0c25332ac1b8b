/**
 * Delivers messages with a delay level when their time has come: for each level one reader walks queue level - 1 of
 * SCHEDULE_TOPIC_XXXX, whose entries carry the time of delivery, and puts what is due to its real topic and queue.
 *
 * Started and stopped with the role of master, any number of times.
 *
 * - Progress of a level is the offset after the last message that is safely put again, in delayOffset.json every
 *   flushDelayOffsetInterval and at an orderly stop. A crash repeats what was delivered since; it loses nothing.
 * - A delivery waits for the page cache, not for the disk or for slaves, whatever the message's WAIT says.
 * - The stored properties are delivered as they are, DELAY and REAL_TOPIC included.
 */
import { delayOffsetSerializeWrapper } from "../../../wire/bodies/offset.ts";
import type { DataVersion } from "../../../wire/bodies/topic.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeRecord } from "../../../wire/message_reader.ts";
import { propertyOf } from "../../../wire/properties.ts";
import type { TimerHandle } from "../../runtime.ts";
import type { MessageInput, PutReceipt, QueueEntry } from "../../store/message_store.ts";
import { SCHEDULE_TOPIC, TRANS_HALF_TOPIC } from "../metadata/topics_validator.ts";
import { OffsetsFile } from "../offsets/offsets_file.ts";
import type { BrokerParts } from "../parts.ts";
import { renewed } from "./renewed.ts";
import type { DelayLevels } from "./schedule_levels.ts";

/** From start to the first look at each level. */
const FIRST_DELAY_MS = 1_000;
/** Until a level is looked at again when a delivery failed. */
const RETRY_DELAY_MS = 100;
/** The same after something that should not happen. */
const FAULT_DELAY_MS = 10_000;
/**
 * Longest sleep of a level whose head is not due (the wall clock may be set meanwhile) or that is empty. No level is shorter,
 * so a message that arrives meanwhile is seen before it is due.
 */
const SLEEP_MS_MAX = 1_000;
/** Messages put again before other work gets its turn. */
const BATCH_MAX = 64;
/** In whose name the messages of the levels are read. */
const SCHEDULE_GROUP = "SCHEDULE_CONSUMER";

type Parts = Pick<BrokerParts, "runtime" | "log" | "settings" | "store" | "stats">;

interface Level {
  readonly number: number;
  /** Queue offset of the next message to deliver. */
  offset: number;
  timer: TimerHandle | undefined;
  /** A look at it that is under way; settles when it is over. */
  looking: Promise<void> | undefined;
}

export class ScheduleMessageService {
  readonly #parts: Parts;
  readonly #levels: DelayLevels;
  readonly #file: OffsetsFile;
  /** Level -> next offset, of levels that were used. */
  readonly #offsets = new Map<number, number>();
  #dataVersion: DataVersion;
  #updates = 0;
  #changed = false;
  #saving = false;
  #running: Level[] | undefined;
  #saveTimer: TimerHandle | undefined;

  constructor(parts: Parts, levels: DelayLevels) {
    this.#parts = parts;
    this.#levels = levels;
    this.#file = new OffsetsFile(parts.runtime.files, parts.log, `${parts.settings.storePathRootDir}/config/delayOffset.json`);
    this.#dataVersion = { stateVersion: 0, timestamp: parts.runtime.clock.now(), counter: 0 };
  }

  get started(): boolean {
    return this.#running !== undefined;
  }

  /** Level -> next offset; what runtime statistics show beside each queue's end. */
  get offsets(): ReadonlyMap<number, number> {
    return this.#offsets;
  }

  /**
   * Begins to deliver, from the offsets of delayOffset.json moved into the bounds of their queues; nothing when it already
   * does. The store must be loaded.
   * @throws Error naming the file when it is there and can't be read.
   */
  start(): void {
    if (this.#running !== undefined) return;
    const { clock } = this.#parts.runtime;
    this.#load();
    this.#running = Array.from({ length: this.#levels.max }, (_, i): Level => {
      return { number: i + 1, offset: this.#offsets.get(i + 1) ?? 0, timer: undefined, looking: undefined };
    });
    for (const level of this.#running) this.#lookIn(level, FIRST_DELAY_MS);
    this.#saveTimer = clock.setInterval(() => {
      void this.#saveInBackground();
    }, this.#parts.settings.flushDelayOffsetInterval);
  }

  /** Delivers no more after this, and saves the progress; nothing when it was not started. */
  async stop(): Promise<void> {
    const levels = this.#running;
    if (levels === undefined) return;
    this.#running = undefined;
    this.#saveTimer?.cancel();
    for (const level of levels) level.timer?.cancel();
    for (const level of levels) await level.looking;
    this.#changed = false;
    this.#file.save(this.toJson(true));
  }

  /** Text of delayOffset.json; compact for the wire (code 45). */
  toJson(pretty = false): string {
    return delayOffsetSerializeWrapper.format({ dataVersion: this.#dataVersion, offsetTable: this.#offsets }, { pretty });
  }

  // --------------------------------------------------------------------------------------------------------- progress

  #load(): void {
    const loaded = this.#file.load((text) => delayOffsetSerializeWrapper.parse(text));
    if (loaded !== undefined) {
      this.#dataVersion = loaded.dataVersion;
      this.#offsets.clear();
      for (const [level, offset] of loaded.offsetTable) this.#offsets.set(level, offset);
    }
    const { store, log } = this.#parts;
    for (const [level, offset] of this.#offsets) {
      const queue = { topic: SCHEDULE_TOPIC, queueId: level - 1 };
      const min = Math.max(0, store.minOffset(queue));
      const corrected = Math.min(Math.max(offset, min), Math.max(min, store.maxOffset(queue)));
      if (corrected === offset) continue;
      log.warn("the saved progress of a delay level is outside its queue and is moved to the nearer end", {
        level,
        offset,
        corrected,
      });
      this.#offsets.set(level, corrected);
    }
  }

  #advance(level: Level, offset: number): void {
    level.offset = offset;
    if (this.#offsets.get(level.number) === offset) return;
    this.#offsets.set(level.number, offset);
    this.#changed = true;
    if (++this.#updates % this.#parts.settings.delayOffsetUpdateVersionStep === 0) {
      const { stateVersion, counter } = this.#dataVersion;
      this.#dataVersion = { stateVersion, counter: counter + 1, timestamp: this.#parts.runtime.clock.now() };
    }
  }

  async #saveInBackground(): Promise<void> {
    if (!this.#changed || this.#saving) return;
    this.#changed = false;
    this.#saving = true;
    const content = { dataVersion: this.#dataVersion, offsetTable: this.#offsets };
    try {
      await this.#file.saveInBackground(delayOffsetSerializeWrapper.encode(content, { pretty: true }));
    } catch (error) {
      this.#changed = true;
      this.#fault("cannot save the progress of delay levels; tried again at the next turn", error);
    } finally {
      this.#saving = false;
    }
  }

  // --------------------------------------------------------------------------------------------------------- delivery

  #lookIn(level: Level, ms: number): void {
    level.timer?.cancel();
    level.timer = this.#parts.runtime.clock.setTimeout(() => {
      level.timer = undefined;
      level.looking = this.#look(level).then(
        (nextMs) => this.#looked(level, nextMs),
        (error: unknown) => {
          this.#fault(`cannot deliver messages of delay level ${level.number}; tried again in 10 s`, error);
          this.#looked(level, FAULT_DELAY_MS);
        },
      );
    }, ms);
  }

  #looked(level: Level, nextMs: number): void {
    level.looking = undefined;
    if (this.#running?.includes(level) === true) this.#lookIn(level, nextMs);
  }

  /** Delivers what is due and returns after how many ms to look again. */
  async #look(level: Level): Promise<number> {
    const { store, runtime } = this.#parts;
    const queue = { topic: SCHEDULE_TOPIC, queueId: level.number - 1 };
    const maxOffset = store.maxOffset(queue);
    this.#correct(level, store.minOffset(queue), maxOffset);
    if (level.offset >= maxOffset) return SLEEP_MS_MAX;
    const entries = await store.entries(queue, level.offset, BATCH_MAX);
    let last: PutReceipt | undefined;
    let next = level.offset;
    // None although the queue has some: a file of it is being removed.
    let again = entries.length === 0 ? RETRY_DELAY_MS : 0;
    for (const entry of entries) {
      if (this.#running === undefined) break;
      const waitMs = this.#waitOf(entry, level.number, runtime.clock.now());
      if (waitMs > 0) {
        again = Math.min(waitMs, SLEEP_MS_MAX);
        break;
      }
      const put = await this.#deliver(entry);
      if (put === "refused") {
        again = RETRY_DELAY_MS;
        break;
      }
      if (put !== "skipped") last = put;
      next = entry.queueOffset + 1;
    }
    if (last !== undefined) await store.durable(last.endOffset, false);
    if (entries.length > 0) this.#advance(level, next);
    return again;
  }

  /** Outside the queue it can find nothing: the nearer end is where messages are. */
  #correct(level: Level, min: number, max: number): void {
    if (max === 0 && min <= 0) return;
    if (level.offset >= min && level.offset <= max) return;
    const corrected = level.offset < min ? min : max;
    this.#parts.log.error("the progress of a delay level is outside its queue and is moved to the nearer end", {
      level: level.number,
      offset: level.offset,
      min,
      max,
    });
    this.#advance(level, corrected);
  }

  /**
   * A time further away than the level's delay can't be right (the clock was set back, the level table changed): it counts
   * as come.
   */
  #waitOf(entry: QueueEntry, level: number, now: number): number {
    const waitMs = entry.tagsCode - now;
    return waitMs > this.#levels.delayMs(level) ? 0 : waitMs;
  }

  async #deliver(entry: QueueEntry): Promise<PutReceipt | "skipped" | "refused"> {
    const { store, stats, log } = this.#parts;
    if (entry.isHole === true) return "skipped";
    const record = await store.recordAt(entry.physicalOffset);
    if (record === undefined) {
      log.warn("a delayed message can't be read any more and is skipped", { physicalOffset: entry.physicalOffset });
      return "skipped";
    }
    const message = realMessage(record);
    if (message === undefined) {
      log.error("a delayed message has no real topic or queue that it may go to; it is skipped", {
        physicalOffset: entry.physicalOffset,
      });
      return "skipped";
    }
    const receipt = store.append(message);
    if (receipt.status !== "PUT_OK") {
      log.warn("a delayed message can't be delivered now; tried again in 100 ms", {
        topic: message.topic,
        queueId: message.queueId,
        status: receipt.status,
        reason: receipt.reason,
      });
      return "refused";
    }
    stats.put(message.topic, 1, receipt.size);
    if (stats.instruments !== undefined) {
      const { traffic } = stats.instruments;
      traffic.pulled(SCHEDULE_TOPIC, SCHEDULE_GROUP, 1, receipt.size);
      traffic.arrivals(message.topic, "delay").add(1, receipt.size);
    }
    return receipt;
  }

  #fault(what: string, error: unknown): void {
    this.#parts.log.error(what, { path: this.#file.path, error: error instanceof Error ? error.message : String(error) });
  }
}

/** The parked message as it is delivered; undefined when it says no place, or the half topic, where nobody may put. */
function realMessage(record: Uint8Array): MessageInput | undefined {
  const parked = decodeRecord(record);
  const topic = propertyOf(parked.properties, MessageConst.REAL_TOPIC);
  const queueId = Number(propertyOf(parked.properties, MessageConst.REAL_QID) ?? "NaN");
  if (topic === undefined || topic === TRANS_HALF_TOPIC || !Number.isInteger(queueId)) return undefined;
  return { ...renewed(parked, parked.properties), topic, queueId };
}
