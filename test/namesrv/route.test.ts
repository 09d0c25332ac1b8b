import { describe, expect, test } from "bun:test";
import { LocalPeer } from "../../core/remoting/local_peer.ts";
import type { Peer } from "../../core/remoting/processor.ts";
import { addressesIn, register, route, type TestServer, testServer, unregister } from "./support.ts";

const SUCCESS = 0;
const SYSTEM_ERROR = 1;
const TOPIC_NOT_EXIST = 17;
const ZONE = (zone: string) => ({ fields: { __ZONE_MODE: "true", __ZONE_NAME: zone } });

/** The brokers of the run against Apache's processors: an acting group with zone, an old master with zone, a lone slave. */
async function threeBrokers(t: TestServer): Promise<void> {
  await t.call("PUT_KV_CONFIG", { namespace: "ORDER_TOPIC_CONFIG", key: "T1", value: "broker-a:4;b中<>/\"'" });
  await register(t, "b1", "1.1.1.1:10911", { acting: true, zone: "z1" });
  await register(t, "b1", "1.1.1.2:10911", { acting: true, zone: "z1", id: 1, filterServers: ["fs:1"] });
  await register(t, "b2", "1.1.2.1:10911", { zone: "z2" });
  await register(t, "b3", "1.1.3.1:10911", { cluster: "C2", acting: false, id: 1, topics: ["T1", "T3"] });
}

const settings = { supportActingMaster: true, orderMessageEnable: true };

// Texts below are answers of Apache's processors (5.5.0) to the same calls; only the order of brokers is ours.
const B1 =
  '{"brokerAddrs":{"0":"1.1.1.1:10911","1":"1.1.1.2:10911"},"brokerName":"b1","cluster":"C","enableActingMaster":true,"zoneName":"z1"}';
const B2 = '{"brokerAddrs":{"0":"1.1.2.1:10911"},"brokerName":"b2","cluster":"C","enableActingMaster":false,"zoneName":"z2"}';
const B3 = '{"brokerAddrs":{"1":"1.1.3.1:10911"},"brokerName":"b3","cluster":"C2","enableActingMaster":false}';
const ORDER = '"orderTopicConf":"broker-a:4;b中<>/\\"\'"';
const queues = (brokerName: string, perm = 6) =>
  `{"brokerName":"${brokerName}","perm":${perm},"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}`;
const bare = (json: string) => json.replace(/"(\d)":/g, "$1:");

describe("the body of a route", () => {
  test("is strict JSON from 4.9.4 on or when asked for, and fastjson's before", async () => {
    const t = testServer(settings);
    await threeBrokers(t);
    const strict = `{"brokerDatas":[${B1},${B2},${B3}],"filterServerTable":{"1.1.1.2:10911":["fs:1"]},${ORDER},"queueDatas":[${queues("b1")},${queues("b2")},${queues("b3")}]}`;
    for (const [version, fields, expected] of [
      [513, {}, strict],
      [401, {}, strict],
      [400, {}, bare(strict)],
      [0, {}, bare(strict)],
      [400, { acceptStandardJsonOnly: "true" }, strict],
      [513, { acceptStandardJsonOnly: "false" }, strict],
    ] as const) {
      expect((await route(t, "T1", { version, fields })).text).toBe(expected);
    }
  });

  test("leaves the order configuration out without orderMessageEnable, and where the topic has none", async () => {
    const off = testServer();
    await threeBrokers(off);
    expect((await route(off, "T1")).text).not.toContain("orderTopicConf");
    const on = testServer(settings);
    await threeBrokers(on);
    expect((await route(on, "T3")).text).not.toContain("orderTopicConf");
  });

  test("shows the smallest slave as master when the master is gone and supportActingMaster", async () => {
    const t = testServer(settings);
    await threeBrokers(t);
    await unregister(t, "b1", "1.1.1.1:10911");
    const acting = B1.replace('"0":"1.1.1.1:10911","1":"1.1.1.2:10911"', '"0":"1.1.1.2:10911"');
    expect((await route(t, "T1")).text).toBe(
      `{"brokerDatas":[${acting},${B2},${B3}],"filterServerTable":{"1.1.1.2:10911":["fs:1"]},${ORDER},"queueDatas":[${queues("b1", 4)},${queues("b2")},${queues("b3")}]}`,
    );
  });

  test("does so in no other case: without the key, while the topic is writable, in topics of broker membership", async () => {
    const member = "rmq_sys_SYNC_BROKER_MEMBER_b1";
    const group = async (t: TestServer) => {
      await register(t, "b1", "1.1.1.1:10911", { acting: true, topics: ["T1", member] });
      await register(t, "b1", "1.1.1.2:10911", { acting: true, id: 1 });
      await unregister(t, "b1", "1.1.1.1:10911");
    };
    const slave = { b1: { "1": "1.1.1.2:10911" } };
    const without = testServer();
    await group(without);
    expect(addressesIn(await route(without, "T1"))).toEqual(slave);
    const t = testServer(settings);
    await group(t);
    expect(addressesIn(await route(t, member))).toEqual(slave);
    await t.call("ADD_WRITE_PERM_OF_BROKER", { brokerName: "b1" });
    expect(addressesIn(await route(t, "T1"))).toEqual(slave);
  });

  test("seats the smallest of several slaves, the others keep their ids", async () => {
    const t = testServer(settings);
    for (const id of [0, 3, 2]) await register(t, "b1", `1.1.1.${id}:10911`, { acting: true, id });
    await unregister(t, "b1", "1.1.1.0:10911");
    expect(addressesIn(await route(t, "T1"))).toEqual({ b1: { "0": "1.1.1.2:10911", "3": "1.1.1.3:10911" } });
  });
});

