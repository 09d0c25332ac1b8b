/**
 * Routing: which brokers there are, which topics they offer, and what a client is told of it. Owns the tables of a
 * nameserver and Apache's rules over them; knows no socket, no request and no file, so that a broker's or proxy's own copy
 * of routes can use the same parts. A connection is an object whose identity counts, nothing more.
 *
 * `route_tables.ts` holds the tables and their invariants, `registration.ts` and `unregistration.ts` how brokers come and
 * go, `topic_route.ts` the answer to a client, `topic_lists.ts` what operators ask,
 * `no_route.ts` the reason when there is nothing to tell.
 *
 * Everything here is synchronous: between two calls all tables agree.
 */
import type { BrokerMemberGroup, ClusterInfo, QueueData, TopicRouteData } from "../../wire/bodies/route.ts";
import type { DataVersion } from "../../wire/bodies/topic.ts";
import type { Clock, Log } from "../runtime.ts";
import { addressFault, clipped, ownerNameFault, queuesFault, topicNameFault } from "./names.ts";
import { explainNoRoute } from "./no_route.ts";
import {
  type MinBrokerIdChange,
  type Registration,
  type RegistrationResult,
  type RegistrationSettings,
  registerBroker,
} from "./registration.ts";
import { RouteTables, sameDataVersion } from "./route_tables.ts";
import { deleteTopic, setWritePerm, systemTopics, topicsByFlag, topicsOfCluster } from "./topic_lists.ts";
import { brokerDataOf, pickUpRoute } from "./topic_route.ts";
import { type Unregistration, unregisterBrokers } from "./unregistration.ts";

/** Keys read live. */
export interface RoutingSettings extends RegistrationSettings {
  readonly supportActingMaster: boolean;
}

export interface RouteInfoManagerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: RoutingSettings;
}

export class RouteInfoManager {
  readonly #tables = new RouteTables();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settings: RoutingSettings;

  constructor(options: RouteInfoManagerOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#settings = options.settings;
  }

  /** Changes whenever an answer to a client could. */
  get revision(): number {
    return this.#tables.revision;
  }

  // ------------------------------------------------------------------------------------------------ brokers come and go

  /** Why this registration can't be stored, naming the field; undefined when it can. */
  registrationFault(r: Registration): string | undefined {
    const checks: readonly (readonly [string, string, string | undefined])[] = [
      ["clusterName", r.clusterName, ownerNameFault(r.clusterName)],
      ["brokerName", r.brokerName, ownerNameFault(r.brokerName)],
      ["brokerAddr", r.brokerAddr, addressFault(r.brokerAddr)],
      ["haServerAddr", r.haServerAddr, r.haServerAddr.length > 270 ? "it is too long" : undefined],
      ["zoneName", r.zoneName ?? "", (r.zoneName?.length ?? 0) > 255 ? "it is too long" : undefined],
      ["brokerId", String(r.brokerId), r.brokerId < 0 ? "it is below 0" : undefined],
    ];
    const wrong = checks.find(([, , fault]) => fault !== undefined);
    return wrong === undefined ? undefined : `${wrong[0]} "${clipped(wrong[1])}" can't be registered: ${wrong[2]}`;
  }

