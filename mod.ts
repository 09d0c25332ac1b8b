/**
 * EdgeMQ: the nameserver and broker of Apache RocketMQ, to be embedded. The public door: re-exports only.
 *
 * A runtime comes from its adapter, so that only one is loaded: `edgemq/bun`, `edgemq/deno`, `edgemq/node`, and
 * `edgemq/memory` for one wholly in memory (`adapters/bun.ts`, `adapters/deno.ts`, `adapters/node.ts`,
 * `adapters/sim/memory.ts`). The client has a door of its own, `edgemq/client`.
 */
export { consoleLog, silentLog } from "./adapters/shared/log.ts";
export { ConnectionAddresses } from "./core/broker/advertised.ts";
export { Broker, type BrokerDescription, type BrokerOptions } from "./core/broker/broker.ts";
export { type BrokerSettings, type BrokerSettingsInput, brokerOptions } from "./core/broker/options.ts";
export type { LocalNameServer } from "./core/broker/registration/registration_targets.ts";
export { ConfigError, loadSettings, settingsWith } from "./core/config.ts";
export { NameServer, type NameServerOptions } from "./core/namesrv/namesrv.ts";
export { type NamesrvSettings, type NamesrvSettingsInput, namesrvOptions } from "./core/namesrv/options.ts";
export { parseProperties } from "./core/properties.ts";
export { LocalPeer } from "./core/remoting/local_peer.ts";
export { type Peer, type PeerReply, RemotingError, RemotingFault, type TypedReply } from "./core/remoting/processor.ts";
export type { ListenAddress } from "./core/remoting/server.ts";
export type { Log, Runtime } from "./core/runtime.ts";
export { type RocketMQ, type StartOptions, startRocketMQ } from "./start_rocketmq.ts";
export { ResponseCode } from "./wire/response_code.ts";
