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
import { WireError } from "./errors.ts";
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

/**
 * Most values in a body, roughly counted before it is parsed; a value takes a microsecond and some hundred bytes. The default
 * leaves room for the tables that servers exchange (100,000 topics have 900,000); what any client may send is held lower.
 */
export const BODY_VALUES_MAX = 2_000_000;
export const CLIENT_BODY_VALUES_MAX = 100_000;

export interface BodyLimits {
  readonly valuesMax?: number;
}

/** For bodies that every client sends. */
export const FROM_CLIENTS: BodyLimits = { valuesMax: CLIENT_BODY_VALUES_MAX };

/** The codec of one body class. */
export interface BodyCodec<T> extends Codec<T> {
  /** Apache's class name. */
  readonly name: string;
  /**
   * @throws WireError naming class, field, value and kind; or where the JSON breaks; or when there are too many values.
   *   Empty bytes are broken JSON.
   */
  decode(bytes: Uint8Array): T;
  /** As `decode`, from text (a config file, a part of another format), however many values it has. */
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

export function body<T extends object>(name: string, table: BodyTable<T>, limits: BodyLimits = {}): BodyCodec<T> {
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
  return bodyOf(name, { read, write }, limits, "the body");
}

/** Codec of a body that is not one class: an array, a bare map. */
export function bodyOf<T>(name: string, codec: Codec<T>, limits: BodyLimits = {}, place = name): BodyCodec<T> {
  const { valuesMax = BODY_VALUES_MAX } = limits;
  return {
    name,
    read: (value, at) => codec.read(value, at),
    write: (value) => codec.write(value),
    decode(bytes) {
      checkValues(bytes, valuesMax, name);
      return codec.read(parseJsonBytes(bytes), place);
    },
    parse: (json) => codec.read(parseJson(json), place),
    encode: (value, style) => encodeUtf8(formatJson(codec.write(value), style)),
    format: (value, style) => formatJson(codec.write(value), style),
  };
}

const COMMA = 44;
const OPEN_ARRAY = 91;
const OPEN_OBJECT = 123;

/** Every value but the first stands after a comma or an opening bracket; those inside texts are counted too. */
function checkValues(bytes: Uint8Array, valuesMax: number, name: string): void {
  if (bytes.length <= valuesMax) return;
  let values = 1;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === COMMA || byte === OPEN_ARRAY || byte === OPEN_OBJECT) values++;
  }
  if (values > valuesMax) throw new WireError(`${name} of ${bytes.length} bytes has ${values} values; ${valuesMax} are allowed`);
}
