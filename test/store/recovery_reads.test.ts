/** Damage that no recovery saw: found by a pull, which leaves out what is no message and goes on. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import { writeInt32, writeInt64 } from "../../wire/bytes.ts";
import { decodeRecord, decodeRecords } from "../../wire/message_reader.ts";
import { linesLog, openStore, pull, putNow, textsOf } from "./support.ts";

const QUEUE = "/store/consumequeue/TopicA/0/00000000000000000000";
const LOG = "/store/commitlog/00000000000000000000";

/** Five messages, an orderly stop, and then damage. */
async function damaged(damage: (runtime: SimRuntime, offsets: number[]) => void): Promise<SimRuntime> {
  const runtime = simRuntime();
  const store = await openStore(runtime, "/store");
  const offsets: number[] = [];
  for (let i = 0; i < 5; i++) offsets.push((await putNow(store, { text: `m${i} ${"x".repeat(50)}` })).physicalOffset);
  await store.close();
  damage(runtime, offsets);
  return runtime;
}

function overwrite(runtime: SimRuntime, path: string, at: number, bytes: Uint8Array): void {
  const file = runtime.files.open(path);
  file.writeSync(bytes, at);
  file.close();
}

function unit(physicalOffset: number, size: number): Uint8Array {
  const bytes = new Uint8Array(12);
  writeInt64(bytes, 0, physicalOffset);
  writeInt32(bytes, 8, size);
  return bytes;
}

/** Queue offsets that a filter sees which lets all pass. */
async function shownToFilter(store: DefaultMessageStore): Promise<number[]> {
  const queue = { topic: "TopicA", queueId: 0 };
  const limits = { messagesMax: 32, bytesMax: 1 << 20 };
  const found = await store.getMatching(queue, 0, limits, { matches: () => true, scannedMax: 800 });
  expect(found).toMatchObject({ status: "FOUND", nextBeginOffset: 5, messageCount: 4 });
  return decodeRecords(found.body).map((record) => record.queueOffset);
}

describe("a unit of a consume queue", () => {
  test.each([
    { name: "with a size of nothing", physical: 300, size: 0 },
    { name: "with a negative size", physical: 300, size: -5 },
    { name: "with a size shorter than any record", physical: 300, size: 40 },
    { name: "with a size beyond the file", physical: 300, size: 0x7fff_ffff },
    { name: "with a size beyond the log", physical: 300, size: 500_000_000 },
    { name: "with a negative offset", physical: -300, size: 150 },
    { name: "with an offset beyond the log", physical: 2 ** 40, size: 150 },
    { name: "with an offset between two records", physical: 333, size: 150 },
  ])("$name costs its message only, wherever a pull begins", async ({ physical, size }) => {
    const runtime = await damaged((disk) => overwrite(disk, QUEUE, 2 * 20, unit(physical, size)));
    const log = linesLog();
    const store = await openStore(runtime, "/store", {}, log);
    expect((await textsOf(store)).map((text) => text.slice(0, 2))).toEqual(["m0", "m1", "m3", "m4"]);
    expect(await pull(store, 2, { max: 1 })).toMatchObject({ status: "MESSAGE_WAS_REMOVING", nextBeginOffset: 3 });
    expect((await pull(store, 2)).messages.map((found) => found.queueOffset)).toEqual([3, 4]);
    expect(await shownToFilter(store)).toEqual([0, 1, 3, 4]);
    await store.close();
  });

  test("is mended as the log line says: its queue is moved away after an orderly stop, and made again from the log", async () => {
    const runtime = await damaged((disk) => overwrite(disk, QUEUE, 2 * 20, unit(0, 0)));
    const log = linesLog();
    const store = await openStore(runtime, "/store", {}, log);
    expect((await textsOf(store)).map((text) => text.slice(0, 2))).toEqual(["m0", "m1", "m3", "m4"]);
    expect(log.lines.filter((line) => line.includes("move the queue's directory")).length).toBe(1);
    await store.close();
    runtime.files.rename("/store/consumequeue/TopicA/0", "/store/away");
    const again = await openStore(runtime, "/store");
    expect((await textsOf(again)).map((text) => text.slice(0, 2))).toEqual(["m0", "m1", "m2", "m3", "m4"]);
    expect(again.stats().unreadableRecordCount).toBe(0);
    await again.close();
  });

  test("with a size that only a large message could have: the log is asked before memory is taken", async () => {
    const runtime = await damaged((disk) => overwrite(disk, QUEUE, 2 * 20, unit(300, 20_000_000)));
    const store = await openStore(runtime, "/store");
    for (let i = 0; i < 8; i++) await putNow(store, { body: new Uint8Array(4_000_000), queueId: 1 });
    expect(await pull(store, 2)).toMatchObject({ status: "MESSAGE_WAS_REMOVING", nextBeginOffset: 3 });
    expect(store.stats().unreadableRecordCount).toBe(1);
    expect((await pull(store, 3)).messages.map((found) => found.queueOffset)).toEqual([3, 4]);
    expect(await shownToFilter(store)).toEqual([0, 1, 3, 4]);
    expect(store.stats().unreadableRecordCount).toBe(2);
    await store.close();
  });
});

