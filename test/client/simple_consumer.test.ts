/** What a simple consumer promises: a message is one member's until it is acknowledged or its invisible time is over. */
import { describe, expect, test } from "bun:test";
import type { SimRuntime } from "../../adapters/sim/sim.ts";
import { Admin, type MessageExt, Producer, SimpleConsumer, type SimpleConsumerOptions } from "../../core/client/mod.ts";
import type { RocketMQ } from "../../mod.ts";
import { rejection, withSimulated } from "./harness.ts";

const passed = (sim: SimRuntime, ms: number) => new Promise<void>((resolve) => void sim.clock.setTimeout(resolve, ms));
const texts = (messages: readonly MessageExt[]) => messages.map((message) => message.text()).sort();

async function produced(rocketmq: RocketMQ, bodies: readonly string[]): Promise<Producer> {
  const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
  for (const body of bodies) await producer.send({ topic: "T", body, tags: body });
  return producer;
}

const consumerOf = (rocketmq: RocketMQ, options: Partial<SimpleConsumerOptions> = {}) =>
  new SimpleConsumer(rocketmq.client(), {
    consumerGroup: "cg",
    subscription: { T: "*" },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    invisibleDuration: 10_000,
    ...options,
  });

/** Receives until `count` messages are there. */
async function received(consumer: SimpleConsumer, count: number): Promise<MessageExt[]> {
  const messages: MessageExt[] = [];
  while (messages.length < count) messages.push(...(await consumer.receive({ awaitDuration: 60_000 })));
  return messages;
}

describe("receive", () => {
  test("takes messages of all queues, members of a group different ones; what is acknowledged does not come again", () =>
    withSimulated(async (rocketmq) => {
      const bodies = ["0", "1", "2", "3", "4", "5", "6", "7"];
      await produced(rocketmq, bodies);
      const [one, two] = [consumerOf(rocketmq), consumerOf(rocketmq)];
      const first = await received(one, 8);
      expect(texts(first)).toEqual(bodies);
      expect(await two.receive({ awaitDuration: 0 })).toEqual([]);
      for (const message of first) if (message.text() !== "3") await one.acknowledge(message);
      const [again] = await received(two, 1);
      expect([again?.text(), again?.reconsumeTimes, again?.topic, again?.msgId]).toEqual([
        "3",
        1,
        "T",
        first.find((message) => message.text() === "3")?.msgId,
      ]);
      await two.acknowledge(again as MessageExt);
      expect(await one.receive({ awaitDuration: 60_000 })).toEqual([]);
    }));

  test("waits for a message and gets it at once; a wait that is given up takes nothing", () =>
    withSimulated(async (rocketmq, sim) => {
      const producer = await produced(rocketmq, ["warm"]);
      const consumer = consumerOf(rocketmq, { subscription: { T: "A || B" } });
      const startedAt = sim.clock.now();
      expect(await consumer.receive({ awaitDuration: 40_000 })).toEqual([]);
      expect(Math.round((sim.clock.now() - startedAt) / 1_000)).toBe(40);
      const giveUp = new AbortController();
      const given = rejection(consumer.receive({ signal: giveUp.signal }));
      await passed(sim, 1_000);
      giveUp.abort(new Error("enough"));
      expect((await given).message).toBe("enough");
      const waiting = consumer.receive();
      await passed(sim, 5_000);
      const sentAt = sim.clock.now();
      await producer.send({ topic: "T", body: "x", tags: "A" });
      expect(texts(await waiting)).toEqual(["x"]);
      expect(sim.clock.now() - sentAt).toBeLessThan(100);
    }));

  test("by several topics, each with its expression, and up to so many at a time", () =>
    withSimulated(
      async (rocketmq) => {
        const producer = await produced(rocketmq, ["A", "B"]);
        await producer.send({ topic: "U", body: "one", properties: { n: "1" } });
        await producer.send({ topic: "U", body: "two", properties: { n: "2" } });
        const consumer = consumerOf(rocketmq, { subscription: { T: "A" } });
        await consumer.subscribe("U", { sql: "n > 1" });
        expect(texts(await received(consumer, 2))).toEqual(["A", "two"]);
        expect((await rejection(consumer.receive({ maxMessages: 33 }))).message).toInclude("1 to 32");
        const nothing = consumerOf(rocketmq, { consumerGroup: "none", subscription: {} });
        expect((await rejection(nothing.receive())).message).toInclude("subscribes to nothing");
      },
      { enablePropertyFilter: true },
    ));
});

