/**
 * Values of a request's header, read from its bytes: what `request_reader.ts` and `header_template.ts` have in common.
 * Every function gives `undefined` for what only the long way can read.
 */
import { EscapedText } from "./escaped_text.ts";
import type { FieldKind } from "./header.ts";
import { NO_BODY } from "./remoting_command.ts";
import { CACHED_TEXT_BYTES_MAX, isText, TextCache } from "./text_cache.ts";

/** Room for texts with escapes; a longer one goes the long way. Properties have 32 KiB at most. */
const SCRATCH_BYTES = 64 * 1024;

/** Of the headers, or texts, that are like none kept, every 16th is kept: two clients of different habits must not copy all the time. */
export const LEARN_EVERY = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
/** Short escapes of JSON by their letter. */
const ESCAPES: Readonly<Record<number, number>> = { 34: 0x22, 92: 0x5c, 47: 0x2f, 98: 8, 102: 12, 110: 10, 114: 13, 116: 9 };

/** Reads values one at a time; `end` tells where the last one ended. */
export class HeaderText {
  /** Behind the last value, and behind its closing quote where it has one. Beyond every header after a number that is none. */
  end = 0;
  readonly #texts = new TextCache();
  #scratch: Uint8Array = NO_BODY;
  /** The beginning of `#scratch`, as long as the last text there. */
  #unescaped: Uint8Array = NO_BODY;
  /** One for all fields. */
  readonly #kept = new EscapedText();
  #misses = 0;

  /** The JSON text whose opening quote is before `from`. @param view of all of `bytes` */
  json(bytes: Uint8Array, view: DataView, from: number, limit: number): string | undefined {
    let hash = 0;
    for (let at = from; at < limit; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) {
        this.end = at + 1;
        return at - from > CACHED_TEXT_BYTES_MAX
          ? DECODER.decode(bytes.subarray(from, at))
          : this.#texts.get(bytes, from, at, hash);
      }
      if (byte === BACKSLASH || byte < 0x20 || byte > 0x7e) return this.#escaped(bytes, view, from, limit);
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    return undefined;
  }

  /** As `json`, with escapes and characters beyond ASCII. */
  #escaped(bytes: Uint8Array, view: DataView, from: number, limit: number): string | undefined {
    const like = this.#kept.read(bytes, view, from, limit);
    if (like === undefined) return this.#unlike(bytes, from, limit);
    this.end = from + this.#kept.rawLength + 1;
    return DECODER.decode(like);
  }

  #unlike(bytes: Uint8Array, from: number, limit: number): string | undefined {
    if (this.#scratch.length === 0) this.#scratch = new Uint8Array(SCRATCH_BYTES);
    const scratch = this.#scratch;
    let length = 0;
    for (let at = from; at < limit && length < SCRATCH_BYTES; ) {
      let byte = bytes[at++] as number;
      if (byte === QUOTE) {
        this.end = at;
        // Texts of one kind have one length for long; a view costs as much as a third of the decoding.
        if (this.#unescaped.length !== length) this.#unescaped = scratch.subarray(0, length);
        if (this.#misses++ % LEARN_EVERY === 0) this.#kept.keep(bytes.subarray(from, at - 1), this.#unescaped);
        return DECODER.decode(this.#unescaped);
      }
      if (byte === BACKSLASH) {
        byte = bytes[at++] as number;
        if (byte === 0x75) {
          // Beyond ASCII an escape has more than one byte, or is half a pair.
          if (bytes[at] !== ZERO || bytes[at + 1] !== ZERO) return undefined;
          byte = hexDigit(bytes[at + 2] as number) * 16 + hexDigit(bytes[at + 3] as number);
          if (!(byte >= 0 && byte < 0x80)) return undefined;
          at += 4;
        } else {
          const escaped = ESCAPES[byte];
          if (escaped === undefined) return undefined;
          byte = escaped;
        }
      } else if (byte < 0x20) return undefined;
      scratch[length++] = byte;
    }
    return undefined;
  }

  /** The text `bytes[from, to)`, without escapes. */
  plain(bytes: Uint8Array, from: number, to: number): string {
    if (to - from > CACHED_TEXT_BYTES_MAX) return DECODER.decode(bytes.subarray(from, to));
    let hash = 0;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      if (byte < 0x20 || byte > 0x7e) return DECODER.decode(bytes.subarray(from, to));
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    return this.#texts.get(bytes, from, to, hash);
  }

  /** A number as JSON writes it, from 0 on and within int32; on anything else `end` is beyond every header. */
  int32(bytes: Uint8Array, from: number): number {
    let value = 0;
    let at = from;
    for (;;) {
      const digit = (bytes[at] as number) - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      at++;
    }
    const digits = at - from;
    const plain = digits > 0 && digits <= 10 && value <= 0x7fff_ffff && (bytes[from] !== ZERO || digits === 1);
    this.end = plain ? at : Number.MAX_SAFE_INTEGER;
    return value;
  }
}

/** The value of a field that is no text: `true`, `false`, or up to 15 digits. */
export function plainValue(kind: FieldKind, bytes: Uint8Array, from: number, to: number): number | boolean | undefined {
  if (kind === "boolean") {
    if (isText(bytes, from, to, "true")) return true;
    return isText(bytes, from, to, "false") ? false : undefined;
  }
  if (to === from || to - from > 15) return undefined;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return kind === "int" && value > 0x7fff_ffff ? undefined : value;
}

/** So far below zero for what is no hex digit that no sum with it is a byte. */
function hexDigit(byte: number): number {
  if (byte >= ZERO && byte <= 0x39) return byte - ZERO;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -100_000;
}

/** `ignoreBOM`: a leading U+FEFF belongs to the text, as in Java. */
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
