/** producerConnection, consumerConnection: who is connected, from where, with which version. */
import { versionDesc } from "../../../wire/version.ts";
import { command, optional, required } from "../declaration.ts";
import { format } from "../format.ts";

export const producerConnection = command({
  name: "producerConnection",
  package: "connection",
  description: "Query producer's socket connection and client version.",
  options: { producerGroup: required("g", "producer group name"), topic: required("t", "topic name") },
  example: "-n 127.0.0.1:9876 -g ProducerGroup -t TopicTest",
  async run(context, { producerGroup, topic }) {
    const { connectionSet } = await context.admin.connections.examineProducerConnectionInfo(producerGroup, topic);
    for (const [i, { clientId, clientAddr, language, version }] of connectionSet.entries()) {
      const number = String(i + 1).padStart(4, "0");
      context.print(format("%s  %-32s %-22s %-8s %s", number, clientId, clientAddr, language, versionDesc(version)));
    }
    return connectionSet.map((each) => ({ ...each, version: versionDesc(each.version) }));
  },
});

export const consumerConnection = command({
  name: "consumerConnection",
  package: "connection",
  description: "Query consumer's socket connection, client version and subscription.",
  options: { consumerGroup: required("g", "consumer group name"), brokerAddr: optional("b", "broker address") },
  example: "-n 127.0.0.1:9876 -g GroupA",
  async run(context, { consumerGroup, brokerAddr }) {
    const found = await context.admin.connections.examineConsumerConnectionInfo(consumerGroup, brokerAddr);
    context.print(format("%-36s %-22s %-10s %s", "#ClientId", "#ClientAddr", "#Language", "#Version"));
    for (const { clientId, clientAddr, language, version } of found.connectionSet) {
      context.print(format("%-36s %-22s %-10s %s", clientId, clientAddr, language, versionDesc(version)));
    }
    context.print("");
    context.print("Below is subscription:");
    context.print(format("%-20s %s", "#Topic", "#SubExpression"));
    for (const { topic, subString } of found.subscriptionTable.values()) context.print(format("%-20s %s", topic, subString));
    context.print("");
    context.print(`ConsumeType: ${found.consumeType ?? null}`);
    context.print(`MessageModel: ${found.messageModel ?? null}`);
    context.print(`ConsumeFromWhere: ${found.consumeFromWhere ?? null}`);
    return found;
  },
});
