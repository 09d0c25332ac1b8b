/**
 * A client on a machine whose clock jumps, its broker's being right: sends are stored, each message is consumed, and nothing
 * takes longer than it would have, since whatever is timed is timed by the monotonic clock.
 */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { LitePullConsumer, Producer, PushConsumer, SimpleConsumer } from "../../core/client/mod.ts";
import { UniqKeys } from "../../core/client/uniq_key.ts";
import type { RocketMQ } from "../../mod.ts";
import { Collector, withSimulated } from "./harness.ts";

const HOUR_MS = 3_600_000;
const JUMPS_MS = [2 * HOUR_MS, -4 * HOUR_MS, 24 * 30 * HOUR_MS, -24 * 60 * HOUR_MS, -1];

/** The runtime of such a broker's clients, with a wall clock of its own, which `jump` moves. */
function skewed(rocketmq: RocketMQ, sim: SimRuntime) {
  let shiftMs = 0;
  const clock = new Proxy(sim.clock, {
    get: (target, name) => {
      if (name === "now") return () => target.now() + shiftMs;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return {
    runtime: { ...rocketmq.client().runtime, clock },
    jump: (ms: number) => {
      shiftMs += ms;
    },
  };
}

const fromFirst = { consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;

describe("while the client's clock jumps", () => {
  for (const orderly of [false, true]) {
    test(`a push consumer, ${orderly ? "orderly" : "concurrent"}, consumes each message once, soon`, () =>
      withSimulated(async (rocketmq, sim) => {
        const { runtime, jump } = skewed(rocketmq, sim);
        const producer = new Producer(rocketmq.client({ runtime }), { producerGroup: "pg" });
        const seen = new Collector<string>();
        const client = rocketmq.client({ runtime });
        const consumer = new PushConsumer(client, { consumerGroup: "cg", subscription: { T: "*" }, orderly, ...fromFirst });
        await producer.send({ topic: "T", body: "first" });
        await consumer.start((message) => seen.add(message.text()));
        await seen.until(1);
        for (const [i, ms] of JUMPS_MS.entries()) {
          jump(ms);
          const startedAt = sim.clock.monotonic();
          await producer.send({ topic: "T", body: `${i}` });
          await seen.until(i + 2);
          expect(sim.clock.monotonic() - startedAt).toBeLessThan(1_000);
          // Locks, offsets and heartbeats go on meanwhile.
          await new Promise((resolve) => sim.clock.setTimeout(() => resolve(undefined), 70_000));
        }
        expect(seen.items).toEqual(["first", ...JUMPS_MS.map((_, i) => `${i}`)]);
      }));
  }

  test("a lite pull consumer and a simple consumer wait no longer than they were told, and get what there is", () =>
    withSimulated(async (rocketmq, sim) => {
      const { runtime, jump } = skewed(rocketmq, sim);
      const producer = new Producer(rocketmq.client({ runtime }), { producerGroup: "pg" });
      await producer.send({ topic: "T", body: "first" });
      const lite = new LitePullConsumer(rocketmq.client({ runtime }), { consumerGroup: "lite", ...fromFirst });
      await lite.subscribe("T");
      const simple = new SimpleConsumer(rocketmq.client({ runtime }), {
        consumerGroup: "simple",
        subscription: { T: "*" },
        ...fromFirst,
      });
      const polled = (await lite.poll({ timeoutMs: 10_000 })).map((message) => message.text());
      const received = (await simple.receive({ awaitDuration: 10_000 })).map((message) => message.text());
      expect([polled, received]).toEqual([["first"], ["first"]]);
      for (const [i, ms] of JUMPS_MS.entries()) {
        const startedAt = sim.clock.monotonic();
        const waiting = [lite.poll({ timeoutMs: 2_000 }), simple.receive({ awaitDuration: 2_000 })];
        await new Promise((resolve) => sim.clock.setTimeout(() => resolve(undefined), 500));
        jump(ms);
        expect(await Promise.all(waiting)).toEqual([[], []]);
        expect(sim.clock.monotonic() - startedAt).toBeLessThanOrEqual(2_600);
        await producer.send({ topic: "T", body: `${i}` });
        const texts = [...(await lite.poll({ timeoutMs: 5_000 })), ...(await simple.receive({ awaitDuration: 5_000 }))];
        expect(texts.map((message) => message.text())).toEqual([`${i}`, `${i}`]);
        for (const message of texts.slice(1)) await simple.acknowledge(message);
      }
    }));

  test("a new expression counts though the clock was set back", () =>
    withSimulated(async (rocketmq, sim) => {
      const { runtime, jump } = skewed(rocketmq, sim);
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      const consumer = new SimpleConsumer(rocketmq.client({ runtime }), {
        consumerGroup: "cg",
        subscription: { T: "TagA" },
        ...fromFirst,
      });
      await producer.send({ topic: "T", body: "a", tags: "TagA" });
      expect((await consumer.receive({ awaitDuration: 5_000 })).map((message) => message.text())).toEqual(["a"]);
      const lite = new LitePullConsumer(rocketmq.client({ runtime }), { consumerGroup: "lite", ...fromFirst });
      await lite.subscribe("T", "TagA");
      expect((await lite.poll({ timeoutMs: 5_000 })).map((message) => message.text())).toEqual(["a"]);
      jump(-HOUR_MS);
      await consumer.subscribe("T", "TagB");
      await lite.subscribe("T", "TagB");
      await producer.send({ topic: "T", body: "b", tags: "TagB" });
      expect((await consumer.receive({ awaitDuration: 5_000 })).map((message) => message.text())).toEqual(["b"]);
      expect((await lite.poll({ timeoutMs: 20_000 })).map((message) => message.text())).toEqual(["b"]);
    }));
});

test("no key comes twice: not when the clock is set back by as much as the counter holds, nor in a month's first moments", () => {
  const sim = simRuntime();
  let nowMs = Date.UTC(2026, 2, 1, 0, 0, 1);
  const keys = new UniqKeys({ ...sim, clock: { now: () => nowMs } as never }, "127.0.0.1");
  const seen = new Set<string>();
  let count = 0;
  const take = (n: number) => {
    for (let i = 0; i < n; i++) seen.add(keys.next());
    count += n;
  };
  // 64 a millisecond, for 1024 ms: the counter is where it was.
  for (let i = 0; i < 1_024; i++, nowMs++) take(64);
  nowMs -= 1_024;
  for (let i = 0; i < 1_024; i++, nowMs++) take(64);
  // Behind the month's begin the time stands still.
  nowMs = Date.UTC(2026, 1, 28, 23, 59, 0);
  for (let i = 0; i < 3; i++, nowMs++) take(0x1_0000);
  expect(seen.size).toBe(count);
});
