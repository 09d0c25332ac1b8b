import { describe, expect, test } from "bun:test";
import { LocalPeer } from "../../core/remoting/local_peer.ts";
import { addressesIn, permsIn, register, registerBody, route, testServer, unregister } from "./support.ts";

const SUCCESS = 0;
const SYSTEM_ERROR = 1;
const TOPIC_NOT_EXIST = 17;

describe("a registration", () => {
  test("makes the broker's topics known, and answers a master with nothing", async () => {
    const t = testServer();
    expect(await register(t, "broker-a", "127.0.0.1:20911", { cluster: "DefaultCluster" })).toEqual({
      code: SUCCESS,
      remark: undefined,
      fields: {},
      text: "",
    });
    expect((await route(t, "T1")).text).toBe(
      '{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:20911"},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}',
    );
  });

  test("the first one with exactly one topic is refused, and leaves nothing behind", async () => {
    const t = testServer();
    const answer = await register(t, "b1", "1.1.1.1:10911", { topics: ["T1"] });
    expect(answer.code).toBe(SYSTEM_ERROR);
    expect(answer.remark).toContain("register broker failed");
    expect((await t.call("GET_BROKER_CLUSTER_INFO")).text).toBe('{"brokerAddrTable":{},"clusterAddrTable":{}}');
  });

  test("a single topic is added once the broker is known", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    expect((await register(t, "b1", "1.1.1.1:10911", { topics: ["T3"], counter: 1 })).code).toBe(SUCCESS);
    expect((await t.call("GET_ALL_TOPIC_LIST_FROM_NAMESERVER")).text).toBe('{"topicList":["T1","T2","T3"]}');
  });

  test("without topics and without a body it is accepted, as from brokers that have none", async () => {
    const t = testServer();
    const fields = { clusterName: "C", brokerName: "b8", brokerId: "0", brokerAddr: "8.8.8.8:1", haServerAddr: "x" };
    expect((await t.call("REGISTER_BROKER", fields)).code).toBe(SUCCESS);
    expect((await t.call("GET_BROKER_CLUSTER_INFO")).text).toBe(
      '{"brokerAddrTable":{"b8":{"brokerAddrs":{0:"8.8.8.8:1"},"brokerName":"b8","cluster":"C","enableActingMaster":false}},"clusterAddrTable":{"C":["b8"]}}',
    );
  });

  test("a topic's queues change with a new DataVersion only", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    const changed = [{ name: "T1", read: 9, write: 9 }, "T2"];
    await register(t, "b1", "1.1.1.1:10911", { topics: changed });
    expect((await route(t, "T1")).text).toContain('"readQueueNums":4');
    await register(t, "b1", "1.1.1.1:10911", { topics: changed, counter: 1 });
    expect((await route(t, "T1")).text).toContain('"readQueueNums":9');
  });

  test("with an unchanged DataVersion a topic that got lost comes back", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    await t.call("DELETE_TOPIC_IN_NAMESRV", { topic: "T1" });
    await register(t, "b1", "1.1.1.1:10911");
    expect((await route(t, "T1")).code).toBe(SUCCESS);
  });

  test("topics missing in a body stay, unless deleteTopicWithBrokerRegistration", async () => {
    for (const deleteTopicWithBrokerRegistration of [false, true]) {
      const t = testServer({ deleteTopicWithBrokerRegistration });
      await register(t, "b1", "1.1.1.1:10911", { topics: ["T1", "T2", "T3"] });
      await register(t, "b1", "1.1.1.1:10911", { topics: ["T1", "T3"], counter: 1 });
      expect((await route(t, "T2")).code).toBe(deleteTopicWithBrokerRegistration ? TOPIC_NOT_EXIST : SUCCESS);
    }
  });

  test("static topics keep deleteTopicWithBrokerRegistration from deleting", async () => {
    const t = testServer({ deleteTopicWithBrokerRegistration: true });
    await register(t, "b1", "1.1.1.1:10911");
    const mappings =
      '{"T1":{"bname":"b1","currIdMap":{0:0},"dirty":false,"epoch":9,"scope":"__global__","topic":"T1","totalQueues":1}}';
    await register(t, "b1", "1.1.1.1:10911", { topics: ["T1"], counter: 1, mappings });
    expect((await route(t, "T2")).code).toBe(SUCCESS);
  });

  test("brings the order configuration back, unless returnOrderTopicConfigToBroker=false", async () => {
    for (const returnOrderTopicConfigToBroker of [true, false]) {
      const t = testServer({ returnOrderTopicConfigToBroker });
      await t.call("PUT_KV_CONFIG", { namespace: "ORDER_TOPIC_CONFIG", key: "T1", value: "b1:4" });
      const { text } = await register(t, "b1", "1.1.1.1:10911");
      expect(text).toBe(returnOrderTopicConfigToBroker ? '{"table":{"T1":"b1:4"}}' : "");
    }
  });
});

