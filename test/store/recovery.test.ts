/** What a start makes of a directory that was left in any state: by an orderly stop, kill -9, a power cut, or a hand. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { decodeRecord } from "../../wire/message_reader.ts";
import { bytesOf, linesLog, message, openStore, put, putNow, SMALL, textsOf } from "./support.ts";

const LOG = "/store/commitlog";
const FIRST = "00000000000000000000";
const DEFAULTS: StoreSettingsInput = {};

/** Messages over two queues, with keys; every third is a batch. */
async function fill(store: DefaultMessageStore, from: number, to: number, flushed = false): Promise<void> {
  for (let i = from; i < to; i++) {
    const parts = { text: `m${i} ${"x".repeat((i * 29) % 200)}`, queueId: i % 2, keys: `k${i}`, uniqKey: `u${i}` };
    if (i % 3 === 0) store.appendBatch([message(parts)]);
    else put(store, parts);
    if (i % 4 === 3) await store.durable(store.stats().maxPhysicalOffset, flushed);
  }
  await store.durable(store.stats().maxPhysicalOffset, flushed);
}

/** All messages up to `count` are there once, in order, and found by their keys; returns how many there are. */
async function check(store: DefaultMessageStore, countMin: number): Promise<number> {
  const even = await textsOf(store, "TopicA", 0);
  const odd = await textsOf(store, "TopicA", 1);
  const count = even.length + odd.length;
  expect(count).toBeGreaterThanOrEqual(countMin);
  const numbers = [...even, ...odd].map((text) => Number(/^m(\d+) /.exec(text)?.[1])).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i));
  expect(even.every((text, i) => text.startsWith(`m${2 * i} `))).toBe(true);
  expect(odd.every((text, i) => text.startsWith(`m${2 * i + 1} `))).toBe(true);
  for (let i = 0; i < count; i++) {
    for (const key of [`TopicA#k${i}`, `TopicA#u${i}`]) {
      const { physicalOffsets } = await store.query(key, 8, 0, Number.MAX_SAFE_INTEGER);
      expect([key, physicalOffsets.length]).toEqual([key, 1]);
      const record = decodeRecord((await store.recordAt(physicalOffsets[0]!))!);
      expect(new TextDecoder().decode(record.body).startsWith(`m${i} `)).toBe(true);
    }
  }
  return count;
}

/** Goes on writing, stops in order, starts again: nothing that recovery left behind gets in the way. */
async function goOn(runtime: SimRuntime, store: DefaultMessageStore, count: number, input: StoreSettingsInput): Promise<void> {
  await fill(store, count, count + 10);
  await check(store, count + 10);
  await store.close();
  const again = await openStore(runtime, "/store", input);
  expect(await check(again, count + 10)).toBe(count + 10);
  await again.close();
}

/** Bytes of `text` written over a file. */
function overwrite(runtime: SimRuntime, path: string, at: number, bytes: Uint8Array): void {
  const file = runtime.files.open(path, { create: true });
  file.writeSync(bytes, at);
  file.close();
}

const garbage = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 37 + 11) & 0xff);

/** A store that was killed after `count` messages. */
async function killedAfter(count: number, input: StoreSettingsInput): Promise<{ runtime: SimRuntime; end: number }> {
  const runtime = simRuntime();
  const store = await openStore(runtime, "/store", input);
  await fill(store, 0, count);
  const end = store.stats().writtenOffset;
  return { runtime: runtime.crash("kill"), end };
}

