/** consumerStatus, consumer: what each consumer of a group says about itself, in files, and whether they agree. */
import type { ConsumerConnection } from "../../../wire/bodies/connection.ts";
import type { ConsumerRunningInfo } from "../../../wire/bodies/running_info.ts";
import { versionDesc } from "../../../wire/version.ts";
import type { CommandContext } from "../context.ts";
import { command, flag, optional, required } from "../declaration.ts";
import { writeText } from "../files.ts";
import { format } from "../format.ts";
import { hangingQueues, runningInfoText, sameSubscription } from "./running_info.ts";

export const consumerStatus = command({
  name: "consumerStatus",
  package: "consumer",
  description: "Query consumer's internal data structure.",
  options: {
    consumerGroup: required("g", "consumer group name"),
    clientId: optional("i", "The consumer's client id"),
    brokerAddr: optional("b", "broker address"),
    jstack: flag("s", "Run jstack command in the consumer progress"),
  },
  example: "-n 127.0.0.1:9876 -g GroupA",
  async run(context, { consumerGroup, clientId, brokerAddr, jstack }) {
    const { connections } = context.admin;
    const members = await connections.examineConsumerConnectionInfo(consumerGroup, brokerAddr);
    if (clientId !== undefined) return await oneConsumer(context, consumerGroup, clientId, jstack);
    context.print(format("%-10s %-40s %-20s %s", "#Index", "#ClientId", "#Version", "#ConsumerRunningInfoFile"));
    return await allConsumers(context, consumerGroup, members, jstack, (i) => format("%-10d ", i));
  },
});

/** Apache has this class and does not list it; its older scripts call it. */
export const consumer = command({
  name: "consumer",
  package: "consumer",
  description: "Query consumer's connection, status, etc.",
  options: {
    consumerGroup: required("g", "consumer group name"),
    clientId: optional("i", "The consumer's client id"),
    jstack: flag("s", "Run jstack command in the consumer progress"),
  },
  example: "-n 127.0.0.1:9876 -g GroupA",
  async run(context, { consumerGroup, clientId, jstack }) {
    const members = await context.admin.connections.examineConsumerConnectionInfo(consumerGroup);
    if (clientId !== undefined) return await oneConsumer(context, consumerGroup, clientId, jstack);
    return await allConsumers(context, consumerGroup, members, jstack, (i) => `${String(i).padStart(3, "0")}  `);
  },
});

async function oneConsumer(context: CommandContext, group: string, clientId: string, jstack: boolean) {
  const info = await context.admin.connections.getConsumerRunningInfo(group, clientId, jstack);
  context.print(runningInfoText(info).replace(/\n$/, ""));
  return info;
}

/** Each consumer's own words go to a file `<now>/<client id>` in the working directory, as Apache's. */
async function allConsumers(
  context: CommandContext,
  group: string,
  { connectionSet }: ConsumerConnection,
  jstack: boolean,
  head: (index: number) => string,
) {
  const nowMs = context.now();
  const infos = new Map<string, ConsumerRunningInfo>();
  const files = [];
  for (const [i, { clientId, version }] of connectionSet.entries()) {
    context.output.progress(`consumer ${i + 1} of ${connectionSet.length}`);
    try {
      const info = await context.admin.connections.getConsumerRunningInfo(group, clientId, jstack);
      const file = `${nowMs}/${clientId}`;
      infos.set(clientId, info);
      writeText(context, file, runningInfoText(info), "Call mqadmin in a directory that this user may write");
      context.print(head(infos.size) + format("%-40s %-20s %s", clientId, versionDesc(version), file));
      files.push({ clientId, version: versionDesc(version), file });
    } catch (fault) {
      context.output.missed(fault as Error);
    }
  }
  const same = sameSubscription(infos, nowMs);
  const hanging = [...infos].flatMap(([clientId, info]) => hangingQueues(clientId, info, nowMs));
  if (infos.size > 0) {
    context.print("");
    context.print("");
    context.print(
      same ? "Same subscription in the same group of consumer" : "WARN: Different subscription in the same group of consumer!!!",
    );
    if (same) {
      context.print("");
      context.print("Rebalance OK");
      for (const line of hanging) context.print(line);
    }
  }
  return { consumers: files, sameSubscription: same, hanging };
}
