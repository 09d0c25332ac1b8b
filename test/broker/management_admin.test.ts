import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { bytesText, durationText } from "../../core/broker/admin/runtime_info.ts";
import { RemotingFault } from "../../core/remoting/processor.ts";
import { checkRocksdbCqWriteResult, queryConsumeQueueResponseBody } from "../../wire/bodies/consume_queue.ts";
import { consumeStats, consumeStatsList, queryConsumeTimeSpanBody, topicStatsTable } from "../../wire/bodies/consume_stats.ts";
import { haRuntimeInfo } from "../../wire/bodies/ha.ts";
import { kvTable } from "../../wire/bodies/kv_table.ts";
import {
  consumerOffsetSerializeWrapper,
  delayOffsetSerializeWrapper,
  getConsumerStatusBody,
  queryCorrectionOffsetBody,
  resetOffsetBody,
  resetOffsetBodyForC,
} from "../../wire/bodies/offset.ts";
import { brokerStatsData } from "../../wire/bodies/stats.ts";
import { querySubscriptionResponseBody } from "../../wire/bodies/subscription.ts";
import { groupList } from "../../wire/bodies/subscription_group.ts";
import { topicList } from "../../wire/bodies/topic.ts";
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { LANGUAGES } from "../../wire/remoting_command.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { BrokerHarness, client, consumerOf, rejection, subscription } from "./management_harness.ts";

const NO_BODY = new Uint8Array(0);
const answer = (body: Uint8Array = NO_BODY, code = 0) => ({ code, remark: undefined, extFields: undefined, body, version: 513 });

/** Three messages in queue 0 of T, ten seconds apart, and a group that consumed two. */
async function withMessages(): Promise<BrokerHarness> {
  const harness = await BrokerHarness.start();
  for (const text of ["m0", "m1", "m2"]) {
    await harness.send("T", 0, text);
    await harness.runtime.clock.advance(10_000);
  }
  harness.broker.groups.findOrCreate("G");
  harness.broker.offsets.commit("G", "T", 0, 2);
  harness.broker.offsets.notePull("G", "T", 0, 3);
  return harness;
}

