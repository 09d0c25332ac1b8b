/** Nameservers: KV configuration, write permission of brokers, settings. What changes something is told to all of them. */
import { type KVTable, kvTable } from "../../../wire/bodies/kv_table.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import type { Properties } from "../../properties.ts";
import { MQBrokerError } from "../errors.ts";
import { type AdminCalls, propertiesBody, propertiesOf } from "./admin_calls.ts";

/** The namespace of the KV configuration that holds the order of ordered topics. */
export const ORDER_TOPIC_CONFIG = "ORDER_TOPIC_CONFIG";

export class NameServerAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  /** `host:port` each. */
  getNameServerAddressList(): readonly string[] {
    return this.#calls.client.nameServerAddresses;
  }

  /** Takes the write permission from all topics of a broker. @returns how many topics changed */
  async wipeWritePermOfBroker(namesrvAddr: string, brokerName: string): Promise<number> {
    const tried = `take the write permission from "${brokerName}"`;
    return (await this.#calls.call(tried, namesrvAddr, "WIPE_WRITE_PERM_OF_BROKER", { brokerName })).header.wipeTopicCount;
  }

  /** Gives it back. @returns how many topics changed */
  async addWritePermOfBroker(namesrvAddr: string, brokerName: string): Promise<number> {
    const tried = `give "${brokerName}" the write permission`;
    return (await this.#calls.call(tried, namesrvAddr, "ADD_WRITE_PERM_OF_BROKER", { brokerName })).header.addTopicCount;
  }

  /** @throws MQBrokerError QUERY_NOT_FOUND when there is no such key */
  async getKVConfig(namespace: string, key: string): Promise<string | undefined> {
    const tried = `read ${key} of namespace ${namespace}`;
    return (await this.#calls.nameServer(tried, "GET_KV_CONFIG", { namespace, key })).header.value;
  }

  /** @throws MQBrokerError QUERY_NOT_FOUND when there is no such namespace */
  async getKVListByNamespace(namespace: string): Promise<KVTable> {
    const answer = await this.#calls.nameServer(`list namespace ${namespace}`, "GET_KVLIST_BY_NAMESPACE", { namespace });
    return answer.read(kvTable);
  }

  /** On every nameserver. Java's `putKVConfig`, which does nothing, is this too. */
  async createAndUpdateKvConfig(namespace: string, key: string, value: string): Promise<void> {
    const tried = `set ${key} of namespace ${namespace}`;
    await this.#everywhere((address) => this.#calls.call(tried, address, "PUT_KV_CONFIG", { namespace, key, value }));
  }

  /** On every nameserver. */
  async deleteKvConfig(namespace: string, key: string): Promise<void> {
    const tried = `remove ${key} of namespace ${namespace}`;
    await this.#everywhere((address) => this.#calls.call(tried, address, "DELETE_KV_CONFIG", { namespace, key }));
  }

  /**
   * The order of an ordered topic. @param value with `isCluster` all of it (`broker-a:4;broker-b:4`), else one broker's part,
   * which replaces the one that is there
   */
  async createOrUpdateOrderConf(topic: string, value: string, isCluster: boolean): Promise<void> {
    if (isCluster) return this.createAndUpdateKvConfig(ORDER_TOPIC_CONFIG, topic, value);
    const parts = new Map<string, string>();
    for (const part of [...((await this.#orderConf(topic)) ?? "").split(";"), value]) {
      if (part.trim() !== "") parts.set(part.slice(0, part.includes(":") ? part.indexOf(":") : undefined), part);
    }
    await this.createAndUpdateKvConfig(ORDER_TOPIC_CONFIG, topic, [...parts.values()].join(";"));
  }

  async #orderConf(topic: string): Promise<string | undefined> {
    try {
      return await this.getKVConfig(ORDER_TOPIC_CONFIG, topic);
    } catch (fault) {
      if (fault instanceof MQBrokerError && fault.responseCode === ResponseCode.QUERY_NOT_FOUND) return undefined;
      throw fault;
    }
  }

  /** @param nameServers all of them unless given */
  async updateNameServerConfig(
    properties: Properties | Readonly<Record<string, string>>,
    nameServers: readonly string[] = this.getNameServerAddressList(),
  ): Promise<void> {
    const body = propertiesBody(properties);
    const tried = "change the configuration of a nameserver";
    await this.#everywhere((address) => this.#calls.call(tried, address, "UPDATE_NAMESRV_CONFIG", {}, { body }), nameServers);
  }

  /** By address. @param nameServers all of them unless given */
  async getNameServerConfig(
    nameServers: readonly string[] = this.getNameServerAddressList(),
  ): Promise<Map<string, Map<string, string>>> {
    const answers = await this.#everywhere(async (address) => {
      const answer = await this.#calls.call("read the configuration of a nameserver", address, "GET_NAMESRV_CONFIG", {});
      return [address, answer.read({ decode: propertiesOf })] as const;
    }, nameServers);
    return new Map(answers);
  }

  #everywhere<T>(
    each: (address: string) => Promise<T>,
    addresses: readonly string[] = this.getNameServerAddressList(),
  ): Promise<T[]> {
    return Promise.all(addresses.map(each));
  }
}
