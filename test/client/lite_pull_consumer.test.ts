/** What a lite pull consumer promises: its own pace, its own place in each queue, and offsets that never pass what was not consumed. */
import { describe, expect, test } from "bun:test";
import type { SimRuntime } from "../../adapters/sim/sim.ts";
import { LitePullConsumer, type LitePullConsumerOptions, Producer } from "../../core/client/mod.ts";
import type { RocketMQ } from "../../mod.ts";
import { rejection, withSimulated } from "./harness.ts";

const queue = (queueId: number) => ({ topic: "T", brokerName: "broker-a", queueId });

/** `bodies` in queue 0 of topic T. */
async function produced(rocketmq: RocketMQ, bodies: readonly string[]): Promise<Producer> {
  const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
  for (const body of bodies) await producer.send({ topic: "T", body }, { messageQueue: queue(0) });
  return producer;
}

const consumerOf = (rocketmq: RocketMQ, options: Partial<LitePullConsumerOptions> = {}) =>
  new LitePullConsumer(rocketmq.client(), {
    consumerGroup: "cg",
    subscription: { T: "*" },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    ...options,
  });

const passed = (sim: SimRuntime, ms: number) => new Promise<void>((resolve) => void sim.clock.setTimeout(resolve, ms));

const texts = async (polling: ReturnType<LitePullConsumer["poll"]>) => (await polling).map((message) => message.text());

describe("poll", () => {
  test("gives messages in order, and the next poll says that they are consumed; what was polled last comes again", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq, ["0", "1", "2", "3", "4"]);
      const one = consumerOf(rocketmq, { pullBatchSize: 2 });
      expect(await texts(one.poll())).toEqual(["0", "1"]);
      expect(await texts(one.poll({ maxMessages: 1 }))).toEqual(["2"]);
      await one.close();
      const two = consumerOf(rocketmq);
      expect(await two.committed(queue(0))).toBe(2);
      expect(await texts(two.poll())).toEqual(["2", "3", "4"]);
      expect(await texts(two.poll({ timeoutMs: 50 }))).toEqual([]);
    }));

  test("waits for a message, for its time, or until it is given up; one at a time", () =>
    withSimulated(async (rocketmq, sim) => {
      const producer = await produced(rocketmq, ["0"]);
      const consumer = consumerOf(rocketmq);
      expect(await texts(consumer.poll())).toEqual(["0"]);
      const waiting = texts(consumer.poll({ timeoutMs: 60_000 }));
      expect((await rejection(consumer.poll())).kind).toBe("invalid");
      await producer.send({ topic: "T", body: "1" }, { messageQueue: queue(0) });
      expect(await waiting).toEqual(["1"]);
      const startedAt = sim.clock.now();
      expect(await texts(consumer.poll())).toEqual([]);
      expect(sim.clock.now() - startedAt).toBe(5_000);
      const giveUp = new AbortController();
      const given = rejection(consumer.poll({ signal: giveUp.signal }));
      giveUp.abort(new Error("enough"));
      expect((await given).message).toBe("enough");
      const closed = rejection(consumer.poll());
      await consumer.close();
      expect((await closed).kind).toBe("closed");
    }));

  test("without autoCommit stores nothing but what commit says", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq, ["0", "1", "2", "3"]);
      const options = { autoCommit: false, pullBatchSize: 1 };
      const one = consumerOf(rocketmq, options);
      await one.poll();
      await one.poll();
      // To a group without an offset a broker says 0 as long as the queue is whole.
      expect(await one.committed(queue(0))).toBe(0);
      await one.commit();
      expect(await one.committed(queue(0))).toBe(2);
      await one.poll();
      await one.poll();
      await one.close();
      const two = consumerOf(rocketmq, options);
      expect(await texts(two.poll())).toEqual(["2"]);
      await two.commit([[queue(0), 1]]);
      await two.close();
      const three = consumerOf(rocketmq, options);
      expect(await texts(three.poll())).toEqual(["1"]);
    }));

  test("takes what a tag or an expression asks for, and offsets go past the rest", () =>
    withSimulated(
      async (rocketmq) => {
        const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
        for (const tags of ["A", "B", "A", "B"]) {
          await producer.send(
            { topic: "T", body: tags, tags, properties: { n: tags === "A" ? "1" : "2" } },
            { messageQueue: queue(0) },
          );
        }
        for (const [consumerGroup, expression] of [
          ["tag", "A"],
          ["sql", { sql: "n = 1" }],
        ] as const) {
          const consumer = consumerOf(rocketmq, { consumerGroup, subscription: { T: expression } });
          const seen: string[] = [];
          while (seen.length < 2) seen.push(...(await texts(consumer.poll())));
          expect(seen).toEqual(["A", "A"]);
          await consumer.poll({ timeoutMs: 20_000 });
          await consumer.commit();
          expect(await consumer.committed(queue(0))).toBe(4);
        }
      },
      { enablePropertyFilter: true },
    ));

  test("pulls no more ahead than all queues together may hold", () =>
    withSimulated(async (rocketmq) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      for (let i = 0; i < 80; i++) await producer.send({ topic: "T", body: `${i}` }, { messageQueue: queue(i % 4) });
      const consumer = consumerOf(rocketmq, { pullBatchSize: 5, pullThresholdForAll: 10 });
      const seen = new Set<string>();
      let most = 0;
      while (seen.size < 80) {
        for (const text of await texts(consumer.poll())) seen.add(text);
        const { mqTable } = consumer.runningInfo();
        most = Math.max(
          most,
          mqTable.reduce((sum, [, { cachedMsgCount }]) => sum + cachedMsgCount, 0),
        );
      }
      // Four queues may each have had a pull under way when the bound was reached.
      expect(most).toBeLessThan(10 + 4 * 5);
    }));
});

