/** topicList, topicClusterList: which topics there are, in which clusters, consumed by whom. */
import { DLQ_PREFIX, RETRY_PREFIX } from "../../../wire/mix_all.ts";
import type { CommandContext } from "../context.ts";
import { command, flag, required } from "../declaration.ts";
import { format, front } from "../format.ts";
import { passOver } from "../targets.ts";

export const topicList = command({
  name: "topicList",
  package: "topic",
  description: "Fetch all topic list from name server.",
  options: { clusterModel: flag("c", "clusterModel") },
  example: "-n 127.0.0.1:9876 -c",
  async run(context, { clusterModel }) {
    const names = [...(await context.admin.topics.fetchAllTopicList()).topicList].sort();
    if (!clusterModel) {
      for (const name of names) context.print(name);
      return names;
    }
    const ordinary = names.filter((name) => !name.startsWith(RETRY_PREFIX) && !name.startsWith(DLQ_PREFIX));
    const found: { cluster: string; topic: string; groups: string[] }[] = [];
    context.print(format("%-20s  %-48s  %-48s", "#Cluster Name", "#Topic", "#Consumer Group"));
    for (const [i, topic] of ordinary.entries()) {
      context.output.progress(`topic ${i + 1} of ${ordinary.length}`);
      const row = await belongsTo(context, topic);
      found.push(row);
      for (const group of row.groups.length === 0 ? [""] : row.groups) {
        context.print(format("%-20s  %-64s  %-64s", front(row.cluster, 20), front(topic, 64), front(group, 64)));
      }
    }
    return found;
  },
});

/** A topic whose route or broker is gone is listed all the same, with what is known. */
async function belongsTo(context: CommandContext, topic: string) {
  const row = { cluster: "", topic, groups: [] as string[] };
  try {
    row.cluster = [...(await context.admin.topics.getTopicClusterList(topic))][0] ?? "";
    row.groups = [...(await context.admin.topics.queryTopicConsumeByWho(topic)).groupList].sort();
  } catch (fault) {
    passOver(context, topic, fault as Error);
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
    const clusters = await context.admin.topics.getTopicClusterList(topic);
    for (const cluster of clusters) context.print(cluster);
    return clusters;
  },
});
