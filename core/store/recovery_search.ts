/**
 * The search behind a bad place of the log for the next record that counts: one with a magic, whole lengths, a CRC that
 * holds, and its own physical offset where it stands.
 *
 * Where the bad record still says how long it is, the place behind it is tried first. Else every byte up to the end of the
 * files is looked at, once, in blocks of 1 MiB. Holes of sparse files are not read through: behind a block of zeros the file
 * is left, if what it takes on the disk is accounted for by what lies before, and by zeros written ahead (`primed_pages.ts`).
 */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { MAGIC_V1, MAGIC_V2, RECORD_AT } from "../../wire/message.ts";
import { readStoreTimestamp } from "../../wire/message_reader.ts";
import type { Files } from "../runtime.ts";
import type { FileQueue } from "./file_queue.ts";
import type { StoreFile } from "./open_files.ts";
import { PIECE_BYTES, PRIMED_BYTES_MAX } from "./primed_pages.ts";
import { RECOVERY_BLOCK_BYTES, type RecoveryReader, type Standing } from "./recovery_reader.ts";

/** Both magics begin with this byte, the first of four. */
const MAGIC_FIRST = MAGIC_V1 >>> 24;
/** Size, magic … physical offset: what a place must have in the block to be judged. */
const HEAD_BYTES = RECORD_AT.physicalOffset + 8;
/** Zeros in a row behind which a file is left when nothing speaks for more. */
const ZEROS_BYTES = RECOVERY_BLOCK_BYTES / 2;
/** What a file system adds to the file's account beside its data: the rest of a block, maps of its extents. */
const ALLOCATED_SLACK_BYTES = 12 * 1024;
/**
 * A failed write is taken back, the next one writes over it, and a remainder of it may stand behind. It is older than what
 * precedes it, by a second (the wait before the next try), whereas store times of a log do not go back.
 */
const STALE_MS = 500;
/**
 * Bytes judged in vain, of places that looked like a record, beyond four times what was searched: bodies can be made so that
 * every 91 bytes of them look like the begin of a large record. What would exceed it is passed over.
 */
const VAIN_BYTES_MAX = 64 * 1024 * 1024;

export interface SearchResult {
  /** Where the next record begins; undefined when none follows. */
  readonly next: number | undefined;
  /** Without a next record: behind the last byte that is not zero, by the base of its file; files without one are absent. */
  readonly remains: ReadonlyMap<number, number>;
}

export interface SearchParts {
  readonly files: Files;
  readonly log: FileQueue;
  /** Its block is used. */
  readonly reader: RecoveryReader;
  /** A sync has failed before: what the files hold is not what was written, and all of them is looked at. */
  readonly isDoubtful: boolean;
}

export class RecoverySearch {
  readonly #files: Files;
  readonly #log: FileQueue;
  readonly #reader: RecoveryReader;
  readonly #isDoubtful: boolean;
  readonly #progress: (at: number) => void;
  readonly #block = new Uint8Array(RECOVERY_BLOCK_BYTES);
  readonly #words = new Int32Array(this.#block.buffer);

  /** @param progress is told after each block */
  constructor({ files, log, reader, isDoubtful }: SearchParts, progress: (at: number) => void) {
    this.#isDoubtful = isDoubtful;
    this.#files = files;
    this.#log = log;
    this.#reader = reader;
    this.#progress = progress;
  }

