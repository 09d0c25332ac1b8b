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
import { sumOfQueues } from "./queues_sum.ts";
import type { StoreCheckpoint } from "./store_checkpoint.ts";

/** Bytes dispatched after which a checkpoint is taken before its time: what a start after kill -9 reads, about a second. */
const CHECKPOINT_BYTES = 256 * 1024 * 1024;
/** After a checkpoint that could not be taken, or units that could not be written, how long until the next try. */
const RETRY_MS = 2000;
/** How long an orderly stop waits for the disk to sync queues and index; a broker is to be gone within 5 s. */
const CLOSE_MS_MAX = 3000;

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
   * The checkpoint of an orderly stop; false when the disk takes too long. Then the log is on the disk, and the next start
   * dispatches again from the checkpoint before, whatever the queues have. False as well when queues or index could
   * not be put on the disk: the next start makes again from the log what they miss.
   * @throws RuntimeFault
   */
  async last(): Promise<boolean> {
    const { runtime, queues, log } = this.#parts;
    this.#timer?.cancel();
    this.#stopped = true;
    queues.hurry();
    let timer: TimerHandle | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = runtime.clock.setTimeout(() => resolve(false), CLOSE_MS_MAX);
    });
    const taken = (async (): Promise<boolean> => {
      await this.#running;
      if (this.#syncFault !== undefined) return false;
      await this.#take();
      return this.#indexFault === undefined;
    })();
    try {
      const inTime = await Promise.race([taken, late]);
      if (!inTime && this.#syncFault === undefined && this.#indexFault === undefined) {
        this.#abandoned = true;
        log.warn("the disk is too slow to sync all consume queues before the stop; the next start makes up for it");
        taken.catch(() => {});
      }
      return inTime;
    } finally {
      timer?.cancel();
      queues.stop();
    }
  }

  #failed(error: Error): void {
    const { log, settings } = this.#parts;
    // `last` has said it.
    if (this.#abandoned) return;
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
    const { dispatcher, commitLog, queues, checkpoint, runtime } = this.#parts;
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
    // While the store runs the queues change: only an orderly stop says what they are.
    checkpoint.queuesSum = this.#stopped ? sumOfQueues(queues.all(), runtime.digest) : 0;
    await checkpoint.save();
    this.#parts.deleted.settle(lastRecordOffset);
  }
}
