/**
 * What a process leaves unsynced is the next one's affair. Each of these was found by the simulation (test/sim); the seed of
 * its run stands with it.
 */
import { expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { decodeRecord } from "../../wire/message_reader.ts";
import { openStore, put, putNow, SMALL, textsOf } from "./support.ts";

const SYNC: StoreSettingsInput = { ...SMALL, flushDiskType: "SYNC_FLUSH" };
const long = (i: number): string => `m${i} ${"x".repeat(600)}`;
const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => long(i));

/** Every unsynced page and entry is lost. */
const started = (seed: number): SimRuntime => simRuntime({ seed });

test("seed 3: after kill -9, a message is acknowledged as flushed only with all that stands before it", async () => {
  let runtime = started(3);
  const store = await openStore(runtime, "/store", SMALL);
  // Two files and a half in the page cache, none of it on the disk.
  for (let i = 0; i < 14; i++) await putNow(store, { text: long(i) });
  runtime = runtime.crash("kill");
  const second = await openStore(runtime, "/store", SYNC);
  expect(await textsOf(second)).toEqual(texts(14));
  expect(await second.durable(put(second, { text: long(14) }).endOffset, true)).toBe(true);
  const third = await openStore(runtime.crash("power"), "/store", SYNC);
  expect(await textsOf(third)).toEqual(texts(15));
  await third.close();
});

test("seed 112: what a failed sync left in the page cache is written again, so that a later sync means it", async () => {
  let runtime = started(112);
  const store = await openStore(runtime, "/store", SMALL);
  for (let i = 0; i < 10; i++) await putNow(store, { text: long(i) });
  runtime.disk.fail({ operation: "sync", code: "EIO", path: (path) => path.includes("/commitlog/") });
  await runtime.clock.advance(1000);
  expect(store.writeRefusal()?.reason).toContain("read-only");
  runtime.disk.restore();
  runtime = runtime.crash("kill");
  const second = await openStore(runtime, "/store", SYNC);
  expect(runtime.files.exists("/store/commitlog-unsynced")).toBe(false);
  expect(await second.durable(put(second, { text: long(10) }).endOffset, true)).toBe(true);
  const third = await openStore(runtime.crash("power"), "/store", SYNC);
  expect(await textsOf(third)).toEqual(texts(11));
  await third.close();
});

test("seed 24: index files keep their order when the wall clock goes back", async () => {
  const runtime = started(24);
  const placesOf = async (key: string): Promise<string[]> => {
    const { physicalOffsets } = await store.query(`TopicA#${key}`, 64, 0, Number.MAX_SAFE_INTEGER);
    const records = await Promise.all(physicalOffsets.map((offset) => store.recordAt(offset)));
    return records.map((record) => new TextDecoder().decode(decodeRecord(record!).body));
  };
  let store = await openStore(runtime, "/store", SMALL);
  for (let i = 0; i < 60; i++) {
    if (i % 20 === 19) runtime.clock.jump(-3_600_000);
    await putNow(store, { text: `${i}`, keys: "all" });
  }
  const newestFirst = Array.from({ length: 60 }, (_, i) => `${59 - i}`);
  expect(await placesOf("all")).toEqual(newestFirst);
  await store.close();
  store = await openStore(runtime, "/store", SMALL);
  expect(await placesOf("all")).toEqual(newestFirst);
  await store.close();
});

test("a read that hands over less than there is ends neither the log nor a queue", async () => {
  let runtime = started(1);
  const store = await openStore(runtime, "/store", SMALL);
  for (let i = 0; i < 40; i++) await putNow(store, { text: long(i), keys: `k${i}` });
  runtime = runtime.crash("kill");
  runtime.disk.faults.shortRead = 0.5;
  const second = await openStore(runtime, "/store", SMALL);
  expect(await textsOf(second)).toEqual(texts(40));
  expect((await second.query("TopicA#k7", 8, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets.length).toBe(1);
  await second.close();
});

test("seed 1127: a store whose first start was killed is not lost as a whole with the entry of its directory", async () => {
  let runtime = started(1127);
  const kill: SimRuntime[] = [];
  runtime.disk.beforeOperation = (operation) => {
    if (operation !== "syncDirectory") return;
    runtime.disk.beforeOperation = undefined;
    kill.push(runtime.crash("kill"));
  };
  await openStore(runtime, "/srv/mq/store", SYNC).catch(() => {});
  [runtime] = kill as [SimRuntime];
  const store = await openStore(runtime, "/srv/mq/store", SYNC);
  expect(await store.durable(put(store, { text: "a" }).endOffset, true)).toBe(true);
  const again = await openStore(runtime.crash("power"), "/srv/mq/store", SYNC);
  expect(await textsOf(again)).toEqual(["a"]);
  await again.close();
});

test("seed 7033: files of the log that expired do not come back through a power cut, whose queues and index are gone", async () => {
  let runtime = started(7033);
  const settings = { ...SMALL, fileReservedTime: 1 };
  const store = await openStore(runtime, "/store", settings);
  for (let i = 0; i < 40; i++) await putNow(store, { text: long(i), keys: "all" });
  await runtime.clock.advance(2 * 3_600_000);
  for (let i = 40; i < 44; i++) await putNow(store, { text: long(i), keys: "all" });
  await runtime.clock.advance(1_000);
  expect(await runtime.clock.resolve(store.deleteExpiredCommitLogs())).toBeGreaterThan(0);
  const { minPhysicalOffset } = store.stats();
  expect(minPhysicalOffset).toBeGreaterThan(0);
  runtime = runtime.crash("power");
  const second = await openStore(runtime, "/store", settings);
  expect(second.stats().minPhysicalOffset).toBe(minPhysicalOffset);
  await second.close();
});
