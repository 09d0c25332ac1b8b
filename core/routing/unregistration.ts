/**
 * Brokers go: by their own word, by the close of their channel, by silence. A batch of them sweeps the topic table once,
 * so that a thousand brokers behind one dead switch cost one sweep.
 */

import { MASTER_ID } from "../../wire/mix_all.ts";
import { PERM_WRITE } from "../../wire/perm_name.ts";
import type { Log } from "../runtime.ts";
import { type MinBrokerIdChange, minIdChange } from "./registration.ts";
import { liveKey, type RouteTables } from "./route_tables.ts";

export interface Unregistration {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerAddr: string;
}

/**
 * Takes the addresses out. A broker name without any address left loses its topics; one that lost its master keeps them,
 * without write permission where slaves act for the master.
 * @returns what the members of acting groups are to be told.
 */
export function unregisterBrokers(tables: RouteTables, log: Log, gone: Iterable<Unregistration>): MinBrokerIdChange[] {
  const removed = new Set<string>();
  const reduced = new Map<string, { offlineBrokerAddr: string; minIdGone: boolean }>();
  for (const { clusterName, brokerName, brokerAddr } of gone) {
    const key = liveKey(clusterName, brokerAddr);
    tables.brokerLiveTable.delete(key);
    if (tables.filterServerTable.delete(key)) tables.changed();

    const entry = tables.brokerAddrTable.get(brokerName);
    if (entry === undefined) continue;
    const minIdBefore = tables.minBrokerId(entry);
    let minIdGone = false;
    for (const [id, address] of entry.addrs) {
      if (address !== brokerAddr) continue;
      entry.addrs.delete(id);
      minIdGone ||= id === minIdBefore;
      tables.changed();
      log.info("broker unregistered", { cluster: clusterName, broker: brokerName, brokerId: id, address });
    }
    if (entry.addrs.size === 0) {
      tables.brokerAddrTable.delete(brokerName);
      forgetName(tables, brokerName);
      removed.add(brokerName);
      reduced.delete(brokerName);
    } else {
      reduced.set(brokerName, {
        offlineBrokerAddr: brokerAddr,
        minIdGone: minIdGone || reduced.get(brokerName)?.minIdGone === true,
      });
    }
  }

  sweepTopics(tables, removed, reduced.keys());

  const changes: MinBrokerIdChange[] = [];
  for (const [brokerName, { offlineBrokerAddr, minIdGone }] of reduced) {
    const entry = tables.brokerAddrTable.get(brokerName);
    const minBrokerId = entry === undefined ? undefined : tables.minBrokerId(entry);
    if (!minIdGone || entry === undefined || minBrokerId === undefined || !entry.enableActingMaster) continue;
    changes.push(minIdChange(entry, minBrokerId, offlineBrokerAddr, undefined));
  }
  return changes;
}

function forgetName(tables: RouteTables, brokerName: string): void {
  for (const [clusterName, names] of tables.clusterAddrTable) {
    if (names.delete(brokerName) && names.size === 0) tables.clusterAddrTable.delete(clusterName);
  }
}

function sweepTopics(tables: RouteTables, removed: ReadonlySet<string>, reduced: Iterable<string>): void {
  const wiped = new Set<string>();
  for (const brokerName of reduced) {
    const entry = tables.brokerAddrTable.get(brokerName);
    if (entry?.enableActingMaster === true && !entry.addrs.has(MASTER_ID)) wiped.add(brokerName);
  }
  if (removed.size === 0 && wiped.size === 0) return;
  for (const [topic, byBroker] of tables.topicQueueTable) {
    for (const brokerName of wiped) {
      const queueData = byBroker.get(brokerName);
      if (queueData !== undefined) tables.putQueueData(topic, { ...queueData, perm: queueData.perm & ~PERM_WRITE });
    }
    for (const brokerName of removed) tables.removeQueueData(topic, brokerName);
  }
}
