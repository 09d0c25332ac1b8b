/**
 * Kinds of JSON values and how each is checked where it enters: the pieces that `body.ts` builds tables of.
 *
 * A kind is lenient where fastjson is (numbers as text, ordinals for enums) and exact otherwise: what is not of the kind is
 * a WireError with the field's name.
 */
import { WireError } from "./errors.ts";
import { JsonDouble, JsonLine, JsonMap, type JsonObject, type JsonValue, parseJson } from "./json.ts";

/** One kind of value. `place` is the field's name for messages. */
export interface Codec<T> {
  /** `value` is never null or undefined. @throws WireError when it is not of this kind. */
  read(value: JsonValue, place: string): T;
  write(value: T): JsonValue;
}

/** What every kind throws. */
export const wrong = (value: JsonValue, place: string, kind: string): WireError =>
  new WireError(`${place}: ${shortened(value)} is not ${kind}`);

function shortened(value: JsonValue): string {
  if (value instanceof JsonMap || (typeof value === "object" && value !== null && !Array.isArray(value))) return "an object";
  if (Array.isArray(value)) return "an array";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value as boolean | number | bigint);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** Text; numbers and booleans become the text they stand for, as with fastjson. */
export const text: Codec<string> = {
  read(value, place) {
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
    throw wrong(value, place, "a text");
  },
  write: (value) => value,
};

const INTEGER = /^[+-]?\d{1,19}$/;

/** A JSON number, or the same as text. */
function integerOf(value: JsonValue): number | bigint | undefined {
  if (typeof value === "number") return Number.isInteger(value) ? value : undefined;
  if (typeof value === "bigint") return value;
  if (typeof value !== "string" || !INTEGER.test(value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value.startsWith("+") ? value.slice(1) : value);
}

export const int: Codec<number> = {
  read(value, place) {
    const number = integerOf(value);
    if (typeof number === "number" && number === (number | 0)) return number | 0;
    throw wrong(value, place, "an int32");
  },
  write: (value) => value,
};

/**
 * int64. Beyond ±2^53 it is clamped there, as in headers: Long.MAX_VALUE means "no bound" in Java, and everything it is
 * compared with is smaller.
 */
export const long: Codec<number> = {
  read(value, place) {
    const number = integerOf(value);
    if (typeof number === "number" && Number.isSafeInteger(number)) return number === 0 ? 0 : number;
    const big = number === undefined ? undefined : BigInt(number);
    if (big === undefined || big < -(2n ** 63n) || big >= 2n ** 63n) throw wrong(value, place, "an int64");
    return big < 0n ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
  },
  write: (value) => value,
};

/** Written as Java writes doubles (`0.0`). */
export const double: Codec<number> = {
  read(value, place) {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number === "bigint") return Number(number);
    if (typeof number === "number" && Number.isFinite(number)) return number;
    throw wrong(value, place, "a number");
  },
  write: (value) => new JsonDouble(value),
};

/** true and false; also their text, and 1 and 0, as with fastjson. */
export const bool: Codec<boolean> = {
  read(value, place) {
    if (typeof value === "boolean") return value;
    if (value === 1 || value === "1") return true;
    if (value === 0 || value === "0") return false;
    const lower = typeof value === "string" ? value.toLowerCase() : "";
    if (lower === "true") return true;
    if (lower === "false") return false;
    throw wrong(value, place, "true or false");
  },
  write: (value) => value,
};

/** One of `names`; also its index, since fastjson can write ordinals. */
export function oneOf<const N extends string>(names: readonly N[]): Codec<N> {
  return {
    read(value, place) {
      const name = typeof value === "number" ? names[value] : names.find((each) => each === value);
      if (name !== undefined) return name;
      throw wrong(value, place, `one of ${names.join(", ")}`);
    },
    write: (value) => value,
  };
}

/** An array. */
export function listOf<T>(item: Codec<T>): Codec<T[]> {
  return {
    read(value, place) {
      if (!Array.isArray(value)) throw wrong(value, place, "an array");
      const items: T[] = [];
      for (const each of value as JsonValue[]) if (each !== null) items.push(item.read(each, place));
      return items;
    },
    write: (value) => value.map((each) => item.write(each)),
  };
}

/** An array without duplicates. */
export function setOf<T>(item: Codec<T>): Codec<Set<T>> {
  const items = listOf(item);
  return {
    read: (value, place) => new Set(items.read(value, place)),
    write: (value) => Array.from(value, (each) => item.write(each)),
  };
}

/** `long[]`: written on one line even in the pretty form. */
export const longs: Codec<number[]> = {
  read: (value, place) => listOf(long).read(value, place),
  write: (value) => new JsonLine(value),
};

/** A map keyed by text. */
export function mapOf<T>(item: Codec<T>): Codec<Map<string, T>> {
  return {
    read(value, place) {
      const map = new Map<string, T>();
      for (const [key, each] of membersOf(value, place)) {
        if (typeof key !== "string") throw wrong(key, `a key of ${place}`, "a text");
        if (each !== null && each !== undefined) map.set(key, item.read(each, place));
      }
      return map;
    },
    write: (value) => new JsonMap(Array.from(value, ([key, each]) => [key, item.write(each)] as const)),
  };
}

/** A map of text to text as a plain object (without a prototype): attributes. */
export const textRecord: Codec<Record<string, string>> = {
  read(value, place) {
    const record = Object.create(null) as Record<string, string>;
    for (const [key, each] of mapOf(text).read(value, place)) record[key] = each;
    return record;
  },
  write: (value) => new JsonMap(Object.entries(value)),
};

/** A map keyed by int32 or safe int64: queue ids, broker ids. Keys are written bare, read bare or quoted. */
export function intMapOf<T>(item: Codec<T>): Codec<Map<number, T>> {
  return {
    read(value, place) {
      const map = new Map<number, T>();
      for (const [key, each] of membersOf(value, place)) {
        if (each !== null && each !== undefined) map.set(long.read(key, `a key of ${place}`), item.read(each, place));
      }
      return map;
    },
    write: (value) => new JsonMap(Array.from(value, ([key, each]) => [key, item.write(each)] as const)),
  };
}

/**
 * A map keyed by an object, as pairs in order: an object has no identity to look it up by. Keys are written as objects in
 * key position, the only form Java reads; read so, or as the object's JSON in a string.
 */
export function pairsOf<K, T>(keyCodec: Codec<K>, item: Codec<T>): Codec<[key: K, value: T][]> {
  return {
    read(value, place) {
      const pairs: [K, T][] = [];
      for (const [key, each] of membersOf(value, place)) {
        const keyValue = typeof key === "string" ? parseJson(key) : key;
        if (each !== null && each !== undefined) pairs.push([keyCodec.read(keyValue, place), item.read(each, place)]);
      }
      return pairs;
    },
    write: (value) => new JsonMap(value.map(([key, each]) => [keyCodec.write(key), item.write(each)] as const)),
  };
}

function membersOf(value: JsonValue, place: string): readonly (readonly [JsonValue, JsonValue])[] {
  if (value instanceof JsonMap) return value.entries;
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(value, place, "an object");
  return Object.entries(value as JsonObject);
}
