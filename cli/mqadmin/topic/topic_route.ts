/** topicRoute: where a topic's queues are. */
import type { TopicRouteData } from "../../../wire/bodies/route.ts";
import type { CommandContext } from "../context.ts";
import { command, flag, required } from "../declaration.ts";
import { format, prettyJson } from "../format.ts";

const COLUMNS = "%-45s %-32s %-50s %-10s %-11s %-5s";

export const topicRoute = command({
  name: "topicRoute",
  package: "topic",
  description: "Examine topic route info.",
  options: { topic: required("t", "topic name"), list: flag("l", "Use list format to print data") },
  example: "-n 127.0.0.1:9876 -t TopicTest -l",
  async run(context, { topic, list }) {
    const route = await context.admin.topics.examineTopicRouteInfo(topic);
    if (list) printList(context, route);
    else context.print(prettyJson(route));
    return route;
  },
});

function printList(context: CommandContext, { queueDatas, brokerDatas }: TopicRouteData): void {
  const byName = new Map(queueDatas.map((each) => [each.brokerName, each]));
  const sorted = [...brokerDatas].sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1));
  let reads = 0;
  let writes = 0;
  context.print(format(COLUMNS, "#ClusterName", "#BrokerName", "#BrokerAddrs", "#ReadQueue", "#WriteQueue", "#Perm"));
  for (const { cluster, brokerName, brokerAddrs } of sorted) {
    const { readQueueNums = 0, writeQueueNums = 0, perm = 0 } = byName.get(brokerName) ?? {};
    reads += readQueueNums;
    writes += writeQueueNums;
    const addresses = `{${[...brokerAddrs].map(([id, address]) => `${id}=${address}`).join(", ")}}`;
    context.print(format(COLUMNS, cluster, brokerName, addresses, readQueueNums, writeQueueNums, perm));
  }
  context.print("-".repeat(158));
  context.print(format(COLUMNS, "Total:", byName.size, "", reads, writes, ""));
}
