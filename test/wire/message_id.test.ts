import { describe, expect, test } from "bun:test";
import { WireError } from "../../wire/errors.ts";
import { isV6, readHost, writeHost } from "../../wire/host.ts";
import { decodeMessageId, encodeMessageId, MessageIdEncoder } from "../../wire/message_id.ts";
import { goldenRowsOf } from "./golden.ts";

const rows = goldenRowsOf("values.txt", "messageId").map(([parts = "", id = ""]) => {
  const [host = "", port, offset] = parts.split(" ");
  return { id, host, port: Number(port), physicalOffset: Number(offset) };
});

describe("offsetMsgId", () => {
  test.each(rows)("$id", ({ id, host, port, physicalOffset }) => {
    expect(encodeMessageId(host, port, physicalOffset)).toBe(id);
    expect(decodeMessageId(id)).toEqual({ host, port, physicalOffset });
    expect(decodeMessageId(id.toLowerCase())).toEqual({ host, port, physicalOffset });
  });

  test("an encoder gives the same for changing hosts", () => {
    const encoder = new MessageIdEncoder();
    for (const row of [...rows, ...rows]) {
      expect(encoder.encode(row.host, row.port, row.physicalOffset)).toBe(row.id);
      expect(encoder.encode(row.host, row.port, 5)).toBe(encodeMessageId(row.host, row.port, 5));
    }
  });

  test.each([
    { id: "", why: "0 characters" },
    { id: "7F00000100002A9F000000000000000", why: "31 characters" },
    { id: "7F00000100002A9F00000000000000000", why: "33 characters" },
    { id: "7F00000100002A9F00000000000000zz", why: "is not hex" },
    { id: "7F00000100002A9F8000000000000000", why: "beyond" },
    { id: "7F00000100002A9FFFFFFFFFFFFFFFFF", why: "negative offset" },
    { id: "7F00000100010000000000000000000A", why: "port 65536" },
    { id: "7F000001FFFFFFFF000000000000000A", why: "port -1" },
  ])("refused: $id ($why)", ({ id, why }) => {
    expect(() => decodeMessageId(id)).toThrow(WireError);
    expect(() => decodeMessageId(id)).toThrow(why);
  });
});

describe("hosts", () => {
  test.each([
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["fe80::1%eth0", "fe80::1"],
    ["64:ff9b::10.0.0.1", "64:ff9b::a00:1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["0:0:0:0:0:ffff:10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
  ])("%s is read back as %s", (host, expected) => {
    const bytes = new Uint8Array(20);
    const size = writeHost(bytes, 0, host, 65_535);
    expect(size).toBe(isV6(host) ? 20 : 8);
    expect(readHost(bytes, 0, size === 20 ? 16 : 4)).toBe(expected);
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.",
    ".1.2.3",
    "1..2.3",
    "a.b.c.d",
    ":::",
    "1:2",
    "12345::",
    "g::",
    "[::1]",
    "::1.2.3",
    "1.2.3.4:5",
  ])("refused: %j", (host) => {
    expect(() => writeHost(new Uint8Array(20), 0, host, 1)).toThrow(WireError);
  });
});
