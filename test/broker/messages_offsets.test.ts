import { describe, expect, test } from "bun:test";
import { RebalanceLockManager } from "../../core/broker/messages/lock.ts";
import { ConsumerOffsetManager } from "../../core/broker/offsets/offsets.ts";
import { lockBatchRequestBody, lockBatchResponseBody } from "../../wire/bodies/lock.ts";
import { consumerOffsetFile } from "../../wire/bodies/offset.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { Harness, newTopic, silentLog } from "./messages_harness.ts";

const PATH = "/store/config/consumerOffset.json";
const fileText = (harness: Harness, path = PATH): string =>
  new TextDecoder().decode(harness.runtime.files.read(path) ?? new Uint8Array(0));

describe("offset requests", () => {
  const queue = { consumerGroup: "G", topic: "T", queueId: 1 };

  test("what was committed is answered", async () => {
    const harness = await Harness.open();
    expect(await harness.call("UPDATE_CONSUMER_OFFSET", { ...queue, commitOffset: 7 })).toMatchObject({ code: 0 });
    expect(await harness.call("QUERY_CONSUMER_OFFSET", queue)).toMatchObject({ code: 0, header: { offset: 7 } });
    // A smaller one is taken too.
    await harness.call("UPDATE_CONSUMER_OFFSET", { ...queue, commitOffset: 3 });
    expect(await harness.call("QUERY_CONSUMER_OFFSET", queue)).toMatchObject({ header: { offset: 3 } });
    await harness.close();
  });

  test("a new group begins at 0 while the queue does and its first message is recent", async () => {
    const harness = await Harness.open();
    await harness.send({ queueId: 1 });
    expect(await harness.call("QUERY_CONSUMER_OFFSET", queue)).toMatchObject({ code: 0, header: { offset: 0 } });
    expect(await harness.call("QUERY_CONSUMER_OFFSET", { ...queue, setZeroIfNotFound: false })).toMatchObject({
      code: 22,
      remark: "Not found, do not set to zero, maybe this group boot first",
    });
    harness.store.minOffset = () => 5;
    const NOT_FOUND = { code: 22, remark: "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first" };
    expect(await harness.call("QUERY_CONSUMER_OFFSET", queue)).toMatchObject(NOT_FOUND);
    await harness.close();
  });

  test("on an empty queue, or where the first message is old, the client decides", async () => {
    const harness = await Harness.open({ settings: { accessMessageInMemoryMaxRatio: 10 } });
    const NOT_FOUND = { code: 22, remark: "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first" };
    expect(await harness.call("QUERY_CONSUMER_OFFSET", queue)).toMatchObject(NOT_FOUND);
    await harness.send({ queueId: 1 });
    const stats = harness.store.stats.bind(harness.store);
    harness.store.stats = () => ({ ...stats(), maxPhysicalOffset: 2 ** 50 });
    expect(await harness.call("QUERY_CONSUMER_OFFSET", queue)).toMatchObject(NOT_FOUND);
    harness.store.stats = stats;
    await harness.close();
  });

  test.each([
    ["an unknown group", { consumerGroup: "nobody" }, 26, "Group nobody not exist!"],
    ["an unknown topic", { topic: "U" }, 17, "Topic U not exist!"],
    ["a queue below 0", { queueId: -1 }, 29, "QueueId -1 is outside 0..65535, topic is T"],
    ["a queue that no topic has", { queueId: 65_536 }, 29, "QueueId 65536 is outside 0..65535, topic is T"],
  ] as const)("a commit of %s is refused", async (_name, more, code, remark) => {
    const harness = await Harness.open();
    expect(await harness.call("UPDATE_CONSUMER_OFFSET", { ...queue, commitOffset: 1, ...more })).toMatchObject({ code, remark });
    await harness.close();
  });

  test("while a reset waits for the next pull, commits are passed over", async () => {
    const harness = await Harness.open();
    harness.offsets.assignReset("G", "T", 1, 2);
    expect(await harness.call("UPDATE_CONSUMER_OFFSET", { ...queue, commitOffset: 9 })).toMatchObject({
      code: 0,
      remark: "Offset has been previously reset",
    });
    expect(await harness.call("QUERY_CONSUMER_OFFSET", queue)).toMatchObject({ header: { offset: 2 } });
    await harness.pull({ queueId: 1 });
    await harness.call("UPDATE_CONSUMER_OFFSET", { ...queue, commitOffset: 9 });
    expect(await harness.call("QUERY_CONSUMER_OFFSET", queue)).toMatchObject({ header: { offset: 9 } });
    await harness.close();
  });

  test("smallest and largest offset, of queues that never were too", async () => {
    const harness = await Harness.open();
    await harness.send();
    await harness.send();
    expect(await harness.call("GET_MAX_OFFSET", { topic: "T", queueId: 0, committed: true })).toMatchObject({
      header: { offset: 2 },
    });
    expect(await harness.call("GET_MIN_OFFSET", { topic: "T", queueId: 0 })).toMatchObject({ header: { offset: 0 } });
    expect(await harness.call("GET_MAX_OFFSET", { topic: "no", queueId: 3, committed: true })).toMatchObject({
      header: { offset: 0 },
    });
    expect(await harness.call("GET_MIN_OFFSET", { topic: "no", queueId: 3 })).toMatchObject({ header: { offset: 0 } });
    await harness.close();
  });

  test("search by time, and the time of the earliest message", async () => {
    const harness = await Harness.open();
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      times.push(harness.runtime.clock.now());
      await harness.send({ body: `a${i}` });
      await harness.send({ body: `b${i}` });
      await harness.runtime.clock.advance(1_000);
    }
    const search = async (timestamp: number, boundaryType?: string): Promise<unknown> =>
      (await harness.call("SEARCH_OFFSET_BY_TIMESTAMP", { topic: "T", queueId: 0, timestamp, boundaryType }))?.header["offset"];
    const [first, second, third] = times as [number, number, number];
    expect(await search(second)).toBe(2);
    expect(await search(second, "LOWER")).toBe(2);
    expect(await search(second, "UPPER")).toBe(3);
    expect(await search(second + 1)).toBe(4);
    expect(await search(first - 1)).toBe(0);
    expect(await search(third + 1)).toBe(6);
    expect(await harness.call("GET_EARLIEST_MSG_STORETIME", { topic: "T", queueId: 0 })).toMatchObject({
      header: { timestamp: first },
    });
    await harness.close();
  });
});

