/** A server of a small role on the simulator, and raw sockets that speak to it byte by byte. */
import { type SimRuntime, type SimWorld, simWorld } from "../../adapters/sim/sim.ts";
import { RemotingClient } from "../../core/remoting/client.ts";
import type { ProcessorMap } from "../../core/remoting/processor.ts";
import { RemotingServer, type RemotingServerOptions } from "../../core/remoting/server.ts";
import type { Log, RuntimeFault, Socket, SocketHandler } from "../../core/runtime.ts";
import { ByteWriter } from "../../wire/byte_writer.ts";
import { FrameSplitter } from "../../wire/frame.ts";
import { NO_BODY, type RemotingCommand, SERIALIZE_JSON } from "../../wire/remoting_command.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { decodeCommand, encodeCommand } from "../../wire/serialize.ts";
import { VERSION_CURRENT } from "../../wire/version.ts";

export class LogBook implements Log {
  readonly lines: string[] = [];
  error(message: string): void {
    this.lines.push(`ERROR ${message}`);
  }
  warn(message: string): void {
    this.lines.push(`WARN ${message}`);
  }
  info(): void {}
  debug(): void {}
}

export class RemotingHarness {
  readonly world: SimWorld;
  readonly log = new LogBook();
  readonly serverRuntime: SimRuntime;
  readonly clientRuntime: SimRuntime;
  server!: RemotingServer<"namesrv">;
  address = "";

  constructor(seed = 1) {
    this.world = simWorld({ seed, network: { poisonChunks: true } });
    this.serverRuntime = this.world.process();
    this.clientRuntime = this.world.process();
  }

  async start(
    processors: Partial<ProcessorMap<"namesrv">>,
    options: Partial<RemotingServerOptions<"namesrv">> = {},
  ): Promise<this> {
    this.server = new RemotingServer({
      runtime: this.serverRuntime,
      log: this.log,
      role: "namesrv",
      processors: processors as ProcessorMap<"namesrv">,
      listen: [{ host: "127.0.0.1", port: 0 }],
      ...options,
    });
    const [endpoint] = await this.server.start();
    this.address = `127.0.0.1:${endpoint?.port}`;
    return this;
  }

  client(): RemotingClient {
    return new RemotingClient({ runtime: this.clientRuntime, log: this.log });
  }

  async raw(): Promise<RawPeer> {
    const peer = new RawPeer();
    peer.socket = await this.clientRuntime.net.connect(
      { host: "127.0.0.1", port: Number(this.address.split(":")[1]), timeoutMs: 1000 },
      peer,
    );
    return peer;
  }

  /** Lets all I/O that is under way happen, without moving time. */
  settle(): Promise<void> {
    return this.world.clock.advance(0);
  }
}

/** A socket that a test writes bytes to; collects the commands that come back. */
export class RawPeer implements SocketHandler {
  socket!: Socket;
  readonly answers: RemotingCommand[] = [];
  isClosed = false;
  fault: RuntimeFault | undefined;
  readonly #splitter = new FrameSplitter();

  data(chunk: Uint8Array): void {
    this.#splitter.push(chunk, (frame, from, to) => {
      this.answers.push(decodeCommand(frame.slice(from, to)));
    });
  }

  closed(fault?: RuntimeFault): void {
    this.isClosed = true;
    this.fault = fault;
  }
}

/** A request as bytes. */
export function frame(code: number, fields: Partial<RemotingCommand> = {}): Uint8Array {
  const writer = new ByteWriter();
  encodeCommand(
    {
      code,
      language: 0,
      version: VERSION_CURRENT,
      opaque: 1,
      flag: 0,
      remark: undefined,
      extFields: undefined,
      body: NO_BODY,
      serializeType: SERIALIZE_JSON,
      ...fields,
    },
    writer,
  );
  return writer.written().slice();
}

/** `count` GET_KV_CONFIG requests in one chunk. */
export function burstOf(count: number): Uint8Array {
  const one = frame(REQUESTS.GET_KV_CONFIG.code, { extFields: { namespace: "N", key: "K" } });
  const burst = new Uint8Array(one.length * count);
  for (let i = 0; i < count; i++) burst.set(one, i * one.length);
  return burst;
}
