/** topicList, topicClusterList: which topics there are, in which clusters, consumed by whom. */
import { groupList } from "../../../wire/bodies/subscription_group.ts";
import { topicList as topicListBody } from "../../../wire/bodies/topic.ts";
import type { ClusterInfo, TopicRouteData } from "../../../wire/bodies/route.ts";
import { DLQ_PREFIX, MASTER_ID, RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { clusterInfoOf } from "../clusters.ts";
import type { CommandContext } from "../context.ts";
import { command, flag, required } from "../declaration.ts";
import { format, front } from "../format.ts";
import { routeOf } from "./topic_route.ts";

/** All topics that a nameserver knows, sorted. */
export async function topicNames(context: CommandContext): Promise<string[]> {
  const { body } = await context.askNamesrv("GET_ALL_TOPIC_LIST_FROM_NAMESERVER", {});
  return [...topicListBody.decode(body).topicList].sort();
}

/** Groups that consume `topic`, as any one broker of its route knows. */
export async function groupsOf(context: CommandContext, topic: string, route: TopicRouteData): Promise<string[]> {
  for (const { brokerAddrs } of route.brokerDatas) {
    const address = brokerAddrs.get(MASTER_ID) ?? [...brokerAddrs.values()][0];
    if (address === undefined) continue;
    return [...groupList.decode((await context.call(address, "QUERY_TOPIC_CONSUME_BY_WHO", { topic })).body).groupList].sort();
  }
  return [];
}

/** Clusters that have a broker of the route's first name, as Apache looks it up. */
function clustersOf(info: ClusterInfo, route: TopicRouteData): string[] {
  const brokerName = route.brokerDatas[0]?.brokerName ?? "";
  return [...info.clusterAddrTable].filter(([, names]) => names.has(brokerName)).map(([name]) => name);
}

export const topicList = command({
  name: "topicList",
  package: "topic",
  description: "Fetch all topic list from name server.",
  options: { clusterModel: flag("c", "clusterModel") },
  example: "-n 127.0.0.1:9876 -c",
  async run(context, { clusterModel }) {
    const names = await topicNames(context);
    if (!clusterModel) {
      for (const name of names) context.print(name);
      return names;
    }
    const info = await clusterInfoOf(context);
    const ordinary = names.filter((name) => !name.startsWith(RETRY_PREFIX) && !name.startsWith(DLQ_PREFIX));
    const found: { cluster: string; topic: string; groups: string[] }[] = [];
    context.print(format("%-20s  %-48s  %-48s", "#Cluster Name", "#Topic", "#Consumer Group"));
    for (const [i, topic] of ordinary.entries()) {
      context.output.progress(`topic ${i + 1} of ${ordinary.length}`);
      const row = await belongsTo(context, info, topic);
      found.push(row);
      for (const group of row.groups.length === 0 ? [""] : row.groups) {
        context.print(format("%-20s  %-64s  %-64s", front(row.cluster, 20), front(topic, 64), front(group, 64)));
      }
    }
    return found;
  },
});

/** A topic whose route or broker is gone is listed all the same, with what is known. */
async function belongsTo(context: CommandContext, info: ClusterInfo, topic: string) {
  const row = { cluster: "", topic, groups: [] as string[] };
  try {
    const route = await routeOf(context, topic);
    row.cluster = clustersOf(info, route)[0] ?? "";
    row.groups = await groupsOf(context, topic, route);
  } catch (fault) {
    context.output.note(`${topic}: ${(fault as Error).message}`);
  }
  return row;
}

export const topicClusterList = command({
  name: "topicClusterList",
  package: "topic",
  description: "Get cluster info for topic.",
  options: { topic: required("t", "topic name") },
  example: "-n 127.0.0.1:9876 -t TopicTest",
  async run(context, { topic }) {
    const clusters = clustersOf(await clusterInfoOf(context), await routeOf(context, topic));
    for (const cluster of clusters) context.print(cluster);
    return clusters;
  },
});
