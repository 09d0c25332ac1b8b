import { describe, expect, test } from "bun:test";
import { LocalPeer } from "../../core/remoting/local_peer.ts";
import { register, route, type TestServer, testServer, unregister } from "./support.ts";

const known = async (t: TestServer) => (await t.call("GET_BROKER_CLUSTER_INFO")).text.match(/"brokerName":"\w+"/g)?.length ?? 0;

async function started(settings = {}): Promise<TestServer> {
  const t = testServer(settings);
  await t.server.start();
  return t;
}

describe("a silent broker", () => {
  test("is taken out after 120 s, at the next scan, and its connection is closed", async () => {
    const t = await started();
    const peer = new LocalPeer();
    await register(t, "b1", "1.1.1.1:10911", { peer });
    await t.sim.clock.advance(120_000);
    expect(await known(t)).toBe(1);
    await t.sim.clock.advance(5_000);
    expect(await known(t)).toBe(0);
    expect(peer.closed).toBe(true);
    expect((await route(t, "T1")).code).toBe(17);
    await t.server.stop();
  });

  test("may name a time-out of its own", async () => {
    const t = await started();
    await register(t, "b1", "1.1.1.1:10911", { timeoutMs: 10_000 });
    await t.sim.clock.advance(10_000);
    expect(await known(t)).toBe(1);
    await t.sim.clock.advance(5_000);
    expect(await known(t)).toBe(0);
    await t.server.stop();
  });

  test("is looked for every scanNotActiveBrokerInterval", async () => {
    const t = await started({ scanNotActiveBrokerInterval: 60_000 });
    await register(t, "b1", "1.1.1.1:10911", { timeoutMs: 1_000 });
    await t.sim.clock.advance(59_999);
    expect(await known(t)).toBe(1);
    await t.sim.clock.advance(1);
    expect(await known(t)).toBe(0);
    await t.server.stop();
  });

  test("is not one that the wall clock makes old", async () => {
    const t = await started();
    await register(t, "b1", "1.1.1.1:10911");
    t.sim.clock.jump(24 * 3_600_000);
    await t.sim.clock.advance(60_000);
    expect(await known(t)).toBe(1);
    await t.server.stop();
  });

  test.each(["BROKER_HEARTBEAT", "QUERY_DATA_VERSION", "REGISTER_BROKER"] as const)("is not one that sends %s", async (name) => {
    const t = await started();
    const fields = { clusterName: "C", brokerName: "b1", brokerAddr: "1.1.1.1:10911", brokerId: "0", haServerAddr: "x" };
    await register(t, "b1", "1.1.1.1:10911");
    for (let i = 0; i < 10; i++) {
      await t.sim.clock.advance(100_000);
      expect((await t.call(name, fields, { body: name === "BROKER_HEARTBEAT" ? "" : "{}" })).code).toBe(0);
    }
    expect(await known(t)).toBe(1);
    await t.server.stop();
  });

  test("of a stopped nameserver is not looked for", async () => {
    const t = await started();
    await register(t, "b1", "1.1.1.1:10911");
    await t.server.stop();
    await t.sim.clock.advance(500_000);
    expect(await known(t)).toBe(1);
  });
});

test("a heartbeat of a broker that is not registered is answered, and registers nothing", async () => {
  const t = testServer();
  expect((await t.call("BROKER_HEARTBEAT", { clusterName: "C", brokerName: "q", brokerAddr: "9.9.9.9:1" })).code).toBe(0);
  expect(await known(t)).toBe(0);
});

describe("a closed connection", () => {
  test("takes its brokers out at once, all of them, and no others", async () => {
    const t = testServer();
    const container = new LocalPeer();
    await register(t, "b1", "1.1.1.1:10911", { peer: container });
    await register(t, "b2", "1.1.1.1:10921", { peer: container });
    await register(t, "b3", "1.1.1.3:10911");
    container.close();
    await t.sim.clock.settle();
    expect((await t.call("GET_BROKER_CLUSTER_INFO")).text).toContain('"clusterAddrTable":{"C":["b3"]}');
  });

  test("that a broker has left for another does not matter any more", async () => {
    const t = testServer();
    const old = new LocalPeer();
    await register(t, "b1", "1.1.1.1:10911", { peer: old });
    await register(t, "b1", "1.1.1.1:10911", { peer: new LocalPeer() });
    old.close();
    await t.sim.clock.settle();
    expect(await known(t)).toBe(1);
  });
});

describe("unregistration", () => {
  test("is answered before it is carried out, at the end of the turn", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    const fields = { clusterName: "C", brokerName: "b1", brokerAddr: "1.1.1.1:10911", brokerId: "0" };
    expect(await t.call("UNREGISTER_BROKER", fields)).toEqual({ code: 0, remark: undefined, fields: {}, text: "" });
    expect(await known(t)).toBe(1);
    await t.sim.clock.settle();
    expect(await known(t)).toBe(0);
  });

  test("of many at once leaves nothing: no topic, no cluster, no name", async () => {
    const t = testServer({ unRegisterBrokerQueueCapacity: 10 });
    const peers = Array.from({ length: 35 }, () => new LocalPeer());
    for (const [i, peer] of peers.entries()) await register(t, `b${i}`, `1.1.1.${i}:10911`, { peer });
    for (const peer of peers) peer.close();
    await t.sim.clock.settle();
    expect((await t.call("GET_BROKER_CLUSTER_INFO")).text).toBe('{"brokerAddrTable":{},"clusterAddrTable":{}}');
    expect((await t.call("GET_ALL_TOPIC_LIST_FROM_NAMESERVER")).text).toBe('{"topicList":[]}');
  });

  test("of an address that is not known changes nothing", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    expect((await unregister(t, "b1", "9.9.9.9:1")).code).toBe(0);
    expect((await unregister(t, "nobody", "1.1.1.1:10911", 0, "nowhere")).code).toBe(0);
    expect(await known(t)).toBe(1);
  });

  test("of one broker leaves its topics with the others that offer them", async () => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    await register(t, "b2", "1.1.2.1:10911", { topics: ["T2", "T3"] });
    await unregister(t, "b1", "1.1.1.1:10911");
    expect((await t.call("GET_ALL_TOPIC_LIST_FROM_NAMESERVER")).text).toBe('{"topicList":["T2","T3"]}');
    expect((await route(t, "T2")).text).not.toContain('"b1"');
  });
});

describe("QUERY_DATA_VERSION", () => {
  const fields = { clusterName: "C", brokerName: "b1", brokerAddr: "1.1.1.1:10911", brokerId: "0" };
  const stored = '{"counter":0,"stateVersion":0,"timestamp":5}';

  test.each([
    ["the same", fields, stored, "false", stored],
    ["another counter", fields, '{"counter":1,"stateVersion":0,"timestamp":5}', "true", stored],
    ["another timestamp", fields, '{"counter":0,"stateVersion":0,"timestamp":6}', "true", stored],
    ["another stateVersion", fields, '{"counter":0,"stateVersion":1,"timestamp":5}', "true", stored],
    ["an unknown broker", { ...fields, brokerAddr: "9.9.9.9:1" }, stored, "true", ""],
  ])("%s", async (_what, asked, body, changed, text) => {
    const t = testServer();
    await register(t, "b1", "1.1.1.1:10911");
    expect(await t.call("QUERY_DATA_VERSION", asked, { body })).toEqual({
      code: 0,
      remark: undefined,
      fields: { changed },
      text,
    });
  });
});
