/** Which clusters, broker names and addresses there are, as a nameserver knows them. */
import { type ClusterInfo, clusterInfo } from "../../../wire/bodies/route.ts";
import { MASTER_ID } from "../../../wire/mix_all.ts";
import { MQClientError } from "../errors.ts";
import type { AdminCalls } from "./admin_calls.ts";

export class ClusterAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  async examineBrokerClusterInfo(): Promise<ClusterInfo> {
    return (await this.#calls.nameServer("list the brokers", "GET_BROKER_CLUSTER_INFO", {})).read(clusterInfo);
  }

  /** The clusters that have a broker of the topic. @throws MQBrokerError TOPIC_NOT_EXIST */
  async getTopicClusterList(topic: string): Promise<Set<string>> {
    const [info, route] = await Promise.all([this.examineBrokerClusterInfo(), this.#calls.route(topic)]);
    const brokerName = route.brokerDatas[0]?.brokerName ?? "";
    return new Set([...info.clusterAddrTable].filter(([, names]) => names.has(brokerName)).map(([cluster]) => cluster));
  }

  /** `host:port` of every master; a broker name without one is passed over. @throws MQClientError kind invalid */
  async masterAddresses(clusterName: string): Promise<string[]> {
    const members = await this.#brokersOf(clusterName);
    return members.map(({ brokerAddrs }) => brokerAddrs.get(MASTER_ID)).filter((address) => address !== undefined);
  }

  /** `host:port` of every broker. @throws MQClientError kind invalid */
  async allAddresses(clusterName: string): Promise<string[]> {
    const members = await this.#brokersOf(clusterName);
    return [...new Set(members.flatMap(({ brokerAddrs }) => [...brokerAddrs.values()]))];
  }

  /** Each broker name of a cluster: its master, when there is one, and its slaves. @throws MQClientError kind invalid */
  async mastersAndSlaves(clusterName: string): Promise<{ brokerName: string; master: string | undefined; slaves: string[] }[]> {
    return (await this.#brokersOf(clusterName)).map(({ brokerName, brokerAddrs }) => ({
      brokerName,
      master: brokerAddrs.get(MASTER_ID),
      slaves: [...brokerAddrs].filter(([id]) => id !== MASTER_ID).map(([, address]) => address),
    }));
  }

  /** @throws MQClientError kind invalid */
  async brokerNames(clusterName: string): Promise<string[]> {
    return (await this.#brokersOf(clusterName)).map(({ brokerName }) => brokerName);
  }

  /** @throws MQClientError kind invalid when no master has this name */
  async masterOfBroker(brokerName: string): Promise<string> {
    const { brokerAddrTable } = await this.examineBrokerClusterInfo();
    const address = brokerAddrTable.get(brokerName)?.brokerAddrs.get(MASTER_ID);
    if (address !== undefined) return address;
    throw new MQClientError("invalid", `No broker "${brokerName}" with a master; there are ${named(brokerAddrTable.keys())}`);
  }

  /** `host:port` of master and slaves; none for a name that nobody has. */
  async addressesOfBroker(brokerName: string): Promise<string[]> {
    const { brokerAddrTable } = await this.examineBrokerClusterInfo();
    return [...(brokerAddrTable.get(brokerName)?.brokerAddrs.values() ?? [])];
  }

  /** @throws MQClientError kind invalid when nobody has this address */
  async brokerNameAt(brokerAddr: string): Promise<string> {
    const { brokerAddrTable } = await this.examineBrokerClusterInfo();
    for (const [brokerName, { brokerAddrs }] of brokerAddrTable) {
      if ([...brokerAddrs.values()].includes(brokerAddr)) return brokerName;
    }
    throw new MQClientError("invalid", `No broker is registered at ${brokerAddr}; there are ${named(brokerAddrTable.keys())}`);
  }

  async #brokersOf(clusterName: string) {
    const { clusterAddrTable, brokerAddrTable } = await this.examineBrokerClusterInfo();
    const names = clusterAddrTable.get(clusterName);
    if (names === undefined) {
      throw new MQClientError("invalid", `No cluster "${clusterName}"; there are ${named(clusterAddrTable.keys())}`);
    }
    return [...names].map((name) => brokerAddrTable.get(name)).filter((data) => data !== undefined);
  }
}

const named = (names: Iterable<string>): string => [...names].map((name) => `"${name}"`).join(", ") || "none";
