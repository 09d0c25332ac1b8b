/**
 * Consumes what a group subscribes to: shares the queues with the other members, pulls ahead within bounds, calls the
 * listener, commits what was consumed, and gives back what was not.
 *
 * A message is consumed at least once: its offset is committed only when it, and all before it in its queue, were consumed
 * or given to the broker for later.
 */
import type { ConsumerData, MessageModel } from "../../wire/bodies/heartbeat.ts";
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import type { StoredMessage } from "../../wire/message_reader.ts";
import { RETRY_PREFIX } from "../../wire/mix_all.ts";
import type { TimerHandle } from "../runtime.ts";
import { type AllocateMessageQueueStrategy, allocateAveragely } from "./allocate.ts";
import type { ClientInstance } from "./client_instance.ts";
import type { ConsumerMember } from "./client_processors.ts";
import { OrderlyConsumption } from "./consume_orderly.ts";
import { ConsumeStatusCounts } from "./consume_status.ts";
import {
  type BatchListener,
  ConcurrentConsumption,
  type ConsumeContext,
  type ConsumptionParts,
  type ConsumptionService,
} from "./consumption.ts";
import { MQClientError } from "./errors.ts";
import { learnRoutes } from "./learn_routes.ts";
import type { MessageExt } from "./message.ts";
import { MessageStream } from "./message_stream.ts";
import { LocalFileOffsetStore, type OffsetStore, RemoteBrokerOffsetStore } from "./offset_store.ts";
import { acknowledge, changeInvisibleTime, POP_MESSAGES_MAX } from "./pop.ts";
import { PopConsumption } from "./pop_consumption.ts";
import { PopTaker } from "./pop_taker.ts";
import type { FlowControl } from "./process_queue.ts";
import { consumeDirectly, runningInfo } from "./push_consumer_info.ts";
import { QueueLocks } from "./queue_locks.ts";
import type { ConsumeFromWhere } from "./queue_offsets.ts";
import { QueueTaker } from "./queue_taker.ts";
import { Rebalance } from "./rebalance.ts";
import { sendMessageBack } from "./send_back.ts";
import { type FilterExpression, subscriptionOf } from "./subscription.ts";
import { delay, settledWithin, startUntil } from "./waiting.ts";

export interface PushConsumerOptions {
  readonly consumerGroup: string;
  /** Topic -> `*`, `TagA || TagB`, or `{ sql: "a > 1" }`. */
  readonly subscription: Readonly<Record<string, FilterExpression>>;
  /** CLUSTERING (default): each message to one member; BROADCASTING: to all. */
  readonly messageModel?: Exclude<MessageModel, "LITE_SELECTIVE">;
  /** One message of a queue after the other, in their order; default false. */
  readonly orderly?: boolean;
  /** Where a group without an offset begins; default CONSUME_FROM_LAST_OFFSET. */
  readonly consumeFromWhere?: ConsumeFromWhere;
  /** ms since 1970, for CONSUME_FROM_TIMESTAMP; default half an hour ago. */
  readonly consumeTimestamp?: number;
  /** Default AVG. All members need the same. */
  readonly allocateMessageQueueStrategy?: AllocateMessageQueueStrategy;
  /**
   * True (default): the members divide the queues, and pull. False: a broker divides them, and says for each topic whether the
   * group pulls or pops (mqadmin setConsumeMode). Orderly and broadcasting consumers pull always.
   */
  readonly clientRebalance?: boolean;
  /** POP: how long a message is nobody else's, ms, 5,000..300,000; default 60,000. The listener has to be done by then. */
  readonly popInvisibleTime?: number;
  /** POP: messages at a time, 1..32; default 32. */
  readonly popBatchNums?: number;
  /** POP: messages of a queue here that are not consumed yet; default 96. */
  readonly popThresholdForQueue?: number;
  /** Calls of the listener at a time; default 20. */
  readonly consumeThreadMax?: number;
  /** Messages to a call of a batch listener; default 1. */
  readonly consumeMessageBatchMaxSize?: number;
  /** Messages of a pull; default 32. */
  readonly pullBatchSize?: number;
  /** Messages of a queue here, not consumed yet; default 1,000. */
  readonly pullThresholdForQueue?: number;
  /** The same, in MiB; default 100. */
  readonly pullThresholdSizeForQueue?: number;
  /** Messages of a topic here, over all its queues; takes the place of pullThresholdForQueue; default -1: no such bound. */
  readonly pullThresholdForTopic?: number;
  /** The same, in MiB; default -1. */
  readonly pullThresholdSizeForTopic?: number;
  /** Between two pulls of a queue, ms; default 0. */
  readonly pullInterval?: number;
  /** Offsets between the first and the last of them; default 2,000. */
  readonly consumeConcurrentlyMaxSpan?: number;
  /** Messages that the listener has had for so many minutes are given back; default 15. Not orderly: there it may take its time. */
  readonly consumeTimeout?: number;
  /** How often a message is given back before it goes to the dead letter queue; default -1: 16, orderly without end. */
  readonly maxReconsumeTimes?: number;
  /** Orderly: how long a queue rests after a failure, ms; default 1,000. */
  readonly suspendCurrentQueueTimeMillis?: number;
  /** How often offsets are stored, ms; default 5,000. */
  readonly persistConsumerOffsetInterval?: number;
  /** How long `close` waits for the listener, ms; default 10,000. What it does not finish is consumed again. */
  readonly awaitTerminationMillisWhenShutdown?: number;
  /** Broadcasting: the directory of the offsets; default `~/.rocketmq_offsets`. */
  readonly offsetStoreRoot?: string;
}

