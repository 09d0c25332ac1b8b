/** What every store does, whatever its disk and its settings are: a suite as a function, run by `store.test.ts`. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Runtime, RuntimeFault } from "../../core/runtime.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { Arrival, PutReceipt } from "../../core/store/message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { decodeRecord } from "../../wire/message_reader.ts";
import { message, openStore, pull, put, putNow, refusalOf, textsOf } from "./support.ts";

export interface Implementation {
  readonly name: string;
  readonly input: StoreSettingsInput;
  /** An empty directory on a disk. */
  readonly start: () => { runtime: Runtime; directory: string; stop: () => void };
}

export function storeSuite({ name, input, start }: Implementation): void {
  describe(name, () => {
    let runtime: Runtime;
    let directory: string;
    let stop: () => void;
    let store: DefaultMessageStore;
    const flushed = input.flushDiskType === "SYNC_FLUSH";

    const restart = async (): Promise<void> => {
      await store.close();
      store = await openStore(runtime, directory, input);
    };

    beforeEach(async () => {
      ({ runtime, directory, stop } = start());
      store = await openStore(runtime, directory, input);
    });
    afterEach(async () => {
      await store.close();
      stop();
    });

    test("order, physical and queue offsets are fixed at once; the message is readable when it is durable", async () => {
      const first = put(store, { text: "a" });
      const second = put(store, { text: "b" });
      const other = put(store, { text: "c", queueId: 3 });
      expect([first.queueOffset, second.queueOffset, other.queueOffset]).toEqual([0, 1, 0]);
      expect([first.physicalOffset, second.physicalOffset]).toEqual([0, first.size]);
      expect(second.endOffset).toBe(first.size + second.size);
      expect(store.maxOffset({ topic: "TopicA", queueId: 0 })).toBe(0);
      expect((await pull(store, 0)).status).toBe("NO_MESSAGE_IN_QUEUE");

      expect(await store.durable(other.endOffset, flushed)).toBe(true);
      const pulled = await pull(store, 0);
      expect(pulled.status).toBe("FOUND");
      expect(pulled.messages.map(({ queueOffset, physicalOffset }) => [queueOffset, physicalOffset])).toEqual([
        [0, 0],
        [1, first.size],
      ]);
      expect(await textsOf(store)).toEqual(["a", "b"]);
      expect(await textsOf(store, "TopicA", 3)).toEqual(["c"]);
    });

    test("messages that end many files are all there, after a restart too, and offsets go on", async () => {
      const texts: string[] = [];
      for (let i = 0; i < 120; i++) {
        const text = `message ${i} ${"x".repeat((i * 37) % 300)}`;
        texts.push(text);
        const receipt = put(store, { text, queueId: i % 2, uniqKey: `uniq${i}`, keys: `k${i % 10} all`, tags: `tag${i % 3}` });
        expect(receipt.queueOffset).toBe(Math.floor(i / 2));
        if (i % 7 === 0) await store.durable(receipt.endOffset, flushed);
      }
      await store.durable(store.stats().maxPhysicalOffset, flushed);
      const even = texts.filter((_, i) => i % 2 === 0);
      const odd = texts.filter((_, i) => i % 2 === 1);
      expect(await textsOf(store)).toEqual(even);
      await restart();
      expect(await textsOf(store)).toEqual(even);
      expect(await textsOf(store, "TopicA", 1)).toEqual(odd);
      expect((await putNow(store, { text: "after" }, flushed)).queueOffset).toBe(60);
      expect(store.queues()).toEqual(new Map([["TopicA", [0, 1]]]));
    });

    test("a batch gets consecutive queue offsets, or nothing of it is stored", async () => {
      await putNow(store, { text: "before" });
      const receipts = store.appendBatch(["a", "b", "c"].map((text) => message({ text })));
      expect((receipts as PutReceipt[]).map(({ queueOffset }) => queueOffset)).toEqual([1, 2, 3]);
      const tooLong = message({ properties: `a\u0001${"x".repeat(40_000)}\u0002` });
      const refusal = refusalOf(store.appendBatch([message({ text: "lost" }), tooLong]));
      expect(refusal.status).toBe("PROPERTIES_SIZE_EXCEEDED");
      await putNow(store, { text: "after" });
      expect(await textsOf(store)).toEqual(["before", "a", "b", "c", "after"]);
      await restart();
      expect(await textsOf(store)).toEqual(["before", "a", "b", "c", "after"]);
    });

    test("pull statuses and offsets", async () => {
      expect(await pull(store, 5)).toMatchObject({
        status: "NO_MESSAGE_IN_QUEUE",
        nextBeginOffset: 0,
        minOffset: -1,
        maxOffset: 0,
      });
      for (let i = 0; i < 4; i++) put(store, { text: `${i}` });
      await store.durable(store.stats().maxPhysicalOffset, flushed);
      expect(await pull(store, 4)).toMatchObject({
        status: "OFFSET_OVERFLOW_ONE",
        nextBeginOffset: 4,
        minOffset: 0,
        maxOffset: 4,
      });
      expect(await pull(store, 9)).toMatchObject({ status: "OFFSET_OVERFLOW_BADLY", nextBeginOffset: 4 });
      expect(await pull(store, -1)).toMatchObject({ status: "OFFSET_TOO_SMALL", nextBeginOffset: 0 });
      const two = await pull(store, 1, { max: 2 });
      expect(two).toMatchObject({ status: "FOUND", nextBeginOffset: 3, messageCount: 2, minOffset: 0, maxOffset: 4 });
      expect(two.messages.map(({ queueOffset }) => queueOffset)).toEqual([1, 2]);
    });

    test("limits: bytes of the client, 32 messages and 256 KiB of recent data, one message always", async () => {
      for (let i = 0; i < 50; i++) put(store, { text: "x".repeat(100) });
      await store.durable(store.stats().maxPhysicalOffset, flushed);
      expect((await pull(store, 0, { max: 100 })).messageCount).toBe(32);
      const one = await pull(store, 0, { max: 100, bytes: 1 });
      expect(one.messageCount).toBe(1);
      expect((await pull(store, 0, { max: 100, bytes: one.bodyBytes * 3 })).messageCount).toBe(3);
    });

    test("a tag filter passes over what does not match", async () => {
      for (let i = 0; i < 40; i++) put(store, { text: `${i}`, tags: i % 10 === 3 ? "wanted" : "other" });
      await store.durable(store.stats().maxPhysicalOffset, flushed);
      const found = await pull(store, 0, { tags: ["wanted"] });
      expect(found.messages.map(({ queueOffset }) => queueOffset)).toEqual([3, 13, 23, 33]);
      expect(found.nextBeginOffset).toBe(40);
      const none = await pull(store, 34, { tags: ["wanted"] });
      expect(none).toMatchObject({ status: "NO_MATCHED_MESSAGE", nextBeginOffset: 40, messageCount: 0 });
      // As in Apache, a full batch ends the scan right behind its last message, not at the next that matches.
      expect((await pull(store, 0, { tags: ["wanted"], max: 2 })).nextBeginOffset).toBe(14);
    });

    test("a filter that matches nothing looks at 800 units a pull", async () => {
      for (let i = 0; i < 900; i++) put(store, { text: "x", tags: "other" });
      await store.durable(store.stats().maxPhysicalOffset, flushed);
      expect(await pull(store, 0, { tags: ["wanted"] })).toMatchObject({ status: "NO_MATCHED_MESSAGE", nextBeginOffset: 800 });
    });

    test("arrivals are announced in order, each when its message is readable", async () => {
      const arrivals: Arrival[] = [];
      let readable = 0;
      store.onArrival((arrival) => {
        arrivals.push(arrival);
        if (store.maxOffset({ topic: arrival.topic, queueId: arrival.queueId }) >= arrival.nextOffset) readable++;
      });
      put(store, { text: "a", tags: "TagA" });
      expect(arrivals).toEqual([]);
      const { endOffset, storeTimestamp } = put(store, { text: "b", queueId: 1 });
      await store.durable(endOffset, false);
      expect(arrivals).toEqual([
        { topic: "TopicA", queueId: 0, nextOffset: 1, tagsCode: hashCode("TagA"), storeTimestamp: arrivals[0]!.storeTimestamp },
        { topic: "TopicA", queueId: 1, nextOffset: 1, tagsCode: 0, storeTimestamp },
      ]);
      expect(readable).toBe(2);
    });

    test("keys, unique keys and tags find their messages, newest first, before and after a restart", async () => {
      for (let i = 0; i < 30; i++) put(store, { text: `${i}`, keys: `even${i % 2} all`, uniqKey: `U${i}`, tags: "T" });
      await store.durable(store.stats().maxPhysicalOffset, flushed);
      const textsFor = async (key: string, count = 64): Promise<string[]> => {
        const { physicalOffsets } = await store.query(key, count, 0, Number.MAX_SAFE_INTEGER);
        const texts: string[] = [];
        for (const offset of physicalOffsets) {
          const record = await store.recordAt(offset);
          texts.push(new TextDecoder().decode(decodeRecord(record!).body));
        }
        return texts;
      };
      const check = async (): Promise<void> => {
        expect(await textsFor("TopicA#U7")).toEqual(["7"]);
        expect(await textsFor("TopicA#even1", 3)).toEqual(["29", "27", "25"]);
        expect(await textsFor("TopicA#all")).toHaveLength(30);
        expect(await textsFor("TopicA#T#T", 2)).toEqual(["29", "28"]);
        expect(await textsFor("TopicB#U7")).toEqual([]);
      };
      await check();
      await restart();
      await check();
      const { indexLastUpdatePhyoffset } = await store.query("TopicA#U7", 1, 0, 1);
      expect(indexLastUpdatePhyoffset).toBeGreaterThan(0);
    });

    test("a record is found at its physical offset and nowhere else", async () => {
      const first = put(store, { text: "first" });
      const second = await putNow(store, { text: "second" });
      expect(decodeRecord((await store.recordAt(second.physicalOffset))!).queueOffset).toBe(1);
      for (const offset of [1, first.size - 1, second.endOffset, 1e12, -1, 0.5, Number.NaN]) {
        expect(await store.recordAt(offset)).toBeUndefined();
      }
      const raw = await store.readRaw(0, 1e6);
      expect(raw.length).toBe(second.endOffset);
      expect((await store.readRaw(second.endOffset, 10)).length).toBe(0);
    });

    test("entries of a queue", async () => {
      const first = put(store, { text: "a", tags: "TagA" });
      const second = await putNow(store, { text: "bb" });
      expect(await store.entries({ topic: "TopicA", queueId: 0 }, 0, 10)).toEqual([
        { queueOffset: 0, physicalOffset: 0, size: first.size, tagsCode: hashCode("TagA") },
        { queueOffset: 1, physicalOffset: first.size, size: second.size, tagsCode: 0 },
      ]);
      expect(await store.entries({ topic: "TopicA", queueId: 9 }, 0, 10)).toEqual([]);
    });

    test("half messages and rollbacks are stored and in no queue", async () => {
      const prepared = await putNow(store, { text: "half", sysFlag: 0x4 });
      const rollback = await putNow(store, { text: "rollback", sysFlag: 0xc });
      const commit = await putNow(store, { text: "commit", sysFlag: 0x8 });
      expect([prepared.queueOffset, rollback.queueOffset, commit.queueOffset]).toEqual([0, 0, 0]);
      expect(await textsOf(store)).toEqual(["commit"]);
      expect(await store.recordAt(prepared.physicalOffset)).toBeDefined();
      await restart();
      expect(await textsOf(store)).toEqual(["commit"]);
    });

    test("in the schedule topic the consume queue holds the time of delivery, after recovery as well", async () => {
      const receipt = await putNow(store, {
        topic: "SCHEDULE_TOPIC_XXXX",
        queueId: 2,
        properties: "DELAY\u00013\u0002",
        deliverDelayMs: 10_000,
      });
      const queue = { topic: "SCHEDULE_TOPIC_XXXX", queueId: 2 };
      const entries = await store.entries(queue, 0, 1);
      expect(entries[0]?.tagsCode).toBe(receipt.storeTimestamp + 10_000);
      await store.close();
      runtime.files.removeTree(`${directory}/consumequeue`);
      runtime.files.remove(`${directory}/checkpoint`);
      store = await openStore(runtime, directory, input);
      expect(await store.entries(queue, 0, 1)).toEqual(entries);
    });

    test("what may not enter is refused with the limit in the reason", async () => {
      const body = new Uint8Array(5_000_000);
      const tooBig = refusalOf(store.append(message({ body })));
      expect(tooBig.status).toBe("MESSAGE_ILLEGAL");
      expect(tooBig.reason).toContain("maxMessageSize");
      if (input.mappedFileSizeCommitLog !== undefined) {
        const tooLong = refusalOf(store.append(message({ body: body.subarray(0, input.mappedFileSizeCommitLog) })));
        expect(tooLong.reason).toContain("mappedFileSizeCommitLog");
      }
      expect(refusalOf(store.append(message({ topic: "t".repeat(128) }))).reason).toContain("maxTopicLength");
      expect(store.append(message({ topic: `%RETRY%${"g".repeat(120)}` })).status).toBe("PUT_OK");
      expect(refusalOf(store.append(message({ topic: "é".repeat(100) }))).reason).toContain("200 bytes");
      for (const topic of ["", ".", "..", "../../etc", "a\\b", "a\0b"]) {
        expect(refusalOf(store.append(message({ topic }))).reason).toContain("directory");
      }
      const properties = `a\u0001${"é".repeat(20_000)}\u0002`;
      expect(refusalOf(store.append(message({ properties }))).status).toBe("PROPERTIES_SIZE_EXCEEDED");
      expect(refusalOf(store.append(message({ bornHost: "no address" }))).status).toBe("MESSAGE_ILLEGAL");
      expect(store.stats().putFailedCount).toBe(input.mappedFileSizeCommitLog === undefined ? 11 : 12);
    });

    test("IPv6 hosts and a topic of more than 127 characters", async () => {
      const topic = `%RETRY%${"g".repeat(123)}`;
      await putNow(store, { topic, bornHost: "2001:db8::7", storeHost: "::1", text: "six" });
      await restart();
      const { messages } = await pull(store, 0, { topic });
      expect(messages[0]).toMatchObject({ topic, bornHost: "2001:db8::7", storeHost: "::1" });
    });

    test("deleting a topic takes its queues away and starts them anew", async () => {
      await putNow(store, { text: "old" });
      await putNow(store, { topic: "TopicB", text: "stays" });
      store.deleteTopics(new Set(["TopicA"]));
      expect(store.maxOffset({ topic: "TopicA", queueId: 0 })).toBe(0);
      expect((await putNow(store, { text: "new" })).queueOffset).toBe(0);
      expect(await textsOf(store)).toEqual(["new"]);
      await restart();
      expect(await textsOf(store)).toEqual(["new"]);
      expect(await textsOf(store, "TopicB")).toEqual(["stays"]);
    });

    test("a closed store refuses, and may be closed again", async () => {
      await putNow(store, { text: "a" });
      await store.close();
      await store.close();
      expect(refusalOf(store.append(message())).status).toBe("SERVICE_NOT_AVAILABLE");
      expect(runtime.files.exists(`${directory}/abort`)).toBe(false);
    });

    test("two stores on one directory: the second is refused and changes nothing", async () => {
      await putNow(store, { text: "a" });
      const abort = runtime.files.read(`${directory}/abort`);
      const code = await openStore(runtime, directory, input).then(
        () => "opened",
        (error: RuntimeFault) => error.code,
      );
      expect(code).toBe("ELOCKED");
      expect(runtime.files.read(`${directory}/abort`)).toEqual(abort);
      expect(await textsOf(store)).toEqual(["a"]);
    });

    test("statistics", async () => {
      const receipt = await putNow(store, { text: "a" }, true);
      expect(store.stats()).toMatchObject({
        minPhysicalOffset: 0,
        maxPhysicalOffset: receipt.endOffset,
        writtenOffset: receipt.endOffset,
        flushedOffset: receipt.endOffset,
        confirmOffset: receipt.endOffset,
        putCount: 1,
        putFailedCount: 0,
        putBytes: receipt.size,
        tailBufferBytes: 0,
        dispatchBehindBytes: 0,
        earliestStoreTimestamp: receipt.storeTimestamp,
      });
    });
  });
}
