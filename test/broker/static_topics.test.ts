import { describe, expect, test } from "bun:test";
import {
  type LogicQueueMappingItem,
  type TopicQueueMappingDetail,
  topicConfigAndQueueMapping,
  topicQueueMappingDetail,
} from "../../wire/bodies/static_topic.ts";
import { NO_BODY } from "../../wire/remoting_command.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { BrokerHarness, topicHeader } from "./management_harness.ts";
import { pullHeader, sendHeader } from "./messages_harness.ts";

const item = (queueId: number, more: Partial<LogicQueueMappingItem> = {}): LogicQueueMappingItem => ({
  gen: 0,
  queueId,
  bname: "broker-a",
  logicOffset: 0,
  startOffset: 0,
  endOffset: -1,
  timeOfStart: -1,
  timeOfEnd: -1,
  ...more,
});

/** Logic queues 3 and 5 of eight, in the queues 1 and 0. */
const mapping = (more: Partial<TopicQueueMappingDetail> = {}): TopicQueueMappingDetail => ({
  topic: "S",
  scope: "__global__",
  totalQueues: 8,
  bname: "broker-a",
  epoch: 100,
  dirty: false,
  currIdMap: new Map(),
  hostedQueues: new Map([
    [3, [item(1)]],
    [5, [item(0)]],
  ]),
  ...more,
});

const create = (harness: BrokerHarness, detail: TopicQueueMappingDetail, force = false) =>
  harness.call(
    "UPDATE_AND_CREATE_STATIC_TOPIC",
    { ...topicHeader("S"), readQueueNums: 2, writeQueueNums: 2, force },
    topicQueueMappingDetail.encode(detail),
  );

async function started(): Promise<BrokerHarness> {
  const harness = await BrokerHarness.start();
  await create(harness, mapping());
  return harness;
}

/** What a call is refused with. */
const rejection = (call: Promise<unknown>): Promise<{ code: number; message: string }> =>
  call.then(
    () => {
      throw new Error("it was accepted");
    },
    (error: { code: number; message: string }) => error,
  );

const send = (harness: BrokerHarness, queueId: number, more: { lo?: boolean } = {}) =>
  harness.call("SEND_MESSAGE_V2", { ...sendHeader({ topic: "S", queueId }), ...more }, "hello");

