import { describe, expect, test } from "bun:test";
import { RemotingError } from "../../core/remoting/processor.ts";
import { FLAG_ONEWAY, SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from "../../wire/remoting_command.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { V5_3_1 } from "../../wire/version.ts";
import { burstOf, frame, RemotingHarness } from "./harness.ts";

const GET = REQUESTS.GET_KV_CONFIG.code;
const LIST = REQUESTS.GET_KVLIST_BY_NAMESPACE.code;
const fields = { namespace: "N", key: "K" };

describe("a request and its response", () => {
  test.each([SERIALIZE_JSON, SERIALIZE_ROCKETMQ] as const)(
    "serialization %d is answered in kind, opaque repeated",
    async (serializeType) => {
      const harness = await new RemotingHarness().start({
        GET_KV_CONFIG: (_context, { header }) => ({ header: { value: `${header.namespace}/${header.key}` } }),
      });
      const peer = await harness.raw();
      peer.socket.write(frame(GET, { opaque: 77, extFields: { ...fields }, serializeType }));
      await harness.settle();
      expect(peer.answers).toHaveLength(1);
      expect(peer.answers[0]).toMatchObject({ code: 0, opaque: 77, flag: 1, serializeType, extFields: { value: "N/K" } });
    },
  );

  test("arrives one byte at a time", async () => {
    const harness = await new RemotingHarness().start({ GET_KV_CONFIG: () => ({ header: { value: "v" } }) });
    const peer = await harness.raw();
    for (const byte of frame(GET, { extFields: { ...fields } })) {
      peer.socket.write(new Uint8Array([byte]));
      await harness.settle();
    }
    expect(peer.answers.map((answer) => answer.code)).toEqual([0]);
  });

  test("a thousand in one chunk are answered in order", async () => {
    const harness = await new RemotingHarness().start({ GET_KV_CONFIG: () => ({ header: { value: "v" } }) });
    const peer = await harness.raw();
    const frames = Array.from({ length: 1000 }, (_, opaque) => frame(GET, { opaque, extFields: { ...fields } }));
    const all = new Uint8Array(frames.reduce((sum, each) => sum + each.length, 0));
    let at = 0;
    for (const each of frames) {
      all.set(each, at);
      at += each.length;
    }
    peer.socket.write(all);
    await harness.settle();
    expect(peer.answers.map((answer) => answer.opaque)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  test.each([
    [0, 1],
    [10, 3],
  ])("three in one chunk, each of which takes %d ms, are answered by %d writes", async (ms, writes) => {
    const harness = new RemotingHarness();
    const { clock, net } = harness.serverRuntime;
    let nowMs = 0;
    const monotonic = clock.monotonic.bind(clock);
    clock.monotonic = () => monotonic() + nowMs;
    let written = 0;
    const listen = net.listen.bind(net);
    net.listen = (options, accept) =>
      listen(options, (socket) => {
        const write = socket.write.bind(socket);
        socket.write = (bytes) => {
          written++;
          write(bytes);
        };
        return accept(socket);
      });
    await harness.start({
      GET_KV_CONFIG: () => {
        nowMs += ms;
        return { header: { value: "v" } };
      },
    });
    const peer = await harness.raw();
    peer.socket.write(burstOf(3));
    await harness.settle();
    expect(peer.answers).toHaveLength(3);
    expect(written).toBe(writes);
  });

  test("a oneway request is never answered, not even when it fails", async () => {
    const seen: boolean[] = [];
    const harness = await new RemotingHarness().start({
      GET_KV_CONFIG: (context) => {
        seen.push(context.oneway);
        throw new RemotingError(ResponseCode.QUERY_NOT_FOUND, "no");
      },
    });
    const peer = await harness.raw();
    peer.socket.write(frame(GET, { flag: FLAG_ONEWAY, extFields: { ...fields } }));
    peer.socket.write(frame(4711, { flag: FLAG_ONEWAY }));
    await harness.settle();
    expect(seen).toEqual([true]);
    expect(peer.answers).toEqual([]);
  });

  test("a promised reply comes when it settles, and others overtake it", async () => {
    let settle: (value: string) => void = () => {};
    const harness = await new RemotingHarness().start({
      GET_KV_CONFIG: () => new Promise((resolve) => (settle = (value) => resolve({ header: { value } }))),
      GET_KVLIST_BY_NAMESPACE: () => ({}),
    });
    const peer = await harness.raw();
    peer.socket.write(frame(GET, { opaque: 1, extFields: { ...fields } }));
    peer.socket.write(frame(LIST, { opaque: 2, extFields: { namespace: "N" } }));
    await harness.settle();
    expect(peer.answers.map((answer) => answer.opaque)).toEqual([2]);
    settle("late");
    await harness.settle();
    expect(peer.answers.map((answer) => answer.opaque)).toEqual([2, 1]);
  });
});

describe("what can't be served is answered with its cause", () => {
  const cases: [string, number, Record<string, string>, number, string][] = [
    ["an unknown code", 4711, {}, ResponseCode.REQUEST_CODE_NOT_SUPPORTED, " request type 4711 not supported"],
    ["a negative code", -5, {}, ResponseCode.REQUEST_CODE_NOT_SUPPORTED, " request type -5 not supported"],
    [
      "a code of another role",
      REQUESTS.POP_MESSAGE.code,
      {},
      ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
      " request type 200050 not supported: POP_MESSAGE is not served by this server or on this port",
    ],
    ["a missing field", GET, { namespace: "N" }, ResponseCode.SYSTEM_ERROR, "GET_KV_CONFIG: the custom field <key> is null"],
    ["a refusal", GET, fields, ResponseCode.NO_PERMISSION, "not for you"],
  ];
  test.each(cases)("%s", async (_what, code, extFields, responseCode, remark) => {
    const harness = await new RemotingHarness().start({
      GET_KV_CONFIG: () => {
        throw new RemotingError(ResponseCode.NO_PERMISSION, "not for you");
      },
    });
    const peer = await harness.raw();
    peer.socket.write(frame(code, { extFields }));
    await harness.settle();
    expect(peer.answers[0]).toMatchObject({ code: responseCode, remark });
    expect(peer.isClosed).toBe(false);
  });

  test("a fault of ours is an error answer and a log line, thrown or rejected", async () => {
    const harness = await new RemotingHarness().start({
      GET_KV_CONFIG: () => {
        throw new TypeError("thrown");
      },
      GET_KVLIST_BY_NAMESPACE: () => Promise.reject(new TypeError("rejected")),
    });
    const peer = await harness.raw();
    peer.socket.write(frame(GET, { extFields: { ...fields } }));
    peer.socket.write(frame(LIST, { extFields: { namespace: "N" } }));
    await harness.settle();
    expect(peer.answers.map((answer) => answer.remark)).toEqual([
      "GET_KV_CONFIG failed: thrown",
      "GET_KVLIST_BY_NAMESPACE failed: rejected",
    ]);
    expect(harness.log.lines).toHaveLength(2);
  });
});

describe("bad input closes its own connection only", () => {
  const text = (value: string) => new TextEncoder().encode(value);
  const bytes = (...values: number[]) => new Uint8Array(values);
  const cases: [string, Uint8Array][] = [
    ["an HTTP request", text("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["a frame over the limit", bytes(0x7f, 0xff, 0xff, 0xff)],
    ["a negative length", bytes(0x80, 0, 0, 0)],
    ["a length without room for the mark", bytes(0, 0, 0, 3)],
    ["a header beyond the frame", bytes(0, 0, 0, 4, 0, 0, 0, 9)],
    ["an unknown serialization", bytes(0, 0, 0, 6, 9, 0, 0, 2, 0x7b, 0x7d)],
    ["broken JSON", bytes(0, 0, 0, 6, 0, 0, 0, 2, 0x7b, 0x7b)],
    ["a header that is no object", bytes(0, 0, 0, 6, 0, 0, 0, 2, 0x31, 0x32)],
    ["a short binary header", bytes(0, 0, 0, 6, 1, 0, 0, 2, 0, 1)],
  ];
  test.each(cases)("%s", async (_what, garbage) => {
    const harness = await new RemotingHarness().start({ GET_KV_CONFIG: () => ({ header: { value: "v" } }) });
    const [good, bad] = [await harness.raw(), await harness.raw()];
    bad.socket.write(garbage);
    await harness.settle();
    expect(bad.isClosed).toBe(true);
    expect(harness.log.lines).toEqual(["WARN closing a connection that does not speak the remoting protocol"]);
    good.socket.write(frame(GET, { extFields: { ...fields } }));
    await harness.settle();
    expect(good.answers.map((answer) => answer.code)).toEqual([0]);
    expect(harness.server.connectionCount).toBe(1);
  });

  test("an unknown language reads as OTHER", async () => {
    const languages: number[] = [];
    const harness = await new RemotingHarness().start({
      GET_KV_CONFIG: (context) => {
        languages.push(context.language);
        return { header: { value: "v" } };
      },
    });
    const peer = await harness.raw();
    const header = text(`{"code":${GET},"language":"KLINGON","extFields":{"namespace":"N","key":7}}`);
    const request = new Uint8Array(8 + header.length);
    new DataView(request.buffer).setInt32(0, 4 + header.length);
    new DataView(request.buffer).setInt32(4, header.length);
    request.set(header, 8);
    peer.socket.write(request);
    await harness.settle();
    expect(languages).toEqual([7]);
    expect(peer.answers[0]?.code).toBe(0);
  });
});

describe("bounds", () => {
  test("a full lane answers SYSTEM_BUSY with key, limit and count, and has room again after an answer", async () => {
    const waiting: (() => void)[] = [];
    const harness = await new RemotingHarness().start(
      { GET_KV_CONFIG: () => new Promise((resolve) => waiting.push(() => resolve({ header: { value: "v" } }))) },
      { lanes: { default: { key: "defaultThreadPoolQueueCapacity", limit: () => 2 } } },
    );
    const peer = await harness.raw();
    const send = async (opaque: number) => {
      peer.socket.write(frame(GET, { opaque, extFields: { ...fields } }));
      await harness.settle();
    };
    await send(1);
    await send(2);
    await send(3);
    expect(peer.answers).toHaveLength(1);
    expect(peer.answers[0]).toMatchObject({ opaque: 3, code: ResponseCode.SYSTEM_BUSY });
    expect(peer.answers[0]?.remark).toBe(
      "[OVERLOAD]system busy, start flow control for a while: 2 default requests are under way, defaultThreadPoolQueueCapacity=2",
    );
    waiting[0]?.();
    await send(4);
    expect(waiting).toHaveLength(3);
  });

  test("no request is taken while the peer does not read, in the middle of a chunk too; others go on, nothing is lost", async () => {
    let served = 0;
    const harness = await new RemotingHarness().start(
      {
        GET_KV_CONFIG: () => {
          served++;
          return { header: { value: "v" }, body: new Uint8Array(200_000) };
        },
      },
      { writeBytesMax: 1_000_000 },
    );
    const [slow, good] = [await harness.raw(), await harness.raw()];
    slow.socket.pause();
    slow.socket.write(burstOf(20));
    await harness.settle();
    for (let i = 0; i < 30; i++) slow.socket.write(burstOf(1));
    await harness.settle();
    expect(served).toBeLessThan(10);
    good.socket.write(burstOf(1));
    await harness.settle();
    expect(good.answers).toHaveLength(1);
    slow.socket.resume();
    await harness.settle();
    expect(slow.answers).toHaveLength(50);
    expect(harness.log.lines).toEqual([]);
  });

  test("held requests whose answers are not read close the connection at the bound", async () => {
    const held: (() => void)[] = [];
    const harness = await new RemotingHarness().start(
      {
        GET_KV_CONFIG: () =>
          new Promise((resolve) => held.push(() => resolve({ header: { value: "v" }, body: new Uint8Array(200_000) }))),
      },
      { writeBytesMax: 1_000_000 },
    );
    const slow = await harness.raw();
    slow.socket.pause();
    slow.socket.write(burstOf(20));
    await harness.settle();
    expect(held).toHaveLength(20);
    for (const answer of held) answer();
    await harness.settle();
    expect(harness.server.connectionCount).toBe(0);
    expect(harness.log.lines).toEqual(["WARN closing a connection whose peer stopped reading"]);
  });

  test("what waited too long while its peer did not read is answered [TIMEOUT_CLEAN_QUEUE]; fresh requests are not", async () => {
    let limitMs = 5000;
    const harness = await new RemotingHarness().start(
      { GET_KV_CONFIG: () => ({ header: { value: "v" }, body: new Uint8Array(200_000) }) },
      {
        writeBytesMax: 1_000_000,
        lanes: {
          default: {
            key: "pullThreadPoolQueueCapacity",
            limit: () => 100,
            wait: { key: "waitTimeMillsInPullQueue", ms: () => limitMs },
          },
        },
      },
    );
    const codesAfterWaiting = async (ms: number) => {
      const slow = await harness.raw();
      slow.socket.pause();
      slow.socket.write(burstOf(20));
      await harness.settle();
      await harness.world.clock.advance(ms);
      slow.socket.resume();
      await harness.settle();
      expect(slow.answers).toHaveLength(20);
      return slow.answers;
    };
    expect((await codesAfterWaiting(4999)).map(({ code }) => code)).toEqual(Array(20).fill(0));
    const late = await codesAfterWaiting(5001);
    const refused = late.filter(({ code }) => code === ResponseCode.SYSTEM_BUSY);
    expect(late[0]?.code).toBe(0);
    expect(refused.length).toBeGreaterThan(10);
    expect(refused[0]?.remark).toBe(
      "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 5001ms, size of queue: 0, waitTimeMillsInPullQueue=5000",
    );
    limitMs = 0;
    const fresh = await harness.raw();
    fresh.socket.write(burstOf(20));
    await harness.settle();
    expect(fresh.answers.map(({ code }) => code)).toEqual(Array(20).fill(0));
  });

  test("requests behind slow ones of their own chunk have waited as well", async () => {
    let nowMs = 0;
    const harness = new RemotingHarness();
    const { clock } = harness.serverRuntime;
    const monotonic = clock.monotonic.bind(clock);
    clock.monotonic = () => monotonic() + nowMs;
    await harness.start(
      {
        GET_KV_CONFIG: () => {
          nowMs += 10;
          return { header: { value: "v" } };
        },
      },
      { lanes: { default: { key: "k", limit: () => 100, wait: { key: "waitTimeMillsInSendQueue", ms: () => 200 } } } },
    );
    const peer = await harness.raw();
    peer.socket.write(burstOf(100));
    await harness.settle();
    const codes = peer.answers.map(({ code }) => code);
    expect(codes).toHaveLength(100);
    expect(codes.slice(0, 20)).toEqual(Array(20).fill(0));
    // The clock is looked at each 32 requests: 320 ms, and nothing later in this chunk is younger.
    expect(codes.filter((code) => code === ResponseCode.SYSTEM_BUSY).length).toBeGreaterThan(60);
  });

  test("bodies under way are bounded by connection: the rest waits untaken, other peers do not", async () => {
    const waiting: (() => void)[] = [];
    const harness = await new RemotingHarness().start(
      { GET_KV_CONFIG: () => new Promise((resolve) => waiting.push(() => resolve({ header: { value: "v" } }))) },
      { inFlightBytesMax: 10_000 },
    );
    const bodies = (count: number) => {
      const one = frame(GET, { extFields: { ...fields }, body: new Uint8Array(1000) });
      const all = new Uint8Array(one.length * count);
      for (let i = 0; i < count; i++) all.set(one, i * one.length);
      return all;
    };
    const [eager, good] = [await harness.raw(), await harness.raw()];
    eager.socket.write(bodies(25));
    await harness.settle();
    for (let i = 0; i < 5; i++) eager.socket.write(bodies(1));
    await harness.settle();
    expect(waiting).toHaveLength(10);
    good.socket.write(burstOf(1));
    await harness.settle();
    expect(waiting).toHaveLength(11);
    for (const answer of waiting.slice(0, 4)) answer();
    await harness.settle();
    expect(waiting).toHaveLength(11);
    waiting[4]?.();
    await harness.settle();
    expect(waiting).toHaveLength(16);
    let answered = 0;
    while (waiting.length > answered) {
      for (const answer of waiting.slice(answered)) answer();
      answered = waiting.length;
      await harness.settle();
    }
    expect(eager.answers).toHaveLength(30);
    expect(good.answers).toHaveLength(1);
  });

  test("bytes that peers do not read are bounded over all of them: slow ones get little, who owes most goes, readers stay", async () => {
    const held: (() => void)[] = [];
    let holding = false;
    const big = { header: { value: "v" }, body: new Uint8Array(100_000) };
    const harness = await new RemotingHarness().start(
      { GET_KV_CONFIG: () => (holding ? new Promise((resolve) => held.push(() => resolve(big))) : big) },
      { writeBytesMax: 8_000_000, unreadBytesMax: 16_000_000 },
    );
    const slow = [];
    for (let i = 0; i < 10; i++) {
      const peer = await harness.raw();
      peer.socket.pause();
      peer.socket.write(burstOf(40));
      await harness.settle();
      slow.push(peer);
    }
    // One alone may owe 4 MB; with 8 MB owed by all, one write of 0.5 MB each.
    expect(harness.server.unreadBytes).toBeGreaterThan(8_000_000);
    expect(harness.server.unreadBytes).toBeLessThan(15_000_000);
    expect(harness.log.lines).toEqual([]);
    const good = await harness.raw();
    good.socket.write(burstOf(10));
    await harness.settle();
    expect(good.answers).toHaveLength(10);
    holding = true;
    const late = await harness.raw();
    late.socket.pause();
    late.socket.write(burstOf(70));
    await harness.settle();
    for (const answer of held) answer();
    await harness.settle();
    expect(harness.log.lines).toEqual(["WARN closing the connection that owes most: too many bytes that peers do not read"]);
    expect(harness.server.unreadBytes).toBeLessThanOrEqual(16_000_000);
    holding = false;
    good.socket.write(burstOf(10));
    await harness.settle();
    expect(good.answers).toHaveLength(20);
    for (const peer of slow) peer.socket.resume();
    await harness.settle();
    expect(slow.filter(({ answers }) => answers.length === 40).length).toBeGreaterThanOrEqual(9);
    expect(harness.server.unreadBytes).toBe(0);
  });

  test("bytes of incomplete frames are bounded over all connections", async () => {
    const harness = await new RemotingHarness().start({}, { partialBytesMax: 10_000 });
    const peers = await Promise.all(Array.from({ length: 4 }, () => harness.raw()));
    for (const peer of peers) {
      const half = new Uint8Array(3000);
      new DataView(half.buffer).setInt32(0, 1_000_000);
      peer.socket.write(half);
      await harness.settle();
    }
    expect(peers.map((peer) => peer.isClosed)).toEqual([false, false, false, true]);
    expect(harness.server.connectionCount).toBe(3);
  });

  test("silence and a frame that never ends are closed after the idle time; a talker is not", async () => {
    const harness = await new RemotingHarness().start(
      { GET_KV_CONFIG: () => ({ header: { value: "v" } }) },
      { idleSeconds: () => 120 },
    );
    const [silent, dripping, talking] = [await harness.raw(), await harness.raw(), await harness.raw()];
    const endless = new Uint8Array(4);
    new DataView(endless.buffer).setInt32(0, 1000);
    dripping.socket.write(endless);
    for (let second = 0; second < 130; second += 10) {
      dripping.socket.write(new Uint8Array(1));
      talking.socket.write(frame(GET, { extFields: { ...fields } }));
      await harness.world.clock.advance(10_000);
    }
    expect([silent.isClosed, dripping.isClosed, talking.isClosed]).toEqual([true, true, false]);
    expect(harness.log.lines).toEqual(["WARN closing a connection that does not finish its frame"]);
  });
});

describe("an orderly stop", () => {
  test("tells clients that know GO_AWAY to go, refuses others as asked, and answers what is held", async () => {
    let answer: () => void = () => {};
    const harness = await new RemotingHarness().start({
      GET_KV_CONFIG: () => new Promise((resolve) => (answer = () => resolve({ header: { value: "held" } }))),
      GET_KVLIST_BY_NAMESPACE: () => ({}),
    });
    const peer = await harness.raw();
    peer.socket.write(frame(GET, { opaque: 1, extFields: { ...fields } }));
    await harness.settle();
    await harness.server.drain((name) =>
      name === "GET_KV_CONFIG" ? new RemotingError(ResponseCode.SERVICE_NOT_AVAILABLE, "stopping") : undefined,
    );
    peer.socket.write(frame(LIST, { opaque: 2, extFields: { namespace: "N" } }));
    peer.socket.write(frame(GET, { opaque: 3, version: V5_3_1, extFields: { ...fields } }));
    peer.socket.write(frame(LIST, { opaque: 4, version: V5_3_1, extFields: { namespace: "N" } }));
    await harness.settle();
    answer();
    await harness.settle();
    expect(peer.answers.map(({ opaque, code }) => [opaque, code])).toEqual([
      [2, ResponseCode.GO_AWAY],
      [3, ResponseCode.SERVICE_NOT_AVAILABLE],
      [4, ResponseCode.SUCCESS],
      [1, ResponseCode.SUCCESS],
    ]);
    const stopped = harness.server.stop();
    await harness.world.clock.advance(1_000);
    await stopped;
    expect(peer.isClosed).toBe(true);
  });
});
