/**
 * Checkpoints: from time to time log, consume queues and index are put on the disk, in this order, and then `checkpoint`
 * says up to which record. A start after a crash reads the log from there.
 */
import type { Log, Runtime, TimerHandle } from "../runtime.ts";
import type { CommitLog } from "./commit_log.ts";
import type { DeletedTopics } from "./deleted_topics.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { SyncFault } from "./file_queue.ts";
import type { IndexService } from "./index_service.ts";
import type { LogicQueues } from "./logic_queue.ts";
import type { StoreSettings } from "./options.ts";
import type { QueueEnds } from "./queue_ends.ts";
import { sumOfQueues } from "./queues_sum.ts";
import type { StoreCheckpoint } from "./store_checkpoint.ts";

/** Bytes dispatched after which a checkpoint is taken before its time: what a start after kill -9 reads, about a second. */
const CHECKPOINT_BYTES = 256 * 1024 * 1024;
/** After a checkpoint that could not be taken, or units that could not be written, how long until the next try. */
const RETRY_MS = 2000;
/** How long an orderly stop waits for the disk to sync queues and index; a broker is to be gone within 5 s. */
const SYNC_MS_MAX = 1500;
/** And then for writing, without a sync, what is left: 20,000 queues take a second. */
const LEAVE_MS_MAX = 2500;

export interface CheckpointerParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: StoreSettings;
  readonly commitLog: CommitLog;
  readonly dispatcher: Dispatcher;
  readonly queues: LogicQueues;
  readonly index: IndexService;
  readonly checkpoint: StoreCheckpoint;
  readonly deleted: DeletedTopics;
  readonly ends: QueueEnds;
}

export class Checkpointer {
  readonly #parts: CheckpointerParts;
  #timer: TimerHandle | undefined;
  #running: Promise<void> | undefined;
  /** Somebody asked while one was running. */
  #again = false;
  #takenAt = 0;
  #stopped = false;
  /** A sync of the queues failed: none can be taken in this process any more. */
  #syncFault: SyncFault | undefined;
  /** The index was not put on the disk by the last checkpoint, which was said. */
  #indexFault: Error | undefined;
  /** The orderly stop takes too long. */
  #isLate = false;
  /** The store is closed, another process may have it: nothing more is written. */
  #abandoned = false;

  constructor(parts: CheckpointerParts) {
    this.#parts = parts;
  }

