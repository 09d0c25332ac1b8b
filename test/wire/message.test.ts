import { describe, expect, test } from "bun:test";
import { crc32 } from "node:zlib";
import { encodeUtf8, utf8Length } from "../../wire/bytes.ts";
import { WireError } from "../../wire/errors.ts";
import {
  MAGIC_V1,
  MAGIC_V2,
  placeRecord,
  type RecordInput,
  type RecordPlacement,
  recordSize,
  recordSizeBound,
  SYS_FLAG_BORNHOST_V6,
  SYS_FLAG_STOREHOST_V6,
  sealRecord,
  writeBlankRecord,
  writeRecord,
} from "../../wire/message.ts";
import {
  bodyCrcHolds,
  decodeRecord,
  decodeRecords,
  frameHolds,
  layoutOf,
  propertiesAt,
  propertyCrcHolds,
  readRecordHeader,
  readRecordMark,
} from "../../wire/message_reader.ts";
import { propertyOf } from "../../wire/properties.ts";
import { bytesOf, goldenRows, hexOf } from "./golden.ts";

/** Written by Apache's store: for made-up messages, and by a broker for those of a Java client. */
const records = [...goldenRows("records.txt"), ...goldenRows("log.txt")]
  .filter(([what]) => !(what ?? "").startsWith("blank"))
  .map(([what = "", hex = ""]) => ({ what, bytes: bytesOf(hex), sealed: what.includes("CRC property") }));

const input = (changes: Partial<RecordInput> = {}): RecordInput => ({
  topic: "TopicA",
  queueId: 3,
  flag: 7,
  sysFlag: 0,
  bornTimestamp: 1795225250966,
  bornHost: "127.0.0.1",
  bornPort: 58514,
  storeHost: "10.1.2.3",
  storePort: 10911,
  reconsumeTimes: 0,
  preparedTransactionOffset: 0,
  body: encodeUtf8("hello"),
  properties: "KEYS\u0001k1\u0002",
  ...changes,
});

const placement: RecordPlacement = {
  queueOffset: 5,
  physicalOffset: 2 ** 40,
  storeTimestamp: 1795225251137,
  bodyCrc: 0xffff_ffff,
};

function written(record: RecordInput, crc?: (bytes: Uint8Array) => number, batchEntry = false): Uint8Array {
  const target = new Uint8Array(recordSizeBound(record) + 3);
  const size = writeRecord(target, 3, record, placement, crc, batchEntry);
  return target.slice(3, 3 + size);
}

