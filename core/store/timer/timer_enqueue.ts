/**
 * From the timer topic into the wheel: reads queue 0 of rmq_sys_wheel_timer on and gives every message a unit in the timer
 * log and a place in its slot. What is further away than the window goes into the slot at its end, to be rolled there; what
 * is due is delivered at once.
 */
import { hashCode } from "../../../wire/java_hash.ts";
import type { Clock } from "../../runtime.ts";
import { isBlank } from "../consume_queue_unit.ts";
import type { QueueEntry } from "../message_store.ts";
import { TIMER_MAGIC_DEFAULT, TIMER_MAGIC_DELETE, TIMER_MAGIC_ROLL } from "./timer_log.ts";
import { ENQUEUE_MS_EXPIRED, TIMER_QUEUE, type WaitingMessage, waitingMessage } from "./timer_message.ts";
import type { TimerParts } from "./timer_parts.ts";
import { forEachRecord } from "./timer_records.ts";
import { TimerScan } from "./timer_scan.ts";
import { TIMER_BLANK_SLOTS, TIMER_SLOTS_TOTAL } from "./timer_wheel.ts";

/** Messages of one pass. */
const PASS_MESSAGES_MAX = 1024;
const INT_MAX = 2 ** 31 - 1;

export interface TimerEnqueueParts extends TimerParts {
  readonly clock: Clock;
  readonly settings: { readonly timerRollWindowSlot: number };
  readonly enqueued?: (topic: string, delayMs: number) => void;
}

export class TimerEnqueue {
  readonly #parts: TimerEnqueueParts;
  readonly #scan = new TimerScan();
  /** Store time of the last message read; what "behind" is reckoned from. */
  lastStoreTimestamp = 0;

  constructor(parts: TimerEnqueueParts) {
    this.#parts = parts;
  }

