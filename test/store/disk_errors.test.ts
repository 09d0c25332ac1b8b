/** What an error of each kind of file costs: no message that was acknowledged, not the process, and readers nothing. */
import { describe, expect, test } from "bun:test";
import type { DiskOperation } from "../../adapters/sim/disk.ts";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import { linesLog, message, openStore, pull, put, putNow, refusalOf, SMALL, textsOf } from "./support.ts";

const inLog = (path: string): boolean => path.includes("/commitlog/");
const QUEUE = { topic: "TopicA", queueId: 0 };
const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    (value) => String(value),
    (error: Error) => error.message,
  );

describe("SYNC_FLUSH: readers and the disk", () => {
  const opened = async (syncMs = 50): Promise<{ runtime: SimRuntime; store: DefaultMessageStore; arrivals: number[] }> => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", { flushDiskType: "SYNC_FLUSH", syncFlushTimeout: 200 });
    const arrivals: number[] = [];
    store.onArrival(({ nextOffset }) => arrivals.push(nextOffset));
    await putNow(store, { text: "a" }, true);
    runtime.disk.faults.syncMs = [syncMs, syncMs];
    return { runtime, store, arrivals };
  };

  test("a message is seen when the disk has it, not before", async () => {
    const { runtime, store, arrivals } = await opened();
    const done = store.durable(put(store, { text: "b" }).endOffset, true);
    await runtime.clock.advance(40);
    expect(arrivals).toEqual([1]);
    expect((await pull(store, 1)).status).toBe("OFFSET_OVERFLOW_ONE");
    await runtime.clock.advance(15);
    expect(arrivals).toEqual([1, 2]);
    expect(await done).toBe(true);
    expect(await textsOf(store)).toEqual(["a", "b"]);
    await runtime.clock.resolve(store.close());
  });

  test("when the sync fails nobody sees it, its sender is told, and those who need no disk behind it as well", async () => {
    const { runtime, store, arrivals } = await opened();
    runtime.disk.fail({ operation: "sync", code: "EIO", path: inLog, times: 1 });
    const first = outcome(store.durable(put(store, { text: "b" }).endOffset, true));
    await runtime.clock.advance(10);
    const behind = outcome(store.durable(put(store, { text: "c" }).endOffset, false));
    await runtime.clock.advance(100);
    expect(await first).toContain("EIO");
    expect(await behind).toContain("EIO");
    expect(arrivals).toEqual([1]);
    expect(await textsOf(store)).toEqual(["a"]);
    expect(store.maxOffset(QUEUE)).toBe(1);
    const refusal = refusalOf(store.append(message()));
    expect([refusal.status, refusal.reason]).toEqual([
      "SERVICE_NOT_AVAILABLE",
      expect.stringMatching(/read-only after a failed sync.*storePathCommitLog.*restart/),
    ]);
    // A later sync that succeeds proves nothing.
    await runtime.clock.advance(600_000);
    expect(refusalOf(store.append(message())).status).toBe("SERVICE_NOT_AVAILABLE");
    expect(await textsOf(store)).toEqual(["a"]);
    expect(await outcome(runtime.clock.resolve(store.close()))).toContain("EIO");

    const log = linesLog();
    runtime.disk.faults.syncMs = [0, 0];
    const again = await openStore(runtime.crash("power"), "/store", {}, log);
    expect(log.lines.some((line) => line.includes("was not closed in order"))).toBe(true);
    expect((await textsOf(again))[0]).toBe("a");
    await putNow(again, { text: "d" });
    await again.close();
  });

  test("a sync that takes longer than syncFlushTimeout: stored, so it is seen", async () => {
    const { runtime, store, arrivals } = await opened(1000);
    const done = store.durable(put(store, { text: "b" }).endOffset, true);
    await runtime.clock.advance(210);
    expect(await done).toBe(false);
    expect(arrivals).toEqual([1, 2]);
    expect(await textsOf(store)).toEqual(["a", "b"]);
    runtime.disk.faults.syncMs = [0, 0];
    await runtime.clock.resolve(store.close());
  });

  test("those who need no disk are not held back by nobody", async () => {
    const { store, arrivals } = await opened();
    expect(await store.durable(put(store, { text: "b" }).endOffset, false)).toBe(true);
    expect(arrivals).toEqual([1, 2]);
  });
});