describe("records of Apache's store", () => {
  test.each(records)("$what: decoded and written again, byte for byte", ({ bytes, sealed }) => {
    const message = decodeRecord(bytes);
    expect(message.totalSize).toBe(bytes.length);
    // The sender's text had no CRC; the encoder takes out one that a client sent.
    const target = new Uint8Array(recordSizeBound(message));
    const size = writeRecord(target, 0, message, message, sealed ? crc32 : undefined);
    expect(hexOf(target.subarray(0, size))).toBe(hexOf(bytes));
  });

  test.each(records)("$what: the CRCs hold, and fail when a byte changes", ({ bytes, sealed }) => {
    const layout = layoutOf(bytes);
    expect(bodyCrcHolds(bytes, layout, crc32)).toBe(true);
    expect(propertyCrcHolds(bytes, layout, crc32)).toBe(sealed ? true : undefined);
    const broken = bytes.slice();
    broken[layout.bodyAt] = (broken[layout.bodyAt] as number) ^ 1;
    expect(bodyCrcHolds(broken, layout, crc32)).toBe(false);
    if (sealed) expect(propertyCrcHolds(broken, layout, crc32)).toBe(false);
  });

  test.each(records)("$what: its frame holds, and its properties are found without the rest", ({ bytes }) => {
    const moved = new Uint8Array(bytes.length + 12);
    moved.set(bytes, 5);
    expect(frameHolds(moved, 5, bytes.length)).toBe(true);
    expect(propertiesAt(moved, 5)).toBe(5 + layoutOf(bytes).propertiesAt);
  });

  test.each(records.slice(0, 6))("$what: cut at every length", ({ bytes }) => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeRecord(bytes.slice(0, length))).toThrow(WireError);
    }
  });

  test("every field is where it belongs", () => {
    const { bytes } = records.find(({ what }) => what === "the first record of a log") as { bytes: Uint8Array };
    const { body, properties, ...fields } = decodeRecord(bytes);
    expect(new TextDecoder().decode(body)).toBe("hello");
    expect(propertyOf(properties, "UNIQ_KEY")).toBe("FD00000000000000000000000000000257DA30946E09675B848F0000");
    expect(fields).toEqual({
      totalSize: 271,
      magic: MAGIC_V1,
      bodyCrc: 0x3610a686,
      queueId: 1,
      flag: 0,
      queueOffset: 0,
      physicalOffset: 0,
      sysFlag: 0,
      bornTimestamp: 1795225250966,
      bornHost: "127.0.0.1",
      bornPort: 58514,
      storeTimestamp: 1795225251137,
      storeHost: "127.0.0.1",
      storePort: 20911,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      topic: "T1",
    });
  });

  test("hosts are read as the literals they were", () => {
    const hosts = records.slice(0, 4).map(({ bytes }) => decodeRecord(bytes));
    expect(hosts.map(({ bornHost }) => bornHost)).toEqual(["127.0.0.1", "2001:db8::1:0:0:5", "127.0.0.1", "fe80::1"]);
    expect(hosts.map(({ storeHost }) => storeHost)).toEqual(["10.1.2.3", "10.1.2.3", "::1", "2001:db8::ff"]);
  });

  test("a pull's body is the records one after another", () => {
    const bytes = bytesOf(records.map((record) => hexOf(record.bytes)).join(""));
    expect(decodeRecords(bytes).map(({ totalSize }) => totalSize)).toEqual(records.map((record) => record.bytes.length));
  });

  test("the blank that ends a file", () => {
    for (const [what = "", hex = ""] of goldenRows("records.txt").filter(([name]) => (name ?? "").startsWith("blank"))) {
      const gap = 4096 - Number(/byte (\d+)/.exec(what)?.[1]);
      const ours = new Uint8Array(8);
      writeBlankRecord(ours, 0, gap);
      expect(hexOf(ours)).toBe(hex);
      expect(readRecordMark(ours)).toEqual({ kind: "blank", size: gap, magic: -875286124 });
    }
  });
});