describe("a static topic", () => {
  test("is written and read by logic queue; the store knows the physical one", async () => {
    const harness = await started();
    const { broker } = harness;
    expect((await send(harness, 3)).header).toMatchObject({ queueId: 3, queueOffset: 0 });
    expect((await send(harness, 3)).header).toMatchObject({ queueId: 3, queueOffset: 1 });
    expect((await send(harness, -1)).header).toMatchObject({ queueId: 3, queueOffset: 2 });
    expect(broker.store.maxOffset({ topic: "S", queueId: 1 })).toBe(3);
    const pull = (queueOffset: number) =>
      harness.call(
        "PULL_MESSAGE",
        pullHeader({ topic: "S", consumerGroup: "TOOLS_CONSUMER", queueId: 3, queueOffset, sysFlag: 4, subscription: "*" }),
      );
    expect(await pull(1)).toMatchObject({ code: 0, header: { nextBeginOffset: 3, maxOffset: 3, offsetDelta: 0 } });
    expect(await pull(50)).toMatchObject({ code: ResponseCode.PULL_NOT_FOUND, header: { nextBeginOffset: 3 } });
    expect((await harness.call("GET_MAX_OFFSET", { topic: "S", queueId: 3, committed: true })).header).toEqual({ offset: 3 });
    const commit = { topic: "S", consumerGroup: "TOOLS_CONSUMER", queueId: 3, commitOffset: 2 };
    await harness.call("UPDATE_CONSUMER_OFFSET", commit);
    expect(broker.offsets.query("TOOLS_CONSUMER", "S", 1)).toBe(2);
    await harness.broker.stop();
  });

  test("refuses a logic queue that is elsewhere, in Apache's words; lo=false means a physical queue", async () => {
    const harness = await started();
    expect(await rejection(send(harness, 0))).toMatchObject({
      code: ResponseCode.NOT_LEADER_FOR_QUEUE,
      message: "S-0 does not exit in request process of current broker broker-a",
    });
    expect(await rejection(harness.call("GET_MIN_OFFSET", { topic: "S", queueId: 0 }))).toMatchObject({
      code: ResponseCode.NOT_LEADER_FOR_QUEUE,
      message: "S-0 is not leader in broker broker-a, request code 31",
    });
    expect((await send(harness, 0, { lo: false })).header).toMatchObject({ queueId: 0 });
    await harness.broker.stop();
  });

  test("is still one after a restart, is shown, and goes with its topic", async () => {
    const first = await started();
    await first.broker.stop();
    const harness = await BrokerHarness.start({ runtime: first.runtime });
    expect((await send(harness, 5)).header).toMatchObject({ queueId: 5 });
    const shown = topicConfigAndQueueMapping.decode((await harness.call("GET_TOPIC_CONFIG", { topic: "S" })).body ?? NO_BODY);
    expect([...(shown.mappingDetail?.hostedQueues.keys() ?? [])]).toEqual([3, 5]);
    expect(harness.broker.topics.mappings.infosOf(["S", "TBW102"]).get("S")?.currIdMap).toEqual(
      new Map([
        [3, 1],
        [5, 0],
      ]),
    );
    await harness.call("DELETE_TOPIC_IN_BROKER", { topic: "S" });
    expect(harness.broker.topics.mappings.isEmpty).toBe(true);
    await harness.broker.stop();
  });

  test("grows by another mapping that is not older and of the same scope", async () => {
    const harness = await started();
    const more = new Map([[7, [item(1)]]]);
    const older = create(harness, mapping({ epoch: 99, hostedQueues: more }));
    expect((await rejection(older)).message).toBe("Can't accept data with small epoch 99 < 100");
    const other = create(harness, mapping({ scope: "other", hostedQueues: more }));
    expect((await rejection(other)).message).toBe("Can't accept data with unmatched scope other != __global__");
    await create(harness, mapping({ epoch: 101, hostedQueues: more }));
    expect([...(harness.broker.topics.mappings.find("S")?.hostedQueues.keys() ?? [])]).toEqual([3, 5, 7]);
    await create(harness, mapping({ epoch: 1, hostedQueues: more }), true);
    await harness.broker.stop();
  });

  test("is not one whose stretches do not follow each other, that is of another broker, or out of range: nothing is changed", async () => {
    const harness = await BrokerHarness.start();
    const wrong: [Partial<TopicQueueMappingDetail>, string][] = [
      [{ hostedQueues: new Map([[0, []]]) }, "has 0 stretches"],
      [{ hostedQueues: new Map([[0, [item(0, { bname: "" })]]]) }, "has no broker"],
      [
        { hostedQueues: new Map([[0, [item(0, { gen: 1, logicOffset: 9 }), item(1, { gen: 2, logicOffset: 5 })]]]) },
        "does not follow",
      ],
      [{ hostedQueues: new Map([[0, [item(0, { gen: 1 }), item(1, { gen: 1, logicOffset: 5 })]]]) }, "does not follow"],
      [{ bname: "broker-b" }, "is for the broker broker-b"],
      [{ totalQueues: 1 }, "has 2 of 1 queues"],
      [{ hostedQueues: new Map([[9, [item(0)]]]) }, "not below totalQueues=8"],
      [{ hostedQueues: new Map([[1, [item(-1)]]]) }, "lies in queue -1"],
    ];
    for (const [more, words] of wrong) expect((await rejection(create(harness, mapping(more)))).message).toContain(words);
    expect(harness.broker.topics.find("S")).toBeUndefined();
    expect(harness.broker.topics.mappings.isEmpty).toBe(true);
    await harness.broker.stop();
  });
});
