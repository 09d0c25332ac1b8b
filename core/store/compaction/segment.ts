/**
 * One pair of files of a compaction log: records in `compactionLog/<topic>/<queueId>/<base>`, and where each of them is in
 * `compactionCq/<topic>/<queueId>/<base>`, in units of a queue of batches (`../batch_consume_queue.ts`) whose physical offset is
 * the place in this log. Both have their full size from the beginning, sparse. A record that does not fit, or that would take
 * the last unit, ends the segment: a blank record and a unit of place -1 say so.
 */
import { readInt32, readInt64, writeInt64 } from "../../../wire/bytes.ts";
import { BLANK_RECORD_BYTES, RECORD_AT, writeBlankRecord } from "../../../wire/message.ts";
import { BATCH_UNIT_BYTES, unitBase, unitBatchSize, unitStoreTimestamp, writeBatchUnit } from "../batch_consume_queue.ts";
import { type OpenFiles, StoreFile } from "../open_files.ts";
import { isRecordOf } from "../record_checks.ts";

/** Units read at once when a segment is walked. */
const WALK_UNITS = 1024;

export interface SegmentSizes {
  readonly logBytes: number;
  readonly cqBytes: number;
}

/** Where the files of a log lie. */
export interface SegmentDirectories {
  readonly log: string;
  readonly cq: string;
}

/** One record of a segment. */
export interface CompactionUnit {
  /** In the whole log. */
  readonly position: number;
  readonly size: number;
  readonly tagsCode: number;
  readonly storeTimestamp: number;
  readonly queueOffset: number;
}

/** Apache's rule: a log file has room for as many bytes as some files of its queue, five at least. */
export function segmentSizes(compactionMappedFileSize: number, compactionCqMappedFileSize: number): SegmentSizes {
  const cqBytes = Math.max(2, Math.floor(compactionCqMappedFileSize / BATCH_UNIT_BYTES)) * BATCH_UNIT_BYTES;
  const n = Math.floor(compactionMappedFileSize / cqBytes);
  const rest = compactionMappedFileSize % cqBytes;
  if (n < 5) return { logBytes: cqBytes * 5, cqBytes };
  return { logBytes: (rest > 0 && rest < Math.floor(cqBytes / 2) ? n : n + 1) * cqBytes, cqBytes };
}

export const segmentName = (base: number): string => String(base).padStart(20, "0");

export class Segment {
  readonly base: number;
  readonly log: StoreFile;
  readonly cq: StoreFile;
  readonly sizes: SegmentSizes;
  readonly #open: OpenFiles;
  /** Records. */
  count = 0;
  /** Behind the newest record, in the whole log. */
  end: number;
  /** Nothing more fits. */
  isFull = false;
  dirty = false;
  readonly #unit = new Uint8Array(BATCH_UNIT_BYTES);

  constructor(open: OpenFiles, directories: SegmentDirectories, base: number, sizes: SegmentSizes) {
    this.#open = open;
    this.base = base;
    this.sizes = sizes;
    this.end = base;
    this.log = new StoreFile(`${directories.log}/${segmentName(base)}`, base);
    this.cq = new StoreFile(`${directories.cq}/${segmentName(base)}`, base);
  }

