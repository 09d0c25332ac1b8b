import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { SubscriptionGroupManager } from "../../core/broker/metadata/groups.ts";
import { TopicConfigManager } from "../../core/broker/metadata/topics.ts";
import { newTopic } from "../../core/broker/metadata/topics_config.ts";
import { topicConfigAndMappingSerializeWrapper } from "../../wire/bodies/register_broker.ts";
import { topicConfigAndQueueMapping } from "../../wire/bodies/static_topic.ts";
import { newSubscriptionGroupConfig } from "../../wire/bodies/subscription_group.ts";
import { createTopicListRequestBody, dataVersion, topicConfig, topicList } from "../../wire/bodies/topic.ts";
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { BrokerHarness, RecordingLog, rejection, settingsOf, topicHeader } from "./management_harness.ts";

const NO_BODY = new Uint8Array(0);

describe("topics of a new broker", () => {
  test("are Apache's, with its queues and permissions", async () => {
    const { broker } = await BrokerHarness.start();
    const shape = [...broker.topics.all().values()].map((t) => `${t.topicName} ${t.readQueueNums} ${t.writeQueueNums} ${t.perm}`);
    expect(shape.sort()).toEqual(
      [
        "BenchmarkTest 1024 1024 6",
        "DefaultCluster 16 16 7",
        "DefaultCluster_REPLY_TOPIC 1 1 6",
        "OFFSET_MOVED_EVENT 1 1 6",
        "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC 1 1 6",
        "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC 1 1 6",
        "RMQ_SYS_TRANS_HALF_TOPIC 1 1 6",
        "RMQ_SYS_TRANS_OP_HALF_TOPIC 1 1 6",
        "SCHEDULE_TOPIC_XXXX 18 18 6",
        "SELF_TEST_TOPIC 1 1 6",
        "TBW102 8 8 7",
        "broker-a 1 1 7",
        "rmq_sys_REVIVE_LOG_DefaultCluster 8 8 6",
        "rmq_sys_SYNC_BROKER_MEMBER_broker-a 1 1 1",
        "rmq_sys_wheel_timer 1 1 6",
      ].sort(),
    );
    expect(broker.topics.dataVersion.counter).toBe(0);
    await broker.stop();
  });

  test("follow the keys that switch them", async () => {
    const { broker } = await BrokerHarness.start({
      settings: {
        autoCreateTopicEnable: false,
        clusterTopicEnable: false,
        brokerTopicEnable: false,
        traceTopicEnable: true,
        timerWheelEnable: false,
        reviveQueueNum: 3,
      },
    });
    expect(broker.topics.find("TBW102")).toBeUndefined();
    expect(broker.topics.find("DefaultCluster")?.perm).toBe(1);
    expect(broker.topics.find("broker-a")?.perm).toBe(1);
    expect(broker.topics.find("RMQ_SYS_TRACE_TOPIC")?.perm).toBe(6);
    expect(broker.topics.find("rmq_sys_REVIVE_LOG_DefaultCluster")?.readQueueNums).toBe(3);
    await broker.stop();
  });
});

describe("creation on a send", () => {
  test("takes the smaller number of queues and drops the inherit bit", async () => {
    const { broker } = await BrokerHarness.start();
    expect(broker.topics.createOnSend("T4", "TBW102", 4, 0)).toMatchObject({ readQueueNums: 4, writeQueueNums: 4, perm: 6 });
    expect(broker.topics.createOnSend("T16", "TBW102", 16, 0)).toMatchObject({ readQueueNums: 8, perm: 6 });
    expect(broker.topics.createOnSend("T4", "TBW102", 1, 0)?.readQueueNums).toBe(4);
    expect(broker.topics.dataVersion.counter).toBe(2);
    await broker.stop();
  });

  test("is refused without a template, without its inherit bit, and for an illegal name", async () => {
    const { broker } = await BrokerHarness.start();
    expect(broker.topics.createOnSend("T", "NoTemplate", 4, 0)).toBeUndefined();
    expect(broker.topics.createOnSend("T", "BenchmarkTest", 4, 0)).toBeUndefined();
    expect(broker.topics.createOnSend("../T", "TBW102", 4, 0)).toBeUndefined();
    expect(broker.topics.find("T")).toBeUndefined();
    await broker.stop();
  });

  test("stops when autoCreateTopicEnable is switched off while running", async () => {
    const harness = await BrokerHarness.start();
    await harness.call("UPDATE_BROKER_CONFIG", {}, "autoCreateTopicEnable=false\n");
    expect(harness.broker.topics.createOnSend("T", "TBW102", 4, 0)).toBeUndefined();
    await harness.broker.stop();
  });
});

