/**
 * Consumes at the program's own pace: `poll`, or `for await`, gives what was pulled ahead. Queues come from the group
 * (`subscribe`), or are named by the program (`assign`), which may also move and pause each of them.
 *
 * A message is consumed when the next poll is made, or `commit` is called; its offset is stored then or, with `autoCommit`,
 * soon after. What a close, a crash or a lost queue finds polled and not consumed comes again.
 */
import type { ConsumerData, MessageModel } from "../../wire/bodies/heartbeat.ts";
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { ConsumeMessageDirectlyResult, ConsumerRunningInfo } from "../../wire/bodies/running_info.ts";
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { RemotingError } from "../remoting/processor.ts";
import type { TimerHandle } from "../runtime.ts";
import { type AllocateMessageQueueStrategy, allocateAveragely } from "./allocate.ts";
import type { ClientInstance } from "./client_instance.ts";
import type { ConsumerMember } from "./client_processors.ts";
import { ConsumeStatusCounts } from "./consume_status.ts";
import { MQClientError } from "./errors.ts";
import { learnRoutes } from "./learn_routes.ts";
import { LitePullBuffer } from "./lite_pull_buffer.ts";
import { LitePullOffsets } from "./lite_pull_offsets.ts";
import type { MessageExt } from "./message.ts";
import { LocalFileOffsetStore, RemoteBrokerOffsetStore } from "./offset_store.ts";
import type { ProcessQueue } from "./process_queue.ts";
import { runningInfo } from "./push_consumer_info.ts";
import { type ConsumeFromWhere, maxOffset, minOffset, searchOffset } from "./queue_offsets.ts";
import { QueueTaker } from "./queue_taker.ts";
import { Rebalance } from "./rebalance.ts";
import { type FilterExpression, Subscriptions, sameFilter, subscriptionOf } from "./subscription.ts";
import { queueText } from "./topic_route.ts";
import { abortable, LateStart, SharedStart, settledWithin, startUntil } from "./waiting.ts";

export interface LitePullConsumerOptions {
  readonly consumerGroup: string;
  /** Topic -> expression; the same as calls of `subscribe`. */
  readonly subscription?: Readonly<Record<string, FilterExpression>>;
  /** CLUSTERING (default), or BROADCASTING: all queues, offsets in a file of this machine. */
  readonly messageModel?: Exclude<MessageModel, "LITE_SELECTIVE">;
  /** Store by itself how far is consumed; default true. */
  readonly autoCommit?: boolean;
  /** How often, ms; default 5,000. */
  readonly autoCommitIntervalMillis?: number;
  /** Where a group without an offset begins; default CONSUME_FROM_LAST_OFFSET. */
  readonly consumeFromWhere?: ConsumeFromWhere;
  /** ms since 1970, for CONSUME_FROM_TIMESTAMP; default half an hour ago. */
  readonly consumeTimestamp?: number;
  /** Default AVG. All members need the same. */
  readonly allocateMessageQueueStrategy?: AllocateMessageQueueStrategy;
  /** Messages of a pull, and of a poll at most; default 10. */
  readonly pullBatchSize?: number;
  /** Messages of a queue here, not consumed yet; default 1,000. */
  readonly pullThresholdForQueue?: number;
  /** The same, in MiB; default 100. */
  readonly pullThresholdSizeForQueue?: number;
  /** Messages of all queues here, not consumed yet; default 10,000. Each queue may pass it by one pull. */
  readonly pullThresholdForAll?: number;
  /** Offsets between the first and the last of a queue; default 2,000. */
  readonly consumeMaxSpan?: number;
  /** How long a poll waits for a message, ms; default 5,000. */
  readonly pollTimeoutMillis?: number;
  /** Broadcasting: the directory of the offsets; default `~/.rocketmq_offsets`. */
  readonly offsetStoreRoot?: string;
}

export interface PollOptions {
  /** Default `pollTimeoutMillis`; 0 takes what is there. */
  readonly timeoutMs?: number;
  /** At most; default `pullBatchSize`. */
  readonly maxMessages?: number;
  readonly signal?: AbortSignal;
}

/** topic -> its queues, and how they are read. */
type Assigned = Map<string, { queues: MessageQueue[]; subscription: SubscriptionData }>;

