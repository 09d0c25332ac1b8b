/** The queues that a push consumer pops from, as its broker assigned them: a loop each, which stops while too much is open. */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import type { ClientInstance } from "./client_instance.ts";
import type { ConsumeStatusCounts } from "./consume_status.ts";
import { pop } from "./pop.ts";
import type { PopConsumption, PopQueue } from "./pop_consumption.ts";
import { queueText } from "./topic_route.ts";
import { delay } from "./waiting.ts";

export interface PopTakerOptions {
  readonly client: ClientInstance;
  readonly consumerGroup: string;
  readonly subscription: (topic: string) => SubscriptionData | undefined;
  readonly service: PopConsumption;
  /** Messages of one POP, 1..32. */
  readonly popBatchNums: number;
  /** ms, 5,000..300,000. */
  readonly popInvisibleTime: number;
  /** Messages of a queue that are neither acknowledged nor put off; no POP beyond. */
  readonly popThresholdForQueue: number;
  readonly initMode: "MIN" | "MAX";
  readonly counts: ConsumeStatusCounts;
  /** Aborted when the consumer closes. */
  readonly signal: AbortSignal;
}

/** How long the broker may hold a POP. */
const POLL_MS = 15_000;
/** After a POP that failed; Apache's value. */
const AFTER_FAULT_MS = 3_000;

export class PopTaker {
  readonly #options: PopTakerOptions;
  readonly #queues = new Map<string, PopQueue>();

  constructor(options: PopTakerOptions) {
    this.#options = options;
  }

  queues(): PopQueue[] {
    return [...this.#queues.values()];
  }

  /** Makes `queues` those of `topic` that are popped from. */
  assign(topic: string, queues: readonly MessageQueue[]): void {
    const wanted = new Map(queues.map((queue) => [queueText(queue), queue]));
    for (const [key, queue] of this.#queues) {
      if (queue.messageQueue.topic !== topic || wanted.has(key)) continue;
      this.#queues.delete(key);
      queue.dropped = true;
      queue.room?.();
    }
    for (const [key, messageQueue] of wanted) {
      if (this.#queues.has(key)) continue;
      const counters = { lastConsumeTimestamp: 0, lastPopTimestamp: 0, waitAckCount: 0 };
      const queue: PopQueue = { messageQueue, ...counters, dropped: false, room: undefined };
      this.#queues.set(key, queue);
      void this.#loop(queue);
    }
  }

  /** No further POP until `suspend(false)`. */
  suspend(suspended: boolean): void {
    this.#suspended = suspended;
    for (const queue of this.#queues.values()) queue.room?.();
  }
  #suspended = false;

  /** For the close. Answers that are still under way are given back when they come. */
  release(): void {
    for (const queue of this.#queues.values()) {
      queue.dropped = true;
      queue.room?.();
    }
    this.#queues.clear();
  }

  async #loop(queue: PopQueue): Promise<void> {
    const { client, popThresholdForQueue, signal } = this.#options;
    const { clock } = client.runtime;
    while (!queue.dropped && !signal.aborted) {
      if (queue.waitAckCount > popThresholdForQueue || this.#suspended) {
        await new Promise<void>((resolve) => {
          queue.room = resolve;
        });
        queue.room = undefined;
        continue;
      }
      try {
        await this.#popOnce(queue);
      } catch (fault) {
        if (queue.dropped || signal.aborted) return;
        const reason = (fault as Error).message;
        client.log.warn("a POP failed; it is tried again", { queue: queueText(queue.messageQueue), reason });
        await client.refreshRoute(queue.messageQueue.topic).catch(() => {});
        await delay(clock, AFTER_FAULT_MS, signal);
      }
    }
  }

  /** Not given up at a close: an answer that comes late has messages that would be invisible to all for a while. */
  async #popOnce(queue: PopQueue): Promise<void> {
    const { client, consumerGroup, subscription, service, popBatchNums, popInvisibleTime, initMode, signal } = this.#options;
    const { clock } = client.runtime;
    const { messageQueue } = queue;
    const asked = subscription(messageQueue.topic);
    if (asked === undefined) throw new Error(`impossible: ${messageQueue.topic} was taken and is not subscribed to`);
    queue.lastPopTimestamp = clock.now();
    const startedAt = clock.monotonic();
    const messages = await pop(client, {
      ...messageQueue,
      consumerGroup,
      maxMsgNums: popBatchNums,
      invisibleTime: popInvisibleTime,
      pollTime: POLL_MS,
      initMode,
      subscription: asked,
    });
    if (messages.length === 0) return;
    this.#options.counts.pulled(messageQueue.topic, messages.length, clock.monotonic() - startedAt);
    if (signal.aborted) await service.giveBack(messages);
    else service.arrived(queue, messages, clock.monotonic() + popInvisibleTime);
  }
}