describe("a zone", () => {
  test("leaves brokers of the zone, whatever the case, and those without a master; in fastjson's form", async () => {
    const t = testServer(settings);
    await threeBrokers(t);
    expect((await route(t, "T1", ZONE("Z2"))).text).toBe(
      bare(`{"brokerDatas":[${B2},${B3}],"filterServerTable":{},${ORDER},"queueDatas":[${queues("b2")},${queues("b3")}]}`),
    );
    expect((await route(t, "T1", ZONE("z1"))).text).toBe(
      bare(
        `{"brokerDatas":[${B1},${B3}],"filterServerTable":{"1.1.1.2:10911":["fs:1"]},${ORDER},"queueDatas":[${queues("b1")},${queues("b3")}]}`,
      ),
    );
  });

  test("looks at brokers after the acting master took its seat", async () => {
    const t = testServer(settings);
    await threeBrokers(t);
    await unregister(t, "b1", "1.1.1.1:10911");
    expect((await route(t, "T1", ZONE("zz"))).text).toBe(
      bare(`{"brokerDatas":[${B3}],"filterServerTable":{},${ORDER},"queueDatas":[${queues("b3")}]}`),
    );
  });

  test("counts only when both fields say so", async () => {
    const t = testServer(settings);
    await threeBrokers(t);
    const all = (await route(t, "T1")).text;
    for (const fields of [{ __ZONE_NAME: "z1" }, { __ZONE_MODE: "true" }, { __ZONE_MODE: "true", __ZONE_NAME: " " }]) {
      expect((await route(t, "T1", { fields })).text).toBe(all);
    }
  });
});

describe("an answer kept as bytes", () => {
  test("follows every table and key that it is made of", async () => {
    const t = testServer({ ...settings, enableTopicList: true });
    await threeBrokers(t);
    const seen = new Set<string>();
    const isNew = async () => {
      const { text, remark } = await route(t, "T1");
      const before = seen.size;
      expect((await route(t, "T1")).text).toBe(text);
      return seen.add(text + remark).size > before;
    };
    expect(await isNew()).toBe(true);
    expect(await isNew()).toBe(false);
    await register(t, "b2", "1.1.2.1:10911", { zone: "z2", topics: [{ name: "T1", read: 7 }, "T2"], counter: 1 });
    expect(await isNew()).toBe(true);
    await register(t, "b2", "1.1.2.1:10911", { zone: "z9", topics: [{ name: "T1", read: 7 }, "T2"], counter: 1 });
    expect(await isNew()).toBe(true);
    await t.call("WIPE_WRITE_PERM_OF_BROKER", { brokerName: "b2" });
    expect(await isNew()).toBe(true);
    await t.call("PUT_KV_CONFIG", { namespace: "ORDER_TOPIC_CONFIG", key: "T1", value: "b1:8" });
    expect(await isNew()).toBe(true);
    await unregister(t, "b1", "1.1.1.1:10911");
    expect(await isNew()).toBe(true);
    await t.call("UPDATE_NAMESRV_CONFIG", {}, { body: "supportActingMaster=false" });
    expect(await isNew()).toBe(true);
    await t.call("UPDATE_NAMESRV_CONFIG", {}, { body: "orderMessageEnable=false" });
    expect(await isNew()).toBe(true);
    await register(t, "b1", "1.1.1.2:10911", { acting: true, zone: "z1", id: 1 });
    expect(await isNew()).toBe(true);
    await t.call("DELETE_TOPIC_IN_NAMESRV", { topic: "T1" });
    expect(await isNew()).toBe(true);
  });

  test("is the same object until then, and a registration without news changes nothing", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    const peer = new LocalPeer();
    const body = async () => (await t.server.invoke("GET_ROUTEINFO_BY_TOPIC", peer, { topic: "T1" }))?.body;
    const first = await body();
    await register(t, "b1", "1.1.1.1:10911");
    expect(first).toBeDefined();
    expect((await body()) === first).toBe(true);
  });
});

