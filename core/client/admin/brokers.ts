/** One broker: its configuration, what it says about itself, its upkeep, and the brokers of a container. */
import { type KVTable, kvTable } from "../../../wire/bodies/kv_table.ts";
import { type BrokerStatsData, brokerStatsData } from "../../../wire/bodies/stats.ts";
import { decodeUtf8, encodeUtf8 } from "../../../wire/bytes.ts";
import type { Properties } from "../../properties.ts";
import { type AdminCalls, propertiesBody, propertiesOf, timeout } from "./admin_calls.ts";
import type { ClusterAdmin } from "./clusters.ts";

export type RocksDBConfigType = "topics" | "subscriptionGroups" | "consumerOffsets";

/** Upkeep that a broker does when it is told to. */
type Upkeep = "CLEAN_EXPIRED_CONSUMEQUEUE" | "DELETE_EXPIRED_COMMITLOG" | "CLEAN_UNUSED_TOPIC";

export class BrokerAdmin {
  readonly #calls: AdminCalls;
  readonly #clusters: ClusterAdmin;

  constructor(calls: AdminCalls, clusters: ClusterAdmin) {
    this.#calls = calls;
    this.#clusters = clusters;
  }

  // ----------------------------------------------------------------------------------------------------- configuration

  /** In the broker's order. */
  async getBrokerConfig(brokerAddr: string): Promise<Map<string, string>> {
    const answer = await this.#calls.call("read the configuration of a broker", brokerAddr, "GET_BROKER_CONFIG", {});
    return answer.read({ decode: propertiesOf });
  }

