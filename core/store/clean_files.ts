/**
 * Old files go.
 *
 * Every `cleanResourceInterval` the disk is looked at (`disk_guard.ts`). Commit log files older than `fileReservedTime` are
 * removed in the hours of `deleteWhen`, or at any hour above `diskMaxUsedSpaceRatio`, or for a while after an administrator
 * asked for it; above `diskSpaceCleanForciblyRatio`, or below `diskSpaceFreeBytesMin`, the oldest go whatever their age. The
 * last file always stays. Consume queues and index follow the smallest offset of the log.
 *
 * Before a file goes, each queue that loses messages by it is announced (`ExpiredRange`): the store knows no groups, but
 * its owner can say who has not consumed them. Queues are gone through in slices, as there may be 20,000.
 */
import type { Log, Runtime, TimerHandle } from "../runtime.ts";
import type { CommitLog } from "./commit_log.ts";
import type { DiskGuard } from "./disk_guard.ts";
import type { IndexService } from "./index_service.ts";
import type { LogicQueues } from "./logic_queue.ts";
import type { ExpiredRange } from "./message_store.ts";
import type { StoreFile } from "./open_files.ts";
import type { StoreSettings } from "./options.ts";
import type { WallClock } from "./wall_clock.ts";

const HOUR_MS = 3_600_000;
/** Rounds for which expired files go at any hour after `removeExpired`, the first at once. Apache's number. */
const MANUAL_ROUNDS = 20;
/** Queues that are gone through before other work gets its turn: some ms when each needs a search. */
const SLICE_QUEUES = 200;

export interface CleanFilesParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: StoreSettings;
  readonly commitLog: CommitLog;
  readonly queues: LogicQueues;
  readonly index: IndexService;
  readonly disk: DiskGuard;
  /** Messages of a queue are about to go. */
  readonly expired: (range: ExpiredRange) => void;
  readonly wallClock: WallClock;
}

export class CleanFiles {
  /** Commit log files that went since the start. */
  removedFiles = 0;
  readonly #parts: CleanFilesParts;
  #timer: TimerHandle | undefined;
  #running: Promise<number> | undefined;
  #manualRounds = 0;
  /** Smallest offset of the log that queues and index have followed to. */
  #followedTo = -1;
  /** It was said that nothing can be removed though the disk is full. */
  #isStuck = false;
  #stopped = false;

  constructor(parts: CleanFilesParts) {
    this.#parts = parts;
  }

  start(): void {
    const { runtime, settings, commitLog, disk } = this.#parts;
    disk.look(commitLog.writtenOffset);
    this.#followedTo = commitLog.minOffset;
    this.#timer = runtime.clock.setInterval(() => this.#check(), settings.cleanResourceInterval);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** The log is written up to `end`. Cheap: nearly always nothing is to be done. */
  written(end: number): void {
    if (end >= this.#parts.disk.lookAtOffset) this.#check();
  }

  /** Removes expired files at whatever hour: some now, the rest in the next rounds. @returns how many commit log files went */
  async removeExpired(): Promise<number> {
    this.#look();
    this.#manualRounds = MANUAL_ROUNDS;
    // Not the round that is under way: it may have begun outside the hours.
    await this.#running;
    return this.#round();
  }

  /** Lets consume queues and index follow the smallest offset of the log. */
  async followCommitLog(): Promise<void> {
    const { queues, index, commitLog, log } = this.#parts;
    const { minOffset } = commitLog;
    let removed = 0;
    try {
      // A power cut must not bring back a part of the log whose queues and index are gone for good.
      await commitLog.files.syncRemovals();
      let passed = 0;
      for (const queue of [...queues.all()]) {
        if (++passed % SLICE_QUEUES === 0) await this.#pause(0);
        if (this.#stopped) return;
        await queue.correctMinOffsetLater(minOffset);
        removed += queue.removeExpiredFiles();
      }
      const lightQueues = queues.dropExpired();
      const indexFiles = index.removeExpired(minOffset);
      this.#followedTo = minOffset;
      if (removed + lightQueues + indexFiles > 0) {
        log.info("removed files of expired messages", { consumeQueueFiles: removed, lightQueues, indexFiles });
      }
    } catch (error) {
      log.error("cannot remove files of expired messages; it is tried again", { error: (error as Error).message });
    }
  }

  #check(): void {
    this.#look();
    void this.#round();
  }

  #look(): void {
    const { disk, commitLog, log, settings, wallClock } = this.#parts;
    wallClock.look();
    try {
      disk.look(commitLog.writtenOffset);
    } catch (error) {
      log.warn("cannot tell how full the disk is", { directory: settings.storePathRootDir, error: (error as Error).message });
    }
  }

  #isTime(): boolean {
    const { runtime, settings } = this.#parts;
    const now = runtime.clock.now();
    const minutes = Math.floor(now / 60_000) + runtime.system.utcOffsetMinutes(now);
    const hour = Math.floor(minutes / 60) % 24;
    return settings.deleteWhen.split(";").some((text) => text.trim() !== "" && Number(text) === hour);
  }

