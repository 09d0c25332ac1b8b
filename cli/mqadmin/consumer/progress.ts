/** consumerProgress: how far one group is, queue by queue, or all groups, one a line. */
import { compareQueues, queueText } from "../../../core/client/topic_route.ts";
import type { ConsumerConnection } from "../../../wire/bodies/connection.ts";
import type { ConsumeStats } from "../../../wire/bodies/consume_stats.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { versionDesc } from "../../../wire/version.ts";
import type { CommandContext } from "../context.ts";
import { command, optional } from "../declaration.ts";
import { dateTime, format, front } from "../format.ts";
import { isTrue } from "../values.ts";

export const consumerProgress = command({
  name: "consumerProgress",
  package: "consumer",
  description: "Query consumer's progress, speed.",
  options: {
    groupName: optional("g", "consumer group name"),
    topicName: optional("t", "topic name"),
    showClientIP: optional("s", "Show Client IP per Queue"),
    cluster: optional("c", "Cluster name or lmq parent topic, lmq is used to find the route."),
  },
  example: "-n 127.0.0.1:9876 -g GroupA",
  async run(context, { groupName, topicName, showClientIP, cluster }) {
    if (groupName === undefined) return await allGroups(context);
    const stats = await context.admin.consumeStats.examineConsumeStats(groupName, topicName, cluster);
    return await oneGroup(context, groupName, stats, isTrue(showClientIP));
  },
});

async function oneGroup(context: CommandContext, group: string, stats: ConsumeStats, withClients: boolean) {
  const owners = withClients ? await ownersOf(context, group) : undefined;
  const heads = ["#Topic", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset"];
  context.print(
    owners === undefined
      ? format("%-64s  %-32s  %-4s  %-20s  %-20s  %-20s %-20s%s", ...heads, "#Diff", "#Inflight", "#LastTime")
      : format(
          "%-64s  %-32s  %-4s  %-20s  %-20s  %-20s %-20s %-20s%s",
          ...heads,
          "#Client IP",
          "#Diff",
          "#Inflight",
          "#LastTime",
        ),
  );
  const rows = [...stats.offsetTable]
    .sort(([a], [b]) => compareQueues(a, b))
    .map(([queue, offsets]) => ({
      ...queue,
      ...offsets,
      client: owners?.get(queueText(queue)),
      diff: offsets.brokerOffset - offsets.consumerOffset,
      inflight: offsets.pullOffset - offsets.consumerOffset,
    }));
  for (const row of rows) {
    const time = row.lastTimestamp === 0 ? "N/A" : dateTime(row.lastTimestamp);
    const cells = [front(row.topic, 64), front(row.brokerName, 32), row.queueId, row.brokerOffset, row.consumerOffset];
    context.print(
      owners === undefined
        ? format("%-64s  %-32s  %-4d  %-20d  %-20d  %-20d %-20d %s", ...cells, row.diff, row.inflight, time)
        : format(
            "%-64s  %-32s  %-4d  %-20d  %-20d  %-20s %-20d %-20d %s",
            ...cells,
            row.client ?? "N/A",
            row.diff,
            row.inflight,
            time,
          ),
    );
  }
  context.print("");
  context.print(format("Consume TPS: %.2f", stats.consumeTps));
  context.print(`Consume Diff Total: ${sum(rows.map(({ diff }) => diff))}`);
  context.print(`Consume Inflight Total: ${sum(rows.map(({ inflight }) => inflight))}`);
  return { consumeTps: stats.consumeTps, queues: rows };
}

/** By queue, the address part of the client that has it; whoever does not answer is left out. */
async function ownersOf(context: CommandContext, group: string): Promise<Map<string, string>> {
  const owners = new Map<string, string>();
  try {
    const { connectionSet } = await context.admin.connections.examineConsumerConnectionInfo(group);
    for (const { clientId } of connectionSet) {
      const { mqTable } = await context.admin.connections.getConsumerRunningInfo(group, clientId);
      for (const [queue] of mqTable) owners.set(queueText(queue), clientId.split("@")[0] ?? "");
    }
  } catch (fault) {
    context.output.note((fault as Error).message);
  }
  return owners;
}

const ALL = "%-64s  %-6s  %-24s %-5s  %-14s  %-7s  %s";

async function allGroups(context: CommandContext) {
  context.print(format(ALL, "#Group", "#Count", "#Version", "#Type", "#Model", "#TPS", "#Diff Total"));
  const { topicList } = await context.admin.topics.fetchAllTopicList();
  const groups = [...topicList]
    .filter((topic) => topic.startsWith(RETRY_PREFIX))
    .map((topic) => topic.slice(RETRY_PREFIX.length));
  const rows = [];
  for (const [i, group] of groups.sort().entries()) {
    context.output.progress(`group ${i + 1} of ${groups.length}`);
    const row = await groupRow(context, group);
    rows.push(row);
    const { count, version, type, model, tps, diff } = row;
    context.print(format(ALL, front(group, 64), count, version, type, model, tps, diff));
  }
  return rows;
}

/** A group that nobody is in, or that never consumed, has a line all the same. */
async function groupRow(context: CommandContext, group: string) {
  const stats: ConsumeStats | undefined = await context.admin.consumeStats.examineConsumeStats(group).catch(() => undefined);
  const members: ConsumerConnection | undefined = await context.admin.connections
    .examineConsumerConnectionInfo(group)
    .catch(() => undefined);
  const connections = members?.connectionSet ?? [];
  const online = connections.length > 0;
  const versions = connections.map(({ version }) => version);
  return {
    group,
    count: connections.length,
    version: online ? versionDesc(Math.min(...versions)) : "OFFLINE",
    type: online ? (members?.consumeType === "CONSUME_ACTIVELY" ? "PULL" : "PUSH") : "",
    model: online && members?.consumeType === "CONSUME_PASSIVELY" ? (members.messageModel ?? "") : "",
    tps: Math.trunc(stats?.consumeTps ?? 0),
    diff: sum((stats?.offsetTable ?? []).map(([, { brokerOffset, consumerOffset }]) => brokerOffset - consumerOffset)),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
