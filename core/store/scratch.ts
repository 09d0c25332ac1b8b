/**
 * Memory for what is read to be looked at, used again and again: fresh memory is zeroed first, on pages that the kernel has to
 * find, and costs more than what is read into it.
 */
const NOTHING = new Uint8Array(0);

export class Scratch {
  readonly #bytesMax: number;
  #bytes = NOTHING;

  /** @param bytesMax what is kept; more is given, and left to the collector */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** `bytes` bytes of any content, until the next call. */
  room(bytes: number): Uint8Array {
    if (bytes > this.#bytesMax) return new Uint8Array(bytes);
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#bytesMax);
    return this.#bytes.subarray(0, bytes);
  }
}