describe("addresses by peer", () => {
  const from = (local: string) => new LocalPeer({ local: { host: local, port: 9876 } });
  /** As beside a broker in the same process: it is reached where the nameserver was reached. */
  const addressFor = (peer: Peer) => `${peer.local.host}:10911`;

  test("stand in routes, cluster info and member groups; other brokers keep theirs", async () => {
    const t = testServer();
    const withdraw = t.server.advertise("local", 0, addressFor);
    await register(t, "local", "10.9.9.9:10911");
    await register(t, "far", "1.1.2.1:10911");
    for (const host of ["127.0.0.1", "192.168.0.7", "127.0.0.1"]) {
      const told = { local: { "0": `${host}:10911` }, far: { "0": "1.1.2.1:10911" } };
      const options = { peer: from(host) };
      expect(addressesIn(await route(t, "T1", options))).toEqual(told);
      expect(addressesIn(await route(t, "T2", options))).toEqual(told);
      const cluster = await t.call("GET_BROKER_CLUSTER_INFO", {}, options);
      expect(cluster.text).toContain(`"local":{"brokerAddrs":{0:"${host}:10911"}`);
      expect(cluster.text).toContain('"far":{"brokerAddrs":{0:"1.1.2.1:10911"}');
      const group = await t.call("GET_BROKER_MEMBER_GROUP", { clusterName: "C", brokerName: "local" }, options);
      expect(group.text).toBe(`{"brokerMemberGroup":{"brokerAddrs":{0:"${host}:10911"},"brokerName":"local","cluster":"C"}}`);
    }
    withdraw();
    const registered = { local: { "0": "10.9.9.9:10911" }, far: { "0": "1.1.2.1:10911" } };
    expect(addressesIn(await route(t, "T1", { peer: from("127.0.0.1") }))).toEqual(registered);
  });

  test("by many peers do not pile up", async () => {
    const t = testServer();
    t.server.advertise("local", 0, addressFor);
    await register(t, "local", "10.9.9.9:10911");
    for (let i = 0; i < 100; i++) {
      const host = `10.0.0.${i}`;
      expect(addressesIn(await route(t, "T1", { peer: from(host) }))).toEqual({ local: { "0": `${host}:10911` } });
    }
  });
});

describe("no route", () => {
  const APACHE = (topic: string) =>
    `No topic route info in name server for the topic: ${topic}\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.\n`;
  const why = async (t: TestServer, topic: string) => {
    const answer = await route(t, topic);
    expect(answer.code).toBe(TOPIC_NOT_EXIST);
    expect(answer.remark).toContain(APACHE(topic));
    return (answer.remark ?? "").slice(APACHE(topic).length);
  };

  test("because no broker is registered", async () => {
    expect(await why(testServer(), "T1")).toContain("No broker is registered");
  });

  test("because brokers do not make topics by themselves", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    expect(await why(t, "T9")).toContain("1 broker is registered, none offers this topic, and none offers TBW102");
  });

  test("because nobody has sent to it yet", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911", { topics: ["T1", "TBW102"] });
    await register(t, "b2", "1.1.1.2:10911");
    expect(await why(t, "T9")).toContain(
      "2 brokers are registered, none offers this topic: a producer's first message creates it",
    );
  });

  test("because of case or blanks, and the right name is told", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911", { topics: ["OrderEvents", "TBW102"] });
    for (const topic of ["orderevents", "ORDEREVENTS", " OrderEvents", "OrderEvents ", "Order Events", "OrderEvents\n"]) {
      expect(await why(t, topic)).toContain('A topic "OrderEvents" exists');
    }
    expect(await why(t, "OrderEvent")).not.toContain("OrderEvents");
  });

  test("for a name of any length is answered shortly", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    const answer = await route(t, "x".repeat(1_000_000));
    expect(answer.code).toBe(TOPIC_NOT_EXIST);
    expect((answer.remark ?? "").length).toBeLessThan(1000);
  });
});

test("needWaitForService: no routes for waitSecondsForService after the start", async () => {
  const t = testServer({ needWaitForService: true, waitSecondsForService: 45 });
  await t.server.start();
  await register(t, "b1", "1.1.1.1:10911");
  const early = await route(t, "T1");
  expect(early.code).toBe(SYSTEM_ERROR);
  expect(early.remark).toContain("name server not ready");
  await t.sim.clock.advance(44_999);
  expect((await route(t, "T1")).code).toBe(SYSTEM_ERROR);
  await t.sim.clock.advance(1);
  expect((await route(t, "T1")).code).toBe(SUCCESS);
  await t.server.stop();
});
