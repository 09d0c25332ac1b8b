/** Topics: made, changed, listed, removed, and how full their queues are. */
import { type TopicStatsTable, topicStatsTable } from "../../../wire/bodies/consume_stats.ts";
import type { TopicRouteData } from "../../../wire/bodies/route.ts";
import { type TopicConfigAndQueueMapping, topicConfigAndQueueMapping } from "../../../wire/bodies/static_topic.ts";
import { type GroupList, groupList } from "../../../wire/bodies/subscription_group.ts";
import {
  createTopicListRequestBody,
  type TopicConfigSerializeWrapper,
  type TopicList,
  topicConfigSerializeWrapper,
  topicList,
} from "../../../wire/bodies/topic.ts";
import { DLQ_PREFIX, MASTER_ID, RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { PERM_PRIORITY } from "../../../wire/perm_name.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { MQBrokerError, MQClientError } from "../errors.ts";
import { type AdminCalls, type BrokerOperatorResult, timeout } from "./admin_calls.ts";
import type { ClusterAdmin } from "./clusters.ts";
import { completedTopic, createTopicHeader, type TopicConfigInput } from "./create_topic.ts";
import { type NameServerAdmin, ORDER_TOPIC_CONFIG } from "./name_server_admin.ts";
import { PAGE_SIZE, wholeTable } from "./paged_table.ts";
import { withLogicBounds } from "./static_topics.ts";
import { isSystemTopic } from "./system_names.ts";

export class TopicAdmin {
  readonly #calls: AdminCalls;
  readonly #clusters: ClusterAdmin;
  readonly #nameServers: NameServerAdmin;

  constructor(calls: AdminCalls, clusters: ClusterAdmin, nameServers: NameServerAdmin) {
    this.#calls = calls;
    this.#clusters = clusters;
    this.#nameServers = nameServers;
  }

  // ------------------------------------------------------------------------------------------------------------ change

  /** On one broker. Attributes are changes: `+name` with a value, `-name`. @throws MQBrokerError */
  async createAndUpdateTopicConfig(brokerAddr: string, config: TopicConfigInput): Promise<void> {
    const header = createTopicHeader(config);
    await this.#calls.call(`create topic "${config.topicName}"`, brokerAddr, "UPDATE_AND_CREATE_TOPIC", header);
  }

  /** Several at once, on one broker. @throws MQBrokerError */
  async createAndUpdateTopicConfigList(brokerAddr: string, configs: readonly TopicConfigInput[]): Promise<void> {
    const body = createTopicListRequestBody.encode({ topicConfigList: configs.map(completedTopic) });
    const tried = `create ${configs.length} topics`;
    await this.#calls.call(tried, brokerAddr, "UPDATE_AND_CREATE_TOPIC_LIST", {}, { body });
  }

  /**
   * On every broker that offers `key`: a topic to be like, a cluster's name, or TBW102.
   * @throws what the last broker threw, when none made it
   */
  async createTopic(
    key: string,
    newTopic: string,
    queueNum: number,
    topicSysFlag = 0,
    attributes: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const route = await this.#calls.route(key);
    const masters = route.brokerDatas.map(({ brokerAddrs }) => brokerAddrs.get(MASTER_ID)).filter((each) => each !== undefined);
    if (masters.length === 0) throw new MQClientError("no-route", `Cannot create topic "${newTopic}": "${key}" is on no master`);
    const config = {
      topicName: newTopic,
      readQueueNums: queueNum,
      writeQueueNums: queueNum,
      topicSysFlag,
      attributes: { ...attributes },
    };
    let lastFault: unknown;
    const made = await this.#calls.tolerantly("creating a topic", masters, async (address) => {
      try {
        await this.createAndUpdateTopicConfig(address, config);
      } catch (fault) {
        lastFault = fault;
        throw fault;
      }
    });
    if (made.successList.length === 0) throw lastFault;
  }

  /** From all brokers of a cluster, all nameservers, and the order of ordered topics. */
  async deleteTopic(topic: string, clusterName: string): Promise<void> {
    await this.deleteTopicInBroker(await this.#clusters.allAddresses(clusterName), topic);
    await this.deleteTopicInNameServer(undefined, topic);
    await this.#nameServers.deleteKvConfig(ORDER_TOPIC_CONFIG, topic);
  }

  async deleteTopicInBroker(brokerAddrs: Iterable<string>, topic: string): Promise<void> {
    await Promise.all([...brokerAddrs].map((address) => this.#deleteInBroker(address, topic)));
  }

  deleteTopicInBrokerConcurrent(brokerAddrs: Iterable<string>, topic: string): Promise<BrokerOperatorResult> {
    return this.#calls.tolerantly("deleting a topic", [...brokerAddrs], (address) => this.#deleteInBroker(address, topic));
  }

  /** @param namesrvAddrs undefined: all. @param clusterName only from the brokers of this cluster */
  async deleteTopicInNameServer(namesrvAddrs: Iterable<string> | undefined, topic: string, clusterName?: string): Promise<void> {
    const tried = `remove the route of topic "${topic}"`;
    await this.#calls.atNameServers(tried, namesrvAddrs, (address) =>
      this.#calls.call(tried, address, "DELETE_TOPIC_IN_NAMESRV", { topic, clusterName }),
    );
  }

  #deleteInBroker(address: string, topic: string): Promise<unknown> {
    return this.#calls.call(`delete topic "${topic}"`, address, "DELETE_TOPIC_IN_BROKER", { topic });
  }

  // -------------------------------------------------------------------------------------------------------------- look

  /** @throws MQBrokerError TOPIC_NOT_EXIST */
  examineTopicRouteInfo(topic: string): Promise<TopicRouteData> {
    return this.#calls.route(topic);
  }

  /** All topics that a nameserver knows. */
  async fetchAllTopicList(): Promise<TopicList> {
    return (await this.#calls.nameServer("list the topics", "GET_ALL_TOPIC_LIST_FROM_NAMESERVER", {})).read(topicList);
  }

  async fetchTopicsByCluster(cluster: string): Promise<TopicList> {
    const answer = await this.#calls.nameServer(`list the topics of cluster "${cluster}"`, "GET_TOPICS_BY_CLUSTER", { cluster });
    return answer.read(topicList);
  }

  /** One topic on one broker, with its mapping when it is a static one. @throws MQBrokerError TOPIC_NOT_EXIST */
  async examineTopicConfig(brokerAddr: string, topic: string): Promise<TopicConfigAndQueueMapping> {
    const header = { topic, lo: true };
    const answer = await this.#calls.call(`read topic "${topic}"`, brokerAddr, "GET_TOPIC_CONFIG", header);
    return answer.read(topicConfigAndQueueMapping);
  }

  /** All topics of a broker, system topics too. */
  getAllTopicConfig(brokerAddr: string, timeoutMs?: number): Promise<TopicConfigSerializeWrapper> {
    return wholeTable(async (topicSeq, version) => {
      const header = { topicSeq, maxTopicNum: PAGE_SIZE, dataVersion: version };
      const tried = "list the topics";
      const answer = await this.#calls.call(tried, brokerAddr, "GET_ALL_TOPIC_CONFIG", header, timeout(timeoutMs));
      const table = answer.read(topicConfigSerializeWrapper);
      const { topicConfigTable, dataVersion } = table;
      return { table, rows: topicConfigTable.size, dataVersion, total: answer.header.totalTopicNum };
    }, addTopics);
  }

  /** `getAllTopicConfig` without system topics, and without those of retries and dead letters unless `specialTopic`. */
  async getUserTopicConfig(brokerAddr: string, specialTopic: boolean, timeoutMs?: number): Promise<TopicConfigSerializeWrapper> {
    const [whole, system] = await Promise.all([
      this.getAllTopicConfig(brokerAddr, timeoutMs),
      this.getSystemTopicListFromBroker(brokerAddr),
    ]);
    for (const [name, { topicName, perm }] of whole.topicConfigTable) {
      const special = topicName.startsWith(RETRY_PREFIX) || topicName.startsWith(DLQ_PREFIX);
      const left = system.topicList.has(topicName) || isSystemTopic(topicName) || (special && !specialTopic);
      if (left || perm < 0 || perm >= PERM_PRIORITY) whole.topicConfigTable.delete(name);
    }
    return whole;
  }

  /** Those that this broker made for itself. */
  async getSystemTopicListFromBroker(brokerAddr: string): Promise<TopicList> {
    const answer = await this.#calls.call("list the system topics", brokerAddr, "GET_SYSTEM_TOPIC_LIST_FROM_BROKER", {});
    return answer.read(topicList);
  }

  /** Bounds of the queues; of a static topic those of its logic queues too. @throws MQBrokerError TOPIC_NOT_EXIST */
  async examineTopicStats(topic: string): Promise<TopicStatsTable> {
    const route = await this.#calls.route(topic);
    const tables = await Promise.all(this.#calls.addressesOf(route).map((address) => this.examineTopicStatsAt(address, topic)));
    const stats = joined(tables);
    return isStatic(route) ? withLogicBounds(stats, await this.#configsOn(topic, route)) : stats;
  }

  /** On one broker. */
  async examineTopicStatsAt(brokerAddr: string, topic: string): Promise<TopicStatsTable> {
    const answer = await this.#calls.call(`read the bounds of topic "${topic}"`, brokerAddr, "GET_TOPIC_STATS_INFO", { topic });
    return answer.read(topicStatsTable);
  }

  /** Bounds of the physical queues, of those brokers that answer. */
  async examineTopicStatsConcurrent(topic: string): Promise<TopicStatsTable> {
    const tables: TopicStatsTable[] = [];
    const addresses = this.#calls.addressesOf(await this.#calls.route(topic));
    await this.#calls.tolerantly("reading the bounds of a topic", addresses, async (address) => {
      tables.push(await this.examineTopicStatsAt(address, topic));
    });
    return joined(tables);
  }

  /** Each broker's part of a topic; a broker that has none is left out. */
  async #configsOn(topic: string, route: TopicRouteData): Promise<TopicConfigAndQueueMapping[]> {
    const found = this.#calls.addressesOf(route).map((address) => this.examineTopicConfig(address, topic).catch(unlessAbsent));
    return (await Promise.all(found)).filter((each) => each !== undefined);
  }

  /** @internal for `ConsumeStatsAdmin`: the parts of a static topic; undefined for any other */
  async staticConfigsOf(topic: string): Promise<TopicConfigAndQueueMapping[] | undefined> {
    const route = await this.#calls.route(topic);
    return isStatic(route) ? this.#configsOn(topic, route) : undefined;
  }

  /** Groups that have consumed of the topic or are subscribed to it. */
  async queryTopicConsumeByWho(topic: string): Promise<GroupList> {
    const address = this.#calls.anyAddressOf(topic, await this.#calls.route(topic));
    const tried = `list the groups that consume topic "${topic}"`;
    return (await this.#calls.call(tried, address, "QUERY_TOPIC_CONSUME_BY_WHO", { topic })).read(groupList);
  }

  /** Clusters of the topic (Java's `getClusterList`, which is always empty there, and `getTopicClusterList`). */
  getTopicClusterList(topic: string): Promise<Set<string>> {
    return this.#clusters.getTopicClusterList(topic);
  }
}

const isStatic = ({ topicQueueMappingByBroker }: TopicRouteData): boolean => (topicQueueMappingByBroker?.size ?? 0) > 0;

function unlessAbsent(fault: unknown): undefined {
  if (!(fault instanceof MQBrokerError) || fault.responseCode !== ResponseCode.TOPIC_NOT_EXIST) throw fault;
}

const joined = (tables: readonly TopicStatsTable[]): TopicStatsTable => ({
  offsetTable: tables.flatMap(({ offsetTable }) => offsetTable),
  topicPutTps: tables.reduce((sum, { topicPutTps }) => sum + topicPutTps, 0),
});

function addTopics(to: TopicConfigSerializeWrapper, page: TopicConfigSerializeWrapper): void {
  for (const [name, config] of page.topicConfigTable) to.topicConfigTable.set(name, config);
}
