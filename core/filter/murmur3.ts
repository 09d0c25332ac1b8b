/** MurmurHash3 x64 128, seed 0: the first 64 bits of the hash, which is all that the Bloom filter of 5.5.0 uses (Guava's asLong). */

const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotate = (value: bigint, by: bigint): bigint => wrap((value << by) | (value >> (64n - by)));
const mix1 = (k: bigint): bigint => wrap(rotate(wrap(k * C1), 31n) * C2);
const mix2 = (k: bigint): bigint => wrap(rotate(wrap(k * C2), 33n) * C1);

function avalanche(value: bigint): bigint {
  let h = wrap((value ^ (value >> 33n)) * 0xff51afd7ed558ccdn);
  h = wrap((h ^ (h >> 33n)) * 0xc4ceb9fe1a85ec53n);
  return h ^ (h >> 33n);
}

/** 0..2^64-1. Not for hot paths: it computes with bigint. */
export function murmur3Low64(bytes: Uint8Array): bigint {
  let h1 = 0n;
  let h2 = 0n;
  const whole = bytes.length - (bytes.length % 16);
  for (let at = 0; at < whole; at += 16) {
    h1 = wrap((rotate(h1 ^ mix1(littleEndian(bytes, at, 8)), 27n) + h2) * 5n + 0x52dce729n);
    h2 = wrap((rotate(h2 ^ mix2(littleEndian(bytes, at + 8, 8)), 31n) + h1) * 5n + 0x38495ab5n);
  }
  const rest = bytes.length - whole;
  if (rest > 8) h2 ^= mix2(littleEndian(bytes, whole + 8, rest - 8));
  if (rest > 0) h1 ^= mix1(littleEndian(bytes, whole, Math.min(8, rest)));
  const length = BigInt(bytes.length);
  h1 = wrap((h1 ^ length) + (h2 ^ length));
  h2 = wrap((h2 ^ length) + h1);
  return wrap(avalanche(h1) + avalanche(h2));
}

function littleEndian(bytes: Uint8Array, at: number, count: number): bigint {
  let value = 0n;
  for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i] as number);
  return value;
}
