/** Who is connected, and what a consumer says about itself. */
import {
  type ConsumerConnection,
  consumerConnection,
  type ProducerConnection,
  type ProducerTableInfo,
  producerConnection,
  producerTableInfo,
} from "../../../wire/bodies/connection.ts";
import { type ConsumerRunningInfo, consumerRunningInfo } from "../../../wire/bodies/running_info.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { MQBrokerError } from "../errors.ts";
import type { AdminCalls } from "./admin_calls.ts";

export class ConnectionAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  /**
   * The members of a consumer group. @param brokerAddr whom to ask; any broker of the group's retry topic unless given
   * @throws MQBrokerError CONSUMER_NOT_ONLINE
   */
  async examineConsumerConnectionInfo(consumerGroup: string, brokerAddr?: string): Promise<ConsumerConnection> {
    const tried = `list the consumers of group "${consumerGroup}"`;
    const retryTopic = RETRY_PREFIX + consumerGroup;
    const address = brokerAddr ?? this.#calls.anyAddressOf(retryTopic, await this.#calls.route(retryTopic));
    const answer = await this.#calls.call(tried, address, "GET_CONSUMER_CONNECTION_LIST", { consumerGroup });
    const found = answer.read(consumerConnection);
    if (found.connectionSet.length > 0) return found;
    const remark = "Not found the consumer group connection";
    throw new MQBrokerError(tried, address, { code: ResponseCode.CONSUMER_NOT_ONLINE, remark });
  }

  /** The producers of a group at any broker of `topic`. @throws MQBrokerError SYSTEM_ERROR when there is none */
  async examineProducerConnectionInfo(producerGroup: string, topic: string): Promise<ProducerConnection> {
    const tried = `list the producers of group "${producerGroup}"`;
    const address = this.#calls.anyAddressOf(topic, await this.#calls.route(topic));
    const answer = await this.#calls.call(tried, address, "GET_PRODUCER_CONNECTION_LIST", { producerGroup });
    const found = answer.read(producerConnection);
    if (found.connectionSet.length > 0) return found;
    throw new MQBrokerError(tried, address, {
      code: ResponseCode.SYSTEM_ERROR,
      remark: "Not found the producer group connection",
    });
  }

  /** All producers of a broker, by group. */
  async getAllProducerInfo(brokerAddr: string): Promise<ProducerTableInfo> {
    return (await this.#calls.call("list the producers", brokerAddr, "GET_ALL_PRODUCER_INFO", {})).read(producerTableInfo);
  }

  /**
   * What one consumer does, asked through a broker. @param jstack with the stacks of its threads, where it has threads
   * @throws MQBrokerError CONSUMER_NOT_ONLINE, SYSTEM_ERROR for a client that is older than 3.1.8
   */
  async getConsumerRunningInfo(consumerGroup: string, clientId: string, jstack = false): Promise<ConsumerRunningInfo> {
    const retryTopic = RETRY_PREFIX + consumerGroup;
    const address = this.#calls.anyAddressOf(retryTopic, await this.#calls.route(retryTopic));
    const tried = `ask consumer ${clientId} of group "${consumerGroup}" what it does`;
    const header = { consumerGroup, clientId, jstackEnable: jstack };
    return (await this.#calls.call(tried, address, "GET_CONSUMER_RUNNING_INFO", header)).read(consumerRunningInfo);
  }
}
