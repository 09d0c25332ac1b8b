/** Check sums, digests and compression against published vectors. */
import { describe, expect, test } from "bun:test";
import { hostCompression } from "../../adapters/shared/compression.ts";
import { tableCrc32 } from "../../adapters/shared/digest.ts";
import { ADAPTERS } from "./adapters.ts";
import { bytesOf, expectSame, pattern } from "./peers.ts";

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

describe.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))("%s", (_name, adapter) => {
  const { runtime, stop } = adapter.start();
  stop();
  const { digest, compression, random } = runtime;

  // The check value of CRC-32/ISO-HDLC, and zlib's for the others.
  test.each([
    ["", 0],
    ["a", 0xe8b7be43],
    ["123456789", 0xcbf43926],
    ["The quick brown fox jumps over the lazy dog", 0x414fa339],
  ])("crc32 of %p", (text, crc) => {
    expect(digest.crc32(bytesOf(text))).toBe(crc);
    expect(tableCrc32()(bytesOf(text))).toBe(crc);
    expect(digest.crc32(bytesOf(`xx${text}yy`).subarray(2, 2 + text.length))).toBe(crc);
  });

  test("crc32 by table is the native one", () => {
    const bytes = pattern(100_001);
    expect(tableCrc32()(bytes)).toBe(digest.crc32(bytes));
  });

  // RFC 2202, cases 1, 2 and 7; RFC 1321, appendix A.5.
  test.each([
    ["0b".repeat(20), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"],
    [hex(bytesOf("Jefe")), "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"],
    [
      "aa".repeat(80),
      "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
      "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
    ],
  ])("hmacSha1 with key %s", (key, text, expected) => {
    const keyBytes = Uint8Array.from(key.match(/../g)!, (byte) => Number.parseInt(byte, 16));
    expect(hex(digest.hmacSha1(keyBytes, bytesOf(text)))).toBe(expected);
  });

  test.each([
    ["", "d41d8cd98f00b204e9800998ecf8427e"],
    ["abc", "900150983cd24fb0d6963f7d28e17f72"],
    ["message digest", "f96b697d7cb7938d525a2f31aaf161d0"],
  ])("md5 of %p", (text, expected) => {
    expect(hex(digest.md5(bytesOf(text)))).toBe(expected);
  });

  test.each([0, 1, 65_535, 65_536, 1_000_000])("%d bytes survive deflate and inflate", (length) => {
    const bytes = pattern(length);
    expectSame(compression.inflate(compression.deflate(bytes, 5), length), bytes);
  });

  test("inflate reads what Java's Deflater wrote", () => {
    // new Deflater(5) over "hello hello hello", JDK 17.
    const java = Uint8Array.of(0x78, 0x5e, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0x00, 0x3a, 0x2e, 0x06, 0x7d);
    expect(new TextDecoder().decode(compression.inflate(java, 17))).toBe("hello hello hello");
  });

  test("inflate takes a result of exactly the bound and refuses one byte more", () => {
    const bytes = compression.deflate(pattern(100_000), 5);
    expect(compression.inflate(bytes, 100_000).length).toBe(100_000);
    expect(() => compression.inflate(bytes, 99_999)).toThrow("larger than 99999 bytes");
    expect(() => compression.inflate(bytes, 0)).toThrow("larger than 0 bytes");
  });

  test("a small input that would become huge is refused without being inflated", () => {
    const bomb = hostCompression.deflate(new Uint8Array(60_000_000), 9);
    expect(bomb.length).toBeLessThan(100_000);
    const before = runtime.system.memory().residentBytes;
    expect(() => compression.inflate(bomb, 1_000)).toThrow("larger than 1000 bytes");
    expect(runtime.system.memory().residentBytes - before).toBeLessThan(30_000_000);
  });

  test("what is not zlib, or is cut short, is EBADMSG", () => {
    const whole = compression.deflate(pattern(1_000), 5);
    for (const bad of [bytesOf("not zlib at all"), whole.subarray(0, whole.length - 6), new Uint8Array(0)]) {
      let code: unknown;
      try {
        compression.inflate(bad, 10_000);
      } catch (error) {
        code = (error as { code?: unknown }).code;
      }
      expect(code).toBe("EBADMSG");
    }
  });

  test("dice stay within their bound and are not all alike", () => {
    const thrown = Array.from({ length: 1_000 }, () => random.below(6));
    expect([...new Set(thrown)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(random.below(1)).toBe(0);
    expect(random.below(2 ** 31)).toBeLessThan(2 ** 31);
    expect(random.bytes(32).length).toBe(32);
    expect(hex(random.bytes(16))).not.toBe(hex(random.bytes(16)));
  });
});
