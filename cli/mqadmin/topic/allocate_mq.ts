/** allocateMQ: how a topic's queues would be shared out among consumers with these addresses. */
import { allocateAveragely } from "../../../core/client/mod.ts";
import { topicRoute as queuesOfRoute } from "../../../core/client/topic_route.ts";
import { command, required } from "../declaration.ts";
import { plainJson } from "../format.ts";

export const allocateMQ = command({
  name: "allocateMQ",
  package: "topic",
  description: "Allocate MQ.",
  options: { topic: required("t", "topic name"), ipList: required("i", "ipList") },
  example: "-n 127.0.0.1:9876 -t TopicTest -i 10.0.0.1,10.0.0.2",
  async run(context, { topic, ipList }) {
    const ips = ipList.split(",");
    const { readQueues } = queuesOfRoute(topic, await context.admin.topics.examineTopicRouteInfo(topic));
    const queues = readQueues.map(({ brokerName, queueId }) => ({ brokerName, queueId, topic }));
    const result = new Map(ips.map((ip) => [ip, allocateAveragely.allocate("aa", ip, queues, ips)]));
    context.print(plainJson({ result }));
    return result;
  },
});
