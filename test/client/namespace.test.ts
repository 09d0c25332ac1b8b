/** Namespaces of 4.x and 5.x, several nameservers, and IPv6. */
import { describe, expect, test } from "bun:test";
import {
  LitePullConsumer,
  type MessageExt,
  Producer,
  PushConsumer,
  SimpleConsumer,
  TransactionProducer,
} from "../../core/client/mod.ts";
import { inNamespaceV2, Namespace } from "../../core/client/namespace.ts";
import { splitAddress } from "../../core/remoting/client.ts";
import type { RemotingCommand } from "../../wire/remoting_command.ts";
import { Collector, withSimulated } from "./harness.ts";

describe("names in a namespace", () => {
  test("are Java's", () => {
    const shop = new Namespace("shop");
    const pairs = [
      ["orders", "shop%orders"],
      ["%RETRY%group", "%RETRY%shop%group"],
      ["%DLQ%group", "%DLQ%shop%group"],
    ] as const;
    for (const [name, wrapped] of pairs) {
      expect([shop.wrap(name), shop.wrap(wrapped), shop.unwrap(wrapped)]).toEqual([wrapped, wrapped, name]);
    }
    for (const name of ["TBW102", "RMQ_SYS_TRACE_TOPIC", "rmq_sys_wheel_timer", "CID_RMQ_SYS_TRANS"])
      expect(shop.wrap(name)).toBe(name);
    expect([shop.unwrap("other%orders"), new Namespace().wrap("orders")]).toEqual(["other%orders", "orders"]);
  });

  test("of 5.x stay; the namespace goes with each request, and is signed with it", () => {
    const command = { extFields: { a: "1" } } as unknown as RemotingCommand;
    let signed: unknown;
    inNamespaceV2("shop", (each) => {
      signed = each.extFields;
    })?.(command);
    expect(signed).toEqual({ a: "1", nsd: "true", ns: "shop" });
    expect(inNamespaceV2("", undefined)).toBe(undefined);
  });
});

describe("a client in a namespace", () => {
  const topic = "orders";
  const group = { consumerGroup: "cg", consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;

  test("sends, consumes, retries, requests and replies by names without it, and others do not see its messages", () =>
    withSimulated(async (rocketmq) => {
      const client = () => rocketmq.client({ namespace: "shop" });
      const producer = new TransactionProducer(client(), { producerGroup: "pg", checkLocalTransaction: () => "COMMIT_MESSAGE" });
      const [sent] = await producer.sendBatch([{ topic, body: "batch" }]);
      expect(sent?.messageQueue.topic).toBe(topic);
      const [queue] = await producer.fetchPublishMessageQueues(topic);
      expect(queue?.topic).toBe(topic);
      if (queue !== undefined) await producer.send({ topic, body: "queue" }, { messageQueue: queue });
      await producer.send(
        { topic, body: "selected" },
        { selector: (queues) => queues[0] ?? { topic, brokerName: "", queueId: 0 } },
      );
      await producer.sendMessageInTransaction({ topic, body: "checked" }, () => "UNKNOW");
      const seen = new Collector<MessageExt>();
      const topics = new Set<string>();
      const consumer = new PushConsumer(client(), { ...group, subscription: { [topic]: "*" } });
      await consumer.start(async (message, { messageQueue }) => {
        topics.add(message.topic).add(messageQueue.topic);
        if (message.text() === "question") await producer.reply(message, { body: "answer" });
        seen.add(message);
        if (message.text() === "batch" && message.reconsumeTimes === 0) throw new Error("the next time");
      });
      expect(consumer.assignment.map((each) => each.topic).filter((each) => !each.startsWith("%"))[0]).toBe(topic);
      await seen.until(5);
      expect(seen.items.map((message) => message.text()).sort()).toEqual(["batch", "batch", "checked", "queue", "selected"]);
      expect((await producer.request({ topic, body: "question" }, { timeoutMs: 10_000 })).text()).toBe("answer");
      expect([...topics].sort()).toEqual(["%RETRY%cg", topic]);
      const outside = new Collector<string>();
      const stranger = new PushConsumer(rocketmq.client(), { ...group, subscription: { "shop%orders": "*" } });
      await stranger.start((message) => outside.add(message.topic));
      await outside.until(4);
      expect(new Set(outside.items)).toEqual(new Set(["shop%orders"]));
    }));

  test("polls, seeks and receives by names without it", () =>
    withSimulated(async (rocketmq) => {
      const client = () => rocketmq.client({ namespace: "shop" });
      const producer = new Producer(client(), { producerGroup: "pg" });
      for (const body of ["0", "1"]) await producer.send({ topic, body }, { shardingKey: "a" });
      const pulling = new LitePullConsumer(client(), { ...group, subscription: { [topic]: "*" } });
      const [message] = await pulling.poll();
      expect(message?.topic).toBe(topic);
      const queue = { topic, brokerName: "broker-a", queueId: message?.queueId ?? 0 };
      await pulling.seek(queue, 1);
      expect((await pulling.poll()).map((each) => each.text())).toEqual(["1"]);
      await pulling.commit();
      expect(await pulling.committed(queue)).toBe(2);
      expect(pulling.assignment.every((each) => each.topic === topic)).toBe(true);
      const simple = new SimpleConsumer(client(), { ...group, consumerGroup: "sg", subscription: { [topic]: "*" } });
      const received = await simple.receive();
      expect(received.map((each) => each.topic)).toEqual(received.map(() => topic));
      for (const each of received) await simple.acknowledge(each);
      expect(received.length).toBeGreaterThan(0);
    }));
});

describe("several nameservers", () => {
  test("one that does not answer is passed over, now and later", () =>
    withSimulated(async (rocketmq) => {
      const known = rocketmq.client().nameServerAddresses.join(";");
      for (const namesrvAddr of [`127.0.0.1:1;${known}`, `${known};127.0.0.1:2;127.0.0.1:3`]) {
        const client = rocketmq.client({ namesrvAddr });
        for (const topic of ["T", "U", "V"]) {
          const sent = await new Producer(client, { producerGroup: `pg-${topic}` }).send({ topic, body: "x" });
          expect(sent.sendStatus).toBe("SEND_OK");
        }
      }
    }));
});

describe("addresses of IPv6", () => {
  test("are read with brackets, and as Java prints them", () => {
    expect(splitAddress("[::1]:9876")).toEqual({ host: "::1", port: 9876 });
    expect(splitAddress("fe80::1:9876")).toEqual({ host: "fe80::1", port: 9876 });
  });
});
