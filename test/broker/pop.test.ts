import { describe, expect, test } from "bun:test";
import type { ConsumerManager } from "../../core/broker/clients/consumers.ts";
import type { BrokerSettingsInput } from "../../core/broker/options.ts";
import { QueueAssignment } from "../../core/broker/pop/assignment.ts";
import {
  type QueryAssignmentRequestBody,
  queryAssignmentRequestBody,
  queryAssignmentResponseBody,
  type SetMessageRequestModeRequestBody,
  setMessageRequestModeRequestBody,
} from "../../wire/bodies/assignment.ts";
import { batchAckMessageRequestBody } from "../../wire/bodies/pop.ts";
import { subscriptionGroupConfig } from "../../wire/bodies/subscription_group.ts";
import type { TopicConfig } from "../../wire/bodies/topic.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { parseExtraInfo } from "../../wire/pop_info.ts";
import { propertyOf } from "../../wire/properties.ts";
import { client, rejection, settingsOf } from "./management_harness.ts";
import { Pop, type Popped, textOf } from "./pop_harness.ts";

describe("the body of an answer", () => {
  test("of one queue gives its memory back when it is written, and the next one uses it again", async () => {
    const pop = await Pop.open();
    const text = "x".repeat(500);
    for (let n = 0; n < 64; n++) await pop.harness.send("T", 0, `${n} ${text}`, "a");
    const first = await pop.harness.call("POP_MESSAGE", pop.header());
    expect(pop.popped(first).texts[0]).toBe(`0 ${text}`);
    first.release?.();
    const second = await pop.harness.call("POP_MESSAGE", pop.header());
    expect(second.body?.buffer).toBe(first.body?.buffer as ArrayBuffer);
    expect(pop.popped(second).texts.map((each) => Number.parseInt(each, 10))).toEqual(
      Array.from({ length: 32 }, (_, i) => 32 + i),
    );
    await pop.close();
  });

  test("of several queues is a copy", async () => {
    const pop = await Pop.open(2);
    const text = "x".repeat(500);
    for (let n = 0; n < 32; n++) await pop.harness.send("T", n % 2, `${n} ${text}`, "a");
    const reply = await pop.harness.call("POP_MESSAGE", pop.header());
    expect(reply.release).toBeUndefined();
    expect(
      pop
        .popped(reply)
        .texts.map((each) => Number.parseInt(each, 10))
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 32 }, (_, i) => i));
    await pop.close();
  });
});

