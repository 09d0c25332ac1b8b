/**
 * How the parts of a broker know each other: small interfaces, so that each part is tested with the others in memory.
 * `broker.ts` makes the parts and is the only place that knows all of them.
 */
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import type { SubscriptionGroupConfig } from "../../wire/bodies/subscription_group.ts";
import type { DataVersion, TopicConfig } from "../../wire/bodies/topic.ts";
import type { Peer } from "../remoting/processor.ts";
import type { Log, Runtime } from "../runtime.ts";
import type { MessageStore } from "../store/message_store.ts";
import type { ConsumerFilters } from "./filters/consumer_filters.ts";
import type { MessageType } from "./messages/message_type.ts";
import type { BrokerInstruments } from "./metrics/instruments.ts";
import type { BrokerSettings } from "./options.ts";

/** What every part gets. `settings` is live: read a key when it is needed, keep no copy. */
export interface BrokerParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: BrokerSettings;
  readonly store: MessageStore;
  readonly topics: Topics;
  readonly groups: Groups;
  readonly offsets: Offsets;
  readonly consumers: Consumers;
  readonly filters: ConsumerFilters;
  readonly producers: Producers;
  readonly stats: Stats;
  readonly addresses: AdvertisedAddresses;
}

/** topics.json (`metadata/topics.ts`). */
export interface Topics {
  readonly dataVersion: DataVersion;
  find(topic: string): TopicConfig | undefined;
  all(): ReadonlyMap<string, TopicConfig>;
  /**
   * The rule of TBW102: makes `topic` when the template exists with the inherit bit; registers it with the nameservers.
   * Undefined when it may not be made. `clientQueues` is the header's defaultTopicQueueNums.
   */
  createOnSend(topic: string, template: string, clientQueues: number, topicSysFlag: number): TopicConfig | undefined;
  /** `%RETRY%`, `%DLQ%` and other topics of the broker's own making. */
  ensure(topic: string, queues: number, perm: number, topicSysFlag: number): TopicConfig;
  /** Creates or replaces, persists, registers. */
  update(config: TopicConfig): void;
  delete(topic: string): void;
  /** Topics that the broker makes at start and users may not delete. */
  isSystemTopic(topic: string): boolean;
}

/** subscriptionGroup.json (`metadata/groups.ts`). */
export interface Groups {
  readonly dataVersion: DataVersion;
  /** The group; made when autoCreateSubscriptionGroup (or it is a system group). */
  findOrCreate(group: string): SubscriptionGroupConfig | undefined;
  find(group: string): SubscriptionGroupConfig | undefined;
  all(): ReadonlyMap<string, SubscriptionGroupConfig>;
  update(config: SubscriptionGroupConfig): void;
  delete(group: string): void;
  /** Bits of UPDATE_AND_GET_GROUP_FORBIDDEN: false when the group may not read the topic. */
  mayRead(group: string, topic: string): boolean;
  setReadable(group: string, topic: string, readable: boolean): void;
}

/** consumerOffset.json (`offsets/offsets.ts`). */
export interface Offsets {
  /** Topics of groups that have offsets. */
  readonly size: number;
  /** -1 when the group has none. */
  query(group: string, topic: string, queueId: number): number;
  commit(group: string, topic: string, queueId: number, offset: number): void;
  /** The last position pulled from; memory only in meaning, persisted as Apache does. */
  notePull(group: string, topic: string, queueId: number, offset: number): void;
  pulled(group: string, topic: string, queueId: number): number;
  /** A server-side reset waits for the next pull of this queue; -1 when none. */
  pendingReset(group: string, topic: string, queueId: number): number;
  assignReset(group: string, topic: string, queueId: number, offset: number): void;
  takeReset(group: string, topic: string, queueId: number): number;
  topicsOf(group: string): Set<string>;
  groupsOf(topic: string): Set<string>;
  /** queueId -> offset; undefined when there are none. */
  offsetsOf(group: string, topic: string): ReadonlyMap<number, number> | undefined;
  cloneGroup(from: string, to: string, topic: string): void;
  removeGroup(group: string): void;
  removeTopic(topic: string): void;
  /** As `removeTopic` for each, in one pass. */
  removeTopics(topics: ReadonlySet<string>): void;
  /** Compact JSON of consumerOffset.json (code 43). */
  toJson(): string;
  persist(): void;
}

export interface ClientChannel {
  readonly peer: Peer;
  readonly clientId: string;
  readonly language: number;
  readonly version: number;
  /** Clock.monotonic() of the last heartbeat. */
  lastSeenAt: number;
}

export interface ConsumerGroup {
  readonly name: string;
  readonly consumeType: string;
  readonly messageModel: string;
  readonly consumeFromWhere: string;
  /** By topic. */
  readonly subscriptions: ReadonlyMap<string, SubscriptionData>;
  readonly channels: ReadonlyMap<Peer, ClientChannel>;
}

/** Consumers that are connected (`clients/consumers.ts`). */
export interface Consumers {
  group(name: string): ConsumerGroup | undefined;
  subscription(group: string, topic: string): SubscriptionData | undefined;
  clientIds(group: string): string[];
  channel(group: string, clientId: string): ClientChannel | undefined;
  groups(): Iterable<ConsumerGroup>;
  /** Groups with a live subscription to the topic. */
  groupsOf(topic: string): Set<string>;
}

/** Producers that are connected (`clients/producers.ts`). */
export interface Producers {
  channels(group: string): ClientChannel[];
  /** A live producer of the group, for check-backs. */
  anyChannel(group: string): ClientChannel | undefined;
  byClientId(clientId: string): ClientChannel | undefined;
  groups(): Iterable<string>;
}

/** Counters of code 315 and 28 (`stats.ts`); each call costs nanoseconds. */
export interface Stats {
  /** Undefined where no metrics are exported. */
  readonly instruments?: BrokerInstruments | undefined;
  put(topic: string, count: number, bytes: number): void;
  /** The same of what a client sent, which metrics count besides. */
  sent(topic: string, type: MessageType, count: number, bytes: number): void;
  got(group: string, topic: string, queueId: number, count: number, bytes: number): void;
  sendBack(group: string, topic: string): void;
  deadLetter(group: string, topic: string): void;
  getMissed(): void;
  putLatency(topic: string, queueId: number, ms: number): void;
  /** Distance of a group from the tail of a queue, as of its last pull. */
  fellBehind(group: string, topic: string, queueId: number, bytes: number, ms: number): void;
}

/** Which address a client is told (`advertised.ts`). */
export interface AdvertisedAddresses {
  /** IP literal and port for storeHost in what this peer sends. */
  storeHostFor(peer: Peer): { host: string; port: number };
  /** `host:port` that this peer is to dial for this broker. */
  brokerAddressFor(peer: Peer): string;
}
