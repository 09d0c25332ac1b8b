/**
 * ConsumeQueue: where the messages of one queue are in the log. Unit N, at byte 20·N of the queue's files:
 *
 *     int64 physicalOffset   int32 size   int64 tagsCode          (tagsCode: hash of TAGS, or time of delivery)
 *
 * Units are gathered in memory and written in one go when the buffer is full or the store takes a checkpoint; readers see
 * them at once. What is lost by that in a crash is dispatched again from the log: the log is the truth, a consume queue
 * only an index into it. A queue that starts at a unit other than 0 is preceded by blank units.
 *
 * A queue offset whose message is lost (see `recovery.ts`) has a unit that repeats the one before it: a hole. Offsets in the
 * log never decrease along a queue, as every binary search over it needs, and Apache, which knows no holes, delivers the
 * message before once more. A blank unit there would cost more: its pull passes over all that follow in the same log file.
 */
import { readInt32, readInt64, writeInt32, writeInt64 } from "../../wire/bytes.ts";
import { RECORD_BYTES_MIN } from "../../wire/message.ts";
import type { FileQueue } from "./file_queue.ts";
import type { LogicQueue } from "./logic_queue.ts";
import type { QueueEntry } from "./message_store.ts";

export const UNIT_BYTES = 20;
/** Units gathered before a write: 2.5 KiB. The buffer starts at a sixteenth of it, as most queues are quiet. */
const PENDING_UNITS_MAX = 128;
const PENDING_UNITS_FIRST = 8;
/** Size of a blank unit. */
const BLANK_SIZE = 0x7fff_ffff;
/** Read at once when the end of a queue is looked for: 200 units. */
const RECOVERY_BLOCK_BYTES = 4000;
/** How many units back from the end are read synchronously if this process wrote them: 320 KiB. */
const RECENT_UNITS = 16_384;

/** What all queues of a store have pending. */
export interface PendingUnits {
  /** Size of all buffers together. */
  bytes: number;
  /** The last write failed; until one succeeds the store takes no messages, as their units would pile up here. */
  fault: Error | undefined;
}

export class ConsumeQueue implements LogicQueue {
  readonly topic: string;
  readonly queueId: number;
  readonly unitBytes = UNIT_BYTES;
  readonly files: FileQueue;
  readonly #shared: PendingUnits;

  /** The next message gets this queue offset; ahead of `maxOffset` by what is appended and not dispatched. */
  nextOffset = 0;
  /** Units there are, written or pending. */
  maxOffset = 0;
  /** Units up to here are older than this process. */
  recoveredOffset = 0;
  /** Units before it point at expired messages; see `correctMinOffset`. */
  minOffset = 0;
  /** The smallest log offset that `minOffset` was corrected for. */
  correctedFor = -1;
  /** Log offset of the newest unit's message; -1 without. */
  maxPhysicalOffset = -1;
  /** Written since the last sync, from this unit on; -1 when nothing is. */
  unsyncedFrom = -1;

  #pending: Uint8Array | undefined;
  #pendingCount = 0;

  constructor(topic: string, queueId: number, files: FileQueue, shared: PendingUnits) {
    this.topic = topic;
    this.queueId = queueId;
    this.files = files;
    this.#shared = shared;
  }

  get pendingCount(): number {
    return this.#pendingCount;
  }

  /**
   * Adds the unit of `queueOffset`; one that is there already is left alone (recovery dispatches some records twice).
   * Offsets that it leaves out become holes.
   * @returns false when `queueOffset` is further ahead than the log has room for messages; nothing is added.
   */
  put(queueOffset: number, physicalOffset: number, size: number, tagsCode: number): boolean {
    if (queueOffset < this.maxOffset) return true;
    if (queueOffset > this.maxOffset && !this.#bridge(queueOffset, physicalOffset)) return false;
    this.#add(physicalOffset, size, tagsCode);
    return true;
  }

  /**
   * The message of the next queue offset is lost: a hole takes its place.
   * @returns false in a queue without a unit; it simply begins behind.
   */
  addHole(): boolean {
    const last = this.entry(this.maxOffset - 1);
    if (last === undefined) return false;
    this.#add(last.physicalOffset, last.size, last.tagsCode);
    return true;
  }

  #add(physicalOffset: number, size: number, tagsCode: number): void {
    const pending = this.#room();
    const at = this.#pendingCount * UNIT_BYTES;
    writeInt64(pending, at, physicalOffset);
    writeInt32(pending, at + 8, size);
    writeInt64(pending, at + 12, tagsCode);
    this.#pendingCount++;
    this.maxOffset++;
    if (this.nextOffset < this.maxOffset) this.nextOffset = this.maxOffset;
    this.maxPhysicalOffset = physicalOffset;
  }

