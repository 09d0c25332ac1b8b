/**
 * The nameserver: tells clients which brokers offer a topic, and brokers that they are known. It owns the routing tables
 * (`../routing/`, its rules), the KV configuration and its own configuration; it stores no message, elects nobody, and has
 * no peers: several nameservers know nothing of each other, every broker registers with each.
 *
 * It is whole without a socket: `processors` answers typed requests of any `Peer`, so a broker, a test or a console in the
 * same process calls it directly. With `listen` it serves them itself.
 *
 * Invariants: what is told is what brokers that are alive registered, and nothing else survives a restart but KV and
 * configuration; a broker is gone at once when its connection closes, else after its time-out on the monotonic clock;
 * answers to routes are kept as bytes until a table changes.
 */
import type { ExtFields, SerializeType } from "../../wire/remoting_command.ts";
import type { RequestHeaderOf, ServedBy } from "../../wire/requests.ts";
import { AccessControl } from "../auth/auth.ts";
import { signerOf } from "../auth/credentials.ts";
import { LiveConfiguration } from "../config_update.ts";
import { directoryOf } from "../durable_files.ts";
import { networkTest } from "../networks.ts";
import { RemotingClient } from "../remoting/client.ts";
import { callLocally } from "../remoting/local_peer.ts";
import type { Peer, ProcessorMap, TypedReply } from "../remoting/processor.ts";
import { type ListenAddress, RemotingServer } from "../remoting/server.ts";
import { TlsSetup } from "../remoting/tls_setup.ts";
import type { MinBrokerIdChange } from "../routing/registration.ts";
import { RouteInfoManager } from "../routing/route_info_manager.ts";
import type { Endpoint, Log, Runtime, TimerHandle } from "../runtime.ts";
import { brokerProcessors } from "./broker_processors.ts";
import { configProcessors } from "./config_processors.ts";
import { KVConfigManager } from "./kv_config.ts";
import { kvProcessors } from "./kv_processors.ts";
import { type NamesrvSettings, namesrvOptions } from "./options.ts";
import { RouteAnswers } from "./route_answers.ts";
import { AdvertisedBrokers, routeProcessors } from "./route_processors.ts";
import { topicProcessors } from "./topic_processors.ts";
import { UnregisterQueue } from "./unregister_queue.ts";

export interface NameServerOptions {
  readonly runtime: Runtime;
  readonly log: Log;
  /** Live: keys are read when they are needed. */
  readonly settings: NamesrvSettings;
  /** Ports to serve; none leaves the nameserver to callers in this process. */
  readonly listen?: readonly ListenAddress[];
  /** How headers of requests of our own are written (default JSON); replies follow theirs. */
  readonly serializeType?: SerializeType;
  readonly frameBytesMax?: number;
  /** Sends NOTIFY_MIN_BROKER_ID_CHANGE; over connections of our own without it. */
  readonly notifyBrokers?: (change: MinBrokerIdChange) => void;
}

/** As Apache: the first look comes at once, the next after an interval. */
const FIRST_SCAN_DELAY_MS = 5;

export class NameServer {
  readonly processors: ProcessorMap<"namesrv">;
  readonly routes: RouteInfoManager;
  readonly kvConfig: KVConfigManager;
  readonly #options: NameServerOptions;
  readonly #access: AccessControl;
  readonly #unregisterQueue: UnregisterQueue;
  readonly #tls: TlsSetup;
  readonly #server: RemotingServer<"namesrv"> | undefined;
  readonly #watched = new WeakSet<Peer>();
  readonly #advertised = new AdvertisedBrokers();
  #client: RemotingClient | undefined;
  #scans: TimerHandle[] = [];
  #startedAt: number;