  /** Makes both files. @throws RuntimeFault; neither is there then */
  create(): void {
    try {
      this.#open.open(this.log, true).truncate(this.sizes.logBytes);
      this.#open.open(this.cq, true).truncate(this.sizes.cqBytes);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  get firstOffset(): number {
    return this.count === 0 ? -1 : this.unit(0).queueOffset;
  }

  get lastOffset(): number {
    return this.count === 0 ? -1 : this.unit(this.count - 1).queueOffset;
  }

  /**
   * Adds a record, whose own physical offset becomes its place here.
   * @param record changed; a buffer of the caller's own.
   * @returns false when it does not fit any more. @throws RuntimeFault; nothing counts then.
   */
  append(record: Uint8Array, queueOffset: number, tagsCode: number, storeTimestamp: number): boolean {
    const at = this.end - this.base;
    const room = this.sizes.logBytes - at;
    if (this.isFull || (this.count + 1) * BATCH_UNIT_BYTES >= this.sizes.cqBytes || record.length + BLANK_RECORD_BYTES > room) {
      if (!this.isFull) this.#seal(at, room);
      return false;
    }
    writeInt64(record, RECORD_AT.physicalOffset, this.end);
    const unit = {
      physicalOffset: this.end,
      size: record.length,
      tagsCode,
      storeTimestamp,
      baseOffset: queueOffset,
      batchSize: 1,
    };
    writeBatchUnit(this.#unit, 0, unit);
    this.#open.use(this.log).writeSync(record, at);
    this.#open.use(this.cq).writeSync(this.#unit, this.count * BATCH_UNIT_BYTES);
    this.dirty = true;
    this.count++;
    this.end += record.length;
    return true;
  }

  /** @throws Error when there is no such unit. */
  unit(index: number): CompactionUnit {
    const bytes = new Uint8Array(BATCH_UNIT_BYTES);
    if (this.#open.use(this.cq).readSync(bytes, index * BATCH_UNIT_BYTES) < BATCH_UNIT_BYTES) {
      throw new Error(`"${this.cq.path}" has no unit ${index}`);
    }
    return unitAt(bytes, 0);
  }

  /** Units from `index` on. */
  units(index: number, countMax: number): CompactionUnit[] {
    const count = Math.max(0, Math.min(countMax, this.count - index));
    const bytes = new Uint8Array(count * BATCH_UNIT_BYTES);
    const got = this.#open.use(this.cq).readSync(bytes, index * BATCH_UNIT_BYTES);
    return Array.from({ length: Math.floor(got / BATCH_UNIT_BYTES) }, (_, i) => unitAt(bytes, i * BATCH_UNIT_BYTES));
  }

  /** Index of the first record at or behind `queueOffset`; `count` when there is none. */
  find(queueOffset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.unit(middle).queueOffset < queueOffset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  readSync(target: Uint8Array, position: number): boolean {
    return this.#open.use(this.log).readSync(target, position - this.base) === target.length;
  }

  async read(target: Uint8Array, position: number): Promise<boolean> {
    return (await this.#open.use(this.log).read(target, position - this.base)) === target.length;
  }

  /**
   * Finds the end after a start.
   * @param trustedBefore records stored before this time, ms, are on the disk; the others are looked at, and what follows the
   *   first that is none is cut off.
   */
  recover(trustedBefore: number): void {
    const units = new Uint8Array(WALK_UNITS * BATCH_UNIT_BYTES);
    const head = new Uint8Array(RECORD_AT.bornHost);
    const cq = this.#open.use(this.cq);
    const max = this.sizes.cqBytes / BATCH_UNIT_BYTES;
    this.count = 0;
    this.end = this.base;
    for (let ended = false; !ended && this.count < max; ) {
      const got = Math.floor(cq.readSync(units, this.count * BATCH_UNIT_BYTES) / BATCH_UNIT_BYTES);
      if (got === 0) break;
      for (let i = 0; i < got && !ended; i++) {
        const at = i * BATCH_UNIT_BYTES;
        const unit = unitAt(units, at);
        ended = unit.position !== this.end || unit.size <= 0 || unitBatchSize(units, at) !== 1;
        // The unit that ends a full segment.
        if (unit.position === -1 && unit.size === 0) this.isFull = true;
        if (!ended && unit.storeTimestamp >= trustedBefore) {
          ended = !this.readSync(head, unit.position) || !isRecordOf(head, 0, unit.size, unit.position);
        }
        if (ended) break;
        this.count++;
        this.end += unit.size;
      }
    }
    if (trustedBefore === Number.POSITIVE_INFINITY || this.isFull) return;
    this.#clearFrom(this.count);
  }

  /** Drops the records from the `index`-th on. */
  cut(index: number): void {
    this.end = index === this.count ? this.end : this.unit(index).position;
    this.count = index;
    this.isFull = false;
    this.#clearFrom(index);
    this.dirty = true;
  }

  /** Zeros, so that no unit is taken for one. */
  #clearFrom(index: number): void {
    const cq = this.#open.use(this.cq);
    cq.truncate(index * BATCH_UNIT_BYTES);
    cq.truncate(this.sizes.cqBytes);
  }

  /** To the disk. @throws RuntimeFault; it is tried again by the next call */
  async sync(): Promise<void> {
    if (!this.dirty) return;
    this.dirty = false;
    try {
      // The records before the units that say that they are there.
      await this.#open.use(this.log).dataSync();
      await this.#open.use(this.cq).dataSync();
    } catch (error) {
      this.dirty = true;
      throw error;
    }
  }

  close(): void {
    this.#open.close(this.log);
    this.#open.close(this.cq);
  }

  remove(): void {
    this.close();
    this.#open.files.remove(this.log.path);
    this.#open.files.remove(this.cq.path);
  }

  #seal(at: number, room: number): void {
    if (room >= BLANK_RECORD_BYTES) {
      const blank = new Uint8Array(BLANK_RECORD_BYTES);
      writeBlankRecord(blank, 0, room);
      this.#open.use(this.log).writeSync(blank, at);
    }
    const unit = { physicalOffset: -1, size: 0, tagsCode: 0, storeTimestamp: 0, baseOffset: 0, batchSize: 0 };
    writeBatchUnit(this.#unit, 0, unit);
    const cqAt = this.count * BATCH_UNIT_BYTES;
    if (cqAt + BATCH_UNIT_BYTES <= this.sizes.cqBytes) this.#open.use(this.cq).writeSync(this.#unit, cqAt);
    this.isFull = true;
    this.dirty = true;
  }
}

function unitAt(bytes: Uint8Array, at: number): CompactionUnit {
  return {
    position: readInt64(bytes, at),
    size: readInt32(bytes, at + 8),
    tagsCode: readInt64(bytes, at + 12),
    storeTimestamp: unitStoreTimestamp(bytes, at),
    queueOffset: unitBase(bytes, at),
  };
}
