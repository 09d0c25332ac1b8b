/** Lists of topics, and permissions of all topics of a broker: what operators ask and set. */

import { MASTER_ID } from "../../wire/mix_all.ts";
import { PERM_READ, PERM_WRITE } from "../../wire/perm_name.ts";
import type { RouteTables } from "./route_tables.ts";

/** Bits of topicSysFlag. */
const UNIT = 1;
const UNIT_SUB = 2;

/** Which of the unit lists a topic belongs to; Apache goes by the topic's first broker. */
export const UNIT_LISTS = {
  unit: (flag: number) => (flag & UNIT) !== 0,
  unitSub: (flag: number) => (flag & UNIT_SUB) !== 0,
  unitSubNotUnit: (flag: number) => (flag & UNIT_SUB) !== 0 && (flag & UNIT) === 0,
} as const;

export function topicsByFlag(tables: RouteTables, belongs: (topicSysFlag: number) => boolean): string[] {
  const topics: string[] = [];
  for (const [topic, byBroker] of tables.topicQueueTable) {
    for (const queueData of byBroker.values()) {
      if (belongs(queueData.topicSysFlag)) topics.push(topic);
      break;
    }
  }
  return topics;
}

export function topicsOfCluster(tables: RouteTables, clusterName: string): string[] {
  const names = tables.clusterAddrTable.get(clusterName);
  if (names === undefined) return [];
  const topics: string[] = [];
  for (const [topic, byBroker] of tables.topicQueueTable) {
    for (const brokerName of byBroker.keys()) {
      if (!names.has(brokerName)) continue;
      topics.push(topic);
      break;
    }
  }
  return topics;
}

/** Clusters and brokers are topics by name; `brokerAddr` is one broker to ask for its own system topics. */
export function systemTopics(tables: RouteTables): { topics: string[]; brokerAddr: string | undefined } {
  const topics = new Set<string>();
  for (const [clusterName, names] of tables.clusterAddrTable) {
    topics.add(clusterName);
    for (const brokerName of names) topics.add(brokerName);
  }
  return { topics: [...topics], brokerAddr: anyAddress(tables) };
}

/** Clears the write bit, or sets read and write, for every topic of the broker. @returns how many topics it has. */
export function setWritePerm(tables: RouteTables, brokerName: string, writable: boolean): number {
  let count = 0;
  for (const [topic, byBroker] of tables.topicQueueTable) {
    const queueData = byBroker.get(brokerName);
    if (queueData === undefined) continue;
    const perm = writable ? PERM_READ | PERM_WRITE : queueData.perm & ~PERM_WRITE;
    tables.putQueueData(topic, { ...queueData, perm });
    count++;
  }
  return count;
}

/** Takes a topic from the brokers of a cluster; of all clusters when `clusterName` is not given. */
export function deleteTopic(tables: RouteTables, topic: string, clusterName: string | undefined): void {
  if (clusterName === undefined || clusterName === "") {
    tables.removeTopic(topic);
    return;
  }
  for (const brokerName of tables.clusterAddrTable.get(clusterName) ?? []) tables.removeQueueData(topic, brokerName);
}

function anyAddress(tables: RouteTables): string | undefined {
  for (const { addrs } of tables.brokerAddrTable.values()) {
    const min = Math.min(...addrs.keys());
    return addrs.get(addrs.has(MASTER_ID) ? MASTER_ID : min);
  }
  return undefined;
}
