/** How far groups are behind. */
import {
  type ConsumeStats,
  type ConsumeStatsList,
  consumeStats,
  consumeStatsList,
  type QueueTimeSpan,
  queryConsumeTimeSpanBody,
} from "../../../wire/bodies/consume_stats.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { MQBrokerError } from "../errors.ts";
import { type AdminCalls, timeout } from "./admin_calls.ts";
import type { ConnectionAdmin } from "./connections.ts";
import { logicConsumeOffsets } from "./static_topics.ts";
import type { TopicAdmin } from "./topics.ts";

export class ConsumeStatsAdmin {
  readonly #calls: AdminCalls;
  readonly #connections: ConnectionAdmin;
  readonly #topics: TopicAdmin;

  constructor(calls: AdminCalls, topics: TopicAdmin, connections: ConnectionAdmin) {
    this.#calls = calls;
    this.#topics = topics;
    this.#connections = connections;
  }

  /**
   * Offsets of all queues, on all brokers of the group's retry topic, or of `topic` where there is none.
   * @param clusterName stands in for light queues and the timer's topic, which have no route
   * @throws MQBrokerError CONSUMER_NOT_ONLINE or BROADCAST_CONSUMPTION when there are none
   */
  async examineConsumeStats(consumerGroup: string, topic?: string, clusterName?: string): Promise<ConsumeStats> {
    const topics = [RETRY_PREFIX + consumerGroup];
    if (topic !== undefined) topics.push(topic, `${RETRY_PREFIX}${consumerGroup}_${topic}`);
    if (clusterName) topics.push(clusterName);
    const addresses = this.#calls.addressesOf(await this.#calls.firstRoute(topics));
    // Three times the usual time, as Java: a group may have many topics.
    const timeoutMs = this.#calls.timeoutMs * 3;
    const found = joined(
      await Promise.all(addresses.map((each) => this.examineConsumeStatsAt(each, consumerGroup, topic, timeoutMs))),
    );
    const logic = clusterName ? found : await this.#inLogicQueues(found);
    return this.#checked(consumerGroup, addresses[0] ?? "", logic);
  }

  /** Offsets in static topics are shown by their logic queues. */
  async #inLogicQueues(found: ConsumeStats): Promise<ConsumeStats> {
    const topics = new Set(found.offsetTable.map(([{ topic }]) => topic));
    const tables = await Promise.all(
      [...topics].map(async (topic) => {
        const configs = await this.#topics.staticConfigsOf(topic);
        return configs === undefined
          ? found.offsetTable.filter(([queue]) => queue.topic === topic)
          : logicConsumeOffsets(found, configs);
      }),
    );
    return { ...found, offsetTable: tables.flat() };
  }

  /** On one broker; possibly nothing. */
  async examineConsumeStatsAt(
    brokerAddr: string,
    consumerGroup: string,
    topic?: string,
    timeoutMs?: number,
  ): Promise<ConsumeStats> {
    const tried = `read how far group "${consumerGroup}" is`;
    const header = { consumerGroup, topic };
    const answer = await this.#calls.call(tried, brokerAddr, "GET_CONSUME_STATS", header, timeout(timeoutMs));
    return answer.read(consumeStats);
  }

  /** `examineConsumeStats`, of those brokers that answer. */
  async examineConsumeStatsConcurrent(consumerGroup: string, topic?: string): Promise<ConsumeStats> {
    const topics = [RETRY_PREFIX + consumerGroup];
    if (topic !== undefined) topics.push(topic, `${RETRY_PREFIX}${consumerGroup}_${topic}`);
    const addresses = this.#calls.addressesOf(await this.#calls.firstRoute(topics));
    const found: ConsumeStats[] = [];
    await this.#calls.tolerantly("reading how far a group is", addresses, async (address) => {
      found.push(await this.examineConsumeStatsAt(address, consumerGroup, topic));
    });
    return this.#checked(consumerGroup, addresses[0] ?? "", joined(found));
  }

  /** All groups of a broker. @param isOrder only ordered topics */
  async fetchConsumeStatsInBroker(brokerAddr: string, isOrder: boolean, timeoutMs?: number): Promise<ConsumeStatsList> {
    const tried = "read how far the groups are";
    const answer = await this.#calls.call(tried, brokerAddr, "GET_BROKER_CONSUME_STATS", { isOrder }, timeout(timeoutMs));
    return answer.read(consumeStatsList);
  }

  /** Store times of what a group has consumed and of what is there. */
  async queryConsumeTimeSpan(topic: string, group: string): Promise<QueueTimeSpan[]> {
    const addresses = this.#calls.addressesOf(await this.#calls.route(topic));
    return (await Promise.all(addresses.map((address) => this.#timeSpansAt(address, topic, group)))).flat();
  }

  /** The same, of those brokers that answer. */
  async queryConsumeTimeSpanConcurrent(topic: string, group: string): Promise<QueueTimeSpan[]> {
    const spans: QueueTimeSpan[] = [];
    const addresses = this.#calls.addressesOf(await this.#calls.route(topic));
    await this.#calls.tolerantly("reading the times of a group", addresses, async (address) => {
      spans.push(...(await this.#timeSpansAt(address, topic, group)));
    });
    return spans;
  }

  async #timeSpansAt(address: string, topic: string, group: string): Promise<QueueTimeSpan[]> {
    const tried = `read the times of group "${group}" in topic "${topic}"`;
    const answer = await this.#calls.call(tried, address, "QUERY_CONSUME_TIME_SPAN", { topic, group });
    return answer.read(queryConsumeTimeSpanBody).consumeTimeSpanSet;
  }

  async #checked(consumerGroup: string, address: string, found: ConsumeStats): Promise<ConsumeStats> {
    if (found.offsetTable.length > 0) return found;
    const tried = `read how far group "${consumerGroup}" is`;
    const nothing = "Not found the consumer group consume stats, because return offset table is empty, ";
    let model: string | undefined;
    try {
      model = (await this.#connections.examineConsumerConnectionInfo(consumerGroup)).messageModel;
    } catch {
      this.#calls.signal?.throwIfAborted();
      const remark = `${nothing}maybe the consumer not online`;
      throw new MQBrokerError(tried, address, { code: ResponseCode.CONSUMER_NOT_ONLINE, remark });
    }
    if (model !== "BROADCASTING") return found;
    const remark = `${nothing}the consumer is under the broadcast mode`;
    throw new MQBrokerError(tried, address, { code: ResponseCode.BROADCAST_CONSUMPTION, remark });
  }
}

const joined = (all: readonly ConsumeStats[]): ConsumeStats => ({
  offsetTable: all.flatMap(({ offsetTable }) => offsetTable),
  consumeTps: all.reduce((sum, { consumeTps }) => sum + consumeTps, 0),
});
