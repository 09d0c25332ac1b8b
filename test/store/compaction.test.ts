/** Compacted topics: a log of its own for each queue, from which a round takes all but the newest message of each key. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { OffsetMap } from "../../core/store/compaction/offset_map.ts";
import { segmentSizes } from "../../core/store/compaction/segment.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { bytesOf, hex, linesLog, type MessageParts, openStore, pull, putNow, SMALL } from "./support.ts";

const TOPIC = "TopicA";
const QUEUE = { topic: TOPIC, queueId: 0 };
const ATTRIBUTES = (topic: string) => (topic === TOPIC ? { "cleanup.policy": "COMPACTION" } : {});
/** Nine records a segment at most, for which 2,760 bytes are room enough. */
const ON: StoreSettingsInput = {
  ...SMALL,
  compactionCqMappedFileSize: 460,
  compactionMappedFileSize: 2300,
  compactionScheduleInternal: 1000,
};
const LOG = "/store/compaction/compactionLog/TopicA/0";
const CQ = "/store/compaction/compactionCq/TopicA/0";
const POSITIONS = "/store/compaction/position-checkpoint";
const FIRST = "00000000000000000000";

const open = (runtime: SimRuntime, input = ON, log = linesLog()): Promise<DefaultMessageStore> =>
  openStore(runtime, "/store", input, log, ATTRIBUTES);

const send = (store: DefaultMessageStore, key: string, text: string, more: MessageParts = {}) =>
  putNow(store, { keys: key, text, ...more });

/** `offset text` of everything that can be pulled. */
async function all(store: DefaultMessageStore): Promise<string[]> {
  const found: string[] = [];
  for (let offset = 0; ; ) {
    const result = await pull(store, offset, { max: 5 });
    if (result.status !== "FOUND") return found;
    for (const { queueOffset, body } of result.messages) found.push(`${queueOffset} ${new TextDecoder().decode(body)}`);
    offset = result.nextBeginOffset;
  }
}

/** Messages i with key i % keys. */
async function fill(store: DefaultMessageStore, from: number, to: number, keys = 3): Promise<void> {
  for (let i = from; i < to; i++) await send(store, `k${i % keys}`, `v${i}`);
}

describe("sizes", () => {
  test("are Apache's", () => {
    expect(segmentSizes(104_857_600, 10_485_760)).toEqual({ logBytes: 104_857_460, cqBytes: 10_485_746 });
    expect(segmentSizes(2300, 460)).toEqual({ logBytes: 2760, cqBytes: 460 });
    expect(segmentSizes(100, 460)).toEqual({ logBytes: 2300, cqBytes: 460 });
  });
});

describe("the map of keys", () => {
  const digest = (key: string): Uint8Array => {
    const bytes = new Uint8Array(16);
    bytes.set(encodeUtf8(key).subarray(0, 16));
    return bytes;
  };

  test("keeps the newest offset of each, and is full at its bound", () => {
    const map = new OffsetMap(24 * 1000, digest);
    for (let i = 0; i < 1000; i++) expect(map.put(`key${i}`, i)).toBe(true);
    expect(map.put("one more", 1000)).toBe(false);
    expect(map.put("key7", 2000)).toBe(true);
    expect([map.get("key7"), map.get("key8"), map.get("none"), map.lastOffset]).toEqual([2000, 8, -1, 2000]);
  });
});

