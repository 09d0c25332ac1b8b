/** The requests by which a broker makes itself known to one nameserver. When they are sent is decided in `registration.ts`. */
import { kvTable } from "../../../wire/bodies/kv_table.ts";
import { encodeCompressedRegisterBroker, registerBrokerBody } from "../../../wire/bodies/register_broker.ts";
import { topicRouteData } from "../../../wire/bodies/route.ts";
import { dataVersion, type TopicConfig } from "../../../wire/bodies/topic.ts";
import { PERM_READ, PERM_WRITE } from "../../../wire/perm_name.ts";
import type { ExtFields } from "../../../wire/remoting_command.ts";
import { REQUESTS } from "../../../wire/requests.ts";
import { ResponseCode, responseCodeName } from "../../../wire/response_code.ts";
import type { PeerReply } from "../../remoting/processor.ts";
import type { Log, Runtime } from "../../runtime.ts";
import type { TopicConfigManager } from "../metadata/topics.ts";
import { sameVersion } from "../metadata/versions.ts";
import type { BrokerSettings } from "../options.ts";
import type { NameServerCaller } from "./registration_targets.ts";

const UNREGISTER_TIMEOUT_MS = 1_000;
/** The first registration at a nameserver is refused when it has one topic only. */
const FIRST_TOPICS_MIN = 2;

export interface RegistrationCallParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: BrokerSettings;
  readonly topics: TopicConfigManager;
  /** `host:port` that clients dial. */
  readonly brokerAddress: () => string;
  /** `host:port` of the HA port. */
  readonly haAddress: () => string;
  /** What a slave is told of its master. */
  readonly masterKnown?: (masterAddress: string, haAddress: string) => void;
}

/** The nameserver answered no. */
export class RefusedByNameServer extends Error {
  constructor(reply: PeerReply) {
    super(`it answered ${responseCodeName(reply.code)}: ${reply.remark ?? ""}`);
  }
}

/** All reject with RemotingFault when there is no answer, with RefusedByNameServer when it is no. */
export class RegistrationCalls {
  readonly #parts: RegistrationCallParts;
  #stopped = false;

  constructor(parts: RegistrationCallParts) {
    this.#parts = parts;
  }

  /** From now on nothing is registered: a part of a split registration must not follow the unregistration. */
  stop(): void {
    this.#stopped = true;
  }

