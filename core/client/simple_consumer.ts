/**
 * Consumes by POP: `receive` takes messages, each of which is to be acknowledged; one that is not comes again when its invisible
 * time is over. Members of a group share all queues without dividing them, so none waits for another.
 */
import type { ConsumerData } from "../../wire/bodies/heartbeat.ts";
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { ConsumeMessageDirectlyResult, ConsumerRunningInfo } from "../../wire/bodies/running_info.ts";
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { RemotingError } from "../remoting/processor.ts";
import type { ClientInstance } from "./client_instance.ts";
import type { ConsumerMember } from "./client_processors.ts";
import { MQClientError } from "./errors.ts";
import { learnRoutes } from "./learn_routes.ts";
import type { MessageExt } from "./message.ts";
import {
  ANY_QUEUE,
  acknowledge,
  changeInvisibleTime,
  notification,
  POP_ANSWER_MS,
  POP_MESSAGES_MAX,
  type PopTarget,
  pop,
} from "./pop.ts";
import { runningInfo } from "./push_consumer_info.ts";
import { type FilterExpression, Subscriptions, subscriptionOf } from "./subscription.ts";
import { abortable, delay, LateStart, SharedStart, settledWithin, startUntil } from "./waiting.ts";

export interface SimpleConsumerOptions {
  readonly consumerGroup: string;
  /** Topic -> `*`, `TagA || TagB`, or `{ sql: "a > 1" }`; more by `subscribe`. */
  readonly subscription?: Readonly<Record<string, FilterExpression>>;
  /** How long a received message is nobody else's, ms, 10 or more; default 30,000. */
  readonly invisibleDuration?: number;
  /** How long `receive` waits for a message, ms; default 20,000. */
  readonly awaitDuration?: number;
  /** Where a group without an offset begins; default CONSUME_FROM_LAST_OFFSET. */
  readonly consumeFromWhere?: "CONSUME_FROM_FIRST_OFFSET" | "CONSUME_FROM_LAST_OFFSET";
}

export interface ReceiveOptions {
  /** At most, 1..32; default 16. */
  readonly maxMessages?: number;
  /** ms; default the consumer's. */
  readonly invisibleDuration?: number;
  /** ms; default the consumer's. 0 takes what is there. */
  readonly awaitDuration?: number;
  readonly signal?: AbortSignal;
}

/** The longest that a broker is asked to hold one request. */
const POLL_MS = 15_000;
/** A broker that spoke of messages and gave none is asked again after so long. */
const NOTHING_AFTER_ALL_MS = 200;
/** What a loop leaves behind comes again after so long. */
const GIVEN_BACK_MS = 1_000;

export class SimpleConsumer implements ConsumerMember, AsyncDisposable, AsyncIterable<MessageExt> {
  readonly consumerGroup: string;
  readonly #client: ClientInstance;
  readonly #options: SimpleConsumerOptions;
  readonly #subscriptions = new Subscriptions();
  readonly #stopping = new AbortController();
  readonly #lateStart: LateStart;
  readonly #forget: () => void;
  /** Waits that are under way, by target: calls of `receive` at the same time share them. */
  readonly #waits = new Map<string, Promise<boolean>>();
  readonly #started = new SharedStart(() => this.#start());
  #next = 0;
  #startTimestamp = 0;
  #closing: Promise<void> | undefined;

  /** @throws MQClientError kind invalid */
  constructor(client: ClientInstance, options: SimpleConsumerOptions) {
    if (options.consumerGroup.trim() === "") throw new MQClientError("invalid", "consumerGroup is blank");
    this.consumerGroup = client.namespace.wrap(options.consumerGroup);
    this.#client = client;
    this.#options = options;
    this.#lateStart = new LateStart(client.runtime.clock);
    for (const [topic, expression] of Object.entries(options.subscription ?? {})) {
      this.#subscriptions.set(this.#subscription(topic, expression));
    }
    this.#forget = client.onClose(() => this.close());
  }

