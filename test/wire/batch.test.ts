import { describe, expect, test } from "bun:test";
import { decodeBatch, encodeBatch } from "../../wire/batch.ts";
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { WireError } from "../../wire/errors.ts";
import { propertyOf } from "../../wire/properties.ts";
import { bytesOf, goldenRows, hexOf } from "./golden.ts";

const captured = goldenRows("captured.txt").find(([what]) => what === "SEND_BATCH_MESSAGE (320), 3 messages")?.[3] ?? "";
const batch = bytesOf(captured.slice("hex:".length));

describe("the body of SEND_BATCH_MESSAGE", () => {
  test("a Java client's is read, and written again byte for byte", () => {
    const entries = decodeBatch(batch);
    expect(entries.map(({ body }) => decodeUtf8(body))).toEqual(["batch0", "batch1", "batch2"]);
    expect(entries.map(({ properties }) => propertyOf(properties, "TAGS"))).toEqual(["TagC", "TagC", "TagC"]);
    expect(entries.map(({ flag }) => flag)).toEqual([0, 0, 0]);
    expect(hexOf(encodeBatch(entries))).toBe(hexOf(batch));
  });

  test("an empty body has no entries", () => {
    expect(decodeBatch(new Uint8Array(0))).toEqual([]);
    expect(encodeBatch([]).length).toBe(0);
  });

  test("the shortest entry", () => {
    const bytes = encodeBatch([{ flag: -1, body: new Uint8Array(0), properties: "" }]);
    expect(bytes.length).toBe(22);
    expect(decodeBatch(bytes)).toEqual([{ flag: -1, body: new Uint8Array(0), properties: "" }]);
  });

  test("cut at every length but between entries", () => {
    const ends = new Set([0, 122, 244, batch.length]);
    for (let length = 0; length <= batch.length; length++) {
      const cut = batch.subarray(0, length);
      if (ends.has(length)) expect(decodeBatch(cut).length).toBe(length / 122);
      else expect(() => decodeBatch(cut)).toThrow(WireError);
    }
  });

  test("more entries than allowed", () => {
    expect(() => decodeBatch(batch, 2)).toThrow("the batch has more than 2 entries");
    expect(decodeBatch(batch, 3).length).toBe(3);
  });

  test.each([
    { what: "a size below the minimum", at: 0, value: 21 },
    { what: "a size of zero, which would loop", at: 0, value: 0 },
    { what: "a negative size", at: 0, value: -1 },
    { what: "a size beyond the batch", at: 0, value: 100_000 },
    { what: "a body beyond the entry", at: 16, value: 1000 },
    { what: "a negative body length", at: 16, value: -6 },
    { what: "a body that leaves the properties too long", at: 16, value: 7 },
  ])("refused: $what", ({ at, value }) => {
    const broken = batch.slice();
    new DataView(broken.buffer).setInt32(at, value);
    expect(() => decodeBatch(broken)).toThrow(WireError);
  });

  test("properties beyond int16 are refused by the encoder", () => {
    const properties = `a\u0001${"b".repeat(32_766)}`;
    expect(() => encodeBatch([{ flag: 0, body: encodeUtf8("x"), properties }])).toThrow(WireError);
  });
});
