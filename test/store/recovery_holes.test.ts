/** A bad place in the middle of the log: what lies behind it is kept, what is lost is named, and pulls step over it. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { PutReceipt } from "../../core/store/message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { formatProperties } from "../../wire/properties.ts";
import { linesLog, message, openStore, pull, put, SMALL, textsOf } from "./support.ts";

const LOG = "/store/commitlog";
const QUEUES = 2;
const nameOf = (i: number): string => `m${i}`;

/** Messages over two queues, of sizes that differ. */
async function fill(store: DefaultMessageStore, from: number, to: number): Promise<PutReceipt[]> {
  const receipts: PutReceipt[] = [];
  for (let i = from; i < to; i++) {
    const body = new TextEncoder().encode(`${nameOf(i)} ${"x".repeat((i * 29) % 200)}`);
    receipts.push(put(store, { body, queueId: i % QUEUES, properties: formatProperties(new Map([["UNIQ_KEY", `u${i}`]])) }));
    if (i % 5 === 0) await store.durable(store.stats().maxPhysicalOffset, false);
  }
  await store.durable(store.stats().maxPhysicalOffset, false);
  return receipts;
}

interface Killed {
  readonly runtime: SimRuntime;
  readonly receipts: PutReceipt[];
  readonly fileSize: number;
}

async function killedAfter(count: number, input: StoreSettingsInput): Promise<Killed> {
  const runtime = simRuntime();
  const store = await openStore(runtime, "/store", input);
  const receipts = await fill(store, 0, count);
  return { runtime: runtime.crash("kill"), receipts, fileSize: input.mappedFileSizeCommitLog ?? 2 ** 30 };
}

/** Overwrites log bytes; a stretch may reach over files. */
function spoil({ runtime, fileSize }: Killed, at: number, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) {
    const base = at + i - ((at + i) % fileSize);
    const file = runtime.files.open(`${LOG}/${String(base).padStart(20, "0")}`);
    file.writeSync(bytes.subarray(i, i + 1), at + i - base);
    file.close();
  }
}

const names = async (store: DefaultMessageStore, queueId: number): Promise<string[]> =>
  (await textsOf(store, "TopicA", queueId)).map((text) => text.split(" ")[0] as string);

const namesOf = (queueId: number, count: number, lost: readonly number[]): string[] =>
  Array.from({ length: count }, (_, i) => i)
    .filter((i) => i % QUEUES === queueId && !lost.includes(i))
    .map(nameOf);

const zeros = (count: number): Uint8Array => new Uint8Array(count);
const ones = (count: number): Uint8Array => new Uint8Array(count).fill(0xff);

interface Wound {
  readonly name: string;
  /** Where, and what is written over it. */
  readonly places: (killed: Killed) => [at: number, bytes: Uint8Array][];
  /** The messages that are gone. */
  readonly lost: number[];
}

const WOUNDS: Wound[] = [
  { name: "a bit of a body", places: (k) => [[at(k, 7) + 90, Uint8Array.of(0x81)]], lost: [7] },
  { name: "a size that is too large", places: (k) => [[at(k, 7), Uint8Array.of(0x7f, 0xff)]], lost: [7] },
  { name: "a size that is a little too small", places: (k) => [[at(k, 7) + 3, Uint8Array.of(0x5c)]], lost: [7] },
  { name: "a size of zero", places: (k) => [[at(k, 7), zeros(4)]], lost: [7] },
  { name: "no magic", places: (k) => [[at(k, 7) + 4, ones(4)]], lost: [7] },
  { name: "another physical offset", places: (k) => [[at(k, 7) + 35, Uint8Array.of(0x5a)]], lost: [7] },
  { name: "a body length beyond the record", places: (k) => [[at(k, 7) + 84, ones(4)]], lost: [7] },
  { name: "all of it is zeros", places: (k) => [[at(k, 7), zeros(size(k, 7))]], lost: [7] },
  { name: "zeros over the ends of two messages", places: (k) => [[at(k, 8) - 20, zeros(40)]], lost: [7, 8] },
  { name: "garbage over five", places: (k) => [[at(k, 7) + 3, ones(at(k, 11) - at(k, 7))]], lost: [7, 8, 9, 10, 11] },
  {
    name: "two places",
    places: (k) => [
      [at(k, 7), ones(50)],
      [at(k, 12), zeros(50)],
    ],
    lost: [7, 12],
  },
];
const at = (killed: Killed, i: number): number => (killed.receipts[i] as PutReceipt).physicalOffset;
const size = (killed: Killed, i: number): number => (killed.receipts[i] as PutReceipt).size;

