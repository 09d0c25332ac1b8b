/** exportMetadata: the users' topics and groups of a broker, or of all masters of a cluster together. */
import { type SubscriptionGroupConfig, subscriptionGroupWrapper } from "../../../wire/bodies/subscription_group.ts";
import { type TopicConfig, topicConfigSerializeWrapper } from "../../../wire/bodies/topic.ts";
import type { CommandContext } from "../context.ts";
import { command, flag, optional, UsageError } from "../declaration.ts";
import { EXPORT_PATH, writeJson } from "./export_file.ts";

export const exportMetadata = command({
  name: "exportMetadata",
  package: "export",
  description: "Export metadata.",
  options: {
    clusterName: optional("c", "choose a cluster to export"),
    brokerAddr: optional("b", "choose a broker to export"),
    filePath: optional("f", "export metadata.json path | default /tmp/rocketmq/export"),
    topic: flag("t", "only export topic metadata"),
    subscriptionGroup: flag("g", "only export subscriptionGroup metadata"),
    specialTopic: flag("s", "need retryTopic and dlqTopic"),
  },
  example: "-n 127.0.0.1:9876 -c DefaultCluster -f /tmp/export",
  async run(context, { clusterName, brokerAddr, filePath = EXPORT_PATH, topic, subscriptionGroup, specialTopic }) {
    if (brokerAddr !== undefined) {
      if (!topic && !subscriptionGroup)
        throw new UsageError("of a broker one is exported: -t (--topic) or -g (--subscriptionGroup)");
      const [name, value] = topic
        ? ["topic.json", await topicsOf(context, brokerAddr, specialTopic)]
        : ["subscriptionGroup.json", await groupsOf(context, brokerAddr)];
      context.print(`export ${writeJson(context, filePath, name, value)} success`);
      return value;
    }
    if (clusterName === undefined) throw new UsageError("-b (--brokerAddr) or -c (--clusterName) is wanted");
    const { topicConfigTable, subscriptionGroupTable } = await tablesOf(context, clusterName, specialTopic);
    const exportTime = context.now();
    const [name, value] = topic
      ? ["topic.json", { topicConfigTable, exportTime }]
      : subscriptionGroup
        ? ["subscriptionGroup.json", { subscriptionGroupTable, exportTime }]
        : ["metadata.json", { topicConfigTable, subscriptionGroupTable, exportTime }];
    context.print(`export ${writeJson(context, filePath, name, value)} success`);
    return value;
  },
});

/** As plain JSON, under the names of the wire. */
const topicsOf = async (context: CommandContext, address: string, special: boolean): Promise<unknown> =>
  JSON.parse(topicConfigSerializeWrapper.format(await context.admin.topics.getUserTopicConfig(address, special), STRICT));

const groupsOf = async (context: CommandContext, address: string): Promise<unknown> =>
  JSON.parse(subscriptionGroupWrapper.format(await context.admin.groups.getUserSubscriptionGroup(address), STRICT));

const STRICT = { form: "strict" } as const;

/** Of a topic, or a group, on several masters: the last one's settings, with the queues of all. */
async function tablesOf(context: CommandContext, clusterName: string, special: boolean) {
  const { clusters, topics, groups } = context.admin;
  const topicConfigTable = new Map<string, TopicConfig>();
  const subscriptionGroupTable = new Map<string, SubscriptionGroupConfig>();
  for (const address of await clusters.masterAddresses(clusterName)) {
    for (const [name, config] of (await topics.getUserTopicConfig(address, special)).topicConfigTable) {
      const before = topicConfigTable.get(name);
      const readQueueNums = config.readQueueNums + (before?.readQueueNums ?? 0);
      const writeQueueNums = config.writeQueueNums + (before?.writeQueueNums ?? 0);
      topicConfigTable.set(name, { ...config, readQueueNums, writeQueueNums });
    }
    for (const [name, config] of (await groups.getUserSubscriptionGroup(address)).subscriptionGroupTable) {
      const retryQueueNums = config.retryQueueNums + (subscriptionGroupTable.get(name)?.retryQueueNums ?? 0);
      subscriptionGroupTable.set(name, { ...config, retryQueueNums });
    }
  }
  return { topicConfigTable, subscriptionGroupTable };
}
