/** Check sums and message digests from `node:crypto` and `node:zlib`. */
import { createHash, createHmac, getRandomValues } from "node:crypto";
import * as zlib from "node:zlib";
import type { Digest, Random } from "../../core/runtime.ts";

/** Absent before Node 20.15, so it is asked for by name and may be missing. */
const nativeCrc32 = (zlib as { crc32?: (bytes: Uint8Array) => number }).crc32;

export const hostDigest: Digest = {
  crc32: nativeCrc32 === undefined ? tableCrc32() : (bytes) => nativeCrc32(bytes),
  hmacSha1: (key, bytes) => new Uint8Array(createHmac("sha1", key).update(bytes).digest()),
  md5: (bytes) => new Uint8Array(createHash("md5").update(bytes).digest()),
};

export const hostRandom: Random = {
  below: (bound) => Math.floor(Math.random() * bound),
  bytes: (length) => getRandomValues(new Uint8Array(length)),
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
