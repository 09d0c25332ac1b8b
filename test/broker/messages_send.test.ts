import { describe, expect, test } from "bun:test";
import { Prng } from "../../adapters/sim/prng.ts";
import { PropertyScan } from "../../core/broker/messages/send_properties.ts";
import { encodeBatch } from "../../wire/batch.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { decodeMessageId, encodeMessageId } from "../../wire/message_id.ts";
import { formatProperties, parseProperties } from "../../wire/properties.ts";
import { FakePeer, Harness, type HarnessOptions, newTopic, type SendInput, sendHeader } from "./messages_harness.ts";

const FAQ = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";
const ILLEGAL =
  "the message is illegal, maybe msg body or properties length not matched. msg body length limit 4194304B, msg properties length limit 32KB.";

interface Refusal {
  readonly name: string;
  readonly send: SendInput;
  readonly code: number;
  /** How the remark begins, as observed of Apache. */
  readonly remark: string;
  readonly settings?: HarnessOptions["settings"];
  prepare?(harness: Harness): void;
}

const REFUSALS: readonly Refusal[] = [
  { name: "an empty body", send: { body: "" }, code: 1, remark: "cannot send to topic[T]" },
  {
    name: "a blank topic",
    send: { topic: " " },
    code: 29,
    remark: "The specified topic is blank.",
  },
  {
    name: "a topic with a slash",
    send: { topic: "a/../b" },
    code: 29,
    remark: "The specified topic: a/../b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$",
  },
  {
    name: "a long topic",
    send: { topic: "t".repeat(128) },
    code: 29,
    remark: `The specified topic: ${"t".repeat(128)}, is longer than topic max length: 127`,
  },
  {
    name: "a long retry topic",
    send: { topic: `%RETRY%${"g".repeat(249)}` },
    code: 29,
    remark: "The specified topic is DLQ or Retry topic: %RETRY%",
  },
  {
    name: "a broker before its time",
    send: {},
    settings: { startAcceptSendRequestTimeStamp: Date.UTC(2030, 0, 2, 3, 4, 5, 6) },
    code: 1,
    remark: "broker unable to service, until 2030-01-02 03:04:05,006",
  },
  {
    name: "an order topic on a broker that may not be written",
    send: {},
    settings: { brokerPermission: 4 },
    prepare: (h) => h.topics.set("T", newTopic("T", { order: true })),
    code: 16,
    remark: "the broker[127.0.0.1] sending message is forbidden",
  },
  {
    name: "the delay topic",
    send: { topic: "SCHEDULE_TOPIC_XXXX" },
    prepare: (h) => h.topics.set("SCHEDULE_TOPIC_XXXX", newTopic("SCHEDULE_TOPIC_XXXX")),
    code: 16,
    remark: "Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden.",
  },
  {
    name: "the half topic",
    send: { topic: "RMQ_SYS_TRANS_HALF_TOPIC" },
    code: 16,
    remark: "Sending message to topic[RMQ_SYS_TRANS_HALF_TOPIC] is forbidden.",
  },
  { name: "an unknown topic", send: { topic: "U" }, code: 17, remark: `topic[U] not exist, apply first please!${FAQ}` },
  { name: "a queue beyond the topic", send: { queueId: 4 }, code: 29, remark: "request queueId[4] is illegal, " },
  {
    name: "the retry topic of an unknown group",
    send: { topic: "%RETRY%nobody" },
    code: 26,
    remark: `subscription group not exist, nobody ${FAQ}`,
  },
  {
    name: "a compaction topic without keys",
    send: { topic: "C" },
    prepare: (h) => h.topics.set("C", newTopic("C", { attributes: { "cleanup.policy": "COMPACTION" } })),
    code: 13,
    remark: "Required message key is missing",
  },
  {
    name: "a half message where they are rejected",
    settings: { rejectTransactionMessage: true },
    send: { sysFlag: 4, properties: { TRAN_MSG: "true", PGROUP: "PG" } },
    code: 16,
    remark: "the broker[127.0.0.1] sending transaction message is forbidden",
  },
  { name: "a delay level that is no number", send: { properties: { DELAY: "soon" } }, code: 13, remark: ILLEGAL },
  { name: "an inner batch", send: { sysFlag: 0x80 }, code: 13, remark: ILLEGAL },
  { name: "the count of an inner batch", send: { properties: { INNER_NUM: "2" } }, code: 13, remark: ILLEGAL },
  {
    name: "a lite topic",
    send: { properties: { __LITE_TOPIC: "l" } },
    code: 16,
    remark: "the broker[127.0.0.1] sending message to a light queue is forbidden",
  },
  {
    name: "an inner batch that counts wrongly",
    send: {
      sysFlag: 0xc0,
      properties: { INNER_NUM: "3" },
      body: encodeBatch([{ flag: 0, body: encodeUtf8("a"), properties: "" }]),
    },
    prepare: (h) => h.topics.set("T", newTopic("T", { attributes: { "queue.type": "BatchCQ" } })),
    code: 13,
    remark: ILLEGAL,
  },
  {
    name: "a body over maxMessageSize",
    send: { body: new Uint8Array(101) },
    settings: { maxMessageSize: 100 },
    code: 13,
    remark: "the message is illegal",
  },
  { name: "properties over 32767 bytes", send: { properties: { big: "x".repeat(32_767) } }, code: 13, remark: ILLEGAL },
  {
    name: "a dead letter topic longer than 127",
    send: { topic: `%DLQ%${"g".repeat(123)}` },
    prepare: (h) => h.topics.set(`%DLQ%${"g".repeat(123)}`, newTopic(`%DLQ%${"g".repeat(123)}`)),
    code: 13,
    remark: ILLEGAL,
  },
];