describe("the body", () => {
  // Written by RegisterBrokerBody.encode(true) and encode(false) of 5.5.0.
  const ZLIB =
    "78da4d4fcb6ac33010547bea17f42ce61ab5442649e9de7a6882a10f4a4d2ea51859d9a4a6b66524f9108cffbd724e3d0ceccececcee0a21d408eb862eb2073d28846822efd987da75a04c21d62d27b2ed41eb4908719da00a2d57722d37f2337fdbbd3c97c5d34e8e5824653027be8fe79e41d8e6db77cc9edb22935ace9efffa7972f38563208def545f25c4115567dad95d79f7cbfece40c10edee78757936e1897a45546cb49e150fb78061d4d1358817b677f408fe905eb2eebcbf2d4b8ca34659922a2eb6b9bc8425f9a689a8f81070ea0d5f407980b49f1";
  const JSON_TEXT =
    '{"filterServerList":["fs:1"],"topicConfigSerializeWrapper":{"dataVersion":{"counter":7,"stateVersion":2,"timestamp":5},"mappingDataVersion":{"counter":0,"stateVersion":0,"timestamp":1},"topicConfigTable":{"T1":{"attributes":{"+message.type":"FIFO"},"order":false,"perm":6,"readQueueNums":4,"topicFilterType":"SINGLE_TAG","topicName":"T1","topicSysFlag":0,"writeQueueNums":5},"T2":{"attributes":{},"order":false,"perm":4,"readQueueNums":1,"topicFilterType":"SINGLE_TAG","topicName":"T2","topicSysFlag":0,"writeQueueNums":1}},"topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":{"T1":{"bname":"broker-a","currIdMap":{0:1,2:0},"dirty":false,"epoch":9,"scope":"__global__","topic":"T1","totalQueues":4}}}}';
  /** Body of a broker before 3.0.11: the wrapper alone. */
  const OLD = JSON_TEXT.slice(JSON_TEXT.indexOf(":{") + 1, -1);
  const ROUTE =
    '{"brokerDatas":[{"brokerAddrs":{"0":"1.1.1.1:10911"},"brokerName":"broker-a","cluster":"C","enableActingMaster":false}],"filterServerTable":{"1.1.1.1:10911":["fs:1"]},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":5}],"topicQueueMappingByBroker":{"broker-a":{"bname":"broker-a","currIdMap":{"0":1,"2":0},"dirty":false,"epoch":9,"scope":"__global__","topic":"T1","totalQueues":4}}}';
  const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const fields = (compressed: string | undefined, bodyCrc32 = "0") => ({
    clusterName: "C",
    brokerName: "broker-a",
    brokerAddr: "1.1.1.1:10911",
    brokerId: "0",
    haServerAddr: "1.1.1.1:10912",
    bodyCrc32,
    compressed,
  });

  test.each([
    ["JSON", JSON_TEXT, "false", "472309968"],
    ["JSON under compressed=true", JSON_TEXT, "true", "472309968"],
    ["zlib", bytes(ZLIB), "true", "1051652887"],
    ["zlib under compressed=false, as 5.5 brokers with compressedRegister=true send it", bytes(ZLIB), "false", "1051652887"],
    ["zlib without saying so", bytes(ZLIB), undefined, "0"],
  ])("is read as %s", async (_form, body, compressed, crc) => {
    const t = testServer();
    expect((await t.call("REGISTER_BROKER", fields(compressed, crc), { body })).code).toBe(SUCCESS);
    expect((await route(t, "T1")).text).toBe(ROUTE);
    const version = await t.call("QUERY_DATA_VERSION", fields("false"), { body: '{"counter":7,"stateVersion":2,"timestamp":5}' });
    expect(version.fields).toEqual({ changed: "false" });
  });

  test("of a broker before 3.0.11 is the table of topics alone", async () => {
    const t = testServer();
    expect((await t.call("REGISTER_BROKER", fields("false"), { body: OLD, version: 36 })).code).toBe(SUCCESS);
    expect((await route(t, "T2")).text).toContain('"perm":4');
  });

  test.each([
    ["another CRC", JSON_TEXT, "77", "crc32 not match"],
    ["broken JSON", '{"topicConfig', "0", "Failed to decode RegisterBrokerBody"],
    ["a broken zlib stream", bytes(ZLIB).subarray(0, 50), "0", "Failed to decode RegisterBrokerBody"],
    ["no JSON at all", "hello", "0", "Failed to decode RegisterBrokerBody"],
    ["a perm that is no number", JSON_TEXT.replace('"perm":6', '"perm":"x"'), "0", "Failed to decode RegisterBrokerBody"],
  ])("with %s is refused and changes nothing", async (_what, body, crc, remark) => {
    const t = testServer();
    const answer = await t.call("REGISTER_BROKER", fields("false", crc), { body });
    expect(answer.code).toBe(SYSTEM_ERROR);
    expect(answer.remark).toContain(remark);
    expect((await t.call("GET_BROKER_CLUSTER_INFO")).text).toBe('{"brokerAddrTable":{},"clusterAddrTable":{}}');
  });
});

