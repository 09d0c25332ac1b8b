/**
 * A broker makes itself known: Apache's steps, in Apache's order, over the tables.
 *
 * Who writes topics: the master (brokerId 0), or the prime slave, that is the smallest id there is, of a broker new enough
 * to say whether slaves act for their master. The prime slave of an acting group offers its topics without write permission.
 * A body is a whole table (start, every 30 s) or one topic (just created): both only add and change; topics missing in it go
 * only with `deleteTopicWithBrokerRegistration`.
 */
import type { TopicQueueMappingInfo } from "../../wire/bodies/static_topic.ts";
import type { DataVersion, TopicConfig } from "../../wire/bodies/topic.ts";
import { MASTER_ID } from "../../wire/mix_all.ts";
import { PERM_WRITE } from "../../wire/perm_name.ts";
import type { Clock, Log } from "../runtime.ts";
import { ownerNameFault, queuesFault, topicNameFault } from "./names.ts";
import { type BrokerEntry, liveKey, type RouteTables, sameDataVersion } from "./route_tables.ts";

/** Bounds of the tables, far above any cluster known: whoever reaches the port may register, and must not take all memory. */
export const BROKERS_MAX = 20_000;
export const TOPICS_MAX = 1_000_000;

/** Silence after which a broker that names no time-out of its own counts as gone. */
export const BROKER_TIMEOUT_MS_DEFAULT = 120_000;

export interface Registration {
  readonly clusterName: string;
  readonly brokerName: string;
  /** `host:port` that clients dial. */
  readonly brokerAddr: string;
  /** 0 master, above 0 slave. */
  readonly brokerId: number;
  readonly haServerAddr: string;
  readonly zoneName: string | undefined;
  /** Undefined: `BROKER_TIMEOUT_MS_DEFAULT`. */
  readonly heartbeatTimeoutMs: number | undefined;
  /** Undefined: a broker that knows nothing of acting masters. */
  readonly enableActingMaster: boolean | undefined;
  readonly dataVersion: DataVersion;
  readonly topics: readonly TopicConfig[];
  readonly mappingInfos: readonly TopicQueueMappingInfo[];
  /** Undefined: leave those known. */
  readonly filterServers: readonly string[] | undefined;
  /** Identity of the connection. */
  readonly channel: object;
}

/**
 * `ignored`: another address holds this id with a higher stateVersion. `single`: refused, the first registration of a
 * broker must not carry exactly one topic. `full`: refused, there are BROKERS_MAX brokers already.
 */
export interface RegistrationResult {
  readonly status: "registered" | "ignored" | "single" | "full";
  /** For slaves whose master lives: its addresses. */
  readonly masterAddr?: string;
  readonly haServerAddr?: string;
  readonly minIdChange?: MinBrokerIdChange;
}

/** What NOTIFY_MIN_BROKER_ID_CHANGE says, and to which addresses. */
export interface MinBrokerIdChange {
  readonly brokerName: string;
  readonly minBrokerId: number;
  readonly minBrokerAddr: string;
  /** The address that went away, if one did. */
  readonly offlineBrokerAddr: string | undefined;
  readonly haBrokerAddr: string | undefined;
  readonly notify: readonly string[];
}

export interface RegistrationSettings {
  readonly deleteTopicWithBrokerRegistration: boolean;
  readonly notifyMinBrokerIdChanged: boolean;
}

