/**
 * ZSTD frames. Bun, Deno and Node from 22.15 on have them built in; on older Nodes they are read by a library in JavaScript, and
 * not written.
 */
import { Decompress } from "fzstd";
import { builtin } from "./builtin.ts";
import { Fault, faultOf } from "./fault.ts";

/** Not in the types of Node 20. */
interface Zstd {
  readonly zstdCompressSync?: (bytes: Uint8Array, options: { params: Record<number, number> }) => Uint8Array;
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
}
const zlib = (): Zstd => builtin("node:zlib") as Zstd;
/** ZSTD_c_compressionLevel. */
const COMPRESSION_LEVEL = 100;
const MAGIC = 0xfd2fb528;
/** Writers that do not know the length ask for more than it comes to; what the RFC wants every reader to have. */
const WINDOW_BYTES = 8 * 1024 * 1024;

/** Undefined where this runtime has none. @param level 1..22 */
export function zstdWriter(): ((bytes: Uint8Array, level: number) => Uint8Array) | undefined {
  const { zstdCompressSync } = zlib();
  return zstdCompressSync && ((bytes, level) => zstdCompressSync(bytes, { params: { [COMPRESSION_LEVEL]: level } }));
}

/** @throws Fault `EMSGSIZE` beyond the bound; `EBADMSG` for bytes that are no ZSTD frame. */
export function readZstd(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const { zstdDecompressSync: read } = zlib();
  const tried = `Cannot decompress ${bytes.length} bytes of ZSTD`;
  const frame = frameOf(bytes);
  checkWhole(bytes, frame);
  try {
    const whole =
      read === undefined ? readZstdInJavaScript(bytes, bytesMax) : read(bytes, { maxOutputLength: Math.max(1, bytesMax) });
    if (whole.length <= bytesMax) return whole;
  } catch (error) {
    if (error instanceof Fault) throw error;
    if (faultOf(error, tried).code !== "ERR_BUFFER_TOO_LARGE") throw new Fault("EBADMSG", `${tried}: ${String(error)}`, error);
  }
  throw tooLarge(bytes, bytesMax);
}

const tooLarge = (bytes: Uint8Array, bytesMax: number): Fault =>
  new Fault("EMSGSIZE", `Cannot decompress ${bytes.length} bytes: the result is larger than ${bytesMax} bytes`);

/** Piece by piece, so that what comes out is counted before it is kept. */
export function readZstdInJavaScript(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (frameOf(bytes).windowBytes > Math.max(bytesMax, WINDOW_BYTES)) throw tooLarge(bytes, bytesMax);
  const pieces: Uint8Array[] = [];
  let size = 0;
  const decompress = new Decompress((piece) => {
    size += piece.length;
    if (size > bytesMax) throw tooLarge(bytes, bytesMax);
    pieces.push(piece);
  });
  decompress.push(bytes, true);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

interface Frame {
  /** What it asks its reader to keep: the library makes that at once. */
  readonly windowBytes: number;
  readonly headerBytes: number;
  readonly checksum: boolean;
}

/**
 *   frame   magic u32le | descriptor u8 | window u8 unless single | dictionary 0, 1, 2 or 4 bytes | content size 0 (single: 1), 2, 4
 *           or 8 bytes | blocks | checksum u32le if descriptor & 4
 *   block   u24le: last 1 bit, kind 2 bits (1: one byte, repeated), size 21 bits | bytes
 *
 * RFC 8878, 3.1.1.
 */
function frameOf(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 6 || view.getUint32(0, true) !== MAGIC) throw bad(bytes, "it does not begin as a ZSTD frame");
  const descriptor = view.getUint8(4);
  const single = (descriptor & 0x20) !== 0;
  const contentAt = 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] as number);
  const contentBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  const headerBytes = contentAt + contentBytes;
  const checksum = (descriptor & 4) !== 0;
  if (headerBytes > bytes.length) throw bad(bytes, "its header is cut off");
  if (!single) {
    const window = view.getUint8(5);
    const base = 2 ** (10 + (window >> 3));
    return { windowBytes: base + (base / 8) * (window & 7), headerBytes, checksum };
  }
  if (contentBytes === 1) return { windowBytes: view.getUint8(contentAt), headerBytes, checksum };
  if (contentBytes === 2) return { windowBytes: view.getUint16(contentAt, true) + 256, headerBytes, checksum };
  const windowBytes = contentBytes === 4 ? view.getUint32(contentAt, true) : Number(view.getBigUint64(contentAt, true));
  return { windowBytes, headerBytes, checksum };
}

/** Of a frame that is cut off Bun and Deno give what they have, and say nothing. */
function checkWhole(bytes: Uint8Array, { headerBytes, checksum }: Frame): void {
  let at = headerBytes;
  for (;;) {
    if (at + 3 > bytes.length) throw bad(bytes, "it ends before its last block");
    const block = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    at += 3 + (((block >> 1) & 3) === 1 ? 1 : block >> 3);
    if ((block & 1) === 1) break;
  }
  if (at + (checksum ? 4 : 0) > bytes.length) throw bad(bytes, "its last block is cut off");
}

const bad = (bytes: Uint8Array, reason: string): Fault =>
  new Fault("EBADMSG", `Cannot decompress ${bytes.length} bytes of ZSTD: ${reason}`);
