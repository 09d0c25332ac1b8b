/**
 * The broker: stores messages, hands them out, and answers for its topics, groups and clients. This file makes the parts,
 * merges their processors into one exhaustive map, and owns the life cycle; what a request means is in the parts' files.
 *
 * It is whole without a socket: `invoke` calls a processor from the same process. With `listen` it serves the network, on
 * listenPort and on the VIP port two below.
 *
 * Invariants: nothing is served before the store is recovered; nothing is advertised before it is served; after `stop`
 * everything acknowledged is on the disk and no timer, port or lock is left.
 */

import { hostPortText } from "../../wire/host.ts";
import type { ExtFields, SerializeType } from "../../wire/remoting_command.ts";
import type { RequestHeaderOf, RequestName, RequestRow, ServedBy } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { parseHostPort } from "../advertised_rules.ts";
import { AccessControl } from "../auth/auth.ts";
import { PlainAccess } from "../auth/plain_access.ts";
import { adjustSettings } from "../config.ts";
import { LiveConfiguration } from "../config_update.ts";
import { networkTest } from "../networks.ts";
import { Admission } from "../remoting/admission.ts";
import { callLocally, LocalPeer } from "../remoting/local_peer.ts";
import { type Peer, type Processor, type ProcessorMap, RemotingError, type TypedReply } from "../remoting/processor.ts";
import { type ListenAddress, RemotingServer } from "../remoting/server.ts";
import { TlsSetup } from "../remoting/tls_setup.ts";
import type { Endpoint, Log, Runtime, TimerHandle } from "../runtime.ts";
import { DefaultMessageStore } from "../store/default_message_store.ts";
import type { MessageStore } from "../store/message_store.ts";
import { adminProcessors } from "./admin/admin.ts";
import type { AdminParts } from "./admin/admin_parts.ts";
import { ConnectionAddresses } from "./advertised.ts";
import { clientProcessors } from "./clients/client_processors.ts";
import { ConsumerManager } from "./clients/consumers.ts";
import { ProducerManager } from "./clients/producers.ts";
import { ConsumerFilterManager } from "./filters/consumer_filters.ts";
import { brokerLanes } from "./lanes.ts";
import { BrokerLite } from "./lite/lite.ts";
import { BrokerMessages } from "./messages/messages.ts";
import { SubscriptionGroupManager } from "./metadata/groups.ts";
import { TopicConfigManager } from "./metadata/topics.ts";
import { type MetricsExporter, metricsExporter } from "./metrics/broker_exporter.ts";
import { BrokerInstruments } from "./metrics/instruments.ts";
import { ExpiredMessages } from "./offsets/expired_messages.ts";
import { ConsumerOffsetManager } from "./offsets/offsets.ts";
import { type BrokerSettings, brokerOptions } from "./options.ts";
import { BrokerPop } from "./pop/broker_pop.ts";
import { NameServerRegistration } from "./registration/registration.ts";
import { type LocalNameServer, localNameServer } from "./registration/registration_targets.ts";
import { RemoteBrokers } from "./remote_brokers.ts";
import { withStaticTopics } from "./static_topic_requests.ts";
import { BrokerStats } from "./stats.ts";

export interface BrokerOptions {
  readonly runtime: Runtime;
  readonly log: Log;
  /** Live: keys are read when they are needed. */
  readonly settings: BrokerSettings;
  /** Serve bindAddress:listenPort and the VIP port (default true); false leaves the broker to callers in this process. */
  readonly listen?: boolean;
  /** A nameserver in this process, registered with beside those of namesrvAddr; it tells clients what `addresses` says. */
  readonly nameServer?: LocalNameServer;
  /** Which address clients are told; made from the settings when left out. */
  readonly addresses?: ConnectionAddresses;
  /** How headers of requests of our own are written, to nameservers and to clients (default JSON); replies follow theirs. */
  readonly serializeType?: SerializeType;
}

/** What a start-up line needs. */
export interface BrokerDescription {
  readonly brokerName: string;
  /** What is listened on; empty without a network. */
  readonly listening: readonly (Endpoint & { readonly fastPort: boolean })[];
  /** `host:port` that nameservers are told. */
  readonly registeredAddress: string;
  /** What is advertised to whom, and why: a sentence a line. */
  readonly advertised: readonly string[];
  /** Nameservers, and what is wrong with each (undefined: nothing). */
  readonly nameServers: readonly { readonly address: string; readonly failure: string | undefined }[];
}

