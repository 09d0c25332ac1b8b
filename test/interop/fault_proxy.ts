/**
 * A proxy between a client and a server that does to answers what a bad network does: passes them on, keeps them, cuts them in
 * half and hangs up, or breaks the byte that says how their header is written.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

export type Harm = "none" | "keep" | "cut" | "garble";

/** Place of the byte in a frame: behind the four of its length. */
const SERIALIZATION_AT = 4;
const NO_SERIALIZATION = 7;

export class FaultProxy {
  /** What is done to the answers that come from now on. */
  harm: Harm = "none";
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /**
   * @param target port of 127.0.0.1
   * @param told a port in answers in the place of the target's, which must have as many digits: routes lead here then
   */
  static async start(target: number, told?: { readonly port: number; readonly as: number }): Promise<FaultProxy> {
    const server = createServer();
    const proxy: { it?: FaultProxy } = {};
    server.on("connection", (inner) => proxy.it?.take(inner, connect(target, "127.0.0.1"), told));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    proxy.it = new FaultProxy(server, typeof address === "object" && address !== null ? address.port : 0);
    return proxy.it;
  }

  private take(inner: Socket, outer: Socket, told: { readonly port: number; readonly as: number } | undefined): void {
    for (const socket of [inner, outer]) {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    }
    inner.on("data", (chunk: Buffer) => outer.write(chunk));
    outer.on("data", (chunk: Buffer) => this.#answer(inner, told === undefined ? chunk : retold(chunk, told)));
    const hangUp = () => {
      inner.destroy();
      outer.destroy();
    };
    for (const event of ["error", "close"] as const) {
      inner.on(event, hangUp);
      outer.on(event, hangUp);
    }
  }

  #answer(inner: Socket, chunk: Buffer): void {
    if (this.harm === "none") inner.write(chunk);
    else if (this.harm === "cut") inner.end(chunk.subarray(0, Math.floor(chunk.length / 2)), () => inner.destroy());
    else if (this.harm === "garble") {
      const broken = Buffer.from(chunk);
      broken[SERIALIZATION_AT] = NO_SERIALIZATION;
      inner.write(broken);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** The port of a server's own address, in the JSON of a route. */
function retold(chunk: Buffer, { port, as }: { readonly port: number; readonly as: number }): Buffer {
  const text = chunk.toString("latin1");
  return Buffer.from(text.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${as}`), "latin1");
}
