import { describe, expect, test } from "bun:test";
import { ConsumerFilterManager } from "../../core/broker/filters/consumer_filters.ts";
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { FakePeer, Harness, type HarnessOptions, type Outcome, silentLog, tagSubscription } from "./messages_harness.ts";

const bodiesOf = (outcome: Outcome | undefined): string[] =>
  decodeRecords(outcome?.body ?? new Uint8Array(0)).map((message) => new TextDecoder().decode(message.body));

const sqlSubscription = (expression: string, subVersion = 1, topic = "T"): SubscriptionData => ({
  ...tagSubscription(topic, "*"),
  expressionType: "SQL92",
  subString: expression,
  subVersion,
});

const BY_SQL = { expressionType: "SQL92", subscription: "n >= 5" } as const;

async function opened(more: HarnessOptions = {}): Promise<Harness> {
  return Harness.open({ ...more, settings: { enablePropertyFilter: true, ...more.settings } });
}

/** Messages 0..count-1 with the property n. */
async function fill(harness: Harness, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await harness.send({ body: `m${n}`, properties: { n: String(n) } });
}

describe("pulls with an SQL92 expression", () => {
  test("deliver what passes, and go on behind what was looked at", async () => {
    const harness = await opened();
    await fill(harness, 10);
    const outcome = await harness.pull(BY_SQL);
    expect(outcome?.remark).toBe("FOUND");
    expect(bodiesOf(outcome)).toEqual(["m5", "m6", "m7", "m8", "m9"]);
    expect(outcome?.header["nextBeginOffset"]).toBe(10);
    await harness.close();
  });

  test("take no more than asked for, and go on at the next that passes", async () => {
    const harness = await opened();
    await fill(harness, 10);
    const outcome = await harness.pull({ ...BY_SQL, maxMsgNums: 2 });
    expect(bodiesOf(outcome)).toEqual(["m5", "m6"]);
    const next = await harness.pull({ ...BY_SQL, queueOffset: Number(outcome?.header["nextBeginOffset"]) });
    expect(bodiesOf(next)).toEqual(["m7", "m8", "m9"]);
    await harness.close();
  });

  test("with bits noted at dispatch: what passes is delivered, what does not is not read", async () => {
    const settings = { enableConsumeQueueExt: true, enableCalcFilterBitMap: true };
    const harness = await opened({ settings });
    await fill(harness, 4);
    const subscription = sqlSubscription("n >= 5");
    harness.connect("G", [subscription]);
    harness.filters.register("G", [subscription]);
    await harness.runtime.clock.advance(10);
    for (let n = 4; n < 10; n++) await harness.send({ body: `m${n}`, properties: { n: String(n) } });
    const queue = { topic: "T", queueId: 0 };
    const seen: string[] = [];
    await harness.store.get(queue, 0, { messagesMax: 32, bytesMax: 1 << 20 }, (_code, ext) => {
      const bloom = harness.filters.find("T", "G")?.data.bloomFilterData;
      const bits = ext?.filterBitMap;
      seen.push(bits === undefined || bloom === undefined ? "-" : String(harness.filters.bloom.mayHit(bloom, bits)));
      return false;
    });
    expect(seen).toEqual(["-", "-", "-", "-", "false", "true", "true", "true", "true", "true"]);
    const outcome = await harness.pull({ sysFlag: 0, subscription: undefined, subVersion: 1 });
    expect(bodiesOf(outcome)).toEqual(["m5", "m6", "m7", "m8", "m9"]);
    expect(outcome?.header["nextBeginOffset"]).toBe(10);
    await harness.close();
  });

  test("look at a bounded number of messages", async () => {
    // 64 units: two portions of the store's 32.
    const harness = await opened({ settings: { maxFilterMessageSize: 64 * 20 } });
    await fill(harness, 100);
    const outcome = await harness.pull({ ...BY_SQL, subscription: "n = 99" });
    expect(outcome?.code).toBe(20);
    expect(outcome?.remark).toBe("NO_MATCHED_MESSAGE");
    expect(outcome?.header["nextBeginOffset"]).toBe(64);
    const next = await harness.pull({ ...BY_SQL, subscription: "n = 99", queueOffset: 64 });
    expect(bodiesOf(next)).toEqual(["m99"]);
    await harness.close();
  });

  test("a message whose property is no number does not pass, and costs the others nothing", async () => {
    const harness = await opened();
    await harness.send({ body: "text", properties: { n: "many" } });
    await harness.send({ body: "none" });
    await fill(harness, 6);
    expect(bodiesOf(await harness.pull(BY_SQL))).toEqual(["m5"]);
    await harness.close();
  });

  test("a wrong expression is refused with the place", async () => {
    const harness = await opened();
    const outcome = await harness.pull({ expressionType: "SQL92", subscription: "n LIKE 'a%'" });
    expect(outcome?.code).toBe(23);
    expect(outcome?.remark).toContain(
      "parse the consumer's subscription failed: the SQL92 expression can't be understood at character 3",
    );
    expect((await harness.pull({ expressionType: "XPATH", subscription: "//a" }))?.code).toBe(23);
    await harness.close();
  });

  test("the expression of the heartbeat: unknown, too old, right", async () => {
    const harness = await opened();
    await fill(harness, 7);
    const byHeartbeat = { sysFlag: 0, subVersion: 2 };
    harness.connect("G", [sqlSubscription("n >= 5", 2)]);
    expect((await harness.pull(byHeartbeat))?.code).toBe(27);
    harness.filters.register("G", [sqlSubscription("n >= 5", 1)]);
    expect((await harness.pull(byHeartbeat))?.code).toBe(28);
    harness.filters.register("G", [sqlSubscription("n >= 5", 2)]);
    expect(bodiesOf(await harness.pull(byHeartbeat))).toEqual(["m5", "m6"]);
    await harness.close();
  });
});

