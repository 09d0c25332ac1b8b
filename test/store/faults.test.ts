/** A disk that is full, broken or slow: what is answered, what stays visible, what goes on by itself. */
import { describe, expect, test } from "bun:test";
import { type SimOptions, type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { linesLog, message, openStore, pull, put, putNow, refusalOf, textsOf } from "./support.ts";

const inLog = (path: string): boolean => path.includes("/commitlog/");

async function opened(
  input: StoreSettingsInput = {},
  options: SimOptions = {},
): Promise<{ runtime: SimRuntime; store: DefaultMessageStore }> {
  const runtime = simRuntime(options);
  return { runtime, store: await openStore(runtime, "/store", input) };
}

/** Waits for a promise to settle and tells how. */
const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    (value) => String(value),
    (error: Error) => error.message,
  );

describe("a write to the log fails", () => {
  test.each(["ENOSPC", "EIO"])("%s: the senders are told, nothing unacknowledged is visible, reads go on", async (code) => {
    const { runtime, store } = await opened();
    await putNow(store, { text: "before" });
    runtime.disk.fail({ operation: "write", code, path: inLog, times: 1 });
    const receipts = ["a", "b"].map((text) => put(store, { text }));
    const answers = await Promise.all(receipts.map(({ endOffset }) => outcome(store.durable(endOffset, false))));
    for (const answer of answers) expect(answer).toContain(code);
    expect(await textsOf(store)).toEqual(["before"]);
    expect(store.maxOffset({ topic: "TopicA", queueId: 0 })).toBe(1);
    expect(store.stats()).toMatchObject({
      maxPhysicalOffset: store.stats().writtenOffset,
      putFailedCount: 2,
      tailBufferBytes: 0,
    });
    const refusal = refusalOf(store.append(message({ text: "c" })));
    expect(refusal.status).toBe("SERVICE_NOT_AVAILABLE");
    expect(refusal.reason).toContain("storePathCommitLog");
    await store.close();
  });

  test("after ENOSPC writing goes on by itself, without a gap in the offsets", async () => {
    const { runtime, store } = await opened();
    await putNow(store, { text: "a" });
    runtime.disk.fail({ operation: "write", code: "ENOSPC", path: inLog, times: 1 });
    await outcome(store.durable(put(store, { text: "lost" }).endOffset, false));
    await runtime.clock.advance(1100);
    expect((await putNow(store, { text: "b" })).queueOffset).toBe(1);
    expect(await textsOf(store)).toEqual(["a", "b"]);
    await store.close();
    const again = await openStore(runtime, "/store");
    expect(await textsOf(again)).toEqual(["a", "b"]);
    await again.close();
  });

  test("after EIO the log stays read-only until a restart", async () => {
    const { runtime, store } = await opened();
    await putNow(store, { text: "a" });
    runtime.disk.fail({ operation: "write", code: "EIO", path: inLog, times: 1 });
    await outcome(store.durable(put(store, { text: "lost" }).endOffset, false));
    await runtime.clock.advance(60_000);
    expect(refusalOf(store.append(message({ text: "b" }))).reason).toContain("restart the broker");
    expect(await textsOf(store)).toEqual(["a"]);
    await store.close();
    const again = await openStore(runtime, "/store");
    await putNow(again, { text: "b" });
    expect(await textsOf(again)).toEqual(["a", "b"]);
    await again.close();
  });

  test("half a batch on a disk that is full: nothing of it appears, not even after kill -9", async () => {
    const { runtime, store } = await opened({ mappedFileSizeCommitLog: 64 * 1024 });
    await putNow(store, { text: "before" });
    const used = runtime.disk.space().totalBytes - runtime.disk.space().freeBytes;
    runtime.disk.faults.capacityBytes = used + 3 * 4096;
    const receipts = Array.from({ length: 20 }, (_, i) => put(store, { text: `${i} ${"x".repeat(1000)}` }));
    const answers = await Promise.all(receipts.map(({ endOffset }) => outcome(store.durable(endOffset, false))));
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain("full");
    expect(await textsOf(store)).toEqual(["before"]);
    const killed = runtime.crash("kill");
    killed.disk.faults.capacityBytes = 2 ** 40;
    const again = await openStore(killed, "/store", { mappedFileSizeCommitLog: 64 * 1024 });
    expect(await textsOf(again)).toEqual(["before"]);
    await again.close();
  });

  test("no room for the next file: the one message is refused, those before it are stored", async () => {
    const { runtime, store } = await opened({ mappedFileSizeCommitLog: 1024 });
    const first = put(store, { text: "x".repeat(500) });
    runtime.disk.fail({ operation: "truncate", code: "ENOSPC", path: inLog, times: 1 });
    const refusal = refusalOf(store.append(message({ text: "y".repeat(500) })));
    expect(refusal.status).toBe("CREATE_MAPPED_FILE_FAILED");
    expect(await store.durable(first.endOffset, false)).toBe(true);
    await putNow(store, { text: "z".repeat(500) });
    expect((await textsOf(store)).map((text) => text[0])).toEqual(["x", "z"]);
    await store.close();
  });
});