  constructor(options: NameServerOptions) {
    const { runtime, log, settings, listen = [] } = options;
    this.#options = options;
    this.#startedAt = runtime.clock.monotonic();
    this.routes = new RouteInfoManager({ clock: runtime.clock, log, settings });
    this.kvConfig = new KVConfigManager({ files: runtime.files, log, path: settings.kvConfigPath });
    this.#access = new AccessControl({
      runtime,
      log,
      settings,
      directory: directoryOf(settings.kvConfigPath),
      clusterName: "DefaultCluster",
    });
    this.#unregisterQueue = new UnregisterQueue(
      runtime.clock,
      () => settings.unRegisterBrokerQueueCapacity,
      (batch) => {
        for (const change of this.routes.unregister(batch)) this.#notify(change);
      },
    );
    this.#tls = new TlsSetup(runtime, log, settings);
    this.processors = this.#makeProcessors();
    if (listen.length > 0) {
      const { serializeType, frameBytesMax } = options;
      this.#server = new RemotingServer({
        runtime,
        log,
        role: "namesrv",
        processors: this.processors,
        listen,
        access: this.#access.forServer(),
        idleSeconds: () => settings.serverChannelMaxIdleTimeSeconds,
        backlog: settings.serverSocketBacklog,
        tls: this.#tls,
        trustsProxy: networkTest(settings.proxyProtocolFrom),
        ...(serializeType === undefined ? {} : { serializeType }),
        ...(frameBytesMax === undefined ? {} : { frameBytesMax }),
      });
    }
  }

  /** Addresses listened on; empty without `listen`, and before `start`. */
  get addresses(): readonly Endpoint[] {
    return this.#server?.addresses ?? [];
  }

  /**
   * Reads the KV configuration, listens, and begins to look for silent brokers.
   * @throws Error when the KV configuration can't be read; rejects with the RuntimeFault when a port can't be had.
   */
  async start(): Promise<readonly Endpoint[]> {
    const { clock } = this.#options.runtime;
    this.kvConfig.load();
    this.#access.load();
    this.#startedAt = clock.monotonic();
    await this.#tls.start();
    const addresses = (await this.#server?.start()) ?? [];
    const scan = () => this.scanNotActiveBroker();
    this.#scans = [
      clock.setTimeout(scan, FIRST_SCAN_DELAY_MS),
      clock.setInterval(scan, this.#options.settings.scanNotActiveBrokerInterval),
    ];
    return addresses;
  }

  /** Closes ports and connections. Nothing has to be saved: every change of KV and configuration already is. */
  async stop(): Promise<void> {
    for (const timer of this.#scans.splice(0)) timer.cancel();
    this.#tls.stop();
    await this.#server?.stop();
    this.#client?.stop();
  }

  /**
   * From now on clients are told `addressFor(client)`, `host:port`, instead of the address that this broker registered: one
   * in the same process knows by which address it is reached. Called for every address of an answer: cheap, without side
   * effects. @returns what takes it back.
   */
  advertise(brokerName: string, brokerId: number, addressFor: (peer: Peer) => string): () => void {
    return this.#advertised.add(brokerName, brokerId, addressFor);
  }

  /** A call from the same process, with the checks and errors (RemotingError) of one over the network. */
  invoke<N extends ServedBy<"namesrv">>(
    name: N,
    peer: Peer,
    header: RequestHeaderOf<N>,
    body?: Uint8Array,
    extFields?: ExtFields,
  ): Promise<TypedReply<N> | undefined> {
    return callLocally<N>(this.processors[name], peer, this.#options.runtime.clock, header, body, extFields);
  }

  /** Takes out brokers that were silent for longer than their time-out, and closes their connections. */
  scanNotActiveBroker(): void {
    for (const broker of this.routes.expired()) {
      const { brokerName, brokerAddr, timeoutMs } = broker;
      this.#options.log.warn("a broker was silent for too long", { broker: brokerName, address: brokerAddr, timeoutMs });
      this.#unregisterQueue.add(broker);
      (broker.channel as Peer).close();
    }
    this.#unregisterQueue.drain();
  }

  #makeProcessors(): ProcessorMap<"namesrv"> {
    const { runtime, log, settings } = this.#options;
    const { routes, kvConfig } = this;
    const configuration = new LiveConfiguration({
      table: namesrvOptions,
      settings,
      files: runtime.files,
      log,
      path: () => settings.configStorePath,
      blackList: () => settings.configBlackList,
    });
    return {
      ...brokerProcessors({
        runtime,
        log,
        settings,
        routes,
        kvConfig,
        unregister: this.#unregisterQueue,
        watch: (peer) => this.#watch(peer),
        notify: (change) => this.#notify(change),
      }),
      ...routeProcessors({
        clock: runtime.clock,
        settings,
        routes,
        answers: new RouteAnswers(routes, kvConfig, settings),
        advertised: this.#advertised,
        startedAt: () => this.#startedAt,
      }),
      ...topicProcessors({ log, settings, routes }),
      ...kvProcessors(kvConfig),
      ...configProcessors(configuration),
    };
  }

  /** From now on the close of this connection takes its brokers out. */
  #watch(peer: Peer): void {
    if (this.#watched.has(peer)) return;
    this.#watched.add(peer);
    peer.onClose(() => {
      for (const broker of this.routes.brokersOf(peer)) {
        this.#options.log.info("a broker's connection closed", { broker: broker.brokerName, address: broker.brokerAddr });
        this.#unregisterQueue.add(broker);
      }
    });
  }

  #notify(change: MinBrokerIdChange): void {
    const { log, runtime, notifyBrokers, serializeType } = this.#options;
    const { brokerName, minBrokerId, minBrokerAddr, offlineBrokerAddr, haBrokerAddr, notify } = change;
    log.info("min broker id changed", {
      broker: brokerName,
      minBrokerId,
      minBrokerAddr,
      offlineBrokerAddr,
      notify: notify.join(),
    });
    if (notifyBrokers !== undefined) {
      notifyBrokers(change);
      return;
    }
    this.#client ??= new RemotingClient({
      runtime,
      log,
      sign: signerOf(runtime.digest, this.#options.settings),
      tls: () => this.#tls.client(),
      ...(serializeType === undefined ? {} : { serializeType }),
    });
    for (const address of notify) {
      this.#client
        .oneway(address, "NOTIFY_MIN_BROKER_ID_CHANGE", { minBrokerId, minBrokerAddr, offlineBrokerAddr, haBrokerAddr })
        .catch((fault: unknown) => {
          log.warn("a broker could not be told of the new min broker id", { address, error: (fault as Error).message });
        });
    }
  }
}
