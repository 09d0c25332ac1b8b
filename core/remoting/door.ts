/**
 * The door of a server: from the first bytes of a connection it finds out whether a PROXY header comes, and whether TLS does,
 * and hands the connection on, with the address that it is from.
 *
 * The first byte decides (0x16 begins a TLS handshake; 0x50 and 0x0d a PROXY header; a frame of the remoting protocol begins
 * with 0, as it is shorter than 16 MiB). A plain connection is handed on with its first chunk, and the socket calls its
 * owner directly from then on: the door costs it nothing a message.
 *
 * Bounds: a connection that is in the door holds at most 107 bytes of a PROXY header and one TLS handshake. Who sends no byte
 * is closed after the time of a silent connection, who began and does not finish after HANDSHAKE_MS_MAX; of more than
 * HANDSHAKES_MAX handshakes the oldest is closed, since an honest one takes milliseconds.
 */
import { WireError } from "../../wire/errors.ts";
import { PROXY_HEADER_BYTES_MAX, parseProxyHeader } from "../../wire/proxy_protocol.ts";
import type { Clock, Endpoint, Log, RuntimeFault, Socket, SocketHandler, TlsContext } from "../runtime.ts";
import { endpointText } from "./connection.ts";

/** What a server does about TLS. */
export interface ServerTls {
  readonly mode: "disabled" | "permissive" | "enforcing";
  /** Undefined when there is none; why has been logged. */
  context(): TlsContext | undefined | Promise<TlsContext | undefined>;
}

export interface DoorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly tls: ServerTls;
  /** Whether this peer's word is taken for whom it speaks for. */
  readonly trustsProxy: (host: string) => boolean;
}

/** As Netty's SslHandler. */
export const HANDSHAKE_MS_MAX = 10_000;
export const HANDSHAKES_MAX = 512;

const TLS_HANDSHAKE = 0x16;
const PROXY_V1 = 0x50;
const PROXY_V2 = 0x0d;

/** Makes the connection; `remote` is whose it is. */
export type Admit = (socket: Socket, remote: Endpoint) => SocketHandler;

/** All connections of a server that are still in its door. */
export class Door {
  readonly #options: DoorOptions;
  readonly #arrivals = new Set<Arrival>();
  /** Oldest first. */
  readonly #handshakes = new Set<Arrival>();
  readonly #onEmpty: () => void;

  constructor(options: DoorOptions, onEmpty: () => void) {
    this.#options = options;
    this.#onEmpty = onEmpty;
  }

  get count(): number {
    return this.#arrivals.size;
  }