describe("a sync of the log fails", () => {
  test("SYNC_FLUSH: the waiting are told, later ones refused, and what was read before stays readable", async () => {
    const { runtime, store } = await opened({ flushDiskType: "SYNC_FLUSH" });
    await putNow(store, { text: "a" }, true);
    runtime.disk.fail({ operation: "sync", code: "EIO", path: inLog, times: 1 });
    const answer = await outcome(store.durable(put(store, { text: "b" }).endOffset, true));
    expect(answer).toContain("EIO");
    // A later success of fdatasync would prove nothing: the pages may be gone.
    expect(refusalOf(store.append(message())).reason).toContain("read-only");
    expect((await pull(store, 0)).messages.length).toBeGreaterThanOrEqual(1);
    expect(await outcome(store.close())).toContain("EIO");
    expect(runtime.files.exists("/store/abort")).toBe(true);
  });
});

describe("a slow disk", () => {
  test("writes leave the event loop, and batches still settle in order", async () => {
    const { runtime, store } = await opened({}, { disk: { writeMs: [8, 20] } });
    const settled: number[] = [];
    const waits: Promise<unknown>[] = [];
    for (let i = 0; i < 30; i++) {
      const { endOffset } = put(store, { text: `${i}` });
      waits.push(store.durable(endOffset, false).then(() => settled.push(i)));
      if (i % 3 === 0) await runtime.clock.advance(5);
    }
    await runtime.clock.resolve(Promise.all(waits));
    expect(settled).toEqual(Array.from({ length: 30 }, (_, i) => i));
    runtime.disk.faults.writeMs = [0, 0];
    expect(await textsOf(store)).toHaveLength(30);
    expect(store.stats().putEntireTimeMaxMs).toBeGreaterThan(8);
    await store.close();
  });

  test("kill -9 while a write is under way: what was acknowledged is there, in order", async () => {
    for (let seed = 0; seed < 30; seed++) {
      const { runtime, store } = await opened({}, { seed, disk: { writeMs: [6, 9] } });
      let acknowledged = 0;
      for (let i = 0; i < 20; i++) {
        const { endOffset } = put(store, { text: `${i} ${"x".repeat(300)}` });
        void store.durable(endOffset, false).then(() => acknowledged++);
        if (i % 4 === 0) await runtime.clock.advance(seed % 7);
      }
      const killed = runtime.crash("kill");
      killed.disk.faults.writeMs = [0, 0];
      const again = await openStore(killed, "/store");
      const texts = await textsOf(again);
      expect(texts.length).toBeGreaterThanOrEqual(acknowledged);
      expect(texts.map((text) => Number(text.split(" ")[0]))).toEqual(texts.map((_, i) => i));
      await again.close();
    }
  });

  test("a full tail buffer refuses, names its limit, and takes messages again", async () => {
    const { runtime, store } = await opened({}, { disk: { writeMs: [10, 10] } });
    await runtime.clock.resolve(putNow(store, { text: "slow" }));
    const body = new Uint8Array(1_000_000);
    let refusal: string | undefined;
    let taken = 0;
    for (; refusal === undefined && taken < 100; taken++) {
      const result = store.append(message({ body }));
      if (result.status !== "PUT_OK") refusal = `${result.status} ${result.reason}`;
    }
    expect(refusal).toContain("OS_PAGE_CACHE_BUSY");
    expect(refusal).toContain("16777216");
    expect(store.stats().tailBufferBytes).toBeLessThanOrEqual(16 * 1024 * 1024);
    await runtime.clock.resolve(store.durable(store.stats().maxPhysicalOffset, false));
    expect(store.append(message({ body })).status).toBe("PUT_OK");
    await runtime.clock.resolve(store.close());
  });

  test("a write that takes longer than osPageCacheBusyTimeOutMills refuses the next messages", async () => {
    const { runtime, store } = await opened({}, { disk: { writeMs: [10, 10] } });
    await runtime.clock.resolve(putNow(store, {}));
    runtime.disk.faults.writeMs = [5000, 5000];
    put(store, {});
    await runtime.clock.advance(1500);
    const refusal = refusalOf(store.append(message()));
    expect(refusal.status).toBe("OS_PAGE_CACHE_BUSY");
    expect(refusal.reason).toContain("osPageCacheBusyTimeOutMills is 1000");
    runtime.disk.faults.writeMs = [0, 0];
    await runtime.clock.resolve(store.close());
  });

  test("SYNC_FLUSH: syncFlushTimeout answers false, the message is stored all the same", async () => {
    const { runtime, store } = await opened(
      { flushDiskType: "SYNC_FLUSH", syncFlushTimeout: 100 },
      { disk: { syncMs: [300, 300] } },
    );
    const { endOffset } = put(store, { text: "late" });
    const answer = store.durable(endOffset, true);
    await runtime.clock.advance(150);
    expect(await answer).toBe(false);
    expect(await textsOf(store)).toEqual(["late"]);
    runtime.disk.faults.syncMs = [0, 0];
    await runtime.clock.advance(1000);
    expect(store.stats().flushedOffset).toBe(endOffset);
    await runtime.clock.resolve(store.close());
  });

  test("SYNC_FLUSH: those who come while a sync runs share the next one", async () => {
    const { runtime, store } = await opened({ flushDiskType: "SYNC_FLUSH" }, { disk: { syncMs: [50, 50] } });
    // The first message of a file also syncs the directories that hold it.
    await runtime.clock.resolve(putNow(store, { text: "first" }, true));
    const start = runtime.clock.monotonic();
    const waits: Promise<number>[] = [];
    for (let i = 0; i < 10; i++) {
      const { endOffset } = put(store, { text: `${i}` });
      waits.push(store.durable(endOffset, true).then(() => runtime.clock.monotonic() - start));
      await runtime.clock.advance(4);
    }
    const times = await runtime.clock.resolve(Promise.all(waits));
    expect(times[0]).toBeLessThanOrEqual(51);
    expect(times[9]).toBeLessThanOrEqual(101);
    await runtime.clock.resolve(store.close());
  });
});

