/** A push consumer that leaves the division of queues to the broker, and pops where the broker says so. */
import { describe, expect, test } from "bun:test";
import type { SimRuntime } from "../../adapters/sim/sim.ts";
import { type MessageExt, Producer, PushConsumer, type PushConsumerOptions } from "../../core/client/mod.ts";
import type { RocketMQ } from "../../mod.ts";
import { type MessageRequestMode, setMessageRequestModeRequestBody } from "../../wire/bodies/assignment.ts";
import { Collector, rejection, withSimulated } from "./harness.ts";

const passed = (sim: SimRuntime, ms: number) => new Promise<void>((resolve) => void sim.clock.setTimeout(resolve, ms));

/** What `mqadmin setConsumeMode` sends. */
async function setConsumeMode(rocketmq: RocketMQ, mode: MessageRequestMode, popShareQueueNum = 0): Promise<void> {
  const client = rocketmq.client();
  await client.route("T", { createWith: 4 });
  const body = setMessageRequestModeRequestBody.encode({ topic: "T", consumerGroup: "cg", mode, popShareQueueNum });
  const address = client.brokerAddr("broker-a") as string;
  await client.call("set the mode", address, "SET_MESSAGE_REQUEST_MODE", {}, { body });
}

const consumerOf = (rocketmq: RocketMQ, options: Partial<PushConsumerOptions> = {}) =>
  new PushConsumer(rocketmq.client(), {
    consumerGroup: "cg",
    subscription: { T: "*" },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    clientRebalance: false,
    ...options,
  });

async function produced(rocketmq: RocketMQ, bodies: readonly string[]): Promise<Producer> {
  const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
  for (const body of bodies) await producer.send({ topic: "T", body });
  return producer;
}

const queueIds = (consumer: PushConsumer) =>
  consumer.assignment.filter(({ topic }) => topic === "T").map(({ queueId }) => queueId);

describe("a group that pops", () => {
  test("shares all queues, acknowledges what was consumed, and gets again what was not, longer after each time", () =>
    withSimulated(async (rocketmq, sim) => {
      await produced(rocketmq, ["a", "b", "c"]);
      await setConsumeMode(rocketmq, "POP");
      const seen = new Collector<[text: string, times: number, atMs: number]>();
      const listener = (message: MessageExt) => {
        seen.add([message.text(), message.reconsumeTimes, sim.clock.now()]);
        if (message.text() === "b" && message.reconsumeTimes < 2) throw new Error("not yet");
      };
      const [one, two] = [consumerOf(rocketmq), consumerOf(rocketmq)];
      await one.start(listener);
      await two.start(listener);
      expect([queueIds(one), queueIds(two)]).toEqual([[-1], [-1]]);
      expect(one.runningInfo().mqPopTable.length).toBe(1);
      await seen.until(5);
      await passed(sim, 600_000);
      const ofB = seen.items.filter(([text]) => text === "b");
      expect(seen.items.length).toBe(5);
      expect(ofB.map(([, times]) => times)).toEqual([0, 1, 2]);
      const gaps = ofB.slice(1).map(([, , atMs], i) => Math.round((atMs - (ofB[i]?.[2] ?? 0)) / 10_000) * 10);
      expect(gaps).toEqual([10, 30]);
    }));

  test("gives up after maxReconsumeTimes: the message is a dead letter, and not lost", () =>
    withSimulated(async (rocketmq) => {
      const producer = await produced(rocketmq, []);
      const sent = await producer.send({ topic: "T", body: "x" });
      await setConsumeMode(rocketmq, "POP");
      let calls = 0;
      await consumerOf(rocketmq, { maxReconsumeTimes: 1 }).start(() => {
        calls++;
        throw new Error("never");
      });
      const dead = new Collector<MessageExt>();
      const options = { consumerGroup: "dead", subscription: { "%DLQ%cg": "*" }, clientRebalance: true };
      await consumerOf(rocketmq, options).start(dead.add);
      await dead.until(1);
      expect([calls, dead.items[0]?.text()]).toEqual([2, "x"]);
      expect(dead.items[0]?.msgId).toBe(sent.msgId);
    }));

  test("at a close waits for the listener and gives back the rest at once, not after popInvisibleTime", () =>
    withSimulated(async (rocketmq, sim) => {
      await produced(rocketmq, ["0", "1", "2", "3", "4", "5"]);
      await setConsumeMode(rocketmq, "POP");
      const first = new Collector<string>();
      const one = consumerOf(rocketmq, { consumeThreadMax: 1, popInvisibleTime: 300_000 });
      await one.start(async (message) => {
        first.add(message.text());
        await passed(sim, 500);
      });
      await first.until(1);
      await passed(sim, 100);
      await one.close();
      const closedAt = sim.clock.now();
      const again = new Collector<string>();
      await consumerOf(rocketmq).start((message) => again.add(message.text()));
      await again.until(6 - first.items.length);
      await passed(sim, 400_000);
      expect([...first.items, ...again.items].sort()).toEqual(["0", "1", "2", "3", "4", "5"]);
      expect(sim.clock.now() - closedAt).toBeLessThan(400_000 + 60_000);
    }));

  test("takes no more than popThresholdForQueue and one POP ahead of its listener", () =>
    withSimulated(async (rocketmq, sim) => {
      await produced(
        rocketmq,
        Array.from({ length: 60 }, (_, i) => `${i}`),
      );
      await setConsumeMode(rocketmq, "POP");
      const seen = new Set<string>();
      const consumer = consumerOf(rocketmq, { popThresholdForQueue: 10, popBatchNums: 5, consumeThreadMax: 2 });
      let most = 0;
      const all = new Collector<string>();
      await consumer.start(async (message) => {
        const [[, info] = [undefined, undefined]] = consumer.runningInfo().mqPopTable;
        most = Math.max(most, info?.waitAckCount ?? 0);
        await passed(sim, 10);
        seen.add(message.text());
        all.add(message.text());
      });
      await all.until(60);
      expect(seen.size).toBe(60);
      expect(most).toBeLessThan(16);
      const options = { popInvisibleTime: 1 };
      expect((await rejection(consumerOf(rocketmq, options).start(() => {}))).message).toInclude("5000 to 300000");
    }));
});

describe("the broker", () => {
  test("divides the queues of a group that pulls, and changes it to POP and back while it consumes", () =>
    withSimulated(async (rocketmq, sim) => {
      const producer = await produced(rocketmq, ["first"]);
      const seen = new Collector<string>();
      const [one, two] = [consumerOf(rocketmq), consumerOf(rocketmq)];
      for (const consumer of [one, two]) await consumer.start((message) => seen.add(message.text()));
      await passed(sim, 60_000);
      expect([...queueIds(one), ...queueIds(two)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
      await setConsumeMode(rocketmq, "POP");
      await passed(sim, 60_000);
      expect([queueIds(one), queueIds(two)]).toEqual([[-1], [-1]]);
      for (let i = 0; i < 8; i++) await producer.send({ topic: "T", body: `pop ${i}` });
      await seen.until(9);
      await setConsumeMode(rocketmq, "PULL");
      await passed(sim, 60_000);
      expect([...queueIds(one), ...queueIds(two)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
      for (let i = 0; i < 8; i++) await producer.send({ topic: "T", body: `pull ${i}` });
      await seen.until(17);
      await passed(sim, 200_000);
      expect([seen.items.length, new Set(seen.items).size]).toEqual([17, 17]);
    }));
});
