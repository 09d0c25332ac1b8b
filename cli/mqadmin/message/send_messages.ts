/** sendMessage, checkMsgSendRT. */
import { Producer } from "../../../core/client/mod.ts";
import { compareQueues } from "../../../core/client/topic_route.ts";
import { command, optional, required, UsageError } from "../declaration.ts";
import { format } from "../format.ts";
import { integer, integerOr, isTrue } from "../values.ts";

const ROW = "%-32s  %-4s  %-20s    %s";

export const sendMessage = command({
  name: "sendMessage",
  package: "message",
  description: "Send a message.",
  options: {
    topic: required("t", "Topic name"),
    body: required("p", "UTF-8 string format of the message body"),
    key: optional("k", "Message keys"),
    tags: optional("c", "Message tags"),
    broker: optional("b", "Send message to target broker"),
    qid: optional("i", "Send message to target queue"),
    msgTraceEnable: optional("m", "Message Trace Enable, Default: false"),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -p hello -c TagA -k order-1",
  async run(context, { topic, body, key, tags, broker, qid, msgTraceEnable }) {
    if (qid !== undefined && broker === undefined) throw new UsageError("Broker name must be set if the queue is chosen!");
    const client = isTrue(msgTraceEnable) ? context.newClient({ enableTrace: true }) : context.client;
    const producer = new Producer(client, { producerGroup: String(context.now()) });
    // As Apache: a broker without a queue says nothing.
    const messageQueue =
      broker === undefined || qid === undefined ? undefined : { topic, brokerName: broker, queueId: integer(qid, "qid", 0) };
    const result = await producer.send({ topic, body, keys: key, tags }, messageQueue === undefined ? {} : { messageQueue });
    const { brokerName, queueId } = result.messageQueue;
    context.print(format(ROW, "#Broker Name", "#QID", "#Send Result", "#MsgId"));
    context.print(format(ROW, brokerName, queueId, result.sendStatus, result.msgId));
    return result;
  },
});

export const checkMsgSendRT = command({
  name: "checkMsgSendRT",
  package: "message",
  description: "Check message send response time.",
  options: {
    topic: required("t", "topic name"),
    amount: optional("a", "message amount | default 100"),
    size: optional("s", "message size | default 128 Byte"),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -a 10 -s 1024",
  async run(context, { topic, amount, size }) {
    const count = integerOr(amount, "amount", 100, 1);
    const body = new Uint8Array(integerOr(size, "size", 128, 1)).fill(0x61);
    const producer = new Producer(context.client, { producerGroup: String(context.now()) });
    context.print(format(ROW, "#Broker Name", "#QID", "#Send Result", "#RT"));
    const queues = [...(await context.client.route(topic)).writeQueues].sort(compareQueues);
    if (queues.length === 0) throw new UsageError(`--topic ${topic}: no queue of it can be written`);
    const sent = [];
    for (let i = 0; i < count; i++) {
      const messageQueue = queues[i % queues.length] as (typeof queues)[number];
      const startedAt = context.runtime.clock.monotonic();
      const fault = await producer.send({ topic, body }, { messageQueue }).then(
        () => undefined,
        (error: Error) => error.message,
      );
      const rtMs = Math.round(context.runtime.clock.monotonic() - startedAt);
      const { brokerName, queueId } = messageQueue;
      context.print(format(ROW, brokerName, queueId, fault === undefined, rtMs));
      sent.push({ brokerName, queueId, rtMs, fault });
    }
    // The first makes the connection, and does not count.
    const total = sent.slice(1).reduce((sum, { rtMs }) => sum + rtMs, 0);
    context.print(`Avg RT: ${format("%.2f", total / (count - 1))}`);
    return sent;
  },
});
