/**
 * Where the units of a plain consume queue end, as a start finds it in the queue's files: by a search, or by one look where
 * the stop before it noted the end (`queue_ends.ts`). Reads only; `ConsumeQueue` cuts off what is behind.
 */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { entryAt, isBlank, UNIT_BYTES } from "./consume_queue_unit.ts";
import type { FileQueue } from "./file_queue.ts";

/** Read at once when the end of a queue is looked for: 200 units. */
export const END_BLOCK_BYTES = 4000;

/** The end that `findEnd` found; what it read is used again, and is as it was before anything is cut. */
export class FoundEnd {
  /** The first unit that is none, or whose message lies at or behind the offset asked for. */
  readonly offset: number;
  readonly #files: FileQueue;
  readonly #block: Uint8Array;
  readonly #blockFrom: number;

  /** @param block units from `blockFrom` on; without files there are none */
  constructor(files: FileQueue, offset: number, block: Uint8Array, blockFrom: number) {
    this.#files = files;
    this.offset = offset;
    this.#block = block;
    this.#blockFrom = blockFrom;
  }

  /** Where the next unit would be, nothing was ever written. */
  get hasNothingBehind(): boolean {
    return this.#unitAt(this.offset)?.every((byte) => byte === 0) ?? true;
  }

  /** Log offset of the message of the last unit before the end; -1 when there is none. */
  get lastPhysicalOffset(): number {
    const unit = this.#unitAt(this.offset - 1);
    const last = unit && entryAt(unit, 0, this.offset - 1);
    return last === undefined || isBlank(last) ? -1 : last.physicalOffset;
  }

  #unitAt(offset: number): Uint8Array | undefined {
    const at = (offset - this.#blockFrom) * UNIT_BYTES;
    if (at >= 0 && at < this.#block.length) return this.#block.subarray(at, at + UNIT_BYTES);
    const unit = new Uint8Array(UNIT_BYTES);
    return offset >= 0 && this.#files.readSync(unit, offset * UNIT_BYTES) === UNIT_BYTES ? unit : undefined;
  }
}

/**
 * The first unit that is none, or whose message lies at or behind `beforePhysical`. Units before `beforePhysical` are on the disk
 * without holes and grow, so "is one of them" flips once: first among the files, by their first unit, then within one. Most
 * queues end in the first block of their file.
 * @param memory that the block is read into; it is the answer's until that is dropped
 */
export function findEnd(files: FileQueue, beforePhysical: number, memory: Uint8Array): FoundEnd {
  const unit = new Uint8Array(UNIT_BYTES);
  const filesBefore = filesBeforeEnd(files, beforePhysical, unit);
  const blockFrom = (files.begin + Math.max(0, filesBefore - 1) * files.fileSize) / UNIT_BYTES;
  const block = memory.subarray(0, filesBefore === 0 ? 0 : Math.min(END_BLOCK_BYTES, files.fileSize));
  if (filesBefore === 0) return new FoundEnd(files, blockFrom, block, blockFrom);
  files.readSync(block, blockFrom * UNIT_BYTES);
  let at = 0;
  while (at < block.length && isUnitBefore(block, at, beforePhysical)) at += UNIT_BYTES;
  let low = blockFrom + at / UNIT_BYTES;
  let high = at < block.length ? low : blockFrom + files.fileSize / UNIT_BYTES;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    files.readSync(unit, middle * UNIT_BYTES);
    if (isUnitBefore(unit, 0, beforePhysical)) low = middle + 1;
    else high = middle;
  }
  return new FoundEnd(files, low, block, blockFrom);
}

/** How many files begin before the end; the first one counts in any case. @param unit room for one */
function filesBeforeEnd(files: FileQueue, beforePhysical: number, unit: Uint8Array): number {
  // The first one need not be asked: its block is read in any case.
  let low = Math.min(1, files.count);
  for (let high = files.count; low < high; ) {
    const middle = Math.floor((low + high) / 2);
    files.readSync(unit, files.begin + middle * files.fileSize);
    if (isUnitBefore(unit, 0, beforePhysical)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** There is a unit at `at`, and its message lies before `physicalOffset`. */
const isUnitBefore = (units: Uint8Array, at: number, physicalOffset: number): boolean =>
  readInt32(units, at + 8) > 0 && readInt64(units, at) < physicalOffset;

/** Whether the last unit is that of `offset` - 1 and of the message at `lastPhysicalOffset`: one read. */
export function endsAt(files: FileQueue, offset: number, lastPhysicalOffset: number): boolean {
  const { begin, end, fileSize } = files;
  const at = (offset - 1) * UNIT_BYTES;
  // The last unit lies in the last file.
  if (files.count === 0 || !(at >= begin && at >= end - fileSize && at < end)) return false;
  const units = new Uint8Array(Math.min(2 * UNIT_BYTES, end - at));
  if (files.readSync(units, at) < units.length) return false;
  const isLast = units.length === UNIT_BYTES || readInt32(units, UNIT_BYTES + 8) === 0;
  return isLast && readInt32(units, 8) > 0 && readInt64(units, 0) === lastPhysicalOffset;
}
