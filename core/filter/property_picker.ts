/**
 * Finds the values of a few names in the properties of a stored record (`wire/properties.ts` has the layout) in one pass over
 * the bytes, four at a time, and leaves them there: most conditions are answered by the bytes, and no text is made.
 */
import { decodeUtf8 } from "../../wire/bytes.ts";

const NAME_END = 1;
const PAIR_END = 2;
/** Of the table in which names are looked up; a power of two. */
const TABLE_SIZE = 1024;
/** Pairs of a message, from its first on, whose names are expected again in the next. */
const EXPECTED_MAX = 32;
/** Words of four bytes of an expected name and its end. */
const NAME_WORDS = 8;

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
  readonly #expected = new ExpectedNames();
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Names that were read byte by byte and looked up, in all messages: others were expected there, or none. */
  namesSearched = 0;

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
    if (values.bytes !== bytes) {
      values.bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const view = this.#view;
    const expected = this.#expected;
    for (let slot = 0; slot < from.length; slot++) from[slot] = -1;
    // An index must be known as an int32: see `MatchingReader`.
    for (let i = at | 0, pair = 0; i < end; i++, pair++) {
      const nameAt = i;
      let slot: number;
      i = expected.endOf(pair, view, nameAt, end);
      if (i > nameAt) slot = expected.slotOf(pair);
      else {
        while (i < end && bytes[i] !== NAME_END && bytes[i] !== PAIR_END) i++;
        // What has no value is no pair.
        if (i === end || bytes[i] === PAIR_END) continue;
        slot = this.#search(bytes, nameAt, i);
        expected.note(pair, view, nameAt, i, slot);
      }
      const valueAt = i + 1;
      i = pairEnd(view, valueAt, end);
      // Neither is what has no name, or an empty value.
      if (slot < 0 || i === valueAt) continue;
      from[slot] = valueAt;
      to[slot] = i;
    }
    return values;
  }

  /** The slot of a name; -1 for one that nobody asks for, such as the empty one. */
  #search(bytes: Uint8Array, at: number, end: number): number {
    this.namesSearched++;
    if (at === end) return -1;
    let slot = this.#table[placeOf(bytes, at, end)] as number;
    while (slot >= 0 && !isName(this.#names[slot] as Uint8Array, bytes, at, end)) slot = this.#next[slot] as number;
    return slot;
  }
}

/**
 * Which name stood at which place in the messages before. Those of one producer have the same names in the same order, and to
 * find that out takes a comparison of four bytes at a time, where a name that may be any is read byte by byte and looked up.
 */
class ExpectedNames {
  /** By pair; 0 for nothing expected. */
  readonly #lengths = new Int32Array(EXPECTED_MAX);
  readonly #slots = new Int32Array(EXPECTED_MAX);
  /** Of each pair the name and its 0x01, the last word reaching back into the one before it. */
  readonly #words = new Int32Array(EXPECTED_MAX * NAME_WORDS);

  /** Where the name is over that begins at `at`; `at` when it is not the expected one. */
  endOf(pair: number, view: DataView, at: number, end: number): number {
    const length = pair < EXPECTED_MAX ? (this.#lengths[pair] as number) : 0;
    if (length === 0 || at + length >= end) return at;
    const words = this.#words;
    const last = at + length - 3;
    let word = pair * NAME_WORDS;
    for (let i = at; i < last; i += 4) if (view.getInt32(i, true) !== words[word++]) return at;
    return view.getInt32(last, true) === words[word] ? at + length : at;
  }

  slotOf(pair: number): number {
    return this.#slots[pair] as number;
  }

  /** The name in `[at, end)`, which 0x01 follows, is expected from now on. Short and long ones are not: they are few. */
  note(pair: number, view: DataView, at: number, end: number, slot: number): void {
    const length = end - at;
    if (pair >= EXPECTED_MAX || length < 3 || length >= NAME_WORDS * 4) return;
    let word = pair * NAME_WORDS;
    for (let i = at; i < end - 3; i += 4) this.#words[word++] = view.getInt32(i, true);
    this.#words[word] = view.getInt32(end - 3, true);
    this.#lengths[pair] = length;
    this.#slots[pair] = slot;
  }
}

/** Where the value that begins at `at` is over: at the next 0x02, or at `end`. */
function pairEnd(view: DataView, at: number, end: number): number {
  let i = at;
  for (; i + 4 <= end; i += 4) {
    // A byte of `x` is zero where the value has 0x02. Only the lowest bit of `marks` is certain to stand for such a byte.
    const x = view.getInt32(i, true) ^ 0x02020202;
    const marks = (x - 0x01010101) & ~x & 0x80808080;
    if (marks !== 0) return i + ((31 - Math.clz32(marks & -marks)) >> 3);
  }
  while (i < end && view.getUint8(i) !== PAIR_END) i++;
  return i;
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