describe("masters and slaves", () => {
  test("a slave is told its master, and adds no topics while the master is there", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911", { acting: true });
    const slave = await register(t, "b1", "1.1.1.2:10911", { acting: true, id: 1, topics: ["T1", "T2", "T9"] });
    expect(slave.fields).toEqual({ haServerAddr: "1.1.1.1:10912", masterAddr: "1.1.1.1:10911" });
    expect((await route(t, "T9")).code).toBe(TOPIC_NOT_EXIST);
    expect(addressesIn(await route(t, "T1"))).toEqual({ b1: { "0": "1.1.1.1:10911", "1": "1.1.1.2:10911" } });
  });

  test("a slave of an old broker never writes topics, one that says enableActingMaster does when it is the smallest id", async () => {
    for (const [acting, code, perm] of [
      [undefined, TOPIC_NOT_EXIST, 0],
      [false, SUCCESS, 6],
      [true, SUCCESS, 4],
    ] as const) {
      const t = testServer();
      await register(t, "b3", "1.1.3.1:10911", { id: 1, ...(acting === undefined ? {} : { acting }) });
      const answer = await route(t, "T1");
      expect(answer.code).toBe(code);
      if (code === SUCCESS) expect(permsIn(answer)).toEqual({ b3: perm });
    }
  });

  test("an address has one id: a slave that becomes master leaves its old one", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    await register(t, "b1", "1.1.1.2:10911", { id: 1 });
    await register(t, "b1", "1.1.1.2:10911", { id: 0, counter: 3 });
    expect(addressesIn(await route(t, "T1"))).toEqual({ b1: { "0": "1.1.1.2:10911" } });
  });

  test("an id held by an address with a higher stateVersion is not taken over, and the answer is a bare success", async () => {
    const t = testServer();
    await register(t, "b5", "1.1.5.1:10911", { stateVersion: 7 });
    const answer = await register(t, "b5", "1.1.5.2:10911", { stateVersion: 6, timestamp: 9 });
    expect(answer.code).toBe(SUCCESS);
    expect(addressesIn(await route(t, "T1"))).toEqual({ b5: { "0": "1.1.5.1:10911" } });
    await register(t, "b5", "1.1.5.2:10911", { stateVersion: 8, timestamp: 9 });
    expect(addressesIn(await route(t, "T1"))).toEqual({ b5: { "0": "1.1.5.2:10911" } });
  });

  test("when the master goes, its group keeps the topics: without write permission where slaves act, else as they were", async () => {
    for (const acting of [true, false]) {
      const t = testServer({ supportActingMaster: true });
      await register(t, "b1", "1.1.1.1:10911", { acting });
      await register(t, "b1", "1.1.1.2:10911", { acting, id: 1 });
      await unregister(t, "b1", "1.1.1.1:10911");
      const answer = await route(t, "T1");
      expect(permsIn(answer)).toEqual({ b1: acting ? 4 : 6 });
      expect(addressesIn(answer)).toEqual({ b1: acting ? { "0": "1.1.1.2:10911" } : { "1": "1.1.1.2:10911" } });
    }
  });

  test("a master that comes back has its write permission back", async () => {
    const t = testServer({ supportActingMaster: true });
    await register(t, "b1", "1.1.1.1:10911", { acting: true });
    await register(t, "b1", "1.1.1.2:10911", { acting: true, id: 1 });
    await unregister(t, "b1", "1.1.1.1:10911");
    await register(t, "b1", "1.1.1.1:10911", { acting: true });
    const answer = await route(t, "T1");
    expect(permsIn(answer)).toEqual({ b1: 6 });
    expect(addressesIn(answer)).toEqual({ b1: { "0": "1.1.1.1:10911", "1": "1.1.1.2:10911" } });
  });
});