  /**
   * @returns what the broker says to it: EdgeMQ's names the keys that act after a restart
   * @throws MQBrokerError for a key that may not be changed from afar
   */
  async updateBrokerConfig(
    brokerAddr: string,
    properties: Properties | Readonly<Record<string, string>>,
  ): Promise<string | undefined> {
    const body = propertiesBody(properties);
    const answer = await this.#calls.call(
      "change the configuration of a broker",
      brokerAddr,
      "UPDATE_BROKER_CONFIG",
      {},
      { body },
    );
    return answer.remark;
  }

  /** Thresholds of cold data flow control, by group: bytes a second. */
  async updateColdDataFlowCtrGroupConfig(
    brokerAddr: string,
    properties: Properties | Readonly<Record<string, string>>,
  ): Promise<void> {
    const body = propertiesBody(properties);
    await this.#calls.call("bound the cold reads of groups", brokerAddr, "UPDATE_COLD_DATA_FLOW_CTR_CONFIG", {}, { body });
  }

  async removeColdDataFlowCtrGroupConfig(brokerAddr: string, consumerGroup: string): Promise<void> {
    const body = encodeUtf8(consumerGroup);
    const tried = `lift the bound on cold reads of group "${consumerGroup}"`;
    await this.#calls.call(tried, brokerAddr, "REMOVE_COLD_DATA_FLOW_CTR_CONFIG", {}, { body });
  }

  /** JSON, as the broker writes it. */
  async getColdDataFlowCtrInfo(brokerAddr: string): Promise<string> {
    const answer = await this.#calls.call("read the bounds on cold reads", brokerAddr, "GET_COLD_DATA_FLOW_CTR_INFO", {});
    return answer.read({ decode: decodeUtf8 });
  }

  /** @param mode 0 (MADV_NORMAL) or 1 (MADV_RANDOM). @returns what the broker says to it */
  async setCommitLogReadAheadMode(brokerAddr: string, mode: string): Promise<string> {
    const tried = `set the read-ahead mode to ${mode}`;
    const extFields = { READ_AHEAD_MODE: mode };
    return (await this.#calls.call(tried, brokerAddr, "SET_COMMITLOG_READ_MODE", {}, { extFields })).remark ?? "";
  }

  /** @param engineType `F` (file) or `R` (RocksDB) */
  async switchTimerEngine(brokerAddr: string, engineType: string): Promise<void> {
    const extFields = { E_T: engineType };
    await this.#calls.call(`switch the timer to engine ${engineType}`, brokerAddr, "SWITCH_TIMER_ENGINE", {}, { extFields });
  }

  /** After a master that lost its disk: what its slaves are to count as flushed. */
  async resetMasterFlushOffset(brokerAddr: string, masterFlushOffset: number): Promise<void> {
    const tried = `set the master's flush offset to ${masterFlushOffset}`;
    await this.#calls.call(tried, brokerAddr, "RESET_MASTER_FLUSH_OFFSET", { masterFlushOffset });
  }

  // ------------------------------------------------------------------------------------------------------------- state

  /** `brokerVersionDesc`, `msgPutTotalTodayNow` … */
  async fetchBrokerRuntimeStats(brokerAddr: string): Promise<KVTable> {
    return (await this.#calls.call("read the state of a broker", brokerAddr, "GET_BROKER_RUNTIME_INFO", {})).read(kvTable);
  }

  /** One counter. @throws MQBrokerError SYSTEM_ERROR when the broker has none of this name and key */
  async viewBrokerStatsData(brokerAddr: string, statsName: string, statsKey: string): Promise<BrokerStatsData> {
    const tried = `read ${statsName} of ${statsKey}`;
    return (await this.#calls.call(tried, brokerAddr, "VIEW_BROKER_STATS_DATA", { statsName, statsKey })).read(brokerStatsData);
  }

  // ------------------------------------------------------------------------------------------------------------ upkeep

  /** Consume queues of topics that are gone, and files whose messages are. @param cluster undefined: all */
  cleanExpiredConsumerQueue(cluster?: string): Promise<void> {
    return this.#everywhere(cluster, "CLEAN_EXPIRED_CONSUMEQUEUE");
  }

  cleanExpiredConsumerQueueByAddr(brokerAddr: string): Promise<void> {
    return this.#upkeep(brokerAddr, "CLEAN_EXPIRED_CONSUMEQUEUE");
  }

  /** Files of the log that are old enough. @param cluster undefined: all */
  deleteExpiredCommitLog(cluster?: string): Promise<void> {
    return this.#everywhere(cluster, "DELETE_EXPIRED_COMMITLOG");
  }

  deleteExpiredCommitLogByAddr(brokerAddr: string): Promise<void> {
    return this.#upkeep(brokerAddr, "DELETE_EXPIRED_COMMITLOG");
  }

  /** Consume queues of topics that are not configured. @param cluster undefined: all */
  cleanUnusedTopic(cluster?: string): Promise<void> {
    return this.#everywhere(cluster, "CLEAN_UNUSED_TOPIC");
  }

  cleanUnusedTopicByAddr(brokerAddr: string): Promise<void> {
    return this.#upkeep(brokerAddr, "CLEAN_UNUSED_TOPIC");
  }

  async #everywhere(cluster: string | undefined, name: Upkeep): Promise<void> {
    const { clusterAddrTable } = await this.#clusters.examineBrokerClusterInfo();
    const clusters = cluster ? [cluster] : [...clusterAddrTable.keys()];
    const addresses = (await Promise.all(clusters.map((each) => this.#clusters.allAddresses(each)))).flat();
    await Promise.all(addresses.map((address) => this.#upkeep(address, name)));
  }

  async #upkeep(brokerAddr: string, name: Upkeep): Promise<void> {
    await this.#calls.call(name.toLowerCase().replaceAll("_", " "), brokerAddr, name, {});
  }

  // ------------------------------------------------------------------------------------------------------------ export

  /** Lets a broker that keeps its configuration in RocksDB write it into JSON files beside. EdgeMQ's brokers have none. */
  async exportRocksDBConfigToJson(brokerAddr: string, configTypes: readonly RocksDBConfigType[]): Promise<void> {
    const header = { configType: configTypes.map((each) => `${each};`).join("") };
    await this.#calls.call(`export ${configTypes.join(", ")}`, brokerAddr, "EXPORT_ROCKSDB_CONFIG_TO_JSON", header);
  }

  /** Lets a broker that keeps POP's records in RocksDB write them into the revive topic again. */
  async exportPopRecords(brokerAddr: string, timeoutMs?: number): Promise<void> {
    await this.#calls.call("export POP's records", brokerAddr, "POP_ROLLBACK", {}, timeout(timeoutMs));
  }

  // --------------------------------------------------------------------------------------------------------- container

  /** Lets a container start a broker. @param brokerConfigPath of its configuration, on the container's machine */
  async addBrokerToContainer(brokerContainerAddr: string, brokerConfigPath: string): Promise<void> {
    const tried = `add the broker of ${brokerConfigPath}`;
    const timeoutMs = CONTAINER_TIMEOUT_MS;
    await this.#calls.call(tried, brokerContainerAddr, "ADD_BROKER", { configPath: brokerConfigPath }, { timeoutMs });
  }

  async removeBrokerFromContainer(
    brokerContainerAddr: string,
    brokerClusterName: string,
    brokerName: string,
    brokerId: number,
  ): Promise<void> {
    const header = { brokerClusterName, brokerName, brokerId };
    const timeoutMs = CONTAINER_TIMEOUT_MS;
    await this.#calls.call(`remove broker "${brokerName}"`, brokerContainerAddr, "REMOVE_BROKER", header, { timeoutMs });
  }
}

/** A container answers when the broker is up, or down. */
const CONTAINER_TIMEOUT_MS = 20_000;
