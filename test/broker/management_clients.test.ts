import { describe, expect, test } from "bun:test";
import { getConsumerListByGroupResponseBody } from "../../wire/bodies/client.ts";
import { consumerConnection, producerConnection, producerTableInfo } from "../../wire/bodies/connection.ts";
import { checkClientRequestBody } from "../../wire/bodies/subscription.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { BrokerHarness, client, consumerOf, rejection, subscription } from "./management_harness.ts";

const NO_BODY = new Uint8Array(0);
const CHANGED = "NOTIFY_CONSUMER_IDS_CHANGED";

describe("HEART_BEAT", () => {
  test("makes the group, its retry topic and its members", async () => {
    const harness = await BrokerHarness.start();
    const peer = client();
    const reply = await harness.heartbeat(peer, {
      consumerDataSet: [consumerOf("G", subscription("T", "a || b"))],
      producerDataSet: [{ groupName: "PG" }],
    });
    expect(reply).toEqual({ extFields: { IS_SUPPORT_HEART_BEAT_V2: "true", IS_SUB_CHANGE: "true" } });
    const { broker } = harness;
    expect(broker.groups.find("G")?.groupName).toBe("G");
    expect(broker.topics.find("%RETRY%G")).toMatchObject({ readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 });
    expect(broker.consumers.clientIds("G")).toEqual(["c1"]);
    expect(broker.consumers.subscription("G", "T")?.subString).toBe("a || b");
    expect(broker.producers.channels("PG").map((channel) => channel.clientId)).toEqual(["c1"]);
    expect(broker.producers.byClientId("c1")?.peer).toBe(peer);
    expect([...broker.consumers.groupsOf("T")]).toEqual(["G"]);
    await broker.stop();
  });

  test("of a unit marks the retry topic, and of an ordered topic orders it", async () => {
    const harness = await BrokerHarness.start();
    harness.broker.topics.ensure("T", 1, 6, 0, true);
    await harness.heartbeat(client(), { consumerDataSet: [{ ...consumerOf("G", subscription("T")), unitMode: true }] });
    expect(harness.broker.topics.find("%RETRY%G")).toMatchObject({ topicSysFlag: 2, order: true });
    await harness.broker.stop();
  });

  test("skips groups that may not be made, and pull consumers when they are refused", async () => {
    const harness = await BrokerHarness.start({
      settings: { autoCreateSubscriptionGroup: false, rejectPullConsumerEnable: true },
    });
    const pull = { ...consumerOf("TOOLS_CONSUMER"), consumeType: "CONSUME_ACTIVELY" as const };
    const reply = await harness.heartbeat(client(), { consumerDataSet: [consumerOf("G"), consumerOf("bad/name"), pull] });
    expect(reply.code ?? 0).toBe(0);
    expect([...harness.broker.consumers.groups()]).toEqual([]);
    await harness.broker.stop();
  });

  test("without a client id or with a broken body is refused, and nobody else notices", async () => {
    const harness = await BrokerHarness.start();
    expect((await harness.refused("HEART_BEAT", {}, '{"consumerDataSet":[]}')).code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(await rejection(harness.call("HEART_BEAT", {}, "{"))).toInclude("JSON");
    await harness.broker.stop();
  });

  test("with more groups than anybody has is refused whole", async () => {
    const harness = await BrokerHarness.start();
    const consumerDataSet = Array.from({ length: 1001 }, (_, i) => consumerOf(`G${i}`));
    const failure = await rejection(harness.heartbeat(client(), { consumerDataSet }));
    expect(failure).toBe("HEART_BEAT of c1 names 1001 groups; at most 1000 are taken");
    expect(harness.broker.groups.find("G0")).toBeUndefined();
    await harness.broker.stop();
  });

  describe("V2", () => {
    test("says when the subscriptions are wanted again", async () => {
      const harness = await BrokerHarness.start();
      const peer = client();
      const beat = async (heartbeatFingerprint: number, isWithoutSub: boolean) => {
        const subscriptions = isWithoutSub ? [] : [subscription("T")];
        const reply = await harness.heartbeat(peer, {
          heartbeatFingerprint,
          isWithoutSub,
          consumerDataSet: [consumerOf("G", ...subscriptions)],
        });
        return reply.extFields?.["IS_SUB_CHANGE"];
      };
      expect(await beat(7, false)).toBe("false");
      expect(await beat(7, true)).toBe("false");
      expect(harness.broker.consumers.subscription("G", "T")).toBeDefined();
      expect(await beat(8, true)).toBe("true");
      expect(await beat(8, false)).toBe("false");
      // A broker that knows no subscriptions (it restarted) asks for them.
      peer.close();
      const again = await harness.heartbeat(client(), {
        heartbeatFingerprint: 8,
        isWithoutSub: true,
        consumerDataSet: [consumerOf("G")],
      });
      expect(again.extFields?.["IS_SUB_CHANGE"]).toBe("true");
      await harness.broker.stop();
    });
  });

  test("topics that are no longer subscribed to go, newer expressions replace older ones", async () => {
    const harness = await BrokerHarness.start();
    const peer = client();
    const { consumers } = harness.broker;
    await harness.heartbeat(peer, { consumerDataSet: [consumerOf("G", subscription("T", "a", 2), subscription("U"))] });
    await harness.heartbeat(peer, { consumerDataSet: [consumerOf("G", subscription("T", "old", 1))] });
    expect([consumers.subscription("G", "T")?.subString, consumers.subscription("G", "U")]).toEqual(["a", undefined]);
    await harness.heartbeat(peer, { consumerDataSet: [consumerOf("G", subscription("T", "new", 3))] });
    expect(consumers.subscription("G", "T")?.subString).toBe("new");
    await harness.broker.stop();
  });
});

describe("consumers of a group are told", () => {
  const two = async (settings = {}) => {
    const harness = await BrokerHarness.start({ settings });
    const peers = [client(), client()] as const;
    const beat = (index: 0 | 1, ...topics: string[]) =>
      harness.heartbeat(peers[index], {
        clientID: `c${index}`,
        consumerDataSet: [consumerOf("G", ...topics.map((topic) => subscription(topic)))],
      });
    await beat(0, "T");
    await beat(1, "T");
    return { harness, peers, beat };
  };

  test("when one comes, changes its topics, unregisters or is cut off", async () => {
    const { harness, peers, beat } = await two();
    expect(peers.map((peer) => peer.count(CHANGED))).toEqual([2, 1]);
    expect(peers[0].received[0]?.header).toEqual({ consumerGroup: "G" });
    await beat(0, "T");
    expect(peers.map((peer) => peer.count(CHANGED))).toEqual([2, 1]);
    await beat(0, "T", "U");
    expect(peers.map((peer) => peer.count(CHANGED))).toEqual([3, 2]);
    await harness.call("UNREGISTER_CLIENT", { clientID: "c0", consumerGroup: "G" }, undefined, { peer: peers[0] });
    expect(peers.map((peer) => peer.count(CHANGED))).toEqual([3, 3]);
    await beat(0, "T");
    peers[0].close();
    expect(peers[1].count(CHANGED)).toBe(5);
    expect(harness.broker.consumers.clientIds("G")).toEqual(["c1"]);
    peers[1].close();
    expect(harness.broker.consumers.group("G")).toBeUndefined();
    await harness.broker.stop();
  });

  test("after 120 s without a heartbeat, on the monotonic clock", async () => {
    const { harness, peers, beat } = await two();
    await harness.runtime.clock.advance(100_000);
    await beat(1, "T");
    await harness.runtime.clock.advance(31_000);
    expect(harness.broker.consumers.clientIds("G")).toEqual(["c1"]);
    expect([peers[0].closed, peers[1].closed, peers[1].count(CHANGED)]).toEqual([true, false, 2]);
    await harness.broker.stop();
  });

  test.each([
    ["a day forward", 24 * 3_600_000],
    ["an hour back", -3_600_000],
  ])("not when the wall clock jumps %s", async (_name, byMs) => {
    const { harness, peers, beat } = await two();
    await harness.heartbeat(peers[0], { clientID: "p", producerDataSet: [{ groupName: "PG" }] });
    harness.runtime.clock.jump(byMs);
    await harness.runtime.clock.advance(60_000);
    expect(harness.broker.consumers.clientIds("G")).toEqual(["c0", "c1"]);
    expect(harness.broker.producers.channels("PG")).toHaveLength(1);
    // and they do expire in their own time
    await beat(1, "T");
    await harness.runtime.clock.advance(71_000);
    expect(harness.broker.consumers.clientIds("G")).toEqual(["c1"]);
    expect([...harness.broker.producers.groups()]).toEqual([]);
    await harness.broker.stop();
  });

  test("not when broker or group say so, nor while broadcasting", async () => {
    const { harness, peers } = await two({ notifyConsumerIdsChangedEnable: false });
    expect(peers.map((peer) => peer.count(CHANGED))).toEqual([0, 0]);
    await harness.broker.stop();

    const quiet = await BrokerHarness.start();
    const group = quiet.broker.groups.findOrCreate("G");
    if (group === undefined) throw new Error("the group was not made");
    quiet.broker.groups.update({ ...group, notifyConsumerIdsChangedEnable: false, attributes: {} });
    const peer = client();
    await quiet.heartbeat(peer, { consumerDataSet: [consumerOf("G", subscription("T"))] });
    await quiet.heartbeat(peer, { consumerDataSet: [{ ...consumerOf("B", subscription("T")), messageModel: "BROADCASTING" }] });
    expect(peer.count(CHANGED)).toBe(0);
    await quiet.broker.stop();
  });

  test("all at once when realTimeNotifyConsumerChange is off", async () => {
    const { harness, peers } = await two({ realTimeNotifyConsumerChange: false });
    expect(peers.map((peer) => peer.count(CHANGED))).toEqual([0, 0]);
    await harness.runtime.clock.advance(15_000);
    expect(peers.map((peer) => peer.count(CHANGED))).toEqual([1, 1]);
    await harness.broker.stop();
  });
});

describe("different subscriptions in one group", () => {
  const warnings = (harness: BrokerHarness) =>
    harness.log.of("warn").filter((line) => line.message.startsWith("consumers of one group have different subscriptions"));

  test("are warned of once per change, naming group, clients and difference", async () => {
    const harness = await BrokerHarness.start();
    const peers = [client(), client(), client()] as const;
    const beat = (index: 0 | 1 | 2, ...subscriptions: ReturnType<typeof subscription>[]) =>
      harness.heartbeat(peers[index], { clientID: `c${index}`, consumerDataSet: [consumerOf("G", ...subscriptions)] });
    await beat(0, subscription("T", "a || b"), subscription("%RETRY%G"));
    await beat(1, subscription("T", "b||a"));
    expect(warnings(harness)).toEqual([]);
    await beat(2, subscription("T", "a"), subscription("U"));
    await beat(2, subscription("T", "a"), subscription("U"));
    await beat(0, subscription("T", "a || b"), subscription("%RETRY%G"));
    expect(warnings(harness).map((line) => line.fields)).toEqual([
      {
        group: "G",
        clients: "c0, c1 / c2",
        difference: 'T: "a || b" / "a", U: not subscribed / "*"',
        mend: "give all consumers of a group the same topics and expressions, or use a group each",
      },
    ]);
    await beat(2, subscription("T", "a || b", 2));
    expect(harness.log.of("info").some((line) => line.message.includes("agree on their subscriptions again"))).toBe(true);
    peers[2].close();
    await beat(1, subscription("T", "*", 3));
    expect(warnings(harness).length).toBe(2);
    await harness.broker.stop();
  });
});

describe("a client with two connections", () => {
  test("counts once, stays while one is left, and is called on the newer", async () => {
    const harness = await BrokerHarness.start();
    const [old, young] = [client(), client()];
    const { consumers } = harness.broker;
    await harness.heartbeat(old, { consumerDataSet: [consumerOf("G", subscription("T"))] });
    await harness.runtime.clock.advance(1000);
    await harness.heartbeat(young, { consumerDataSet: [consumerOf("G", subscription("T"))] });
    expect(consumers.clientIds("G")).toEqual(["c1"]);
    expect(consumers.channel("G", "c1")?.peer).toBe(young);
    old.close();
    expect(consumers.clientIds("G")).toEqual(["c1"]);
    await harness.broker.stop();
  });
});

describe("producers", () => {
  test("leave by request, with their connection, or after 120 s; check-backs take turns", async () => {
    const harness = await BrokerHarness.start();
    const { producers } = harness.broker;
    const peers = [client(), client(), client()] as const;
    for (const [index, peer] of peers.entries()) {
      await harness.heartbeat(peer, { clientID: `p${index}`, producerDataSet: [{ groupName: "PG" }] });
    }
    const asked = new Set([1, 2, 3].map(() => producers.anyChannel("PG")?.clientId));
    expect(asked).toEqual(new Set(["p0", "p1", "p2"]));
    await harness.call("UNREGISTER_CLIENT", { clientID: "p0", producerGroup: "PG" }, undefined, { peer: peers[0] });
    peers[1].close();
    expect(producers.channels("PG").map((channel) => channel.clientId)).toEqual(["p2"]);
    expect([producers.byClientId("p0"), producers.byClientId("p1")]).toEqual([undefined, undefined]);
    await harness.runtime.clock.advance(131_000);
    expect([...producers.groups()]).toEqual([]);
    expect([producers.anyChannel("PG"), producers.byClientId("p2"), peers[2].closed]).toEqual([undefined, undefined, true]);
    await harness.broker.stop();
  });
});

describe("who is connected", () => {
  test("consumers and producers with address, language and version", async () => {
    const harness = await BrokerHarness.start();
    const peer = client();
    await harness.heartbeat(peer, {
      consumerDataSet: [consumerOf("G", subscription("T"))],
      producerDataSet: [{ groupName: "PG" }],
    });
    const connection = { clientId: "c1", clientAddr: `10.0.0.9:${peer.remote.port}`, language: "NODE_JS", version: 513 };
    const consumers = await harness.call("GET_CONSUMER_CONNECTION_LIST", { consumerGroup: "G" });
    expect(consumerConnection.decode(consumers.body ?? NO_BODY)).toMatchObject({
      connectionSet: [connection],
      consumeType: "CONSUME_PASSIVELY",
      messageModel: "CLUSTERING",
      consumeFromWhere: "CONSUME_FROM_LAST_OFFSET",
    });
    const producers = await harness.call("GET_PRODUCER_CONNECTION_LIST", { producerGroup: "PG" });
    expect(producerConnection.decode(producers.body ?? NO_BODY).connectionSet as object[]).toEqual([connection]);
    const all = await harness.call("GET_ALL_PRODUCER_INFO", {});
    expect(producerTableInfo.decode(all.body ?? NO_BODY).data.get("PG")).toMatchObject([
      { clientId: "c1", remoteIP: `/${connection.clientAddr}`, lastUpdateTimestamp: harness.runtime.clock.now() },
    ]);
    const ids = await harness.call("GET_CONSUMER_LIST_BY_GROUP", { consumerGroup: "G" });
    expect(getConsumerListByGroupResponseBody.decode(ids.body ?? NO_BODY).consumerIdList).toEqual(["c1"]);
    await harness.broker.stop();
  });

  test("nobody: Apache's codes", async () => {
    const harness = await BrokerHarness.start();
    expect(await harness.refused("GET_CONSUMER_CONNECTION_LIST", { consumerGroup: "G" })).toEqual({
      code: ResponseCode.CONSUMER_NOT_ONLINE,
      remark: "the consumer group[G] not online",
    });
    expect(await harness.refused("GET_PRODUCER_CONNECTION_LIST", { producerGroup: "PG" })).toEqual({
      code: ResponseCode.SYSTEM_ERROR,
      remark: "the producer group[PG] not exist",
    });
    expect(await harness.refused("GET_CONSUMER_LIST_BY_GROUP", { consumerGroup: "G" })).toEqual({
      code: ResponseCode.SYSTEM_ERROR,
      remark: "no consumer for this group, G",
    });
    await harness.broker.stop();
  });
});

describe("CHECK_CLIENT_CONFIG", () => {
  const check = (expressionType: string) =>
    checkClientRequestBody.encode({
      clientId: "c1",
      group: "G",
      subscriptionData: { ...subscription("T"), expressionType },
    });

  test("takes tags and an empty body, refuses expressions", async () => {
    const harness = await BrokerHarness.start();
    await harness.call("CHECK_CLIENT_CONFIG", {}, check("TAG"));
    await harness.call("CHECK_CLIENT_CONFIG", {});
    expect(await harness.refused("CHECK_CLIENT_CONFIG", {}, check("SQL92"))).toEqual({
      code: ResponseCode.SYSTEM_ERROR,
      remark:
        "The broker does not support consumer to filter message by SQL92; enablePropertyFilter=true in its configuration allows it",
    });
    await harness.broker.stop();
  });

  test("a body that is no JSON is refused", async () => {
    const harness = await BrokerHarness.start();
    expect(await rejection(harness.call("CHECK_CLIENT_CONFIG", {}, encodeUtf8("nonsense")))).toInclude("JSON");
    await harness.broker.stop();
  });
});
