import { describe, expect, test } from "bun:test";
import { ColdDataFlowControl } from "../../core/broker/messages/cold_data.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { Harness, newGroup, type Outcome, silentLog } from "./messages_harness.ts";

const limits = { coldDataFlowControlEnable: true, cgColdReadThreshold: 1000, globalColdReadThreshold: 1_000_000 };

const countOf = (outcome: Outcome | undefined): number => decodeRecords(outcome?.body ?? new Uint8Array(0)).length;

/** Twenty messages, all of them cold, and groups G (pushed to) and P (pulls) that may read 1,000 bytes in five seconds. */
async function coldQueue(settings: Record<string, unknown> = {}): Promise<Harness> {
  const harness = await Harness.open({
    settings: {
      coldDataFlowControlEnable: true,
      cgColdReadThreshold: 1000,
      accessMessageInMemoryHotRatio: 0,
      ...settings,
    },
  });
  harness.groups.set("P", newGroup("P"));
  harness.connect("G", []);
  harness.connect("P", [], { consumeType: "CONSUME_ACTIVELY" });
  for (let i = 0; i < 20; i++) await harness.send({ body: "x".repeat(200) });
  return harness;
}

const infoOf = async (harness: Harness) =>
  JSON.parse(new TextDecoder().decode((await harness.call("GET_COLD_DATA_FLOW_CTR_INFO", {}))?.body)) as {
    runtimeTable: Record<string, { coldAcc: number; lastColdReadTimeMills: number }>;
    configTable: Record<string, number>;
    globalAcc: number;
  };

const pull = (harness: Harness, consumerGroup: string, queueOffset = 0) =>
  harness.pull({ consumerGroup, queueOffset, maxMsgNums: 4, sysFlag: 4, subscription: "*" });

