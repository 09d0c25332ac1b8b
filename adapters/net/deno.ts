/**
 * Sockets over `Deno.listen` and `Deno.connect`.
 *
 * Not for speed, in which `node:net` is their equal on Deno, but for this: when a process runs out of file handles, the
 * listener of Deno's `node:net` stops accepting for good, without an error. Here it tries again.
 *
 * Deno's calls are asynchronous. One write is under way at a time; what is written meanwhile is copied and goes out with
 * the next. One read is under way at a time, into a buffer that is small while little comes, since every idle connection
 * holds one.
 */
import type { ConnectOptions, Endpoint, Listener, ListenOptions, Net, Socket, SocketHandler } from "../../core/runtime.ts";
import { plainHost } from "../shared/address.ts";
import { codeOf, Fault, faultOf } from "../shared/fault.ts";

/** The part of Deno's global that is used here; its own types are not on npm. */
interface DenoNet {
  listen(options: { hostname: string; port: number }): RawListener;
  connect(options: { hostname: string; port: number; signal: AbortSignal }): Promise<Conn>;
}

interface RawListener {
  readonly addr: Address;
  accept(): Promise<Conn>;
  close(): void;
}

interface Conn {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  /** Null at the end. */
  read(target: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay(noDelay: boolean): void;
}

interface Address {
  readonly hostname: string;
  readonly port: number;
}

const READ_BYTES_MIN = 1024;
const READ_BYTES_MAX = 64 * 1024;
/** Waiting pieces are joined up to this size. */
const WRITE_BYTES_MAX = 256 * 1024;
/** Between two attempts to accept when there is no file handle left. */
const ACCEPT_PAUSE_MS = 100;

export const denoNet: Net = {
  async listen(options, accept) {
    return listen(options, accept);
  },
  connect(options, handler) {
    return connect(options, handler);
  },
};

function deno(): DenoNet {
  return (globalThis as unknown as { Deno: DenoNet }).Deno;
}

function listen({ host, port }: ListenOptions, accept: (socket: Socket) => SocketHandler): Listener {
  let raw: RawListener;
  try {
    raw = deno().listen({ hostname: host, port });
  } catch (error) {
    throw faultOf(error, `Cannot listen on ${host} port ${port}`);
  }
  let open = true;
  const acceptAll = async () => {
    while (open) {
      try {
        const socket = new DenoSocket(await raw.accept());
        socket.attach(accept(socket));
      } catch (error) {
        if (!open) return;
        // A system error is a client that was gone before we looked, or a lack of file handles. Else a bug of `accept`.
        if (codeOf(error) === UNKNOWN) rethrow(error);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  };
  const accepting = acceptAll();
  return {
    address: { host: plainHost(raw.addr.hostname), port: raw.addr.port },
    async close() {
      if (open) raw.close();
      open = false;
      // Until the pending accept has failed, the kernel goes on taking connections.
      await accepting;
    },
  };
}

async function connect({ host, port, timeoutMs }: ConnectOptions, handler: SocketHandler): Promise<Socket> {
  const tried = `Cannot connect to ${host} port ${port}`;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  try {
    const socket = new DenoSocket(await deno().connect({ hostname: host, port, signal: timeout.signal }));
    socket.attach(handler);
    return socket;
  } catch (error) {
    if (timeout.signal.aborted) throw new Fault("ETIMEDOUT", `${tried}: no answer within ${timeoutMs} ms`);
    throw faultOf(error, tried);
  } finally {
    clearTimeout(timer);
  }
}

/** What `codeOf` says of an error that does not come from the system. */
const UNKNOWN = "EIO";

/** As an uncaught error of the process. */
function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

class DenoSocket implements Socket {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly #conn: Conn;
  #handler: SocketHandler | undefined;
  /** What is not under way yet, oldest first. */
  #backlog: Uint8Array[] = [];
  #bufferedBytes = 0;
  #writing = false;
  #paused = false;
  #resume: (() => void) | undefined;
  #ended = false;
  #finSent = false;
  #peerEnded = false;
  #closed = false;

  constructor(conn: Conn) {
    this.#conn = conn;
    this.remote = { host: plainHost(conn.remoteAddr.hostname), port: conn.remoteAddr.port };
    this.local = { host: plainHost(conn.localAddr.hostname), port: conn.localAddr.port };
    conn.setNoDelay(true);
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler;
    void this.#readAll(handler);
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#ended || this.#closed || bytes.length === 0) return;
    this.#backlog.push(bytes.slice());
    this.#bufferedBytes += bytes.length;
    if (!this.#writing) void this.#writeAll();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#writing) void this.#writeAll();
  }

  destroy(): void {
    this.#close(undefined);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#resume?.();
  }

  async #readAll(handler: SocketHandler): Promise<void> {
    let buffer = new Uint8Array(READ_BYTES_MIN);
    while (!this.#closed) {
      let length: number | null;
      try {
        length = await this.#conn.read(buffer);
      } catch (error) {
        this.#close(error);
        return;
      }
      // What was read when the pause began waits for its end.
      if (this.#paused) await this.#untilResumed();
      if (this.#closed) return;
      if (length === null) break;
      call(() => handler.data(buffer.subarray(0, length)));
      if (length === buffer.length && length < READ_BYTES_MAX) buffer = new Uint8Array(READ_BYTES_MAX);
      else if (length < READ_BYTES_MIN && buffer.length > READ_BYTES_MIN) buffer = new Uint8Array(READ_BYTES_MIN);
    }
    if (this.#closed) return;
    this.#peerEnded = true;
    if (handler.ended === undefined) this.end();
    else call(() => handler.ended?.());
    this.#closeWhenDone();
  }

  #untilResumed(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = () => {
        this.#resume = undefined;
        resolve();
      };
    });
  }

  /** Writes until nothing is left, then FIN when the owner has ended. */
  async #writeAll(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#backlog.length > 0) {
        const bytes = this.#takeBacklog();
        for (let done = 0; done < bytes.length; ) {
          const length = await this.#conn.write(done === 0 ? bytes : bytes.subarray(done));
          if (this.#closed) return;
          done += length;
          this.#bufferedBytes -= length;
        }
        if (this.#bufferedBytes === 0) call(() => this.#handler?.drained?.());
        if (this.#closed) return;
      }
      if (this.#ended && !this.#finSent) {
        this.#finSent = true;
        await this.#conn.closeWrite();
        this.#closeWhenDone();
      }
    } catch (error) {
      this.#close(error);
    } finally {
      this.#writing = false;
    }
  }

  #takeBacklog(): Uint8Array {
    const backlog = this.#backlog;
    let count = 1;
    let length = backlog[0]!.length;
    while (count < backlog.length && length + backlog[count]!.length <= WRITE_BYTES_MAX) length += backlog[count++]!.length;
    if (count === 1) return backlog.shift()!;
    const joined = new Uint8Array(length);
    let at = 0;
    for (const bytes of backlog.splice(0, count)) {
      joined.set(bytes, at);
      at += bytes.length;
    }
    return joined;
  }

  #closeWhenDone(): void {
    if (this.#finSent && this.#peerEnded) this.#close(undefined);
  }

  #close(error: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    this.#backlog = [];
    this.#bufferedBytes = 0;
    this.#conn.close();
    this.#resume?.();
    const fault =
      error === undefined ? undefined : faultOf(error, `Connection with ${this.remote.host} port ${this.remote.port}`);
    // Later, so that the owner who destroys is not called from inside.
    queueMicrotask(() => this.#handler?.closed(fault));
  }
}

/** What a handler throws is a bug of its owner: an uncaught error, no fault of the connection. */
function call(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    rethrow(error);
  }
}
