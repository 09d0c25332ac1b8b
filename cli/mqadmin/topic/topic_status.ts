/** topicStatus: the bounds of a topic's queues. */

import { compareQueues } from "../../../core/client/topic_route.ts";
import type { TopicStatsTable } from "../../../wire/bodies/consume_stats.ts";
import { MASTER_ID } from "../../../wire/mix_all.ts";
import type { CommandContext } from "../context.ts";
import { command, optional, required } from "../declaration.ts";
import { dateTime, format, front } from "../format.ts";
import { javaDouble } from "../values.ts";

/** Light queues have no route of their own: that of a cluster, or of their parent, says which brokers to ask. */
async function statsBy(context: CommandContext, topic: string, routeTopic: string): Promise<TopicStatsTable> {
  const route = await context.admin.topics.examineTopicRouteInfo(routeTopic);
  const addresses = route.brokerDatas.map(({ brokerAddrs }) => brokerAddrs.get(MASTER_ID) ?? [...brokerAddrs.values()][0]);
  const known = addresses.filter((address) => address !== undefined);
  const tables = await Promise.all(known.map((address) => context.admin.topics.examineTopicStatsAt(address, topic)));
  return { topicPutTps: 0, offsetTable: tables.flatMap(({ offsetTable }) => offsetTable) };
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
    const { topics } = context.admin;
    const stats = await (cluster === undefined ? topics.examineTopicStats(topic) : statsBy(context, topic, cluster));
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
