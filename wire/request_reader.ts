/**
 * The short way from a request's frame to its typed header: one walk over the header's bytes, by the field table of its code,
 * without the JSON parser, without a map of fields, and without a new string for a text that was there before.
 *
 * It takes what clients send all day: the members of `serialize.ts`, each once, no blanks, `code` first; fields
 * of the table only, plain decimal numbers of up to 15 digits, texts whose escapes are short or `\u00XX`. At anything else it
 * gives up and says nothing: the caller goes the long way, `decodeCommand` and `HeaderCodec.decode`, which knows everything
 * and makes the errors. Where both ways have a result they agree; `test/wire/request_reader.test.ts` and a fuzz target hold
 * them against each other for every row of `requests.ts`.
 *
 * A header like one before it needs no walk: see `header_template.ts`.
 */
import { readInt32 } from "./bytes.ts";
import { FRAME_PREFIX_BYTES } from "./frame.ts";
import type { FieldKind, HeaderCodec } from "./header.ts";
import { HeaderTemplate, type Members, type Span, TEMPLATE_BYTES_MAX } from "./header_template.ts";
import { HeaderText, LEARN_EVERY, plainValue } from "./header_text.ts";
import {
  FLAG_RESPONSE,
  LANGUAGE_OTHER,
  LANGUAGES,
  NO_BODY,
  type RemotingCommand,
  SERIALIZE_JSON,
  SERIALIZE_ROCKETMQ,
} from "./remoting_command.ts";
import { HEADER_BYTES_MAX, HEADER_LENGTH_MAX } from "./serialize.ts";
import { isText } from "./text_cache.ts";

/** A request whose header is decoded. `extFields` is undefined: every field that came is in `header`. */
export interface ReadRequest extends RemotingCommand {
  readonly header: object;
}

interface Field {
  readonly name: string;
  readonly property: string;
  readonly kind: FieldKind;
  /** A bit of its own. */
  readonly bit: number;
}

interface Plan {
  readonly fields: readonly Field[];
  /** Bits of the fields that must be there. */
  readonly required: number;
  readonly fallbacks: object;
  /** Field that was found at each position last time: a client writes its fields in the same order every time. */
  readonly order: Field[];
  /** Of a header that was read before. */
  json: HeaderTemplate | undefined;
  rocketmq: HeaderTemplate | undefined;
}

/** Bytes of a ROCKETMQ header before its fields. */
const ROCKETMQ_FIELDS_AT = 21;
/** One bit a field. The largest table has 22. */
const FIELDS_MAX = 30;
const QUOTE = 0x22;
const COMMA = 0x2c;
const CLOSE = 0x7d;
const COLON = 0x3a;

const JSON_BEGIN = '{"code":';
const JSON_EXT_FIELDS = '"extFields":{';
const JSON_FLAG = '"flag":';
const JSON_LANGUAGE = '"language":"';
const JSON_OPAQUE = '"opaque":';
const JSON_TYPE = '"serializeTypeCurrentRPC":"JSON"';
const JSON_VERSION = '"version":';

/** One serves all connections of a server: it keeps nothing of a connection. */
export class RequestReader {
  readonly #codecs: ReadonlyMap<number, HeaderCodec<object>>;
  /** Made when a code first comes. Null: its table is not for this way. */
  readonly #plans = new Map<number, Plan | null>();
  readonly #text = new HeaderText();
  readonly #members: Members = { language: 0, version: 0, opaque: 0, flag: 0 };
  /** Values of the header that is being walked over, for a template; undefined while none is to be kept. */
  #spans: Span[] | undefined;
  /** What spans are counted from. */
  #begin = 0;
  #misses = 0;
  /** Of the chunk that was read last. */
  #view: DataView = new DataView(new ArrayBuffer(0));
  #viewed: Uint8Array | undefined;

