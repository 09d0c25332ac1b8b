/** Records that are read where they lie say what decoded ones say, and refuse what those refuse. */
import { describe, expect, test } from "bun:test";
import { WireError } from "../../wire/errors.ts";
import { SYS_FLAG_BORNHOST_V6, writeRecord } from "../../wire/message.ts";
import { decodeRecords, type StoredMessage } from "../../wire/message_reader.ts";
import { type RecordView, viewRecords } from "../../wire/record_view.ts";

const input = {
  topic: "T",
  queueId: 3,
  flag: 7,
  sysFlag: 0,
  bornTimestamp: 1_700_000_000_123,
  bornHost: "10.0.0.1",
  bornPort: 4711,
  storeHost: "10.0.0.2",
  storePort: 10_911,
  reconsumeTimes: 2,
  preparedTransactionOffset: 99,
  body: new TextEncoder().encode("body"),
  properties: "TAGS\u0001a\u0002",
};

/** Several records: of two topics, one of them beyond V1's length, and with hosts of both kinds. */
function records(): Uint8Array {
  const bytes = new Uint8Array(8_192);
  let at = 0;
  const inputs = [
    input,
    { ...input, bornHost: "fe80::1" },
    { ...input, storeHost: "fe80::2", body: new Uint8Array(0) },
    { ...input, topic: "U" },
    { ...input, topic: "ü".repeat(200), properties: "" },
    input,
  ];
  for (const [i, each] of inputs.entries()) {
    const placement = { queueOffset: 2 ** 40 + i, physicalOffset: 2 ** 42 + at, storeTimestamp: 1_700_000_000_456, bodyCrc: 5 };
    at += writeRecord(bytes, at, each, placement);
  }
  return bytes.slice(0, at);
}

const FIELDS: readonly (keyof StoredMessage)[] = [
  "totalSize",
  "magic",
  "bodyCrc",
  "queueId",
  "flag",
  "queueOffset",
  "physicalOffset",
  "sysFlag",
  "bornTimestamp",
  "bornHost",
  "bornPort",
  "storeTimestamp",
  "storeHost",
  "storePort",
  "reconsumeTimes",
  "preparedTransactionOffset",
  "body",
  "topic",
  "properties",
];

describe("a view of a record", () => {
  test("has every field as it is decoded, wherever it lies and whatever came before", () => {
    const bytes = records();
    const [views, decoded] = [viewRecords(bytes), decodeRecords(bytes)];
    expect(views.length).toBe(decoded.length);
    for (const [i, record] of decoded.entries()) {
      expect(Object.keys(record).sort()).toEqual([...FIELDS].sort());
      for (const field of FIELDS) expect([field, views[i]?.[field]]).toEqual([field, record[field]]);
    }
    expect((views[1] as RecordView).sysFlag & SYS_FLAG_BORNHOST_V6).toBe(SYS_FLAG_BORNHOST_V6);
  });

  test("is refused where decoding is: every cut, and every length that was changed", () => {
    const bytes = records();
    const fault = (read: () => unknown): string | undefined => {
      try {
        read();
        return undefined;
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
        return (error as Error).message;
      }
    };
    for (let end = 0; end < bytes.length; end++) {
      const cut = bytes.slice(0, end);
      expect([end, fault(() => viewRecords(cut))]).toEqual([end, fault(() => decodeRecords(cut))]);
    }
    const [first] = decodeRecords(bytes);
    for (let at = 0; at < (first as StoredMessage).totalSize; at++) {
      const changed = bytes.slice(0, (first as StoredMessage).totalSize);
      changed[at] = (changed[at] as number) ^ 0x80;
      const wanted = fault(() => decodeRecords(changed));
      // What decoding finds in a text or a time is found here when that is asked for.
      const found = fault(() => viewRecords(changed).map((view) => FIELDS.map((field) => view[field])));
      expect([at, found]).toEqual([at, wanted]);
    }
  });
});
