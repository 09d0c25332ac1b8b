/**
 * ConsumeQueueExt: what does not fit into a unit of a consume queue (enableConsumeQueueExt). The unit's tagsCode is then the
 * address of an extended unit, one behind the other in `consumequeue_ext/<topic>/<queueId>/`:
 *
 *     int16 size   int64 tagsCode   int64 msgStoreTime   int16 bitMapSize   bitMap
 *
 * Address = offset in the files + Long.MIN_VALUE, which no hash of a tag can be. The last 4 bytes of a file stay free; a unit
 * that does not fit in front of them begins the next file, and an int16 -1 stands in its place. `bitMap` says which groups'
 * expressions the message passes (Bloom filter), if somebody has calculated it.
 *
 * Units are gathered in memory as those of the consume queue are. What is lost is no message: a filter without an extended
 * unit takes the record and looks into it.
 */
import { readInt32, readInt64, readUint16, writeInt16, writeInt32, writeInt64 } from "../../wire/bytes.ts";
import type { FileQueue } from "./file_queue.ts";

export const EXT_UNIT_BYTES_MIN = 20;
/** `size` is a signed int16. */
const EXT_UNIT_BYTES_MAX = 32_767;
/** Free at a file's end. */
const END_BLANK_BYTES = 4;
/** Gathered before a write. */
const PENDING_BYTES = 4096;

export interface CqExtUnit {
  readonly tagsCode: number;
  readonly msgStoreTime: number;
  readonly filterBitMap: Uint8Array | undefined;
}

/** The high half of Long.MIN_VALUE. */
const SIGN = 0x8000_0000;

/** Offset in the files of the address at `at`; -1 when it is a hash or a time: addresses are below any int32. */
export function extOffsetAt(bytes: Uint8Array, at: number): number {
  const high = readInt32(bytes, at);
  if (high >= -1) return -1;
  // As unsigned halves: the value itself is not exact in a number.
  return (high + SIGN) * 0x1_0000_0000 + (readInt32(bytes, at + 4) >>> 0);
}

/** Writes the address of `offset`. */
export function writeExtAddress(target: Uint8Array, at: number, offset: number): void {
  writeInt32(target, at, (Math.floor(offset / 0x1_0000_0000) + SIGN) | 0);
  writeInt32(target, at + 4, (offset % 0x1_0000_0000) | 0);
}

export class ConsumeQueueExt {
  readonly files: FileQueue;
  /** Behind the newest unit. */
  #end = 0;
  #pending = new Uint8Array(0);
  #pendingBytes = 0;
  #unsyncedFrom = -1;

  constructor(files: FileQueue) {
    this.files = files;
  }

