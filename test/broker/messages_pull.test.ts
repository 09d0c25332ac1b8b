import { describe, expect, test } from "bun:test";
import type { RequestContext } from "../../core/remoting/processor.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import {
  FakePeer,
  Harness,
  type HarnessOptions,
  newGroup,
  newTopic,
  type Outcome,
  pullHeader,
  tagSubscription,
} from "./messages_harness.ts";

const FAQ = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";
type PullHeader = Partial<RequestHeaderOf<"PULL_MESSAGE">>;

const bodiesOf = (outcome: Outcome | undefined): string[] =>
  decodeRecords(outcome?.body ?? new Uint8Array(0)).map((message) => new TextDecoder().decode(message.body));

async function opened(
  bodies: readonly (readonly [body: string, tag?: string])[],
  options: HarnessOptions = {},
): Promise<Harness> {
  const harness = await Harness.open(options);
  for (const [body, tag] of bodies) await harness.send({ body, properties: tag === undefined ? {} : { TAGS: tag } });
  return harness;
}

interface Refusal {
  readonly name: string;
  readonly pull?: PullHeader;
  readonly code: number;
  readonly remark: string;
  readonly forbiddenType?: string;
  readonly lite?: boolean;
  readonly settings?: HarnessOptions["settings"];
  prepare?(harness: Harness): void;
}

/** Subscription from the heartbeat. */
const BY_HEARTBEAT: PullHeader = { sysFlag: 0, subVersion: 1 };

const REFUSALS: readonly Refusal[] = [
  {
    name: "a broker that may not be read",
    settings: { brokerPermission: 2 },
    code: 16,
    remark: "the broker[127.0.0.1] pulling message is forbidden",
    forbiddenType: "1",
  },
  {
    name: "a lite pull where it is off",
    lite: true,
    settings: { litePullMessageEnable: false },
    code: 16,
    remark: "the broker[127.0.0.1] for lite pull consumer is forbidden",
    forbiddenType: "1",
  },
  {
    name: "an unknown group",
    pull: { consumerGroup: "nobody" },
    code: 26,
    remark: `subscription group [nobody] does not exist, ${FAQ}`,
  },
  {
    name: "a group that may not consume",
    prepare: (h) => h.groups.set("G", newGroup("G", { consumeEnable: false })),
    code: 16,
    remark: "subscription group no permission, G",
    forbiddenType: "2",
  },
  { name: "an unknown topic", pull: { topic: "U" }, code: 17, remark: `topic[U] not exist, apply first please! ${FAQ}` },
  {
    name: "a topic that may not be read",
    prepare: (h) => h.topics.set("T", newTopic("T", { perm: 2 })),
    code: 16,
    remark: "the topic[T] pulling message is forbidden",
    forbiddenType: "3",
  },
  {
    name: "a queue beyond the topic",
    pull: { queueId: 9 },
    prepare: (h) => h.topics.set("T", newTopic("T", { readQueueNums: 1 })),
    code: 29,
    remark: "queueId[9] is illegal, topic:[T] topicConfig.readQueueNums:[1] consumer:[/127.0.0.1:50000]",
  },
  {
    name: "a queue below 0",
    pull: { queueId: -1 },
    code: 29,
    remark: "queueId[-1] is illegal, topic:[T] topicConfig.readQueueNums:[4] consumer:[/127.0.0.1:50000]",
  },
  {
    name: "an expression without a tag",
    pull: { subscription: "||" },
    code: 23,
    remark: "parse the consumer's subscription failed",
  },
  {
    name: "an SQL expression in the request",
    pull: { subscription: "a > 1", expressionType: "SQL92" },
    code: 1,
    remark:
      "The broker does not support consumer to filter message by SQL92; enablePropertyFilter=true in its configuration allows it",
  },
  {
    name: "an unknown kind of expression",
    pull: { expressionType: "FOO" },
    code: 1,
    remark: "The broker does not support consumer to filter message by FOO",
  },
  { name: "a group that is not connected", pull: BY_HEARTBEAT, code: 24, remark: `the consumer's group info not exist${FAQ}` },
  {
    name: "broadcasting where it is off",
    pull: BY_HEARTBEAT,
    prepare(h) {
      h.groups.set("G", newGroup("G", { consumeBroadcastEnable: false }));
      h.connect("G", [tagSubscription("T", "*")], { messageModel: "BROADCASTING" });
    },
    code: 16,
    remark: "the consumer group[G] can not consume by broadcast way",
    forbiddenType: "4",
  },
  {
    name: "a group forbidden for the topic",
    pull: BY_HEARTBEAT,
    prepare(h) {
      h.connect("G", [tagSubscription("T", "*")]);
      h.unreadable.add("G T");
    },
    code: 16,
    remark: "the consumer group[G] is forbidden for topic[T]",
    forbiddenType: "5",
  },
  {
    name: "a topic not subscribed to",
    pull: BY_HEARTBEAT,
    prepare: (h) => h.connect("G", [tagSubscription("Other", "*")]),
    code: 24,
    remark: `the consumer's subscription not exist${FAQ}`,
  },
  {
    name: "a subscription newer than the heartbeat's",
    pull: { sysFlag: 0, subVersion: 2 },
    prepare: (h) => h.connect("G", [tagSubscription("T", "*")]),
    code: 25,
    remark: "the consumer's subscription not latest",
  },
  {
    name: "an SQL subscription of the heartbeat",
    pull: BY_HEARTBEAT,
    prepare: (h) => h.connect("G", [tagSubscription("T", "a > 1", { expressionType: "SQL92" })]),
    code: 1,
    remark:
      "The broker does not support consumer to filter message by SQL92; enablePropertyFilter=true in its configuration allows it",
  },
  {
    name: "a pull consumer where they are rejected",
    settings: { rejectPullConsumerEnable: true },
    prepare: (h) => h.connect("G", [tagSubscription("T", "*")], { consumeType: "CONSUME_ACTIVELY" }),
    code: 24,
    remark: `the consumer's group info not exist, or the pull consumer is rejected by server.${FAQ}`,
  },
];