describe("UPDATE_AND_CREATE_TOPIC", () => {
  test("creates, changes, and outlives a restart", async () => {
    let harness = await BrokerHarness.start();
    await harness.call("UPDATE_AND_CREATE_TOPIC", topicHeader("T", { attributes: "+message.type=FIFO", order: true }));
    await harness.call("UPDATE_AND_CREATE_TOPIC", topicHeader("T", { readQueueNums: 8, perm: 4, order: true }));
    const { body = NO_BODY } = await harness.call("GET_TOPIC_CONFIG", { topic: "T" });
    expect(topicConfigAndQueueMapping.decode(body)).toMatchObject({
      topicName: "T",
      readQueueNums: 8,
      writeQueueNums: 4,
      perm: 4,
      order: true,
      attributes: { "message.type": "FIFO" },
    });
    expect(harness.broker.topics.dataVersion.counter).toBe(2);
    const version = harness.broker.topics.dataVersion;
    harness = await harness.restart();
    expect(harness.broker.topics.find("T")).toMatchObject({ readQueueNums: 8, attributes: { "message.type": "FIFO" } });
    expect(harness.broker.topics.dataVersion).toEqual(version);
    await harness.broker.stop();
  });

  test("that changes nothing does not move the data version", async () => {
    const harness = await BrokerHarness.start();
    await harness.call("UPDATE_AND_CREATE_TOPIC", topicHeader("T"));
    await harness.call("UPDATE_AND_CREATE_TOPIC", topicHeader("T"));
    expect(harness.broker.topics.dataVersion.counter).toBe(1);
    await harness.broker.stop();
  });

  const cases: [string, ReturnType<typeof topicHeader>, number, string][] = [
    ["a blank name", topicHeader(" "), 29, "The specified topic is blank."],
    ["a slash", topicHeader("../../etc"), 29, "The specified topic: ../../etc, contains illegal characters"],
    ["a long name", topicHeader("t".repeat(128)), 29, "The specified topic: t"],
    ["a system topic", topicHeader("TBW102"), 29, "The topic[TBW102] is conflict with system topic."],
    ["the cluster's topic", topicHeader("DefaultCluster"), 29, "The topic[DefaultCluster] is conflict with system topic."],
    ["a negative count", topicHeader("T", { readQueueNums: -1 }), 29, "topic T: readQueueNums=-1"],
    ["a huge count", topicHeader("T", { writeQueueNums: 2 ** 30 }), 29, "topic T: readQueueNums=4, writeQueueNums=1073741824"],
    ["an impossible perm", topicHeader("T", { perm: 99 }), 29, "topic T: perm=99"],
    ["a filter type", topicHeader("T", { topicFilterType: "X" }), 1, "topicFilterType = [X] value invalid"],
    ["MIXED", topicHeader("T", { attributes: "+message.type=MIXED" }), 29, "MIXED message type is not supported."],
    ["an unknown attribute", topicHeader("T", { attributes: "+a.b=1" }), 1, "unsupported key: a.b"],
    ["an unsigned attribute", topicHeader("T", { attributes: "message.type=FIFO" }), 1, "add/alter attribute format is wrong"],
    ["a value out of its set", topicHeader("T", { attributes: "+message.type=X" }), 1, "message.type: value is not in set"],
    ["a removal at creation", topicHeader("T", { attributes: "-message.type" }), 1, "only add attribute is supported"],
  ];
  for (const [what, header, code, remark] of cases) {
    test(`refuses ${what}`, async () => {
      const harness = await BrokerHarness.start();
      const refusal = await harness.refused("UPDATE_AND_CREATE_TOPIC", header);
      expect(refusal.code).toBe(code);
      expect(refusal.remark).toStartWith(remark);
      expect(harness.broker.topics.dataVersion.counter).toBe(0);
      await harness.broker.stop();
    });
  }

  test("an immutable attribute can't be changed later", async () => {
    const harness = await BrokerHarness.start();
    await harness.call("UPDATE_AND_CREATE_TOPIC", topicHeader("T", { attributes: "+queue.type=BatchCQ" }));
    const refusal = await harness.refused("UPDATE_AND_CREATE_TOPIC", topicHeader("T", { attributes: "+queue.type=SimpleCQ" }));
    expect(refusal).toEqual({ code: 1, remark: "attempt to update an unchangeable attribute. key: queue.type" });
    await harness.call("UPDATE_AND_CREATE_TOPIC", topicHeader("T", { attributes: "+reserve.time=5" }));
    await harness.call("UPDATE_AND_CREATE_TOPIC", topicHeader("T", { attributes: "-reserve.time" }));
    expect(harness.broker.topics.find("T")?.attributes).toEqual({ "queue.type": "BatchCQ" });
    await harness.broker.stop();
  });

  test("a list is taken whole or not at all", async () => {
    const harness = await BrokerHarness.start();
    const list = (...names: string[]) =>
      createTopicListRequestBody.encode({ topicConfigList: names.map((topicName) => topicConfig.read({ topicName }, "")) });
    expect((await harness.refused("UPDATE_AND_CREATE_TOPIC_LIST", {}, list("A", "../B"))).code).toBe(
      ResponseCode.INVALID_PARAMETER,
    );
    expect(harness.broker.topics.find("A")).toBeUndefined();
    await harness.call("UPDATE_AND_CREATE_TOPIC_LIST", {}, list("A", "B"));
    expect([harness.broker.topics.find("A")?.readQueueNums, harness.broker.topics.find("B")?.perm]).toEqual([16, 6]);
    expect(harness.broker.topics.dataVersion.counter).toBe(1);
    await harness.broker.stop();
  });
});

