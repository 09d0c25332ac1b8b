/**
 * Between the pulls and the polls of a lite pull consumer: what was pulled waits here, by queue, until it is asked for. What a
 * poll gave counts as consumed when the next one is asked for, or when the program commits; until then it stays in its queue,
 * so that an offset never passes it.
 */
import type { ConsumptionService } from "./consumption.ts";
import type { MessageExt } from "./message.ts";
import type { ProcessQueue } from "./process_queue.ts";

/** Messages of one queue, in their order. */
export interface Polled {
  readonly queue: ProcessQueue;
  readonly messages: readonly MessageExt[];
}

export class LitePullBuffer implements ConsumptionService {
  /** Not polled yet. Queues take turns: who was asked moves to the end. */
  readonly #waiting = new Map<ProcessQueue, MessageExt[]>();
  readonly #consumedUpTo: (queue: ProcessQueue, offset: number) => void;
  #polled: Polled | undefined;
  #wakers: (() => void)[] = [];

  constructor(consumedUpTo: (queue: ProcessQueue, offset: number) => void) {
    this.#consumedUpTo = consumedUpTo;
  }

  /** Polls call nothing, so nothing runs. */
  get active(): number {
    return 0;
  }

  idle(): Promise<void> {
    return Promise.resolve();
  }

  finished(): Promise<void> {
    return Promise.resolve();
  }

  arrived(queue: ProcessQueue, messages: readonly MessageExt[]): void {
    const waiting = this.#waiting.get(queue);
    if (waiting === undefined) this.#waiting.set(queue, [...messages]);
    else waiting.push(...messages);
    this.wake();
  }

  /** Up to `countMax` messages of one queue; undefined when none is there. */
  take(countMax: number): readonly MessageExt[] | undefined {
    for (const [queue, waiting] of this.#waiting) {
      if (queue.dropped) {
        this.#waiting.delete(queue);
        continue;
      }
      if (queue.paused) continue;
      const messages = waiting.splice(0, countMax);
      this.#waiting.delete(queue);
      if (waiting.length > 0) this.#waiting.set(queue, waiting);
      this.#polled = { queue, messages };
      return messages;
    }
    return undefined;
  }

  /** What was polled last is consumed. */
  settle(): void {
    if (this.#polled === undefined) return;
    const { queue, messages } = this.#polled;
    this.#polled = undefined;
    const offset = queue.remove(messages);
    if (!queue.dropped) this.#consumedUpTo(queue, offset);
  }

  /** What was polled last is not consumed: the next poll gives it again. */
  putBack(): void {
    if (this.#polled === undefined) return;
    const { queue, messages } = this.#polled;
    this.#polled = undefined;
    const waiting = this.#waiting.get(queue) ?? [];
    waiting.unshift(...messages);
    this.#waiting.set(queue, waiting);
  }

  /** Settles at the next `wake`, which comes with messages. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }
}