describe("a record on the disk", () => {
  test.each([
    { name: "with another size", at: 0, bytes: Uint8Array.of(0, 0, 0, 92) },
    { name: "without its magic", at: 4, bytes: Uint8Array.of(1) },
    { name: "that says that it stands elsewhere", at: 34, bytes: Uint8Array.of(9) },
    { name: "with a body longer than it is", at: 84, bytes: Uint8Array.of(0, 1, 0, 0) },
    { name: "with a negative body length", at: 84, bytes: Uint8Array.of(0xff, 0, 0, 0) },
    { name: "with hosts of another kind", at: 39, bytes: Uint8Array.of(0x10) },
  ])("$name is left out, named and counted; a client would drop all that follows it", async ({ at, bytes }) => {
    const runtime = await damaged((disk, offsets) => overwrite(disk, LOG, (offsets[2] as number) + at, bytes));
    const log = linesLog();
    const store = await openStore(runtime, "/store", {}, log);
    expect((await textsOf(store)).map((text) => text.slice(0, 2))).toEqual(["m0", "m1", "m3", "m4"]);
    expect(store.stats().unreadableRecordCount).toBe(1);
    expect(log.lines.filter((line) => line.includes("no message"))).toHaveLength(1);
    expect(await shownToFilter(store)).toEqual([0, 1, 3, 4]);
    for (let i = 0; i < 300; i++) await pull(store, 2, { max: 1 });
    expect(store.stats().unreadableRecordCount).toBe(302);
    expect(log.lines.filter((line) => line.includes("no message"))).toHaveLength(100);
    await store.close();
  });

  test("does not lead a search by time astray", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    const times: number[] = [];
    const offsets: number[] = [];
    for (let i = 0; i < 9; i++) {
      const receipt = await putNow(store, {});
      times.push(receipt.storeTimestamp);
      offsets.push(receipt.physicalOffset);
      await runtime.clock.advance(1000);
    }
    await store.close();
    overwrite(runtime, LOG, (offsets[4] as number) + 4, Uint8Array.of(1));
    const again = await openStore(runtime, "/store");
    const queue = { topic: "TopicA", queueId: 0 };
    for (const i of [0, 1, 2, 3, 5, 6, 7, 8]) expect(await again.offsetByTime(queue, times[i] as number, "LOWER")).toBe(i);
    await again.close();
  });

  test("with a flipped bit in its body is served as it is, as by Apache: the client checks the CRC", async () => {
    const runtime = await damaged((disk, offsets) => overwrite(disk, LOG, (offsets[2] as number) + 90, Uint8Array.of(0x59)));
    const store = await openStore(runtime, "/store");
    const pulled = await pull(store, 2, { max: 1 });
    expect(pulled.status).toBe("FOUND");
    expect(decodeRecord((await store.recordAt(pulled.messages[0]!.physicalOffset))!).body[2]).toBe(0x59);
    await store.close();
  });
});