  register(registration: Registration): RegistrationResult {
    return registerBroker(this.#tables, this.#settings, this.#clock, this.#log, registration);
  }

  /** Takes brokers out, all in one sweep. @returns news for the members left; empty unless notifyMinBrokerIdChanged. */
  unregister(gone: Iterable<Unregistration>): MinBrokerIdChange[] {
    const changes = unregisterBrokers(this.#tables, this.#log, gone);
    return this.#settings.notifyMinBrokerIdChanged ? changes : [];
  }

  /** The broker was heard of. Nothing happens for one that is not registered. */
  refresh(clusterName: string, brokerAddr: string): void {
    const live = this.#tables.live(clusterName, brokerAddr);
    if (live !== undefined) live.lastUpdateAt = this.#clock.monotonic();
  }

  dataVersion(clusterName: string, brokerAddr: string): DataVersion | undefined {
    return this.#tables.live(clusterName, brokerAddr)?.dataVersion;
  }

  /** Whether a broker with this version of its topics has to register them. */
  isBrokerTopicConfigChanged(clusterName: string, brokerAddr: string, dataVersion: DataVersion): boolean {
    const stored = this.dataVersion(clusterName, brokerAddr);
    return stored === undefined || !sameDataVersion(stored, dataVersion);
  }

  /** Brokers that registered on this connection. */
  brokersOf(channel: object): Unregistration[] {
    return [...this.#tables.brokerLiveTable.values()].filter((live) => live.channel === channel);
  }

  /** Brokers silent for longer than their time-out, with the connection to close. */
  expired(): (Unregistration & { readonly channel: object; readonly timeoutMs: number })[] {
    const now = this.#clock.monotonic();
    return [...this.#tables.brokerLiveTable.values()].filter((live) => live.lastUpdateAt + live.timeoutMs < now);
  }

  // ----------------------------------------------------------------------------------------------------------- topics

  /** The route as a client is told it, without order configuration; undefined when no broker offers the topic. */
  pickUpRoute(topic: string): TopicRouteData | undefined {
    return pickUpRoute(this.#tables, topic, this.#settings.supportActingMaster);
  }

  /** One line: why there is no route, as far as this nameserver knows. */
  explainNoRoute(topic: string): string {
    return explainNoRoute(this.#tables, topic);
  }

  /** Adds queues of known brokers to a topic. Nothing is stored when one of the brokers is unknown, as with Apache. */
  registerTopic(topic: string, queueDatas: readonly QueueData[]): void {
    const fault = topicNameFault(topic) ?? queueDatas.map(queuesFault).find((each) => each !== undefined);
    const unknown = queueDatas.find(({ brokerName }) => !this.#tables.brokerAddrTable.has(brokerName));
    if (fault !== undefined || unknown !== undefined) {
      const why = fault ?? `broker "${clipped(unknown?.brokerName ?? "")}" is not registered`;
      this.#log.warn("a topic is not registered", { topic: clipped(topic), why });
      return;
    }
    for (const queueData of queueDatas) this.#tables.putQueueData(topic, queueData);
  }

  /** Of the brokers of one cluster, or of all when `clusterName` is undefined or empty. */
  deleteTopic(topic: string, clusterName: string | undefined): void {
    deleteTopic(this.#tables, topic, clusterName);
  }

  /** WIPE_WRITE_PERM and ADD_WRITE_PERM. @returns how many topics the broker has. */
  setWritePerm(brokerName: string, writable: boolean): number {
    return setWritePerm(this.#tables, brokerName, writable);
  }

  allTopics(): string[] {
    return [...this.#tables.topicQueueTable.keys()];
  }

  topicsOfCluster(clusterName: string): string[] {
    return topicsOfCluster(this.#tables, clusterName);
  }

  /** Topics whose topicSysFlag satisfies `belongs` (`UNIT_LISTS`). */
  topicsByFlag(belongs: (topicSysFlag: number) => boolean): string[] {
    return topicsByFlag(this.#tables, belongs);
  }

  systemTopics(): { topics: string[]; brokerAddr: string | undefined } {
    return systemTopics(this.#tables);
  }

  // ---------------------------------------------------------------------------------------------------------- cluster

  clusterInfo(): ClusterInfo {
    const { brokerAddrTable, clusterAddrTable } = this.#tables;
    return {
      brokerAddrTable: new Map(Array.from(brokerAddrTable, ([name, entry]) => [name, brokerDataOf(entry)])),
      clusterAddrTable: new Map(Array.from(clusterAddrTable, ([name, brokerNames]) => [name, new Set(brokerNames)])),
    };
  }

  /** Addresses under one broker name; none when it is not known. */
  memberGroup(clusterName: string, brokerName: string): BrokerMemberGroup {
    const entry = this.#tables.brokerAddrTable.get(brokerName);
    const brokerAddrs = entry === undefined ? new Map<number, string>() : brokerDataOf(entry).brokerAddrs;
    return { cluster: clusterName, brokerName, brokerAddrs };
  }
}
