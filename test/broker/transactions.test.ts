import { describe, expect, test } from "bun:test";
import type { ClientChannel } from "../../core/broker/parts.ts";
import { decodeRecord, decodeRecords, type StoredMessage } from "../../wire/message_reader.ts";
import { propertyOf } from "../../wire/properties.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { FakePeer, Harness, type HarnessOptions, type Outcome } from "./messages_harness.ts";

const HALF = "RMQ_SYS_TRANS_HALF_TOPIC";
const OPERATIONS = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
const COMMIT = 8;
const ROLLBACK = 12;

const textOf = (message: StoredMessage): string => new TextDecoder().decode(message.body);

/** A producer of PG that remembers what it is asked. */
class AskedPeer extends FakePeer {
  readonly asked: { header: RequestHeaderOf<"CHECK_TRANSACTION_STATE">; half: StoredMessage }[] = [];
  /** Called at once with each question. */
  onAsked: ((asked: AskedPeer["asked"][number]) => void) | undefined;

  override oneway(name?: string, header?: unknown, body?: Uint8Array): void {
    if (name !== "CHECK_TRANSACTION_STATE") return;
    const asked = { header: header as RequestHeaderOf<"CHECK_TRANSACTION_STATE">, half: decodeRecord(body as Uint8Array) };
    this.asked.push(asked);
    this.onAsked?.(asked);
  }
}

interface Opened {
  readonly harness: Harness;
  readonly producer: AskedPeer;
}

async function opened(more: HarnessOptions = {}): Promise<Opened> {
  const harness = await Harness.open(more);
  const producer = new AskedPeer(50_007);
  harness.producers.set("PG", { peer: producer, clientId: "c", language: 0, version: 0, lastSeenAt: 0 } satisfies ClientChannel);
  harness.messages.startMaster();
  return { harness, producer };
}

async function sendHalf(harness: Harness, key: string, properties: Record<string, string> = {}): Promise<Outcome> {
  return harness.send({
    body: key,
    sysFlag: 4,
    queueId: 1,
    bornTimestamp: harness.runtime.clock.now(),
    properties: { TRAN_MSG: "true", PGROUP: "PG", UNIQ_KEY: key, TAGS: "A", ...properties },
  });
}

const physicalOffsetOf = (outcome: Outcome): number => Number.parseInt(String(outcome.header["msgId"]).slice(16), 16);

function end(harness: Harness, sent: Outcome, commitOrRollback: number, more: object = {}): Promise<Outcome | undefined> {
  return harness.call("END_TRANSACTION", {
    producerGroup: "PG",
    tranStateTableOffset: Number(sent.header["queueOffset"]),
    commitLogOffset: physicalOffsetOf(sent),
    commitOrRollback,
    fromTransactionCheck: false,
    msgId: String(sent.header["transactionId"]),
    ...more,
  } as RequestHeaderOf<"END_TRANSACTION">);
}

const answerTo = (harness: Harness, asked: AskedPeer["asked"][number], commitOrRollback: number): Promise<Outcome | undefined> =>
  harness.call("END_TRANSACTION", {
    producerGroup: "PG",
    tranStateTableOffset: asked.header.tranStateTableOffset,
    commitLogOffset: asked.header.commitLogOffset,
    commitOrRollback,
    fromTransactionCheck: true,
    msgId: asked.header.msgId ?? "",
  });

describe("a half message", () => {
  test("is out of sight, and answered with its transaction id and half offset", async () => {
    const { harness } = await opened();
    const sent = await sendHalf(harness, "U1");
    expect(sent.header).toMatchObject({ queueId: 1, queueOffset: 0, transactionId: "U1" });
    expect(harness.store.maxOffset({ topic: "T", queueId: 1 })).toBe(0);
    const [half] = await harness.messagesOf(HALF);
    expect(half?.sysFlag).toBe(0);
    const property = (name: string) => propertyOf(half?.properties ?? "", name);
    expect([property("REAL_TOPIC"), property("REAL_QID"), property("__transactionId__")]).toEqual(["T", "1", "U1"]);
    await harness.close();
  });

  test("is refused where rejectTransactionMessage is true", async () => {
    const { harness } = await opened({ settings: { rejectTransactionMessage: true } });
    const outcome = await sendHalf(harness, "U1");
    expect(outcome.code).toBe(16);
    expect(outcome.remark).toContain("rejectTransactionMessage=false allows it");
    await harness.close();
  });
});

