/**
 * Keys of Apache's NettyServerConfig and NettyClientConfig, read by every server from its own file. There is no Netty here:
 * the ones that mean something for any server are acted on.
 */
import { bool, int, long, type OptionsOf, port, text, withoutEffect } from "./config.ts";
import { type LogSettings, logOptions } from "./log_options.ts";
import { listenHost } from "./option_checks.ts";
import { type TlsSettings, tlsOptions } from "./tls_options.ts";

const NOT_NETTY = "it tunes Netty, which is not here";

/** `listenPort` differs by server, so it is a parameter. */
export function nettyServerOptions(listenPort: number): OptionsOf<NettyServerSettings> {
  return {
    bindAddress: text(
      "0.0.0.0",
      "never",
      "IP address that the server listens on; 0.0.0.0 is every IPv4 interface, :: every interface.",
      listenHost,
    ),
    listenPort: port(
      listenPort,
      "TCP port of the server; 0 asks for a free one. The broker also listens on listenPort - 2 (VIP).",
    ),
    serverChannelMaxIdleTimeSeconds: int(120, "live", "A connection without traffic is closed after this many seconds.", {
      min: 1,
    }),
    serverSocketBacklog: int(1024, "restart", "Connections that the kernel queues before they are accepted.", {
      min: 1,
      max: 65535,
    }),
    ...tlsOptions,
    ...logOptions,
    ...withoutEffect(NOT_NETTY, {
      serverWorkerThreads: int(8),
      serverCallbackExecutorThreads: int(0),
      serverSelectorThreads: int(3),
      serverOnewaySemaphoreValue: int(256),
      serverAsyncSemaphoreValue: int(64),
      serverSocketSndBufSize: int(0),
      serverSocketRcvBufSize: int(0),
      writeBufferHighWaterMark: int(0),
      writeBufferLowWaterMark: int(0),
      serverNettyWorkerGroupEnable: bool(true),
      serverPooledByteBufAllocatorEnable: bool(true),
      useEpollNativeSelector: bool(false),
    }),
    ...withoutEffect("a stop is always graceful and takes at most 5 s", {
      enableShutdownGracefully: bool(false),
      shutdownWaitTimeSeconds: int(30),
    }),
  };
}

/** Connections that a broker opens: to nameservers. */
export const nettyClientOptions: OptionsOf<NettyClientSettings> = {
  connectTimeoutMillis: int(3000, "restart", "Time for opening a connection to a nameserver, in ms.", { min: 1 }),
  ...withoutEffect(NOT_NETTY, {
    clientWorkerThreads: int(4),
    clientCallbackExecutorThreads: int(2),
    clientOnewaySemaphoreValue: int(65535),
    clientAsyncSemaphoreValue: int(65535),
    channelNotActiveInterval: long(60_000),
    clientChannelMaxIdleTimeSeconds: int(120),
    clientSocketSndBufSize: int(0),
    clientSocketRcvBufSize: int(0),
    clientPooledByteBufAllocatorEnable: bool(false),
    clientCloseSocketIfTimeout: bool(true),
    disableCallbackExecutor: bool(false),
    disableNettyWorkerGroup: bool(false),
    scanAvailableNameSrv: bool(true),
    maxReconnectIntervalTimeSeconds: long(60),
    enableReconnectForGoAway: bool(true),
  }),
  ...withoutEffect("connections between servers go there directly", {
    socksProxyConfig: text("{}"),
  }),
};

export interface NettyServerSettings extends TlsSettings, LogSettings {
  readonly bindAddress: string;
  readonly enableShutdownGracefully: boolean;
  readonly listenPort: number;
  readonly serverAsyncSemaphoreValue: number;
  readonly serverCallbackExecutorThreads: number;
  readonly serverChannelMaxIdleTimeSeconds: number;
  readonly serverNettyWorkerGroupEnable: boolean;
  readonly serverOnewaySemaphoreValue: number;
  readonly serverPooledByteBufAllocatorEnable: boolean;
  readonly serverSelectorThreads: number;
  readonly serverSocketBacklog: number;
  readonly serverSocketRcvBufSize: number;
  readonly serverSocketSndBufSize: number;
  readonly serverWorkerThreads: number;
  readonly shutdownWaitTimeSeconds: number;
  readonly useEpollNativeSelector: boolean;
  readonly writeBufferHighWaterMark: number;
  readonly writeBufferLowWaterMark: number;
}

export interface NettyClientSettings {
  readonly channelNotActiveInterval: number;
  readonly clientAsyncSemaphoreValue: number;
  readonly clientCallbackExecutorThreads: number;
  readonly clientChannelMaxIdleTimeSeconds: number;
  readonly clientCloseSocketIfTimeout: boolean;
  readonly clientOnewaySemaphoreValue: number;
  readonly clientPooledByteBufAllocatorEnable: boolean;
  readonly clientSocketRcvBufSize: number;
  readonly clientSocketSndBufSize: number;
  readonly clientWorkerThreads: number;
  readonly connectTimeoutMillis: number;
  readonly disableCallbackExecutor: boolean;
  readonly disableNettyWorkerGroup: boolean;
  readonly enableReconnectForGoAway: boolean;
  readonly maxReconnectIntervalTimeSeconds: number;
  readonly scanAvailableNameSrv: boolean;
  readonly socksProxyConfig: string;
}
