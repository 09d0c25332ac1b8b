/** deleteTopic: from the masters of a cluster, then from the nameservers. */
import { command, required } from "../declaration.ts";

export const deleteTopic = command({
  name: "deleteTopic",
  package: "topic",
  description: "Delete topic from broker and NameServer.",
  options: { topic: required("t", "topic name"), clusterName: required("c", "delete topic from which cluster") },
  example: "-n 127.0.0.1:9876 -c DefaultCluster -t TopicTest",
  async run(context, { topic, clusterName }) {
    const masters = await context.admin.clusters.masterAddresses(clusterName);
    await context.admin.topics.deleteTopicInBroker(masters, topic);
    context.print(`delete topic [${topic}] from cluster [${clusterName}] success.`);
    await context.admin.topics.deleteTopicInNameServer(undefined, topic, clusterName);
    context.print(`delete topic [${topic}] from NameServer success.`);
    return { topic, brokers: masters, nameservers: context.namesrvAddrs };
  },
});
