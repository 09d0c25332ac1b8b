/**
 * Old files go, and sends are refused while the disk is too full.
 *
 * Every `cleanResourceInterval` the disk is looked at. Commit log files older than `fileReservedTime` are removed in the
 * hours of `deleteWhen`, or at any hour above `diskMaxUsedSpaceRatio`; above `diskSpaceCleanForciblyRatio` the oldest go
 * whatever their age; above `diskSpaceWarningLevelRatio` sends are refused as well. The last file always stays. Consume
 * queues and index follow the smallest offset of the log.
 */
import type { Log, Runtime, TimerHandle } from "../runtime.ts";
import type { CommitLog } from "./commit_log.ts";
import type { IndexService } from "./index_service.ts";
import type { LogicQueues } from "./logic_queue.ts";
import type { PutRefusal } from "./message_store.ts";
import type { StoreSettings } from "./options.ts";

const HOUR_MS = 3_600_000;

export interface CleanFilesParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: StoreSettings;
  readonly commitLog: CommitLog;
  readonly queues: LogicQueues;
  readonly index: IndexService;
}

export class CleanFiles {
  /** 0..100 */
  commitLogDiskPercent = 0;
  consumeQueueDiskPercent = 0;
  /** While the disk is too full to take messages. */
  refusal: PutRefusal | undefined;
  readonly #parts: CleanFilesParts;
  #timer: TimerHandle | undefined;
  #removing: Promise<number> | undefined;
  #stopped = false;

  constructor(parts: CleanFilesParts) {
    this.#parts = parts;
  }

  start(): void {
    this.look();
    this.#timer = this.#parts.runtime.clock.setInterval(() => this.#check(), this.#parts.settings.cleanResourceInterval);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#removing;
  }

  /** Looks how full the disks are; takes or lifts the refusal. */
  look(): void {
    const { settings, commitLog, log } = this.#parts;
    this.commitLogDiskPercent = this.#percentOf(commitLog.files.directory);
    this.consumeQueueDiskPercent = this.#percentOf(settings.storePathRootDir);
    const limit = settings.diskSpaceWarningLevelRatio;
    const [percent, key] =
      this.commitLogDiskPercent >= this.consumeQueueDiskPercent
        ? [this.commitLogDiskPercent, "storePathCommitLog"]
        : [this.consumeQueueDiskPercent, "storePathRootDir"];
    const full = percent >= limit;
    if (full !== (this.refusal !== undefined)) {
      if (full) log.error("the disk is too full, messages are refused", { percent, diskSpaceWarningLevelRatio: limit, key });
      else log.info("the disk has space again, messages are accepted", { percent, diskSpaceWarningLevelRatio: limit });
    }
    this.refusal = full
      ? {
          status: "SERVICE_NOT_AVAILABLE",
          reason: `the disk of ${key} is ${percent} % full and diskSpaceWarningLevelRatio is ${limit}; free space on it, or lower fileReservedTime`,
        }
      : undefined;
  }

  /** Removes expired files now, at whatever hour; resolves to how many commit log files went. */
  removeExpired(): Promise<number> {
    this.look();
    // Not the round that is under way: it may have begun outside the hours.
    return this.#removing === undefined ? this.#remove(true) : this.#removing.then(() => this.#remove(true));
  }

  /** Lets consume queues and index follow the smallest offset of the log. */
  followCommitLog(): void {
    const { queues, index, commitLog, log } = this.#parts;
    let removed = 0;
    try {
      for (const queue of queues.all()) {
        queue.correctMinOffset(commitLog.minOffset);
        removed += queue.removeExpiredFiles();
      }
      const indexFiles = index.removeExpired(commitLog.minOffset);
      if (removed + indexFiles > 0) log.info("removed files of expired messages", { consumeQueueFiles: removed, indexFiles });
    } catch (error) {
      log.error("cannot remove files of expired messages; it is tried again", { error: (error as Error).message });
    }
  }

  #check(): void {
    try {
      this.look();
    } catch (error) {
      this.#parts.log.warn("cannot tell how full the disk is", { error: (error as Error).message });
    }
    void this.#remove(this.#isTime());
  }

  #isTime(): boolean {
    const { runtime, settings } = this.#parts;
    const now = runtime.clock.now();
    const minutes = Math.floor(now / 60_000) + runtime.system.utcOffsetMinutes(now);
    const hour = Math.floor(minutes / 60) % 24;
    return settings.deleteWhen.split(";").some((text) => text.trim() !== "" && Number(text) === hour);
  }

  /** One round at a time. */
  #remove(expired: boolean): Promise<number> {
    this.#removing ??= this.#removeRound(expired).finally(() => {
      this.#removing = undefined;
    });
    return this.#removing;
  }

  async #removeRound(isTime: boolean): Promise<number> {
    const { settings, commitLog, log, runtime } = this.#parts;
    const percent = Math.max(this.commitLogDiskPercent, this.consumeQueueDiskPercent);
    const forced = percent >= settings.diskSpaceCleanForciblyRatio && settings.cleanFileForciblyEnable;
    if (!isTime && !forced && percent < settings.diskMaxUsedSpaceRatio) return 0;
    let removed = 0;
    try {
      while (removed < settings.deleteFileBatchMax && commitLog.files.count > 1 && !this.#stopped) {
        const first = commitLog.files.files[0];
        if (first === undefined) break;
        const modifiedMs = runtime.files.stat(first.path)?.modifiedMs ?? 0;
        const ageMs = runtime.clock.now() - modifiedMs;
        if (!forced && ageMs < settings.fileReservedTime * HOUR_MS) break;
        // Never what is not written yet, however full the disk is.
        if (first.base + commitLog.files.fileSize > commitLog.flush.flushedOffset) break;
        if (removed > 0) await this.#pause(settings.deleteCommitLogFilesInterval);
        log.info("removing a commit log file", { path: first.path, ageHours: Math.floor(ageMs / HOUR_MS), forced, percent });
        commitLog.files.removeFirst();
        removed++;
      }
    } catch (error) {
      log.error("cannot remove a commit log file; it is tried again", { error: (error as Error).message });
    }
    if (removed > 0) this.followCommitLog();
    return removed;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.runtime.clock.setTimeout(resolve, ms);
    });
  }

  #percentOf(path: string): number {
    const { totalBytes, freeBytes } = this.#parts.runtime.files.diskSpace(path);
    return totalBytes === 0 ? 0 : Math.round(((totalBytes - freeBytes) / totalBytes) * 100);
  }
}
