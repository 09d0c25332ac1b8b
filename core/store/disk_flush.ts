/**
 * When the log goes to the disk: one fdatasync in flight, which settles everything that was written before it began.
 *
 * With waiters (SYNC_FLUSH) it begins at once; those who come while it runs share the next. Without, it begins
 * `flushIntervalCommitLog` after the oldest byte that no sync covers yet, or at once when one that ran longer has ended; an
 * idle store has no timer running. A byte that waits longer than twice the interval, because the disk is slow or the event
 * loop was held up, is said in the log and counted.
 */
import type { Clock, Log, TimerHandle } from "../runtime.ts";
import type { Deferred } from "./deferred.ts";
import type { StoreSettings } from "./options.ts";

/** Late syncs are counted each, and said in the log this often at most. */
const LATE_WARNING_INTERVAL_MS = 60_000;

interface Waiter {
  readonly deferred: Deferred<boolean>;
  /** It waits for everything before this offset. */
  readonly offset: number;
  readonly since: number;
}

export interface DiskFlushParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: StoreSettings;
  /** fdatasync of the files that hold `[from, to)`, and of what a power cut could take them by. */
  sync(from: number, to: number): Promise<void>;
  /** Everything before `offset` is on the disk. Called before those are told who wait for it. */
  flushed(offset: number): void;
  /** Who waited for `offset` goes away with FLUSH_DISK_TIMEOUT: it counts as stored. Called before they are told. */
  timedOut(offset: number): void;
  /** A sync failed: what is beyond the flushed offset may be lost, and no later success proves otherwise. */
  failed(error: Error): void;
}

export class DiskFlush {
  /** Everything before it is on the disk. */
  flushedOffset = 0;
  /** Longest time from a byte in the page cache to the end of the sync that covered it, ms. */
  unsyncedMaxMs = 0;
  /** Longest time from a byte in the page cache to the begin of the sync that covered it, ms. */
  flushDelayMaxMs = 0;
  /** How often that time was longer than twice flushIntervalCommitLog. */
  flushLateCount = 0;
  readonly #parts: DiskFlushParts;
  #writtenOffset = 0;
  /** Since when the oldest byte that no sync covers is in the page cache; undefined when there is none. */
  #dirtySince: number | undefined;
  /** The present `#dirtySince` has been counted as late. */
  #dirtyIsLate = false;
  #lateSaidAt = Number.NEGATIVE_INFINITY;
  #waiting: Waiter[] = [];
  #running: Promise<void> | undefined;
  #serving: Waiter[] = [];
  #intervalTimer: TimerHandle | undefined;
  #timeoutTimer: TimerHandle | undefined;
  #error: Error | undefined;

  constructor(parts: DiskFlushParts) {
    this.#parts = parts;
  }

  /** What lies between the two is in the page cache, and belongs to the next sync. */
  start(flushedOffset: number, writtenOffset: number): void {
    this.flushedOffset = flushedOffset;
    this.#writtenOffset = flushedOffset;
    this.written(writtenOffset);
  }

