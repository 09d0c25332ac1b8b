/**
 * Lite topics: any number of short-lived topics below a parent topic (message.type=LITE), each a light queue. A message with
 * the property __LITE_TOPIC goes to one; clients of a group bound to the parent (lite.bind.topic) subscribe to those they
 * want and pop from all at once.
 *
 * Owns subscriptions, events, what of which lite topic is given out, waiting POPs, and the end of lite topics. Does not own
 * the queues (`core/store/multi_dispatch.ts`), the consumer offsets, nor how a message gets there (`../messages/send_lite.ts`).
 *
 * Subscriptions, events and what is given out are memory: after a restart clients say anew what they want, and what was not
 * acknowledged is given again. Group offsets move with acknowledgements only, so nothing is lost.
 */
import type { OffsetOption } from "../../../wire/bodies/lite.ts";
import { beginsWith, LMQ_QUEUE_ID } from "../../../wire/mix_all.ts";
import type { ProcessorMap } from "../../remoting/processor.ts";
import type { TimerHandle } from "../../runtime.ts";
import type { BrokerParts } from "../parts.ts";
import { ConsumerOrderInfoManager, type QueueOfGroup } from "../pop/order_info.ts";
import { PopLongPollingService } from "../pop/polling.ts";
import { LiteEvents } from "./events.ts";
import { LiteLifecycle } from "./lifecycle.ts";
import { LiteAcks } from "./lite_acks.ts";
import { LiteAdmin } from "./lite_admin.ts";
import { LiteMetadata } from "./lite_metadata.ts";
import { LITE_PREFIX } from "./lite_names.ts";
import { PopLiteMessageProcessor, type PopLiteReply, pollKeyOf } from "./pop_lite.ts";
import { LiteSharding, type WriteBrokersOf } from "./sharding.ts";
import { LiteSubscriptionCtl } from "./subscription_ctl.ts";
import { LiteSubscriptions } from "./subscriptions.ts";

/** Values of the offset option POLICY; the third, 0, leaves the group where it is. */
const FROM_START = 1;
const FROM_END = 2;

export type LiteProcessors = LiteAdmin["processors"] & Pick<ProcessorMap<"broker">, "POP_LITE_MESSAGE" | "LITE_SUBSCRIPTION_CTL">;

/** What ordinary POP answers where no lite topic is named. */
type PopAcks = Pick<ProcessorMap<"broker">, "ACK_MESSAGE" | "CHANGE_MESSAGE_INVISIBLETIME">;

export class BrokerLite {
  readonly processors: LiteProcessors;
  readonly metadata: LiteMetadata;
  readonly subscriptions: LiteSubscriptions;
  readonly events: LiteEvents;
  readonly lifecycle: LiteLifecycle;
  readonly #parts: BrokerParts;
  readonly #orders: ConsumerOrderInfoManager;
  readonly #polling: PopLongPollingService<PopLiteReply | undefined>;
  readonly #acks: LiteAcks;
  /** `queue@group` -> when it is free again. */
  readonly #blocked = new Map<string, TimerHandle>();
  #timer: TimerHandle | undefined;