describe.each([
  { name: "default file sizes", input: DEFAULTS },
  { name: "small files", input: SMALL },
])("recovery, $name", ({ input }) => {
  test("an orderly stop: the next start reads one record", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    await fill(store, 0, 50);
    await store.close();
    const log = linesLog();
    const again = await openStore(runtime, "/store", input, log);
    expect(await check(again, 50)).toBe(50);
    expect(log.lines).toEqual([]);
    await goOn(runtime, again, 50, input);
  });

  test("kill -9 after any number of turns: nothing that was acknowledged is lost, nothing is there twice", async () => {
    for (let count = 0; count < 40; count++) {
      let runtime = simRuntime({ seed: count });
      const store = await openStore(runtime, "/store", input);
      await fill(store, 0, count);
      // Some more that nobody waits for.
      for (let i = count; i < count + 3; i++) put(store, { text: `m${i} `, queueId: i % 2, keys: `k${i}`, uniqKey: `u${i}` });
      runtime = runtime.crash("kill");
      const again = await openStore(runtime, "/store", input);
      const found = await check(again, count);
      expect(found).toBeLessThanOrEqual(count + 3);
      await goOn(runtime, again, found, input);
    }
  }, 30_000);

  test("kill -9 again and again, with checkpoints in between", async () => {
    let runtime = simRuntime({ seed: 7 });
    let count = 0;
    for (let round = 0; round < 12; round++) {
      const store = await openStore(runtime, "/store", { ...input, flushConsumeQueueThoroughInterval: 100 });
      expect(await check(store, count)).toBe(count);
      await fill(store, count, count + 6);
      if (round % 2 === 0) await runtime.clock.advance(150);
      await fill(store, count + 6, count + 9);
      count += 9;
      runtime = runtime.crash("kill");
    }
    const store = await openStore(runtime, "/store", input);
    await goOn(runtime, store, count, input);
  }, 30_000);

  test.each([0, 0.5, 1])(
    "SYNC_FLUSH and a power cut that keeps %d of the unsynced pages: nothing acknowledged is lost",
    async (kept) => {
      for (let count = 1; count < 30; count += 3) {
        let runtime = simRuntime({ seed: count, disk: { unsyncedPageKept: kept, unsyncedEntriesKept: kept } });
        const sync: StoreSettingsInput = { ...input, flushDiskType: "SYNC_FLUSH", flushConsumeQueueThoroughInterval: 50 };
        const store = await openStore(runtime, "/store", sync);
        await fill(store, 0, count, true);
        if (count % 2 === 0) await runtime.clock.advance(60);
        await fill(store, count, count + 5, true);
        for (let i = count + 5; i < count + 9; i++)
          put(store, { text: `m${i} `, queueId: i % 2, keys: `k${i}`, uniqKey: `u${i}` });
        await runtime.clock.settle();
        runtime = runtime.crash("power");
        const again = await openStore(runtime, "/store", sync);
        // Of what nobody was told of any part may be left, also one behind a hole: valid records are kept.
        const even = await textsOf(again, "TopicA", 0);
        const odd = await textsOf(again, "TopicA", 1);
        const numbers = [...even, ...odd].map((text) => Number(/^m(\d+) /.exec(text)?.[1])).sort((a, b) => a - b);
        expect(numbers.slice(0, count + 5)).toEqual(Array.from({ length: count + 5 }, (_, i) => i));
        expect(new Set(numbers).size).toBe(numbers.length);
        if (numbers.at(-1) === numbers.length - 1) await goOn(runtime, again, await check(again, count + 5), sync);
        else await again.close();
      }
    },
  );

  test("a torn last record is cut, moved beside the store and named in the log", async () => {
    const { runtime, end } = await killedAfter(21, input);
    const fileSize = input.mappedFileSizeCommitLog ?? 1_073_741_824;
    const base = end - (end % fileSize);
    const path = `${LOG}/${String(base).padStart(20, "0")}`;
    // The head of the first record, as if its tail had not reached the disk.
    const torn = bytesOf(runtime, `${LOG}/${FIRST}`, 0, 60);
    overwrite(runtime, path, end - base, torn);
    const log = linesLog();
    const store = await openStore(runtime, "/store", input, log);
    expect(await check(store, 21)).toBe(21);
    expect(store.stats().maxPhysicalOffset).toBe(end);
    expect(log.lines.some((line) => line.includes("moved aside") && line.includes(`commitlog-cut-${end}/tail`))).toBe(true);
    const kept = runtime.files.read(`/store/commitlog-cut-${end}/tail`);
    expect(kept).toEqual(torn.subarray(0, kept?.length));
    await goOn(runtime, store, 21, input);
  });

  test("garbage behind the end", async () => {
    const { runtime, end } = await killedAfter(10, input);
    const fileSize = input.mappedFileSizeCommitLog ?? 1_073_741_824;
    const base = end - (end % fileSize);
    overwrite(runtime, `${LOG}/${String(base).padStart(20, "0")}`, end - base, garbage(50));
    const store = await openStore(runtime, "/store", input);
    await goOn(runtime, store, await check(store, 10), input);
  });

  test("a body that fails its CRC ends the log there, with checkCRCOnRecover", async () => {
    const { runtime, end } = await killedAfter(1, input);
    overwrite(runtime, `${LOG}/${FIRST}`, 88, garbage(1));
    const store = await openStore(runtime, "/store", input);
    expect(store.stats().maxPhysicalOffset).toBe(0);
    expect(runtime.files.stat("/store/commitlog-cut-0/tail")?.size).toBeLessThanOrEqual(end);
    await store.close();
  });

  test.each(["absent", "empty", "garbage", "a place without a record"])("checkpoint: %s", async (kind) => {
    for (const orderly of [true, false]) {
      let runtime = simRuntime();
      const store = await openStore(runtime, "/store", input);
      await fill(store, 0, 30);
      if (orderly) await store.close();
      else runtime = runtime.crash("kill");
      const path = "/store/checkpoint";
      if (kind === "absent") runtime.files.remove(path);
      else if (kind === "empty") runtime.files.write(path, new Uint8Array(0));
      else if (kind === "garbage") runtime.files.write(path, garbage(4096));
      else overwrite(runtime, path, 40, Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 1));
      const again = await openStore(runtime, "/store", input);
      expect(await check(again, 30)).toBe(30);
      await goOn(runtime, again, 30, input);
    }
  });

  test.each(["index", "consumequeue", "consumequeue/TopicA/1"])("%s is lost after a stop: it is made again", async (lost) => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    await fill(store, 0, 40);
    await store.close();
    runtime.files.removeTree(`/store/${lost}`);
    const log = linesLog();
    const again = await openStore(runtime, "/store", input, log);
    expect(await check(again, 40)).toBe(40);
    if (lost !== "index") expect(log.lines.some((line) => line.includes("not as the last stop left them"))).toBe(true);
    await goOn(runtime, again, 40, input);
  });

  test("the last file of a queue is lost after a stop: it is made again", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", SMALL);
    await fill(store, 0, 60);
    await store.close();
    const directory = "/store/consumequeue/TopicA/0";
    runtime.files.remove(`${directory}/${runtime.files.list(directory).at(-1)}`);
    const again = await openStore(runtime, "/store", SMALL);
    expect(await check(again, 60)).toBe(60);
    await goOn(runtime, again, 60, SMALL);
  });

  test("an Apache broker ran in between: its checkpoint says nothing of queues, and none are made again", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    await fill(store, 0, 40);
    await store.close();
    overwrite(runtime, "/store/checkpoint", 7, Uint8Array.of(0xff));
    runtime.files.removeTree("/store/consumequeue/TopicA/1");
    const again = await openStore(runtime, "/store", input);
    expect(again.maxOffset({ topic: "TopicA", queueId: 0 })).toBe(20);
    await again.close();
  });

  test.each(["index", "consumequeue", "consumequeue/TopicA/1"])("%s is lost in a crash, and the checkpoint", async (lost) => {
    for (const orderly of [true, false]) {
      let runtime = simRuntime();
      const store = await openStore(runtime, "/store", input);
      await fill(store, 0, 40);
      await store.close();
      if (!orderly) {
        await openStore(runtime, "/store", input);
        runtime = runtime.crash("kill");
      }
      runtime.files.removeTree(`/store/${lost}`);
      // Without it the queues need not be complete, so all of the log is read.
      if (lost !== "index") runtime.files.remove("/store/checkpoint");
      if (lost === "consumequeue/TopicA/1") runtime.files.write("/store/abort", new Uint8Array(0));
      const again = await openStore(runtime, "/store", input);
      expect(await check(again, 40)).toBe(40);
      await goOn(runtime, again, 40, input);
    }
  });

  test("the consume queue and the index know messages that the log has lost", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    await fill(store, 0, 20);
    const end = store.stats().maxPhysicalOffset;
    await fill(store, 20, 25);
    await store.close();
    const fileSize = input.mappedFileSizeCommitLog ?? 1_073_741_824;
    for (const name of runtime.files.list(LOG)) {
      const base = Number(name);
      if (base + fileSize <= end) continue;
      if (base > end) {
        runtime.files.remove(`${LOG}/${name}`);
        continue;
      }
      const file = runtime.files.open(`${LOG}/${name}`);
      file.truncate(end - base);
      file.truncate(fileSize);
      file.close();
    }
    const again = await openStore(runtime, "/store", input);
    expect(again.stats().maxPhysicalOffset).toBe(end);
    expect(await check(again, 20)).toBe(20);
    await goOn(runtime, again, 20, input);
  });

  test("the log is gone: consume queues go with it", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    await fill(store, 0, 20);
    await store.close();
    runtime.files.removeTree(LOG);
    const again = await openStore(runtime, "/store", input);
    expect(again.queues().size).toBe(0);
    expect(await again.query("TopicA#k3", 1, 0, Number.MAX_SAFE_INTEGER)).toMatchObject({ physicalOffsets: [] });
    await goOn(runtime, again, 0, input);
  });

  test("a creation that was cut short leaves an empty file, which is no obstacle", async () => {
    const { runtime, end } = await killedAfter(5, input);
    const fileSize = input.mappedFileSizeCommitLog ?? 1_073_741_824;
    const next = end - (end % fileSize) + fileSize;
    runtime.files.write(`${LOG}/${String(next).padStart(20, "0")}`, new Uint8Array(0));
    const store = await openStore(runtime, "/store", input);
    await goOn(runtime, store, await check(store, 5), input);
  });
});

