/** Extended units of consume queues: addresses in place of tagsCodes, Apache's layout, and what survives a loss. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { type CqExtUnit, extOffsetAt, writeExtAddress } from "../../core/store/consume_queue_ext.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { tagsCode } from "../../wire/java_hash.ts";
import { propertyOf } from "../../wire/properties.ts";
import { bytesOf, hex, openStore, pull, put, putNow, SMALL } from "./support.ts";

/** Room for four units with four bytes of bits. */
const ON: StoreSettingsInput = { ...SMALL, enableConsumeQueueExt: true, mappedFileSizeConsumeQueueExt: 100 };
const QUEUE = { topic: "TopicA", queueId: 0 };
const EXT = "/store/consumequeue_ext/TopicA/0";
const FIRST = "00000000000000000000";

const bits = (_topic: string, properties: string): Uint8Array | undefined =>
  propertyOf(properties, "TAGS") === "none" ? undefined : new Uint8Array([1, 2, 3, 4]);

async function open(runtime: SimRuntime, input = ON): Promise<DefaultMessageStore> {
  const store = await openStore(runtime, "/store", input);
  store.setFilterBitMap(bits);
  return store;
}

/** What a filter is given for each unit from the start of the queue on. */
async function seen(store: DefaultMessageStore): Promise<[number, CqExtUnit | undefined][]> {
  const units: [number, CqExtUnit | undefined][] = [];
  for (let offset = 0; offset < store.maxOffset(QUEUE); ) {
    const result = await store.get(QUEUE, offset, { messagesMax: 32, bytesMax: 1 << 20 }, (code, ext) => {
      units.push([code, ext]);
      return false;
    });
    offset = result.nextBeginOffset;
  }
  return units;
}

describe("addresses", () => {
  test("are exact, and no hash is one", () => {
    const bytes = new Uint8Array(8);
    for (const offset of [0, 1, 36, 50_331_648, 2 ** 32 - 1, 2 ** 32, 2 ** 45 + 77]) {
      writeExtAddress(bytes, 0, offset);
      expect([extOffsetAt(bytes, 0), bytes[0]]).toEqual([offset, 0x80]);
    }
    expect(extOffsetAt(Buffer.from("ffffffff80000000", "hex"), 0)).toBe(-1);
    expect(extOffsetAt(Buffer.from("ffffffffffffffff", "hex"), 0)).toBe(-1);
    expect(extOffsetAt(Buffer.from("000001a1fbc3721b", "hex"), 0)).toBe(-1);
  });
});

describe("consume queue ext", () => {
  test("a unit has tags, time and bits, and tag filters see the tag", async () => {
    const runtime = simRuntime({ epochMs: 5000 });
    const store = await open(runtime);
    await putNow(store, { tags: "A" });
    await putNow(store, { tags: "none" });
    expect(await seen(store)).toEqual([
      [tagsCode("A"), { tagsCode: tagsCode("A"), msgStoreTime: 5000, filterBitMap: new Uint8Array([1, 2, 3, 4]) }],
      [tagsCode("none"), { tagsCode: tagsCode("none"), msgStoreTime: 5000, filterBitMap: undefined }],
    ]);
    expect((await pull(store, 0, { tags: ["none"] })).messages.map(({ queueOffset }) => queueOffset)).toEqual([1]);
    expect((await store.entries(QUEUE, 0, 9)).map((entry) => entry.tagsCode)).toEqual([tagsCode("A"), tagsCode("none")]);
    await store.close();
    expect(hex(bytesOf(runtime, `${EXT}/${FIRST}`, 0, 46))).toBe(
      `0018${"0000000000000041"}${"0000000000001388"}000401020304${"0014"}${"000000000033af38"}${"0000000000001388"}0000${"0000"}`,
    );
    expect(hex(bytesOf(runtime, `/store/consumequeue/TopicA/0/${FIRST}`, 12, 8))).toBe("8000000000000000");
    expect(hex(bytesOf(runtime, `/store/consumequeue/TopicA/0/${FIRST}`, 32, 8))).toBe("8000000000000018");
  });

  test("a file's end stays free, with a mark where a unit does not fit", async () => {
    const runtime = simRuntime();
    const store = await open(runtime);
    for (let i = 0; i < 10; i++) await putNow(store, { tags: `T${i}` });
    expect((await seen(store)).map(([code]) => code)).toEqual(Array.from({ length: 10 }, (_, i) => tagsCode(`T${i}`)));
    await store.close();
    expect(runtime.files.list(EXT)).toEqual([FIRST, "00000000000000000100", "00000000000000000200"]);
    expect(hex(bytesOf(runtime, `${EXT}/${FIRST}`, 96, 4))).toBe("ffff0000");
  });

  test("light queues and a delayed message's time are as without", async () => {
    const store = await open(simRuntime({ epochMs: 1000 }), { ...ON, enableLmq: true, enableMultiDispatch: true });
    await putNow(store, { topic: "SCHEDULE_TOPIC_XXXX", deliverDelayMs: 500 });
    expect((await store.entries({ topic: "SCHEDULE_TOPIC_XXXX", queueId: 0 }, 0, 1))[0]?.tagsCode).toBe(1500);
    await putNow(store, { tags: "L", properties: "INNER_MULTI_DISPATCH\u0001%LMQ%a\u0002" });
    expect((await store.entries({ topic: "%LMQ%a", queueId: 0 }, 0, 1))[0]?.tagsCode).toBe(tagsCode("L"));
    await store.close();
  });

  test("a deleted topic takes them along; expired files go", async () => {
    const runtime = simRuntime();
    const store = await open(runtime, { ...ON, fileReservedTime: 1 });
    for (let i = 0; i < 100; i++) put(store, { tags: `T${i}`, text: "x".repeat(100) });
    await store.durable(store.stats().maxPhysicalOffset, false);
    const before = runtime.files.list(EXT).length;
    await runtime.clock.advance(2 * 3_600_000);
    const removed = store.deleteExpiredCommitLogs();
    await runtime.clock.advance(10_000);
    expect(await removed).toBeGreaterThan(0);
    expect(runtime.files.list(EXT).length).toBeLessThan(before);
    store.deleteTopics(new Set(["TopicA"]));
    expect(runtime.files.exists("/store/consumequeue_ext/TopicA")).toBe(false);
    await store.close();
  });
});

