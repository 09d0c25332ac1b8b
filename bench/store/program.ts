/**
 * What `bench/store.ts` runs of ours: `program.ts <scenario> <directory> <messages> <queues>`, against the store alone, on
 * real files. Prints one `name=value` a line. `StoreProgram.java` does the same with Apache's store.
 */
import { readdirSync, readFileSync } from "node:fs";
import { settingsWith } from "../../core/config.ts";
import { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { DispatchRequest } from "../../core/store/dispatch_request.ts";
import { IndexService } from "../../core/store/index_service.ts";
import type { GetResult, MessageInput } from "../../core/store/message_store.ts";
import { OpenFiles } from "../../core/store/open_files.ts";
import { storeOptions } from "../../core/store/options.ts";
import { hostRuntime } from "../../test/support/host_runtime.ts";
import { formatProperties } from "../../wire/properties.ts";

const [scenario, directory, messagesText, queuesText] = process.argv.slice(2);
const messages = Number(messagesText);
const queues = Number(queuesText);
const runtime = await hostRuntime();
const quiet = (): void => {};
const log = { debug: quiet, info: quiet, warn: console.error, error: console.error };
const settings = settingsWith(
  storeOptions,
  { storePathRootDir: directory!, maxTransferCountOnMessageInDisk: 32 },
  runtime.system,
);
const body = new Uint8Array(200).fill(120);

const tell = (name: string, value: number): void => console.log(`${name}=${value}`);
/** A pull comes from the network: one that is answered at once does not keep others from their turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** As the Java client makes them, so that hashes spread alike. */
const uniqKey = (i: number): string => `7F0000010001${(i * 2_654_435_761).toString(16).toUpperCase().padStart(20, "0")}`;
const topicOf = (queue: number): string => (queues > 1000 ? `Bench${Math.floor(queue / 100)}` : "Bench");
const queueIdOf = (queue: number): number => (queues > 1000 ? queue % 100 : queue);
const cpuMicros = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const microsOf = (name: string, nanos: number[]): void => {
  nanos.sort((a, b) => a - b);
  const at = (share: number): number => (nanos[Math.min(nanos.length - 1, Math.floor(nanos.length * share))] ?? 0) / 1000;
  tell(`${name}.p50Micros`, at(0.5));
  tell(`${name}.p99Micros`, at(0.99));
  tell(`${name}.maxMicros`, at(1));
};

function message(i: number, queue: number): MessageInput {
  return {
    topic: topicOf(queue),
    queueId: queueIdOf(queue),
    flag: 0,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: "127.0.0.1",
    bornPort: 50_000,
    storeHost: "127.0.0.1",
    storePort: 10_911,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body,
    properties: formatProperties(new Map([["UNIQ_KEY", uniqKey(i)]])),
    tagsCode: 0,
  };
}

function put(store: DefaultMessageStore, i: number, queue: number): void {
  const result = store.append(message(i, queue));
  if (result.status !== "PUT_OK") throw new Error(`${result.status}: ${result.reason}`);
}

async function opened(): Promise<DefaultMessageStore> {
  const store = new DefaultMessageStore(runtime, log, settings);
  const began = performance.now();
  await store.load();
  tell("open.ms", performance.now() - began);
  return store;
}

async function fill(): Promise<void> {
  const store = await opened();
  const began = performance.now();
  const cpu = cpuMicros();
  for (let i = 0; i < messages; i++) {
    put(store, i, i % queues);
    if (i % 200 === 199) await store.durable(store.stats().maxPhysicalOffset, false);
  }
  await store.durable(store.stats().maxPhysicalOffset, false);
  tell("fill.rate", (messages / (performance.now() - began)) * 1000);
  tell("fill.cpuMicros", (cpuMicros() - cpu) / messages);
  await store.close();
}

const limits = { messagesMax: 32, bytesMax: 1 << 20 };

async function read(): Promise<void> {
  const store = await opened();
  let stop = false;
  let coldCount = 0;
  const reader = async (first: number): Promise<void> => {
    for (let queueId = first; !stop && queueId < queues; queueId += 4) {
      for (let offset = 0; !stop; ) {
        const got = await store.get({ topic: "Bench", queueId }, offset, limits, undefined);
        await turn();
        if (got.status !== "FOUND") break;
        coldCount += got.messageCount;
        got.release?.();
        offset = got.nextBeginOffset;
      }
    }
  };
  /** A few messages each millisecond, and how long the pull of them takes. */
  const tail = async (ms: number): Promise<number[]> => {
    const nanos: number[] = [];
    const end = performance.now() + ms;
    const queue = { topic: "Bench", queueId: 0 };
    let offset = store.maxOffset(queue);
    let i = messages;
    while (performance.now() < end) {
      for (let k = 0; k < 5; k++) put(store, i++, 0);
      await store.durable(store.stats().maxPhysicalOffset, false);
      const began = process.hrtime.bigint();
      const got: GetResult = await store.get(queue, offset, limits, undefined);
      nanos.push(Number(process.hrtime.bigint() - began));
      offset = got.nextBeginOffset;
      await sleep(1);
    }
    return nanos;
  };
  await tail(1000);
  microsOf("tail.alone", await tail(4000));
  const began = performance.now();
  const cpu = cpuMicros();
  let took = 0;
  let cpuTaken = 0;
  // They may have read everything before the others are at their end.
  const readers = Promise.all([0, 1, 2, 3].map(reader)).then(() => {
    took = performance.now() - began;
    cpuTaken = cpuMicros() - cpu;
  });
  microsOf("tail.beside", await tail(8000));
  stop = true;
  await readers;
  tell("cold.rate", (coldCount / took) * 1000);
  tell("cold.cpuMicros", cpuTaken / coldCount);

  const first = await store.storeTimeAt({ topic: "Bench", queueId: 0 }, 0);
  const last = await store.storeTimeAt({ topic: "Bench", queueId: 1 % queues }, Math.floor(messages / queues) - 1);
  const searches: number[] = [];
  for (let i = 0; i < 5000; i++) {
    const queue = { topic: "Bench", queueId: (i * 7) % queues };
    const time = first + ((i * 7919) % Math.max(1, last - first));
    const from = process.hrtime.bigint();
    await store.offsetByTime(queue, time, "LOWER");
    searches.push(Number(process.hrtime.bigint() - from));
  }
  microsOf("time", searches);

  const queries: number[] = [];
  let found = 0;
  for (let i = 0; i < 5000; i++) {
    const key = uniqKey((i * 3_999_971) % messages);
    const from = process.hrtime.bigint();
    found += (await store.query(`Bench#${key}`, 32, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets.length;
    queries.push(Number(process.hrtime.bigint() - from));
  }
  if (found < 5000) throw new Error(`only ${found} of 5000 keys were found`);
  microsOf("query", queries);
  await store.close();
}

/** All queues from their starts, side by side, as consumers that come back after a while read them. */
async function side(): Promise<void> {
  const first = await opened();
  for (let i = 0; i < messages; i++) {
    put(first, i, i % queues);
    if (i % 200 === 199) await first.durable(first.stats().maxPhysicalOffset, false);
  }
  await first.close();
  const store = await opened();
  const began = performance.now();
  const cpu = cpuMicros();
  let count = 0;
  const reader = async (from: number): Promise<void> => {
    for (let offset = 0; offset < messages / queues; offset += 32) {
      for (let queueId = from; queueId < queues; queueId += 4) {
        const got = await store.get({ topic: "Bench", queueId }, offset, limits, undefined);
        count += got.messageCount;
        got.release?.();
      }
    }
  };
  await Promise.all([0, 1, 2, 3].map(reader));
  if (count !== messages) throw new Error(`${count} messages of ${messages} were read`);
  tell("side.rate", (messages / (performance.now() - began)) * 1000);
  tell("side.cpuMicros", (cpuMicros() - cpu) / messages);
  await store.close();
}

/** Write system calls of this process so far. */
const writeCalls = (): number => Number(/^syscw: (\d+)/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);

async function manyQueues(): Promise<void> {
  const store = await opened();
  const cpu = cpuMicros();
  let filesMax = 0;
  let writesMax = 0;
  let writesBefore = writeCalls();
  const writesFirst = writesBefore;
  const rounds = messages / queues;
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    for (let i = 0; i < queues; i++) {
      put(store, round * queues + i, i);
      if (i % 200 === 199) await store.durable(store.stats().maxPhysicalOffset, false);
    }
    filesMax = Math.max(filesMax, readdirSync("/proc/self/fd").length);
    await sleep(Math.max(1, 1000 - (performance.now() - began)));
    const writes = writeCalls();
    writesMax = Math.max(writesMax, writes - writesBefore);
    writesBefore = writes;
  }
  tell("queues.files", filesMax);
  tell("queues.writesPerSecondMax", writesMax);
  tell("queues.writesPerMessage", (writesBefore - writesFirst) / messages);
  tell("queues.cpuMicros", (cpuMicros() - cpu) / messages);
  const began = performance.now();
  await store.close();
  tell("queues.closeMs", performance.now() - began);
}

async function index(): Promise<void> {
  const open = new OpenFiles(runtime.files, 100);
  const service = new IndexService(runtime, log, settings, open);
  service.load(true, 0);
  const time = Date.now();
  const texts = Array.from({ length: 1_000_000 }, (_, i) => formatProperties(new Map([["UNIQ_KEY", uniqKey(i)]])));
  const request = { topic: "Bench", queueId: 0, size: 340, tagsCode: 0, queueOffset: 0, sysFlag: 0 };
  const began = performance.now();
  const cpu = cpuMicros();
  for (let i = 0; i < messages; i++) {
    const properties = texts[i % texts.length] as string;
    service.put({ ...request, physicalOffset: i * 340, storeTimestamp: time, properties } as DispatchRequest);
  }
  tell("index.putNanos", ((performance.now() - began) * 1e6) / messages);
  await service.sync();
  tell("index.nanos", ((performance.now() - began) * 1e6) / messages);
  tell("index.cpuNanos", ((cpuMicros() - cpu) * 1000) / messages);
  open.closeAll();
}

const scenarios: Record<string, () => Promise<void>> = { fill, read, side, queues: manyQueues, index };
const run = scenarios[scenario ?? ""];
if (run === undefined) throw new Error(`scenario "${scenario}": one of ${Object.keys(scenarios).join(", ")}`);
await run();
