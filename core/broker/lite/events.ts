/**
 * Which lite topics have news for which client. A message that arrives is told to one client of each group that wants its
 * lite topic; the client's next POP asks those lite topics alone, however many it is subscribed to.
 *
 * An event is a hint and may be told twice. One that found no room, or whose client went away, is found again by a full
 * dispatch, which compares offsets: nothing waits for ever. Bounded by the group's lite.sub.client.max.event.cnt a client.
 */
import type { TimerHandle } from "../../runtime.ts";
import type { BrokerParts } from "../parts.ts";
import type { LiteMetadata } from "./lite_metadata.ts";
import { LITE_PREFIX, liteTopicOf } from "./lite_names.ts";
import { clientKey, type LiteClient, type LiteSubscriptions, type SubscriptionListener } from "./subscriptions.ts";

/** A client that has events and takes none for so long is passed over. */
const INACTIVE_MS = 10_000;
/** One without events that does not ask either. */
const LONG_POLLING_MS = 35_000;
const BLACKLISTED_MS = 10_000;
/** A full dispatch waits until a client has room again: at most this part of it is used. */
const LOW_WATER = 0.2;
const WILDCARD_START_MS = 5_000;
/** Full dispatches are put off by up to so much, so that many clients don't come at once. */
const SPREAD_MS = 15_000;

class ClientEvents {
  readonly clientId: string;
  readonly group: string;
  readonly max: number;
  /** Light queues, in the order of their events. */
  readonly queues = new Set<string>();
  /** Clock.now(): administrators are told. */
  askedAt: number;
  takenAt = 0;

  constructor(clientId: string, group: string, max: number, now: number) {
    this.clientId = clientId;
    this.group = group;
    this.max = max;
    this.askedAt = now;
  }

  offer(lmqName: string): boolean {
    if (this.queues.has(lmqName)) return true;
    if (this.queues.size >= this.max) return false;
    this.queues.add(lmqName);
    return true;
  }

  isInactive(now: number): boolean {
    return now - this.askedAt > (this.queues.size > 0 ? INACTIVE_MS : LONG_POLLING_MS);
  }
}

export interface EventServices {
  readonly metadata: LiteMetadata;
  readonly subscriptions: LiteSubscriptions;
  /** Light queues of all lite topics with messages. */
  readonly liteQueues: (parent: string) => Iterable<string>;
  /** Wakes a POP of the client that waits. */
  readonly wake: (clientId: string, group: string) => void;
  /** Whether a POP of the client waits. */
  readonly isWaiting: (clientId: string, group: string) => boolean;
}

type Parts = Pick<BrokerParts, "runtime" | "log" | "settings" | "store" | "offsets">;

export class LiteEvents implements SubscriptionListener {
  readonly #parts: Parts;
  readonly #services: EventServices;
  /** All by `clientKey`. */
  readonly #clients = new Map<string, ClientEvents>();
  /** Client -> until when others are preferred, Clock.now(). */
  readonly #blacklist = new Map<string, number>();
  /** Client, or wildcard group, that gets a full dispatch, -> when, Clock.now(). */
  readonly #due = new Map<string, { readonly clientId: string | undefined; readonly group: string; readonly at: number }>();
  #timer: TimerHandle | undefined;

  constructor(parts: Parts, services: EventServices) {
    this.#parts = parts;
    this.#services = services;
  }

  /** Clients with a set of events. */
  get size(): number {
    return this.#clients.size;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#parts.runtime.clock.setTimeout(() => {
      this.#timer = undefined;
      this.scan();
      this.start();
    }, this.#parts.settings.liteEventCheckInterval);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  // -------------------------------------------------------------------------------------------------------- clients

  /** When a client asked and took last, ms since 1970; -1 when nothing is known of it. */
  accessOf(clientId: string, group: string): { readonly lastAccessTime: number; readonly lastConsumeTime: number } {
    const events = this.#clients.get(clientKey(clientId, group));
    return { lastAccessTime: events?.askedAt ?? -1, lastConsumeTime: events?.takenAt ?? 0 };
  }

  /** A POP of the client looks for messages. */
  asked(clientId: string, group: string): void {
    const key = clientKey(clientId, group);
    const events = this.#clients.get(key);
    if (events !== undefined) events.askedAt = this.#now();
    this.#blacklist.delete(key);
  }

