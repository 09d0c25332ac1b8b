/** What a consumer asks of a topic. */
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { MQClientError } from "./errors.ts";
import type { MessageExt } from "./message.ts";
import { abortable } from "./waiting.ts";

/** `*`, tags joined by `||`, or an SQL92 expression over properties. */
export type FilterExpression = string | { readonly sql: string };

/** @param subVersion ms; a later one replaces an earlier one at the broker. @throws MQClientError kind invalid */
export function subscriptionOf(topic: string, expression: FilterExpression, subVersion: number): SubscriptionData {
  const common = { classFilterMode: false, topic, subVersion };
  if (typeof expression !== "string") {
    return { ...common, subString: expression.sql, tagsSet: new Set(), codeSet: new Set(), expressionType: "SQL92" };
  }
  if (expression === "" || expression === "*") {
    return { ...common, subString: "*", tagsSet: new Set(), codeSet: new Set(), expressionType: "TAG" };
  }
  const tags = expression
    .split("||")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
  if (tags.length === 0) throw new MQClientError("invalid", `Cannot subscribe to "${topic}": "${expression}" names no tag`);
  return {
    ...common,
    subString: expression,
    tagsSet: new Set(tags),
    codeSet: new Set(tags.map(hashCode)),
    expressionType: "TAG",
  };
}

/** What a consumer subscribes to, by topic: of the expressions that are tried for one, the newest that a broker has read. */
export class Subscriptions {
  readonly #byTopic = new Map<string, SubscriptionData>();
  readonly #tried = new Set<SubscriptionData>();

  get size(): number {
    return this.#byTopic.size;
  }

  topics(): IterableIterator<string> {
    return this.#byTopic.keys();
  }

  all(): IterableIterator<SubscriptionData> {
    return this.#byTopic.values();
  }

  get(topic: string): SubscriptionData | undefined {
    return this.#byTopic.get(topic);
  }

  set(subscription: SubscriptionData): void {
    this.#byTopic.set(subscription.topic, subscription);
  }

  /**
   * Sets `subscription`: at once while `started` is undefined, else once its consumer has started and `read` is done. Until then,
   * and when that fails, the one before counts.
   * @returns what it replaced under a consumer that was started; undefined when it was not set: its topic was given up meanwhile, or
   *   has a newer one
   * @throws what `started` and `read` throw; the signal's reason
   */
  async subscribe(
    subscription: SubscriptionData,
    started: Promise<void> | undefined,
    read: () => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly before: SubscriptionData | undefined } | undefined> {
    if (started === undefined) {
      this.set(subscription);
      return undefined;
    }
    this.#tried.add(subscription);
    try {
      await abortable(started, signal);
      await abortable(read(), signal);
      const before = this.#byTopic.get(subscription.topic);
      const newer = before !== undefined && before.subVersion > subscription.subVersion;
      if (newer || !this.#tried.has(subscription)) return undefined;
      this.set(subscription);
      return { before };
    } finally {
      this.#tried.delete(subscription);
    }
  }

  /** Also those that are tried. @returns false when `topic` was not subscribed to */
  delete(topic: string): boolean {
    for (const each of this.#tried) if (each.topic === topic) this.#tried.delete(each);
    return this.#byTopic.delete(topic);
  }
}

export const sameFilter = (a: SubscriptionData, b: SubscriptionData): boolean =>
  a.subString === b.subString && a.expressionType === b.expressionType;

/** No tag is empty. */
const NO_TAGS = "";

/** The broker compares hashes of tags; this compares the tags. */
export const wanted = ({ tagsSet, expressionType }: SubscriptionData, message: MessageExt): boolean =>
  expressionType !== "TAG" || tagsSet.size === 0 || tagsSet.has(message.tags ?? NO_TAGS);