  /**
   * @param at where no record stands
   * @param size what the bad record there says, 0 when it can't be right
   * @param notBefore store time of the last good record; 0 without one
   */
  async nextRecord(at: number, size: number, notBefore: number): Promise<SearchResult> {
    const counts = (found: Standing): boolean =>
      found.kind === "record" && readStoreTimestamp(found.bytes, found.layout.at) >= notBefore - STALE_MS;
    const remains = new Map<number, number>();
    if (size > 0) {
      const behind = await this.#reader.at(at + size);
      // Behind filler, or the last record of a full file, it is the next file that must go on.
      const next = behind.kind === "record" ? at + size : this.#fileEnd(at);
      if (counts(behind) || (behind.kind === "blank" && counts(await this.#reader.at(next)))) return { next, remains };
    }
    let vainBytes = 0;
    for (const file of this.#log.files) {
      const end = file.base + this.#log.fileSize;
      if (end <= at) continue;
      let from = Math.max(at, file.base);
      let dataEnd = from;
      while (from < end) {
        const read = await this.#log.read(this.#block.subarray(0, Math.min(RECOVERY_BLOCK_BYTES, end - from)), from);
        const bytes = this.#block.subarray(0, read);
        const used = this.#lastUsed(read);
        if (used > 0) dataEnd = from + used;
        for (let found = this.#place(bytes, 0, from); found >= 0; found = this.#place(bytes, found + 1, from)) {
          const place = from + found;
          const claimed = readInt32(bytes, found);
          if (place === at || claimed <= 0 || claimed > end - place) continue;
          if (vainBytes + claimed > VAIN_BYTES_MAX + 4 * (place - at)) continue;
          if (counts(await this.#reader.at(place))) return { next: place, remains };
          vainBytes += claimed;
        }
        this.#progress(from + read);
        if (read < HEAD_BYTES || from + read >= end) break;
        // What begins in the last bytes is judged with the next block.
        from += read - HEAD_BYTES + 1;
        if (from - dataEnd >= ZEROS_BYTES && !this.#mayHoldMore(file, dataEnd)) break;
      }
      if (dataEnd > Math.max(at, file.base)) remains.set(file.base, dataEnd);
    }
    return { next: undefined, remains };
  }

  /** Index, from `from` on, of bytes that look like the begin of a record which stands there; -1 without. */
  #place(bytes: Uint8Array, from: number, base: number): number {
    for (let at = bytes.indexOf(MAGIC_FIRST, from + RECORD_AT.magic); at >= 0; at = bytes.indexOf(MAGIC_FIRST, at + 1)) {
      const begin = at - RECORD_AT.magic;
      if (begin + HEAD_BYTES > bytes.length) return -1;
      const magic = readInt32(bytes, at);
      if (magic !== MAGIC_V1 && magic !== MAGIC_V2) continue;
      if (readInt64(bytes, begin + RECORD_AT.physicalOffset) === base + begin) return begin;
    }
    return -1;
  }

  /** Behind the last byte of the block that is not zero; 0 when all are. */
  #lastUsed(bytes: number): number {
    const block = this.#block;
    let last = bytes;
    while (last % 4 !== 0 && block[last - 1] === 0) last--;
    if (last % 4 === 0) {
      const words = this.#words;
      let word = last / 4;
      while (word > 0 && words[word - 1] === 0) word--;
      last = word * 4;
      while (last > 0 && block[last - 1] === 0) last--;
    }
    return last;
  }

  /** Whether the file may have data behind `end`, going by how much of the disk it takes. */
  #mayHoldMore(file: StoreFile, end: number): boolean {
    const before = end - file.base;
    const allocated = this.#files.stat(file.path)?.allocatedBytes;
    // Less than what was read: the file system compresses, and its account says nothing here.
    if (allocated === undefined || allocated < before) return true;
    if (allocated <= before + ALLOCATED_SLACK_BYTES) return false;
    return this.#isDoubtful || !this.#isPrimed(before, allocated);
  }

  /** Whether the room behind the data is that of the zeros which were to be written over: it ends where a piece ends. */
  #isPrimed(before: number, allocated: number): boolean {
    const { fileSize } = this.#log;
    const end = allocated >= fileSize ? fileSize : allocated - (allocated % PIECE_BYTES);
    return end >= before && end - before <= PRIMED_BYTES_MAX && allocated - end <= ALLOCATED_SLACK_BYTES;
  }

  #fileEnd(at: number): number {
    return at - (at % this.#log.fileSize) + this.#log.fileSize;
  }
}
