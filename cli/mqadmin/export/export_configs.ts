/** exportConfigs: how large a cluster is, and the settings of its masters that matter to a move. */
import { command, optional, required } from "../declaration.ts";
import { EXPORT_PATH, writeJson } from "./export_file.ts";

const KEYS = [
  "brokerClusterName",
  "brokerId",
  "brokerName",
  "brokerRole",
  "fileReservedTime",
  "filterServerNums",
  "flushDiskType",
  "maxMessageSize",
  "messageDelayLevel",
  "msgTraceTopicName",
  "slaveReadEnable",
  "traceOn",
  "traceTopicEnable",
  "useTLS",
  "autoCreateTopicEnable",
  "autoCreateSubscriptionGroup",
];

export const exportConfigs = command({
  name: "exportConfigs",
  package: "export",
  description: "Export configs.",
  options: {
    clusterName: required("c", "choose a cluster to export"),
    filePath: optional("f", "export configs.json path | default /tmp/rocketmq/export"),
  },
  example: "-n 127.0.0.1:9876 -c DefaultCluster -f /tmp/export",
  async run(context, { clusterName, filePath = EXPORT_PATH }) {
    const { clusters, brokers } = context.admin;
    const members = await clusters.mastersAndSlaves(clusterName);
    const brokerConfigs: Record<string, Record<string, string>> = {};
    for (const { master, brokerName } of members) {
      if (master === undefined) continue;
      const config = await brokers.getBrokerConfig(master);
      const kept = KEYS.filter((key) => config.has(key)).map((key) => [key, config.get(key) as string] as const);
      brokerConfigs[config.get("brokerName") ?? brokerName] = Object.fromEntries(kept);
    }
    const clusterScale = {
      namesrvSize: context.namesrvAddrs.length,
      masterBrokerSize: Object.keys(brokerConfigs).length,
      slaveBrokerSize: members.reduce((sum, { slaves }) => sum + slaves.length, 0),
    };
    const result = { brokerConfigs, clusterScale };
    context.print(`export ${writeJson(context, filePath, "configs.json", result)} success`);
    return result;
  },
});
