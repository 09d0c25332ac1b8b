/** Records looked at beside the event loop: the same answers, and nothing lost where that comes to an end early. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { Files, OpenOptions } from "../../core/runtime.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import { LogScan } from "../../core/store/log_scan.ts";
import type { RecordFilter, ScanBeside } from "../../core/store/message_store.ts";
import type { ScanJob, ScanResult } from "../../core/store/scan_job.ts";
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { RECORD_AT } from "../../wire/message.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { openStore, put } from "./support.ts";

const QUEUE = { topic: "TopicA", queueId: 0 };
const LIMITS = { messagesMax: 32, bytesMax: 256 * 1024 };
/** Nothing is in memory, and a file of the log holds some 200 messages. */
const SETTINGS = { mappedFileSizeCommitLog: 64 * 1024, accessMessageInMemoryMaxRatio: 0 };

/** By queue offset: queues of these tests begin at 0. */
const one =
  (inSo: number): RecordFilter =>
  (bytes, at) =>
    readInt64(bytes, at + RECORD_AT.queueOffset) % inSo === 0;

/** A store opened anew. Sizes differ, so that records end anywhere in a file. */
async function filled(
  count: number,
  textOf = (i: number) => "x".repeat(100 + ((i * 37) % 200)),
  more: Partial<typeof SETTINGS> = {},
): Promise<{ runtime: SimRuntime; store: DefaultMessageStore }> {
  const runtime = simRuntime();
  const settings = { ...SETTINGS, ...more };
  const first = await openStore(runtime, "/store", settings);
  for (let i = 0; i < count; i++) {
    put(first, { queueId: 0, text: textOf(i) });
    if (i % 3 === 0) put(first, { queueId: 1, text: "another" });
    if (i % 500 === 499) await first.durable(first.stats().maxPhysicalOffset, false);
  }
  await first.close();
  const store = await openStore(runtime, "/store", settings);
  await runtime.clock.advance(1);
  return { runtime, store };
}

/** Looks at records as a thread does: what it gets and gives is moved. */
class Beside implements ScanBeside {
  readonly scannedMax: number;
  readonly jobs: { readonly asked: number; readonly looked: number; readonly isEnough: boolean }[] = [];
  readonly #scan: LogScan;
  readonly #matches: RecordFilter;

  constructor({ files }: { readonly files: Pick<Files, "open"> }, matches: RecordFilter, scannedMax = 1_000) {
    this.#scan = new LogScan(files);
    this.#matches = matches;
    this.scannedMax = scannedMax;
  }

  async scan(asked: ScanJob): Promise<ScanResult> {
    const job = structuredClone(asked, { transfer: [asked.units, asked.body] });
    const result = this.#scan.run(job, this.#matches);
    const units = (job.unitsBytes - job.from) / 20;
    this.jobs.push({ asked: units, looked: result.looked, isEnough: result.isEnough });
    return structuredClone(result, { transfer: [result.units, result.body] });
  }
}

interface ReadAll {
  readonly offsets: number[];
  readonly pulls: number;
}

/** All that passes, pull by pull. */
async function readAll(
  store: DefaultMessageStore,
  matches: RecordFilter,
  beside: ScanBeside | undefined,
  limits = LIMITS,
): Promise<ReadAll> {
  const offsets: number[] = [];
  let pulls = 0;
  for (let offset = 0; offset < store.maxOffset(QUEUE); pulls++) {
    const result = await store.getMatching(QUEUE, offset, limits, { matches, scannedMax: 200, beside });
    const found = decodeRecords(result.body);
    expect(found.length).toBe(result.messageCount);
    expect(result.status).toBe(found.length > 0 ? "FOUND" : "NO_MATCHED_MESSAGE");
    expect(result.nextBeginOffset).toBeGreaterThan(offset);
    offsets.push(...found.map(({ queueOffset }) => queueOffset));
    offset = result.nextBeginOffset;
    result.release?.();
  }
  return { offsets, pulls };
}

const multiplesBelow = (count: number, of: number): number[] => Array.from({ length: Math.ceil(count / of) }, (_, i) => i * of);