  /** The log is in the page cache up to `offset`; `waiter` wants it on the disk. */
  written(offset: number, waiter?: Deferred<boolean>): void {
    const { clock } = this.#parts;
    if (offset > this.#writtenOffset) {
      this.#writtenOffset = offset;
      this.#dirtySince ??= clock.monotonic();
    }
    if (waiter !== undefined) {
      if (this.#error !== undefined) {
        waiter.reject(this.#error);
        return;
      }
      this.#waiting.push({ deferred: waiter, offset, since: clock.monotonic() });
      this.#timeoutTimer ??= clock.setTimeout(this.#onTimeout, this.#parts.settings.syncFlushTimeout);
      if (this.#running === undefined) this.#run();
    }
    this.#schedule();
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

  /** One timer, while there is a dirty byte: for the next sync, or, while one runs, for noticing that the next is late. */
  #schedule(): void {
    if (this.#intervalTimer !== undefined || this.#dirtySince === undefined || this.#error !== undefined) return;
    const { clock, settings } = this.#parts;
    if (this.#running !== undefined && this.#dirtyIsLate) return;
    const waitMs = settings.flushIntervalCommitLog * (this.#running === undefined ? 1 : 2);
    const left = Math.max(0, this.#dirtySince + waitMs - clock.monotonic());
    this.#intervalTimer = clock.setTimeout(this.#onInterval, left);
  }

  readonly #onInterval = (): void => {
    this.#intervalTimer = undefined;
    if (this.#dirtySince === undefined) return;
    if (this.#running === undefined) this.#run();
    else if (this.#parts.clock.monotonic() - this.#dirtySince >= 2 * this.#parts.settings.flushIntervalCommitLog) this.#late();
    this.#schedule();
  };

  #run(): void {
    this.#intervalTimer?.cancel();
    this.#intervalTimer = undefined;
    const { clock, settings } = this.#parts;
    const startedAt = clock.monotonic();
    const dirtySince = this.#dirtySince ?? startedAt;
    const delay = startedAt - dirtySince;
    this.flushDelayMaxMs = Math.max(this.flushDelayMaxMs, delay);
    if (delay > 2 * settings.flushIntervalCommitLog && !this.#dirtyIsLate) this.#late();
    this.#dirtySince = undefined;
    this.#dirtyIsLate = false;
    this.#running = this.#syncOnce(this.flushedOffset, this.#writtenOffset, dirtySince);
  }

  async #syncOnce(from: number, to: number, dirtySince: number): Promise<void> {
    this.#serving = this.#waiting;
    this.#waiting = [];
    try {
      await this.#parts.sync(from, to);
    } catch (error) {
      this.#error = error as Error;
    }
    if (this.#error === undefined) {
      this.flushedOffset = to;
      this.unsyncedMaxMs = Math.max(this.unsyncedMaxMs, this.#parts.clock.monotonic() - dirtySince);
      this.#parts.flushed(to);
      for (const waiter of this.#serving) waiter.deferred.resolve(true);
    } else {
      this.#parts.failed(this.#error);
      for (const waiter of this.#serving) waiter.deferred.reject(this.#error);
      for (const waiter of this.#waiting.splice(0)) waiter.deferred.reject(this.#error);
    }
    this.#serving = [];
    this.#running = undefined;
    // Set for the end of a sync that was thought to take longer.
    this.#intervalTimer?.cancel();
    this.#intervalTimer = undefined;
    if (this.#waiting.length > 0) this.#run();
    this.#schedule();
  }

  /** The oldest unsynced byte has waited too long for a sync to begin. */
  #late(): void {
    const { clock, log, settings } = this.#parts;
    this.#dirtyIsLate = true;
    this.flushLateCount++;
    const now = clock.monotonic();
    if (now - this.#lateSaidAt < LATE_WARNING_INTERVAL_MS) return;
    this.#lateSaidAt = now;
    log.warn("bytes of the commit log wait longer for the disk than twice flushIntervalCommitLog; a power cut would lose them", {
      waitedMs: Math.round(now - (this.#dirtySince ?? now)),
      flushIntervalCommitLog: settings.flushIntervalCommitLog,
      why: this.#running === undefined ? "the event loop was held up" : "the sync before is still running",
      times: this.flushLateCount,
    });
  }

  /** Waiters older than syncFlushTimeout go away with FLUSH_DISK_TIMEOUT: their record is stored all the same. */
  readonly #onTimeout = (): void => {
    const { clock, settings, log } = this.#parts;
    const now = clock.monotonic();
    const late = (waiter: Waiter): boolean => now - waiter.since >= settings.syncFlushTimeout - 1;
    const all = [...this.#serving, ...this.#waiting];
    const lateOnes = all.filter(late);
    if (lateOnes.length > 0) this.#parts.timedOut(Math.max(...lateOnes.map(({ offset }) => offset)));
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
