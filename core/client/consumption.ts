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

type ConsumeParts = Pick<
  ConsumptionParts,
  "log" | "consumerGroup" | "listener" | "signal" | "now" | "trace" | "monotonic" | "counts" | "listened"
>;

const CONSUMED: Outcome = { fault: undefined, delayLevel: 0 };

/** Calls the listener; never rejects. */
export function consume(parts: ConsumeParts, queue: ListenedQueue, messages: readonly MessageExt[]): Promise<Outcome> {
  return new Promise((settled) => {
    const atOnce = call(parts, queue, messages, settled);
    if (atOnce !== undefined) settled(atOnce);
  });
}

/**
 * Calls the listener. What one that answers at once came to is returned, else `settled` is called with it: promises would cost
 * more than all else that is done for a message.
 */
function call(
  parts: ConsumeParts,
  queue: ListenedQueue,
  messages: readonly MessageExt[],
  settled: (outcome: Outcome) => void,
): Outcome | undefined {
  const { messageQueue } = queue;
  const context: ConsumeContext = {
    messageQueue: parts.listened(messageQueue),
    signal: parts.signal,
    delayLevelWhenNextConsume: 0,
  };
  queue.lastConsumeTimestamp = parts.now();
  const startedAt = parts.monotonic();
  const traced = parts.trace?.consuming(parts.consumerGroup, messages);
  const settle = (failed: boolean) => {
    parts.counts.consumed(messageQueue.topic, messages.length, startedAt, failed);
    traced?.(!failed);
  };
  const refused = (fault: unknown): Outcome => {
    settle(true);
    parts.log.warn("the listener did not consume; the messages come again", {
      group: parts.consumerGroup,
      topic: messages[0]?.topic,
      msgId: messages[0]?.msgId,
      reconsumeTimes: messages[0]?.reconsumeTimes,
      reason: fault instanceof Error ? fault.message : String(fault),
    });
    return { fault: fault ?? new Error("rejected without a reason"), delayLevel: context.delayLevelWhenNextConsume };
  };
  try {
    for (const message of messages) {
      if (message.bodyFault !== undefined) throw new Error(`message ${message.msgId}: ${message.bodyFault}`);
    }
    const answer = parts.listener(messages, context);
    if (isThenable(answer)) {
      // What only looks like a promise may answer from inside of `then`, or twice.
      const promise = answer instanceof Promise ? answer : Promise.resolve(answer);
      promise.then(
        () => {
          settle(false);
          settled(CONSUMED);
        },
        (fault: unknown) => settled(refused(fault)),
      );
      return undefined;
    }
  } catch (fault) {
    return refused(fault);
  }
  settle(false);
  return CONSUMED;
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === "function";

/** A call of the listener. */
class Call {
  readonly queue: ProcessQueue;
  readonly messages: readonly MessageExt[];
  /** Of one that is not answered at once: Clock.monotonic() from which on it is waited for. */
  startedAt = 0;
  /** It took too long, and its messages were given back: what it comes to does not count. */
  expired = false;

  constructor(queue: ProcessQueue, messages: readonly MessageExt[]) {
    this.queue = queue;
    this.messages = messages;
  }
}

/** Apache's level for messages whose listener took too long. */
const EXPIRED_DELAY_LEVEL = 3;
/** A message that could not be given to the broker is consumed again here after so long; Apache's value. */
const LOCAL_RETRY_MS = 5_000;

/** Messages of one pull that the listener was not called with yet: from `next` on. */
interface Arrived {
  readonly queue: ProcessQueue;
  readonly messages: readonly MessageExt[];
  next: number;
}

export class ConcurrentConsumption implements ConsumptionService {
  readonly #parts: ConsumptionParts;
  /** In order of arrival; no more than the process queues hold. */
  readonly #waiting: Arrived[] = [];
  /** Calls that were not answered at once. */
  readonly #calls = new Set<Call>();
  #whenIdle: (() => void)[] = [];
  #active = 0;
  /** The listener is called from here on the stack. */
  #calling = false;

  constructor(parts: ConsumptionParts) {
    this.#parts = parts;
  }

  get active(): number {
    return this.#active;
  }

  arrived(queue: ProcessQueue, messages: readonly MessageExt[]): void {
    this.#waiting.push({ queue, messages, next: 0 });
    this.#pump();
  }

  idle(): Promise<void> {
    if (this.#active === 0 && !this.#calling) return Promise.resolve();
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
    this.#consumed(
      queue,
      messages.filter((_, i) => back[i]),
    );
  }

  /** Others may consume the same at the same time: no order is promised. */
  finished(): Promise<void> {
    return Promise.resolve();
  }

  /** Calls the listener as often as it may be called now. */
  #pump(): void {
    if (this.#calling) return;
    this.#calling = true;
    const { consumeThreadMax, signal } = this.#parts;
    for (let arrived = this.#waiting[0]; arrived !== undefined; arrived = this.#waiting[0]) {
      if (this.#active >= consumeThreadMax && !signal.aborted) break;
      this.#take(arrived);
      if (arrived.next < arrived.messages.length && !arrived.queue.dropped && !signal.aborted) break;
      this.#waiting.shift();
    }
    this.#calling = false;
    if (this.#active === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** Calls the listener with what is left of `arrived`, as far as there is room. What it consumes at once leaves at once. */
  #take(arrived: Arrived): void {
    const { consumeMessageBatchMaxSize: size, consumeThreadMax, signal } = this.#parts;
    const { queue, messages } = arrived;
    const done: MessageExt[] = [];
    while (arrived.next < messages.length && this.#active < consumeThreadMax && !queue.dropped && !signal.aborted) {
      const batch = size === 1 ? [messages[arrived.next] as MessageExt] : messages.slice(arrived.next, arrived.next + size);
      arrived.next += batch.length;
      const listened = new Call(queue, batch);
      const outcome = call(this.#parts, queue, batch, (late) => this.#answered(listened, late));
      if (outcome === undefined) this.#await(listened);
      else if (outcome.fault !== undefined) this.#refuse(queue, batch, outcome);
      else for (const message of batch) done.push(message);
    }
    if (done.length > 0) this.#consumed(queue, done);
  }

  #await(listened: Call): void {
    this.#active++;
    listened.startedAt = this.#parts.monotonic();
    this.#calls.add(listened);
  }

  #answered(listened: Call, outcome: Outcome): void {
    this.#calls.delete(listened);
    const { queue, messages, expired } = listened;
    if (!expired && outcome.fault === undefined) this.#consumed(queue, messages);
    if (!expired && outcome.fault !== undefined) this.#refuse(queue, messages, outcome);
    this.#active--;
    this.#pump();
  }

  /** Giving back has one of the places of calls. */
  #refuse(queue: ProcessQueue, messages: readonly MessageExt[], outcome: Outcome): void {
    this.#active++;
    void this.#refused(queue, messages, outcome).finally(() => {
      this.#active--;
      this.#pump();
    });
  }

  async #refused(queue: ProcessQueue, messages: readonly MessageExt[], { delayLevel }: Outcome): Promise<void> {
    // Given up for the close: not the message's fault. It stays below what is committed, and the next member consumes it.
    if (this.#parts.signal.aborted) return;
    // A dropped queue is another's by now: it consumes these again, so nothing is given back.
    if (queue.dropped) return this.#consumed(queue, messages);
    const back = await Promise.all(messages.map((message) => this.#parts.sendBack(message, delayLevel)));
    const kept = messages.filter((_, i) => !back[i]);
    for (const message of kept) message.reconsumeTimes++;
    if (kept.length > 0) this.#parts.later(LOCAL_RETRY_MS, () => this.arrived(queue, kept));
    this.#consumed(
      queue,
      messages.filter((_, i) => back[i]),
    );
  }

  #consumed(queue: ProcessQueue, messages: readonly MessageExt[]): void {
    const offset = queue.remove(messages);
    if (!queue.dropped) this.#parts.consumedUpTo(queue, offset);
  }
}