/** Consumed when it returns or its promise is kept; a throw gives the message back. */
export type MessageListener = (message: MessageExt, context: ConsumeContext) => unknown;

const MINUTE_MS = 60_000;
const HALF_AN_HOUR_MS = 30 * 60 * 1000;

export class PushConsumer implements ConsumerMember, AsyncDisposable, AsyncIterable<MessageExt> {
  readonly consumerGroup: string;
  readonly #client: ClientInstance;
  readonly #options: PushConsumerOptions;
  readonly #subscriptions = new Map<string, SubscriptionData>();
  readonly #offsets: OffsetStore;
  readonly #counts: ConsumeStatusCounts;
  readonly #stopping = new AbortController();
  readonly #forget: () => void;
  #service: ConsumptionService | undefined;
  #listener: BatchListener | undefined;
  #taker: QueueTaker | undefined;
  #pop: { readonly service: PopConsumption; readonly taker: PopTaker } | undefined;
  #rebalance: Rebalance | undefined;
  #persisting: TimerHandle | undefined;
  #expiring: TimerHandle | undefined;
  #startTimestamp = 0;
  #started: Promise<void> | undefined;
  #stream: MessageStream | undefined;
  #closing: Promise<void> | undefined;

  /** @throws MQClientError kind invalid */
  constructor(client: ClientInstance, options: PushConsumerOptions) {
    const { subscription, messageModel = "CLUSTERING" } = options;
    if (options.consumerGroup.trim() === "") throw new MQClientError("invalid", "consumerGroup is blank");
    const { namespace } = client;
    const consumerGroup = namespace.wrap(options.consumerGroup);
    const version = client.nextSubVersion();
    for (const [name, expression] of Object.entries(subscription)) {
      const topic = namespace.wrap(name);
      this.#subscriptions.set(topic, subscriptionOf(topic, expression, version));
    }
    if (messageModel === "CLUSTERING") {
      const retryTopic = RETRY_PREFIX + consumerGroup;
      this.#subscriptions.set(retryTopic, subscriptionOf(retryTopic, "*", version));
    }
    this.consumerGroup = consumerGroup;
    this.#client = client;
    this.#options = options;
    this.#counts = new ConsumeStatusCounts(client.runtime.clock);
    this.#offsets = this.#broadcasting
      ? new LocalFileOffsetStore(client, consumerGroup, options.offsetStoreRoot)
      : new RemoteBrokerOffsetStore(client, consumerGroup);
    this.#forget = client.onClose(() => this.close());
  }

