/** Search by time, and stores with many queues. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import { linesLog, openStore, put, putNow, SMALL, textsOf } from "./support.ts";

const QUEUE = { topic: "TopicA", queueId: 0 };

describe("offset by time", () => {
  /** Stored at +0, +10, +10, +10, +20 … +100 ms. */
  async function stored(): Promise<{ store: DefaultMessageStore; start: number }> {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", SMALL);
    const start = runtime.clock.now();
    for (let i = 0; i <= 10; i++) {
      for (let copies = i === 1 ? 3 : 1; copies > 0; copies--) await putNow(store, { text: `${i}` });
      await runtime.clock.advance(10);
    }
    return { store, start };
  }

  test.each([
    // ms after the start, LOWER, UPPER
    [-5, 0, 0],
    [0, 0, 0],
    [5, 1, 0],
    [10, 1, 3],
    [15, 4, 3],
    [20, 4, 4],
    [100, 12, 12],
    [105, 13, 12],
  ])("%d ms after the first message: LOWER %d, UPPER %d", async (ms, lower, upper) => {
    const { store, start } = await stored();
    expect(await store.offsetByTime(QUEUE, start + ms, "LOWER")).toBe(lower);
    expect(await store.offsetByTime(QUEUE, start + ms, "UPPER")).toBe(upper);
    await store.close();
  });

  test("a queue without messages", async () => {
    const { store } = await stored();
    expect(await store.offsetByTime({ topic: "TopicB", queueId: 0 }, 5, "LOWER")).toBe(0);
    expect(await store.earliestStoreTime({ topic: "TopicB", queueId: 0 })).toBe(-1);
    expect(await store.storeTimeAt(QUEUE, 99)).toBe(-1);
    await store.close();
  });

  test("store times of messages", async () => {
    const { store, start } = await stored();
    expect(await store.storeTimeAt(QUEUE, 2)).toBe(start + 10);
    expect(await store.earliestStoreTime(QUEUE)).toBe(start);
    await store.close();
  });
});

describe("many queues", () => {
  test("3,000 queues: pending units stay within their bound, open files too, and all is there after a crash", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", {}, linesLog());
    const queues = 3000;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < queues; i++)
        put(store, { topic: `Topic${i % 30}`, queueId: Math.floor(i / 30), text: `${round} ${i}` });
      await store.durable(store.stats().maxPhysicalOffset, false);
      if (round === 1) await runtime.clock.advance(61_000);
    }
    expect(store.queues().size).toBe(30);
    const killed = runtime.crash("kill");
    const again = await openStore(killed, "/store", {}, linesLog());
    expect([...again.queues().values()].reduce((sum, ids) => sum + ids.length, 0)).toBe(queues);
    for (const i of [0, 29, 30, 1234, 2999]) {
      expect(await textsOf(again, `Topic${i % 30}`, Math.floor(i / 30))).toEqual([0, 1, 2].map((round) => `${round} ${i}`));
    }
    await again.close();
  });

  test("a queue that was never written has no files", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    await putNow(store, {});
    expect(store.minOffset({ topic: "TopicA", queueId: 77 })).toBe(-1);
    await store.close();
    expect(runtime.files.list("/store/consumequeue/TopicA")).toEqual(["0"]);
  });
});
