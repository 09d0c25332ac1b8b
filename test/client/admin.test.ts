/** What administrators ask, against our own nameserver and broker in memory. */
import { describe, expect, test } from "bun:test";
import { withLogicBounds } from "../../core/client/admin/static_topics.ts";
import { Admin, type MessageExt, MQBrokerError, Producer, PushConsumer } from "../../core/client/mod.ts";
import type { RocketMQ } from "../../mod.ts";
import { Collector, rejection, withRocketMQ, withSimulated } from "./harness.ts";

type Body = (admin: Admin, broker: string, rocketmq: RocketMQ) => Promise<void>;

async function withAdmin(body: Body, runner: typeof withRocketMQ = withRocketMQ): Promise<void> {
  await runner(async (rocketmq) => {
    const admin = new Admin(rocketmq.client());
    const [broker] = await admin.clusters.masterAddresses("DefaultCluster");
    await body(admin, broker as string, rocketmq);
  });
}

const queue = (topic: string, queueId: number) => ({ topic, brokerName: "broker-a", queueId });

describe("clusters", () => {
  test("say who is there, and what a name that nobody has could have been", () =>
    withAdmin(async ({ clusters }, broker) => {
      expect(await clusters.mastersAndSlaves("DefaultCluster")).toEqual([{ brokerName: "broker-a", master: broker, slaves: [] }]);
      expect(await clusters.brokerNameAt(broker)).toBe("broker-a");
      expect(await clusters.masterOfBroker("broker-a")).toBe(broker);
      expect(await clusters.addressesOfBroker("broker-z")).toEqual([]);
      const fault = await rejection(clusters.allAddresses("Nowhere"));
      expect([fault.kind, fault.message]).toEqual(["invalid", 'No cluster "Nowhere"; there are "DefaultCluster"']);
    }));
});

describe("topics", () => {
  test("are made, changed, listed and removed", () =>
    withAdmin(async ({ topics }, broker) => {
      await topics.createAndUpdateTopicConfig(broker, { topicName: "T", readQueueNums: 3, writeQueueNums: 3 });
      const attributes = { "+message.type": "FIFO" };
      await topics.createAndUpdateTopicConfigList(broker, [{ topicName: "U", attributes }, { topicName: "V" }]);
      const { topicConfigTable } = await topics.getUserTopicConfig(broker, false);
      expect([...topicConfigTable.keys()].sort()).toEqual(["T", "U", "V"]);
      expect(topicConfigTable.get("U")?.attributes["message.type"]).toBe("FIFO");
      expect((await topics.examineTopicConfig(broker, "T")).readQueueNums).toBe(3);
      expect((await topics.examineTopicRouteInfo("T")).queueDatas[0]?.writeQueueNums).toBe(3);
      expect((await topics.fetchAllTopicList()).topicList.has("V")).toBe(true);
      expect((await topics.fetchTopicsByCluster("DefaultCluster")).topicList.has("V")).toBe(true);
      expect(await topics.getTopicClusterList("T")).toEqual(new Set(["DefaultCluster"]));
      await topics.createTopic("T", "W", 2);
      expect((await topics.examineTopicStats("W")).offsetTable).toHaveLength(2);

      await topics.deleteTopic("T", "DefaultCluster");
      const fault = await rejection(topics.examineTopicRouteInfo("T"));
      expect(fault instanceof MQBrokerError && [fault.responseCode, fault.brokerAddr.includes(":")]).toEqual([17, true]);
      expect((await rejection(topics.examineTopicConfig(broker, "T"))).responseCode).toBe(17);
      expect(await topics.deleteTopicInBrokerConcurrent([broker, "127.0.0.1:1"], "U")).toEqual({
        successList: [broker],
        failureList: ["127.0.0.1:1"],
      });
    }));

  test("of many are read by pages, all of them once", () =>
    withAdmin(async ({ topics }, broker) => {
      const names = Array.from({ length: 2_100 }, (_, i) => `Topic${i}`);
      const configs = names.map((topicName) => ({ topicName, readQueueNums: 1, writeQueueNums: 1 }));
      await topics.createAndUpdateTopicConfigList(broker, configs);
      const { topicConfigTable } = await topics.getAllTopicConfig(broker);
      expect(names.filter((name) => !topicConfigTable.has(name))).toEqual([]);
    }));

  test("have an order that is set whole, or broker by broker", () =>
    withAdmin(async ({ nameServers }) => {
      await nameServers.createOrUpdateOrderConf("T", "broker-a:4;broker-b:4", true);
      await nameServers.createOrUpdateOrderConf("T", "broker-b:8", false);
      await nameServers.createOrUpdateOrderConf("U", "broker-c:1", false);
      expect((await nameServers.getKVListByNamespace("ORDER_TOPIC_CONFIG")).table).toEqual(
        new Map([
          ["T", "broker-a:4;broker-b:8"],
          ["U", "broker-c:1"],
        ]),
      );
      await nameServers.deleteKvConfig("ORDER_TOPIC_CONFIG", "U");
      expect((await rejection(nameServers.getKVConfig("ORDER_TOPIC_CONFIG", "U"))).responseCode).toBe(22);
    }));
});

