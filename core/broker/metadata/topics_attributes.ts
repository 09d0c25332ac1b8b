/**
 * Attributes of topics and groups: `+key=value` adds or changes, `-key` removes. Stored keys carry no sign.
 * Texts as Apache's, since tools print them.
 */

import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError } from "../../remoting/processor.ts";

export type Attributes = Readonly<Record<string, string>>;

/** One attribute: may it be changed after creation, and what is wrong with a value (undefined: nothing). */
interface AttributeRow {
  readonly changeable: boolean;
  readonly fault: (value: string) => string | undefined;
}

export type AttributeTable = ReadonlyMap<string, AttributeRow>;

const oneOf =
  (...allowed: string[]) =>
  (value: string) =>
    allowed.includes(value) ? undefined : `value is not in set: [${allowed.join(", ")}]`;

const between = (min: number, max: number) => (value: string) => {
  const number = /^[+-]?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  return number >= min && number <= max ? undefined : `value is not in range(${min}, ${max})`;
};

const bool = (value: string) => (value === "true" || value === "false" ? undefined : "boolean attribute format is wrong.");

const text = () => undefined;

const row = (changeable: boolean, fault: AttributeRow["fault"]): AttributeRow => ({ changeable, fault });

const LITE_EXPIRATION_MINUTES_MAX = 30 * 24 * 60;

export const TOPIC_ATTRIBUTES: AttributeTable = new Map([
  ["queue.type", row(false, oneOf("BatchCQ", "SimpleCQ"))],
  ["cleanup.policy", row(false, oneOf("DELETE", "COMPACTION"))],
  ["message.type", row(true, oneOf("UNSPECIFIED", "NORMAL", "FIFO", "DELAY", "TRANSACTION", "MIXED", "LITE", "PRIORITY"))],
  ["reserve.time", row(true, between(-1, Number.MAX_SAFE_INTEGER))],
  ["lite.topic.expiration", row(true, between(-1, LITE_EXPIRATION_MINUTES_MAX))],
]);

export const GROUP_ATTRIBUTES: AttributeTable = new Map([
  ["priority.factor", row(true, between(0, 100))],
  ["lite.bind.topic", row(true, text)],
  ["lite.sub.model", row(true, oneOf("Shared", "Exclusive"))],
  ["lite.sub.reset.offset.exclusive", row(true, bool)],
  ["lite.sub.reset.offset.unsubscribe", row(true, bool)],
  ["lite.sub.client.quota", row(true, between(-1, Number.MAX_SAFE_INTEGER))],
  ["lite.sub.client.max.event.cnt", row(true, between(10, Number.MAX_SAFE_INTEGER))],
  ["lite.sub.wildcard", row(true, bool)],
]);

/**
 * `+a=1,-b` as a map of signed keys to values (`""` for a removal).
 * @throws RemotingError SYSTEM_ERROR when it is not of that form.
 */
export function parseAttributes(list: string | undefined): Record<string, string> {
  const parsed: Record<string, string> = {};
  if (list === undefined || list === "") return parsed;
  for (const item of list.split(",")) {
    const equals = item.indexOf("=");
    const key = equals < 0 ? item : item.slice(0, equals);
    if (equals >= 0 && !key.startsWith("+")) throw refused(`add/alter attribute format is wrong: ${key}`);
    if (equals < 0 && !key.startsWith("-")) throw refused(`delete attribute format is wrong: ${key}`);
    if (Object.hasOwn(parsed, key)) throw refused(`key duplication: ${key}`);
    parsed[key] = equals < 0 ? "" : item.slice(equals + 1);
  }
  return parsed;
}

/**
 * The attributes after `asked` (signed keys) was applied to `current`.
 * @param creating Nothing is there yet: only `+` is possible, also for what can't be changed later.
 * @throws RemotingError SYSTEM_ERROR for a malformed, unknown or immutable key, or a value out of its set.
 */
export function alterAttributes(
  creating: boolean,
  table: AttributeTable,
  current: Attributes,
  asked: Attributes,
): Record<string, string> {
  const seen = new Set<string>();
  const result: Record<string, string> = { ...current };
  for (const [signed, value] of Object.entries(asked)) {
    const sign = signed.charAt(0);
    const key = signed.slice(1);
    if (key === "" || /[+-]/.test(key)) throw refused("kv string format wrong.");
    if (seen.has(key)) throw refused(`alter duplication key. key: ${key}`);
    seen.add(key);
    if (creating && sign !== "+") throw refused(`only add attribute is supported while creating topic. key: ${key}`);
    if (sign !== "+" && sign !== "-") throw refused(`wrong format key: ${key}`);
    if (sign === "-" && !Object.hasOwn(current, key)) throw refused(`attempt to delete a nonexistent key: ${key}`);
    const rule = table.get(key);
    if (rule === undefined) throw refused(`unsupported key: ${key}`);
    if (!creating && !rule.changeable) throw refused(`attempt to update an unchangeable attribute. key: ${key}`);
    if (sign === "-") {
      delete result[key];
      continue;
    }
    const fault = rule.fault(value);
    if (fault !== undefined) throw refused(`${key}: ${fault}`);
    result[key] = value;
  }
  return result;
}

const refused = (remark: string): RemotingError => new RemotingError(ResponseCode.SYSTEM_ERROR, remark);
