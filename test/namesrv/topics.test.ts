import { describe, expect, test } from "bun:test";
import { permsIn, register, route, type TestServer, testServer } from "./support.ts";

const SUCCESS = 0;
const SYSTEM_ERROR = 1;
const TOPIC_NOT_EXIST = 17;

async function twoClusters(settings = {}): Promise<TestServer> {
  const t = testServer(settings);
  await register(t, "b1", "1.1.1.1:10911", {
    topics: ["T1", { name: "Unit", sysFlag: 1 }, { name: "UnitSub", sysFlag: 2 }, { name: "Both", sysFlag: 3 }],
  });
  await register(t, "b1", "1.1.1.2:10911", { id: 1 });
  await register(t, "b3", "1.1.3.1:10911", { cluster: "C2", topics: ["T1", "T3"] });
  return t;
}

const list = (...topics: string[]) => `{"topicList":${JSON.stringify(topics)}}`;

describe("lists", () => {
  test.each([
    ["GET_ALL_TOPIC_LIST_FROM_NAMESERVER", {}, list("T1", "Unit", "UnitSub", "Both", "T3")],
    ["GET_TOPICS_BY_CLUSTER", { cluster: "C2" }, list("T1", "T3")],
    ["GET_TOPICS_BY_CLUSTER", { cluster: "nope" }, list()],
    ["GET_UNIT_TOPIC_LIST", {}, list("Unit", "Both")],
    ["GET_HAS_UNIT_SUB_TOPIC_LIST", {}, list("UnitSub", "Both")],
    ["GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST", {}, list("UnitSub")],
    ["GET_SYSTEM_TOPIC_LIST_FROM_NS", {}, '{"brokerAddr":"1.1.1.1:10911","topicList":["C","b1","C2","b3"]}'],
    [
      "GET_BROKER_CLUSTER_INFO",
      {},
      '{"brokerAddrTable":{"b1":{"brokerAddrs":{0:"1.1.1.1:10911",1:"1.1.1.2:10911"},"brokerName":"b1","cluster":"C","enableActingMaster":false},"b3":{"brokerAddrs":{0:"1.1.3.1:10911"},"brokerName":"b3","cluster":"C2","enableActingMaster":false}},"clusterAddrTable":{"C":["b1"],"C2":["b3"]}}',
    ],
    [
      "GET_BROKER_MEMBER_GROUP",
      { clusterName: "C", brokerName: "b1" },
      '{"brokerMemberGroup":{"brokerAddrs":{0:"1.1.1.1:10911",1:"1.1.1.2:10911"},"brokerName":"b1","cluster":"C"}}',
    ],
    [
      "GET_BROKER_MEMBER_GROUP",
      { clusterName: "C", brokerName: "nope" },
      '{"brokerMemberGroup":{"brokerAddrs":{},"brokerName":"nope","cluster":"C"}}',
    ],
  ] as const)("%s %o", async (name, fields, text) => {
    const t = await twoClusters();
    expect(await t.call(name, fields)).toEqual({ code: SUCCESS, remark: undefined, fields: {}, text });
  });

  test("of an empty nameserver are empty", async () => {
    const t = testServer();
    expect((await t.call("GET_SYSTEM_TOPIC_LIST_FROM_NS")).text).toBe(list());
    expect((await t.call("GET_ALL_TOPIC_LIST_FROM_NAMESERVER")).text).toBe(list());
  });

  test("can be switched off: all topics by one key, the others but the system topics by another", async () => {
    const t = await twoClusters({ enableTopicList: false, enableAllTopicList: false });
    for (const name of [
      "GET_ALL_TOPIC_LIST_FROM_NAMESERVER",
      "GET_UNIT_TOPIC_LIST",
      "GET_HAS_UNIT_SUB_TOPIC_LIST",
      "GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST",
      "GET_TOPICS_BY_CLUSTER",
    ] as const) {
      const answer = await t.call(name, { cluster: "C" });
      expect(answer.code).toBe(SYSTEM_ERROR);
      expect(answer.remark).toContain("disable");
    }
    expect((await t.call("GET_SYSTEM_TOPIC_LIST_FROM_NS")).code).toBe(SUCCESS);
  });
});