describe("GET_ALL_TOPIC_CONFIG", () => {
  test("lists everything at once to a caller that knows no pages", async () => {
    const harness = await BrokerHarness.start({ settings: { splitMetadataSize: 4 } });
    const { header, body = NO_BODY } = await harness.call("GET_ALL_TOPIC_CONFIG", {});
    expect(header?.totalTopicNum).toBe(15);
    expect(topicConfigAndMappingSerializeWrapper.decode(body).topicConfigTable.size).toBe(15);
    await harness.broker.stop();
  });

  test("lists pages in the order of names, and starts over when topics changed", async () => {
    const harness = await BrokerHarness.start({ settings: { splitMetadataSize: 4 } });
    const page = async (topicSeq: number, version: string, maxTopicNum = 10) => {
      const { body = NO_BODY } = await harness.call("GET_ALL_TOPIC_CONFIG", { topicSeq, dataVersion: version, maxTopicNum });
      return [...topicConfigAndMappingSerializeWrapper.decode(body).topicConfigTable.keys()];
    };
    const version = () => dataVersion.format(harness.broker.topics.dataVersion);
    expect(await page(4, "")).toEqual(["BenchmarkTest", "DefaultCluster", "DefaultCluster_REPLY_TOPIC", "OFFSET_MOVED_EVENT"]);
    expect(await page(4, version(), 2)).toEqual(["RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC", "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC"]);
    expect(await page(15, version())).toEqual([]);
    const before = version();
    harness.broker.topics.ensure("AAA", 1, 6, 0);
    expect((await page(4, before))[0]).toBe("AAA");
    await harness.broker.stop();
  });
});

describe("DELETE_TOPIC_IN_BROKER", () => {
  test("takes the topic, its POP retry topics, offsets and messages", async () => {
    const harness = await BrokerHarness.start();
    const { broker } = harness;
    await harness.send("T", 0, "m");
    broker.offsets.commit("G", "T", 0, 1);
    broker.topics.ensure("%RETRY%G_T", 1, 6, 0);
    broker.topics.ensure("%RETRY%G+T", 1, 6, 0);
    broker.topics.ensure("%RETRY%G", 1, 6, 0);
    await harness.call("DELETE_TOPIC_IN_BROKER", { topic: "T" });
    expect(["T", "%RETRY%G_T", "%RETRY%G+T", "%RETRY%G"].map((name) => broker.topics.find(name) !== undefined)).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(broker.offsets.query("G", "T", 0)).toBe(-1);
    expect(broker.store.maxOffset({ topic: "T", queueId: 0 })).toBe(0);
    expect(broker.stats.view("TOPIC_PUT_NUMS", "T")).toBeUndefined();
    await broker.stop();
  });

  test("is content with a topic that is not there, and refuses system topics and blanks", async () => {
    const harness = await BrokerHarness.start();
    await harness.call("DELETE_TOPIC_IN_BROKER", { topic: "NoSuchTopic" });
    expect(await harness.refused("DELETE_TOPIC_IN_BROKER", { topic: "TBW102" })).toEqual({
      code: 29,
      remark: "The topic[TBW102] is conflict with system topic.",
    });
    expect((await harness.refused("DELETE_TOPIC_IN_BROKER", { topic: "" })).code).toBe(29);
    await harness.broker.stop();
  });
});

test("GET_TOPIC_CONFIG of an unknown topic is TOPIC_NOT_EXIST", async () => {
  const harness = await BrokerHarness.start();
  expect(await harness.refused("GET_TOPIC_CONFIG", { topic: "X" })).toEqual({
    code: ResponseCode.TOPIC_NOT_EXIST,
    remark: "No topic in this broker. topic: X",
  });
  await harness.broker.stop();
});

test("GET_SYSTEM_TOPIC_LIST_FROM_BROKER names the broker's own topics only", async () => {
  const harness = await BrokerHarness.start();
  await harness.send("T", 0, "m");
  const { body = NO_BODY } = await harness.call("GET_SYSTEM_TOPIC_LIST_FROM_BROKER", {});
  const names = topicList.decode(body).topicList;
  expect([names.has("TBW102"), names.has("broker-a"), names.has("T")]).toEqual([true, true, false]);
  await harness.broker.stop();
});

