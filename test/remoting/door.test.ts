/** What comes before the first frame: PROXY headers, TLS where there is none, and who never gets past the door. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { networkTest } from "../../core/networks.ts";
import type { Peer } from "../../core/remoting/processor.ts";
import { parseProxyHeader } from "../../wire/proxy_protocol.ts";
import { requestBytes } from "./door_frames.ts";
import { RemotingHarness } from "./harness.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const SIGNATURE_V2 = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** 203.0.113.7 port 56324 to 198.51.100.1 port 10911, then `tlvBytes` of attributes. */
const v2 = (tlvBytes = 0, command = 1): Uint8Array =>
  Uint8Array.from([
    ...[...SIGNATURE_V2, 0x20 | command, 0x11, (12 + tlvBytes) >> 8, (12 + tlvBytes) & 0xff],
    ...[203, 0, 113, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x2a, 0x9f],
    ...new Array<number>(tlvBytes).fill(0x16),
  ]);
const V2_IPV6 = Uint8Array.from([
  ...[...SIGNATURE_V2, 0x21, 0x21, 0, 36],
  ...[0x20, 0x01, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 7],
  ...[...new Array<number>(15).fill(0), 1, 0, 80, 0, 81],
]);

describe("a PROXY header", () => {
  const client = { host: "203.0.113.7", port: 56_324 };

  test.each([
    ["v1, IPv4", text("PROXY TCP4 203.0.113.7 198.51.100.1 56324 10911\r\n"), client],
    ["v1, IPv6", text("PROXY TCP6 2001:db8::7 ::1 80 81\r\n"), { host: "2001:db8::7", port: 80 }],
    ["v1, unknown", text("PROXY UNKNOWN whatever it says\r\n"), undefined],
    ["v2, IPv4", v2(), client],
    ["v2, IPv6", V2_IPV6, { host: "2001:db8::7", port: 80 }],
    ["v2 with attributes", v2(300), client],
    ["v2, local", v2(0, 0), undefined],
  ] as const)("%s: source and length, and more is wanted at any cut before", (_name, bytes, source) => {
    expect(parseProxyHeader(bytes)).toEqual({ length: bytes.length, source });
    const addressesEnd =
      bytes[0] === 0x50 ? bytes.length : source === undefined ? 16 : bytes.indexOf(0x16) > 0 ? 28 : bytes.length;
    for (let length = 1; length < addressesEnd; length++) expect(parseProxyHeader(bytes.subarray(0, length))).toBe("more");
  });

  test.each([
    ["a word that is no family", text("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n")],
    ["an address that is none", text("PROXY TCP4 host.example 1.2.3.4 1 2\r\n")],
    ["a port that is none", text("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n")],
    ["a word too few", text("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n")],
    ["no end of line", text(`PROXY UNKNOWN ${"x".repeat(200)}`)],
    ["version 3", Uint8Array.from([...SIGNATURE_V2, 0x31, 0x11, 0, 12])],
    ["command 2", Uint8Array.from([...SIGNATURE_V2, 0x22, 0x11, 0, 12])],
    ["less than the addresses take", Uint8Array.from([...SIGNATURE_V2, 0x21, 0x11, 0, 11])],
  ] as const)("with %s is refused", (_name, bytes) => {
    expect(() => parseProxyHeader(bytes)).toThrow("PROXY header");
  });

  test("what begins otherwise is none", () => {
    for (const other of [
      text("POST / HTTP/1.1"),
      text("PROXIMITY"),
      Uint8Array.of(0, 0, 1),
      Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0b),
    ])
      expect(parseProxyHeader(other)).toBe("none");
  });
});

