/** What a push consumer answers through its broker, and how it keeps itself in bounds. */
import { describe, expect, test } from "bun:test";
import type { SimRuntime } from "../../adapters/sim/sim.ts";
import { Admin, type MessageExt, Producer, PushConsumer, type PushConsumerOptions } from "../../core/client/mod.ts";
import type { RocketMQ } from "../../mod.ts";
import { consumeMessageDirectlyResult, consumerRunningInfo } from "../../wire/bodies/running_info.ts";
import { Collector, withSimulated } from "./harness.ts";

const passed = (sim: SimRuntime, ms: number) => new Promise<void>((resolve) => void sim.clock.setTimeout(resolve, ms));
const queue = (queueId: number) => ({ topic: "T", brokerName: "broker-a", queueId });

const consumerOf = (rocketmq: RocketMQ, options: Partial<PushConsumerOptions> = {}) =>
  new PushConsumer(rocketmq.client({ instanceName: "asked" }), {
    consumerGroup: "cg",
    subscription: { T: "*" },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    ...options,
  });

async function produced(rocketmq: RocketMQ, bodies: readonly string[]): Promise<Producer> {
  const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
  for (const body of bodies) await producer.send({ topic: "T", body }, { messageQueue: queue(0) });
  return producer;
}

/** The consumer's client id and its broker. */
async function asking(rocketmq: RocketMQ) {
  const client = rocketmq.client();
  await client.route("T");
  const address = client.brokerAddr("broker-a") as string;
  return { client, address, clientId: `${client.clientIP}@asked` };
}

describe("an administrator", () => {
  test("is told the running info, with all that Java's consumer tells", () =>
    withSimulated(async (rocketmq, sim) => {
      await produced(rocketmq, ["0", "1", "2"]);
      const seen = new Collector<string>();
      let release: () => void = () => {};
      await consumerOf(rocketmq, { orderly: true, pullInterval: 5 }).start(async (message) => {
        seen.add(message.text());
        if (message.text() === "2")
          await new Promise<void>((resolve) => {
            release = resolve;
          });
      });
      await seen.until(3);
      await passed(sim, 6_000);
      const { client, address, clientId } = await asking(rocketmq);
      const header = { consumerGroup: "cg", clientId, jstackEnable: false };
      const { body } = await client.call("ask", address, "GET_CONSUMER_RUNNING_INFO", header);
      release();
      const info = consumerRunningInfo.decode(body);
      const wanted = ["consumerGroup", "pullInterval", "PROP_CONSUMEORDERLY", "PROP_CONSUME_TYPE", "PROP_THREADPOOL_CORE_SIZE"];
      expect(wanted.map((name) => info.properties.get(name))).toEqual(["cg", "5", "true", "CONSUME_PASSIVELY", "20"]);
      for (const name of ["PROP_NAMESERVER_ADDR", "PROP_CLIENT_VERSION", "PROP_CONSUMER_START_TIMESTAMP"]) {
        expect(info.properties.get(name) ?? "").not.toBe("");
      }
      expect(info.subscriptionSet.map(({ topic }) => topic).sort()).toEqual(["%RETRY%cg", "T"]);
      const ofQueue = info.mqTable.find(([{ topic, queueId }]) => topic === "T" && queueId === 0)?.[1];
      expect(ofQueue).toMatchObject({
        commitOffset: 2,
        cachedMsgMinOffset: 2,
        cachedMsgMaxOffset: 2,
        cachedMsgCount: 1,
        transactionMsgMinOffset: 2,
        transactionMsgMaxOffset: 2,
        transactionMsgCount: 1,
        locked: true,
        droped: false,
      });
      expect(
        Math.min(ofQueue?.lastLockTimestamp ?? 0, ofQueue?.lastPullTimestamp ?? 0, ofQueue?.lastConsumeTimestamp ?? 0),
      ).toBeGreaterThan(0);
      const status = info.statusTable.get("T");
      expect([Math.round((status?.consumeOKTPS ?? 0) * 60), Math.round((status?.pullTPS ?? 0) * 60)]).toEqual([2, 3]);
    }));

  test("has one message consumed at once, and hears what came of it; offsets stay", () =>
    withSimulated(async (rocketmq) => {
      const producer = await produced(rocketmq, ["0"]);
      const sent = await producer.send({ topic: "T", body: "again" }, { messageQueue: queue(0) });
      const seen = new Collector<string>();
      const consumer = consumerOf(rocketmq);
      await consumer.start((message: MessageExt) => {
        seen.add(message.text());
        if (seen.items.length > 3) throw new Error("enough of it");
      });
      await seen.until(2);
      const { client, address, clientId } = await asking(rocketmq);
      const results: string[] = [];
      for (let i = 0; i < 2; i++) {
        const header = { consumerGroup: "cg", clientId, msgId: sent.offsetMsgId, brokerName: "broker-a" };
        const { body } = await client.call("consume", address, "CONSUME_MESSAGE_DIRECTLY", header);
        const { consumeResult, remark } = consumeMessageDirectlyResult.decode(body);
        results.push(`${consumeResult} ${remark ?? ""}`.trim());
      }
      expect(results[0]).toBe("CR_SUCCESS");
      expect(results[1]).toInclude("CR_THROW_EXCEPTION");
      expect(results[1]).toInclude("enough of it");
      expect(seen.items).toEqual(["0", "again", "again", "again"]);
      expect(consumer.offsets("T").filter(([, offset]) => offset > 0)).toEqual([[queue(0), 2]]);
    }));

  test("sets the offsets back, and the group consumes again from there", () =>
    withSimulated(async (rocketmq, sim) => {
      await produced(rocketmq, ["0", "1"]);
      await passed(sim, 10_000);
      const later = sim.clock.now();
      await produced(rocketmq, ["2", "3"]);
      const seen = new Collector<string>();
      await consumerOf(rocketmq).start((message) => seen.add(message.text()));
      await seen.until(4);
      await passed(sim, 6_000);
      await new Admin(rocketmq.client()).offsets.resetOffsetNew("cg", "T", later);
      await seen.until(6);
      await passed(sim, 20_000);
      expect(seen.items).toEqual(["0", "1", "2", "3", "2", "3"]);
    }));
});