describe("a held pull with an SQL92 expression", () => {
  const held = { ...BY_SQL, sysFlag: 2 | 4, suspendTimeoutMillis: 15_000 };

  test("sleeps through what does not pass, and is woken by what does", async () => {
    const harness = await opened();
    let answer: Outcome | undefined;
    const pull = harness.pull(held).then((outcome) => (answer = outcome));
    await fill(harness, 3);
    await harness.runtime.clock.advance(1_000);
    expect(answer).toBeUndefined();
    await harness.send({ body: "yes", properties: { n: "7" } });
    await pull;
    expect(bodiesOf(answer)).toEqual(["yes"]);
    expect(answer?.header["nextBeginOffset"]).toBe(4);
    await harness.close();
  });

  test("is answered five seconds after the first message that did not pass, with an offset behind it", async () => {
    const harness = await opened();
    let answer: Outcome | undefined;
    const pull = harness.pull(held).then((outcome) => (answer = outcome));
    await fill(harness, 3);
    await harness.runtime.clock.advance(4_000);
    expect(answer).toBeUndefined();
    await harness.runtime.clock.advance(2_000);
    await pull;
    expect(answer?.header["nextBeginOffset"]).toBe(3);
    await harness.close();
  });

  test("is answered at once when there is more than one pull looks at", async () => {
    const harness = await opened({ settings: { maxFilterMessageSize: 20 } });
    let answer: Outcome | undefined;
    const pull = harness.pull(held).then((outcome) => (answer = outcome));
    // Many in one turn: the woken pull looks at a portion of them.
    await Promise.all(Array.from({ length: 200 }, (_, n) => harness.send({ body: `m${n}`, properties: { n: "0" } })));
    await pull;
    expect(answer?.code).toBe(20);
    expect(Number(answer?.header["nextBeginOffset"])).toBeLessThan(200);
    await harness.close();
  });

  test("is answered when the broker stops, and dropped when its connection closes", async () => {
    const harness = await opened();
    const peer = new FakePeer(50_001);
    const dropped = harness.pull(held, { peer });
    const pull = harness.pull(held);
    await fill(harness, 2);
    peer.close();
    expect(await dropped).toBeUndefined();
    await harness.messages.close();
    expect((await pull)?.header["nextBeginOffset"]).toBe(2);
    await harness.close();
  });
});