describe("EIO on a write to the log", () => {
  test("an orderly stop leaves `abort`, so that the next start verifies the log", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    await putNow(store, { text: "a" });
    runtime.disk.fail({ operation: "write", code: "EIO", path: inLog, times: 1 });
    expect(await outcome(store.durable(put(store, { text: "lost" }).endOffset, false))).toContain("EIO");
    await store.close();
    expect(runtime.files.exists("/store/abort")).toBe(true);
    const again = await openStore(runtime, "/store");
    expect(await textsOf(again)).toEqual(["a"]);
    await putNow(again, { text: "b" });
    await again.close();
    expect(runtime.files.exists("/store/abort")).toBe(false);
  });

  test("what a failed write left and can't be cleared makes the log read-only, also after ENOSPC", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    await putNow(store, { text: "a" });
    runtime.disk.fail({ operation: "write", code: "ENOSPC", path: inLog, times: 1 });
    runtime.disk.fail({ operation: "truncate", code: "EIO", path: inLog });
    await outcome(store.durable(put(store, { text: "lost" }).endOffset, false));
    await runtime.clock.advance(5000);
    expect(refusalOf(store.append(message())).reason).toContain("restart the broker");
    expect(await textsOf(store)).toEqual(["a"]);
    await store.close();
  });
});

const KINDS: Readonly<Record<string, (path: string) => boolean>> = {
  consumequeue: (path) => path.includes("/consumequeue/"),
  index: (path) => path.includes("/index/"),
  checkpoint: (path) => path.endsWith("/checkpoint"),
};
const OPERATIONS: readonly DiskOperation[] = ["open", "write", "sync"];

const CASES = Object.keys(KINDS).flatMap((kind) =>
  OPERATIONS.flatMap((operation) => ["ENOSPC", "EIO"].map((code) => [code, operation, kind] as const)),
);

