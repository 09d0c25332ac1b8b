/** Check sums and message digests from `node:crypto` and `node:zlib`. */
import type { Digest, Random } from "../../core/runtime.ts";
import { builtin } from "./builtin.ts";

interface Crc32 {
  readonly crc32: (bytes: Uint8Array) => number;
}

/** As fast as zlib's, which does not have to be loaded for it. */
const { crc32: bunCrc32 } = (globalThis as { readonly Bun?: { readonly hash: Crc32 } }).Bun?.hash ?? {};
/** Absent before Node 20.15. */
const nativeCrc32 = bunCrc32 ?? (builtin("node:zlib") as Partial<Crc32>).crc32;

export const hostDigest: Digest = {
  crc32: nativeCrc32 === undefined ? tableCrc32() : (bytes) => nativeCrc32(bytes),
  hmacSha1: (key, bytes) => new Uint8Array(builtin("node:crypto").createHmac("sha1", key).update(bytes).digest()),
  md5: (bytes) => new Uint8Array(builtin("node:crypto").createHash("md5").update(bytes).digest()),
};

export const hostRandom: Random = {
  below: (bound) => Math.floor(Math.random() * bound),
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

/** CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320) byte by byte: about 4 ns a byte. */
export function tableCrc32(): (bytes: Uint8Array) => number {
  const table = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    table[n] = c;
  }
  return (bytes) => {
    let crc = 0xffffffff;
    for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
  };
}
