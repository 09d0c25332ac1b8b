/** brokerConsumeStats: how far every group is on one broker. */
import { compareQueues } from "../../../core/client/topic_route.ts";
import { command, optional, required } from "../declaration.ts";
import { dateTime, format, front } from "../format.ts";
import { integerOr, isTrue } from "../values.ts";

const HEADS = "%-64s  %-64s  %-32s  %-4s  %-20s  %-20s  %-20s  %s";

export const brokerConsumeStats = command({
  name: "brokerConsumeStats",
  package: "broker",
  description: "Fetch broker consume stats data.",
  options: {
    brokerAddr: required("b", "Broker address"),
    timeoutMillis: optional("t", "request timeout Millis"),
    level: optional("l", "threshold of print diff"),
    order: optional("o", "order topic"),
  },
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911 -l 100",
  async run(context, { brokerAddr, timeoutMillis, level, order }) {
    const timeoutMs = integerOr(timeoutMillis, "timeoutMillis", 50_000, 1);
    const diffMin = integerOr(level, "level", 0);
    const stats = await context.admin.consumeStats.fetchConsumeStatsInBroker(brokerAddr, isTrue(order), timeoutMs);
    const heads = ["#Topic", "#Group", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset", "#Diff", "#LastTime"];
    context.print(format(HEADS, ...heads));
    const rows = [];
    for (const groups of stats.consumeStatsList) {
      for (const [group, tables] of groups) {
        for (const { offsetTable } of tables) {
          for (const [queue, offsets] of [...offsetTable].sort(([a], [b]) => compareQueues(a, b))) {
            const diff = offsets.brokerOffset - offsets.consumerOffset;
            if (diff < diffMin || offsets.lastTimestamp <= 0) continue;
            rows.push({ group, ...queue, ...offsets, diff });
            const { topic, brokerName, queueId } = queue;
            const { brokerOffset, consumerOffset, lastTimestamp } = offsets;
            const names = [front(topic, 64), group, front(brokerName, 32), queueId];
            context.print(format(HEADS, ...names, brokerOffset, consumerOffset, diff, dateTime(lastTimestamp)));
          }
        }
      }
    }
    context.print("");
    context.print(`Diff Total: ${stats.totalDiff}`);
    return rows;
  },
});