/**
 * When each step of an orderly stop is given up, in ms from its beginning: whatever hangs, the next ones get their time, and
 * all is over within five seconds.
 */
const STOP_BY_MS = { refuse: 500, unregister: 1_500, answer: 2_500, save: 3_000, close: 4_300, disconnect: 4_600 };
/** Clients in the middle of sending get so long to hear that they are to go, before their connections close. */
const DRAIN_MS = 100;
const VIP_PORT_DISTANCE = 2;
const PROTECT_INTERVAL_MS = 3 * 60_000;
const DAY_MS = 86_400_000;
const MIDNIGHT_LOOK_INTERVAL_MS = 600_000;

export class Broker {
  readonly settings: BrokerSettings;
  readonly store: MessageStore;
  readonly topics: TopicConfigManager;
  readonly groups: SubscriptionGroupManager;
  readonly offsets: ConsumerOffsetManager;
  readonly filters: ConsumerFilterManager;
  readonly consumers: ConsumerManager;
  readonly producers: ProducerManager;
  readonly stats: BrokerStats;
  readonly addresses: ConnectionAddresses;
  /** Lite topics: who is subscribed to what, and their end. */
  readonly lite: BrokerLite;
  readonly processors: ProcessorMap<"broker">;
  readonly #options: BrokerOptions;
  readonly #access: AccessControl;
  /** In place of `#access`, with aclEnable. */
  readonly #plainAccess: PlainAccess | undefined;
  readonly #messages: BrokerMessages;
  readonly #pop: BrokerPop;
  readonly #registration: NameServerRegistration;
  readonly #remote: RemoteBrokers;
  readonly #tls: TlsSetup;
  /** Undefined while metrics are not exported. */
  readonly #metrics: MetricsExporter | undefined;
  readonly #localPeer = new LocalPeer();
  /** Stands in for the server's when there is no network. */
  readonly #idleAdmission: Admission;
  readonly #timers: TimerHandle[] = [];
  #server: RemotingServer<"broker"> | undefined;
  /** Ends what the nameserver in this process tells clients of us. */
  #withdraw: (() => void) | undefined;
  #loaded = false;
  #state: "new" | "starting" | "running" | "stopping" | "stopped" = "new";
  #stopping: Promise<void> | undefined;

