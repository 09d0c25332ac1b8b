/** Thousands of queues: open files stay within their bound, small writes are spread, files are large and sparse. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { ConsumeQueueStore } from "../../core/store/consume_queue_store.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import { OpenFiles } from "../../core/store/open_files.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { linesLog, openStore, put, putNow, settingsOf, textsOf } from "./support.ts";
import { type Watch, watched } from "./watched_files.ts";

const QUEUES = 20_000;
const PER_TOPIC = 100;
const ROUNDS = 13;

/** A message into each queue. */
async function round(store: DefaultMessageStore, number: number): Promise<void> {
  for (let i = 0; i < QUEUES; i++) {
    put(store, { topic: `Topic${Math.floor(i / PER_TOPIC)}`, queueId: i % PER_TOPIC, text: `${number}` });
    if (i % 1000 === 999) await store.durable(store.stats().maxPhysicalOffset, false);
  }
}

const isQueueWrite = ({ call, path }: Watch["calls"][number]): boolean =>
  path.includes("/consumequeue/") && (call === "write" || call === "writeSync" || call === "dataSync");

describe("20,000 queues", () => {
  test("a message every seven seconds into each: 1,000 queues a second are written, at most openFilesMax files are open", async () => {
    const { runtime, watch } = watched(simRuntime());
    const log = linesLog();
    const store = await openStore(runtime, "/store", { openFilesMax: 64 }, log);
    for (let number = 0; number < ROUNDS; number++) {
      await round(store, number);
      // In steps, so that what a checkpoint waits for comes in its turn.
      for (let step = 0; step < 140; step++) await runtime.clock.advance(50);
    }
    const perSecond = new Map<number, { writes: number; syncs: number }>();
    for (const each of watch.calls) {
      if (!isQueueWrite(each)) continue;
      const second = Math.floor(each.at / 1000);
      const sums = perSecond.get(second) ?? { writes: 0, syncs: 0 };
      if (each.call === "dataSync") sums.syncs++;
      else sums.writes++;
      perSecond.set(second, sums);
    }
    const all = [...perSecond.values()];
    // The checkpoint after 60 s takes 20 s.
    expect(Math.max(...all.map(({ syncs }) => syncs))).toBeLessThanOrEqual(1050);
    expect(all.reduce((sum, { syncs }) => sum + syncs, 0)).toBeGreaterThanOrEqual(QUEUES);
    expect(Math.max(...all.map(({ writes }) => writes))).toBeLessThanOrEqual(1050);
    // Lock and checkpoint have handles of their own.
    expect(watch.openFilesMax).toBeLessThanOrEqual(64 + 2);
    expect(log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
    for (const i of [0, 7777, QUEUES - 1]) {
      const texts = await textsOf(store, `Topic${Math.floor(i / PER_TOPIC)}`, i % PER_TOPIC);
      expect(texts).toEqual(Array.from({ length: ROUNDS }, (_, number) => `${number}`));
    }
    await store.close();
  }, 60_000);

  test("without a checkpoint: memory is bounded, and who makes room for others writes some 40 units at a time", async () => {
    const { runtime, watch } = watched(simRuntime());
    const settings = settingsOf(runtime, "/store", {});
    const open = new OpenFiles(runtime.files, 64);
    const queues = new ConsumeQueueStore(runtime.clock, open, settings);
    let physicalOffset = 0;
    let bytesMax = 0;
    const putRound = (queueOffset: number): void => {
      for (let i = 0; i < QUEUES; i++) {
        const queue = queues.findOrCreate("TopicA", i);
        const { topic, queueId } = queue;
        const request = { topic, queueId, physicalOffset, queueOffset, size: 200, tagsCode: 0, storeTimestamp: 0, sysFlag: 0 };
        queues.put(queue, { ...request, properties: "" });
        physicalOffset += 200;
        queues.trim();
        bytesMax = Math.max(bytesMax, queues.memory.bytes);
      }
    };
    for (let number = 0; number < 40; number++) putRound(number);
    expect(watch.calls.filter(isQueueWrite)).toEqual([]);
    for (let number = 40; number < 50; number++) putRound(number);
    expect(bytesMax).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(watch.openFilesMax).toBe(64);
    // Of 16 MiB each queue has 41 units.
    const writes = watch.calls.filter(isQueueWrite);
    expect(writes.length).toBeGreaterThan(0);
    expect(writes.reduce((sum, { bytes }) => sum + bytes, 0) / writes.length).toBeGreaterThanOrEqual(35 * 20);
    open.closeAll();
  }, 60_000);

  test("a store that closes does not take its time", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    await round(store, 0);
    // The checkpoint is under way, and waits until the second is over.
    await runtime.clock.advance(60_100);
    await round(store, 1);
    const began = runtime.clock.monotonic();
    await store.close();
    expect(runtime.clock.monotonic()).toBe(began);
    expect(runtime.files.exists("/store/abort")).toBe(false);
  }, 60_000);
});

