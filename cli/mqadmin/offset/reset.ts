/** resetOffsetByTime, resetOffsetByTimeOld, skipAccumulatedMessage: where a group goes on. */
import { MQBrokerError } from "../../../core/client/mod.ts";
import { compareQueues } from "../../../core/client/topic_route.ts";
import type { RollbackStats } from "../../../wire/bodies/consume_stats.ts";
import type { QueueTable } from "../../../wire/bodies/message_queue.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import type { CommandContext } from "../context.ts";
import { command, optional, required } from "../declaration.ts";
import { format, front } from "../format.ts";
import { integer, isTrue, pointInTime } from "../values.ts";

const QUEUE = "%-40s  %-40s  %-40s";
const ROLLBACK = "%-20s  %-20s  %-20s  %-20s  %-20s  %-20s";
const CLUSTER = optional("c", "Cluster name or lmq parent topic, lmq is used to find the route.");

function printQueues(context: CommandContext, table: QueueTable<number>) {
  const rows = [...table].sort(([a], [b]) => compareQueues(a, b));
  context.print(format(QUEUE, "#brokerName", "#queueId", "#offset"));
  for (const [{ brokerName, queueId }, offset] of rows) {
    context.print(format(QUEUE, front(brokerName, 32), queueId, offset));
  }
  return rows.map(([queue, offset]) => ({ ...queue, offset }));
}

function printRollbacks(context: CommandContext, rollbacks: readonly RollbackStats[], lastColumn: string) {
  const titles = ["#brokerName", "#queueId", "#brokerOffset", "#consumerOffset", "#timestampOffset", lastColumn];
  context.print(format(ROLLBACK, ...titles));
  for (const each of rollbacks) {
    const { brokerName, queueId, brokerOffset, consumerOffset, timestampOffset, rollbackOffset } = each;
    const values = [queueId, brokerOffset, consumerOffset, timestampOffset, rollbackOffset];
    context.print(format(ROLLBACK, front(brokerName, 32), ...values));
  }
  return rollbacks;
}

/** @returns `done`, or what is done where nobody of the group is connected */
async function unlessOffline<T, U>(done: Promise<T>, offline: () => Promise<U>): Promise<T | U> {
  try {
    return await done;
  } catch (fault) {
    if (!(fault instanceof MQBrokerError) || fault.responseCode !== ResponseCode.CONSUMER_NOT_ONLINE) throw fault;
    return await offline();
  }
}

interface Wanted {
  readonly topic: string;
  readonly group: string;
  readonly timestamp: number;
  readonly isForce: boolean;
  readonly clusterName: string | undefined;
}

async function resetOld(context: CommandContext, wanted: Wanted, typed: string) {
  const rollbacks = await context.admin.offsets.resetOffsetByTimestampOld(wanted);
  const { group, topic, isForce, timestamp } = wanted;
  context.print(
    `reset consumer offset by specified consumerGroup[${group}], topic[${topic}], force[${isForce}], ` +
      `timestamp(string)[${typed}], timestamp(long)[${timestamp}]`,
  );
  return printRollbacks(context, rollbacks, "#resetOffset");
}

export const resetOffsetByTime = command({
  name: "resetOffsetByTime",
  package: "offset",
  description: "Reset consumer offset by timestamp(without client restart).",
  options: {
    group: required("g", "set the consumer group"),
    topic: required("t", "set the topic"),
    timestamp: required("s", "set the timestamp[now|currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
    force: optional("f", "set the force rollback by timestamp switch[true|false]. Deprecated."),
    broker: optional("b", "broker addr"),
    queue: optional("q", "queue id"),
    offset: optional("o", "Expect queue offset, not support old version broker"),
    cluster: CLUSTER,
  },
  example: "-n 127.0.0.1:9876 -g orders -t TopicTest -s now",
  async run(context, { group, topic, timestamp: typed, force = "true", broker, queue, offset, cluster }) {
    const timestamp = pointInTime(typed, "timestamp", context.now());
    const queueId = queue === undefined ? -1 : integer(queue, "queue");
    const wanted = { topic, group, timestamp, isForce: isTrue(force), clusterName: cluster };
    if (broker !== undefined && queueId >= 0) {
      context.print(
        `start reset consumer offset by specified, group[${group}], topic[${topic}], queueId[${queueId}], ` +
          `broker[${broker}], timestamp(string)[${typed}], timestamp(long)[${timestamp}]`,
      );
      const messageQueue = { topic, queueId, brokerName: "" };
      const target =
        offset === undefined
          ? await context.admin.offsets.searchOffsetAt(broker, messageQueue, timestamp)
          : integer(offset, "offset");
      context.print(`reset consumer offset to ${target}`);
      // As Apache: the begin of a queue is not set this way.
      if (target > 0) await context.admin.offsets.resetOffsetByQueueId(broker, group, topic, queueId, target);
      return { broker, queueId, offset: target };
    }
    return await unlessOffline(
      context.admin.offsets.resetOffsetByTimestamp(wanted).then((table) => {
        context.print(
          `start reset consumer offset by specified, group[${group}], topic[${topic}], force[${wanted.isForce}], ` +
            `timestamp(string)[${typed}], timestamp(long)[${timestamp}]`,
        );
        return printQueues(context, table);
      }),
      () => resetOld(context, wanted, typed),
    );
  },
});

export const resetOffsetByTimeOld = command({
  name: "resetOffsetByTimeOld",
  package: "offset",
  description: "Reset consumer offset by timestamp(execute this command required client restart).",
  options: {
    group: required("g", "set the consumer group"),
    topic: required("t", "set the topic"),
    timestamp: required("s", "set the timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
    force: optional("f", "set the force rollback by timestamp switch[true|false]"),
    cluster: CLUSTER,
  },
  example: "-n 127.0.0.1:9876 -g orders -t TopicTest -s 2030-01-31#09:00:00:000",
  run(context, { group, topic, timestamp: typed, force = "true", cluster }) {
    const timestamp = pointInTime(typed, "timestamp", context.now());
    return resetOld(context, { topic, group, timestamp, isForce: isTrue(force), clusterName: cluster }, typed);
  },
});

/** Time that stands for the end of each queue. */
const END = -1;

export const skipAccumulatedMessage = command({
  name: "skipAccumulatedMessage",
  package: "offset",
  description: "Skip all messages that are accumulated (not consumed) currently.",
  options: {
    group: required("g", "set the consumer group"),
    topic: required("t", "set the topic"),
    force: optional("f", "set the force rollback by timestamp switch[true|false]"),
    cluster: CLUSTER,
  },
  example: "-n 127.0.0.1:9876 -g orders -t TopicTest",
  run(context, { group, topic, force = "true", cluster }) {
    const wanted = { topic, group, timestamp: END, isForce: isTrue(force), clusterName: cluster };
    const { offsets } = context.admin;
    return unlessOffline(
      offsets.resetOffsetByTimestamp(wanted).then((table) => printQueues(context, table)),
      async () => printRollbacks(context, await offsets.resetOffsetByTimestampOld(wanted), "#rollbackOffset"),
    );
  },
});
