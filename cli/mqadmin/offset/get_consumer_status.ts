/** getConsumerStatus: how far the consumers of a group are, as they know it themselves. */
import { compareQueues } from "../../../core/client/topic_route.ts";
import { command, optional, required } from "../declaration.ts";
import { format, front } from "../format.ts";

const ROW = "%-50s  %-15s  %-15s  %-20s";

export const getConsumerStatus = command({
  name: "getConsumerStatus",
  package: "offset",
  description: "get consumer status from client.",
  options: {
    group: required("g", "set the consumer group"),
    topic: required("t", "set the topic"),
    originClientId: optional("i", "set the consumer clientId"),
  },
  example: "-n 127.0.0.1:9876 -g orders -t TopicTest",
  async run(context, { group, topic, originClientId = "" }) {
    const table = await context.admin.offsets.getConsumeStatus(topic, group, originClientId);
    context.print(`get consumer status from client. group=${group}, topic=${topic}, originClientId=${originClientId}`);
    context.print(format(ROW, "#clientId", "#brokerName", "#queueId", "#offset"));
    const rows = [...table].flatMap(([clientId, queues]) =>
      [...queues].sort(([a], [b]) => compareQueues(a, b)).map(([queue, offset]) => ({ clientId, ...queue, offset })),
    );
    for (const { clientId, brokerName, queueId, offset } of rows) {
      context.print(format(ROW, front(clientId, 50), brokerName, queueId, offset));
    }
    return rows;
  },
});