describe("POP", () => {
  test("hands messages out once, and they stay away once they are acknowledged", async () => {
    const pop = await Pop.open(2);
    await pop.fill(6, "a", 2);
    const first = await pop.pop({ maxMsgNums: 4 });
    expect(first.texts).toHaveLength(4);
    expect(first.header.restNum).toBe(2);
    const second = await pop.pop();
    expect([...first.texts, ...second.texts].sort()).toEqual(["m0", "m1", "m2", "m3", "m4", "m5"]);
    for (const ack of [...first.acks, ...second.acks]) await pop.ack(ack);
    expect((await pop.pop()).code).toBe(210);
    await pop.clock.advance(70_000);
    expect((await pop.pop()).code).toBe(210);
    await pop.close();
  });

  test("gives back what is not acknowledged in time, under its topic, counted, and with what acknowledges it", async () => {
    const pop = await Pop.open();
    await pop.fill(3);
    const first = await pop.pop({ invisibleTime: 10_000 });
    await pop.ack(first.acks[1]);
    await pop.clock.advance(9_000);
    expect((await pop.pop()).code).toBe(210);
    await pop.clock.advance(6_000);
    const again = await pop.pop();
    expect(again.texts).toEqual(["m0", "m2"]);
    const [message] = again.messages;
    expect([message?.topic, message?.reconsumeTimes]).toEqual(["T", 1]);
    const property = (name: string) => propertyOf(message?.properties ?? "", name);
    expect(property("1ST_POP_TIME")).toBe(String(first.header.popTime));
    expect(property("ORIGIN_GROUP")).toBe("G");
    expect(parseExtraInfo(property("POP_CK") ?? "")).toMatchObject({ flag: "1", queueId: 0, msgQueueOffset: 0 });
    for (const ack of again.acks) await pop.ack(ack);
    await pop.clock.advance(120_000);
    expect((await pop.pop()).code).toBe(210);
    await pop.close();
  });

  test.each(["kill", "power"] as const)(
    "a %s in the middle of the invisible time loses nothing, and keeps what was acknowledged away",
    async (kind) => {
      const settings: BrokerSettingsInput = { flushDiskType: "SYNC_FLUSH" };
      const before = await Pop.open(1, settings);
      await before.fill(4);
      const first = await before.pop({ invisibleTime: 30_000 });
      await before.ack(first.acks[0]);
      await before.ack(first.acks[3]);
      await before.clock.advance(1_000);
      const after = await Pop.open(1, settings, before.harness.runtime.crash(kind));
      const seen: string[] = [];
      for (let i = 0; i < 40; i++) {
        await after.clock.advance(1_000);
        const popped = await after.pop();
        seen.push(...popped.texts);
        for (const ack of popped.acks) await after.ack(ack);
      }
      expect(seen.filter((text) => text === "m1")).not.toHaveLength(0);
      expect(seen.filter((text) => text === "m2")).not.toHaveLength(0);
      // Offsets are saved every five seconds: what was popped since may come once more.
      expect(new Set(seen).size).toBeLessThanOrEqual(4);
      await after.close();
    },
  );

  test("begins where the group is to begin", async () => {
    const pop = await Pop.open(1, { initPopOffsetByCheckMsgInMem: false });
    await pop.fill(5);
    expect((await pop.pop({ initMode: 1 })).texts).toEqual(["m4"]);
    expect((await pop.pop({ consumerGroup: "G2" })).texts).toHaveLength(5);
    await pop.close();
  });

  test("takes tags and SQL92", async () => {
    const pop = await Pop.open(1, { enablePropertyFilter: true });
    await pop.fill(2, "a");
    await pop.fill(2, "b");
    expect((await pop.pop({ expType: "TAG", exp: "b" })).texts).toEqual(["m0", "m1"]);
    expect((await pop.pop({ consumerGroup: "G2", expType: "SQL92", exp: "TAGS = 'a'" })).texts).toEqual(["m0", "m1"]);
    expect((await pop.harness.refused("POP_MESSAGE", pop.header({ expType: "SQL92", exp: "TAGS LIKE 'a'" }))).code).toBe(23);
    await pop.close();
  });

  test.each([
    ["too many messages", { maxMsgNums: 33 }, 29],
    ["a topic that is not there", { topic: "none" }, 17],
    ["a queue that is not there", { queueId: 9 }, 29],
    ["a client that has given up", { bornTime: 1, pollTime: 1 }, 210],
  ])("refuses %s", async (_name, more, code) => {
    const pop = await Pop.open();
    expect((await pop.harness.refused("POP_MESSAGE", pop.header(more))).code).toBe(code);
    await pop.close();
  });
});

describe("long polling", () => {
  const held = { pollTime: 15_000 };

  test("one message wakes one of those that wait, and a message of the retry topic too", async () => {
    const pop = await Pop.open();
    const answers: Popped[] = [];
    const polls = [0, 1].map(() =>
      pop.harness.call("POP_MESSAGE", pop.header(held)).then((reply) => answers.push(pop.popped(reply))),
    );
    await pop.clock.advance(100);
    expect((await pop.harness.call("POLLING_INFO", { topic: "T", consumerGroup: "G", queueId: -1 })).header?.pollingNum).toBe(2);
    await pop.harness.send("T", 0, "one");
    await Promise.race(polls);
    expect(answers.map(({ texts }) => texts)).toEqual([["one"]]);
    await pop.clock.advance(15_000);
    await Promise.all(polls);
    expect(answers[1]?.code).toBe(210);
    await pop.close();
  });

  test("what is given back wakes who waits", async () => {
    const pop = await Pop.open();
    await pop.fill(1);
    await pop.pop({ invisibleTime: 5_000 });
    let answer: Popped | undefined;
    const poll = pop.harness.call("POP_MESSAGE", pop.header({ pollTime: 30_000 })).then((reply) => (answer = pop.popped(reply)));
    await pop.clock.advance(12_000);
    await poll;
    expect(answer?.texts).toEqual(["m0"]);
    await pop.close();
  });

  test("is bounded, and dropped with its connection", async () => {
    const pop = await Pop.open(1, { popPollingSize: 1 });
    const peer = client();
    const first = pop.harness.broker.invoke("POP_MESSAGE", pop.header(held), undefined, { peer });
    const second = pop.harness.broker.invoke("POP_MESSAGE", pop.header(held), undefined, { peer });
    await pop.clock.advance(10);
    expect((await pop.pop(held)).code).toBe(209);
    peer.close();
    expect([await first, await second]).toEqual([undefined, undefined]);
    expect((await pop.harness.call("POLLING_INFO", { topic: "T", consumerGroup: "G", queueId: -1 })).header?.pollingNum).toBe(0);
    await pop.close();
  });

  test("NOTIFICATION tells of messages, at once or when they come, and hands none out", async () => {
    const pop = await Pop.open();
    const header = { topic: "T", consumerGroup: "G", queueId: -1, pollTime: 10_000, bornTime: pop.clock.now(), order: false };
    const waiting = pop.harness.call("NOTIFICATION", header);
    await pop.harness.send("T", 0, "one");
    expect((await waiting).header?.hasMsg).toBe(true);
    expect((await pop.harness.call("NOTIFICATION", header)).header?.hasMsg).toBe(true);
    expect((await pop.pop()).texts).toEqual(["one"]);
    expect((await pop.harness.call("NOTIFICATION", { ...header, pollTime: 0 })).header?.hasMsg).toBe(false);
    const late = { ...header, bornTime: header.bornTime - 60_000 };
    expect((await pop.harness.call("NOTIFICATION", late)).header?.hasMsg).toBe(false);
    await pop.close();
  });
});