describe("statistics", () => {
  test("GET_TOPIC_STATS_INFO shows every queue", async () => {
    const harness = await withMessages();
    const { body = NO_BODY } = await harness.call("GET_TOPIC_STATS_INFO", { topic: "T" });
    const table = topicStatsTable.decode(body);
    expect(table.offsetTable.map(([queue, offset]) => [queue.queueId, offset.minOffset, offset.maxOffset])).toEqual([
      [0, 0, 3],
      [1, 0, 0],
      [2, 0, 0],
      [3, 0, 0],
    ]);
    expect(table.offsetTable[0]?.[1].lastUpdateTimestamp).toBe(harness.runtime.clock.now() - 10_000);
    expect(table.topicPutTps).toBeGreaterThan(0);
    expect(await harness.refused("GET_TOPIC_STATS_INFO", { topic: "X" })).toEqual({ code: 17, remark: "topic[X] not exist" });
    await harness.broker.stop();
  });

  test("GET_CONSUME_STATS: of a topic, of all of the group, of a list", async () => {
    const harness = await withMessages();
    const ask = async (header: object) => {
      const { body = NO_BODY } = await harness.call("GET_CONSUME_STATS", { consumerGroup: "G", ...header });
      return consumeStats.decode(body).offsetTable;
    };
    const all = await ask({});
    expect(all.length).toBe(4);
    expect(all[0]).toEqual([
      { topic: "T", brokerName: "broker-a", queueId: 0 },
      { brokerOffset: 3, consumerOffset: 2, pullOffset: 3, lastTimestamp: harness.runtime.clock.now() - 20_000 },
    ]);
    expect((await ask({ topic: "T" })).length).toBe(4);
    expect((await ask({ topic: "X" })).length).toBe(0);
    expect((await ask({ topicList: "X;T" })).length).toBe(4);
    // While consumers are there, what they do not subscribe to is left out.
    await harness.heartbeat(client(), { consumerDataSet: [consumerOf("G", subscription("U"))] });
    expect(await ask({})).toEqual([]);
    await harness.broker.stop();
  });

  test("GET_BROKER_CONSUME_STATS adds up the lags of all groups", async () => {
    const harness = await withMessages();
    const ask = async (isOrder: boolean) => {
      const { body = NO_BODY } = await harness.call("GET_BROKER_CONSUME_STATS", { isOrder });
      return consumeStatsList.decode(body);
    };
    const list = await ask(false);
    expect([list.totalDiff, list.totalInflightDiff]).toEqual([1, 1]);
    expect(list.consumeStatsList.length).toBe(harness.broker.groups.all().size);
    expect(list.consumeStatsList.find((one) => one.has("G"))?.get("G")?.length).toBe(1);
    expect((await ask(true)).totalDiff).toBe(0);
    await harness.broker.stop();
  });

  test("QUERY_CONSUME_TIME_SPAN shows from when to when, and the delay", async () => {
    const harness = await withMessages();
    const { body = NO_BODY } = await harness.call("QUERY_CONSUME_TIME_SPAN", { topic: "T", group: "G" });
    const now = harness.runtime.clock.now();
    expect(queryConsumeTimeSpanBody.decode(body).consumeTimeSpanSet[0]).toMatchObject({
      minTimeStamp: now - 30_000,
      maxTimeStamp: now - 10_000,
      consumeTimeStamp: now - 20_000,
      delayTime: 10_000,
    });
    expect((await harness.refused("QUERY_CONSUME_TIME_SPAN", { topic: "X", group: "G" })).code).toBe(17);
    await harness.broker.stop();
  });

  test("VIEW_BROKER_STATS_DATA counts over a minute, an hour and a day", async () => {
    const harness = await withMessages();
    const view = async (statsName: string, statsKey: string) => {
      const { body = NO_BODY } = await harness.call("VIEW_BROKER_STATS_DATA", { statsName, statsKey });
      return brokerStatsData.decode(body);
    };
    const topic = await view("TOPIC_PUT_NUMS", "T");
    expect(topic.statsMinute.sum).toBe(3);
    expect(topic.statsMinute.tps).toBeCloseTo(0.1, 5);
    expect((await view("BROKER_PUT_NUMS", "DefaultCluster")).statsMinute.sum).toBe(3);
    // a rate is over time that has passed, whatever the wall clock says of it
    harness.runtime.clock.jump(-3_600_000);
    await harness.runtime.clock.advance(10_000);
    expect((await view("TOPIC_PUT_NUMS", "T")).statsMinute.tps).toBeCloseTo(3 / 40, 5);
    await harness.runtime.clock.advance(2 * 3_600_000);
    const later = await view("TOPIC_PUT_NUMS", "T");
    expect([later.statsMinute.sum, later.statsHour.sum, later.statsDay.sum]).toEqual([0, 0, 3]);
    expect(await harness.refused("VIEW_BROKER_STATS_DATA", { statsName: "TOPIC_PUT_NUMS", statsKey: "X" })).toEqual({
      code: 1,
      remark: "The stats <TOPIC_PUT_NUMS> <X> not exist",
    });
    expect((await harness.refused("VIEW_BROKER_STATS_DATA", { statsName: "constructor", statsKey: "X" })).code).toBe(1);
    await harness.broker.stop();
  });
});

test("who reads what: by topic, by group, one subscription", async () => {
  const harness = await withMessages();
  await harness.heartbeat(client(), { consumerDataSet: [consumerOf("H", subscription("T", "a"))] });
  const who = await harness.call("QUERY_TOPIC_CONSUME_BY_WHO", { topic: "T" });
  expect([...groupList.decode(who.body ?? NO_BODY).groupList].sort()).toEqual(["G", "H"]);
  const topics = await harness.call("QUERY_TOPICS_BY_CONSUMER", { group: "G" });
  expect([...topicList.decode(topics.body ?? NO_BODY).topicList]).toEqual(["T"]);
  const one = await harness.call("QUERY_SUBSCRIPTION_BY_CONSUMER", { group: "H", topic: "T" });
  expect(querySubscriptionResponseBody.decode(one.body ?? NO_BODY)).toMatchObject({
    group: "H",
    topic: "T",
    subscriptionData: { subString: "a" },
  });
  const none = await harness.call("QUERY_SUBSCRIPTION_BY_CONSUMER", { group: "G", topic: "T" });
  expect(querySubscriptionResponseBody.decode(none.body ?? NO_BODY).subscriptionData).toBeUndefined();
  await harness.broker.stop();
});

