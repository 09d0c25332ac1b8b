/** Static topics: queues that keep their numbers while what they lie in moves; and clients of a unit, or a namespace of 5.x. */
import { describe, expect, test } from "bun:test";
import { Admin, LitePullConsumer, type MessageExt, Producer, PushConsumer } from "../../core/client/mod.ts";
import { topicRoute } from "../../core/client/topic_route.ts";
import type { RocketMQ } from "../../mod.ts";
import {
  type LogicQueueMappingItem,
  type TopicQueueMappingInfo,
  topicQueueMappingDetail,
} from "../../wire/bodies/static_topic.ts";
import { Collector, withSimulated } from "./harness.ts";

/** Logic queue -> physical queue. */
const QUEUES = [3, 1, 0, 2] as const;

/** @param logicOffset of its first message: not 0 when there were others, elsewhere, that are gone */
const item = (queueId: number, logicOffset: number): LogicQueueMappingItem => ({
  gen: 0,
  queueId,
  bname: "broker-a",
  logicOffset,
  startOffset: 0,
  endOffset: -1,
  timeOfStart: -1,
  timeOfEnd: -1,
});

/** Topic S of four logic queues. */
async function createStaticTopic(rocketmq: RocketMQ, logicOffset = 0): Promise<void> {
  const client = rocketmq.client();
  await client.refreshRoute("TBW102");
  const detail = {
    topic: "S",
    scope: "__global__",
    totalQueues: 4,
    bname: "broker-a",
    epoch: 100,
    dirty: false,
    currIdMap: new Map<number, number>(),
    hostedQueues: new Map(QUEUES.map((physical, logic) => [logic, [item(physical, logicOffset)]])),
  };
  const header = {
    topic: "S",
    defaultTopic: "TBW102",
    readQueueNums: 4,
    writeQueueNums: 4,
    perm: 6,
    topicFilterType: "SINGLE_TAG",
    topicSysFlag: 0,
    order: false,
    force: false,
  };
  const body = topicQueueMappingDetail.encode(detail);
  await client.call("make S", client.brokerAddr("broker-a") as string, "UPDATE_AND_CREATE_STATIC_TOPIC", header, { body });
}

const logic = (queueId: number) => ({ topic: "S", brokerName: "__syslo__global__", queueId });