describe("acknowledgements", () => {
  test("in a batch, as a bit set", async () => {
    const pop = await Pop.open();
    await pop.fill(10);
    const { header } = await pop.pop({ invisibleTime: 5_000 });
    const bits = String.fromCharCode(0b1111_0111, 0b11);
    const ack = {
      consumerGroup: "G",
      topic: "T",
      retry: "0",
      startOffset: 0,
      queueId: 0,
      reviveQueueId: header.reviveQid,
      popTime: header.popTime,
      invisibleTime: header.invisibleTime,
      bitSet: btoa(bits),
    };
    await pop.harness.call("BATCH_ACK_MESSAGE", {}, batchAckMessageRequestBody.encode({ brokerName: "broker-a", acks: [ack] }));
    await pop.clock.advance(10_000);
    expect((await pop.pop()).texts).toEqual(["m3"]);
    await pop.close();
  });

  test("of a longer time hide the message anew, and the old handle is over", async () => {
    const pop = await Pop.open();
    await pop.fill(1);
    const { acks } = await pop.pop({ invisibleTime: 5_000 });
    const changed = await pop.harness.call("CHANGE_MESSAGE_INVISIBLETIME", {
      consumerGroup: "G",
      ...(acks[0] as Popped["acks"][number]),
      invisibleTime: 60_000,
      suspend: false,
    });
    expect(changed.header?.invisibleTime).toBe(60_000);
    await pop.clock.advance(30_000);
    expect((await pop.pop()).code).toBe(210);
    await pop.clock.advance(40_000);
    expect((await pop.pop()).texts).toEqual(["m0"]);
    await pop.close();
  });

  test("with suspend count no time at which the message failed, however often it is put off", async () => {
    const pop = await Pop.open();
    await pop.fill(2);
    let popped = await pop.pop({ invisibleTime: 60_000 });
    for (let round = 1; round <= 2; round++) {
      for (const [i, ack] of popped.acks.entries()) {
        await pop.harness.call("CHANGE_MESSAGE_INVISIBLETIME", {
          consumerGroup: "G",
          ...ack,
          invisibleTime: 2_000,
          suspend: popped.texts[i] === "m0",
        });
      }
      await pop.clock.advance(20_000);
      popped = await pop.pop({ invisibleTime: 60_000 });
      const times = popped.messages.map(({ reconsumeTimes }, i) => `${popped.texts[i]} ${reconsumeTimes}`);
      expect(times.sort()).toEqual(["m0 0", `m1 ${round}`]);
    }
    await pop.close();
  });

  test.each([
    ["no place in the queue", { offset: 77 }, 208],
    ["a topic that is not there", { topic: "none" }, 17],
    ["a queue that is not there", { queueId: 5 }, 13],
    ["a handle that is none", { extraInfo: "x" }, 29],
    ["a revive queue that is not there", { extraInfo: "0 1 1 77 0 broker-a 0 0" }, 29],
  ])("of %s are refused", async (_name, more, code) => {
    const pop = await Pop.open();
    await pop.fill(1);
    const { acks } = await pop.pop();
    const header = { consumerGroup: "G", ...(acks[0] as Popped["acks"][number]), ...more };
    expect((await pop.harness.refused("ACK_MESSAGE", header)).code).toBe(code);
    await pop.close();
  });
});

