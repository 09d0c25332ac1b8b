/**
 * Message properties as text: `name 0x01 value 0x02 name 0x01 value 0x02 …`.
 *
 * Writers end every pair with 0x02, old ones left out the last. A reader passes over a segment without name or without
 * value, so empty values vanish; of a name that occurs twice the last counts.
 *
 * The hot path works on the text and parses none of it: `propertyOf` finds one value, `addProperty` appends.
 */
import { WireError } from "./errors.ts";

export const NAME_VALUE_SEPARATOR = "\u0001";
export const PROPERTY_SEPARATOR = "\u0002";
const PAIR_END = 2;
const NAME_END = 1;

/** All properties, in the order of their first occurrence. */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  forEachProperty(text, (name, value) => properties.set(name, value));
  return properties;
}

/** Calls `each` for every pair in order, duplicates included. Linear, whatever the text: it comes from outside. */
export function forEachProperty(text: string, each: (name: string, value: string) => void): void {
  let nameEnd = -1;
  for (let from = 0; from < text.length; ) {
    // Looked for again only once it lies behind: a long text of many 0x02 has perhaps no 0x01 at all.
    if (nameEnd < from) nameEnd = text.indexOf(NAME_VALUE_SEPARATOR, from);
    if (nameEnd < 0) return;
    const found = text.indexOf(PROPERTY_SEPARATOR, from);
    const end = found < 0 ? text.length : found;
    if (nameEnd > from && nameEnd < end - 1) each(text.slice(from, nameEnd), text.slice(nameEnd + 1, end));
    from = end + 1;
  }
}

/**
 * Text of `properties`; every pair is ended. Pairs with an empty name or value are left out: no reader would see them.
 * @throws WireError when a name contains 0x01 or 0x02, or a value 0x02.
 */
export function formatProperties(properties: Iterable<readonly [name: string, value: string]>): string {
  let text = "";
  for (const [name, value] of properties) {
    if (name === "" || value === "") continue;
    checkPair(name, value);
    text += name + NAME_VALUE_SEPARATOR + value + PROPERTY_SEPARATOR;
  }
  return text;
}

/** The value of `name`, or undefined. Nothing else is parsed. */
export function propertyOf(text: string, name: string): string | undefined {
  let value: string | undefined;
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + name.length)) {
    const nameEnd = at + name.length;
    if (text.charCodeAt(nameEnd) !== NAME_END || (at > 0 && text.charCodeAt(at - 1) !== PAIR_END)) continue;
    const found = text.indexOf(PROPERTY_SEPARATOR, nameEnd);
    const end = found < 0 ? text.length : found;
    if (end > nameEnd + 1) value = text.slice(nameEnd + 1, end);
  }
  return value;
}

/** Appends a pair whose name is known to be absent; ends the pair before it when an old writer did not. */
export function addProperty(text: string, name: string, value: string): string {
  checkPair(name, value);
  if (value === "") return text;
  const unended = text !== "" && text.charCodeAt(text.length - 1) !== PAIR_END;
  return (unended ? text + PROPERTY_SEPARATOR : text) + name + NAME_VALUE_SEPARATOR + value + PROPERTY_SEPARATOR;
}

/** Replaces the pair of `name`, or appends it. */
export const setProperty = (text: string, name: string, value: string): string =>
  addProperty(removeProperty(text, name), name, value);

/** Takes out every pair of `name`, an empty one too. */
export function removeProperty(text: string, name: string): string {
  let kept = "";
  let keptTo = 0;
  for (let at = text.indexOf(name); at >= 0; ) {
    let next = at + name.length;
    if (text.charCodeAt(next) === NAME_END && (at === 0 || text.charCodeAt(at - 1) === PAIR_END)) {
      const found = text.indexOf(PROPERTY_SEPARATOR, next);
      kept += text.slice(keptTo, at);
      next = found < 0 ? text.length : found + 1;
      keptTo = next;
    }
    at = text.indexOf(name, next);
  }
  return keptTo === 0 ? text : kept + text.slice(keptTo);
}

function checkPair(name: string, value: string): void {
  if (name === "" || name.includes(NAME_VALUE_SEPARATOR) || name.includes(PROPERTY_SEPARATOR)) {
    throw new WireError(`property name ${JSON.stringify(name.slice(0, 40))} is empty or contains 0x01 or 0x02`);
  }
  if (value.includes(PROPERTY_SEPARATOR)) throw new WireError(`the value of property "${name}" contains 0x02`);
}
