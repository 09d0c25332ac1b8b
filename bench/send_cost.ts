/**
 * What a send costs the broker by itself: a whole broker with its real store, in this process, is fed SEND_MESSAGE_V2 requests
 * as a Java client writes them, through a socket that is none. No network, no client and, on a tmpfs, no disk: what is left is our
 * code, the runtime's file calls and the collector. Prints CPU a message: the median of the rounds, and their best tenth,
 * which a busy machine disturbs least; on Node also what is allocated.
 *
 *     bun bench/send_cost.ts [--rounds N] [--messages N] [--warm-up N] [--chunk N] [--serialize JSON|ROCKETMQ] [--body N] [--directory PATH]
 *
 * `--messages` of a round, in chunks of `--chunk` requests: one chunk is one turn of the event loop. Rates of a loaded machine
 * mean nothing; pairs of runs, before and after, do.
 */
import { mkdtempSync, rmSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { consoleLog } from "../adapters/shared/log.ts";
import { Broker } from "../core/broker/broker.ts";
import { brokerOptions } from "../core/broker/options.ts";
import { settingsWith } from "../core/config.ts";
import type { Net, Runtime, Socket, SocketHandler } from "../core/runtime.ts";
import { hostRuntime } from "../test/support/host_runtime.ts";
import { ByteWriter } from "../wire/byte_writer.ts";
import { encodeUtf8, readInt32 } from "../wire/bytes.ts";
import { type ExtFields, type RemotingCommand, SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from "../wire/remoting_command.ts";
import { REQUESTS } from "../wire/requests.ts";
import { encodeCommand } from "../wire/serialize.ts";
import { median } from "./median.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "200" },
    messages: { type: "string", default: "1600" },
    "warm-up": { type: "string", default: "60000" },
    chunk: { type: "string", default: "16" },
    serialize: { type: "string", default: "JSON" },
    body: { type: "string", default: "1024" },
    directory: { type: "string", default: "/dev/shm" },
  },
});
const rounds = Number(options.rounds);
const messages = Number(options.messages);
const perChunk = Number(options.chunk);
const body = new Uint8Array(Number(options.body)).fill(97);
const QUEUES = 4;

/** A listener that is handed its one connection by `enter`. Replies are counted and dropped. */
class NoNet implements Net {
  replies = 0;
  #accept: ((socket: Socket) => SocketHandler) | undefined;

  async listen(options: { host: string; port: number }, accept: (socket: Socket) => SocketHandler) {
    this.#accept ??= accept;
    return { address: options, close: async () => {} };
  }

  connect(): Promise<never> {
    return Promise.reject(new Error("there is no network"));
  }

  enter(): SocketHandler {
    if (this.#accept === undefined) throw new Error("nobody listens");
    const handler = this.#accept({
      remote: { host: "127.0.0.1", port: 40_000 },
      local: { host: "127.0.0.1", port: 10_911 },
      bufferedBytes: 0,
      write: (bytes) => {
        for (let at = 0; at < bytes.length; at += 4 + readInt32(bytes, at)) this.replies++;
      },
      end: () => queueMicrotask(() => handler.closed()),
      destroy: () => queueMicrotask(() => handler.closed()),
      pause: () => {},
      resume: () => {},
    });
    return handler;
  }
}

/** A chunk of requests whose opaque, key and queue differ; the differing bytes are set anew before each use. */
class Requests {
  readonly #template: Uint8Array;
  readonly #keysAt: number[] = [];
  #counter = 0;

