/**
 * The tail of the log in memory: records are encoded into it, written from it, and the newest are read from it.
 *
 * A list of chunks, each a run of log bytes without a gap, oldest first; a chunk never spans two files. Chunks that are
 * written stay as a cache until `RECENT_CHUNKS` newer ones exist, then their buffers are used again.
 */

/** One buffer. Eight of them are the steady size of the tail: 4 MiB. */
const CHUNK_BYTES = 512 * 1024;
const RECENT_CHUNKS = 8;
/** Free buffers kept: written chunks give one back for each that is begun. Those of a stall of the disk are let go. */
const FREE_MAX = 4;
/** So far behind the log's end, at least, nothing is in the tail buffer any more. */
export const TAIL_CACHE_BYTES = CHUNK_BYTES * RECENT_CHUNKS;

export interface Chunk {
  readonly bytes: Uint8Array;
  /** Log offset of byte 0. */
  readonly base: number;
  /** Bytes filled. */
  length: number;
  /** Bytes that are in the file. */
  written: number;
}

export class TailBuffer {
  #chunks: Chunk[] = [];
  readonly #pool: Uint8Array[] = [];
  /** Filled and not written. */
  unwrittenBytes = 0;

  /** A chunk that ends at log offset `at` and has room for `bytes` more. */
  room(at: number, bytes: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.base + last.length === at && last.bytes.length - last.length >= bytes) return last;
    const buffer = bytes <= CHUNK_BYTES ? (this.#pool.pop() ?? new Uint8Array(CHUNK_BYTES)) : new Uint8Array(bytes);
    const chunk: Chunk = { bytes: buffer, base: at, length: 0, written: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  fill(chunk: Chunk, bytes: number): void {
    chunk.length += bytes;
    this.unwrittenBytes += bytes;
  }

  /** Chunks with unwritten bytes, oldest first. */
  unwritten(): Chunk[] {
    const from = this.#chunks.findIndex((chunk) => chunk.written < chunk.length);
    return from < 0 ? [] : this.#chunks.slice(from);
  }

  /** Bytes of `chunk` up to `length` are in the file. */
  settle(chunk: Chunk, length: number): void {
    this.unwrittenBytes -= length - chunk.written;
    chunk.written = length;
    while (this.#chunks.length > RECENT_CHUNKS) {
      const oldest = this.#chunks[0] as Chunk;
      if (oldest.written < oldest.length) break;
      this.#chunks.shift();
      this.#recycle(oldest);
    }
  }

  /** Forgets what was filled from log offset `end` on. */
  rewind(end: number): void {
    for (;;) {
      const last = this.#chunks.at(-1);
      if (last === undefined || last.base + last.length <= end) return;
      const keep = Math.max(0, end - last.base);
      this.unwrittenBytes -= last.length - Math.max(keep, last.written);
      last.length = keep;
      last.written = Math.min(last.written, keep);
      if (keep > 0) return;
      this.#chunks.pop();
      this.#recycle(last);
    }
  }

  /** Copies `[offset, offset + target.length)`; false when not all of it is here. */
  copy(target: Uint8Array, offset: number): boolean {
    const chunk = this.find(offset, target.length);
    if (chunk === undefined) return false;
    const at = offset - chunk.base;
    target.set(chunk.bytes.subarray(at, at + target.length));
    return true;
  }

  /** The chunk that holds all of `[offset, offset + bytes)`. */
  find(offset: number, bytes: number): Chunk | undefined {
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i] as Chunk;
      if (offset >= chunk.base) return offset - chunk.base + bytes <= chunk.length ? chunk : undefined;
    }
    return undefined;
  }

  #recycle(chunk: Chunk): void {
    if (chunk.bytes.length === CHUNK_BYTES && this.#pool.length < FREE_MAX) this.#pool.push(chunk.bytes);
  }
}
