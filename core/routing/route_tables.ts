/**
 * The tables of a nameserver, under Apache's names, and the few operations that keep them consistent:
 *
 * ```
 * topicQueueTable             topic -> brokerName -> QueueData
 * brokerAddrTable             brokerName -> cluster, brokerId -> address, zone, acting master
 * clusterAddrTable            cluster -> brokerNames
 * brokerLiveTable             cluster + address -> last heard of, time-out, DataVersion, channel, HA address
 * filterServerTable           cluster + address -> filter servers
 * topicQueueMappingInfoTable  topic -> brokerName -> TopicQueueMappingInfo (static topics)
 * ```
 *
 * Invariants: no inner map is empty (a topic without brokers, a cluster without names and a broker without addresses are
 * gone); `revision` changes whenever an answer to a client could change, and only then.
 */

import type { QueueData } from "../../wire/bodies/route.ts";
import type { TopicQueueMappingInfo } from "../../wire/bodies/static_topic.ts";
import type { DataVersion } from "../../wire/bodies/topic.ts";

export interface BrokerEntry {
  readonly clusterName: string;
  readonly brokerName: string;
  /** brokerId -> `host:port`; 0 is the master. */
  readonly addrs: Map<number, string>;
  zoneName: string | undefined;
  enableActingMaster: boolean;
}

export interface LiveEntry {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly haServerAddr: string;
  readonly dataVersion: DataVersion;
  /** Identity of the connection it registered on; its close takes the broker out. */
  readonly channel: object;
  readonly timeoutMs: number;
  /** Clock.monotonic(). */
  lastUpdateAt: number;
}

export class RouteTables {
  readonly topicQueueTable = new Map<string, Map<string, QueueData>>();
  readonly brokerAddrTable = new Map<string, BrokerEntry>();
  readonly clusterAddrTable = new Map<string, Set<string>>();
  readonly brokerLiveTable = new Map<string, LiveEntry>();
  readonly filterServerTable = new Map<string, readonly string[]>();
  readonly topicQueueMappingInfoTable = new Map<string, Map<string, TopicQueueMappingInfo>>();
  /** Name without blanks and case -> a topic of that name; of two that fold alike, the newer. */
  readonly #topicByFoldedName = new Map<string, string>();
  #revision = 0;

  get revision(): number {
    return this.#revision;
  }

  changed(): void {
    this.#revision++;
  }

  live(clusterName: string, brokerAddr: string): LiveEntry | undefined {
    return this.brokerLiveTable.get(liveKey(clusterName, brokerAddr));
  }

  /** Smallest brokerId of a broker name; undefined when it has no address. */
  minBrokerId(entry: BrokerEntry): number | undefined {
    let min: number | undefined;
    for (const id of entry.addrs.keys()) if (min === undefined || id < min) min = id;
    return min;
  }

  putQueueData(topic: string, queueData: QueueData): void {
    let byBroker = this.topicQueueTable.get(topic);
    if (byBroker === undefined) {
      byBroker = new Map();
      this.topicQueueTable.set(topic, byBroker);
      this.#topicByFoldedName.set(folded(topic), topic);
    }
    const known = byBroker.get(queueData.brokerName);
    if (known !== undefined && sameQueueData(known, queueData)) return;
    byBroker.set(queueData.brokerName, queueData);
    this.changed();
  }

  /** Takes `brokerName` out of a topic, and the topic away with its last broker. */
  removeQueueData(topic: string, brokerName: string): void {
    const byBroker = this.topicQueueTable.get(topic);
    if (byBroker?.delete(brokerName) !== true) return;
    if (byBroker.size === 0) this.#forgetTopic(topic);
    const mappings = this.topicQueueMappingInfoTable.get(topic);
    if (mappings?.delete(brokerName) === true && mappings.size === 0) this.topicQueueMappingInfoTable.delete(topic);
    this.changed();
  }

  removeTopic(topic: string): void {
    if (!this.topicQueueTable.has(topic)) return;
    this.#forgetTopic(topic);
    this.topicQueueMappingInfoTable.delete(topic);
    this.changed();
  }

  /** A topic whose name differs from `name` only in case or blanks. */
  similarTopic(name: string): string | undefined {
    const topic = this.#topicByFoldedName.get(folded(name));
    return topic === name ? undefined : topic;
  }

  putMappingInfo(topic: string, info: TopicQueueMappingInfo, brokerName: string): void {
    let byBroker = this.topicQueueMappingInfoTable.get(topic);
    if (byBroker === undefined) {
      byBroker = new Map();
      this.topicQueueMappingInfoTable.set(topic, byBroker);
    }
    byBroker.set(brokerName, info);
    this.changed();
  }

  #forgetTopic(topic: string): void {
    this.topicQueueTable.delete(topic);
    const key = folded(topic);
    if (this.#topicByFoldedName.get(key) === topic) this.#topicByFoldedName.delete(key);
  }
}

/** No cluster name has a control character, so the two parts stay apart. */
export const liveKey = (clusterName: string, brokerAddr: string): string => `${clusterName}\n${brokerAddr}`;

export const sameDataVersion = (a: DataVersion, b: DataVersion): boolean =>
  a.stateVersion === b.stateVersion && a.timestamp === b.timestamp && a.counter === b.counter;

const sameQueueData = (a: QueueData, b: QueueData): boolean =>
  a.readQueueNums === b.readQueueNums &&
  a.writeQueueNums === b.writeQueueNums &&
  a.perm === b.perm &&
  a.topicSysFlag === b.topicSysFlag;

const folded = (name: string): string => name.replace(/\s+/g, "").toLowerCase();
