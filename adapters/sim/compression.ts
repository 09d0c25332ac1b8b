/**
 * The compression of the simulator: valid zlib of stored blocks, since real deflaters differ between the runtimes and a
 * simulation has to be the same on all of them. It inflates what any other zlib made.
 */
import type { Compression } from "../../core/runtime.ts";
import { hostCompression } from "../shared/compression.ts";

const STORED_BYTES_MAX = 0xffff;

export const simCompression: Compression = {
  /** CMF 0x78 | FLG 0x01 | stored blocks: last u8, length u16le, ~length u16le, bytes | Adler-32 u32be */
  deflate(bytes) {
    const blocks = Math.max(1, Math.ceil(bytes.length / STORED_BYTES_MAX));
    const out = new Uint8Array(2 + 5 * blocks + bytes.length + 4);
    const view = new DataView(out.buffer);
    view.setUint16(0, 0x7801);
    let at = 2;
    for (let block = 0; block < blocks; block++) {
      const part = bytes.subarray(block * STORED_BYTES_MAX, (block + 1) * STORED_BYTES_MAX);
      out[at] = block === blocks - 1 ? 1 : 0;
      view.setUint16(at + 1, part.length, true);
      view.setUint16(at + 3, ~part.length & 0xffff, true);
      out.set(part, at + 5);
      at += 5 + part.length;
    }
    view.setUint32(at, adler32(bytes));
    return out;
  },

  inflate: (bytes, bytesMax) => hostCompression.inflate(bytes, bytesMax),
  // In JavaScript, and so the same everywhere.
  lz4Writer: () => hostCompression.lz4Writer(),
  readLz4: (bytes, bytesMax) => hostCompression.readLz4(bytes, bytesMax),
  readZstd: (bytes, bytesMax) => hostCompression.readZstd(bytes, bytesMax),
};

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}
