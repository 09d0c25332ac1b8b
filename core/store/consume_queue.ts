/**
 * ConsumeQueue: where the messages of one queue are in the log. Unit N (`consume_queue_unit.ts`) is at byte 20·N of the queue's
 * files.
 *
 * New units lie in a window in memory. They are written in one go when `PENDING_UNITS_MAX` have gathered, when memory is
 * short, or before a checkpoint; readers see them at once. Written ones stay in the window as long as their messages are in
 * the tail buffer of the log, so that a consumer at the tail needs no read at all. Older units are read off the event loop,
 * in blocks of which the last one is kept for the next pull.
 *
 * What a crash takes of the window is dispatched again from the log: the log is the truth, a consume queue only an index
 * into it. A queue that starts at a unit other than 0 is preceded by blank units.
 *
 * A queue offset whose message is lost (see `recovery.ts`) has a unit that repeats the one before it: a hole. Offsets in the
 * log never decrease along a queue, as every binary search over it needs, and Apache, which knows no holes, delivers the
 * message before once more. A blank unit there would cost more: its pull passes over all that follow in the same log file.
 */
import { readInt64, writeInt32, writeInt64 } from "../../wire/bytes.ts";
import { RECORD_BYTES_MIN } from "../../wire/message.ts";
import { END_BLOCK_BYTES, endsAt, findEnd } from "./consume_queue_end.ts";
import { type ConsumeQueueExt, extOffsetAt, writeExtAddress } from "./consume_queue_ext.ts";
import { BLANK_SIZE, entryAt, isBlank, UNIT_BYTES } from "./consume_queue_unit.ts";
import type { FileQueue } from "./file_queue.ts";
import type { InTurn, LogicQueue } from "./logic_queue.ts";
import type { QueueEntry } from "./message_store.ts";
import type { Scratch } from "./scratch.ts";
import { TAIL_CACHE_BYTES } from "./tail_buffer.ts";

/** Units gathered before a write: 2.5 KiB. */
const PENDING_UNITS_MAX = 128;
/** The window starts small, as most queues are quiet. */
const WINDOW_UNITS_FIRST = 8;
/** 160 KiB: the share of one queue in the tail buffer, were its messages of 1 KiB and all there are. */
const WINDOW_UNITS_MAX = 8192;
/** Units that are read at once and kept: 4 KiB. */
const AHEAD_UNITS = 204;
/** What a reader holds of them while it waits for the disk. */
export const AHEAD_BYTES = AHEAD_UNITS * UNIT_BYTES;

/** What all queues of a store have in memory. */
export interface QueueMemory {
  /** Size of all windows and blocks together. */
  bytes: number;
  /** The last write failed; until one succeeds the store takes no messages, as their units would pile up here. */
  fault: Error | undefined;
  /** For `recover`. */
  recoveryBlock?: Uint8Array;
  /** Called when a queue without window or block got one. */
  used(queue: ConsumeQueue): void;
}

const atOnce: InTurn = (read) => read();

export class ConsumeQueue implements LogicQueue {
  readonly topic: string;
  readonly queueId: number;
  readonly unitBytes = UNIT_BYTES;
  readonly files: FileQueue;
  readonly #memory: QueueMemory;
  /** Extended units, where there are any. */
  ext: ConsumeQueueExt | undefined;
  /** Whether its topic is compacted, which can't change while the topic lives; undefined while that is not known. */
  isCompacted: boolean | undefined;

  /** The next message gets this queue offset; ahead of `maxOffset` by what is appended and not dispatched. */
  nextOffset = 0;
  /** Units there are, written or not. */
  maxOffset = 0;
  /** Units before it are in the page cache at least. */
  writtenOffset = 0;
  /** Units before it are older than this process; only among them are holes. */
  recoveredOffset = 0;
  /** Units before it point at expired messages; see `correctMinOffset`. */
  minOffset = 0;
  /** The smallest log offset that `minOffset` was corrected for. */
  correctedFor = -1;
  /** Log offset of the newest unit's message; -1 without. */
  maxPhysicalOffset = -1;
  /** Written since the last sync, from this unit on; -1 when nothing is. */
  unsyncedFrom = -1;