  /** Writes what is pending into the page cache. @throws RuntimeFault; the units stay pending. */
  write(): void {
    const pending = this.#pending;
    if (pending === undefined || this.#pendingCount === 0) return;
    const from = this.maxOffset - this.#pendingCount;
    this.files.writeSync(pending.subarray(0, this.#pendingCount * UNIT_BYTES), from * UNIT_BYTES);
    if (this.unsyncedFrom < 0) this.unsyncedFrom = from;
    this.#pendingCount = 0;
    this.#shared.fault = undefined;
  }

  /** Writes what is pending and gives the buffer back. @throws RuntimeFault; the units stay pending. */
  release(): void {
    this.write();
    this.#replacePending(undefined);
  }

  /** True when the unit is read synchronously by `read`. */
  isRecent(queueOffset: number): boolean {
    return queueOffset >= this.recoveredOffset && queueOffset >= this.maxOffset - RECENT_UNITS;
  }

  /** Raw units from `queueOffset` on, at most `countMax`; shorter at the end of the queue. */
  read(queueOffset: number, countMax: number): Uint8Array {
    const { units, filePart } = this.#split(queueOffset, countMax);
    if (filePart.length === 0) return units;
    return trim(units, filePart, this.files.readSync(filePart, queueOffset * UNIT_BYTES));
  }

  /** As `read`, off the event loop. */
  async readLater(queueOffset: number, countMax: number): Promise<Uint8Array> {
    const { units, filePart } = this.#split(queueOffset, countMax);
    if (filePart.length === 0) return units;
    return trim(units, filePart, await this.files.read(filePart, queueOffset * UNIT_BYTES));
  }

  entry(queueOffset: number): QueueEntry | undefined {
    if (queueOffset < 0 || queueOffset >= this.maxOffset) return undefined;
    const unit = this.read(queueOffset, 1);
    return unit.length < UNIT_BYTES ? undefined : entryAt(unit, 0, queueOffset);
  }

  /**
   * Moves `minOffset` behind the units whose messages lie before `minPhysicalOffset`: a binary search, as physical offsets
   * grow along a queue.
   */
  correctMinOffset(minPhysicalOffset: number): void {
    if (this.correctedFor === minPhysicalOffset) return;
    this.correctedFor = minPhysicalOffset;
    this.minOffset = this.firstBehind(minPhysicalOffset);
  }

  /** The first queue offset whose message lies at or behind `physicalOffset`; the end of the queue when none does. */
  firstBehind(physicalOffset: number): number {
    let low = Math.max(this.minOffset, this.files.begin / UNIT_BYTES);
    let high = this.maxOffset;
    if (this.maxPhysicalOffset >= 0 && this.maxPhysicalOffset < physicalOffset) return high;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const unit = this.entry(middle);
      if (unit === undefined || isBlank(unit) || unit.physicalOffset < physicalOffset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Removes files that hold nothing at or behind `minOffset`; the last one stays. Returns how many. */
  removeExpiredFiles(): number {
    let removed = 0;
    while (this.files.count > 1 && this.files.begin + this.files.fileSize <= this.minOffset * UNIT_BYTES) {
      this.files.removeFirst();
      removed++;
    }
    return removed;
  }

  /**
   * Finds the end after a start: the first unit that is none, or whose message lies at or behind `beforePhysical`. What is
   * behind is cut off with `cut` (it comes again by dispatching from there; after a crash there may be holes in it).
   */
  recover(beforePhysical: number, cut: boolean): void {
    // Units before `beforePhysical` are on the disk without holes and grow, so "is one of them" flips once: first among the
    // files, by their first unit, then within one. Most queues end in the first block of their file.
    const isBefore = (units: Uint8Array, at: number): boolean =>
      readInt32(units, at + 8) > 0 && readInt64(units, at) < beforePhysical;
    const block = new Uint8Array(Math.min(RECOVERY_BLOCK_BYTES, this.files.fileSize));
    const unit = block.subarray(0, UNIT_BYTES);
    let file = 0;
    for (let after = this.files.count; file < after; ) {
      const middle = Math.floor((file + after) / 2);
      this.files.readSync(unit, this.files.begin + middle * this.files.fileSize);
      if (isBefore(unit, 0)) file = middle + 1;
      else after = middle;
    }
    let low = (this.files.begin + Math.max(0, file - 1) * this.files.fileSize) / UNIT_BYTES;
    if (file > 0) {
      let high = low + this.files.fileSize / UNIT_BYTES;
      this.files.readSync(block, low * UNIT_BYTES);
      let at = 0;
      while (at < block.length && isBefore(block, at)) at += UNIT_BYTES;
      low += at / UNIT_BYTES;
      if (at < block.length) high = low;
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        this.files.readSync(unit, middle * UNIT_BYTES);
        if (isBefore(unit, 0)) low = middle + 1;
        else high = middle;
      }
    }
    if (cut && this.files.count > 0) this.files.cut(low * UNIT_BYTES);
    this.maxOffset = low;
    this.nextOffset = low;
    this.recoveredOffset = low;
    this.minOffset = this.files.begin / UNIT_BYTES;
    const last = this.entry(low - 1);
    this.maxPhysicalOffset = last === undefined || isBlank(last) ? -1 : last.physicalOffset;
  }

  /** Drops pending units and all files. */
  destroy(): void {
    this.#replacePending(undefined);
    this.#pendingCount = 0;
    this.files.destroy();
  }

  /** The buffer with room for one more unit. */
  #room(): Uint8Array {
    const pending = this.#pending;
    if (pending !== undefined && this.#pendingCount * UNIT_BYTES < pending.length) return pending;
    if (pending !== undefined && this.#pendingCount >= PENDING_UNITS_MAX) {
      try {
        this.write();
        return pending;
      } catch (error) {
        // Its message is acknowledged and in the log: the unit must not be lost. The store stops taking messages.
        this.#shared.fault = error as Error;
      }
    }
    const larger = new Uint8Array(pending === undefined ? PENDING_UNITS_FIRST * UNIT_BYTES : pending.length * 2);
    if (pending !== undefined) larger.set(pending);
    this.#replacePending(larger);
    return larger;
  }

  #replacePending(buffer: Uint8Array | undefined): void {
    this.#shared.bytes += (buffer?.length ?? 0) - (this.#pending?.length ?? 0);
    this.#pending = buffer;
  }

  /**
   * Fills up to `queueOffset`: with holes behind the last unit, or, in a queue without one, with blank units from the start
   * of the file of `queueOffset` on. Messages before it expired, or were lost.
   */
  #bridge(queueOffset: number, physicalOffset: number): boolean {
    // Each message that is missing had its record between the last one and this.
    const room = physicalOffset - Math.max(0, this.maxPhysicalOffset);
    if (this.maxOffset * UNIT_BYTES === this.files.begin) {
      if (queueOffset > physicalOffset / RECORD_BYTES_MIN) return false;
      this.#fillBlank(queueOffset);
    } else {
      if (queueOffset - this.maxOffset > room / RECORD_BYTES_MIN) return false;
      const last = this.entry(this.maxOffset - 1);
      if (last === undefined) return false;
      while (this.maxOffset < queueOffset) this.#add(last.physicalOffset, last.size, last.tagsCode);
    }
    return true;
  }

  #fillBlank(queueOffset: number): void {
    const perFile = this.files.fileSize / UNIT_BYTES;
    const from = queueOffset - (queueOffset % perFile);
    // Files that hold nothing any more would leave a gap.
    if (this.files.count > 0 && this.files.begin !== from * UNIT_BYTES) this.files.destroy();
    const blank = new Uint8Array((queueOffset - from) * UNIT_BYTES);
    for (let at = 0; at < blank.length; at += UNIT_BYTES) writeInt32(blank, at + 8, BLANK_SIZE);
    this.files.ensureFileAt(from * UNIT_BYTES);
    this.files.writeSync(blank, from * UNIT_BYTES);
    if (this.unsyncedFrom < 0) this.unsyncedFrom = from;
    this.minOffset = queueOffset;
    this.maxOffset = queueOffset;
  }

  #split(queueOffset: number, countMax: number): { units: Uint8Array; filePart: Uint8Array } {
    const count = Math.max(0, Math.min(countMax, this.maxOffset - queueOffset));
    const units = new Uint8Array(count * UNIT_BYTES);
    const pendingFrom = this.maxOffset - this.#pendingCount;
    const inFiles = Math.max(0, Math.min(count, pendingFrom - queueOffset));
    if (inFiles < count && this.#pending !== undefined) {
      const from = (queueOffset + inFiles - pendingFrom) * UNIT_BYTES;
      units.set(this.#pending.subarray(from, from + (count - inFiles) * UNIT_BYTES), inFiles * UNIT_BYTES);
    }
    return { units, filePart: units.subarray(0, inFiles * UNIT_BYTES) };
  }
}

export function entryAt(units: Uint8Array, index: number, queueOffset: number): QueueEntry {
  const at = index * UNIT_BYTES;
  return {
    queueOffset,
    physicalOffset: readInt64(units, at),
    size: readInt32(units, at + 8),
    tagsCode: readInt64(units, at + 12),
  };
}

/** A unit before the start of a queue. */
export const isBlank = (entry: QueueEntry): boolean => entry.physicalOffset === 0 && entry.size === BLANK_SIZE;

/** True when the unit at `at` repeats the one before it: its message is lost. False for the first of `units`. */
export const isHole = (units: Uint8Array, at: number): boolean =>
  at >= UNIT_BYTES && readInt64(units, at) === readInt64(units, at - UNIT_BYTES);

/** A file that is shorter than expected (it was removed meanwhile) leaves only what was read in front of it. */
function trim(units: Uint8Array, filePart: Uint8Array, got: number): Uint8Array {
  return got === filePart.length ? units : units.subarray(0, got - (got % UNIT_BYTES));
}