describe("offsets", () => {
  test("are listed as their files have them", async () => {
    const harness = await withMessages();
    const all = await harness.call("GET_ALL_CONSUMER_OFFSET", {});
    expect(
      consumerOffsetSerializeWrapper
        .decode(all.body ?? NO_BODY)
        .offsetTable.get("T@G")
        ?.get(0),
    ).toBe(2);
    const delay = await harness.call("GET_ALL_DELAY_OFFSET", {});
    expect(delayOffsetSerializeWrapper.decode(delay.body ?? NO_BODY).offsetTable.size).toBe(0);
    await harness.broker.stop();
  });

  test("are reset here until the next pull, by time, to the end, or one queue by hand", async () => {
    const harness = await withMessages();
    const { offsets } = harness.broker;
    const reset = async (more: object) => {
      const header = { group: "G", topic: "T", queueId: -1, timestamp: 0, isForce: true, ...more };
      const { body = NO_BODY } = await harness.call("INVOKE_BROKER_TO_RESET_OFFSET", header);
      return resetOffsetBody
        .decode(body)
        .offsetTable.map(([queue, offset]) => `${queue.queueId}:${offset}`)
        .join();
    };
    expect(await reset({ timestamp: harness.runtime.clock.now() - 20_000 })).toBe("0:1,1:0,2:0,3:0");
    expect(offsets.pendingReset("G", "T", 0)).toBe(1);
    expect(await reset({ timestamp: -1 })).toBe("0:3,1:0,2:0,3:0");
    expect(await reset({ queueId: 0, offset: 2 })).toBe("0:2");
    expect(offsets.pendingReset("G", "T", 0)).toBe(2);
    await harness.broker.stop();
  });

  test("a reset is refused for an unknown topic or group, or beyond the queue", async () => {
    const harness = await withMessages();
    const refused = (more: object) =>
      harness.refused("INVOKE_BROKER_TO_RESET_OFFSET", {
        group: "G",
        topic: "T",
        queueId: -1,
        timestamp: 0,
        isForce: true,
        ...more,
      });
    expect(await refused({ topic: "X" })).toEqual({ code: 17, remark: "Topic X does not exist" });
    expect(await refused({ group: "X" })).toEqual({ code: 26, remark: "Group X does not exist" });
    expect(await refused({ queueId: 0, offset: 5 })).toEqual({
      code: 1,
      remark: "Target offset 5 not in consume queue range [0-3]",
    });
    await harness.broker.stop();
  });

  test("are corrected against the slowest group", async () => {
    const harness = await withMessages();
    harness.broker.offsets.commit("H", "T", 0, 1);
    const correct = async (header: object) => {
      const { body = NO_BODY } = await harness.call("QUERY_CORRECTION_OFFSET", { topic: "T", compareGroup: "G", ...header });
      return queryCorrectionOffsetBody.decode(body).correctionOffsets.get(0);
    };
    expect(await correct({})).toBe(1);
    expect(await correct({ filterGroups: "H" })).toBe(2);
    expect(await correct({ compareGroup: "H", filterGroups: "H" })).toBe(Number.MAX_SAFE_INTEGER);
    await harness.broker.stop();
  });

  test("are cloned to another group", async () => {
    const harness = await withMessages();
    await harness.call("CLONE_GROUP_OFFSET", { srcGroup: "G", destGroup: "H", topic: "T" });
    await harness.call("CLONE_GROUP_OFFSET", { srcGroup: "G", destGroup: "I", offline: true });
    await harness.call("CLONE_GROUP_OFFSET", { srcGroup: "G", destGroup: "J", topic: "X" });
    const { offsets } = harness.broker;
    expect([offsets.query("H", "T", 0), offsets.query("I", "T", 0), offsets.query("J", "X", 0)]).toEqual([2, 2, -1]);
    await harness.broker.stop();
  });
});

