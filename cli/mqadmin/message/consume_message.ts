/** consumeMessage: reads so many messages of a topic or a queue, without moving any group's offset. */
import type { MessageQueue } from "../../../wire/bodies/message_queue.ts";
import type { CommandContext } from "../context.ts";
import { command, optional, required, UsageError } from "../declaration.ts";
import { integer, integerOr, pointInTime } from "../values.ts";
import { decoderOf } from "./body_text.ts";
import { messageValue } from "./details.ts";
import { queueText } from "./java_text.ts";
import { messageLine } from "./print_messages.ts";
import { pullAt, rangeOf, readQueuesOf, TOOLS_GROUP } from "./reading.ts";

const COUNT_DEFAULT = 128;

export const consumeMessage = command({
  name: "consumeMessage",
  package: "message",
  description: "Consume message.",
  options: {
    topic: required("t", "Topic name"),
    brokerName: optional("b", "Broker name"),
    queueId: optional("i", "Queue Id"),
    offset: optional("o", "Queue offset"),
    consumerGroup: optional("g", "Consumer group name"),
    beginTimestamp: optional("s", "Begin timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
    endTimestamp: optional("e", "End timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]"),
    MessageNumber: optional("c", "Number of message to be consumed"),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -b broker-a -i 0 -o 10 -c 5",
  async run(context, options) {
    const { topic, brokerName, queueId, offset, consumerGroup: group = TOOLS_GROUP, MessageNumber } = options;
    const count = integerOr(MessageNumber, "MessageNumber", COUNT_DEFAULT);
    if (count <= 0) throw new UsageError("Please input a positive messageNumber!");
    if (queueId !== undefined && brokerName === undefined) throw new UsageError("Please set the brokerName before queueId!");
    if (offset !== undefined && queueId === undefined) throw new UsageError("Please set queueId before offset!");
    checkTimes(context, options);
    if (brokerName === undefined || queueId === undefined) {
      return await fromAllQueues(context, await readQueuesOf(context, topic), { ...options, group, count });
    }
    const queue = { topic, brokerName, queueId: integer(queueId, "queueId", 0) };
    const from = integerOr(offset, "offset", 0, 0);
    const range = await rangeOf(context, queue, options);
    if (from > range.maxOffset) {
      context.print(`${queueText(queue)} no matched msg, offset=${from}`);
      return [];
    }
    const begin = Math.max(from, range.minOffset);
    let end = range.maxOffset;
    if (end - begin > count) {
      // Apache's word.
      context.print(`The oldler ${count} message will be provided`);
      end = begin + count - 1;
    }
    return await fromQueue(context, queue, begin, end, group);
  },
});

interface Times {
  readonly beginTimestamp?: string | undefined;
  readonly endTimestamp?: string | undefined;
}

function checkTimes(context: CommandContext, { beginTimestamp, endTimestamp }: Times): void {
  const now = context.now();
  const begin = beginTimestamp === undefined ? 0 : pointInTime(beginTimestamp, "beginTimestamp", now);
  const end = endTimestamp === undefined ? now : pointInTime(endTimestamp, "endTimestamp", now);
  if (begin > now) throw new UsageError("Please set the beginTimestamp before now!");
  if (end > now) throw new UsageError("Please set the endTimestamp before now!");
  if (begin > end) {
    throw new UsageError("Please make sure that the beginTimestamp is less than or equal to the endTimestamp");
  }
}

/** The oldest of one queue after the other, until there are enough. */
async function fromAllQueues(
  context: CommandContext,
  queues: readonly MessageQueue[],
  options: Times & { group: string; count: number },
): Promise<object[]> {
  const found: object[] = [];
  let left = options.count;
  for (const queue of queues) {
    if (left === 0) break;
    const { minOffset, maxOffset } = await rangeOf(context, queue, options);
    let end = maxOffset;
    if (maxOffset - minOffset > left) {
      context.print(`The older ${left} message of the ${queue.queueId} queue will be provided`);
      end = minOffset + left - 1;
      left = 0;
    } else left -= maxOffset - minOffset;
    found.push(...(await fromQueue(context, queue, minOffset, end, options.group)));
  }
  return found;
}

/** @param end the last offset that is wanted */
async function fromQueue(
  context: CommandContext,
  queue: MessageQueue,
  begin: number,
  end: number,
  group: string,
): Promise<object[]> {
  const decode = decoderOf("UTF-8", "charsetName");
  const found: object[] = [];
  for (let offset = begin; offset <= end; ) {
    const { status, nextOffset, messages } = await pullAt(context, queue, { offset, count: end - offset + 1, group });
    offset = nextOffset;
    if (status === "FOUND") {
      context.print("Consume ok");
      for (const shown of messages) context.print(messageLine(shown, decode));
      found.push(...messages.map(messageValue));
    } else if (status === "NO_MATCHED_MSG") {
      context.print(`${queueText(queue)} no matched msg. status=${status}, offset=${offset}`);
    } else {
      context.print(`${queueText(queue)} print msg finished. status=${status}, offset=${offset}`);
      break;
    }
  }
  return found;
}
