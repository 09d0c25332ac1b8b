import { describe, expect, test } from "bun:test";
import { parseProperties } from "../../wire/properties.ts";
import { decodeRecallHandle } from "../../wire/recall_handle.ts";
import { Harness, type HarnessOptions, newTopic } from "./messages_harness.ts";

const TIMER = "rmq_sys_wheel_timer";
const NEW_YEAR = Date.UTC(2026, 0, 1);

/** A master: delays are delivered. */
async function master(options: HarnessOptions = {}): Promise<Harness> {
  const harness = await Harness.open(options);
  await harness.messages.load();
  harness.messages.startMaster();
  return harness;
}

const bodies = async (harness: Harness, topic = "T", queueId = 0): Promise<string[]> =>
  (await harness.messagesOf(topic, queueId)).map((message) => new TextDecoder().decode(message.body));

describe("any-time delays: parking", () => {
  test("a delayed message waits in the timer topic, with its place and time", async () => {
    const harness = await master();
    const outcome = await harness.send({ queueId: 2, properties: { TIMER_DELAY_SEC: "10", UNIQ_KEY: "U1", TAGS: "A" } });
    expect(outcome).toMatchObject({ code: 0, header: { queueId: 2, queueOffset: 0 } });
    const [parked] = await harness.messagesOf(TIMER);
    const properties = parseProperties(parked?.properties ?? "");
    // A whole step: the one before, as Apache, so that it comes within a step after its time.
    expect(properties.get("TIMER_OUT_MS")).toBe(String(NEW_YEAR + 9_000));
    expect(properties.get("REAL_TOPIC")).toBe("T");
    expect(properties.get("REAL_QID")).toBe("2");
    expect(properties.get("TIMER_DELAY_SEC")).toBe("10");
    expect(decodeRecallHandle(outcome.header.recallHandle as string)).toEqual({
      topic: "T",
      brokerName: "broker-a",
      timestamp: String(NEW_YEAR + 9_001),
      messageId: "U1",
    });
    await harness.close();
  });

  test("a time that is past is now", async () => {
    const harness = await master();
    const outcome = await harness.send({ properties: { TIMER_DELIVER_MS: String(NEW_YEAR - 5) } });
    expect(outcome.code).toBe(0);
    expect(outcome.header.recallHandle).toBe(undefined);
    expect(await bodies(harness)).toEqual(["hello"]);
    await harness.close();
  });

  test("seconds go before milliseconds, and these before an absolute time", async () => {
    const harness = await master();
    const times = { TIMER_DELAY_SEC: "30", TIMER_DELAY_MS: "2500", TIMER_DELIVER_MS: "1" };
    await harness.send({ properties: times });
    await harness.send({ properties: { TIMER_DELAY_MS: "2500", TIMER_DELIVER_MS: "1" } });
    const parked = await harness.messagesOf(TIMER);
    expect(parked.map(({ properties }) => parseProperties(properties).get("TIMER_OUT_MS"))).toEqual([
      String(NEW_YEAR + 29_000),
      String(NEW_YEAR + 2_000),
    ]);
    await harness.close();
  });

  test.each([{ TIMER_DELAY_SEC: "259201" }, { TIMER_DELAY_MS: "soon" }, { TIMER_DELIVER_MS: "99999999999999999999" }])(
    "%p is refused with Apache's code and words",
    async (properties) => {
      const harness = await master();
      const outcome = await harness.send({ properties: properties as Record<string, string> });
      expect(outcome.code).toBe(13);
      expect(outcome.remark).toMatch(
        /^timer message illegal, the delay time should not be bigger than the max delay 259200000ms;/,
      );
      expect(await bodies(harness, TIMER)).toEqual([]);
      await harness.close();
    },
  );

  test("without the wheel no message is delayed", async () => {
    const harness = await master({ settings: { timerWheelEnable: false } });
    const outcome = await harness.send({ properties: { TIMER_DELAY_SEC: "1" } });
    expect(outcome.code).toBe(1);
    expect(outcome.remark).toMatch(/^accurate timer message is not enabled, timerWheelEnable is false/);
    await harness.close();
  });

  test("a slot that is full takes nothing more", async () => {
    const harness = await master({ settings: { timerCongestNumEachSlot: 2 } });
    for (let i = 0; i < 4; i++) await harness.send({ properties: { TIMER_DELAY_SEC: "60" } });
    await harness.runtime.clock.advance(1_000);
    const outcome = await harness.send({ properties: { TIMER_DELIVER_MS: String(NEW_YEAR + 60_000) } });
    expect(outcome.code).toBe(1);
    expect(outcome.remark).toBe(
      "timer message is under flow control, max num limit is 4 or the current value is greater than 2 and less than 4, trigger random flow control",
    );
    expect((await harness.send({ properties: { TIMER_DELIVER_MS: String(NEW_YEAR + 61_000) } })).code).toBe(0);
    await harness.close();
  });

  test("what would be too large when it is delivered is refused now", async () => {
    const harness = await master();
    const outcome = await harness.send({ properties: { TIMER_DELAY_SEC: "1", big: "x".repeat(32_600) } });
    expect(outcome.code).toBe(13);
    expect(outcome.remark).toMatch(/properties of a delayed message have \d+ bytes and may have 32639/);
    await harness.close();
  });
});

