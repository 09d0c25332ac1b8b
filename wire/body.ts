/**
 * Body tables: the one description of a JSON body, from which its codec comes. The counterpart of `header.ts`.
 *
 * ```ts
 * export interface OffsetWrapper { brokerOffset: number; consumerOffset: number; pullOffset: number; lastTimestamp: number }
 * export const offsetWrapper = body<OffsetWrapper>("OffsetWrapper", {
 *   brokerOffset: or(long, 0), consumerOffset: or(long, 0), pullOffset: or(long, 0), lastTimestamp: or(long, 0),
 * });
 * ```
 * A value is checked where it enters: a wrong kind is a WireError that names class and field. Unknown members are passed
 * over; an absent or null one takes what its Java field would hold. Members are written in alphabetical order, absent ones
 * not at all, as Apache does.
 */
import { encodeUtf8 } from "./bytes.ts";
import { JsonMap, type JsonObject, type JsonValue, parseJson, parseJsonBytes } from "./json.ts";
import { type Codec, intMapOf, listOf, mapOf, pairsOf, setOf, wrong } from "./json_codec.ts";
import { formatJson, type JsonStyle } from "./json_writer.ts";

export {
  bool,
  type Codec,
  double,
  int,
  intMapOf,
  listOf,
  long,
  longs,
  mapOf,
  oneOf,
  pairsOf,
  setOf,
  text,
  textRecord,
} from "./json_codec.ts";

/** A codec and what an absent or null member means. */
export interface BodyField<T> {
  readonly codec: Codec<unknown>;
  readonly absent: () => T;
  /** Name on the wire when it differs from the property. */
  readonly wireName?: string;
}

export type BodyTable<T> = { readonly [K in keyof T]-?: BodyField<T[K]> };

/** The codec of one body class. */
export interface BodyCodec<T> extends Codec<T> {
  /** Apache's class name. */
  readonly name: string;
  /** @throws WireError naming class, field, value and kind; or where the JSON breaks. Empty bytes are broken JSON. */
  decode(bytes: Uint8Array): T;
  /** As `decode`, from text (a config file, a part of another format). */
  parse(text: string): T;
  encode(value: T, style?: JsonStyle): Uint8Array;
  format(value: T, style?: JsonStyle): string;
}

// --------------------------------------------------------------------------------------------------------------- fields

/** Absent means `fallback`, a value that is never changed in place. */
export const or = <T extends string | number | boolean>(codec: Codec<T>, fallback: T): BodyField<T> => ({
  codec,
  absent: () => fallback,
});

/** Absent means undefined, and undefined is not written. */
export const maybe = <T>(codec: Codec<T>): BodyField<T | undefined> => ({ codec, absent: () => undefined });

/** Absent means what `make` makes, anew each time: for lists, maps and nested bodies. */
export const orNew = <T>(codec: Codec<T>, make: () => T): BodyField<T> => ({ codec, absent: make });

/** A list that is empty when absent. */
export const list = <T>(item: Codec<T>): BodyField<T[]> => orNew(listOf(item), () => []);

/** A set that is empty when absent. */
export const set = <T>(item: Codec<T>): BodyField<Set<T>> => orNew(setOf(item), () => new Set());

/** A map keyed by text that is empty when absent. */
export const map = <T>(item: Codec<T>): BodyField<Map<string, T>> => orNew(mapOf(item), () => new Map());

/** A map keyed by integers that is empty when absent. */
export const intMap = <T>(item: Codec<T>): BodyField<Map<number, T>> => orNew(intMapOf(item), () => new Map());

/** Pairs keyed by an object; none when absent. */
export const pairs = <K, T>(keyCodec: Codec<K>, item: Codec<T>): BodyField<[key: K, value: T][]> =>
  orNew(pairsOf(keyCodec, item), () => []);

/** The same field under another name on the wire. */
export const named = <T>(wireName: string, field: BodyField<T>): BodyField<T> => ({ ...field, wireName });

// --------------------------------------------------------------------------------------------------------------- bodies

interface Row {
  readonly property: string;
  readonly wireName: string;
  readonly place: string;
  readonly codec: Codec<unknown>;
  readonly absent: () => unknown;
}

export function body<T extends object>(name: string, table: BodyTable<T>): BodyCodec<T> {
  const rows: Row[] = (Object.entries(table) as [string, BodyField<unknown>][])
    .map(([property, field]) => ({
      property,
      wireName: field.wireName ?? property,
      place: `${name}.${field.wireName ?? property}`,
      codec: field.codec,
      absent: field.absent,
    }))
    .sort((a, b) => (a.wireName < b.wireName ? -1 : 1));
  const read = (value: JsonValue, place: string): T => {
    if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof JsonMap) {
      throw wrong(value, place, `a ${name} object`);
    }
    const members = value as JsonObject;
    const result: Record<string, unknown> = {};
    for (const row of rows) {
      const member = members[row.wireName];
      result[row.property] = member === undefined || member === null ? row.absent() : row.codec.read(member, row.place);
    }
    return result as T;
  };
  const write = (value: T): JsonValue => {
    const result: Record<string, JsonValue> = {};
    for (const row of rows) {
      const member = (value as Record<string, unknown>)[row.property];
      if (member !== undefined) result[row.wireName] = row.codec.write(member);
    }
    return result;
  };
  return {
    name,
    read,
    write,
    decode: (bytes) => read(parseJsonBytes(bytes), "the body"),
    parse: (json) => read(parseJson(json), "the text"),
    encode: (value, style) => encodeUtf8(formatJson(write(value), style)),
    format: (value, style) => formatJson(write(value), style),
  };
}

/** Codec of a body that is not one class: an array, a bare map. */
export function bodyOf<T>(name: string, codec: Codec<T>): BodyCodec<T> {
  return {
    name,
    read: (value, place) => codec.read(value, place),
    write: (value) => codec.write(value),
    decode: (bytes) => codec.read(parseJsonBytes(bytes), name),
    parse: (json) => codec.read(parseJson(json), name),
    encode: (value, style) => encodeUtf8(formatJson(codec.write(value), style)),
    format: (value, style) => formatJson(codec.write(value), style),
  };
}
