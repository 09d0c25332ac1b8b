/**
 * When the log goes to the disk: one fdatasync in flight, which settles everything that was written before it began.
 *
 * With waiters (SYNC_FLUSH) it begins at once; those who come while it runs share the next. Without, it begins
 * `flushIntervalCommitLog` after the oldest byte that is not on the disk, so an idle store has no timer running.
 */
import type { Clock, Log, TimerHandle } from "../runtime.ts";
import type { Deferred } from "./deferred.ts";
import type { StoreSettings } from "./options.ts";

interface Waiter {
  readonly deferred: Deferred<boolean>;
  readonly since: number;
}

export interface DiskFlushParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: StoreSettings;
  /** fdatasync of the files that hold `[from, to)`. */
  sync(from: number, to: number): Promise<void>;
  /** A sync failed: what is beyond the flushed offset may be lost, and no later success proves otherwise. */
  failed(error: Error): void;
}

export class DiskFlush {
  /** Everything before it is on the disk. */
  flushedOffset = 0;
  /** Longest time bytes stayed unsynced, ms. */
  unsyncedMaxMs = 0;
  readonly #parts: DiskFlushParts;
  #writtenOffset = 0;
  /** Since when the oldest unsynced byte is in the page cache. */
  #dirtySince = 0;
  #waiting: Waiter[] = [];
  #running: Promise<void> | undefined;
  #serving: Waiter[] = [];
  #intervalTimer: TimerHandle | undefined;
  #timeoutTimer: TimerHandle | undefined;
  #error: Error | undefined;

  constructor(parts: DiskFlushParts) {
    this.#parts = parts;
  }

  start(offset: number): void {
    this.flushedOffset = offset;
    this.#writtenOffset = offset;
  }

  /** The log is in the page cache up to `offset`; `waiter` wants it on the disk. */
  written(offset: number, waiter?: Deferred<boolean>): void {
    const { clock } = this.#parts;
    if (this.#writtenOffset === this.flushedOffset) this.#dirtySince = clock.monotonic();
    this.#writtenOffset = offset;
    if (waiter !== undefined) {
      if (this.#error !== undefined) {
        waiter.reject(this.#error);
        return;
      }
      this.#waiting.push({ deferred: waiter, since: clock.monotonic() });
      this.#timeoutTimer ??= clock.setTimeout(this.#onTimeout, this.#parts.settings.syncFlushTimeout);
      if (this.#running === undefined) this.#run();
    } else if (this.#running === undefined) this.#schedule();
  }

  /** Resolves when everything written before the call is on the disk. @throws the disk's fault */
  async flush(): Promise<void> {
    const target = this.#writtenOffset;
    while (this.flushedOffset < target) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#running === undefined) this.#run();
      await this.#running;
    }
  }

  stop(): void {
    this.#intervalTimer?.cancel();
    this.#timeoutTimer?.cancel();
    this.#intervalTimer = undefined;
    this.#timeoutTimer = undefined;
  }

  #schedule(): void {
    if (this.#intervalTimer !== undefined || this.#writtenOffset === this.flushedOffset || this.#error !== undefined) return;
    this.#intervalTimer = this.#parts.clock.setTimeout(() => {
      this.#intervalTimer = undefined;
      if (this.#running === undefined && this.#writtenOffset > this.flushedOffset) this.#run();
    }, this.#parts.settings.flushIntervalCommitLog);
  }

  #run(): void {
    this.#running = this.#syncOnce(this.flushedOffset, this.#writtenOffset);
  }

  async #syncOnce(from: number, to: number): Promise<void> {
    const { clock } = this.#parts;
    const dirtySince = this.#dirtySince;
    const startedAt = clock.monotonic();
    this.#serving = this.#waiting;
    this.#waiting = [];
    try {
      await this.#parts.sync(from, to);
      this.flushedOffset = to;
      this.#dirtySince = startedAt;
      this.unsyncedMaxMs = Math.max(this.unsyncedMaxMs, clock.monotonic() - dirtySince);
      for (const waiter of this.#serving) waiter.deferred.resolve(true);
    } catch (error) {
      this.#error = error as Error;
      this.#parts.failed(this.#error);
      for (const waiter of this.#serving) waiter.deferred.reject(this.#error);
      for (const waiter of this.#waiting.splice(0)) waiter.deferred.reject(this.#error);
    }
    this.#serving = [];
    this.#running = undefined;
    if (this.#waiting.length > 0) this.#run();
    else this.#schedule();
  }

  /** Waiters older than syncFlushTimeout go away with FLUSH_DISK_TIMEOUT: their record is stored all the same. */
  readonly #onTimeout = (): void => {
    const { clock, settings, log } = this.#parts;
    const now = clock.monotonic();
    const late = (waiter: Waiter): boolean => now - waiter.since >= settings.syncFlushTimeout - 1;
    const all = [...this.#serving, ...this.#waiting];
    const lateOnes = all.filter(late);
    for (const waiter of lateOnes) waiter.deferred.resolve(false);
    if (lateOnes.length > 0) {
      log.warn("the disk takes longer than syncFlushTimeout to sync the commit log", {
        syncFlushTimeout: settings.syncFlushTimeout,
      });
    }
    this.#serving = this.#serving.filter((waiter) => !late(waiter));
    this.#waiting = this.#waiting.filter((waiter) => !late(waiter));
    const oldest = all.find((waiter) => !late(waiter));
    this.#timeoutTimer =
      oldest === undefined
        ? undefined
        : clock.setTimeout(this.#onTimeout, Math.max(1, settings.syncFlushTimeout - (now - oldest.since)));
  };
}