  constructor(count: number) {
    const writer = new ByteWriter(count * 2048);
    for (let i = 0; i < count; i++) {
      const from = writer.length;
      encodeCommand(this.#request(i), writer);
      // A Java client's fastjson escapes these two as we do; the key is found by its mark.
      this.#keysAt.push(indexOf(writer.bytes, encodeUtf8("EDGE0000"), from, writer.length));
    }
    this.#template = writer.written().slice();
  }

  #request(i: number): RemotingCommand {
    const properties = `UNIQ_KEY\u0001FD00000000000000000000000000000257DA30946E09675BEDGE0000\u0002WAIT\u0001true\u0002`;
    const extFields: ExtFields = {
      a: "bench-producer",
      b: "bench_sync64",
      c: "TBW102",
      d: "4",
      e: String(i % QUEUES),
      f: "0",
      g: "1795225250966",
      h: "0",
      i: properties,
      j: "0",
      k: "false",
      m: "false",
      n: "broker-a",
    };
    return {
      code: REQUESTS.SEND_MESSAGE_V2.code,
      language: 0,
      version: 513,
      opaque: 100_000 + i,
      flag: 0,
      remark: undefined,
      extFields,
      body,
      serializeType: options.serialize === "ROCKETMQ" ? SERIALIZE_ROCKETMQ : SERIALIZE_JSON,
    };
  }

  /** New bytes each time, as a socket gives them. */
  next(): Uint8Array {
    const chunk = this.#template.slice();
    for (const at of this.#keysAt) {
      const count = this.#counter++;
      for (let digit = 0; digit < 8; digit++) chunk[at + 7 - digit] = "0123456789ABCDEF".charCodeAt((count >>> (4 * digit)) & 15);
    }
    return chunk;
  }
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  throw new Error("the request has no such bytes");
}

const directory = mkdtempSync(`${options.directory}/edgemq-send-cost-`);
const net = new NoNet();
const runtime: Runtime = { ...(await hostRuntime()), net };
const settings = settingsWith(
  brokerOptions,
  {
    brokerName: "broker-a",
    bindAddress: "127.0.0.1",
    listenPort: 10_911,
    namesrvAddr: "",
    storePathRootDir: directory,
    mappedFileSizeCommitLog: 256 * 1024 * 1024,
  },
  runtime.system,
);
const broker = new Broker({ runtime, log: consoleLog({ level: "error" }), settings });
try {
  await broker.start();
  const handler = net.enter();
  const requests = new Requests(perChunk);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const round = async (): Promise<{ ns: number; allocated: number }> => {
    const { replies } = net;
    const heap = "Bun" in globalThis ? 0 : process.memoryUsage().heapUsed;
    const before = process.cpuUsage();
    let chunks = 0;
    for (let sent = 0; sent < messages; sent += perChunk, chunks++) {
      const chunk = requests.next();
      handler.data(chunk);
      if ("Bun" in globalThis) (chunk.buffer as ArrayBuffer & { transfer(n: number): void }).transfer(0);
      await turn();
    }
    while (net.replies < replies + chunks * perChunk) await turn();
    const { user, system } = process.cpuUsage(before);
    const allocated = "Bun" in globalThis ? Number.NaN : process.memoryUsage().heapUsed - heap;
    return { ns: ((user + system) * 1000) / (chunks * perChunk), allocated: allocated / (chunks * perChunk) };
  };
  for (let sent = 0; sent < Number(options["warm-up"]); sent += messages) await round();
  const found: { ns: number; allocated: number }[] = [];
  for (let i = 0; i < rounds; i++) found.push(await round());
  const ns = found.map((each) => each.ns).sort((a, b) => a - b);
  const mean = ns.reduce((sum, each) => sum + each, 0) / rounds;
  // A collection in the middle makes a round's growth meaningless: rounds without one show the most.
  const grown = median(found.map((each) => each.allocated).filter((bytes) => bytes > 0));
  console.log(
    `${runtime.name}: median ${median(ns).toFixed(0)} ns, least tenth ${(ns[Math.floor(rounds / 10)] as number).toFixed(0)} ns, mean ${mean.toFixed(0)} ns of CPU a message` +
      (Number.isNaN(grown) ? "" : `; ${grown.toFixed(0)} bytes of heap`),
  );
} finally {
  await broker.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);
