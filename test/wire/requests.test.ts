import { describe, expect, test } from "bun:test";
import { ByteWriter } from "../../wire/byte_writer.ts";
import { WireError } from "../../wire/errors.ts";
import type { FieldKind, HeaderCodec } from "../../wire/header.ts";
import { noHeader } from "../../wire/header.ts";
import * as auth from "../../wire/headers/auth.ts";
import * as broker from "../../wire/headers/broker.ts";
import * as client from "../../wire/headers/client.ts";
import * as controller from "../../wire/headers/controller.ts";
import * as group from "../../wire/headers/group.ts";
import * as lite from "../../wire/headers/lite.ts";
import * as namesrv from "../../wire/headers/namesrv.ts";
import * as offset from "../../wire/headers/offset.ts";
import * as pop from "../../wire/headers/pop.ts";
import * as pull from "../../wire/headers/pull.ts";
import * as send from "../../wire/headers/send.ts";
import * as topic from "../../wire/headers/topic.ts";
import * as transaction from "../../wire/headers/transaction.ts";
import {
  type ExtFields,
  NO_BODY,
  type RemotingCommand,
  SERIALIZE_JSON,
  SERIALIZE_NAMES,
  SERIALIZE_ROCKETMQ,
} from "../../wire/remoting_command.ts";
import { REQUESTS, type RequestRow } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { decodeCommand, encodeCommand } from "../../wire/serialize.ts";
import { goldenRowsOf } from "./golden.ts";

// biome-ignore lint/suspicious/noExplicitAny: a table of codecs of all types
type AnyCodec = HeaderCodec<any>;

const modules: object[] = [auth, broker, client, controller, group, lite, namesrv, offset, pop, pull, send, topic, transaction];
const isCodec = (value: unknown): value is AnyCodec =>
  typeof value === "object" && value !== null && "decode" in value && "fields" in value;
const codecs = [...new Set(modules.flatMap((module) => Object.values(module).filter(isCodec)))];
const rows = Object.entries(REQUESTS) as [string, RequestRow][];

interface WireField {
  readonly property: string;
  readonly wireName: string;
  readonly kind: FieldKind;
  readonly required: boolean;
}

function fieldsOf(codec: AnyCodec): WireField[] {
  const fields = codec.fields as Record<string, { kind: FieldKind; required: boolean; wireName?: string }>;
  return Object.entries(fields).map(([property, { kind, required, wireName }]) => ({
    property,
    wireName: wireName ?? property,
    kind,
    required,
  }));
}

/** Of 5.5.0, and what 5.3.2 had besides for ACL 1.0. */
const rowsOfBoth = (kind: string) => [...goldenRowsOf("classes.txt", kind), ...goldenRowsOf("classes_acl1.txt", kind)];