  /** @throws Error naming the key when a setting can't be used. */
  constructor(options: BrokerOptions) {
    const { runtime, log, settings } = options;
    this.#options = options;
    this.settings = settings;
    this.#idleAdmission = new Admission(brokerLanes(settings));
    const base = { runtime, log, settings };
    const { clock } = runtime;
    this.#tls = new TlsSetup(runtime, log, settings);
    this.store = new DefaultMessageStore(runtime, log, settings, (topic) => this.topics.find(topic)?.attributes);
    this.stats = new BrokerStats(clock, settings.brokerClusterName);
    this.topics = new TopicConfigManager({
      ...base,
      changed: (config) => this.#registration.topicChanged(config),
      deleted: () => this.#registration.registerAll(),
    });
    if (settings.metricsExporterType !== "DISABLE") {
      this.stats.instruments = new BrokerInstruments(() => settings.metricsOtelCardinalityLimit);
    }
    this.groups = new SubscriptionGroupManager(base);
    this.offsets = new ConsumerOffsetManager(base);
    this.filters = new ConsumerFilterManager(base);
    this.consumers = new ConsumerManager({ clock, log, settings, groups: this.groups, filters: this.filters });
    this.producers = new ProducerManager({ clock, log });
    this.#plainAccess = PlainAccess.of({ runtime, log, settings });
    this.#access = new AccessControl({
      ...base,
      directory: `${settings.storePathRootDir}/config`,
      clusterName: settings.brokerClusterName,
      home: settings.rocketmqHome,
    });
    this.addresses = options.addresses ?? new ConnectionAddresses({ ...base, oneProcess: options.nameServer !== undefined });
    const parts = {
      ...base,
      store: this.store,
      topics: this.topics,
      groups: this.groups,
      offsets: this.offsets,
      consumers: this.consumers,
      filters: this.filters,
      producers: this.producers,
      stats: this.stats,
      addresses: this.addresses,
    };
    this.#messages = new BrokerMessages(parts);
    this.#pop = new BrokerPop(parts, this.#messages.timer, (topic, asLogic) => this.#registration.queuesOf(topic, asLogic));
    this.lite = new BrokerLite(parts, (topic) => this.#registration.writeBrokersOf(topic));
    const expired = new ExpiredMessages({ ...parts, delayOffsets: () => this.#messages.schedule.offsets });
    this.store.onExpired((range) => expired.expired(range));
    this.#registration = new NameServerRegistration({
      ...base,
      topics: this.topics,
      brokerAddress: () => this.addresses.registeredAddress(),
      haAddress: () => this.#haAddress(),
      tls: () => this.#tls.client(),
      local: options.nameServer === undefined ? [] : [localNameServer(options.nameServer)],
      ...(options.serializeType === undefined ? {} : { serializeType: options.serializeType }),
    });
    const admin: AdminParts = {
      ...parts,
      schedule: this.#messages.schedule,
      expired,
      timer: this.#messages.timer,
      access: this.#access,
      plainAccess: this.#plainAccess,
      configuration: new LiveConfiguration({
        table: brokerOptions,
        settings,
        files: runtime.files,
        log,
        path: () => settings.brokerConfigPath ?? `${settings.storePathRootDir}/config/broker.properties`,
        blackList: () => settings.configBlackList,
      }),
      lite: this.lite,
      registerAll: () => this.#registration.registerAll(),
      nameServersTold: () => this.#registration.told(),
      admission: () => this.#server?.admission ?? this.#idleAdmission,
      registeredAddress: () => this.addresses.registeredAddress(),
      bootTimestamp: clock.now(),
      bootMonotonicMs: clock.monotonic(),
    };
    this.#metrics = metricsExporter({
      ...parts,
      admission: admin.admission,
      timer: this.#messages.timer,
      checkPoints: this.#pop.checkPoints,
      transactions: this.#messages.transactions.metrics,
    });
    const processors = {
      ...this.#messages.processors,
      ...this.#pop.processors,
      ...this.lite.processors,
      ...this.lite.acksBeside(this.#pop.processors),
      ...clientProcessors(parts),
      ...adminProcessors(admin),
    };
    this.#remote = new RemoteBrokers({
      runtime: options.runtime,
      log: options.log,
      settings,
      tls: () => this.#tls.client(),
      addressOf: (topic, brokerName) => this.#registration.masterOf(topic, brokerName),
    });
    this.processors = withStaticTopics(processors, this.topics.mappings, settings, this.#remote.invoke);
  }

  // ----------------------------------------------------------------------------------------------------- life cycle

  /**
   * Recovers the store, serves, and registers with the nameservers.
   * @throws Error naming the file or key that stands in the way; nothing is left open then.
   */
  async start(): Promise<BrokerDescription> {
    if (this.#state !== "new") throw new Error(`the broker is ${this.#state}; it starts once`);
    this.#state = "starting";
    try {
      // Reading only, as the store must know the kinds of the topics' queues. Then the store: it locks the directory, which
      // no other process may be writing to from here on.
      this.topics.load();
      await this.store.load();
      this.groups.load();
      this.offsets.load();
      this.filters.load();
      this.#pop.load();
      await this.#messages.load();
      this.#access.load();
      this.#plainAccess?.start();
      this.#loaded = true;
      await this.addresses.refresh();
      await this.#tls.start();
      await this.#listen();
      this.#withdraw = this.#options.nameServer?.advertise(this.settings.brokerName, this.settings.brokerId, (peer) =>
        this.addresses.brokerAddressFor(peer),
      );
      this.#startServices();
      await this.#metrics?.start();
      await this.#registration.start();
    } catch (fault) {
      await this.stop();
      throw fault;
    }
    if (this.#state === "starting") this.#state = "running";
    return this.describe();
  }

  /**
   * Stops in order: clients are sent away and sends are refused, the nameservers are told, held pulls are answered, all
   * is flushed and closed. Takes less than five seconds. May be called in any state, and more than once.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopInOrder();
    return this.#stopping;
  }

  describe(): BrokerDescription {
    const addresses = this.#server?.addresses ?? [];
    return {
      brokerName: this.settings.brokerName,
      listening: addresses.map((address, index) => ({ ...address, fastPort: index > 0 })),
      registeredAddress: this.addresses.registeredAddress(),
      advertised: this.addresses.explain(),
      nameServers: this.#registration.state(),
    };
  }

  /**
   * A call from the same process: same checks, same errors (thrown as RemotingError) as over the network.
   * @param caller Who calls, for what is kept by connection (heartbeats, locks); one peer for all calls when left out.
   * @returns the reply; undefined where a request gets none.
   */
  async invoke<N extends ServedBy<"broker">>(
    name: N,
    header: RequestHeaderOf<N>,
    body?: Uint8Array,
    caller: { readonly peer?: Peer; readonly extFields?: ExtFields } = {},
  ): Promise<TypedReply<N> | undefined> {
    if (this.#state !== "running" && this.#state !== "starting") {
      throw new RemotingError(
        ResponseCode.SERVICE_NOT_AVAILABLE,
        `${name}: the broker ${this.settings.brokerName} is ${this.#state}`,
      );
    }
    const { peer = this.#localPeer, extFields } = caller;
    return callLocally<N>(this.processors[name] as Processor<N>, peer, this.#options.runtime.clock, header, body, extFields);
  }

  // --------------------------------------------------------------------------------------------------------- inwards

  async #listen(): Promise<void> {
    const { runtime, log, listen = true, serializeType } = this.#options;
    const { settings } = this;
    if (!listen) return;
    this.#server = new RemotingServer({
      runtime,
      log,
      role: "broker",
      processors: this.processors,
      listen: this.#ports(),
      lanes: brokerLanes(settings),
      idleSeconds: () => settings.serverChannelMaxIdleTimeSeconds,
      awakeMs: () => settings.busyPollMicros / 1000,
      access: this.#plainAccess?.forServer() ?? this.#access.forServer(),
      observe: settings.enableRemotingMetrics ? this.stats.instruments?.observer : undefined,
      backlog: settings.serverSocketBacklog,
      tls: this.#tls,
      trustsProxy: networkTest(settings.proxyProtocolFrom),
      ...(serializeType === undefined ? {} : { serializeType }),
    });
    const [main] = await this.#server.start();
    if (main !== undefined && settings.listenPort === 0)
      adjustSettings<typeof brokerOptions>(settings, { listenPort: main.port });
  }

  /** The main port, and the VIP port where there is one: none beside a port that the kernel chooses. */
  #ports(): ListenAddress[] {
    const { bindAddress: host, listenPort: port } = this.settings;
    const vip = port - VIP_PORT_DISTANCE;
    return vip > 0
      ? [
          { host, port },
          { host, port: vip, fastPort: true },
        ]
      : [{ host, port }];
  }

  #startServices(): void {
    const { clock } = this.#options.runtime;
    const { settings } = this;
    this.stats.start();
    this.consumers.start();
    this.producers.start();
    this.offsets.start();
    this.filters.start();
    this.#messages.startMaster();
    this.#pop.start();
    this.lite.start();
    this.#timers.push(
      clock.setInterval(() => void this.addresses.refresh(), settings.updateNameServerAddrPeriod),
      clock.setInterval(() => this.#protect(), PROTECT_INTERVAL_MS),
    );
    this.#awaitMidnight();
  }

  /** disableConsumeIfConsumerReadSlowly: a group that reads far behind, and so from the disk, loses its read right. */
  #protect(): void {
    const { settings, groups } = this;
    if (!settings.disableConsumeIfConsumerReadSlowly) return;
    for (const { group, topic, bytes } of this.stats.slowGroups(settings.consumerFallbehindThreshold)) {
      const config = groups.find(group);
      if (config === undefined || !config.consumeEnable) continue;
      this.#options.log.warn("a consumer group is too far behind and may not read any more", {
        group,
        topic,
        behindBytes: bytes,
        key: "consumerFallbehindThreshold",
        mend: "consumeEnable=true by updateSubGroup",
      });
      groups.update({ ...config, consumeEnable: false, attributes: {} });
    }
  }

  /** Counters of the day turn at local midnight. It is looked for again and again, as the wall clock may jump. */
  #awaitMidnight(): void {
    const { clock, system } = this.#options.runtime;
    const localMs = (): number => {
      const now = clock.now();
      return now + system.utcOffsetMinutes(now) * 60_000;
    };
    const dayOf = (ms: number): number => Math.floor(ms / DAY_MS);
    const now = localMs();
    const timer = clock.setTimeout(
      () => {
        this.#timers.splice(this.#timers.indexOf(timer), 1);
        if (dayOf(localMs()) !== dayOf(now)) this.stats.turnDay();
        this.#awaitMidnight();
      },
      Math.min(DAY_MS - (now % DAY_MS), MIDNIGHT_LOOK_INTERVAL_MS),
    );
    this.#timers.push(timer);
  }

  async #stopInOrder(): Promise<void> {
    const { log } = this.#options;
    this.#state = "stopping";
    for (const timer of this.#timers.splice(0)) timer.cancel();
    const startedAt = this.#options.runtime.clock.monotonic();
    const by = (step: keyof typeof STOP_BY_MS): number => startedAt + STOP_BY_MS[step];
    await this.#step(by("refuse"), "refuse new requests", () => this.#server?.drain((name, row) => this.#refusal(name, row)));
    await this.#step(by("unregister"), "unregister from the nameservers", () => this.#registration.stop());
    if ((this.#server?.connectionCount ?? 0) > 0) await this.#pause(DRAIN_MS);
    await this.#step(by("answer"), "answer held requests", async () => {
      this.#pop.close();
      this.lite.close();
      await this.#pop.stop();
      await this.lite.stop();
      await this.#messages.close();
    });
    await this.#step(by("save"), "end the service of metrics", () => this.#metrics?.stop());
    this.#remote.stop();
    this.consumers.stop();
    this.producers.stop();
    this.stats.stop();
    this.offsets.stop();
    this.#plainAccess?.stop();
    this.filters.stop();
    // What was not read must not be overwritten with nothing.
    if (this.#loaded) {
      await this.#step(by("save"), "save consumer offsets", () => this.offsets.persist());
      await this.#step(by("save"), "save consumer filters", () => this.filters.persist());
    }
    await this.#step(by("close"), "close the store", () => this.store.close());
    await this.#step(by("disconnect"), "close connections", () => this.#server?.stop());
    this.#tls.stop();
    this.#withdraw?.();
    this.#localPeer.close();
    this.#state = "stopped";
    log.info("broker stopped", { broker: this.settings.brokerName });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.runtime.clock.setTimeout(resolve, ms));
  }

  /**
   * One step of the stop, given up at `deadline` (on the monotonic clock): a step that fails or hangs is named and must not
   * keep the others from being taken.
   */
  async #step(deadline: number, what: string, action: () => void | Promise<void> | undefined): Promise<void> {
    const { clock } = this.#options.runtime;
    let timer: TimerHandle | undefined;
    try {
      const late = new Promise<"late">((resolve) => {
        timer = clock.setTimeout(() => resolve("late"), Math.max(DRAIN_MS, deadline - clock.monotonic()));
      });
      const outcome = await Promise.race([Promise.resolve(action()).then(() => "done" as const), late]);
      if (outcome === "late") this.#options.log.warn("a step of the stop takes too long; going on", { step: what });
    } catch (fault) {
      this.#options.log.error("a step of the stop failed", {
        step: what,
        reason: fault instanceof Error ? fault.message : String(fault),
      });
    } finally {
      timer?.cancel();
    }
  }

  /** What clients that don't know GO_AWAY may not do any more while the broker stops: they try another one then. */
  #refusal(name: RequestName, row: RequestRow): RemotingError | undefined {
    if (row.lane !== "send") return undefined;
    return new RemotingError(
      ResponseCode.SERVICE_NOT_AVAILABLE,
      `${name} refused: the broker ${this.settings.brokerName} is shutting down`,
    );
  }

  /** Where replication is served from; nothing listens there yet, but nameservers ask for it. */
  #haAddress(): string {
    const { haListenPort, listenPort } = this.settings;
    const host = parseHostPort(this.addresses.registeredAddress())?.host ?? "127.0.0.1";
    return hostPortText(host, haListenPort === 0 ? listenPort + 1 : haListenPort);
  }
}
