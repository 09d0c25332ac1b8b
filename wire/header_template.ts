/**
 * A header that was read, kept as the pattern of those to come: most requests of a code differ from one before them in two
 * or three values. Bytes that are the same stand for the same values; where a byte differs inside a value, that value is read
 * anew; where it differs anywhere else, the header is of another form, and the whole of it has to be read.
 *
 * A SEND_MESSAGE_V2 of 410 bytes on Bun: 0.35 µs, where the long way takes 1.6.
 */

import { readInt32 } from "./bytes.ts";
import type { FieldKind } from "./header.ts";
import { type HeaderText, plainValue } from "./header_text.ts";
import { holdsZeroWord, isSameWord, WORD_BYTES } from "./words.ts";

/** The members of a JSON header that are not its fields. */
export interface Members {
  language: number;
  version: number;
  opaque: number;
  flag: number;
}

/** A value in the header, `[from, to)` counted from the template's begin: of a field, or of a member. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly kind: FieldKind;
  /** Name in the header object, or of the member. */
  readonly property: string;
  readonly isMember: boolean;
}

/** Longer headers are not kept. */
export const TEMPLATE_BYTES_MAX = 2048;

export class HeaderTemplate {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where the last word begins that can be compared as one; below 0 for none. */
  readonly #lastWord: number;
  readonly #spans: readonly Span[];
  readonly #header: object;
  readonly #members: Members;

  /** @param bytes of the header, copied. @param spans in order, all its values */
  constructor(bytes: Uint8Array, spans: readonly Span[], header: object, members: Members) {
    this.#bytes = new Uint8Array(bytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#lastWord = holdsZeroWord(this.#bytes) ? -1 : this.#bytes.length - WORD_BYTES;
    this.#spans = spans;
    this.#header = header;
    this.#members = { ...members };
  }

  /**
   * The header `bytes[from, end)` when it is like this one; `members` gets the values of its members.
   * @param view of all of `bytes`: what is the same is passed over a word at a time
   * @param rocketmq spans are a length and a text; in JSON a text up to its quote, or a bare number
   */
  read(
    bytes: Uint8Array,
    view: DataView,
    from: number,
    end: number,
    rocketmq: boolean,
    text: HeaderText,
    members: Members,
  ): object | undefined {
    const known = this.#bytes;
    const knownView = this.#view;
    const lastWord = this.#lastWord;
    const spans = this.#spans;
    const value: Record<string, unknown> = { ...this.#header };
    const { language, version, opaque, flag } = this.#members;
    members.language = language;
    members.version = version;
    members.opaque = opaque;
    members.flag = flag;
    let at = from;
    let same = 0;
    let next = 0;
    for (;;) {
      while (same <= lastWord && at + WORD_BYTES <= end && isSameWord(view, at, knownView, same)) {
        at += WORD_BYTES;
        same += WORD_BYTES;
      }
      while (same < known.length && bytes[at] === known[same]) {
        at++;
        same++;
      }
      if (same === known.length) return at === end ? value : undefined;
      let span = spans[next];
      while (span !== undefined && span.to < same) span = spans[++next];
      if (span === undefined || same < span.from) return undefined;
      const valueAt = at - (same - span.from);
      if (rocketmq) at = rocketmqValue(bytes, valueAt, end, span, text, value);
      else if (span.isMember) at = memberValue(bytes, valueAt, span, text, members);
      else at = jsonValue(bytes, view, valueAt, end, span, text, value);
      if (at < 0) return undefined;
      same = span.to;
      next++;
    }
  }
}

/** Reads one value into `into` and tells where it ends; -1 when it is none. */
function jsonValue(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  end: number,
  span: Span,
  text: HeaderText,
  into: Record<string, unknown>,
): number {
  if (span.kind === "string") {
    const read = text.json(bytes, view, from, end);
    if (read === undefined) return -1;
    into[span.property] = read;
    return text.end - 1;
  }
  let to = from;
  while (to < end && bytes[to] !== 0x22) to++;
  const read = plainValue(span.kind, bytes, from, to);
  if (read === undefined) return -1;
  into[span.property] = read;
  return to;
}

function memberValue(bytes: Uint8Array, from: number, span: Span, text: HeaderText, members: Members): number {
  // A language is a text: another one is another client, whose header is read as a whole.
  if (span.kind !== "int") return -1;
  members[span.property as keyof Members] = text.int32(bytes, from);
  return text.end;
}

function rocketmqValue(
  bytes: Uint8Array,
  from: number,
  end: number,
  span: Span,
  text: HeaderText,
  into: Record<string, unknown>,
): number {
  if (from + 4 > end) return -1;
  const length = readInt32(bytes, from);
  const to = from + 4 + length;
  if (length <= 0 || to > end) return -1;
  const read = span.kind === "string" ? text.plain(bytes, from + 4, to) : plainValue(span.kind, bytes, from + 4, to);
  if (read === undefined) return -1;
  into[span.property] = read;
  return to;
}