  /**
   * Lite topics that a POP of the client is to ask, each once. With enableLiteEventMode=false: all it is subscribed to; a
   * wildcard group goes by events all the same.
   */
  *queuesFor(clientId: string, group: string): Generator<string, void> {
    if (!this.#byEvents(group)) {
      yield* this.#services.subscriptions.client(clientId, group)?.lmqNames ?? [];
      return;
    }
    const asked = new Set<string>();
    const { metadata, subscriptions } = this.#services;
    const wildcard = metadata.isWildcard(group);
    const key = clientKey(clientId, group);
    for (;;) {
      const events = this.#clients.get(key);
      const [next] = events?.queues ?? [];
      if (events === undefined || next === undefined || asked.has(next)) return;
      events.queues.delete(next);
      events.takenAt = this.#now();
      asked.add(next);
      // An event may outlive its subscription.
      if (wildcard || subscriptions.client(clientId, group)?.lmqNames.has(next) === true) yield next;
    }
  }

  hasEvents(clientId: string, group: string): boolean {
    return (this.#clients.get(clientKey(clientId, group))?.queues.size ?? 0) > 0;
  }

  // ------------------------------------------------------------------------------------------------------- dispatch

  /** A light queue has news: a message, or it is free again. @param group the one it is news for; all when left out */
  dispatch(lmqName: string, group?: string, without?: string): void {
    for (const [each, clients] of this.#services.subscriptions.subscribers(lmqName, group)) {
      if (this.#byEvents(each)) this.#tellOne(lmqName, each, clients, without);
      else for (const { clientId } of clients) this.#services.wake(clientId, each);
    }
  }

  /** @returns false when no client of the group has room. */
  #tellOne(lmqName: string, group: string, clients: readonly LiteClient[], without: string | undefined): boolean {
    const { metadata, wake } = this.#services;
    const wildcard = metadata.isWildcard(group);
    const start = this.#parts.runtime.random.below(clients.length);
    const later: string[] = [];
    let told: string | undefined;
    for (let i = 0; told === undefined && i < clients.length; i++) {
      const { clientId } = clients[(start + i) % clients.length] as LiteClient;
      if (clientId === without || this.#isBlacklisted(clientId, group)) later.push(clientId);
      else if (this.#offer(lmqName, clientId, group, !wildcard)) told = clientId;
    }
    told ??= later.find((clientId) => this.#offer(lmqName, clientId, group, !wildcard));
    if (told !== undefined) wake(told, group);
    else if (wildcard) this.#fullDispatchOfGroup(group, this.#parts.settings.liteEventFullDispatchDelayTimeForWildcardGroup);
    return told !== undefined;
  }

  #offer(lmqName: string, clientId: string, group: string, elseFull: boolean): boolean {
    if (this.#eventsOf(clientId, group).offer(lmqName)) return true;
    if (elseFull) {
      const spread = this.#isBlacklisted(clientId, group) ? this.#parts.runtime.random.below(SPREAD_MS) : 0;
      this.#fullDispatchLater(clientId, group, this.#parts.settings.liteEventFullDispatchDelayTime + spread);
    }
    return false;
  }

  /** Looks through all lite topics of a client for messages it has not had. */
  dispatchAllTo(clientId: string, group: string): void {
    if (this.#services.metadata.isWildcard(group)) {
      this.dispatchAllOf(group);
      return;
    }
    const { settings, runtime } = this.#parts;
    const client = this.#services.subscriptions.client(clientId, group);
    if (client === undefined || client.lmqNames.size === 0) return;
    if (!this.#byEvents(group)) {
      this.#services.wake(clientId, group);
      return;
    }
    const events = this.#eventsOf(clientId, group);
    const again = () => {
      const delay = settings.liteEventFullDispatchDelayTime + runtime.random.below(SPREAD_MS);
      this.#fullDispatchLater(clientId, group, delay);
    };
    if (this.#isInactive(events) || events.queues.size / events.max >= LOW_WATER) {
      again();
      return;
    }
    for (const name of client.lmqNames) {
      if (!this.#hasMore(group, name)) continue;
      if (!events.offer(name)) {
        again();
        break;
      }
    }
    if (events.queues.size > 0) this.#services.wake(clientId, group);
  }

  /** The same for all clients of a group. */
  dispatchAllOf(group: string): void {
    const { metadata, subscriptions, liteQueues } = this.#services;
    if (!metadata.isWildcard(group)) {
      for (const { clientId } of subscriptions.clientsOf(group)) this.dispatchAllTo(clientId, group);
      return;
    }
    const parent = metadata.boundTopic(group);
    const clients = subscriptions.wildcardClients(group).filter(({ topic }) => topic === parent);
    if (parent === undefined || clients.length === 0) return;
    for (const name of liteQueues(parent)) {
      if (this.#hasMore(group, name) && !this.#tellOne(name, group, clients, undefined)) return;
    }
  }

  #hasMore(group: string, lmqName: string): boolean {
    const { store, offsets } = this.#parts;
    const max = store.maxOffset({ topic: lmqName, queueId: 0 });
    return max > 0 && offsets.query(group, lmqName, 0) < max;
  }

  // --------------------------------------------------------------------------------------------------- subscriptions

  registered({ group }: LiteClient, lmqName: string): void {
    if (this.#parts.store.maxOffset({ topic: lmqName, queueId: 0 }) > 0) this.dispatch(lmqName, group);
  }

  registeredAll({ group }: LiteClient): void {
    this.#fullDispatchOfGroup(group, WILDCARD_START_MS);
  }

  gone({ clientId, group }: LiteClient): void {
    const key = clientKey(clientId, group);
    this.#blacklist.delete(key);
    this.#due.delete(key);
    this.#passOn(key);
  }

  // -------------------------------------------------------------------------------------------------------- inwards

  /** Clients that take nothing lose their events to others; full dispatches that are due are made. */
  scan(): void {
    const now = this.#now();
    for (const [key, until] of this.#blacklist) if (until <= now) this.#blacklist.delete(key);
    for (const [key, events] of [...this.#clients]) {
      if (!this.#isInactive(events)) continue;
      if (events.queues.size > 0) {
        this.#blacklist.set(key, now + BLACKLISTED_MS);
        this.#parts.log.warn("a client of lite topics does not ask for messages; others get them", {
          clientId: events.clientId,
          group: events.group,
          events: events.queues.size,
        });
      }
      this.#passOn(key);
    }
    for (const [key, { clientId, group, at }] of [...this.#due]) {
      if (at > now) continue;
      this.#due.delete(key);
      if (clientId === undefined) this.dispatchAllOf(group);
      else this.dispatchAllTo(clientId, group);
    }
  }

  #passOn(key: string): void {
    const events = this.#clients.get(key);
    if (events === undefined) return;
    this.#clients.delete(key);
    for (const name of events.queues) this.dispatch(name, events.group, events.clientId);
  }

  #eventsOf(clientId: string, group: string): ClientEvents {
    const key = clientKey(clientId, group);
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const events = new ClientEvents(clientId, group, this.#services.metadata.eventsMax(group), this.#now());
    this.#clients.set(key, events);
    return events;
  }

  /** Wall clock, which may jump: at worst a client is passed over once. */
  #isInactive(events: ClientEvents): boolean {
    return events.isInactive(this.#now()) && !this.#services.isWaiting(events.clientId, events.group);
  }

  #isBlacklisted(clientId: string, group: string): boolean {
    return (this.#blacklist.get(clientKey(clientId, group)) ?? 0) > this.#now();
  }

  #fullDispatchLater(clientId: string, group: string, delayMs: number): void {
    const key = clientKey(clientId, group);
    if (!this.#due.has(key)) this.#due.set(key, { clientId, group, at: this.#now() + delayMs });
  }

  #fullDispatchOfGroup(group: string, delayMs: number): void {
    const key = clientKey("", group);
    if (!this.#due.has(key)) this.#due.set(key, { clientId: undefined, group, at: this.#now() + delayMs });
  }

  #byEvents(group: string): boolean {
    return this.#parts.settings.enableLiteEventMode || this.#services.metadata.isWildcard(group);
  }

  #now(): number {
    return this.#parts.runtime.clock.now();
  }
}

/** Of all topics with queues those that are lite topics, of `parent` when it is given. */
export function liteQueuesAmong(topics: Iterable<string>, parent?: string): string[] {
  const found: string[] = [];
  for (const name of topics) {
    if (!name.startsWith(LITE_PREFIX)) continue;
    const topic = liteTopicOf(name);
    if (topic !== undefined && (parent === undefined || topic.parent === parent)) found.push(name);
  }
  return found;
}
