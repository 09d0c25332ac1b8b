/**
 * Reads LZ4 frames, as Java's LZ4FrameOutputStream and others write them, with a bound on what comes out and on the work that
 * hostile bytes can cause: each step takes something from the input or fails.
 *
 *   frame   magic u32le 0x184D2204 | FLG u8 | BD u8 | content size u64le if FLG & 8 | dictionary u32le if FLG & 1 | header checksum u8
 *           | blocks | 0 u32le | content checksum u32le if FLG & 4
 *   block   size u32le, its top bit set: stored as it is | bytes | checksum u32le if FLG & 16
 *
 * Checksums are not compared: whoever stored the frame has one of his own over it.
 */
import { Fault } from "./fault.ts";

const MAGIC = 0x184d2204;
const VERSION = 0x40;
const VERSION_MASK = 0xc0;
const FLG_BLOCK_CHECKSUM = 0x10;
const FLG_CONTENT_SIZE = 0x08;
const FLG_DICTIONARY = 0x01;
const STORED = 0x8000_0000;
/** The largest kind of block (BD 7). */
const BLOCK_BYTES_MAX = 4 * 1024 * 1024;
const MATCH_BYTES_MIN = 4;

/** Magic, FLG 0x60 (version 1, independent blocks), BD 0x70 (4 MiB), and the checksum of the last two: as Java writes it. */
const HEADER: readonly number[] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73];
const END_BYTES = 4;

/** Loads the library, which takes 5 MiB when it is loaded: few processes ever write LZ4. */
export async function lz4Writer(): Promise<(bytes: Uint8Array) => Uint8Array> {
  const { compress } = await import("lz4js");
  return (bytes) => writeLz4Frame(bytes, compress);
}

/**
 * One frame of independent blocks: Java reads no others. The library says of its blocks that they are not, so each piece of up to
 * 4 MiB is compressed by itself, and the blocks go into a frame of ours.
 */
function writeLz4Frame(bytes: Uint8Array, compress: (piece: Uint8Array) => Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES_MAX) {
    const frame = compress(bytes.subarray(at, at + BLOCK_BYTES_MAX));
    blocks.push(frame.subarray(HEADER.length, frame.length - END_BYTES));
  }
  const frame = new Uint8Array(HEADER.length + blocks.reduce((sum, { length }) => sum + length, 0) + END_BYTES);
  frame.set(HEADER);
  let at = HEADER.length;
  for (const block of blocks) {
    frame.set(block, at);
    at += block.length;
  }
  return frame;
}

/** @throws Fault `EMSGSIZE` beyond the bound; `EBADMSG` for bytes that are no LZ4 frame. */
export function readLz4Frame(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 7 || view.getUint32(0, true) !== MAGIC) throw bad(bytes, "it does not begin as an LZ4 frame");
  const flags = view.getUint8(4);
  if ((flags & VERSION_MASK) !== VERSION || (flags & FLG_DICTIONARY) !== 0)
    throw bad(bytes, `its flags are 0x${flags.toString(16)}`);
  const out = new Output(bytes, bytesMax);
  let at = 6 + ((flags & FLG_CONTENT_SIZE) === 0 ? 0 : 8) + 1;
  for (;;) {
    if (at + 4 > bytes.length) throw bad(bytes, "it ends before its last block");
    const word = view.getUint32(at, true);
    if (word === 0) return out.bytes();
    const size = word & (STORED - 1);
    at += 4;
    if (size > BLOCK_BYTES_MAX || at + size > bytes.length) throw bad(bytes, `a block says that it has ${size} bytes`);
    if (word >= STORED) out.literals(at, size);
    else readBlock(bytes, at, at + size, out);
    at += size + ((flags & FLG_BLOCK_CHECKSUM) === 0 ? 0 : 4);
  }
}

/** Sequences of: token (4 bits each: literals, match), literals, distance u16le back, longer lengths as bytes up to one below 255. */
function readBlock(bytes: Uint8Array, from: number, end: number, out: Output): void {
  let at = from;
  const length = (start: number): number => {
    let value = start;
    if (start < 15) return value;
    for (;;) {
      if (at >= end) throw bad(bytes, "a length is cut off");
      const more = bytes[at++] as number;
      value += more;
      if (more < 255) return value;
    }
  };
  while (at < end) {
    const token = bytes[at++] as number;
    const literals = length(token >> 4);
    if (at + literals > end) throw bad(bytes, "literals are cut off");
    out.literals(at, literals);
    at += literals;
    // The last sequence of a block has literals only.
    if (at === end) return;
    if (at + 2 > end) throw bad(bytes, "a distance is cut off");
    const distance = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    at += 2;
    out.match(distance, length(token & 15) + MATCH_BYTES_MIN);
  }
}

class Output {
  readonly #source: Uint8Array;
  readonly #bytesMax: number;
  #buffer: Uint8Array;
  #size = 0;

  constructor(source: Uint8Array, bytesMax: number) {
    this.#source = source;
    this.#bytesMax = bytesMax;
    this.#buffer = new Uint8Array(Math.min(bytesMax, 4 * source.length));
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  literals(at: number, count: number): void {
    this.#room(count);
    this.#buffer.set(this.#source.subarray(at, at + count), this.#size);
    this.#size += count;
  }

  match(distance: number, count: number): void {
    if (distance === 0 || distance > this.#size) throw bad(this.#source, `a match lies ${distance} bytes back of ${this.#size}`);
    this.#room(count);
    const from = this.#size - distance;
    if (distance >= count) this.#buffer.copyWithin(this.#size, from, from + count);
    // A match that reaches into itself repeats what it makes.
    else for (let i = 0; i < count; i++) this.#buffer[this.#size + i] = this.#buffer[from + i] as number;
    this.#size += count;
  }

  #room(count: number): void {
    const wanted = this.#size + count;
    if (wanted <= this.#buffer.length) return;
    if (wanted > this.#bytesMax) {
      const tried = `Cannot decompress ${this.#source.length} bytes`;
      throw new Fault("EMSGSIZE", `${tried}: the result is larger than ${this.#bytesMax} bytes`);
    }
    const larger = new Uint8Array(Math.min(this.#bytesMax, Math.max(wanted, 2 * this.#buffer.length)));
    larger.set(this.#buffer.subarray(0, this.#size));
    this.#buffer = larger;
  }
}

const bad = (bytes: Uint8Array, reason: string): Fault =>
  new Fault("EBADMSG", `Cannot decompress ${bytes.length} bytes of LZ4: ${reason}`);
