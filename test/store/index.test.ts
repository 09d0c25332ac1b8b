/** The index: what it costs the disk, what it keeps when keys come while it is synced, what it takes of memory. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import { INDEX_HEADER_BYTES } from "../../core/store/index_file.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { openStore, put } from "./support.ts";
import { type Watch, watched } from "./watched_files.ts";

const found = async (store: DefaultMessageStore, key: string): Promise<number[]> =>
  (await store.query(`TopicA#${key}`, 64, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets;

/** The key of message `i`. Their hashes are far apart: those of k1, k2 … lie in one page of slots. */
const keyOf = (i: number): string => `${i}k${(i * 7_919) % 1_000_003}`;

/** A key of TopicA whose slot is on this page. @param from others for others */
function keyOnPage(page: number, slotCount: number, from: number): string {
  for (let i = from * 1_000_000; ; i++) {
    const key = `p${i}`;
    if (Math.floor((Math.abs(hashCode(`TopicA#${key}`)) % slotCount) / 1024) === page) return key;
  }
}

/** Messages `from` to `to - 1`, written. */
async function fill(store: DefaultMessageStore, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) put(store, { text: `${i}`, keys: keyOf(i) });
  await store.durable(store.stats().maxPhysicalOffset, false);
}

describe("keys that come while the index is synced", () => {
  /** Checkpoints of 1.5 s each, with a message every 100 ms: some come while the index is synced. */
  async function slowlySynced(
    sizes: StoreSettingsInput,
  ): Promise<{ runtime: SimRuntime; store: DefaultMessageStore; count: number }> {
    const runtime = simRuntime();
    const input = { ...sizes, flushConsumeQueueThoroughInterval: 1000 };
    const store = await openStore(runtime, "/store", input);
    await fill(store, 0, 50);
    runtime.disk.faults.syncMs = [300, 300];
    let count = 50;
    for (; count < 110; count++) {
      await fill(store, count, count + 1);
      await runtime.clock.advance(100);
    }
    runtime.disk.faults.syncMs = [0, 0];
    return { runtime, store, count };
  }

  // Five slots: every chain gets new entries during the sync. 20 pages: some are written along that get entries meanwhile. The
  // default: every key has a page of slots for itself.
  describe.each([
    { name: "5 slots", sizes: { maxHashSlotNum: 5, maxIndexNum: 10_000 } },
    { name: "20 pages of slots", sizes: { maxHashSlotNum: 20 * 1024, maxIndexNum: 10_000 } },
    { name: "5,000,000 slots", sizes: { maxHashSlotNum: 5_000_000, maxIndexNum: 10_000 } },
  ])("$name", ({ sizes }) => {
    test("are found after an orderly stop", async () => {
      const { runtime, store, count } = await slowlySynced(sizes);
      const closed = store.close();
      await runtime.clock.advance(2000);
      await closed;
      const again = await openStore(runtime, "/store", sizes);
      for (let i = 0; i < count; i++) expect([i, (await found(again, keyOf(i))).length]).toEqual([i, 1]);
      await again.close();
    });

    test("are found after kill -9, and after another one", async () => {
      const { runtime, count } = await slowlySynced(sizes);
      let killed = runtime;
      for (let round = 0; round < 3; round++) {
        killed = killed.crash("kill");
        const again = await openStore(killed, "/store", sizes);
        for (let i = 0; i < count; i++) expect([i, (await found(again, keyOf(i))).length]).toEqual([i, 1]);
      }
    });
  });

  test("cost the sync no read", async () => {
    const { runtime, watch } = watched(simRuntime());
    const store = await openStore(runtime, "/store", { flushConsumeQueueThoroughInterval: 1000 });
    await fill(store, 0, 2000);
    runtime.disk.faults.syncMs = [300, 300];
    for (let i = 2000; i < 4000; i += 100) {
      await fill(store, i, i + 100);
      await runtime.clock.advance(300);
    }
    runtime.disk.faults.syncMs = [0, 0];
    const closed = store.close();
    await runtime.clock.advance(2000);
    await closed;
    expect(watch.count("/index/", "dataSync")).toBeGreaterThanOrEqual(6);
    expect(watch.count("/index/", "read", "readSync")).toBe(0);
  });
});

