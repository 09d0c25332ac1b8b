/** A producer and a push consumer against an embedded broker, over connections in memory. */
import { describe, expect, test } from "bun:test";
import { type MessageExt, MQBrokerError, MQClientError, Producer, PushConsumer } from "../../core/client/mod.ts";
import { deferred, withRocketMQ } from "./harness.ts";

describe("a message", () => {
  test("goes in with all its fields and comes out with them", () =>
    withRocketMQ(async (rocketmq) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      const got = deferred<MessageExt>();
      const consumer = new PushConsumer(rocketmq.client(), {
        consumerGroup: "cg",
        subscription: { T: "*" },
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      });
      const sent = await producer.send({
        topic: "T",
        body: "hällo",
        tags: "A",
        keys: ["k1", "k2"],
        flag: 7,
        properties: { a: "1" },
      });
      await consumer.start(got.resolve);
      const message = await got.promise;
      expect([sent.sendStatus, sent.messageQueue.topic, sent.queueOffset]).toEqual(["SEND_OK", "T", 0]);
      expect([message.text(), message.tags, message.keys, message.flag, message.properties.get("a")]).toEqual([
        "hällo",
        "A",
        "k1 k2",
        7,
        "1",
      ]);
      expect([message.msgId, message.offsetMsgId, message.queueOffset, message.reconsumeTimes]).toEqual([
        sent.msgId,
        sent.offsetMsgId,
        0,
        0,
      ]);
      expect([message.topic, message.queueId, message.brokerName]).toEqual(["T", sent.messageQueue.queueId, "broker-a"]);
    }));

  test("of a tag nobody asked for is passed over, and not read again", () =>
    withRocketMQ(async (rocketmq) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      const messageQueue = { topic: "T", brokerName: "broker-a", queueId: 0 };
      for (const tags of ["A", "B", "C", "A"]) await producer.send({ topic: "T", body: tags, tags }, { messageQueue });
      const consumer = new PushConsumer(rocketmq.client(), {
        consumerGroup: "cg",
        subscription: { T: "A || C" },
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      });
      const texts: string[] = [];
      for await (const message of consumer) {
        texts.push(message.text());
        if (texts.length === 3) break;
      }
      expect(texts).toEqual(["A", "C", "A"]);
    }));
});

describe("an error says what was tried, where, why, and what mends it", () => {
  test("no nameserver, no topic, no body, a closed client", () =>
    withRocketMQ(
      async (rocketmq) => {
        const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
        const lost = new Producer(rocketmq.client({ namesrvAddr: "127.0.0.1:1;127.0.0.1:2" }), { producerGroup: "pg" });
        const failures = await Promise.all([
          lost.send({ topic: "T", body: "x" }).catch((fault: MQClientError) => fault),
          producer.send({ topic: "T", body: "x" }).catch((fault: MQClientError) => fault),
        ]);
        expect(failures.map((fault) => fault instanceof MQClientError && fault.kind)).toEqual(["unreachable", "no-route"]);
        expect((failures[0] as Error).message).toInclude(
          "nobody listens there). Is one running there? namesrvAddr is 127.0.0.1:1;127.0.0.1:2",
        );
        expect((failures[1] as Error).message).toInclude("autoCreateTopicEnable");
        const refusal = (topic: string, body: string) =>
          producer.send({ topic, body }).then(
            () => "",
            (fault: Error) => fault.message,
          );
        expect(await refusal("T", "")).toInclude("the body is empty");
        expect(await refusal("a b", "x")).toInclude("characters outside");
        await producer.close();
        expect(await refusal("T", "x")).toInclude("closed");
      },
      { autoCreateTopicEnable: false },
    ));

  test("a refusal has its code and the broker's address", () =>
    withRocketMQ(
      async (rocketmq) => {
        const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
        const fault = await producer.send({ topic: "T", body: new Uint8Array(2000) }).catch((error: MQBrokerError) => error);
        expect(fault instanceof MQBrokerError && fault.responseCode).toBe(13);
        expect((fault as MQBrokerError).brokerAddr).toMatch(/^127\.0\.0\.1:\d+$/);
      },
      { maxMessageSize: 1000 },
    ));
});
