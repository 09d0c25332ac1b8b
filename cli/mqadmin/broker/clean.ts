/** cleanExpiredCQ, cleanUnusedTopic, deleteExpiredCommitLog: upkeep that a broker does by itself later, done now. */
import type { RequestName } from "../../../wire/requests.ts";
import { clusterInfoOf } from "../clusters.ts";
import { command, optional } from "../declaration.ts";
import { brokersMeant } from "./each_broker.ts";
import type { CommandContext } from "../context.ts";

interface Options {
  readonly brokerAddr: string | undefined;
  readonly cluster: string | undefined;
}

type Upkeep = Extract<RequestName, "CLEAN_EXPIRED_CONSUMEQUEUE" | "CLEAN_UNUSED_TOPIC" | "DELETE_EXPIRED_COMMITLOG">;

/** Large stores take long to be looked through. */
const UPKEEP_TIMEOUT_MS = 30_000;

async function tidy(context: CommandContext, name: Upkeep, { brokerAddr, cluster }: Options): Promise<{ brokers: string[] }> {
  const everywhere = async () => [...(await clusterInfoOf(context)).clusterAddrTable.keys()];
  const brokers = await brokersMeant(context, brokerAddr, cluster, everywhere);
  for (const [i, address] of brokers.entries()) {
    context.output.progress(`broker ${i + 1} of ${brokers.length}`);
    await context.call(address, name, {}, undefined, Math.max(UPKEEP_TIMEOUT_MS, context.timeoutMs));
  }
  context.print("success");
  return { brokers };
}

export const cleanExpiredCQ = command({
  name: "cleanExpiredCQ",
  package: "broker",
  description: "Clean expired ConsumeQueue on broker.",
  options: { brokerAddr: optional("b", "Broker address"), cluster: optional("c", "clustername") },
  example: "-n 127.0.0.1:9876 -c DefaultCluster",
  run: (context, options) => tidy(context, "CLEAN_EXPIRED_CONSUMEQUEUE", options),
});

export const cleanUnusedTopic = command({
  name: "cleanUnusedTopic",
  package: "broker",
  description: "Clean unused topic on broker.",
  options: { brokerAddr: optional("b", "Broker address"), cluster: optional("c", "cluster name") },
  example: "-n 127.0.0.1:9876 -c DefaultCluster",
  run: (context, options) => tidy(context, "CLEAN_UNUSED_TOPIC", options),
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
  run: (context, options) => tidy(context, "DELETE_EXPIRED_COMMITLOG", options),
});
