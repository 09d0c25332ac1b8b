/** What senders, consumers and the broker's tables make of queues that are not plain ones. */
import { describe, expect, test } from "bun:test";
import { BrokerStats } from "../../core/broker/stats.ts";
import { encodeBatch } from "../../wire/batch.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { Harness, newTopic, sendHeader } from "./messages_harness.ts";

/** Suspended, with the subscription in the request. */
const SUSPENDED = { sysFlag: 2 | 4, suspendTimeoutMillis: 5_000 };

describe("a compacted topic", () => {
  const opened = async (): Promise<Harness> => {
    const harness = await Harness.open();
    harness.topics.set("T", newTopic("T", { attributes: { "cleanup.policy": "COMPACTION" } }));
    return harness;
  };

  test("takes no message without a key", async () => {
    const harness = await opened();
    expect(await harness.send()).toMatchObject({ code: 13, remark: "Required message key is missing" });
    await harness.close();
  });

  test("a pull at its end waits, though messages without a key are behind it in the plain queue", async () => {
    const harness = await opened();
    await harness.send({ body: "a", properties: { KEYS: "k" } });
    // The keys of a batch's entries are not looked at, as in Apache.
    const batch = encodeBatch([{ flag: 0, body: encodeUtf8("no key"), properties: "" }]);
    expect((await harness.call("SEND_BATCH_MESSAGE", sendHeader({ batch: true }), batch))?.code).toBe(0);
    const held = harness.pull({ ...SUSPENDED, queueOffset: 1 });
    await harness.runtime.clock.advance(1_000);
    expect(harness.messages.hold.count).toBe(1);
    await harness.send({ body: "b", properties: { KEYS: "k" } });
    const outcome = await held;
    expect(outcome?.remark).toBe("FOUND");
    expect(decodeRecords(outcome?.body ?? new Uint8Array(0)).map(({ queueOffset }) => queueOffset)).toEqual([2]);
    await harness.close();
  });
});

describe("a topic of batches", () => {
  test("wakes a pull that waits behind the last batch", async () => {
    const harness = await Harness.open();
    harness.topics.set("T", newTopic("T", { attributes: { "queue.type": "BatchCQ" } }));
    const send = (): Promise<unknown> => {
      const entry = { flag: 0, body: encodeUtf8("x"), properties: "" };
      return harness.call(
        "SEND_BATCH_MESSAGE",
        sendHeader({ batch: true, properties: "UNIQ_KEY\u0001U\u0002" }),
        encodeBatch([entry, entry, entry]),
      );
    };
    await send();
    const held = harness.pull({ ...SUSPENDED, queueOffset: 3 });
    await harness.runtime.clock.advance(1_000);
    await send();
    expect((await held)?.header).toMatchObject({ nextBeginOffset: 6, maxOffset: 6 });
    await harness.close();
  });
});

describe("light queues", () => {
  test("a message goes to its own queue and to those it names; who waits there is woken", async () => {
    const harness = await Harness.open({ settings: { enableLmq: true, enableMultiDispatch: true } });
    harness.topics.set("%LMQ%q", newTopic("%LMQ%q", { readQueueNums: 1, writeQueueNums: 1 }));
    const held = harness.pull({ ...SUSPENDED, topic: "%LMQ%q" });
    await harness.runtime.clock.advance(1_000);
    const outcome = await harness.send({ body: "x", properties: { INNER_MULTI_DISPATCH: "%LMQ%q" } });
    expect(outcome.header).toMatchObject({ queueOffset: 0 });
    expect(decodeRecords((await held)?.body ?? new Uint8Array(0)).map(({ topic }) => topic)).toEqual(["T"]);
    await harness.close();
  });

  test("too many are refused with Apache's code", async () => {
    const settings = { enableLmq: true, enableMultiDispatch: true, enableLmqQuota: true, maxLmqConsumeQueueNum: 1 };
    const harness = await Harness.open({ settings });
    await harness.send({ properties: { INNER_MULTI_DISPATCH: "%LMQ%a" } });
    const refused = await harness.send({ properties: { INNER_MULTI_DISPATCH: "%LMQ%b" } });
    expect(refused.code).toBe(2017);
    expect(refused.remark).toContain("[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]lmq consume queue num exceeded.");
    expect(refused.remark).toContain("maxLmqConsumeQueueNum");
    await harness.close();
  });

  test("are counted together in the statistics", async () => {
    const harness = await Harness.open();
    const stats = new BrokerStats(harness.runtime.clock, "DefaultCluster");
    for (const name of ["%LMQ%a", "%LMQ%b"]) {
      stats.got("%LMQ%g", name, 0, 2, 10);
      stats.fellBehind("%LMQ%g", name, 0, 7, 8);
    }
    expect(stats.behind("%LMQ%other", "%LMQ%another", 0)).toEqual({ bytes: 7, ms: 8 });
    await harness.close();
  });
});
