import { describe, expect, test } from "bun:test";
import { ByteWriter } from "../../wire/byte_writer.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { WireError } from "../../wire/errors.ts";
import { FrameSplitter } from "../../wire/frame.ts";
import { NO_BODY, type RemotingCommand, SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from "../../wire/remoting_command.ts";
import { decodeCommand, encodeCommand } from "../../wire/serialize.ts";
import { bytesOf, goldenRows, hexOf } from "./golden.ts";

const golden = [
  ...goldenRows("frames.txt").map(([what = "", hex = "", json = ""]) => ({
    what,
    frame: bytesOf(hex),
    expected: JSON.parse(json) as object,
  })),
];
/** Captured between a Java client, broker and nameserver: prefix, header text, body in hex or as text. */
const captured = goldenRows("captured.txt").map(([what = "", prefix = "", header = "", body = ""]) => ({
  what,
  header,
  frame: Uint8Array.from([
    ...bytesOf(prefix),
    ...encodeUtf8(header),
    ...(body.startsWith("hex:") ? bytesOf(body.slice(4)) : encodeUtf8(body)),
  ]),
}));

/** As Java prints it: null members and fields with empty values left out, extFields sorted. */
function asJava(command: RemotingCommand): object {
  const { code, language, version, opaque, flag, remark, extFields, body } = command;
  const sorted = Object.entries(extFields ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    code,
    language,
    version,
    opaque,
    flag,
    ...(remark === undefined ? {} : { remark }),
    ...(extFields === undefined ? {} : { extFields: Object.fromEntries(sorted) }),
    ...(body.length === 0 ? {} : { body: hexOf(body) }),
  };
}

function encoded(command: RemotingCommand): string {
  const writer = new ByteWriter(16);
  encodeCommand(command, writer);
  return hexOf(writer.written());
}

describe("frames of Java's RemotingCommand", () => {
  test.each(golden)("$what: read as Java reads it", ({ frame, expected }) => {
    expect(asJava(decodeCommand(frame))).toEqual(expected);
  });

  test.each(golden.filter(({ what }) => !what.includes("an empty value")))("$what: written byte for byte", ({ frame }) => {
    expect(encoded(decodeCommand(frame))).toBe(hexOf(frame));
  });
});

describe("frames captured from a running 5.5.0", () => {
  test.each(captured)("$what", ({ frame, header }) => {
    const command = decodeCommand(frame);
    expect(hexOf(frame)).toBe(encoded(command));
    const parsed = JSON.parse(header) as { code: number; opaque: number };
    expect([command.code, command.opaque]).toEqual([parsed.code, parsed.opaque]);
  });
});

describe("FrameSplitter", () => {
  const frames = [...golden, ...captured].map(({ frame }) => frame);
  const stream = Uint8Array.from(frames.flatMap((frame) => [...frame]));
  const whole = frames.map(hexOf);

  function split(chunkBytes: (left: number) => number, frameBytesMax?: number): string[] {
    const splitter = new FrameSplitter(frameBytesMax);
    const seen: string[] = [];
    for (let at = 0; at < stream.length; ) {
      const end = at + Math.min(chunkBytes(stream.length - at), stream.length - at);
      // A copy that is wiped afterwards: whoever kept a view into the chunk would see it.
      const chunk = stream.slice(at, end);
      splitter.push(chunk, (frame, from, to) => seen.push(hexOf(frame.subarray(from, to))));
      chunk.fill(0xee);
      at = end;
    }
    expect(splitter.pendingBytes).toBe(0);
    return seen;
  }

  test("all frames in one chunk", () => {
    expect(split((left) => left)).toEqual(whole);
  });

  test("one byte at a time", () => {
    expect(split(() => 1)).toEqual(whole);
  });

  test.each([2, 3, 4, 5, 7, 8, 9, 63, 64, 1000])("%d bytes at a time", (size) => {
    expect(split(() => size)).toEqual(whole);
  });

  test("what is incomplete waits", () => {
    const splitter = new FrameSplitter();
    const [first] = frames as [Uint8Array];
    for (let length = 0; length < first.length; length++) {
      splitter.push(first.subarray(length, length + 1), () => {
        expect(length).toBe(first.length - 1);
      });
      expect(splitter.pendingBytes).toBe(length === first.length - 1 ? 0 : length + 1);
    }
  });

  test.each([
    { what: "a negative length", prefix: "ffffffff", limit: 1000 },
    { what: "a length of 3", prefix: "00000003", limit: 1000 },
    { what: "one byte over the limit", prefix: "000003e5", limit: 1000 },
    { what: "an HTTP request", prefix: "47455420", limit: 16_777_216 },
    { what: "a TLS hello", prefix: "16030100", limit: 16_777_216 },
  ])("refused as soon as four bytes are there: $what", ({ prefix, limit }) => {
    const bytes = bytesOf(prefix);
    const splitter = new FrameSplitter(limit);
    expect(() => splitter.push(bytes, () => undefined)).toThrow(WireError);
    const slow = new FrameSplitter(limit);
    slow.push(bytes.subarray(0, 3), () => undefined);
    expect(() => slow.push(bytes.subarray(3), () => undefined)).toThrow(WireError);
  });

  test("a frame of exactly the limit passes", () => {
    const frame = new Uint8Array(1000);
    new DataView(frame.buffer).setInt32(0, 996);
    let seen = 0;
    new FrameSplitter(1000).push(frame, (_, from, to) => {
      seen = to - from;
    });
    expect(seen).toBe(1000);
  });
});

describe("headers that are not what they say", () => {
  const jsonFrame = (text: string): Uint8Array => {
    const header = encodeUtf8(text);
    const frame = new Uint8Array(8 + header.length);
    new DataView(frame.buffer).setInt32(0, 4 + header.length);
    new DataView(frame.buffer).setInt32(4, header.length);
    frame.set(header, 8);
    return frame;
  };

  test.each([
    { what: "a header length beyond the frame", frame: bytesOf("0000000400000001") },
    { what: "a serialize type of 2", frame: bytesOf("0000000402000000") },
    { what: "a ROCKETMQ header of 20 bytes", frame: bytesOf(`00000018 01000014 ${"00".repeat(20)}`) },
    { what: "an empty JSON header", frame: jsonFrame("") },
    { what: "a JSON array", frame: jsonFrame("[]") },
    { what: "JSON null", frame: jsonFrame("null") },
    { what: "a code that is text", frame: jsonFrame('{"code":"x"}') },
    { what: "a code beyond int32", frame: jsonFrame('{"code":2147483648}') },
    { what: "a fractional opaque", frame: jsonFrame('{"opaque":1.5}') },
    { what: "extFields as an array", frame: jsonFrame('{"extFields":[1]}') },
    { what: "a header above its own bound", frame: jsonFrame(`{"remark":"${"x".repeat(1024 * 1024)}"}`) },
    { what: "1025 ROCKETMQ fields", frame: bytesOf(`0000181f 0100181b ${"00".repeat(17)} 00001806 ${"00".repeat(6 * 1025)}`) },
    { what: "a million brackets", frame: jsonFrame("[".repeat(1_000_000)) },
  ])("refused: $what", ({ frame }) => {
    expect(() => decodeCommand(frame)).toThrow(WireError);
  });

  test("what is missing takes its default, what is unknown is passed over", () => {
    const { code, language, version, opaque, flag, remark, extFields, body } = decodeCommand(
      jsonFrame('{"code":34,"language":"COBOL","new":{"x":1},"extFields":{"n":1,"b":true,"z":null}}'),
    );
    expect({ code, language, version, opaque, flag, remark }).toEqual({
      code: 34,
      language: 7,
      version: 0,
      opaque: 0,
      flag: 0,
      remark: undefined,
    });
    expect({ ...extFields }).toEqual({ n: "1", b: "true", z: undefined });
    expect(body).toBe(NO_BODY);
  });

  test("a field named __proto__ changes no prototype", () => {
    const { extFields } = decodeCommand(jsonFrame('{"extFields":{"__proto__":{"polluted":"yes"}}}'));
    expect((extFields as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("a U+FEFF at the start of a value stays", () => {
    const { extFields } = decodeCommand(jsonFrame('{"extFields":{"k":"\uFEFFv"}}'));
    const command = { ...decodeCommand(jsonFrame("{}")), serializeType: SERIALIZE_ROCKETMQ, extFields } as const;
    expect(decodeCommand(bytesOf(encoded(command))).extFields?.["k"]).toBe("\uFEFFv");
  });
});

describe("what the encoder refuses", () => {
  const command = decodeCommand(golden[0]?.frame as Uint8Array);

  test.each([
    { what: "a header that does not fit its 24 bits", changes: { remark: "x".repeat(0x100_0000) } },
    {
      what: "a field name that does not fit its int16",
      changes: { serializeType: SERIALIZE_ROCKETMQ, extFields: { ["x".repeat(0x8000)]: "y" } } as const,
    },
  ])("$what: the frames before it stay whole", ({ changes }) => {
    const writer = new ByteWriter(16);
    encodeCommand(command, writer);
    const before = hexOf(writer.written());
    expect(() => encodeCommand({ ...command, ...changes }, writer)).toThrow(WireError);
    expect(hexOf(writer.written())).toBe(before);
  });

  test("a code beyond int16 goes out as JSON, whatever was asked for", () => {
    const pop = decodeCommand(bytesOf(encoded({ ...command, code: 200_050, serializeType: SERIALIZE_ROCKETMQ })));
    expect([pop.code, pop.serializeType]).toEqual([200_050, SERIALIZE_JSON]);
    const negative = decodeCommand(bytesOf(encoded({ ...command, code: -1006, serializeType: SERIALIZE_ROCKETMQ })));
    expect([negative.code, negative.serializeType]).toEqual([-1006, SERIALIZE_ROCKETMQ]);
  });
});
