import { describe, expect, test } from "bun:test";
import { decodeMessageId } from "../../wire/message_id.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { Harness, newTopic, type Outcome } from "./messages_harness.ts";

const bodiesOf = (outcome: Outcome | undefined): string[] =>
  decodeRecords(outcome?.body ?? new Uint8Array(0)).map((message) => new TextDecoder().decode(message.body));

async function opened(): Promise<Harness> {
  const harness = await Harness.open();
  harness.topics.set("T2", newTopic("T2"));
  await harness.send({ body: "1", properties: { KEYS: "k1 k2", UNIQ_KEY: "U1", TAGS: "TagA" } });
  await harness.send({ body: "2", properties: { KEYS: "k2", UNIQ_KEY: "U2" } });
  await harness.send({ topic: "T2", body: "3", properties: { KEYS: "k2", UNIQ_KEY: "U3" } });
  return harness;
}

const query = (harness: Harness, more: Partial<RequestHeaderOf<"QUERY_MESSAGE">>, unique = false): Promise<Outcome | undefined> =>
  harness.call(
    "QUERY_MESSAGE",
    { topic: "T", key: "k2", maxNum: 32, beginTimestamp: 0, endTimestamp: Number.MAX_SAFE_INTEGER, ...more },
    undefined,
    { extFields: unique ? { _UNIQUE_KEY_QUERY: "true" } : {} },
  );

describe("query", () => {
  test.each([
    ["a key", { key: "k1" }, false, ["1"]],
    ["a key of several messages, in the order of the log", { key: "k2" }, false, ["1", "2"]],
    ["a key of another topic", { topic: "T2" }, false, ["3"]],
    ["at most so many", { maxNum: 1 }, false, 1],
    ["a unique key, however many are asked for", { key: "U2", maxNum: 0 }, true, ["2"]],
    ["a unique key as an ordinary one", { key: "U1", indexType: "U" }, false, ["1"]],
    ["a tag", { key: "TagA", indexType: "T" }, false, ["1"]],
  ] as const)("finds by %s", async (_name, more, unique, bodies) => {
    const harness = await opened();
    const outcome = await query(harness, more, unique);
    expect(outcome?.code).toBe(0);
    if (typeof bodies === "number") expect(bodiesOf(outcome)).toHaveLength(bodies);
    else expect(bodiesOf(outcome)).toEqual([...bodies]);
    expect(outcome?.header["indexLastUpdateTimestamp"]).toBeGreaterThan(0);
    expect(outcome?.header["indexLastUpdatePhyoffset"]).toBeGreaterThan(0);
    await harness.close();
  });

  test.each([
    ["an unknown key", { key: "none" }, false],
    ["a key before the time asked for", { key: "k1", beginTimestamp: 9_000_000_000_000 }, false],
    ["none at all", { maxNum: 0 }, false],
    ["a negative number of messages", { maxNum: -1 }, false],
  ] as const)("answers 22 for %s", async (_name, more, unique) => {
    const harness = await opened();
    expect(await query(harness, more, unique)).toMatchObject({
      code: 22,
      remark: "can not find message, maybe time range not correct",
    });
    await harness.close();
  });

  test("messages of which only the hash of the key agrees are left out", async () => {
    const harness = await Harness.open();
    // "Aa" and "BB" have one hash, and so have T#Aa and T#BB.
    await harness.send({ body: "Aa", properties: { KEYS: "Aa" } });
    await harness.send({ body: "BB", properties: { KEYS: "BB" } });
    expect(bodiesOf(await query(harness, { key: "BB" }))).toEqual(["BB"]);
    await harness.close();
  });

  test("never more than a frame holds", async () => {
    const harness = await Harness.open({ settings: { mappedFileSizeCommitLog: 64 * 1024 * 1024 } });
    for (let i = 0; i < 6; i++) await harness.send({ body: new Uint8Array(4_000_000), properties: { KEYS: "big" } });
    const outcome = await query(harness, { key: "big" });
    expect(decodeRecords(outcome?.body ?? new Uint8Array(0))).toHaveLength(4);
    await harness.close();
  });
});

describe("view by id", () => {
  test("the id of a send names the message", async () => {
    const harness = await opened();
    const sent = await harness.send({ body: "seen" });
    const { physicalOffset } = decodeMessageId(String(sent.header["msgId"]));
    const outcome = await harness.call("VIEW_MESSAGE_BY_ID", { offset: physicalOffset });
    expect(outcome?.code).toBe(0);
    expect(bodiesOf(outcome)).toEqual(["seen"]);
    await harness.close();
  });

  test.each([5, -1, 1_000_000, Number.MAX_SAFE_INTEGER])("no message at %p", async (offset) => {
    const harness = await opened();
    expect(await harness.call("VIEW_MESSAGE_BY_ID", { offset })).toMatchObject({
      code: 1,
      remark: `can not find message by the offset, ${offset}`,
    });
    await harness.close();
  });
});
