/**
 * Group commit: what a turn appended to the tail buffer is written at its end, and everybody who waits for it is told.
 *
 * A small batch is written synchronously, which costs least; a large one, or any while the disk is slow, off the event loop
 * with one write in flight. Which of the two happens changes no order: a batch ends where its write was submitted, and
 * batches settle in order.
 *
 *     flushedOffset <= writtenOffset <= endOffset        (all of them ends of records)
 *     on disk          page cache        tail buffer
 *
 * When a write fails, everything behind `writtenOffset` is taken back: nobody was told that it is stored.
 *
 * Records whose senders wait for the disk (SYNC_FLUSH), and those behind them, are held back from readers until the sync:
 * should it fail, the senders are told so, and no consumer has seen what they will send again.
 */
import type { Log, Runtime, RuntimeFault } from "../runtime.ts";
import { Deferred } from "./deferred.ts";
import { DiskFlush } from "./disk_flush.ts";
import type { FileQueue } from "./file_queue.ts";
import type { PutRefusal } from "./message_store.ts";
import type { StoreSettings } from "./options.ts";
import { PrimedPages } from "./primed_pages.ts";
import type { TailBuffer } from "./tail_buffer.ts";
import { UnsyncedMark } from "./unsynced_mark.ts";

/**
 * The largest batch that is written on the event loop: 30 to 60 µs into the page cache. A megabyte beside a running
 * fdatasync was seen to stall the loop for 270 ms.
 */
const SYNC_WRITE_BYTES_MAX = 256 * 1024;
/** A write slower than this sends the next ones off the event loop. */
const SLOW_WRITE_MS = 5;
/** After ENOSPC, how long appends are refused before the next try. */
const RETRY_AFTER_FULL_MS = 1000;

/** A disk without room: to be tried again, unlike every other failure. */
const isFullCode = (code: string): boolean => code === "ENOSPC" || code === "EDQUOT";

/** Records whose write was submitted together. */
class CommitBatch {
  written: Deferred<boolean> | undefined;
  flushed: Deferred<boolean> | undefined;
  /** Clock.monotonic() of the first append. */
  since = 0;
  end = 0;
}

export interface CommitLogEvents {
  /** Everything before `end` is readable. Called before any promise of `durable` settles. */
  written(end: number): void;
  /** Records from `end` on are taken back. */
  discarded(end: number): void;
}

export interface GroupCommitParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: StoreSettings;
  readonly files: FileQueue;
  readonly tail: TailBuffer;
  readonly events: CommitLogEvents;
}

export class GroupCommit {
  readonly flush: DiskFlush;
  /** After the last appended record. */
  endOffset = 0;
  writtenOffset = 0;
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #settings: StoreSettings;
  readonly #events: CommitLogEvents;
  readonly #files: FileQueue;
  readonly #tail: TailBuffer;
  readonly #primed: PrimedPages;
  /** Longest wait of an append for its write in the present and the past half minute, ms. */
  readonly #waits = { since: 0, present: 0, past: 0 };

  #open = new CommitBatch();
  #inFlight: CommitBatch | undefined;
  /** Written, and held back until the disk has them; in log order. */
  #held: CommitBatch[] = [];
  /** Readers have been told of everything before it. */
  #readableOffset = 0;
  #scheduled = false;
  #slow = false;
  #refusedUntil = 0;
  #fault: Error | undefined;
  #faultIsFinal = false;

  constructor(parts: GroupCommitParts) {
    const { runtime, log, settings } = parts;
    this.#runtime = runtime;
    this.#log = log;
    this.#settings = settings;
    this.#events = parts.events;
    this.#files = parts.files;
    this.#tail = parts.tail;
    this.#primed = new PrimedPages(parts.files.fileSize);
    this.flush = new DiskFlush({
      clock: runtime.clock,
      log,
      settings,
      sync: (from, to) => this.#sync(from, to),
      flushed: (offset) => {
        this.#release(offset);
        this.#prepareBehind(offset);
      },
      timedOut: (offset) => this.#release(offset),
      failed: (error) => this.#syncFailed(error),
    });
  }