export function registerBroker(
  tables: RouteTables,
  settings: RegistrationSettings,
  clock: Clock,
  log: Log,
  r: Registration,
): RegistrationResult {
  const known = tables.brokerAddrTable.get(r.brokerName);
  if (heldByNewer(tables, known, r)) {
    tables.brokerLiveTable.delete(liveKey(r.clusterName, r.brokerAddr));
    log.warn("a broker's registration is ignored: another address holds its id with a higher stateVersion", describe(r));
    return { status: "ignored" };
  }
  if (!holdsId(known, r) && r.topics.length === 1) {
    log.warn("a broker's registration is refused: the first one must carry its whole topic table, not one topic", describe(r));
    return { status: "single" };
  }
  if (tables.brokerLiveTable.size >= BROKERS_MAX && tables.live(r.clusterName, r.brokerAddr) === undefined) {
    log.warn("a broker's registration is refused: there are too many brokers", { ...describe(r), brokersMax: BROKERS_MAX });
    return { status: "full" };
  }

  const entry = known ?? newEntry(tables, r);
  const minIdBefore = tables.minBrokerId(entry);
  const firstTime = putAddress(tables, entry, r);
  if (r.brokerId === MASTER_ID || actsForMaster(tables, entry, r)) putTopics(tables, settings, log, entry, r, firstTime);
  putLive(tables, clock, log, r);

  const minIdChanged = minIdBefore !== undefined && r.brokerId < minIdBefore && settings.notifyMinBrokerIdChanged;
  return {
    status: "registered",
    ...masterOf(tables, entry, r),
    ...(minIdChanged ? { minIdChange: minIdChange(entry, r.brokerId, undefined, r.haServerAddr) } : {}),
  };
}

/**
 * The news for the members of `entry`: all of them when one went away or there is only one, else all but the new minimum,
 * which brought the news.
 */
export function minIdChange(
  entry: BrokerEntry,
  minBrokerId: number,
  offlineBrokerAddr: string | undefined,
  haBrokerAddr: string | undefined,
): MinBrokerIdChange {
  const everybody = offlineBrokerAddr !== undefined || entry.addrs.size === 1;
  const notify: string[] = [];
  for (const [id, address] of entry.addrs) if (everybody || id !== minBrokerId) notify.push(address);
  return {
    brokerName: entry.brokerName,
    minBrokerId,
    minBrokerAddr: entry.addrs.get(minBrokerId) ?? "",
    offlineBrokerAddr,
    haBrokerAddr,
    notify,
  };
}

/** Whether another live address holds this id with a higher stateVersion: an old master must not push out a new one. */
function heldByNewer(tables: RouteTables, known: BrokerEntry | undefined, r: Registration): boolean {
  const holder = known?.addrs.get(r.brokerId);
  if (holder === undefined || holder === r.brokerAddr) return false;
  const live = tables.live(r.clusterName, holder);
  return live !== undefined && live.dataVersion.stateVersion > r.dataVersion.stateVersion;
}

const holdsId = (known: BrokerEntry | undefined, r: Registration): boolean => known?.addrs.has(r.brokerId) === true;

function newEntry(tables: RouteTables, r: Registration): BrokerEntry {
  const { clusterName, brokerName } = r;
  const entry: BrokerEntry = { clusterName, brokerName, addrs: new Map(), zoneName: undefined, enableActingMaster: false };
  tables.brokerAddrTable.set(brokerName, entry);
  return entry;
}

/** An address has one id: a slave that became master leaves its old one. True when the id was not known before. */
function putAddress(tables: RouteTables, entry: BrokerEntry, r: Registration): boolean {
  const names = tables.clusterAddrTable.get(r.clusterName);
  if (names === undefined) tables.clusterAddrTable.set(r.clusterName, new Set([r.brokerName]));
  else names.add(r.brokerName);

  const enableActingMaster = r.enableActingMaster === true;
  const before = entry.addrs.get(r.brokerId);
  let changed = before !== r.brokerAddr || entry.zoneName !== r.zoneName || entry.enableActingMaster !== enableActingMaster;
  entry.enableActingMaster = enableActingMaster;
  entry.zoneName = r.zoneName;
  for (const [id, address] of entry.addrs) {
    if (address === r.brokerAddr && id !== r.brokerId) changed = entry.addrs.delete(id);
  }
  entry.addrs.set(r.brokerId, r.brokerAddr);
  if (changed) tables.changed();
  return before === undefined;
}

const actsForMaster = (tables: RouteTables, entry: BrokerEntry, r: Registration): boolean =>
  r.enableActingMaster !== undefined && r.brokerId === tables.minBrokerId(entry);