describe("expressions of groups", () => {
  const managerOf = (harness: Harness): ConsumerFilterManager =>
    new ConsumerFilterManager({ runtime: harness.runtime, log: silentLog, settings: harness.settings });

  test("are kept over a restart, in Apache's form", async () => {
    const harness = await opened();
    harness.filters.register("G", [sqlSubscription("n >= 5", 7)]);
    const bornTime = harness.runtime.clock.now();
    harness.filters.persist();
    const bytes = harness.runtime.files.read("/store/config/consumerFilter.json");
    expect(JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array(0)))).toEqual({
      filterDataByTopic: {
        T: {
          topic: "T",
          groupFilterData: {
            G: {
              topic: "T",
              consumerGroup: "G",
              expression: "n >= 5",
              expressionType: "SQL92",
              clientVersion: 7,
              bornTime,
              dead: false,
              deadTime: 0,
              bloomFilterData: { bitNum: 112, bitPos: harness.filters.bloom.generate("G", "T").bitPos },
            },
          },
        },
      },
    });
    const again = managerOf(harness);
    again.load();
    expect(again.find("T", "G")?.data).toMatchObject({ expression: "n >= 5", dead: true, deadTime: bornTime });
    again.register("G", [sqlSubscription("n >= 5", 8)]);
    expect(again.find("T", "G")?.data).toMatchObject({ bornTime, clientVersion: 8, dead: false, deadTime: 0 });
    await harness.close();
  });

  test("a newer one replaces, an older one does not, a broken one removes", async () => {
    const harness = await opened();
    const { filters } = harness;
    filters.register("G", [sqlSubscription("n > 1", 5)]);
    filters.register("G", [sqlSubscription("n > 2", 4)]);
    expect(filters.find("T", "G")?.sql.expression).toBe("n > 1");
    filters.register("G", [sqlSubscription("n > 3", 6)]);
    expect(filters.find("T", "G")?.sql.expression).toBe("n > 3");
    filters.register("G", [sqlSubscription("n >", 7)]);
    expect(filters.find("T", "G")).toBeUndefined();
    await harness.close();
  });

  test("what a group dropped is dead, and gone after filterDataCleanTimeSpan", async () => {
    const harness = await opened();
    const { filters, runtime } = harness;
    filters.register("G", [sqlSubscription("n > 1", 1, "T"), sqlSubscription("n > 1", 1, "T2")]);
    filters.register("G", [sqlSubscription("n > 1", 1, "T2")]);
    expect([filters.find("T", "G")?.data.dead, filters.find("T2", "G")?.data.dead]).toEqual([true, false]);
    filters.unregister("G");
    await runtime.clock.advance(86_400_001);
    filters.persist();
    expect([filters.find("T", "G"), filters.find("T2", "G")]).toEqual([undefined, undefined]);
    await harness.close();
  });

  test("a bitmap says which groups a message passes", async () => {
    const harness = await opened();
    const { filters } = harness;
    expect(filters.bitMap("T", new Uint8Array(0), 0, 0)).toBeUndefined();
    filters.register("G1", [sqlSubscription("n > 5")]);
    filters.register("G2", [sqlSubscription("n > 50")]);
    const properties = new TextEncoder().encode("n\u000117\u0002");
    const bits = filters.bitMap("T", properties, 0, properties.length) ?? new Uint8Array(0);
    expect(filters.bloom.mayHit(filters.bloom.generate("G1", "T"), bits)).toBe(true);
    expect(filters.bloom.mayHit(filters.bloom.generate("G2", "T"), bits)).toBe(false);
    await harness.close();
  });
});