describe("against the classes of 5.5.0", () => {
  test("every request code", () => {
    const java = [
      ...rowsOfBoth("RequestCode").map(([name, code]) => `${name} ${code}`),
      // Entries of the controller's own log: no constants of RequestCode, but numbers that nobody else may take.
      "BROKER_CLOSE_CHANNEL_REQUEST 1014",
      "CHECK_NOT_ACTIVE_BROKER_REQUEST 1015",
      "GET_BROKER_LIVE_INFO_REQUEST 1016",
      "GET_SYNC_STATE_DATA_REQUEST 1017",
      "RAFT_BROKER_HEART_BEAT_EVENT_REQUEST 1018",
    ];
    expect(rows.map(([name, { code }]) => `${name} ${code}`).sort()).toEqual(java.sort());
  });

  test("every response code", () => {
    const java = goldenRowsOf("classes.txt", "ResponseCode").map(([name, code]) => `${name} ${code}`);
    expect(
      Object.entries(ResponseCode)
        .map(([name, code]) => `${name} ${code}`)
        .sort(),
    ).toEqual(java.sort());
  });

  const java = new Map(rowsOfBoth("Header").map(([name = "", fields = ""]) => [name, fields]));
  /**
   * Required on paper, absent from older slaves: Apache checks nothing when a request has no fields at all. Of the path of an
   * ACL file 4.9 knows nothing yet, and absent keys are answered as short ones.
   */
  const relaxed = new Set([
    "groupSeq:int*",
    "topicSeq:int*",
    "aclFileFullPath:string*",
    "accessKey:string*",
    "secretKey:string*",
  ]);
  /** An enum travels as its name. */
  const kindOf = (type: string): string => type.replace(/^(?!string|int|long|boolean|double)\w+/, "string");

  test.each(codecs.map((codec) => ({ name: codec.name, codec })))("$name: fields, kinds, required", ({ name, codec }) => {
    const theirs = java
      .get(name)
      ?.split(" ")
      .filter((field) => field !== "") ?? ["no such class"];
    const expected = theirs.map((field) => {
      const [fieldName = "", type = ""] = field.split(":");
      return relaxed.has(field) ? field.slice(0, -1) : `${fieldName}:${kindOf(type)}`;
    });
    const ours = fieldsOf(codec).map(({ wireName, kind, required }) => `${wireName}:${kind}${required ? "*" : ""}`);
    expect(ours.sort()).toEqual(expected.sort());
  });

  test("no header class is missing", () => {
    const ours = new Set(codecs.map(({ name }) => name));
    const missing = [...java].filter(([name, fields]) => !ours.has(name) && fields !== "").map(([name]) => name);
    expect(missing).toEqual([]);
  });
});

/** A value of every kind, different for each field. */
function sample(codec: AnyCodec, index = 0): Record<string, unknown> {
  const values: Record<FieldKind, (n: number) => unknown> = {
    string: (n) => `text ${n} é标`,
    int: (n) => (n % 2 === 0 ? n : -n),
    long: (n) => Number.MAX_SAFE_INTEGER - n,
    boolean: (n) => n % 2 === 0,
    double: (n) => n + 0.5,
  };
  return Object.fromEntries(fieldsOf(codec).map(({ property, kind }, i) => [property, values[kind](i + index)]));
}

const commandOf = (serializeType: 0 | 1, extFields: ExtFields | undefined, code = 10): RemotingCommand => ({
  code,
  language: 0,
  version: 513,
  opaque: 7,
  flag: 0,
  remark: undefined,
  extFields,
  body: NO_BODY,
  serializeType,
});

/** False when the frame was taken; throws what is not a WireError. */
function refused(frame: Uint8Array): boolean {
  try {
    decodeCommand(frame);
    return false;
  } catch (error) {
    if (error instanceof WireError) return true;
    throw error;
  }
}

function overTheWire(command: RemotingCommand): RemotingCommand {
  const writer = new ByteWriter();
  encodeCommand(command, writer);
  return decodeCommand(writer.written());
}

const cases = codecs.map((codec) => ({ name: codec.name, codec }));
const serializations = [SERIALIZE_JSON, SERIALIZE_ROCKETMQ] as const;

