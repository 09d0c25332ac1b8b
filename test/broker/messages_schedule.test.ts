import { describe, expect, test } from "bun:test";
import type { SimRuntime } from "../../adapters/sim/sim.ts";
import type { PutReceipt, PutRefusal } from "../../core/store/message_store.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { encodeMessageId } from "../../wire/message_id.ts";
import { parseProperties } from "../../wire/properties.ts";
import { Harness, type HarnessOptions, newGroup, newTopic } from "./messages_harness.ts";

const SCHEDULE = "SCHEDULE_TOPIC_XXXX";
const HALF = "RMQ_SYS_TRANS_HALF_TOPIC";

/** Where `part` begins in `bytes`. */
const indexOf = (bytes: Uint8Array, part: Uint8Array): number =>
  bytes.findIndex((_byte, at) => part.every((each, i) => bytes[at + i] === each));

/** A master: delays are delivered. */
async function master(options: HarnessOptions = {}): Promise<Harness> {
  const harness = await Harness.open(options);
  harness.messages.startMaster();
  await harness.runtime.clock.advance(1_000);
  return harness;
}

const bodies = async (harness: Harness, topic = "T", queueId = 0): Promise<string[]> =>
  (await harness.messagesOf(topic, queueId)).map((message) => new TextDecoder().decode(message.body));

const fileText = (runtime: SimRuntime, path: string): string =>
  new TextDecoder().decode(runtime.files.read(path) ?? new Uint8Array(0));

describe("delay levels: parking", () => {
  test("a message with a level waits in the queue of the level, with the time of its delivery", async () => {
    const harness = await Harness.open();
    const outcome = await harness.send({ queueId: 2, properties: { DELAY: "3", TAGS: "TagD" } });
    expect(outcome).toMatchObject({ code: 0, header: { queueId: 2, queueOffset: 0 } });
    const [parked] = await harness.messagesOf(SCHEDULE, 2);
    const properties = parseProperties(parked?.properties ?? "");
    expect(properties.get("REAL_TOPIC")).toBe("T");
    expect(properties.get("REAL_QID")).toBe("2");
    expect(properties.get("DELAY")).toBe("3");
    const [entry] = await harness.store.entries({ topic: SCHEDULE, queueId: 2 }, 0, 1);
    expect(entry?.tagsCode).toBe((parked?.storeTimestamp ?? 0) + 10_000);
    expect(harness.counted).toEqual([`put ${SCHEDULE} 1`]);
    await harness.close();
  });

  test("a level above the highest becomes the highest, in the stored text too", async () => {
    const harness = await Harness.open();
    await harness.send({ properties: { DELAY: "99" } });
    const [parked] = await harness.messagesOf(SCHEDULE, 17);
    expect(parseProperties(parked?.properties ?? "").get("DELAY")).toBe("18");
    await harness.close();
  });

  test("with a level the timer properties mean nothing and are not stored", async () => {
    const harness = await Harness.open();
    const outcome = await harness.send({ properties: { DELAY: "1", TIMER_DELAY_SEC: "5", TIMER_DELIVER_MS: "7" } });
    expect(outcome.code).toBe(0);
    expect((await harness.messagesOf(SCHEDULE, 0))[0]?.properties).not.toContain("TIMER_");
    await harness.close();
  });

  test.each(["0", "-1"])("level %p is none", async (level) => {
    const harness = await Harness.open();
    await harness.send({ properties: { DELAY: level } });
    expect(await bodies(harness)).toEqual(["hello"]);
    await harness.close();
  });

  test("a table of levels that can't be read is named at the start", async () => {
    const opened = Harness.open({ settings: { messageDelayLevel: "1s soon" } });
    expect(await opened.then(String, String)).toMatch(/messageDelayLevel=1s soon/);
  });
});