describe("send: refusals", () => {
  test.each(REFUSALS.map((refusal) => [refusal.name, refusal] as const))("%s", async (_name, refusal) => {
    const harness = await Harness.open({ settings: refusal.settings ?? {} });
    refusal.prepare?.(harness);
    const outcome = await harness.send(refusal.send);
    expect(outcome.code).toBe(refusal.code);
    expect(outcome.remark?.slice(0, refusal.remark.length)).toBe(refusal.remark);
    expect(harness.store.stats().putCount).toBe(0);
    await harness.close();
  });

  test("a store that is closed answers SERVICE_NOT_AVAILABLE with Apache's words and the reason", async () => {
    const harness = await Harness.open();
    await harness.close();
    const outcome = await harness.send();
    expect(outcome.code).toBe(14);
    expect(outcome.remark).toMatch(
      /^service not available now\. It may be caused by one of the following reasons: the broker's disk is full \[CL: +\d\.\d\d CQ: +\d\.\d\d INDEX: +\d\.\d\d\], messages are put to the slave, message store has been shut down, etc\. .+closed/,
    );
  });
});

describe("send: what the store refuses", () => {
  const DISK = "service not available now. It may be caused by one of the following reasons: the broker's disk is full [CL: ";
  test.each([
    ["MESSAGE_ILLEGAL", 13, ILLEGAL],
    ["PROPERTIES_SIZE_EXCEEDED", 13, ILLEGAL],
    ["SERVICE_NOT_AVAILABLE", 14, DISK],
    ["OS_PAGE_CACHE_BUSY", 2, "[PC_SYNCHRONIZED]broker busy, start flow control for a while"],
    ["CREATE_MAPPED_FILE_FAILED", 1, "create mapped file failed, server is busy or broken."],
  ] as const)("%s is %p, in Apache's words, then the reason", async (status, code, words) => {
    const harness = await Harness.open();
    const refusal = { status, reason: "a limit is 5, 6 were seen: raise theKey" };
    harness.store.append = () => refusal;
    harness.store.appendBatch = () => refusal;
    const body = encodeBatch([{ flag: 0, body: encodeUtf8("x"), properties: "" }]);
    for (const outcome of [await harness.send(), await harness.call("SEND_BATCH_MESSAGE", sendHeader({ batch: true }), body)]) {
      expect(outcome?.code).toBe(code);
      expect(outcome?.remark?.slice(0, words.length)).toBe(words);
      expect(outcome?.remark).toMatch(/a limit is 5, 6 were seen: raise theKey$/);
    }
    await harness.close();
  });
});

test.each(["ENOSPC", "EIO"])(
  "a disk that fails while messages are written, %s, is SERVICE_NOT_AVAILABLE with the reason",
  async (code) => {
    const harness = await Harness.open();
    await harness.send();
    harness.runtime.disk.fail({ operation: "write", code, path: (path) => path.includes("commitlog"), times: 1 });
    const [one, back] = await Promise.all([
      harness.send(),
      harness.call("CONSUMER_SEND_MSG_BACK", {
        group: "G",
        offset: 0,
        delayLevel: 0,
        originMsgId: "",
        originTopic: "T",
        unitMode: false,
      }),
    ]);
    for (const outcome of [one, back]) {
      expect(outcome?.code).toBe(14);
      expect(outcome?.remark).toContain("service not available now.");
      expect(outcome?.remark).toContain(code);
    }
    await harness.close();
  },
);