describe("flow control of a queue", () => {
  /** What waits of queue 0 when nobody polls. */
  async function waiting(rocketmq: RocketMQ, sim: SimRuntime, options: Partial<LitePullConsumerOptions>) {
    const consumer = consumerOf(rocketmq, options);
    await consumer.start();
    await passed(sim, 30_000);
    const [, info] = consumer.runningInfo().mqTable.find(([{ queueId }]) => queueId === 0) ?? [];
    let polled = 0;
    for (let got = -1; got !== 0; polled += got) got = (await consumer.poll({ timeoutMs: 20_000 })).length;
    return { count: info?.cachedMsgCount, polled };
  }

  test("by count", () =>
    withSimulated(async (rocketmq, sim) => {
      const bodies = Array.from({ length: 30 }, (_, i) => `${i}`);
      await produced(rocketmq, bodies);
      expect(await waiting(rocketmq, sim, { pullBatchSize: 2, pullThresholdForQueue: 6 })).toEqual({ count: 6, polled: 30 });
      // Full with the first pull: one more than asked for is never pulled.
      expect(await waiting(rocketmq, sim, { consumerGroup: "one", pullBatchSize: 5, pullThresholdForQueue: 1 })).toEqual({
        count: 5,
        polled: 30,
      });
    }));

  test("by size", () =>
    withSimulated(async (rocketmq, sim) => {
      await produced(rocketmq, Array<string>(9).fill("x".repeat(300 * 1024)));
      expect(await waiting(rocketmq, sim, { pullThresholdSizeForQueue: 1 })).toEqual({ count: 4, polled: 9 });
    }));

  test("by span: what a filter passes over counts", () =>
    withSimulated(async (rocketmq, sim) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      for (let i = 0; i < 40; i++) {
        await producer.send({ topic: "T", body: "x", tags: i % 10 === 0 ? "A" : "B" }, { messageQueue: queue(0) });
      }
      const options = { subscription: { T: "A" }, pullBatchSize: 1 };
      expect(await waiting(rocketmq, sim, { ...options, consumeMaxSpan: 15 })).toEqual({ count: 3, polled: 4 });
      expect(await waiting(rocketmq, sim, { ...options, consumerGroup: "wide" })).toEqual({ count: 4, polled: 4 });
    }));
});

describe("broadcasting", () => {
  test("gives every member everything, and each goes on by its own file; the broker stores nothing", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq, ["0", "1", "2"]);
      const member = (offsetStoreRoot: string) =>
        consumerOf(rocketmq, { messageModel: "BROADCASTING", offsetStoreRoot, pullBatchSize: 2 });
      const [one, two] = [member("/one"), member("/two")];
      for (const consumer of [one, two]) {
        expect(await texts(consumer.poll())).toEqual(["0", "1"]);
        expect(consumer.assignment.length).toBe(4);
      }
      expect(await texts(one.poll())).toEqual(["2"]);
      await one.commit();
      expect(await one.committed(queue(0))).toBe(3);
      await Promise.all([one.close(), two.close()]);
      // What was polled last and not followed by a poll is not consumed.
      expect(await texts(member("/two").poll())).toEqual(["0", "1"]);
      expect(await texts(member("/one").poll({ timeoutMs: 20_000 }))).toEqual([]);
      expect(rocketmq.broker.offsets.query("cg", "T", 0)).toBe(-1);
    }));
});