describe("small files after a crash", () => {
  const pathOf = (base: number): string => `${LOG}/${String(base).padStart(20, "0")}`;
  const truncate = (runtime: SimRuntime, path: string, size: number): void => {
    const file = runtime.files.open(path);
    file.truncate(size);
    file.close();
  };

  test("a last file of half its size: it is made whole, and what it has is served", async () => {
    const { runtime, end } = await killedAfter(60, SMALL);
    const base = end - (end % 4096);
    truncate(runtime, pathOf(base), end - base);
    const store = await openStore(runtime, "/store", SMALL);
    expect(runtime.files.stat(pathOf(base))?.size).toBe(4096);
    await goOn(runtime, store, await check(store, 60), SMALL);
  });

  test("the last messages went with half of the last file", async () => {
    const { runtime, end } = await killedAfter(60, SMALL);
    const base = end - (end % 4096);
    truncate(runtime, pathOf(base), Math.floor((end - base) / 2));
    const store = await openStore(runtime, "/store", SMALL);
    const found = await check(store, 40);
    expect(found).toBeLessThan(60);
    await goOn(runtime, store, found, SMALL);
  });

  test("the filler at the end of a file is lost: the next file goes on", async () => {
    const { runtime } = await killedAfter(60, SMALL);
    const bytes = bytesOf(runtime, pathOf(0), 0, 4096);
    const filler = bytes.findLastIndex((_, i) => bytes[i] === 0xcb && bytes[i + 1] === 0xd4 && bytes[i + 2] === 0x31);
    overwrite(runtime, pathOf(0), filler - 4, new Uint8Array(8));
    const log = linesLog();
    const store = await openStore(runtime, "/store", SMALL, log);
    expect(await check(store, 60)).toBe(60);
    expect(store.stats()).toMatchObject({ lostStretchCount: 1, lostQueueOffsetCount: 0 });
    expect(log.lines.some((line) => line.includes("a stretch of the commit log is lost") && line.includes('"to":4096'))).toBe(
      true,
    );
    await goOn(runtime, store, 60, SMALL);
  });
});