describe("send: the walk over properties", () => {
  test("finds what parsing into a map finds, in texts of any form", () => {
    const random = new Prng(7, 0);
    const fields = {
      TAGS: "tags",
      KEYS: "keys",
      DELAY: "delay",
      UNIQ_KEY: "uniqKey",
      TRAN_MSG: "transaction",
      INNER_NUM: "innerNum",
      TIMER_OUT_MS: "timerOutMs",
      __LITE_TOPIC: "liteTopic",
      __SHARDINGKEY: "shardingKey",
      TIMER_DELAY_MS: "timerDelayMs",
      TIMER_DELAY_SEC: "timerDelaySec",
      TIMER_DELIVER_MS: "timerDeliverMs",
      TIMER_DEL_UNIQKEY: "timerDelete",
      _SYS_MSG_PRIORITY_: "priority",
      INNER_MULTI_DISPATCH: "multiDispatch",
    } as const;
    const timers = ["TIMER_DELAY_MS", "TIMER_DELAY_SEC", "TIMER_DELIVER_MS"];
    const names = [...Object.keys(fields), "WAIT", "__STARTDELIVERTIME", "other", "", "TAGSX", "XTAGS"];
    const pieces = ["\u0001", "\u0002", "v", "TAGS", "1"];
    const scan = new PropertyScan();
    for (let round = 0; round < 3_000; round++) {
      let text = "";
      for (let i = random.below(6); i > 0; i--) {
        const name = names[random.below(names.length)] ?? "";
        let value = "";
        for (let j = random.below(4); j > 0; j--) value += pieces[random.below(pieces.length)] ?? "";
        text += `${name}\u0001${value}${random.below(10) > 0 ? "\u0002" : ""}`;
      }
      scan.scan(text);
      const map = parseProperties(text);
      for (const [name, field] of Object.entries(fields))
        expect([text, field, scan[field]]).toEqual([text, field, map.get(name)]);
      expect([text, scan.waits]).toEqual([text, (map.get("WAIT") ?? "true").toLowerCase() === "true"]);
      expect([text, scan.startDeliverTime]).toEqual([text, map.has("__STARTDELIVERTIME")]);
      expect([text, scan.timer]).toEqual([text, timers.some((name) => map.has(name))]);
    }
  });
});