  /** Messages of the timer topic that are not in the wheel yet. */
  get behind(): number {
    return Math.max(0, this.#parts.store.maxOffset(TIMER_QUEUE) - this.#parts.progress.queueOffset);
  }

  /**
   * Takes the next messages in.
   * @param stopped true ends the pass early.
   * @returns how many
   * @throws RuntimeFault; what was taken in stays so.
   */
  async pass(stopped: () => boolean): Promise<number> {
    const { store, progress, wheel, log, spans } = this.#parts;
    if (this.behind === 0) return 0;
    // So far behind with delivering that the ring would be overtaken: first that.
    if (progress.writeTimeMs - progress.readTimeMs > TIMER_SLOTS_TOTAL * progress.precisionMs) return 0;
    const from = progress.queueOffset;
    const entries = await store.entries(TIMER_QUEUE, from, PASS_MESSAGES_MAX);
    const first = entries[0];
    if (first === undefined) return 0;
    if (first.queueOffset > from) {
      log.error("delayed messages expired before they were put into the timer wheel", {
        count: first.queueOffset - from,
        key: "fileReservedTime",
      });
    }
    // A lost message has left a hole, or nothing.
    const messages = entries.filter((entry) => entry.isHole !== true && !isBlank(entry));
    const each = (entry: QueueEntry, record: Uint8Array | undefined): boolean | Promise<boolean> => {
      const waiting = record === undefined ? undefined : this.#waiting(entry, record);
      if (waiting === undefined) {
        if (record === undefined) {
          const { queueOffset, physicalOffset, size } = entry;
          log.error("a delayed message can't be read any more and is skipped", { queueOffset, physicalOffset, size });
        }
        progress.queueOffset = entry.queueOffset + 1;
        return !stopped();
      }
      this.lastStoreTimestamp = waiting.storeTimestamp;
      const slotTime = this.#slotTime(waiting.outTimeMs);
      if (waiting.outTimeMs < progress.writeTimeMs || wheel.has(slotTime)) return this.#take(entry, waiting, stopped);
      return wheel.prepare([slotTime]).then(() => this.#take(entry, waiting, stopped));
    };
    const taken = this.#takeRecent(messages);
    const rest = taken === 0 ? messages : messages.slice(taken);
    const all = !stopped() && (await forEachRecord({ store, spans, release: () => this.#pause() }, rest, each));
    if (all) progress.queueOffset = (entries[entries.length - 1] as QueueEntry).queueOffset + 1;
    await this.#pause();
    return progress.queueOffset - from;
  }

  /**
   * The first messages, as far as they are still in memory and only go into a slot that is too, which is what nearly all do
   * that have just been sent: their records are looked at where they lie. Returns how many.
   */
  #takeRecent(messages: readonly QueueEntry[]): number {
    const { store, progress, put, wheel } = this.#parts;
    // Who looks for earlier deliveries needs more of a record.
    if (put.delivered !== undefined) return 0;
    let count = 0;
    for (const entry of messages) {
      const record = store.recentRecord(entry.physicalOffset, entry.size);
      const waiting = record === undefined ? undefined : waitingMessage(record, this.#scan);
      if (waiting === undefined || waiting.outTimeMs < progress.writeTimeMs) break;
      if (!wheel.has(this.#slotTime(waiting.outTimeMs))) break;
      this.lastStoreTimestamp = waiting.storeTimestamp;
      this.#enter(entry, waiting);
      progress.queueOffset = entry.queueOffset + 1;
      count++;
    }
    return count;
  }

  /** Nothing of the last span is needed any more; and others have their turn. */
  async #pause(): Promise<void> {
    await this.#parts.put.settle();
    await new Promise<void>((resolve) => this.#parts.clock.afterTurn(resolve));
  }

  #waiting(entry: QueueEntry, record: Uint8Array): WaitingMessage | undefined {
    const waiting = waitingMessage(record, this.#scan);
    if (waiting === undefined) {
      this.#parts.log.error("a message of the timer topic says no time or no place to go to; it is skipped", {
        physicalOffset: entry.physicalOffset,
      });
    }
    return waiting;
  }

  #take(entry: QueueEntry, waiting: WaitingMessage, stopped: () => boolean): boolean | Promise<boolean> {
    const { progress, put } = this.#parts;
    if (put.isRolled(waiting)) {
      progress.queueOffset = entry.queueOffset + 1;
      return !stopped();
    }
    if (waiting.outTimeMs >= progress.writeTimeMs) {
      this.#enter(entry, waiting);
      progress.queueOffset = entry.queueOffset + 1;
      return !stopped();
    }
    // Too late to cancel, or due.
    if (waiting.cancels === undefined && !put.put(waiting, ENQUEUE_MS_EXPIRED, false)) {
      return stopped() ? false : put.pause().then(() => this.#take(entry, waiting, stopped));
    }
    progress.queueOffset = entry.queueOffset + 1;
    return put.isFull ? put.settle().then(() => !stopped()) : !stopped();
  }

  #enter(entry: QueueEntry, waiting: WaitingMessage): void {
    const { wheel, timerLog, metrics, progress } = this.#parts;
    const time = this.#slotTime(waiting.outTimeMs);
    const slot = wheel.slot(time);
    const cancels = waiting.cancels !== undefined;
    const rolls = time !== waiting.outTimeMs;
    const position = timerLog.append({
      previous: slot?.lastPosition ?? -1,
      magic: TIMER_MAGIC_DEFAULT | (rolls ? TIMER_MAGIC_ROLL : 0) | (cancels ? TIMER_MAGIC_DELETE : 0),
      enqueueTimeMs: progress.writeTimeMs,
      outTimeMs: time,
      physicalOffset: entry.physicalOffset,
      size: entry.size,
      topicHash: hashCode(waiting.realTopic),
    });
    const count = cancels ? -1 : 1;
    wheel.put(time, {
      firstPosition: slot === undefined || slot.firstPosition < 0 ? position : slot.firstPosition,
      lastPosition: position,
      num: (slot?.num ?? 0) + count,
      magic: slot?.magic ?? 0,
    });
    metrics.add(waiting.realTopic, count);
    this.#parts.enqueued?.(waiting.realTopic, waiting.outTimeMs - waiting.bornTimestamp);
    progress.waiting += count;
    progress.enqueued++;
  }

  /**
   * Where a message waits: its time, or, beyond the window, the window's end; half of the window when only little would be
   * left behind it.
   */
  #slotTime(outTimeMs: number): number {
    const { precisionMs, writeTimeMs } = this.#parts.progress;
    const slots = rollWindowSlots(this.#parts.settings.timerRollWindowSlot, precisionMs);
    const beyondMs = outTimeMs - writeTimeMs - slots * precisionMs;
    if (beyondMs < 0) return outTimeMs;
    const few = beyondMs < Math.floor(slots / 3) * precisionMs;
    return writeTimeMs + (few ? Math.floor(slots / 2) : slots) * precisionMs;
  }
}

/** What Apache makes of timerRollWindowSlot; besides, the window in ms must fit an int32. */
function rollWindowSlots(configured: number, precisionMs: number): number {
  const most = TIMER_SLOTS_TOTAL - TIMER_BLANK_SLOTS;
  const slots = configured > most || configured < 2 ? most : configured;
  return Math.min(slots, Math.floor(INT_MAX / precisionMs));
}
