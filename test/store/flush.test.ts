/** When the log reaches the disk: the bound of ASYNC_FLUSH, files made ahead, and what a power cut leaves of new files. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { linesLog, openStore, put, putNow, SMALL, textsOf } from "./support.ts";

const inLog = (path: string): boolean => path.includes("/commitlog");
const text = (i: number): string => `${i} ${"x".repeat(150)}`;
const logFiles = (runtime: SimRuntime): string[] => runtime.files.list("/store/commitlog");

describe("ASYNC_FLUSH", () => {
  test("bytes that came while a sync ran begin theirs flushIntervalCommitLog after they came, not after it ended", async () => {
    const runtime = simRuntime({ disk: { syncMs: [150, 150] } });
    const store = await openStore(runtime, "/store", { flushIntervalCommitLog: 200 });
    const { clock } = runtime;
    await clock.resolve(putNow(store));
    await clock.advance(210);
    // The sync runs from 200 to 350.
    await clock.resolve(putNow(store));
    await clock.advance(180);
    expect(store.stats().flushedOffset).toBeLessThan(store.stats().writtenOffset);
    // It began at 410 and not at 550.
    await clock.advance(175);
    expect(store.stats()).toMatchObject({ flushedOffset: store.stats().writtenOffset, flushLateCount: 0, unsyncedMaxMs: 350 });
    expect(store.stats().flushDelayMaxMs).toBeLessThanOrEqual(201);
    await clock.resolve(store.close());
  });

  test("a sync that takes longer than twice the interval is said and counted while it still runs", async () => {
    const runtime = simRuntime();
    const log = linesLog();
    const store = await openStore(runtime, "/store", { flushIntervalCommitLog: 200 }, log);
    const { clock } = runtime;
    const late = (): string[] => log.lines.filter((line) => line.includes("twice flushIntervalCommitLog"));
    await clock.resolve(putNow(store));
    runtime.disk.faults.syncMs = [5000, 5000];
    await clock.advance(210);
    await clock.resolve(putNow(store));
    await clock.advance(380);
    expect(late()).toEqual([]);
    await clock.advance(30);
    expect(late()).toHaveLength(1);
    expect(late()[0]).toContain("the sync before is still running");
    expect(store.stats().flushLateCount).toBe(1);
    // The next one begins at once when it ends, is late, and is the same lateness.
    await clock.advance(4700);
    expect(store.stats().flushLateCount).toBe(1);
    expect(store.stats().flushDelayMaxMs).toBeGreaterThan(4900);
    runtime.disk.faults.syncMs = [0, 0];
    await clock.resolve(store.close());
  });

  test("an event loop that was held up is late as well", async () => {
    const runtime = simRuntime();
    const log = linesLog();
    const store = await openStore(runtime, "/store", { flushIntervalCommitLog: 200 }, log);
    await putNow(store);
    runtime.disk.scheduler.stall(1000);
    await runtime.clock.advance(1);
    expect(store.stats().flushLateCount).toBe(1);
    expect(log.lines.some((line) => line.includes("the event loop was held up"))).toBe(true);
    await store.close();
  });
});

describe("the next file", () => {
  const input = { ...SMALL, flushDiskType: "SYNC_FLUSH" as const };

  test("is made when half of the last one is on the disk, and then a send waits for no directory", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    for (let i = 0; i < 5; i++) await putNow(store, { text: text(i) }, true);
    expect(store.stats().flushedOffset).toBeLessThan(2048);
    expect(logFiles(runtime)).toEqual(["00000000000000000000"]);
    for (let i = 5; i < 9; i++) await putNow(store, { text: text(i) }, true);
    await runtime.clock.advance(1);
    expect(logFiles(runtime)).toEqual(["00000000000000000000", "00000000000000004096"]);
    runtime.disk.fail({ operation: "syncDirectory", code: "EIO", path: inLog });
    runtime.disk.fail({ operation: "truncate", code: "EIO", path: inLog });
    for (let i = 9; i < 20; i++) expect(await store.durable(put(store, { text: text(i) }).endOffset, true)).toBe(true);
    expect(store.stats().writtenOffset).toBeGreaterThan(4096);
    runtime.disk.restore();
    const powered = runtime.crash("power");
    const again = await openStore(powered, "/store", input);
    expect(await textsOf(again)).toHaveLength(20);
    await again.close();
  });

  test("is made on the spot when it could not be made ahead, and that is said", async () => {
    const runtime = simRuntime();
    const log = linesLog();
    const store = await openStore(runtime, "/store", input, log);
    runtime.disk.fail({ operation: "open", code: "ENOSPC", path: (path) => path.endsWith("4096"), times: 1 });
    for (let i = 0; i < 40; i++) await putNow(store, { text: text(i) }, true);
    expect(log.lines.filter((line) => line.includes("file ahead"))).toHaveLength(1);
    expect(await textsOf(store)).toHaveLength(40);
    await store.close();
  });

  test("is taken away again by an orderly stop, and is no remains of anything after kill -9", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    for (let i = 0; i < 12; i++) await putNow(store, { text: text(i) }, true);
    await runtime.clock.advance(1);
    expect(logFiles(runtime)).toHaveLength(2);
    await store.close();
    expect(logFiles(runtime)).toHaveLength(1);
    const log = linesLog();
    const second = await openStore(runtime, "/store", input, log);
    await putNow(second, { text: text(12) }, true);
    await runtime.clock.advance(1);
    expect(logFiles(runtime)).toHaveLength(2);
    const killed = runtime.crash("kill");
    const third = await openStore(killed, "/store", input, log);
    expect(log.lines.some((line) => line.includes("moved aside"))).toBe(false);
    expect(await textsOf(third)).toHaveLength(13);
    await third.close();
  });

  test("goes when a failed write cuts the log before it", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    for (let i = 0; i < 12; i++) await putNow(store, { text: text(i) }, true);
    await runtime.clock.advance(1);
    runtime.disk.fail({ operation: "write", code: "ENOSPC", path: (path) => path.endsWith("8192"), times: 1 });
    const receipts = Array.from({ length: 30 }, (_, i) => put(store, { text: `lost ${text(i)}` }));
    const outcomes = await Promise.all(
      receipts.map(({ endOffset }) => store.durable(endOffset, true).then(String, () => "lost")),
    );
    expect(new Set(outcomes)).toEqual(new Set(["lost"]));
    await runtime.clock.advance(1100);
    for (let i = 12; i < 40; i++) await putNow(store, { text: text(i) }, true);
    expect(await textsOf(store)).toEqual(Array.from({ length: 40 }, (_, i) => text(i)));
    await store.close();
    const bases = logFiles(runtime).map(Number);
    expect(bases).toEqual(bases.map((_, i) => i * 4096));
  });
});

describe("a new file and its directory", () => {
  test("are synced off the event loop, and before the first acknowledgement", async () => {
    const runtime = simRuntime({ disk: { syncMs: [50, 50] } });
    const store = await runtime.clock.resolve(openStore(runtime, "/store", { flushDiskType: "SYNC_FLUSH" }));
    const before = runtime.clock.monotonic();
    const receipt = put(store);
    await store.durable(receipt.endOffset, false);
    expect(runtime.clock.monotonic()).toBe(before);
    await runtime.clock.resolve(store.durable(receipt.endOffset, true));
    expect(runtime.clock.monotonic() - before).toBeGreaterThanOrEqual(50);
    runtime.disk.faults.syncMs = [0, 0];
    const again = await openStore(runtime.crash("power"), "/store", { flushDiskType: "SYNC_FLUSH" });
    expect(await textsOf(again)).toEqual(["hello"]);
    await again.close();
  });

  test("SYNC_FLUSH: a power cut at any moment, whatever it leaves of entries and pages, takes nothing acknowledged", async () => {
    let files = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const kept = (seed % 3) / 2;
      const runtime = simRuntime({ seed, disk: { syncMs: [0, 9], unsyncedEntriesKept: kept, unsyncedPageKept: 1 - kept } });
      const store = await runtime.clock.resolve(openStore(runtime, "/store", { ...SMALL, flushDiskType: "SYNC_FLUSH" }));
      let acknowledged = 0;
      for (let i = 0; i < 10 + seed; i++) {
        void store.durable(put(store, { text: text(i) }).endOffset, true).then(() => acknowledged++);
        if (i % 3 === 0) await runtime.clock.advance(seed % 8);
      }
      const powered = runtime.crash("power");
      powered.disk.faults.syncMs = [0, 0];
      const again = await openStore(powered, "/store", { ...SMALL, flushDiskType: "SYNC_FLUSH" });
      const texts = await textsOf(again);
      expect([seed, texts.length >= acknowledged]).toEqual([seed, true]);
      // Of the others some may be left, as pages reach the disk in any order.
      expect(texts.slice(0, acknowledged)).toEqual(Array.from({ length: acknowledged }, (_, i) => text(i)));
      expect(new Set(texts).size).toBe(texts.length);
      files = Math.max(files, logFiles(powered).length);
      await again.close();
    }
    expect(files).toBeGreaterThan(2);
  });

  test.each([undefined, "/a,/b,/c"])("ASYNC_FLUSH: a power cut leaves a log that opens, in %s", async (storePathCommitLog) => {
    // Also when several new files were not on the disk.
    for (let seed = 1; seed <= 60; seed++) {
      const runtime = simRuntime({ seed, disk: { syncMs: [0, 20], unsyncedEntriesKept: 0.8, unsyncedPageKept: 0.5 } });
      const input = { ...SMALL, ...(storePathCommitLog === undefined ? {} : { storePathCommitLog }) };
      const store = await runtime.clock.resolve(openStore(runtime, "/store", input));
      for (let i = 0; i < 60; i++) {
        put(store, { text: text(i) });
        if (i === 20) await runtime.clock.advance(600);
        if (i > 20 && i % 7 === 0) await runtime.clock.advance(seed * 3);
      }
      await store.durable(store.stats().maxPhysicalOffset, false);
      const powered = runtime.crash("power");
      powered.disk.faults.syncMs = [0, 0];
      const again = await openStore(powered, "/store", input);
      const texts = await textsOf(again);
      expect([seed, texts.length >= 21]).toEqual([seed, true]);
      await again.close();
    }
  });
});