describe("an orderly stop of 1,000 queues on a disk that takes 10 ms for each sync", () => {
  const COUNT = 1000;
  const dirty = async (input: StoreSettingsInput = {}): Promise<{ runtime: SimRuntime; store: DefaultMessageStore }> => {
    const runtime = simRuntime({ disk: { unsyncedPageKept: 0, unsyncedEntriesKept: 0 } });
    const store = await openStore(runtime, "/store", input);
    for (let i = 0; i < 2 * COUNT; i++) put(store, { queueId: i % COUNT, keys: `k${i}`, text: `${i}` });
    await store.durable(store.stats().maxPhysicalOffset, true);
    runtime.disk.faults.syncMs = [10, 10];
    return { runtime, store };
  };
  const logReads = ({ calls }: Watch): number =>
    calls
      .filter(({ path, call }) => path.includes("/commitlog/") && call.startsWith("read"))
      .reduce((sum, { bytes }) => sum + bytes, 0);
  const allThere = async (store: DefaultMessageStore): Promise<void> => {
    for (let i = 0; i < COUNT; i += 97) {
      expect(await textsOf(store, "TopicA", i)).toEqual([`${i}`, `${COUNT + i}`]);
      expect((await store.query(`TopicA#k${i}`, 4, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets).toHaveLength(1);
    }
  };

  test("takes 1.5 s for syncs, writes what is left, and the next start asks each queue once and reads nothing of the log", async () => {
    const { runtime, store } = await dirty();
    const began = runtime.clock.monotonic();
    await runtime.clock.resolve(store.close());
    expect(runtime.clock.monotonic() - began).toBeLessThan(4000);
    // For Apache, which would take the queues for complete, also after a power cut.
    expect(runtime.files.exists("/store/abort")).toBe(true);
    runtime.disk.faults.syncMs = [0, 0];
    const { runtime: watchedRuntime, watch } = watched(runtime.crash("kill"));
    const log = linesLog();
    const again = await openStore(watchedRuntime, "/store", {}, log);
    expect(log.lines.filter((line) => !line.startsWith("info"))).toEqual([]);
    expect(watch.count("/consumequeue/", "read", "readSync")).toBe(COUNT);
    expect(logReads(watch)).toBeLessThan(4 * 1024 * 1024);
    await allThere(again);
    // All of them are synced once more before a checkpoint relies on it.
    await again.close();
    expect(watch.count("/consumequeue/", "dataSync")).toBe(COUNT);
    expect(runtime.files.exists("/store/abort")).toBe(false);
  }, 60_000);

  test("a power cut after it: the next start finds `abort`, and makes the queues again from the log", async () => {
    const { runtime, store } = await dirty();
    await runtime.clock.resolve(store.close());
    runtime.disk.faults.syncMs = [0, 0];
    const log = linesLog();
    const again = await openStore(runtime.crash("power"), "/store", {}, log);
    expect(log.lines.some((line) => line.includes("was not closed in order"))).toBe(true);
    await allThere(again);
    await again.close();
  }, 60_000);

  test("a power cut while the next one runs, before its first checkpoint", async () => {
    const { runtime, store } = await dirty();
    await runtime.clock.resolve(store.close());
    const second = runtime.crash("kill");
    const between = await openStore(second, "/store");
    await second.clock.advance(100);
    await allThere(between);
    const third = second.crash("power");
    third.disk.faults.syncMs = [0, 0];
    const again = await openStore(third, "/store");
    await allThere(again);
    await again.close();
  }, 60_000);

  test("a disk that takes all syncs: each queue is written once and synced once, and asked once at the start", async () => {
    const { runtime, store } = await dirty();
    runtime.disk.faults.syncMs = [0, 0];
    await store.close();
    expect(runtime.files.exists("/store/abort")).toBe(false);
    for (const kind of ["kill", "power"] as const) {
      const { runtime: next, watch } = watched(runtime.crash(kind));
      const again = await openStore(next, "/store");
      expect(watch.count("/consumequeue/", "read", "readSync")).toBe(COUNT);
      expect(logReads(watch)).toBeLessThan(4 * 1024 * 1024);
      expect(runtime.files.exists("/store/queueEnds.json")).toBe(false);
      await again.close();
    }
  }, 60_000);

  test("a note of the ends that is not true, or broken, costs a search and no message", async () => {
    const { runtime, store } = await dirty();
    runtime.disk.faults.syncMs = [0, 0];
    await store.close();
    const text = new TextDecoder().decode(runtime.files.read("/store/queueEnds.json"));
    for (const broken of [
      text.slice(0, 200),
      "null",
      '{"sum":1,"ends":{}}',
      text.replace(/\[2,/g, "[1,"),
      text.replace(/\[2,/g, "[3,"),
      text.replace(/\[2,\d+\]/g, "7"),
    ]) {
      runtime.files.write("/store/queueEnds.json", new TextEncoder().encode(broken));
      const log = linesLog();
      const again = await openStore(runtime, "/store", {}, log);
      expect(log.lines.filter((line) => line.includes("are not as the last stop"))).toEqual([]);
      await allThere(again);
      await again.close();
    }
  }, 60_000);
});

describe("open files", () => {
  test("the least recently used is closed: what is used all the time stays open", async () => {
    const { runtime, watch } = watched(simRuntime());
    const store = await openStore(runtime, "/store", { openFilesMax: 8, flushConsumeQueueThoroughInterval: 100 });
    for (let i = 0; i < 200; i++) {
      await putNow(store, { queueId: i, keys: `k${i}` });
      await runtime.clock.advance(150);
    }
    expect(watch.openFilesMax).toBeLessThanOrEqual(8 + 2);
    // The log and the index were never closed; each queue's file was opened once.
    expect(watch.opened("/commitlog/")).toBeLessThanOrEqual(2);
    expect(watch.opened("/index/")).toBe(1);
    expect(watch.opened("/consumequeue/")).toBe(200);
    await store.close();
  });
});

describe("files of queues on a real disk", () => {
  test("have the 6,000,000 bytes that Apache reads, and take a page", async () => {
    const directory = mkdtempSync(join(tmpdir(), "edgemq-sparse-"));
    try {
      const store = await openStore(await hostRuntime(), directory);
      for (let queueId = 0; queueId < 50; queueId++) put(store, { queueId });
      await store.durable(store.stats().maxPhysicalOffset, false);
      await store.close();
      let blocks = 0;
      for (let queueId = 0; queueId < 50; queueId++) {
        const stat = statSync(join(directory, `consumequeue/TopicA/${queueId}/00000000000000000000`));
        expect(stat.size).toBe(6_000_000);
        blocks += stat.blocks;
      }
      // 4 KiB each on most file systems, where 300 MB could be.
      if (process.platform === "linux") expect(blocks * 512).toBeLessThanOrEqual(50 * 64 * 1024);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
