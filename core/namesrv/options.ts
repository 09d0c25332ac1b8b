/** Keys of namesrv.conf: Apache's NamesrvConfig, and by extension the server's and the access control's. */
import { type AuthSettings, authOptions } from "../auth_options.ts";
import { bool, environment, int, long, type OptionsOf, optionalText, text, withoutEffect } from "../config.ts";
import { type NettyClientSettings, type NettyServerSettings, nettyClientOptions, nettyServerOptions } from "../netty_options.ts";
import { directoryOrFile } from "../option_checks.ts";
import { controllerIdleOptions } from "./controller_options.ts";

const own = {
  rocketmqHome: optionalText("never", "Apache's home; not required here.", environment("ROCKETMQ_HOME")),
  kvConfigPath: text(
    (system) => `${system.homeDirectory()}/namesrv/kvConfig.json`,
    "never",
    "File of the KV configuration.",
    directoryOrFile,
  ),
  configStorePath: text(
    (system) => `${system.homeDirectory()}/namesrv/namesrv.properties`,
    "never",
    "File that run-time updates are persisted to; the file of -c. Kept beside it: .bak.",
    directoryOrFile,
  ),
  orderMessageEnable: bool(false, "live", "Routes carry the order configuration of their topic."),
  returnOrderTopicConfigToBroker: bool(true, "live", "Brokers are told the order configuration when they register."),
  scanNotActiveBrokerInterval: long(5000, "restart", "Looks for expired brokers every so many ms.", { min: 1 }),
  unRegisterBrokerQueueCapacity: int(3000, "live", "Unregistrations that may wait at once.", { min: 1 }),
  supportActingMaster: bool(false, "live", "The slave with the smallest id acts as master in routes when the master is gone."),
  enableAllTopicList: bool(true, "live", "The list of all topics is given to whoever asks."),
  enableTopicList: bool(true, "live", "The lists of unit topics are given to whoever asks."),
  notifyMinBrokerIdChanged: bool(false, "live", "Brokers are told when the smallest broker id of their name changes."),
  needWaitForService: bool(false, "live", "Routes are refused for waitSecondsForService after the start."),
  waitSecondsForService: int(45, "live", "Seconds for needWaitForService.", { min: 0 }),
  deleteTopicWithBrokerRegistration: bool(false, "live", "Topics missing in a registration are removed."),
  configBlackList: text(
    "configBlackList;configStorePath;kvConfigPath",
    "never",
    "Keys, separated by semicolons, that no run-time update may change, beyond those that none ever may.",
  ),
};

const idle = {
  ...withoutEffect("routes are answered from what brokers registered here, never from another environment", {
    productEnvName: text("center"),
    clusterTest: bool(false),
  }),
  ...withoutEffect("there are no thread pools: one event loop takes requests in the order of their lanes", {
    clientRequestThreadPoolNums: int(8),
    defaultThreadPoolNums: int(16),
    clientRequestThreadPoolQueueCapacity: int(50_000),
    defaultThreadPoolQueueCapacity: int(10_000),
  }),
};

export const namesrvOptions: OptionsOf<NamesrvSettings> = {
  ...nettyServerOptions(9876),
  ...nettyClientOptions,
  ...authOptions,
  ...controllerIdleOptions,
  ...idle,
  ...own,
};

/** Live: read a key when it is needed. What each means stands in its row. */
export interface NamesrvSettings extends NettyServerSettings, NettyClientSettings, AuthSettings {
  readonly clientRequestThreadPoolNums: number;
  readonly clientRequestThreadPoolQueueCapacity: number;
  readonly clusterTest: boolean;
  readonly configBlackList: string;
  readonly configStorePath: string;
  readonly controllerDLegerGroup: string | undefined;
  readonly controllerDLegerPeers: string | undefined;
  readonly controllerDLegerSelfId: string | undefined;
  readonly controllerRequestThreadPoolQueueCapacity: number;
  readonly controllerStorePath: string;
  readonly controllerThreadPoolNums: number;
  readonly controllerType: string;
  readonly defaultThreadPoolNums: number;
  readonly defaultThreadPoolQueueCapacity: number;
  readonly deleteTopicWithBrokerRegistration: boolean;
  readonly electMasterMaxRetryCount: number;
  readonly enableAllTopicList: boolean;
  readonly enableControllerInNamesrv: boolean;
  readonly enableElectUncleanMaster: boolean;
  readonly enableTopicList: boolean;
  readonly isProcessReadEvent: boolean;
  readonly jRaftControllerRPCAddr: string;
  readonly jRaftElectionTimeoutMs: number;
  readonly jRaftGroupId: string;
  readonly jRaftInitConf: string;
  readonly jRaftScanWaitTimeoutMs: number;
  readonly jRaftServerId: string;
  readonly jRaftSnapshotIntervalSecs: number;
  readonly kvConfigPath: string;
  readonly mappedFileSize: number;
  readonly metricGrpcExporterIntervalInMills: number;
  readonly metricGrpcExporterTimeOutInMills: number;
  readonly metricLoggingExporterIntervalInMills: number;
  readonly metricsExporterType: "DISABLE" | "OTLP_GRPC" | "PROM" | "LOG";
  readonly metricsGrpcExporterHeader: string;
  readonly metricsGrpcExporterTarget: string;
  readonly metricsInDelta: boolean;
  readonly metricsLabel: string;
  readonly metricsPromExporterHost: string;
  readonly metricsPromExporterPort: number;
  readonly needWaitForService: boolean;
  readonly notifyBrokerRoleChanged: boolean;
  readonly notifyMinBrokerIdChanged: boolean;
  readonly orderMessageEnable: boolean;
  readonly processReadEvent: boolean;
  readonly productEnvName: string;
  readonly returnOrderTopicConfigToBroker: boolean;
  readonly rocketmqHome: string | undefined;
  readonly scanInactiveMasterInterval: number;
  readonly scanNotActiveBrokerInterval: number;
  readonly supportActingMaster: boolean;
  readonly unRegisterBrokerQueueCapacity: number;
  readonly waitSecondsForService: number;
}

export type NamesrvSettingsInput = Partial<NamesrvSettings>;