describe("delay levels: delivery", () => {
  test("when the time has come, not before, with the properties as they were parked", async () => {
    const harness = await master();
    await harness.send({ queueId: 1, body: "d", flag: 5, properties: { DELAY: "2", TAGS: "TagD", WAIT: "true", UNIQ_KEY: "U" } });
    await harness.runtime.clock.advance(4_900);
    expect(await bodies(harness, "T", 1)).toEqual([]);
    await harness.runtime.clock.advance(200);
    const [message] = await harness.messagesOf("T", 1);
    const [parked] = await harness.messagesOf(SCHEDULE, 1);
    expect(message).toMatchObject({ topic: "T", queueId: 1, flag: 5, properties: parked?.properties, bornPort: 50_000 });
    expect(parseProperties(message?.properties ?? "").get("DELAY")).toBe("2");
    expect(await harness.store.entries({ topic: "T", queueId: 1 }, 0, 1)).toMatchObject([{ tagsCode: hashCode("TagD") }]);
    await harness.close();
  });

  test("a held pull is woken by it", async () => {
    const harness = await master();
    await harness.send({ body: "late", properties: { DELAY: "1" } });
    const held = harness.pull({ sysFlag: 6 });
    await harness.runtime.clock.advance(1_100);
    expect((await held)?.code).toBe(0);
    await harness.close();
  });

  test("many of several levels arrive in the order of each level", async () => {
    const harness = await master();
    for (let i = 0; i < 150; i++) await harness.send({ body: `a${i}`, properties: { DELAY: "1" } });
    await harness.send({ body: "b", properties: { DELAY: "2" } });
    await harness.runtime.clock.advance(2_000);
    expect(await bodies(harness)).toEqual(Array.from({ length: 150 }, (_, i) => `a${i}`));
    await harness.runtime.clock.advance(4_000);
    expect((await bodies(harness)).at(-1)).toBe("b");
    await harness.close();
  });

  test("a time further away than the level's delay counts as come: the clock was set back", async () => {
    const harness = await master();
    await harness.send({ properties: { DELAY: "3" } });
    harness.runtime.clock.jump(-60_000);
    await harness.runtime.clock.advance(1_100);
    expect(await bodies(harness)).toEqual(["hello"]);
    await harness.close();
  });

  test("a delivery that is refused is tried again from the same message", async () => {
    const harness = await master();
    await harness.send({ body: "1", properties: { DELAY: "1" } });
    await harness.send({ body: "2", properties: { DELAY: "1" } });
    const append = harness.store.append.bind(harness.store);
    let refusals = 3;
    harness.store.append = (message): PutReceipt | PutRefusal =>
      message.topic === "T" && refusals-- > 0 ? { status: "OS_PAGE_CACHE_BUSY", reason: "a test" } : append(message);
    await harness.runtime.clock.advance(2_000);
    expect(refusals).toBeLessThan(0);
    expect(await bodies(harness)).toEqual(["1", "2"]);
    await harness.close();
  });

  test("what can't be read any more, and what would go to the half topic, is skipped", async () => {
    const harness = await master();
    await harness.send({ body: "gone", properties: { DELAY: "1" } });
    // A name as long as the half topic's, so that one can be written over the other.
    const other = "x".repeat(HALF.length);
    harness.topics.set(other, newTopic(other));
    await harness.send({ topic: other, body: "half", properties: { DELAY: "1" } });
    await harness.send({ body: "here", properties: { DELAY: "1" } });
    const [gone, half] = await harness.store.entries({ topic: SCHEDULE, queueId: 0 }, 0, 2);
    const recordAt = harness.store.recordAt.bind(harness.store);
    harness.store.recordAt = async (offset) => {
      if (offset === gone?.physicalOffset) return undefined;
      const record = await recordAt(offset);
      if (offset === half?.physicalOffset) record?.set(encodeUtf8(HALF), indexOf(record, encodeUtf8(other)));
      return record;
    };
    await harness.runtime.clock.advance(2_000);
    expect(await bodies(harness)).toEqual(["here"]);
    expect(await bodies(harness, HALF)).toEqual([]);
    expect(await bodies(harness, other)).toEqual([]);
    await harness.close();
  });

  test("does not wait for the disk, whatever the message says", async () => {
    const harness = await master({ settings: { flushDiskType: "SYNC_FLUSH" } });
    await harness.send({ properties: { DELAY: "1", WAIT: "true" } });
    const asked: boolean[] = [];
    const durable = harness.store.durable.bind(harness.store);
    harness.store.durable = (end, flushed) => {
      asked.push(flushed);
      return durable(end, flushed);
    };
    await harness.runtime.clock.advance(2_000);
    expect(asked).toEqual([false]);
    await harness.close();
  });
});

