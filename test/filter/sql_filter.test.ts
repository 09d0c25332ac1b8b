import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { SqlExpressionError, SqlFilter } from "../../core/filter/sql_filter.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { formatProperties } from "../../wire/properties.ts";

const OUTCOMES = ["F", "T", "U", "E"] as const;

function outcome(expression: string, properties: Readonly<Record<string, string>>): string {
  try {
    return OUTCOMES[new SqlFilter(expression).evaluate((name) => properties[name])];
  } catch (error) {
    if (error instanceof SqlExpressionError) return "R";
    throw error;
  }
}

/** Whether a stored message passes; an empty value can't be stored. */
function passes(expression: string, properties: Readonly<Record<string, string>>): boolean {
  const stored = new Map(Object.entries(properties));
  const bytes = encodeUtf8(formatProperties(stored));
  const filter = new SqlFilter(expression);
  if ([...stored.values()].includes("")) return filter.evaluate((name) => properties[name]) === 1;
  return filter.matches(bytes, 0, bytes.length);
}

const refusal = (expression: string): string => {
  try {
    new SqlFilter(expression);
  } catch (error) {
    return (error as Error).message;
  }
  return "accepted";
};

describe("what Apache says", () => {
  const lines = readFileSync(new URL("./golden/sql92.tsv", import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  const plain = (text: string) => text.replaceAll("\\n", "\n").replaceAll("\\t", "\t").replaceAll("\\\\", "\\");

  test("2,500 expressions have the same outcome", () => {
    const differing: string[] = [];
    for (const line of lines) {
      if (line.startsWith("#")) continue;
      const [apache, expression = "", properties = "{}"] = line.split("\t");
      const ours = outcome(plain(expression), JSON.parse(properties));
      // Apache reads a part of it and ignores the rest; we refuse.
      const expected = apache === "L" ? "R" : apache;
      if (ours !== expected) differing.push(`${expected} here ${ours}: ${line}`);
      else if (ours !== "R" && passes(plain(expression), JSON.parse(properties)) !== (ours === "T")) {
        differing.push(`${expected}, but not of the stored properties: ${line}`);
      }
    }
    expect(differing).toEqual([]);
    expect(lines.length).toBeGreaterThan(2_500);
  });

  test.each([
    ["a = 0L", { a: "0" }, "T"],
    ["a > 0.0", { a: "1.5" }, "T"],
    ["a = 5 -- five", { a: "5" }, "T"],
    ["a > --5", { a: "6" }, "T"],
  ])("%s, which Apache refuses or reads by accident", (expression, properties, expected) => {
    expect(outcome(expression, properties)).toBe(expected);
  });
});

describe("three values, and an error", () => {
  test.each([
    ["a > 5", {}, "U"],
    ["NOT (a > 5)", {}, "U"],
    ["a > 5 AND b = 'x'", { b: "y" }, "F"],
    ["a > 5 OR b = 'x'", { b: "x" }, "T"],
    ["a > 5 OR b = 'x'", { a: "seven", b: "x" }, "E"],
    ["b = 'x' OR a > 5", { a: "seven", b: "x" }, "T"],
    ["a IS NULL", {}, "T"],
    ["a IS NOT NULL", { a: "1" }, "T"],
    ["a <> 5", {}, "U"],
    ["5 <> a", {}, "T"],
    ["a = b", {}, "T"],
    ["a NOT IN ('x')", {}, "U"],
    ["a NOT CONTAINS 'x'", {}, "F"],
    ["a > 5", { a: "7.5" }, "E"],
    ["a > 5.0", { a: "7.5" }, "T"],
    ["a = TRUE", { a: "True" }, "T"],
  ])("%s of %p is %s", (expression, properties, expected) => {
    expect(outcome(expression, properties as Record<string, string>)).toBe(expected);
  });
});

describe("refusals say where and why", () => {
  test.each([
    ["", "at its end: a property, a number, a string or ( is expected"],
    ["a > ", "at its end"],
    ["a LIKE 'x%'", "at character 3, near \"LIKE 'x%'\": LIKE is not part of it (CONTAINS, STARTSWITH and ENDSWITH are)"],
    ['a = "x"', "at character 5"],
    ['a = "x"', "strings stand in single quotes"],
    ["a = 'x", "the string is not ended by a single quote"],
    ["a != 5", "unequal is written <>"],
    ["a > 'x'", "the string 'x' can't be compared by >: only numbers are greater or less"],
    ["a = NULL", "nothing equals NULL: write IS NULL or IS NOT NULL"],
    ["5", "what stands before it is 5, not a condition"],
    ["a BETWEEN 9 AND 1", "BETWEEN 9 AND 1 holds nothing"],
    ["'x' IN ('x')", "IN is asked of a property only"],
    ["a > 99999999999999999999", "the number is beyond 64 bits"],
    ["a > 007", "that is no number"],
    ["a /* b", "the comment is not ended by */"],
    ["a > 1 b > 2", "AND or OR may follow"],
  ])("%s", (expression, expected) => {
    expect(refusal(expression)).toContain(expected);
  });

  test("what would cost too much", () => {
    expect(refusal(`${"(".repeat(300)}a > 1${")".repeat(300)}`)).toContain("more than 256 levels");
    expect(refusal(Array.from({ length: 3_000 }, () => "a > 1").join(" OR "))).toContain("more than 4096 conditions");
    expect(refusal(`a > ${"1".repeat(70_000)}`)).toContain("65536 are allowed");
    expect(refusal(`${"NOT ".repeat(10_000)}a`)).toContain("more than 256 levels");
  });
});

describe("the properties of a record", () => {
  const filter = new SqlFilter("region IN ('eu','us') AND amount > 100");
  const matches = (properties: string): boolean => {
    const bytes = encodeUtf8(`junk${properties}junk`);
    return filter.matches(bytes, 4, bytes.length - 4);
  };

  test.each([
    ["region\u0001eu\u0002amount\u0001101\u0002", true],
    ["UNIQ_KEY\u0001AC1\u0002amount\u0001101\u0002TAGS\u0001t\u0002region\u0001us\u0002", true],
    // An old client leaves out the last separator.
    ["amount\u0001101\u0002region\u0001us", true],
    ["amount\u0001100\u0002region\u0001us\u0002", false],
    // Of two the last counts.
    ["amount\u0001101\u0002amount\u00015\u0002region\u0001us\u0002", false],
    ["amounts\u0001101\u0002region\u0001us\u0002", false],
    ["amount\u0001\u0002region\u0001us\u0002", false],
    ["", false],
    ["\u0001\u0002\u0002\u0001region\u0002", false],
  ])("%p", (properties, expected) => {
    expect(matches(properties)).toBe(expected);
  });

  // What is read from the bytes is what Java reads from the text.
  test.each([
    ["a = 5", { a: "05", b: "5", c: "-0", d: "+5" }, "TTFT"],
    ["a > 10.5", { a: "10.50000000000000000001", b: "1e2", c: "0x1p4", d: " 11 " }, "FTTT"],
    ["a >= 0.1", { a: ".1", b: "0.10000000000000001", c: "1.", d: "0.09999999999999999" }, "TTTF"],
    ["a > -0.5", { a: "-0", b: "-.4", c: "-1.5", d: "NaN" }, "TTFT"],
    ["a = 2147483647", { a: "2147483647", b: "02147483647", c: "2147483648", d: "7" }, "TTEF"],
    ["a < 5", { a: "4x", b: "", c: "--4", d: "." }, "EEEE"],
    ["a < 5.0", { a: "4x", b: "-", c: "1.2.3", d: "." }, "EEEE"],
    ["a IN ('Köln', 'Bonn')", { a: "Köln", b: "Bonn", c: "Kol", d: "Bonne" }, "TTFF"],
    ["a = 'Köln'", { a: "Köln", b: "K\u00f6ln", c: "Ko\u0308ln", d: "Köl" }, "TTFF"],
    ["a = '\u{fffd}'", { a: "\u{fffd}", b: "?", c: "x", d: "\u{fffd}\u{fffd}" }, "TFFF"],
  ])("%s of %p: %s", (expression, values, expected) => {
    expect(
      Object.values(values as Record<string, string>)
        .map((a) => outcome(expression, { a }))
        .join(""),
    ).toBe(expected);
  });

  test("bytes that are no UTF-8 are U+FFFD, as in Java", () => {
    const bytes = new Uint8Array([97, 1, 0xff, 2]);
    expect(new SqlFilter("a = '\u{fffd}'").matches(bytes, 0, 4)).toBe(true);
    expect(new SqlFilter("a IN ('x', '\u{fffd}')").matches(bytes, 0, 4)).toBe(true);
  });

  test("the order in which its terms are asked does not show", () => {
    const one = new SqlFilter("a > 1.5 AND b = 'x' AND c IS NOT NULL AND NOT (a = 7) AND (d = 1 OR e = 2)");
    const ask = (properties: Record<string, string>): boolean => {
      const bytes = encodeUtf8(formatProperties(new Map(Object.entries(properties))));
      return one.matches(bytes, 0, bytes.length);
    };
    const good = { a: "3", b: "x", c: "c", d: "1" };
    expect(ask(good)).toBe(true);
    for (const bad of [{ a: "1" }, { a: "many" }, { a: "7" }, { b: "y" }, { d: "2" }, { d: "one", e: "2" }]) {
      expect(ask({ ...good, ...bad })).toBe(false);
    }
    expect(ask({ a: "3", b: "x", d: "1" })).toBe(false);
  });

  test("values of one message are not those of the next", () => {
    expect(matches("region\u0001eu\u0002amount\u0001101\u0002")).toBe(true);
    expect(matches("region\u0001eu\u0002")).toBe(false);
  });

  test("values beyond ASCII", () => {
    const bytes = encodeUtf8("stadt\u0001Köln\u0002");
    expect(new SqlFilter("stadt = 'Köln'").matches(bytes, 0, bytes.length)).toBe(true);
  });
});
