/**
 * CommitLog: all messages of the broker, one record after another (`wire/message.ts`), in files of
 * `mappedFileSizeCommitLog`.
 *
 * `append` is synchronous and fixes order and offsets: the record is encoded straight into the tail buffer, from which
 * `group_commit.ts` writes it. Readers see nothing beyond `writtenOffset`. A broken record never follows a good one, except
 * through a crash (see `recovery.ts`).
 */
import {
  BLANK_RECORD_BYTES,
  type Crc32,
  placeRecord,
  recordSizeBound,
  sealRecord,
  writeBlankRecord,
  writeRecord,
} from "../../wire/message.ts";
import type { Log, Runtime } from "../runtime.ts";
import type { DiskFlush } from "./disk_flush.ts";
import type { FileQueue } from "./file_queue.ts";
import { busy, type CommitLogEvents, GroupCommit } from "./group_commit.ts";
import type { MessageInput, PutRefusal } from "./message_store.ts";
import type { StoreSettings } from "./options.ts";
import { type Chunk, TailBuffer } from "./tail_buffer.ts";

/** Appended and not written: beyond it appends are refused. Holds three messages of the greatest size. */
export const TAIL_BYTES_MAX = 16 * 1024 * 1024;

export class CommitLog {
  readonly files: FileQueue;
  /** Where the last `append` put its record. */
  recordOffset = 0;
  /** Of the last record; never goes back. */
  storeTimestamp = 0;
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #settings: StoreSettings;
  readonly #tail = new TailBuffer();
  readonly #commit: GroupCommit;
  readonly #crc32: Crc32;
  /** The wall clock of this turn, once an append asked for it. */
  #turnTime = 0;
  readonly #placement = { queueOffset: 0, physicalOffset: 0, storeTimestamp: 0, bodyCrc: 0 };

  constructor(runtime: Runtime, log: Log, settings: StoreSettings, files: FileQueue, events: CommitLogEvents) {
    this.#runtime = runtime;
    this.#log = log;
    this.#settings = settings;
    this.files = files;
    this.#crc32 = (bytes) => runtime.digest.crc32(bytes);
    this.#commit = new GroupCommit({ runtime, log, settings, files, tail: this.#tail, events });
  }

  /** Continues behind the last good record; what a process before this one wrote behind `flushedOffset` is yet to be synced. */
  start(flushedOffset: number, end: number, storeTimestamp: number): void {
    this.storeTimestamp = storeTimestamp;
    this.#commit.start(flushedOffset, end);
  }

  get minOffset(): number {
    return this.files.begin;
  }

  /** After the last appended record. */
  get endOffset(): number {
    return this.#commit.endOffset;
  }

  get writtenOffset(): number {
    return this.#commit.writtenOffset;
  }

  get flush(): DiskFlush {
    return this.#commit.flush;
  }

  get tailBytes(): number {
    return this.#tail.unwrittenBytes;
  }

  get putEntireTimeMaxMs(): number {
    return this.#commit.putEntireTimeMaxMs();
  }

  /** True after a failure that only a restart, which reads the log again, can mend. */
  get isReadOnly(): boolean {
    return this.#commit.isReadOnly;
  }

  /** Why nothing can be appended, or undefined. */
  refusal(): PutRefusal | undefined {
    return this.#commit.refusal();
  }