describe("pull: refusals", () => {
  test.each(REFUSALS.map((refusal) => [refusal.name, refusal] as const))("%s", async (_name, refusal) => {
    const harness = await opened([["a"]], { settings: refusal.settings ?? {} });
    refusal.prepare?.(harness);
    const outcome = await harness.call(refusal.lite === true ? "LITE_PULL_MESSAGE" : "PULL_MESSAGE", pullHeader(refusal.pull));
    expect(outcome?.code).toBe(refusal.code);
    expect(outcome?.remark).toBe(refusal.remark);
    expect(outcome?.extFields).toEqual(refusal.forbiddenType === undefined ? {} : { forbiddenType: refusal.forbiddenType });
    await harness.close();
  });
});

describe("pull: results", () => {
  test.each([
    [{}, 0, "FOUND", 3, ["a", "b", "c"]],
    [{ queueOffset: 1, maxMsgNums: 1 }, 0, "FOUND", 2, ["b"]],
    [{ maxMsgNums: 0 }, 0, "FOUND", 1, ["a"]],
    [{ queueOffset: 3 }, 19, "OFFSET_OVERFLOW_ONE", 3, []],
    [{ queueOffset: 4 }, 21, "OFFSET_OVERFLOW_BADLY", 3, []],
    [{ queueOffset: -1 }, 21, "OFFSET_TOO_SMALL", 0, []],
    [{ subscription: "none" }, 20, "NO_MATCHED_MESSAGE", 3, []],
    [{ subscription: "x || none" }, 0, "FOUND", 3, ["a", "c"]],
  ] as const)("%j is %p %p and goes on at %p", async (header, code, status, next, bodies) => {
    const harness = await opened([
      ["a", "x"],
      ["b", "y"],
      ["c", "x"],
    ]);
    const outcome = await harness.pull(header);
    expect(outcome?.code).toBe(code);
    expect(outcome?.remark).toBe(status);
    expect(bodiesOf(outcome)).toEqual([...bodies]);
    expect(outcome?.header).toEqual({
      suggestWhichBrokerId: 0,
      nextBeginOffset: next,
      minOffset: 0,
      maxOffset: 3,
      topicSysFlag: 0,
      groupSysFlag: 0,
    });
    await harness.close();
  });

  test("a queue that never had a message: 19 at offset 0, 21 elsewhere", async () => {
    const harness = await Harness.open();
    const atZero = await harness.pull({ queueId: 2 });
    expect(atZero).toMatchObject({ code: 19, header: { minOffset: 0, maxOffset: 0, nextBeginOffset: 0 } });
    expect(await harness.pull({ queueId: 2, queueOffset: 7 })).toMatchObject({ code: 21, header: { nextBeginOffset: 0 } });
    await harness.close();
  });

  test("tags with one hash are delivered alike; the client tells them apart", async () => {
    const harness = await opened([
      ["1", "Aa"],
      ["2", "BB"],
      ["3", "C"],
    ]);
    expect(bodiesOf(await harness.pull({ subscription: "Aa" }))).toEqual(["1", "2"]);
    harness.connect("G", [tagSubscription("T", "BB")]);
    expect(bodiesOf(await harness.pull({ sysFlag: 0, subVersion: 1 }))).toEqual(["1", "2"]);
    await harness.close();
  });

  test("a filter takes no message without a tag, `*` takes all", async () => {
    const harness = await opened([["1"], ["2", "x"]]);
    expect(bodiesOf(await harness.pull({ subscription: "x" }))).toEqual(["2"]);
    expect(bodiesOf(await harness.pull({ subscription: "" }))).toEqual(["1", "2"]);
    harness.connect("G", [tagSubscription("T", "*")]);
    expect(bodiesOf(await harness.pull({ sysFlag: 0, subVersion: 1 }))).toEqual(["1", "2"]);
    await harness.close();
  });

  test("groups far behind are sent to the broker that their configuration names, when slaves may be read", async () => {
    const harness = await opened([["a"]], { settings: { slaveReadEnable: true } });
    harness.groups.set("G", newGroup("G", { brokerId: 3, whichBrokerWhenConsumeSlowly: 5 }));
    expect((await harness.pull())?.header["suggestWhichBrokerId"]).toBe(3);
    const get = harness.store.get.bind(harness.store);
    harness.store.get = async (...args) => ({ ...(await get(...args)), suggestSlave: true });
    expect((await harness.pull())?.header["suggestWhichBrokerId"]).toBe(5);
    await harness.close();
  });

  test("a pull of recent messages is answered in the same call", async () => {
    const harness = await opened([["a"]]);
    const context: RequestContext = {
      peer: harness.peer,
      version: 513,
      language: 0,
      oneway: false,
      extFields: {},
      receivedAt: 0,
    };
    const reply = harness.messages.processors.PULL_MESSAGE(context, { header: pullHeader(), body: new Uint8Array(0) });
    expect(reply instanceof Promise).toBe(false);
    await harness.close();
  });

  test("counts what was delivered", async () => {
    const harness = await opened([["a"], ["b"]]);
    harness.counted.length = 0;
    await harness.pull();
    await harness.pull({ queueOffset: 2 });
    expect(harness.counted).toEqual(["got G T 2"]);
    await harness.close();
  });
});