describe("cold data", () => {
  test("a pushed group that has read its share is told SYSTEM_BUSY until the five seconds are over", async () => {
    const harness = await coldQueue();
    expect(countOf(await pull(harness, "G"))).toBe(4);
    const refused = await pull(harness, "G", 4);
    expect(refused?.code).toBe(ResponseCode.SYSTEM_BUSY);
    expect(refused?.remark).toContain("This consumer group is reading cold data. It has been flow control");
    expect(refused?.remark).toContain("cgColdReadThreshold");
    await harness.runtime.clock.advance(5000);
    expect(countOf(await pull(harness, "G", 4))).toBe(4);
    await harness.close();
  });

  test("a pulling group is held, and then gets one message", async () => {
    const harness = await coldQueue();
    expect(countOf(await pull(harness, "P"))).toBe(4);
    let answer: Outcome | undefined;
    const pending = pull(harness, "P", 4).then((outcome) => {
      answer = outcome;
    });
    await harness.runtime.clock.advance(2999);
    expect(answer).toBeUndefined();
    // Other groups have shares of their own.
    expect(countOf(await pull(harness, "G"))).toBe(4);
    await harness.runtime.clock.advance(7000);
    await pending;
    expect(countOf(answer)).toBeGreaterThanOrEqual(1);
    expect(answer?.code).toBe(0);
    await harness.close();
  });

  test("while its share is used up by others of the group, a held pull gets one message only", async () => {
    const harness = await coldQueue();
    await pull(harness, "G");
    await harness.runtime.clock.advance(4000);
    expect(countOf(await pull(harness, "P"))).toBe(4);
    const pending = pull(harness, "P", 4);
    // The next window, one second before what is held since four seconds is looked at.
    await harness.runtime.clock.advance(4000);
    expect(countOf(await pull(harness, "P", 8))).toBe(4);
    await harness.runtime.clock.advance(1000);
    const outcome = await pending;
    expect(outcome?.code).toBe(0);
    expect(countOf(outcome)).toBe(1);
    await harness.close();
  });

  test("a stop answers what is held", async () => {
    const harness = await coldQueue();
    await pull(harness, "P");
    const pending = pull(harness, "P", 4);
    await harness.runtime.clock.advance(0);
    await harness.close();
    expect((await pending)?.code).toBe(0);
  });

  test("recent messages, and groups without the switch, are not held back", async () => {
    const recent = await coldQueue({ accessMessageInMemoryHotRatio: 40 });
    for (let i = 0; i < 5; i++) expect(countOf(await pull(recent, "G", i * 4))).toBe(4);
    expect((await infoOf(recent)).runtimeTable).toEqual({});
    await recent.close();
    const off = await coldQueue({ coldDataFlowControlEnable: false });
    for (let i = 0; i < 5; i++) expect(countOf(await pull(off, "G", i * 4))).toBe(4);
    await off.close();
  });

  test("with coldDataScanEnable, what the system holds in memory is not cold, however old", async () => {
    const harness = await coldQueue({ coldDataScanEnable: true });
    let isInMemory = true;
    harness.runtime.disk.faults.pagesInMemory = () => isInMemory;
    for (let i = 0; i < 5; i++) {
      expect(countOf(await pull(harness, "G", i * 4))).toBe(4);
      await harness.runtime.clock.advance(500);
    }
    expect((await infoOf(harness)).runtimeTable).toEqual({});
    isInMemory = false;
    await harness.runtime.clock.advance(61_000);
    await pull(harness, "G");
    await harness.runtime.clock.advance(500);
    expect(countOf(await pull(harness, "G"))).toBe(4);
    expect((await pull(harness, "G", 4))?.code).toBe(ResponseCode.SYSTEM_BUSY);
    await harness.close();
  });

  test("only what lies beyond accessMessageInMemoryHotRatio of the memory is cold, and only that is counted", async () => {
    const harness = await coldQueue({ coldDataFlowControlEnable: false });
    const body = (await harness.pull({ consumerGroup: "G", maxMsgNums: 20, sysFlag: 4, subscription: "*" }))?.body;
    const records = decodeRecords(body ?? new Uint8Array(0));
    const { clock } = harness.runtime;
    const endOffset = records.at(-1)!.physicalOffset + records.at(-1)!.totalSize;
    const control = (memoryBytes: number, accessMessageInMemoryHotRatio: number) =>
      new ColdDataFlowControl({
        clock,
        log: silentLog,
        memoryBytes,
        endOffset: () => endOffset,
        isOnDiskOnly: () => undefined,
        settings: { ...limits, accessMessageInMemoryHotRatio },
      });
    const behindTen = endOffset - records[10]!.physicalOffset;
    // The tenth from the end lies as far back as a tenth of the memory, which is not farther.
    const tenth = control(behindTen * 10, 10);
    expect(tenth.coldBytesOf(body!)).toBe(records[10]!.physicalOffset - records[0]!.physicalOffset);
    tenth.count("G", body!);
    expect(JSON.parse(tenth.describe())).toMatchObject({ globalAcc: records[10]!.physicalOffset - records[0]!.physicalOffset });
    expect(control(behindTen, 100).coldBytesOf(body!)).toBe(records[10]!.physicalOffset - records[0]!.physicalOffset);
    expect(control(endOffset, 100).coldBytesOf(body!)).toBe(0);
    expect(control(endOffset, 0).coldBytesOf(body!)).toBe(endOffset - records[0]!.physicalOffset);
    await harness.close();
  });

  test("all groups together have a share as well", async () => {
    const harness = await coldQueue({ cgColdReadThreshold: 100_000, globalColdReadThreshold: 1500 });
    expect(countOf(await pull(harness, "G"))).toBe(4);
    expect(countOf(await pull(harness, "P"))).toBe(4);
    expect((await pull(harness, "G", 4))?.code).toBe(ResponseCode.SYSTEM_BUSY);
    await harness.close();
  });

  test("a group's own threshold is set, shown and removed; counters go after a minute", async () => {
    const harness = await coldQueue();
    await harness.call("UPDATE_COLD_DATA_FLOW_CTR_CONFIG", {}, encodeUtf8("G=100000\n"));
    for (let i = 0; i < 3; i++) expect(countOf(await pull(harness, "G", i * 4))).toBe(4);
    const info = await infoOf(harness);
    expect(info.configTable).toEqual({ G: 100_000 });
    expect(info.runtimeTable["G"]?.coldAcc).toBeGreaterThan(2400);
    expect(info.globalAcc === info.runtimeTable["G"]?.coldAcc).toBe(true);
    await harness.call("REMOVE_COLD_DATA_FLOW_CTR_CONFIG", {}, encodeUtf8("G"));
    expect((await pull(harness, "G", 12))?.code).toBe(ResponseCode.SYSTEM_BUSY);
    await harness.runtime.clock.advance(60_000);
    expect(await infoOf(harness)).toMatchObject({ runtimeTable: {}, configTable: {}, globalAcc: 0 });
    const wrong = await harness.call("UPDATE_COLD_DATA_FLOW_CTR_CONFIG", {}, encodeUtf8("G=many\n"));
    expect(wrong).toMatchObject({
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'the threshold of G is a number of bytes, not "many"',
    });
    await harness.close();
  });
});
