/**
 * How nameservers know this broker and its topics.
 *
 * Every nameserver is registered with independently of the others: at start, every registerNameServerPeriod, when the
 * connection to it was lost, and at once when a topic changes (with that topic alone, if it knows the broker already). One
 * that is down is tried again every few seconds and gets everything when it is back. Calls to one nameserver never overlap,
 * so it can't see an older state after a newer one.
 */
import { kvTable } from "../../wire/bodies/kv_table.ts";
import { encodeCompressedRegisterBroker, registerBrokerBody } from "../../wire/bodies/register_broker.ts";
import { topicRouteData } from "../../wire/bodies/route.ts";
import { dataVersion, type TopicConfig } from "../../wire/bodies/topic.ts";
import type { ExtFields } from "../../wire/remoting_command.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { ResponseCode, responseCodeName } from "../../wire/response_code.ts";
import { RemotingClient } from "../remoting/client.ts";
import type { PeerReply } from "../remoting/processor.ts";
import type { Log, Runtime, TimerHandle } from "../runtime.ts";
import type { BrokerSettings } from "./options.ts";
import { type NameServerCaller, NameServerTargets } from "./registration_targets.ts";
import type { TopicConfigManager } from "./topics.ts";
import { PERM_READ, PERM_WRITE } from "./topics_config.ts";
import { sameVersion } from "./versions.ts";

/** A nameserver that did not answer is tried again after this; Apache waits for the next period. */
const RETRY_AFTER_MS = 5_000;
const UNREGISTER_TIMEOUT_MS = 1_000;
/** Start waits this long for nameservers: one that is down must not keep the others' clients waiting. */
const START_WAIT_MS = 3_000;
/** The first registration at a nameserver is refused when it has one topic only. */
const FIRST_TOPICS_MIN = 2;

export interface RegistrationParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: BrokerSettings;
  readonly topics: TopicConfigManager;
  /** `host:port` that clients dial. */
  readonly brokerAddress: () => string;
  /** `host:port` of the HA port. */
  readonly haAddress: () => string;
  /** Nameservers in this process. */
  readonly local?: readonly NameServerCaller[];
  /** What a slave is told of its master; "" when there is none. */
  readonly masterKnown?: (masterAddress: string, haAddress: string) => void;
}

interface Target {
  readonly caller: NameServerCaller;
  /** It has taken all our topics, and has not lost us since. */
  known: boolean;
  /** What it said or did last when it was not well; undefined when it is. */
  failure: string | undefined;
  /** Topics to send alone; all when undefined is in `wantsAll`. */
  readonly changed: Map<string, TopicConfig>;
  wantsAll: boolean;
  running: Promise<void> | undefined;
  retry: TimerHandle | undefined;
}

