/** cleanExpiredCQ, cleanUnusedTopic, deleteExpiredCommitLog: upkeep that a broker does by itself later, done now. */
import type { BrokerAdmin } from "../../../core/client/admin/brokers.ts";
import type { CommandContext } from "../context.ts";
import { command, optional } from "../declaration.ts";

interface Options {
  readonly brokerAddr: string | undefined;
  readonly cluster: string | undefined;
}

/** Everywhere when neither a broker nor a cluster is given. */
async function tidy(
  context: CommandContext,
  { brokerAddr, cluster }: Options,
  one: (brokers: BrokerAdmin, brokerAddr: string) => Promise<void>,
  all: (brokers: BrokerAdmin, cluster: string | undefined) => Promise<void>,
): Promise<unknown> {
  context.output.progress("waiting for the brokers");
  const { brokers } = context.admin;
  await (brokerAddr === undefined ? all(brokers, cluster) : one(brokers, brokerAddr));
  context.print("success");
  return { brokerAddr, cluster, success: true };
}

export const cleanExpiredCQ = command({
  name: "cleanExpiredCQ",
  package: "broker",
  description: "Clean expired ConsumeQueue on broker.",
  options: { brokerAddr: optional("b", "Broker address"), cluster: optional("c", "clustername") },
  example: "-n 127.0.0.1:9876 -c DefaultCluster",
  run: (context, options) =>
    tidy(
      context,
      options,
      (brokers, address) => brokers.cleanExpiredConsumerQueueByAddr(address),
      (brokers, cluster) => brokers.cleanExpiredConsumerQueue(cluster),
    ),
});

export const cleanUnusedTopic = command({
  name: "cleanUnusedTopic",
  package: "broker",
  description: "Clean unused topic on broker.",
  options: { brokerAddr: optional("b", "Broker address"), cluster: optional("c", "cluster name") },
  example: "-n 127.0.0.1:9876 -c DefaultCluster",
  run: (context, options) =>
    tidy(
      context,
      options,
      (brokers, address) => brokers.cleanUnusedTopicByAddr(address),
      (brokers, cluster) => brokers.cleanUnusedTopic(cluster),
    ),
});

export const deleteExpiredCommitLog = command({
  name: "deleteExpiredCommitLog",
  package: "broker",
  description: "Delete expired CommitLog files.",
  options: {
    namesrvAddr: optional("n", "Name server address"),
    brokerAddr: optional("b", "Broker address"),
    cluster: optional("c", "clustername"),
  },
  example: "-n 127.0.0.1:9876 -c DefaultCluster",
  run: (context, options) =>
    tidy(
      context,
      options,
      (brokers, address) => brokers.deleteExpiredCommitLogByAddr(address),
      (brokers, cluster) => brokers.deleteExpiredCommitLog(cluster),
    ),
});
