/**
 * The queues that are a push consumer's: takes and gives them up as the rebalance says, pulls each in a loop of its own, and
 * keeps offsets right where the broker corrects them.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import type { ClientInstance } from "./client_instance.ts";
import type { ConsumeStatusCounts } from "./consume_status.ts";
import type { ConsumptionService } from "./consumption.ts";
import { MQBrokerError } from "./errors.ts";
import type { OffsetStore } from "./offset_store.ts";
import { type FlowControl, ProcessQueue } from "./process_queue.ts";
import { type PullResult, pull } from "./pull.ts";
import type { QueueLocks } from "./queue_locks.ts";
import { type ConsumeFromWhere, initialOffset } from "./queue_offsets.ts";
import { queueText } from "./topic_route.ts";
import { delay } from "./waiting.ts";

export interface QueueTakerOptions {
  readonly client: ClientInstance;
  readonly consumerGroup: string;
  readonly subscription: (topic: string) => SubscriptionData | undefined;
  readonly offsets: OffsetStore;
  readonly service: ConsumptionService;
  readonly broadcasting: boolean;
  /** Orderly and clustering: queues are locked at their brokers. */
  readonly locks: QueueLocks | undefined;
  /** Of a lite pull consumer: the subscription goes with each pull. */
  readonly lite?: boolean;
  readonly pullBatchSize: number;
  /** @param queues how many of the topic this consumer has */
  readonly flow: (queues: number) => FlowControl;
  readonly counts?: ConsumeStatusCounts | undefined;
  /** Between two pulls of a queue, ms. */
  readonly pullIntervalMs?: number | undefined;
  readonly begin: { readonly consumeFromWhere: ConsumeFromWhere; readonly consumeTimestamp: number };
  /** Aborted when the consumer closes. */
  readonly signal: AbortSignal;
}

/** How long the broker may hold a pull. */
const SUSPEND_MS = 15_000;
/** After a pull that failed; Apache's value. */
const AFTER_FAULT_MS = 3_000;
/** After the broker said that it does not know our subscription, which a heartbeat mends. */
const AFTER_HEARTBEAT_MS = 1_000;

export class QueueTaker {
  readonly #options: QueueTakerOptions;
  readonly #queues = new Map<string, ProcessQueue>();
  /** Given up, with a call of the listener still under way: not to be taken again before it ends. */
  #suspended = false;
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(options: QueueTakerOptions) {
    this.#options = options;
  }

