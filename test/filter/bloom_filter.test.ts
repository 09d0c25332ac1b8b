import { describe, expect, test } from "bun:test";
import { BloomFilter, setBits } from "../../core/filter/bloom_filter.ts";
import { murmur3Low64 } from "../../core/filter/murmur3.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";

describe("the Bloom filter of consumer groups", () => {
  const filter = new BloomFilter(20, 32);

  test("has the size of Apache's with default keys", () => {
    expect([filter.bitCount, filter.hashCount]).toEqual([112, 3]);
  });

  test("places bits where a consumerFilter.json of 5.5.0 has them", () => {
    expect(filter.generate("GSQL", "TSQL")).toEqual({ bitNum: 112, bitPos: [76, 14, 64] });
  });

  test("says no only when a message certainly does not pass", () => {
    const bits = filter.newBits();
    const mine = filter.generate("G", "T");
    expect(filter.mayHit(mine, bits)).toBe(false);
    setBits(mine, bits);
    expect(filter.mayHit(mine, bits)).toBe(true);
    expect(filter.mayHit(mine, new Uint8Array(3))).toBe(true);
  });

  test("data of another size or beyond the bits is not its own", () => {
    expect(filter.isValid(filter.generate("G", "T"))).toBe(true);
    expect(filter.isValid(undefined)).toBe(false);
    expect(filter.isValid(new BloomFilter(10, 32).generate("G", "T"))).toBe(false);
    expect(filter.isValid({ bitNum: 112, bitPos: [1, 2, 112] })).toBe(false);
  });
});

test.each([
  ["", 0n],
  ["hello", 14688674573012802306n],
  ["G#T", 7050150325894562489n],
  ["0123456789abcdef", 5467490433528156583n],
  ["0123456789abcdefghijklmnopqrstuvwxyz", 17269855864265797013n],
  ["ä€", 8969962810802668632n],
])("murmur3 of %p is Guava's", (text, expected) => {
  expect(murmur3Low64(encodeUtf8(text))).toBe(expected);
});