describe("groups", () => {
  test("are made, changed, listed and removed", () =>
    withAdmin(async ({ groups, topics }, broker) => {
      await topics.createAndUpdateTopicConfig(broker, { topicName: "T" });
      await groups.createAndUpdateSubscriptionGroupConfig(broker, { groupName: "G", retryMaxTimes: 3 });
      await groups.createAndUpdateSubscriptionGroupConfigList(broker, [{ groupName: "H", consumeEnable: false }]);
      expect([...(await groups.getUserSubscriptionGroup(broker)).subscriptionGroupTable.keys()].sort()).toEqual(["G", "H"]);
      expect((await groups.examineSubscriptionGroupConfig(broker, "G"))?.retryMaxTimes).toBe(3);
      expect((await groups.updateAndGetGroupReadForbidden(broker, "G", "T", false)).readable).toBe(false);
      expect((await groups.getAllSubscriptionGroup(broker)).forbiddenTable.has("G")).toBe(true);
      await groups.setMessageRequestMode(broker, "T", "G", "POP", 8);
      await groups.deleteSubscriptionGroup(broker, "H", true);
      expect(await groups.examineSubscriptionGroupConfig(broker, "H")).toBeUndefined();
    }));
});

describe("servers", () => {
  test("tell and change their settings", () =>
    withAdmin(async ({ brokers, nameServers }, broker) => {
      expect(await brokers.updateBrokerConfig(broker, { maxMessageSize: "65536" })).toBeUndefined();
      expect(await brokers.updateBrokerConfig(broker, { defaultTopicQueueNums: "5" })).toInclude("restart");
      expect((await brokers.getBrokerConfig(broker)).get("maxMessageSize")).toBe("65536");
      const fault = await rejection(brokers.updateBrokerConfig(broker, { storePathRootDir: "/elsewhere" }));
      expect(fault.message).toInclude(`${broker} answered`);
      expect((await brokers.fetchBrokerRuntimeStats(broker)).table.get("brokerActive")).toBe("true");
      await brokers.updateColdDataFlowCtrGroupConfig(broker, { G: "1024" });
      expect(await brokers.getColdDataFlowCtrInfo(broker)).toInclude("G");
      await brokers.removeColdDataFlowCtrGroupConfig(broker, "G");
      await brokers.cleanExpiredConsumerQueue();
      await brokers.cleanUnusedTopic("DefaultCluster");
      await brokers.deleteExpiredCommitLogByAddr(broker);

      const [nameServer] = nameServers.getNameServerAddressList() as [string];
      expect([...(await nameServers.getNameServerConfig()).keys()]).toEqual([nameServer]);
      const changed = await nameServers.wipeWritePermOfBroker(nameServer, "broker-a");
      expect(changed).toBeGreaterThan(0);
      expect(await nameServers.addWritePermOfBroker(nameServer, "broker-a")).toBe(changed);
    }));

  test("that can't be reached are named", () =>
    withAdmin(async ({ brokers }) => {
      const fault = await rejection(brokers.getBrokerConfig("127.0.0.1:1"));
      expect([fault.kind, fault.message.includes("127.0.0.1 port 1")]).toEqual(["unreachable", true]);
    }));
});