  /** @returns the unit's offset; undefined when the bitmap is too long for one. @throws RuntimeFault */
  put(tagsCode: number, msgStoreTime: number, filterBitMap: Uint8Array | undefined): number | undefined {
    const bitMapBytes = filterBitMap?.length ?? 0;
    const size = EXT_UNIT_BYTES_MIN + bitMapBytes;
    if (size > EXT_UNIT_BYTES_MAX || size > this.files.fileSize - END_BLANK_BYTES) return undefined;
    const inFile = this.#end % this.files.fileSize;
    if (size > this.files.fileSize - END_BLANK_BYTES - inFile) {
      this.#append(2, (target, at) => writeInt16(target, at, -1));
      this.write();
      this.#end += this.files.fileSize - (this.#end % this.files.fileSize);
    }
    const offset = this.#end;
    this.#append(size, (target, at) => {
      writeInt16(target, at, size);
      writeInt64(target, at + 2, tagsCode);
      writeInt64(target, at + 10, msgStoreTime);
      writeInt16(target, at + 18, bitMapBytes);
      if (filterBitMap !== undefined) target.set(filterBitMap, at + EXT_UNIT_BYTES_MIN);
    });
    return offset;
  }

  /** The unit at an offset; undefined when there is none. */
  get(offset: number): CqExtUnit | undefined {
    const head = new Uint8Array(EXT_UNIT_BYTES_MIN);
    if (!this.#read(head, offset)) return undefined;
    const size = readUint16(head, 0);
    const bitMapBytes = readUint16(head, 18);
    if (size < EXT_UNIT_BYTES_MIN || size > EXT_UNIT_BYTES_MAX || bitMapBytes !== size - EXT_UNIT_BYTES_MIN) return undefined;
    const filterBitMap = bitMapBytes === 0 ? undefined : new Uint8Array(bitMapBytes);
    if (filterBitMap !== undefined && !this.#read(filterBitMap, offset + EXT_UNIT_BYTES_MIN)) return undefined;
    return { tagsCode: readInt64(head, 2), msgStoreTime: readInt64(head, 10), filterBitMap };
  }

  /** Writes what is pending into the page cache. @throws RuntimeFault; it stays pending */
  write(): void {
    if (this.#pendingBytes === 0) return;
    const from = this.#end - this.#pendingBytes;
    this.files.writeSync(this.#pending.subarray(0, this.#pendingBytes), from);
    if (this.#unsyncedFrom < 0) this.#unsyncedFrom = from;
    this.#pendingBytes = 0;
  }

  /** To the disk: before the consume queue that points here. @throws RuntimeFault; it is tried again by the next call */
  async sync(): Promise<void> {
    this.write();
    this.#pending = new Uint8Array(0);
    const from = this.#unsyncedFrom;
    if (from < 0) return;
    this.#unsyncedFrom = -1;
    try {
      await this.files.dataSync(from, this.#end);
    } catch (error) {
      this.#unsyncedFrom = this.#unsyncedFrom < 0 ? from : Math.min(from, this.#unsyncedFrom);
      throw error;
    }
  }

  /**
   * The consume queue ends with a unit whose address is `lastOffset` (-1: with none): what is behind that is cut off, or
   * left alone until it is written over.
   */
  recover(lastOffset: number, cut: boolean): void {
    this.#pendingBytes = 0;
    this.#end = this.files.begin;
    if (lastOffset >= 0) {
      const last = this.get(lastOffset);
      if (last !== undefined) this.#end = lastOffset + EXT_UNIT_BYTES_MIN + (last.filterBitMap?.length ?? 0);
      else {
        // It is lost. The next unit begins a file, so that no address is given twice.
        if (this.files.fileAt(lastOffset) !== undefined) {
          const ending = new Uint8Array(2);
          writeInt16(ending, 0, -1);
          this.files.writeSync(ending, lastOffset);
        }
        this.#end = Math.max(this.files.end, lastOffset - (lastOffset % this.files.fileSize) + this.files.fileSize);
        if (this.#end > this.files.end) this.files.destroy();
        return;
      }
    }
    if (cut && this.files.count > 0) this.files.cut(this.#end);
  }

  /** Removes files that end in front of `offset`. */
  removeBefore(offset: number): void {
    while (this.files.count > 1 && this.files.begin + this.files.fileSize < offset) this.files.removeFirst();
  }

  destroy(): void {
    this.#pendingBytes = 0;
    this.#end = 0;
    this.files.destroy();
  }

  #append(bytes: number, fill: (target: Uint8Array, at: number) => void): void {
    if (this.#pendingBytes + bytes > this.#pending.length) {
      this.write();
      if (this.#pending.length < bytes) this.#pending = new Uint8Array(Math.max(bytes, PENDING_BYTES));
    }
    fill(this.#pending, this.#pendingBytes);
    this.#pendingBytes += bytes;
    this.#end += bytes;
  }

  #read(target: Uint8Array, offset: number): boolean {
    const pendingFrom = this.#end - this.#pendingBytes;
    if (offset >= pendingFrom && this.#pendingBytes > 0) {
      if (offset + target.length > this.#end) return false;
      target.set(this.#pending.subarray(offset - pendingFrom, offset - pendingFrom + target.length));
      return true;
    }
    return this.files.readSync(target, offset) === target.length;
  }
}
