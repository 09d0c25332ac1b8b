/** queryMsgById, queryMsgByUniqueKey, queryMsgByKey, queryMsgByOffset. */
import { type MessageExt, Producer } from "../../../core/client/mod.ts";
import type { CommandContext } from "../context.ts";
import { CommandError, command, flag, optional, required, UsageError } from "../declaration.ts";
import { format } from "../format.ts";
import { sendResultText } from "../send_result.ts";
import { integer, integerOr, isTrue, long } from "../values.ts";
import { decoderOf } from "./body_text.ts";
import { messageValue, printDetails } from "./details.ts";
import { directResultText, type Shown } from "./java_text.ts";
import { pullAt } from "./reading.ts";

const CLUSTER = optional("c", "Cluster name or lmq parent topic, lmq is used to find the route.");
const FORMAT = optional("f", "print message body by the specified format");

const asStored = (message: MessageExt): Shown => ({ message, properties: message.properties });

export const queryMsgById = command({
  name: "queryMsgById",
  package: "message",
  description: "Query Message by Id.",
  options: {
    topic: required("t", "topic name"),
    msgId: required("i", "Message Id"),
    consumerGroup: optional("g", "consumer group name"),
    clientId: optional("d", "The consumer's client id"),
    sendMessage: optional("s", "resend message"),
    unitName: optional("u", "unit name"),
    bodyFormat: FORMAT,
    cluster: CLUSTER,
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -i 7F000001000078BF4AA9612D52B70000",
  async run(context, options) {
    const { topic, msgId, consumerGroup, clientId, sendMessage, bodyFormat, cluster } = options;
    const ids = msgId.split(",").map((id) => id.trim());
    const wanted = ids.filter((id) => id !== "");
    if (consumerGroup !== undefined && clientId !== undefined) {
      return await inOrder(wanted, (id) => pushTo(context, { consumerGroup, clientId, topic, msgId: id, cluster }));
    }
    if (sendMessage !== undefined) {
      return isTrue(sendMessage) ? await inOrder(wanted, (id) => sendAgain(context, topic, id, cluster)) : [];
    }
    const decode = bodyFormat === undefined ? undefined : decoderOf(bodyFormat, "bodyFormat");
    return await inOrder(wanted, async (id) => {
      const message = await context.admin.messages.viewMessage(topic, id, cluster);
      if (message === undefined) throw notFound(context, topic, id);
      return printDetails(context, asStored(message), { withOffsetId: true, decode });
    });
  },
});

async function inOrder<T>(ids: readonly string[], each: (id: string) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (const id of ids) results.push(await each(id));
  return results;
}

function notFound(context: CommandContext, topic: string, msgId: string): CommandError {
  context.print("\nMessage not found!");
  return new CommandError(`no broker of topic ${topic} has message ${msgId}, by offset, or by unique key in the last three days`);
}

interface Push {
  readonly consumerGroup: string;
  readonly clientId: string;
  readonly topic: string;
  readonly msgId: string;
  readonly cluster: string | undefined;
}

/** Lets a push consumer consume the message now. */
async function pushTo(context: CommandContext, { consumerGroup, clientId, topic, msgId, cluster }: Push) {
  const { connections, messages } = context.admin;
  const { properties } = await connections.getConsumerRunningInfo(consumerGroup, clientId);
  if (properties.get("PROP_CONSUME_TYPE") !== "CONSUME_PASSIVELY") {
    throw new CommandError(`this ${clientId} client is not push consumer ,not support direct push`);
  }
  const result = await messages.consumeMessageDirectly(consumerGroup, clientId, topic, msgId, cluster);
  context.print(directResultText(result));
  return result;
}

async function sendAgain(context: CommandContext, topic: string, msgId: string, cluster: string | undefined) {
  const message = await context.admin.messages.viewMessage(topic, msgId, cluster);
  if (message === undefined) throw new CommandError(`no message. msgId=${msgId}`);
  const producer = new Producer(context.client, { producerGroup: "ReSendMsgById" });
  const properties = Object.fromEntries(message.properties);
  const result = await producer.send({ topic: message.topic, body: message.body, flag: message.flag, properties });
  context.print(`prepare resend msg. originalMsgId=${msgId}${sendResultText(result)}`);
  return result;
}

/** How far back, and ahead, of now a message is looked for. */
const HALF_SPAN_MS = 129_600_000;
const UNIQUE_MAX = 32;

export const queryMsgByUniqueKey = command({
  name: "queryMsgByUniqueKey",
  package: "message",
  description: "Query Message by Unique key.",
  options: {
    msgId: required("i", "Message Id"),
    consumerGroup: optional("g", "consumer group name"),
    clientId: optional("d", "The consumer's client id"),
    topic: required("t", "The topic of msg"),
    showAll: flag("a", "Print all message, the limit is 32"),
    cluster: CLUSTER,
    startTime: optional("s", "startTime"),
    endTime: optional("e", "endTime"),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -i 7F000001000078BF4AA9612D52B70000",
  async run(context, { msgId, consumerGroup, clientId, topic, showAll, cluster, startTime, endTime }) {
    if (consumerGroup !== undefined && clientId !== undefined) {
      return await pushTo(context, { consumerGroup, clientId, topic, msgId, cluster: undefined });
    }
    const timed = startTime !== undefined && endTime !== undefined;
    const { messageList } = await context.admin.messages.queryMessageByUniqKey({
      topic,
      key: msgId,
      maxNum: UNIQUE_MAX,
      begin: timed ? long(startTime, "startTime", 0) : context.now() - HALF_SPAN_MS,
      end: timed ? long(endTime, "endTime", 0) : context.now() + HALF_SPAN_MS,
      clusterName: cluster,
    });
    const sorted = messageList.sort((a, b) => a.storeTimestamp - b.storeTimestamp);
    const found: object[] = [];
    for (const [index, message] of sorted.slice(0, showAll ? undefined : 1).entries()) {
      found.push(await printDetails(context, asStored(message), { withOffsetId: false, index }));
    }
    return found;
  },
});

const KEY_ROW = "%-50s %4s %40s %-200s";
const HOUR_MS = 3_600_000;

export const queryMsgByKey = command({
  name: "queryMsgByKey",
  package: "message",
  description: "Query Message by Key.",
  options: {
    topic: required("t", "Topic name"),
    msgKey: required("k", "Message Key"),
    beginTimestamp: optional("b", "Begin timestamp(ms). default:0, eg:1676730526212"),
    endTimestamp: optional("e", "End timestamp(ms). default:Long.MAX_VALUE, eg:1676730526212"),
    maxNum: optional("m", "The maximum number of messages returned by the query, default:64"),
    cluster: CLUSTER,
    keyType: optional("p", "Index key type, default index key type is K, you can use K for keys OR T for tags"),
    lastKey: optional("l", "Last Key"),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -k order-1",
  async run(context, { topic, msgKey, beginTimestamp, endTimestamp, maxNum, cluster, keyType = "K", lastKey }) {
    if (keyType !== "K" && keyType !== "T") throw new UsageError("index type error, just support K for keys or T for tags");
    const { messageList } = await context.admin.messages.queryMessage({
      topic,
      key: msgKey,
      maxNum: integerOr(maxNum, "maxNum", 64, 1),
      begin: long(beginTimestamp, "beginTimestamp", 0),
      end: long(endTimestamp, "endTimestamp", Number.MAX_SAFE_INTEGER),
      indexType: keyType,
      lastKey,
      clusterName: cluster,
    });
    if (messageList.length === 0)
      throw new CommandError(`query message by key finished, but no message of topic ${topic} has ${msgKey}`);
    context.print(format(KEY_ROW, "#Message ID", "#QID", "#Offset", "#IndexKey"));
    for (const { msgId, queueId, queueOffset, storeTimestamp, commitLogOffset } of messageList) {
      // What -l takes, to go on behind this message where the index is in RocksDB.
      const hour = storeTimestamp - (storeTimestamp % HOUR_MS);
      const indexKey = [hour, topic, keyType, msgKey, msgId, commitLogOffset].join("@");
      context.print(format(KEY_ROW, msgId, queueId, queueOffset, indexKey));
    }
    return messageList.map((message) => messageValue(asStored(message)));
  },
});

export const queryMsgByOffset = command({
  name: "queryMsgByOffset",
  package: "message",
  description: "Query Message by offset.",
  options: {
    topic: required("t", "topic name"),
    brokerName: required("b", "Broker Name"),
    queueId: required("i", "Queue Id"),
    offset: required("o", "Queue Offset"),
    bodyFormat: FORMAT,
    routeTopic: optional("r", "the topic which is used to find route info"),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -b broker-a -i 0 -o 10",
  async run(context, { topic, brokerName, queueId, offset, bodyFormat, routeTopic }) {
    const decode = bodyFormat === undefined ? undefined : decoderOf(bodyFormat, "bodyFormat");
    if (routeTopic !== undefined) await context.client.route(routeTopic);
    const queue = { topic, brokerName, queueId: integer(queueId, "queueId", 0) };
    const { messages, status } = await pullAt(context, queue, { offset: integer(offset, "offset", 0), count: 1 });
    const [shown] = messages;
    if (shown === undefined)
      throw new CommandError(`no message at offset ${offset} of queue ${queueId} on ${brokerName}: ${status}`);
    return await printDetails(context, shown, { withOffsetId: true, decode });
  },
});
