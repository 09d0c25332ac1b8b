/**
 * Checkpoints: from time to time log, consume queues and index are put on the disk, in this order, and then `checkpoint`
 * says up to which record. A start after a crash reads the log from there.
 */
import type { Log, Runtime, TimerHandle } from "../runtime.ts";
import type { CommitLog } from "./commit_log.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { IndexService } from "./index_service.ts";
import type { LogicQueues } from "./logic_queue.ts";
import type { StoreSettings } from "./options.ts";
import type { StoreCheckpoint } from "./store_checkpoint.ts";

/** Bytes dispatched after which a checkpoint is taken before its time: what a start after kill -9 reads, about a second. */
const CHECKPOINT_BYTES = 256 * 1024 * 1024;
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
}

export class Checkpointer {
  readonly #parts: CheckpointerParts;
  #timer: TimerHandle | undefined;
  #running: Promise<void> | undefined;
  /** Somebody asked while one was running. */
  #again = false;
  #takenAt = 0;
  #stopped = false;
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

  /** After each dispatch. Time counts from the first message behind the last checkpoint, so an idle store has no timer. */
  whenDue(): void {
    const { dispatcher, runtime, settings } = this.#parts;
    const bytes = dispatcher.dispatchedOffset - this.#takenAt;
    if (bytes === 0 || this.#running !== undefined) return;
    if (bytes >= CHECKPOINT_BYTES) this.now();
    else this.#timer ??= runtime.clock.setTimeout(() => this.now(), settings.flushConsumeQueueThoroughInterval);
  }

  /** Begins one, or another after the one that is running. */
  now(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#running = this.#take()
      .catch((error: Error) => this.#parts.log.error("cannot take a checkpoint; it is tried again", { error: error.message }))
      .finally(() => {
        this.#running = undefined;
        if (this.#again) {
          this.#again = false;
          this.now();
        } else this.whenDue();
      });
  }

  /**
   * The checkpoint of an orderly stop; false when the disk takes too long. Then everything is in the page cache and the log
   * on the disk, and the next start dispatches again from the checkpoint before.
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
      await this.#take();
      return true;
    })();
    try {
      const inTime = await Promise.race([taken, late]);
      if (!inTime) {
        this.#abandoned = true;
        queues.writeAll();
        log.warn("the disk is too slow to sync all consume queues before the stop; the next start makes up for it");
        taken.catch(() => {});
      }
      return inTime;
    } finally {
      timer?.cancel();
      queues.stop();
    }
  }

  async #take(): Promise<void> {
    const { dispatcher, commitLog, queues, index, checkpoint } = this.#parts;
    // Taken now: what is dispatched meanwhile belongs to the next.
    const { lastRecordOffset, lastStoreTimestamp } = dispatcher;
    this.#takenAt = dispatcher.dispatchedOffset;
    // A queue must not know messages that a power cut takes from the log.
    await commitLog.flush.flush();
    await queues.sync();
    const indexedUntil = await index.sync();
    // Nothing was dispatched since the start: what the file says still holds.
    if (lastRecordOffset < 0 || this.#abandoned) return;
    checkpoint.physicMsgTimestamp = lastStoreTimestamp;
    checkpoint.logicsMsgTimestamp = lastStoreTimestamp;
    checkpoint.indexMsgTimestamp = indexedUntil;
    checkpoint.logicsPhysicalOffset = lastRecordOffset;
    checkpoint.confirmPhyOffset = lastRecordOffset;
    await checkpoint.save();
  }
}
