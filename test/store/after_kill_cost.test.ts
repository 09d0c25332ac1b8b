/** What a start after kill -9 does to queues, and what one after a power cut does besides. */
import { expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import { writeInt32, writeInt64 } from "../../wire/bytes.ts";
import { openStore, put, putNow, SMALL, textsOf } from "./support.ts";

const QUEUES = 500;

interface Started {
  readonly store: DefaultMessageStore;
  /** Calls on the files of consume queues. */
  readonly calls: ReadonlyMap<string, number>;
  /** The first byte of the log that was read. */
  readonly logFrom: number;
}

async function start(runtime: SimRuntime): Promise<Started> {
  const calls = new Map<string, number>();
  let logFrom = Number.POSITIVE_INFINITY;
  runtime.disk.beforeOperation = (operation, path, position) => {
    if (path.includes("/consumequeue/")) calls.set(operation, (calls.get(operation) ?? 0) + 1);
    if (path.includes("/commitlog/") && operation === "read") logFrom = Math.min(logFrom, position);
  };
  const store = await openStore(runtime, "/store");
  runtime.disk.beforeOperation = undefined;
  return { store, calls, logFrom };
}

/** A message into each queue, a checkpoint, and a message more into ten of them. */
async function filled(): Promise<SimRuntime> {
  const runtime = simRuntime();
  const store = await openStore(runtime, "/store", { flushConsumeQueueThoroughInterval: 100 });
  // Without keys: there is no index that could say how far it goes.
  for (let i = 0; i < QUEUES; i++) put(store, { queueId: i, text: "a".repeat(4096) });
  await store.durable(store.stats().maxPhysicalOffset, false);
  await runtime.clock.advance(2_000);
  for (let i = 0; i < 10; i++) await putNow(store, { queueId: i, text: "b" });
  // In the page cache, and by no checkpoint.
  await store.durable(store.stats().maxPhysicalOffset, true);
  return runtime;
}

test("kill -9: one read a queue, nothing is cut where nothing follows, and the log is read from the checkpoint", async () => {
  const { store, calls, logFrom } = await start((await filled()).crash("kill"));
  expect(calls.get("read")).toBeLessThanOrEqual(QUEUES + 10);
  // The queue whose last message the checkpoint names: its unit comes again with the dispatch.
  expect(calls.get("truncate")).toBe(2);
  expect(logFrom).toBeGreaterThan(QUEUES * 4096);
  expect(await textsOf(store, "TopicA", 3)).toEqual(["a".repeat(4096), "b"]);
  await store.close();
});

test("a power cut: each queue is cut, as units may stand behind a gap, and that reaches the disk", async () => {
  let runtime = (await filled()).crash("power");
  // One that got there before its message did: the log does not have it.
  const file = runtime.files.open("/store/consumequeue/TopicA/400/00000000000000000000");
  const stray = new Uint8Array(20);
  writeInt64(stray, 0, 2_200_000);
  writeInt32(stray, 8, 200);
  file.writeSync(stray, 20);
  file.dataSyncSync();
  file.close();
  const { store, calls } = await start(runtime);
  expect(calls.get("truncate")).toBe(2 * QUEUES);
  for (let i = 0; i < 100; i++) await putNow(store, { queueId: 1, text: "c".repeat(4096) });
  expect(store.stats().maxPhysicalOffset).toBeGreaterThan(2_200_000);
  await runtime.clock.advance(70_000);
  runtime = runtime.crash("power");
  const again = await openStore(runtime, "/store");
  expect(again.maxOffset({ topic: "TopicA", queueId: 400 })).toBe(1);
  await putNow(again, { queueId: 400, text: "d" });
  expect(await textsOf(again, "TopicA", 400)).toEqual(["a".repeat(4096), "d"]);
  await again.close();
});

test("messages without keys behind one with a key: the index asks for no more of the log than the checkpoint", async () => {
  const runtime = simRuntime();
  const settings = { flushConsumeQueueThoroughInterval: 100 };
  const store = await openStore(runtime, "/store", settings);
  await putNow(store, { text: "first", keys: "k" });
  for (let i = 0; i < 400; i++) await putNow(store, { text: "x".repeat(16_384) });
  await runtime.clock.advance(1_000);
  await putNow(store, { text: "last", keys: "k" });
  const { store: again, logFrom } = await start(runtime.crash("kill"));
  expect(logFrom).toBeGreaterThan(390 * 16_384);
  const found = async (from: DefaultMessageStore): Promise<number> =>
    (await from.query("TopicA#k", 8, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets.length;
  expect(await found(again)).toBe(2);
  await again.close();
});

test("an index that was lost is made again from the whole log, whatever the checkpoint says of it", async () => {
  let runtime = simRuntime();
  const store = await openStore(runtime, "/store", { ...SMALL, flushConsumeQueueThoroughInterval: 100 });
  for (let i = 0; i < 50; i++) await putNow(store, { text: `${i}`, keys: "k" });
  await runtime.clock.advance(1_000);
  runtime = runtime.crash("kill");
  runtime.files.removeTree("/store/index");
  const again = await openStore(runtime, "/store", SMALL);
  expect((await again.query("TopicA#k", 64, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets.length).toBe(50);
  await again.close();
});