describe("recovery of extended units", () => {
  const tags = async (store: DefaultMessageStore) => (await seen(store)).map(([code, ext]) => [code, ext?.tagsCode]);
  const wanted = (count: number) => Array.from({ length: count }, (_, i) => [tagsCode(`T${i}`), tagsCode(`T${i}`)]);
  const fill = async (store: DefaultMessageStore, from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) await putNow(store, { tags: `T${i}` });
  };

  test("an orderly stop, and kill -9", async () => {
    let runtime = simRuntime();
    let store = await open(runtime);
    await fill(store, 0, 21);
    await store.close();
    store = await open(runtime);
    await fill(store, 21, 40);
    runtime = runtime.crash("kill");
    store = await open(runtime);
    expect(await tags(store)).toEqual(wanted(40));
    await fill(store, 40, 45);
    expect(await tags(store)).toEqual(wanted(45));
    await store.close();
  });

  test("what a checkpoint could not write is on the disk with the next one", async () => {
    let runtime = simRuntime();
    let store = await open(runtime, { ...ON, flushConsumeQueueThoroughInterval: 50 });
    runtime.disk.fail({ operation: "write", code: "ENOSPC", path: (path) => path.startsWith(EXT), times: 1 });
    await fill(store, 0, 3);
    await runtime.clock.advance(6_000);
    runtime = runtime.crash("power");
    store = await open(runtime);
    expect(await tags(store)).toEqual(wanted(3));
    await store.close();
  });

  test("lost files cost filtering in the queue, no message, and no address is given twice", async () => {
    const runtime = simRuntime();
    let store = await open(runtime);
    await fill(store, 0, 21);
    await store.close();
    runtime.files.removeTree(EXT);
    store = await open(runtime);
    // A record whose unit is lost passes: the client compares the tag itself.
    const result = await pull(store, 0, { tags: ["other"] });
    expect(result.messageCount).toBe(21);
    await fill(store, 21, 23);
    expect(await tags(store)).toEqual([
      [tagsCode("T21"), tagsCode("T21")],
      [tagsCode("T22"), tagsCode("T22")],
    ]);
    await store.close();
  });

  test("switched off again, what is there is read and nothing is added", async () => {
    const runtime = simRuntime();
    let store = await open(runtime);
    await fill(store, 0, 3);
    await store.close();
    store = await open(runtime, { ...ON, enableConsumeQueueExt: false });
    await fill(store, 3, 5);
    expect(await tags(store)).toEqual([...wanted(3), [tagsCode("T3"), undefined], [tagsCode("T4"), undefined]]);
    await store.close();
  });
});