  /** Continues behind the last good record; what a process before this one wrote behind `flushedOffset` is yet to be synced. */
  start(flushedOffset: number, end: number): void {
    this.endOffset = end;
    this.writtenOffset = end;
    this.#readableOffset = end;
    this.flush.start(flushedOffset, end);
  }

  /** True from the first append of a turn to the turn's end. */
  get isScheduled(): boolean {
    return this.#scheduled;
  }

  /** True after a failure that only a restart, which reads the log again, can mend. */
  get isReadOnly(): boolean {
    return this.#faultIsFinal;
  }

  /** Why nothing can be appended, or undefined. */
  refusal(): PutRefusal | undefined {
    const { clock } = this.#runtime;
    if (this.#fault !== undefined) {
      if (this.#faultIsFinal) return { status: "SERVICE_NOT_AVAILABLE", reason: this.#fault.message };
      if (clock.monotonic() < this.#refusedUntil) return { status: "SERVICE_NOT_AVAILABLE", reason: this.#fault.message };
    }
    if (this.#tail.unwrittenBytes > 0 && this.#inFlight !== undefined) {
      const waited = clock.monotonic() - this.#inFlight.since;
      const limit = this.#settings.osPageCacheBusyTimeOutMills;
      if (waited > limit) {
        return busy(
          `the commit log has been waiting ${Math.round(waited)} ms for a write, osPageCacheBusyTimeOutMills is ${limit}`,
        );
      }
    }
    return undefined;
  }

  /** The tail buffer holds records up to `end`: they are written at the end of the turn. */
  appended(end: number): void {
    this.endOffset = end;
    if (!this.#scheduled) this.#schedule();
  }

  /** See `MessageStore.durable`. */
  durable(endOffset: number, flushed: boolean): Promise<boolean> {
    if (endOffset <= (flushed ? this.flush.flushedOffset : this.#readableOffset)) return SETTLED;
    if (endOffset > this.endOffset || this.#faultIsFinal) {
      return Promise.reject(
        this.#fault ?? new Error(`nothing was appended up to ${endOffset}; the log ends at ${this.endOffset}`),
      );
    }
    if (flushed && endOffset <= this.writtenOffset) {
      const late = new Deferred<boolean>();
      this.flush.written(this.writtenOffset, late);
      return late.promise;
    }
    const batch = this.#batchOf(endOffset);
    if (flushed) {
      batch.flushed ??= new Deferred();
      return batch.flushed.promise;
    }
    batch.written ??= new Deferred();
    return batch.written.promise;
  }

  /** The batch that holds the byte before `endOffset`. Asked for each message: mostly nothing is held back or in flight. */
  #batchOf(endOffset: number): CommitBatch {
    if (this.#held.length > 0) {
      const held = this.#held.find(({ end }) => endOffset <= end);
      if (held !== undefined) return held;
    }
    return this.#inFlight !== undefined && endOffset <= this.#inFlight.end ? this.#inFlight : this.#open;
  }

  /** Writes and flushes everything appended so far. @throws the disk's fault */
  async drain(): Promise<void> {
    while (this.writtenOffset < this.endOffset) {
      const done = this.durable(this.endOffset, false);
      if (this.#inFlight === undefined) this.#commit();
      await done;
    }
    await this.flush.flush();
  }

  putEntireTimeMaxMs(): number {
    this.#rotateWaits(this.#runtime.clock.monotonic());
    return Math.max(this.#waits.present, this.#waits.past);
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#open.since = this.#runtime.clock.monotonic();
    this.#runtime.clock.afterTurn(this.#onTurnEnd);
  }

  readonly #onTurnEnd = (): void => {
    this.#scheduled = false;
    // While a write is in flight its end takes care of what came since.
    if (this.#inFlight === undefined) this.#commit();
  };

  #commit(): void {
    if (this.#tail.unwrittenBytes === 0) return;
    const batch = this.#open;
    batch.end = this.endOffset;
    this.#open = new CommitBatch();
    this.#open.since = this.#runtime.clock.monotonic();
    if (this.#faultIsFinal) {
      this.#reject(batch);
      return;
    }
    if (this.#slow || this.#tail.unwrittenBytes > SYNC_WRITE_BYTES_MAX) {
      void this.#commitOffLoop(batch);
      return;
    }
    const startedAt = this.#open.since;
    try {
      for (const chunk of this.#tail.unwritten()) {
        const { length } = chunk;
        const file = this.#files.ensureFileAt(chunk.base);
        const handle = this.#files.handle(file);
        const from = chunk.base + chunk.written;
        this.#primed.ahead(handle, file.base, from, chunk.base + length);
        handle.writeSync(chunk.bytes.subarray(chunk.written, length), from - file.base);
        this.#tail.settle(chunk, length);
      }
    } catch (error) {
      this.#writeFailed(error as RuntimeFault, batch);
      return;
    }
    const now = this.#runtime.clock.monotonic();
    if (now - startedAt > SLOW_WRITE_MS) this.#slow = true;
    this.#settle(batch, now);
  }

  async #commitOffLoop(batch: CommitBatch): Promise<void> {
    this.#inFlight = batch;
    const startedAt = this.#runtime.clock.monotonic();
    try {
      // Lengths are taken now: what is filled while a write is in flight belongs to the next batch.
      const parts = this.#tail.unwritten().map((chunk) => ({ chunk, length: chunk.length }));
      for (const { chunk, length } of parts) {
        const file = this.#files.ensureFileAt(chunk.base);
        const bytes = chunk.bytes.subarray(chunk.written, length);
        await this.#files.handle(file).write(bytes, chunk.base + chunk.written - file.base);
        this.#tail.settle(chunk, length);
      }
    } catch (error) {
      this.#inFlight = undefined;
      this.#writeFailed(error as RuntimeFault, batch);
      return;
    }
    this.#inFlight = undefined;
    const now = this.#runtime.clock.monotonic();
    this.#slow = now - startedAt > SLOW_WRITE_MS;
    this.#settle(batch, now);
    if (!this.#scheduled) this.#commit();
  }

  #settle(batch: CommitBatch, now: number): void {
    this.writtenOffset = batch.end;
    if (!this.#faultIsFinal) this.#fault = undefined;
    this.#rotateWaits(now);
    this.#waits.present = Math.max(this.#waits.present, now - batch.since);
    if (this.#faultIsFinal) {
      this.#reject(batch);
      this.#events.discarded(this.#readableOffset);
      return;
    }
    if (batch.flushed === undefined && this.#held.length === 0) {
      this.#readableOffset = batch.end;
      this.#events.written(batch.end);
      batch.written?.resolve(true);
    } else this.#held.push(batch);
    this.flush.written(batch.end, batch.flushed);
  }

  /** Tells readers, and who waits for no more than that, of everything before `end`, which is stored as it was to be. */
  #release(end: number): void {
    let count = 0;
    for (const batch of this.#held) {
      // Behind the last one that waits for the disk there may be some that do not.
      if (batch.end > end && batch.flushed !== undefined) break;
      count++;
    }
    if (count === 0) return;
    const released = this.#held.splice(0, count);
    this.#readableOffset = (released.at(-1) as CommitBatch).end;
    this.#events.written(this.#readableOffset);
    for (const batch of released) batch.written?.resolve(true);
  }

  /** What the batch holds is not stored as it was to be. */
  #reject(batch: CommitBatch): void {
    const reason = this.#fault as Error;
    batch.written?.reject(reason);
    batch.flushed?.reject(reason);
  }

  #rotateWaits(now: number): void {
    const waits = this.#waits;
    const age = now - waits.since;
    if (age < 30_000) return;
    waits.past = age < 60_000 ? waits.present : 0;
    waits.present = 0;
    waits.since = now;
  }

  #writeFailed(error: RuntimeFault, batch: CommitBatch): void {
    if (isFullCode(error.code)) {
      this.#fault = new Error(
        `Cannot append to the commit log: ${error.message}. The disk of storePathCommitLog is full; ` +
          "free space on it, or lower fileReservedTime or diskMaxUsedSpaceRatio",
      );
      this.#refusedUntil = this.#runtime.clock.monotonic() + RETRY_AFTER_FULL_MS;
    } else this.#readOnly(error, "write");
    this.#log.error("a write to the commit log failed; what was not acknowledged is taken back", {
      from: this.writtenOffset,
      to: this.endOffset,
      code: error.code,
      error: error.message,
    });
    this.#takeBack();
    const open = this.#open;
    this.#open = new CommitBatch();
    for (const lost of [batch, open]) this.#reject(lost);
  }

  /** Forgets everything behind the last byte that is certainly written. */
  #takeBack(): void {
    // Some chunks of the batch may have been written: their records were not announced, so they go as well.
    this.#tail.rewind(this.writtenOffset);
    this.endOffset = this.writtenOffset;
    try {
      // Half a batch may lie behind the end. Zeros there keep a later recovery from taking it for records.
      this.#files.cut(this.writtenOffset);
      this.#primed.cut(this.writtenOffset);
      // An fdatasync that is under way may have saved the half batch. Its senders are about to hear that it is not stored, and a
      // power cut must not bring it back.
      this.#files.dataSyncSync(this.writtenOffset);
    } catch (error) {
      // What stands there could be taken for records by a recovery, in between those that would be written next.
      this.#readOnly(error as Error, "attempt to clear what a failed write left");
    }
    this.#events.discarded(this.writtenOffset);
  }

  /** What is written and held back stays out of sight: its senders are told that it is not on the disk. */
  #syncFailed(error: Error): void {
    this.#readOnly(error, "sync");
    for (const batch of this.#held.splice(0)) this.#reject(batch);
    // A write that is in flight still needs its records; its end takes them back.
    if (this.#inFlight === undefined) this.#events.discarded(this.#readableOffset);
  }

  /** After EIO the state of the page cache is unknown: only a restart, which reads the log again, may write on. */
  #readOnly(error: Error, tried: string): void {
    this.#faultIsFinal = true;
    this.#fault = new Error(
      `The commit log is read-only after a failed ${tried}: ${error.message}. Check the disk of storePathCommitLog and restart the broker`,
    );
    this.#log.error("the commit log is read-only until a restart", { tried, error: error.message });
    try {
      new UnsyncedMark(this.#runtime.files, this.#settings.storePathRootDir).set(this.flush.flushedOffset);
    } catch (fault) {
      this.#log.error("cannot leave a mark for the next start, which may take for synced what the disk has not", {
        from: this.flush.flushedOffset,
        error: (fault as Error).message,
      });
    }
  }

  async #sync(from: number, to: number): Promise<void> {
    // Once a file, unless it was made ahead: without its entry in the directory it is lost in a power cut, synced or not.
    const directories = this.#files.takeNewDirectories();
    await Promise.all([
      this.#files.dataSync(from, to),
      ...directories.map((directory) => this.#runtime.files.syncDirectoryLater(directory)),
    ]);
  }

  /** Makes the next file when half of the last one is on the disk. */
  #prepareBehind(flushedOffset: number): void {
    const files = this.#files;
    if (flushedOffset % files.fileSize < files.fileSize / 2 || !files.mayPrepareAt(flushedOffset)) return;
    files.prepareNext((error) =>
      this.#log.warn("cannot make the next commit log file ahead; it is tried again when it is needed", {
        error: error.message,
        key: "storePathCommitLog",
      }),
    );
  }
}

const SETTLED = Promise.resolve(true);

export const busy = (reason: string): PutRefusal => ({ status: "OS_PAGE_CACHE_BUSY", reason });