describe("cost", () => {
  test("100,000 keys are 31 writes until the sync; the sync writes slots in runs of 256 KiB", async () => {
    const { runtime, watch } = watched(simRuntime());
    const store = await openStore(runtime, "/store", { flushConsumeQueueThoroughInterval: 3_600_000 });
    for (let i = 0; i < 100_000; i += 1000) await fill(store, i, i + 1000);
    // One of them the header of the new file; a block of entries each 3,276 keys.
    expect(watch.count("/index/", "write", "writeSync")).toBe(1 + Math.floor((100_000 - 1) / 3276));
    watch.calls.length = 0;
    await store.close();
    // 5,000,000 slots of 4 bytes are 77 runs; the last block, and the header.
    // These hashes leave gaps, at which a run ends where they are wide.
    expect(watch.count("/index/", "write", "writeSync")).toBeLessThanOrEqual(100);
    expect(watch.count("/index/", "read", "readSync")).toBe(0);
  }, 30_000);

  /** Writes of slots, as the page at which they begin and the pages they have. */
  const slotWrites = ({ calls }: Watch): [number, number][] =>
    calls
      .filter(({ call, path, bytes }) => call === "write" && path.includes("/index/") && bytes !== INDEX_HEADER_BYTES)
      .map(({ position, bytes }) => [(position - INDEX_HEADER_BYTES) / 4096, bytes / 4096]);

  test("up to four pages between two that changed are written with them", async () => {
    const sizes = { maxHashSlotNum: 20 * 1024, maxIndexNum: 10_000, flushConsumeQueueThoroughInterval: 1000 };
    const { runtime, watch } = watched(simRuntime());
    const store = await openStore(runtime, "/store", sizes);
    const keys: string[] = [];
    const touch = async (pages: Iterable<number>): Promise<[number, number][]> => {
      for (const page of pages) {
        const key = keyOnPage(page, sizes.maxHashSlotNum, keys.length);
        keys.push(key);
        put(store, { keys: key });
      }
      await store.durable(store.stats().maxPhysicalOffset, false);
      watch.calls.length = 0;
      await runtime.clock.advance(1000);
      return slotWrites(watch);
    };
    expect(await touch(Array(20).keys())).toEqual([[0, 20]]);
    expect(await touch([13, 2, 7])).toEqual([
      [2, 6],
      [13, 1],
    ]);
    await store.close();
    const again = await openStore(runtime, "/store", sizes);
    for (const key of keys) expect([key, (await found(again, key)).length]).toEqual([key, 1]);
    await again.close();
  });

  test("pages that no key has touched are not", async () => {
    const sizes = { maxHashSlotNum: 20 * 1024, maxIndexNum: 10_000, flushConsumeQueueThoroughInterval: 1000 };
    const { runtime, watch } = watched(simRuntime());
    const store = await openStore(runtime, "/store", sizes);
    for (const page of [0, 1, 3]) put(store, { keys: keyOnPage(page, sizes.maxHashSlotNum, 0) });
    await store.durable(store.stats().maxPhysicalOffset, false);
    await runtime.clock.advance(1000);
    expect(slotWrites(watch)).toEqual([
      [0, 2],
      [3, 1],
    ]);
    await store.close();
  });

  test("a query reads the slot and the chain, nothing else of the index and nothing of log or queues", async () => {
    const plain = simRuntime();
    const store = await openStore(plain, "/store");
    await fill(store, 0, 20_000);
    put(store, { text: "again", keys: keyOf(5) });
    await store.close();
    const { runtime, watch } = watched(plain);
    const again = await openStore(runtime, "/store");
    // The checkpoint of the start.
    await runtime.clock.advance(1);
    watch.calls.length = 0;
    const offsets = await found(again, keyOf(5));
    expect(offsets.length).toBe(2);
    // The page of the slot, and a piece of 10 KiB for each of the two entries, which lie far apart.
    expect(watch.calls.filter(({ call }) => call === "read" || call === "readSync").length).toBeLessThanOrEqual(3);
    expect(watch.calls.every(({ path }) => path.includes("/index/"))).toBe(true);
    expect(watch.calls.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(64 * 1024 + 2 * 10_240);
    await again.close();
  }, 30_000);

  test("in memory: a store of default sizes, files of 1.4 GB, takes what is written to it", async () => {
    const runtime = simRuntime();
    const space = (): number => runtime.files.diskSpace("/store").freeBytes;
    const free = space();
    const store = await openStore(runtime, "/store");
    for (let queueId = 0; queueId < 8; queueId++) put(store, { queueId, keys: `k${queueId}` });
    await store.durable(store.stats().maxPhysicalOffset, false);
    await store.close();
    const sizeOf = (path: string): number => runtime.files.stat(path)?.size ?? 0;
    expect(sizeOf("/store/commitlog/00000000000000000000")).toBe(1024 ** 3);
    expect(sizeOf("/store/consumequeue/TopicA/7/00000000000000000000")).toBe(6_000_000);
    expect(sizeOf(`/store/index/${runtime.files.list("/store/index")[0]}`)).toBe(420_000_040);
    // Eight messages: a page of the log, one each queue, entries and slots of the index in pages of their own.
    expect(free - space()).toBeLessThan(256 * 1024);
  });
});