describe("consumers and producers", () => {
  test("are listed, asked, and their offsets reset", () =>
    withAdmin(async (admin, broker, rocketmq) => {
      const { connections, consumeStats, groups, offsets, topics } = admin;
      await topics.createAndUpdateTopicConfig(broker, { topicName: "T", readQueueNums: 1, writeQueueNums: 1 });
      const producer = new Producer(rocketmq.client(), { producerGroup: "P" });
      for (const body of ["a", "b", "c"]) await producer.send({ topic: "T", body });
      expect((await connections.examineProducerConnectionInfo("P", "T")).connectionSet).toHaveLength(1);
      expect([...(await connections.getAllProducerInfo(broker)).data.keys()]).toEqual(["P"]);
      expect((await rejection(connections.examineConsumerConnectionInfo("G"))).responseCode).toBe(17);

      const seen = new Collector<unknown>();
      const consumer = new PushConsumer(rocketmq.client(), {
        consumerGroup: "G",
        subscription: { T: "*" },
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      });
      await consumer.start(seen.add);
      await seen.until(3);
      const { connectionSet, subscriptionTable } = await connections.examineConsumerConnectionInfo("G");
      expect(subscriptionTable.has("T")).toBe(true);
      const clientId = connectionSet[0]?.clientId as string;
      expect((await connections.getConsumerRunningInfo("G", clientId)).properties.size).toBeGreaterThan(0);
      expect((await groups.querySubscription("G", "T"))?.subString).toBe("*");
      expect([...(await offsets.getConsumeStatus("T", "G")).keys()]).toEqual([clientId]);
      const reset = await offsets.resetOffsetByTimestamp({ topic: "T", group: "G", timestamp: 0 });
      expect(reset).toEqual([[queue("T", 0), 0]]);
      await seen.until(6);
      await consumer.close();

      expect((await rejection(connections.examineConsumerConnectionInfo("G"))).responseCode).toBe(206);
      await offsets.updateConsumeOffset(broker, "G", queue("T", 0), 1);
      const stats = await consumeStats.examineConsumeStats("G", "T");
      expect(stats.offsetTable.map(([, { brokerOffset, consumerOffset }]) => [brokerOffset, consumerOffset])).toEqual([[3, 1]]);
      expect([...(await groups.queryTopicsByConsumer("G")).topicList].sort()).toEqual(["%RETRY%G", "T"]);
      expect((await topics.queryTopicConsumeByWho("T")).groupList).toEqual(new Set(["G"]));
      expect((await consumeStats.fetchConsumeStatsInBroker(broker, false)).totalDiff).toBe(2);
      expect((await consumeStats.queryConsumeTimeSpan("T", "G"))[0]?.messageQueue).toEqual(queue("T", 0));

      await offsets.cloneGroupOffset("G", "H", "T", true);
      expect((await consumeStats.examineConsumeStatsAt(broker, "H", "T")).offsetTable[0]?.[1].consumerOffset).toBe(1);
      const [rolled] = await offsets.resetOffsetByTimestampOld({ topic: "T", group: "G", timestamp: -1 });
      expect([rolled?.consumerOffset, rolled?.rollbackOffset, rolled?.brokerOffset]).toEqual([1, 3, 3]);
      expect(await offsets.resetOffsetNewConcurrent("G", "T", 0)).toEqual({ successList: [broker], failureList: [] });
      expect([await offsets.minOffset(queue("T", 0)), await offsets.maxOffset(queue("T", 0))]).toEqual([0, 3]);
      expect(await offsets.searchOffset(queue("T", 0), 0)).toBe(0);
      expect(await offsets.earliestMsgStoreTime(queue("T", 0))).toBeGreaterThan(0);
    }, withSimulated));
});