describe("write permission", () => {
  test("is wiped and added for every topic of one broker name, and counted", async () => {
    const t = await twoClusters();
    expect((await t.call("WIPE_WRITE_PERM_OF_BROKER", { brokerName: "b3" })).fields).toEqual({ wipeTopicCount: "2" });
    expect(permsIn(await route(t, "T1"))).toEqual({ b1: 6, b3: 4 });
    expect((await t.call("ADD_WRITE_PERM_OF_BROKER", { brokerName: "b3" })).fields).toEqual({ addTopicCount: "2" });
    expect(permsIn(await route(t, "T1"))).toEqual({ b1: 6, b3: 6 });
    expect((await t.call("WIPE_WRITE_PERM_OF_BROKER", { brokerName: "none" })).fields).toEqual({ wipeTopicCount: "0" });
  });

  test("stays wiped while the broker registers the same DataVersion", async () => {
    const t = await twoClusters();
    await t.call("WIPE_WRITE_PERM_OF_BROKER", { brokerName: "b3" });
    await register(t, "b3", "1.1.3.1:10911", { cluster: "C2", topics: ["T1", "T3"] });
    expect(permsIn(await route(t, "T3"))).toEqual({ b3: 4 });
    await register(t, "b3", "1.1.3.1:10911", { cluster: "C2", topics: ["T1", "T3"], counter: 1 });
    expect(permsIn(await route(t, "T3"))).toEqual({ b3: 6 });
  });
});

describe("one topic", () => {
  const queues = (...names: string[]) => {
    const queueDatas = names.map((brokerName) => ({ brokerName, perm: 6, readQueueNums: 3, writeQueueNums: 3, topicSysFlag: 0 }));
    return JSON.stringify({ brokerDatas: [], filterServerTable: {}, queueDatas });
  };

  test("is registered for brokers that are known", async () => {
    const t = await twoClusters();
    expect((await t.call("REGISTER_TOPIC_IN_NAMESRV", { topic: "TX" }, { body: queues("b3") })).code).toBe(SUCCESS);
    expect((await route(t, "TX")).text).toBe(
      '{"brokerDatas":[{"brokerAddrs":{"0":"1.1.3.1:10911"},"brokerName":"b3","cluster":"C2","enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"b3","perm":6,"readQueueNums":3,"topicSysFlag":0,"writeQueueNums":3}]}',
    );
  });

  test.each([
    ["a broker that is not", "TX", queues("b3", "unknown")],
    ["an impossible name", "a/b", queues("b3")],
    ["no queues", "TX", queues()],
    ["no body", "TX", ""],
  ])("is not for %s, which is answered with success as Apache does", async (_what, topic, body) => {
    const t = await twoClusters();
    expect((await t.call("REGISTER_TOPIC_IN_NAMESRV", { topic }, { body })).code).toBe(SUCCESS);
    expect((await route(t, topic)).code).toBe(TOPIC_NOT_EXIST);
  });

  test("is deleted from one cluster or from all", async () => {
    const t = await twoClusters();
    const remove = (topic: string, clusterName?: string) =>
      t.call("DELETE_TOPIC_IN_NAMESRV", { topic, ...(clusterName === undefined ? {} : { clusterName }) });
    expect((await remove("T1", "C2")).code).toBe(SUCCESS);
    expect(permsIn(await route(t, "T1"))).toEqual({ b1: 6 });
    await remove("T3", "C");
    expect((await route(t, "T3")).code).toBe(SUCCESS);
    await remove("T3", "nowhere");
    expect((await route(t, "T3")).code).toBe(SUCCESS);
    await remove("T1");
    expect((await route(t, "T1")).code).toBe(TOPIC_NOT_EXIST);
    expect((await remove("never-there")).code).toBe(SUCCESS);
  });
});