describe("consumerOffset.json", () => {
  test("is written in Apache's form every flushConsumerOffsetInterval, when something changed", async () => {
    const harness = await Harness.open();
    harness.offsets.start();
    harness.offsets.commit("G1", "T1", 0, 4);
    harness.offsets.commit("G1", "T1", 1, 7);
    harness.offsets.notePull("G1", "T1", 0, 5);
    await harness.runtime.clock.advance(5_100);
    expect(fileText(harness)).toMatch(
      /^\{\n\t"dataVersion":\{\n\t\t"counter":0,\n\t\t"stateVersion":0,\n\t\t"timestamp":\d+\n\t\},\n\t"groupTopicMap":\{\n\t\t"G1":\[\n\t\t\t"T1"\n\t\t\]\n\t\},\n\t"offsetTable":\{\n\t\t"T1@G1":\{\n\t\t\t0:4,\n\t\t\t1:7\n\t\t\}\n\t\},\n\t"pullOffsetTable":\{\n\t\t"T1@G1":\{\n\t\t\t0:5\n\t\t\}\n\t\}\n\}$/,
    );
    expect(harness.runtime.files.exists(`${PATH}.bak`)).toBe(false);
    harness.offsets.commit("G1", "T1", 0, 5);
    await harness.runtime.clock.advance(5_100);
    expect(consumerOffsetFile.parse(fileText(harness)).offsetTable.get("T1@G1")?.get(0)).toBe(5);
    expect(
      consumerOffsetFile
        .parse(fileText(harness, `${PATH}.bak`))
        .offsetTable.get("T1@G1")
        ?.get(0),
    ).toBe(4);
    expect(harness.runtime.files.list("/store/config")).toEqual(["consumerOffset.json", "consumerOffset.json.bak"]);
    await harness.close();
  });

  test("the compact form is the one that slaves are sent", async () => {
    const harness = await Harness.open({});
    expect(harness.offsets.toJson()).toMatch(
      /^\{"dataVersion":\{"counter":0,"stateVersion":0,"timestamp":\d+\},"groupTopicMap":\{\},"offsetTable":\{\},"pullOffsetTable":\{\}\}$/,
    );
    harness.offsets.commit("G", "T", 0, 1);
    harness.offsets.commit("G", "T2", 3, 2);
    expect(harness.offsets.toJson()).toContain(
      '"groupTopicMap":{"G":["T","T2"]},"offsetTable":{"T@G":{0:1},"T2@G":{3:2}},"pullOffsetTable":{}}',
    );
    await harness.close();
  });

  test("offsets outlive an orderly restart, also those of a reset", async () => {
    const first = await Harness.open();
    first.offsets.commit("G", "T", 0, 4);
    first.offsets.notePull("G", "T", 0, 6);
    first.offsets.assignReset("G", "T", 1, 2);
    await first.close();
    const second = await Harness.open({ runtime: first.runtime });
    expect(second.offsets.query("G", "T", 0)).toBe(4);
    expect(second.offsets.pulled("G", "T", 0)).toBe(6);
    expect(second.offsets.query("G", "T", 1)).toBe(2);
    expect(second.offsets.pendingReset("G", "T", 1)).toBe(-1);
    expect([...second.offsets.topicsOf("G")]).toEqual(["T"]);
    await second.close();
  });

  test("after a kill what was saved last holds", async () => {
    const first = await Harness.open();
    first.offsets.start();
    first.offsets.commit("G", "T", 0, 4);
    await first.runtime.clock.advance(5_100);
    first.offsets.commit("G", "T", 0, 5);
    const second = await Harness.open({ runtime: first.runtime.crash("kill") });
    expect(second.offsets.query("G", "T", 0)).toBe(4);
    await second.close();
  });

  test("Apache's own file is read, quoted keys and unknown members included", async () => {
    const harness = await Harness.open();
    const manager = (text: string): ConsumerOffsetManager => {
      harness.runtime.files.makeDirectory("/store/config");
      harness.runtime.files.write(PATH, encodeUtf8(text));
      const { runtime, settings } = harness;
      const offsets = new ConsumerOffsetManager({ runtime, log: silentLog, settings });
      offsets.load();
      return offsets;
    };
    const offsets = manager(
      '{"dataVersion":{"counter":3,"stateVersion":0,"timestamp":1795225606638},"groupTopicMap":{"G1":["T1"]},"offsetTable":{"T1@G1":{0:2,"1":9}},"pullOffsetTable":{"T1@GNONE":{0:2}},"more":1}',
    );
    expect(offsets.query("G1", "T1", 0)).toBe(2);
    expect(offsets.query("G1", "T1", 1)).toBe(9);
    expect(offsets.pulled("GNONE", "T1", 0)).toBe(2);
    expect(offsets.dataVersion.counter).toBe(3);
    await harness.close();
  });

  test("a broken file falls back to .bak; when both are broken the start says which file", async () => {
    const harness = await Harness.open();
    const { runtime, settings } = harness;
    runtime.files.makeDirectory("/store/config");
    runtime.files.write(PATH, encodeUtf8('{"offsetTable":{"T@G"'));
    runtime.files.write(`${PATH}.bak`, encodeUtf8('{"offsetTable":{"T@G":{0:8}}}'));
    const offsets = new ConsumerOffsetManager({ runtime, log: silentLog, settings });
    offsets.load();
    expect(offsets.query("G", "T", 0)).toBe(8);
    runtime.files.write(`${PATH}.bak`, encodeUtf8("no"));
    expect(() => new ConsumerOffsetManager({ runtime, log: silentLog, settings }).load()).toThrow(
      /consumerOffset\.json" can.t be read/,
    );
    await harness.close();
  });

  test("a broker whose start failed writes over nothing", async () => {
    const harness = await Harness.open();
    const { runtime, settings } = harness;
    const offsets = new ConsumerOffsetManager({ runtime, log: silentLog, settings });
    runtime.files.makeDirectory("/store/config");
    runtime.files.write(PATH, encodeUtf8("no"));
    expect(() => offsets.load()).toThrow();
    offsets.persist();
    expect(fileText(harness)).toBe("no");
    await harness.close();
  });

  test("with enableLmq: Apache's lmqConsumerOffset.json, with one offset a topic for groups of light queues", async () => {
    const settings = { enableLmq: true };
    const path = PATH.replace("consumerOffset", "lmqConsumerOffset");
    const plain = await Harness.open();
    plain.offsets.commit("G1", "T1", 2, 4);
    await plain.close();
    // Switched on: what was in the other file is taken over.
    const harness = await Harness.open({ settings, runtime: plain.runtime });
    expect(harness.offsets.query("G1", "T1", 2)).toBe(4);
    harness.offsets.commit("%LMQ%g", "%LMQ%q", 5, 7);
    harness.offsets.commit("G2", "%LMQ%q", 0, 1);
    expect(harness.offsets.query("%LMQ%g", "%LMQ%q", 0)).toBe(7);
    await harness.close();
    const compact = fileText(harness, path)
      .replace(/[\n\t]/g, "")
      .replace(/"timestamp":\d+/, '"timestamp":0');
    expect(compact).toBe(
      '{"dataVersion":{"counter":0,"stateVersion":0,"timestamp":0},"groupTopicMap":{"G1":["T1"],"G2":["%LMQ%q"]},' +
        '"lmqOffsetTable":{"%LMQ%q@%LMQ%g":7},"offsetTable":{"T1@G1":{2:4},"%LMQ%q@G2":{0:1}},"pullOffsetTable":{}}',
    );
    const again = await Harness.open({ settings, runtime: harness.runtime });
    expect(again.offsets.query("%LMQ%g", "%LMQ%q", 0)).toBe(7);
    expect(again.offsets.query("G2", "%LMQ%q", 0)).toBe(1);
    again.offsets.removeGroup("%LMQ%g");
    expect(again.offsets.query("%LMQ%g", "%LMQ%q", 0)).toBe(-1);
    await again.close();
  });

  test("a large table is written in slices, and commits meanwhile are saved by the next turn", async () => {
    const harness = await Harness.open();
    for (let i = 0; i < 5_000; i++) harness.offsets.commit(`G${i}`, "T", 0, i);
    harness.offsets.start();
    await harness.runtime.clock.advance(5_001);
    harness.offsets.commit("G0", "T", 0, 77);
    await harness.runtime.clock.advance(10_000);
    const saved = consumerOffsetFile.parse(fileText(harness)).offsetTable;
    expect(saved.size).toBe(5_000);
    expect(saved.get("T@G4999")?.get(0)).toBe(4_999);
    expect(saved.get("T@G0")?.get(0)).toBe(77);
    await harness.close();
  });

  test("an orderly stop during a save in the background leaves the newest", async () => {
    const harness = await Harness.open();
    harness.offsets.start();
    harness.offsets.commit("G", "T", 0, 1);
    const moving = harness.runtime.clock.advance(5_000);
    harness.offsets.commit("G", "T", 0, 2);
    harness.offsets.persist();
    await moving;
    await harness.runtime.clock.settle();
    expect(consumerOffsetFile.parse(fileText(harness)).offsetTable.get("T@G")?.get(0)).toBe(2);
    await harness.close();
  });
});