describe("messages", () => {
  test("are found by id, key and place, and given to a consumer again", () =>
    withAdmin(async (admin, broker, rocketmq) => {
      const { messages, topics } = admin;
      await topics.createAndUpdateTopicConfig(broker, { topicName: "T", readQueueNums: 1, writeQueueNums: 1 });
      const producer = new Producer(rocketmq.client(), { producerGroup: "P" });
      const { msgId, offsetMsgId } = await producer.send({ topic: "T", body: "a", keys: "k1 k2", tags: "red" });
      await producer.send({ topic: "T", body: "b", keys: "k2" });
      expect((await messages.viewMessage("T", msgId))?.text()).toBe("a");
      expect((await messages.viewMessage("T", offsetMsgId as string))?.msgId).toBe(msgId);
      expect(await messages.viewMessage("T", "0".repeat(32))).toBeUndefined();
      const range = { topic: "T", maxNum: 8, begin: 0, end: Number.MAX_SAFE_INTEGER };
      const texts = async (key: string) =>
        (await messages.queryMessage({ ...range, key })).messageList.map((message) => message.text()).sort();
      expect([await texts("k1"), await texts("k2"), await texts("k3")]).toEqual([["a"], ["a", "b"], []]);
      expect((await messages.queryConsumeQueue(broker, "T", 0, 0, 5)).maxQueueIndex).toBe(2);
      const fault = await rejection(messages.viewMessageByOffsetId("T", "zz"));
      expect([fault.kind, fault.message.startsWith("Not an offsetMsgId")]).toEqual(["invalid", true]);

      const seen = new Collector<unknown>();
      const consumer = new PushConsumer(rocketmq.client(), {
        consumerGroup: "G",
        subscription: { T: "red" },
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      });
      await consumer.start(seen.add);
      await seen.until(1);
      const clientId = (await admin.connections.examineConsumerConnectionInfo("G")).connectionSet[0]?.clientId as string;
      const result = await messages.consumeMessageDirectly("G", clientId, "T", msgId);
      expect([result.consumeResult, seen.items.length]).toEqual(["CR_SUCCESS", 2]);
      expect((await rejection(messages.consumeMessageDirectly("G", clientId, "T", "0".repeat(32)))).kind).toBe("invalid");

      await admin.offsets.updateConsumeOffset(broker, "G", queue("T", 0), 1);
      const [first, second] = (await messages.queryMessage({ ...range, key: "k2" })).messageList;
      const tracks = [first, second].map(async (message) => admin.messageTrackDetail(message as MessageExt));
      expect((await Promise.all(tracks)).flat().map(({ trackType }) => trackType)).toEqual(["CONSUMED", "NOT_CONSUME_YET"]);
      await admin.offsets.updateConsumeOffset(broker, "G", queue("T", 0), 2);
      expect((await admin.messageTrackDetail(second as MessageExt))[0]?.trackType).toBe("CONSUMED_BUT_FILTERED");
      await consumer.close();
      const [track] = await admin.messageTrackDetail(first as MessageExt);
      expect([track?.trackType, track?.exceptionDesc?.startsWith("CODE:206 DESC:")]).toEqual(["NOT_ONLINE", true]);
    }));
});

describe("users and access lists", () => {
  test("are made, changed, listed and removed", () =>
    withAdmin(async ({ users }, broker) => {
      await users.createUser(broker, { username: "alice", password: "12345678", userType: "Normal" });
      await users.updateUser(broker, { username: "alice", userStatus: "disable" });
      expect((await users.getUser(broker, "alice"))?.userStatus).toBe("disable");
      expect((await users.listUser(broker, "lic")).map(({ username }) => username)).toEqual(["alice"]);
      const acl = { subject: "User:alice", resources: ["Topic:T"], actions: ["Pub"], decision: "ALLOW" };
      await users.createAcl(broker, acl);
      await users.updateAcl(broker, { ...acl, actions: ["Pub", "Sub"], sourceIps: ["192.168.0.0/16"] });
      const [entry] = (await users.getAcl(broker, "User:alice"))?.policies[0]?.entries ?? [];
      expect([entry?.resource, entry?.actions, entry?.sourceIps]).toEqual(["Topic:T", ["Pub", "Sub"], ["192.168.0.0/16"]]);
      expect((await users.listAcl(broker, "alice", "T")).map(({ subject }) => subject)).toEqual(["User:alice"]);
      await users.deleteAcl(broker, "User:alice", "Topic:T");
      await users.deleteUser(broker, "alice");
      expect(await users.listUser(broker)).toEqual([]);
    }));
});

