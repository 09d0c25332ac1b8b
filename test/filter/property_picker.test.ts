import { describe, expect, test } from "bun:test";
import { PropertyPicker } from "../../core/filter/property_picker.ts";
import { SqlFilter } from "../../core/filter/sql_filter.ts";
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { parseProperties } from "../../wire/properties.ts";

const NAMES = ["a", "aa", "aaa", "aaaa", "aaab", "price", "prices", "grün", `long-${"x".repeat(40)}`, "REGION", "k"];
const ASKED = ["aa", "aaaa", "a", "price", "grün", `long-${"x".repeat(40)}`, "never"];

/** Small and good enough to choose cases; the same each time. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % sides;
  };
}

/** Properties as they may come from outside: of two of one name, empty, without separators, and of separators only. */
function anyProperties(roll: (sides: number) => number): string {
  let text = "";
  for (let pairs = roll(14); pairs > 0; pairs--) {
    const name = NAMES[roll(NAMES.length)] as string;
    const value = ["", "1", "10.25", "öl", "x".repeat(roll(12)), "a\u0001b", "aa\u0001"][roll(7)] as string;
    switch (roll(12)) {
      case 0:
        text += name;
        break;
      case 1:
        text += `${name}\u0002`;
        break;
      case 2:
        text += `\u0001${value}\u0002`;
        break;
      case 3:
        text += "\u0002";
        break;
      default:
        text += `${name}\u0001${value}\u0002`;
    }
  }
  return roll(4) === 0 && text.endsWith("\u0002") ? text.slice(0, -1) : text;
}

/** What a picker finds, by name, in properties that lie `before` bytes into a buffer and have `behind` bytes behind them. */
function picked(picker: PropertyPicker, properties: string, before = 0, behind = 0): Record<string, string> {
  const bytes = encodeUtf8("\u0002".repeat(before) + properties + "a\u0001".repeat(behind).slice(0, behind));
  const values = picker.pick(bytes, before, bytes.length - behind);
  const found: Record<string, string> = {};
  for (const [slot, name] of ASKED.entries()) {
    const text = values.text(slot);
    if (values.has(slot) !== (text !== undefined))
      throw new Error(`"${name}" is there, and is not, in ${JSON.stringify(properties)}`);
    if (text !== undefined) found[name] = text;
  }
  return found;
}

function expectedOf(properties: string): Record<string, string> {
  const all = parseProperties(decodeUtf8(encodeUtf8(properties)));
  return Object.fromEntries(ASKED.flatMap((name) => (all.has(name) ? [[name, all.get(name) as string]] : [])));
}

describe("the values of a few names", () => {
  test("are those that the properties have as a text, whatever the bytes, and whatever message was asked before", () => {
    const roll = dice(42);
    const picker = new PropertyPicker(ASKED);
    const layouts = Array.from({ length: 5 }, () => anyProperties(roll));
    for (let i = 0; i < 20_000; i++) {
      // Mostly one of a few layouts again, perhaps with other values, as producers send them.
      const layout = layouts[roll(5)] as string;
      const properties =
        roll(4) === 0 ? anyProperties(roll) : layout.replace(/[0-9x]+/g, (digits) => digits.slice(roll(digits.length)));
      const found = picked(picker, properties, roll(5), roll(5));
      if (JSON.stringify(found) !== JSON.stringify(expectedOf(properties))) {
        expect([i, properties, found]).toEqual([i, properties, expectedOf(properties)]);
      }
    }
  });

  test("bytes that are no text neither hide a name nor make one", () => {
    const picker = new PropertyPicker(["aaaa", "b"]);
    const roll = dice(7);
    for (let i = 0; i < 5_000; i++) {
      const bytes = Uint8Array.from(
        { length: roll(60) },
        () => [0, 1, 1, 2, 2, 3, 97, 97, 97, 97, 98, 0x82, 0xff][roll(13)] as number,
      );
      const values = picker.pick(bytes, 0, bytes.length);
      // One character a byte, so that all bytes are told apart.
      const all = parseProperties(String.fromCharCode(...bytes));
      for (const [slot, name] of ["aaaa", "b"].entries()) {
        const value = values.has(slot) ? String.fromCharCode(...bytes.subarray(values.from[slot], values.to[slot])) : undefined;
        if (value !== all.get(name)) expect([[...bytes], name, value]).toEqual([[...bytes], name, all.get(name)]);
      }
    }
  });

  test("of the names of one producer's messages each is looked up once", () => {
    const picker = new PropertyPicker(["price", "grade"]);
    const ask = (properties: string): void => {
      const bytes = encodeUtf8(properties);
      picker.pick(bytes, 0, bytes.length);
    };
    for (let i = 0; i < 1_000; i++)
      ask(`price\u0001${i}.25\u0002UNIQ_KEY\u0001${i}\u0002grade\u0001${i % 5}\u0002WAIT\u0001true\u0002`);
    expect(picker.namesSearched).toBe(4);
    // Another producer's, in between: what differs is looked up.
    ask("price\u00011\u0002UNIQ_KEY\u00011\u0002grade\u00011\u0002CLUSTER\u0001c\u0002");
    expect(picker.namesSearched).toBe(5);
    // A name of one or two bytes is always.
    for (let i = 0; i < 10; i++) ask("k\u00011\u0002");
    expect(picker.namesSearched).toBe(15);
  });

  test("memory that is used again for other bytes is read again", () => {
    const filter = new SqlFilter("aaaa = 'x'");
    const bytes = encodeUtf8("aaaa\u0001x\u0002");
    expect(filter.matches(bytes, 0, bytes.length)).toBe(true);
    bytes.set(encodeUtf8("aaab\u0001x\u0002"));
    expect(filter.matches(bytes, 0, bytes.length)).toBe(false);
    const other = encodeUtf8("--aaaa\u0001x\u0002--");
    expect(filter.matches(other.subarray(2), 0, bytes.length)).toBe(true);
  });
});