  /** @param rows requests with their header tables. */
  constructor(rows: Iterable<{ readonly code: number; readonly request: HeaderCodec<object> }>) {
    this.#codecs = new Map(Array.from(rows, ({ code, request }) => [code, request]));
  }

  /** Reads the frame `bytes[from, to)`, length field included; undefined when it must go the long way. `body` is a view. */
  read(bytes: Uint8Array, from: number, to: number): ReadRequest | undefined {
    const headerAt = from + FRAME_PREFIX_BYTES;
    if (to < headerAt) return undefined;
    const mark = readInt32(bytes, from + 4);
    const headerEnd = headerAt + (mark & HEADER_LENGTH_MAX);
    const type = mark >>> 24;
    if (headerEnd > to || headerEnd - headerAt > HEADER_BYTES_MAX) return undefined;
    if (type !== SERIALIZE_JSON && type !== SERIALIZE_ROCKETMQ) return undefined;
    const code = type === SERIALIZE_JSON ? this.#jsonCode(bytes, headerAt) : readInt32(bytes, headerAt) >>> 16;
    const plan = this.#plan(code);
    if (plan === undefined) return undefined;
    if (bytes !== this.#viewed) {
      this.#viewed = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const header =
      type === SERIALIZE_JSON ? this.#json(plan, bytes, headerAt, headerEnd) : this.#rocketmq(plan, bytes, headerAt, headerEnd);
    const { language, version, opaque, flag } = this.#members;
    if (header === undefined || (flag & FLAG_RESPONSE) !== 0) return undefined;
    return {
      code,
      language,
      version,
      opaque,
      flag,
      remark: undefined,
      extFields: undefined,
      body: headerEnd < to ? bytes.subarray(headerEnd, to) : NO_BODY,
      serializeType: type,
      header,
    };
  }

  #plan(code: number): Plan | undefined {
    const known = this.#plans.get(code);
    if (known !== undefined) return known ?? undefined;
    const codec = this.#codecs.get(code);
    // Codes that nobody knows are not remembered: there are too many of them.
    if (codec === undefined) return undefined;
    const made = planOf(codec);
    this.#plans.set(code, made);
    return made ?? undefined;
  }

