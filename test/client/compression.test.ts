/** Bodies compressed with each kind, both ways; and bytes that only pretend to be. */
import { describe, expect, test } from "bun:test";
import { hostCompression } from "../../adapters/shared/compression.ts";
import { readZstdInJavaScript } from "../../adapters/shared/zstd.ts";
import { simCompression } from "../../adapters/sim/compression.ts";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { bodyCompressor, COMPRESS_TYPE_FLAGS, type CompressType, decompressed } from "../../core/client/body_compression.ts";
import { ClientInstance, type MessageExt, Producer, type ProducerOptions, PushConsumer } from "../../core/client/mod.ts";
import type { Compression } from "../../core/runtime.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { fakeServer, frameOf } from "./fake_server.ts";
import { Collector, withSimulated } from "./harness.ts";

const TEXT = encodeUtf8(Array.from({ length: 300 }, (_, i) => `message ${i % 7} `).join(""));
/** What CompressorFactory of Java's client 5.5.0 makes of it at level 5. */
const JAVA: Readonly<Record<CompressType, string>> = {
  LZ4: "04224d186070733a000000a46d6573736167652030200a0015310a0015320a0015330a0015340a0015350a0015360a000f4600ffffffffffffffffffffff5d50676520352000000000",
  ZSTD: "28b52ffd00587c0500f693250fc0256326d016fd1b6766268782830321001f001f00b9cb297739e52ea7dce594bb9c729753ee72ca5d4eb9cb29773985040108c610819c729753ee72ca5d4eb9cb297739e52ea7dce594bb9c729753ee72ca5d4e017739e52ea7dce594bb9c729753ee72ca5d4eb9cb297739e52ea7dce594bb01c14100823144209453ee72ca5d4eb9cb297739e52ea7dce594bb9c729753ee724a812aa811e0ef1be1af01119cf00749261921120a5455010000",
  ZLIB: "785eedccab0d00200c45d1553a02ff7d100daaaafb2718f236c05d77d409cfdcc7ad583c55a9495d1ad29496c4c2c2c2c2c2c2c2c2c2c2f263b94600eb4b",
};
const TYPES = Object.keys(JAVA) as CompressType[];
const BYTES_MAX = 1024 * 1024;

const fromHex = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
/** Text that no compressor can shorten to nothing, of `length` bytes. */
const mixed = (length: number) => Uint8Array.from({ length }, (_, i) => ((i * i) >> 5) & 0xff);
const codeOf = (action: () => unknown): string => {
  try {
    action();
    return "no error";
  } catch (fault) {
    return (fault as { code?: string }).code ?? String(fault);
  }
};

describe("each kind", () => {
  test("reads what Java wrote", () => {
    for (const type of TYPES) {
      const read = decompressed(COMPRESS_TYPE_FLAGS[type], fromHex(JAVA[type]), hostCompression, BYTES_MAX);
      expect(read).toEqual(TEXT);
    }
    expect(readZstdInJavaScript(fromHex(JAVA.ZSTD), BYTES_MAX)).toEqual(TEXT);
    expect(simCompression.readZstd(fromHex(JAVA.ZSTD), BYTES_MAX)).toEqual(TEXT);
  });

  test("reads what it wrote, of any length, up to the bound and no further", async () => {
    for (const type of TYPES) {
      if (type === "ZSTD" && hostCompression.writeZstd === undefined) continue;
      const compressor = bodyCompressor(hostCompression, type, 5);
      await compressor.ready;
      const { flag } = compressor;
      const compress = (bytes: Uint8Array): Uint8Array => compressor.compress(bytes);
      // LZ4 has blocks of 4 MiB.
      for (const length of [1, 2, 13, 100, 70_000, ...(type === "LZ4" ? [4_300_000] : [])]) {
        const bytes = mixed(length);
        const read = decompressed(flag, compress(bytes), hostCompression, length);
        expect(read.length === length && read.every((byte, i) => byte === bytes[i])).toBe(true);
        expect(codeOf(() => decompressed(flag, compress(bytes), hostCompression, length - 1))).toBe("EMSGSIZE");
      }
    }
  });

  test("LZ4 is loaded when somebody asks for it; who sends before that is told, and so is who sends when that fails", async () => {
    const compressor = bodyCompressor(hostCompression, "LZ4", 5);
    expect(() => compressor.compress(TEXT)).toThrow("not loaded yet");
    await compressor.ready;
    expect(compressor.ready).toBe(undefined);
    expect(decompressed(compressor.flag, compressor.compress(TEXT), hostCompression, BYTES_MAX)).toEqual(TEXT);
    const failing = { ...hostCompression, lz4Writer: () => Promise.reject(new Error("no such module")) };
    const never = bodyCompressor(failing, "LZ4", 5);
    expect(await never.ready?.catch((error: Error) => error.message)).toBe("no such module");
    expect(() => never.compress(TEXT)).toThrow("not loaded yet");
  });

  test("says what is wrong with bytes that it can't read, wherever they are cut or changed", () => {
    for (const type of TYPES) {
      const good = fromHex(JAVA[type]);
      const flag = COMPRESS_TYPE_FLAGS[type];
      for (let length = 0; length < good.length; length++) {
        const code = codeOf(() => decompressed(flag, good.subarray(0, length), hostCompression, BYTES_MAX));
        expect(["EBADMSG", "EMSGSIZE"]).toContain(code);
      }
      for (let at = 0; at < good.length; at++) {
        const changed = good.slice();
        changed[at] = (changed[at] as number) ^ 0xff;
        expect(["EBADMSG", "EMSGSIZE", "no error"]).toContain(
          codeOf(() => decompressed(flag, changed, hostCompression, BYTES_MAX)),
        );
      }
    }
    // A window of 3.75 TiB is not made before it is looked at.
    expect(codeOf(() => readZstdInJavaScript(fromHex("28b52ffd00ff00000000"), BYTES_MAX))).toBe("EMSGSIZE");
  });
});