  constructor(parts: BrokerParts, writeBrokersOf: WriteBrokersOf) {
    this.#parts = parts;
    const { runtime, settings, store } = parts;
    const metadata = new LiteMetadata(parts);
    const sharding = new LiteSharding(parts, writeBrokersOf);
    const orders = new ConsumerOrderInfoManager(parts, "memory");
    this.metadata = metadata;
    this.#orders = orders;
    this.#polling = new PopLongPollingService<PopLiteReply | undefined>(runtime.clock, settings, () => undefined);
    this.subscriptions = new LiteSubscriptions(parts, {
      metadata,
      isActive: (name) => sharding.isHere(name) || store.maxOffset({ topic: name, queueId: LMQ_QUEUE_ID }) > 0,
      resetOffset: (group, name, option) => this.#resetOffset(group, name, option),
    });
    this.events = new LiteEvents(parts, {
      metadata,
      subscriptions: this.subscriptions,
      liteQueues: (parent) => this.lifecycle.queues(parent),
      wake: (clientId, group) => this.#polling.notify(pollKeyOf(clientId, group)),
      isWaiting: (clientId, group) => this.#polling.countOf(pollKeyOf(clientId, group)) > 0,
    });
    this.subscriptions.listener = this.events;
    this.lifecycle = new LiteLifecycle(parts, {
      metadata,
      subscriptions: this.subscriptions,
      orders,
      forget: (topic, group) => this.#unblock({ topic, group, queueId: LMQ_QUEUE_ID }),
    });
    const changed = (queue: QueueOfGroup) => this.#changed(queue);
    const { events, subscriptions, lifecycle } = this;
    const pop = new PopLiteMessageProcessor(parts, { metadata, events, orders, polling: this.#polling, blocked: changed });
    const control = new LiteSubscriptionCtl(parts, { metadata, sharding, subscriptions });
    const admin = new LiteAdmin(parts, { metadata, subscriptions, events, lifecycle, sharding, orders });
    this.#acks = new LiteAcks(parts, { metadata, orders, changed });
    this.processors = {
      ...admin.processors,
      POP_LITE_MESSAGE: (context, { header }) => pop.pop(context, header),
      LITE_SUBSCRIPTION_CTL: (context, { body }) => control.control(context, body),
    };
    store.onArrival(({ topic }) => {
      if (beginsWith(topic, LITE_PREFIX)) this.events.dispatch(topic);
    });
  }

  /** Acknowledgements that name a lite topic are for here, the others for `pop`. */
  acksBeside(pop: PopAcks): PopAcks {
    return {
      ACK_MESSAGE: (context, request) => {
        const lite = request.header.liteTopic ?? "";
        return lite.trim() === "" ? pop.ACK_MESSAGE(context, request) : this.#acks.acknowledge(context, request.header, lite);
      },
      CHANGE_MESSAGE_INVISIBLETIME: (context, request) => {
        const lite = request.header.liteTopic ?? "";
        return lite.trim() === ""
          ? pop.CHANGE_MESSAGE_INVISIBLETIME(context, request)
          : this.#acks.changeInvisibleTime(context, request.header, lite);
      },
    };
  }

  /** Begins what only a master does. Everything must be loaded. */
  start(): void {
    const { clock } = this.#parts.runtime;
    this.subscriptions.start();
    this.events.start();
    this.lifecycle.start();
    // What was not used for days is dropped, though nothing is written.
    this.#timer ??= clock.setInterval(() => this.#orders.persist(), this.#parts.settings.liteTtlCheckInterval);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.subscriptions.stop();
    this.events.stop();
    await this.lifecycle.stop();
    for (const timer of this.#blocked.values()) timer.cancel();
    this.#blocked.clear();
  }

  /** Answers all that wait. */
  close(): void {
    this.#polling.close();
  }

  // -------------------------------------------------------------------------------------------------------- inwards

  /** A light queue may be free for its group, now or when what is open of it is due again. */
  #changed(queue: QueueOfGroup): void {
    const { clock } = this.#parts.runtime;
    this.#unblock(queue);
    const { topic, group } = queue;
    const freeAt = this.#orders.isBlocked(queue, undefined, clock.now()) ? this.#orders.freeAt(queue) : undefined;
    if (freeAt === undefined) {
      this.events.dispatch(topic, group);
      return;
    }
    if (!this.#parts.settings.enableNotifyAfterPopOrderLockRelease) return;
    const key = `${topic}@${group}`;
    const timer = clock.setTimeout(
      () => {
        this.#blocked.delete(key);
        this.events.dispatch(topic, group);
      },
      Math.max(0, freeAt - clock.now()) + 1,
    );
    this.#blocked.set(key, timer);
  }

  #unblock({ topic, group }: QueueOfGroup): void {
    const key = `${topic}@${group}`;
    this.#blocked.get(key)?.cancel();
    this.#blocked.delete(key);
  }

  /** The group goes on elsewhere in a lite topic from its next POP on; for a time, when its offset is found. */
  #resetOffset(group: string, name: string, { type, value }: OffsetOption): void | Promise<void> {
    const { offsets, store } = this.#parts;
    const queue = { topic: name, queueId: LMQ_QUEUE_ID };
    const current = offsets.query(group, name, LMQ_QUEUE_ID);
    if (type === "TIMESTAMP") {
      return store.offsetByTime(queue, value, "LOWER").then((found) => this.#goOn({ ...queue, group }, Math.max(0, found)));
    }
    if (type === "OFFSET") this.#goOn({ ...queue, group }, Math.max(0, value));
    else if (type === "TAIL_N") {
      if (current >= 0) this.#goOn({ ...queue, group }, Math.max(0, current - value));
    } else if (value === FROM_START) this.#goOn({ ...queue, group }, 0);
    else if (value === FROM_END) this.#goOn({ ...queue, group }, store.maxOffset(queue));
  }

  #goOn(queue: QueueOfGroup, next: number): void {
    const { offsets, log } = this.#parts;
    const { topic, group, queueId } = queue;
    const current = offsets.query(group, topic, queueId);
    if (next === current) return;
    offsets.assignReset(group, topic, queueId, next);
    this.#orders.clear(queue);
    this.#unblock(queue);
    log.info("a group goes on elsewhere in a lite topic", { group, queue: topic, from: current, to: next });
    this.events.dispatch(topic, group);
  }
}