describe("for await", () => {
  test("consumes a message when the next is asked for, leaves the one at hand, and ends with the consumer", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq, ["0", "1", "2"]);
      const consumer = consumerOf(rocketmq);
      for await (const message of consumer) if (message.text() === "1") break;
      const seen: string[] = [];
      for await (const message of consumer) {
        seen.push(message.text());
        if (message.text() === "2") await consumer.close();
      }
      expect(seen).toEqual(["1", "2"]);
      const next = consumerOf(rocketmq);
      expect(await texts(next.poll())).toEqual(["2"]);
    }));
});

describe("seek, pause and resume", () => {
  test("move a queue, and hold it up with what was pulled", () =>
    withSimulated(async (rocketmq, sim) => {
      const producer = await produced(rocketmq, ["0", "1", "2"]);
      await passed(sim, 10_000);
      const later = sim.clock.now();
      await producer.send({ topic: "T", body: "3" }, { messageQueue: queue(0) });
      const consumer = consumerOf(rocketmq, { pullBatchSize: 32 });
      expect(await texts(consumer.poll())).toEqual(["0", "1", "2", "3"]);
      await consumer.seek(queue(0), 2);
      expect(await texts(consumer.poll())).toEqual(["2", "3"]);
      await consumer.seekToBegin(queue(0));
      expect(await texts(consumer.poll({ maxMessages: 1 }))).toEqual(["0"]);
      consumer.pause([queue(0)]);
      expect(consumer.isPaused(queue(0))).toBe(true);
      expect(await texts(consumer.poll({ timeoutMs: 20_000 }))).toEqual([]);
      await consumer.seek(queue(0), await consumer.offsetForTimestamp(queue(0), new Date(later)));
      expect(await texts(consumer.poll({ timeoutMs: 20_000 }))).toEqual([]);
      consumer.resume([queue(0)]);
      expect(await texts(consumer.poll())).toEqual(["3"]);
      await consumer.seekToEnd(queue(0));
      expect(await texts(consumer.poll({ timeoutMs: 20_000 }))).toEqual([]);
      expect((await rejection(consumer.seek(queue(0), 9))).message).toBe("Cannot seek to 9 in T@broker-a@0: it has 0 to 4");
      expect((await rejection(consumer.seek(queue(7), 0))).kind).toBe("invalid");
    }));
});

describe("assign", () => {
  test("takes exactly these queues, goes on where the group was, and does not go with subscribe", () =>
    withSimulated(async (rocketmq) => {
      const producer = await produced(rocketmq, ["0"]);
      await producer.send({ topic: "T", body: "other" }, { messageQueue: queue(1) });
      const options: LitePullConsumerOptions = { consumerGroup: "cg", consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" };
      const consumer = new LitePullConsumer(rocketmq.client(), options);
      expect((await consumer.fetchMessageQueues("T")).length).toBe(4);
      await consumer.assign([queue(0)]);
      expect(await texts(consumer.poll())).toEqual(["0"]);
      expect(await texts(consumer.poll({ timeoutMs: 10 }))).toEqual([]);
      await consumer.assign([queue(1)]);
      expect(consumer.assignment).toEqual([queue(1)]);
      expect(await texts(consumer.poll())).toEqual(["other"]);
      await consumer.assign([queue(0), queue(1)]);
      await producer.send({ topic: "T", body: "1" }, { messageQueue: queue(0) });
      expect(await texts(consumer.poll())).toEqual(["1"]);
      expect((await rejection(consumer.subscribe("T"))).message).toInclude("subscribe or assign, not both");
    }));
});

describe("a group", () => {
  test("shares the queues, also with a topic subscribed to later", () =>
    withSimulated(async (rocketmq, sim) => {
      const producer = await produced(rocketmq, []);
      for (let i = 0; i < 8; i++) await producer.send({ topic: "T", body: `${i}` }, { messageQueue: queue(i % 4) });
      const one = consumerOf(rocketmq, { subscription: {} });
      await one.start();
      await one.subscribe("T");
      const two = consumerOf(rocketmq);
      await two.start();
      await passed(sim, 40_000);
      expect([one.assignment.length, two.assignment.length]).toEqual([2, 2]);
      const seen: string[] = [];
      for (const consumer of [one, two]) for (let i = 0; i < 2; i++) seen.push(...(await texts(consumer.poll())));
      expect(seen.sort()).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);
      await one.unsubscribe("T");
      expect(one.assignment).toEqual([]);
    }));
});
