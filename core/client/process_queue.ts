/**
 * One queue at one consumer: messages that were pulled and are not consumed yet, in the order of their offsets. Below the
 * first of them all is consumed, and that is what is committed.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { MessageExt } from "./message.ts";
import { OffsetOrdered } from "./offset_ordered.ts";

/** When a queue is full: no further pull until there is room. */
export interface FlowControl {
  readonly pullThresholdForQueue: number;
  readonly pullThresholdSizeBytes: number;
  /** Offsets between the first and the last message; one that hangs lets no more than these be consumed behind it. */
  readonly maxSpan: number;
  /** A bound over all queues of the consumer, with `more` messages; who takes messages out nudges the others. */
  readonly allFull?: ((more: number) => boolean) | undefined;
}

export class ProcessQueue {
  readonly messageQueue: MessageQueue;
  /** Where the next pull begins. */
  nextOffset: number;
  /** Where to pull from, as the broker advised. */
  brokerId = 0;
  /** Orderly: the broker says that this client holds the queue. */
  locked = false;
  /** Pulled no further, until `nudge`. */
  paused = false;
  /** When the broker last confirmed the lock, ms since 1970. */
  lastLockTimestamp = 0;
  /** Orderly: what the listener has now. */
  consuming: readonly MessageExt[] = [];
  lastPullTimestamp = 0;
  /** The offset that the last pull carried for the broker to store; it may do so at any time until it answers. */
  carriedOffset: number | undefined;
  lastConsumeTimestamp = 0;
  /** Settles when nobody works on this queue any more. */
  working: Promise<void> = Promise.resolve();
  /** Bounds may change with the number of queues. */
  flow: FlowControl;
  readonly #messages = new OffsetOrdered();
  /** Of their records: what waits here keeps those. */
  #bytes = 0;
  #endOffset: number;
  #dropped = false;
  #wakers: (() => void)[] = [];

  constructor(messageQueue: MessageQueue, nextOffset: number, flow: FlowControl) {
    this.messageQueue = messageQueue;
    this.nextOffset = nextOffset;
    this.#endOffset = nextOffset;
    this.flow = flow;
  }

  /** Not this client's any more: nothing of it is consumed or committed from now on. */
  get dropped(): boolean {
    return this.#dropped;
  }

  get count(): number {
    return this.#messages.count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get firstOffset(): number | undefined {
    return this.#messages.first?.queueOffset;
  }

  get endOffset(): number {
    return this.#endOffset;
  }

  /** No further pull now. */
  get full(): boolean {
    return this.fullWith(0, 0, this.#endOffset);
  }

  /** As `full`, once what is on its way is here too: `count` messages of `bytes`, the last of them before `endOffset`. */
  fullWith(count: number, bytes: number, endOffset: number): boolean {
    const { pullThresholdForQueue, pullThresholdSizeBytes, maxSpan, allFull } = this.flow;
    return (
      this.paused ||
      this.#messages.count + count >= pullThresholdForQueue ||
      this.#bytes + bytes >= pullThresholdSizeBytes ||
      endOffset - (this.firstOffset ?? endOffset) > maxSpan ||
      allFull?.(count) === true
    );
  }

  put(messages: readonly MessageExt[]): void {
    for (const message of messages) {
      this.#messages.add(message);
      this.#bytes += message.storeSize;
      this.#endOffset = message.queueOffset + 1;
    }
    this.#wake();
  }

  /** The first messages, which stay until they are removed. */
  peek(countMax: number): MessageExt[] {
    return this.#messages.peek(countMax);
  }

  /** Takes out what is consumed. @returns the offset below which all is */
  remove(messages: readonly MessageExt[]): number {
    for (const { queueOffset } of messages) this.#bytes -= this.#messages.delete(queueOffset)?.storeSize ?? 0;
    this.#wake();
    return this.firstOffset ?? this.#endOffset;
  }

  drop(): void {
    this.#dropped = true;
    this.#wake();
  }

  /** Something outside of this queue changed that may let it go on. */
  nudge(): void {
    this.#wake();
  }

  /** Settles when something changed: messages came or went, or the queue was dropped. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  #wake(): void {
    if (this.#wakers.length === 0) return;
    for (const wake of this.#wakers.splice(0)) wake();
  }
}
