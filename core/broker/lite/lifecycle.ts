/**
 * The end of lite topics: one that nothing was sent to for its parent's lite.topic.expiration goes, with its queue and the
 * offsets of all groups; and all go with their parent. What was sent stays in the parent's own queues.
 */
import { LMQ_QUEUE_ID } from "../../../wire/mix_all.ts";
import type { TimerHandle } from "../../runtime.ts";
import type { BrokerParts } from "../parts.ts";
import type { ConsumerOrderInfoManager } from "../pop/order_info.ts";
import { liteQueuesAmong } from "./events.ts";
import type { LiteMetadata } from "./lite_metadata.ts";
import { liteTopicOf } from "./lite_names.ts";
import type { LiteSubscriptions } from "./subscriptions.ts";

/** Queues deleted at once, before other work gets its turn. */
const PORTION = 1_000;
const MINUTE_MS = 60_000;

export interface LifecycleServices {
  readonly metadata: LiteMetadata;
  readonly subscriptions: LiteSubscriptions;
  readonly orders: ConsumerOrderInfoManager;
  /** Waiting for a light queue to be free ends. */
  readonly forget: (lmqName: string, group: string) => void;
}

type Parts = Pick<BrokerParts, "runtime" | "log" | "settings" | "store" | "offsets">;

export class LiteLifecycle {
  readonly #parts: Parts;
  readonly #services: LifecycleServices;
  #timer: TimerHandle | undefined;
  #round: Promise<void> | undefined;
  #running = false;

  constructor(parts: Parts, services: LifecycleServices) {
    this.#parts = parts;
    this.#services = services;
  }

  /** Looks every liteTtlCheckInterval from minLiteTTl on: until then nobody can tell what is used. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#later(this.#parts.settings.minLiteTTl);
  }

  /** Ends it when the round under way is over. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
    await this.#round;
  }

  #later(delayMs: number): void {
    const { runtime, log, settings } = this.#parts;
    this.#timer = runtime.clock.setTimeout(() => {
      this.#round = this.removeExpired()
        .catch((error: unknown) => {
          log.error("lite topics that are over can't be removed; tried again", {
            reason: error instanceof Error ? error.message : String(error),
          });
        })
        .then(() => {
          if (this.#running) this.#later(settings.liteTtlCheckInterval);
        });
    }, delayMs);
  }

  /** Light queues of lite topics with messages, of one parent or of all. */
  queues(parent?: string): string[] {
    return liteQueuesAmong(this.#parts.store.queues().keys(), parent);
  }

  async removeExpired(): Promise<void> {
    const { runtime, settings, store, log } = this.#parts;
    const parents = this.#services.metadata.parents();
    let doomed: string[] = [];
    let count = 0;
    const removeDoomed = () => {
      this.#remove(doomed);
      count += doomed.length;
      doomed = [];
    };
    for (const name of this.queues()) {
      const minutes = parents.get(liteTopicOf(name)?.parent ?? "") ?? -1;
      if (minutes <= 0) continue;
      const queue = { topic: name, queueId: LMQ_QUEUE_ID };
      const storedAt = await store.storeTimeAt(queue, store.maxOffset(queue) - 1);
      const idleMs = runtime.clock.now() - storedAt;
      // Where the last message is gone with its log file, the lite topic is older than that.
      const isGone = storedAt < 0 && store.minOffset(queue) >= store.maxOffset(queue);
      if (!isGone && (storedAt < 0 || idleMs < settings.minLiteTTl || idleMs <= minutes * MINUTE_MS)) continue;
      doomed.push(name);
      if (doomed.length < PORTION) continue;
      removeDoomed();
      await new Promise<void>((resolve) => runtime.clock.setTimeout(resolve, 0));
      if (!this.#running) return;
    }
    removeDoomed();
    if (count > 0) log.info("lite topics that nothing was sent to any more are removed", { count });
  }

  /** All lite topics below a parent that is deleted, or that has none any more. */
  removeBelow(parent: string): void {
    this.#remove(this.queues(parent));
  }

  #remove(names: readonly string[]): void {
    if (names.length === 0) return;
    const { store, offsets } = this.#parts;
    const doomed = new Set(names);
    for (const name of names) {
      for (const group of offsets.groupsOf(name)) {
        this.#services.orders.clear({ topic: name, group, queueId: LMQ_QUEUE_ID });
        this.#services.forget(name, group);
      }
      this.#services.subscriptions.forget(name);
    }
    offsets.removeTopics(doomed);
    store.deleteTopics(doomed);
  }
}
