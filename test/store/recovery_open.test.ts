/** What a start costs and tells: reads grow with what must be dispatched again, not with the store. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { linesLog, openStore, put, textsOf } from "./support.ts";

const MIB = 1024 * 1024;
/** 64 files of 1 MiB stand for ten of 1 GiB. */
const FILES: StoreSettingsInput = { mappedFileSizeCommitLog: MIB };

async function fill(store: DefaultMessageStore, bytes: number): Promise<void> {
  const body = new Uint8Array(32 * 1024).fill(7);
  const end = store.stats().maxPhysicalOffset + bytes;
  for (let i = 0; store.stats().maxPhysicalOffset < end; i++) {
    put(store, { body, queueId: i % 4, uniqKey: `u${store.stats().maxPhysicalOffset}` });
    if (i % 32 === 0) await store.durable(store.stats().maxPhysicalOffset, false);
  }
  await store.durable(store.stats().maxPhysicalOffset, true);
}

/** Counts the bytes read of the commit log from now on, and lets each read take time. */
function counting(runtime: SimRuntime, readMs = 0): { bytes: number } {
  const count = { bytes: 0 };
  const open = runtime.files.open.bind(runtime.files);
  runtime.files.open = (path, options) => {
    const handle = open(path, options);
    if (!path.includes("/commitlog/")) return handle;
    const readSync = handle.readSync.bind(handle);
    handle.readSync = (target, position) => {
      count.bytes += target.length;
      return readSync(target, position);
    };
    const read = handle.read.bind(handle);
    handle.read = async (target, position) => {
      count.bytes += target.length;
      if (readMs > 0) await runtime.clock.advance(readMs);
      return read(target, position);
    };
    return handle;
  };
  return count;
}

describe("a start", () => {
  test("after an orderly stop reads as much of a large log as of a small one", async () => {
    const read: number[] = [];
    for (const mib of [2, 64]) {
      const runtime = simRuntime();
      const store = await openStore(runtime, "/store", FILES);
      await fill(store, mib * MIB);
      await store.close();
      const count = counting(runtime);
      const again = await openStore(runtime, "/store", FILES);
      read.push(count.bytes);
      expect(again.stats().maxPhysicalOffset).toBeGreaterThanOrEqual(mib * MIB);
      await again.close();
    }
    expect(read[1]).toBeLessThan(4 * MIB);
    expect(Math.abs((read[1] as number) - (read[0] as number))).toBeLessThan(2 * MIB);
  }, 30_000);

  test("after kill -9 reads what came since the last checkpoint", async () => {
    let runtime = simRuntime();
    const store = await openStore(runtime, "/store", { ...FILES, flushConsumeQueueThoroughInterval: 100 });
    await fill(store, 48 * MIB);
    await runtime.clock.advance(150);
    await fill(store, 6 * MIB);
    runtime = runtime.crash("kill");
    const count = counting(runtime);
    const again = await openStore(runtime, "/store", FILES);
    expect(count.bytes).toBeGreaterThan(6 * MIB);
    expect(count.bytes).toBeLessThan(12 * MIB);
    await again.close();
  }, 30_000);

  test("of a store without keys reads no more than one with: it has no index to make", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", FILES);
    const body = new Uint8Array(32 * 1024);
    for (let i = 0; i < 400; i++) put(store, { body });
    await store.durable(store.stats().maxPhysicalOffset, true);
    await store.close();
    const count = counting(runtime);
    const again = await openStore(runtime, "/store", FILES);
    expect(count.bytes).toBeLessThan(4 * MIB);
    await again.close();
  }, 30_000);

  test("that takes long says every few seconds how far it is", async () => {
    let runtime = simRuntime();
    const store = await openStore(runtime, "/store", FILES);
    await fill(store, 20 * MIB);
    runtime = runtime.crash("kill");
    // The clock moves with the reads: a second each.
    counting(runtime, 1000);
    const log = linesLog();
    const again = await openStore(runtime, "/store", FILES, log);
    const percents = log.lines
      .filter((line) => line.includes("recovering the store"))
      .map((line) => Number(/"percent":(\d+)/.exec(line)?.[1]));
    expect(percents.length).toBeGreaterThanOrEqual(4);
    expect(percents.length).toBeLessThanOrEqual(10);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents[0]).toBeLessThan(40);
    expect(percents.at(-1)).toBeGreaterThan(60);
    expect((await textsOf(again)).length).toBeGreaterThan(0);
    await again.close();
  }, 30_000);

  test("that finds its queues beyond the log reads from the last file, not all of it", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", FILES);
    await fill(store, 32 * MIB);
    await store.close();
    const names = runtime.files.list("/store/commitlog");
    runtime.files.remove(`/store/commitlog/${names.at(-1)}`);
    const count = counting(runtime);
    const log = linesLog();
    const again = await openStore(runtime, "/store", FILES, log);
    expect(count.bytes).toBeLessThan(6 * MIB);
    expect(again.stats().maxPhysicalOffset).toBeLessThanOrEqual(Number(names.at(-1)));
    expect(log.lines.some((line) => line.includes("know a record that the commit log has not"))).toBe(true);
    const texts = await textsOf(again);
    expect(texts.length).toBe(again.maxOffset({ topic: "TopicA", queueId: 0 }));
    await again.close();
  }, 30_000);
});