test("a disk that can't be read stops the start, names the file, and changes nothing", async () => {
  const { runtime } = await killedAfter(30, SMALL);
  const before = runtime.files.list(LOG).map((name) => runtime.files.stat(`${LOG}/${name}`)?.size);
  runtime.disk.fail({ operation: "read", code: "EIO", path: (path) => path === `${LOG}/00000000000000004096` });
  const error = await openStore(runtime, "/store", SMALL).then(
    () => "it started",
    (fault: Error) => fault.message,
  );
  expect(error).toContain("EIO");
  expect(error).toContain(`${LOG}/00000000000000004096`);
  runtime.disk.restore();
  expect(runtime.files.list(LOG).map((name) => runtime.files.stat(`${LOG}/${name}`)?.size)).toEqual(before);
  const again = await openStore(runtime, "/store", SMALL);
  expect(await check(again, 30)).toBe(30);
  await again.close();
});

describe("a start that must not happen", () => {
  const refused = async (spoil: (runtime: SimRuntime) => void, input: StoreSettingsInput = SMALL): Promise<string> => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", SMALL);
    await fill(store, 0, 60);
    await store.close();
    spoil(runtime);
    const before = runtime.files.list("/store");
    const message = await openStore(runtime, "/store", input).then(
      () => "it started",
      (error: Error) => error.message,
    );
    expect(runtime.files.list("/store")).toEqual(before);
    // The lock is free again.
    runtime.files.lock("/store/lock").release();
    return message;
  };

  test("another file size than configured", async () => {
    const log = await refused(() => {}, { ...SMALL, mappedFileSizeCommitLog: 8192 });
    expect(log).toContain(`"${LOG}/${FIRST}" has 4096 bytes, but mappedFileSizeCommitLog is 8192`);
    const queue = await refused(() => {}, { ...SMALL, mappedFileSizeConsumeQueue: 400 });
    expect(queue).toContain("has 200 bytes, but mappedFileSizeConsumeQueue is 400");
    const index = await refused(() => {}, { ...SMALL, maxIndexNum: 21 });
    expect(index).toContain("maxIndexNum 21");
  });

  test("a file in the middle is missing", async () => {
    const message = await refused((runtime) => runtime.files.remove(`${LOG}/00000000000000004096`));
    expect(message).toContain(`"${LOG}/00000000000000004096" is missing`);
  });

  test("a file was cut short", async () => {
    const message = await refused((runtime) => {
      const file = runtime.files.open(`${LOG}/${FIRST}`);
      file.truncate(4000);
      file.close();
    });
    expect(message).toContain("has 4000 bytes");
  });
});