describe("in order", () => {
  const order = { order: true, invisibleTime: 10_000 };

  test("a queue is blocked until what was given is acknowledged, and then goes on", async () => {
    const pop = await Pop.open();
    await pop.fill(4);
    const first = await pop.pop({ ...order, maxMsgNums: 2, attemptId: "a1" });
    expect(first.texts).toEqual(["m0", "m1"]);
    expect(first.header.reviveQid).toBe(999);
    expect((await pop.pop({ ...order, attemptId: "a2" })).code).toBe(210);
    // The same attempt again: its answer was lost on the way.
    expect((await pop.pop({ ...order, maxMsgNums: 2, attemptId: "a1" })).texts).toEqual(["m0", "m1"]);
    const again = await pop.pop({ ...order, maxMsgNums: 2, attemptId: "a1" });
    await pop.ack(again.acks[0]);
    expect(pop.harness.broker.offsets.query("G", "T", 0)).toBe(1);
    expect((await pop.pop({ ...order, attemptId: "a2" })).code).toBe(210);
    await pop.ack(again.acks[1]);
    expect((await pop.pop({ ...order, attemptId: "a2" })).texts).toEqual(["m2", "m3"]);
    await pop.close();
  });

  test("what is not acknowledged comes again from its queue, with its count", async () => {
    const pop = await Pop.open();
    await pop.fill(2);
    await pop.pop({ ...order, attemptId: "a1" });
    await pop.clock.advance(10_001);
    const again = await pop.pop({ ...order, attemptId: "a2" });
    expect(again.texts).toEqual(["m0", "m1"]);
    expect(again.header.orderCountInfo).toBe("0 qo0%0 1;0 qo0%1 1;0 0 1");
    await pop.close();
  });

  test("an acknowledgement frees the queue for whoever waits", async () => {
    const pop = await Pop.open();
    await pop.fill(2);
    const first = await pop.pop({ ...order, maxMsgNums: 1, attemptId: "a1" });
    let answer: Popped | undefined;
    const poll = pop.harness
      .call("POP_MESSAGE", pop.header({ ...order, pollTime: 20_000, attemptId: "a2" }))
      .then((reply) => (answer = pop.popped(reply)));
    await pop.clock.advance(100);
    expect(answer).toBeUndefined();
    await pop.ack(first.acks[0]);
    await poll;
    expect(answer?.texts).toEqual(["m1"]);
    await pop.close();
  });

  test("the block outlives a restart", async () => {
    const before = await Pop.open();
    await before.fill(2);
    await before.pop({ ...order, invisibleTime: 60_000, attemptId: "a1" });
    await before.close();
    const after = await Pop.open(1, {}, before.harness.runtime);
    expect((await after.pop({ ...order, attemptId: "a2" })).code).toBe(210);
    await after.clock.advance(61_000);
    expect((await after.pop({ ...order, attemptId: "a2" })).texts).toEqual(["m0", "m1"]);
    await after.close();
  });
});

test("PEEK shows messages and hands none out", async () => {
  const pop = await Pop.open();
  await pop.fill(3);
  const peeked = await pop.harness.call("PEEK_MESSAGE", { topic: "T", queueId: -1, maxMsgNums: 2, consumerGroup: "G" });
  expect(decodeRecords(peeked.body ?? new Uint8Array(0)).map(textOf)).toEqual(["m0", "m1"]);
  expect((await pop.pop()).texts).toHaveLength(3);
  await pop.close();
});