describe("records that are looked at beside the event loop", () => {
  test.each([1, 3, 10, 100, 100_000])("one in %i passes: the same messages as without, over the ends of files", async (inSo) => {
    const { runtime, store } = await filled(2_500);
    const matches = one(inSo);
    const beside = new Beside(runtime, matches);
    const { offsets, pulls } = await readAll(store, matches, beside);
    expect(offsets).toEqual(multiplesBelow(2_500, inSo));
    expect(offsets).toEqual((await readAll(store, matches, undefined)).offsets);
    // All but the last stretch of a queue, which is too short.
    const looked = beside.jobs.reduce((sum, job) => sum + job.looked, 0);
    expect(looked).toBeGreaterThan(2_500 - 128 - 1);
    if (inSo >= 100) expect(pulls).toBeLessThan(2_500 / 200);
    await store.close();
  });

  test("as many as are wanted, in messages and in bytes, and the next pull begins with what had no room", async () => {
    const { runtime, store } = await filled(1_000);
    const matches = one(1);
    for (const limits of [
      { messagesMax: 5, bytesMax: 256 * 1024 },
      { messagesMax: 32, bytesMax: 700 },
    ]) {
      const beside = new Beside(runtime, matches);
      expect((await readAll(store, matches, beside, limits)).offsets).toEqual(multiplesBelow(1_000, 1));
      expect(beside.jobs.every(({ isEnough }) => isEnough)).toBe(true);
    }
    await store.close();
  });

  test("a record that has no room in the buffer, or is too long to be looked at there, is looked at here", async () => {
    const long = (i: number) => "x".repeat(i === 200 ? 40_000 : 100);
    const { runtime, store } = await filled(600, long);
    const matches = one(1);
    class Small extends Beside {
      override scan(asked: ScanJob): Promise<ScanResult> {
        return super.scan({ ...asked, body: new ArrayBuffer(8 * 1024) });
      }
    }
    const small = new Small(runtime, matches);
    const { offsets } = await readAll(store, matches, small, { messagesMax: 100, bytesMax: 256 * 1024 });
    expect(offsets).toEqual(multiplesBelow(600, 1));
    expect(small.jobs.some(({ looked, asked, isEnough }) => looked < asked && !isEnough)).toBe(true);
    await store.close();
  });

  test.each([
    ["a file that can't be opened", "open"],
    ["a file that can't be read", "readSync"],
  ])("%s: what is behind it is looked at here", async (_what, call) => {
    const { runtime, store } = await filled(2_500);
    const broken = {
      files: {
        open: (path: string, options?: OpenOptions) => {
          const isBroken = path.endsWith(`${2 * SETTINGS.mappedFileSizeCommitLog}`);
          if (isBroken && call === "open") throw new Error("EIO");
          const handle = runtime.files.open(path, options);
          if (isBroken) {
            handle.readSync = () => {
              throw new Error("EIO");
            };
          }
          return handle;
        },
      },
    };
    const beside = new Beside(broken, one(10));
    expect((await readAll(store, one(10), beside)).offsets).toEqual(multiplesBelow(2_500, 10));
    expect(beside.jobs.some(({ looked, asked, isEnough }) => looked < asked && !isEnough)).toBe(true);
    await store.close();
  });

  test("bytes that are no record are passed over, and told, as without", async () => {
    const { runtime, store } = await filled(1_000);
    const damaged = runtime.files.open(`/store/commitlog/${"0".repeat(20)}`);
    const record = new Uint8Array(4);
    // The magic of the third record.
    let at = 0;
    for (let i = 0; i < 2; i++) {
      damaged.readSync(record, at);
      at += readInt32(record, 0);
    }
    damaged.writeSync(new Uint8Array(4), at + RECORD_AT.magic);
    damaged.close();
    const without = (await readAll(store, one(1), undefined)).offsets;
    expect(without.length).toBe(999);
    expect((await readAll(store, one(1), new Beside(runtime, one(1)))).offsets).toEqual(without);
    await store.close();
  });

  test("nobody looked: nothing was found, and the next pull begins where this one did", async () => {
    const { store } = await filled(500);
    const gone: ScanBeside = { scannedMax: 400, scan: async () => undefined };
    const result = await store.getMatching(QUEUE, 7, LIMITS, { matches: one(1), scannedMax: 200, beside: gone });
    expect(result).toMatchObject({ status: "NO_MATCHED_MESSAGE", nextBeginOffset: 7, messageCount: 0, maxOffset: 500 });
    await store.close();
  });

  test("where the store is told to look for itself it does, at no more than usual", async () => {
    const { store } = await filled(2_500);
    const busy: ScanBeside = { scannedMax: 2_000, scan: async () => "here" };
    const { offsets, pulls } = await readAll(store, one(500), busy);
    expect(offsets).toEqual(multiplesBelow(2_500, 500));
    expect(pulls).toBe(Math.ceil(2_500 / 200));
    await store.close();
  });

  test("what is in memory, or short, is looked at here", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    for (let i = 0; i < 1_000; i++) put(store, { queueId: 0, text: "recent" });
    await store.durable(store.stats().maxPhysicalOffset, false);
    const beside = new Beside(runtime, one(1));
    expect((await readAll(store, one(1), beside)).offsets.length).toBe(1_000);
    await store.close();

    const { runtime: old, store: short } = await filled(127);
    const bored = new Beside(old, one(1));
    expect((await readAll(short, one(1), bored)).offsets.length).toBe(127);
    expect([...beside.jobs, ...bored.jobs]).toEqual([]);
    await short.close();
  });

  test("one file is open at a time, and none after a job", async () => {
    const { runtime, store } = await filled(2_500);
    const open = new Set<string>();
    const opened: string[] = [];
    const counting = {
      files: {
        open: (path: string, options?: OpenOptions) => {
          const handle = runtime.files.open(path, options);
          const close = handle.close.bind(handle);
          open.add(path);
          opened.push(path);
          expect(open.size).toBe(1);
          handle.close = () => {
            open.delete(path);
            close();
          };
          return handle;
        },
      },
    };
    const beside = new Beside(counting, one(100));
    const watching: ScanBeside = {
      scannedMax: 1_000,
      scan: async (job) => {
        const result = await beside.scan(job);
        expect(open.size).toBe(0);
        return result;
      },
    };
    await readAll(store, one(100), watching);
    expect(new Set(opened).size).toBeGreaterThan(10);
    await store.close();
  });

  test("more than a buffer of the usual size holds", async () => {
    const { runtime, store } = await filled(7_000, () => "x");
    const matches = one(3_000);
    const beside = new Beside(runtime, matches, 800);
    const limits = { messagesMax: 7_000, bytesMax: 256 * 1024 };
    for (let pull = 0; pull < 2; pull++) {
      const result = await store.getMatching(QUEUE, 0, limits, { matches, scannedMax: 6_900, beside });
      expect([result.messageCount, result.nextBeginOffset]).toEqual([3, 7_000]);
    }
    expect(beside.jobs.map(({ asked }) => asked)).toEqual([7_000, 7_000]);
    await store.close();
  });

  test("behind an early stop no more than usual is looked at here", async () => {
    const long = (i: number) => "x".repeat(i === 3 ? 150_000 : 1);
    const { runtime, store } = await filled(4_000, long, { mappedFileSizeCommitLog: 512 * 1024 });
    let here = 0;
    const matches: RecordFilter = () => {
      here++;
      return false;
    };
    const beside = new Beside(runtime, () => false, 3_000);
    const scan = { matches, scannedMax: 200, beside };
    const first = await store.getMatching(QUEUE, 0, LIMITS, scan);
    expect([first.nextBeginOffset, here, beside.jobs[0]?.looked]).toEqual([200, 197, 3]);
    // Nor is it less than one, or nobody would get by.
    const second = await store.getMatching(QUEUE, 3, LIMITS, { ...scan, scannedMax: 1 });
    expect(second.nextBeginOffset).toBeGreaterThan(3);
    await store.close();
  });
});