test("times never go back, whatever the wall clock does", async () => {
  let runtime = simRuntime();
  const store = await openStore(runtime, "/store", SMALL);
  const first = await putNow(store, {});
  runtime.clock.jump(-3_600_000);
  const second = await putNow(store, {});
  expect(second.storeTimestamp).toBe(first.storeTimestamp);
  runtime = runtime.crash("kill");
  const again = await openStore(runtime, "/store", SMALL);
  expect((await putNow(again, {})).storeTimestamp).toBe(first.storeTimestamp);
  await again.close();
});

test("a file that was made ahead and that somebody removed is made again, whole", async () => {
  let runtime = simRuntime();
  const store = await openStore(runtime, "/store", SMALL);
  const ahead = "/store/commitlog/00000000000000004096";
  // more than half a file
  await putNow(store, { text: "x".repeat(2500) }, true);
  await runtime.clock.until(() => runtime.files.stat(ahead)?.size === 4096);
  runtime.files.remove(ahead);
  for (let i = 1; i < 30; i++) await putNow(store, { text: `${i} ${"x".repeat(150)}` });
  expect(store.stats().maxPhysicalOffset).toBeGreaterThan(4096);
  expect(runtime.files.stat(ahead)?.size).toBe(4096);
  runtime = runtime.crash("kill");
  const again = await openStore(runtime, "/store", SMALL);
  expect(await textsOf(again)).toHaveLength(30);
  await again.close();
});
