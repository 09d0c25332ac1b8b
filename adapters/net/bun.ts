/**
 * Sockets over `Bun.listen` and `Bun.connect`: two to four times cheaper than Bun's `node:net`.
 *
 * Bun's `write` takes what the kernel takes and returns how many bytes that were; it keeps nothing. The rest is copied
 * here and goes out on `drain`, in order.
 */
import type { ConnectOptions, Endpoint, Listener, ListenOptions, Net, Socket, SocketHandler } from "../../core/runtime.ts";
import { plainHost } from "../shared/address.ts";
import type { HostClock } from "../shared/clock.ts";
import { Fault, faultOf } from "../shared/fault.ts";

/** The part of Bun's global that is used here: with its own types, Deno could not check a program that imports this. */
interface BunSockets {
  listen(options: Address & { readonly socket: Callbacks & { open(raw: RawSocket): void } }): RawListener;
  connect(
    options: Address & {
      readonly socket: Callbacks & { open(raw: RawSocket): void; connectError(raw: RawSocket, error: Error): void };
    },
  ): Promise<RawSocket>;
}

interface Address {
  readonly hostname: string;
  readonly port: number;
  readonly allowHalfOpen: boolean;
}

interface RawListener {
  readonly hostname: string;
  readonly port: number;
  stop(closeConnections: boolean): void;
}

interface RawSocket {
  data: BunSocket | undefined;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Bytes taken by the kernel; -1 when the socket is closed. */
  write(bytes: Uint8Array): number;
  end(): void;
  close(): void;
  shutdown(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

type Callbacks = typeof callbacks;

/** ES2024's way to give a buffer's memory back at once: its bytes move to a new one, of which none are wanted. */
interface Detachable {
  transfer(newLength: number): ArrayBuffer;
}

/** Smaller chunks are left to the collector: freeing one costs a quarter of a microsecond. */
const FREED_BYTES_MIN = 4096;

/**
 * The most that is taken in one turn. Bun reads up to 512 KiB at once where a peer sends faster than it is read (oneway sends): four
 * hundred requests, all of whose objects the collector finds in use, and a write to the log that is too large for the event loop.
 * With a turn each 128 KiB such a load takes 101 to 107 MiB instead of 125 to 139.
 */
const TURN_BYTES_MAX = 128 * 1024;

/** A socket that has said so much in a row speaks alone, until another one says something. */
const ALONE_AFTER_CHUNKS = 16;

const bun = (): BunSockets => (globalThis as unknown as { Bun: BunSockets }).Bun;

export function bunNet(clock: HostClock): Net {
  const turns = new Turns(clock);
  return {
    async listen(options, accept) {
      return listen(turns, options, accept);
    },
    connect(options, handler) {
      return connect(turns, options, handler);
    },
  };
}

/**
 * Knows whether one socket speaks alone. What several say in a turn of the event loop is to be written and answered together, at
 * the turn's end; a chunk of one that speaks alone is its turn.
 */
class Turns {
  readonly #clock: HostClock;
  #speaker: BunSocket | undefined;
  #chunks = 0;

  constructor(clock: HostClock) {
    this.#clock = clock;
  }

  take(socket: BunSocket, chunk: Uint8Array): void {
    if (socket !== this.#speaker) {
      this.#speaker = socket;
      this.#chunks = 0;
    }
    if (chunk.length > TURN_BYTES_MAX) this.#takeInTurns(socket, chunk, 0);
    else if (++this.#chunks > ALONE_AFTER_CHUNKS) this.#clock.lastOfTurn(() => socket.take(chunk));
    else socket.take(chunk);
  }

  /** Each piece, what it asked `afterTurn` for, and the next, all before the event loop goes on. */
  #takeInTurns(socket: BunSocket, chunk: Uint8Array, from: number): void {
    const to = from + TURN_BYTES_MAX;
    try {
      this.#clock.lastOfTurn(() => socket.takePiece(chunk, from, to));
    } finally {
      // What a handler throws is no fault of the connection, which goes on behind it.
      if (to < chunk.length) queueMicrotask(() => this.#takeInTurns(socket, chunk, to));
      else free(chunk);
    }
  }
}

function listen(turns: Turns, { host, port }: ListenOptions, accept: (socket: Socket) => SocketHandler): Listener {
  let server: RawListener;
  try {
    server = bun().listen({
      hostname: host,
      port,
      allowHalfOpen: true,
      socket: {
        ...callbacks,
        open(raw) {
          const socket = new BunSocket(raw, turns);
          raw.data = socket;
          socket.attach(accept(socket));
        },
      },
    });
  } catch (error) {
    throw faultOf(error, `Cannot listen on ${host} port ${port}`);
  }
  return {
    address: { host: plainHost(server.hostname), port: server.port },
    async close() {
      server.stop(false);
    },
  };
}

function connect(turns: Turns, { host, port, timeoutMs }: ConnectOptions, handler: SocketHandler): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const tried = `Cannot connect to ${host} port ${port}`;
    let settled = false;
    const failed = (fault: Fault) => {
      settled = true;
      clearTimeout(timer);
      reject(fault);
    };
    const timer = setTimeout(() => failed(new Fault("ETIMEDOUT", `${tried}: no answer within ${timeoutMs} ms`)), timeoutMs);
    bun()
      .connect({
        hostname: host,
        port,
        allowHalfOpen: true,
        socket: {
          ...callbacks,
          open(raw) {
            if (settled) return raw.close();
            settled = true;
            clearTimeout(timer);
            const socket = new BunSocket(raw, turns);
            raw.data = socket;
            socket.attach(handler);
            resolve(socket);
          },
          connectError(_raw, error) {
            failed(faultOf(error, tried));
          },
        },
      })
      .catch((error: unknown) => failed(faultOf(error, tried)));
  });
}