describe.each([
  { kind: "default file sizes", input: {} as StoreSettingsInput },
  { kind: "small files", input: SMALL },
])("a bad place, $kind", ({ input }) => {
  test.each(WOUNDS)("$name: the messages behind it are served, its offsets are stepped over", async ({ places, lost }) => {
    const killed = await killedAfter(30, input);
    for (const [place, bytes] of places(killed)) spoil(killed, place, bytes);
    const log = linesLog();
    const store = await openStore(killed.runtime, "/store", input, log);
    expect(await names(store, 0)).toEqual(namesOf(0, 30, lost));
    expect(await names(store, 1)).toEqual(namesOf(1, 30, lost));
    for (const queueId of [0, 1]) expect(store.maxOffset({ topic: "TopicA", queueId })).toBe(15);

    // A pull that begins in the hole ends beyond it, and a message keeps its own offset.
    for (const i of lost) {
      const offset = (killed.receipts[i] as PutReceipt).queueOffset;
      const one = await pull(store, offset, { queueId: i % QUEUES, max: 1 });
      expect(one).toMatchObject({ status: "MESSAGE_WAS_REMOVING", messageCount: 0 });
      expect(one.nextBeginOffset).toBe(offset + 1);
      const some = await pull(store, offset, { queueId: i % QUEUES });
      expect(some.status).toBe("FOUND");
      expect(some.messages[0]?.queueOffset).toBeGreaterThan(offset);
      const [entry] = await store.entries({ topic: "TopicA", queueId: i % QUEUES }, offset, 1);
      expect(entry).toMatchObject({ queueOffset: offset, isHole: true });
      expect((await store.query(`TopicA#u${i}`, 1, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets).toEqual([]);
    }

    // Named and counted.
    const stats = store.stats();
    expect(stats.lostQueueOffsetCount).toBe(lost.length);
    expect(stats.lostStretchCount).toBeGreaterThanOrEqual(1);
    expect(stats.lostBytes).toBeGreaterThanOrEqual(size(killed, 7));
    expect(log.lines.some((line) => line.includes("a stretch of the commit log is lost") && line.includes("Apache"))).toBe(true);
    expect(log.lines.some((line) => line.includes("messages of a queue are lost") && line.includes('"TopicA"'))).toBe(true);

    // It goes on, and later starts see the same, after a stop as after a kill.
    const more = await fill(store, 30, 40);
    expect(more[0]?.queueOffset).toBe(15);
    await store.close();
    const second = await openStore(killed.runtime, "/store", input);
    expect(second.stats().lostStretchCount).toBe(0);
    for (const queueId of [0, 1]) expect(await names(second, queueId)).toEqual(namesOf(queueId, 40, lost));
    killed.runtime.files.remove("/store/checkpoint");
    const third = await openStore(killed.runtime.crash("kill"), "/store", input);
    for (const queueId of [0, 1]) expect(await names(third, queueId)).toEqual(namesOf(queueId, 40, lost));
    await third.close();
  });

  test("the last message of a queue, whose header is whole: its offset is not given away again", async () => {
    const killed = await killedAfter(30, input);
    spoil(killed, at(killed, 28) + 90, Uint8Array.of(0x81));
    const store = await openStore(killed.runtime, "/store", input);
    expect(store.maxOffset({ topic: "TopicA", queueId: 0 })).toBe(15);
    expect(await names(store, 0)).toEqual(namesOf(0, 30, [28]));
    expect(put(store, { queueId: 0 }).queueOffset).toBe(15);
    await store.durable(store.stats().maxPhysicalOffset, false);
    expect((await pull(store, 14)).messages.map((found) => found.queueOffset)).toEqual([15]);
    await store.close();
  });

  test("the first message of a queue: the queue begins behind it", async () => {
    const killed = await killedAfter(30, input);
    spoil(killed, at(killed, 0) + 4, ones(4));
    const store = await openStore(killed.runtime, "/store", input);
    expect(store.minOffset({ topic: "TopicA", queueId: 0 })).toBe(1);
    expect(await pull(store, 0)).toMatchObject({ status: "OFFSET_TOO_SMALL", nextBeginOffset: 1 });
    expect(await names(store, 0)).toEqual(namesOf(0, 30, [0]));
    await store.close();
  });

  test("a tail behind which nothing valid follows is cut, and all of it is kept beside the store", async () => {
    const killed = await killedAfter(30, input);
    const from = at(killed, 27);
    const end = at(killed, 29) + size(killed, 29);
    for (const i of [27, 28, 29]) spoil(killed, at(killed, i) + 4, ones(4));
    const log = linesLog();
    const store = await openStore(killed.runtime, "/store", input, log);
    expect(store.stats().maxPhysicalOffset).toBe(from);
    expect(store.stats().lostStretchCount).toBe(0);
    const directory = `/store/commitlog-cut-${from}`;
    let kept = 0;
    for (const name of killed.runtime.files.list(directory)) kept += killed.runtime.files.stat(`${directory}/${name}`)?.size ?? 0;
    expect(kept).toBeGreaterThan((end - from) * 0.9);
    expect(log.lines.some((line) => line.includes("moved aside"))).toBe(true);
    const texts = await names(store, 1);
    expect(texts).toEqual(namesOf(1, 27, []));
    await store.close();
  });
});

describe("the search for the next record", () => {
  test("does not take what only looks like one", async () => {
    // A body with the head of a record that claims the very place where it stands: cut short, its CRC can't hold.
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    const first = put(store, {});
    const forged = new Uint8Array(400);
    const view = new DataView(forged.buffer);
    const bodyAt = first.endOffset + 88;
    view.setInt32(100, 150);
    view.setInt32(104, 0xdaa320a7 | 0);
    view.setBigInt64(128, BigInt(bodyAt + 100));
    put(store, message({ body: forged }));
    put(store, { text: "behind" });
    await store.durable(store.stats().maxPhysicalOffset, false);
    const killed: Killed = { runtime: runtime.crash("kill"), receipts: [], fileSize: 2 ** 30 };
    spoil(killed, first.endOffset, ones(60));
    const again = await openStore(killed.runtime, "/store");
    expect(await textsOf(again)).toEqual(["hello", "behind"]);
    await again.close();
  });

  test("is one pass over the bytes, whatever they look like", async () => {
    // A body of heads that claim their own places and sizes up to the end of the file: each asks for a large read.
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    const first = put(store, {});
    const forged = new Uint8Array(3_000_000);
    const view = new DataView(forged.buffer);
    const bodyAt = first.endOffset + 88;
    for (let i = 0; i + 91 < forged.length; i += 91) {
      view.setInt32(i, forged.length - i);
      view.setInt32(i + 4, 0xdaa320a7 | 0);
      view.setBigInt64(i + 28, BigInt(bodyAt + i));
      view.setInt32(i + 84, forged.length - i - 91);
    }
    put(store, message({ body: forged }));
    put(store, { text: "behind" });
    await store.durable(store.stats().maxPhysicalOffset, false);
    const killed: Killed = { runtime: runtime.crash("kill"), receipts: [], fileSize: 2 ** 30 };
    spoil(killed, first.endOffset, ones(60));
    let read = 0;
    const again = await openStore(
      countingReads(killed.runtime, (bytes) => {
        read += bytes;
      }),
      "/store",
    );
    expect(await textsOf(again)).toEqual(["hello", "behind"]);
    expect(read).toBeLessThan(200_000_000);
    await again.close();
  });

  test("goes over megabytes of zeros to the records behind them, and not through the holes of a sparse file", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    for (let i = 0; i < 12; i++) put(store, { body: new Uint8Array(1_000_000).fill(i + 1) });
    put(store, { text: "behind" });
    await store.durable(store.stats().maxPhysicalOffset, false);
    const end = store.stats().maxPhysicalOffset;
    const killed: Killed = { runtime: runtime.crash("kill"), receipts: [], fileSize: 2 ** 30 };
    const file = killed.runtime.files.open(`${LOG}/00000000000000000000`);
    file.writeSync(zeros(11_500_000), 500_000);
    file.close();
    let read = 0;
    const again = await openStore(
      countingReads(killed.runtime, (bytes) => {
        read += bytes;
      }),
      "/store",
    );
    expect(again.maxOffset({ topic: "TopicA", queueId: 0 })).toBe(13);
    expect(again.stats().maxPhysicalOffset).toBe(end);
    // All of the log is lost but the last message, whose file is 1 GiB with holes.
    expect(again.minOffset({ topic: "TopicA", queueId: 0 })).toBe(12);
    expect(await textsOf(again)).toEqual(["behind"]);
    expect(read).toBeLessThan(60_000_000);
    await again.close();
  });

  test("what a failed write left, and a later one wrote over in part, does not come back", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    put(store, { text: "a" });
    await store.durable(store.stats().maxPhysicalOffset, false);
    const end = store.stats().maxPhysicalOffset;
    // Refused messages whose bytes are on the disk all the same.
    const later = put(store, { text: "refused ".repeat(20) });
    put(store, { text: "refused as well" });
    await store.durable(store.stats().maxPhysicalOffset, false);
    const stale = new Uint8Array(store.stats().maxPhysicalOffset - end);
    const file = runtime.files.open(`${LOG}/00000000000000000000`);
    file.readSync(stale, end);
    const zeroed = zeros(stale.length);
    file.writeSync(zeroed, end);
    const reopened = runtime.crash("kill");
    const second = await openStore(reopened, "/store");
    await reopened.clock.advance(1100);
    put(second, { text: "b" });
    await second.durable(second.stats().maxPhysicalOffset, false);
    const newEnd = second.stats().maxPhysicalOffset;
    expect(newEnd).toBeLessThan(later.endOffset);
    const killed: Killed = { runtime: reopened.crash("kill"), receipts: [], fileSize: 2 ** 30 };
    spoil(killed, newEnd, stale.subarray(newEnd - end));
    const third = await openStore(killed.runtime, "/store");
    expect(await textsOf(third)).toEqual(["a", "b"]);
    expect(third.stats().maxPhysicalOffset).toBe(newEnd);
    await third.close();
  });
});

/** Tells of each read of a commit log file. */
function countingReads(runtime: SimRuntime, tell: (bytes: number) => void): SimRuntime {
  const { files } = runtime;
  const open = files.open.bind(files);
  files.open = (path, options) => {
    const handle = open(path, options);
    if (!path.startsWith(LOG)) return handle;
    const readSync = handle.readSync.bind(handle);
    const read = handle.read.bind(handle);
    handle.readSync = (target, position) => {
      tell(target.length);
      return readSync(target, position);
    };
    handle.read = (target, position) => {
      tell(target.length);
      return read(target, position);
    };
    return handle;
  };
  return runtime;
}
