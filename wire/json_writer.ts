/** JSON out: as fastjson writes it, or strict for whoever reads only standard JSON. */
import { JsonDouble, JsonLine, JsonMap, type JsonObject, type JsonValue } from "./json_value.ts";

export interface JsonStyle {
  /**
   * "fastjson" (default): integer keys bare, objects in key position, maps in their own order. "strict": keys quoted, maps
   * sorted by key; for routes to clients from 4.9.4 on. A map keyed by objects has no strict form: its keys become text.
   */
  readonly form?: "fastjson" | "strict";
  /** TABs and line breaks as fastjson's PrettyFormat puts them: config files. */
  readonly pretty?: boolean;
}

/** Members that are undefined are left out, as Apache leaves out null. */
export function formatJson(value: JsonValue, style: JsonStyle = {}): string {
  if (style.form !== "strict" && !style.pretty) return compact(value, false);
  return style.pretty ? pretty(value, style.form === "strict", "\n") : compact(value, true);
}

function compact(value: JsonValue, strict: boolean): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value !== "object") return scalar(value);
  if (value instanceof JsonDouble) return formatDouble(value.value);
  if (value instanceof JsonLine) return `[${value.items.map((item) => compact(item, strict)).join(",")}]`;
  if (Array.isArray(value)) return `[${(value as JsonValue[]).map((item) => compact(item, strict)).join(",")}]`;
  let text = "{";
  for (const [key, member] of membersOf(value as JsonMap | JsonObject, strict)) {
    text += (text.length > 1 ? "," : "") + key + ":" + compact(member, strict);
  }
  return text + "}";
}

function pretty(value: JsonValue, strict: boolean, lineStart: string): string {
  if (value === null || typeof value !== "object" || value instanceof JsonDouble || value instanceof JsonLine) {
    return compact(value, strict);
  }
  const inner = `${lineStart}\t`;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[${inner}${(value as JsonValue[]).map((item) => pretty(item, strict, inner)).join(`,${inner}`)}${lineStart}]`;
  }
  const members = membersOf(value as JsonMap | JsonObject, strict);
  if (members.length === 0) return "{}";
  return `{${inner}${members.map(([key, member]) => `${key}:${pretty(member, strict, inner)}`).join(`,${inner}`)}${lineStart}}`;
}

function scalar(value: null | undefined | boolean | number | bigint): string {
  return value === undefined ? "null" : String(value);
}

type Member = readonly [key: string, value: JsonValue];

/** Keys as they are to be written. */
function membersOf(value: JsonMap | JsonObject, strict: boolean): Member[] {
  if (value instanceof JsonMap) {
    if (!strict) return value.entries.map(([key, member]) => [compact(key, false), member]);
    const named = value.entries.map(([key, member]) => [typeof key === "string" ? key : compact(key, true), member] as const);
    named.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return named.map(([key, member]) => [JSON.stringify(key), member]);
  }
  const members: Member[] = [];
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member !== undefined) members.push([JSON.stringify(key), member]);
  }
  return members;
}

/** As Java's Double.toString: at least one digit after the point; from 10^7 on and below 10^-3 with an exponent. */
export function formatDouble(value: number): string {
  if (!Number.isFinite(value)) return "null";
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e7)) {
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  const [digits = "0", exponent = "0"] = value.toExponential().split("e");
  return `${digits.includes(".") ? digits : `${digits}.0`}E${Number(exponent)}`;
}
