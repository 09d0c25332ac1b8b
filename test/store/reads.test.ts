/** What pulls and searches cost the disk, and that nobody at the tail waits for it. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { GetResult } from "../../core/store/message_store.ts";
import { scanPortions } from "../../core/store/portion_scan.ts";
import { READS_AT_ONCE } from "../../core/store/read_ahead.ts";
import { readInt64 } from "../../wire/bytes.ts";
import { RECORD_AT } from "../../wire/message.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { openStore, put, putNow } from "./support.ts";
import { type Watch, watched } from "./watched_files.ts";

const LIMITS = { messagesMax: 32, bytesMax: 1 << 20 };
const COLD = { accessMessageInMemoryMaxRatio: 0, maxTransferCountOnMessageInDisk: 32, maxTransferBytesOnMessageInDisk: 1 << 20 };

const get = (store: DefaultMessageStore, queueId: number, offset: number): GetResult | Promise<GetResult> =>
  store.get({ topic: "TopicA", queueId }, offset, LIMITS, undefined);

/** A store with `count` messages of 200 bytes over `queues` queues, opened anew: nothing of it is in memory. */
async function cold(
  count: number,
  queues: number,
  text = "x".repeat(200),
  settings: { dataReadAheadEnable?: boolean } = {},
): Promise<{ runtime: SimRuntime; store: DefaultMessageStore; watch: Watch }> {
  const plain = simRuntime();
  const first = await openStore(plain, "/store", COLD);
  for (let i = 0; i < count; i++) {
    put(first, { queueId: i % queues, text });
    if (i % 1000 === 999) await first.durable(first.stats().maxPhysicalOffset, false);
    // So that time tells the messages apart.
    if (i % 100 === 99) await plain.clock.advance(1);
  }
  await first.close();
  const { runtime, watch } = watched(plain);
  const store = await openStore(runtime, "/store", { ...COLD, ...settings });
  await runtime.clock.advance(1);
  // After a start, and when a file of the log has expired, the first pull of a queue looks up where the queue begins.
  for (let queueId = 0; queueId < queues; queueId++) store.minOffset({ topic: "TopicA", queueId });
  watch.calls.length = 0;
  watch.readingMax = 0;
  return { runtime, store, watch };
}

const reads = (watch: Watch): number => watch.calls.filter(({ call }) => call === "read" || call === "readSync").length;

describe("a consumer at the tail", () => {
  test("is answered at once and without a read, before and after a checkpoint", async () => {
    const { runtime, watch } = watched(simRuntime());
    const store = await openStore(runtime, "/store", { flushConsumeQueueThoroughInterval: 1000 });
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 2400; i++) put(store, { queueId: i % 4, text: "x".repeat(200) });
      await store.durable(store.stats().maxPhysicalOffset, false);
      await runtime.clock.advance(1500);
    }
    expect(watch.count("/consumequeue/", "dataSync")).toBeGreaterThan(4);
    watch.calls.length = 0;
    // As long as the tail buffer reaches: 12,000 messages of 300 bytes are 3.6 of 4 MiB.
    for (let queueId = 0; queueId < 4; queueId++) {
      let offset = 0;
      while (offset < 3000) {
        const result = get(store, queueId, offset);
        expect(result).not.toBeInstanceOf(Promise);
        offset = (result as GetResult).nextBeginOffset;
      }
    }
    expect(reads(watch)).toBe(0);
    await store.close();
  });

  test("does not wait for a slow disk from which others read the start", async () => {
    const { runtime, store, watch } = await cold(20_000, 40);
    runtime.disk.faults.readMs = [50, 50];
    const began = runtime.clock.monotonic();
    const others = Array.from({ length: 40 }, async (_, queueId) => {
      let count = 0;
      for (let offset = 0; offset < 500; ) {
        const result = await get(store, queueId, offset);
        count += result.messageCount;
        offset = result.nextBeginOffset;
      }
      return count;
    });
    // Everything at the tail happens while no time passes at all.
    for (let i = 0; i < 500; i++) {
      await putNow(store, { queueId: 0, text: `${i}` });
      const result = get(store, 0, 500 + i);
      expect(result).not.toBeInstanceOf(Promise);
      expect((result as GetResult).messageCount).toBe(1);
    }
    expect(runtime.clock.monotonic()).toBe(began);
    expect(watch.calls.filter(({ call }) => call === "readSync")).toEqual([]);
    let done = false;
    const all = Promise.all(others).then((counts) => {
      done = true;
      return counts;
    });
    while (!done) await runtime.clock.advance(50);
    // The one that reads what is written at the tail meanwhile may get more.
    const [first, ...rest] = await all;
    expect(first).toBeGreaterThanOrEqual(500);
    expect(rest).toEqual(Array.from({ length: 39 }, () => 500));
    expect(watch.readingMax).toBe(READS_AT_ONCE);
    expect(watch.calls.filter(({ call }) => call === "readSync")).toEqual([]);
    await store.close();
  });
});

