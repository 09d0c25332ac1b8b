/** topicStatus: the bounds of a topic's queues. */
import { type TopicStatsTable, topicStatsTable } from "../../../wire/bodies/consume_stats.ts";
import { compareQueues } from "../../../core/client/topic_route.ts";
import { MASTER_ID } from "../../../wire/mix_all.ts";
import type { CommandContext } from "../context.ts";
import { command, optional, required } from "../declaration.ts";
import { dateTime, format, front } from "../format.ts";
import { javaDouble } from "../values.ts";
import { routeOf } from "./topic_route.ts";

/** @param routeTopic whose brokers are asked: the topic itself, a cluster, or the parent of a light queue */
export async function topicStatsOf(context: CommandContext, topic: string, routeTopic = topic): Promise<TopicStatsTable> {
  const joined: TopicStatsTable = { topicPutTps: 0, offsetTable: [] };
  for (const { brokerAddrs } of (await routeOf(context, routeTopic)).brokerDatas) {
    const address = brokerAddrs.get(MASTER_ID) ?? [...brokerAddrs.values()][0];
    if (address === undefined) continue;
    const table = topicStatsTable.decode((await context.call(address, "GET_TOPIC_STATS_INFO", { topic })).body);
    joined.offsetTable.push(...table.offsetTable);
    joined.topicPutTps += table.topicPutTps;
  }
  return joined;
}

export const topicStatus = command({
  name: "topicStatus",
  package: "topic",
  description: "Examine topic Status info.",
  options: {
    topic: required("t", "topic name"),
    cluster: optional("c", "cluster name or lmq parent topic, lmq is used to find the route."),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest",
  async run(context, { topic, cluster }) {
    const stats = await topicStatsOf(context, topic, cluster);
    const rows = [...stats.offsetTable].sort(([a], [b]) => compareQueues(a, b));
    context.print(
      format("%-32s  %-4s  %-20s  %-20s    %s", "#Broker Name", "#QID", "#Min Offset", "#Max Offset", "#Last Updated"),
    );
    for (const [queue, { minOffset, maxOffset, lastUpdateTimestamp }] of rows) {
      const time = lastUpdateTimestamp > 0 ? dateTime(lastUpdateTimestamp, ",") : "";
      context.print(
        format("%-32s  %-4d  %-20d  %-20d    %s", front(queue.brokerName, 32), queue.queueId, minOffset, maxOffset, time),
      );
    }
    context.print("");
    context.print(`Topic Put TPS: ${javaDouble(stats.topicPutTps)}`);
    return rows.map(([queue, offsets]) => ({ ...queue, ...offsets }));
  },
});
