/**
 * Finds the values of a few names in the properties of a stored record (`wire/properties.ts` has the layout) in one pass over
 * the bytes, and leaves them there: most conditions are answered by the bytes, and no text is made.
 */
import { decodeUtf8 } from "../../wire/bytes.ts";

const NAME_END = 1;
const PAIR_END = 2;
/** Of the table in which names are looked up; a power of two. */
const TABLE_SIZE = 1024;

/** Where the values of the properties of one message are, by slot. */
export class PropertyValues {
  bytes: Uint8Array = new Uint8Array(0);
  /** -1 where the message has none. */
  readonly from: Int32Array;
  readonly to: Int32Array;

  constructor(slots: number) {
    this.from = new Int32Array(slots).fill(-1);
    this.to = new Int32Array(slots);
  }

  has(slot: number): boolean {
    return (this.from[slot] as number) >= 0;
  }

  text(slot: number): string | undefined {
    const from = this.from[slot] as number;
    return from < 0 ? undefined : textOf(this.bytes, from, this.to[slot] as number);
  }

  /** Values that were never stored: of the names in their order. */
  static of(texts: readonly (string | undefined)[]): PropertyValues {
    const values = new PropertyValues(texts.length);
    const encoded = texts.map((text) => (text === undefined ? undefined : new TextEncoder().encode(text)));
    values.bytes = new Uint8Array(encoded.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0));
    let at = 0;
    for (const [slot, bytes] of encoded.entries()) {
      if (bytes === undefined) continue;
      values.bytes.set(bytes, at);
      values.from[slot] = at;
      at += bytes.length;
      values.to[slot] = at;
    }
    return values;
  }
}

export class PropertyPicker {
  /** UTF-8 of the names, by slot. */
  readonly #names: readonly Uint8Array[];
  /** The first slot whose name has such a length, first and last byte; -1 for none. */
  readonly #table = new Int16Array(TABLE_SIZE).fill(-1);
  /** The next slot of the same place. */
  readonly #next: Int16Array;
  /** One for all messages: values hold until the next `pick`. */
  readonly #values: PropertyValues;

  constructor(names: readonly string[]) {
    const encoder = new TextEncoder();
    this.#names = names.map((name) => encoder.encode(name));
    this.#next = new Int16Array(names.length).fill(-1);
    this.#values = new PropertyValues(names.length);
    for (const [slot, name] of this.#names.entries()) {
      const place = placeOf(name, 0, name.length);
      this.#next[slot] = this.#table[place] as number;
      this.#table[place] = slot;
    }
  }

  /** Values in the slots of their names; of a name that occurs twice the last. Valid until the next call. */
  pick(bytes: Uint8Array, at: number, end: number): PropertyValues {
    const values = this.#values;
    const { from, to } = values;
    values.bytes = bytes;
    for (let slot = 0; slot < from.length; slot++) from[slot] = -1;
    for (let i = at; i < end; i++) {
      const nameAt = i;
      while (i < end && bytes[i] !== NAME_END && bytes[i] !== PAIR_END) i++;
      const nameEnd = i;
      while (i < end && bytes[i] !== PAIR_END) i++;
      // Without a name or a value a pair is none.
      if (nameEnd === nameAt || i <= nameEnd + 1) continue;
      let slot = this.#table[placeOf(bytes, nameAt, nameEnd)] as number;
      while (slot >= 0 && !isName(this.#names[slot] as Uint8Array, bytes, nameAt, nameEnd)) slot = this.#next[slot] as number;
      if (slot < 0) continue;
      from[slot] = nameEnd + 1;
      to[slot] = i;
    }
    return values;
  }
}

function placeOf(bytes: Uint8Array, from: number, to: number): number {
  return ((to - from) * 37 + (bytes[from] as number) * 5 + (bytes[to - 1] as number) * 131) & (TABLE_SIZE - 1);
}

function isName(name: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  let same = 0;
  while (same < name.length && bytes[from + same] === name[same]) same++;
  return same === name.length;
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
