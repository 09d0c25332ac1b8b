import { describe, expect, test } from "bun:test";
import { WireError } from "../../wire/errors.ts";
import { hashCode, tagsCode } from "../../wire/java_hash.ts";
import {
  addProperty,
  formatProperties,
  parseProperties,
  propertyOf,
  removeProperty,
  setProperty,
} from "../../wire/properties.ts";
import { goldenRowsOf } from "./golden.ts";

describe("texts as Java reads them", () => {
  const rows = goldenRowsOf("values.txt", "properties").map(([text = "", expected = ""]) => ({
    text: JSON.parse(text) as string,
    expected: JSON.parse(expected) as Record<string, string>,
  }));

  test.each(rows)("$text", ({ text, expected }) => {
    expect(Object.fromEntries(parseProperties(text))).toEqual(expected);
    for (const name of ["a", "b", "c", "ab", "d"]) expect(propertyOf(text, name)).toBe(expected[name]);
  });
});

describe("on the text", () => {
  const text = "KEYS\u0001k1 k2\u0002XKEYS\u0001x\u0002UNIQ_KEY\u0001KEYS\u0002";

  test("a name is found as a whole, not inside another name or a value", () => {
    expect(propertyOf(text, "KEYS")).toBe("k1 k2");
    expect(propertyOf(text, "XKEYS")).toBe("x");
    expect(propertyOf(text, "KEY")).toBeUndefined();
    expect(propertyOf(text, "k1 k2")).toBeUndefined();
  });

  test("adding ends the pair before it when an old writer did not", () => {
    expect(addProperty("a\u0001b", "c", "d")).toBe("a\u0001b\u0002c\u0001d\u0002");
    expect(addProperty("", "c", "d")).toBe("c\u0001d\u0002");
    expect(addProperty("a\u0001b\u0002", "c", "")).toBe("a\u0001b\u0002");
  });

  test("setting replaces every pair of the name", () => {
    expect(setProperty("a\u00011\u0002b\u00012\u0002a\u00013", "a", "4")).toBe("b\u00012\u0002a\u00014\u0002");
  });

  test("removing leaves the others as they are", () => {
    expect(removeProperty(text, "KEYS")).toBe("XKEYS\u0001x\u0002UNIQ_KEY\u0001KEYS\u0002");
    expect(removeProperty(text, "absent")).toBe(text);
    expect(removeProperty("a\u0001b", "a")).toBe("");
    expect(removeProperty("a\u0001\u0002b\u0001c\u0002", "a")).toBe("b\u0001c\u0002");
  });

  test("writing leaves out what no reader would see, and refuses what would break the text", () => {
    expect(
      formatProperties([
        ["a", "1"],
        ["b", ""],
        ["", "x"],
        ["c", "\u0001"],
      ]),
    ).toBe("a\u00011\u0002c\u0001\u0001\u0002");
    expect(() => formatProperties([["a\u0001", "b"]])).toThrow(WireError);
    expect(() => formatProperties([["a", "b\u0002"]])).toThrow(WireError);
    expect(() => addProperty("", "", "b")).toThrow(WireError);
  });
});

describe("a million pairs cost no more than reading them", () => {
  // Quadratic, each of these would take minutes.
  const count = 1_000_000;

  test("ends of pairs without any name", () => {
    expect(parseProperties("\u0002".repeat(count)).size).toBe(0);
    expect(parseProperties("abc\u0002".repeat(count)).size).toBe(0);
  });

  test("the same pair over and over", () => {
    const text = "a\u0001b\u0002".repeat(count);
    expect(parseProperties(text).size).toBe(1);
    expect(propertyOf(text, "a")).toBe("b");
    expect(removeProperty(text, "a")).toBe("");
    expect(setProperty(text, "a", "c")).toBe("a\u0001c\u0002");
  });

  test("a name over and over that is no property", () => {
    const text = "a".repeat(count);
    expect(propertyOf(text, "a")).toBeUndefined();
    expect(removeProperty(text, "a").length).toBe(count);
  });
});

describe("String.hashCode", () => {
  const rows = goldenRowsOf("values.txt", "hashCode").map(([text = "", hash = ""]) => ({
    text: JSON.parse(text) as string,
    hash: Number(hash),
  }));
  test.each(rows)("$text", ({ text, hash }) => {
    expect(hashCode(text)).toBe(hash);
  });

  test("no tags have code 0", () => {
    expect(tagsCode(undefined)).toBe(0);
    expect(tagsCode("")).toBe(0);
    expect(tagsCode("TagA")).toBe(2598919);
  });
});
