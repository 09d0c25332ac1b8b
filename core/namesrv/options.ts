/** Keys of namesrv.conf: Apache's NamesrvConfig, and by extension the server's and the access control's. */
import { authOptions } from "../auth_options.ts";
import {
  bool,
  environment,
  int,
  long,
  optionalText,
  type SettingsInput,
  type SettingsOf,
  text,
  withoutEffect,
} from "../config.ts";
import { nettyClientOptions, nettyServerOptions } from "../netty_options.ts";
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

export const namesrvOptions = {
  ...nettyServerOptions(9876),
  ...nettyClientOptions,
  ...authOptions,
  ...controllerIdleOptions,
  ...idle,
  ...own,
};

/** Live: read a key when it is needed. */
export type NamesrvSettings = SettingsOf<typeof namesrvOptions>;
export type NamesrvSettingsInput = SettingsInput<typeof namesrvOptions>;