test("CLEAN_UNUSED_TOPIC drops queues whose topic is gone", async () => {
  const harness = await BrokerHarness.start();
  await harness.send("T", 0, "m");
  await harness.send("U", 0, "m");
  harness.broker.topics.delete("T");
  await harness.call("CLEAN_UNUSED_TOPIC", {});
  expect([harness.broker.store.queues().has("T"), harness.broker.store.queues().has("U")]).toEqual([false, true]);
  await harness.broker.stop();
});

describe("auto-creation switched", () => {
  test("off for a directory that had it on: the template is not offered any more", async () => {
    let harness = await BrokerHarness.start();
    harness.broker.topics.ensure("T", 1, 6, 0);
    harness = await harness.restart({ autoCreateTopicEnable: false });
    expect(harness.broker.topics.find("TBW102")).toBeUndefined();
    // On again while running: the template comes back.
    await harness.call("UPDATE_BROKER_CONFIG", {}, "autoCreateTopicEnable=true");
    expect(harness.broker.topics.createOnSend("U", "TBW102", 4, 0)?.perm).toBe(6);
    await harness.broker.stop();
  });
});

describe("a disk that is full", () => {
  test("refuses the change, and the topic or group is not there", async () => {
    const runtime = simRuntime();
    let full = false;
    const files = new Proxy(runtime.files, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...parameters: unknown[]) => {
          if (full && name === "write") throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
          return Reflect.apply(member, target, parameters) as unknown;
        };
      },
    });
    const told: string[] = [];
    const parts = { runtime: { ...runtime, files }, log: new RecordingLog(), settings: settingsOf(runtime) };
    const topics = new TopicConfigManager({ ...parts, changed: ({ topicName }) => told.push(topicName) });
    const groups = new SubscriptionGroupManager(parts);
    topics.ensure("T", 1, 6, 0);
    full = true;
    expect(() => topics.createOnSend("U", "TBW102", 4, 0)).toThrow("no space left");
    expect(() => topics.update({ ...newTopic("T", 9, 6) })).toThrow("no space left");
    expect(() => groups.update(newSubscriptionGroupConfig("G"))).toThrow("no space left");
    expect([topics.find("U"), topics.find("T")?.readQueueNums, groups.find("G"), told]).toEqual([undefined, 1, undefined, ["T"]]);
    // One that only reads is not sent away: its group is made again on its next first use.
    expect(groups.findOrCreate("Reader")?.consumeEnable).toBe(true);
    expect(groups.find("Reader")?.groupName).toBe("Reader");
  });
});

describe("topics.json", () => {
  test("has Apache's form", async () => {
    const harness = await BrokerHarness.start();
    harness.broker.topics.ensure("T1", 2, 6, 0);
    const text = decodeUtf8(harness.runtime.files.read("/store/config/topics.json") ?? NO_BODY);
    expect(text).toStartWith('{\n\t"dataVersion":{\n\t\t"counter":1,\n\t\t"stateVersion":0,\n\t\t"timestamp":');
    expect(text).toInclude(
      '\t\t"T1":{\n\t\t\t"attributes":{},\n\t\t\t"order":false,\n\t\t\t"perm":6,\n\t\t\t"readQueueNums":2,\n\t\t\t"topicFilterType":"SINGLE_TAG",\n\t\t\t"topicName":"T1",\n\t\t\t"topicSysFlag":0,\n\t\t\t"writeQueueNums":2\n\t\t}',
    );
    await harness.broker.stop();
  });

  test("a broken one is told by name, and nothing starts", async () => {
    const harness = await BrokerHarness.start();
    await harness.broker.stop();
    const { files } = harness.runtime;
    files.write("/store/config/topics.json", encodeUtf8("{ broken"));
    files.remove("/store/config/topics.json.bak");
    expect(await rejection(BrokerHarness.start({ runtime: harness.runtime }))).toInclude("topics.json");
  });

  test("a name in it that could be a path is passed over", async () => {
    const harness = await BrokerHarness.start();
    await harness.broker.stop();
    const text = '{"topicConfigTable":{"../x":{"topicName":"../x"},"ok":{"topicName":"ok"}}}';
    harness.runtime.files.write("/store/config/topics.json", encodeUtf8(text));
    const again = await BrokerHarness.start({ runtime: harness.runtime });
    expect([again.broker.topics.find("../x"), again.broker.topics.find("ok")?.topicName]).toEqual([undefined, "ok"]);
    expect(again.log.of("warn").some((line) => line.fields["topic"] === "../x")).toBe(true);
    await again.broker.stop();
  });
});