describe("send: one message", () => {
  test("is stored with the broker's properties and answered with its place", async () => {
    const harness = await Harness.open();
    const outcome = await harness.send({ queueId: 1, flag: 7, properties: { UNIQ_KEY: "U1", TAGS: "TagA", WAIT: "true" } });
    expect(outcome.code).toBe(0);
    expect(outcome.remark).toBeUndefined();
    expect(outcome.header).toEqual({
      msgId: "7F00000100002A9F0000000000000000",
      queueId: 1,
      queueOffset: 0,
      transactionId: "U1",
    });
    expect(outcome.extFields).toEqual({ MSG_REGION: "DefaultRegion", TRACE_ON: "true" });
    const [message] = await harness.messagesOf("T", 1);
    expect(message).toMatchObject({
      topic: "T",
      queueId: 1,
      flag: 7,
      sysFlag: 0,
      bornTimestamp: 1_795_225_250_966,
      bornHost: "127.0.0.1",
      bornPort: 50_000,
      storeHost: "127.0.0.1",
      storePort: 10_911,
      reconsumeTimes: 0,
      body: encodeUtf8("hello"),
    });
    expect(parseProperties(message?.properties ?? "")).toEqual(
      new Map([
        ["UNIQ_KEY", "U1"],
        ["TAGS", "TagA"],
        ["WAIT", "true"],
        ["MSG_REGION", "DefaultRegion"],
        ["TRACE_ON", "true"],
        ["CLUSTER", "DefaultCluster"],
      ]),
    );
    expect(await harness.store.entries({ topic: "T", queueId: 1 }, 0, 1)).toMatchObject([{ tagsCode: hashCode("TagA") }]);
    expect(harness.counted).toEqual(["put T 1"]);
    await harness.close();
  });

  test("what only the broker may say is not taken from a client, and ill-formed pairs vanish", async () => {
    const harness = await Harness.open();
    const properties =
      "MSG_REGION\u0001elsewhere\u0002POP_CK\u0001x\u0002empty\u0001\u0002a\u0001b\u0002TRACE_ON\u0001false\u0002CLUSTER\u0001c\u0002last\u0001one";
    await harness.call("SEND_MESSAGE", sendHeader({ properties }), encodeUtf8("x"));
    const stored = parseProperties((await harness.messagesOf("T"))[0]?.properties ?? "");
    expect(stored.get("UNIQ_KEY")).toMatch(/^[0-9A-F]{32}$/);
    stored.delete("UNIQ_KEY");
    expect(stored).toEqual(
      new Map([
        ["a", "b"],
        ["last", "one"],
        ["MSG_REGION", "DefaultRegion"],
        ["TRACE_ON", "true"],
        ["CLUSTER", "DefaultCluster"],
      ]),
    );
    await harness.close();
  });

  test("queueId below 0 lets the broker choose one of the write queues", async () => {
    const harness = await Harness.open();
    harness.topics.set("T", newTopic("T", { readQueueNums: 8, writeQueueNums: 2 }));
    const chosen = new Set<unknown>();
    for (let i = 0; i < 30; i++) chosen.add((await harness.send({ queueId: -1 })).header["queueId"]);
    expect(chosen).toEqual(new Set([0, 1]));
    await harness.close();
  });

  test("an unknown topic is made from the template, with the fewer of the queues asked for and the template's", async () => {
    const harness = await Harness.open();
    harness.topics.set("TBW102", newTopic("TBW102", { readQueueNums: 8, writeQueueNums: 8, perm: 7 }));
    expect((await harness.send({ topic: "New", defaultTopicQueueNums: 3 })).code).toBe(0);
    expect(harness.topics.get("New")).toMatchObject({ readQueueNums: 3, writeQueueNums: 3, perm: 6 });
    await harness.close();
  });

  test("the multi-tag bit comes from the topic", async () => {
    const harness = await Harness.open();
    harness.topics.set("T", newTopic("T", { topicFilterType: "MULTI_TAG" }));
    await harness.send();
    expect((await harness.messagesOf("T"))[0]?.sysFlag).toBe(2);
    await harness.close();
  });

  test("a priority chooses the queue; a message of another type loses it", async () => {
    const harness = await Harness.open();
    expect((await harness.send({ properties: { _SYS_MSG_PRIORITY_: "9" } })).header["queueId"]).toBe(3);
    expect(await harness.messagesOf("T", 3)).toHaveLength(1);
    await harness.send({ properties: { _SYS_MSG_PRIORITY_: "9", __SHARDINGKEY: "s" } });
    const [message] = await harness.messagesOf("T", 0);
    expect(message?.properties).not.toContain("_SYS_MSG_PRIORITY_");
    await harness.close();
  });

  test("ids name the messages, also across 64 KiB of log", async () => {
    const harness = await Harness.open();
    const outcomes = [];
    for (let i = 0; i < 100; i++) outcomes.push(await harness.send({ body: new Uint8Array(1_500).fill(i) }));
    const offsets = (await harness.messagesOf("T")).map((message) => message.physicalOffset);
    expect(outcomes.map((outcome) => outcome.header["msgId"])).toEqual(
      offsets.map((offset) => encodeMessageId("127.0.0.1", 10_911, offset)),
    );
    await harness.close();
  });

  test("messages of one turn keep their order", async () => {
    const harness = await Harness.open();
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => harness.send({ body: `m${i}` })));
    expect(outcomes.map((outcome) => outcome.header["queueOffset"])).toEqual(Array.from({ length: 50 }, (_, i) => i));
    const bodies = (await harness.messagesOf("T")).map((message) => new TextDecoder().decode(message.body));
    expect(bodies).toEqual(Array.from({ length: 50 }, (_, i) => `m${i}`));
    await harness.close();
  });
});

