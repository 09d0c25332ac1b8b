/** What the store knows of the system's memory (coldDataScanEnable), on a disk that says which pages are in it. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { linesLog, message, openStore } from "./support.ts";

const PAGE = 4096;
const FILE = 16 * PAGE;
const scanning = {
  coldDataScanEnable: true,
  mappedFileSizeCommitLog: FILE,
  sampleSteps: 4,
  timerColdDataCheckIntervalMs: 60_000,
};

/** A log of some files. Even groups of four pages are in memory, and what is asked is counted. */
async function opened(settings: Record<string, unknown> = {}, messages = 40) {
  const runtime = simRuntime();
  const log = linesLog();
  const store = await openStore(runtime, "/store", { ...scanning, ...settings }, log);
  for (let i = 0; i < messages; i++) store.append(message({ topic: "T", text: "x".repeat(4000) }));
  await runtime.clock.advance(1);
  const asked = { pages: 0 };
  runtime.disk.faults.pagesInMemory = (_path, page) => {
    asked.pages++;
    return Math.floor(page / 4) % 2 === 0;
  };
  return { runtime, log, store, asked };
}

describe("coldDataScanEnable", () => {
  test("a page of every sampleSteps says whether those up to the next are on the disk only", async () => {
    const { runtime, store } = await opened();
    // Not known yet.
    expect(store.isOnDiskOnly(5 * PAGE)).toBe(false);
    await runtime.clock.advance(1_000);
    for (const base of [0, FILE]) {
      expect(store.isOnDiskOnly(base)).toBe(false);
      expect(store.isOnDiskOnly(base + 4 * PAGE - 1)).toBe(false);
      expect(store.isOnDiskOnly(base + 4 * PAGE)).toBe(true);
      expect(store.isOnDiskOnly(base + 8 * PAGE - 1)).toBe(true);
      expect(store.isOnDiskOnly(base + 8 * PAGE)).toBe(false);
    }
    // Of no file.
    expect(store.isOnDiskOnly(100 * FILE + 5 * PAGE)).toBe(false);
    await store.close();
  });

  test("a look begins where somebody reads, goes on from there, and what it has seen counts at once", async () => {
    const { runtime, store, asked } = await opened({ mappedFileSizeCommitLog: 2 * PAGE, sampleSteps: 1 }, 400);
    runtime.disk.faults.pagesInMemory = () => {
      asked.pages++;
      return false;
    };
    // 200 files, 64 at once.
    expect(store.isOnDiskOnly(300 * PAGE)).toBe(false);
    await runtime.clock.advance(0);
    expect(asked.pages).toBe(2 * 64);
    expect([0, 298, 300, 399].map((page) => store.isOnDiskOnly(page * PAGE))).toEqual([true, false, true, true]);
    await runtime.clock.advance(9);
    expect(asked.pages).toBe(2 * 64);
    await runtime.clock.advance(100);
    expect(store.isOnDiskOnly(298 * PAGE)).toBe(true);
    expect(asked.pages).toBe(2 * 200);
    await store.close();
  });

  test("the system is asked again after timerColdDataCheckIntervalMs, and never when nobody asks", async () => {
    const { runtime, store, asked } = await opened();
    await runtime.clock.advance(300_000);
    expect(asked.pages).toBe(0);
    store.isOnDiskOnly(0);
    await runtime.clock.advance(1_000);
    const once = asked.pages;
    expect(once).toBeGreaterThan(0);
    runtime.disk.faults.pagesInMemory = () => {
      asked.pages++;
      return true;
    };
    await runtime.clock.advance(50_000);
    expect(store.isOnDiskOnly(5 * PAGE)).toBe(true);
    expect(asked.pages).toBe(once);
    await runtime.clock.advance(20_000);
    store.isOnDiskOnly(5 * PAGE);
    await runtime.clock.advance(1_000);
    expect(asked.pages).toBe(2 * once);
    expect(store.isOnDiskOnly(5 * PAGE)).toBe(false);
    await store.close();
  });

  test("off, or where the system can't be asked, nothing is known, and the log says so once", async () => {
    const off = await opened({ coldDataScanEnable: false });
    expect(off.store.isOnDiskOnly(5 * PAGE)).toBeUndefined();
    await off.runtime.clock.advance(1_000);
    expect(off.asked.pages).toBe(0);
    await off.store.close();
    const deaf = await opened();
    deaf.runtime.disk.faults.pagesInMemory = undefined;
    for (let i = 0; i < 3; i++) expect(deaf.store.isOnDiskOnly(5 * PAGE)).toBeUndefined();
    await deaf.runtime.clock.advance(200_000);
    expect(deaf.store.isOnDiskOnly(5 * PAGE)).toBeUndefined();
    await deaf.runtime.clock.advance(1_000);
    expect(deaf.log.lines.filter((line) => line.includes("coldDataScanEnable has no effect")).length).toBe(1);
    await deaf.store.close();
  });

  test("a stop does not wait for a look to its end", async () => {
    const { runtime, store, asked } = await opened({ mappedFileSizeCommitLog: 2 * PAGE }, 400);
    store.isOnDiskOnly(0);
    await runtime.clock.advance(0);
    const before = asked.pages;
    await store.close();
    expect(before).toBe(2 * 64);
    expect(asked.pages).toBe(before);
  });
});