describe("offsets of whole groups and topics", () => {
  test("are listed, cloned and removed", async () => {
    const harness = await Harness.open();
    const { offsets } = harness;
    offsets.commit("A", "T1", 0, 1);
    offsets.commit("A", "T2", 0, 2);
    offsets.commit("B", "T1", 0, 3);
    offsets.notePull("A", "T1", 0, 4);
    expect([...offsets.topicsOf("A")]).toEqual(["T1", "T2"]);
    expect([...offsets.groupsOf("T1")]).toEqual(["A", "B"]);
    offsets.cloneGroup("A", "C", "T1");
    offsets.cloneGroup("A", "C", "none");
    expect(offsets.offsetsOf("C", "T1")).toEqual(new Map([[0, 1]]));
    offsets.commit("C", "T1", 0, 9);
    expect(offsets.query("A", "T1", 0)).toBe(1);
    offsets.removeGroup("A");
    expect([...offsets.topicsOf("A")]).toEqual([]);
    expect(offsets.pulled("A", "T1", 0)).toBe(-1);
    expect(offsets.query("B", "T1", 0)).toBe(3);
    offsets.removeTopic("T1");
    expect([...offsets.groupsOf("T1")]).toEqual([]);
    expect(offsets.offsetsOf("B", "T1")).toBeUndefined();
    await harness.close();
  });

  test("the data version moves once in consumerOffsetUpdateVersionStep commits", async () => {
    const harness = await Harness.open({ settings: { consumerOffsetUpdateVersionStep: 3 } });
    for (let i = 0; i < 7; i++) harness.offsets.commit("G", "T", 0, i);
    expect(harness.offsets.dataVersion.counter).toBe(2);
    await harness.close();
  });

  test("a reset that makes no sense is passed over", async () => {
    const harness = await Harness.open();
    harness.offsets.assignReset("G", "T", -1, 0);
    harness.offsets.assignReset("G", "", 0, 0);
    harness.offsets.assignReset("G", "T", 0, -1);
    expect(harness.offsets.pendingReset("G", "T", 0)).toBe(-1);
    expect(harness.offsets.topicsOf("G").size).toBe(0);
    await harness.close();
  });
});