describe("a static topic", () => {
  test("is sent to, consumed, sought and committed by its logic queues", () =>
    withSimulated(async (rocketmq) => {
      await createStaticTopic(rocketmq);
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      expect(await producer.fetchPublishMessageQueues("S")).toEqual([0, 1, 2, 3].map(logic));
      for (let queueId = 0; queueId < 4; queueId++) {
        const sent = await producer.send({ topic: "S", body: `${queueId}` }, { messageQueue: logic(queueId) });
        expect([sent.messageQueue, sent.queueOffset]).toEqual([logic(queueId), 0]);
      }
      const seen = new Collector<MessageExt>();
      const consumer = new PushConsumer(rocketmq.client(), {
        consumerGroup: "cg",
        subscription: { S: "*" },
        orderly: true,
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      });
      await consumer.start(seen.add);
      await seen.until(4);
      const got = seen.items.map((message) => [message.text(), message.queueId, message.queueOffset]);
      expect(got.sort(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
        ["0", 0, 0],
        ["1", 1, 0],
        ["2", 2, 0],
        ["3", 3, 0],
      ]);
      await consumer.close();
      const pulling = new LitePullConsumer(rocketmq.client(), { consumerGroup: "cg" });
      await pulling.assign([logic(3)]);
      await pulling.start();
      expect(await pulling.committed(logic(3))).toBe(1);
      await pulling.seekToBegin(logic(3));
      const [message] = await pulling.poll();
      expect([message?.text(), message?.queueOffset]).toEqual(["3", 0]);
    }));

  test("whose queues begin behind others that are gone, has logic offsets everywhere: sent, pushed, polled, stored, sought", () =>
    withSimulated(async (rocketmq, sim) => {
      const FIRST = 5_000;
      await createStaticTopic(rocketmq, FIRST);
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      for (let i = 0; i < 3; i++) {
        const sent = await producer.send({ topic: "S", body: `${i}` }, { messageQueue: logic(1) });
        expect([sent.messageQueue, sent.queueOffset]).toEqual([logic(1), FIRST + i]);
      }
      const seen = new Collector<MessageExt>();
      const consumer = new PushConsumer(rocketmq.client(), {
        consumerGroup: "cg",
        subscription: { S: "*" },
        pullBatchSize: 2,
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      });
      await consumer.start(seen.add);
      await seen.until(3);
      expect(seen.items.map((message) => [message.text(), message.queueId, message.queueOffset])).toEqual([
        ["0", 1, FIRST],
        ["1", 1, FIRST + 1],
        ["2", 1, FIRST + 2],
      ]);
      await consumer.close();
      const polling = new LitePullConsumer(rocketmq.client(), { consumerGroup: "cg", pullBatchSize: 2 });
      await polling.assign([logic(1)]);
      await polling.start();
      expect(await polling.committed(logic(1))).toBe(FIRST + 3);
      await polling.seek(logic(1), FIRST + 1);
      const polled = await polling.poll();
      expect(polled.map((message) => [message.text(), message.queueOffset])).toEqual([
        ["1", FIRST + 1],
        ["2", FIRST + 2],
      ]);
      await polling.commit();
      await sim.clock.settle();
      expect(await polling.committed(logic(1))).toBe(FIRST + 3);
    }));

  test("has its queues at their newest leaders; those that nobody leads can't be written", () => {
    const info = (bname: string, epoch: number, queues: readonly number[]): TopicQueueMappingInfo => ({
      topic: "S",
      scope: "__global__",
      totalQueues: 4,
      bname,
      epoch,
      dirty: false,
      currIdMap: new Map(queues.map((queueId) => [queueId, 0])),
    });
    const broker = (brokerName: string) => ({
      cluster: "c",
      brokerName,
      brokerAddrs: new Map([[0, `${brokerName}:1`]]),
      enableActingMaster: false,
    });
    const route = topicRoute("S", {
      queueDatas: [],
      brokerDatas: [broker("a"), broker("b")],
      filterServerTable: new Map(),
      topicQueueMappingByBroker: new Map([
        ["a", info("a", 1, [0, 1])],
        ["b", info("b", 2, [1, 2])],
      ]),
    });
    expect(route.readQueues).toEqual([0, 1, 2, 3].map(logic));
    expect(route.writeQueues).toEqual([0, 1, 2].map(logic));
    expect([...route.leaders.values()]).toEqual(["a", "b", "b", "__syslo__none__"]);
  });
});

describe("a client of a unit", () => {
  test("has its name in its id, and says unitMode with messages and heartbeats", () =>
    withSimulated(async (rocketmq) => {
      const client = rocketmq.client({ unitMode: true, unitName: "east", namespaceV2: "shop" });
      expect(client.clientId.endsWith("@east")).toBe(true);
      await new Producer(client, { producerGroup: "pg" }).send({ topic: "T", body: "x" });
      const seen = new Collector<MessageExt>();
      const consumer = new PushConsumer(client, {
        consumerGroup: "cg",
        subscription: { T: "*" },
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      });
      await consumer.start(seen.add);
      await seen.until(1);
      expect(consumer.heartbeat().unitMode).toBe(true);
      // The broker marks the topics that clients of a unit make: theirs, and the retry topics of their groups.
      const address = client.brokerAddr("broker-a") as string;
      const { topics } = new Admin(rocketmq.client());
      const flags = await Promise.all(
        ["T", "%RETRY%cg"].map(async (topic) => (await topics.examineTopicConfig(address, topic)).topicSysFlag),
      );
      // Of a unit; subscribed to by one.
      expect(flags).toEqual([1, 2]);
    }));
});
