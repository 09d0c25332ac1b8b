/**
 * Records without the CRC property (enabledAppendPropCRC=false, Apache's default and ours) of which a power cut has taken
 * sectors: body and lengths are guarded, topic and properties only by what an empty sector looks like.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simRuntime } from "../../adapters/sim/sim.ts";
import type { Runtime } from "../../core/runtime.ts";
import type { PutReceipt } from "../../core/store/message_store.ts";
import { formatProperties } from "../../wire/properties.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { linesLog, type MessageParts, openStore, pull, put, putNow, SMALL, textsOf } from "./support.ts";

const SECTOR = 512;
const QUEUE = { topic: "TopicA", queueId: 0 };
/** In a record with hosts of IPv4. */
const BODY_AT = 88;
const FIRST = "commitlog/00000000000000000000";
const directories: string[] = [];

/** Removed at the end. */
function realDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "edgemq-torn-"));
  directories.push(directory);
  return directory;
}

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

interface Left {
  readonly runtime: Runtime;
  readonly directory: string;
  readonly receipts: PutReceipt[];
}

const properties = (i: number, length = 900): string =>
  formatProperties(
    new Map([
      ["UNIQ_KEY", `u${i}`],
      ["p", "v".repeat(length)],
    ]),
  );

/** Three messages, nearly all of them properties, as a crash before the first checkpoint leaves them. */
async function crashed(on: "sim" | "disk", last: MessageParts = {}): Promise<Left> {
  const runtime = on === "sim" ? simRuntime() : await hostRuntime();
  const directory = on === "sim" ? "/store" : realDirectory();
  const store = await openStore(runtime, directory, SMALL);
  const receipts: PutReceipt[] = [];
  for (let i = 0; i < 3; i++) {
    // The second one has a whole sector of properties, wherever it begins.
    const own = { properties: properties(i, i === 1 ? 1200 : 900) };
    receipts.push(await putNow(store, { text: `m${i}`, ...own, ...(i === 2 ? last : {}) }));
  }
  await store.close();
  for (const name of ["checkpoint", "queueEnds.json"]) runtime.files.remove(`${directory}/${name}`);
  for (const name of ["consumequeue"]) runtime.files.removeTree(`${directory}/${name}`);
  runtime.files.write(`${directory}/abort`, new Uint8Array(0));
  return { runtime, directory, receipts };
}

/** The sector never reached the disk. */
function empty({ runtime, directory }: Left, sector: number): void {
  const file = runtime.files.open(`${directory}/${FIRST}`);
  file.writeSync(new Uint8Array(SECTOR), sector * SECTOR);
  file.close();
}

const lastSector = (receipt: PutReceipt): number => Math.floor((receipt.endOffset - 1) / SECTOR);

describe.each([{ on: "sim" as const }, { on: "disk" as const }])("on $on", ({ on }) => {
  test("the last record without its end: it is moved aside, named, and those before it are served", async () => {
    const left = await crashed(on);
    const { runtime, directory, receipts } = left;
    empty(left, lastSector(receipts[2]!));
    const log = linesLog();
    const store = await openStore(runtime, directory, SMALL, log);
    expect(await textsOf(store)).toEqual(["m0", "m1"]);
    expect(store.stats().maxPhysicalOffset).toBe(receipts[2]!.physicalOffset);
    expect(log.lines.filter((line) => line.includes("is torn") && line.includes("moved aside")).length).toBe(1);
    expect(put(store, { text: "m3" }).queueOffset).toBe(2);
    await store.close();
    const again = await openStore(runtime, directory, SMALL);
    expect(await textsOf(again)).toEqual(["m0", "m1", "m3"]);
    await again.close();
  });

  test("a record before good ones, without a sector in the middle: a hole, named and counted", async () => {
    const left = await crashed(on);
    const { runtime, directory, receipts } = left;
    empty(left, lastSector(receipts[1]!) - 1);
    const log = linesLog();
    const store = await openStore(runtime, directory, SMALL, log);
    expect(await textsOf(store)).toEqual(["m0", "m2"]);
    expect(log.lines.filter((line) => line.startsWith("error messages of a queue are lost")).length).toBe(1);
    expect(store.stats().lostQueueOffsetCount).toBe(1);
    await store.close();
  });

  test("whole records: nothing is cut, also when the last one ends with a sector", async () => {
    const before = await crashed(on);
    const length = SECTOR - (before.receipts[2]!.endOffset % SECTOR);
    const { runtime, directory, receipts } = await crashed(on, { properties: properties(2, 900 + length) });
    expect(receipts[2]!.endOffset % SECTOR).toBe(0);
    const store = await openStore(runtime, directory, SMALL);
    expect(await textsOf(store)).toEqual(["m0", "m1", "m2"]);
    await store.close();
  });
});

test("without a part of its topic nobody knows whose message it was: it is cut, and no queue of that name is made", async () => {
  const topic = "T".repeat(120);
  const place = (await crashed("sim")).receipts[2]!.physicalOffset;
  // Its body ends so that a sector begins in the middle of the topic; without properties the lengths hold all the same.
  const text = "b".repeat(SECTOR - ((place + BODY_AT + 60) % SECTOR));
  const left = await crashed("sim", { text, topic, properties: "" });
  empty(left, lastSector(left.receipts[2]!));
  const store = await openStore(left.runtime, left.directory, SMALL);
  expect(await textsOf(store)).toEqual(["m0", "m1"]);
  expect(store.stats().maxPhysicalOffset).toBe(place);
  expect(left.runtime.files.list("/store/consumequeue")).toEqual(["TopicA"]);
  await store.close();
});

test("zeros that a client put there are a message's own when anything stands behind them, or after an orderly stop", async () => {
  const runtime = simRuntime();
  const store = await openStore(runtime, "/store", SMALL);
  const odd = `p\u0001${"v".repeat(900)}${"\0".repeat(400)}`;
  await putNow(store, { text: "odd", properties: odd });
  await putNow(store, { text: "next" });
  const killed = runtime.crash("kill");
  const again = await openStore(killed, "/store", SMALL);
  expect(await textsOf(again)).toEqual(["odd", "next"]);
  await putNow(again, { text: "last", properties: odd });
  await again.close();
  const third = await openStore(killed, "/store", SMALL);
  expect(await textsOf(third)).toEqual(["odd", "next", "last"]);
  await third.close();
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "power cut, seed %d: no torn message is served, and none that was synced is missing",
  async (seed) => {
    let runtime = simRuntime({ seed, disk: { unsyncedPageKept: 0.5, unsyncedEntriesKept: 0.5 } });
    const settings = { ...SMALL, mappedFileSizeCommitLog: 65_536 };
    for (let round = 0; round < 4; round++) {
      const store = await openStore(runtime, "/store", settings);
      for (let i = 0; i < 8; i++) await putNow(store, { text: `s${round}.${i}`, properties: properties(i, 700) }, true);
      for (let i = 0; i < 30; i++) await putNow(store, { text: `a${round}.${i}`, properties: properties(i, 700) });
      runtime = runtime.crash("power");
    }
    const log = linesLog();
    const store = await openStore(runtime, "/store", settings, log);
    const texts = await textsOf(store);
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 8; i++) expect(texts.filter((text) => text === `s${round}.${i}`).length).toBe(1);
    }
    for (let offset = 0; offset < store.maxOffset(QUEUE); ) {
      const pulled = await pull(store, offset);
      expect(pulled.messages.filter((message) => message.properties.includes("\0"))).toEqual([]);
      offset = pulled.nextBeginOffset;
    }
    await store.close();
  },
);