describe("delay levels: progress", () => {
  const PATH = "/store/config/delayOffset.json";

  test("is written every flushDelayOffsetInterval, in Apache's form, and only for levels used", async () => {
    const harness = await master();
    await harness.send({ properties: { DELAY: "1" } });
    await harness.send({ properties: { DELAY: "3" } });
    await harness.runtime.clock.advance(9_500);
    expect(fileText(harness.runtime, PATH)).toMatch(
      /^\{\n\t"dataVersion":\{\n\t\t"counter":0,\n\t\t"stateVersion":0,\n\t\t"timestamp":\d+\n\t\},\n\t"offsetTable":\{\n\t\t1:1,\n\t\t3:0\n\t\}\n\}$/,
    );
    await harness.close();
  });

  test("an orderly restart delivers what was waiting, and nothing twice", async () => {
    const first = await master();
    await first.send({ body: "early", properties: { DELAY: "1" } });
    await first.send({ body: "late", properties: { DELAY: "3" } });
    await first.runtime.clock.advance(3_000);
    await first.close();
    const second = await master({ runtime: first.runtime });
    expect(await bodies(second)).toEqual(["early"]);
    await second.runtime.clock.advance(10_000);
    expect(await bodies(second)).toEqual(["early", "late"]);
    await second.close();
  });

  test("a kill repeats what was delivered since the last save, and loses nothing", async () => {
    const first = await master();
    await first.send({ body: "d", properties: { DELAY: "1" } });
    await first.runtime.clock.advance(3_000);
    expect(await bodies(first)).toEqual(["d"]);
    const second = await master({ runtime: first.runtime.crash("kill") });
    await second.runtime.clock.advance(1_000);
    expect(await bodies(second)).toEqual(["d", "d"]);
    await second.close();
  });

  test("offsets outside their queues are moved to the nearer end", async () => {
    const harness = await Harness.open();
    await harness.send({ properties: { DELAY: "1" } });
    harness.runtime.files.makeDirectory("/store/config");
    harness.runtime.files.write(PATH, new TextEncoder().encode('{"dataVersion":{"counter":4},"offsetTable":{1:99,2:-5}}'));
    harness.messages.startMaster();
    expect([...harness.messages.schedule.offsets]).toEqual([
      [1, 1],
      [2, 0],
    ]);
    await harness.close();
  });

  test("a file that can't be read, and no .bak, stops the start and is named", async () => {
    const harness = await Harness.open();
    harness.runtime.files.makeDirectory("/store/config");
    harness.runtime.files.write(PATH, new TextEncoder().encode("{"));
    expect(() => harness.messages.startMaster()).toThrow(/delayOffset\.json" can.t be read/);
    await harness.close();
  });

  test("nothing is delivered before start nor after stop, and it can be started again", async () => {
    const harness = await Harness.open();
    await harness.send({ body: "a", properties: { DELAY: "1" } });
    await harness.runtime.clock.advance(5_000);
    expect(await bodies(harness)).toEqual([]);
    harness.messages.startMaster();
    expect(harness.messages.schedule.started).toBe(true);
    await harness.runtime.clock.advance(1_000);
    expect(await bodies(harness)).toEqual(["a"]);
    await harness.messages.stopMaster();
    await harness.send({ body: "b", properties: { DELAY: "1" } });
    await harness.runtime.clock.advance(5_000);
    expect(await bodies(harness)).toEqual(["a"]);
    harness.messages.startMaster();
    await harness.runtime.clock.advance(1_000);
    expect(await bodies(harness)).toEqual(["a", "b"]);
    await harness.close();
  });

  test("an idle service reads nothing", async () => {
    const harness = await master();
    let looks = 0;
    const entries = harness.store.entries.bind(harness.store);
    harness.store.entries = (...args) => {
      looks++;
      return entries(...args);
    };
    await harness.runtime.clock.advance(10_000);
    expect(looks).toBe(0);
    await harness.close();
  });
});

describe("sent back by a consumer", () => {
  const back = (harness: Harness, offset: number, more: object = {}, version = 513) =>
    harness.call(
      "CONSUMER_SEND_MSG_BACK",
      { offset, group: "G", delayLevel: 0, unitMode: false, originTopic: "T", ...more },
      undefined,
      { version },
    );

  test("it is retried after the delay of its count, and keeps where it came from", async () => {
    const harness = await master();
    await harness.send({ body: "m", flag: 3, properties: { TAGS: "TagA", WAIT: "true" } });
    expect(await back(harness, 0)).toMatchObject({ code: 0 });
    expect(harness.topics.get("%RETRY%G")).toMatchObject({ readQueueNums: 1, perm: 6 });
    await harness.runtime.clock.advance(10_100);
    const [retried] = await harness.messagesOf("%RETRY%G");
    expect(retried).toMatchObject({ flag: 3, reconsumeTimes: 1, bornTimestamp: 1_795_225_250_966, bornPort: 50_000 });
    const properties = parseProperties(retried?.properties ?? "");
    expect(properties.get("RETRY_TOPIC")).toBe("T");
    expect(properties.get("ORIGIN_MESSAGE_ID")).toBe(encodeMessageId("127.0.0.1", 10_911, 0));
    expect(properties.get("WAIT")).toBe("false");
    expect(properties.get("DELAY")).toBe("3");
    expect(properties.get("REAL_TOPIC")).toBe("%RETRY%G");
    expect(harness.counted).toContain("sendBack G T");
    await harness.close();
  });

  test("a second retry keeps the first one's origin and waits longer; the last goes to the dead letters", async () => {
    const harness = await master();
    harness.groups.set("G", newGroup("G", { retryMaxTimes: 2 }));
    await harness.send({ body: "m" });
    await back(harness, 0);
    await harness.runtime.clock.advance(10_100);
    const first = (await harness.messagesOf("%RETRY%G"))[0];
    await back(harness, first?.physicalOffset ?? -1);
    await harness.runtime.clock.advance(29_000);
    expect(await harness.messagesOf("%RETRY%G")).toHaveLength(1);
    await harness.runtime.clock.advance(1_100);
    const second = (await harness.messagesOf("%RETRY%G"))[1];
    expect(second?.reconsumeTimes).toBe(2);
    expect(parseProperties(second?.properties ?? "").get("RETRY_TOPIC")).toBe("T");
    expect(parseProperties(second?.properties ?? "").get("ORIGIN_MESSAGE_ID")).toBe(encodeMessageId("127.0.0.1", 10_911, 0));
    await back(harness, second?.physicalOffset ?? -1);
    const [dead] = await harness.messagesOf("%DLQ%G");
    expect(dead).toMatchObject({ reconsumeTimes: 3, topic: "%DLQ%G" });
    expect(parseProperties(dead?.properties ?? "").get("DELAY")).toBe("0");
    expect(harness.topics.get("%DLQ%G")).toMatchObject({ readQueueNums: 1, writeQueueNums: 1, perm: 6 });
    expect(harness.counted).toContain("deadLetter G T");
    await harness.close();
  });

  test.each([
    ["a level of its own", { delayLevel: 5 }, 513, SCHEDULE, 4],
    ["a level below 0: dead", { delayLevel: -1 }, 513, "%DLQ%G", 0],
    ["the client's own count: dead", { maxReconsumeTimes: 0 }, 513, "%DLQ%G", 0],
    ["a client before 3.4.9 has no count", { maxReconsumeTimes: 0 }, 120, SCHEDULE, 2],
    ["a level above the highest", { delayLevel: 40 }, 513, SCHEDULE, 17],
  ] as const)("%s", async (_name, more, version, topic, queueId) => {
    const harness = await Harness.open();
    await harness.send();
    expect((await back(harness, 0, more, version))?.code).toBe(0);
    expect(await harness.messagesOf(topic, queueId)).toHaveLength(1);
    await harness.close();
  });

  test("a group without retry queues is answered SUCCESS, and nothing is put", async () => {
    const harness = await Harness.open();
    harness.groups.set("G", newGroup("G", { retryQueueNums: 0 }));
    await harness.send();
    expect((await back(harness, 0))?.code).toBe(0);
    expect(harness.store.stats().putCount).toBe(1);
    await harness.close();
  });

  test.each([
    ["an unknown group", { group: "nobody" }, {}, 26, "subscription group not exist, nobody \nSee https://"],
    ["a broker that may not be written", {}, { brokerPermission: 4 }, 16, "the broker[127.0.0.1] sending message is forbidden"],
    ["no message at the offset", { offset: 12_345 }, {}, 1, "look message by offset failed, 12345"],
    ["an offset inside a message", { offset: 3 }, {}, 1, "look message by offset failed, 3"],
    ["a negative offset", { offset: -1 }, {}, 1, "look message by offset failed, -1"],
  ] as const)("%s is refused", async (_name, more, settings, code, remark) => {
    const harness = await Harness.open({ settings });
    await harness.send();
    const outcome = await back(harness, 0, more);
    expect(outcome?.code).toBe(code);
    expect(outcome?.remark?.slice(0, remark.length)).toBe(remark);
    await harness.close();
  });

  test("a retry topic that may not be written is refused", async () => {
    const harness = await Harness.open();
    harness.topics.set("%RETRY%G", newTopic("%RETRY%G", { perm: 4 }));
    await harness.send();
    expect(await back(harness, 0)).toMatchObject({ code: 16, remark: "the topic[%RETRY%G] sending message is forbidden" });
    await harness.close();
  });
});
