/**
 * The newest queue offset of each key that a round of compaction sees: digests of keys (MD5), in open addressing, 24 bytes an
 * entry as in Apache, so that many keys cost little and no two keys are taken for one. It grows up to a bound.
 */
import { readInt32 } from "../../../wire/bytes.ts";

/** What Apache counts for an entry. */
export const ENTRY_BYTES = 24;
const ENTRIES_MIN = 100;
const ENTRIES_FIRST = 256;
const WORDS = 4;

export class OffsetMap {
  /** The highest offset put. */
  lastOffset = -1;
  /** Entries it may have. */
  readonly max: number;
  readonly #digest: (key: string) => Uint8Array;
  #size = 0;
  #slots = ENTRIES_FIRST;
  #words = new Int32Array(ENTRIES_FIRST * WORDS);
  /** -1: empty. */
  #offsets = new Float64Array(ENTRIES_FIRST).fill(-1);

  /** @param digest 16 bytes */
  constructor(memoryBytes: number, digest: (key: string) => Uint8Array) {
    this.max = Math.max(ENTRIES_MIN, Math.floor(memoryBytes / ENTRY_BYTES));
    this.#digest = digest;
  }

  /** @returns false when the key is new and there is no room. */
  put(key: string, offset: number): boolean {
    const hash = this.#hash(key);
    let slot = this.#slotOf(hash);
    if ((this.#offsets[slot] as number) < 0) {
      if (this.#size >= this.max) return false;
      if (this.#size * 2 >= this.#slots) {
        this.#grow();
        slot = this.#slotOf(hash);
      }
      this.#words.set(hash, slot * WORDS);
      this.#size++;
    }
    this.#offsets[slot] = offset;
    if (offset > this.lastOffset) this.lastOffset = offset;
    return true;
  }

  /** -1 when the key is not there. */
  get(key: string): number {
    return this.#offsets[this.#slotOf(this.#hash(key))] as number;
  }

  #hash(key: string): Int32Array {
    const digest = this.#digest(key);
    return Int32Array.from({ length: WORDS }, (_, i) => readInt32(digest, i * 4));
  }

  #slotOf(hash: Int32Array): number {
    let slot = ((hash[0] as number) >>> 0) % this.#slots;
    while ((this.#offsets[slot] as number) >= 0 && !this.#isAt(slot, hash)) slot = (slot + 1) % this.#slots;
    return slot;
  }

  #isAt(slot: number, hash: Int32Array): boolean {
    const at = slot * WORDS;
    for (let i = 0; i < WORDS; i++) if (this.#words[at + i] !== hash[i]) return false;
    return true;
  }

  #grow(): void {
    const words = this.#words;
    const offsets = this.#offsets;
    const slots = this.#slots;
    this.#slots = slots * 2;
    this.#words = new Int32Array(this.#slots * WORDS);
    this.#offsets = new Float64Array(this.#slots).fill(-1);
    for (let old = 0; old < slots; old++) {
      if ((offsets[old] as number) < 0) continue;
      const hash = words.subarray(old * WORDS, old * WORDS + WORDS);
      const slot = this.#slotOf(hash);
      this.#words.set(hash, slot * WORDS);
      this.#offsets[slot] = offsets[old] as number;
    }
  }
}