  /** @returns what the socket calls. */
  enter(socket: Socket, admit: Admit): SocketHandler {
    const arrival = new Arrival(socket, admit, this.#options, {
      handshake: (begun) => this.#handshake(begun),
      left: (gone) => this.#left(gone),
    });
    this.#arrivals.add(arrival);
    return arrival.handler;
  }

  /** Closes who is silent for `idleMs`, or takes too long. */
  sweep(now: number, idleMs: number): void {
    for (const arrival of this.#arrivals) {
      if (arrival.begun && now - arrival.since > HANDSHAKE_MS_MAX)
        arrival.refuse("closing a connection that does not finish its handshake", { withinMs: HANDSHAKE_MS_MAX });
      else if (now - arrival.since > idleMs) arrival.close();
    }
  }

  closeAll(): void {
    for (const arrival of [...this.#arrivals]) arrival.close();
  }

  #handshake(arrival: Arrival): void {
    this.#handshakes.add(arrival);
    if (this.#handshakes.size <= HANDSHAKES_MAX) return;
    const [oldest] = this.#handshakes;
    oldest?.refuse("closing the oldest unfinished TLS handshake: there are too many", { limit: HANDSHAKES_MAX });
    if (oldest !== undefined) this.#handshakes.delete(oldest);
  }

  #left(arrival: Arrival): void {
    this.#handshakes.delete(arrival);
    if (this.#arrivals.delete(arrival) && this.#arrivals.size === 0) this.#onEmpty();
  }
}

interface Doorkeeper {
  handshake(arrival: Arrival): void;
  /** Handed on, or gone. Called again, it does nothing. */
  left(arrival: Arrival): void;
}

/** The parts of a handler are exchanged as it becomes known what comes. */
type Changing = { -readonly [K in keyof SocketHandler]: SocketHandler[K] };

class Arrival {
  /** Clock.monotonic() of the connect; from the first byte of a handshake on, of that. */
  since: number;
  /** A PROXY header or a handshake has begun. */
  begun = false;
  readonly handler: Changing;
  readonly #socket: Socket;
  readonly #admit: Admit;
  readonly #options: DoorOptions;
  readonly #keeper: Doorkeeper;
  #remote: Endpoint;
  /** The beginning of a PROXY header. */
  #held: Uint8Array | undefined;
  /** Bytes of TLVs that are still to come, and are passed over. */
  #skip = 0;
  #proxied = false;
  #refused = false;
  #closed = false;

  constructor(socket: Socket, admit: Admit, options: DoorOptions, keeper: Doorkeeper) {
    this.#socket = socket;
    this.#remote = socket.remote;
    this.#admit = admit;
    this.#options = options;
    this.#keeper = keeper;
    this.since = options.clock.monotonic();
    this.handler = {
      data: (chunk) => this.#data(chunk),
      drained: () => {},
      closed: () => this.#gone(),
    };
  }

  close(): void {
    this.#refused = true;
    this.#socket.destroy();
  }

  /** Closes, with one line in the log. */
  refuse(message: string, fields: Record<string, string | number>): void {
    if (!this.#refused) this.#options.log.warn(message, { remote: endpointText(this.#remote), ...fields });
    this.close();
  }

  #data(chunk: Uint8Array): void {
    if (this.#refused || chunk.length === 0) return;
    if (this.#skip > 0) {
      this.#passOver(chunk);
      return;
    }
    if (this.#held !== undefined) {
      this.#proxyHeader(chunk);
      return;
    }
    const first = chunk[0];
    if (!this.#proxied && (first === PROXY_V1 || first === PROXY_V2)) {
      this.#proxyHeader(chunk);
      return;
    }
    if (first === TLS_HANDSHAKE) {
      this.#handshake(chunk);
      return;
    }
    this.#plain(chunk);
  }

  #plain(chunk: Uint8Array): void {
    if (this.#options.tls.mode === "enforcing") {
      this.refuse("closing a connection without TLS", { reason: "tls.server.mode=enforcing" });
      return;
    }
    const owner = this.#admit(this.#socket, this.#remote);
    this.#become(owner);
    this.#keeper.left(this);
    owner.data(chunk);
  }

  /** From the next event on the socket calls `owner`. */
  #become(owner: SocketHandler): void {
    const { handler } = this;
    handler.data = (chunk) => owner.data(chunk);
    handler.drained = () => owner.drained?.();
    if (owner.ended !== undefined) handler.ended = () => owner.ended?.();
    handler.closed = (fault) => owner.closed(fault);
  }

  #begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.since = this.#options.clock.monotonic();
  }

  // ------------------------------------------------------------------------------------------------- PROXY header

  /** Keeps what may belong to the header and no more: a peer that sends on meanwhile is parsed from the same bytes. */
  #proxyHeader(chunk: Uint8Array): void {
    const held = this.#held;
    const taken = chunk.subarray(0, PROXY_HEADER_BYTES_MAX - (held?.length ?? 0));
    const bytes = held === undefined ? taken : joined(held, taken);
    let header: ReturnType<typeof parseProxyHeader>;
    try {
      header = parseProxyHeader(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.refuse("closing a connection whose PROXY header can't be read", { reason: error.message });
      return;
    }
    if (header === "more") {
      this.#begin();
      this.#held = bytes.slice();
      return;
    }
    const rest = held === undefined ? chunk : joined(held, chunk);
    this.#held = undefined;
    this.#proxied = true;
    if (header === "none") {
      this.#data(rest);
      return;
    }
    if (!this.#options.trustsProxy(this.#socket.remote.host)) {
      this.refuse("closing a connection with a PROXY header from where none is taken", { key: "proxyProtocolFrom" });
      return;
    }
    this.#remote = header.source ?? this.#remote;
    this.#skip = header.length;
    this.#begin();
    this.#passOver(rest);
  }

  #passOver(chunk: Uint8Array): void {
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    if (this.#skip > 0) return;
    // What follows is a connection like any other, with the time of one.
    this.begun = false;
    this.since = this.#options.clock.monotonic();
    this.#data(chunk.subarray(skipped));
  }

  // ---------------------------------------------------------------------------------------------------------- TLS

  #handshake(chunk: Uint8Array): void {
    const { tls } = this.#options;
    if (tls.mode === "disabled") {
      this.refuse("closing a connection with TLS", { reason: "tls.server.mode=disabled" });
      return;
    }
    this.#begin();
    this.#keeper.handshake(this);
    const context = tls.context();
    if (!(context instanceof Promise)) {
      this.#wrap(context, chunk);
      return;
    }
    // The certificate is in the making: this client waits, with what it has sent.
    const first = [chunk.slice()];
    this.handler.data = (more) => void first.push(more.slice());
    this.#socket.pause();
    void context.then((made) => {
      if (this.#refused || this.#closed) return;
      this.#socket.resume();
      this.#wrap(made, ...first);
    });
  }

  #wrap(context: TlsContext | undefined, ...first: readonly Uint8Array[]): void {
    if (context === undefined) {
      this.refuse("closing a connection with TLS", { reason: "there is no certificate to use" });
      return;
    }
    const inner = context.wrap(this.#socket, {
      established: (socket) => {
        this.#keeper.left(this);
        return this.#admit(socket, this.#remote);
      },
      failed: (fault) => this.#failed(fault),
    });
    this.#become(inner);
    this.handler.closed = (fault) => {
      inner.closed(fault);
      this.#gone();
    };
    for (const chunk of first) inner.data(chunk);
  }

  /** The adapter says goodbye to the peer; who does not go is closed by the sweep. */
  #failed(fault: RuntimeFault): void {
    if (!this.#refused)
      this.#options.log.warn("closing a connection whose TLS handshake failed", {
        remote: endpointText(this.#remote),
        reason: fault.message,
      });
    this.#refused = true;
  }

  #gone(): void {
    this.#closed = true;
    this.#keeper.left(this);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
