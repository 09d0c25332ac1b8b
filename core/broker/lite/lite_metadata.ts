/** What the attributes of topics and groups say of lite topics. Read anew each time: administrators change them. */
import type { BrokerParts } from "../parts.ts";

/** Events a client may have waiting where its group does not say, at least and at most. */
const EVENTS_MIN = 10;
const EVENTS_MAX = 100_000;

type Parts = Pick<BrokerParts, "topics" | "groups" | "settings">;

export class LiteMetadata {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether `topic` exists and has lite topics below it. */
  isParent(topic: string): boolean {
    return this.#parts.topics.find(topic)?.attributes["message.type"] === "LITE";
  }

  /** Minutes after which an unused lite topic below `parent` goes; none (-1) unless the topic says. */
  ttlMinutes(parent: string): number {
    return Number(this.#parts.topics.find(parent)?.attributes["lite.topic.expiration"] ?? -1);
  }

  /** Parent topics, with their `ttlMinutes`. */
  parents(): Map<string, number> {
    const parents = new Map<string, number>();
    for (const topic of this.#parts.topics.all().keys()) if (this.isParent(topic)) parents.set(topic, this.ttlMinutes(topic));
    return parents;
  }

  /** The parent topic that a group consumes; undefined for a group of ordinary topics. */
  boundTopic(group: string): string | undefined {
    const topic = this.#attribute(group, "lite.bind.topic");
    return topic === "" ? undefined : topic;
  }

  /** Parent topic -> groups bound to it. */
  groupsByTopic(): Map<string, Set<string>> {
    const groups = new Map<string, Set<string>>();
    for (const group of this.#parts.groups.all().keys()) {
      const topic = this.boundTopic(group);
      if (topic !== undefined) groups.set(topic, (groups.get(topic) ?? new Set<string>()).add(group));
    }
    return groups;
  }

  mayConsume(group: string): boolean {
    return this.#parts.groups.find(group)?.consumeEnable === true;
  }

  /** A lite topic has one client of the group; a new subscriber takes it from the former one. */
  isExclusive(group: string): boolean {
    return this.#attribute(group, "lite.sub.model") === "Exclusive";
  }

  /** Whoever takes a lite topic from another client reads it from its start. */
  resetsWhenTaken(group: string): boolean {
    return this.#attribute(group, "lite.sub.reset.offset.exclusive") === "true";
  }

  /** Whoever subscribes after an unsubscription reads from the start. */
  resetsOnUnsubscribe(group: string): boolean {
    return this.#attribute(group, "lite.sub.reset.offset.unsubscribe") === "true";
  }

  /** The group gets all lite topics below its parent, without naming them. */
  isWildcard(group: string): boolean {
    return this.#attribute(group, "lite.sub.wildcard") === "true";
  }

  /** Lite topics with news that may wait for one client of the group. */
  eventsMax(group: string): number {
    const own = Number(this.#attribute(group, "lite.sub.client.max.event.cnt") ?? 0);
    return Math.min(EVENTS_MAX, Math.max(EVENTS_MIN, own > 0 ? own : this.#parts.settings.maxClientEventCount));
  }

  #attribute(group: string, name: string): string | undefined {
    return this.#parts.groups.find(group)?.attributes?.[name];
  }
}