describe("QUERY_CONSUME_QUEUE", () => {
  test("shows entries, and which a group takes", async () => {
    const harness = await withMessages();
    const ask = async (more: object) => {
      const reply = await harness.call("QUERY_CONSUME_QUEUE", { topic: "T", queueId: 0, index: 1, count: 10, ...more });
      return { remark: reply.remark, ...queryConsumeQueueResponseBody.decode(reply.body ?? NO_BODY) };
    };
    const plain = await ask({});
    expect([plain.minQueueIndex, plain.maxQueueIndex, plain.queueData.length, plain.filterData]).toEqual([0, 3, 2, undefined]);
    expect(plain.queueData[0]).toMatchObject({ tagsCode: 97, eval: false });
    expect((await ask({ consumerGroup: "G" })).filterData).toBe("G@T is not online!");
    const taking = { ...subscription("T", "a"), codeSet: new Set([97]), tagsSet: new Set(["a"]) };
    await harness.heartbeat(client(), { consumerDataSet: [consumerOf("H", taking)] });
    expect((await ask({ consumerGroup: "H" })).queueData[0]?.eval).toBe(true);
    expect((await ask({ index: 9 })).remark).toBe("Index 9 of 0@T is not exist!");
    expect(await harness.refused("QUERY_CONSUME_QUEUE", { topic: "X", queueId: 0, index: 0, count: 1 })).toEqual({
      code: 1,
      remark: "0@X is not exist!",
    });
    await harness.broker.stop();
  });
});

test("QUERY_CONSUME_QUEUE shows an expression as it is kept, and what the bits of extended units say of it", async () => {
  const settings = { enablePropertyFilter: true, enableConsumeQueueExt: true, enableCalcFilterBitMap: true };
  const harness = await BrokerHarness.start({ settings });
  await harness.send("T", 0, "before the expression", "b");
  await harness.runtime.clock.advance(1_000);
  const bornTime = harness.runtime.clock.now();
  const sql = { ...subscription("T", "*"), expressionType: "SQL92", subString: "TAGS = 'a'", subVersion: 7 };
  await harness.heartbeat(client(), { consumerDataSet: [consumerOf("H", sql)] });
  await harness.runtime.clock.advance(1_000);
  await harness.send("T", 0, "passes", "a");
  await harness.send("T", 0, "does not", "b");
  const ask = async (more: object) => {
    const reply = await harness.call("QUERY_CONSUME_QUEUE", { topic: "T", queueId: 0, index: 0, count: 10, ...more });
    return queryConsumeQueueResponseBody.decode(reply.body ?? NO_BODY);
  };
  const { filterData = "", queueData } = await ask({ consumerGroup: "H" });
  const { bloomFilterData, ...rest } = JSON.parse(filterData) as { bloomFilterData: { bitNum: number; bitPos: number[] } };
  expect(rest as object).toEqual({
    ...{ topic: "T", consumerGroup: "H", expression: "TAGS = 'a'", expressionType: "SQL92", clientVersion: 7 },
    ...{ bornTime, dead: false, deadTime: 0 },
  });
  expect(queueData.map((entry) => entry.eval)).toEqual([true, true, false]);
  const set = bloomFilterData.bitPos.map((at) => bloomFilterData.bitNum - 1 - at).sort((a, b) => a - b);
  const bits = (queueData[1]?.bitMap ?? "").split("");
  expect(bits.flatMap((bit, at) => (bit === "1" ? [at] : []))).toEqual([...new Set(set)]);
  expect([bits.length, queueData[2]?.bitMap]).toEqual([bloomFilterData.bitNum, "0".repeat(bloomFilterData.bitNum)]);
  expect(JSON.parse(queueData[2]?.extendDataJson ?? "")).toEqual({
    filterBitMap: Array.from({ length: bloomFilterData.bitNum / 8 }, () => 0),
    msgStoreTime: bornTime + 1_000,
    size: 20 + bloomFilterData.bitNum / 8,
    tagsCode: 98,
  });
  expect(JSON.parse(queueData[0]?.extendDataJson ?? "")).toEqual({ msgStoreTime: bornTime - 1_000, size: 20, tagsCode: 98 });
  // Nobody's bits are asked where no group is named.
  expect((await ask({})).queueData[1]).toMatchObject({ eval: false, bitMap: queueData[1]?.bitMap });
  await harness.broker.stop();
});

