/**
 * The remoting frame.
 *
 * ```
 * offset 0  int32  length      bytes that follow: 4 + headerLength + bodyLength
 *        4  int8   type        0 JSON, 1 ROCKETMQ
 *        5  int24  headerLength
 *        8         header, then body
 * ```
 * All integers big-endian.
 */
import { WireError } from "./errors.ts";

/** Apache's default for `com.rocketmq.remoting.frameMaxLength`; counts the length field itself. */
export const FRAME_BYTES_MAX_DEFAULT = 16_777_216;

/** Bytes before the header. */
export const FRAME_PREFIX_BYTES = 8;

const FIRST_BUFFER_BYTES = 4096;

/** Takes one frame, `bytes[from, to)`. */
export type OnFrame = (bytes: Uint8Array, from: number, to: number) => unknown;

/**
 * Cuts a byte stream into frames.
 *
 * A frame that lies whole in one chunk is handed on as a view into it, without a copy; one that spans chunks is
 * gathered in a buffer that grows with what has arrived, never with what the length field promises.
 */
export class FrameSplitter {
  readonly #frameBytesMax: number;
  #pending: Uint8Array = EMPTY;
  #pendingBytes = 0;
  /** The last frame asked to stop. */
  #stopped = false;

  /** @param frameBytesMax longest frame accepted, its own length field included. */
  constructor(frameBytesMax: number = FRAME_BYTES_MAX_DEFAULT) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** Bytes held of a frame that is not complete yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * Feeds a chunk and calls `onFrame` for each frame that it completes, in order. The frame, length field included, is
   * `bytes[from, to)`, valid until `onFrame` returns; when that returns `false`, no further frame is cut.
   * @returns bytes of `chunk` that were taken: all of them, unless `onFrame` asked to stop.
   * @throws WireError when a length is below 4 or the frame would exceed the limit; the stream can't be followed after it.
   */
  push(chunk: Uint8Array, onFrame: OnFrame): number {
    let at = 0;
    this.#stopped = false;
    while (at < chunk.length) {
      if (this.#pendingBytes === 0) {
        const left = chunk.length - at;
        if (left >= 4) {
          const frameBytes = this.#frameBytes(chunk, at);
          if (left >= frameBytes) {
            const goOn = onFrame(chunk, at, at + frameBytes);
            at += frameBytes;
            if (goOn === false) return at;
            continue;
          }
        }
        this.#keep(chunk, at, chunk.length);
        return chunk.length;
      }
      at = this.#continuePending(chunk, at, onFrame);
      if (this.#stopped) return at;
    }
    return at;
  }

  #continuePending(chunk: Uint8Array, from: number, onFrame: OnFrame): number {
    let at = from;
    if (this.#pendingBytes < 4) {
      const end = Math.min(chunk.length, at + 4 - this.#pendingBytes);
      this.#keep(chunk, at, end);
      at = end;
      if (this.#pendingBytes < 4) return at;
    }
    const frameBytes = this.#frameBytes(this.#pending, 0);
    const end = Math.min(chunk.length, at + frameBytes - this.#pendingBytes);
    this.#keep(chunk, at, end);
    if (this.#pendingBytes === frameBytes) {
      const frame = this.#pending;
      this.#pending = EMPTY;
      this.#pendingBytes = 0;
      this.#stopped = onFrame(frame, 0, frameBytes) === false;
    }
    return end;
  }

  #frameBytes(bytes: Uint8Array, at: number): number {
    const length = readInt32(bytes, at);
    if (length < 4 || length + 4 > this.#frameBytesMax) {
      throw new WireError(`frame length ${length} is outside 4..${this.#frameBytesMax - 4}`);
    }
    return length + 4;
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    const needed = this.#pendingBytes + to - from;
    if (needed > this.#pending.length) {
      const grown = new Uint8Array(Math.max(FIRST_BUFFER_BYTES, needed, Math.min(this.#pending.length * 2, this.#frameBytesMax)));
      grown.set(this.#pending.subarray(0, this.#pendingBytes));
      this.#pending = grown;
    }
    this.#pending.set(chunk.subarray(from, to), this.#pendingBytes);
    this.#pendingBytes = needed;
  }
}

const EMPTY = new Uint8Array(0);

function readInt32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
