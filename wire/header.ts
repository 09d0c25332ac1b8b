/**
 * Field tables: the one description of a custom header, from which its codec comes.
 *
 * A header is an interface and a table that the compiler compares with it:
 * ```ts
 * export interface GetMaxOffsetRequestHeader extends TopicQueueHeader { topic: string; queueId: number; committed: boolean }
 * export const getMaxOffsetRequestHeader = header<GetMaxOffsetRequestHeader>("GetMaxOffsetRequestHeader", {
 *   ...topicQueueFields, topic: required.string, queueId: required.int, committed: defaulted.boolean(true),
 * });
 * ```
 * On the wire every value is text (`extFields`). Numbers are decimal; `long` must be a safe integer.
 */
import { WireError } from "./errors.ts";
import type { ExtFields } from "./remoting_command.ts";

export type FieldKind = "string" | "int" | "long" | "boolean" | "double";

export interface FieldRow<T> {
  readonly kind: FieldKind;
  /** Absent → decoding fails with Apache's words. */
  readonly required: boolean;
  /** Taken when the field is absent. */
  readonly fallback: T;
  /** Name on the wire when it differs from the property (SEND_MESSAGE_V2's letters). */
  readonly wireName?: string;
}

type Row<T> = FieldRow<T | undefined>;

const row = <T>(kind: FieldKind, required: boolean, fallback: T): FieldRow<T> => ({ kind, required, fallback });

/** A row a kind; `Absent` is what stands for a field that is not there. */
export interface RowByKind<Absent> {
  readonly string: FieldRow<string | Absent>;
  readonly int: FieldRow<number | Absent>;
  readonly long: FieldRow<number | Absent>;
  readonly boolean: FieldRow<boolean | Absent>;
  readonly double: FieldRow<number | Absent>;
}

/** Rows of fields that must be there. */
export const required: RowByKind<never> = {
  string: row<string>("string", true, ""),
  int: row<number>("int", true, 0),
  long: row<number>("long", true, 0),
  boolean: row<boolean>("boolean", true, false),
  double: row<number>("double", true, 0),
};

/** Rows of fields that may be absent: `undefined` then. */
export const optional: RowByKind<undefined> = {
  string: row<string | undefined>("string", false, undefined),
  int: row<number | undefined>("int", false, undefined),
  long: row<number | undefined>("long", false, undefined),
  boolean: row<boolean | undefined>("boolean", false, undefined),
  double: row<number | undefined>("double", false, undefined),
};

/** Rows of fields with a value of their own when absent. */
export const defaulted = {
  string: (fallback: string): FieldRow<string> => row<string>("string", false, fallback),
  int: (fallback: number): FieldRow<number> => row<number>("int", false, fallback),
  long: (fallback: number): FieldRow<number> => row<number>("long", false, fallback),
  boolean: (fallback: boolean): FieldRow<boolean> => row<boolean>("boolean", false, fallback),
} as const;

/** The same row under another name on the wire. */
export const named = <T>(wireName: string, of: FieldRow<T>): FieldRow<T> => ({ ...of, wireName });

export type FieldTable<T> = { readonly [K in keyof T]-?: FieldRow<T[K]> };

export interface HeaderCodec<T> {
  /** Apache's class name, for messages. */
  readonly name: string;
  readonly fields: FieldTable<T>;
  /**
   * Reads the header out of the text fields; unknown fields are passed over.
   * @throws WireError `the custom field <x> is null` when a required one is absent, or naming field, text and kind.
   */
  decode(extFields: ExtFields | undefined): T;
  /** Text fields of `value`; undefined ones are left out. Adds to `into` when given. */
  encode(value: T, into?: ExtFields): ExtFields;
}

export function header<T extends object>(name: string, fields: FieldTable<T>): HeaderCodec<T> {
  const rows = (Object.entries(fields) as [string, Row<unknown>][]).map(([property, r]) => ({
    property,
    wireName: r.wireName ?? property,
    kind: r.kind,
    required: r.required,
    fallback: r.fallback,
  }));
  const fallbacks = Object.fromEntries(rows.map((r) => [r.property, r.fallback]));
  return {
    name,
    fields,
    decode(extFields) {
      // A clone of the fallbacks has the final shape at once: engines then only store, instead of growing the object.
      const value: Record<string, unknown> = { ...fallbacks };
      for (let i = 0; i < rows.length; i++) {
        const r = rows[i] as (typeof rows)[number];
        const text = extFields?.[r.wireName];
        if (text === undefined || text === null) {
          if (r.required) throw new WireError(`the custom field <${r.wireName}> is null`);
        } else {
          value[r.property] = r.kind === "string" ? text : parseField(r.kind, text, r.wireName, name);
        }
      }
      return value as T;
    },
    encode(value, into = {}) {
      for (const r of rows) {
        const field = (value as Record<string, unknown>)[r.property];
        if (field !== undefined) into[r.wireName] = r.kind === "string" ? (field as string) : String(field as number | boolean);
      }
      return into;
    },
  };
}

/** A header without fields. */
export const noHeader: HeaderCodec<Record<never, never>> = header("(none)", {});

const INTEGER = /^[+-]?\d{1,19}$/;

function parseField(kind: FieldKind, text: string, field: string, of: string): number | boolean {
  const small = smallInteger(text);
  if (small >= 0 && kind !== "boolean" && (kind !== "int" || small <= 0x7fff_ffff)) return small;
  if (kind === "boolean") return text.length === 4 && text.toLowerCase() === "true";
  if (kind === "double") {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value)) return value;
    throw new WireError(`${of}.${field}: "${shortened(text)}" is not a number`);
  }
  if (INTEGER.test(text)) {
    const value = Number(text);
    if (kind === "int" ? value === (value | 0) : Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    // Long.MIN_VALUE and Long.MAX_VALUE mean "no bound" in Java clients; everything they can be compared with is smaller.
    if (kind === "long" && isInt64(text)) return value < 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
  }
  throw new WireError(`${of}.${field}: "${shortened(text)}" is not ${kind === "int" ? "an int32" : "an int64"}`);
}

/** The value of up to 15 plain digits, what nearly every field holds; -1 for everything else. */
function smallInteger(text: string): number {
  const { length } = text;
  if (length === 0 || length > 15) return -1;
  let value = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function isInt64(text: string): boolean {
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}

const shortened = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
