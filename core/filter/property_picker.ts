/**
 * Picks the values of a few names out of the properties of a stored record (`wire/properties.ts` has the layout) in one pass
 * over the bytes: no text is made but of the values asked for.
 */
import { decodeUtf8 } from "../../wire/bytes.ts";

const NAME_END = 1;
const PAIR_END = 2;

export class PropertyPicker {
  /** UTF-8 of the names, by length: most names of a message differ from all of them already in that. */
  readonly #byLength: (readonly { readonly bytes: Uint8Array; readonly slot: number }[] | undefined)[] = [];
  /** One array for all messages: values hold until the next `pick`. */
  readonly #values: (string | undefined)[];

  constructor(names: readonly string[]) {
    this.#values = names.map(() => undefined);
    const encoder = new TextEncoder();
    for (const [slot, name] of names.entries()) {
      const bytes = encoder.encode(name);
      this.#byLength[bytes.length] = [...(this.#byLength[bytes.length] ?? []), { bytes, slot }];
    }
  }

  /** Values in the order of the names, undefined where there is none; of a name that occurs twice the last. Valid until the next call. */
  pick(bytes: Uint8Array, at: number, end: number): readonly (string | undefined)[] {
    const values = this.#values;
    values.fill(undefined);
    for (let from = at; from < end; ) {
      let nameEnd = from;
      while (nameEnd < end && bytes[nameEnd] !== NAME_END && bytes[nameEnd] !== PAIR_END) nameEnd++;
      let pairEnd = nameEnd;
      while (pairEnd < end && bytes[pairEnd] !== PAIR_END) pairEnd++;
      // Without a name or a value a pair is none.
      if (nameEnd > from && pairEnd > nameEnd + 1) {
        const slot = this.#slotOf(bytes, from, nameEnd - from);
        if (slot >= 0) values[slot] = textOf(bytes, nameEnd + 1, pairEnd);
      }
      from = pairEnd + 1;
    }
    return values;
  }

  #slotOf(bytes: Uint8Array, at: number, length: number): number {
    const names = this.#byLength[length];
    if (names === undefined) return -1;
    for (const name of names) {
      let same = 0;
      while (same < length && bytes[at + same] === name.bytes[same]) same++;
      if (same === length) return name.slot;
    }
    return -1;
  }
}

/** Up to this length an ASCII text is put together here: a decoder's call and its view cost more (0.73 to 0.6 us a message of nine properties on Bun). */
const SHORT_MAX = 24;

function textOf(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > SHORT_MAX) return decodeUtf8(bytes.subarray(from, to));
  let text = "";
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    if (byte >= 0x80) return decodeUtf8(bytes.subarray(from, to));
    text += String.fromCharCode(byte);
  }
  return text;
}