describe("a cold pull", () => {
  test("of 32 messages that lie together is two reads; the next ones find what it read ahead", async () => {
    const { store, watch } = await cold(20_000, 1);
    const first = await get(store, 0, 7);
    expect(first.messageCount).toBe(32);
    expect(reads(watch)).toBe(2);
    expect(watch.count("/commitlog/", "read")).toBe(1);
    for (let offset = 39; offset < 199; offset += 32) expect((await get(store, 0, offset)).messageCount).toBe(32);
    expect(reads(watch)).toBe(2);
    await store.close();
  });

  test("is two reads wherever it begins", async () => {
    const { store, watch } = await cold(20_000, 1);
    for (let offset = 19_900; offset > 0; offset -= 1999) {
      watch.calls.length = 0;
      expect((await get(store, 0, offset)).messageCount).toBe(32);
      expect(reads(watch)).toBeLessThanOrEqual(2);
    }
    await store.close();
  });

  test("a queue read from start to end: log and queue are read once, in large pieces", async () => {
    const { store, watch } = await cold(20_000, 1);
    for (let offset = 0; offset < 20_000; ) offset = (await get(store, 0, offset)).nextBeginOffset;
    const logReads = watch.calls.filter(({ path }) => path.includes("/commitlog/"));
    const logBytes = logReads.reduce((sum, { bytes }) => sum + bytes, 0);
    const { writtenOffset } = store.stats();
    expect(logBytes).toBe(writtenOffset);
    expect(logReads.length).toBe(Math.ceil(writtenOffset / (512 * 1024)));
    // 4 KiB are 204 units; a pull that ends behind them reads the next.
    expect(watch.count("/consumequeue/", "read")).toBeLessThan((20_000 / 204) * 1.3);
    await store.close();
  });

  test("through a filter: each record is shown to it once, the log is read once, and what passes is what portions would bring", async () => {
    const { store, watch } = await cold(20_000, 1);
    const seen: number[] = [];
    // One in seven, and where nothing passes the pull ends after 800.
    const passes = (offset: number): boolean => offset % 7 === 3 && (offset < 5_000 || offset >= 9_000);
    const matches = (bytes: Uint8Array, at: number): boolean => {
      seen.push(readInt64(bytes, at + RECORD_AT.queueOffset));
      return passes(seen.at(-1) as number);
    };
    const queue = { topic: "TopicA", queueId: 0 };
    const scan = { matches, scannedMax: 800 };
    const got: number[] = [];
    for (let offset = 0; offset < 20_000; ) {
      const found = await store.getMatching(queue, offset, LIMITS, scan);
      expect(found.nextBeginOffset).toBeGreaterThan(offset);
      expect(found.status).toBe(found.messageCount > 0 ? "FOUND" : "NO_MATCHED_MESSAGE");
      expect(found.messageCount).toBeLessThanOrEqual(LIMITS.messagesMax);
      got.push(...decodeRecords(found.body).map((record) => record.queueOffset));
      offset = found.nextBeginOffset;
      found.release?.();
    }
    expect(got).toEqual(Array.from({ length: 20_000 }, (_, i) => i).filter(passes));
    // The first that no longer fits is looked at again.
    expect(new Set(seen).size).toBe(20_000);
    expect(seen.length).toBeLessThan(20_000 + got.length / LIMITS.messagesMax + 1);
    const logBytes = watch.calls.filter(({ path }) => path.includes("/commitlog/")).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(logBytes).toBeLessThan(store.stats().writtenOffset * 1.05);
    const portions = await scanPortions(store, queue, 4_900, LIMITS, scan);
    const walked = await store.getMatching(queue, 4_900, LIMITS, scan);
    expect(decodeRecords(walked.body)).toEqual(decodeRecords(portions.body));
    await store.close();
  });

  test("through a filter takes a record that is longer than an answer, by itself, and no more bytes than are allowed", async () => {
    const { store } = await cold(40, 1, "x".repeat(100_000));
    const offsets = async (from: number, bytesMax: number): Promise<number[]> => {
      const limits = { messagesMax: 32, bytesMax };
      const queue = { topic: "TopicA", queueId: 0 };
      const found = await store.getMatching(queue, from, limits, { matches: () => true, scannedMax: 800 });
      expect(found.nextBeginOffset).toBe(from + found.messageCount);
      return decodeRecords(found.body).map((record) => record.queueOffset);
    };
    expect(await offsets(3, 1_000)).toEqual([3]);
    expect(await offsets(3, 256 * 1024)).toEqual([3, 4]);
    expect(await offsets(3, 1_050_000)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    await store.close();
  });

  test("eight consumers side by side read the log once", async () => {
    const { store, watch } = await cold(24_000, 8);
    const { writtenOffset } = store.stats();
    await Promise.all(
      Array.from({ length: 8 }, async (_, queueId) => {
        for (let offset = 0; offset < 3000; ) offset = (await get(store, queueId, offset)).nextBeginOffset;
      }),
    );
    const logBytes = watch.calls.filter(({ path }) => path.includes("/commitlog/")).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(logBytes).toBeLessThan(writtenOffset * 1.1);
    expect(watch.readingMax).toBeLessThanOrEqual(READS_AT_ONCE);
    await store.close();
  });

  test("a thousand queues side by side: the log is read in pieces, a few times over, not record by record", async () => {
    // Each pull wants 20 records 290 KB apart.
    const { store, watch } = await cold(20_000, 1000);
    const { writtenOffset } = store.stats();
    const counts = await Promise.all(
      Array.from({ length: 1000 }, async (_, queueId) => (await get(store, queueId, 0)).messageCount),
    );
    expect(counts).toEqual(Array.from({ length: 1000 }, () => 20));
    const logReads = watch.calls.filter(({ path }) => path.includes("/commitlog/"));
    expect(logReads.length).toBeLessThan(200);
    expect(logReads.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(writtenOffset * 3);
    expect(watch.readingMax).toBe(READS_AT_ONCE);
    await store.close();
  });

  test("dataReadAheadEnable=false: nothing is read but what was asked for", async () => {
    const { store, watch } = await cold(24_000, 8, undefined, { dataReadAheadEnable: false });
    const found = await get(store, 3, 100);
    expect(found.messageCount).toBe(32);
    const logReads = watch.calls.filter(({ path }) => path.includes("/commitlog/"));
    expect(logReads.length).toBe(32);
    expect(logReads.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(found.body.length);
    // Again: nothing was kept.
    expect((await get(store, 3, 100)).messageCount).toBe(32);
    expect(watch.count("/commitlog/", "read")).toBe(64);
    await store.close();
  });

  test("of a peer that is gone, or behind, costs no read while others wait for the disk", async () => {
    const { runtime, store, watch } = await cold(400, 4, "x".repeat(100_000));
    runtime.disk.faults.readMs = [50, 50];
    const peer = { closed: false, caughtUp: (): Promise<void> | undefined => undefined };
    // Ten records each, a megabyte: 64 pulls are more than may wait.
    const pull = (queueId: number, asker?: typeof peer) =>
      store.get({ topic: "TopicA", queueId }, 10, { ...LIMITS, asker }, undefined) as Promise<GetResult>;
    const others = Array.from({ length: 64 }, (_, i) => pull(i % 3));
    const late = Array.from({ length: 8 }, () => pull(3, peer));
    let readOn = () => {};
    const reading = new Promise<void>((resolve) => {
      readOn = resolve;
    });
    peer.caughtUp = () => (peer.closed ? undefined : reading);
    let done = 0;
    for (const read of others) void read.then(() => done++);
    while (done < 64) await runtime.clock.advance(50);
    const before = reads(watch);
    await runtime.clock.advance(1000);
    expect(reads(watch)).toBe(before);
    peer.closed = true;
    readOn();
    const found = await Promise.all(late);
    expect(found.map(({ status, nextBeginOffset }) => [status, nextBeginOffset])).toEqual(
      Array.from({ length: 8 }, () => ["NO_MATCHED_MESSAGE", 10]),
    );
    expect(reads(watch)).toBe(before);
    for (const result of await Promise.all(others)) expect(result.messageCount).toBe(10);
    await store.close();
  });

  test("through a filter waits for a hundred records one after another, and for each of them once", async () => {
    // Each is a read of its own, and the room that a pull has is one answer's however often it waits.
    const { store, watch } = await cold(800, 8, "x".repeat(40_000), { dataReadAheadEnable: false });
    const queue = { topic: "TopicA", queueId: 3 };
    const seen: number[] = [];
    const matches = (bytes: Uint8Array, at: number): boolean => seen.push(readInt64(bytes, at + RECORD_AT.queueOffset)) < 0;
    const found = await store.getMatching(queue, 0, LIMITS, { matches, scannedMax: 800 });
    expect([found.status, found.nextBeginOffset]).toEqual(["NO_MATCHED_MESSAGE", 100]);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(watch.count("/commitlog/", "read")).toBe(100);
    await store.close();
  });

  test("records that lie far apart are read one by one, some at once", async () => {
    const { store, watch } = await cold(200, 8, "x".repeat(100_000));
    const found = await get(store, 1, 10);
    expect(found.messageCount).toBe(10);
    expect(watch.count("/commitlog/", "read")).toBe(10);
    expect(watch.readingMax).toBe(READS_AT_ONCE);
    await store.close();
  });
});

describe("what the system has in memory", () => {
  /** Queue offsets and sizes of everything in two of `queues` queues, pulled with and without a filter. */
  async function all(store: DefaultMessageStore, queues: number, answered: (atOnce: boolean) => void): Promise<number[][]> {
    const found: number[][] = [];
    const matches = (bytes: Uint8Array, at: number): boolean => readInt64(bytes, at + RECORD_AT.queueOffset) % 3 === 0;
    for (const queueId of [0, queues - 1]) {
      for (const filter of [undefined, { matches, scannedMax: 100 }]) {
        const queue = { topic: "TopicA", queueId };
        for (let offset = 0; offset < store.maxOffset(queue); ) {
          const got =
            filter === undefined ? store.get(queue, offset, LIMITS, undefined) : store.getMatching(queue, offset, LIMITS, filter);
          answered(!(got instanceof Promise));
          const result = await got;
          found.push(decodeRecords(result.body).flatMap((record) => [record.queueOffset, record.totalSize, record.bodyCrc]));
          offset = result.nextBeginOffset;
          result.release?.();
        }
      }
    }
    return found;
  }

  test("is looked at by eight filters side by side, of which some wait for the disk in between", async () => {
    const { runtime, store: first } = await cold(8_000, 8);
    await first.close();
    runtime.disk.faults.cachedReads = 0.6;
    const store = await openStore(runtime, "/store", COLD);
    const matches = (bytes: Uint8Array, at: number): boolean => readInt64(bytes, at + RECORD_AT.queueOffset) % 3 === 0;
    const all = Array.from({ length: 8 }, async (_, queueId) => {
      const found: number[] = [];
      for (let offset = 0; offset < 1_000; ) {
        const got = await store.getMatching({ topic: "TopicA", queueId }, offset, LIMITS, { matches, scannedMax: 100 });
        for (const record of decodeRecords(got.body)) found.push(record.queueId === queueId ? record.queueOffset : Number.NaN);
        offset = got.nextBeginOffset;
        got.release?.();
      }
      return found;
    });
    const expected = Array.from({ length: 334 }, (_, i) => 3 * i);
    for (const found of await Promise.all(all)) expect(found).toEqual(expected);
    await store.close();
  });

  test.each([
    ["lying together", 4000, 1, 200],
    ["side by side", 8000, 8, 200],
    ["far apart", 400, 4, 20_000],
    ["far apart, and long", 40, 2, 300_000],
  ])("is had at once, and the same as from the disk: %s", async (_name, count, queues, bytes) => {
    const { runtime, store: first, watch } = await cold(count, queues, "x".repeat(bytes));
    const fromDisk = await all(first, queues, () => {});
    expect(reads(watch)).toBeGreaterThan(0);
    await first.close();
    for (const cachedReads of [1, 0.6]) {
      runtime.disk.faults.cachedReads = cachedReads;
      runtime.disk.faults.shortRead = cachedReads < 1 ? 0.2 : 0;
      const store = await openStore(runtime, "/store", COLD);
      await runtime.clock.advance(1);
      for (let queueId = 0; queueId < queues; queueId++) store.minOffset({ topic: "TopicA", queueId });
      watch.calls.length = 0;
      let atOnce = true;
      expect(await all(store, queues, (now) => (atOnce &&= now))).toEqual(fromDisk);
      if (cachedReads === 1) expect([atOnce, reads(watch)]).toEqual([true, 0]);
      await store.close();
    }
  });
});

describe("search by time", () => {
  test.each(["LOWER", "UPPER"] as const)("%s is a binary search: two small reads a step", async (boundary) => {
    const { store, watch } = await cold(20_000, 2);
    const queue = { topic: "TopicA", queueId: 1 };
    const time = await store.storeTimeAt(queue, 7777);
    watch.calls.length = 0;
    const found = await store.offsetByTime(queue, time, boundary);
    expect(await store.storeTimeAt(queue, found)).toBe(time);
    expect(await store.storeTimeAt(queue, boundary === "LOWER" ? found - 1 : found + 1)).not.toBe(time);
    // 10,000 units: 14 steps, a unit and the head of a record each; then the four reads of the checks above.
    expect(reads(watch)).toBeLessThanOrEqual(2 * 14 + 4);
    expect(watch.calls.every(({ call, bytes }) => call === "read" && bytes <= 76)).toBe(true);
    await store.close();
  });
});