describe("pull: offsets", () => {
  test("the position pulled up to is noted, and the consumer's offset committed when the flag says so", async () => {
    const harness = await opened([["a"], ["b"]]);
    await harness.pull({ commitOffset: 1 });
    expect(harness.offsets.pulled("G", "T", 0)).toBe(2);
    expect(harness.offsets.query("G", "T", 0)).toBe(-1);
    await harness.pull({ sysFlag: 5, commitOffset: 1 });
    expect(harness.offsets.query("G", "T", 0)).toBe(1);
    await harness.close();
  });

  test("the offset is committed when the pull comes, not when the disk has answered: the client may store a later one meanwhile", async () => {
    const harness = await opened([["a"], ["b"]]);
    const get = harness.store.get.bind(harness.store);
    let read = () => {};
    const disk = new Promise<void>((resolve) => {
      read = resolve;
    });
    harness.store.get = async (...asked) => {
      await disk;
      return get(...asked);
    };
    const pulled = harness.pull({ sysFlag: 5, commitOffset: 1 });
    harness.offsets.commit("G", "T", 0, 2);
    read();
    expect((await pulled)?.code).toBe(0);
    expect(harness.offsets.query("G", "T", 0)).toBe(2);
    await harness.close();
  });

  test("a woken pull commits nothing again", async () => {
    const harness = await opened([]);
    const held = harness.pull({ sysFlag: 7, commitOffset: 0 });
    expect(harness.offsets.query("G", "T", 0)).toBe(0);
    harness.offsets.commit("G", "T", 0, 9);
    await harness.send();
    expect((await held)?.code).toBe(0);
    expect(harness.offsets.query("G", "T", 0)).toBe(9);
    await harness.close();
  });

  test("a reset waits for the next pull of the queue, which is told where to go on, once", async () => {
    const harness = await opened([["a"], ["b"], ["c"]]);
    harness.offsets.assignReset("G", "T", 0, 1);
    const outcome = await harness.pull({ queueOffset: 3, sysFlag: 6 });
    expect(outcome).toMatchObject({
      code: 21,
      remark: "OFFSET_RESET",
      header: { nextBeginOffset: 1, minOffset: 0, maxOffset: 3 },
    });
    expect(bodiesOf(await harness.pull({ queueOffset: 1 }))).toEqual(["b", "c"]);
    expect(harness.offsets.query("G", "T", 0)).toBe(1);
    await harness.close();
  });
});

