/** Traces of messages: that they are there, in Java's form, and never in the way. */
import { describe, expect, test } from "bun:test";
import {
  LitePullConsumer,
  type MessageExt,
  Producer,
  PushConsumer,
  SimpleConsumer,
  TransactionProducer,
} from "../../core/client/mod.ts";
import { RecordingLog } from "../broker/management_harness.ts";
import { Collector, withSimulated } from "./harness.ts";

/** The records of a message of the trace topic, each as its values. */
const recordsOf = (message: MessageExt): string[][] =>
  message
    .text()
    .split("\u0002")
    .filter((record) => record !== "")
    .map((record) => record.split("\u0001"));

describe("traces", () => {
  test("of a send, its consumption, a retry, and both ends of a transaction, in Java's form", () =>
    withSimulated(
      async (rocketmq) => {
        const reader = new Collector<string[]>();
        const keys = new Set<string>();
        const consumeFromWhere = "CONSUME_FROM_FIRST_OFFSET";
        const traces = new PushConsumer(rocketmq.client(), {
          consumerGroup: "traces",
          subscription: { RMQ_SYS_TRACE_TOPIC: "*" },
          consumeFromWhere,
        });
        await traces.start((message) => {
          for (const key of (message.keys ?? "").split(" ")) keys.add(key);
          recordsOf(message).forEach(reader.add);
        });
        const client = rocketmq.client({ enableTrace: true });
        const producer = new Producer(client, { producerGroup: "pg" });
        const sent = await producer.send({ topic: "T", body: "hello", tags: "A", keys: ["k1", "k2"] });
        const seen = new Collector<number>();
        const consumer = new PushConsumer(client, { consumerGroup: "cg", subscription: { T: "*" }, consumeFromWhere });
        await consumer.start((message) => {
          seen.add(message.reconsumeTimes);
          if (message.reconsumeTimes === 0) throw new Error("not yet");
        });
        await seen.until(2);
        const transactions = new TransactionProducer(client, {
          producerGroup: "tg",
          checkLocalTransaction: () => "COMMIT_MESSAGE",
        });
        const half = await transactions.sendMessageInTransaction({ topic: "T2", body: "half" }, () => "COMMIT_MESSAGE");
        await client.close();
        await reader.until(7);

        const by = (type: string) => reader.items.filter(([first]) => first === type);
        const broker = sent.offsetMsgId;
        const [first, second] = by("Pub");
        expect(first).toEqual([
          "Pub",
          first?.[1] ?? "",
          "DefaultRegion",
          "pg",
          "T",
          sent.msgId,
          "A",
          "k1 k2",
          first?.[8] ?? "",
          "5",
          first?.[10] ?? "",
          "0",
          broker,
          "true",
        ]);
        expect(Number(first?.[1])).toBeGreaterThan(0);
        expect(first?.[8]).toMatch(/^127\.0\.0\.1:\d+$/);
        // Tags and keys that are not there, and a half message.
        expect([second?.[4], second?.[6], second?.[7], second?.[11]]).toEqual(["T2", "null", "null", "1"]);
        const before = by("SubBefore");
        const after = by("SubAfter");
        expect(before.map((record) => [record[3], record[5], record[6], record[7]])).toEqual([
          ["cg", sent.msgId, "0", "k1 k2"],
          ["cg", sent.msgId, "1", "k1 k2"],
        ]);
        // Request id, message, cost, success, keys, what the listener came to, time, group.
        expect(after.map((record) => [record[1], record[2], record[4], record[6], record[8]])).toEqual([
          [before[0]?.[4], sent.msgId, "false", "2", "cg"],
          [before[1]?.[4], sent.msgId, "true", "0", "cg"],
        ]);
        expect(by("EndTransaction").map((record) => [...record.slice(3, 6), ...record.slice(9)])).toEqual([
          ["tg", "T2", half.msgId, "2", half.transactionId ?? "null", "COMMIT_MESSAGE", "false"],
        ]);
        // Found by their keys.
        expect([sent.msgId, half.msgId, "k1", "k2"].filter((key) => !keys.has(key))).toEqual([]);
      },
      { traceTopicEnable: true },
    ));

  test("of what is polled, which counts as consumed, and of recalls where they are asked for; a simple consumer makes none", () =>
    withSimulated(
      async (rocketmq) => {
        const options = { consumerGroup: "cg", subscription: { T: "*" }, consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;
        const quiet = new Producer(rocketmq.client(), { producerGroup: "quiet" });
        const sent = await quiet.send({ topic: "T", body: "0", keys: "k" });
        const client = rocketmq.client({ enableTrace: true, enableRecallTrace: true });
        const polling = new LitePullConsumer(client, options);
        expect((await polling.poll()).length).toBe(1);
        // Java's simple consumer speaks gRPC, where the proxy is the one that knows.
        const simple = new SimpleConsumer(rocketmq.client({ enableTrace: true }), { ...options, consumerGroup: "simple" });
        const popped: MessageExt[] = [];
        while (popped.length === 0) popped.push(...(await simple.receive({ awaitDuration: 60_000 })));
        for (const message of popped) await simple.acknowledge(message);
        const recalled: string[] = [];
        for (const producer of [quiet, new Producer(client, { producerGroup: "pg" })]) {
          const { recallHandle = "", msgId } = await quiet.send({ topic: "T", body: "1", delayTimeSec: 60 });
          await producer.recall("T", recallHandle);
          recalled.push(msgId);
        }
        await client.close();
        const traces = new LitePullConsumer(rocketmq.client(), {
          ...options,
          consumerGroup: "traces",
          subscription: { RMQ_SYS_TRACE_TOPIC: "*" },
        });
        const records = (await traces.poll()).flatMap(recordsOf);
        expect(records.map(([type]) => String(type)).sort()).toEqual(["Recall", "SubAfter", "SubBefore"]);
        const of = (type: string) => records.find(([first]) => first === type) ?? [];
        expect([of("SubBefore")[3], ...of("SubBefore").slice(5)]).toEqual(["cg", sent.msgId, "0", "k"]);
        expect([of("SubAfter")[1], of("SubAfter")[4], of("SubAfter")[8]]).toEqual([of("SubBefore")[4], "true", "cg"]);
        expect(of("Recall").slice(2)).toEqual(["DefaultRegion", "pg", "T", recalled[1] as string, "true"]);
      },
      { traceTopicEnable: true, recallMessageEnable: true },
    ));

  test("are not sent when the broker says that tracing is off", () =>
    withSimulated(
      async (rocketmq) => {
        const client = rocketmq.client({ enableTrace: true });
        await new Producer(client, { producerGroup: "pg" }).send({ topic: "T", body: "x" });
        await client.close();
        expect(rocketmq.broker.store.maxOffset({ topic: "RMQ_SYS_TRACE_TOPIC", queueId: 0 })).toBe(0);
      },
      { traceTopicEnable: true, traceOn: false },
    ));

  test("that can't be sent, or find no room, cost one line of the log and no message", () =>
    withSimulated(async (rocketmq) => {
      const log = new RecordingLog();
      const client = rocketmq.client({ enableTrace: true, traceTopic: "NotThere", log });
      const producer = new Producer(client, { producerGroup: "pg" });
      for (let i = 0; i < 250; i++) expect((await producer.send({ topic: "T", body: "x" })).sendStatus).toBe("SEND_OK");
      await client.close();
      const lines = log.lines.filter(({ message }) => message.startsWith("traces of messages were dropped"));
      expect(lines.length).toBe(1);
      expect(lines[0]?.fields["reason"]).toInclude('No broker offers topic "NotThere"');
    }));
});