describe("unsubscribe", () => {
  test("takes no more of the topic, by a receive under way neither; what was received can be acknowledged", () =>
    withSimulated(async (rocketmq, sim) => {
      const producer = await produced(rocketmq, ["T0"]);
      await producer.send({ topic: "U", body: "U0" });
      const consumer = consumerOf(rocketmq, { subscription: { T: "*", U: "*" } });
      const first = await received(consumer, 2);
      expect(texts(first)).toEqual(["T0", "U0"]);
      const waiting = consumer.receive({ awaitDuration: 60_000 });
      await passed(sim, 1_000);
      await consumer.unsubscribe("U");
      await producer.send({ topic: "U", body: "U1" });
      await passed(sim, 1_000);
      await producer.send({ topic: "T", body: "T1" });
      const second = await waiting;
      expect(texts(second)).toEqual(["T1"]);
      for (const message of [...first, ...second]) await consumer.acknowledge(message);
      expect(await consumer.receive({ awaitDuration: 60_000 })).toEqual([]);
      await consumer.subscribe("U");
      expect(texts(await received(consumer, 1))).toEqual(["U1"]);
    }));

  test("is told to the broker; of the last topic it leaves nothing to receive; of another it changes nothing", () =>
    withSimulated(async (rocketmq) => {
      const producer = await produced(rocketmq, ["T0"]);
      await producer.send({ topic: "U", body: "U0" });
      const { connections } = new Admin(rocketmq.client());
      const consumer = consumerOf(rocketmq, { subscription: { T: "*", U: "*" } });
      const told = async () => [...(await connections.examineConsumerConnectionInfo("cg")).subscriptionTable.keys()].sort();
      await consumer.start();
      expect(await told()).toEqual(["T", "U"]);
      await consumer.unsubscribe("Other");
      expect(await told()).toEqual(["T", "U"]);
      await consumer.unsubscribe("U");
      expect(await told()).toEqual(["T"]);
      await consumer.unsubscribe("T");
      expect((await rejection(consumer.receive({ awaitDuration: 0 }))).message).toInclude("subscribes to nothing");
      const early = consumerOf(rocketmq, { consumerGroup: "early", subscription: { T: "*", U: "*" } });
      await early.unsubscribe("T");
      expect(texts(await received(early, 1))).toEqual(["U0"]);
      expect(await early.receive({ awaitDuration: 1_000 })).toEqual([]);
    }));
});

describe("changeInvisibleDuration", () => {
  test("puts a message off, with a receipt that acknowledges it, also when it came from the retry topic", () =>
    withSimulated(async (rocketmq, sim) => {
      await produced(rocketmq, ["x"]);
      const consumer = consumerOf(rocketmq);
      const [first] = await received(consumer, 1);
      const receipt = first?.receiptHandle;
      await consumer.changeInvisibleDuration(first as MessageExt, 30_000);
      expect(first?.receiptHandle).not.toBe(receipt);
      const before = sim.clock.now();
      const [second] = await received(consumer, 1);
      expect(Math.round((sim.clock.now() - before) / 10_000)).toBe(3);
      await consumer.changeInvisibleDuration(second as MessageExt, 60_000);
      await passed(sim, 20_000);
      await consumer.acknowledge(second as MessageExt);
      expect(await consumer.receive({ awaitDuration: 120_000 })).toEqual([]);
    }));

  test("and acknowledge want a message that was popped", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq, ["x"]);
      const consumer = consumerOf(rocketmq);
      const [message] = (await received(consumer, 1)) as [MessageExt];
      message.receiptHandle = undefined;
      expect((await rejection(consumer.acknowledge(message))).message).toInclude("was not popped");
      message.receiptHandle = "a b c";
      expect((await rejection(consumer.changeInvisibleDuration(message, 1_000))).kind).toBe("invalid");
    }));
});

describe("for await", () => {
  test("acknowledges a message when the next is asked for, and gives back what the loop leaves", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq, ["0", "1", "2", "3"]);
      const consumer = consumerOf(rocketmq, { invisibleDuration: 600_000 });
      const seen: string[] = [];
      for await (const message of consumer) {
        seen.push(message.text());
        if (seen.length === 2) break;
      }
      const left = new Set(["0", "1", "2", "3"]);
      left.delete(seen[0] as string);
      // Long before its invisible time is over.
      for await (const message of consumer) {
        left.delete(message.text());
        if (left.size === 0) await consumer.close();
      }
      expect(left.size).toBe(0);
    }));
});
