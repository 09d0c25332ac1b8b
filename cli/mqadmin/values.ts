/** Numbers and booleans out of options, and values as Java's `toString` prints them. */
import { UsageError } from "./declaration.ts";

/** @param name of the option, for the message. @throws UsageError */
export function integer(text: string, name: string, min = Number.MIN_SAFE_INTEGER): number {
  const value = Number(text);
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
  throw new UsageError(`--${name} ${text}: allowed is a whole number${min > Number.MIN_SAFE_INTEGER ? ` from ${min} on` : ""}`);
}

/** A number of Java's long; beyond ±2^53, where it means "no bound", the last one on its side. @throws UsageError */
export function long(text: string | undefined, name: string, fallback: number): number {
  if (text === undefined || !/^[+-]?\d{16,19}$/.test(text)) return integerOr(text, name, fallback);
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number(text), Number.MAX_SAFE_INTEGER));
}

/** The same, of an option that may be left out. */
export const integerOr = <F>(text: string | undefined, name: string, fallback: F, min?: number): number | F =>
  text === undefined ? fallback : integer(text, name, min);

/** As `Boolean.parseBoolean`: anything but true is false. */
export const isTrue = (text: string | undefined): boolean => text?.toLowerCase() === "true";

/** As `Double.toString`, for what brokers say: 0 is "0.0". */
export const javaDouble = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

/** `{a=1, b=2}` */
export function javaMap(entries: Iterable<readonly [string | number, unknown]>): string {
  return `{${[...entries].map(([key, value]) => `${key}=${String(value)}`).join(", ")}}`;
}

/** `+a=b,-c` as names with their sign, and values. @throws UsageError */
export function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const part of text.split(",").filter((each) => each !== "")) {
    const [name = "", value] = part.split("=");
    if (value === undefined ? !name.includes("-") : !name.includes("+") || value === "") {
      throw new UsageError(`--attributes ${part}: allowed are +name=value and -name, joined by commas`);
    }
    if (name in attributes) throw new UsageError(`--attributes: key duplication: ${name}`);
    attributes[name] = value ?? "";
  }
  return attributes;
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})#(\d{2}):(\d{2}):(\d{2}):(\d{3})$/;

/** ms since 1970 of `now`, of a number of ms, or of `yyyy-MM-dd#HH:mm:ss:SSS` in this machine's zone. @throws UsageError */
export function pointInTime(text: string, name: string, now: number): number {
  if (text === "now") return now;
  if (/^[+-]?\d+$/.test(text)) return integer(text, name);
  const [, year, month, day, hour, minute, second, ms] = (DATE.exec(text) ?? []).map(Number);
  if (year !== undefined && month !== undefined) return new Date(year, month - 1, day, hour, minute, second, ms).getTime();
  throw new UsageError(`--${name} ${text}: allowed are now, ms since 1970, and yyyy-MM-dd#HH:mm:ss:SSS`);
}
