/** The dice of the simulator: sfc32, seeded. Equal seeds give equal sequences on every runtime. */
import type { Random } from "../../core/runtime.ts";

export class Prng implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed` is any safe integer; `stream` makes independent sequences of one seed, so that one user's dice don't move another's. */
  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = stream | 0;
    for (let i = 0; i < 15; i++) this.#next();
  }

  below(bound: number): number {
    return Math.floor((this.#next() / 2 ** 32) * bound);
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.#next() & 0xff;
    return bytes;
  }

  /** True with probability `p`. No dice are thrown for 0, so a fault that is off does not shift the others. */
  chance(p: number): boolean {
    return p > 0 && this.#next() / 2 ** 32 < p;
  }

  /** A number of the range, both ends included; fractions when the ends differ by less than 1. */
  within(range: Range): number {
    const [least, most] = range;
    if (least === most) return least;
    return least + (this.#next() / 2 ** 32) * (most - least);
  }

  #next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + t) | 0;
    return t >>> 0;
  }
}

/** `[least, most]`. */
export type Range = readonly [least: number, most: number];