describe("a compacted topic", () => {
  test("is pulled from its own log: statuses, limits, any tag, and what has no key is not there", async () => {
    const store = await open(simRuntime());
    expect((await pull(store, 0)).status).toBe("NO_MATCHED_LOGIC_QUEUE");
    await fill(store, 0, 20);
    await putNow(store, { text: "no key" });
    expect((await all(store)).length).toBe(20);
    expect(store.maxOffset(QUEUE)).toBe(21);
    expect(await pull(store, 20)).toMatchObject({ status: "OFFSET_OVERFLOW_ONE", minOffset: 0, maxOffset: 20 });
    expect(await pull(store, 22)).toMatchObject({ status: "OFFSET_OVERFLOW_BADLY", nextBeginOffset: 0 });
    const few = await pull(store, 3, { max: 2, tags: ["other"] });
    expect([few.messageCount, few.nextBeginOffset]).toEqual([2, 5]);
    expect((await pull(store, 3, { bytes: 1 })).messageCount).toBe(1);
    await store.close();
  });

  test("has part in the bound on answers that wait for the disk: for who is gone meanwhile nothing is read", async () => {
    const runtime = simRuntime();
    // Two records of a megabyte a pull: more than eight pulls are more than may wait.
    const large = { ...ON, compactionMappedFileSize: 4_000_000, mappedFileSizeCommitLog: 64_000_000 };
    const store = await open(runtime, { ...large, maxTransferBytesOnMessageInDisk: 4_000_000, accessMessageInMemoryMaxRatio: 0 });
    for (let i = 0; i < 24; i++) await send(store, `k${i}`, "x".repeat(1_000_000));
    runtime.disk.faults.readMs = [50, 50];
    const limits = { messagesMax: 2, bytesMax: 4_000_000 };
    const peer = { closed: false, caughtUp: () => undefined };
    let answered = 0;
    const others = Array.from({ length: 20 }, async () => {
      const found = await store.get(QUEUE, 0, limits, undefined);
      answered++;
      return found.messageCount;
    });
    const late = store.get(QUEUE, 0, { ...limits, asker: peer }, undefined);
    await runtime.clock.advance(60);
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(20);
    peer.closed = true;
    while (answered < 20) await runtime.clock.advance(50);
    expect(await Promise.all(others)).toEqual(Array.from({ length: 20 }, () => 2));
    expect(await late).toMatchObject({ status: "NO_MATCHED_MESSAGE", nextBeginOffset: 0, maxOffset: 24, queueEnd: 24 });
    runtime.disk.faults.readMs = [0, 0];
    // A round may be reading.
    const closed = store.close();
    await runtime.clock.advance(100);
    await closed;
  });

  test("with enableCompaction=false it is an ordinary topic", async () => {
    const runtime = simRuntime();
    const store = await open(runtime, { ...ON, enableCompaction: false });
    await fill(store, 0, 5);
    expect((await all(store)).length).toBe(5);
    expect(runtime.files.exists("/store/compaction")).toBe(false);
    await store.close();
  });

  test("Apache's files: records with their place in the log, units, the marks at a file's end", async () => {
    const runtime = simRuntime({ epochMs: 0x1a1fcbb9a3f });
    const store = await open(runtime);
    await fill(store, 0, 12);
    await store.close();
    const unit = (position: string, offset: string) =>
      `${position}0000006b${"0".repeat(16)}000001a1fcbb9a3f${offset}0001ffffffff00000000`;
    const cq = `${CQ}/${FIRST}`;
    expect(hex(bytesOf(runtime, cq, 0, 46))).toBe(unit("0000000000000000", "0000000000000000"));
    expect(hex(bytesOf(runtime, cq, 46, 46))).toBe(unit("000000000000006b", "0000000000000001"));
    expect(hex(bytesOf(runtime, cq, 414, 46))).toBe(`ffffffffffffffff${"0".repeat(60)}ffffffff00000000`);
    expect(hex(bytesOf(runtime, `${LOG}/${FIRST}`, 0x6b + 20, 16))).toBe("0000000000000001000000000000006b");
    expect(hex(bytesOf(runtime, `${LOG}/${FIRST}`, 9 * 0x6b, 8))).toBe("00000705cbd43194");
    expect(runtime.files.list(LOG)).toEqual([FIRST, "00000000000000002760"]);
    expect(hex(bytesOf(runtime, `${CQ}/00000000000000002760`, 0, 8))).toBe("0000000000000ac8");
  });

  test("a round leaves the newest of each key in all files but the last; offsets stay; the position is kept", async () => {
    const runtime = simRuntime();
    let store = await open(runtime);
    await fill(store, 0, 40);
    await runtime.clock.advance(5000);
    // Segments hold nine: 0 to 35 are compacted, 36 to 39 are in the last.
    const expected = ["33 v33", "34 v34", "35 v35", "36 v36", "37 v37", "38 v38", "39 v39"];
    expect(await all(store)).toEqual(expected);
    expect(await pull(store, 5)).toMatchObject({ status: "FOUND", minOffset: 33, maxOffset: 40 });
    expect(runtime.files.list(LOG)).toEqual([FIRST, "00000000000000011040"]);
    expect(runtime.files.list(CQ)).toEqual([FIRST, "00000000000000011040"]);
    const text = new TextDecoder().decode(runtime.files.read(POSITIONS));
    expect(text).toBe('{\n\t"empty":false,\n\t"queueOffsetMap":{\n\t\t"TopicA_0":35\n\t}\n}');
    await store.close();
    store = await open(runtime);
    expect(await all(store)).toEqual(expected);
    await fill(store, 40, 60);
    await runtime.clock.advance(5000);
    expect(await all(store)).toEqual(["51 v51", "52 v52", "53 v53", "54 v54", "55 v55", "56 v56", "57 v57", "58 v58", "59 v59"]);
    await store.close();
  });

  test("an empty body says that a key is no more; a key that did not come again stays", async () => {
    const runtime = simRuntime();
    const store = await open(runtime);
    await send(store, "stays", "old");
    await send(store, "goes", "old");
    await send(store, "goes", "", { body: new Uint8Array(0) });
    await fill(store, 3, 30);
    await runtime.clock.advance(5000);
    const texts = await all(store);
    expect(texts[0]).toBe("0 old");
    expect(texts.some((text) => text.startsWith("1 ") || text.startsWith("2 "))).toBe(false);
    await store.close();
  });

  test("more keys than there is memory for: the round is given up, nothing is lost", async () => {
    const runtime = simRuntime();
    const log = linesLog();
    const store = await open(runtime, { ...ON, maxOffsetMapSize: 0 }, log);
    await fill(store, 0, 140, 1000);
    await runtime.clock.advance(5000);
    expect((await all(store)).length).toBe(140);
    expect(log.lines.some((line) => line.includes("maxOffsetMapSize"))).toBe(true);
    await store.close();
  });

  test("what expires in the commit log stays here; an idle log has no timer; a deleted topic takes all along", async () => {
    const runtime = simRuntime();
    const store = await open(runtime, { ...ON, fileReservedTime: 1 });
    await fill(store, 0, 100);
    await runtime.clock.advance(2 * 3_600_000);
    const removed = store.deleteExpiredCommitLogs();
    await runtime.clock.advance(10_000);
    expect(await removed).toBeGreaterThan(0);
    const left = await all(store);
    expect(left.length).toBeGreaterThan(2);
    expect(Number(left[0]?.split(" ")[0])).toBeLessThan(100);
    store.deleteTopics(new Set([TOPIC]));
    expect(runtime.files.exists("/store/compaction/compactionLog/TopicA")).toBe(false);
    expect((await pull(store, 0)).status).toBe("NO_MATCHED_LOGIC_QUEUE");
    await store.close();
  });
});

