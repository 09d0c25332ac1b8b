/** Bytes that Apache 5.5.0 wrote (protocol notes 13.5, 13.6), made again from the same messages at the same time. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { bytesOf, hex, message, openStore } from "./support.ts";

const UNIQ_KEY = "FD00000000000000000000000000000257DA30946E09675B848F0000";
/** In the order in which the broker's HashMap gave them. */
const PROPERTIES =
  `MSG_REGION|DefaultRegion;UNIQ_KEY|${UNIQ_KEY};CLUSTER|DefaultCluster;TAGS|TagA;color|red;KEYS|key1 key2;WAIT|true;TRACE_ON|true;`
    .replaceAll("|", "\u0001")
    .replaceAll(";", "\u0002");

const SENT = {
  topic: "T1",
  queueId: 1,
  bornTimestamp: 1_795_225_250_966,
  bornPort: 0xe492,
  storePort: 20_911,
  text: "hello",
} as const;

async function stored(epochMs: number, parts: Parameters<typeof message>[0], input: StoreSettingsInput = {}) {
  const runtime = simRuntime({ epochMs });
  const store = await openStore(runtime, "/store", input);
  store.append(message({ ...SENT, ...parts }));
  await store.close();
  return runtime;
}

describe("golden bytes of the store", () => {
  test("the first record of the log", async () => {
    const runtime = await stored(1_795_225_251_137, { tags: "TagA", properties: PROPERTIES });
    expect(hex(bytesOf(runtime, "/store/commitlog/00000000000000000000", 0, 272))).toBe(
      "0000010fdaa320a73610a68600000001000000000000000000000000000000000000000000000000000001a1fbc36c967f0000010000e492000001a1" +
        "fbc36d417f000001000051af0000000000000000000000000000000568656c6c6f02543100ad4d53475f524547494f4e0144656661756c745265" +
        "67696f6e02554e49515f4b45590146443030303030303030303030303030303030303030303030303030303030323537444133303934364530" +
        "3936373542383438463030303002434c55535445520144656661756c74436c75737465720254414753015461674102636f6c6f720172656402" +
        "4b455953016b657931206b657932025741495401747275650254524143455f4f4e017472756502" +
        "00",
    );
  });

  test("with enabledAppendPropCRC", async () => {
    const properties =
      "MSG_REGION|DefaultRegion;UNIQ_KEY|FD000000000000000000000000000002625E30946E0967610D5F0000;CLUSTER|DefaultCluster;TAGS|A;KEYS|k1;TRACE_ON|true;"
        .replaceAll("|", "\u0001")
        .replaceAll(";", "\u0002");
    const runtime = await stored(
      0x1a1fbc8f56d,
      { queueId: 0, bornTimestamp: 0x1a1fbc8f53d, bornPort: 0xb0d2, properties },
      { enabledAppendPropCRC: true },
    );
    expect(hex(bytesOf(runtime, "/store/commitlog/00000000000000000000", 0, 261))).toBe(
      "00000105daa320a73610a68600000000000000000000000000000000000000000000000000000000000001a1fbc8f53d7f0000010000b0d20000" +
        "01a1fbc8f56d7f000001000051af0000000000000000000000000000000568656c6c6f02543100a34d53475f524547494f4e0144656661756c74" +
        "526567696f6e02554e49515f4b455901464430303030303030303030303030303030303030303030303030303030303236323545333039343645" +
        "303936373631304435463030303002434c55535445520144656661756c74436c757374657202544147530141024b455953016b31025452414345" +
        "5f4f4e0174727565025f5f435243333223013537353839383035303002",
    );
  });

  test("units of the consume queue, and 300,000 of them in a file", async () => {
    const runtime = await stored(1_795_225_251_137, { tags: "TagA", properties: PROPERTIES });
    const path = "/store/consumequeue/T1/1/00000000000000000000";
    expect(hex(bytesOf(runtime, path, 0, 40))).toBe(`00000000000000000000010f000000000027a807${"00".repeat(20)}`);
    expect(runtime.files.stat(path)?.size).toBe(6_000_000);
  });

  test("delayed messages have their time of delivery in the consume queue", async () => {
    const runtime = await stored(1_795_225_251_379, { topic: "SCHEDULE_TOPIC_XXXX", queueId: 0, deliverDelayMs: 1000 });
    const unit = hex(bytesOf(runtime, "/store/consumequeue/SCHEDULE_TOPIC_XXXX/0/00000000000000000000", 12, 8));
    expect(unit).toBe("000001a1fbc3721b");
  });

  test("the index: header, entries 1 to 4, the slot of T1#key1, and the size of the file", async () => {
    const runtime = await stored(1_795_225_251_137, { tags: "TagA", properties: PROPERTIES });
    const [name] = runtime.files.list("/store/index");
    expect(name).toMatch(/^20261121\d{9}$/);
    const path = `/store/index/${name}`;
    expect(runtime.files.stat(path)?.size).toBe(420_000_040);
    expect(hex(bytesOf(runtime, path, 0, 40))).toBe(
      "000001a1fbc36d41" + "000001a1fbc36d41" + "0000000000000000" + "0000000000000000" + "00000004" + "00000005",
    );
    const rest = "0000000000000000" + "00000000" + "00000000";
    expect(hex(bytesOf(runtime, path, 40 + 20_000_000, 100))).toBe(
      "00".repeat(20) + ["668348b3", "4eb7b3e8", "4eb7b3e7", "55740fbc"].map((hash) => hash + rest).join(""),
    );
    expect(hex(bytesOf(runtime, path, 40 + 4 * 661_992, 4))).toBe("00000002");
  });

  test("checkpoint, lock and abort", async () => {
    const runtime = await stored(1_795_225_251_137, { tags: "TagA", properties: PROPERTIES });
    const checkpoint = runtime.files.read("/store/checkpoint");
    expect(checkpoint?.length).toBe(4096);
    // physicMsgTimestamp, logicsMsgTimestamp, indexMsgTimestamp; the last record is the first of the log.
    expect(hex(checkpoint?.subarray(0, 48))).toBe(`${"000001a1fbc36d41".repeat(3)}${"00".repeat(24)}`);
    expect(new TextDecoder().decode(runtime.files.read("/store/lock"))).toBe("lock");
    expect(runtime.files.exists("/store/abort")).toBe(false);
    const store = await openStore(runtime, "/store");
    expect(new TextDecoder().decode(runtime.files.read("/store/abort"))).toBe(String(runtime.system.pid));
    await store.close();
  });
});