function putTopics(
  tables: RouteTables,
  settings: RegistrationSettings,
  log: Log,
  entry: BrokerEntry,
  r: Registration,
  firstTime: boolean,
): void {
  const { brokerName } = r;
  const stored = tables.live(r.clusterName, r.brokerAddr)?.dataVersion;
  const newVersion = firstTime || stored === undefined || !sameDataVersion(stored, r.dataVersion);
  const permMask = r.brokerId !== MASTER_ID && entry.enableActingMaster ? ~PERM_WRITE : ~0;

  if (settings.deleteTopicWithBrokerRegistration && r.mappingInfos.length === 0) {
    const offered = new Set(r.topics.map((topic) => topic.topicName));
    for (const [topic, byBroker] of tables.topicQueueTable) {
      if (byBroker.has(brokerName) && !offered.has(topic)) tables.removeQueueData(topic, brokerName);
    }
  }
  const leftOut = new LeftOut();
  for (const topic of r.topics) {
    const { topicName, readQueueNums, writeQueueNums, perm, topicSysFlag } = topic;
    const known = tables.topicQueueTable.get(topicName);
    if (!newVersion && known?.has(brokerName) === true) continue;
    const room = known !== undefined || tables.topicQueueTable.size < TOPICS_MAX;
    const fault = room ? (topicNameFault(topicName, r) ?? queuesFault(topic)) : `there are ${TOPICS_MAX} topics already`;
    if (fault !== undefined) leftOut.add(fault);
    else tables.putQueueData(topicName, { brokerName, readQueueNums, writeQueueNums, perm: perm & permMask, topicSysFlag });
  }
  if (newVersion) {
    for (const info of r.mappingInfos) {
      const known = tables.topicQueueTable.has(info.topic);
      const fault = ownerNameFault(info.bname) ?? (known ? undefined : "a queue mapping is of a topic that is not known");
      if (fault === undefined) tables.putMappingInfo(info.topic, info, info.bname);
      else leftOut.add(fault);
    }
  }
  leftOut.report(log, r);
}

/** Parts of a registration that can't be stored: counted, and the first one told, so that a bad body is one line. */
class LeftOut {
  #count = 0;
  #first = "";

  add(fault: string): void {
    if (this.#count++ === 0) this.#first = fault;
  }

  report(log: Log, r: Registration): void {
    if (this.#count === 0) return;
    log.warn("parts of a broker's registration are left out", { ...describe(r), count: this.#count, first: this.#first });
  }
}

function putLive(tables: RouteTables, clock: Clock, log: Log, r: Registration): void {
  const { clusterName, brokerName, brokerAddr, haServerAddr, dataVersion, channel } = r;
  const key = liveKey(clusterName, brokerAddr);
  if (!tables.brokerLiveTable.has(key)) log.info("new broker registered", describe(r));
  tables.brokerLiveTable.set(key, {
    clusterName,
    brokerName,
    brokerAddr,
    haServerAddr,
    dataVersion,
    channel,
    timeoutMs: r.heartbeatTimeoutMs ?? BROKER_TIMEOUT_MS_DEFAULT,
    lastUpdateAt: clock.monotonic(),
  });
  if (r.filterServers === undefined) return;
  const before = tables.filterServerTable.get(key);
  if (r.filterServers.length === 0 && before === undefined) return;
  if (before !== undefined && before.join() === r.filterServers.join()) return;
  if (r.filterServers.length === 0) tables.filterServerTable.delete(key);
  else tables.filterServerTable.set(key, r.filterServers);
  tables.changed();
}

function masterOf(tables: RouteTables, entry: BrokerEntry, r: Registration): { masterAddr?: string; haServerAddr?: string } {
  if (r.brokerId === MASTER_ID) return {};
  const masterAddr = entry.addrs.get(MASTER_ID);
  const live = masterAddr === undefined ? undefined : tables.live(r.clusterName, masterAddr);
  return masterAddr === undefined || live === undefined ? {} : { masterAddr, haServerAddr: live.haServerAddr };
}

const describe = (r: Registration) => ({
  cluster: r.clusterName,
  broker: r.brokerName,
  brokerId: r.brokerId,
  address: r.brokerAddr,
  topics: r.topics.length,
});
