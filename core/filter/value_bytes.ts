/**
 * What a value of a property is, read from its bytes where that can be told without making a text of it: the digits of a
 * number, the bytes of a string. What is unusual goes the long way, through `java_numbers.ts`.
 */
import type { PropertyValues } from "./property_picker.ts";

const ZERO = 48;
const MINUS = 45;
const POINT = 46;
/** So many digits always fit into 32 bits. */
const INT_DIGITS_MAX = 9;
/** So many digits are exact in a double, and so are the powers of ten up to there: their quotient is rounded once. */
const DOUBLE_DIGITS_MAX = 15;
const POWERS: readonly number[] = Array.from({ length: DOUBLE_DIGITS_MAX + 1 }, (_, i) => 10 ** i);

/** The value in `slot`, digits with a minus or none; NaN for what the long way must tell. It is there. */
export function plainInt({ bytes, from, to }: PropertyValues, slot: number): number {
  let at = from[slot] as number;
  const end = to[slot] as number;
  const negative = bytes[at] === MINUS;
  if (negative) at++;
  if (at === end || end - at > INT_DIGITS_MAX) return Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** The same, with a point or none. Minus zero, which `-0` is, is left to the long way. */
export function plainDouble({ bytes, from, to }: PropertyValues, slot: number): number {
  let at = from[slot] as number;
  const end = to[slot] as number;
  const negative = bytes[at] === MINUS;
  if (negative) at++;
  if (end - at > DOUBLE_DIGITS_MAX) return Number.NaN;
  let value = 0;
  let digits = 0;
  let pointAt = end;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digits++;
    } else if (bytes[at] === POINT && pointAt === end) pointAt = at;
    else return Number.NaN;
  }
  if (digits === 0 || (negative && value === 0)) return Number.NaN;
  if (pointAt < end) value /= POWERS[end - pointAt - 1] as number;
  return negative ? -value : value;
}

/** UTF-8 of `text`, where equal bytes are equal texts; undefined where they need not be: bytes that are no UTF-8 read as U+FFFD. */
export function exactBytes(text: string): Uint8Array | undefined {
  const bytes = new TextEncoder().encode(text);
  return text.includes("\u{fffd}") || new TextDecoder().decode(bytes) !== text ? undefined : bytes;
}

/** Whether the value in `slot`, which is there, consists of these bytes. */
export function isSame({ bytes, from, to }: PropertyValues, slot: number, expected: Uint8Array): boolean {
  const at = from[slot] as number;
  const { length } = expected;
  if ((to[slot] as number) - at !== length) return false;
  let same = 0;
  while (same < length && bytes[at + same] === expected[same]) same++;
  return same === length;
}