describe("a listener that hangs", () => {
  test("has its message given back after consumeTimeout, and the offset of its queue goes on", () =>
    withSimulated(async (rocketmq, sim) => {
      await produced(rocketmq, ["0", "hangs", "2"]);
      const seen = new Collector<string>();
      const consumer = consumerOf(rocketmq, { consumeTimeout: 2, awaitTerminationMillisWhenShutdown: 100 });
      await consumer.start((message) => {
        seen.add(`${message.text()} ${message.reconsumeTimes}`);
        return message.text() === "hangs" && message.reconsumeTimes === 0 ? new Promise(() => {}) : undefined;
      });
      await seen.until(3);
      await passed(sim, 60_000);
      expect(consumer.offsets("T").find(([{ queueId }]) => queueId === 0)?.[1]).toBe(1);
      await seen.until(4);
      expect(seen.items[3]).toBe("hangs 1");
      expect(consumer.offsets("T").find(([{ queueId }]) => queueId === 0)?.[1]).toBe(3);
    }));
});

describe("flow control", () => {
  /** The most messages that queue 0 had here while the first one was held up. */
  async function mostHere(rocketmq: RocketMQ, sim: SimRuntime, options: Partial<PushConsumerOptions>): Promise<number> {
    await produced(
      rocketmq,
      Array.from({ length: 40 }, (_, i) => `${i}`),
    );
    const first = new Collector<string>();
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const consumer = consumerOf(rocketmq, { pullBatchSize: 4, ...options });
    await consumer.start((message) => {
      first.add(message.text());
      return message.text() === "0" ? held : undefined;
    });
    await first.until(1);
    await passed(sim, 30_000);
    const [, info] = consumer.runningInfo().mqTable.find(([{ topic, queueId }]) => topic === "T" && queueId === 0) ?? [];
    const span = (info?.cachedMsgMaxOffset ?? 0) - (info?.cachedMsgMinOffset ?? 0) + 1;
    release();
    await first.until(40);
    return span;
  }

  test("by span: one message that is held up lets so many be consumed behind it", () =>
    withSimulated(async (rocketmq, sim) => {
      expect(await mostHere(rocketmq, sim, { consumeConcurrentlyMaxSpan: 10 })).toBeLessThan(16);
    }));

  test("by count, of a queue or over those of the topic", () =>
    withSimulated(async (rocketmq, sim) => {
      // All wait for the one call of the listener.
      expect(await mostHere(rocketmq, sim, { pullThresholdForTopic: 32, consumeThreadMax: 1 })).toBeLessThan(12);
    }));

  for (const [where, options] of [
    ["a queue", { pullThresholdSizeForQueue: 1 }],
    ["the topic, shared by its four queues", { pullThresholdSizeForTopic: 4 }],
  ] as const) {
    test(`by size, of ${where}`, () =>
      withSimulated(async (rocketmq, sim) => {
        const body = "x".repeat(300 * 1024);
        await produced(rocketmq, Array<string>(12).fill(body));
        const seen = new Collector<number>();
        let release: () => void = () => {};
        const held = new Promise<void>((resolve) => {
          release = resolve;
        });
        // All wait for the first.
        const consumer = consumerOf(rocketmq, { ...options, consumeThreadMax: 1 });
        await consumer.start((message) => {
          seen.add(message.body.length);
          return held;
        });
        await seen.until(1);
        await passed(sim, 30_000);
        const [, info] = consumer.runningInfo().mqTable.find(([{ topic, queueId }]) => topic === "T" && queueId === 0) ?? [];
        // The fourth fills the mebibyte.
        expect([info?.cachedMsgCount, info?.cachedMsgSizeInMiB]).toEqual([4, 1]);
        release();
        await seen.until(12);
        expect(seen.items.every((length) => length === body.length)).toBe(true);
      }));
  }

  test("by the program: suspend and resume", () =>
    withSimulated(async (rocketmq, sim) => {
      const producer = await produced(rocketmq, ["0"]);
      const seen = new Collector<string>();
      const consumer = consumerOf(rocketmq);
      await consumer.start((message) => seen.add(message.text()));
      await seen.until(1);
      consumer.suspend();
      // A pull that the broker holds may still bring one message.
      for (let i = 1; i < 9; i++) await producer.send({ topic: "T", body: `${i}` }, { messageQueue: queue(0) });
      await passed(sim, 40_000);
      const before = seen.items.length;
      expect(before).toBeLessThan(9);
      consumer.resume();
      await seen.until(9);
      expect(seen.items.length).toBe(9);
    }));
});
