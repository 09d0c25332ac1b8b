/** Java's `Integer.valueOf`, `Long.valueOf`, `Double.valueOf` and `Double.compare`, which the filters of 5.5.0 apply to texts. */

const INTEGER = /^[+-]?[0-9]+$/;
const INT_MIN = -0x8000_0000;
const INT_MAX = 0x7fff_ffff;
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

/** NaN when `text` is no int: sign, digits, within 32 bits. */
export function parseInt32(text: string): number {
  if (text.length > 11 && !/^[+-]?0/.test(text)) return Number.NaN;
  if (!INTEGER.test(text)) return Number.NaN;
  const value = Number(text);
  return value >= INT_MIN && value <= INT_MAX ? value : Number.NaN;
}

/** Undefined when `text` is no long: sign, digits, within 64 bits. */
export function parseInt64(text: string): bigint | undefined {
  if (!INTEGER.test(text)) return undefined;
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return value >= LONG_MIN && value <= LONG_MAX ? value : undefined;
}

const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)[fFdD]?$/;
const NAMED = /^([+-]?)(NaN|Infinity)$/;

/** Undefined when `text` is no double. Control characters and blanks around it count for nothing; NaN is one. */
export function parseDouble(text: string): number | undefined {
  let from = 0;
  let to = text.length;
  while (from < to && text.charCodeAt(from) <= 0x20) from++;
  while (to > from && text.charCodeAt(to - 1) <= 0x20) to--;
  const trimmed = from === 0 && to === text.length ? text : text.slice(from, to);
  if (DECIMAL.test(trimmed)) return Number(trimmed.replace(/[fFdD]$/, ""));
  const [, sign, word] = NAMED.exec(trimmed) ?? [];
  if (word !== undefined) return word === "NaN" ? Number.NaN : sign === "-" ? -Infinity : Infinity;
  return parseHexadecimal(trimmed);
}

function parseHexadecimal(text: string): number | undefined {
  const [, sign, whole = "", fraction = "", exponent] = HEXADECIMAL.exec(text) ?? [];
  if (exponent === undefined || whole + fraction === "") return undefined;
  // Rounded once where 52 bits are enough, which is all that Double.toHexString writes.
  const value = Number.parseInt(whole + fraction, 16) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === "-" ? -value : value;
}

/** The order of Double.compare: -0 before 0, NaN equal to itself and above everything. */
export function compareDoubles(left: number, right: number): number {
  if (left < right) return -1;
  if (left > right) return 1;
  if (Object.is(left, right)) return 0;
  if (Number.isNaN(left)) return 1;
  return Number.isNaN(right) || Object.is(left, -0) ? -1 : 1;
}
