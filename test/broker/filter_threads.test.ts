/** Threads for SQL92 filters: when they are started and ended, what happens when one fails, and pulls that go through them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import filterThread, { type Asked } from "../../core/broker/filters/filter_thread.ts";
import { FilterThreads } from "../../core/broker/filters/filter_threads.ts";
import { passes } from "../../core/broker/filters/passes.ts";
import { SqlFilter } from "../../core/filter/sql_filter.ts";
import type { Clock, Runtime, Thread, ThreadEvents, Threads } from "../../core/runtime.ts";
import type { GetResult, ScanBeside, Scanned } from "../../core/store/message_store.ts";
import type { ScanJob } from "../../core/store/scan_job.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { type Lines, linesLog, openStore, put } from "../store/support.ts";
import { HOST, hostRuntime } from "../support/host_runtime.ts";
import { Harness, silentLog } from "./messages_harness.ts";

const SQL = new SqlFilter("n = 1");
const NOTHING: ScanJob = {
  units: new ArrayBuffer(0),
  unitsBytes: 0,
  from: 0,
  body: new ArrayBuffer(0),
  files: [],
  fileSize: 1024,
  begin: 0,
  end: 0,
  messagesMax: 1,
  bytesMax: 1,
};
const job = (): ScanJob => ({ ...NOTHING, units: new ArrayBuffer(0), body: new ArrayBuffer(0) });

/** Threads of the tests' own: what they run is run here, a message at a time, when a test says so. */
class HereThreads implements Threads {
  readonly threads: HereThread[] = [];
  readonly #files: Runtime["files"];
  /** Each message is worked on as soon as it is there. */
  readonly #atOnce: boolean;

  constructor(files: Runtime["files"], atOnce = false) {
    this.#files = files;
    this.#atOnce = atOnce;
  }

  start(module: URL, events: ThreadEvents): Thread {
    expect(module.pathname).toEndWith("/core/broker/filters/filter_thread.ts");
    const thread = new HereThread(this.#files, events, this.#atOnce);
    this.threads.push(thread);
    return thread;
  }

  get running(): number {
    return this.threads.filter(({ stopped }) => !stopped).length;
  }

  get asked(): Asked[] {
    return this.threads.flatMap(({ asked }) => asked);
  }
}

class HereThread implements Thread {
  stopped = false;
  readonly asked: Asked[] = [];
  readonly events: ThreadEvents;
  readonly #main: (message: unknown) => void;
  readonly #atOnce: boolean;
  readonly #untaken: Asked[] = [];

  constructor(files: Runtime["files"], events: ThreadEvents, atOnce: boolean) {
    this.events = events;
    this.#atOnce = atOnce;
    this.#main = filterThread({ files, post: (told) => events.message(told) });
  }

