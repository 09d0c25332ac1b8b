/** Queues of batches: one unit a batch, found by the offset of any message in it; Apache's bytes; rebuilt from the log. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { writeBatchUnit } from "../../core/store/batch_consume_queue.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { PutReceipt } from "../../core/store/message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { encodeBatch } from "../../wire/batch.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { decodeRecord } from "../../wire/message_reader.ts";
import { propertyOf, removeProperty } from "../../wire/properties.ts";
import { bytesOf, hex, type MessageParts, message, openStore, pull, refusalOf, SMALL } from "./support.ts";

/** A batch of three that Apache 5.5.0 stored at 2093 of its log, and its unit. */
const APACHE_RECORD =
  "0000026fdaa320a718ef26b500000000000000000000000000000000000000000000082d000000c0000001a1fca103d37f0000010000876c" +
  "000001a1fca103fa7f000001000049ec000000000000000000000000000001620000007600000000000000000000000000000003612d3000" +
  "5d4b45595301612d3002554e49515f4b45590146443030303030303030303030303030303030303030303030303030303030323146354234" +
  "4530453246324136383339314134383030303002574149540174727565025441475301543002000000760000000000000000000000000000" +
  "0003612d31005d4b45595301612d3102554e49515f4b45590146443030303030303030303030303030303030303030303030303030303030" +
  "3231463542344530453246324136383339314134383030303102574149540174727565025441475301543102000000760000000000000000" +
  "0000000000000003612d32005d4b45595301612d3202554e49515f4b45590146443030303030303030303030303030303030303030303030" +
  "30303030303032314635423445304532463241363833393141343830303032025741495401747275650254414753015430020f72305f6261" +
  "74636851756575655f7400a3494e4e45525f424153450130024d53475f524547494f4e0144656661756c74526567696f6e02554e49515f4b" +
  "4559014644303030303030303030303030303030303030303030303030303030303032314635423445304532463241363833393141343830" +
  "30303302434c55535445520144656661756c74436c7573746572025741495401747275650254524143455f4f4e017472756502494e4e4552" +
  "5f4e554d013302";
const APACHE_UNIT = "000000000000082d0000026f0000000000000000000001a1fca103fa00000000000000000003ffffffff00000000";

const APACHE_TOPIC = "r0_batchQueue_t";
const ATTRIBUTES = (topic: string) => (topic === "TopicA" || topic === APACHE_TOPIC ? { "queue.type": "BatchCQ" } : {});
/** Ten units a file. */
const INPUT: StoreSettingsInput = { ...SMALL, mapperFileSizeBatchConsumeQueue: 460 };
const QUEUE = { topic: "TopicA", queueId: 0 };
const FILE = "/store/batchconsumequeue/TopicA/0/00000000000000000000";

const open = (runtime: SimRuntime, input = INPUT): Promise<DefaultMessageStore> =>
  openStore(runtime, "/store", input, undefined, ATTRIBUTES);

const batchOf = (label: string, count: number, more: MessageParts = {}): MessageParts => ({
  sysFlag: 0xc0,
  innerBatchSize: count,
  body: encodeBatch(Array.from({ length: count }, (_, i) => ({ flag: 0, body: encodeUtf8(`${label}${i}`), properties: "" }))),
  properties: `INNER_NUM\u0001${count}\u0002`,
  ...more,
});

async function put(store: DefaultMessageStore, parts: MessageParts): Promise<number> {
  const receipt = store.append(message(parts));
  if (receipt.status !== "PUT_OK") throw new Error(receipt.reason);
  await store.durable(receipt.endOffset, false);
  return receipt.queueOffset;
}

/** Queue offsets of the records that a pull gets. */
const pulled = async (store: DefaultMessageStore, offset: number, max = 32): Promise<number[]> =>
  (await pull(store, offset, { max })).messages.map(({ queueOffset }) => queueOffset);

