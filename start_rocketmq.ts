/**
 * A RocketMQ for other people's unit tests: a nameserver and a broker in this process, with nothing on the disk, ready in
 * milliseconds, gone with `close`.
 *
 * ```ts
 * const rocketmq = await startRocketMQ({ listen: true });
 * // any RocketMQ client: namesrvAddr = rocketmq.namesrvAddr; or, without `listen`, a client over connections in memory:
 * const producer = new Producer(rocketmq.client(), { producerGroup: "orders" });
 * await rocketmq.close();
 * ```
 */
import { silentLog } from "./adapters/shared/log.ts";
import { memoryRuntime } from "./adapters/sim/memory.ts";
import { Broker } from "./core/broker/broker.ts";
import { type BrokerSettingsInput, brokerOptions } from "./core/broker/options.ts";
import { ClientInstance, type ClientOptions } from "./core/client/client_instance.ts";
import { settingsWith } from "./core/config.ts";
import { NameServer } from "./core/namesrv/namesrv.ts";
import { type NamesrvSettingsInput, namesrvOptions } from "./core/namesrv/options.ts";
import { endpointText } from "./core/remoting/connection.ts";
import type { Log, Runtime } from "./core/runtime.ts";

export interface StartOptions {
  /** Serve clients on free ports of 127.0.0.1 (default false: only `invoke` reaches the two). */
  readonly listen?: boolean;
  /** Keys of broker.conf. */
  readonly broker?: BrokerSettingsInput;
  /** Keys of namesrv.conf. */
  readonly namesrv?: NamesrvSettingsInput;
  /** Default: nothing is logged. */
  readonly log?: Log;
  /** What this process runs on; found out when left out. */
  readonly runtime?: Runtime;
}

export interface RocketMQ {
  readonly nameServer: NameServer;
  readonly broker: Broker;
  /** `host:port` for clients; undefined without `listen`. */
  readonly namesrvAddr: string | undefined;
  /** A client of the two, over connections in memory, or over the loopback with `listen`. `close` closes it too. */
  client(options?: Partial<ClientOptions>): ClientInstance;
  /** Stops both. No port, timer or file is left. May be called more than once. */
  close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
/** Files of a store in memory: small, since an index is allocated whole. */
const MEMORY_STORE: BrokerSettingsInput = {
  storePathRootDir: "/store",
  mappedFileSizeCommitLog: 16 * 1024 * 1024,
  mappedFileSizeConsumeQueue: 20 * 1000,
  maxHashSlotNum: 10_000,
  maxIndexNum: 40_000,
};

/** @throws ConfigError for a key that can't be used; rejects when a port can't be had. */
export async function startRocketMQ(options: StartOptions = {}): Promise<RocketMQ> {
  const { listen = false, log = silentLog } = options;
  const host = options.runtime ?? (await hostRuntime());
  const memory = memoryRuntime(host);
  const runtime: Runtime = listen
    ? { ...memory, net: host.net, dns: host.dns, system: host.system, ...(host.tls && { tls: host.tls }) }
    : memory;
  const { system } = runtime;
  const namesrvSettings = settingsWith(
    namesrvOptions,
    { kvConfigPath: "/namesrv/kvConfig.json", configStorePath: "/namesrv/namesrv.properties", ...options.namesrv },
    system,
  );
  const brokerSettings = settingsWith(
    brokerOptions,
    { brokerName: "broker-a", bindAddress: LOOPBACK, listenPort: 0, namesrvAddr: "", ...MEMORY_STORE, ...options.broker },
    system,
  );
  const nameServer = new NameServer({
    runtime,
    log,
    settings: namesrvSettings,
    // In memory a listener costs nothing, and is there for clients of this process.
    listen: [{ host: LOOPBACK, port: options.namesrv?.listenPort ?? 0 }],
  });
  const broker = new Broker({ runtime, log, settings: brokerSettings, nameServer });
  const [address] = await nameServer.start();
  try {
    await broker.start();
  } catch (fault) {
    await nameServer.stop();
    throw fault;
  }
  const namesrvAddr = address === undefined ? "" : endpointText(address);
  const clients = new Set<ClientInstance>();
  return {
    nameServer,
    broker,
    namesrvAddr: listen ? namesrvAddr : undefined,
    client(clientOptions = {}) {
      const client = new ClientInstance({ runtime, log, namesrvAddr, ...clientOptions });
      clients.add(client);
      return client;
    },
    async close() {
      await Promise.all([...clients].map((client) => client.close()));
      await broker.stop();
      await nameServer.stop();
    },
  };
}

/** Each adapter is loaded only where it works. */
async function hostRuntime(): Promise<Runtime> {
  if ("Bun" in globalThis) return (await import("./adapters/bun.ts")).bunRuntime();
  if ("Deno" in globalThis) return (await import("./adapters/deno.ts")).denoRuntime();
  return (await import("./adapters/node.ts")).nodeRuntime();
}