  /**
   * Joins the group and consumes, a message a call. Settles when the first queues are taken. A start that failed left nothing
   * behind, and can be tried again.
   * @param options signal: aborted before it settled, this consumer is closed
   * @throws MQClientError kind unreachable when no nameserver answers, invalid when it was started before, closed;
   *   MQBrokerError SUBSCRIPTION_PARSE_FAILED for a SQL92 expression that the broker can't read; the signal's reason
   */
  start(listener: MessageListener, options: { signal?: AbortSignal } = {}): Promise<void> {
    const one: BatchListener = ([message], context) => listener(message as MessageExt, context);
    return startUntil(
      options.signal,
      () => this.#start(1, one),
      () => this.close(),
    );
  }

  /** As `start`, up to `consumeMessageBatchMaxSize` messages of one queue a call; a throw gives back all of them. */
  startBatch(listener: BatchListener, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { consumeMessageBatchMaxSize = 1 } = this.#options;
    return startUntil(
      options.signal,
      () => this.#start(consumeMessageBatchMaxSize, listener),
      () => this.close(),
    );
  }

  /**
   * Joins the group at the first step and consumes one message after the other. A message is consumed when the next is asked
   * for; leaving the loop, by `break` as by a throw, leaves the one at hand unconsumed: it comes again, here or elsewhere.
   */
  [Symbol.asyncIterator](): AsyncIterator<MessageExt> {
    if (this.#stream === undefined) {
      const stream: MessageStream = new MessageStream(() => this.start((message) => stream.offer(message)));
      this.#stream = stream;
    }
    return this.#stream.iterator();
  }

  /** The queues that are this consumer's now; queueId -1: any of its broker, by POP. */
  get assignment(): readonly MessageQueue[] {
    const queues = [...(this.#taker?.queues() ?? []), ...(this.#pop?.taker.queues() ?? [])];
    return queues.map(({ messageQueue }) => this.#client.namespace.unwrapQueue(messageQueue));
  }

  /** Asks for no more messages until `resume`; those that are here are consumed. */
  suspend(): void {
    this.#taker?.suspend(true);
    this.#pop?.taker.suspend(true);
  }

  resume(): void {
    this.#taker?.suspend(false);
    this.#pop?.taker.suspend(false);
  }

  /**
   * Hands over: takes no more, waits for the listener, stores offsets, gives up locks, leaves the group. May be called more
   * than once, also by the listener; but a listener that awaits it waits for itself: after
   * `awaitTerminationMillisWhenShutdown` its messages are left to the next member.
   */
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
      consumeType: "CONSUME_PASSIVELY",
      messageModel: this.#options.messageModel ?? "CLUSTERING",
      consumeFromWhere: this.#options.consumeFromWhere ?? "CONSUME_FROM_LAST_OFFSET",
      subscriptionDataSet: [...this.#subscriptions.values()],
      unitMode: this.#client.unitMode,
    };
  }

  topics(): Iterable<string> {
    return this.#subscriptions.keys();
  }

  rebalanceSoon(): void {
    this.#rebalance?.soon();
  }

  runningInfo(): ReturnType<typeof runningInfo> {
    const queues = this.#taker?.queues() ?? [];
    return runningInfo({
      heartbeat: this.heartbeat(),
      orderly: this.#options.orderly ?? false,
      consumeThreadMax: this.#options.consumeThreadMax ?? 20,
      startTimestamp: this.#startTimestamp,
      namesrvAddr: this.#client.nameServerAddresses.join(";"),
      settings: this.#options,
      queues,
      offsets: this.#offsets,
      popQueues: this.#pop?.taker.queues() ?? [],
      counts: this.#counts,
    });
  }

  consumeDirectly(record: StoredMessage, brokerName: string): ReturnType<typeof consumeDirectly> {
    return consumeDirectly(
      this.#client,
      this.#listener,
      this.#options.orderly ?? false,
      record,
      brokerName,
      this.#stopping.signal,
    );
  }

  offsets(topic: string): [queue: MessageQueue, offset: number][] {
    return this.#offsets.all().filter(([queue]) => queue.topic === topic);
  }

  async resetOffsets(topic: string, offsets: readonly [queue: MessageQueue, offset: number][]): Promise<void> {
    await this.#taker?.reset(topic, offsets);
  }

  // --------------------------------------------------------------------------------------------------------- inside

  get #broadcasting(): boolean {
    return this.#options.messageModel === "BROADCASTING";
  }

  #closedError(): MQClientError {
    return new MQClientError("closed", `Consumer of group "${this.consumerGroup}" was closed`);
  }