describe("batch consume queue", () => {
  test("a batch takes as many offsets as it has messages, says where it begins, and is never cut in two", async () => {
    const store = await open(simRuntime());
    expect(await put(store, batchOf("a", 3))).toBe(0);
    expect(await put(store, batchOf("b", 2))).toBe(3);
    expect(await put(store, { text: "single" })).toBe(5);
    expect(await put(store, batchOf("c", 4))).toBe(6);
    expect([store.minOffset(QUEUE), store.maxOffset(QUEUE)]).toEqual([0, 10]);
    expect(await pulled(store, 0)).toEqual([0, 3, 5, 6]);
    expect(await pulled(store, 4)).toEqual([3, 5, 6]);
    expect(await pulled(store, 9)).toEqual([6]);
    const few = await pull(store, 0, { max: 4 });
    expect([few.messageCount, few.nextBeginOffset]).toEqual([3, 3]);
    expect((await pull(store, 7, { max: 1 })).messageCount).toBe(4);
    expect(await pull(store, 10)).toMatchObject({ status: "OFFSET_OVERFLOW_ONE", nextBeginOffset: 10, maxOffset: 10 });
    expect(await pull(store, 11)).toMatchObject({ status: "OFFSET_OVERFLOW_BADLY", nextBeginOffset: 10 });
    const [, second] = (await pull(store, 0)).messages;
    expect(propertyOf(second!.properties, "INNER_BASE")).toBe("3");
    expect((await store.entries(QUEUE, 0, 10)).map(({ queueOffset }) => queueOffset)).toEqual([0, 3, 5, 6]);
    await store.close();
  });

  test("arrivals say the offset behind the batch", async () => {
    const store = await open(simRuntime());
    const next: number[] = [];
    store.onArrival(({ nextOffset }) => next.push(nextOffset));
    await put(store, batchOf("a", 3));
    await put(store, batchOf("b", 2));
    expect(next).toEqual([3, 5]);
    await store.close();
  });

  test("tags filter whole batches", async () => {
    const store = await open(simRuntime());
    await put(store, batchOf("a", 3, { tagsCode: 7 }));
    await put(store, batchOf("b", 2, { tagsCode: 8 }));
    const result = await store.get(QUEUE, 0, { messagesMax: 32, bytesMax: 1 << 20 }, (code) => code === 8);
    expect([result.status, result.messageCount, result.nextBeginOffset]).toEqual(["FOUND", 2, 5]);
    await store.close();
  });

  test("search by time", async () => {
    const runtime = simRuntime({ epochMs: 1000 });
    const store = await open(runtime);
    await put(store, batchOf("a", 3));
    await runtime.clock.advance(10);
    await put(store, batchOf("b", 3));
    await put(store, batchOf("c", 3));
    await runtime.clock.advance(10);
    await put(store, batchOf("d", 3));
    const times = async (boundary: "LOWER" | "UPPER") =>
      Promise.all([0, 1000, 1005, 1010, 1015, 1020, 9999].map((time) => store.offsetByTime(QUEUE, time, boundary)));
    expect(await times("LOWER")).toEqual([0, 0, 3, 3, 9, 9, 9]);
    expect(await times("UPPER")).toEqual([0, 0, 3, 6, 9, 9, 9]);
    expect(await store.storeTimeAt(QUEUE, 4)).toBe(1010);
    expect(await store.earliestStoreTime(QUEUE)).toBe(1000);
    await store.close();
  });

  test("Apache's bytes: its batch of three, at its place in its log", async () => {
    const runtime = simRuntime({ epochMs: 0x1a1fca103fa });
    const input = { mappedFileSizeCommitLog: 8192 };
    const store = await open(runtime, input);
    const record = decodeRecord(Buffer.from(APACHE_RECORD, "hex"));
    const padding = message({ topic: "Padding" });
    const { size } = store.append(padding) as PutReceipt;
    store.append({ ...padding, body: new Uint8Array(record.physicalOffset - size - (size - padding.body.length)) });
    const properties = removeProperty(record.properties, "INNER_BASE");
    await put(store, { ...record, topic: record.topic, properties, innerBatchSize: 3 });
    await store.close();
    const file = FILE.replace("TopicA", APACHE_TOPIC);
    expect(hex(bytesOf(runtime, file, 0, 46))).toBe(APACHE_UNIT);
    expect(runtime.files.stat(file)?.size).toBe(13_800_000);
    expect(runtime.files.list("/store/consumequeue")).not.toContain(APACHE_TOPIC);
  });

  test("an inner batch to a plain queue is refused, and a deleted topic takes its files along", async () => {
    const runtime = simRuntime();
    const store = await open(runtime);
    expect(refusalOf(store.append(message({ ...batchOf("a", 2), topic: "Plain" }))).status).toBe("MESSAGE_ILLEGAL");
    await put(store, batchOf("a", 3));
    expect(store.queues()).toEqual(new Map([["TopicA", [0]]]));
    store.deleteTopics(new Set(["TopicA"]));
    expect(store.queues()).toEqual(new Map());
    expect(runtime.files.exists("/store/batchconsumequeue/TopicA")).toBe(false);
    expect(await put(store, batchOf("b", 2))).toBe(0);
    await store.close();
  });
});