  /** One at a time; the next one is ten seconds away at most. */
  #round(): Promise<number> {
    this.#running ??= this.#removeRound().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #removeRound(): Promise<number> {
    const { disk, commitLog, log, settings } = this.#parts;
    const isManual = this.#manualRounds > 0;
    if (isManual) this.#manualRounds--;
    let removed = 0;
    if (isManual || disk.wantsExpired || this.#isTime()) {
      const forced = disk.wantsOldest;
      try {
        const doomed = this.#doomed(forced);
        if (doomed.length > 0) await this.#announce((doomed.at(-1) as StoreFile).base + commitLog.files.fileSize);
        for (const file of doomed) {
          if (removed > 0) await this.#pause(settings.deleteCommitLogFilesInterval);
          if (this.#stopped || commitLog.files.files[0] !== file) break;
          log.info("removing a commit log file", { path: file.path, forced, percent: disk.commitLogPercent });
          commitLog.files.removeFirst();
          removed++;
        }
      } catch (error) {
        log.error("cannot remove a commit log file; it is tried again", { error: (error as Error).message });
      }
      this.#tellStuck(forced && removed === 0);
      this.removedFiles += removed;
    }
    if (commitLog.minOffset !== this.#followedTo && !this.#stopped) await this.followCommitLog();
    // What went may have made room: the next send is to know.
    if (removed > 0 && !this.#stopped) this.#look();
    return removed;
  }

  /** The files that may go in this round, oldest first. */
  #doomed(forced: boolean): StoreFile[] {
    const { settings, commitLog, wallClock } = this.#parts;
    const { files, fileSize } = commitLog.files;
    const doomed: StoreFile[] = [];
    if (!forced && !wallClock.isTrusted) return doomed;
    for (const [index, file] of files.slice(0, Math.min(files.length - 1, settings.deleteFileBatchMax)).entries()) {
      // Never what is not on the disk yet, however full it is.
      if (file.base + fileSize > commitLog.flush.flushedOffset) break;
      if (!forced && wallClock.leastAgeMs(this.#datesFrom(index)) < settings.fileReservedTime * HOUR_MS) break;
      doomed.push(file);
    }
    return doomed;
  }

  /** When the file of this number and those behind it were written last. */
  *#datesFrom(index: number): Generator<number> {
    const { runtime, commitLog } = this.#parts;
    const { files } = commitLog.files;
    for (let at = index; at < files.length; at++) {
      const modifiedMs = runtime.files.stat((files[at] as StoreFile).path)?.modifiedMs;
      if (modifiedMs !== undefined) yield modifiedMs;
    }
  }

  /** Tells which messages are lost to their queues when the log begins at `begin`. */
  async #announce(begin: number): Promise<void> {
    const { queues, commitLog, expired } = this.#parts;
    let passed = 0;
    for (const queue of [...queues.all()]) {
      if (++passed % SLICE_QUEUES === 0) await this.#pause(0);
      if (this.#stopped) return;
      await queue.correctMinOffsetLater(commitLog.minOffset);
      const from = queue.minOffset;
      const to = await queue.firstBehindLater(begin);
      if (to > from) expired({ topic: queue.topic, queueId: queue.queueId, from, to });
    }
  }

  #tellStuck(isStuck: boolean): void {
    const { disk, log, commitLog, settings } = this.#parts;
    if (isStuck && !this.#isStuck) {
      log.warn("the disk is nearly full and no file of the commit log can go", {
        files: commitLog.files.count,
        commitLogPercent: disk.commitLogPercent,
        consumeQueuePercent: disk.consumeQueuePercent,
        storePathRootDir: settings.storePathRootDir,
      });
    }
    this.#isStuck = isStuck;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.runtime.clock.setTimeout(resolve, ms);
    });
  }
}