  #start(batchSize: number, listener: BatchListener): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(this.#closedError());
    if (this.#started !== undefined) {
      return Promise.reject(new MQClientError("invalid", `Consumer of group "${this.consumerGroup}" was started before`));
    }
    const started = this.#join(batchSize, listener);
    this.#started = started;
    started.catch(() => {
      this.#started = undefined;
    });
    return started;
  }

  /** A member, for brokers and for this client, only when its topics are found and its expressions read. */
  async #join(batchSize: number, listener: BatchListener): Promise<void> {
    const { clientRebalance, orderly, messageModel, allocateMessageQueueStrategy } = this.#options;
    const { signal } = this.#stopping;
    const byBroker = clientRebalance === false && orderly !== true && !this.#broadcasting;
    const pop = byBroker ? this.#popParts(batchSize, listener) : undefined;
    await learnRoutes(this.#client, this.consumerGroup, this.#subscriptions.values(), signal);
    signal.throwIfAborted();
    this.#client.addConsumer(this);
    this.#startTimestamp = this.#client.runtime.clock.now();
    const service = this.#consumption(this.#parts(batchSize, listener));
    const taker = this.#queueTaker(service);
    this.#listener = listener;
    this.#service = service;
    this.#taker = taker;
    this.#pop = pop;
    await this.#client.beat();
    signal.throwIfAborted();
    const rebalance = new Rebalance({
      client: this.#client,
      consumerGroup: this.consumerGroup,
      messageModel: messageModel ?? "CLUSTERING",
      strategy: allocateMessageQueueStrategy ?? allocateAveragely,
      topics: () => this.topics(),
      assign: (topic, queues) => taker.assign(topic, queues),
      assignPop: pop === undefined ? undefined : (topic, queues) => pop.taker.assign(topic, queues),
    });
    this.#rebalance = rebalance;
    await rebalance.start();
    // The listener may have closed it meanwhile.
    if (!signal.aborted) this.#startTimers(service);
  }

  #startTimers(service: ConsumptionService): void {
    const { clock } = this.#client.runtime;
    const { consumeTimeout = 15, persistConsumerOffsetInterval = 5_000 } = this.#options;
    if (service instanceof ConcurrentConsumption) {
      const timeoutMs = consumeTimeout * MINUTE_MS;
      this.#expiring = clock.setInterval(() => void service.giveBackExpired(timeoutMs), Math.min(timeoutMs, MINUTE_MS));
    }
    this.#persisting = clock.setInterval(() => void this.#offsets.persist(), persistConsumerOffsetInterval);
  }

  #queueTaker(service: ConsumptionService): QueueTaker {
    const { clock } = this.#client.runtime;
    const options = this.#options;
    return new QueueTaker({
      client: this.#client,
      consumerGroup: this.consumerGroup,
      subscription: (topic) => this.#subscriptions.get(topic),
      offsets: this.#offsets,
      service,
      broadcasting: this.#broadcasting,
      locks: options.orderly === true && !this.#broadcasting ? new QueueLocks(this.#client, this.consumerGroup) : undefined,
      pullBatchSize: options.pullBatchSize ?? 32,
      flow: (queues) => this.#flow(queues),
      counts: this.#counts,
      pullIntervalMs: options.pullInterval ?? 0,
      begin: {
        consumeFromWhere: options.consumeFromWhere ?? "CONSUME_FROM_LAST_OFFSET",
        consumeTimestamp: options.consumeTimestamp ?? clock.now() - HALF_AN_HOUR_MS,
      },
      signal: this.#stopping.signal,
    });
  }

  #consumption(parts: ConsumptionParts): ConsumptionService {
    const { orderly, suspendCurrentQueueTimeMillis = 1_000, maxReconsumeTimes = -1 } = this.#options;
    if (orderly !== true) return new ConcurrentConsumption(parts);
    return new OrderlyConsumption({ ...parts, suspendCurrentQueueTimeMillis, maxReconsumeTimes, locking: !this.#broadcasting });
  }

  /** What a topic may have, divided by the queues that this consumer has of it. */
  #flow(queues: number): FlowControl {
    const {
      pullThresholdForTopic = -1,
      pullThresholdSizeForTopic = -1,
      orderly,
      consumeConcurrentlyMaxSpan = 2_000,
    } = this.#options;
    const { pullThresholdForQueue = 1_000, pullThresholdSizeForQueue = 100 } = this.#options;
    const share = (ofTopic: number, ofQueue: number) => (ofTopic < 0 ? ofQueue : Math.max(1, Math.floor(ofTopic / queues)));
    return {
      pullThresholdForQueue: share(pullThresholdForTopic, pullThresholdForQueue),
      pullThresholdSizeBytes: share(pullThresholdSizeForTopic, pullThresholdSizeForQueue) * 1024 * 1024,
      maxSpan: orderly === true ? Number.POSITIVE_INFINITY : consumeConcurrentlyMaxSpan,
    };
  }

  #parts(consumeMessageBatchMaxSize: number, listener: BatchListener): ConsumptionParts {
    const { client, consumerGroup } = { client: this.#client, consumerGroup: this.consumerGroup };
    const { signal } = this.#stopping;
    return {
      log: client.log,
      consumerGroup,
      trace: client.trace,
      listener,
      consumeThreadMax: this.#options.consumeThreadMax ?? 20,
      consumeMessageBatchMaxSize,
      signal,
      consumedUpTo: ({ messageQueue }, offset) => this.#offsets.update(messageQueue, offset, true),
      // A broadcast message that is not consumed is over: the broker keeps nothing for one member.
      sendBack: (message, delayLevel) =>
        this.#broadcasting
          ? Promise.resolve(true)
          : sendMessageBack(client, consumerGroup, message, delayLevel, this.#options.maxReconsumeTimes ?? -1),
      later(ms, callback) {
        void delay(client.runtime.clock, ms, signal).then(() => signal.aborted || callback());
      },
      now: () => client.runtime.clock.now(),
      monotonic: () => client.runtime.clock.monotonic(),
      counts: this.#counts,
      listened: (queue) => client.namespace.unwrapQueue(queue),
    };
  }

  #popParts(batchSize: number, listener: BatchListener) {
    const { consumerGroup } = this;
    const client = this.#client;
    const { popBatchNums = 32, popInvisibleTime = 60_000, popThresholdForQueue = 96, maxReconsumeTimes = -1 } = this.#options;
    const { signal } = this.#stopping;
    const service = new PopConsumption({
      ...this.#parts(batchSize, listener),
      maxReconsumeTimes,
      acknowledge: (message) => acknowledge(client, consumerGroup, message),
      putOff: (message, ms) => changeInvisibleTime(client, consumerGroup, message, ms),
    });
    const taker = new PopTaker({
      client,
      consumerGroup,
      subscription: (topic) => this.#subscriptions.get(topic),
      service,
      popBatchNums: within("popBatchNums", popBatchNums, 1, POP_MESSAGES_MAX),
      popInvisibleTime: within("popInvisibleTime", popInvisibleTime, 5_000, 300_000),
      popThresholdForQueue: within("popThresholdForQueue", popThresholdForQueue, 1, 1_000),
      initMode: this.#options.consumeFromWhere === "CONSUME_FROM_FIRST_OFFSET" ? "MIN" : "MAX",
      counts: this.#counts,
      signal,
    });
    return { service, taker };
  }

  async #close(): Promise<void> {
    this.#forget();
    this.#stopping.abort(this.#closedError());
    this.#stream?.end();
    this.#persisting?.cancel();
    this.#expiring?.cancel();
    await this.#rebalance?.stop();
    // A start under way gives up at its next step; what it made until then is taken down below.
    await this.#started?.catch(() => {});
    const { clock } = this.#client.runtime;
    this.#pop?.taker.release();
    await this.#pop?.service.giveBackWaiting();
    const idle = Promise.all([this.#service?.idle(), this.#pop?.service.idle()]);
    await settledWithin(clock, idle, this.#options.awaitTerminationMillisWhenShutdown ?? 10_000);
    await this.#taker?.release();
    await this.#client.removeMember({ consumer: this });
  }
}

/** @throws MQClientError kind invalid, naming the bounds */
function within(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new MQClientError("invalid", `${name} is ${value}; ${least} to ${most} can be`);
}