describe("queue locks", () => {
  const queue = (queueId: number) => ({ topic: "T", brokerName: "broker-a", queueId });

  test("one client of a group holds a queue until it gives it up, or does not renew for 60 s", () => {
    let now = 1_000;
    const locks = new RebalanceLockManager(() => now);
    expect(locks.tryLockBatch("G", [queue(0), queue(1)], "a")).toEqual([queue(0), queue(1)]);
    expect(locks.tryLockBatch("G", [queue(1), queue(2)], "b")).toEqual([queue(2)]);
    expect(locks.tryLockBatch("G2", [queue(1)], "b")).toEqual([queue(1)]);
    now += 20_000;
    expect(locks.tryLockBatch("G", [queue(0)], "a")).toEqual([queue(0)]);
    locks.unlockBatch("G", [queue(0)], "b");
    expect(locks.tryLockBatch("G", [queue(0)], "b")).toEqual([]);
    locks.unlockBatch("G", [queue(0)], "a");
    expect(locks.tryLockBatch("G", [queue(0)], "b")).toEqual([queue(0)]);
    now += 40_000;
    // Queue 1 was renewed last 60 s ago: not longer.
    expect(locks.tryLockBatch("G", [queue(1)], "b")).toEqual([]);
    now += 1;
    expect(locks.tryLockBatch("G", [queue(1)], "b")).toEqual([queue(1)]);
  });

  test("a group consumes in order as long as a lock of it lives", () => {
    let now = 0;
    const locks = new RebalanceLockManager(() => now);
    expect(locks.isLockAllExpired("G")).toBe(true);
    locks.tryLockBatch("G", [queue(0)], "a");
    expect(locks.isLockAllExpired("G")).toBe(false);
    now += 60_001;
    expect(locks.isLockAllExpired("G")).toBe(true);
  });

  test("names that clients make up do not pile up", () => {
    let now = 0;
    const locks = new RebalanceLockManager(() => now, 10);
    const many = [0, 1, 2, 3].map(queue);
    for (let round = 0; round < 10; round++) {
      locks.tryLockBatch(`G${round}`, many, "a");
      now += 70_000;
    }
    for (let i = 0; i < 2; i++) locks.tryLockBatch(`H${i}`, many, "a");
    expect(() => locks.tryLockBatch("H2", many, "a")).toThrow(/8 are locked and at most 10 can be/);
  });

  test("by request", async () => {
    const harness = await Harness.open();
    harness.topics.set("T", newTopic("T"));
    const body = (clientId: string) =>
      lockBatchRequestBody.encode({ consumerGroup: "G", clientId, onlyThisBroker: false, mqSet: [queue(0)] });
    const held = await harness.call("LOCK_BATCH_MQ", {}, body("a"));
    expect(lockBatchResponseBody.decode(held?.body ?? new Uint8Array(0)).lockOKMQSet).toEqual([queue(0)]);
    const refused = await harness.call("LOCK_BATCH_MQ", {}, body("b"));
    expect(lockBatchResponseBody.decode(refused?.body ?? new Uint8Array(0)).lockOKMQSet).toEqual([]);
    expect(await harness.call("UNLOCK_BATCH_MQ", {}, body("a"))).toMatchObject({ code: 0 });
    expect(harness.messages.locks.isLockAllExpired("G")).toBe(true);
    await harness.close();
  });
});