describe("END_TRANSACTION", () => {
  test("commits into the real topic and queue, once, and notes the half message as over", async () => {
    const { harness } = await opened();
    const sent = await sendHalf(harness, "U1");
    expect((await end(harness, sent, COMMIT))?.code).toBe(0);
    expect((await end(harness, sent, COMMIT))?.code).toBe(0);
    expect((await end(harness, sent, ROLLBACK))?.code).toBe(0);
    const messages = await harness.messagesOf("T", 1);
    expect(messages.map(textOf)).toEqual(["U1"]);
    const [final] = messages;
    expect([final?.sysFlag, final?.preparedTransactionOffset]).toEqual([8, physicalOffsetOf(sent)]);
    const property = (name: string) => propertyOf(final?.properties ?? "", name);
    expect([property("TRAN_MSG"), property("REAL_TOPIC"), property("REAL_QID"), property("TAGS")]).toEqual([
      "true",
      undefined,
      undefined,
      "A",
    ]);
    const operations = await harness.messagesOf(OPERATIONS);
    expect(operations.map(textOf)).toEqual(["0,"]);
    expect(propertyOf(operations[0]?.properties ?? "", "TAGS")).toBe("d");
    expect(harness.messages.transactions.metrics.counts.get("T")?.count).toBe(0);
    await harness.close();
  });

  test("notes all that end in a turn with one record", async () => {
    const { harness } = await opened();
    const sent = [await sendHalf(harness, "U1"), await sendHalf(harness, "U2"), await sendHalf(harness, "U3")];
    await Promise.all(sent.map((each, i) => end(harness, each, i === 1 ? ROLLBACK : COMMIT)));
    expect((await harness.messagesOf(OPERATIONS)).map(textOf)).toEqual(["0,1,2,"]);
    expect((await harness.messagesOf("T", 1)).map(textOf)).toEqual(["U1", "U3"]);
    await harness.close();
  });

  test("a delay level counts from the commit", async () => {
    const { harness } = await opened();
    const sent = await sendHalf(harness, "U1", { DELAY: "1" });
    expect(harness.store.maxOffset({ topic: HALF, queueId: 0 })).toBe(1);
    await end(harness, sent, COMMIT);
    expect(harness.store.maxOffset({ topic: "T", queueId: 1 })).toBe(0);
    expect(harness.store.maxOffset({ topic: "SCHEDULE_TOPIC_XXXX", queueId: 0 })).toBe(1);
    await harness.close();
  });

  test("is not answered while the state is unknown", async () => {
    const { harness } = await opened();
    const sent = await sendHalf(harness, "U1");
    expect(await end(harness, sent, 0)).toBeUndefined();
    await harness.close();
  });

  test.each([
    ["another group", { producerGroup: "other" }, "The producer group wrong"],
    ["another queue offset", { tranStateTableOffset: 7 }, "The transaction state table offset wrong"],
    ["no message there", { commitLogOffset: 999_999 }, "Find prepared transaction message failed"],
    ["a negative offset", { commitLogOffset: -5 }, "Find prepared transaction message failed"],
  ])("of %s is refused", async (_name, more, remark) => {
    const { harness } = await opened();
    const sent = await sendHalf(harness, "U1");
    expect(await end(harness, sent, COMMIT, more)).toMatchObject({ code: 1, remark });
    expect(harness.store.maxOffset({ topic: "T", queueId: 1 })).toBe(0);
    await harness.close();
  });

  test("nobody commits what is no half message", async () => {
    const { harness } = await opened();
    const plain = await harness.send({ body: "plain", properties: { PGROUP: "PG", REAL_TOPIC: "T", REAL_QID: "0" } });
    expect(await end(harness, plain, COMMIT)).toMatchObject({ code: 1, remark: "Find prepared transaction message failed" });
    await harness.close();
  });

  test("after the immunity that the message asked for is left to the check", async () => {
    const { harness } = await opened();
    const sent = await sendHalf(harness, "U1", { CHECK_IMMUNITY_TIME_IN_SECONDS: "10" });
    await harness.runtime.clock.advance(10_001);
    expect((await end(harness, sent, COMMIT))?.code).toBe(604);
    expect((await end(harness, sent, COMMIT, { fromTransactionCheck: true }))?.code).toBe(0);
    await harness.close();
  });
});