const HALF_AN_HOUR_MS = 30 * 60 * 1000;
/** Assigned queues that could not be taken are tried again after so long. */
const ASSIGN_AGAIN_MS = 1_000;

export class LitePullConsumer implements ConsumerMember, AsyncDisposable, AsyncIterable<MessageExt> {
  readonly consumerGroup: string;
  readonly #client: ClientInstance;
  readonly #options: LitePullConsumerOptions;
  readonly #subscriptions = new Subscriptions();
  readonly #stopping = new AbortController();
  readonly #lateStart: LateStart;
  readonly #offsets: LitePullOffsets;
  readonly #buffer: LitePullBuffer;
  readonly #counts: ConsumeStatusCounts;
  readonly #taker: QueueTaker;
  readonly #rebalance: Rebalance;
  readonly #forget: () => void;
  /** Undefined before `assign`. */
  #assigned: Assigned | undefined;
  #assignedVersion = 0;
  readonly #started = new SharedStart(() => this.#start());
  #committing: TimerHandle | undefined;
  #assigningAgain: TimerHandle | undefined;
  #polling = false;
  #startTimestamp = 0;
  #closing: Promise<void> | undefined;

  /** @throws MQClientError kind invalid */
  constructor(client: ClientInstance, options: LitePullConsumerOptions) {
    const { messageModel = "CLUSTERING" } = options;
    if (options.consumerGroup.trim() === "") throw new MQClientError("invalid", "consumerGroup is blank");
    const consumerGroup = client.namespace.wrap(options.consumerGroup);
    this.consumerGroup = consumerGroup;
    this.#client = client;
    this.#options = options;
    this.#lateStart = new LateStart(client.runtime.clock);
    const broadcasting = messageModel === "BROADCASTING";
    this.#offsets = new LitePullOffsets(
      broadcasting
        ? new LocalFileOffsetStore(client, consumerGroup, options.offsetStoreRoot)
        : new RemoteBrokerOffsetStore(client, consumerGroup),
      options.autoCommit ?? true,
    );
    this.#counts = new ConsumeStatusCounts(client.runtime.clock);
    this.#buffer = new LitePullBuffer(({ messageQueue }, offset) => this.#offsets.update(messageQueue, offset, true));
    this.#taker = new QueueTaker({
      client,
      consumerGroup,
      subscription: (topic) => this.#assigned?.get(topic)?.subscription ?? this.#subscriptions.get(topic),
      offsets: this.#offsets,
      service: this.#buffer,
      broadcasting,
      locks: undefined,
      lite: true,
      pullBatchSize: this.#pullBatchSize,
      flow: () => ({
        pullThresholdForQueue: options.pullThresholdForQueue ?? 1_000,
        pullThresholdSizeBytes: (options.pullThresholdSizeForQueue ?? 100) * 1024 * 1024,
        maxSpan: options.consumeMaxSpan ?? 2_000,
        allFull: (more) => this.#allFull(more),
      }),
      begin: {
        consumeFromWhere: options.consumeFromWhere ?? "CONSUME_FROM_LAST_OFFSET",
        consumeTimestamp: options.consumeTimestamp ?? client.runtime.clock.now() - HALF_AN_HOUR_MS,
      },
      counts: this.#counts,
      signal: this.#stopping.signal,
    });
    this.#rebalance = new Rebalance({
      client,
      consumerGroup,
      messageModel,
      strategy: options.allocateMessageQueueStrategy ?? allocateAveragely,
      topics: () => this.#subscriptions.topics(),
      // A round may still be under way for a topic that was just given up.
      assign: (topic, queues) => this.#taker.assign(topic, this.#subscriptions.get(topic) === undefined ? [] : queues),
    });
    for (const [topic, expression] of Object.entries(options.subscription ?? {})) {
      this.#subscriptions.set(this.#subscription(topic, expression));
    }
    this.#forget = client.onClose(() => this.close());
  }

  // ------------------------------------------------------------------------------------------------ what to consume

  /**
   * Shares `topic` with the group; takes effect at once when it was started. A topic subscribed to before gets the new expression,
   * but keeps the old one when this fails, or is aborted before brokers are told.
   * @throws MQClientError kind invalid after `assign`; as `start`
   */
  async subscribe(topic: string, expression: FilterExpression = "*", { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    const subscription = this.#subscription(topic, expression);
    const read = async () => {
      await learnRoutes(this.#client, this.consumerGroup, [subscription], this.#stopping.signal);
      this.#checkNotAssigned();
    };
    const set = await this.#subscriptions.subscribe(subscription, this.#started.promise, read, signal);
    if (set !== undefined) await abortable(this.#subscribed(subscription, set.before), signal);
  }

  async #subscribed(subscription: SubscriptionData, before: SubscriptionData | undefined): Promise<void> {
    await this.#client.beat();
    if (before !== undefined) this.#readAnew(before, subscription);
    this.#rebalance.soon();
  }

  /** What is under way was asked for by the old expression, and would pass over what the new one wants. */
  #readAnew(before: SubscriptionData, subscription: SubscriptionData): void {
    if (!sameFilter(before, subscription)) this.#taker.pullAnew(subscription.topic);
  }

  /** Gives the queues of `topic` up. Settles when they are given up. @param options signal: ends the wait for that, no more */
  async unsubscribe(name: string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    await abortable(this.#unsubscribe(name), signal);
  }

  async #unsubscribe(name: string): Promise<void> {
    const topic = this.#client.namespace.wrap(name);
    if (!this.#subscriptions.delete(topic)) return;
    await this.#taker.assign(topic, []);
    if (this.#started.promise !== undefined) await this.#client.beat();
  }

  /**
   * Consumes exactly `queues`, whoever else does; replaces what was assigned before, unless it fails. Offsets are the group's. A
   * SQL92 expression is read by a broker of each topic first: here when it was started, else by `start`. (Java's assigns by tags
   * alone.)
   * @param options signal: ends the wait until they are taken, no more
   * @throws MQClientError kind invalid after `subscribe`; as `start`
   */
  async assign(
    queues: readonly MessageQueue[],
    expression: FilterExpression = "*",
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    await abortable(this.#assign(queues, expression), signal);
  }

  async #assign(queues: readonly MessageQueue[], expression: FilterExpression): Promise<void> {
    this.#checkNotSubscribed();
    const version = this.#client.nextSubVersion();
    const assigned: Assigned = new Map();
    for (const queue of queues.map((each) => this.#client.namespace.wrapQueue(each))) {
      const entry = assigned.get(queue.topic);
      if (entry !== undefined) entry.queues.push(queue);
      else assigned.set(queue.topic, { queues: [queue], subscription: subscriptionOf(queue.topic, expression, version) });
    }
    const started = this.#started.promise;
    if (started === undefined) {
      this.#setAssigned(assigned, version);
      return;
    }
    await started;
    await this.#readExpressions(assigned);
    this.#checkNotSubscribed();
    const before: Assigned = this.#assigned ?? new Map();
    // What was asked for later is read already.
    if (!this.#setAssigned(assigned, version)) return;
    for (const [topic, { subscription }] of before) {
      const after = assigned.get(topic);
      if (after !== undefined) this.#readAnew(subscription, after.subscription);
    }
    for (const topic of before.keys()) if (!assigned.has(topic)) await this.#taker.assign(topic, []);
    await this.#takeAssigned();
  }

  /** @returns false when a newer one is there */
  #setAssigned(assigned: Assigned, version: number): boolean {
    if (version < this.#assignedVersion) return false;
    this.#assigned = assigned;
    this.#assignedVersion = version;
    return true;
  }

  /** A broker tells what it can't read; else every pull would be refused, and tried again, and no poll would say so. */
  #readExpressions(assigned: Assigned): Promise<void> {
    const subscriptions = [...assigned.values()].map(({ subscription }) => subscription);
    const read = subscriptions.filter(({ expressionType }) => expressionType === "SQL92");
    return learnRoutes(this.#client, this.consumerGroup, read, this.#stopping.signal);
  }

  /** The queues of `topic` that can be read. @throws MQClientError kind no-route, unreachable */
  async fetchMessageQueues(topic: string, options: { signal?: AbortSignal } = {}): Promise<readonly MessageQueue[]> {
    const { namespace } = this.#client;
    return (await this.#client.route(namespace.wrap(topic), options)).readQueues.map((queue) => namespace.unwrapQueue(queue));
  }

  /** The queues that are this consumer's now. */
  get assignment(): readonly MessageQueue[] {
    return this.#taker.queues().map(({ messageQueue }) => this.#client.namespace.unwrapQueue(messageQueue));
  }

  /**
   * Joins the group; the first `poll` does it too. Settles when the first queues are taken.
   * @param options signal: aborted while it starts, this consumer is closed
   * @throws MQClientError kind unreachable when no nameserver answers; MQBrokerError SUBSCRIPTION_PARSE_FAILED; the signal's reason
   */
  start(options: { signal?: AbortSignal } = {}): Promise<void> {
    return startUntil(
      options.signal,
      () => this.#startOnce(),
      () => this.close(),
    );
  }

  #startOnce(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(this.#closedError());
    return this.#started.begun();
  }

  // -------------------------------------------------------------------------------------------------------- messages

  /**
   * Messages of one queue, in their order; none when the time is over. Those of the poll before count as consumed. The first poll
   * starts the consumer; a start that takes longer goes on, and if it fails the next poll says so.
   * @throws as `start`; MQClientError kind invalid while another poll is under way; the signal's reason
   */
  async poll(options: PollOptions = {}): Promise<readonly MessageExt[]> {
    const { clock } = this.#client.runtime;
    const { maxMessages = this.#pullBatchSize, timeoutMs = this.#options.pollTimeoutMillis ?? 5_000, signal } = options;
    if (this.#polling) {
      throw new MQClientError(
        "invalid",
        `Group "${this.consumerGroup}" is polled already: the next poll says that the messages of the last are consumed`,
      );
    }
    this.#polling = true;
    try {
      const deadline = clock.monotonic() + timeoutMs;
      if (!(await this.#lateStart.within(() => this.start(), timeoutMs, signal))) return [];
      signal?.throwIfAborted();
      this.#settle();
      for (;;) {
        if (this.#closing !== undefined) throw this.#closedError();
        const messages = this.#buffer.take(Math.max(1, maxMessages));
        if (messages !== undefined) {
          // Nobody tells what becomes of them, so what is polled counts as consumed, as in Java.
          if (messages.length > 0) this.#client.trace?.consuming(this.consumerGroup, messages)(true);
          return messages;
        }
        const leftMs = deadline - clock.monotonic();
        if (leftMs <= 0) return [];
        const changed = this.#buffer.changed();
        if (leftMs === Number.POSITIVE_INFINITY) await abortable(changed, signal);
        else await settledWithin(clock, changed, leftMs, signal);
      }
    } finally {
      this.#polling = false;
    }
  }

  /**
   * One message after the other, until the consumer closes. A message is consumed when the next is asked for; leaving the loop,
   * by `break` as by a throw, leaves the one at hand unconsumed: the next poll gives it again.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<MessageExt, void, undefined> {
    while (this.#closing === undefined) {
      let message: MessageExt | undefined;
      try {
        [message] = await this.poll({ maxMessages: 1, timeoutMs: Number.POSITIVE_INFINITY });
      } catch (fault) {
        if (this.#closing !== undefined) return;
        throw fault;
      }
      if (message === undefined) continue;
      let left = true;
      try {
        yield message;
        left = false;
      } finally {
        if (left) this.#buffer.putBack();
      }
    }
  }

  // --------------------------------------------------------------------------------------------------------- offsets

  /** Goes on at `offset`: what was pulled, or polled and not consumed, is left. @throws MQClientError kind invalid */
  async seek(named: MessageQueue, offset: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    const queue = this.#own(named).messageQueue;
    const [min, max] = await Promise.all([
      minOffset(this.#client, queue, options.signal),
      maxOffset(this.#client, queue, options.signal),
    ]);
    if (!Number.isSafeInteger(offset) || offset < min || offset > max) {
      throw new MQClientError("invalid", `Cannot seek to ${offset} in ${queueText(queue)}: it has ${min} to ${max}`);
    }
    this.#seek(queue, offset);
  }

  /** To the first message that is still there. */
  async seekToBegin(named: MessageQueue, options: { signal?: AbortSignal } = {}): Promise<void> {
    const queue = this.#own(named).messageQueue;
    this.#seek(queue, await minOffset(this.#client, queue, options.signal));
  }

  /** Behind the last message. */
  async seekToEnd(named: MessageQueue, options: { signal?: AbortSignal } = {}): Promise<void> {
    const queue = this.#own(named).messageQueue;
    this.#seek(queue, await maxOffset(this.#client, queue, options.signal));
  }

  /** The offset of the first message stored at `timestamp` (ms since 1970) or later. */
  offsetForTimestamp(queue: MessageQueue, timestamp: number | Date, options: { signal?: AbortSignal } = {}): Promise<number> {
    return searchOffset(this.#client, this.#client.namespace.wrapQueue(queue), Number(timestamp), options.signal);
  }

  /** No message of `queues` until `resume`; what is pulled already is kept. @throws MQClientError kind invalid */
  pause(queues: readonly MessageQueue[]): void {
    for (const queue of queues.map((each) => this.#own(each))) queue.paused = true;
  }

  /** @throws MQClientError kind invalid */
  resume(queues: readonly MessageQueue[]): void {
    for (const queue of queues.map((each) => this.#own(each))) {
      queue.paused = false;
      queue.nudge();
    }
    this.#buffer.wake();
  }

  /** @throws MQClientError kind invalid */
  isPaused(queue: MessageQueue): boolean {
    return this.#own(queue).paused;
  }

  /**
   * Says that what was polled is consumed, and stores it. With `offsets` stores these and no others.
   * @param options signal: ends the wait until they are stored, no more
   * @throws MQBrokerError, MQClientError when an offset was not stored; others may be. The signal's reason
   */
  async commit(
    offsets?: readonly (readonly [queue: MessageQueue, offset: number])[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    await abortable(this.#commit(offsets), signal);
  }

  async #commit(offsets: readonly (readonly [queue: MessageQueue, offset: number])[] | undefined): Promise<void> {
    if (offsets !== undefined) {
      return this.#offsets.commitAt(offsets.map(([queue, offset]) => [this.#client.namespace.wrapQueue(queue), offset]));
    }
    this.#settle();
    return this.#offsets.commit();
  }

  /** What the group has stored; undefined when it has nothing. */
  committed(named: MessageQueue, options: { signal?: AbortSignal } = {}): Promise<number | undefined> {
    const queue = this.#client.namespace.wrapQueue(named);
    const known = this.#offsets.known(queue);
    return known === undefined ? this.#offsets.read(queue, options.signal) : Promise.resolve(known);
  }

  /** Stores offsets (with `autoCommit`) and leaves the group. May be called more than once. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // ------------------------------------------------------------------------------------------------ what brokers ask

  heartbeat(): ConsumerData {
    return {
      groupName: this.consumerGroup,
      consumeType: "CONSUME_ACTIVELY",
      messageModel: this.#options.messageModel ?? "CLUSTERING",
      consumeFromWhere: this.#options.consumeFromWhere ?? "CONSUME_FROM_LAST_OFFSET",
      subscriptionDataSet: [...this.#subscriptions.all()],
      unitMode: this.#client.unitMode,
    };
  }

  topics(): Iterable<string> {
    return this.#assigned?.keys() ?? this.#subscriptions.topics();
  }

  rebalanceSoon(): void {
    this.#rebalance.soon();
  }

  runningInfo(): ConsumerRunningInfo {
    return runningInfo({
      heartbeat: this.heartbeat(),
      orderly: false,
      consumeThreadMax: 0,
      startTimestamp: this.#startTimestamp,
      namesrvAddr: this.#client.nameServerAddresses.join(";"),
      settings: this.#options,
      queues: this.#taker.queues(),
      offsets: this.#offsets,
      counts: this.#counts,
    });
  }

  consumeDirectly(): Promise<ConsumeMessageDirectlyResult> {
    const remark = `group "${this.consumerGroup}" polls here: it has no listener to be called`;
    return Promise.reject(new RemotingError(ResponseCode.SYSTEM_ERROR, remark));
  }

  offsets(topic: string): [queue: MessageQueue, offset: number][] {
    return this.#offsets.all().filter(([queue]) => queue.topic === topic);
  }

  async resetOffsets(topic: string, offsets: readonly [queue: MessageQueue, offset: number][]): Promise<void> {
    await this.#taker.reset(topic, offsets);
    // Also without autoCommit: what pulls carry along would undo the reset.
    await this.#offsets.commitAt(offsets.filter(([queue]) => this.#taker.queue(queue) !== undefined));
  }

  // ---------------------------------------------------------------------------------------------------------- inside

  get #pullBatchSize(): number {
    return this.#options.pullBatchSize ?? 10;
  }

  #allFull(more = 0): boolean {
    let count = more;
    for (const queue of this.#taker.queues()) count += queue.count;
    return count >= (this.#options.pullThresholdForAll ?? 10_000);
  }

  #closedError(): MQClientError {
    return new MQClientError("closed", `Consumer of group "${this.consumerGroup}" was closed`);
  }

  /** @throws MQClientError kind invalid */
  #subscription(name: string, expression: FilterExpression): SubscriptionData {
    this.#checkNotAssigned();
    return subscriptionOf(this.#client.namespace.wrap(name), expression, this.#client.nextSubVersion());
  }

  #checkNotAssigned(): void {
    if (this.#assigned === undefined) return;
    throw new MQClientError("invalid", `Group "${this.consumerGroup}" has queues assigned here: subscribe or assign, not both`);
  }

  #checkNotSubscribed(): void {
    if (this.#subscriptions.size === 0) return;
    throw new MQClientError("invalid", `Group "${this.consumerGroup}" subscribes to topics here: subscribe or assign, not both`);
  }

  /** @throws MQClientError kind invalid */
  #own(queue: MessageQueue): ProcessQueue {
    const own = this.#taker.queue(this.#client.namespace.wrapQueue(queue));
    if (own !== undefined) return own;
    throw new MQClientError("invalid", `${queueText(queue)} is not a queue of this consumer now: see its assignment`);
  }

  /** @throws MQClientError kind invalid when the queue was lost meanwhile */
  #seek(queue: MessageQueue, offset: number): void {
    this.#own(queue);
    this.#taker.seek(queue, offset);
  }

  #settle(): void {
    const wasFull = this.#allFull();
    this.#buffer.settle();
    // Room over all queues may let any of them go on.
    if (wasFull) for (const queue of this.#taker.queues()) queue.nudge();
  }

  async #start(): Promise<void> {
    const { clock } = this.#client.runtime;
    const { signal } = this.#stopping;
    if (this.#assigned === undefined) await learnRoutes(this.#client, this.consumerGroup, this.#subscriptions.all(), signal);
    else await this.#readExpressions(this.#assigned);
    signal.throwIfAborted();
    this.#startTimestamp = clock.now();
    this.#client.addConsumer(this);
    await this.#client.beat();
    if (this.#assigned === undefined) await this.#rebalance.start();
    else await this.#takeAssigned();
    if (signal.aborted) return;
    this.#committing = clock.setInterval(
      () => void this.#offsets.persist(),
      Math.max(1_000, this.#options.autoCommitIntervalMillis ?? 5_000),
    );
  }

  async #takeAssigned(): Promise<void> {
    this.#assigningAgain?.cancel();
    if (this.#stopping.signal.aborted || this.#assigned === undefined) return;
    const entries = [...this.#assigned];
    const complete = await Promise.all(entries.map(([topic, { queues }]) => this.#taker.assign(topic, queues)));
    if (complete.every((each) => each) || this.#stopping.signal.aborted) return;
    this.#assigningAgain = this.#client.runtime.clock.setTimeout(() => void this.#takeAssigned(), ASSIGN_AGAIN_MS);
  }

  async #close(): Promise<void> {
    this.#forget();
    this.#stopping.abort(this.#closedError());
    this.#buffer.wake();
    this.#committing?.cancel();
    this.#assigningAgain?.cancel();
    await this.#rebalance.stop();
    await this.#started.promise?.catch(() => {});
    await this.#taker.release();
    await this.#client.removeMember({ consumer: this });
  }
}
