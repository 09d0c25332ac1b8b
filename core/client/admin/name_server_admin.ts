/**
 * Nameservers: KV configuration, write permission of brokers, settings. What changes something is told to all of them, and where a
 * host name stands for several addresses to each of these: they know nothing of each other. Java's tells every name of its list,
 * at one address each. Of addresses of both families those of one may be silent, when the other is not.
 */
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

  /** `host:port` each, as they were given; none before the first question where an end point lists them. */
  getNameServerAddressList(): readonly string[] {
    return this.#calls.client.nameServerAddresses;
  }

  /** Takes the write permission from all topics of a broker. @returns how many topics changed; of a name that stands for several nameservers, where most did */
  async wipeWritePermOfBroker(namesrvAddr: string, brokerName: string): Promise<number> {
    const tried = `take the write permission from "${brokerName}"`;
    const counts = await this.#calls.atNameServer(namesrvAddr, async (address) => {
      const answer = await this.#calls.call(tried, address, "WIPE_WRITE_PERM_OF_BROKER", { brokerName });
      return answer.header.wipeTopicCount;
    });
    return Math.max(...counts);
  }

  /** Gives it back. @returns how many topics changed; of a name that stands for several nameservers, where most did */
  async addWritePermOfBroker(namesrvAddr: string, brokerName: string): Promise<number> {
    const tried = `give "${brokerName}" the write permission`;
    const counts = await this.#calls.atNameServer(namesrvAddr, async (address) => {
      const answer = await this.#calls.call(tried, address, "ADD_WRITE_PERM_OF_BROKER", { brokerName });
      return answer.header.addTopicCount;
    });
    return Math.max(...counts);
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
    const header = { namespace, key, value };
    await this.#calls.atNameServers(tried, undefined, (address) => this.#calls.call(tried, address, "PUT_KV_CONFIG", header));
  }

  /** On every nameserver. */
  async deleteKvConfig(namespace: string, key: string): Promise<void> {
    const tried = `remove ${key} of namespace ${namespace}`;
    const header = { namespace, key };
    await this.#calls.atNameServers(tried, undefined, (address) => this.#calls.call(tried, address, "DELETE_KV_CONFIG", header));
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
    nameServers?: readonly string[],
  ): Promise<void> {
    const body = propertiesBody(properties);
    const tried = "change the configuration of a nameserver";
    await this.#calls.atNameServers(tried, nameServers, (address) =>
      this.#calls.call(tried, address, "UPDATE_NAMESRV_CONFIG", {}, { body }),
    );
  }

  /** By address, as given: a name that stands for several is asked at one. @param nameServers all of them unless given */
  async getNameServerConfig(nameServers?: readonly string[]): Promise<Map<string, Map<string, string>>> {
    const { client, signal } = this.#calls;
    const tried = "read the configuration of a nameserver";
    const read = async (address: string) => {
      const answer = await this.#calls.call(tried, address, "GET_NAMESRV_CONFIG", {});
      return [address, answer.read({ decode: propertiesOf })] as const;
    };
    return new Map(await Promise.all((nameServers ?? (await client.listNameServers(tried, signal))).map(read)));
  }
}
