/**
 * Sockets over `node:net`, for Node.
 *
 * `node:net` keeps what the kernel did not take at once, so every write is copied: the caller may reuse its buffer.
 */
import { Buffer } from "node:buffer";
import * as net from "node:net";
import type { ConnectOptions, Endpoint, Listener, ListenOptions, Net, Socket, SocketHandler } from "../../core/runtime.ts";
import { plainHost } from "../shared/address.ts";
import { codeOf, Fault, faultOf } from "../shared/fault.ts";

export const nodeNet: Net = {
  listen(options, accept) {
    return listen(options, accept);
  },
  connect(options, handler) {
    return connect(options, handler);
  },
};

function listen(options: ListenOptions, accept: (socket: Socket) => SocketHandler): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (raw) => {
      // A peer that is gone before we look has no address any more, and nothing to tell.
      if (raw.remoteAddress === undefined) {
        raw.on("error", () => {});
        raw.destroy();
        return;
      }
      const socket = new NodeSocket(raw);
      socket.attach(accept(socket));
    });
    const tried = `Cannot listen on ${options.host} port ${options.port}`;
    server.once("error", (error) => {
      // Deno says EINVAL for an address that this machine does not have.
      const absent = codeOf(error) === "EINVAL";
      reject(
        absent ? new Fault("EADDRNOTAVAIL", `${tried}: EADDRNOTAVAIL: not an address of this machine`) : faultOf(error, tried),
      );
    });
    const { host, port, backlog } = options;
    server.listen({ host, port, ...(backlog === undefined ? {} : { backlog }) }, () => {
      const bound = server.address() as net.AddressInfo;
      // Out of file handles (EMFILE) while accepting: that client waits or is refused, the listener lives on.
      server.on("error", () => {});
      resolve({
        address: { host: plainHost(bound.address), port: bound.port },
        close: () =>
          new Promise<void>((closed) => {
            // The callback of close() waits for the accepted sockets too; accepting stops at once.
            server.close();
            closed();
          }),
      });
    });
  });
}

function connect({ host, port, timeoutMs }: ConnectOptions, handler: SocketHandler): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const tried = `Cannot connect to ${host} port ${port}`;
    const raw = net.connect({ host, port, allowHalfOpen: true, noDelay: true });
    const timer = setTimeout(() => {
      reject(new Fault("ETIMEDOUT", `${tried}: no answer within ${timeoutMs} ms`));
      raw.destroy();
    }, timeoutMs);
    const failed = (error: Error) => {
      clearTimeout(timer);
      reject(faultOf(error, tried));
    };
    raw.once("error", failed);
    raw.once("connect", () => {
      clearTimeout(timer);
      raw.off("error", failed);
      const socket = new NodeSocket(raw);
      socket.attach(handler);
      resolve(socket);
    });
  });
}

class NodeSocket implements Socket {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly #raw: net.Socket;
  #fault: Fault | undefined;
  #ended = false;
  #buffering = false;
  #drained: (() => void) | undefined;

  constructor(raw: net.Socket) {
    this.#raw = raw;
    this.remote = { host: plainHost(raw.remoteAddress ?? ""), port: raw.remotePort ?? 0 };
    this.local = { host: plainHost(raw.localAddress ?? ""), port: raw.localPort ?? 0 };
  }

  attach(handler: SocketHandler): void {
    const raw = this.#raw;
    raw.on("data", (chunk: Buffer) => handler.data(chunk));
    if (handler.drained !== undefined) this.#drained = () => handler.drained?.();
    raw.on("end", () => {
      if (handler.ended === undefined) this.end();
      else handler.ended();
    });
    raw.on("error", (error) => {
      this.#fault = faultOf(error, `Connection with ${this.remote.host} port ${this.remote.port}`);
    });
    raw.on("close", () => handler.closed(this.#fault));
  }

  get bufferedBytes(): number {
    return this.#raw.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#ended || this.#raw.destroyed) return;
    this.#raw.write(Buffer.from(bytes), this.#written);
    // On Deno every write is under way for a moment; on Node only what the kernel did not take at once.
    if (this.#raw.writableLength > 0) this.#buffering = true;
  }

  /** Not the event `drain`: it comes only after more than the stream's high-water mark was waiting. */
  readonly #written = (): void => {
    if (!this.#buffering || this.#raw.writableLength > 0 || this.#raw.destroyed) return;
    this.#buffering = false;
    this.#drained?.();
  };

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#raw.end();
  }

  destroy(): void {
    this.#ended = true;
    this.#raw.destroy();
  }

  pause(): void {
    this.#raw.pause();
  }

  resume(): void {
    this.#raw.resume();
  }
}