describe("an error of a file that is made from the log", () => {
  const input = { ...SMALL, flushConsumeQueueThoroughInterval: 50, flushIntervalCommitLog: 20 };
  const send = async (store: DefaultMessageStore, runtime: SimRuntime, from: number, count: number): Promise<number> => {
    for (let i = from; i < from + count; i++) {
      const result = store.append(message({ text: `${i}`, uniqKey: `u${i}` }));
      if (result.status !== "PUT_OK") {
        expect(result.reason).toMatch(/storePathRootDir/);
        return i;
      }
      await store.durable(result.endOffset, false);
      if (i % 10 === 0) await runtime.clock.advance(30);
    }
    return from + count;
  };

  test.each(CASES)("%s on %s of %s costs no message; after a restart all is found by its key", async (code, operation, kind) => {
    for (const crash of ["kill", "power", undefined] as const) {
      const runtime = simRuntime({ seed: 3 });
      const store = await openStore(runtime, "/store", input);
      let count = await send(store, runtime, 0, 25);
      runtime.disk.fail({ operation, code, path: KINDS[kind] as (path: string) => boolean });
      count = await send(store, runtime, count, 100);
      await runtime.clock.advance(5000);
      expect(await textsOf(store)).toHaveLength(count);
      runtime.disk.restore();
      await runtime.clock.advance(5000);
      // What was not written is in memory and goes on from there.
      if (operation !== "sync") count = await send(store, runtime, count, 5);
      expect(await textsOf(store)).toHaveLength(count);
      await runtime.clock.advance(200);
      if (crash === undefined) await outcome(store.close());
      const restarted = crash === undefined ? runtime : runtime.crash(crash);
      const again = await openStore(restarted, "/store", input);
      expect(await textsOf(again)).toEqual(Array.from({ length: count }, (_, i) => `${i}`));
      for (let i = 0; i < count; i++) {
        const { physicalOffsets } = await again.query(`TopicA#u${i}`, 4, 0, Number.MAX_SAFE_INTEGER);
        expect([crash, i, physicalOffsets.length]).toEqual([crash, i, 1]);
      }
      await again.close();
    }
  });

  const inIndex = KINDS["index"] as (path: string) => boolean;
  const missing = async (store: DefaultMessageStore, count: number): Promise<number[]> => {
    const found: number[] = [];
    for (let i = 0; i < count; i++) {
      const { physicalOffsets } = await store.query(`TopicA#u${i}`, 4, 0, Number.MAX_SAFE_INTEGER);
      if (physicalOffsets.length !== 1) found.push(i);
    }
    return found;
  };

  test.each(OPERATIONS.flatMap((operation) => ["ENOSPC", "EIO"].map((code) => [code, operation] as const)))(
    "%s on %s of the index: all is found by its key seconds after the disk is well again, without a start",
    async (code, operation) => {
      const runtime = simRuntime({ seed: 4 });
      const log = linesLog();
      const store = await openStore(runtime, "/store", input, log);
      let count = await send(store, runtime, 0, 25);
      runtime.disk.fail({ operation, code, path: inIndex });
      // Files of the index are full after 20 entries, and a record whose keys lie in two may be there in part.
      count = await send(store, runtime, count, 100);
      await runtime.clock.advance(5000);
      expect(await missing(store, count)).not.toEqual([]);
      // Tried again each second, and said when something changes.
      expect(log.lines.filter((line) => line.includes("index")).length).toBeLessThan(10);
      runtime.disk.restore();
      // While it catches up messages come.
      count = await send(store, runtime, count, 20);
      await runtime.clock.advance(2000);
      expect(await missing(store, count)).toEqual([]);
      expect(log.lines.some((line) => line.includes("the index has caught up"))).toBe(true);
      count = await send(store, runtime, count, 20);
      await store.close();
      expect(runtime.files.exists("/store/abort")).toBe(false);
      const again = await openStore(runtime.crash("power"), "/store", input);
      expect(await missing(again, count)).toEqual([]);
      await again.close();
    },
  );

  test("what a failed sync may have lost of the index is not relied on: a power cut later, all is found by its key", async () => {
    for (let seed = 0; seed < 10; seed++) {
      const runtime = simRuntime({ seed, disk: { unsyncedPageKept: 0.5 } });
      const store = await openStore(runtime, "/store", input);
      let count = await send(store, runtime, 0, 15 + seed);
      runtime.disk.fail({ operation: "sync", code: "EIO", path: inIndex, times: 1 + (seed % 3) });
      count = await send(store, runtime, count, 20);
      await runtime.clock.advance(3000);
      expect([seed, await missing(store, count)]).toEqual([seed, []]);
      runtime.disk.restore();
      await runtime.clock.advance(200);
      const again = await openStore(runtime.crash("power"), "/store", input);
      expect([seed, await missing(again, count)]).toEqual([seed, []]);
      await again.close();
    }
  });

  test.each(["kill", "power"] as const)(
    "the first sync of the index after a crash (%s) fails: it catches up without another start, and a power cut takes nothing",
    async (crash) => {
      let opened = 0;
      for (let seed = 0; seed < 10; seed++) {
        const disk = { unsyncedPageKept: 0.5 };
        const before = simRuntime({ seed, disk });
        const first = await openStore(before, "/store", input);
        let count = await send(first, before, 0, 15 + 3 * seed);
        await before.clock.advance(3000);
        count = await send(first, before, count, seed);
        const runtime = before.crash(crash);
        // Before the checkpoint that a start takes.
        runtime.disk.fail({ operation: "sync", code: "EIO", path: inIndex, times: 1 + (seed % 3) });
        const store = await openStore(runtime, "/store", input).catch(() => undefined);
        // Where slots are to be freed first the start itself fails, and says so.
        if (store === undefined) continue;
        opened++;
        const kept = store.maxOffset(QUEUE);
        if (crash === "kill") expect(kept).toBe(count);
        const sentBefore = count;
        const isThere = (i: number): boolean => i < kept || i >= sentBefore;
        await runtime.clock.advance(3000);
        runtime.disk.restore();
        count = await send(store, runtime, count, 5);
        await runtime.clock.advance(3000);
        expect([seed, (await missing(store, count)).filter(isThere)]).toEqual([seed, []]);
        const again = await openStore(runtime.crash("power"), "/store", input);
        expect([seed, (await missing(again, count)).filter(isThere)]).toEqual([seed, []]);
        await again.close();
      }
      expect(opened).toBeGreaterThan(5);
    },
  );

  test("a full disk under the consume queues refuses sends, and takes them again seconds after there is room", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    runtime.disk.fail({ operation: "open", code: "ENOSPC", path: KINDS["consumequeue"] as (path: string) => boolean });
    let queueId = 0;
    while (store.writeRefusal() === undefined) {
      const { endOffset } = put(store, { queueId: queueId++ % 5000, body: new Uint8Array(0) });
      if (queueId % 100 === 0) await store.durable(endOffset, false);
      if (queueId > 2_000_000) throw new Error("never refused");
    }
    await store.durable(store.stats().maxPhysicalOffset, false);
    const { reason } = refusalOf(store.append(message()));
    expect(reason).toMatch(/consume queues.*ENOSPC.*storePathRootDir/);
    runtime.disk.restore();
    await runtime.clock.advance(2500);
    expect(store.writeRefusal()).toBeUndefined();
    await store.close();
  }, 60_000);
});
