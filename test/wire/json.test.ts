import { describe, expect, test } from "bun:test";
import { WireError } from "../../wire/errors.ts";
import { JSON_DEPTH_MAX, JsonLine, JsonMap, type JsonValue, parseJson } from "../../wire/json.ts";
import { formatDouble, formatJson } from "../../wire/json_writer.ts";
import { goldenRowsOf } from "./golden.ts";

describe("fastjson's habits are read", () => {
  test.each([
    ['{0:"a",-1:"b"}', { 0: "a", "-1": "b" }],
    ["{'a':'it\\'s'}", { a: "it's" }],
    ['{"a":1,}', { a: 1 }],
    ["[1,2,]", [1, 2]],
    ["{name:true}", { name: true }],
    ['{"a":5L}', { a: 5 }],
    ['{"a":+1,"b":01,"c":.5,"d":2.}', { a: 1, b: 1, c: 0.5, d: 2 }],
    ['{"a":"line\nbreak"}', { a: "line\nbreak" }],
    ['{"a":9007199254740993}', { a: 9007199254740993n }],
    ['{"a":-9223372036854775808}', { a: -9223372036854775808n }],
    ['{"a":9007199254740991}', { a: 9007199254740991 }],
    ['{"digits":"1234567890123456789"}', { digits: "1234567890123456789" }],
    ['["\\u00e9\\ud83d\\ude00\\b\\f\\/",1234567890123456]', ["é😀\b\f/", 1234567890123456]],
    [" [ ] ", []],
    ["{}", {}],
  ] as [string, unknown][])("%s", (text, value) => {
    expect(parseJson(text)).toEqual(value as JsonValue);
  });

  test("a map keyed by objects", () => {
    const value = parseJson('{{"queueId":0}:5,{"queueId":1}:{"a":[]}}');
    expect(value).toBeInstanceOf(JsonMap);
    expect((value as JsonMap).entries as unknown).toEqual([
      [{ queueId: 0 }, 5],
      [{ queueId: 1 }, { a: [] }],
    ]);
  });

  test("of a key that occurs twice the last counts, on both ways in", () => {
    expect(parseJson('{"a":1,"a":2}')).toEqual({ a: 2 });
    expect(parseJson('{a:1,"a":2}')).toEqual({ a: 2 });
  });

  test("__proto__ is a key like any other", () => {
    for (const text of ['{"__proto__":1}', '{"__proto__":1,}']) {
      expect(Object.keys(parseJson(text) as object)).toEqual(["__proto__"]);
    }
  });
});

describe("what is broken says where", () => {
  test.each([
    ["", "JSON at character 0: expected a value, found the end"],
    ["{", "JSON at character 1: expected a key, found the end"],
    ['{"a" 1}', 'JSON at character 5: expected ":", found "1}"'],
    ['{"a":1 "b":2}', 'JSON at character 7: expected "," or "}", found'],
    ["[1 2]", 'JSON at character 3: expected "," or "]", found'],
    ['["abc', "JSON at character 5: expected the end of a string"],
    ['["\\x"]', "expected an escape"],
    ['["\\u12g4"]', "expected four hex digits"],
    ["[nul]", 'JSON at character 1: expected a value, found "nul]"'],
    ["[NaN]", "expected a value"],
    ["{a:1e999}", "a number that a double or an integer of 64 digits can hold"],
    ["{} x", 'JSON at character 3: expected the end, found "x"'],
    ["[,]", "expected a value"],
    ["[1,,2]", "expected a value"],
    ["{{}", 'expected ":"'],
    ["-", "expected a value"],
  ])("%s", (text, message) => {
    expect(() => parseJson(text)).toThrow(message);
    expect(() => parseJson(text)).toThrow(WireError);
  });

  test("nesting is bounded", () => {
    const nested = (depth: number): string => `${"[".repeat(depth)}0,${"]".repeat(depth)}`;
    expect(() => parseJson(nested(JSON_DEPTH_MAX))).not.toThrow();
    expect(() => parseJson(nested(JSON_DEPTH_MAX + 1))).toThrow(/nested deeper than 64/);
    expect(() => parseJson("[".repeat(1_000_000))).toThrow(WireError);
    expect(() => parseJson('{"a":'.repeat(1_000_000))).toThrow(WireError);
  });

  test("an integer of a million digits costs nothing", () => {
    expect(() => parseJson("9".repeat(1_000_000))).toThrow(WireError);
  });
});

describe("written", () => {
  const value: JsonValue = {
    map: new JsonMap([
      [10, "b"],
      [9, "a"],
    ]),
    keyed: new JsonMap([[{ queueId: 0 }, 5n]]),
    gone: undefined,
    list: [1, "x"],
    line: new JsonLine([1, 2]),
    none: [],
    nothing: {},
    text: '"\u0001\n\\/é',
  };

  test("as fastjson does", () => {
    expect(formatJson(value)).toBe(
      '{"map":{10:"b",9:"a"},"keyed":{{"queueId":0}:5},"list":[1,"x"],"line":[1,2],"none":[],"nothing":{},"text":"\\"\\u0001\\n\\\\/é"}',
    );
  });

  test("strict: standard JSON, maps sorted", () => {
    const strict = formatJson(value, { form: "strict" });
    expect(strict).toContain('"map":{"10":"b","9":"a"}');
    expect(strict).toContain('"keyed":{"{\\"queueId\\":0}":5}');
    expect(() => JSON.parse(strict) as unknown).not.toThrow();
  });

  test("pretty, as config files are", () => {
    expect(formatJson(value, { pretty: true })).toBe(
      [
        "{",
        '\t"map":{\n\t\t10:"b",\n\t\t9:"a"\n\t},',
        '\t"keyed":{\n\t\t{"queueId":0}:5\n\t},',
        '\t"list":[\n\t\t1,\n\t\t"x"\n\t],',
        '\t"line":[1,2],',
        '\t"none":[],',
        '\t"nothing":{},',
        '\t"text":"\\"\\u0001\\n\\\\/é"',
        "}",
      ].join("\n"),
    );
  });

  const doubles = goldenRowsOf("values.txt", "double").map(([text = "", expected = ""]) => ({
    value: Number(JSON.parse(text)),
    expected,
  }));
  test.each(doubles)("the double $expected as Java does", ({ value: double, expected }) => {
    expect(formatDouble(double)).toBe(expected);
  });

  test("infinite doubles are null", () => {
    expect(formatDouble(Number.NaN)).toBe("null");
  });
});
