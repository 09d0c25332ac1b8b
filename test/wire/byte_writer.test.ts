import { describe, expect, test } from "bun:test";
import { ByteWriter } from "../../wire/byte_writer.ts";

describe("ByteWriter", () => {
  test.each([1, 2, 3, 7, 64])("writes the same bytes whatever its first capacity (%d)", (capacity) => {
    const writer = new ByteWriter(capacity);
    for (let i = 0; i < 20; i++) {
      writer.int8(i);
      writer.int16(-i);
      writer.int32(i * 1000);
      writer.int64(-i * 2 ** 40);
      writer.raw(new Uint8Array([i, i, i]));
      expect(writer.utf8("é€")).toBe(5);
    }
    const view = new DataView(writer.bytes.buffer);
    const entryBytes = 1 + 2 + 4 + 8 + 3 + 5;
    expect(writer.length).toBe(20 * entryBytes);
    for (let i = 0; i < 20; i++) {
      const at = i * entryBytes;
      expect(view.getInt8(at)).toBe(i);
      expect(view.getInt16(at + 1)).toBe(-i + 0);
      expect(view.getInt32(at + 3)).toBe(i * 1000);
      expect(view.getBigInt64(at + 7)).toBe(BigInt(-i) * 2n ** 40n);
      expect([...writer.bytes.subarray(at + 15, at + 18)]).toEqual([i, i, i]);
      expect(new TextDecoder().decode(writer.bytes.subarray(at + 18, at + 23))).toBe("é€");
    }
  });

  test("gives a buffer back that grew past what is kept", () => {
    const writer = new ByteWriter(8);
    writer.raw(new Uint8Array(5000));
    writer.reset(1024);
    expect(writer.bytes.length).toBe(1024);
    expect(writer.length).toBe(0);
  });
});