describe("what is asked of clients", () => {
  test("running info and direct consumption are passed on, with the record", async () => {
    const harness = await BrokerHarness.start();
    const msgId = await harness.send("T", 0, "payload");
    const peer = client((name) => answer(encodeUtf8(name)));
    await harness.heartbeat(peer, { consumerDataSet: [consumerOf("G", subscription("T"))] });
    const info = await harness.call("GET_CONSUMER_RUNNING_INFO", { consumerGroup: "G", clientId: "c1", jstackEnable: true });
    expect(decodeUtf8(info.body ?? NO_BODY)).toBe("GET_CONSUMER_RUNNING_INFO");
    expect(peer.received.at(-1)?.header).toMatchObject({ jstackEnable: true });
    const direct = await harness.call("CONSUME_MESSAGE_DIRECTLY", { consumerGroup: "G", clientId: "c1", msgId, topic: "T" });
    expect(decodeUtf8(direct.body ?? NO_BODY)).toBe("CONSUME_MESSAGE_DIRECTLY");
    const last = peer.received.at(-1);
    expect(last?.header).toMatchObject({ brokerName: "broker-a", topicSysFlag: 0, groupSysFlag: 0 });
    expect(decodeUtf8(last?.body ?? NO_BODY)).toInclude("payload");
    await harness.broker.stop();
  });

  test("a client that is absent, too old, silent or gone, and a message that is not there: Apache's codes", async () => {
    const harness = await BrokerHarness.start();
    const ask = () => harness.refused("GET_CONSUMER_RUNNING_INFO", { consumerGroup: "G", clientId: "c1" });
    expect(await ask()).toEqual({ code: ResponseCode.SYSTEM_ERROR, remark: "The Consumer <G> <c1> not online" });
    const consumer = { consumeType: "", messageModel: "", consumeFromWhere: "", subscriptions: [], fingerprint: 0 };
    const { consumers } = harness.broker;
    const old = client();
    consumers.register("G", { peer: old, clientId: "c1", language: 0, version: 61 }, consumer);
    expect((await ask()).remark).toBe("The Consumer <c1> Version <61> too low to finish, please upgrade it to V3_1_8_SNAPSHOT");
    old.close();
    const silent = client((name) => {
      if (name === "GET_CONSUMER_RUNNING_INFO") throw new RemotingFault("timeout", "no answer within 10000 ms");
      return undefined;
    });
    consumers.register("G", { peer: silent, clientId: "c1", language: 0, version: 513 }, consumer);
    expect(await ask()).toEqual({
      code: ResponseCode.CONSUME_MSG_TIMEOUT,
      remark: "consumer <G> <c1> Timeout: no answer within 10000 ms",
    });
    const missing = await harness.refused("CONSUME_MESSAGE_DIRECTLY", {
      consumerGroup: "G",
      clientId: "c1",
      msgId: "7F000001000051AF00000000000003E7",
    });
    expect(missing.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(
      await rejection(harness.call("CONSUME_MESSAGE_DIRECTLY", { consumerGroup: "G", clientId: "c1", msgId: "xyz" })),
    ).toInclude('message id "xyz"');
    await harness.broker.stop();
  });

  test("offsets as clients see them; a client that fails does not hide the others", async () => {
    const harness = await BrokerHarness.start();
    const queue = { topic: "T", brokerName: "broker-a", queueId: 0 };
    const status = getConsumerStatusBody.encode({ messageQueueTable: [[queue, 7]], consumerTable: new Map() });
    await harness.heartbeat(
      client(() => answer(status)),
      { consumerDataSet: [consumerOf("G", subscription("T"))] },
    );
    await harness.heartbeat(client(), { clientID: "c2", consumerDataSet: [consumerOf("G", subscription("T"))] });
    const { body = NO_BODY } = await harness.call("INVOKE_BROKER_TO_GET_CONSUMER_STATUS", { topic: "T", group: "G" });
    expect([...getConsumerStatusBody.decode(body).consumerTable]).toEqual([["c1", [[queue, 7]]]]);
    expect(await harness.refused("INVOKE_BROKER_TO_GET_CONSUMER_STATUS", { topic: "T", group: "X" })).toEqual({
      code: 1,
      remark: "No Any Consumer online in the consumer group: [X]",
    });
    await harness.broker.stop();
  });

  test("resets in the clients when the broker does not keep them, in the form of the caller's language", async () => {
    const harness = await BrokerHarness.start({ settings: { useServerSideResetOffset: false } });
    await harness.send("T", 0, "m0");
    await harness.send("T", 0, "m1");
    const header = { group: "G", topic: "T", queueId: -1, timestamp: 0, isForce: true };
    const reset = () => harness.refused("INVOKE_BROKER_TO_RESET_OFFSET", header);
    expect((await reset()).remark).toBe("THe consumer group <G> not exist");
    for (let queueId = 0; queueId < 4; queueId++) harness.broker.offsets.commit("G", "T", queueId, queueId === 0 ? 2 : 0);
    expect((await reset()).code).toBe(ResponseCode.CONSUMER_NOT_ONLINE);
    const peer = client();
    await harness.heartbeat(peer, { consumerDataSet: [consumerOf("G", subscription("T"))] });
    await harness.call("INVOKE_BROKER_TO_RESET_OFFSET", header);
    const sent = peer.received.at(-1);
    expect(sent?.name).toBe("RESET_CONSUMER_CLIENT_OFFSET");
    expect(resetOffsetBody.decode(sent?.body ?? NO_BODY).offsetTable[0]?.[1]).toBe(0);

    const context = { peer, version: 513, language: LANGUAGES.indexOf("CPP"), oneway: false, extFields: {}, receivedAt: 0 };
    await harness.broker.processors.INVOKE_BROKER_TO_RESET_OFFSET(context, { header, body: NO_BODY });
    const forC = resetOffsetBodyForC.decode(peer.received.at(-1)?.body ?? NO_BODY).offsetTable;
    expect(forC[0]).toEqual({ topic: "T", brokerName: "broker-a", queueId: 0, offset: 0 });
    await harness.broker.stop();
  });
});

describe("GET_BROKER_RUNTIME_INFO", () => {
  test("has the keys that tools read", async () => {
    const harness = await withMessages();
    const { body = NO_BODY } = await harness.call("GET_BROKER_RUNTIME_INFO", {});
    const { table } = kvTable.decode(body);
    expect(table.get("brokerVersionDesc")).toBe("V5_5_0");
    expect(table.get("runtime")).toBe("[ 0 days, 0 hours, 0 minutes, 30 seconds ]");
    expect(table.get("putTps")).toBe("0.1 0.1 0.1");
    expect(table.get("commitLogDiskRatio_/store/commitlog")).toBe(table.get("commitLogDiskRatio"));
    expect(table.get("msgPutTotalTodayNow")).toBe("3");
    expect(Number(table.get("commitLogMaxOffset"))).toBe(harness.broker.store.stats().maxPhysicalOffset);
    expect(table.get("sendThreadPoolQueueCapacity")).toBe("10000");
    expect(table.get("commitLogDirCapacity")).toMatch(/^Total : .+, Free : .+\.$/);
    const tools = `bootTimestamp getTransferredTps getFoundTps getMissTps getTotalTps putMessageEntireTimeMax putMessageTimesTotal
      putMessageFailedTimes putMessageSizeTotal putMessageDistributeTime putMessageAverageSize dispatchMaxBuffer
      getMessageEntireTimeMax commitLogDiskRatio consumeQueueDiskRatio commitLogMinOffset brokerActive brokerVersion
      msgPutTotalYesterdayMorning msgPutTotalTodayMorning msgGetTotalYesterdayMorning msgGetTotalTodayMorning msgGetTotalTodayNow
      dispatchBehindBytes pageCacheLockTimeMills earliestMessageTimeStamp startAcceptSendRequestTimeStamp timerReadBehind
      timerOffsetBehind timerCongestNum timerEnqueueTps timerDequeueTps remainHowManyDataToFlush sendThreadPoolQueueSize
      pullThreadPoolQueueSize litePullThreadPoolQueueSize queryThreadPoolQueueSize ackThreadPoolQueueSize
      pullThreadPoolQueueHeadWaitTimeMills EndTransactionQueueSize EndTransactionThreadPoolQueueCapacity`;
    expect(tools.split(/\s+/).filter((key) => !table.has(key))).toEqual([]);
    await harness.broker.stop();
  });

  test("its totals turn at local midnight", async () => {
    const runtime = simRuntime({ epochMs: Date.UTC(2026, 0, 1, 21, 59, 50), utcOffsetMinutes: 120 });
    const harness = await BrokerHarness.start({ runtime });
    await harness.send("T", 0, "m0");
    await runtime.clock.advance(9_000);
    expect(harness.broker.stats.totals().put).toEqual([0, 0, 1]);
    await runtime.clock.advance(2_000);
    await harness.send("T", 0, "m1");
    expect(harness.broker.stats.totals().put).toEqual([0, 1, 2]);
    // and soon after a jump over it
    runtime.clock.jump(24 * 3_600_000);
    await runtime.clock.advance(600_000);
    expect(harness.broker.stats.totals().put).toEqual([1, 2, 2]);
    await harness.broker.stop();
  });

  test.each([
    [0, "[ 0 days, 0 hours, 0 minutes, 0 seconds ]"],
    [90_061_999, "[ 1 days, 1 hours, 1 minutes, 1 seconds ]"],
  ] as const)("%p ms is %p", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [2 ** 41, "2.0 TiB"],
  ] as const)("%p bytes are %p", (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });
});

