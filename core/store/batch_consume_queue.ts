/**
 * BatchConsumeQueue: the queue of a topic whose `queue.type` is BatchCQ. A batch is one record of the log and one unit here,
 * and takes as many queue offsets as it has messages. Unit N lies at byte 46·N of the queue's files:
 *
 *     int64 physicalOffset   int32 size   int64 tagsCode   int64 storeTimestamp
 *     int64 baseOffset       int16 batchSize   int32 compactedOffset (-1)   int32 reserved (0)
 *
 * `baseOffset` is the queue offset of the batch's first message; it grows from unit to unit, so a message is found by a
 * binary search. A batch is never cut in two: who asks for an offset in its middle gets all of it.
 *
 * As in `consume_queue.ts` units are gathered in memory and the log is the truth: what a crash takes is dispatched again.
 * A message sent singly to such a topic is a batch of one.
 */
import { readInt32, readInt64, writeInt32, writeInt64 } from "../../wire/bytes.ts";
import { type DispatchRequest, offsetsOf } from "./dispatch_request.ts";
import type { FileQueue } from "./file_queue.ts";
import type { InTurn, LogicQueue } from "./logic_queue.ts";
import type { QueueEntry } from "./message_store.ts";

export const BATCH_UNIT_BYTES = 46;
/** `batchSize` is a signed int16. */
export const BATCH_SIZE_MAX = 32_767;
/** Units gathered before a write: 3 KiB. */
const PENDING_UNITS_MAX = 64;
const PENDING_UNITS_FIRST = 4;
/** How many units back from the end are read synchronously if this process wrote them: 370 KiB. */
const RECENT_UNITS = 8192;

const AT = { physicalOffset: 0, size: 8, tagsCode: 12, storeTimestamp: 20, baseOffset: 28, batchSize: 36, compactedOffset: 38 };

/** Writes a unit at `at`. */
export function writeBatchUnit(
  target: Uint8Array,
  at: number,
  unit: { physicalOffset: number; size: number; tagsCode: number; storeTimestamp: number; baseOffset: number; batchSize: number },
): void {
  writeInt64(target, at, unit.physicalOffset);
  writeInt32(target, at + AT.size, unit.size);
  writeInt64(target, at + AT.tagsCode, unit.tagsCode);
  writeInt64(target, at + AT.storeTimestamp, unit.storeTimestamp);
  writeInt64(target, at + AT.baseOffset, unit.baseOffset);
  target[at + AT.batchSize] = unit.batchSize >> 8;
  target[at + AT.batchSize + 1] = unit.batchSize;
  writeInt32(target, at + AT.compactedOffset, -1);
  writeInt32(target, at + AT.compactedOffset + 4, 0);
}

export const unitBase = (units: Uint8Array, at: number): number => readInt64(units, at + AT.baseOffset);
export const unitStoreTimestamp = (units: Uint8Array, at: number): number => readInt64(units, at + AT.storeTimestamp);
export const unitBatchSize = (units: Uint8Array, at: number): number =>
  ((units[at + AT.batchSize] as number) << 8) | (units[at + AT.batchSize + 1] as number);

/** Buffers and faults that all queues of a store share. */
export interface SharedPending {
  bytes: number;
  fault: Error | undefined;
}

export class BatchConsumeQueue implements LogicQueue {
  readonly topic: string;
  readonly queueId: number;
  readonly unitBytes = BATCH_UNIT_BYTES;
  readonly files: FileQueue;
  nextOffset = 0;
  maxOffset = 0;
  minOffset = 0;
  maxPhysicalOffset = -1;
  /** It has no holes: units know their offsets. */
  readonly recoveredOffset = 0;
  /** Units up to here are older than this process. */
  recoveredUnits = 0;
  /** Written since the last sync, from this unit on; -1 when nothing is. */
  unsyncedFrom = -1;
  readonly #shared: SharedPending;
  /** Index behind the newest unit, pending ones included. */
  #units = 0;
  /** Index of the first unit whose message is in the log. */
  #minUnit = 0;
  #correctedFor = -1;
  #pending: Uint8Array | undefined;
  #pendingCount = 0;
  readonly #one = new Uint8Array(BATCH_UNIT_BYTES);

  constructor(topic: string, queueId: number, files: FileQueue, shared: SharedPending) {
    this.topic = topic;
    this.queueId = queueId;
    this.files = files;
    this.#shared = shared;
  }

  /** Adds the unit of a record; one that is there already is left alone. */
  put(request: DispatchRequest): void {
    const { physicalOffset, size, tagsCode, storeTimestamp, queueOffset } = request;
    if (physicalOffset <= this.maxPhysicalOffset) return;
    const batchSize = offsetsOf(request);
    const pending = this.#room();
    const at = this.#pendingCount * BATCH_UNIT_BYTES;
    writeBatchUnit(pending, at, { physicalOffset, size, tagsCode, storeTimestamp, baseOffset: queueOffset, batchSize });
    if (this.maxOffset === 0) this.minOffset = queueOffset;
    this.#pendingCount++;
    this.#units++;
    this.maxOffset = queueOffset + batchSize;
    if (this.nextOffset < this.maxOffset) this.nextOffset = this.maxOffset;
    this.maxPhysicalOffset = physicalOffset;
  }