export class NameServerRegistration {
  readonly #parts: RegistrationParts;
  readonly #client: RemotingClient<never>;
  readonly #servers: NameServerTargets;
  readonly #targets = new Map<NameServerCaller, Target>();
  readonly #timers: TimerHandle[] = [];
  #stopped = false;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
    const { runtime, log, settings } = parts;
    this.#client = new RemotingClient<never>({ runtime, log, connectTimeoutMs: settings.connectTimeoutMillis });
    this.#servers = new NameServerTargets(parts, this.#client, parts.local ?? []);
  }

  /** Registers everywhere; returns when all nameservers answered, or after three seconds. Never rejects. */
  async start(): Promise<void> {
    const { runtime, settings } = this.#parts;
    this.#adopt(this.#servers.all());
    await this.#resolve();
    this.#timers.push(
      runtime.clock.setInterval(() => this.registerAll(), settings.registerNameServerPeriod),
      runtime.clock.setInterval(() => void this.#resolve(), settings.updateNameServerAddrPeriod),
    );
    const first = Promise.all([...this.#targets.values()].map((target) => Promise.resolve(target.running)));
    await Promise.race([first, new Promise<void>((resolve) => runtime.clock.setTimeout(resolve, START_WAIT_MS))]);
  }

  /** Nameservers, and what is wrong with each (undefined: nothing). */
  state(): { readonly address: string; readonly failure: string | undefined }[] {
    return [...this.#targets.values()].map(({ caller, failure }) => ({ address: caller.address, failure }));
  }

  /** All topics, to every nameserver. */
  registerAll(): void {
    for (const target of this.#targets.values()) this.#want(target);
  }

  /** One topic is new or changed. */
  topicChanged(config: TopicConfig): void {
    for (const target of this.#targets.values()) {
      target.changed.set(config.topicName, config);
      this.#run(target);
    }
  }

  /** Takes the broker off all nameservers and closes the connections to them. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers.splice(0)) timer.cancel();
    const { settings, log } = this.#parts;
    const header = this.#identity();
    await Promise.all(
      [...this.#targets.values()].map(async (target) => {
        target.retry?.cancel();
        if (target.failure !== undefined && !target.known) return;
        try {
          await target.caller.invoke("UNREGISTER_BROKER", header, undefined, UNREGISTER_TIMEOUT_MS);
        } catch (fault) {
          log.warn("cannot unregister from a nameserver; it forgets this broker by itself", {
            nameserver: target.caller.address,
            broker: settings.brokerName,
            reason: textOf(fault),
          });
        }
        target.caller.close?.();
      }),
    );
    this.#client.stop();
  }

  // ------------------------------------------------------------------------------------------------------- targets

  async #resolve(): Promise<void> {
    const { added, removed } = await this.#servers.resolve();
    if (this.#stopped) return;
    for (const caller of removed) {
      this.#targets.get(caller)?.retry?.cancel();
      this.#targets.delete(caller);
    }
    this.#adopt(added);
  }

  #adopt(callers: readonly NameServerCaller[]): void {
    for (const caller of callers) {
      if (this.#targets.has(caller)) continue;
      const target: Target = {
        caller,
        known: false,
        failure: undefined,
        changed: new Map(),
        wantsAll: true,
        running: undefined,
        retry: undefined,
      };
      this.#targets.set(caller, target);
      caller.onLost?.(() => this.#lost(target));
      this.#run(target);
    }
  }

  #lost(target: Target): void {
    if (this.#stopped || !this.#targets.has(target.caller)) return;
    target.known = false;
    this.#want(target);
  }

  #want(target: Target): void {
    target.wantsAll = true;
    this.#run(target);
  }

  /** Starts what is wanted, unless a call is under way: that one goes on with it. */
  #run(target: Target): void {
    if (this.#stopped || target.running !== undefined) return;
    target.retry?.cancel();
    target.retry = undefined;
    target.running = this.#drain(target).finally(() => {
      target.running = undefined;
    });
  }

  async #drain(target: Target): Promise<void> {
    while (!this.#stopped && (target.wantsAll || target.changed.size > 0)) {
      const all = target.wantsAll || !target.known;
      const changed = [...target.changed.values()];
      target.wantsAll = false;
      target.changed.clear();
      try {
        if (all) await this.#registerAllAt(target);
        else await this.#registerSome(target, changed);
        this.#succeeded(target);
      } catch (fault) {
        if (this.#stopped) return;
        const wasKnown = target.known;
        target.known = false;
        target.wantsAll = true;
        // A nameserver that knows us no more refuses a single topic: it gets everything at once.
        if (!all && wasKnown && fault instanceof Refused) continue;
        this.#failed(target, textOf(fault));
        return;
      }
    }
  }

  #succeeded(target: Target): void {
    if (target.failure !== undefined)
      this.#parts.log.info("registered with the nameserver again", { nameserver: target.caller.address });
    target.failure = undefined;
    target.known = true;
  }

  /** One line when a nameserver fails and one when it is back, not one a try. */
  #failed(target: Target, reason: string): void {
    if (target.failure === undefined) {
      this.#parts.log.warn("cannot register with a nameserver; it is tried again", {
        nameserver: target.caller.address,
        broker: this.#parts.settings.brokerName,
        reason,
      });
    }
    target.failure = reason;
    target.retry = this.#parts.runtime.clock.setTimeout(() => this.#want(target), RETRY_AFTER_MS);
  }

  // ---------------------------------------------------------------------------------------------------------- calls

  async #registerAllAt(target: Target): Promise<void> {
    const { settings, topics } = this.#parts;
    if (!settings.forceRegister && target.known && !(await this.#needsRegistration(target))) return;
    const all = [...topics.all().values()];
    const size = settings.enableSplitRegistration ? Math.max(settings.splitRegistrationSize, FIRST_TOPICS_MIN) : all.length;
    for (let from = 0; from === 0 || from < all.length; from += size) await this.#register(target, all.slice(from, from + size));
  }

  async #registerSome(target: Target, changed: readonly TopicConfig[]): Promise<void> {
    if (!this.#parts.settings.enableSingleTopicRegister) {
      await this.#register(target, changed);
      return;
    }
    for (const config of changed) await this.#registerTopic(target, config);
  }

  async #register(target: Target, configs: readonly TopicConfig[]): Promise<void> {
    const { runtime, settings, topics, haAddress } = this.#parts;
    const compressed = settings.compressedRegister;
    const value = {
      filterServerList: [],
      topicConfigSerializeWrapper: {
        dataVersion: topics.dataVersion,
        mappingDataVersion: topics.mappingDataVersion,
        topicConfigTable: new Map(configs.map((config) => [config.topicName, this.#asAllowed(config)])),
        topicQueueMappingDetailMap: new Map(),
        topicQueueMappingInfoMap: new Map(),
      },
    };
    const body = compressed
      ? encodeCompressedRegisterBroker(value, (bytes, level) => runtime.compression.deflate(bytes, level))
      : registerBrokerBody.encode(value);
    const reply = await target.caller.invoke(
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
    if (reply.code !== ResponseCode.SUCCESS) throw new Refused(reply);
    this.#take(reply);
  }

  async #registerTopic(target: Target, config: TopicConfig): Promise<void> {
    const { settings } = this.#parts;
    const { readQueueNums, writeQueueNums, topicSysFlag } = config;
    const { perm } = this.#asAllowed(config);
    const body = topicRouteData.encode({
      queueDatas: [{ brokerName: settings.brokerName, readQueueNums, writeQueueNums, perm, topicSysFlag }],
      brokerDatas: [],
      filterServerTable: new Map(),
    });
    const reply = await target.caller.invoke(
      "REGISTER_TOPIC_IN_NAMESRV",
      { topic: config.topicName },
      body,
      settings.registerBrokerTimeoutMills,
    );
    if (reply.code !== ResponseCode.SUCCESS) throw new Refused(reply);
  }

  /** forceRegister=false: whether the nameserver has another version of our topics. Asking also keeps us alive there. */
  async #needsRegistration(target: Target): Promise<boolean> {
    const { settings, topics } = this.#parts;
    const reply = await target.caller.invoke(
      "QUERY_DATA_VERSION",
      this.#identity(),
      dataVersion.encode(topics.dataVersion),
      settings.registerBrokerTimeoutMills,
    );
    if (reply.code !== ResponseCode.SUCCESS) throw new Refused(reply);
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

/** The nameserver answered no. */
class Refused extends Error {
  constructor(reply: PeerReply) {
    super(`it answered ${responseCodeName(reply.code)}: ${reply.remark ?? ""}`);
  }
}

const textOf = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));