  /** Recovery dispatched everything before `end`. */
  start(end: number): void {
    this.#takenAt = end;
    // It has to reach the disk, but nobody need wait for it: 20,000 queues take seconds.
    if (this.#parts.dispatcher.lastRecordOffset >= 0) this.now();
  }

  /**
   * After each dispatch. Time counts from the first message behind the last checkpoint, so an idle store has no timer, unless
   * the index is to be put on the disk once more.
   */
  whenDue(): void {
    const { dispatcher, queues, runtime, settings } = this.#parts;
    const bytes = dispatcher.dispatchedOffset - this.#takenAt;
    if ((bytes === 0 && this.#indexFault === undefined) || this.#running !== undefined) return;
    if (queues.fault !== undefined) {
      this.#retryLater();
      return;
    }
    if (bytes >= CHECKPOINT_BYTES) this.now();
    else this.#timer ??= runtime.clock.setTimeout(() => this.now(), settings.flushConsumeQueueThoroughInterval);
  }

  /** Begins one, or another after the one that is running. */
  now(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#stopped || this.#syncFault !== undefined) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#running = this.#take()
      .catch((error: Error) => this.#failed(error))
      .finally(() => {
        this.#running = undefined;
        if (this.#again) {
          this.#again = false;
          this.now();
        } else this.whenDue();
      });
  }

  /**
   * The checkpoint of an orderly stop. False when there is none: queues or index could not be put on the disk, and the next
   * start makes again from the log what they miss; or the disk takes too long, and the queues are left in the page cache, which
   * a start that comes before the power goes takes for good (`queue_ends.ts`).
   * @throws RuntimeFault
   */
  async last(): Promise<boolean> {
    const { queues, log } = this.#parts;
    this.#timer?.cancel();
    this.#stopped = true;
    queues.hurry();
    const taken = (async (): Promise<boolean> => {
      await this.#running;
      if (this.#syncFault !== undefined) return false;
      await this.#take();
      return this.#indexFault === undefined;
    })();
    try {
      const isTaken = await this.#within(SYNC_MS_MAX, taken);
      if (isTaken !== undefined) return isTaken;
      this.#isLate = true;
      queues.stop();
      if ((await this.#within(LEAVE_MS_MAX, this.#leave(taken))) === true) return false;
      this.#abandoned = true;
      if (this.#syncFault === undefined && this.#indexFault === undefined) {
        log.warn("the disk is too slow to sync all consume queues before the stop; the next start makes up for it");
      }
      return false;
    } finally {
      queues.stop();
    }
  }

  /** What the promise comes to; undefined when it takes longer. What it throws later concerns nobody. */
  async #within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
    let timer: TimerHandle | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = this.#parts.runtime.clock.setTimeout(() => resolve(undefined), ms);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      timer?.cancel();
      promise.catch(() => {});
    }
  }

  /** @param taken the checkpoint that was too slow. @returns true when everything is left in the page cache at least, and said so */
  async #leave(taken: Promise<boolean>): Promise<boolean> {
    const { queues, index, ends, log, runtime, commitLog } = this.#parts;
    const hasEnded = await taken.catch(() => undefined);
    if (hasEnded !== undefined || this.#syncFault !== undefined || commitLog.isReadOnly || ends.bootId === undefined)
      return false;
    try {
      await index.sync();
      await queues.leave();
      if (this.#abandoned) return false;
      ends.leave(queues.all(), sumOfQueues(queues.all(), runtime.digest), true);
    } catch (error) {
      log.warn("consume queues could not be written before the stop; the next start makes up for it", {
        error: (error as Error).message,
      });
      return false;
    }
    log.info("consume queues are left in the page cache; the disk is too slow to sync them all before the stop");
    return true;
  }

  #leaveEnds(sum: number): void {
    try {
      this.#parts.ends.leave(this.#parts.queues.all(), sum, false);
    } catch (error) {
      this.#parts.log.warn("cannot leave a note of where the consume queues end; the next start searches them", {
        error: (error as Error).message,
      });
    }
  }

  #failed(error: Error): void {
    const { log, settings } = this.#parts;
    // `last` says it.
    if (this.#isLate) return;
    if (error instanceof SyncFault) {
      this.#syncFault = error;
      log.error("consume queues could not be put on the disk; the next start makes them again from the log", {
        error: error.message,
        mend: `check the disk of storePathRootDir, ${settings.storePathRootDir}, and restart the broker`,
      });
      return;
    }
    log.error("cannot take a checkpoint; it is tried again", { error: error.message, directory: settings.storePathRootDir });
    this.#retryLater();
  }

  /** Sends are refused, or the disk may have room again: sooner than the interval. */
  #retryLater(): void {
    this.#timer?.cancel();
    if (!this.#stopped) this.#timer = this.#parts.runtime.clock.setTimeout(() => this.now(), RETRY_MS);
  }

  /** @returns store time of the last message in the index on the disk; what was known when the index failed */
  async #syncIndex(): Promise<number> {
    const { index, checkpoint, log } = this.#parts;
    try {
      const indexedUntil = await index.sync();
      this.#indexFault = undefined;
      return indexedUntil;
    } catch (error) {
      if (this.#indexFault === undefined) {
        log.error("the index could not be put on the disk; it is tried again, and a start after a crash adds what it misses", {
          error: (error as Error).message,
        });
      }
      this.#indexFault = error as Error;
      return checkpoint.indexMsgTimestamp;
    }
  }

  async #take(): Promise<void> {
    const { dispatcher, commitLog, queues, checkpoint, runtime, settings, ends } = this.#parts;
    // Taken now: what is dispatched meanwhile belongs to the next.
    const { lastRecordOffset, lastStoreTimestamp } = dispatcher;
    this.#takenAt = dispatcher.dispatchedOffset;
    // A queue must not know messages that a power cut takes from the log.
    await commitLog.flush.flush();
    await queues.sync();
    const indexedUntil = await this.#syncIndex();
    // Nothing was dispatched since the start: what the file says still holds.
    if (lastRecordOffset < 0 || this.#abandoned) return;
    checkpoint.physicMsgTimestamp = lastStoreTimestamp;
    checkpoint.logicsMsgTimestamp = lastStoreTimestamp;
    checkpoint.indexMsgTimestamp = indexedUntil;
    checkpoint.logicsPhysicalOffset = lastRecordOffset;
    checkpoint.confirmPhyOffset = lastRecordOffset;
    if (settings.messageIndexEnable && this.#indexFault === undefined) checkpoint.indexedOffset = lastRecordOffset;
    checkpoint.bootMark = ends.bootMark;
    // While the store runs the queues change: only an orderly stop says what they are.
    checkpoint.queuesSum = this.#stopped ? sumOfQueues(queues.all(), runtime.digest) : 0;
    await checkpoint.save();
    if (this.#stopped) this.#leaveEnds(checkpoint.queuesSum);
    this.#parts.deleted.settle(lastRecordOffset);
  }
}
