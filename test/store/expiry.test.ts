/** Files that go: by age, by a full disk, by hand; and what readers get afterwards. */
import { describe, expect, test } from "bun:test";
import { type SimOptions, type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { ExpiredRange } from "../../core/store/message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { message, openStore, pull, put, putNow, refusalOf, SMALL, textsOf } from "./support.ts";

const COUNT = 70;
const HOUR = 3_600_000;
/** 00:00 UTC. */
const MIDNIGHT = Date.UTC(2026, 0, 1);
const QUEUE = { topic: "TopicA", queueId: 0 };

async function filled(
  input: StoreSettingsInput = {},
  options: SimOptions = {},
): Promise<{ runtime: SimRuntime; store: DefaultMessageStore }> {
  const runtime = simRuntime({ epochMs: MIDNIGHT, ...options });
  const store = await openStore(runtime, "/store", { ...SMALL, fileReservedTime: 2, ...input });
  for (let i = 0; i < COUNT; i++) put(store, { text: `${i} ${"x".repeat(150)}`, keys: `k${i}`, uniqKey: `u${i}` });
  put(store, { topic: "Quiet", text: "one" });
  await store.durable(store.stats().maxPhysicalOffset, true);
  return { runtime, store };
}

/** Files of the log, without one that is made ahead. */
const files = (runtime: SimRuntime, store: DefaultMessageStore): number =>
  runtime.files.list("/store/commitlog").filter((name) => Number(name) <= store.stats().maxPhysicalOffset).length;

describe("expiry", () => {
  test("files older than fileReservedTime go in the hour of deleteWhen, the last one stays", async () => {
    const { runtime, store } = await filled({ deleteWhen: "04" });
    const all = files(runtime, store);
    expect(all).toBeGreaterThan(3);
    await runtime.clock.advance(3.9 * HOUR);
    expect(files(runtime, store)).toBe(all);
    await runtime.clock.advance(0.2 * HOUR);
    expect(files(runtime, store)).toBe(1);
    expect(store.stats().minPhysicalOffset).toBe((all - 1) * 4096);

    const min = store.minOffset(QUEUE);
    expect(min).toBeGreaterThan(30);
    expect(await pull(store, 0)).toMatchObject({
      status: "OFFSET_TOO_SMALL",
      nextBeginOffset: min,
      minOffset: min,
      maxOffset: COUNT,
    });
    expect((await textsOf(store)).map((text) => Number(text.split(" ")[0]))[0]).toBe(min);
    // Queue and index files follow: 10 units a file, so what is left begins within the file of the smallest offset.
    const [first] = runtime.files.list("/store/consumequeue/TopicA/0");
    expect(Number(first)).toBe(Math.floor(min / 10) * 200);
    expect((await store.query("TopicA#u69", 1, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets).toHaveLength(1);
    expect(await store.storeTimeAt(QUEUE, 0)).toBe(-1);
    expect(await store.earliestStoreTime(QUEUE)).toBe(MIDNIGHT);
    await store.close();

    const again = await openStore(runtime, "/store", SMALL);
    expect(again.minOffset(QUEUE)).toBe(min);
    expect((await putNow(again, { text: "more" })).queueOffset).toBe(COUNT);
    await again.close();
  });

  test("the local hour counts", async () => {
    const { runtime, store } = await filled({ deleteWhen: "04" }, { utcOffsetMinutes: 90 });
    await runtime.clock.advance(2.6 * HOUR);
    expect(files(runtime, store)).toBe(1);
    await store.close();
  });

  test("by hand: what has expired goes at any hour, nothing else", async () => {
    const { runtime, store } = await filled();
    expect(await runtime.clock.resolve(store.deleteExpiredCommitLogs())).toBe(0);
    await runtime.clock.advance(2.5 * HOUR);
    const all = files(runtime, store);
    expect(all).toBeGreaterThan(3);
    expect(await runtime.clock.resolve(store.deleteExpiredCommitLogs())).toBe(Math.min(10, all - 1));
    await store.cleanExpiredConsumeQueues();
    await store.close();
  });

  test("a crash after expiry: the consume queues begin where the log does", async () => {
    const { runtime, store } = await filled();
    await runtime.clock.advance(2.5 * HOUR);
    await runtime.clock.resolve(store.deleteExpiredCommitLogs());
    const min = store.minOffset(QUEUE);
    const killed = runtime.crash("kill");
    killed.files.removeTree("/store/consumequeue");
    killed.files.removeTree("/store/index");
    killed.files.remove("/store/checkpoint");
    const again = await openStore(killed, "/store", SMALL);
    expect(again.minOffset(QUEUE)).toBe(min);
    expect(again.maxOffset(QUEUE)).toBe(COUNT);
    expect((await textsOf(again)).length).toBe(COUNT - min);
    // Units before the start are blank, as Apache fills them.
    const [first] = killed.files.list("/store/consumequeue/TopicA/0");
    expect(Number(first)).toBe(Math.floor(min / 10) * 200);
    await again.close();
  });
});

describe("a disk that fills up", () => {
  const fullTo = (runtime: SimRuntime, percent: number): void => {
    const { totalBytes, freeBytes } = runtime.disk.space();
    runtime.disk.faults.capacityBytes = Math.floor(((totalBytes - freeBytes) * 100) / percent / 4096) * 4096;
  };

  test("above the warning ratio messages are refused with percentage and key, and old files go until there is space", async () => {
    const { runtime, store } = await filled();
    fullTo(runtime, 95);
    const all = files(runtime, store);
    await runtime.clock.advance(10_050);
    const refusal = refusalOf(store.append(message()));
    expect(refusal.status).toBe("SERVICE_NOT_AVAILABLE");
    expect(refusal.reason).toMatch(/storePathCommitLog is \d+ % full and diskSpaceWarningLevelRatio is 90/);
    expect(store.stats().commitLogDiskPercent).toBeGreaterThan(90);
    await runtime.clock.advance(20_000);
    expect(files(runtime, store)).toBeLessThan(all);
    expect(store.writeRefusal()).toBeUndefined();
    await putNow(store, { text: "again" });
    // The simulated disk has so few pages that the last checkpoint would not fit either.
    runtime.disk.faults.capacityBytes = 2 ** 40;
    await store.close();
  });

  test("without cleanFileForciblyEnable nothing goes before its time", async () => {
    const { runtime, store } = await filled({ cleanFileForciblyEnable: false });
    fullTo(runtime, 95);
    const all = files(runtime, store);
    await runtime.clock.advance(60_000);
    expect(files(runtime, store)).toBe(all);
    runtime.disk.faults.capacityBytes = 2 ** 40;
    await runtime.clock.advance(10_000);
    expect(store.writeRefusal()).toBeUndefined();
    await store.close();
  });
});

describe("what is announced before it goes", () => {
  test("each queue that loses messages, with its offsets, before the file is gone", async () => {
    const { runtime, store } = await filled({ deleteWhen: "04" });
    const ranges: (ExpiredRange & { files: number })[] = [];
    const all = files(runtime, store);
    store.onExpired((range) => ranges.push({ ...range, files: files(runtime, store) }));
    await runtime.clock.advance(4.1 * HOUR);
    const min = store.minOffset(QUEUE);
    expect(ranges).toEqual([{ topic: "TopicA", queueId: 0, from: 0, to: min, files: all }]);
    // Nothing more goes, so nothing more is announced; after a restart neither.
    await runtime.clock.advance(HOUR);
    await store.close();
    const again = await openStore(runtime, "/store", { ...SMALL, fileReservedTime: 0 });
    again.onExpired((range) => ranges.push({ ...range, files: 0 }));
    await runtime.clock.resolve(again.deleteExpiredCommitLogs());
    expect(ranges).toHaveLength(1);
    await again.close();
  });

  test("many queues, round after round: the ranges join without gap or overlap", async () => {
    const runtime = simRuntime({ epochMs: MIDNIGHT });
    const store = await openStore(runtime, "/store", { ...SMALL, fileReservedTime: 0, deleteFileBatchMax: 2 });
    const ends = new Map<number, number>();
    store.onExpired(({ queueId, from, to }) => {
      expect([queueId, from]).toEqual([queueId, ends.get(queueId) ?? 0]);
      ends.set(queueId, to);
    });
    for (let i = 0; i < 600; i++) put(store, { queueId: i % 250, text: "x".repeat(100) });
    await store.durable(store.stats().maxPhysicalOffset, true);
    await runtime.clock.advance(1);
    for (let round = 0; round < 5; round++) {
      expect(await runtime.clock.resolve(store.deleteExpiredCommitLogs())).toBe(2);
      // A reader in between moves the queue's start; its messages are announced all the same.
      await pull(store, 0, { queueId: round });
    }
    for (const [queueId, end] of ends) expect([queueId, end]).toEqual([queueId, store.minOffset({ topic: "TopicA", queueId })]);
    expect([...ends.values()].reduce((sum, end) => sum + end, 0)).toBeGreaterThan(100);
    await store.close();
  });

  test("a listener that fails keeps no file", async () => {
    const { runtime, store } = await filled({ fileReservedTime: 0 });
    store.onExpired(() => {
      throw new Error("no");
    });
    expect(await runtime.clock.resolve(store.deleteExpiredCommitLogs())).toBeGreaterThan(2);
    await store.close();
  });
});

describe("by hand", () => {
  test("the rounds of the next minutes take what the first one left, at any hour", async () => {
    const { runtime, store } = await filled({ deleteFileBatchMax: 1, fileReservedTime: 0, deleteWhen: "23" });
    const all = files(runtime, store);
    await runtime.clock.advance(30_000);
    expect(files(runtime, store)).toBe(all);
    expect(await runtime.clock.resolve(store.deleteExpiredCommitLogs())).toBe(1);
    await runtime.clock.advance(10_100);
    expect(files(runtime, store)).toBe(all - 2);
    await runtime.clock.advance(60_000);
    expect(files(runtime, store)).toBe(1);
    await store.close();
  });
});

describe("several directories of the log", () => {
  const PATHS = "/b/log, /a/log,/c/log";
  const names = (runtime: SimRuntime, path: string): number[] => runtime.files.list(path).map((name) => Number(name) / 4096);

  test("take turns in alphabetical order, survive a restart and a power cut, and expire oldest first", async () => {
    const runtime = simRuntime({ epochMs: MIDNIGHT });
    const input = { ...SMALL, storePathCommitLog: PATHS, fileReservedTime: 0, flushDiskType: "SYNC_FLUSH" as const };
    const store = await openStore(runtime, "/store", input);
    for (let i = 0; i < 70; i++) await putNow(store, { text: `${i} ${"x".repeat(150)}` }, true);
    const last = Math.floor(store.stats().maxPhysicalOffset / 4096);
    expect(last).toBeGreaterThanOrEqual(4);
    const used = ["/a/log", "/b/log", "/c/log"].map((path) => names(runtime, path).filter((index) => index <= last));
    expect(used).toEqual([0, 1, 2].map((first) => [first, first + 3].filter((index) => index <= last)));
    expect(runtime.files.exists("/store/commitlog")).toBe(false);

    const again = await openStore(runtime.crash("power"), "/store", input);
    expect(await textsOf(again)).toHaveLength(70);
    await again.close();
  });

  test("a full one gets no new file as long as another has room; the refusal waits until all are full", async () => {
    const runtime = simRuntime({ epochMs: MIDNIGHT });
    const free: Record<string, number> = { "/a/log": 50, "/b/log": 50 };
    runtime.files.diskSpace = (path) => {
      const freeGib = free[path] ?? 50;
      return { totalBytes: 100 * 2 ** 30, freeBytes: freeGib * 2 ** 30, usedBytes: (100 - freeGib) * 2 ** 30 };
    };
    const store = await openStore(runtime, "/store", {
      ...SMALL,
      storePathCommitLog: "/a/log,/b/log",
      cleanFileForciblyEnable: false,
    });
    free["/b/log"] = 3;
    await runtime.clock.advance(10_100);
    for (let i = 0; i < 60; i++) await putNow(store, { text: "x".repeat(150) }, true);
    expect(names(runtime, "/b/log")).toEqual([]);
    expect(names(runtime, "/a/log").length).toBeGreaterThan(2);
    expect(store.stats()).toMatchObject({ commitLogDiskPercent: 50 });
    expect(store.stats().commitLogDisks.map(({ percent }) => percent)).toEqual([50, 97]);
    free["/a/log"] = 3;
    await runtime.clock.advance(10_100);
    expect(refusalOf(store.append(message())).reason).toContain("storePathCommitLog is 97 % full");
    await store.close();
  });

  test("a read-only directory is read and gets no new file; where writing is forbidden its files are opened for reading", async () => {
    const runtime = simRuntime({ epochMs: MIDNIGHT });
    const first = await openStore(runtime, "/store", { ...SMALL, storePathCommitLog: "/old" });
    for (let i = 0; i < 40; i++) await putNow(first, { text: `${i} ${"x".repeat(150)}` });
    await first.close();
    const input = { ...SMALL, storePathCommitLog: "/new,/old", readOnlyCommitLogStorePaths: "/old" };
    const old = names(runtime, "/old");
    // The last file is written to the end where it lies.
    const store = await openStore(runtime, "/store", input);
    for (let i = 40; i < 70; i++) await putNow(store, { text: `${i} ${"x".repeat(150)}` });
    expect(names(runtime, "/old")).toEqual(old);
    expect(names(runtime, "/new")[0]).toBe(old.length);
    await store.close();
    runtime.disk.fail({ operation: "write", code: "EROFS", path: (path) => path.startsWith("/old") });
    const open = runtime.files.open.bind(runtime.files);
    runtime.files.open = (path, options) => {
      if (path.startsWith("/old") && options?.readOnly !== true) throw Object.assign(new Error(path), { code: "EROFS" });
      return open(path, options);
    };
    const again = await openStore(runtime, "/store", input);
    expect(await textsOf(again)).toHaveLength(70);
    await again.close();
  });

  test("what can't be: no directory for new files, the same part twice, a part that is missing", async () => {
    const runtime = simRuntime({ epochMs: MIDNIGHT });
    const opened = (input: StoreSettingsInput): Promise<string> =>
      openStore(runtime, "/store", { ...SMALL, ...input }).then(
        () => "opened",
        (error: Error) => error.message,
      );
    expect(await opened({ storePathCommitLog: "/a", readOnlyCommitLogStorePaths: "/a" })).toContain("storePathCommitLog");
    const store = await openStore(runtime, "/store", { ...SMALL, storePathCommitLog: "/a,/b" });
    for (let i = 0; i < 70; i++) await putNow(store, { text: "x".repeat(150) });
    await store.close();
    expect(await opened({ storePathCommitLog: "/a" })).toMatch(/"\/a\/0+4096" is missing/);
    runtime.files.write("/b/00000000000000000000", new Uint8Array(4096));
    expect(await opened({ storePathCommitLog: "/a,/b" })).toContain("are the same part of it");
  });
});

describe("a floor of free bytes", () => {
  test("below diskSpaceFreeBytesMin sends are refused with the key, the oldest files go, and then sends are taken", async () => {
    const { runtime, store } = await filled({ diskSpaceFreeBytesMin: 16 * 4096 });
    const { totalBytes, freeBytes } = runtime.disk.space();
    const used = totalBytes - freeBytes;
    // A large disk by percentage: half of it is free, and that is not enough.
    runtime.disk.faults.capacityBytes = used + 15 * 4096;
    const all = files(runtime, store);
    await runtime.clock.advance(10_050);
    expect(refusalOf(store.append(message())).reason).toContain("diskSpaceFreeBytesMin is 65536");
    await runtime.clock.advance(20_000);
    expect(files(runtime, store)).toBeLessThan(all);
    expect(store.writeRefusal()).toBeUndefined();
    runtime.disk.faults.capacityBytes = 2 ** 40;
    await store.close();
  });

  test("the disk is looked at sooner when much is written: a fast producer meets the refusal, not ENOSPC", async () => {
    const runtime = simRuntime({ disk: { capacityBytes: 64 * 2 ** 20 } });
    const store = await openStore(runtime, "/store", {
      mappedFileSizeCommitLog: 4 * 2 ** 20,
      diskSpaceFreeBytesMin: 8 * 2 ** 20,
      maxIndexNum: 1000,
      cleanFileForciblyEnable: false,
    });
    let refusal = "";
    for (let i = 0; i < 400 && refusal === ""; i++) {
      const result = store.append(message({ body: new Uint8Array(200_000) }));
      if (result.status === "PUT_OK") await store.durable(result.endOffset, false);
      else refusal = result.reason;
    }
    // No timer has run: not a second has passed.
    expect(refusal).toMatch(/diskSpaceWarningLevelRatio|diskSpaceFreeBytesMin/);
    expect(runtime.disk.space().freeBytes).toBeGreaterThan(0);
    await store.close();
  });
});
