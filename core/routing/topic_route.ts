/** What a client is told about a topic: put together from the tables, then bent by the acting master and by zones. */
import type { BrokerData, TopicRouteData } from "../../wire/bodies/route.ts";
import { MASTER_ID } from "../../wire/mix_all.ts";
import { PERM_WRITE } from "../../wire/perm_name.ts";
import { type BrokerEntry, liveKey, type RouteTables } from "./route_tables.ts";

/** Topics in which brokers of one name find each other: no slave may seem a master there. */
const SYNC_BROKER_MEMBER_PREFIX = "rmq_sys_SYNC_BROKER_MEMBER_";

/** `host:port` to tell instead of the registered one. */
export type AddressOf = (brokerName: string, brokerId: number, registered: string) => string;

/** The route of `topic`, or undefined when no broker offers it. The answer shares nothing that it may change. */
export function pickUpRoute(tables: RouteTables, topic: string, supportActingMaster: boolean): TopicRouteData | undefined {
  const byBroker = tables.topicQueueTable.get(topic);
  if (byBroker === undefined) return undefined;
  const brokerDatas: BrokerData[] = [];
  const filterServerTable = new Map<string, string[]>();
  for (const brokerName of byBroker.keys()) {
    const entry = tables.brokerAddrTable.get(brokerName);
    if (entry === undefined) continue;
    brokerDatas.push(brokerDataOf(entry));
    if (tables.filterServerTable.size > 0) addFilterServers(tables, entry, filterServerTable);
  }
  if (brokerDatas.length === 0) return undefined;
  const mappings = tables.topicQueueMappingInfoTable.get(topic);
  const route: TopicRouteData = {
    orderTopicConf: undefined,
    queueDatas: [...byBroker.values()],
    brokerDatas,
    filterServerTable,
    topicQueueMappingByBroker: mappings === undefined ? undefined : new Map(mappings),
  };
  if (supportActingMaster && !topic.startsWith(SYNC_BROKER_MEMBER_PREFIX)) seatActingMasters(route);
  return route;
}

export const brokerDataOf = (entry: BrokerEntry): BrokerData => ({
  cluster: entry.clusterName,
  brokerName: entry.brokerName,
  brokerAddrs: new Map([...entry.addrs].sort(([a], [b]) => a - b)),
  zoneName: entry.zoneName,
  enableActingMaster: entry.enableActingMaster,
});

/**
 * A client that shows its zone gets brokers of that zone, and those without a master, whatever their zone: better far
 * away than nowhere. Queues and filter servers go with their brokers.
 */
export function filterByZone(route: TopicRouteData, zoneName: string): TopicRouteData {
  const zone = zoneName.toLowerCase();
  const gone = new Set<string>();
  const filterServerTable = new Map(route.filterServerTable);
  const brokerDatas = route.brokerDatas.filter((broker) => {
    const stays = !broker.brokerAddrs.has(MASTER_ID) || broker.zoneName?.toLowerCase() === zone;
    if (!stays) {
      gone.add(broker.brokerName);
      for (const address of broker.brokerAddrs.values()) filterServerTable.delete(address);
    }
    return stays;
  });
  const queueDatas = route.queueDatas.filter(({ brokerName }) => !gone.has(brokerName));
  return { ...route, brokerDatas, queueDatas, filterServerTable };
}

/** The same route with other addresses. */
export function withAddresses(route: TopicRouteData, addressOf: AddressOf): TopicRouteData {
  return { ...route, brokerDatas: route.brokerDatas.map((broker) => brokerWithAddresses(broker, addressOf)) };
}

export function brokerWithAddresses<T extends Pick<BrokerData, "brokerName" | "brokerAddrs">>(
  broker: T,
  addressOf: AddressOf,
): T {
  const brokerAddrs = new Map<number, string>();
  for (const [id, address] of broker.brokerAddrs) brokerAddrs.set(id, addressOf(broker.brokerName, id, address));
  return { ...broker, brokerAddrs };
}

function addFilterServers(tables: RouteTables, entry: BrokerEntry, into: Map<string, string[]>): void {
  for (const address of entry.addrs.values()) {
    const servers = tables.filterServerTable.get(liveKey(entry.clusterName, address));
    if (servers !== undefined) into.set(address, [...servers]);
  }
}

/** Where the master is gone and slaves act for it, the smallest id stands in its place, for readers only. */
function seatActingMasters(route: TopicRouteData): void {
  for (const broker of route.brokerDatas) {
    const { brokerName, brokerAddrs } = broker;
    if (!broker.enableActingMaster || brokerAddrs.has(MASTER_ID)) continue;
    const queueData = route.queueDatas.find((each) => each.brokerName === brokerName);
    if (queueData === undefined || (queueData.perm & PERM_WRITE) !== 0) continue;
    const minId = Math.min(...brokerAddrs.keys());
    const address = brokerAddrs.get(minId);
    if (address === undefined) continue;
    brokerAddrs.delete(minId);
    broker.brokerAddrs = new Map([[MASTER_ID, address], ...brokerAddrs]);
  }
}
