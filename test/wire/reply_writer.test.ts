/** The short way of writing a response against the long one: the same bytes. */
import { describe, expect, test } from "bun:test";
import { ByteWriter } from "../../wire/byte_writer.ts";
import type { FieldKind, HeaderCodec } from "../../wire/header.ts";
import { encodeMessageId, MessageIdEncoder } from "../../wire/message_id.ts";
import { FLAG_RESPONSE, NO_BODY, type SerializeType } from "../../wire/remoting_command.ts";
import { type FieldsWriter, type Reply, ReplyWriter } from "../../wire/reply_writer.ts";
import { REQUESTS, type RequestRow } from "../../wire/requests.ts";
import { sendReplyBytesMax, sendReplyJson, sendReplyRocketmq } from "../../wire/send_reply.ts";
import { encodeCommand } from "../../wire/serialize.ts";
import { hexOf } from "./golden.ts";

const LANGUAGE = 7;
const VERSION = 513;
const rows = Object.values(REQUESTS) as RequestRow[];
const send = REQUESTS.SEND_MESSAGE_V2.reply as HeaderCodec<object>;
const sent = { msgId: "7F00000100002A9F00000000000EFD50", queueId: 3, queueOffset: 98, transactionId: "FD00" };
const PLACE = { storeHost: "127.0.0.1", storePort: 10_911, physicalOffset: 1, queueId: 2, queueOffset: 3 };
const NO_ID = { idText: undefined, idFrom: 0, idTo: 0 };
const region = Object.freeze({ MSG_REGION: "DefaultRegion", TRACE_ON: "true" });

function longWay(opaque: number, serializeType: SerializeType, reply: Reply, codec?: HeaderCodec<object>): string {
  const { code = 0, remark, header, extFields, body = NO_BODY } = reply;
  const fields = header === undefined || codec === undefined ? extFields : codec.encode(header, { ...extFields });
  const rest = { language: LANGUAGE, version: VERSION, flag: FLAG_RESPONSE };
  const writer = new ByteWriter(16);
  encodeCommand({ ...rest, code, opaque, remark, extFields: fields, body, serializeType }, writer);
  return hexOf(writer.written());
}

function expectSame(
  reply: Reply,
  codec: HeaderCodec<object> | undefined = send,
  replies = new ReplyWriter(LANGUAGE, VERSION),
): void {
  for (const serializeType of [0, 1] as const) {
    for (const opaque of [0, 1234567890, 2147483647, -5]) {
      const writer = new ByteWriter(1);
      writer.int32(42);
      replies.write(writer, { opaque, serializeType }, reply, codec);
      expect(hexOf(writer.written())).toBe(`0000002a${longWay(opaque, serializeType, reply, codec)}`);
    }
  }
}

const SAMPLES: Readonly<Record<FieldKind, readonly unknown[]>> = {
  string: ["TopicTest", "", 'a "quoted" one', "back\\slash", "line\n", "é 中文 😀", "\ud800", "\u007f", "x".repeat(5000)],
  int: [0, 7, 10, 99, 100, 2147483647, -1, -2147483648],
  long: [0, 2147483648, 999_999_999, 1_000_000_000, 4294967296, 1795225250966, Number.MAX_SAFE_INTEGER, -9_007_199_254_740_991],
  boolean: [true, false],
  double: [0, 0.5, 1e300, -2.25],
};