describe("check-back", () => {
  test("asks after transactionTimeOut, with the half message as it will be seen, and stores it once it is committed", async () => {
    const { harness, producer } = await opened();
    await sendHalf(harness, "U1");
    await harness.runtime.clock.advance(30_000);
    expect(producer.asked).toHaveLength(1);
    const [asked] = producer.asked;
    expect(asked?.header).toMatchObject({
      topic: HALF,
      tranStateTableOffset: 1,
      msgId: "U1",
      transactionId: "U1",
      bname: "broker-a",
    });
    expect([asked?.half.topic, asked?.half.queueId, asked?.half.queueOffset]).toEqual(["T", 1, 1]);
    expect(propertyOf(asked?.half.properties ?? "", "TRANSACTION_CHECK_TIMES")).toBe("1");
    await answerTo(harness, asked as AskedPeer["asked"][number], COMMIT);
    expect((await harness.messagesOf("T", 1)).map(textOf)).toEqual(["U1"]);
    await harness.runtime.clock.advance(120_000);
    expect(producer.asked).toHaveLength(1);
    expect(harness.offsets.query("CID_RMQ_SYS_TRANS", HALF, 0)).toBe(2);
    expect(harness.offsets.query("CID_RMQ_SYS_TRANS", OPERATIONS, 0)).toBe(1);
    await harness.close();
  });

  test("who answers at once is heard: nobody is asked before the copy that the answer names can be read", async () => {
    const { harness, producer } = await opened();
    const answers: Promise<Outcome | undefined>[] = [];
    producer.onAsked = (asked) => answers.push(answerTo(harness, asked, COMMIT));
    for (let i = 0; i < 100; i++) await sendHalf(harness, `U${i}`);
    await harness.runtime.clock.advance(90_000);
    expect((await Promise.all(answers)).map((answer) => answer?.code)).toEqual(Array.from({ length: 100 }, () => 0));
    expect(harness.store.maxOffset({ topic: "T", queueId: 1 })).toBe(100);
    await harness.close();
  });

  test("does not ask the young, nor what ended, in whatever order it did", async () => {
    const { harness, producer } = await opened();
    const sent: Outcome[] = [];
    for (let i = 0; i < 5; i++) sent.push(await sendHalf(harness, `U${i}`));
    for (const i of [3, 0, 4, 1]) await end(harness, sent[i] as Outcome, i % 2 === 0 ? COMMIT : ROLLBACK);
    await harness.runtime.clock.advance(29_000);
    await sendHalf(harness, "young");
    await harness.runtime.clock.advance(1_000);
    expect(producer.asked.map(({ half }) => textOf(half))).toEqual(["U2"]);
    expect(harness.offsets.query("CID_RMQ_SYS_TRANS", HALF, 0)).toBe(5);
    await harness.close();
  });

  test("a late commit by the producer, after it was asked, stores one message and ends the asking", async () => {
    const { harness, producer } = await opened();
    const sent = await sendHalf(harness, "U1");
    await harness.runtime.clock.advance(30_000);
    expect(producer.asked).toHaveLength(1);
    await end(harness, sent, COMMIT);
    await answerTo(harness, producer.asked[0] as AskedPeer["asked"][number], COMMIT);
    expect((await harness.messagesOf("T", 1)).map(textOf)).toEqual(["U1"]);
    await harness.runtime.clock.advance(90_000);
    expect(producer.asked).toHaveLength(1);
    await harness.close();
  });

  test("after transactionCheckMax the message is moved, and resumeCheckHalfMessage brings it back", async () => {
    const { harness, producer } = await opened({ settings: { transactionCheckMax: 3 } });
    await sendHalf(harness, "U1");
    await harness.runtime.clock.advance(30_000 * 6);
    expect(producer.asked).toHaveLength(3);
    const [given] = await harness.messagesOf("TRANS_CHECK_MAX_TIME_TOPIC");
    expect(textOf(given as StoredMessage)).toBe("U1");
    expect(harness.messages.transactions.metrics.counts.get("T")?.count).toBe(0);
    const msgId = `7F00000100002A9F${(given?.physicalOffset ?? 0).toString(16).padStart(16, "0").toUpperCase()}`;
    expect(await harness.call("RESUME_CHECK_HALF_MESSAGE", { topic: "T", msgId })).toMatchObject({ code: 0 });
    await harness.runtime.clock.advance(60_000);
    expect(producer.asked.length).toBeGreaterThan(3);
    expect((await harness.call("RESUME_CHECK_HALF_MESSAGE", { topic: "T", msgId: "nonsense" }))?.code).toBe(1);
    await harness.close();
  });

  test("an own immunity keeps the check away; a commit meanwhile is found by the copy", async () => {
    const { harness, producer } = await opened();
    const committed = await sendHalf(harness, "U1", { CHECK_IMMUNITY_TIME_IN_SECONDS: "100" });
    await sendHalf(harness, "U2", { CHECK_IMMUNITY_TIME_IN_SECONDS: "100" });
    await harness.runtime.clock.advance(90_000);
    expect(producer.asked).toHaveLength(0);
    await end(harness, committed, COMMIT);
    await harness.runtime.clock.advance(60_000);
    expect(producer.asked.map(({ half }) => textOf(half))).toEqual(["U2", "U2"]);
    expect((await harness.messagesOf("T", 1)).map(textOf)).toEqual(["U1"]);
    await harness.close();
  });

  test("without a producer the message waits for one", async () => {
    const { harness, producer } = await opened();
    harness.producers.clear();
    await sendHalf(harness, "U1");
    await harness.runtime.clock.advance(60_000);
    harness.producers.set("PG", { peer: producer, clientId: "c", language: 0, version: 0, lastSeenAt: 0 });
    await harness.runtime.clock.advance(30_000);
    expect(producer.asked).toHaveLength(1);
    await harness.close();
  });

  test("only a master asks", async () => {
    const { harness, producer } = await opened();
    await sendHalf(harness, "U1");
    await harness.messages.stopMaster();
    await harness.runtime.clock.advance(90_000);
    expect(producer.asked).toHaveLength(0);
    harness.messages.startMaster();
    await harness.runtime.clock.advance(30_000);
    expect(producer.asked).toHaveLength(1);
    await harness.close();
  });

  test("goes on after a restart, and does not ask what ended before it", async () => {
    const first = await opened();
    const ended = await sendHalf(first.harness, "U1");
    await sendHalf(first.harness, "U2");
    await end(first.harness, ended, COMMIT);
    await first.harness.close();
    const { harness, producer } = await opened({ runtime: first.harness.runtime });
    await harness.runtime.clock.advance(40_000);
    expect(producer.asked.map(({ half }) => textOf(half))).toEqual(["U2"]);
    expect(harness.messages.transactions.metrics.counts.get("T")?.count).toBe(1);
    await harness.close();
  });

  test("a thousand that stay unknown do not stand in the way, and an operation record too large is split", async () => {
    const { harness, producer } = await opened({ settings: { transactionOpMsgMaxSize: 100 } });
    const sent: Outcome[] = [];
    for (let i = 0; i < 1_000; i++) sent.push(await sendHalf(harness, `U${i}`));
    await Promise.all(sent.filter((_, i) => i % 2 === 1).map((each) => end(harness, each, COMMIT)));
    expect((await harness.messagesOf(OPERATIONS)).length).toBeGreaterThan(10);
    await harness.runtime.clock.advance(30_100);
    expect(producer.asked).toHaveLength(500);
    await Promise.all(producer.asked.map((asked) => answerTo(harness, asked, ROLLBACK)));
    await harness.runtime.clock.advance(60_000);
    expect(producer.asked).toHaveLength(500);
    expect(decodeRecords((await harness.pull({ queueId: 1, maxMsgNums: 32 }))?.body ?? new Uint8Array(0))).toHaveLength(32);
    expect(harness.offsets.query("CID_RMQ_SYS_TRANS", HALF, 0)).toBe(1_500);
    await harness.close();
  });
});
