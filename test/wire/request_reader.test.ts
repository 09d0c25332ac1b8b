/** The short way of reading a request against the long one: the same result, or none. */
import { describe, expect, test } from "bun:test";
import { ByteWriter } from "../../wire/byte_writer.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { FieldKind } from "../../wire/header.ts";
import { type ExtFields, NO_BODY, type RemotingCommand, type SerializeType } from "../../wire/remoting_command.ts";
import { type ReadRequest, RequestReader } from "../../wire/request_reader.ts";
import { REQUESTS, type RequestRow } from "../../wire/requests.ts";
import { decodeCommand, encodeCommand } from "../../wire/serialize.ts";
import { TextCache } from "../../wire/text_cache.ts";
import { Dice } from "../fuzz/random.ts";
import { bytesOf, goldenRows } from "./golden.ts";

const rows = Object.values(REQUESTS) as RequestRow[];
const reader = new RequestReader(rows);

function frameOf(command: Partial<RemotingCommand> & { code: number; serializeType: SerializeType }): Uint8Array {
  const writer = new ByteWriter(64);
  const rest = { language: 0, version: 513, opaque: 7, flag: 0, remark: undefined, extFields: undefined, body: NO_BODY };
  encodeCommand({ ...rest, ...command }, writer);
  return writer.written().slice();
}

/** A frame with this JSON header. */
function jsonFrame(header: string, body: Uint8Array = NO_BODY): Uint8Array {
  const text = encodeUtf8(header);
  const frame = new Uint8Array(8 + text.length + body.length);
  new DataView(frame.buffer).setInt32(0, frame.length - 4);
  new DataView(frame.buffer).setInt32(4, text.length);
  frame.set(text, 8);
  frame.set(body, 8 + text.length);
  return frame;
}

/** Reads amid other bytes, as a frame of a chunk. */
function read(frame: Uint8Array): ReadRequest | undefined {
  const chunk = new Uint8Array(frame.length + 9).fill(0x7b);
  chunk.set(frame, 4);
  return reader.read(chunk, 4, 4 + frame.length);
}

function expectSame(frame: Uint8Array): void {
  const found = read(frame);
  if (found === undefined) throw new Error(`${new TextDecoder().decode(frame)} went the long way`);
  const { header, ...command } = found;
  const longWay = decodeCommand(frame);
  const { request } = rows.find(({ code }) => code === longWay.code) as RequestRow;
  expect(header).toEqual(request.decode(longWay.extFields) as object);
  expect(Object.keys(header)).toEqual(Object.keys(request.decode(longWay.extFields) as object));
  expect({ ...command, body: [...command.body] }).toEqual({ ...longWay, extFields: undefined, body: [...longWay.body] });
}

const SAMPLES: Readonly<Record<FieldKind, readonly string[]>> = {
  string: [
    "TopicTest",
    "a/b \u007e",
    "K\u0001v\u0002W\u0001true\u0002",
    'a "quoted" \\ one\n\t',
    "中文 é 😀",
    "x".repeat(300),
    "\u007f",
  ],
  int: ["0", "7", "2147483647", "000012"],
  long: ["0", "1795225250966", "999999999999999"],
  boolean: ["true", "false"],
  double: ["0", "12"],
};

describe("every row of the table, in both serializations", () => {
  const served = rows.filter(({ request }) => Object.keys(request.fields as object).length > 0);

  test.each([0, 1] as const)("serialization %d", (serializeType) => {
    for (const { code, request } of served) {
      const fields = Object.entries(request.fields as Record<string, { kind: FieldKind; required: boolean; wireName?: string }>);
      for (let round = 0; round < 7; round++) {
        const chosen = fields.filter(([, row], i) => row.required || (i + round) % 3 !== 0);
        if (chosen.length === 0 || (serializeType === 1 && code > 0x7fff)) continue;
        const extFields: ExtFields = {};
        for (const [i, [property, { kind, wireName = property }]] of chosen.entries()) {
          const samples = SAMPLES[kind];
          extFields[wireName] = samples[(i + round) % samples.length];
        }
        expectSame(frameOf({ code, serializeType, extFields, body: new Uint8Array(round) }));
      }
    }
  });
});

describe("what clients send all day takes the short way", () => {
  const captured = goldenRows("captured.txt").filter(([what]) => /SEND_MESSAGE|PULL_MESSAGE/.test(what ?? ""));

  test.each(captured.filter(([, , header]) => header?.includes('"flag":0')))("%s", (_, prefix = "", header = "", body = "") => {
    const bytes = body.startsWith("hex:") ? bytesOf(body.slice(4)) : encodeUtf8(body);
    expectSame(Uint8Array.from([...bytesOf(prefix), ...encodeUtf8(header), ...bytes]));
  });

  test("members in the order of the Go client", () => {
    expectSame(
      jsonFrame(
        '{"code":15,"language":"GO","version":1,"opaque":2147483647,"flag":2,"extFields":{"b":"T","a":"P","c":"D","d":"4","e":"3","f":"0","g":"1","h":"0"}}'.replace(
          '"code":15',
          '"code":310',
        ),
        Uint8Array.of(1, 2),
      ),
    );
  });
});