describe("POP by priority", () => {
  const priorities = async (factor: string | undefined, settings: BrokerSettingsInput = {}): Promise<string[]> => {
    const pop = await Pop.open(3, settings);
    const { harness } = pop;
    harness.broker.topics.update({
      ...(harness.broker.topics.find("T") as TopicConfig),
      attributes: { "+message.type": "PRIORITY" },
    });
    if (factor !== undefined) {
      const config = { ...subscriptionGroupConfig.read({}, ""), groupName: "G", attributes: { "+priority.factor": factor } };
      await harness.call("UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", {}, subscriptionGroupConfig.encode(config));
    }
    const orders: string[] = [];
    for (let n = 0; n < 12; n++) {
      for (const queueId of [1, 0, 2]) await harness.send("T", queueId, `q${queueId}`);
      orders.push((await pop.pop()).texts.join(" "));
    }
    await pop.close();
    return [...new Set(orders)];
  };

  test("asks the queue of the highest priority first, or of the lowest", async () => {
    expect(await priorities(undefined)).toEqual(["q2 q1 q0"]);
    expect(await priorities(undefined, { priorityOrderAsc: false })).toEqual(["q0 q1 q2"]);
  });

  test("only as often as the group wants", async () => {
    expect((await priorities("0")).length).toBeGreaterThan(1);
  });
});

test("enablePopMessageThreshold: no more is given than may be open, and an acknowledgement wakes who waits", async () => {
  const pop = await Pop.open(1, { enablePopMessageThreshold: true, popInflightMessageThreshold: 1 });
  await pop.fill(4);
  const first = await pop.pop({ maxMsgNums: 2 });
  expect((await pop.pop()).code).toBe(210);
  let answer: Popped | undefined;
  const waiting = pop.harness.call("POP_MESSAGE", pop.header({ pollTime: 20_000 })).then((reply) => (answer = pop.popped(reply)));
  await pop.clock.advance(100);
  expect(answer).toBeUndefined();
  await pop.ack(first.acks[0]);
  await waiting;
  expect(answer?.texts).toEqual(["m2", "m3"]);
  expect(pop.harness.broker.settings.popInflightMessageThreshold).toBe(1);
  await pop.close();
});

test("POP_ROLLBACK has nothing to move, unless check points of Apache in RocksDB are there", async () => {
  const pop = await Pop.open();
  await pop.harness.call("POP_ROLLBACK", {});
  pop.harness.runtime.files.makeDirectory("/store/kvStore");
  expect(await rejection(pop.harness.call("POP_ROLLBACK", {}))).toContain("mqadmin exportPopRecord");
  await pop.close();
});

describe("enablePopBufferMerge", () => {
  const merge: BrokerSettingsInput = { enablePopBufferMerge: true };
  const revived = async (pop: Pop): Promise<number> => {
    await pop.clock.advance(1);
    const { store, settings } = pop.harness.broker;
    let records = 0;
    for (const topic of [`rmq_sys_REVIVE_LOG_${settings.brokerClusterName}`, "rmq_sys_wheel_timer"]) {
      for (let queueId = 0; queueId < 8; queueId++) records += store.maxOffset({ topic, queueId });
    }
    return records;
  };
  const committed = (pop: Pop): number => pop.harness.broker.offsets.query("G", "T", 0);

  test("what is acknowledged in time leaves no record, and the offset follows in the order of the POPs", async () => {
    const pop = await Pop.open(1, merge);
    await pop.fill(6);
    const first = await pop.pop({ maxMsgNums: 2 });
    const second = await pop.pop({ maxMsgNums: 2 });
    expect(second.texts).toEqual(["m2", "m3"]);
    for (const ack of second.acks) await pop.ack(ack);
    expect(committed(pop)).toBe(0);
    for (const ack of first.acks) await pop.ack(ack);
    expect(committed(pop)).toBe(4);
    await pop.clock.advance(15_000);
    expect(await revived(pop)).toBe(0);
    expect((await pop.pop()).texts).toEqual(["m4", "m5"]);
    await pop.close();
  });

  test("what is not is written after popCkStayBufferTime, and comes again alone", async () => {
    const pop = await Pop.open(1, merge);
    await pop.fill(3);
    const first = await pop.pop({ invisibleTime: 20_000 });
    await pop.ack(first.acks[1]);
    expect(await revived(pop)).toBe(0);
    await pop.clock.advance(11_000);
    expect(committed(pop)).toBe(3);
    expect(await revived(pop)).toBeGreaterThan(1);
    await pop.ack(first.acks[0]);
    await pop.clock.advance(30_000);
    expect((await pop.pop()).texts).toEqual(["m2"]);
    await pop.close();
  });

  test("a short invisible time, or a full buffer, is not for it", async () => {
    const pop = await Pop.open(1, { ...merge, popCkMaxBufferSize: 1 });
    await pop.fill(6);
    await pop.pop({ maxMsgNums: 2, invisibleTime: 4_000 });
    expect(await revived(pop)).toBe(1);
    await pop.pop({ maxMsgNums: 1 });
    expect(await revived(pop)).toBe(1);
    await pop.pop({ maxMsgNums: 1 });
    expect(await revived(pop)).toBe(2);
    // The offset waits for the one that is kept.
    expect(committed(pop)).toBe(2);
    await pop.clock.advance(12_000);
    expect(committed(pop)).toBeGreaterThanOrEqual(4);
    await pop.close();
  });

  test("a kill loses nothing: what waited is given again at once; an orderly stop writes it", async () => {
    const killed = await Pop.open(1, merge);
    await killed.fill(2);
    expect((await killed.pop()).texts).toEqual(["m0", "m1"]);
    await killed.clock.advance(6_000);
    const after = await Pop.open(1, merge, killed.harness.runtime.crash("kill"));
    await after.clock.advance(1);
    const again = await after.pop({ invisibleTime: 20_000 });
    expect(again.texts).toEqual(["m0", "m1"]);
    await after.ack(again.acks[0]);
    await after.close();
    const third = await Pop.open(1, merge, after.harness.runtime);
    expect((await third.pop()).code).toBe(210);
    await third.clock.advance(40_000);
    expect((await third.pop()).texts).toEqual(["m1"]);
    await third.close();
  });

  test("a reset of the offset ends what waited", async () => {
    const pop = await Pop.open(1, merge);
    await pop.fill(4);
    const first = await pop.pop({ maxMsgNums: 3 });
    pop.harness.broker.offsets.assignReset("G", "T", 0, 1);
    expect((await pop.pop({ maxMsgNums: 1 })).texts).toEqual(["m1"]);
    for (const ack of first.acks) await pop.ack(ack);
    expect((await pop.pop()).texts).toEqual(["m2", "m3"]);
    await pop.close();
  });
});