describe("compressLevel", () => {
  /** The bodies that go to the broker, of one message a producer. */
  async function sentBodies(all: readonly Partial<ProducerOptions>[], more: Partial<Compression> = {}): Promise<Uint8Array[]> {
    const sim = simRuntime();
    const bodies: Uint8Array[] = [];
    const { address } = await fakeServer(sim, {
      onSend: (socket, request) => {
        bodies.push(request.body.slice());
        socket.write(frameOf(request, { extFields: { msgId: "id", queueId: "0", queueOffset: "5" } }));
      },
    });
    const runtime = { ...sim, compression: { ...hostCompression, ...more } };
    const client = new ClientInstance({ runtime, namesrvAddr: address });
    for (const options of all) {
      const producer = new Producer(client, { producerGroup: "pg", compressMsgBodyOverHowmuch: 100, ...options });
      await sim.clock.resolve(producer.send({ topic: "T", body: TEXT }));
    }
    await sim.clock.resolve(client.close());
    return bodies;
  }

  test("is that of ZLIB, and 5 where none is given; with 0 a body stays as it is", async () => {
    const [one, nine, usual, none] = await sentBodies([{ compressLevel: 1 }, { compressLevel: 9 }, {}, { compressLevel: 0 }]);
    // RFC 1950: the two upper bits of the second byte say how hard it was tried.
    expect([one, nine, usual].map((body) => (body?.[1] ?? 0) >> 6)).toEqual([0, 3, 1]);
    for (const body of [one, nine, usual]) {
      expect(decompressed(COMPRESS_TYPE_FLAGS.ZLIB, body ?? TEXT, hostCompression, BYTES_MAX)).toEqual(TEXT);
    }
    expect(none).toEqual(TEXT);
  });

  test("is that of ZSTD as well", async () => {
    const levels: number[] = [];
    const writeZstd = (_bytes: Uint8Array, level: number) => {
      levels.push(level);
      return new Uint8Array(1);
    };
    await sentBodies([{ compressType: "ZSTD" }, { compressType: "ZSTD", compressLevel: 19 }], { writeZstd });
    expect(levels).toEqual([5, 19]);
  });

  test.each([
    ["ZLIB", -1, "0 to 9"],
    ["ZLIB", 10, "0 to 9"],
    ["ZLIB", 1.5, "0 to 9"],
    ["ZSTD", 0, "1 to 22"],
    ["ZSTD", 23, "1 to 22"],
  ] as const)("of %s can't be %p", (compressType, compressLevel, allowed) =>
    withSimulated(async (rocketmq) => {
      const runtime = rocketmq.client().runtime;
      const compression = { ...runtime.compression, writeZstd: (bytes: Uint8Array) => bytes };
      const client = rocketmq.client({ runtime: { ...runtime, compression } });
      const make = () => new Producer(client, { producerGroup: "pg", compressType, compressLevel });
      expect(make).toThrow(`compressLevel ${compressLevel} can't be used: ${compressType} has ${allowed}`);
    }),
  );
});

describe("a producer with compressType LZ4", () => {
  test("compresses from compressMsgBodyOverHowmuch on, and consumers read it", () =>
    withSimulated(async (rocketmq) => {
      const options = { producerGroup: "pg", compressType: "LZ4", compressMsgBodyOverHowmuch: 100 } as const;
      const producer = new Producer(rocketmq.client(), options);
      const seen = new Collector<MessageExt>();
      await new PushConsumer(rocketmq.client(), {
        consumerGroup: "cg",
        subscription: { T: "*" },
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      }).start(seen.add);
      for (const length of [99, 100, 50_000]) await producer.send({ topic: "T", body: "x".repeat(length) });
      await seen.until(3);
      const byLength = seen.items
        .map(({ body, sysFlag }) => [body.length, sysFlag & 0x701])
        .sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
      expect(byLength).toEqual([
        [99, 0],
        [100, 0x101],
        [50_000, 0x101],
      ]);
      expect(seen.items.every((message) => message.bodyFault === undefined && /^x+$/.test(message.text()))).toBe(true);
    }));

  test("or ZSTD, is refused in words where the runtime has none", () =>
    withSimulated(async (rocketmq) => {
      expect(() => new Producer(rocketmq.client(), { producerGroup: "pg", compressType: "ZSTD" })).toThrow("22.15");
    }));
});