describe("anything unusual goes the long way", () => {
  const usual =
    '{"code":310,"extFields":{"a":"P","b":"T","c":"D","d":"4","e":"3","f":"0","g":"1","h":"0"},"flag":0,"opaque":1,"version":513}';

  test("the usual one does not", () => expectSame(jsonFrame(usual)));

  test.each([
    ["a field beyond the table", usual.replace('"a":"P"', '"a":"P","AccessKey":"k"')],
    ["a required field is missing", usual.replace('"a":"P",', "")],
    ["a field twice", usual.replace('"a":"P"', '"a":"P","a":"Q"')],
    ["a member twice", usual.replace('"flag":0', '"flag":0,"flag":0')],
    ["a remark", usual.replace('"flag":0', '"flag":0,"remark":"r"')],
    ["a response", usual.replace('"flag":0', '"flag":1')],
    ["a number below zero", usual.replace('"e":"3"', '"e":"-1"')],
    ["an int beyond 32 bits", usual.replace('"e":"3"', '"e":"2147483648"')],
    ["a number without digits", usual.replace('"e":"3"', '"e":""')],
    ["a field that is no text", usual.replace('"e":"3"', '"e":3')],
    ["an opaque beyond 32 bits", usual.replace('"opaque":1', '"opaque":2147483648')],
    ["an opaque with a leading zero", usual.replace('"opaque":1', '"opaque":01')],
    ["an opaque as text", usual.replace('"opaque":1', '"opaque":"1"')],
    ["blanks", usual.replace('"flag":', '"flag": ')],
    ["an escape beyond ASCII", usual.replace('"a":"P"', '"a":"\\u4e2d"')],
    ["a broken escape", usual.replace('"a":"P"', '"a":"\\u00g1"')],
    ["an escape that is none", usual.replace('"a":"P"', '"a":"\\x"')],
    ["a control character", usual.replace('"a":"P"', '"a":"\u0001"')],
    ["an unknown code", usual.replace("310", "31099")],
    ["fields before the code", '{"extFields":{"a":"P"},"code":310}'],
    ["no fields", '{"code":310,"flag":0}'],
    ["more behind the header", `${usual}}`],
    ["an array", `[${usual.slice(1, -1)}]`],
  ])("%s", (_, header) => expect(read(jsonFrame(header))).toBeUndefined());

  test("a header cut short anywhere, with anything behind it", () => {
    const frame = jsonFrame(usual);
    for (let cut = 1; cut < usual.length; cut++) {
      const short = frame.slice(0, frame.length - cut);
      new DataView(short.buffer).setInt32(4, short.length - 8);
      expect(read(short)).toBeUndefined();
    }
  });

  test("ROCKETMQ cut short anywhere", () => {
    const extFields = { a: "P", b: "T", c: "D", d: "4", e: "3", f: "0", g: "1", h: "0" };
    const frame = frameOf({ code: 310, serializeType: 1, extFields });
    expectSame(frame);
    for (let length = 8; length < frame.length; length++) {
      const short = frame.slice(0, length);
      short[7] = length - 8;
      expect(read(short)).toBeUndefined();
    }
  });
});

