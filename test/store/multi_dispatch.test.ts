/** Light queues: one record, an entry in each queue that it names; their offsets are in the record. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { formatProperties, propertyOf } from "../../wire/properties.ts";
import { bytesOf, hex, message, openStore, pull, putNow, refusalOf, SMALL, textsOf } from "./support.ts";

const ON: StoreSettingsInput = { ...SMALL, enableLmq: true, enableMultiDispatch: true };
const DISPATCH = "INNER_MULTI_DISPATCH";
const to = (...names: string[]): string => formatProperties([[DISPATCH, names.join(",")]]);
const lmq = (name: string) => ({ topic: `%LMQ%${name}`, queueId: 0 });

const textsIn = (store: DefaultMessageStore, name: string): Promise<string[]> => textsOf(store, `%LMQ%${name}`);

async function fill(store: DefaultMessageStore, from: number, count: number): Promise<void> {
  for (let i = from; i < from + count; i++) {
    const names = i % 3 === 0 ? ["%LMQ%a", "%LMQ%b"] : i % 3 === 1 ? ["%LMQ%b"] : [];
    await putNow(store, { text: `m${i}`, queueId: i % 2, properties: names.length > 0 ? to(...names) : "" });
  }
}

describe("multi-dispatch", () => {
  test("a record stands in its own queue and in each that it names", async () => {
    const store = await openStore(simRuntime(), "/store", ON);
    await fill(store, 0, 6);
    expect(await textsIn(store, "a")).toEqual(["m0", "m3"]);
    expect(await textsIn(store, "b")).toEqual(["m0", "m1", "m3", "m4"]);
    expect(await textsOf(store, "TopicA", 0)).toEqual(["m0", "m2", "m4"]);
    const [, , third] = (await pull(store, 0, { topic: "%LMQ%b" })).messages;
    expect([third!.topic, third!.queueOffset]).toEqual(["TopicA", 1]);
    expect(propertyOf(third!.properties, "INNER_MULTI_QUEUE_OFFSET")).toBe("1,2");
    expect([store.minOffset(lmq("a")), store.maxOffset(lmq("a"))]).toEqual([0, 2]);
    await store.close();
  });

  test("who waits at a light queue is told", async () => {
    const store = await openStore(simRuntime(), "/store", ON);
    const arrivals: string[] = [];
    store.onArrival(({ topic, queueId, nextOffset }) => arrivals.push(`${topic} ${queueId} ${nextOffset}`));
    await putNow(store, { queueId: 3, properties: to("%LMQ%a", "%LMQ%b") });
    await putNow(store, { queueId: 3, properties: to("%LMQ%b") });
    expect(arrivals).toEqual(["TopicA 3 1", "%LMQ%a 0 1", "%LMQ%b 0 1", "TopicA 3 2", "%LMQ%b 0 2"]);
    await store.close();
  });

  test("a unit of a light queue is that of its record, as Apache has it (%LMQ%abc of a live broker)", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", { enableLmq: true, enableMultiDispatch: true });
    await putNow(store, { tagsCode: 0x27a812, properties: to("%LMQ%abc") });
    await store.close();
    const unit = (topic: string, queueId: number) =>
      hex(bytesOf(runtime, `/store/consumequeue/${topic}/${queueId}/00000000000000000000`, 0, 20));
    expect(unit("%LMQ%abc", 0)).toBe(unit("TopicA", 0));
    expect(unit("%LMQ%abc", 0).slice(-16)).toBe("000000000027a812");
  });

  test("names that are no light queues are passed over, a name twice is one queue", async () => {
    const store = await openStore(simRuntime(), "/store", ON);
    await putNow(store, { text: "x", properties: to("Other", "%LMQ%a", "%LMQ%a") });
    const [record] = (await pull(store, 0)).messages;
    expect(propertyOf(record!.properties, "INNER_MULTI_QUEUE_OFFSET")).toBe(",0,0");
    expect(await textsIn(store, "a")).toEqual(["x"]);
    expect(store.maxOffset({ topic: "Other", queueId: 0 })).toBe(0);
    await store.close();
  });

  test("retries and parked messages wait until they are delivered; without the keys it is an ordinary property", async () => {
    const store = await openStore(simRuntime(), "/store", ON);
    for (const topic of ["%RETRY%G", "%DLQ%G", "SCHEDULE_TOPIC_XXXX", "rmq_sys_wheel_timer", "RMQ_SYS_TRANS_HALF_TOPIC"]) {
      await putNow(store, { topic, properties: to("%LMQ%a") });
    }
    expect(store.maxOffset(lmq("a"))).toBe(0);
    await store.close();
    const off = await openStore(simRuntime(), "/store", { ...SMALL, enableLmq: true });
    await putNow(off, { properties: to("%LMQ%a") });
    expect(off.maxOffset(lmq("a"))).toBe(0);
    expect(propertyOf((await pull(off, 0)).messages[0]!.properties, "INNER_MULTI_QUEUE_OFFSET")).toBe(undefined);
    await off.close();
  });

  test("names that can't be paths, and more queues than may be, are refused; nothing is stored", async () => {
    const store = await openStore(simRuntime(), "/store", { ...ON, enableLmqQuota: true, maxLmqConsumeQueueNum: 2 });
    const status = (...names: string[]) => refusalOf(store.append(message({ properties: to(...names) }))).status;
    expect(status("%LMQ%../x")).toBe("MESSAGE_ILLEGAL");
    expect(status(`%LMQ%${"x".repeat(300)}`)).toBe("MESSAGE_ILLEGAL");
    await putNow(store, { properties: to("%LMQ%a", "%LMQ%b") });
    expect(status("%LMQ%c")).toBe("LMQ_CONSUME_QUEUE_NUM_EXCEEDED");
    await putNow(store, { properties: to("%LMQ%b") });
    store.deleteTopics(new Set(["%LMQ%a"]));
    await putNow(store, { properties: to("%LMQ%c") });
    expect(store.maxOffset({ topic: "TopicA", queueId: 0 })).toBe(3);
    await store.close();
  });

  test("what could not be appended gives its offsets back", async () => {
    const store = await openStore(simRuntime(), "/store", ON);
    const long = `${to("%LMQ%a")}k\u0001${"x".repeat(32_700)}\u0002`;
    expect(refusalOf(store.append(message({ properties: long }))).status).toBe("MESSAGE_ILLEGAL");
    const batch = [message({ properties: to("%LMQ%a") }), message({ topic: "..", properties: "" })];
    expect(refusalOf(store.appendBatch(batch)).status).toBe("MESSAGE_ILLEGAL");
    await putNow(store, { text: "first", properties: to("%LMQ%a") });
    expect(await textsIn(store, "a")).toEqual(["first"]);
    await store.close();
  });
});

describe("recovery of light queues", () => {
  const damages: [string, (runtime: SimRuntime) => void][] = [
    ["nothing", () => {}],
    ["all queues lost", ({ files }) => [files.removeTree("/store/consumequeue"), files.remove("/store/checkpoint")]],
    [
      "one light queue behind",
      ({ files }) => [files.removeTree("/store/consumequeue/%LMQ%b"), files.remove("/store/checkpoint")],
    ],
  ];
  for (const [name, damage] of damages) {
    test(`${name}: every entry is there, and offsets go on`, async () => {
      let runtime = simRuntime();
      let store = await openStore(runtime, "/store", ON);
      await fill(store, 0, 60);
      const before = [await textsIn(store, "a"), await textsIn(store, "b")];
      await store.close();
      runtime.files.write("/store/abort", new Uint8Array(1));
      damage(runtime);
      store = await openStore(runtime, "/store", ON);
      expect([await textsIn(store, "a"), await textsIn(store, "b")]).toEqual(before);
      await fill(store, 60, 30);
      runtime = runtime.crash("kill");
      store = await openStore(runtime, "/store", ON);
      expect((await textsIn(store, "a")).length).toBe(30);
      expect((await textsIn(store, "b")).length).toBe(60);
      await store.close();
    });
  }

  test("a light queue whose messages are all expired is no more", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", {
      ...ON,
      fileReservedTime: 1,
      enableLmqQuota: true,
      maxLmqConsumeQueueNum: 2,
    });
    await putNow(store, { properties: to("%LMQ%old") });
    for (let i = 0; i < 60; i++) await putNow(store, { text: "x".repeat(100), properties: to("%LMQ%new") });
    await runtime.clock.advance(2 * 3_600_000);
    await putNow(store, { properties: to("%LMQ%new") });
    const removed = store.deleteExpiredCommitLogs();
    await runtime.clock.advance(10_000);
    expect(await removed).toBeGreaterThan(0);
    expect(runtime.files.list("/store/consumequeue")).not.toContain("%LMQ%old");
    expect(store.maxOffset(lmq("new"))).toBe(61);
    await putNow(store, { properties: to("%LMQ%another") });
    await store.close();
  });
});
