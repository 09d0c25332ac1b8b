/**
 * Puts messages whose time has come into the log again, a batch at a time: `put` fixes a message's place at once, `settle`
 * waits until the batch is in the page cache. What a full disk throws away in between is put once more, so that nothing that
 * was counted as delivered is missing.
 */
import { readInt64 } from "../../../wire/bytes.ts";
import { RECORD_AT } from "../../../wire/message.ts";
import type { Log, Runtime } from "../../runtime.ts";
import type { MessageInput, MessageStore, PutReceipt } from "../message_store.ts";
import { type DeliveredMessages, deliveredStage, rolledStage } from "./timer_delivered.ts";
import { DeliveredForm } from "./timer_forms.ts";
import { decodedRecord, identityOf, type WaitingMessage } from "./timer_message.ts";
import type { TimerProgress } from "./timer_progress.ts";

/**
 * A batch is settled when it has so many messages or bytes: with the last one added it is still written on the event loop
 * (`../group_commit.ts`), since going to another thread and back costs more than the write, and nothing is delivered meanwhile.
 */
const BATCH_MESSAGES_MAX = 512;
const BATCH_BYTES_MAX = 240 * 1024;
/** Until a refused message is tried again. */
const RETRY_DELAY_MS = 100;

export interface TimerPutParts {
  readonly runtime: Pick<Runtime, "clock">;
  readonly log: Log;
  readonly store: MessageStore;
  readonly progress: TimerProgress;
  /** Counts a message that was put. */
  readonly counted: (topic: string, bytes: number) => void;
}

interface Unsettled {
  readonly message: MessageInput;
  readonly receipt: PutReceipt;
}

export class TimerPut {
  /** What a crash left behind the checkpoint; undefined when nothing is left to be passed over. */
  delivered: DeliveredMessages | undefined;
  readonly #parts: TimerPutParts;
  readonly #form = new DeliveredForm();
  #batch: Unsettled[] = [];
  #batchBytes = 0;
  #lost = 0;
  #stopped = false;

  constructor(parts: TimerPutParts) {
    this.#parts = parts;
  }

  /** It is time to `settle`. */
  get isFull(): boolean {
    return this.#batch.length >= BATCH_MESSAGES_MAX || this.#batchBytes >= BATCH_BYTES_MAX;
  }

  /** A disk fault took messages that are counted as delivered and are being put once more: no time for a checkpoint. */
  get hasLost(): boolean {
    return this.#lost > 0;
  }

  /**
   * Puts the message to its real place, or, with `roll`, into the timer topic.
   * @param enqueueMs of its unit, as text.
   * @returns false when the store takes nothing now: `pause`, then try again.
   */
  put(waiting: WaitingMessage, enqueueMs: string, roll: boolean): boolean {
    const { runtime, progress, log, store } = this.#parts;
    const message = this.#form.of(waiting, enqueueMs, runtime.clock.now(), roll);
    if (this.#isInLog(waiting, roll ? rolledStage(waiting.rollTimes + 1) : deliveredStage(waiting.rollTimes))) return true;
    const result = store.append(message);
    if (result.status === "PUT_OK") {
      this.#took(message, result);
      progress.deliveries++;
    } else if (result.status === "MESSAGE_ILLEGAL" || result.status === "PROPERTIES_SIZE_EXCEEDED") {
      log.error("a delayed message can't be delivered and is dropped", {
        topic: message.topic,
        queueId: message.queueId,
        physicalOffset: readInt64(waiting.record, RECORD_AT.physicalOffset),
        status: result.status,
        reason: result.reason,
      });
    } else return false;
    return true;
  }

  /**
   * Before a crash the message was put into the timer topic once more, and lives on as that one: it must not enter the wheel
   * again, where by now it might be near enough not to be rolled.
   */
  isRolled(waiting: WaitingMessage): boolean {
    return this.#isInLog(waiting, rolledStage(waiting.rollTimes + 1));
  }

  #isInLog({ record, realTopic, realQueueId }: WaitingMessage, stage: number): boolean {
    if (this.delivered === undefined) return false;
    const stored = decodedRecord(record);
    return stored !== undefined && this.delivered.take(identityOf(realTopic, realQueueId, stored), stage);
  }

  /** Waits until the store may take something again. */
  async pause(): Promise<void> {
    await this.settle();
    await this.#sleep();
  }

  /** Resolves when everything that was put is in the page cache, however often it takes. */
  async settle(): Promise<void> {
    const { store, log } = this.#parts;
    while (this.#batch.length > 0) {
      const batch = this.#batch;
      this.#batch = [];
      this.#batchBytes = 0;
      try {
        await store.durable((batch[batch.length - 1] as Unsettled).receipt.endOffset, false);
      } catch (error) {
        const { writtenOffset } = store.stats();
        const lost = batch.filter(({ receipt }) => receipt.endOffset > writtenOffset);
        log.error("delayed messages could not be written and are put again as soon as the disk takes them", {
          count: lost.length,
          error: error instanceof Error ? error.message : String(error),
        });
        this.#lost += lost.length;
        for (const { message } of lost) await this.#putAgain(message);
      }
    }
  }

  /** Ends trying to put lost messages again. No checkpoint counts them as delivered, so the next start delivers them. */
  stop(): void {
    this.#stopped = true;
  }

  start(): void {
    this.#stopped = false;
  }

  async #putAgain(message: MessageInput): Promise<void> {
    while (!this.#stopped) {
      const result = this.#parts.store.append(message);
      if (result.status === "PUT_OK") {
        this.#lost--;
        this.#took(message, result);
        return;
      }
      await this.#sleep();
    }
  }

  #took(message: MessageInput, receipt: PutReceipt): void {
    this.#batch.push({ message, receipt });
    this.#batchBytes += receipt.size;
    this.#parts.counted(message.topic, receipt.size);
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => this.#parts.runtime.clock.setTimeout(resolve, RETRY_DELAY_MS));
  }
}