  async unregister(caller: NameServerCaller): Promise<void> {
    await caller.invoke("UNREGISTER_BROKER", this.#identity(), undefined, UNREGISTER_TIMEOUT_MS);
  }

  /** All topics; with forceRegister=false only when a nameserver that knows us has another version of them. */
  async registerAll(caller: NameServerCaller, known: boolean): Promise<void> {
    const { settings, topics } = this.#parts;
    if (!settings.forceRegister && known && !(await this.#needsRegistration(caller))) return;
    const all = [...topics.all().values()];
    const size = settings.enableSplitRegistration ? Math.max(settings.splitRegistrationSize, FIRST_TOPICS_MIN) : all.length;
    for (let from = 0; from === 0 || from < all.length; from += size) await this.#register(caller, all.slice(from, from + size));
  }

  /** Some topics, to a nameserver that knows us. */
  async registerSome(caller: NameServerCaller, changed: readonly TopicConfig[]): Promise<void> {
    if (!this.#parts.settings.enableSingleTopicRegister) {
      await this.#register(caller, changed);
      return;
    }
    for (const config of changed) await this.#registerTopic(caller, config);
  }

  async #register(caller: NameServerCaller, configs: readonly TopicConfig[]): Promise<void> {
    if (this.#stopped) return;
    const { runtime, settings, topics, haAddress } = this.#parts;
    const compressed = settings.compressedRegister;
    const value = {
      filterServerList: [],
      topicConfigSerializeWrapper: {
        dataVersion: topics.dataVersion,
        mappingDataVersion: topics.mappings.dataVersion,
        topicConfigTable: new Map(configs.map((config) => [config.topicName, this.#asAllowed(config)])),
        topicQueueMappingDetailMap: new Map(),
        topicQueueMappingInfoMap: topics.mappings.infosOf(configs.map(({ topicName }) => topicName)),
      },
    };
    const body = compressed
      ? encodeCompressedRegisterBroker(value, (bytes, level) => runtime.compression.deflate(bytes, level))
      : registerBrokerBody.encode(value);
    const reply = await caller.invoke(
      "REGISTER_BROKER",
      {
        ...this.#identity(),
        haServerAddr: haAddress(),
        enableActingMaster: false,
        compressed,
        // Java keeps it in an int that is never negative.
        bodyCrc32: runtime.digest.crc32(body) & 0x7fff_ffff,
      },
      body,
      settings.registerBrokerTimeoutMills,
      this.#zone(),
    );
    if (reply.code !== ResponseCode.SUCCESS) throw new RefusedByNameServer(reply);
    this.#take(reply);
  }

  async #registerTopic(caller: NameServerCaller, config: TopicConfig): Promise<void> {
    if (this.#stopped) return;
    const { settings } = this.#parts;
    const { readQueueNums, writeQueueNums, topicSysFlag } = config;
    const { perm } = this.#asAllowed(config);
    const body = topicRouteData.encode({
      queueDatas: [{ brokerName: settings.brokerName, readQueueNums, writeQueueNums, perm, topicSysFlag }],
      brokerDatas: [],
      filterServerTable: new Map(),
    });
    const reply = await caller.invoke(
      "REGISTER_TOPIC_IN_NAMESRV",
      { topic: config.topicName },
      body,
      settings.registerBrokerTimeoutMills,
    );
    if (reply.code !== ResponseCode.SUCCESS) throw new RefusedByNameServer(reply);
  }

  /** forceRegister=false: whether the nameserver has another version of our topics. Asking also keeps us alive there. */
  async #needsRegistration(caller: NameServerCaller): Promise<boolean> {
    const { settings, topics } = this.#parts;
    const reply = await caller.invoke(
      "QUERY_DATA_VERSION",
      this.#identity(),
      dataVersion.encode(topics.dataVersion),
      settings.registerBrokerTimeoutMills,
    );
    if (reply.code !== ResponseCode.SUCCESS) throw new RefusedByNameServer(reply);
    const changed = REQUESTS.QUERY_DATA_VERSION.reply.decode(reply.extFields).changed;
    const theirs = reply.body.length === 0 ? undefined : dataVersion.decode(reply.body);
    return changed || !sameVersion(theirs, topics.dataVersion);
  }

  #take(reply: PeerReply): void {
    const { topics, masterKnown } = this.#parts;
    const { masterAddr = "", haServerAddr = "" } = REQUESTS.REGISTER_BROKER.reply.decode(reply.extFields);
    if (masterAddr !== "") masterKnown?.(masterAddr, haServerAddr);
    if (reply.body.length > 0) topics.markOrdered(kvTable.decode(reply.body).table.keys());
  }

  #identity() {
    const { settings, brokerAddress } = this.#parts;
    return {
      brokerName: settings.brokerName,
      brokerAddr: brokerAddress(),
      clusterName: settings.brokerClusterName,
      brokerId: settings.brokerId,
    };
  }

  /** The broker's own permission narrows that of every topic. */
  #asAllowed(config: TopicConfig): TopicConfig {
    const { brokerPermission } = this.#parts.settings;
    const open = PERM_READ | PERM_WRITE;
    return (brokerPermission & open) === open ? config : { ...config, perm: config.perm & brokerPermission };
  }

  /** What Java brokers say of their zone, from the same environment. */
  #zone(): ExtFields | undefined {
    const { system } = this.#parts.runtime;
    const zone = system.environment("ROCKETMQ_ZONE");
    if (zone === undefined || zone === "") return undefined;
    const mode = system.environment("ROCKETMQ_ZONE_MODE");
    return mode === undefined ? { __ZONE_NAME: zone } : { __ZONE_NAME: zone, __ZONE_MODE: mode };
  }
}
