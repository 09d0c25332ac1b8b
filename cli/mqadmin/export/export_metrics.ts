/** exportMetrics: what a cluster carries, for estimating the next one. */
import { MQBrokerError } from "../../../core/client/mod.ts";
import type { BrokerStatsData } from "../../../wire/bodies/stats.ts";
import type { SubscriptionGroupWrapper } from "../../../wire/bodies/subscription_group.ts";
import { VERSION_CURRENT_NAME, versionDesc } from "../../../wire/version.ts";
import type { CommandContext } from "../context.ts";
import { command, optional, required } from "../declaration.ts";
import { EXPORT_PATH, writeJson } from "./export_file.ts";

export const exportMetrics = command({
  name: "exportMetrics",
  package: "export",
  description: "Export metrics.",
  options: {
    clusterName: required("c", "choose a cluster to export"),
    filePath: optional("f", "export metrics.json path | default /tmp/rocketmq/export"),
  },
  example: "-n 127.0.0.1:9876 -c DefaultCluster -f /tmp/export",
  async run(context, { clusterName, filePath = EXPORT_PATH }) {
    const { clusters, brokers, groups } = context.admin;
    const evaluateReport: Record<string, object> = {};
    const totalTps = { totalNormalInTps: 0, totalNormalOutTps: 0, totalTransInTps: 0, totalScheduleInTps: 0 };
    const totalOneDayNum = { normalOneDayInNum: 0, normalOneDayOutNum: 0, transOneDayInNum: 0, scheduleOneDayInNum: 0 };
    for (const { brokerName, master } of await clusters.mastersAndSlaves(clusterName)) {
      if (master === undefined) continue;
      const { table } = await brokers.fetchBrokerRuntimeStats(master);
      const config = await brokers.getBrokerConfig(master);
      const users = await groups.getUserSubscriptionGroup(master);
      const quota = await quotaOf(context, master, table, users);
      evaluateReport[brokerName] = {
        // Apache's key: its default is the number of processors.
        runtimeEnv: { cpuNum: config.get("clientCallbackExecutorThreads"), totalMemKBytes: table.get("totalMemKBytes") },
        runtimeQuota: quota,
        runtimeVersion: { rocketmqVersion: VERSION_CURRENT_NAME, clientInfo: await clientsOf(context, users) },
      };
      totalTps.totalNormalInTps += quota.tps.normalInTps;
      totalTps.totalNormalOutTps += quota.tps.normalOutTps;
      totalTps.totalTransInTps += quota.tps.transInTps;
      totalTps.totalScheduleInTps += quota.tps.scheduleInTps;
      for (const key of Object.keys(totalOneDayNum) as (keyof typeof totalOneDayNum)[])
        totalOneDayNum[key] += quota.oneDayNum[key];
    }
    const result = { evaluateReport, totalData: { totalTps, totalOneDayNum } };
    context.print(`export ${writeJson(context, filePath, "metrics.json", result)} success`);
    return result;
  },
});

async function quotaOf(
  context: CommandContext,
  address: string,
  table: ReadonlyMap<string, string>,
  { subscriptionGroupTable }: SubscriptionGroupWrapper,
) {
  const topics = await context.admin.topics.getUserTopicConfig(address, false);
  const transactions = await sendsTo(context, address, "RMQ_SYS_TRANS_HALF_TOPIC");
  const delayed = await sendsTo(context, address, "SCHEDULE_TOPIC_XXXX");
  const number = (key: string): number => Number(table.get(key) ?? 0);
  /** The first of several rates: that of the last ten seconds. */
  const rate = (key: string): number => Number(table.get(key)?.split(" ")[0] ?? 0);
  return {
    diskRatio: {
      commitLogDiskRatio: table.get("commitLogDiskRatio"),
      consumeQueueDiskRatio: table.get("consumeQueueDiskRatio"),
    },
    tps: {
      normalInTps: rate("putTps"),
      normalOutTps: rate("getTransferredTps"),
      transInTps: transactions?.statsMinute.tps ?? 0,
      scheduleInTps: delayed?.statsMinute.tps ?? 0,
    },
    oneDayNum: {
      normalOneDayInNum: number("msgPutTotalTodayMorning") - number("msgPutTotalYesterdayMorning"),
      normalOneDayOutNum: number("msgGetTotalTodayMorning") - number("msgGetTotalYesterdayMorning"),
      transOneDayInNum: sumOfDay(transactions),
      scheduleOneDayInNum: sumOfDay(delayed),
    },
    messageAverageSize: table.get("putMessageAverageSize"),
    topicSize: topics.topicConfigTable.size,
    groupSize: subscriptionGroupTable.size,
  };
}

/** Undefined while nobody has sent anything. */
async function sendsTo(context: CommandContext, address: string, topic: string): Promise<BrokerStatsData | undefined> {
  try {
    return await context.admin.brokers.viewBrokerStatsData(address, "TOPIC_PUT_NUMS", topic);
  } catch (fault) {
    if (fault instanceof MQBrokerError) return undefined;
    throw fault;
  }
}

/** Of the longest span that has counted something. */
const sumOfDay = (stats: BrokerStatsData | undefined): number =>
  stats === undefined ? 0 : stats.statsDay.sum || stats.statsHour.sum || stats.statsMinute.sum;

/** `JAVA%V5_5_0` of all consumers that are connected. */
async function clientsOf(context: CommandContext, { subscriptionGroupTable }: SubscriptionGroupWrapper): Promise<string[]> {
  const found = new Set<string>();
  for (const group of subscriptionGroupTable.keys()) {
    try {
      const { connectionSet } = await context.admin.connections.examineConsumerConnectionInfo(group);
      for (const { language, version } of connectionSet) found.add(`${language}%${versionDesc(version)}`);
    } catch (fault) {
      // Nobody of the group is there.
      if (!(fault instanceof MQBrokerError)) throw fault;
    }
  }
  return [...found];
}