describe("configuration", () => {
  test("SET_COMMITLOG_READ_MODE sets dataReadAheadEnable until the next start, in Apache's words", async () => {
    const harness = await BrokerHarness.start();
    const isOn = async () =>
      /^dataReadAheadEnable=(.*)$/m.exec(decodeUtf8((await harness.call("GET_BROKER_CONFIG", {})).body!))?.[1];
    const set = (extFields: Record<string, string>) => harness.call("SET_COMMITLOG_READ_MODE", {}, undefined, { extFields });
    const refused = (extFields: Record<string, string>) =>
      set(extFields).then(
        () => undefined,
        ({ code, message }: { code: number; message: string }) => ({ code, remark: message }),
      );
    expect((await set({ READ_AHEAD_MODE: "1" })).remark).toBe("set commitlog readahead mode success, mode: 1");
    expect(await isOn()).toBe("false");
    expect((await set({ READ_AHEAD_MODE: "0" })).remark).toBe("set commitlog readahead mode success, mode: 0");
    expect(await isOn()).toBe("true");
    for (const [extFields, code, remark] of [
      [{}, ResponseCode.SYSTEM_ERROR, "set commitlog readahead mode param error"],
      [{ other: "1" }, ResponseCode.SYSTEM_ERROR, "set commitlog readahead mode failed"],
      [{ READ_AHEAD_MODE: "x" }, ResponseCode.SYSTEM_ERROR, "set commitlog readahead mode failed"],
      [{ READ_AHEAD_MODE: "99999999999" }, ResponseCode.SYSTEM_ERROR, "set commitlog readahead mode failed"],
      [{ READ_AHEAD_MODE: "2" }, ResponseCode.INVALID_PARAMETER, "set commitlog readahead mode param value error"],
    ] as const) {
      expect(await refused(extFields)).toEqual({ code, remark });
    }
    expect(await isOn()).toBe("true");
    await harness.broker.stop();
  });

  test("SWITCH_TIMER_ENGINE answers as a live Apache broker without RocksDB, and the wheel takes what it had left", async () => {
    let harness = await BrokerHarness.start({ settings: { timerStopEnqueue: true } });
    const to = (extFields: Record<string, string>) => harness.call("SWITCH_TIMER_ENGINE", {}, undefined, { extFields });
    const outcome = (extFields: Record<string, string>) =>
      to(extFields).catch(({ code, message }: { code: number; message: string }) => ({ code, remark: message }));
    const leaves = async () =>
      /^timerStopEnqueue=(.*)$/m.exec(decodeUtf8((await harness.call("GET_BROKER_CONFIG", {})).body!))?.[1];
    const code = ResponseCode.INVALID_PARAMETER;
    for (const extFields of [{}, { other: "F" }, { E_T: "" }, { E_T: "f" }]) {
      expect(await outcome(extFields)).toEqual({ code, remark: "param error" });
    }
    const refused = { code, remark: "timerRocksDBEnable must be configured true when broker start" };
    expect(await outcome({ E_T: "R" })).toEqual(refused);
    expect(await leaves()).toBe("true");
    expect(await outcome({ E_T: "F" })).toMatchObject({ remark: "switch timer engine success" });
    expect(await leaves()).toBe("false");
    expect(await outcome({ E_T: "F" })).toMatchObject({ remark: "switch timer engine success" });
    await harness.broker.stop();
    harness = await BrokerHarness.start({ settings: { timerWheelEnable: false } });
    expect(await outcome({ E_T: "F" })).toEqual({ code, remark: "broker timerWheelEnable is false" });
    await harness.broker.stop();
  });

  test("RESET_MASTER_FLUSH_OFFSET and CHECK_ROCKSDB_CQ_WRITE_PROGRESS: nothing to reset at a master, one form of queues", async () => {
    const harness = await BrokerHarness.start();
    const reset = await harness.call("RESET_MASTER_FLUSH_OFFSET", { masterFlushOffset: 5 });
    expect([reset.code ?? 0, reset.remark]).toEqual([0, undefined]);
    const { body } = await harness.call("CHECK_ROCKSDB_CQ_WRITE_PROGRESS", { topic: "T", checkStoreTime: 0 });
    expect(checkRocksdbCqWriteResult.decode(body!)).toEqual({
      checkResult: "It is not CombineConsumeQueueStore, no need check",
      checkStatus: 0,
    });
    await harness.broker.stop();
  });

  test("keys of the allow-list take effect, are persisted and move the version", async () => {
    let harness = await BrokerHarness.start();
    const version = async () => (await harness.call("GET_BROKER_CONFIG", {})).header?.version;
    const before = await version();
    await harness.call("UPDATE_BROKER_CONFIG", {}, "fileReservedTime=48\nflushDiskType=SYNC_FLUSH\n");
    expect([harness.broker.settings.fileReservedTime, harness.broker.settings.flushDiskType]).toEqual([48, "SYNC_FLUSH"]);
    expect(await version()).not.toBe(before);
    const { body = NO_BODY } = await harness.call("GET_BROKER_CONFIG", {});
    expect(decodeUtf8(body)).toInclude("fileReservedTime=48\n");
    const saved = decodeUtf8(harness.runtime.files.read("/store/config/broker.properties") ?? NO_BODY);
    expect(saved).toInclude("fileReservedTime=48");
    await harness.call("UPDATE_BROKER_CONFIG", {});
    harness = await harness.restart();
    await harness.broker.stop();
  });

  test.each([
    ["a path", "storePathRootDir=/tmp/x", "storePathRootDir"],
    ["a port", "listenPort=1", "listenPort"],
    ["the black list itself", "configBlackList=x", "configBlackList"],
    ["an unknown key", "noSuchKey=1", "noSuchKey"],
    ["one bad key among good ones", "fileReservedTime=1\nbrokerName=x", "brokerName"],
  ] as const)("refuses %s and changes nothing", async (_what, text, key) => {
    const harness = await BrokerHarness.start();
    const refusal = await harness.refused("UPDATE_BROKER_CONFIG", {}, text);
    expect(refusal.code).toBe(ResponseCode.NO_PERMISSION);
    expect(refusal.remark).toInclude(key);
    expect(harness.broker.settings.fileReservedTime).toBe(72);
    await harness.broker.stop();
  });

  test("brokerPermission moves the topics' version, so that nameservers are told", async () => {
    const harness = await BrokerHarness.start();
    await harness.call("UPDATE_BROKER_CONFIG", {}, "brokerPermission=4");
    expect(harness.broker.topics.dataVersion.counter).toBe(1);
    await harness.broker.stop();
  });
});

test("files, replication status and news of the group", async () => {
  const harness = await withMessages();
  await harness.call("CLEAN_EXPIRED_CONSUMEQUEUE", {});
  await harness.call("DELETE_EXPIRED_COMMITLOG", {});
  const { body = NO_BODY } = await harness.call("GET_BROKER_HA_STATUS", {});
  expect(haRuntimeInfo.decode(body)).toMatchObject({
    master: true,
    masterCommitLogMaxOffset: harness.broker.store.stats().maxPhysicalOffset,
    inSyncSlaveNums: 0,
    haConnectionInfo: [],
  });
  await harness.call("NOTIFY_MIN_BROKER_ID_CHANGE", { minBrokerId: 1, brokerName: "broker-a" });
  await harness.call("NOTIFY_MIN_BROKER_ID_CHANGE", { minBrokerId: 1, brokerName: "broker-a" });
  expect(harness.log.of("info").filter((line) => line.message === "min broker id changed").length).toBe(1);
  await harness.broker.stop();
});