describe("the door of a server", () => {
  let it: RemotingHarness;
  let callers: string[];
  const start = async (options: Parameters<RemotingHarness["start"]>[1] = {}) => {
    callers = [];
    const note = ({ peer }: { peer: Peer }) => {
      callers.push(`${peer.remote.host} ${peer.remote.port}`);
      return {};
    };
    it = await new RemotingHarness().start({ GET_KV_CONFIG: note as never }, options);
  };
  beforeEach(() => start());
  afterEach(() => it.server.stop());

  test.each([
    ["v1", text("PROXY TCP4 203.0.113.7 198.51.100.1 56324 10911\r\n")],
    ["v2", v2()],
    ["v2 with 4,000 bytes of attributes", v2(4000)],
  ] as const)("takes the address of a PROXY header, whole or byte by byte: %s", async (_name, header) => {
    for (const pieces of [1, 1000]) {
      const peer = await it.raw();
      const bytes = Uint8Array.from([...header, ...requestBytes()]);
      const size = Math.ceil(bytes.length / pieces);
      for (let at = 0; at < bytes.length; at += size) {
        peer.socket.write(bytes.subarray(at, at + size));
        await it.settle();
      }
      expect(peer.answers.length).toBe(1);
    }
    expect(callers).toEqual(["203.0.113.7 56324", "203.0.113.7 56324"]);
  });

  test("keeps the address of the connection where the header says LOCAL", async () => {
    const peer = await it.raw();
    peer.socket.write(Uint8Array.from([...v2(0, 0), ...requestBytes()]));
    await it.settle();
    expect(callers).toEqual([`127.0.0.1 ${peer.socket.local.port}`]);
  });

  test("closes a header that is wrong, with one line, and goes on serving", async () => {
    const wrong = await it.raw();
    const right = await it.raw();
    wrong.socket.write(text("PROXY TCP9 x y 1 2\r\n"));
    right.socket.write(requestBytes());
    await it.settle();
    expect([wrong.isClosed, right.answers.length]).toEqual([true, 1]);
    expect(it.log.lines).toEqual(["WARN closing a connection whose PROXY header can't be read"]);
  });

  test("closes a header from where none is taken", async () => {
    await it.server.stop();
    await start({ trustsProxy: networkTest("10.0.0.0/8") });
    const peer = await it.raw();
    peer.socket.write(Uint8Array.from([...v2(), ...requestBytes()]));
    await it.settle();
    expect([peer.isClosed, callers]).toEqual([true, []]);
    expect(it.log.lines).toEqual(["WARN closing a connection with a PROXY header from where none is taken"]);
  });

  test("closes a client with TLS where there is none, with one line", async () => {
    const peer = await it.raw();
    peer.socket.write(Uint8Array.of(0x16, 3, 1, 2, 0, 1));
    await it.settle();
    expect([peer.isClosed, it.log.lines]).toEqual([true, ["WARN closing a connection with TLS"]]);
  });

  test("closes a client without TLS where it is demanded", async () => {
    await it.server.stop();
    await start({ tls: { mode: "enforcing", context: () => undefined } });
    const peer = await it.raw();
    peer.socket.write(requestBytes());
    await it.settle();
    expect([peer.isClosed, callers, it.log.lines]).toEqual([true, [], ["WARN closing a connection without TLS"]]);
  });

  test("closes who does not finish: a header, a handshake", async () => {
    await it.server.stop();
    const forever = { wrap: () => ({ data() {}, closed() {} }) };
    await start({ tls: { mode: "permissive", context: () => forever } });
    const header = await it.raw();
    const handshake = await it.raw();
    const silent = await it.raw();
    header.socket.write(text("PROXY TCP4 203."));
    handshake.socket.write(Uint8Array.of(0x16));
    await it.world.clock.advance(9_000);
    expect([header.isClosed, handshake.isClosed]).toEqual([false, false]);
    await it.world.clock.advance(7_000);
    expect([header.isClosed, handshake.isClosed, silent.isClosed]).toEqual([true, true, false]);
    expect(it.log.lines).toEqual(new Array(2).fill("WARN closing a connection that does not finish its handshake"));
    expect(it.server.connectionCount).toBe(1);
    await it.world.clock.advance(120_000);
    expect([silent.isClosed, it.server.connectionCount]).toEqual([true, 0]);
  });

  test("of too many handshakes the oldest go, and who is plain notices nothing", async () => {
    await it.server.stop();
    const forever = { wrap: () => ({ data() {}, closed() {} }) };
    await start({ tls: { mode: "permissive", context: () => forever } });
    const peers = await Promise.all(Array.from({ length: 1000 }, () => it.raw()));
    for (const peer of peers) peer.socket.write(Uint8Array.of(0x16));
    const plain = await it.raw();
    plain.socket.write(requestBytes());
    await it.settle();
    expect(peers.map((peer) => peer.isClosed)).toEqual(peers.map((_, index) => index < 1000 - 512));
    expect(plain.answers.length).toBe(1);
  });
});

describe("a list of networks", () => {
  test.each([
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["192.168.4.0/22", "192.168.7.255", true],
    ["192.168.4.0/22", "192.168.8.0", false],
    ["0.0.0.0/0;::/0", "::1", true],
    ["0.0.0.0/0", "::1", false],
    ["fd00::/8;192.168.1.7", "192.168.1.7", true],
    ["", "127.0.0.1", false],
  ] as const)("%s: %s is %p", (list, host, expected) => {
    expect(networkTest(list)(host)).toBe(expected);
  });
});
