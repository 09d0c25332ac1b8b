import { describe, expect, test } from "bun:test";
import { editProperties, formatProperties, parseProperties } from "../../core/properties.ts";

/** Each text, and what java.util.Properties of Java 17 made of it. */
const FROM_JAVA: readonly [string, Record<string, string>][] = [
  ["a=1", { a: "1" }],
  ["a:1", { a: "1" }],
  ["a 1", { a: "1" }],
  [" \t\fa  =  1 ", { a: "1 " }],
  ["a", { a: "" }],
  ["a=", { a: "" }],
  ["=v", { "": "v" }],
  ["a\\=b=c", { "a=b": "c" }],
  ["a\\:b\\ c:d=e", { "a:b c": "d=e" }],
  ["# c\\\na=1", { a: "1" }],
  ["! c\na=1", { a: "1" }],
  ["a=1\\\n   2\\\n\t3", { a: "123" }],
  ["a=1\\\\\nb=2", { a: "1\\", b: "2" }],
  ["a=\\u4e2d\\u6587", { a: "\u4e2d\u6587" }],
  ['a=\\t\\n\\r\\f\\q\\"', { a: '\t\n\r\fq"' }],
  ["a=1\r\nb=2\rc=3\n\n\nd=4", { a: "1", b: "2", c: "3", d: "4" }],
  ["a=1\na=2", { a: "2" }],
  ["a=x\\", { a: "x" }],
  ["k\\u0041=v", { kA: "v" }],
  ["a = b : c", { a: "b : c" }],
  ["path=C\\:\\\\dir", { path: "C:\\dir" }],
  ["a=1\\\r\n  b", { a: "1b" }],
  ["   # not data\nx=y", { x: "y" }],
  ["a==b", { a: "=b" }],
  ["a= =b", { a: "=b" }],
  ["a\\\n  b=c", { ab: "c" }],
  ["\\#a=1", { "#a": "1" }],
  ["a=#b", { a: "#b" }],
  ["k=\\\n\\\nv", { k: "v" }],
  ["k=v\\\n#x", { k: "v#x" }],
  ["a\u00e9=1", { "a\u00e9": "1" }],
  ["   ", {}],
  ["a\t=\tb\t", { a: "b\t" }],
];

/** Key, value, and the line that Java's `store` wrote. */
const STORED_BY_JAVA: readonly [string, string, string][] = [
  [" a b", " x y ", "\\ a\\ b=\\ x y \n"],
  ["k=:", "=:#!", "k\\=\\:=\\=\\:\\#\\!\n"],
  ["t", "\t\n\r\f\\", "t=\\t\\n\\r\\f\\\\\n"],
];

const bytes = (...values: number[]) => new Uint8Array(values);

describe("properties files", () => {
  test.each(FROM_JAVA)("%j is read as Java reads it", (text, expected) => {
    expect(Object.fromEntries(parseProperties(text))).toEqual(expected);
  });

  test.each(STORED_BY_JAVA)("%j=%j is written as Java writes it", (key, value, line) => {
    expect(formatProperties([[key, value]])).toBe(line);
    expect([...parseProperties(line)]).toEqual([[key, value]]);
  });

  test("what is written is ASCII and reads back", () => {
    const text = formatProperties([["\u4e2d", "\u6587\u007f\u00e9\ud83d\ude00"]]);
    expect(text).toBe("\\u4e2d=\\u6587\\u007f\\u00e9\\ud83d\\ude00\n");
    expect([...parseProperties(text)]).toEqual([["\u4e2d", "\u6587\u007f\u00e9\ud83d\ude00"]]);
  });

  test("bytes are UTF-8 when they can be, else ISO 8859-1 as in Java", () => {
    expect(parseProperties(bytes(0x61, 0x3d, 0xc3, 0xa9)).get("a")).toBe("\u00e9");
    expect(parseProperties(bytes(0x61, 0x3d, 0xe9)).get("a")).toBe("\u00e9");
  });

  test.each(["a=\\u12", "a=\\uzzzz"])("%j is refused with its line", (text) => {
    expect(() => parseProperties(`ok=1\n${text}`)).toThrow("line 2: \\u wants four hexadecimal digits");
  });

  test("an edit touches only the lines of its keys", () => {
    const before = "# the broker\nbrokerName=a\n\nfileReservedTime = \\\n   48\n! end\nbrokerName=b\n";
    const changes = new Map([
      ["fileReservedTime", "24"],
      ["brokerName", "c"],
      ["flushDiskType", "SYNC_FLUSH"],
    ]);
    const after = editProperties(before, changes);
    expect(after).toBe("# the broker\n\nfileReservedTime=24\n! end\nbrokerName=c\nflushDiskType=SYNC_FLUSH\n");
    expect(editProperties(after, changes)).toBe(after);
  });

  test("an edit of nothing makes a file", () => {
    expect(editProperties("", new Map([["a", "1"]]))).toBe("a=1\n");
    expect(editProperties("x=1", new Map([["a", " 2"]]))).toBe("x=1\na=\\ 2\n");
  });
});