describe("recovery of a compaction log", () => {
  test("kill -9 and a power cut: what is in the commit log is here, once", async () => {
    for (const kind of ["kill", "power"] as const) {
      let runtime = simRuntime();
      let store = await open(runtime);
      await fill(store, 0, 20, 100);
      await store.durable(store.stats().maxPhysicalOffset, true);
      await fill(store, 20, 33, 100);
      runtime = runtime.crash(kind);
      store = await open(runtime);
      const count = store.maxOffset(QUEUE);
      expect(count).toBeGreaterThanOrEqual(kind === "kill" ? 33 : 20);
      expect(await all(store)).toEqual(Array.from({ length: count }, (_, i) => `${i} v${i}`));
      await fill(store, count, count + 10, 100);
      expect((await all(store)).length).toBe(count + 10);
      await store.close();
    }
  });

  test("lost files are made again from the commit log, and so is a log for which compaction was off", async () => {
    const runtime = simRuntime();
    let store = await open(runtime, { ...ON, enableCompaction: false });
    await fill(store, 0, 25, 100);
    await store.close();
    store = await open(runtime);
    expect((await all(store)).length).toBe(25);
    await store.close();
    runtime.files.removeTree(CQ);
    store = await open(runtime);
    expect((await all(store)).length).toBe(25);
    await store.close();
  });

  test("a round that a crash cuts short leaves the old files or the new ones, at every step", async () => {
    for (const kind of ["kill", "power"] as const) {
      for (let step = 1; ; step++) {
        let runtime = simRuntime();
        let store = await open(runtime);
        await fill(store, 0, 40);
        await runtime.clock.advance(900);
        let left = step;
        let crashed = false;
        const { files } = runtime;
        const ends = (path: string): boolean => {
          if (crashed) return true;
          if (!path.includes("compaction") || --left > 0) return false;
          crashed = true;
          throw new Error("the process ends here");
        };
        const counted =
          <A extends [path: string, ...rest: unknown[]]>(act: (...args: A) => void) =>
          (...args: A): void => {
            if (!ends(args[0])) act(...args);
          };
        Object.assign(files, {
          rename: counted(files.rename.bind(files)),
          remove: counted(files.remove.bind(files)),
          removeTree: counted(files.removeTree.bind(files)),
          write: counted(files.write.bind(files)),
        });
        await runtime.clock.advance(5000);
        runtime = runtime.crash(kind);
        store = await open(runtime);
        const texts = await all(store);
        expect([step, texts.slice(-7)]).toEqual([step, ["33 v33", "34 v34", "35 v35", "36 v36", "37 v37", "38 v38", "39 v39"]]);
        expect([7, 40]).toContain(texts.length);
        expect(runtime.files.list(LOG)).not.toContain("compacting");
        await runtime.clock.advance(5000);
        expect([kind, step, crashed, (await all(store)).length]).toEqual([kind, step, crashed, 7]);
        await store.close();
        if (!crashed) {
          expect(step).toBeGreaterThan(5);
          break;
        }
      }
    }
  });
});