describe("send: durability", () => {
  /** What `durable` is asked for. */
  async function flushedOf(flushDiskType: "SYNC_FLUSH" | "ASYNC_FLUSH", properties: Record<string, string>): Promise<boolean> {
    const harness = await Harness.open({ settings: { flushDiskType } });
    const asked: boolean[] = [];
    harness.store.durable = (_end, flushed) => {
      asked.push(flushed);
      return Promise.resolve(true);
    };
    await harness.send({ properties });
    return asked[0] as boolean;
  }

  test.each([
    ["SYNC_FLUSH", {}, true],
    ["SYNC_FLUSH", { WAIT: "true" }, true],
    ["SYNC_FLUSH", { WAIT: "TRUE" }, true],
    ["SYNC_FLUSH", { WAIT: "false" }, false],
    ["SYNC_FLUSH", { WAIT: "1" }, false],
    ["ASYNC_FLUSH", {}, false],
    ["ASYNC_FLUSH", { WAIT: "true" }, false],
  ] as const)("%s with %j waits for the disk: %p", async (flushDiskType, properties, flushed) => {
    expect(await flushedOf(flushDiskType, properties)).toBe(flushed);
  });

  test("a flush that takes too long is FLUSH_DISK_TIMEOUT, and the message is stored all the same", async () => {
    const harness = await Harness.open({ settings: { flushDiskType: "SYNC_FLUSH" } });
    harness.store.durable = () => Promise.resolve(false);
    const outcome = await harness.send();
    expect(outcome.code).toBe(10);
    expect(outcome.header).toMatchObject({ queueOffset: 0, msgId: "7F00000100002A9F0000000000000000" });
  });
});

describe("send: retry topics", () => {
  test("the retry topic of a known group is made with one queue", async () => {
    const harness = await Harness.open();
    expect((await harness.send({ topic: "%RETRY%G" })).code).toBe(0);
    expect(harness.topics.get("%RETRY%G")).toMatchObject({ readQueueNums: 1, writeQueueNums: 1, perm: 6 });
    await harness.close();
  });

  test.each([
    [16, undefined, 513, "%RETRY%G"],
    [17, undefined, 513, "%DLQ%G"],
    [3, 3, 513, "%RETRY%G"],
    [4, 3, 513, "%DLQ%G"],
    // Clients before 3.4.9 do not count: the group's sixteen hold.
    [4, 3, 120, "%RETRY%G"],
  ])("retry %p of at most %p by a client of version %p goes to %p", async (reconsumeTimes, maxReconsumeTimes, version, topic) => {
    const harness = await Harness.open();
    const outcome = await harness.send({ topic: "%RETRY%G", reconsumeTimes, maxReconsumeTimes, version });
    expect(outcome.code).toBe(0);
    const [message] = await harness.messagesOf(topic);
    expect(message?.reconsumeTimes).toBe(reconsumeTimes);
    expect(parseProperties(message?.properties ?? "").get("DELAY")).toBe(topic === "%DLQ%G" ? "-1" : undefined);
    await harness.close();
  });

  test("messages of a group that consumes in order go to the dead letters at once", async () => {
    const harness = await Harness.open();
    harness.messages.locks.tryLockBatch("G", [{ topic: "T", brokerName: "broker-a", queueId: 0 }], "c1");
    await harness.send({ topic: "%RETRY%G", reconsumeTimes: 1 });
    expect(await harness.messagesOf("%DLQ%G")).toHaveLength(1);
    await harness.runtime.clock.advance(60_001);
    await harness.send({ topic: "%RETRY%G", reconsumeTimes: 1 });
    expect(await harness.messagesOf("%RETRY%G")).toHaveLength(1);
    await harness.close();
  });
});