test("useSeparateRetryQueue: what comes again has the queue it had", async () => {
  const pop = await Pop.open(3, { useSeparateRetryQueue: true });
  await pop.fill(3, "a", 3);
  expect((await pop.pop({ invisibleTime: 2_000 })).texts).toHaveLength(3);
  await pop.clock.advance(12_000);
  const { store } = pop.harness.broker;
  expect([0, 1, 2].map((queueId) => store.maxOffset({ topic: "%RETRY%G_T", queueId }))).toEqual([1, 1, 1]);
  const again = await pop.pop({ invisibleTime: 2_000 });
  expect([...again.texts].sort()).toEqual(["m0", "m1", "m2"]);
  await pop.clock.advance(12_000);
  expect([0, 1, 2].map((queueId) => store.maxOffset({ topic: "%RETRY%G_T", queueId }))).toEqual([2, 2, 2]);
  await pop.close();
});

describe("QUERY_ASSIGNMENT", () => {
  const queuesOf = (count: number) =>
    Array.from({ length: count }, (_, queueId) => ({ topic: "T", brokerName: "broker-a", queueId }));

  async function assigning(clients: readonly string[], queues: number, settings: BrokerSettingsInput = {}) {
    const pop = await Pop.open(queues);
    const { broker, runtime, log } = pop.harness;
    const { topics, groups } = broker;
    const consumers = { clientIds: () => [...clients] } as unknown as ConsumerManager;
    const parts = { runtime, log, settings: settingsOf(runtime, settings), consumers, topics, groups };
    const assignment = new QueueAssignment(parts, (topic) => Promise.resolve(topic === "T" ? queuesOf(queues) : undefined));
    /** Queue ids, and `pop` before them; undefined when the broker can't say. */
    const given = async (clientId: string, more: Partial<QueryAssignmentRequestBody> = {}): Promise<string | undefined> => {
      const asked = {
        topic: "T",
        consumerGroup: "G",
        clientId,
        strategyName: "AVG",
        messageModel: "CLUSTERING" as const,
        ...more,
      };
      const answer = queryAssignmentResponseBody.decode(await assignment.query(queryAssignmentRequestBody.encode(asked)));
      return answer.messageQueueAssignments
        ?.map(({ messageQueue, mode }) => `${mode === "POP" ? "pop " : ""}${messageQueue.queueId}`)
        .join();
    };
    const setMode = (popShareQueueNum: number, more: Partial<SetMessageRequestModeRequestBody> = {}) =>
      assignment.setMode(
        setMessageRequestModeRequestBody.encode({ topic: "T", consumerGroup: "G", mode: "POP", popShareQueueNum, ...more }),
      );
    return { pop, given, setMode };
  }

  test("serverLoadBalancerEnable=false, and broadcasting: each client of a group is given all queues", async () => {
    const on = await assigning(["c1", "c2"], 3);
    expect(await on.given("c1")).toBe("0,1");
    expect(await on.given("c1", { messageModel: "BROADCASTING" })).toBe("0,1,2");
    const off = await assigning(["c1", "c2"], 3, { serverLoadBalancerEnable: false });
    expect(await off.given("c1")).toBe("0,1,2");
    await on.pop.close();
    await off.pop.close();
  });

  test("by average, by circle, and by no strategy that the broker does not know", async () => {
    const { pop, given } = await assigning(["c3", "c1", "c2"], 7);
    expect([await given("c1"), await given("c2"), await given("c3")]).toEqual(["0,1,2", "3,4", "5,6"]);
    const circle = { strategyName: "AVG_BY_CIRCLE" };
    expect([await given("c1", circle), await given("c3", circle)]).toEqual(["0,3,6", "2,5"]);
    for (const strategyName of ["CONSISTENT_HASH", "MACHINE_ROOM", "MACHINE_ROOM_NEARBY", "CONFIG", "", "avg"]) {
      expect(await given("c1", { strategyName })).toBeUndefined();
    }
    expect(await given("c9")).toBe("");
    expect(await given("c1", { topic: "none" })).toBeUndefined();
    await pop.close();
  });

  test("with POP a queue is shared: by all, by so many, or dealt out when there are more clients than queues", async () => {
    const { pop, given, setMode } = await assigning(["c1", "c2", "c3", "c4"], 4);
    for (const all of [0, -1, 3, 9]) {
      setMode(all);
      expect(await given("c2")).toBe("pop -1");
    }
    setMode(1);
    expect([await given("c1"), await given("c4")]).toEqual(["pop 0,pop 1", "pop 3,pop 0"]);
    expect(await given("c1", { strategyName: "MACHINE_ROOM" })).toBeUndefined();
    setMode(2, { mode: "PULL" });
    expect(await given("c4")).toBe("3");
    const few = await assigning(["c1", "c2", "c3", "c4"], 2);
    few.setMode(1);
    expect([await few.given("c1"), await few.given("c3"), await few.given("c4")]).toEqual(["pop 0", "pop 0", "pop 1"]);
    await pop.close();
    await few.pop.close();
  });

  test("a mode is not set for retry topics, nor for what is not there", async () => {
    const { pop, setMode } = await assigning(["c1"], 1);
    expect(() => setMode(1, { topic: "%RETRY%G" })).toThrow("retry topic is not allowed to set mode");
    expect(() => setMode(1, { topic: "none" })).toThrow("topic[none] not exist");
    await pop.close();
    const strict = await Pop.open(1, { autoCreateSubscriptionGroup: false });
    const body = setMessageRequestModeRequestBody.encode({ topic: "T", consumerGroup: "none", mode: "POP", popShareQueueNum: 0 });
    expect(await rejection(strict.harness.call("SET_MESSAGE_REQUEST_MODE", {}, body))).toBe("subscription group does not exist");
    await strict.close();
  });

  test("a mode outlives a restart", async () => {
    const pop = await Pop.open(2);
    const body = setMessageRequestModeRequestBody.encode({ topic: "T", consumerGroup: "G", mode: "POP", popShareQueueNum: 5 });
    await pop.harness.call("SET_MESSAGE_REQUEST_MODE", {}, body);
    await pop.close();
    const again = await Pop.open(2, {}, pop.harness.runtime);
    const reply = await again.harness.call("GET_ALL_MESSAGE_REQUEST_MODE", {});
    expect(new TextDecoder().decode(reply.body)).toBe(
      '{"messageRequestModeMap":{"T":{"G":{"consumerGroup":"G","mode":"POP","popShareQueueNum":5,"topic":"T"}}}}',
    );
    await again.close();
  });
});