  /** Writes what is pending into the page cache. @throws RuntimeFault; the units stay pending. */
  write(): void {
    const pending = this.#pending;
    if (pending === undefined || this.#pendingCount === 0) return;
    const from = this.#units - this.#pendingCount;
    this.files.writeSync(pending.subarray(0, this.#pendingCount * BATCH_UNIT_BYTES), from * BATCH_UNIT_BYTES);
    if (this.unsyncedFrom < 0) this.unsyncedFrom = from;
    this.#pendingCount = 0;
    this.#shared.fault = undefined;
  }

  /** Writes what is pending and gives the buffer back. @throws RuntimeFault */
  release(): void {
    this.write();
    this.#replacePending(undefined);
  }

  /** fdatasync of what was written since the last. @throws RuntimeFault; it is tried again by the next call */
  async sync(): Promise<void> {
    this.release();
    const from = this.unsyncedFrom;
    if (from < 0) return;
    this.unsyncedFrom = -1;
    try {
      // Also when nothing came behind the place where it was cut.
      await this.files.dataSync(from * BATCH_UNIT_BYTES, Math.max(this.#units, from + 1) * BATCH_UNIT_BYTES);
    } catch (error) {
      this.unsyncedFrom = this.unsyncedFrom < 0 ? from : Math.min(from, this.unsyncedFrom);
      throw error;
    }
  }

  isRecent(queueOffset: number): boolean {
    const unit = this.#find(queueOffset);
    return unit >= this.recoveredUnits && unit >= this.#units - RECENT_UNITS;
  }

  read(queueOffset: number, countMax: number): Uint8Array {
    const { units, filePart, from } = this.#split(this.#find(queueOffset), countMax);
    if (filePart.length === 0) return units;
    return trim(units, filePart, this.files.readSync(filePart, from));
  }

  readNow(queueOffset: number, countMax: number): Uint8Array | undefined {
    const { units, filePart, from } = this.#split(this.#find(queueOffset), countMax);
    return filePart.length === 0 || this.files.readCached(filePart, from) ? units : undefined;
  }

  async readLater(queueOffset: number, countMax: number, inTurn: InTurn = (read) => read()): Promise<Uint8Array> {
    const { units, filePart, from } = this.#split(this.#find(queueOffset), countMax);
    if (filePart.length === 0) return units;
    return trim(units, filePart, await inTurn(() => this.files.read(filePart, from)));
  }

  entry(queueOffset: number): QueueEntry | undefined {
    if (queueOffset < 0 || queueOffset >= this.maxOffset) return undefined;
    const unit = this.#unit(this.#find(queueOffset));
    return unit === undefined ? undefined : batchEntryAt(unit, 0);
  }

  async entryLater(queueOffset: number): Promise<QueueEntry | undefined> {
    return this.entry(queueOffset);
  }

  correctMinOffset(minPhysicalOffset: number): void {
    if (this.#correctedFor === minPhysicalOffset) return;
    this.#correctedFor = minPhysicalOffset;
    this.#minUnit = this.#unitBehind(minPhysicalOffset);
    this.minOffset = this.#baseOf(this.#minUnit);
  }

  async correctMinOffsetLater(minPhysicalOffset: number): Promise<void> {
    this.correctMinOffset(minPhysicalOffset);
  }

  knowsAlive(_queueOffset: number, minPhysicalOffset: number): boolean {
    return this.#correctedFor === minPhysicalOffset;
  }

  async firstBehindLater(physicalOffset: number): Promise<number> {
    return this.#baseOf(this.#unitBehind(physicalOffset));
  }

  /** Index of the first unit whose messages lie at or behind `physicalOffset`. */
  #unitBehind(physicalOffset: number): number {
    return this.#search((unit) => readInt64(unit, 0) < physicalOffset);
  }

  #baseOf(index: number): number {
    const unit = this.#unit(index);
    return unit === undefined ? this.maxOffset : unitBase(unit, 0);
  }

  removeExpiredFiles(): number {
    let removed = 0;
    while (this.files.count > 1 && this.files.begin + this.files.fileSize <= this.#minUnit * BATCH_UNIT_BYTES) {
      this.files.removeFirst();
      removed++;
    }
    return removed;
  }

  /**
   * LOWER: the first message of the first batch stored at `timestamp` or later. UPPER: that of the last one stored at just
   * that time, if there is one. After all of them it is the last batch, where a plain queue would answer its end.
   */
  offsetByTime(timestamp: number, boundary: "LOWER" | "UPPER"): number {
    let unit = this.#search((each) => unitStoreTimestamp(each, 0) < timestamp);
    if (boundary === "UPPER") unit = Math.max(unit, this.#search((each) => unitStoreTimestamp(each, 0) <= timestamp) - 1);
    const found = this.#unit(Math.max(this.#minUnit, Math.min(unit, this.#units - 1)));
    return found === undefined ? this.minOffset : Math.max(this.minOffset, unitBase(found, 0));
  }

  /** Finds the end: a binary search among whole units, as physical offsets grow and behind the end there are zeros. */
  recover(beforePhysical: number, cut: boolean): void {
    this.#replacePending(undefined);
    this.#pendingCount = 0;
    this.#correctedFor = -1;
    this.#minUnit = this.files.begin / BATCH_UNIT_BYTES;
    this.#units = this.files.end / BATCH_UNIT_BYTES;
    this.#units = this.#search(
      (unit) => readInt32(unit, AT.size) > 0 && unitBatchSize(unit, 0) > 0 && readInt64(unit, 0) < beforePhysical,
    );
    this.unsyncedFrom = -1;
    if (cut && this.files.count > 0) {
      this.files.cut(this.#units * BATCH_UNIT_BYTES);
      // Else what was cut off is there again after a power cut.
      this.unsyncedFrom = this.#units;
    }
    this.recoveredUnits = this.#units;
    const first = this.#unit(this.#minUnit);
    this.minOffset = first === undefined ? 0 : unitBase(first, 0);
    const last = this.#unit(this.#units - 1);
    this.maxOffset = last === undefined ? 0 : unitBase(last, 0) + unitBatchSize(last, 0);
    this.maxPhysicalOffset = last === undefined ? -1 : readInt64(last, 0);
    this.nextOffset = this.maxOffset;
  }

  /** Drops pending units and all files. */
  destroy(): void {
    this.#replacePending(undefined);
    this.#pendingCount = 0;
    this.files.destroy();
  }

  /** Index of the unit that holds `queueOffset`; the first one for what lies before it. */
  #find(queueOffset: number): number {
    return Math.max(this.#minUnit, this.#search((unit) => unitBase(unit, 0) <= queueOffset) - 1);
  }

  /** Index of the first unit from `#minUnit` on for which `isBefore` no longer holds. */
  #search(isBefore: (unit: Uint8Array) => boolean): number {
    let low = this.#minUnit;
    let high = this.#units;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const unit = this.#unit(middle);
      // One that can't be read was removed with the oldest files.
      if (unit === undefined || isBefore(unit)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** One unit, in a buffer that the next call writes over. */
  #unit(index: number): Uint8Array | undefined {
    if (index < 0 || index >= this.#units) return undefined;
    const pendingFrom = this.#units - this.#pendingCount;
    if (index >= pendingFrom) {
      const at = (index - pendingFrom) * BATCH_UNIT_BYTES;
      return this.#pending?.subarray(at, at + BATCH_UNIT_BYTES);
    }
    return this.files.readSync(this.#one, index * BATCH_UNIT_BYTES) === BATCH_UNIT_BYTES ? this.#one : undefined;
  }

  #split(index: number, countMax: number): { units: Uint8Array; filePart: Uint8Array; from: number } {
    const count = Math.max(0, Math.min(countMax, this.#units - index));
    const units = new Uint8Array(count * BATCH_UNIT_BYTES);
    const pendingFrom = this.#units - this.#pendingCount;
    const inFiles = Math.max(0, Math.min(count, pendingFrom - index));
    if (inFiles < count && this.#pending !== undefined) {
      const from = (index + inFiles - pendingFrom) * BATCH_UNIT_BYTES;
      units.set(this.#pending.subarray(from, from + (count - inFiles) * BATCH_UNIT_BYTES), inFiles * BATCH_UNIT_BYTES);
    }
    return { units, filePart: units.subarray(0, inFiles * BATCH_UNIT_BYTES), from: index * BATCH_UNIT_BYTES };
  }

  /** The buffer with room for one more unit. */
  #room(): Uint8Array {
    const pending = this.#pending;
    if (pending !== undefined && this.#pendingCount * BATCH_UNIT_BYTES < pending.length) return pending;
    if (pending !== undefined && this.#pendingCount >= PENDING_UNITS_MAX) {
      try {
        this.write();
        return pending;
      } catch (error) {
        // Its batch is acknowledged and in the log: the unit must not be lost. The store stops taking messages.
        this.#shared.fault = error as Error;
      }
    }
    const larger = new Uint8Array(pending === undefined ? PENDING_UNITS_FIRST * BATCH_UNIT_BYTES : pending.length * 2);
    if (pending !== undefined) larger.set(pending);
    this.#replacePending(larger);
    return larger;
  }

  #replacePending(buffer: Uint8Array | undefined): void {
    this.#shared.bytes += (buffer?.length ?? 0) - (this.#pending?.length ?? 0);
    this.#pending = buffer;
  }
}

export function batchEntryAt(units: Uint8Array, at: number): QueueEntry {
  return {
    queueOffset: unitBase(units, at),
    physicalOffset: readInt64(units, at),
    size: readInt32(units, at + AT.size),
    tagsCode: readInt64(units, at + AT.tagsCode),
  };
}

/** A file that is shorter than expected (it was removed meanwhile) leaves only what was read in front of it. */
function trim(units: Uint8Array, filePart: Uint8Array, got: number): Uint8Array {
  return got === filePart.length ? units : units.subarray(0, got - (got % BATCH_UNIT_BYTES));
}
