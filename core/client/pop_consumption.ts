/**
 * Handing popped messages to the listener. What was consumed is acknowledged; what was not is put off, longer each time, and is
 * a dead letter after `maxReconsumeTimes`. A message whose invisible time is over is another member's: nothing is done with it.
 */
import { type ConsumptionParts, consume, type ListenedQueue } from "./consumption.ts";
import type { MessageExt } from "./message.ts";

/** A queue, or all queues of a broker (queueId -1), that is popped from. */
export interface PopQueue extends ListenedQueue {
  lastPopTimestamp: number;
  /** Popped, and neither acknowledged nor put off. */
  waitAckCount: number;
  dropped: boolean;
  /** Called when `waitAckCount` fell. */
  room: (() => void) | undefined;
}

export interface PopConsumptionParts extends Omit<ConsumptionParts, "consumedUpTo" | "later"> {
  /** Below 0: Apache's 16. */
  readonly maxReconsumeTimes: number;
  readonly acknowledge: (message: MessageExt) => Promise<void>;
  readonly putOff: (message: MessageExt, ms: number) => Promise<void>;
}

interface Batch {
  readonly queue: PopQueue;
  readonly messages: readonly MessageExt[];
  /** Clock.monotonic() at which the messages are visible again. */
  readonly until: number;
}

/** Seconds until the next try, by how many there were: Apache's. */
const DELAYS_SECONDS: readonly number[] = [10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1_200, 1_800, 3_600, 7_200];
const RECONSUME_TIMES_DEFAULT = 16;
const DELAY_LEVEL_DLQ = -1;
/** What a close leaves comes again after so long. */
const GIVEN_BACK_MS = 1_000;

export class PopConsumption {
  readonly #parts: PopConsumptionParts;
  /** In order of arrival; no more than the queues' bounds let in. */
  readonly #waiting: Batch[] = [];
  #whenIdle: (() => void)[] = [];
  #active = 0;

  constructor(parts: PopConsumptionParts) {
    this.#parts = parts;
  }

  /** @param until Clock.monotonic() at which the messages are visible again */
  arrived(queue: PopQueue, messages: readonly MessageExt[], until: number): void {
    queue.waitAckCount += messages.length;
    const size = this.#parts.consumeMessageBatchMaxSize;
    for (let i = 0; i < messages.length; i += size) this.#waiting.push({ queue, messages: messages.slice(i, i + size), until });
    this.#pump();
  }

  /** Settles when the listener is not running any more. */
  async idle(): Promise<void> {
    while (this.#active > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** For the close: what the listener was not called with comes again soon. */
  async giveBackWaiting(): Promise<void> {
    await Promise.all(this.#waiting.splice(0).map((batch) => this.giveBack(batch.messages)));
  }

  async giveBack(messages: readonly MessageExt[]): Promise<void> {
    await Promise.all(messages.map((message) => this.#try("put off", () => this.#parts.putOff(message, GIVEN_BACK_MS))));
  }

  #pump(): void {
    const { consumeThreadMax, signal, monotonic, log, consumerGroup } = this.#parts;
    while (this.#active < consumeThreadMax && !signal.aborted) {
      const batch = this.#waiting.shift();
      if (batch === undefined) break;
      if (monotonic() >= batch.until) {
        log.warn("popped messages waited longer than popInvisibleTime; they come again", { group: consumerGroup });
        this.#done(batch);
        continue;
      }
      this.#active++;
      void this.#run(batch).finally(() => {
        this.#active--;
        this.#done(batch);
        this.#pump();
        if (this.#active === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
      });
    }
  }

  #done({ queue, messages }: Batch): void {
    queue.waitAckCount -= messages.length;
    queue.room?.();
  }

  async #run({ queue, messages, until }: Batch): Promise<void> {
    const { fault, delayLevel } = await consume(this.#parts, queue, messages);
    if (this.#parts.monotonic() >= until) {
      this.#parts.log.warn("the listener took longer than popInvisibleTime; the messages come again", {
        group: this.#parts.consumerGroup,
        msgId: messages[0]?.msgId,
      });
      return;
    }
    const settle = (message: MessageExt) =>
      fault === undefined
        ? this.#try("acknowledged", () => this.#parts.acknowledge(message))
        : this.#try("put off", () => this.#refused(message, delayLevel));
    await Promise.all(messages.map(settle));
  }

  async #refused(message: MessageExt, delayLevel: number): Promise<void> {
    const { maxReconsumeTimes, acknowledge, putOff, signal } = this.#parts;
    // Given up for the close: not the message's fault.
    if (signal.aborted) return putOff(message, GIVEN_BACK_MS);
    const most = maxReconsumeTimes < 0 ? RECONSUME_TIMES_DEFAULT : maxReconsumeTimes;
    if (delayLevel < 0 || message.reconsumeTimes >= most) {
      // Java's client acknowledges such a message, which loses it; Apache's proxy sends it to the dead letters, as here.
      if (await this.#parts.sendBack(message, DELAY_LEVEL_DLQ)) return acknowledge(message);
    }
    const tries = Math.min(delayLevel > 0 ? delayLevel : message.reconsumeTimes, DELAYS_SECONDS.length - 1);
    return putOff(message, (DELAYS_SECONDS[tries] as number) * 1_000);
  }

  /** Never rejects: what fails comes again. */
  async #try(what: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (fault) {
      const { log, consumerGroup } = this.#parts;
      log.warn(`a message was not ${what}; it comes again`, { group: consumerGroup, reason: (fault as Error).message });
    }
  }
}