  post(message: object): void {
    const asked = message as Asked;
    this.asked.push(asked);
    this.#untaken.push(asked);
    if (this.#atOnce) queueMicrotask(() => this.work());
  }

  work(): void {
    const asked = this.#untaken.shift();
    if (asked !== undefined && !this.stopped) this.#main(asked);
  }

  async stop(): Promise<void> {
    this.stopped = true;
  }
}

interface Started {
  readonly runtime: SimRuntime;
  readonly here: HereThreads;
  readonly log: Lines;
  readonly settings: { sqlFilterThreads: number };
  readonly threads: FilterThreads;
}

/** Callbacks of promises that are settled have run. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

function start(sqlFilterThreads: number, clock: Partial<Pick<Clock, "afterTurn">> = {}): Started {
  const runtime = simRuntime();
  const here = new HereThreads(runtime.files);
  const log = linesLog();
  const settings = { sqlFilterThreads };
  const whole: Clock = {
    now: () => runtime.clock.now(),
    monotonic: () => runtime.clock.monotonic(),
    setTimeout: (callback, ms) => runtime.clock.setTimeout(callback, ms),
    setInterval: (callback, ms) => runtime.clock.setInterval(callback, ms),
    afterTurn: (callback) => runtime.clock.afterTurn(callback),
    ...clock,
  };
  const threads = new FilterThreads({ runtime: { clock: whole, threads: here }, log, settings });
  return { runtime, here, log, settings, threads };
}

function scan(threads: FilterThreads): Promise<Scanned> {
  const beside = threads.beside(SQL, 800);
  if (beside === undefined) throw new Error("there are no threads");
  return beside.scan(job());
}

describe("threads for filters", () => {
  test("the first is started by a job, takes two at a time, and is ended ten seconds after the last", async () => {
    const { runtime, here, threads } = start(1);
    expect(threads.beside(SQL, 800)?.scannedMax).toBe(800);
    expect(here.threads.length).toBe(0);
    const done = [scan(threads), scan(threads)];
    expect(here.running).toBe(1);
    here.threads[0]?.work();
    expect(await done[0]).toMatchObject({ looked: 0, count: 0 });
    // It has work.
    await runtime.clock.advance(60_000);
    expect(here.running).toBe(1);
    here.threads[0]?.work();
    await done[1];
    await runtime.clock.advance(9_999);
    const late = scan(threads);
    here.threads[0]?.work();
    await late;
    await runtime.clock.advance(9_999);
    expect(here.running).toBe(1);
    await runtime.clock.advance(1);
    expect([here.running, threads.count]).toEqual([0, 0]);
    void scan(threads);
    expect([here.running, here.threads.length]).toEqual([1, 2]);
    await threads.close();
  });

  test("a further one is started when those that are there have work", async () => {
    const { here, threads } = start(2);
    for (let i = 0; i < 5; i++) void scan(threads);
    expect(here.threads.map(({ asked }) => asked.length)).toEqual([2, 2]);
    await threads.close();
  });

  test("what waits goes to the first thread that has time, or to the event loop, one a turn", async () => {
    const turns: (() => void)[] = [];
    const { here, threads } = start(1, { afterTurn: (callback) => turns.push(callback) });
    const said: string[] = [];
    let asked = 0;
    const scanOne = () => {
      const name = asked++;
      void scan(threads).then((done) => said.push(done === "here" ? `${name} here` : `${name} there`));
    };
    const turn = async () => {
      for (const callback of turns.splice(0)) callback();
      await settled();
    };
    for (let i = 0; i < 6; i++) scanOne();
    here.threads[0]?.work();
    await settled();
    expect(said.splice(0)).toEqual(["0 there"]);
    for (const name of [3, 4, 5]) {
      await turn();
      expect(said.splice(0)).toEqual([`${name} here`]);
    }
    await turn();
    expect(turns).toEqual([]);

    // The thread takes what waits before the turn ends, again and again: it is still one a turn.
    for (let round = 0; round < 3; round++) {
      scanOne();
      here.threads[0]?.work();
    }
    for (let i = 0; i < 3; i++) scanOne();
    await settled();
    said.length = 0;
    for (let i = 0; i < 3; i++) {
      await turn();
      expect(said.splice(0).length).toBe(1);
    }
    await threads.close();
  });

  test("no more than eight wait: the event loop does at once what comes then", async () => {
    const { threads } = start(1, { afterTurn: () => undefined });
    for (let i = 0; i < 2 + 7; i++) void scan(threads);
    const [early, late] = [threads.beside(SQL, 800), threads.beside(SQL, 800)];
    void early?.scan(job());
    expect(threads.beside(SQL, 800)).toBeUndefined();
    // It was told before that there is somebody.
    expect(await late?.scan(job())).toBe("here");
    await threads.close();
  });

  test("a fault leaves what waits to the event loop, one a turn", async () => {
    const { runtime, here, threads } = start(1);
    const done = [scan(threads), scan(threads), scan(threads)];
    here.threads[0]?.events.failed(new Error("out of memory"));
    await runtime.clock.advance(0);
    expect(await Promise.all(done)).toEqual([undefined, undefined, "here"]);
    await threads.close();
  });

  test("after a close and after a fault none is started for who was told before that there is somebody", async () => {
    for (const end of [
      ({ threads }: Started) => threads.close(),
      ({ here }: Started) => here.threads[0]?.events.failed(new Error("out of memory")),
    ]) {
      const started = start(2);
      void scan(started.threads);
      const beside = started.threads.beside(SQL, 800);
      await end(started);
      expect(await beside?.scan(job())).toBe("here");
      expect(started.here.threads.length).toBe(1);
      await started.threads.close();
    }
  });

  test("with sqlFilterThreads lowered those that are too many get nothing more, and are ended", async () => {
    const { runtime, here, threads, settings } = start(3);
    for (let i = 0; i < 3; i++) void scan(threads);
    settings.sqlFilterThreads = 1;
    for (const thread of here.threads) thread.work();
    for (let i = 0; i < 3; i++) void scan(threads);
    expect(here.threads.map(({ asked }) => asked.length)).toEqual([3, 1, 1]);
    await runtime.clock.advance(10_001);
    expect(here.threads.map(({ stopped }) => stopped)).toEqual([false, true, true]);
    await threads.close();
  });

  test("with sqlFilterThreads=0, and where the runtime has none, there are none", () => {
    expect(start(0).threads.beside(SQL, 800)).toBeUndefined();
    const { clock } = simRuntime();
    const without = new FilterThreads({ runtime: { clock }, log: silentLog, settings: { sqlFilterThreads: 1 } });
    expect(without.beside(SQL, 800)).toBeUndefined();
  });

  test("one that fails is told once; what it was at comes to nothing, and no other is started", async () => {
    const { here, log, threads } = start(2);
    const done = [scan(threads), scan(threads), scan(threads)];
    here.threads[0]?.events.failed(new Error("out of memory"));
    expect(await done[0]).toBeUndefined();
    expect(await done[2]).toBeUndefined();
    expect(threads.beside(SQL, 800)).toBeUndefined();
    here.threads[1]?.work();
    expect(await done[1]).toBeDefined();
    expect(log.lines.filter((line) => line.startsWith("error"))).toEqual([
      expect.stringContaining('"error":"out of memory","mends":"sqlFilterThreads=0'),
    ]);
    await threads.close();
    expect(here.running).toBe(0);
  });

  test("a close ends them, and what they were at comes to nothing", async () => {
    const { here, threads } = start(1);
    const done = scan(threads);
    await threads.close();
    expect(await done).toBeUndefined();
    expect([here.running, threads.count]).toEqual([0, 0]);
    expect(threads.beside(SQL, 800)).toBeUndefined();
  });
});

/** Messages 0..count-1 with the property n; the store is opened anew, so that nothing of them is in memory. */
async function backlog(count: number, settings: { maxFilterMessageSize?: number } = {}): Promise<[Harness, HereThreads]> {
  const runtime = simRuntime();
  const here = new HereThreads(runtime.files, true);
  const options = {
    runtime: Object.assign(runtime, { threads: here }),
    settings: { enablePropertyFilter: true, accessMessageInMemoryMaxRatio: 0, mappedFileSizeConsumeQueue: 600_000, ...settings },
  };
  const first = await Harness.open(options);
  for (let n = 0; n < count; n++) await first.send({ body: `m${n}`, properties: { n: String(n) } });
  await first.close();
  return [await Harness.open(options), here];
}

/** @returns what was delivered */
async function pullAll(harness: Harness, subscription: string): Promise<string[]> {
  const bodies: string[] = [];
  const end = harness.store.maxOffset({ topic: "T", queueId: 0 });
  for (let queueOffset = 0; queueOffset < end; ) {
    const outcome = await harness.pull({ expressionType: "SQL92", subscription, queueOffset });
    const found = decodeRecords(outcome?.body ?? new Uint8Array(0));
    bodies.push(...found.map(({ body }) => new TextDecoder().decode(body)));
    queueOffset = Number(outcome?.header["nextBeginOffset"]);
  }
  return bodies;
}

const unitsOf = ({ job: { unitsBytes, from } }: Asked): number => (unitsBytes - from) / 20;

describe("pulls of a backlog with an SQL92 expression", () => {
  test("go through a thread, and get longer while the client is back at once", async () => {
    const [harness, here] = await backlog(25_000);
    expect(await pullAll(harness, "n >= 24998 OR n = 3")).toEqual(["m3", "m24998", "m24999"]);
    const asked = here.asked.map(unitsOf);
    expect(asked.slice(0, 17)).toEqual([...new Array(16).fill(800), 1_600]);
    expect(asked.reduce((sum, units) => sum + units, 0)).toBe(25_000);
    await harness.close();
    expect(here.running).toBe(0);
  });

  test("look at what maxFilterMessageSize says where it was set", async () => {
    const [harness, here] = await backlog(8_000, { maxFilterMessageSize: 400 * 20 });
    expect(await pullAll(harness, "n = 7999")).toEqual(["m7999"]);
    expect(here.asked.map(unitsOf)).toEqual(new Array(20).fill(400));
    await harness.close();
  });
});

describe(`a store of ${HOST}`, () => {
  const COUNT = 3_000;
  let directory: string;
  let runtime: Runtime;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "edgemq-filter-"));
    runtime = await hostRuntime();
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("has its records looked at by a real thread: the same messages as without", async () => {
    const settings = { accessMessageInMemoryMaxRatio: 0, mappedFileSizeCommitLog: 256 * 1024 };
    const first = await openStore(runtime, directory, settings);
    for (let n = 0; n < COUNT; n++) put(first, { text: `m${n}`, properties: `n\u0001${n}` });
    await first.close();
    const store = await openStore(runtime, directory, settings);
    const threads = new FilterThreads({ runtime, log: silentLog, settings: { sqlFilterThreads: 1 } });
    const sql = new SqlFilter("n >= 100 AND n < 140 OR n = 2999");
    let looked = 0;
    const beside = (): ScanBeside => {
      const there = threads.beside(sql, 1_000);
      if (there === undefined) throw new Error("there are no threads");
      return {
        ...there,
        scan: async (asked) => {
          const result = await there.scan(asked);
          looked += result === undefined || result === "here" ? 0 : result.looked;
          return result;
        },
      };
    };
    const bodies: string[] = [];
    for (let offset = 0; offset < COUNT; ) {
      const found: GetResult = await store.getMatching(
        { topic: "TopicA", queueId: 0 },
        offset,
        { messagesMax: 32, bytesMax: 256 * 1024 },
        { matches: passes(sql), scannedMax: 100, beside: beside() },
      );
      bodies.push(...decodeRecords(found.body).map(({ body }) => new TextDecoder().decode(body)));
      found.release?.();
      offset = found.nextBeginOffset;
    }
    expect(bodies).toEqual([...Array.from({ length: 40 }, (_, i) => `m${100 + i}`), "m2999"]);
    expect(looked).toBeGreaterThan(COUNT - 128 - 1);
    await threads.close();
    await store.close();
  });
});