  /**
   * Encodes the record behind the last one. On success `recordOffset` and `endOffset` enclose it; on a refusal nothing
   * has changed.
   * @throws WireError when the message can't be encoded; nothing has changed.
   */
  append(message: MessageInput, queueOffset: number, batchEntry: boolean): PutRefusal | undefined {
    const bound = recordSizeBound(message);
    if (this.#tail.unwrittenBytes + bound > TAIL_BYTES_MAX) {
      return busy(
        `${this.#tail.unwrittenBytes} bytes wait to be written to "${this.files.directory}" and ${TAIL_BYTES_MAX} may; ` +
          "the disk is slower than the senders: send less, or give storePathCommitLog a faster disk",
      );
    }
    const placement = this.#placement;
    placement.queueOffset = queueOffset;
    placement.physicalOffset = this.endOffset;
    placement.storeTimestamp = this.#now();
    placement.bodyCrc = this.#crc32(message.body);

    const { fileSize } = this.files;
    const sealing = this.#settings.enabledAppendPropCRC ? this.#crc32 : undefined;
    // The last file may be gone (expired, or none was made yet): then the next byte opens one.
    const file = this.files.fileAt(this.endOffset);
    // Beyond 2 GiB a remainder is found bit by bit, so it is not asked for where the file is known.
    const inFile = file === undefined ? this.endOffset % fileSize : this.endOffset - file.base;
    if (inFile === 0 || file === undefined) {
      const refused = this.#openFile(this.endOffset);
      if (refused !== undefined) return refused;
    }
    let chunk = this.#tail.room(this.endOffset, bound);
    const size = writeRecord(chunk.bytes, chunk.length, message, placement, sealing, batchEntry);
    if (inFile + size + BLANK_RECORD_BYTES > fileSize) {
      if (size + BLANK_RECORD_BYTES > fileSize) {
        return {
          status: "MESSAGE_ILLEGAL",
          reason: `the record has ${size} bytes and must fit into a file with ${BLANK_RECORD_BYTES} to spare; mappedFileSizeCommitLog is ${fileSize}`,
        };
      }
      const nextFile = this.endOffset + fileSize - inFile;
      const refused = this.#openFile(nextFile);
      if (refused !== undefined) return refused;
      // The record has been written where the filler belongs: move it, then fill.
      placement.physicalOffset = nextFile;
      const from = chunk;
      chunk = this.#tail.room(nextFile, bound);
      chunk.bytes.set(from.bytes.subarray(from.length, from.length + size), 0);
      placeRecord(chunk.bytes, 0, placement);
      if (sealing !== undefined) sealRecord(chunk.bytes, 0, size, sealing);
      writeBlankRecord(from.bytes, from.length, fileSize - inFile);
      this.#tail.fill(from, BLANK_RECORD_BYTES);
    }
    this.#tail.fill(chunk, size);
    this.recordOffset = placement.physicalOffset;
    this.storeTimestamp = placement.storeTimestamp;
    this.#commit.appended(placement.physicalOffset + size);
    return undefined;
  }

  /** Takes back what this turn appended from `end` on (a batch that did not fit as a whole). */
  rewind(end: number): void {
    this.#tail.rewind(end);
    this.#commit.endOffset = end;
  }

  /** See `MessageStore.durable`. */
  durable(endOffset: number, flushed: boolean): Promise<boolean> {
    return this.#commit.durable(endOffset, flushed);
  }

  /** Writes and flushes everything appended so far. @throws the disk's fault */
  drain(): Promise<void> {
    return this.#commit.drain();
  }

  /** Copies written bytes that are still in the tail buffer, without a read; false when they are not. */
  copyRecent(target: Uint8Array, offset: number): boolean {
    return offset + target.length <= this.writtenOffset && this.#tail.copy(target, offset);
  }

  /** Where written bytes lie in the tail buffer, until the end of this turn; undefined when they do not. */
  recentStretch(offset: number, bytes: number): Pick<Chunk, "bytes" | "base" | "length"> | undefined {
    return offset + bytes <= this.writtenOffset ? this.#tail.find(offset, bytes) : undefined;
  }

  /** Reads written bytes; false when not all of them are there. */
  readSync(target: Uint8Array, offset: number): boolean {
    if (offset < this.files.begin || offset + target.length > this.writtenOffset) return false;
    return this.#tail.copy(target, offset) || this.files.readSync(target, offset) === target.length;
  }

  /** As `readSync`, when that waits for no disk; else false. */
  readCached(target: Uint8Array, offset: number): boolean {
    if (offset < this.files.begin || offset + target.length > this.writtenOffset) return false;
    return this.#tail.copy(target, offset) || this.files.readCached(target, offset);
  }

  async read(target: Uint8Array, offset: number): Promise<boolean> {
    if (offset < this.files.begin || offset + target.length > this.writtenOffset) return false;
    return this.#tail.copy(target, offset) || (await this.files.read(target, offset)) === target.length;
  }

  #now(): number {
    // Search by time is a binary search, so the store timestamp never goes back, whatever the wall clock does.
    if (!this.#commit.isScheduled) this.#turnTime = Math.max(this.storeTimestamp, this.#runtime.clock.now());
    return this.#turnTime;
  }

  #openFile(offset: number): PutRefusal | undefined {
    try {
      if (this.files.fileAt(offset) !== undefined) return undefined;
      this.files.ensureFileAt(offset);
      return undefined;
    } catch (error) {
      const { message } = error as Error;
      this.#log.error("cannot make the next commit log file", { directory: this.files.directory, error: message });
      return { status: "CREATE_MAPPED_FILE_FAILED", reason: `cannot make the next file of storePathCommitLog: ${message}` };
    }
  }
}
