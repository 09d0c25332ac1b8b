/**
 * Which consumers are connected, by group, with their subscriptions. Producers: `producers.ts`.
 *
 * A client is known by its connection (`Peer`): it appears with its first heartbeat and leaves by UNREGISTER_CLIENT, with
 * its connection, or after 120 s of silence on the monotonic clock. A group exists here while it has a client. Consumers of
 * a group are told (NOTIFY_CONSUMER_IDS_CHANGED) when one came, left or changed its topics, so that they rebalance at once.
 */
import type { SubscriptionData } from "../../../wire/bodies/subscription.ts";
import { endpointText } from "../../remoting/connection.ts";
import type { Peer } from "../../remoting/processor.ts";
import type { Clock, Log, TimerHandle } from "../../runtime.ts";
import type { ConsumerFilters } from "../filters/consumer_filters.ts";
import type { BrokerSettings } from "../options.ts";
import type { ClientChannel, ConsumerGroup, Consumers, Groups } from "../parts.ts";
import { SubscriptionWatch } from "./subscriptions.ts";

const SCAN_INTERVAL_MS = 10_000;
/** With realTimeNotifyConsumerChange=false all changes of this time are told at once. */
const MERGED_NOTIFY_INTERVAL_MS = 15_000;

/** What a heartbeat says of one client. */
export interface ClientIdentity {
  readonly peer: Peer;
  readonly clientId: string;
  readonly language: number;
  readonly version: number;
}

/** What a heartbeat says of one consumer group. */
export interface ConsumerRegistration {
  readonly consumeType: string;
  readonly messageModel: string;
  readonly consumeFromWhere: string;
  /** Undefined: as before (heartbeat V2 without subscriptions). */
  readonly subscriptions: readonly SubscriptionData[] | undefined;
  /** Of heartbeat V2; 0 for V1. */
  readonly fingerprint: number;
}

class LiveGroup implements ConsumerGroup {
  readonly name: string;
  consumeType = "";
  messageModel = "";
  consumeFromWhere = "";
  readonly subscriptions = new Map<string, SubscriptionData>();
  readonly channels = new Map<Peer, ClientChannel>();
  fingerprint: number | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** @returns whether topics came or went. */
  subscribe(subscriptions: readonly SubscriptionData[]): boolean {
    let changed = false;
    const topics = new Set<string>();
    for (const subscription of subscriptions) {
      topics.add(subscription.topic);
      const known = this.subscriptions.get(subscription.topic);
      if (known === undefined) changed = true;
      if (known === undefined || subscription.subVersion > known.subVersion) {
        this.subscriptions.set(subscription.topic, subscription);
      }
    }
    for (const topic of this.subscriptions.keys()) {
      if (topics.has(topic)) continue;
      this.subscriptions.delete(topic);
      changed = true;
    }
    return changed;
  }
}

export interface ClientManagerParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: BrokerSettings;
  readonly groups: Groups;
  readonly filters: Pick<ConsumerFilters, "register" | "unregister">;
}

export class ConsumerManager implements Consumers {
  readonly #parts: ClientManagerParts;
  readonly #groups = new Map<string, LiveGroup>();
  /** Groups of each connection, so that its end costs no walk over all groups. */
  readonly #groupsOfPeer = new Map<Peer, Set<LiveGroup>>();
  /** Connections whose end we asked to be told. */
  readonly #watchedPeers = new WeakSet<Peer>();
  readonly #watch: SubscriptionWatch;
  readonly #toNotify = new Set<string>();
  readonly #timers: TimerHandle[] = [];

  constructor(parts: ClientManagerParts) {
    this.#parts = parts;
    this.#watch = new SubscriptionWatch(parts.log);
  }

  start(): void {
    const { clock } = this.#parts;
    this.#timers.push(
      clock.setInterval(() => this.#expire(), SCAN_INTERVAL_MS),
      clock.setInterval(() => this.#notifyMerged(), MERGED_NOTIFY_INTERVAL_MS),
    );
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }

  /**
   * Takes a heartbeat of `client` for `group`.
   * @returns whether the client is to send its subscriptions again (IS_SUB_CHANGE of heartbeat V2).
   */
  register(name: string, client: ClientIdentity, registration: ConsumerRegistration): boolean {
    if (client.peer.closed) return false;
    const { clock, log } = this.#parts;
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new LiveGroup(name);
      this.#groups.set(name, group);
    }
    const known = group.channels.get(client.peer);
    if (known === undefined) {
      this.#attach(client.peer, group);
      log.info("new consumer connected", { group: name, clientId: client.clientId, remote: endpointText(client.peer.remote) });
    }
    group.channels.set(client.peer, { ...client, lastSeenAt: clock.monotonic() });
    group.consumeType = registration.consumeType;
    group.messageModel = registration.messageModel;
    group.consumeFromWhere = registration.consumeFromWhere;

    const { fingerprint, subscriptions } = registration;
    const fingerprintChanged = group.fingerprint !== undefined && group.fingerprint !== fingerprint;
    group.fingerprint = fingerprint;
    let topicsChanged = false;
    if (subscriptions !== undefined) {
      topicsChanged = group.subscribe(subscriptions);
      this.#parts.filters.register(name, subscriptions);
      this.#watch.observe(name, client.clientId, subscriptions);
    }
    if (known === undefined || topicsChanged) this.#changed(group);
    return fingerprintChanged || group.subscriptions.size === 0;
  }