describe("every header", () => {
  test.each(cases)("$name: there and back in both serializations", ({ codec }) => {
    for (const serializeType of serializations) {
      for (const index of [0, 1]) {
        const value = sample(codec, index);
        const { extFields } = overTheWire(commandOf(serializeType, codec.encode(value)));
        expect(codec.decode(extFields)).toEqual(value);
      }
    }
  });

  test.each(cases)("$name: a missing required field has Apache's words", ({ codec }) => {
    for (const { wireName, required } of fieldsOf(codec)) {
      const extFields = codec.encode(sample(codec));
      delete extFields[wireName];
      if (required) expect(() => codec.decode(extFields)).toThrow(`the custom field <${wireName}> is null`);
      else expect(() => codec.decode(extFields) as unknown).not.toThrow();
    }
  });

  test.each(cases)("$name: a wrong kind is refused", ({ codec }) => {
    for (const { wireName, kind } of fieldsOf(codec)) {
      const wrongs = {
        string: [],
        boolean: [],
        int: ["x", "", "1.5", "2147483648"],
        long: ["x", "0x1", "9".repeat(19)],
        double: ["x"],
      };
      for (const wrong of wrongs[kind]) {
        expect(() => codec.decode({ ...codec.encode(sample(codec)), [wireName]: wrong })).toThrow(WireError);
      }
    }
  });

  test.each(cases)("$name: unknown fields are passed over, absent optional ones stay absent", ({ codec }) => {
    const needed = Object.fromEntries(
      fieldsOf(codec)
        .filter(({ required }) => required)
        .map(({ property }) => [property, sample(codec)[property]]),
    );
    const decoded = codec.decode({ ...codec.encode(needed), unknownField: "x" }) as Record<string, unknown>;
    for (const { property, required } of fieldsOf(codec)) {
      if (!required) expect(decoded[property]).toBe((codec.fields as Record<string, { fallback: unknown }>)[property]?.fallback);
    }
    expect("unknownField" in decoded).toBe(false);
  });
});

describe("every request", () => {
  test("codes and names are unique", () => {
    expect(new Set(rows.map(([, { code }]) => code)).size).toBe(rows.length);
  });

  test.each(rows.map(([name, row]) => ({ name, row })))("$name: cut at every length, in both serializations", ({ row }) => {
    // Gathered, and expected once: a hundred thousand calls of expect would take longer than all the rest.
    const accepted: string[] = [];
    for (const serializeType of serializations) {
      const writer = new ByteWriter();
      const header = row.request === noHeader ? undefined : row.request.encode(sample(row.request));
      encodeCommand(commandOf(serializeType, header, serializeType === SERIALIZE_JSON ? row.code : row.code & 0x7fff), writer);
      const frame = writer.written();
      for (let length = 0; length < frame.length; length++) {
        if (!refused(frame.subarray(0, length))) accepted.push(`${SERIALIZE_NAMES[serializeType]}: ${length} bytes`);
        if (length < 8) continue;
        // The header cut, the frame itself consistent: what a broken client sends.
        const consistent = frame.slice(0, length);
        new DataView(consistent.buffer).setInt32(4, (serializeType << 24) | (length - 8));
        if (!refused(consistent)) accepted.push(`${SERIALIZE_NAMES[serializeType]}: a header of ${length - 8} bytes`);
      }
    }
    expect(accepted).toEqual([]);
  });

  test.each(serializations)("of a field that occurs twice the last counts (%d)", (serializeType) => {
    const name = SERIALIZE_NAMES[serializeType];
    const twice =
      serializeType === SERIALIZE_JSON
        ? new TextEncoder().encode('{"code":105,"extFields":{"topic":"first","topic":"last"},"opaque":1}')
        : binaryHeader([
            ["topic", "first"],
            ["topic", "last"],
          ]);
    const frame = new Uint8Array(8 + twice.length);
    new DataView(frame.buffer).setInt32(0, 4 + twice.length);
    new DataView(frame.buffer).setInt32(4, (serializeType << 24) | twice.length);
    frame.set(twice, 8);
    const header = REQUESTS.GET_ROUTEINFO_BY_TOPIC.request.decode(decodeCommand(frame).extFields);
    expect({ name, topic: header.topic }).toEqual({ name, topic: "last" });
  });
});

function binaryHeader(fields: [string, string][]): Uint8Array {
  const writer = new ByteWriter();
  writer.int16(105);
  writer.int8(0);
  writer.int16(513);
  writer.int32(1);
  writer.int32(0);
  writer.int32(0);
  const at = writer.skip(4);
  for (const [name, value] of fields) {
    writer.int16(name.length);
    writer.utf8(name);
    writer.int32(value.length);
    writer.utf8(value);
  }
  writer.int32At(at, writer.length - at - 4);
  return writer.written().slice();
}
