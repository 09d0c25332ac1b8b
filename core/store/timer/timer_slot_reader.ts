/**
 * The units of one slot, oldest first, whatever their number: their chain leads from the newest back. A first walk notes
 * where every `SEGMENT_UNITS`-th is and what cancels; then the segments are walked again, the oldest first.
 */
import { type PlacedTimerUnit, TIMER_MAGIC_DELETE, TIMER_MAGIC_ROLL, type TimerLog } from "./timer_log.ts";

/** Units in memory at a time. */
const SEGMENT_UNITS = 4096;
/** Cancelling messages of one slot that are heeded: their keys are in memory. */
const CANCELS_MAX = 1_000_000;

export class SlotReader {
  /** Units that cancel others, newest first. */
  readonly cancels: PlacedTimerUnit[] = [];
  /** Cancelling units beyond `CANCELS_MAX`. */
  cancelsIgnored = 0;
  /** Where the chain breaks off before its first unit; undefined when it is whole. */
  brokenAt: number | undefined;
  readonly #timerLog: TimerLog;
  readonly #isOfSlot: (unit: PlacedTimerUnit) => boolean;
  readonly #starts: number[] = [];

  constructor(timerLog: TimerLog, isOfSlot: (unit: PlacedTimerUnit) => boolean) {
    this.#timerLog = timerLog;
    this.#isOfSlot = isOfSlot;
  }

  /** The first walk. Everything in the log must be written. @throws RuntimeFault */
  async open(lastPosition: number): Promise<void> {
    let count = 0;
    for (let position = lastPosition; position >= 0; ) {
      const unit = this.#timerLog.cachedUnit(position) ?? (await this.#timerLog.unit(position));
      if (unit === undefined || unit.previous >= position || !this.#isOfSlot(unit)) {
        this.brokenAt = position;
        return;
      }
      if (count++ % SEGMENT_UNITS === 0) this.#starts.push(position);
      if (isCancel(unit)) {
        if (this.cancels.length < CANCELS_MAX) this.cancels.push(unit);
        else this.cancelsIgnored++;
      }
      position = unit.previous;
    }
  }

  /** The next messages, oldest first, without those that cancel; undefined behind the last. @throws RuntimeFault */
  async next(): Promise<PlacedTimerUnit[] | undefined> {
    const start = this.#starts.pop();
    if (start === undefined) return undefined;
    const units: PlacedTimerUnit[] = [];
    let position = start;
    for (let i = 0; i < SEGMENT_UNITS && position >= 0 && position !== this.brokenAt; i++) {
      const unit = this.#timerLog.cachedUnit(position) ?? (await this.#timerLog.unit(position));
      if (unit === undefined) break;
      if (!isCancel(unit)) units.push(unit);
      position = unit.previous;
    }
    return units.reverse();
  }
}

const isCancel = ({ magic }: PlacedTimerUnit): boolean => (magic & TIMER_MAGIC_DELETE) !== 0 && (magic & TIMER_MAGIC_ROLL) === 0;