  unregister(name: string, peer: Peer): void {
    const group = this.#groups.get(name);
    if (group === undefined || !group.channels.has(peer)) return;
    const groups = this.#groupsOfPeer.get(peer);
    groups?.delete(group);
    if (groups?.size === 0) this.#groupsOfPeer.delete(peer);
    this.#remove(group, peer, "unregistered");
  }

  // -------------------------------------------------------------------------------------------------------- reading

  group(name: string): ConsumerGroup | undefined {
    return this.#groups.get(name);
  }

  subscription(group: string, topic: string): SubscriptionData | undefined {
    return this.#groups.get(group)?.subscriptions.get(topic);
  }

  /** Each client once, also while it has an old and a new connection. */
  clientIds(group: string): string[] {
    const channels = this.#groups.get(group)?.channels.values() ?? [];
    return [...new Set([...channels].map((channel) => channel.clientId))];
  }

  /** The newest connection of the client. */
  channel(group: string, clientId: string): ClientChannel | undefined {
    let found: ClientChannel | undefined;
    for (const channel of this.#groups.get(group)?.channels.values() ?? []) {
      if (channel.clientId === clientId && (found === undefined || channel.lastSeenAt >= found.lastSeenAt)) found = channel;
    }
    return found;
  }

  groups(): Iterable<ConsumerGroup> {
    return this.#groups.values();
  }

  groupsOf(topic: string): Set<string> {
    const names = new Set<string>();
    for (const group of this.#groups.values()) if (group.subscriptions.has(topic)) names.add(group.name);
    return names;
  }

  // ------------------------------------------------------------------------------------------------------- inwards

  #attach(peer: Peer, group: LiveGroup): void {
    const groups = this.#groupsOfPeer.get(peer) ?? new Set();
    this.#groupsOfPeer.set(peer, groups.add(group));
    if (this.#watchedPeers.has(peer)) return;
    this.#watchedPeers.add(peer);
    peer.onClose(() => {
      const left = this.#groupsOfPeer.get(peer) ?? [];
      this.#groupsOfPeer.delete(peer);
      for (const one of left) this.#remove(one, peer, "connection closed");
    });
  }

  #remove(group: LiveGroup, peer: Peer, why: string): void {
    const channel = group.channels.get(peer);
    if (channel === undefined) return;
    group.channels.delete(peer);
    this.#parts.log.info("consumer left", {
      group: group.name,
      clientId: channel.clientId,
      remote: endpointText(peer.remote),
      why,
    });
    if (!this.clientIds(group.name).includes(channel.clientId)) this.#watch.forget(group.name, channel.clientId);
    if (group.channels.size === 0) {
      this.#groups.delete(group.name);
      this.#parts.filters.unregister(group.name);
    }
    this.#changed(group);
  }

  #expire(): void {
    const now = this.#parts.clock.monotonic();
    for (const group of this.#groups.values()) {
      for (const [peer, channel] of group.channels) {
        if (now - channel.lastSeenAt <= this.#parts.settings.channelExpiredTimeout) continue;
        this.#remove(group, peer, `no heartbeat for ${Math.round((now - channel.lastSeenAt) / 1000)} s`);
        this.#groupsOfPeer.get(peer)?.delete(group);
        peer.close();
      }
    }
  }

  #changed(group: LiveGroup): void {
    const { settings, groups } = this.#parts;
    if (!settings.notifyConsumerIdsChangedEnable || group.messageModel === "BROADCASTING") return;
    if (groups.find(group.name)?.notifyConsumerIdsChangedEnable === false) return;
    if (settings.realTimeNotifyConsumerChange) this.#notify(group);
    else this.#toNotify.add(group.name);
  }

  #notify(group: ConsumerGroup): void {
    for (const peer of group.channels.keys()) peer.oneway("NOTIFY_CONSUMER_IDS_CHANGED", { consumerGroup: group.name });
  }

  #notifyMerged(): void {
    for (const name of this.#toNotify) {
      const group = this.#groups.get(name);
      if (group !== undefined) this.#notify(group);
    }
    this.#toNotify.clear();
  }
}