describe("long polling", () => {
  const SUSPEND: PullHeader = { sysFlag: 6 };

  test("a held pull is woken by a message, and carries all messages of that turn", async () => {
    const harness = await Harness.open();
    const held = harness.pull(SUSPEND);
    expect(harness.messages.hold.count).toBe(1);
    const before = harness.runtime.clock.monotonic();
    await Promise.all([harness.send({ body: "a" }), harness.send({ body: "b" }), harness.send({ body: "c" })]);
    const outcome = await held;
    expect(bodiesOf(outcome)).toEqual(["a", "b", "c"]);
    expect(outcome?.header["nextBeginOffset"]).toBe(3);
    expect(harness.runtime.clock.monotonic()).toBe(before);
    expect(harness.messages.hold.count).toBe(0);
    await harness.close();
  });

  test("a message that arrives while a slow store makes its answer is not missed", async () => {
    const harness = await Harness.open();
    const get = harness.store.get.bind(harness.store);
    let release = (): void => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    harness.store.get = async (...args) => {
      const result = await get(...args);
      harness.store.get = get;
      await slow;
      return result;
    };
    const held = harness.pull(SUSPEND);
    await harness.send({ body: "meanwhile" });
    release();
    expect(bodiesOf(await held)).toEqual(["meanwhile"]);
    await harness.close();
  });

  test.each([24 * 3_600_000, -24 * 3_600_000])("is answered in its time, though the wall clock jumps by %d ms", async (byMs) => {
    const harness = await Harness.open();
    const held = harness.pull(SUSPEND);
    harness.runtime.clock.jump(byMs);
    await harness.runtime.clock.advance(14_000);
    expect(harness.messages.hold.count).toBe(1);
    await harness.runtime.clock.advance(6_000);
    expect(await held).toMatchObject({ code: 19 });
    await harness.close();
  });

  test("is not woken by another queue or topic", async () => {
    const harness = await Harness.open();
    harness.topics.set("T2", newTopic("T2"));
    const held = harness.pull(SUSPEND);
    await harness.send({ queueId: 1 });
    await harness.send({ topic: "T2" });
    expect(harness.messages.hold.count).toBe(1);
    await harness.runtime.clock.advance(15_000);
    expect(await held).toMatchObject({ code: 19 });
    await harness.close();
  });

  test("answers 19 when its time is over, and not before", async () => {
    const harness = await opened([["a"]]);
    let outcome: Outcome | undefined;
    void harness.pull({ ...SUSPEND, queueOffset: 1 }).then((value) => {
      outcome = value;
    });
    await harness.runtime.clock.advance(14_999);
    expect(outcome).toBeUndefined();
    await harness.runtime.clock.advance(1);
    expect(outcome).toMatchObject({ code: 19, remark: "OFFSET_OVERFLOW_ONE", header: { nextBeginOffset: 1, maxOffset: 1 } });
    await harness.close();
  });

  test("many with different times end each in its own, within a tick", async () => {
    const harness = await Harness.open();
    const ended: [number, number][] = [];
    const times = [100, 5_000, 130, 700, 20_000, 5_010];
    for (const suspendTimeoutMillis of times) {
      void harness.pull({ ...SUSPEND, suspendTimeoutMillis }).then(() => {
        ended.push([suspendTimeoutMillis, harness.runtime.clock.monotonic()]);
      });
    }
    await harness.runtime.clock.advance(21_000);
    expect(ended).toHaveLength(times.length);
    for (const [wanted, got] of ended) {
      expect(got).toBeGreaterThanOrEqual(wanted);
      expect(got - wanted).toBeLessThanOrEqual(50);
    }
    await harness.close();
  });

  test("an arrival that the filter does not want does not wake; five seconds later the offset moves past it", async () => {
    const harness = await Harness.open();
    let outcome: Outcome | undefined;
    void harness.pull({ ...SUSPEND, subscription: "wanted" }).then((value) => {
      outcome = value;
    });
    await harness.send({ properties: { TAGS: "other" } });
    await harness.runtime.clock.advance(4_999);
    expect(outcome).toBeUndefined();
    await harness.runtime.clock.advance(1);
    expect(outcome).toMatchObject({ code: 20, remark: "NO_MATCHED_MESSAGE", header: { nextBeginOffset: 1 } });
    await harness.close();
  });

  test("the filter lets wanted messages wake, those with the hash of a wanted tag too", async () => {
    const harness = await Harness.open();
    const held = harness.pull({ ...SUSPEND, subscription: "Aa" });
    await harness.send({ body: "no", properties: { TAGS: "other" } });
    expect(harness.messages.hold.count).toBe(1);
    await harness.send({ body: "yes", properties: { TAGS: "BB" } });
    expect(bodiesOf(await held)).toEqual(["yes"]);
    await harness.close();
  });

  test("short polling holds for shortPollingTimeMills, whatever the client asks", async () => {
    const harness = await Harness.open({ settings: { longPollingEnable: false } });
    let done = false;
    void harness.pull(SUSPEND).then(() => {
      done = true;
    });
    await harness.runtime.clock.advance(999);
    expect(done).toBe(false);
    await harness.runtime.clock.advance(1);
    expect(done).toBe(true);
    await harness.close();
  });

  test("nothing is held without the suspend bit, nor for an offset that is wrong", async () => {
    const harness = await opened([["a"]]);
    expect((await harness.pull({ queueOffset: 1 }))?.code).toBe(19);
    expect((await harness.pull({ ...SUSPEND, queueOffset: 9 }))?.code).toBe(21);
    expect(harness.messages.hold.count).toBe(0);
    await harness.close();
  });

  test("a connection that closes takes its held pulls with it, and nobody is answered", async () => {
    const harness = await Harness.open();
    const peer = new FakePeer(50_002);
    const gone = [harness.pull(SUSPEND, { peer }), harness.pull({ ...SUSPEND, queueId: 1 }, { peer })];
    const stays = harness.pull(SUSPEND);
    expect(harness.messages.hold.count).toBe(3);
    peer.close();
    expect(await Promise.all(gone)).toEqual([undefined, undefined]);
    expect(harness.messages.hold.count).toBe(1);
    expect(await harness.pull(SUSPEND, { peer })).toBeUndefined();
    await harness.send();
    expect((await stays)?.code).toBe(0);
    await harness.close();
  });

  test("a woken pull is checked again: the topic may have gone meanwhile", async () => {
    const harness = await Harness.open();
    const held = harness.pull(SUSPEND);
    harness.topics.delete("T");
    await harness.runtime.clock.advance(15_000);
    expect((await held)?.code).toBe(17);
    await harness.close();
  });

  test("the number held is bounded, and the refusal names the limit", async () => {
    const harness = await Harness.open({ settings: { pullThreadPoolQueueCapacity: 2 } });
    const held = [harness.pull(SUSPEND), harness.pull(SUSPEND)];
    const refused = await harness.pull(SUSPEND);
    expect(refused?.code).toBe(2);
    expect(refused?.remark).toContain("2 pulls are held, pullThreadPoolQueueCapacity allows 2");
    await harness.send();
    expect((await Promise.all(held)).map((each) => each?.code)).toEqual([0, 0]);
    await harness.close();
  });

  test("what they keep in memory is bounded", async () => {
    const harness = await Harness.open();
    const subscription = "x".repeat(8 * 1024 * 1024);
    const outcomes: (Outcome | undefined)[] = [];
    for (let i = 0; i < 12; i++) void harness.pull({ ...SUSPEND, subscription }).then((each) => outcomes.push(each));
    await harness.runtime.clock.settle();
    expect(harness.messages.hold.count).toBeLessThan(9);
    expect(outcomes[0]?.code).toBe(2);
    expect(outcomes[0]?.remark).toContain("held pulls take");
    await harness.close();
  });

  test("closing answers all that wait, and holds none any more", async () => {
    const harness = await Harness.open();
    const held = [harness.pull(SUSPEND), harness.pull({ ...SUSPEND, queueId: 3 })];
    harness.messages.hold.close();
    expect((await Promise.all(held)).map((each) => each?.code)).toEqual([19, 19]);
    expect((await harness.pull(SUSPEND))?.code).toBe(19);
    await harness.close();
  });
});
