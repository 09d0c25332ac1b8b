/**
 * Handing messages to the listener. `Consumption` bounds how many calls run at a time and says what a call came to;
 * `ConcurrentConsumption` takes messages as they come; in order is `consume_orderly.ts`.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { Log } from "../runtime.ts";
import type { ConsumeStatusCounts } from "./consume_status.ts";
import type { MessageExt } from "./message.ts";
import type { ProcessQueue } from "./process_queue.ts";
import type { MessageTrace } from "./trace.ts";

export interface ConsumeContext {
  readonly messageQueue: MessageQueue;
  /** Aborted when the consumer closes: what can be given up should be. */
  readonly signal: AbortSignal;
  /** When a message that is given back comes again: 0 lets the broker choose, 1..18 a delay level, -1 the dead letter queue. */
  delayLevelWhenNextConsume: number;
}

/** Consumed when it returns or its promise is kept; a throw or a rejection gives the messages back. */
export type BatchListener = (messages: readonly MessageExt[], context: ConsumeContext) => unknown;

/** What both kinds of consumption ask of their consumer. */
export interface ConsumptionParts {
  readonly log: Log;
  readonly consumerGroup: string;
  readonly trace?: MessageTrace | undefined;
  readonly listener: BatchListener;
  /** Calls of the listener at a time. */
  readonly consumeThreadMax: number;
  readonly consumeMessageBatchMaxSize: number;
  readonly signal: AbortSignal;
  /** All below `offset` is consumed. */
  consumedUpTo(queue: ProcessQueue, offset: number): void;
  /** Gives a message to the broker for later. @returns false when it could not */
  sendBack(message: MessageExt, delayLevel: number): Promise<boolean>;
  /** Milliseconds, then the callback; nothing once the consumer is closed. */
  later(ms: number, callback: () => void): void;
  now(): number;
  /** Clock.monotonic(). */
  readonly monotonic: () => number;
  readonly counts: ConsumeStatusCounts;
  /** A queue as the program names it. */
  readonly listened: (queue: MessageQueue) => MessageQueue;
}

export interface ConsumptionService {
  /** Messages of `queue` arrived; they are in it already. */
  arrived(queue: ProcessQueue, messages: readonly MessageExt[]): void;
  /** Settles when the listener is not running any more. */
  idle(): Promise<void>;
  /** Settles when nothing of a dropped queue is consumed that another member must not consume meanwhile. */
  finished(queue: ProcessQueue): Promise<void>;
  readonly active: number;
}

/** What a call of the listener came to. */
export interface Outcome {
  readonly fault: unknown;
  readonly delayLevel: number;
}

/** What a call of the listener knows of its queue. */
export interface ListenedQueue {
  readonly messageQueue: MessageQueue;
  lastConsumeTimestamp: number;
}

/** Calls the listener; never throws. */
export async function consume(
  parts: Pick<
    ConsumptionParts,
    "log" | "consumerGroup" | "listener" | "signal" | "now" | "trace" | "monotonic" | "counts" | "listened"
  >,
  queue: ListenedQueue,
  messages: readonly MessageExt[],
): Promise<Outcome> {
  const { messageQueue } = queue;
  const context: ConsumeContext = {
    messageQueue: parts.listened(messageQueue),
    signal: parts.signal,
    delayLevelWhenNextConsume: 0,
  };
  queue.lastConsumeTimestamp = parts.now();
  const startedAt = parts.monotonic();
  const count = (failed: boolean) =>
    parts.counts.consumed(messageQueue.topic, messages.length, parts.monotonic() - startedAt, failed);
  const consumed = parts.trace?.consuming(parts.consumerGroup, messages);
  try {
    const unreadable = messages.find(({ bodyFault }) => bodyFault !== undefined);
    if (unreadable !== undefined) throw new Error(`message ${unreadable.msgId}: ${unreadable.bodyFault}`);
    await parts.listener(messages, context);
    consumed?.(true);
    count(false);
    return { fault: undefined, delayLevel: 0 };
  } catch (fault) {
    consumed?.(false);
    count(true);
    parts.log.warn("the listener did not consume; the messages come again", {
      group: parts.consumerGroup,
      topic: messages[0]?.topic,
      msgId: messages[0]?.msgId,
      reconsumeTimes: messages[0]?.reconsumeTimes,
      reason: fault instanceof Error ? fault.message : String(fault),
    });
    return { fault: fault ?? new Error("rejected without a reason"), delayLevel: context.delayLevelWhenNextConsume };
  }
}