describe("a header like one before it", () => {
  const extFields = {
    a: "P",
    b: "TopicA",
    d: "4",
    e: "3",
    g: "1795225250966",
    c: "D",
    f: "0",
    h: "0",
    i: "K\u0001v\u0002",
    k: "false",
  };

  /** Lengths of frame and header are made to fit, of ROCKETMQ's fields too, so that the values are what is looked at. */
  function fitted(header: Uint8Array, serializeType: SerializeType): Uint8Array {
    const frame = new Uint8Array(8 + header.length);
    const view = new DataView(frame.buffer);
    frame.set(header, 8);
    view.setInt32(0, frame.length - 4);
    view.setInt32(4, (serializeType << 24) | header.length);
    if (serializeType === 1) view.setInt32(8 + 17, header.length - 21);
    return frame;
  }

  test.each([0, 1] as const)(
    "changed anywhere, it is read as the long way reads it or not at all: serialization %d",
    (serializeType) => {
      const base = frameOf({ code: 310, serializeType, extFields }).subarray(8);
      let short = 0;
      for (let at = 0; at < base.length; at++) {
        for (const byte of [0, 1, 4, 0x22, 0x2c, 0x30, 0x31, 0x39, 0x41, 0x5c, 0x7d, 0x80, 0xc3]) {
          const changes = [
            base.with(at, byte),
            Uint8Array.from([...base.subarray(0, at), byte, ...base.subarray(at)]),
            Uint8Array.from([...base.subarray(0, at), ...base.subarray(at + 1)]),
          ];
          for (const header of changes) {
            // A reader that has the base as its template.
            const primed = new RequestReader(rows);
            primed.read(fitted(base, serializeType), 0, base.length + 8);
            const frame = fitted(header, serializeType);
            const found = primed.read(frame, 0, frame.length);
            if (found === undefined) continue;
            short++;
            const { header: fields, ...command } = found;
            const longWay = decodeCommand(frame);
            expect({ ...command }).toEqual({ ...longWay, extFields: undefined });
            expect(fields).toEqual(REQUESTS.SEND_MESSAGE_V2.request.decode(longWay.extFields));
          }
        }
      }
      expect(short).toBeGreaterThan(300);
    },
  );

  test("values of other lengths, in turn", () => {
    for (const [i, e] of ["3", "12", "0", "1023", "7"].entries()) {
      for (const b of ["TopicA", "T", "a much longer name of a topic", "TopicB"]) {
        for (const serializeType of [0, 1] as const)
          expectSame(frameOf({ code: 310, serializeType, opaque: 10 ** i, extFields: { ...extFields, e, b } }));
      }
    }
  });
});

describe("a text with escapes like one before it", () => {
  const headerWith = (properties: string): string =>
    `{"code":310,"extFields":{"a":"P","b":"T","c":"D","d":"4","e":"3","f":"0","g":"17","h":"0","i":"${properties}"},"flag":0,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":513}`;
  const propertiesOf = (raw: string): string | undefined =>
    (read(jsonFrame(headerWith(raw)))?.header as { properties?: string } | undefined)?.properties;
  const raw = String.raw`UNIQ_KEY\u0001FD0000257DA30946E09675B00001A2F\u0002KEYS\u0001order \"7\"\u0002WAIT\u0001true\u0002`;

  test("changed again and again, it is what JSON.parse makes of it, or goes the long way", () => {
    const dice = new Dice(14);
    const pieces = ["0", "F", "x", "\u007f", "é", "中", String.raw`\n`, String.raw`\u0001`, String.raw`\u0041`, String.raw`\"`];
    let text = raw;
    let short = 0;
    for (let i = 0; i < 5_000; i++) {
      // Where no escape is cut through.
      const parts = text.match(/\\u[0-9a-f]{4}|\\.|[^\\]/gu) as string[];
      const at = dice.below(parts.length);
      // Mostly a letter for another; longer and shorter texts, and other escapes, in between.
      if (dice.once(10)) parts.splice(at, dice.below(2), dice.pick(pieces));
      else if ((parts[at] as string).length === 1) parts[at] = dice.pick(["0", "7", "A", "z"]);
      text = parts.join("");
      const found = propertiesOf(text);
      if (found !== undefined) short++;
      expect([text, found ?? JSON.parse(`"${text}"`)]).toEqual([text, JSON.parse(`"${text}"`)]);
    }
    expect(short).toBeGreaterThan(4_500);
  });

  test("a quote, a backslash or a control character in the place of a letter is none", () => {
    for (let at = 0; at < raw.length; at++) {
      for (const letter of ['"', "\\", "\u0001", "\n"]) {
        const changed = raw.slice(0, at) + letter + raw.slice(at + 1);
        expect(propertiesOf(raw)).toBe(JSON.parse(`"${raw}"`));
        const frame = jsonFrame(headerWith(changed));
        if (read(frame) !== undefined) expectSame(frame);
      }
    }
  });
});

test("of ROCKETMQ's texts, zeros are not taken for zeros with a sign", () => {
  const extFields = { a: "P", b: "T", c: "D", d: "4", e: "3", f: "0", g: "17", h: "0", i: `a${"\0".repeat(20)}` };
  const frame = frameOf({ code: 310, serializeType: 1, extFields });
  for (let at = frame.length - 20; at < frame.length; at++) {
    const primed = new RequestReader(rows);
    primed.read(frame, 0, frame.length);
    const changed = frame.with(at, 0x80);
    const found = primed.read(changed, 0, changed.length);
    expect(found?.header).toEqual(REQUESTS.SEND_MESSAGE_V2.request.decode(decodeCommand(changed).extFields));
  }
});

test("texts of one hash do not stand for each other", () => {
  const cache = new TextCache();
  const bytes = encodeUtf8("TopicATopicB");
  expect([cache.get(bytes, 0, 6, 1), cache.get(bytes, 6, 12, 1), cache.get(bytes, 0, 6, 1)]).toEqual([
    "TopicA",
    "TopicB",
    "TopicA",
  ]);
});