describe("static topics", () => {
  const item = (over: object) => ({
    gen: 0,
    queueId: 0,
    bname: "broker-a",
    logicOffset: 0,
    startOffset: 0,
    endOffset: -1,
    timeOfStart: -1,
    timeOfEnd: -1,
    ...over,
  });

  test("are shown by the bounds of their logic queues too", () =>
    withAdmin(async ({ staticTopics, topics, groups, consumeStats, offsets }, broker, rocketmq) => {
      await groups.createAndUpdateSubscriptionGroupConfig(broker, { groupName: "G" });
      const mapping = {
        topic: "S",
        scope: "__global__",
        totalQueues: 1,
        bname: "broker-a",
        epoch: 1,
        dirty: false,
        currIdMap: new Map([[0, 0]]),
        hostedQueues: new Map([[0, [item({})]]]),
      };
      await staticTopics.createStaticTopic(broker, { topicName: "S", readQueueNums: 1, writeQueueNums: 1 }, mapping);
      const producer = new Producer(rocketmq.client(), { producerGroup: "P" });
      await producer.send({ topic: "S", body: "a" }, { messageQueue: queue("S", 0) }).catch(() => {});
      const bounds = (await topics.examineTopicStats("S")).offsetTable;
      expect(bounds.map(([{ brokerName }]) => brokerName)).toEqual(["broker-a", "__syslo__global__"]);
      expect(bounds[1]?.[1].maxOffset).toBe(bounds[0]?.[1].maxOffset as number);
      await offsets.updateConsumeOffset(broker, "G", queue("S", 0), 0);
      const stats = await consumeStats.examineConsumeStats("G", "S");
      expect(stats.offsetTable.map(([{ brokerName }]) => brokerName)).toEqual(["__syslo__global__"]);
    }));

  test("that moved have logic offsets made of each stretch's begin", () => {
    const mapping = (bname: string) => ({
      topic: "S",
      scope: "__global__",
      totalQueues: 1,
      bname,
      epoch: 2,
      dirty: false,
      currIdMap: new Map<number, number>(),
      hostedQueues: new Map([[0, [item({ endOffset: 10 }), item({ gen: 1, bname: "broker-b", logicOffset: 100 })]]]),
    });
    const configs = ["broker-a", "broker-b"].map((bname) => ({
      ...{ topicName: "S", readQueueNums: 1, writeQueueNums: 1, perm: 6, topicFilterType: "SINGLE_TAG" as const },
      ...{ topicSysFlag: 0, order: false, attributes: {}, mappingDetail: mapping(bname) },
    }));
    const at = (brokerName: string) => ({ topic: "S", brokerName, queueId: 0 });
    const bounds = { minOffset: 3, maxOffset: 10, lastUpdateTimestamp: 7 };
    const stats = withLogicBounds(
      {
        offsetTable: [
          [at("broker-a"), bounds],
          [at("broker-b"), { ...bounds, minOffset: 0, maxOffset: 5 }],
        ],
        topicPutTps: 0,
      },
      configs,
    );
    expect(stats.offsetTable[2]).toEqual([at("__syslo__global__"), { minOffset: 3, maxOffset: 105, lastUpdateTimestamp: 7 }]);
  });
});

describe("what our broker does not serve yet", () => {
  test("is refused with its code, not answered with something else", () =>
    withAdmin(async ({ brokers, liteTopics }, broker) => {
      const calls = [brokers.exportRocksDBConfigToJson(broker, ["topics"]), brokers.addBrokerToContainer(broker, "/nowhere")];
      const codes = (await Promise.all(calls.map(rejection))).map(({ responseCode }) => responseCode);
      expect(codes).toEqual([3, 3]);
      expect((await liteTopics.getBrokerLiteInfo(broker)).currentLmqNum).toBe(0);
    }));
});
