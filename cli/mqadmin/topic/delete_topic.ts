/** deleteTopic: from the masters of a cluster, then from the nameservers. */
import { mastersOf } from "../clusters.ts";
import { command, required } from "../declaration.ts";

export const deleteTopic = command({
  name: "deleteTopic",
  package: "topic",
  description: "Delete topic from broker and NameServer.",
  options: { topic: required("t", "topic name"), clusterName: required("c", "delete topic from which cluster") },
  example: "-n 127.0.0.1:9876 -c DefaultCluster -t TopicTest",
  async run(context, { topic, clusterName }) {
    const masters = await mastersOf(context, clusterName);
    for (const address of masters) await context.call(address, "DELETE_TOPIC_IN_BROKER", { topic });
    context.print(`delete topic [${topic}] from cluster [${clusterName}] success.`);
    for (const address of context.namesrvAddrs) {
      await context.call(address, "DELETE_TOPIC_IN_NAMESRV", { topic, clusterName });
    }
    context.print(`delete topic [${topic}] from NameServer success.`);
    return { topic, brokers: masters, nameservers: context.namesrvAddrs };
  },
});
