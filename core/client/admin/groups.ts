/** Subscription groups: made, changed, listed, removed; what they read and how. */
import { type MessageRequestMode, setMessageRequestModeRequestBody } from "../../../wire/bodies/assignment.ts";
import { querySubscriptionResponseBody, type SubscriptionData } from "../../../wire/bodies/subscription.ts";
import {
  type GroupForbidden,
  groupForbidden,
  newSubscriptionGroupConfig,
  type SubscriptionGroupConfig,
  type SubscriptionGroupWrapper,
  subscriptionGroupConfig,
  subscriptionGroupList,
  subscriptionGroupWrapper,
} from "../../../wire/bodies/subscription_group.ts";
import { type TopicList, topicList } from "../../../wire/bodies/topic.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { expectSuccess, readReply } from "../errors.ts";
import { type AdminCalls, timeout } from "./admin_calls.ts";
import { PAGE_SIZE, wholeTable } from "./paged_table.ts";
import { isSystemGroup } from "./system_names.ts";

/** A group to be made or changed; what is left out is Apache's default. */
export type SubscriptionGroupInput = Pick<SubscriptionGroupConfig, "groupName"> & Partial<SubscriptionGroupConfig>;

export class GroupAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  // ------------------------------------------------------------------------------------------------------------ change

  /** On one broker. Attributes are changes: `+name` with a value, `-name`. @throws MQBrokerError */
  async createAndUpdateSubscriptionGroupConfig(brokerAddr: string, config: SubscriptionGroupInput): Promise<void> {
    const tried = `create group "${config.groupName}"`;
    const body = subscriptionGroupConfig.encode(completed(config));
    await this.#calls.call(tried, brokerAddr, "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", {}, { body });
  }

  /** Several at once, on one broker. @throws MQBrokerError */
  async createAndUpdateSubscriptionGroupConfigList(
    brokerAddr: string,
    configs: readonly SubscriptionGroupInput[],
  ): Promise<void> {
    const body = subscriptionGroupList.encode({ groupConfigList: configs.map(completed) });
    const tried = `create ${configs.length} groups`;
    await this.#calls.call(tried, brokerAddr, "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST", {}, { body });
  }

  /** From one broker. @param removeOffset its offsets too */
  async deleteSubscriptionGroup(brokerAddr: string, groupName: string, removeOffset = false): Promise<void> {
    const header = { groupName, cleanOffset: removeOffset };
    await this.#calls.call(`delete group "${groupName}"`, brokerAddr, "DELETE_SUBSCRIPTIONGROUP", header);
  }

  /** @param readable undefined: only asks */
  async updateAndGetGroupReadForbidden(
    brokerAddr: string,
    group: string,
    topic: string,
    readable?: boolean,
  ): Promise<GroupForbidden> {
    const tried = `say whether group "${group}" may read topic "${topic}"`;
    const header = { group, topic, readable };
    return (await this.#calls.call(tried, brokerAddr, "UPDATE_AND_GET_GROUP_FORBIDDEN", header)).read(groupForbidden);
  }

  /** Whether a group pulls or pops. @param popShareQueueNum POP: how many further clients' queues a client takes from */
  async setMessageRequestMode(
    brokerAddr: string,
    topic: string,
    consumerGroup: string,
    mode: MessageRequestMode,
    popShareQueueNum: number,
    timeoutMs?: number,
  ): Promise<void> {
    const body = setMessageRequestModeRequestBody.encode({ topic, consumerGroup, mode, popShareQueueNum });
    const tried = `let group "${consumerGroup}" ${mode === "POP" ? "pop" : "pull"} from topic "${topic}"`;
    await this.#calls.call(tried, brokerAddr, "SET_MESSAGE_REQUEST_MODE", {}, { body, ...timeout(timeoutMs) });
  }

  // -------------------------------------------------------------------------------------------------------------- look

  /** One group on one broker; undefined when it has none of this name (and makes none, as GET_SUBSCRIPTIONGROUP_CONFIG may). */
  async examineSubscriptionGroupConfig(brokerAddr: string, group: string): Promise<SubscriptionGroupConfig | undefined> {
    return (await this.getAllSubscriptionGroup(brokerAddr)).subscriptionGroupTable.get(group);
  }

  /** All groups of a broker, its own too. */
  getAllSubscriptionGroup(brokerAddr: string, timeoutMs?: number): Promise<SubscriptionGroupWrapper> {
    return wholeTable(async (groupSeq, version) => {
      const header = { groupSeq, maxGroupNum: PAGE_SIZE, dataVersion: version };
      const tried = "list the groups";
      const answer = await this.#calls.invoke(tried, brokerAddr, "GET_ALL_SUBSCRIPTIONGROUP_CONFIG", header, timeout(timeoutMs));
      const { body, extFields } = expectSuccess(tried, brokerAddr, answer);
      const table = readReply(tried, brokerAddr, () => subscriptionGroupWrapper.decode(body));
      const { subscriptionGroupTable, dataVersion } = table;
      const total = extFields?.["totalGroupNum"] === undefined ? undefined : Number(extFields["totalGroupNum"]);
      return { table, rows: subscriptionGroupTable.size, dataVersion, total };
    }, addGroups);
  }

  /** `getAllSubscriptionGroup` without RocketMQ's own. */
  async getUserSubscriptionGroup(brokerAddr: string, timeoutMs?: number): Promise<SubscriptionGroupWrapper> {
    const whole = await this.getAllSubscriptionGroup(brokerAddr, timeoutMs);
    for (const group of whole.subscriptionGroupTable.keys()) if (isSystemGroup(group)) whole.subscriptionGroupTable.delete(group);
    return whole;
  }

  /** What the group asks of a topic; undefined when nobody of it is connected. */
  async querySubscription(group: string, topic: string): Promise<SubscriptionData | undefined> {
    const address = this.#calls.anyAddressOf(topic, await this.#calls.route(topic));
    const tried = `read the subscription of group "${group}" to topic "${topic}"`;
    const answer = await this.#calls.call(tried, address, "QUERY_SUBSCRIPTION_BY_CONSUMER", { group, topic });
    return answer.read(querySubscriptionResponseBody).subscriptionData;
  }

  /** Topics that the group has consumed of, on all brokers of its retry topic. */
  async queryTopicsByConsumer(group: string): Promise<TopicList> {
    const addresses = this.#calls.addressesOf(await this.#calls.route(RETRY_PREFIX + group));
    return joined(await Promise.all(addresses.map((address) => this.#topicsAt(address, group))));
  }

  /** The same, of those brokers that answer. */
  async queryTopicsByConsumerConcurrent(group: string): Promise<TopicList> {
    const lists: TopicList[] = [];
    const addresses = this.#calls.addressesOf(await this.#calls.route(RETRY_PREFIX + group));
    await this.#calls.tolerantly("listing the topics of a group", addresses, async (address) => {
      lists.push(await this.#topicsAt(address, group));
    });
    return joined(lists);
  }

  async #topicsAt(address: string, group: string): Promise<TopicList> {
    const tried = `list the topics of group "${group}"`;
    return (await this.#calls.call(tried, address, "QUERY_TOPICS_BY_CONSUMER", { group })).read(topicList);
  }
}

const joined = (lists: readonly TopicList[]): TopicList => ({ topicList: new Set(lists.flatMap((each) => [...each.topicList])) });

const completed = (config: SubscriptionGroupInput): SubscriptionGroupConfig => ({
  ...newSubscriptionGroupConfig(config.groupName),
  ...config,
});

function addGroups(to: SubscriptionGroupWrapper, page: SubscriptionGroupWrapper): void {
  for (const [group, config] of page.subscriptionGroupTable) to.subscriptionGroupTable.set(group, config);
  for (const [group, topics] of page.forbiddenTable) to.forbiddenTable.set(group, topics);
}