  /**
   * Adds a topic, or gives it another expression; it keeps the old one when this fails, or is aborted before brokers are told.
   * @throws as `start`
   */
  async subscribe(topic: string, expression: FilterExpression = "*", { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    const subscription = this.#subscription(topic, expression);
    const read = () => learnRoutes(this.#client, this.consumerGroup, [subscription], this.#stopping.signal);
    const set = await this.#subscriptions.subscribe(subscription, this.#started.promise, read, signal);
    if (set !== undefined) await abortable(this.#client.beat(), signal);
  }

  /** Received messages can still be acknowledged. @param options signal: ends the wait until brokers know, no more */
  async unsubscribe(topic: string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    const subscribed = this.#subscriptions.delete(this.#client.namespace.wrap(topic));
    if (subscribed && this.#started.promise !== undefined) await abortable(this.#client.beat(), signal);
  }

  /**
   * Joins the group; the first `receive` does it too.
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

  /**
   * Messages of any topic and queue; none when the time is over. Each is to be acknowledged within its invisible time. A broker
   * that does not answer is waited for as long, or for a call's time-out where that is longer. The first receive starts the
   * consumer; a start that takes longer goes on, and if it fails the next receive says so.
   * @throws as `start`; MQBrokerError, MQClientError when no broker could be asked; the signal's reason: then nothing was taken
   */
  async receive(options: ReceiveOptions = {}): Promise<MessageExt[]> {
    const { maxMessages = 16, awaitDuration = this.#options.awaitDuration ?? 20_000, signal } = options;
    const { clock } = this.#client.runtime;
    if (!Number.isInteger(maxMessages) || maxMessages < 1 || maxMessages > POP_MESSAGES_MAX) {
      throw new MQClientError("invalid", `Cannot receive ${maxMessages} messages at a time: 1 to ${POP_MESSAGES_MAX} can be`);
    }
    const deadline = clock.monotonic() + awaitDuration;
    if (!(await this.#lateStart.within(() => this.start(), awaitDuration, signal))) return [];
    for (;;) {
      signal?.throwIfAborted();
      if (this.#closing !== undefined) throw this.#closedError();
      const targets = await abortable(this.#targets(), signal);
      const messages = await this.#takeOnce(targets, maxMessages, options.invisibleDuration, deadline, signal);
      const leftMs = Math.min(deadline - clock.monotonic(), POLL_MS);
      if (messages.length > 0 || leftMs <= 0) return messages;
      const spoken = await abortable(this.#wait(targets, Math.ceil(leftMs)), signal);
      if (spoken !== undefined) await abortable(this.#checkSpoken(spoken), signal);
    }
  }

  /** Consumed: it does not come again. @throws MQClientError kind invalid; MQBrokerError */
  acknowledge(message: MessageExt, options: { signal?: AbortSignal } = {}): Promise<void> {
    return acknowledge(this.#client, this.consumerGroup, message, options.signal);
  }

  /** The message comes again in `invisibleDuration` ms from now, unless it is acknowledged before. @throws as `acknowledge` */
  changeInvisibleDuration(message: MessageExt, invisibleDuration: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    return changeInvisibleTime(this.#client, this.consumerGroup, message, invisibleDuration, options.signal);
  }

  /**
   * One message after the other, until the consumer closes. A message is acknowledged when the next is asked for; leaving the
   * loop, by `break` as by a throw, gives the one at hand back: it comes again soon, here or elsewhere.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<MessageExt, void, undefined> {
    const { clock } = this.#client.runtime;
    const invisibleDuration = this.#invisible(undefined);
    while (this.#closing === undefined) {
      let messages: MessageExt[];
      try {
        messages = await this.receive({ awaitDuration: POLL_MS });
      } catch (fault) {
        if (this.#closing !== undefined) return;
        throw fault;
      }
      const until = clock.monotonic() + invisibleDuration;
      let done = 0;
      try {
        for (const message of messages) {
          // What became visible again while it waited here is somebody's by now.
          if (clock.monotonic() < until) {
            yield message;
            await this.#acknowledged(message);
          }
          done++;
        }
      } finally {
        const left = messages.slice(done).map((message) => this.#giveBack(message));
        await Promise.all(left);
      }
    }
  }

  /** Leaves the group. What was received can not be acknowledged any more once the client is closed. May be called more than once. */
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
      consumeType: "CONSUME_POP",
      messageModel: "CLUSTERING",
      consumeFromWhere: this.#options.consumeFromWhere ?? "CONSUME_FROM_LAST_OFFSET",
      subscriptionDataSet: [...this.#subscriptions.all()],
      unitMode: this.#client.unitMode,
    };
  }

  topics(): Iterable<string> {
    return this.#subscriptions.topics();
  }

  /** Queues are not divided. */
  rebalanceSoon(): void {}

  runningInfo(): ConsumerRunningInfo {
    return runningInfo({
      heartbeat: this.heartbeat(),
      orderly: false,
      consumeThreadMax: 0,
      startTimestamp: this.#startTimestamp,
      namesrvAddr: this.#client.nameServerAddresses.join(";"),
      settings: this.#options,
    });
  }

  consumeDirectly(): Promise<ConsumeMessageDirectlyResult> {
    const remark = `group "${this.consumerGroup}" receives here: it has no listener to be called`;
    return Promise.reject(new RemotingError(ResponseCode.SYSTEM_ERROR, remark));
  }

  /** Brokers have them. */
  offsets(): [queue: MessageQueue, offset: number][] {
    return [];
  }

  /** Brokers have them, and have set them. */
  resetOffsets(): Promise<void> {
    return Promise.resolve();
  }

  // ---------------------------------------------------------------------------------------------------------- inside

  #closedError(): MQClientError {
    return new MQClientError("closed", `Consumer of group "${this.consumerGroup}" was closed`);
  }

  #invisible(given: number | undefined): number {
    return Math.max(10, given ?? this.#options.invisibleDuration ?? 30_000);
  }

  /** @throws MQClientError kind invalid */
  #subscription(name: string, expression: FilterExpression): SubscriptionData {
    return subscriptionOf(this.#client.namespace.wrap(name), expression, this.#client.nextSubVersion());
  }

  async #start(): Promise<void> {
    const { signal } = this.#stopping;
    await learnRoutes(this.#client, this.consumerGroup, this.#subscriptions.all(), signal);
    signal.throwIfAborted();
    this.#startTimestamp = this.#client.runtime.clock.now();
    this.#client.addConsumer(this);
    await this.#client.beat();
  }

  /** Every broker of every topic, beginning with another one each time. @throws MQClientError when no topic has a route */
  async #targets(): Promise<PopTarget[]> {
    const targets: PopTarget[] = [];
    let fault: unknown = new MQClientError("invalid", `Group "${this.consumerGroup}" subscribes to nothing here`);
    for (const topic of this.#subscriptions.topics()) {
      try {
        const { readQueues, masters } = await this.#client.route(topic);
        const brokers = new Set(readQueues.map(({ brokerName }) => brokerName).filter((brokerName) => masters.has(brokerName)));
        for (const brokerName of brokers) targets.push({ topic, brokerName, queueId: ANY_QUEUE });
      } catch (error) {
        fault = error;
      }
    }
    if (targets.length === 0) throw fault;
    const from = this.#next++ % targets.length;
    return [...targets.slice(from), ...targets.slice(0, from)];
  }

  /** One broker after the other, without waiting; no further one once `signal` is aborted. @throws what the last said when none could be asked */
  async #takeOnce(
    targets: readonly PopTarget[],
    maxMsgNums: number,
    given: number | undefined,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<MessageExt[]> {
    const { clock } = this.#client.runtime;
    let fault: unknown;
    let answers = 0;
    for (const target of targets) {
      const subscription = this.#subscriptions.get(target.topic);
      if (subscription === undefined) continue;
      // What the one before gave up on lasts for seconds, and what this one hands out nobody may be waiting for.
      if (this.#closing !== undefined) throw this.#closedError();
      signal?.throwIfAborted();
      try {
        const messages = await pop(this.#client, {
          ...target,
          consumerGroup: this.consumerGroup,
          maxMsgNums,
          invisibleTime: this.#invisible(given),
          pollTime: 0,
          answerMs: Math.max(this.#client.timeoutMs, Math.min(POP_ANSWER_MS, deadline - clock.monotonic())),
          initMode: this.#options.consumeFromWhere === "CONSUME_FROM_FIRST_OFFSET" ? "MIN" : "MAX",
          subscription,
        });
        if (messages.length > 0) return messages;
        answers++;
      } catch (error) {
        fault = error;
        // A nameserver that is silent holds nothing up.
        void this.#client.refreshRoute(target.topic).catch(() => {});
        this.#client.log.warn("a broker could not be asked for messages", {
          broker: target.brokerName,
          reason: (error as Error).message,
        });
        if (clock.monotonic() >= deadline) break;
      }
    }
    if (answers === 0 && fault !== undefined) throw fault;
    return [];
  }

  /** Settles with the first target that speaks of messages; with undefined when the time is over. */
  async #wait(targets: readonly PopTarget[], waitMs: number): Promise<PopTarget | undefined> {
    const { clock } = this.#client.runtime;
    const { signal } = this.#stopping;
    const first = new Promise<PopTarget>((resolve) => {
      for (const target of targets) {
        void this.#waitAt(target, waitMs).then((hasMessages) => hasMessages && resolve(target));
      }
    });
    let spoken: PopTarget | undefined;
    const heard = first.then((target) => {
      spoken = target;
    });
    await settledWithin(clock, heard, waitMs, signal);
    return spoken;
  }

  /** Never rejects. A wait is kept until it ends, so that calls given up leave none behind. */
  #waitAt(target: PopTarget, waitMs: number): Promise<boolean> {
    const subscription = this.#subscriptions.get(target.topic);
    const key = `${target.brokerName} ${target.topic} ${subscription?.subVersion}`;
    const known = this.#waits.get(key);
    if (known !== undefined || subscription === undefined) return known ?? Promise.resolve(false);
    const { signal } = this.#stopping;
    const wait = notification(this.#client, this.consumerGroup, target, subscription, waitMs, signal)
      .catch(() => false)
      .finally(() => this.#waits.delete(key));
    this.#waits.set(key, wait);
    return wait;
  }

  /** What spoke of messages, and may have none for us (another member was quicker), is not asked without a pause. */
  #checkSpoken(spoken: PopTarget): Promise<void> {
    const now = this.#client.runtime.clock.monotonic();
    const hasty = this.#lastSpoken?.key === spoken.brokerName && now - this.#lastSpoken.at < NOTHING_AFTER_ALL_MS;
    this.#lastSpoken = { key: spoken.brokerName, at: now };
    return hasty ? delay(this.#client.runtime.clock, NOTHING_AFTER_ALL_MS, this.#stopping.signal) : Promise.resolve();
  }
  #lastSpoken: { key: string; at: number } | undefined;

  /** What can't be acknowledged comes again; the loop goes on. */
  async #acknowledged(message: MessageExt): Promise<void> {
    try {
      await this.acknowledge(message);
    } catch (fault) {
      this.#client.log.warn("a message was not acknowledged; it comes again", {
        msgId: message.msgId,
        reason: (fault as Error).message,
      });
    }
  }

  async #giveBack(message: MessageExt): Promise<void> {
    try {
      await this.changeInvisibleDuration(message, GIVEN_BACK_MS);
    } catch (fault) {
      this.#client.log.debug("a message comes again later only", { msgId: message.msgId, reason: (fault as Error).message });
    }
  }

  async #close(): Promise<void> {
    this.#forget();
    this.#stopping.abort(this.#closedError());
    await this.#started.promise?.catch(() => {});
    await this.#client.removeMember({ consumer: this });
  }
}
