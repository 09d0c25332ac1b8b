/**
 * Out of the wheel: the messages of every slot whose time has come are put again, slot after slot and oldest first, those
 * that are cancelled in the same slot left out. One `step` takes a piece of a slot, so that what is due elsewhere, and a
 * stop, need not wait for a slot of a million.
 */
import { type PlacedTimerUnit, TIMER_MAGIC_ROLL } from "./timer_log.ts";
import { deleteKey, type WaitingMessage, waitingMessage } from "./timer_message.ts";
import type { TimerParts } from "./timer_parts.ts";
import { forEachRecord } from "./timer_records.ts";
import { TimerScan } from "./timer_scan.ts";
import { SlotReader } from "./timer_slot_reader.ts";
import { TIMER_RING_SLOTS, type TimerSlot } from "./timer_wheel.ts";

export interface TimerDequeueParts extends TimerParts {
  readonly settings: { readonly appendTopicForTimerDeleteKey: boolean };
}

/** A slot that is being delivered. */
interface OpenSlot {
  readonly slot: TimerSlot;
  readonly reader: SlotReader;
  readonly cancelled: ReadonlySet<string>;
}

export class TimerDequeue {
  readonly #parts: TimerDequeueParts;
  readonly #scan = new TimerScan();
  #open: OpenSlot | undefined;

  constructor(parts: TimerDequeueParts) {
    this.#parts = parts;
  }

  /** A slot is begun and not at its end. */
  get inSlot(): boolean {
    return this.#open !== undefined;
  }

  /**
   * Delivers a piece of what is due.
   * @param stopped true ends the step early.
   * @returns false when nothing more is due
   * @throws RuntimeFault; `reset` before the next step.
   */
  async step(stopped: () => boolean): Promise<boolean> {
    const { progress, put } = this.#parts;
    this.#open ??= await this.#openNext();
    const open = this.#open;
    if (open === undefined) return false;
    const units = await open.reader.next();
    if (units === undefined) {
      this.#close(open);
      return true;
    }
    const left = units.filter(({ position }) => position > progress.deliveredPosition);
    const { store, spans } = this.#parts;
    const reading = { store, spans, release: () => put.settle() };
    await forEachRecord(reading, left, (unit, record) => this.#deliver(open, unit, record, stopped));
    await put.settle();
    return true;
  }

  /** Forgets the slot that is open: the next step opens it again and goes on behind what is delivered. */
  reset(): void {
    this.#open = undefined;
    this.#parts.timerLog.forgetBlocks();
  }

  /** Begins the next slot that is due and not empty; undefined when there is none. */
  async #openNext(): Promise<OpenSlot | undefined> {
    const { progress, wheel, timerLog, log } = this.#parts;
    const { precisionMs, readTimeMs, writeTimeMs } = progress;
    if (readTimeMs >= writeTimeMs) return undefined;
    // One turn of the ring is everything there is, however far the clock has jumped.
    const time = await wheel.nextUsed(readTimeMs, Math.min(writeTimeMs, readTimeMs + TIMER_RING_SLOTS * precisionMs));
    if (time === undefined) {
      progress.moveRead(writeTimeMs);
      return undefined;
    }
    progress.moveRead(time);
    const slot = wheel.slot(time) as TimerSlot;
    timerLog.write();
    const reader = new SlotReader(timerLog, (unit) => wheel.slotTime(unit.outTimeMs) === time);
    await reader.open(slot.lastPosition);
    if (reader.brokenAt !== undefined) {
      log.error("the chain of a slot in the timer log is broken; what is behind the break can't be delivered", {
        slot: time,
        position: reader.brokenAt,
        begin: timerLog.begin,
      });
    }
    if (reader.cancelsIgnored > 0) {
      log.error("more messages of one slot are cancelled than can be heeded", { slot: time, ignored: reader.cancelsIgnored });
    }
    return { slot, reader, cancelled: await this.#cancelled(reader.cancels) };
  }

  #close({ slot }: OpenSlot): void {
    const { progress, timerLog } = this.#parts;
    progress.waiting -= slot.num;
    progress.moveRead(progress.readTimeMs + progress.precisionMs);
    this.#open = undefined;
    if (progress.readTimeMs >= progress.writeTimeMs) timerLog.forgetBlocks();
  }

  async #cancelled(units: readonly PlacedTimerUnit[]): Promise<ReadonlySet<string>> {
    const keys = new Set<string>();
    await forEachRecord(this.#parts, [...units].reverse(), (_unit, record) => {
      const waiting = record === undefined ? undefined : waitingMessage(record, this.#scan);
      if (waiting?.cancels !== undefined) {
        keys.add(waiting.cancels);
        this.#parts.metrics.add(waiting.realTopic, 1);
      }
      return true;
    });
    return keys;
  }

  #deliver(
    open: OpenSlot,
    unit: PlacedTimerUnit,
    record: Uint8Array | undefined,
    stopped: () => boolean,
  ): boolean | Promise<boolean> {
    const { progress, put, metrics, log } = this.#parts;
    const waiting = record === undefined ? undefined : waitingMessage(record, this.#scan);
    const roll = (unit.magic & TIMER_MAGIC_ROLL) !== 0;
    if (waiting === undefined) {
      log.error("a delayed message can't be read any more and is skipped", {
        physicalOffset: unit.physicalOffset,
        size: unit.size,
        slot: progress.readTimeMs,
      });
    } else if (roll || !this.#isCancelled(open, waiting)) {
      if (!put.put(waiting, String(unit.enqueueTimeMs), roll)) {
        return stopped() ? false : put.pause().then(() => this.#deliver(open, unit, record, stopped));
      }
    }
    if (waiting !== undefined) metrics.add(waiting.realTopic, -1);
    progress.deliveredPosition = unit.position;
    return put.isFull ? put.settle().then(() => !stopped()) : !stopped();
  }

  #isCancelled({ cancelled }: OpenSlot, waiting: WaitingMessage): boolean {
    if (cancelled.size === 0) return false;
    const { realTopic, uniqKey } = waiting;
    if (uniqKey === undefined) return false;
    return cancelled.has(deleteKey(realTopic, uniqKey, this.#parts.settings.appendTopicForTimerDeleteKey));
  }
}