describe("NOTIFY_MIN_BROKER_ID_CHANGE", () => {
  const server = (notifyMinBrokerIdChanged: boolean) => {
    const told: unknown[] = [];
    const t = testServer({ notifyMinBrokerIdChanged }, undefined, { notifyBrokers: (change) => told.push(change) });
    return { t, told };
  };

  test("tells the others of a new smallest id", async () => {
    const { t, told } = server(true);
    await register(t, "b1", "1.1.1.3:10911", { acting: true, id: 2 });
    await register(t, "b1", "1.1.1.2:10911", { acting: true, id: 1 });
    expect(told).toEqual([
      {
        brokerName: "b1",
        minBrokerId: 1,
        minBrokerAddr: "1.1.1.2:10911",
        offlineBrokerAddr: undefined,
        haBrokerAddr: "1.1.1.2:10912",
        notify: ["1.1.1.3:10911"],
      },
    ]);
  });

  test("tells all that are left when the smallest id went, where slaves act", async () => {
    for (const acting of [true, false]) {
      const { t, told } = server(true);
      await register(t, "b1", "1.1.1.1:10911", { acting });
      await register(t, "b1", "1.1.1.2:10911", { acting, id: 1 });
      await register(t, "b1", "1.1.1.3:10911", { acting, id: 2 });
      await unregister(t, "b1", "1.1.1.3:10911", 2);
      expect(told).toEqual([]);
      await unregister(t, "b1", "1.1.1.1:10911");
      const news = {
        brokerName: "b1",
        minBrokerId: 1,
        minBrokerAddr: "1.1.1.2:10911",
        offlineBrokerAddr: "1.1.1.1:10911",
        haBrokerAddr: undefined,
        notify: ["1.1.1.2:10911"],
      };
      expect(told).toEqual(acting ? [news] : []);
    }
  });

  test("is off by default", async () => {
    const { t, told } = server(false);
    await register(t, "b1", "1.1.1.2:10911", { acting: true, id: 1 });
    await register(t, "b1", "1.1.1.1:10911", { acting: true });
    await unregister(t, "b1", "1.1.1.1:10911");
    expect(told).toEqual([]);
  });
});

describe("what a broker says of itself is checked before it is stored", () => {
  test.each([
    ["a blank cluster", { cluster: " " }, "clusterName"],
    ["a cluster with a line break", { cluster: "C\nD" }, "clusterName"],
    ["a negative id", { id: -1 }, "brokerId"],
  ])("%s", async (_what, input, field) => {
    const t = testServer();
    const answer = await register(t, "b1", "1.1.1.1:10911", input);
    expect(answer.code).toBe(SYSTEM_ERROR);
    expect(answer.remark).toContain(field);
  });

  test.each(["", "1.1.1.1", "1.1.1.1:port", "a b:1", `${"h".repeat(300)}:1`])("the address %p", async (address) => {
    const t = testServer();
    const answer = await register(t, "b1", address);
    expect(answer.code).toBe(SYSTEM_ERROR);
    expect(answer.remark).toContain("brokerAddr");
  });

  test("IPv6 addresses and host names are addresses", async () => {
    for (const address of ["[2001:db8::1]:10911", "2001:db8::1:10911", "broker-a.example.com:10911"]) {
      expect((await register(testServer(), "b1", address)).code).toBe(SUCCESS);
    }
  });

  test("a topic with an impossible name is left out, the others are taken", async () => {
    const t = testServer();
    await register(t, "host.example", "1.1.1.1:10911", {
      cluster: "My Cluster",
      topics: ["T1", "a/b", "../etc", "x".repeat(256), "My Cluster", "My Cluster_REPLY_TOPIC", "host.example", "%RETRY%g+T1"],
    });
    expect(JSON.parse((await t.call("GET_ALL_TOPIC_LIST_FROM_NAMESERVER")).text)).toEqual({
      topicList: ["T1", "My Cluster", "My Cluster_REPLY_TOPIC", "host.example", "%RETRY%g+T1"],
    });
    const warnings = t.logged.filter((line) => line.startsWith("warn"));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('"count":3');
  });

  test("a topic with numbers of queues that no client could bear is left out", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911", {
      topics: ["T1", { name: "T2", read: 2_000_000_000 }, { name: "T3", write: -1 }, { name: "T4", read: 65_536, write: 0 }],
    });
    expect((await t.call("GET_ALL_TOPIC_LIST_FROM_NAMESERVER")).text).toBe('{"topicList":["T1","T4"]}');
  });

  test("a missing field is named", async () => {
    const t = testServer();
    const answer = await t.call("REGISTER_BROKER", { clusterName: "C" }, { body: registerBody() });
    expect(answer).toMatchObject({ code: SYSTEM_ERROR, remark: expect.stringContaining("brokerName") });
  });
});

test("a broker that left and came in the same turn is not taken out by its own farewell", async () => {
  const t = testServer();
  const old = new LocalPeer();
  await register(t, "b1", "1.1.1.1:10911", { peer: old });
  old.close();
  await register(t, "b1", "1.1.1.1:10911", { peer: new LocalPeer() });
  await t.sim.clock.settle();
  expect((await route(t, "T1")).code).toBe(SUCCESS);
});