describe("send: batches", () => {
  const entry = (i: number, tags = "TagA") => ({
    flag: i,
    body: encodeUtf8(`batch${i}`),
    properties: formatProperties([
      ["UNIQ_KEY", `U${i}`],
      ["TAGS", tags],
    ]),
  });
  const outer = formatProperties([
    ["UNIQ_KEY", "OUTER"],
    ["WAIT", "true"],
  ]);

  test("become messages with consecutive offsets, their properties untouched, and a list of ids", async () => {
    const harness = await Harness.open();
    await harness.send();
    const body = encodeBatch([entry(0), entry(1), entry(2)]);
    const outcome = await harness.call("SEND_BATCH_MESSAGE", sendHeader({ batch: true, properties: outer }), body);
    expect(outcome?.code).toBe(0);
    expect(outcome?.header).toMatchObject({ queueId: 0, queueOffset: 1, transactionId: "OUTER" });
    const messages = (await harness.messagesOf("T")).slice(1);
    expect(messages.map((message) => message.queueOffset)).toEqual([1, 2, 3]);
    expect(messages.map((message) => message.properties)).toEqual([0, 1, 2].map((i) => entry(i).properties));
    const ids = String(outcome?.header["msgId"]).split(",");
    expect(ids.map((id) => decodeMessageId(id).physicalOffset)).toEqual(messages.map((message) => message.physicalOffset));
    expect(harness.counted).toEqual(["put T 1", "put T 3"]);
    await harness.close();
  });

  test("to a topic of batch queues: one record, which says that it is to be unwrapped", async () => {
    const harness = await Harness.open();
    harness.topics.set("T", newTopic("T", { attributes: { "queue.type": "BatchCQ" } }));
    const body = encodeBatch([entry(0), entry(1), entry(2)]);
    const outer = formatProperties([
      ["UNIQ_KEY", "U"],
      ["TAGS", "A"],
    ]);
    const outcome = await harness.call("SEND_BATCH_MESSAGE", sendHeader({ batch: true, properties: outer }), body);
    expect(outcome?.header).toMatchObject({ queueOffset: 0, batchUniqId: "U", transactionId: "U" });
    expect(String(outcome?.header["msgId"]).length).toBe(32);
    // Without an id there is nothing to tell the producer: entries are stored one by one, each a batch of its own.
    await harness.call("SEND_BATCH_MESSAGE", sendHeader({ batch: true }), body);
    await harness.send({ body: "single" });
    expect(harness.store.maxOffset({ topic: "T", queueId: 0 })).toBe(7);
    const messages = await harness.messagesOf("T");
    expect(messages.map(({ queueOffset }) => queueOffset)).toEqual([0, 3, 4, 5, 6]);
    const [first] = messages;
    expect(first!.sysFlag & 0xc0).toBe(0xc0);
    expect(parseProperties(first!.properties)).toEqual(
      new Map([
        ["UNIQ_KEY", "U"],
        ["TAGS", "A"],
        ["MSG_REGION", "DefaultRegion"],
        ["TRACE_ON", "true"],
        ["CLUSTER", "DefaultCluster"],
        ["INNER_NUM", "3"],
        ["INNER_BASE", "0"],
      ]),
    );
    expect(harness.counted.filter((line) => line.startsWith("put"))).toEqual(["put T 3", "put T 3", "put T 1"]);
    await harness.close();
  });

  test("a header that says batch makes one of SEND_MESSAGE too", async () => {
    const harness = await Harness.open();
    await harness.call("SEND_MESSAGE_V2", sendHeader({ batch: true }), encodeBatch([entry(0), entry(1)]));
    expect(await harness.messagesOf("T")).toHaveLength(2);
    await harness.close();
  });

  test.each([
    ["cut off", sendHeader({ batch: true }), encodeBatch([entry(0), entry(1)]).subarray(0, 60), 13, ILLEGAL],
    ["with a delay level", sendHeader({ batch: true, properties: "DELAY\u00013\u0002" }), encodeBatch([entry(0)]), 13, ILLEGAL],
    ["transactional", sendHeader({ batch: true, sysFlag: 4 }), encodeBatch([entry(0)]), 13, ILLEGAL],
    [
      "to a retry topic",
      sendHeader({ batch: true, topic: "%RETRY%G" }),
      encodeBatch([entry(0)]),
      13,
      "batch request does not support retry group %RETRY%G",
    ],
    ["too large", sendHeader({ batch: true }), encodeBatch([{ ...entry(0), body: new Uint8Array(4_194_304) }]), 13, ILLEGAL],
  ] as const)("%s is refused whole", async (_name, header, body, code, remark) => {
    const harness = await Harness.open();
    const outcome = await harness.call("SEND_BATCH_MESSAGE", header, body);
    expect(outcome?.code).toBe(code);
    expect(outcome?.remark?.slice(0, remark.length)).toBe(remark);
    expect(harness.store.stats().putCount).toBe(0);
    await harness.close();
  });
});

test("a sender behind another port is told apart in bornHost", async () => {
  const harness = await Harness.open();
  await harness.call("SEND_MESSAGE_V2", sendHeader(), encodeUtf8("x"), { peer: new FakePeer(50_001) });
  expect((await harness.messagesOf("T"))[0]?.bornPort).toBe(50_001);
  await harness.close();
});