describe("recovery of a batch consume queue", () => {
  const fill = async (store: DefaultMessageStore, from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) await put(store, batchOf(`b${i}-`, 1 + (i % 5), { queueId: i % 2 }));
  };
  const all = async (store: DefaultMessageStore): Promise<string[]> => {
    const found: string[] = [];
    for (const queueId of [0, 1]) {
      const queue = { topic: "TopicA", queueId };
      for (let offset = 0; offset < store.maxOffset(queue); ) {
        const result = await pull(store, offset, { queueId });
        expect(result.status).toBe("FOUND");
        for (const { queueOffset, body } of result.messages) found.push(`${queueId}:${queueOffset} ${hex(body)}`);
        offset = result.nextBeginOffset;
      }
    }
    return found;
  };

  test("an orderly stop, and kill -9", async () => {
    let runtime = simRuntime();
    let store = await open(runtime);
    await fill(store, 0, 57);
    const before = await all(store);
    expect(before.length).toBe(57);
    await store.close();
    store = await open(runtime);
    expect(await all(store)).toEqual(before);
    await fill(store, 57, 80);
    const later = await all(store);
    runtime = runtime.crash("kill");
    store = await open(runtime);
    expect(await all(store)).toEqual(later);
    await store.close();
  });

  test("a power cut leaves what was synced", async () => {
    let runtime = simRuntime();
    let store = await open(runtime);
    await fill(store, 0, 57);
    const before = await all(store);
    await store.durable(store.stats().maxPhysicalOffset, true);
    runtime = runtime.crash("power");
    store = await open(runtime);
    expect(await all(store)).toEqual(before);
    await store.close();
  });

  test("units that a checkpoint could not write are on the disk with the next one", async () => {
    let runtime = simRuntime();
    let store = await open(runtime, { ...INPUT, flushConsumeQueueThoroughInterval: 50 });
    runtime.disk.fail({ operation: "write", code: "ENOSPC", path: (path) => path.includes("/batchconsumequeue/"), times: 1 });
    await fill(store, 0, 17);
    const before = await all(store);
    await runtime.clock.advance(6_000);
    runtime = runtime.crash("power");
    store = await open(runtime);
    expect(before).toHaveLength(17);
    expect(await all(store)).toEqual(before);
    await store.close();
  });

  test("a unit that a power cut left behind its message is taken off, and stays off after another one", async () => {
    let runtime = simRuntime();
    let store = await open(runtime);
    await put(store, batchOf("a", 2));
    // The last one, with which the next start begins.
    await put(store, batchOf("b", 4, { queueId: 1 }));
    await store.close();
    runtime = runtime.crash("power");
    const stray = new Uint8Array(46);
    writeBatchUnit(stray, 0, { physicalOffset: 2_000, size: 200, tagsCode: 0, storeTimestamp: 1, baseOffset: 2, batchSize: 3 });
    const file = runtime.files.open(FILE);
    file.writeSync(stray, 46);
    file.dataSyncSync();
    file.close();
    runtime.files.write("/store/abort", new Uint8Array(0));
    store = await open(runtime);
    for (let i = 0; i < 10; i++) await put(store, batchOf(`b${i}`, 4, { queueId: 1 }));
    expect(store.stats().maxPhysicalOffset).toBeGreaterThan(2_000);
    await runtime.clock.advance(70_000);
    store = await open(runtime.crash("power"));
    expect(store.maxOffset(QUEUE)).toBe(2);
    await store.close();
  });

  test("files that are lost, behind the log or ahead of it are made again from the log", async () => {
    for (const damage of ["lost", "behind", "ahead"] as const) {
      let runtime = simRuntime();
      let store = await open(runtime);
      await fill(store, 0, 30);
      const before = await all(store);
      await store.close();
      const { files } = runtime;
      files.write("/store/abort", new Uint8Array(1));
      if (damage === "lost") {
        files.removeTree("/store/batchconsumequeue");
        files.remove("/store/checkpoint");
      } else if (damage === "behind") {
        const file = files.open(FILE);
        file.writeSync(new Uint8Array(230), 230);
        file.close();
        files.removeTree("/store/batchconsumequeue/TopicA/1");
        files.remove("/store/checkpoint");
      } else {
        // A unit of a record that the log does not have.
        const unit = Buffer.from(APACHE_UNIT, "hex");
        unit[5] = 0xff;
        const file = files.open(FILE.replace(/0000$/, "0460"));
        file.writeSync(unit, 230);
        file.close();
      }
      runtime = runtime.crash("kill");
      store = await open(runtime);
      expect([damage, await all(store)]).toEqual([damage, before]);
      expect(await put(store, batchOf("after", 2))).toBe(Number(store.maxOffset(QUEUE)) - 2);
      await store.close();
    }
  });

  test("expired files go with the log, and the smallest offset is that of a batch", async () => {
    const runtime = simRuntime();
    const store = await open(runtime, { ...INPUT, fileReservedTime: 1 });
    await fill(store, 0, 100);
    const first = store.minOffset(QUEUE);
    await runtime.clock.advance(2 * 3_600_000);
    const removed = store.deleteExpiredCommitLogs();
    await runtime.clock.advance(10_000);
    expect(await removed).toBeGreaterThan(0);
    const min = store.minOffset(QUEUE);
    expect([first, min > 0]).toEqual([0, true]);
    expect((await pull(store, 0)).status).toBe("OFFSET_TOO_SMALL");
    const [oldest] = await pulled(store, min);
    expect(oldest).toBe(min);
    expect(runtime.files.exists(FILE)).toBe(false);
    await store.close();
  });
});
