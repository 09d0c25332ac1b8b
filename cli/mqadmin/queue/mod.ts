/** queryCq, checkRocksdbCqWriteProgress: consume queues, entry by entry, and as a whole. */
import { MASTER_ID } from "../../../wire/mix_all.ts";
import { type Command, CommandError, command, optional, required } from "../declaration.ts";
import { prettyJson } from "../format.ts";
import { integer, integerOr } from "../values.ts";

const LINE = "======================================";
const COUNT_DEFAULT = 10;

const queryCq = command({
  name: "queryCq",
  package: "queue",
  description: "Query cq command.",
  options: {
    topic: required("t", "topic name"),
    queue: required("q", "queue num, ie. 1"),
    index: required("i", "start queue index."),
    count: optional("c", "how many."),
    broker: optional("b", "broker addr."),
    consumer: optional("g", "consumer group."),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -q 0 -i 0 -c 5",
  async run(context, { topic, queue, index, count, broker, consumer }) {
    const first = integer(index, "index");
    const address = broker === undefined || broker === "" ? await firstMaster(topic) : broker;
    const found = await context.admin.messages.queryConsumeQueue(
      address,
      topic,
      integer(queue, "queue", 0),
      first,
      integerOr(count, "count", COUNT_DEFAULT, 1),
      consumer,
    );
    if (found.subscriptionData !== undefined) {
      context.print("Subscription data: ");
      context.print(prettyJson(found.subscriptionData));
      context.print(LINE);
    }
    if (found.filterData !== undefined) {
      context.print("Filter data: ");
      context.print(found.filterData);
      context.print(LINE);
    }
    context.print("Queue data: ");
    context.print(`max: ${found.maxQueueIndex}, min: ${found.minQueueIndex}`);
    context.print(LINE);
    for (const [i, unit] of found.queueData.entries()) {
      context.print(`idx: ${first + i}`);
      context.print(
        `ConsumeQueueData{physicOffset=${unit.physicOffset}, physicSize=${unit.physicSize}, tagsCode=${unit.tagsCode}, ` +
          `extendDataJson='${unit.extendDataJson ?? null}', bitMap='${unit.bitMap ?? null}', eval=${unit.eval}, msg='${unit.msg ?? null}'}`,
      );
      context.print(LINE);
    }
    return found;

    async function firstMaster(topicName: string): Promise<string> {
      const { brokerDatas } = await context.admin.topics.examineTopicRouteInfo(topicName);
      const master = brokerDatas[0]?.brokerAddrs.get(MASTER_ID);
      if (master !== undefined) return master;
      throw new CommandError(`The first broker in the route of ${topicName} has no master: name one with -b host:port`);
    }
  },
});

/** Apache looks back for so long unless told otherwise. */
const CHECK_SPAN_MS = 30 * 24 * 3_600_000;
const CHECK_ERROR = 3;

const checkRocksdbCqWriteProgress = command({
  name: "checkRocksdbCqWriteProgress",
  package: "queue",
  description: "check if rocksdb cq is same as file cq",
  options: {
    cluster: required("c", "cluster name"),
    nameserverAddr: required("n", "nameserverAddr"),
    topic: optional("t", "topic name"),
    checkFrom: optional("cf", "check from time"),
  },
  example: "-n 127.0.0.1:9876 -c DefaultCluster -t TopicTest",
  async run(context, { cluster, topic = "", checkFrom }) {
    const from = integerOr(checkFrom, "checkFrom", context.now() - CHECK_SPAN_MS, 0);
    const results = [];
    for (const { brokerName, master } of await context.admin.clusters.mastersAndSlaves(cluster)) {
      if (master === undefined) continue;
      const result = await context.admin.messages.checkRocksdbCqWriteProgress(master, topic, from);
      results.push({ brokerName, ...result });
      context.print(
        result.checkStatus === CHECK_ERROR
          ? `${brokerName} check error, please check log... errInfo: ${result.checkResult}`
          : `${brokerName} check doing, please wait and get the result from log... `,
      );
    }
    return results;
  },
});

export const queueCommands: readonly Command[] = [queryCq, checkRocksdbCqWriteProgress];