describe("the bytes of the long way", () => {
  test("every row of the table", () => {
    const replies = new ReplyWriter(LANGUAGE, VERSION);
    for (const { reply: codec } of rows) {
      const fields = Object.entries(codec.fields as Record<string, { kind: FieldKind; required: boolean }>);
      for (let round = 0; round < 9; round++) {
        const header: Record<string, unknown> = {};
        for (const [i, [property, { kind, required }]] of fields.entries()) {
          const samples = SAMPLES[kind];
          if (required || (i + round) % 3 !== 0) header[property] = samples[(i + round) % samples.length];
        }
        expectSame({ header }, codec, replies);
      }
    }
  });

  test("codes, remarks and bodies", () => {
    expectSame({ header: sent, extFields: region });
    expectSame({ code: 19, remark: "FOUND", header: sent, body: Uint8Array.of(1, 2, 3) });
    expectSame({ remark: "", header: sent });
    expectSame({ remark: 'topic "é"', header: sent });
    expectSame({ code: 32_767, header: sent });
    expectSame({ code: 200_000, header: sent });
    expectSame({ code: 1, remark: "no header" });
    expectSame({ extFields: {} });
    expectSame({ header: sent, extFields: region }, undefined);
  });

  test("fields beside the header: frozen, not frozen, changing, undefined, with a name of the header", () => {
    const replies = new ReplyWriter(LANGUAGE, VERSION);
    const open = { A: "1" };
    for (const extFields of [
      region,
      Object.freeze({ MSG_REGION: 'R"é', TRACE_ON: undefined }),
      open,
      region,
      undefined,
      Object.freeze({}),
      Object.freeze({ queueId: "9", A: "1" }),
      region,
    ]) {
      expectSame({ header: sent, ...(extFields === undefined ? {} : { extFields }) }, send, replies);
    }
    open.A = "2";
    expectSame({ header: sent, extFields: open }, send, replies);
  });

  test("an answer to a send that writes its own fields", () => {
    const ids = new MessageIdEncoder();
    const replies = new ReplyWriter(LANGUAGE, VERSION);
    const hosts = ["127.0.0.1", "127.0.0.1", "10.1.2.3", "fe80::1"];
    for (const [i, physicalOffset] of [0, 0xffff, 0x1_0000, 0xefd50, 4_294_967_295, 1_099_511_627_776].entries()) {
      for (const transactionId of [undefined, "", "FD00", 'not "plain"', "é", "x".repeat(3000)]) {
        const storeHost = hosts[i % hosts.length] as string;
        // A batch, with a step between its messages that changes the upper bytes of an offset now and then.
        const moreOffsets = Array.from({ length: i * i }, (_, more) => physicalOffset + (more + 1) * 12_345);
        const storePort = 10_911 + i;
        const place = { storeHost, storePort, physicalOffset, queueId: i * 3, queueOffset: physicalOffset * 3 + i };
        // Of a text that has other things before and behind it.
        const idText = transactionId === undefined ? undefined : `\u0001${transactionId}\u0002`;
        const at = { ...place, moreOffsets, idText, idFrom: 1, idTo: 1 + (transactionId?.length ?? 0) };
        const fields: FieldsWriter = {
          bytesMax: sendReplyBytesMax(1 + moreOffsets.length) + (transactionId?.length ?? 0),
          json: (target, view, from) => sendReplyJson(target, view, from, ids, at),
          rocketmq: (target, view, from) => sendReplyRocketmq(target, view, from, ids, at),
        };
        const { queueId, queueOffset } = at;
        const msgId = [physicalOffset, ...moreOffsets].map((offset) => encodeMessageId(storeHost, storePort, offset)).join(",");
        const header = { msgId, queueId, queueOffset, transactionId };
        expectSame({ header, extFields: region, fields }, send, replies);
        expectSame({ code: 10, remark: "late", header, fields }, send, replies);
      }
    }
  });

  test("a header is not made for a reply that writes its own fields", () => {
    const ids = new MessageIdEncoder();
    const at = { ...PLACE, moreOffsets: [], ...NO_ID };
    const fields: FieldsWriter = {
      bytesMax: sendReplyBytesMax(1),
      json: (target, view, from) => sendReplyJson(target, view, from, ids, at),
      rocketmq: (target, view, from) => sendReplyRocketmq(target, view, from, ids, at),
    };
    let made = 0;
    const reply: Reply = {
      fields,
      get header() {
        made++;
        return sent;
      },
    };
    const replies = new ReplyWriter(LANGUAGE, VERSION);
    for (const serializeType of [0, 1] as const) replies.write(new ByteWriter(1), { opaque: 1, serializeType }, reply, send);
    expect(made).toBe(0);
  });

  test("a header beyond 24 bits is refused, whoever writes it", () => {
    const ids = new MessageIdEncoder();
    const moreOffsets = new Array<number>(600_000).fill(77);
    const at = { ...PLACE, moreOffsets, ...NO_ID };
    const fields: FieldsWriter = {
      bytesMax: sendReplyBytesMax(1 + moreOffsets.length),
      json: (target, view, from) => sendReplyJson(target, view, from, ids, at),
      rocketmq: (target, view, from) => sendReplyRocketmq(target, view, from, ids, at),
    };
    const header = { ...sent, msgId: "0".repeat(0x100_0000) };
    const writer = new ByteWriter(1);
    const replies = new ReplyWriter(LANGUAGE, VERSION);
    expect(() => replies.write(writer, { opaque: 1, serializeType: 0 }, { header, fields }, send)).toThrow("24-bit length");
    expect(writer.length).toBe(0);
  });

  test("thousands of answers in one buffer", () => {
    const replies = new ReplyWriter(LANGUAGE, VERSION);
    const writer = new ByteWriter(1);
    let expected = "";
    for (let i = 0; i < 2000; i++) {
      const reply = { header: { ...sent, queueOffset: i * 7919 }, extFields: region };
      replies.write(writer, { opaque: i, serializeType: (i & 1) as SerializeType }, reply, send);
      expected += longWay(i, (i & 1) as SerializeType, reply, send);
    }
    expect(hexOf(writer.written())).toBe(expected);
  });
});
