/**
 * Texts that come again and again (topics, groups, host names), read from bytes without making a new string each time.
 *
 * A table of `SLOTS` texts, each in the slot of its hash; a text that finds another in its slot takes its place. Whatever the
 * hashes, a text is given out only after each of its characters was compared, and memory is bounded by the table.
 */
const SLOTS = 1024;
/** Longer texts are seldom the same twice. */
export const CACHED_TEXT_BYTES_MAX = 48;

export class TextCache {
  readonly #slots: (string | undefined)[] = new Array<string | undefined>(SLOTS).fill(undefined);

  /**
   * The text of `bytes[from, to)`.
   * @param bytes printable ASCII there, at most `CACHED_TEXT_BYTES_MAX`
   * @param hash any hash of the text, always the same one
   */
  get(bytes: Uint8Array, from: number, to: number, hash: number): string {
    const slot = hash & (SLOTS - 1);
    const there = this.#slots[slot];
    if (there !== undefined && isText(bytes, from, to, there)) return there;
    const text = DECODER.decode(bytes.subarray(from, to));
    this.#slots[slot] = text;
    return text;
  }
}

/** True when `bytes[from, to)` is the ASCII text `text`. */
export function isText(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  const { length } = text;
  if (to - from !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}

const DECODER = new TextDecoder();