  queues(): ProcessQueue[] {
    return [...this.#queues.values()];
  }

  queue(messageQueue: MessageQueue): ProcessQueue | undefined {
    return this.#queues.get(queueText(messageQueue));
  }

  /** Goes on at `offset`, whatever was pulled. @returns false when the queue is not this consumer's */
  seek(messageQueue: MessageQueue, offset: number): boolean {
    const key = queueText(messageQueue);
    const held = this.#queues.get(key);
    if (held === undefined) return false;
    this.#replace(key, held, offset);
    return true;
  }

  /** Pulls the queues of `topic` anew from where they are, with the subscription of now. */
  pullAnew(topic: string): void {
    for (const [key, queue] of [...this.#queues]) {
      const { messageQueue, firstOffset, endOffset } = queue;
      if (messageQueue.topic !== topic) continue;
      this.#replace(key, queue, firstOffset ?? Math.max(endOffset, this.#options.offsets.known(messageQueue) ?? 0));
    }
  }

  /** Makes `queues` those of `topic`: gives up what is not among them, takes what is new. @returns false: try again soon */
  async assign(topic: string, queues: readonly MessageQueue[]): Promise<boolean> {
    const wanted = new Map(queues.map((queue) => [queueText(queue), queue]));
    const lost = [...this.#queues].filter(([key, { messageQueue }]) => messageQueue.topic === topic && !wanted.has(key));
    for (const [key, queue] of lost) this.#giveUp(key, queue);
    const fresh = [...wanted].filter(([key]) => !this.#queues.has(key) && !this.#leaving.has(key));
    const leaving = [...wanted].some(([key]) => this.#leaving.has(key));
    if (lost.length > 0) this.#reflow(topic);
    const taken = await Promise.all(fresh.map(([key, queue]) => this.#take(key, queue)));
    return !leaving && taken.every((each) => each);
  }

  /** What an administrator set: goes on there, whatever was pulled. */
  async reset(topic: string, offsets: readonly [queue: MessageQueue, offset: number][]): Promise<void> {
    for (const [queue, offset] of offsets) {
      const key = queueText(queue);
      const held = this.#queues.get(key);
      if (held === undefined || queue.topic !== topic) continue;
      this.#replace(key, held, offset);
    }
    await this.#options.offsets.persist(offsets.map(([queue]) => queue));
  }

  /** No further pull of any queue until `suspend(false)`. */
  suspend(suspended: boolean): void {
    this.#suspended = suspended;
    for (const queue of this.#queues.values()) {
      queue.paused = suspended;
      queue.nudge();
    }
  }

  /** For the close: stores the offsets of all queues, gives up the locks, drops the queues. */
  async release(): Promise<void> {
    const { offsets, locks } = this.#options;
    const queues = this.queues();
    await offsets.persist();
    await this.#confirm(queues);
    for (const queue of queues) queue.drop();
    this.#queues.clear();
    await locks?.unlock(queues);
    locks?.stop();
  }

  #reflow(topic: string): void {
    const ofTopic = this.queues().filter(({ messageQueue }) => messageQueue.topic === topic);
    const flow = this.#options.flow(ofTopic.length);
    for (const queue of ofTopic) {
      queue.flow = flow;
      queue.nudge();
    }
  }

  async #take(key: string, messageQueue: MessageQueue): Promise<boolean> {
    const { client, offsets, begin, locks, lite = false, signal } = this.#options;
    if (signal.aborted) return true;
    if (locks !== undefined && !(await locks.tryLock(messageQueue))) return false;
    try {
      const stored = await offsets.read(messageQueue, signal);
      const offset = stored ?? (await initialOffset(client, messageQueue, begin, signal));
      signal.throwIfAborted();
      if (this.#queues.has(key)) return true;
      // Where a group begins the first pull tells the broker: killed now, it does not begin behind what comes meanwhile.
      if (stored === undefined && !lite) offsets.update(messageQueue, offset, true);
      this.#add(key, messageQueue, offset);
      return true;
    } catch (fault) {
      if (signal.aborted && !this.#queues.has(key)) await locks?.giveBack(messageQueue);
      if (!signal.aborted) client.log.warn("a queue could not be taken yet", { queue: key, reason: (fault as Error).message });
      return false;
    }
  }

  #add(key: string, messageQueue: MessageQueue, offset: number, paused = false): void {
    const queue = new ProcessQueue(messageQueue, offset, this.#options.flow(1));
    queue.paused = paused || this.#suspended;
    this.#queues.set(key, queue);
    this.#reflow(messageQueue.topic);
    this.#options.locks?.keep(queue);
    queue.working = this.#pullLoop(key, queue);
  }

  #giveUp(key: string, queue: ProcessQueue): void {
    const { offsets, service, locks } = this.#options;
    this.#queues.delete(key);
    queue.drop();
    const left = async () => {
      await service.finished(queue);
      await offsets.persist([queue.messageQueue]);
      await this.#confirm([queue]);
      offsets.forget(queue.messageQueue);
      await locks?.unlock([queue]);
      this.#leaving.delete(key);
    };
    this.#leaving.set(key, left());
  }

  /** A broker that serves in several threads may execute a pull, and store what it carried, behind what was stored after it. */
  async #confirm(queues: readonly ProcessQueue[]): Promise<void> {
    const { offsets } = this.#options;
    const older: (readonly [queue: MessageQueue, offset: number])[] = [];
    for (const { messageQueue, carriedOffset } of queues) {
      if (carriedOffset !== undefined && carriedOffset !== offsets.known(messageQueue)) older.push([messageQueue, carriedOffset]);
    }
    if (older.length > 0) await offsets.confirm(older);
  }

  /** Goes on at `offset` with an empty queue; what the old one still consumes commits nothing. */
  #replace(key: string, queue: ProcessQueue, offset: number): void {
    queue.drop();
    queue.locked = false;
    this.#options.offsets.update(queue.messageQueue, offset, false);
    this.#add(key, queue.messageQueue, offset, queue.paused);
  }

  async #pullLoop(key: string, queue: ProcessQueue): Promise<void> {
    const { client, signal, pullIntervalMs = 0 } = this.#options;
    let ahead: Promise<PullResult> | undefined;
    while (!queue.dropped && !signal.aborted) {
      if (ahead === undefined && queue.full) {
        await queue.changed();
        continue;
      }
      try {
        const result: PullResult = await (ahead ?? this.#pull(queue));
        ahead = this.#follow(queue, result);
        // The next pull leaves before the messages are read: the broker works on it meanwhile.
        if (ahead !== undefined) await Promise.resolve();
        try {
          this.#pulled(key, queue, result);
        } catch (fault) {
          queue.nextOffset = result.offset;
          throw fault;
        }
        if (pullIntervalMs > 0) await delay(client.runtime.clock, pullIntervalMs, signal);
      } catch (fault) {
        ahead = undefined;
        if (queue.dropped || signal.aborted) return;
        client.log.warn("a pull failed; it is tried again", { queue: key, reason: (fault as Error).message });
        await this.#mend(queue, fault);
      }
    }
  }

  /** The pull behind `result`, if there will be room when its messages are here. */
  #follow(queue: ProcessQueue, { pullStatus, nextBeginOffset, suggestWhichBrokerId, bodyBytes }: PullResult) {
    if (queue.dropped || pullStatus === "OFFSET_ILLEGAL") return undefined;
    queue.brokerId = suggestWhichBrokerId;
    queue.nextOffset = nextBeginOffset;
    const { pullIntervalMs = 0, pullBatchSize } = this.#options;
    if (pullIntervalMs > 0 || queue.fullWith(pullBatchSize, bodyBytes, nextBeginOffset)) return undefined;
    const ahead = this.#pull(queue);
    // Its fault is seen when it is awaited, if it still is.
    ahead.catch(() => {});
    return ahead;
  }

  #pull(queue: ProcessQueue): Promise<PullResult> {
    const { client, consumerGroup, subscription, offsets, pullBatchSize, broadcasting, lite = false, signal } = this.#options;
    const { messageQueue } = queue;
    const asked = subscription(messageQueue.topic);
    if (asked === undefined) throw new Error(`impossible: ${messageQueue.topic} was taken and is not subscribed to`);
    queue.lastPullTimestamp = client.runtime.clock.now();
    queue.carriedOffset = broadcasting ? undefined : offsets.known(messageQueue);
    return pull(
      client,
      {
        consumerGroup,
        queue: messageQueue,
        offset: queue.nextOffset,
        subscription: asked,
        maxMsgNums: pullBatchSize,
        suspendTimeoutMillis: SUSPEND_MS,
        brokerId: queue.brokerId,
        commitOffset: queue.carriedOffset,
        withSubscription: lite,
        lite,
      },
      signal,
    );
  }

  #pulled(key: string, queue: ProcessQueue, result: PullResult): void {
    if (queue.dropped) return;
    const { offsets, service, client, counts } = this.#options;
    if (result.pullStatus === "OFFSET_ILLEGAL") {
      client.log.warn("the broker corrected an offset", { queue: key, from: result.offset, to: result.nextBeginOffset });
      this.#replace(key, queue, result.nextBeginOffset);
      return;
    }
    const messages = result.messages();
    if (messages.length > 0) {
      counts?.pulled(queue.messageQueue.topic, messages.length, result.tookMs);
      queue.put(messages);
      service.arrived(queue, messages);
    } else if (queue.count === 0) {
      // Nothing here waits, so all up to there is done: what the filter passed over is not read again after a restart.
      offsets.update(queue.messageQueue, result.nextBeginOffset, true);
    }
  }

  async #mend(queue: ProcessQueue, fault: unknown): Promise<void> {
    const { client, signal } = this.#options;
    const { clock } = client.runtime;
    const code = fault instanceof MQBrokerError ? fault.responseCode : undefined;
    queue.brokerId = 0;
    try {
      if (code === ResponseCode.SUBSCRIPTION_NOT_EXIST || code === ResponseCode.SUBSCRIPTION_NOT_LATEST) {
        await client.introduceAgain();
        await delay(clock, AFTER_HEARTBEAT_MS, signal);
        return;
      }
      await client.refreshRoute(queue.messageQueue.topic);
    } catch (error) {
      client.log.debug("a route was not refreshed", { topic: queue.messageQueue.topic, reason: (error as Error).message });
    }
    await delay(clock, AFTER_FAULT_MS, signal);
  }
}
