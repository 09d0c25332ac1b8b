/**
 * Buffers for the bodies of pulls, used again once an answer is written.
 *
 * A consumer that catches up is answered some thousand times a second with 40 KiB or more. Left to the collector, these
 * bodies make up most of the memory of a busy server, each on pages that are zeroed first. A body that nobody gives back is
 * garbage like any other: the pool does not know of it.
 */

/** What fits into one: maxTransferBytesOnMessageInMemory, as it is by default. */
const BUFFER_BYTES = 256 * 1024;
/** 2 MiB, as many answers as one turn has when eight queues are read. */
const BUFFERS_KEPT = 8;
/** Smaller bodies cost less than the pool. */
const POOLED_BYTES_MIN = 4 * 1024;

export class BodyPool {
  readonly #free: ArrayBuffer[] = [];

  /** `bytes` bytes of any content. */
  take(bytes: number): Uint8Array {
    if (bytes < POOLED_BYTES_MIN || bytes > BUFFER_BYTES) return new Uint8Array(bytes);
    return new Uint8Array(this.#free.pop() ?? new ArrayBuffer(BUFFER_BYTES), 0, bytes);
  }

  /** What gives `body` back, once; undefined for one that is not of the pool. Nobody may look at it afterwards. */
  releaseOf(body: Uint8Array): (() => void) | undefined {
    const buffer = body.buffer as ArrayBuffer;
    if (body.length < POOLED_BYTES_MIN || buffer.byteLength !== BUFFER_BYTES) return undefined;
    let given = false;
    return () => {
      if (given || this.#free.length >= BUFFERS_KEPT) return;
      given = true;
      this.#free.push(buffer);
    };
  }
}