  /** Units from `#windowFrom` to `maxOffset`. */
  #window: Uint8Array | undefined;
  #windowFrom = 0;
  /** Written units from `#aheadFrom` on, as read last. */
  #ahead: Uint8Array | undefined;
  #aheadFrom = 0;

  constructor(topic: string, queueId: number, files: FileQueue, memory: QueueMemory) {
    this.topic = topic;
    this.queueId = queueId;
    this.files = files;
    this.#memory = memory;
  }

  /** Units that are not written yet. */
  get pendingCount(): number {
    return this.maxOffset - this.writtenOffset;
  }

  /** What `release` would give back. */
  get memoryBytes(): number {
    return (this.#window?.length ?? 0) + (this.#ahead?.length ?? 0);
  }

  /**
   * Adds the unit of `queueOffset`; one that is there already is left alone (recovery dispatches some records twice).
   * Offsets that it leaves out become holes.
   * @returns false when `queueOffset` is further ahead than the log has room for messages; nothing is added.
   */
  put(queueOffset: number, physicalOffset: number, size: number, tagsCode: number): boolean {
    if (queueOffset < this.maxOffset) {
      if (queueOffset > 0 || physicalOffset <= this.maxPhysicalOffset) return true;
      // Offsets begin anew where a topic was deleted: what was dispatched so far is of its predecessor.
      this.destroy();
      this.#beginAt(0);
    }
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
    const window = this.#room(physicalOffset);
    const at = (this.maxOffset - this.#windowFrom) * UNIT_BYTES;
    writeInt64(window, at, physicalOffset);
    writeInt32(window, at + 8, size);
    writeInt64(window, at + 12, tagsCode);
    this.maxOffset++;
    if (this.nextOffset < this.maxOffset) this.nextOffset = this.maxOffset;
    this.maxPhysicalOffset = physicalOffset;
  }

  /** Gives the newest unit the address of an extended one in place of its tagsCode; it was just put and is not written. */
  setExtAddress(offset: number): void {
    const at = (this.maxOffset - 1 - this.#windowFrom) * UNIT_BYTES + 12;
    if (this.#window !== undefined && this.pendingCount > 0) writeExtAddress(this.#window, at, offset);
  }

  /** Writes what is not written into the page cache. @throws RuntimeFault; the units stay where they are. */
  write(): void {
    const from = this.writtenOffset;
    if (this.#window === undefined || from === this.maxOffset) return;
    const bytes = this.#window.subarray((from - this.#windowFrom) * UNIT_BYTES, (this.maxOffset - this.#windowFrom) * UNIT_BYTES);
    this.files.writeSync(bytes, from * UNIT_BYTES);
    if (this.unsyncedFrom < 0) this.unsyncedFrom = from;
    this.writtenOffset = this.maxOffset;
    this.#memory.fault = undefined;
  }

  /** Writes what is not written and gives all memory back. @throws RuntimeFault; the units stay where they are. */
  release(): void {
    this.write();
    this.#setWindow(undefined, this.maxOffset);
    this.#setAhead(undefined, 0);
  }

  /** True when `read` of these units does not touch the disk. */
  isRecent(queueOffset: number, countMax: number): boolean {
    if (queueOffset >= this.#windowFrom) return true;
    const last = Math.min(queueOffset + countMax, this.#windowFrom);
    return this.#aheadHas(queueOffset, last - queueOffset);
  }

  /** Raw units from `queueOffset` on, at most `countMax`; shorter at the end of the queue. */
  read(queueOffset: number, countMax: number): Uint8Array {
    const { units, filePart } = this.#split(queueOffset, countMax);
    if (filePart.length === 0 || this.#copyAhead(filePart, queueOffset)) return units;
    return trim(units, filePart, this.files.readSync(filePart, queueOffset * UNIT_BYTES));
  }

  /** As `read`, when that waits for no disk, with units behind them kept for the next call. */
  readNow(queueOffset: number, countMax: number, scratch?: Scratch): Uint8Array | undefined {
    const { units, filePart } = this.#split(queueOffset, countMax, scratch);
    if (filePart.length === 0 || this.#copyAhead(filePart, queueOffset)) return units;
    const block = this.#blockFor(filePart, queueOffset);
    if (!this.files.readCached(block, queueOffset * UNIT_BYTES)) return undefined;
    if (block !== filePart) {
      filePart.set(block.subarray(0, filePart.length));
      this.#setAhead(block, queueOffset);
    }
    return units;
  }

  /** As `read`, off the event loop, with units behind them kept for the next call. */
  async readLater(queueOffset: number, countMax: number, inTurn: InTurn = atOnce): Promise<Uint8Array> {
    const { units, filePart } = this.#split(queueOffset, countMax);
    if (filePart.length === 0 || this.#copyAhead(filePart, queueOffset)) return units;
    const block = this.#blockFor(filePart, queueOffset);
    const got = await inTurn(() => this.files.read(block, queueOffset * UNIT_BYTES));
    if (block !== filePart) {
      filePart.set(block.subarray(0, filePart.length));
      if (got === block.length) this.#setAhead(block, queueOffset);
    }
    return trim(units, filePart, Math.min(got, filePart.length));
  }

  /** What is read for units that are in files: they and some behind, to the end of their file at most: one read, not two. */
  #blockFor(filePart: Uint8Array, queueOffset: number): Uint8Array {
    const count = filePart.length / UNIT_BYTES;
    if (count >= AHEAD_UNITS) return filePart;
    const perFile = this.files.fileSize / UNIT_BYTES;
    const aheadUnits = Math.min(AHEAD_UNITS, this.writtenOffset - queueOffset, perFile - (queueOffset % perFile));
    return new Uint8Array(Math.max(aheadUnits, count) * UNIT_BYTES);
  }

  entry(queueOffset: number): QueueEntry | undefined {
    if (queueOffset < 0 || queueOffset >= this.maxOffset) return undefined;
    const unit = this.read(queueOffset, 1);
    return unit.length < UNIT_BYTES ? undefined : entryAt(unit, 0, queueOffset);
  }

  /** As `entry`, off the event loop unless it is in memory. */
  async entryLater(queueOffset: number, inTurn: InTurn = atOnce): Promise<QueueEntry | undefined> {
    if (queueOffset < 0 || queueOffset >= this.maxOffset || this.isRecent(queueOffset, 1)) return this.entry(queueOffset);
    const unit = new Uint8Array(UNIT_BYTES);
    const got = await inTurn(() => this.files.read(unit, queueOffset * UNIT_BYTES));
    return got < UNIT_BYTES ? undefined : entryAt(unit, 0, queueOffset);
  }

  /**
   * Moves `minOffset` behind the units whose messages lie before `minPhysicalOffset`: a binary search, as physical offsets
   * grow along a queue.
   */
  correctMinOffset(minPhysicalOffset: number): void {
    if (this.correctedFor === minPhysicalOffset) return;
    this.correctedFor = minPhysicalOffset;
    this.minOffset = this.#firstBehind(minPhysicalOffset);
  }

  async correctMinOffsetLater(minPhysicalOffset: number, inTurn?: InTurn): Promise<void> {
    if (this.correctedFor === minPhysicalOffset) return;
    const low = await this.firstBehindLater(minPhysicalOffset, inTurn);
    // Another search may have gone further meanwhile.
    this.minOffset = Math.max(this.minOffset, low);
    this.correctedFor = Math.max(this.correctedFor, minPhysicalOffset);
  }

  knowsAlive(queueOffset: number, minPhysicalOffset: number): boolean {
    if (this.correctedFor >= minPhysicalOffset || queueOffset >= this.maxOffset) return true;
    if (this.#window === undefined || queueOffset < this.#windowFrom) return false;
    return readInt64(this.#window, (queueOffset - this.#windowFrom) * UNIT_BYTES) >= minPhysicalOffset;
  }

  async firstBehindLater(physicalOffset: number, inTurn?: InTurn): Promise<number> {
    let low = Math.max(this.minOffset, this.files.begin / UNIT_BYTES);
    let high = this.maxOffset;
    if (this.maxPhysicalOffset >= 0 && this.maxPhysicalOffset < physicalOffset) return high;
    // Mostly nothing is expired: the first step looks at the first unit.
    for (let middle = low; low < high; middle = Math.floor((low + high) / 2)) {
      if (isBefore(await this.entryLater(middle, inTurn), physicalOffset)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #firstBehind(physicalOffset: number): number {
    let low = Math.max(this.minOffset, this.files.begin / UNIT_BYTES);
    let high = this.maxOffset;
    if (this.maxPhysicalOffset >= 0 && this.maxPhysicalOffset < physicalOffset) return high;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (isBefore(this.entry(middle), physicalOffset)) low = middle + 1;
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
    if (removed > 0 && this.ext !== undefined) this.ext.removeBefore(this.#extOffsetOf(this.minOffset));
    return removed;
  }

  /**
   * Finds the end after a start: the first unit that is none, or whose message lies at or behind `beforePhysical`. What is
   * behind is cut off with `cut` (it comes again by dispatching from there; after a crash there may be holes in it).
   * @param isWhole units follow each other without a gap: where the first one behind the end is none, nothing needs cutting
   */
  recover(beforePhysical: number, cut: boolean, isWhole = false): void {
    const { files } = this;
    // One for all queues: a store has 20,000 of them.
    this.#memory.recoveryBlock ??= new Uint8Array(END_BLOCK_BYTES);
    const end = findEnd(files, beforePhysical, this.#memory.recoveryBlock);
    const isCut = cut && files.count > 0 && !(isWhole && end.hasNothingBehind);
    if (isCut) files.cut(end.offset * UNIT_BYTES);
    this.#beginAt(end.offset);
    // Else what was cut off is there again after a power cut.
    if (isCut) this.unsyncedFrom = end.offset;
    this.minOffset = files.begin / UNIT_BYTES;
    this.maxPhysicalOffset = end.offset > this.minOffset ? end.lastPhysicalOffset : -1;
    this.ext?.recover(this.#extOffsetOf(end.offset - 1), cut);
  }

  recoverAt(maxOffset: number, maxPhysicalOffset: number): boolean {
    if (!endsAt(this.files, maxOffset, maxPhysicalOffset)) return false;
    this.#beginAt(maxOffset);
    this.minOffset = this.files.begin / UNIT_BYTES;
    this.maxPhysicalOffset = maxPhysicalOffset;
    this.ext?.recover(this.#extOffsetOf(maxOffset - 1), false);
    return true;
  }

  /** Units before `offset`, and none behind, are in files. */
  #beginAt(offset: number): void {
    this.maxOffset = offset;
    this.writtenOffset = offset;
    this.nextOffset = offset;
    this.recoveredOffset = offset;
    this.minOffset = offset;
    this.maxPhysicalOffset = -1;
    this.correctedFor = -1;
    this.unsyncedFrom = -1;
    this.#setWindow(undefined, offset);
    this.#setAhead(undefined, 0);
  }

  /** Where the extended unit of a message is; -1 when it has none. */
  #extOffsetOf(queueOffset: number): number {
    if (queueOffset < this.minOffset || queueOffset >= this.maxOffset) return -1;
    const unit = this.read(queueOffset, 1);
    return unit.length < UNIT_BYTES ? -1 : extOffsetAt(unit, 12);
  }

  /** Drops all units, those in memory and all files. */
  destroy(): void {
    this.writtenOffset = this.maxOffset;
    this.#setWindow(undefined, this.maxOffset);
    this.#setAhead(undefined, 0);
    this.files.destroy();
    this.ext?.destroy();
  }

  /** True when no message of the window is in the tail buffer any more, whose newest is at `physicalOffset`. */
  isQuiet(physicalOffset: number): boolean {
    return this.maxPhysicalOffset < physicalOffset - TAIL_CACHE_BYTES;
  }

  /** The window with room for one more unit, whose message is at `physicalOffset`. */
  #room(physicalOffset: number): Uint8Array {
    const window = this.#window;
    const count = this.maxOffset - this.#windowFrom;
    if (window !== undefined && count * UNIT_BYTES < window.length) return window;
    if (this.pendingCount >= PENDING_UNITS_MAX) {
      try {
        this.write();
      } catch (error) {
        // Its message is acknowledged and in the log: the unit must not be lost. The store stops taking messages.
        this.#memory.fault = error as Error;
      }
    }
    const kept = count - this.#unneeded(physicalOffset);
    // Half of it free makes up for the copy; a window of needed units grows, by little: thousands of queues grow at once.
    const larger = count + Math.max(WINDOW_UNITS_FIRST, count >>> 2);
    const units = window !== undefined && kept <= count / 2 ? count : larger;
    const next = window !== undefined && units === count ? window : new Uint8Array(units * UNIT_BYTES);
    if (window !== undefined) next.set(window.subarray((count - kept) * UNIT_BYTES, count * UNIT_BYTES));
    this.#setWindow(next, this.maxOffset - kept);
    return next;
  }

  /** Units at the start of the window that are written and whose messages have left the tail buffer. */
  #unneeded(physicalOffset: number): number {
    const written = this.writtenOffset - this.#windowFrom;
    const count = this.maxOffset - this.#windowFrom;
    if (this.#window === undefined || written === 0) return 0;
    if (count >= WINDOW_UNITS_MAX) return Math.min(written, count >>> 1);
    let low = 0;
    for (let high = written; low < high; ) {
      const middle = (low + high) >>> 1;
      if (readInt64(this.#window, middle * UNIT_BYTES) < physicalOffset - TAIL_CACHE_BYTES) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #setWindow(window: Uint8Array | undefined, from: number): void {
    const fresh = window !== undefined && this.memoryBytes === 0;
    this.#memory.bytes += (window?.length ?? 0) - (this.#window?.length ?? 0);
    this.#window = window;
    this.#windowFrom = from;
    if (fresh) this.#memory.used(this);
  }

  #setAhead(block: Uint8Array | undefined, from: number): void {
    const fresh = block !== undefined && this.memoryBytes === 0;
    this.#memory.bytes += (block?.length ?? 0) - (this.#ahead?.length ?? 0);
    this.#ahead = block;
    this.#aheadFrom = from;
    if (fresh) this.#memory.used(this);
  }

  #aheadHas(queueOffset: number, count: number): boolean {
    const from = queueOffset - this.#aheadFrom;
    return this.#ahead !== undefined && from >= 0 && (from + count) * UNIT_BYTES <= this.#ahead.length;
  }

  #copyAhead(target: Uint8Array, queueOffset: number): boolean {
    if (this.#ahead === undefined || !this.#aheadHas(queueOffset, target.length / UNIT_BYTES)) return false;
    const from = (queueOffset - this.#aheadFrom) * UNIT_BYTES;
    target.set(this.#ahead.subarray(from, from + target.length));
    return true;
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
    this.#setWindow(undefined, queueOffset);
    this.maxOffset = queueOffset;
    this.writtenOffset = queueOffset;
  }

  /** Room for the units, with those that are in the window; `filePart` is what must come from the files. */
  #split(queueOffset: number, countMax: number, scratch?: Scratch): { units: Uint8Array; filePart: Uint8Array } {
    const count = Math.max(0, Math.min(countMax, this.maxOffset - queueOffset));
    const units = scratch?.room(count * UNIT_BYTES) ?? new Uint8Array(count * UNIT_BYTES);
    const inFiles = Math.max(0, Math.min(count, this.#windowFrom - queueOffset));
    if (inFiles < count && this.#window !== undefined) {
      const from = (queueOffset + inFiles - this.#windowFrom) * UNIT_BYTES;
      units.set(this.#window.subarray(from, from + (count - inFiles) * UNIT_BYTES), inFiles * UNIT_BYTES);
    }
    return { units, filePart: units.subarray(0, inFiles * UNIT_BYTES) };
  }
}

/** A file that is shorter than expected (it was removed meanwhile) leaves only what was read in front of it. */
function trim(units: Uint8Array, filePart: Uint8Array, got: number): Uint8Array {
  return got === filePart.length ? units : units.subarray(0, got - (got % UNIT_BYTES));
}

/** Of a damaged unit no more is lost if what lies before it counts as there. */
const isBefore = (unit: QueueEntry | undefined, physicalOffset: number): boolean =>
  unit === undefined || isBlank(unit) || (unit.physicalOffset >= 0 && unit.physicalOffset < physicalOffset);