/** A call of the listener that is under way. */
interface Call {
  readonly queue: ProcessQueue;
  readonly messages: readonly MessageExt[];
  /** Clock.monotonic(). */
  readonly startedAt: number;
  /** It took too long, and its messages were given back: what it comes to does not count. */
  expired: boolean;
}

/** Apache's level for messages whose listener took too long. */
const EXPIRED_DELAY_LEVEL = 3;
/** A message that could not be given to the broker is consumed again here after so long; Apache's value. */
const LOCAL_RETRY_MS = 5_000;

export class ConcurrentConsumption implements ConsumptionService {
  readonly #parts: ConsumptionParts;
  /** In order of arrival; no more than the process queues hold. */
  readonly #waiting: { queue: ProcessQueue; messages: readonly MessageExt[] }[] = [];
  readonly #calls = new Set<Call>();
  #whenIdle: (() => void)[] = [];
  #active = 0;

  constructor(parts: ConsumptionParts) {
    this.#parts = parts;
  }

  get active(): number {
    return this.#active;
  }

  arrived(queue: ProcessQueue, messages: readonly MessageExt[]): void {
    const size = this.#parts.consumeMessageBatchMaxSize;
    for (let i = 0; i < messages.length; i += size) this.#waiting.push({ queue, messages: messages.slice(i, i + size) });
    this.#pump();
  }

  idle(): Promise<void> {
    if (this.#active === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /**
   * Gives back what the listener has had for `timeoutMs`, so that one call that hangs does not hold up the offset of its queue.
   * The call itself can't be ended: it goes on, and keeps its place among `consumeThreadMax`.
   */
  async giveBackExpired(timeoutMs: number): Promise<void> {
    const since = this.#parts.monotonic() - timeoutMs;
    const late = [...this.#calls].filter((call) => call.startedAt <= since && !call.expired && !call.queue.dropped);
    await Promise.all(late.map((call) => this.#expire(call)));
  }

  async #expire(call: Call): Promise<void> {
    const { queue, messages } = call;
    const { log, consumerGroup } = this.#parts;
    log.warn("the listener takes longer than consumeTimeout; its messages are given back", {
      group: consumerGroup,
      msgId: messages[0]?.msgId,
    });
    call.expired = true;
    const back = await Promise.all(messages.map((message) => this.#parts.sendBack(message, EXPIRED_DELAY_LEVEL)));
    if (back.some((each) => !each)) call.expired = false;
    const offset = queue.remove(messages.filter((_, i) => back[i]));
    if (!queue.dropped) this.#parts.consumedUpTo(queue, offset);
  }

  /** Others may consume the same at the same time: no order is promised. */
  finished(): Promise<void> {
    return Promise.resolve();
  }

  #pump(): void {
    if (this.#parts.signal.aborted) this.#waiting.length = 0;
    while (this.#active < this.#parts.consumeThreadMax) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (next.queue.dropped) continue;
      this.#active++;
      void this.#run(next.queue, next.messages).finally(() => {
        this.#active--;
        this.#pump();
      });
    }
    if (this.#active === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  async #run(queue: ProcessQueue, messages: readonly MessageExt[]): Promise<void> {
    const call: Call = { queue, messages, startedAt: this.#parts.monotonic(), expired: false };
    this.#calls.add(call);
    const { fault, delayLevel } = await consume(this.#parts, queue, messages);
    this.#calls.delete(call);
    if (call.expired) return;
    let done = messages;
    // Given up for the close: not the message's fault. It stays below what is committed, and the next member consumes it.
    if (fault !== undefined && this.#parts.signal.aborted) return;
    // A dropped queue is another's by now: it consumes these again, so nothing is given back.
    if (fault !== undefined && !queue.dropped) {
      const back = await Promise.all(messages.map((message) => this.#parts.sendBack(message, delayLevel)));
      done = messages.filter((_, i) => back[i]);
      const kept = messages.filter((_, i) => !back[i]);
      for (const message of kept) message.reconsumeTimes++;
      if (kept.length > 0) this.#parts.later(LOCAL_RETRY_MS, () => this.arrived(queue, kept));
    }
    const offset = queue.remove(done);
    if (!queue.dropped) this.#parts.consumedUpTo(queue, offset);
  }
}