describe("a stop on a slow disk", () => {
  test("does not wait for all consume queues; the next start makes up for it, even after a power cut", async () => {
    const runtime = simRuntime();
    const log = linesLog();
    const store = await openStore(runtime, "/store", {}, log);
    for (let i = 0; i < 200; i++) put(store, { queueId: i, text: `${i}`, uniqKey: `u${i}` });
    await store.durable(store.stats().maxPhysicalOffset, true);
    runtime.disk.faults.syncMs = [100, 100];
    const start = runtime.clock.monotonic();
    await runtime.clock.resolve(store.close());
    expect(runtime.clock.monotonic() - start).toBeLessThan(3500);
    expect(runtime.files.exists("/store/abort")).toBe(true);
    expect(log.lines.some((line) => line.includes("too slow"))).toBe(true);
    // What was still under way touches nothing any more.
    await runtime.clock.advance(60_000);
    const restarted = runtime.crash("power");
    restarted.disk.faults.syncMs = [0, 0];
    const again = await openStore(restarted, "/store");
    for (const i of [0, 99, 199]) expect(await textsOf(again, "TopicA", i)).toEqual([`${i}`]);
    expect((await again.query("TopicA#u150", 2, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets).toHaveLength(1);
    await again.close();
  });
});

describe("ASYNC_FLUSH", () => {
  test("bytes reach the disk flushIntervalCommitLog after they were written, and an idle store has no timer", async () => {
    const { runtime, store } = await opened({ flushIntervalCommitLog: 200 });
    const { endOffset } = await putNow(store, {});
    await runtime.clock.advance(150);
    expect(store.stats().flushedOffset).toBe(0);
    await runtime.clock.advance(60);
    expect(store.stats()).toMatchObject({ flushedOffset: endOffset, unsyncedMaxMs: 200 });
    await store.close();
  });
});

describe("other files fail", () => {
  test("consume queues that can't be written: no message is lost, new ones are refused until they can", async () => {
    const { runtime, store } = await opened();
    const inQueue = (path: string): boolean => path.includes("/consumequeue/");
    runtime.disk.fail({ operation: "open", code: "ENOSPC", path: inQueue });
    for (let i = 0; i < 300; i++) {
      if (store.append(message({ text: `${i}` })).status !== "PUT_OK") break;
      if (i % 10 === 0) await store.durable(store.stats().maxPhysicalOffset, false);
    }
    await store.durable(store.stats().maxPhysicalOffset, false);
    const refusal = refusalOf(store.append(message()));
    expect(refusal.reason).toContain("consume queues");
    const count = (await textsOf(store)).length;
    expect(count).toBe(store.stats().putCount);
    runtime.disk.restore();
    await runtime.clock.advance(61_000);
    await putNow(store, { text: "again" });
    expect(await textsOf(store)).toHaveLength(count + 1);
    await store.close();
    const again = await openStore(runtime, "/store");
    expect(await textsOf(again)).toHaveLength(count + 1);
    await again.close();
  });

  test("an index that can't be written costs no message; its entries come at the next start", async () => {
    const log = linesLog();
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", {}, log);
    runtime.disk.fail({ operation: "open", code: "EIO", path: (path) => path.includes("/index/") });
    for (let i = 0; i < 5; i++) await putNow(store, { text: `${i}`, uniqKey: `u${i}` });
    expect(await textsOf(store)).toHaveLength(5);
    expect(log.lines.filter((line) => line.includes("cannot write the index"))).toHaveLength(1);
    const killed = runtime.crash("kill");
    killed.disk.restore();
    const again = await openStore(killed, "/store");
    expect((await again.query("TopicA#u3", 1, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets).toHaveLength(1);
    await again.close();
  });

  test("a unit that points at no message is passed over", async () => {
    const runtime = simRuntime();
    const log = linesLog();
    const store = await openStore(runtime, "/store", {}, log);
    for (let i = 0; i < 3; i++) await putNow(store, { text: `${i}` });
    await store.close();
    const file = runtime.files.open("/store/consumequeue/TopicA/0/00000000000000000000");
    file.writeSync(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7), 20);
    file.close();
    const again = await openStore(runtime, "/store", {}, log);
    const pulled = await pull(again, 0);
    expect(pulled).toMatchObject({ status: "FOUND", nextBeginOffset: 3, messageCount: 2 });
    expect(log.lines.some((line) => line.includes("no message"))).toBe(true);
    await again.close();
  });
});
