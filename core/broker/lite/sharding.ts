/**
 * Which broker a lite topic belongs to: the one whose write queue of the parent topic its name hashes to, as senders choose
 * it. Known from the nameservers, and kept for loadBalancePollNameServerInterval; unknown, every lite topic is this broker's.
 */
import { hashCode } from "../../../wire/java_hash.ts";
import type { BrokerParts } from "../parts.ts";
import { liteTopicOf } from "./lite_names.ts";

/** Brokers of a topic's write queues, one a queue, in the order of broker names; undefined when nobody knows. */
export type WriteBrokersOf = (topic: string) => Promise<readonly string[] | undefined>;

const TOPICS_MAX = 10_000;

interface Route {
  /** Undefined: all queues are here. */
  readonly brokers: readonly string[] | undefined;
  readonly at: number;
}

export class LiteSharding {
  readonly #parts: Pick<BrokerParts, "runtime" | "settings">;
  readonly #brokersOf: WriteBrokersOf;
  readonly #routes = new Map<string, Route>();
  readonly #asked = new Map<string, Promise<void>>();

  constructor(parts: Pick<BrokerParts, "runtime" | "settings">, brokersOf: WriteBrokersOf) {
    this.#parts = parts;
    this.#brokersOf = brokersOf;
  }

  /** Asks where `parent` is, unless that is known. Never rejects. */
  refresh(parent: string): Promise<void> {
    const { clock } = this.#parts.runtime;
    const known = this.#routes.get(parent);
    const keptMs = this.#parts.settings.loadBalancePollNameServerInterval;
    if (known !== undefined && clock.monotonic() - known.at < keptMs) return Promise.resolve();
    const asked = this.#asked.get(parent) ?? this.#ask(parent).finally(() => this.#asked.delete(parent));
    this.#asked.set(parent, asked);
    return asked;
  }

  async #ask(parent: string): Promise<void> {
    const { runtime, settings } = this.#parts;
    const found = (await this.#brokersOf(parent).catch(() => undefined)) ?? [];
    if (this.#routes.size >= TOPICS_MAX) this.#routes.clear();
    const brokers = found.every((name) => name === settings.brokerName) ? undefined : found;
    this.#routes.set(parent, { brokers, at: runtime.clock.monotonic() });
  }

  /** By what is known of the parent now; see `refresh`. */
  isHere(lmqName: string): boolean {
    const topic = liteTopicOf(lmqName);
    const brokers = topic && this.#routes.get(topic.parent)?.brokers;
    if (topic === undefined || brokers === undefined) return true;
    return brokers[bucketOf(hashCode(topic.lite), brokers.length)] === this.#parts.settings.brokerName;
  }
}

const MULTIPLIER = 2_862_933_555_777_941_757n;

/**
 * Jump consistent hash over `buckets`, by the generator of Guava, which senders in Java use.
 * @param input 32 bits, signed
 */
export function bucketOf(input: number, buckets: number): number {
  let state = BigInt.asUintN(64, BigInt(input));
  for (let bucket = 0; ; ) {
    state = BigInt.asUintN(64, MULTIPLIER * state + 1n);
    const next = Math.trunc((bucket + 1) / ((Number(state >> 33n) + 1) / 2 ** 31));
    if (next >= buckets) return bucket;
    bucket = next;
  }
}