describe("any-time delays: delivery", () => {
  test("within one step after the time, with Apache's properties", async () => {
    const harness = await master();
    await harness.runtime.clock.advance(300);
    await harness.send({ queueId: 1, flag: 7, properties: { TIMER_DELAY_MS: "2900", UNIQ_KEY: "U", TAGS: "Tag" } });
    // Due at 3.2 s: in slot 3, which is delivered when it is over.
    await harness.runtime.clock.advance(3_690);
    expect(await bodies(harness, "T", 1)).toEqual([]);
    await harness.runtime.clock.advance(20);
    const [message] = await harness.messagesOf("T", 1);
    expect(message).toMatchObject({ flag: 7, bornTimestamp: 1_795_225_250_966, preparedTransactionOffset: 0 });
    const properties = parseProperties(message?.properties ?? "");
    expect(properties.get("TIMER_OUT_MS")).toBe(String(NEW_YEAR + 3_000));
    expect(properties.get("TIMER_DEQUEUE_MS")).toBe(String(NEW_YEAR + 4_000));
    expect(properties.get("TIMER_ENQUEUE_MS")).toBe(String(NEW_YEAR));
    expect(properties.get("REAL_TOPIC")).toBe("T");
    expect(properties.get("TAGS")).toBe("Tag");
    expect(harness.counted).toContain("put T 1");
    await harness.close();
  });

  test("many slots, each in the order of sending", async () => {
    const harness = await master();
    for (let i = 0; i < 300; i++) {
      await harness.send({
        body: `${i % 5} ${String(i).padStart(3, "0")}`,
        properties: { TIMER_DELAY_SEC: String(2 + (i % 5)) },
      });
    }
    await harness.runtime.clock.advance(8_000);
    const delivered = await bodies(harness);
    expect(delivered.length).toBe(300);
    expect(delivered).toEqual([...delivered].sort());
    await harness.close();
  });

  test("beyond the window it is parked again, and comes on time", async () => {
    const harness = await master({ settings: { timerRollWindowSlot: 10 } });
    await harness.send({ properties: { TIMER_DELAY_SEC: "35", UNIQ_KEY: "R" } });
    await harness.runtime.clock.advance(34_900);
    expect(await bodies(harness)).toEqual([]);
    await harness.runtime.clock.advance(200);
    const [message] = await harness.messagesOf("T");
    const properties = parseProperties(message?.properties ?? "");
    expect(Number(properties.get("TIMER_ROLL_TIMES"))).toBeGreaterThanOrEqual(2);
    expect(properties.get("TIMER_OUT_MS")).toBe(String(NEW_YEAR + 34_000));
    expect((await harness.messagesOf(TIMER)).length).toBe(1 + Number(properties.get("TIMER_ROLL_TIMES")));
    await harness.close();
  });

  test("a recalled message is not delivered, the others of its slot are", async () => {
    const harness = await master({ settings: { recallMessageEnable: true } });
    const outcome = await harness.send({ body: "recalled", properties: { TIMER_DELAY_SEC: "5", UNIQ_KEY: "A" } });
    await harness.send({ body: "kept", properties: { TIMER_DELAY_SEC: "5", UNIQ_KEY: "B" } });
    await harness.runtime.clock.advance(1_500);
    const header = { producerGroup: "PG", topic: "T", recallHandle: outcome.header.recallHandle as string };
    expect(await harness.call("RECALL_MESSAGE", header)).toMatchObject({ code: 0, header: { msgId: "A" } });
    await harness.runtime.clock.advance(5_000);
    expect(await bodies(harness)).toEqual(["kept"]);
    // It counts as waiting for nobody any more.
    expect(harness.messages.timer.store?.metrics.count("T")).toBe(0);
    expect(harness.messages.timer.state().waiting).toBe(0);
    await harness.close();
  });
});

describe("recall", () => {
  const handleOf = async (harness: Harness): Promise<string> =>
    (await harness.send({ properties: { TIMER_DELAY_SEC: "5", UNIQ_KEY: "A" } })).header.recallHandle as string;

  test("must be allowed", async () => {
    const harness = await master();
    const outcome = await harness.call("RECALL_MESSAGE", { topic: "T", recallHandle: await handleOf(harness) });
    expect(outcome).toMatchObject({ code: 16 });
    expect(outcome?.remark).toMatch(/^recall failed, operation is forbidden/);
    await harness.close();
  });

  test("is refused for what it can't take back", async () => {
    const harness = await master({ settings: { recallMessageEnable: true } });
    harness.topics.set("Other", newTopic("Other"));
    const recallHandle = await handleOf(harness);
    const refused = async (topic: string, handle: string) => {
      const { code, remark } = (await harness.call("RECALL_MESSAGE", { topic, recallHandle: handle })) ?? {};
      return `${code} ${remark}`;
    };
    expect(await refused("None", recallHandle)).toBe("17 recall failed, the topic[None] not exist");
    expect(await refused("Other", recallHandle)).toBe("604 recall failed, topic not match");
    for (const handle of ["x", "====", "djEgVA==", "not base64!", ""]) {
      expect(await refused("T", handle)).toBe("604 recall handle is invalid");
    }
    await harness.runtime.clock.advance(6_000);
    expect(await refused("T", recallHandle)).toBe("604 recall failed, timestamp invalid");
    await harness.close();
  });
});
