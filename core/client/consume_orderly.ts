/**
 * Orderly consumption: of each queue one batch after the other, in the order of their offsets. A batch that fails is consumed
 * again here, after a rest, before anything behind it; only when it failed `maxReconsumeTimes` times is it put aside.
 */
import { type ConsumptionParts, type ConsumptionService, consume } from "./consumption.ts";
import type { MessageExt } from "./message.ts";
import type { ProcessQueue } from "./process_queue.ts";

export interface OrderlyParts extends ConsumptionParts {
  readonly suspendCurrentQueueTimeMillis: number;
  /** Below 0: without end. */
  readonly maxReconsumeTimes: number;
  /** False for broadcasting: nobody else has the queue. */
  readonly locking: boolean;
}

/** A queue whose lock is lost is looked at again after so long. */
const UNLOCKED_MS = 1_000;
/** To the dead letter queue. */
const DELAY_LEVEL_DLQ = -1;

export class OrderlyConsumption implements ConsumptionService {
  readonly #parts: OrderlyParts;
  /** Queues that are worked on, or rest after a failure. */
  readonly #busy = new Map<ProcessQueue, "runs" | "rests">();
  readonly #waitingForTurn: (() => void)[] = [];
  #whenQuiet: (() => void)[] = [];
  #active = 0;

  constructor(parts: OrderlyParts) {
    this.#parts = parts;
  }

  get active(): number {
    return this.#active;
  }

  arrived(queue: ProcessQueue): void {
    if (!this.#busy.has(queue)) void this.#work(queue);
  }

  async idle(): Promise<void> {
    while (this.#active > 0) await new Promise<void>((resolve) => this.#whenQuiet.push(resolve));
  }

  /** A call that is under way is waited for: until it ends the lock must not go to another member. */
  async finished(queue: ProcessQueue): Promise<void> {
    while (this.#busy.get(queue) === "runs") await new Promise<void>((resolve) => this.#whenQuiet.push(resolve));
  }

  async #work(queue: ProcessQueue): Promise<void> {
    const { signal, locking, consumeMessageBatchMaxSize } = this.#parts;
    this.#busy.set(queue, "runs");
    let restMs = 0;
    while (restMs === 0 && !queue.dropped && !signal.aborted) {
      const batch = queue.peek(consumeMessageBatchMaxSize);
      if (batch.length === 0) break;
      await this.#turn();
      // The lock counts at the moment of the call, not when the messages came.
      if (queue.dropped || signal.aborted) restMs = 0;
      else if (locking && !queue.locked) restMs = UNLOCKED_MS;
      else restMs = await this.#consume(queue, batch);
      this.#leave();
    }
    this.#busy.delete(queue);
    if (restMs > 0 && !queue.dropped && !signal.aborted) {
      this.#busy.set(queue, "rests");
      this.#parts.later(restMs, () => {
        this.#busy.delete(queue);
        this.arrived(queue);
      });
    }
    for (const resolve of this.#whenQuiet.splice(0)) resolve();
  }

  /** @returns how long the queue is to rest, ms; 0 when the batch is done */
  async #consume(queue: ProcessQueue, batch: readonly MessageExt[]): Promise<number> {
    const { signal, maxReconsumeTimes, suspendCurrentQueueTimeMillis, locking } = this.#parts;
    queue.consuming = batch;
    const { fault } = await consume(this.#parts, queue, batch);
    queue.consuming = [];
    if (fault !== undefined) {
      if (signal.aborted || queue.dropped) return 0;
      const over = maxReconsumeTimes >= 0 && batch.every(({ reconsumeTimes }) => reconsumeTimes >= maxReconsumeTimes);
      const aside =
        over && (await Promise.all(batch.map((message) => this.#parts.sendBack(message, DELAY_LEVEL_DLQ)))).every((each) => each);
      if (!aside) {
        for (const message of batch) message.reconsumeTimes++;
        return Math.max(1, suspendCurrentQueueTimeMillis);
      }
    }
    const offset = queue.remove(batch);
    // A queue that is being given up stays locked until this call ends, so what it did counts.
    if (!queue.dropped || (locking && queue.locked)) this.#parts.consumedUpTo(queue, offset);
    return 0;
  }

  async #turn(): Promise<void> {
    if (this.#active >= this.#parts.consumeThreadMax) await new Promise<void>((resolve) => this.#waitingForTurn.push(resolve));
    else this.#active++;
  }

  /** Passes the turn on, or leaves it. */
  #leave(): void {
    const next = this.#waitingForTurn.shift();
    if (next !== undefined) next();
    else this.#active--;
    if (this.#active === 0) for (const resolve of this.#whenQuiet.splice(0)) resolve();
  }
}