describe("writeRecord", () => {
  test("the size is what recordSize says, within the bound", () => {
    for (const record of [
      input(),
      input({ bornHost: "::1" }),
      input({ storeHost: "2001:db8::5" }),
      input({ bornHost: "::ffff:10.0.0.1" }),
      input({ topic: "主题", properties: "a\u0001值\u0002" }),
      input({ properties: encodeUtf8("a\u0001值\u0002") }),
      input({ body: new Uint8Array(0), properties: "" }),
    ]) {
      const { body, topic, properties } = record;
      const propertiesBytes = typeof properties === "string" ? utf8Length(properties) : properties.length;
      const bytes = written(record);
      expect(bytes.length).toBe(recordSize(body.length, utf8Length(topic), propertiesBytes, record));
      expect(bytes.length).toBeLessThanOrEqual(recordSizeBound(record));
      expect(decodeRecord(bytes).topic).toBe(topic);
    }
  });

  test("sysFlag's host bits follow the hosts, whatever the sender's were", () => {
    const lie = SYS_FLAG_BORNHOST_V6 | SYS_FLAG_STOREHOST_V6 | 1;
    expect(readRecordHeader(written(input({ sysFlag: lie }))).sysFlag).toBe(1);
    expect(readRecordHeader(written(input({ bornHost: "::1" }))).sysFlag).toBe(SYS_FLAG_BORNHOST_V6);
    expect(readRecordHeader(written(input({ storeHost: "::1" }))).sysFlag).toBe(SYS_FLAG_STOREHOST_V6);
  });

  test("an IPv4 address mapped into IPv6 is IPv4", () => {
    expect(decodeRecord(written(input({ bornHost: "::ffff:10.0.0.1" }))).bornHost).toBe("10.0.0.1");
  });

  test("only the low 31 bits of the body's CRC are kept", () => {
    expect(readRecordHeader(written(input())).bodyCrc).toBe(0x7fff_ffff);
  });

  test("V2 from 128 UTF-16 units of topic on", () => {
    expect(readRecordHeader(written(input({ topic: "t".repeat(127) }))).magic).toBe(MAGIC_V1);
    expect(readRecordHeader(written(input({ topic: "t".repeat(128) }))).magic).toBe(MAGIC_V2);
  });

  test("a record is placed anew and sealed again", () => {
    const record = written(input({ bornHost: "::1" }), crc32);
    placeRecord(record, 0, { queueOffset: 9, physicalOffset: 77, storeTimestamp: 88 });
    expect(propertyCrcHolds(record, layoutOf(record), crc32)).toBe(false);
    sealRecord(record, 0, record.length, crc32);
    expect(propertyCrcHolds(record, layoutOf(record), crc32)).toBe(true);
    const { queueOffset, physicalOffset, storeTimestamp } = readRecordHeader(record);
    expect([queueOffset, physicalOffset, storeTimestamp]).toEqual([9, 77, 88]);
  });

  test("a client's own CRC property is taken out", () => {
    const record = written(input({ properties: "a\u0001b\u0002__CRC32#\u00010000000000\u0002" }), crc32);
    expect(decodeRecord(record).properties.match(/__CRC32#/g)?.length).toBe(1);
    expect(propertyCrcHolds(record, layoutOf(record), crc32)).toBe(true);
  });

  test("an unended text gets its 0x02 before the CRC block, an entry of a batch does not", () => {
    const properties = "a\u0001b";
    expect(decodeRecord(written(input({ properties }), crc32)).properties.slice(0, 12)).toBe("a\u0001b\u0002__CRC32#");
    expect(decodeRecord(written(input({ properties }), crc32, true)).properties.slice(0, 11)).toBe("a\u0001b__CRC32#");
  });

  test.each([
    { what: "a topic beyond its length byte", changes: { topic: "主".repeat(100) } },
    { what: "properties beyond int16", changes: { properties: `a\u0001${"b".repeat(32_765)}\u0002` } },
    { what: "a host name", changes: { bornHost: "localhost" } },
    { what: "an IPv4 address of five parts", changes: { storeHost: "1.2.3.4.5" } },
    { what: "an IPv4 part of 256", changes: { storeHost: "1.2.3.256" } },
    { what: "an IPv6 address of nine groups", changes: { bornHost: "1:2:3:4:5:6:7:8:9" } },
    { what: "an IPv6 address with two gaps", changes: { bornHost: "1::2::3" } },
    { what: "a port of 65536", changes: { bornPort: 65_536 } },
  ])("refused: $what", ({ changes }) => {
    expect(() => written(input(changes))).toThrow(WireError);
  });
});

describe("layoutOf", () => {
  const at = { magic: 4, size: 0, body: 84 };

  test.each([
    { what: "an unknown magic", place: at.magic, value: 1, message: /magic 0x1 at byte 4/ },
    {
      what: "a size beyond the bytes",
      place: at.size,
      value: 1 << 20,
      message: /record size 1048576 at byte 0 is outside 91\.\./,
    },
    { what: "a size below the minimum", place: at.size, value: 90, message: /record size 90/ },
    { what: "a negative size", place: at.size, value: -1, message: /record size -1/ },
    { what: "a body beyond the record", place: at.body, value: 1000, message: /body length 1000/ },
    { what: "a negative body length", place: at.body, value: -5, message: /body length -5/ },
  ])("$what", ({ place, value, message }) => {
    const record = written(input());
    new DataView(record.buffer).setInt32(place, value);
    expect(() => layoutOf(record)).toThrow(message);
  });

  test("lengths that do not fill the record", () => {
    const record = written(input());
    new DataView(record.buffer).setInt32(at.body, 4);
    expect(() => layoutOf(record)).toThrow(WireError);
  });

  test("an offset beyond 2^53 is refused, not rounded", () => {
    const record = written(input());
    new DataView(record.buffer).setBigInt64(28, 2n ** 53n);
    expect(() => decodeRecord(record)).toThrow(/physical offset at byte 28 is 9007199254740992, beyond/);
  });
});

test("readRecordMark tells the end of valid data from records", () => {
  expect(readRecordMark(new Uint8Array(8)).kind).toBe("end");
  expect(readRecordMark(written(input())).kind).toBe("message");
});