/** Shared by all sockets; `raw.data` says whose callback it is. */
const callbacks = {
  binaryType: "uint8array",
  data(raw: RawSocket, chunk: Uint8Array) {
    raw.data?.onData(chunk);
  },
  drain(raw: RawSocket) {
    raw.data?.onDrain();
  },
  end(raw: RawSocket) {
    raw.data?.onEnd();
  },
  error(raw: RawSocket, error: Error) {
    // Bun calls this for what a callback threw, too. That is a bug of the callback's owner, and no fault of the connection.
    if ("syscall" in error) raw.data?.onError(error);
    else rethrow(error);
  },
  close(raw: RawSocket, error?: Error) {
    raw.data?.onClose(error);
  },
} as const;

/** A chunk is valid until here. Left to the collector, a loaded server piles up tens of MiB of them, each on fresh pages. */
function free(chunk: Uint8Array): void {
  (chunk.buffer as ArrayBuffer & Detachable).transfer(0);
}

/** As an uncaught error of the process. */
function rethrow(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}

class BunSocket implements Socket {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly #raw: RawSocket;
  readonly #turns: Turns;
  #handler: SocketHandler | undefined;
  /** What the kernel has not taken, oldest first. */
  #backlog: Uint8Array[] = [];
  #bufferedBytes = 0;
  #ended = false;
  #peerEnded = false;
  #destroyed = false;
  #closed = false;
  #fault: Fault | undefined;

  constructor(raw: RawSocket, turns: Turns) {
    this.#raw = raw;
    this.#turns = turns;
    this.remote = { host: plainHost(raw.remoteAddress), port: raw.remotePort };
    this.local = { host: plainHost(raw.localAddress), port: raw.localPort };
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#ended || this.#closed) return;
    const taken = this.#bufferedBytes > 0 ? 0 : Math.max(0, this.#raw.write(bytes));
    if (taken === bytes.length) return;
    this.#backlog.push(bytes.slice(taken));
    this.#bufferedBytes += bytes.length - taken;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#bufferedBytes === 0) this.#finish();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#ended = true;
    this.#destroyed = true;
    // Not `terminate`, which sends a reset: what the kernel has taken still arrives, then FIN, as with `node:net`.
    this.#raw.close();
  }

  pause(): void {
    this.#raw.pause();
  }

  resume(): void {
    this.#raw.resume();
  }

  onData(chunk: Uint8Array): void {
    this.#turns.take(this, chunk);
  }

  take(chunk: Uint8Array): void {
    this.#handler?.data(chunk);
    if (chunk.length >= FREED_BYTES_MIN) free(chunk);
  }

  /** A part of a long chunk; the part before it may have closed the connection. */
  takePiece(chunk: Uint8Array, from: number, to: number): void {
    if (!this.#closed && !this.#destroyed) this.#handler?.data(chunk.subarray(from, to));
  }

  onDrain(): void {
    if (this.#bufferedBytes === 0) return;
    const backlog = this.#backlog;
    let sent = 0;
    for (; sent < backlog.length; sent++) {
      const bytes = backlog[sent]!;
      const taken = Math.max(0, this.#raw.write(bytes));
      this.#bufferedBytes -= taken;
      if (taken < bytes.length) {
        backlog[sent] = bytes.subarray(taken);
        break;
      }
    }
    backlog.splice(0, sent);
    if (this.#bufferedBytes > 0) return;
    if (this.#ended) this.#finish();
    this.#handler?.drained?.();
  }

  onEnd(): void {
    this.#peerEnded = true;
    if (this.#handler?.ended !== undefined) this.#handler.ended();
    else this.end();
  }

  onError(error: Error): void {
    this.#fault = faultOf(error, `Connection with ${this.remote.host} port ${this.remote.port}`);
  }

  onClose(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    if (error !== undefined) this.onError(error);
    this.#backlog = [];
    this.#bufferedBytes = 0;
    // Bun calls this from inside `close`, and the owner that destroys is not to be re-entered.
    if (this.#destroyed) queueMicrotask(() => this.#handler?.closed(this.#fault));
    else this.#closedByPeer();
  }

  #closedByPeer(): void {
    // When both sides have sent FIN, Bun closes without a word about the second one.
    if (!this.#peerEnded && this.#fault === undefined) this.#handler?.ended?.();
    this.#handler?.closed(this.#fault);
  }

  /** FIN; and when the peer has sent its own, nothing is left to wait for. */
  #finish(): void {
    if (this.#peerEnded) this.#raw.end();
    else this.#raw.shutdown();
  }
}
