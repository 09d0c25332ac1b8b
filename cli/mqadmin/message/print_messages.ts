/** printMsg, printMsgByQueue: the messages of a topic, or of one queue. */
import { command, optional, required } from "../declaration.ts";
import { format } from "../format.ts";
import { integer, isTrue } from "../values.ts";
import { decoderOf } from "./body_text.ts";
import { messageValue } from "./details.ts";
import { messageText, queueText, type Shown } from "./java_text.ts";
import { pullAt, rangeOf, readQueuesOf } from "./reading.ts";

const CHARSET = optional("c", "CharsetName(eg: UTF-8,GBK)");
const EXPRESSION = optional("s", "Subscribe Expression(eg: TagA || TagB)");
const BEGIN = optional("b", "Begin timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]");
const END = optional("e", "End timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]");

/** @param decode undefined: the body is not printed */
export function messageLine(shown: Shown, decode: ((body: Uint8Array) => string) | undefined): string {
  const body = decode === undefined ? "NOT PRINT BODY" : decode(shown.message.body);
  return `MSGID: ${shown.message.msgId} ${messageText(shown)} BODY: ${body}`;
}

export const printMsg = command({
  name: "printMsg",
  package: "message",
  description: "Print Message Detail.",
  options: {
    topic: required("t", "topic name"),
    charsetName: CHARSET,
    subExpression: EXPRESSION,
    beginTimestamp: BEGIN,
    endTimestamp: END,
    printBody: optional("d", "print body"),
    lmqParentTopic: optional("l", "Lmq parent topic, lmq is used to find the route."),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -s TagA",
  async run(context, options) {
    const { topic, charsetName = "UTF-8", subExpression: expression = "*", printBody = "true", lmqParentTopic } = options;
    const decode = decoderOf(charsetName, "charsetName");
    const found: object[] = [];
    for (const queue of await readQueuesOf(context, topic, lmqParentTopic)) {
      const { minOffset, maxOffset } = await rangeOf(context, queue, options);
      context.print(`minOffset=${minOffset}, maxOffset=${maxOffset}, ${queueText(queue)}`);
      for (let offset = minOffset; offset < maxOffset; ) {
        const { status, nextOffset, messages } = await pullAt(context, queue, { offset, expression });
        offset = nextOffset;
        for (const shown of messages) context.print(messageLine(shown, isTrue(printBody) ? decode : undefined));
        found.push(...messages.map(messageValue));
        if (status === "NO_MATCHED_MSG") {
          context.print(`${queueText(queue)} no matched msg. status=${status}, offset=${offset}`);
        } else if (status !== "FOUND") {
          context.print(`${queueText(queue)} print msg finished. status=${status}, offset=${offset}`);
          break;
        }
      }
      context.print("--------------------------------------------------------");
    }
    return found;
  },
});

export const printMsgByQueue = command({
  name: "printMsgByQueue",
  package: "message",
  description: "Print Message Detail by queueId.",
  options: {
    topic: required("t", "topic name"),
    brokerName: required("a", "broker name"),
    queueId: required("i", "queue id"),
    charsetName: CHARSET,
    subExpression: EXPRESSION,
    beginTimestamp: BEGIN,
    endTimestamp: END,
    printMsg: optional("p", "print msg. eg: true | false(default)"),
    printBody: optional("d", "print body. eg: true | false(default)"),
    calculate: optional("f", "calculate by tag. eg: true | false(default)"),
  },
  example: "-n 127.0.0.1:9876 -t TopicTest -a broker-a -i 0 -p true -d true",
  async run(context, options) {
    const { topic, brokerName, queueId, charsetName = "UTF-8", subExpression: expression = "*" } = options;
    const decode = decoderOf(charsetName, "charsetName");
    const queue = { topic, brokerName, queueId: integer(queueId, "queueId", 0) };
    const { minOffset, maxOffset } = await rangeOf(context, queue, options);
    const counts = new Map<string, number>();
    const found: object[] = [];
    for (let offset = minOffset; offset < maxOffset; ) {
      const { status, nextOffset, messages } = await pullAt(context, queue, { offset, expression });
      offset = nextOffset;
      if (status !== "FOUND") break;
      for (const shown of messages) {
        const { tags = "" } = shown.message;
        if (tags !== "") counts.set(tags, (counts.get(tags) ?? 0) + 1);
        if (isTrue(options.printMsg)) context.print(messageLine(shown, isTrue(options.printBody) ? decode : undefined));
      }
      found.push(...messages.map(messageValue));
    }
    if (isTrue(options.calculate)) {
      for (const [tag, count] of [...counts].sort(([, a], [, b]) => b - a)) {
        context.print(format("Tag: %-30s Count: %s", tag, count));
      }
    }
    return { messages: found, tags: counts };
  },
});