  /** Before a walk: is what it finds to be kept? */
  #beginWalk(from: number): void {
    this.#begin = from;
    this.#spans = this.#misses++ % LEARN_EVERY === 0 ? [] : undefined;
  }

  #note(from: number, to: number, kind: FieldKind, property: string, isMember: boolean): void {
    this.#spans?.push({ from: from - this.#begin, to: to - this.#begin, kind, property, isMember });
  }

  /** The template of the header just walked over, or the one there was. */
  #learned(kept: HeaderTemplate | undefined, bytes: Uint8Array, end: number, header: object): HeaderTemplate | undefined {
    if (this.#spans === undefined || end - this.#begin > TEMPLATE_BYTES_MAX) return kept;
    return new HeaderTemplate(bytes.subarray(this.#begin, end), this.#spans, header, this.#members);
  }

  // ----------------------------------------------------------------------------------------------------------- JSON

  #jsonCode(bytes: Uint8Array, from: number): number {
    return startsWith(bytes, from, JSON_BEGIN) ? this.#text.int32(bytes, from + JSON_BEGIN.length) : -1;
  }

  /** The header of the JSON `bytes[from, end)`; `#members` gets the rest. */
  #json(plan: Plan, bytes: Uint8Array, from: number, end: number): object | undefined {
    const like = plan.json?.read(bytes, this.#view, from, end, false, this.#text, this.#members);
    if (like !== undefined) return like;
    this.#beginWalk(from);
    const header = this.#jsonMembers(plan, bytes, from, end);
    if (header !== undefined) plan.json = this.#learned(plan.json, bytes, end, header);
    return header;
  }

  #jsonMembers(plan: Plan, bytes: Uint8Array, from: number, end: number): object | undefined {
    const members = this.#members;
    members.language = LANGUAGE_OTHER;
    members.version = 0;
    members.opaque = 0;
    members.flag = 0;
    let header: object | undefined;
    let seen = 0;
    // Behind the code, which the caller has read.
    this.#text.int32(bytes, from + JSON_BEGIN.length);
    for (let at = this.#text.end; at < end; at = this.#text.end) {
      if (bytes[at] === CLOSE) return at + 1 === end ? header : undefined;
      if (bytes[at++] !== COMMA) return undefined;
      // The letter behind the quote tells the members apart; each may come once.
      const letter = bytes[at + 1] as number;
      const bit = 1 << (letter - 0x61);
      if ((seen & bit) !== 0) return undefined;
      seen |= bit;
      switch (letter) {
        case 0x65:
          if (!startsWith(bytes, at, JSON_EXT_FIELDS)) return undefined;
          header = this.#jsonFields(plan, bytes, at + JSON_EXT_FIELDS.length, end);
          if (header === undefined) return undefined;
          break;
        case 0x66:
          if (!startsWith(bytes, at, JSON_FLAG)) return undefined;
          members.flag = this.#jsonMember(bytes, at + JSON_FLAG.length, "flag");
          break;
        case 0x6c: {
          if (!startsWith(bytes, at, JSON_LANGUAGE)) return undefined;
          const name = this.#text.json(bytes, this.#view, at + JSON_LANGUAGE.length, end);
          if (name === undefined) return undefined;
          const code = LANGUAGES.indexOf(name as (typeof LANGUAGES)[number]);
          members.language = code < 0 ? LANGUAGE_OTHER : code;
          break;
        }
        case 0x6f:
          if (!startsWith(bytes, at, JSON_OPAQUE)) return undefined;
          members.opaque = this.#jsonMember(bytes, at + JSON_OPAQUE.length, "opaque");
          break;
        case 0x73:
          if (!startsWith(bytes, at, JSON_TYPE)) return undefined;
          this.#text.end = at + JSON_TYPE.length;
          break;
        case 0x76:
          if (!startsWith(bytes, at, JSON_VERSION)) return undefined;
          members.version = this.#jsonMember(bytes, at + JSON_VERSION.length, "version");
          break;
        default:
          return undefined;
      }
    }
    return undefined;
  }

  #jsonMember(bytes: Uint8Array, from: number, member: keyof Members): number {
    const value = this.#text.int32(bytes, from);
    this.#note(from, this.#text.end, "int", member, true);
    return value;
  }

  /** The header, from the `"` of the first field to behind the `}`. */
  #jsonFields(plan: Plan, bytes: Uint8Array, from: number, end: number): object | undefined {
    const value: Record<string, unknown> = { ...plan.fallbacks };
    let seen = 0;
    let at = from;
    for (let position = 0; ; position++) {
      if (bytes[at] !== QUOTE) return undefined;
      let nameEnd = at + 1;
      // No name in a table holds an escape: one that ends at a backslash is in none.
      while (bytes[nameEnd] !== QUOTE && nameEnd < end) nameEnd++;
      const field = fieldAt(plan, position, bytes, at + 1, nameEnd);
      const valueAt = nameEnd + 3;
      if (field === undefined || (seen & field.bit) !== 0) return undefined;
      if (bytes[nameEnd + 1] !== COLON || bytes[nameEnd + 2] !== QUOTE) return undefined;
      seen |= field.bit;
      if (field.kind === "string") {
        const text = this.#text.json(bytes, this.#view, valueAt, end);
        if (text === undefined) return undefined;
        value[field.property] = text;
        at = this.#text.end;
      } else {
        let valueEnd = valueAt;
        while (bytes[valueEnd] !== QUOTE && valueEnd < end) valueEnd++;
        const read = plainValue(field.kind, bytes, valueAt, valueEnd);
        if (read === undefined) return undefined;
        value[field.property] = read;
        at = valueEnd + 1;
      }
      this.#note(valueAt, at - 1, field.kind, field.property, false);
      if (at >= end) return undefined;
      if (bytes[at] === COMMA) at++;
      else if (bytes[at] === CLOSE) break;
      else return undefined;
    }
    this.#text.end = at + 1;
    return (seen & plan.required) === plan.required ? value : undefined;
  }

  // ------------------------------------------------------------------------------------------------------- ROCKETMQ

  /** The header of the ROCKETMQ `bytes[from, end)`; `#members` gets the rest. */
  #rocketmq(plan: Plan, bytes: Uint8Array, from: number, end: number): object | undefined {
    // Fixed part, remark of no length, length of the fields: what follows must be all there is.
    const fieldsAt = from + ROCKETMQ_FIELDS_AT;
    if (end < fieldsAt || readInt32(bytes, from + 13) !== 0 || readInt32(bytes, from + 17) !== end - fieldsAt) return undefined;
    const members = this.#members;
    let header = plan.rocketmq?.read(bytes, this.#view, fieldsAt, end, true, this.#text, members);
    if (header === undefined) {
      this.#beginWalk(fieldsAt);
      header = this.#rocketmqFields(plan, bytes, fieldsAt, end);
      if (header === undefined) return undefined;
      plan.rocketmq = this.#learned(plan.rocketmq, bytes, end, header);
    }
    const language = bytes[from + 2] as number;
    members.language = language < LANGUAGES.length ? language : LANGUAGE_OTHER;
    members.version = (((bytes[from + 3] as number) << 24) >> 16) | (bytes[from + 4] as number);
    members.opaque = readInt32(bytes, from + 5);
    members.flag = readInt32(bytes, from + 9);
    return header;
  }

  #rocketmqFields(plan: Plan, bytes: Uint8Array, from: number, end: number): object | undefined {
    const value: Record<string, unknown> = { ...plan.fallbacks };
    let seen = 0;
    let at = from;
    for (let position = 0; at < end; position++) {
      const lengthAt = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
      if (!(lengthAt + 4 <= end)) return undefined;
      const field = fieldAt(plan, position, bytes, at + 2, lengthAt);
      const length = readInt32(bytes, lengthAt);
      const valueAt = lengthAt + 4;
      at = valueAt + length;
      // A value of length 0 reads as absent: rare enough for the long way.
      if (field === undefined || length <= 0 || at > end || (seen & field.bit) !== 0) return undefined;
      seen |= field.bit;
      const read = field.kind === "string" ? this.#text.plain(bytes, valueAt, at) : plainValue(field.kind, bytes, valueAt, at);
      if (read === undefined) return undefined;
      value[field.property] = read;
      this.#note(lengthAt, at, field.kind, field.property, false);
    }
    return (seen & plan.required) === plan.required ? value : undefined;
  }
}

function planOf({ fields }: HeaderCodec<object>): Plan | null {
  const rows = Object.entries(
    fields as Record<string, { kind: FieldKind; required: boolean; fallback: unknown; wireName?: string }>,
  );
  if (rows.length > FIELDS_MAX) return null;
  return {
    fields: rows.map(([property, { kind, wireName = property }], i) => ({ name: wireName, property, kind, bit: 1 << i })),
    required: rows.reduce((bits, [, row], i) => (row.required ? bits | (1 << i) : bits), 0),
    fallbacks: Object.fromEntries(rows.map(([property, { fallback }]) => [property, fallback])),
    order: [],
    json: undefined,
    rocketmq: undefined,
  };
}

/** The field named `bytes[from, to)`, undefined when the table has none. */
function fieldAt(plan: Plan, position: number, bytes: Uint8Array, from: number, to: number): Field | undefined {
  const expected = plan.order[position];
  if (expected !== undefined && isText(bytes, from, to, expected.name)) return expected;
  const found = plan.fields.find((field) => isText(bytes, from, to, field.name));
  if (found !== undefined && position <= plan.order.length) plan.order[position] = found;
  return found;
}

function startsWith(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
