/**
 * A listening server of one role: accepts connections, hands their requests to the dispatcher, and keeps every one of
 * them inside its bounds. It owns connections and ports; it knows nothing of what requests mean.
 */
import { FRAME_BYTES_MAX_DEFAULT } from "../../wire/frame.ts";
import { LANGUAGE_OTHER, SERIALIZE_JSON, type SerializeType } from "../../wire/remoting_command.ts";
import { RequestReader } from "../../wire/request_reader.ts";
import { REQUESTS, type RequestName, type RequestRow, type Role } from "../../wire/requests.ts";
import type { Endpoint, Listener, Log, Runtime, Socket, SocketHandler, TimerHandle } from "../runtime.ts";
import { Admission, type LaneLimits } from "./admission.ts";
import { type ConnectionOptions, endpointText, PartialFrames, RemotingConnection, WriterPool } from "./connection.ts";
import { Dispatcher, type RequestObserver } from "./dispatcher.ts";
import { Door, type ServerTls } from "./door.ts";
import type { AccessCheck, ProcessorMap, RemotingError } from "./processor.ts";
import { UnreadBytes } from "./unread_bytes.ts";
import { Wakefulness } from "./wakefulness.ts";

export interface ListenAddress {
  readonly host: string;
  /** 0 asks for a free one. */
  readonly port: number;
  /** The VIP port: rows with `fastPort: false` are not served there. */
  readonly fastPort?: boolean;
}

export interface RemotingServerOptions<R extends Role> {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly role: R;
  readonly processors: ProcessorMap<R>;
  readonly listen: readonly ListenAddress[];
  readonly lanes?: LaneLimits;
  /** Who may do what; left out: everybody everything. */
  readonly access?: AccessCheck | undefined;
  /** Is told of each request that was served. */
  readonly observe?: RequestObserver | undefined;
  readonly serializeType?: SerializeType;
  readonly backlog?: number;
  /** Silence, in both directions, after which a connection is closed (serverChannelMaxIdleTimeSeconds). */
  readonly idleSeconds?: () => number;
  readonly frameBytesMax?: number;
  /** Bytes that may wait to be read by one peer. */
  readonly writeBytesMax?: number;
  /** The same over all peers. */
  readonly unreadBytesMax?: number;
  /** Bytes of bodies of one peer's requests that are not answered yet. */
  readonly inFlightBytesMax?: number;
  /** Bytes of incomplete frames over all connections. */
  readonly partialBytesMax?: number;
  /** ms for which the event loop stays awake for the next request of one who waits for each answer; 0 or left out: never. */
  readonly awakeMs?: () => number;
  /** Without it a client that begins with TLS is refused. */
  readonly tls?: ServerTls;
  /** Whose PROXY headers are taken; everybody's when left out, as in Apache. */
  readonly trustsProxy?: (host: string) => boolean;
}

const IDLE_SECONDS_DEFAULT = 120;
/** Several full pulls of 256 KiB in flight fit many times over; a peer that is further behind has stopped reading. */
const WRITE_BYTES_MAX_DEFAULT = 64 * 1024 * 1024;
const UNREAD_BYTES_MAX_DEFAULT = 256 * 1024 * 1024;
/** Half of what all may have appended and not written, so that one producer alone does not make the store busy for others. */
const IN_FLIGHT_BYTES_MAX_DEFAULT = 8 * 1024 * 1024;
/** Sixteen frames of the largest size. */
const PARTIAL_BYTES_MAX_DEFAULT = 256 * 1024 * 1024;
const SWEEP_INTERVAL_MS = 5_000;
const STOP_GRACE_MS = 1_000;
const NO_TLS: ServerTls = { mode: "disabled", context: () => undefined };

export class RemotingServer<R extends Role> {
  readonly admission: Admission;
  readonly #options: RemotingServerOptions<R>;
  readonly #dispatcher: Dispatcher<R>;
  readonly #connections = new Set<RemotingConnection>();
  readonly #door: Door;
  readonly #listeners: Listener[] = [];
  readonly #log: Log;
  readonly #writers = new WriterPool();
  readonly #requests = new RequestReader(Object.values(REQUESTS));
  readonly #partialFrames: PartialFrames;
  readonly #unread: UnreadBytes;
  readonly #wakefulness: Wakefulness;
  #sweeper: TimerHandle | undefined;
  #stopping = false;
  #onLastGone: (() => void) | undefined;

  constructor(options: RemotingServerOptions<R>) {
    this.#options = options;
    this.#log = options.log;
    this.#partialFrames = new PartialFrames(options.partialBytesMax ?? PARTIAL_BYTES_MAX_DEFAULT);
    this.#unread = new UnreadBytes(options.unreadBytesMax ?? UNREAD_BYTES_MAX_DEFAULT, options.log);
    this.#wakefulness = new Wakefulness(options.runtime.clock, options.awakeMs ?? (() => 0));
    this.admission = new Admission(options.lanes ?? {});
    const { tls = NO_TLS, trustsProxy = () => true } = options;
    this.#door = new Door({ clock: options.runtime.clock, log: options.log, tls, trustsProxy }, () => this.#whenEmpty());
    this.#dispatcher = new Dispatcher({
      clock: options.runtime.clock,
      log: options.log,
      processors: options.processors,
      admission: this.admission,
      access: options.access,
      language: LANGUAGE_OTHER,
      observe: options.observe,
    });
  }

  /** Addresses listened on, in the order of `listen`; empty before `start`. */
  get addresses(): readonly Endpoint[] {
    return this.#listeners.map((listener) => listener.address);
  }

  get connectionCount(): number {
    return this.#connections.size + this.#door.count;
  }

  /** Bytes that slow peers have not read, as of the last write to each. */
  get unreadBytes(): number {
    return this.#unread.bytes;
  }

  /** Listens on all addresses, or on none: rejects with the first fault after closing what was opened. */
  async start(): Promise<readonly Endpoint[]> {
    const { runtime, listen, backlog = 1024 } = this.#options;
    try {
      for (const address of listen) {
        const connectionOptions = this.#connectionOptions(address.fastPort === true);
        const { host, port } = address;
        this.#listeners.push(
          await runtime.net.listen({ host, port, backlog }, (socket) => this.#accept(socket, connectionOptions)),
        );
      }
    } catch (fault) {
      await this.#closeListeners();
      throw fault;
    }
    this.#sweeper = runtime.clock.setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    return this.addresses;
  }

  /**
   * First half of an orderly stop: no new connections; clients that know GO_AWAY are told to go, and `refuse` says what
   * the others may not do any more. Requests under way are answered.
   */
  async drain(refuse: (name: RequestName, row: RequestRow) => RemotingError | undefined): Promise<void> {
    this.#dispatcher.drain(refuse);
    await this.#closeListeners();
  }

  /**
   * Closes all ports, sends what is queued and says FIN on every connection; peers that have not closed theirs after
   * `graceMs` are cut off. Resolves when no connection is left.
   */
  async stop(graceMs = STOP_GRACE_MS): Promise<void> {
    this.#stopping = true;
    this.#sweeper?.cancel();
    await this.#closeListeners();
    if (this.connectionCount === 0) return;
    const allGone = new Promise<void>((resolve) => {
      this.#onLastGone = resolve;
    });
    for (const connection of [...this.#connections]) connection.finish();
    this.#door.closeAll();
    const cutOff = this.#options.runtime.clock.setTimeout(() => {
      for (const connection of [...this.#connections]) connection.close();
    }, graceMs);
    await allGone;
    cutOff.cancel();
  }

  #connectionOptions(fastPort: boolean): ConnectionOptions {
    const { runtime, serializeType, frameBytesMax, writeBytesMax, inFlightBytesMax } = this.#options;
    return {
      clock: runtime.clock,
      log: this.#log,
      onRequest: (connection, command) => this.#dispatcher.dispatch(connection, command, fastPort),
      onClosed: (connection) => {
        this.#connections.delete(connection);
        this.#whenEmpty();
      },
      language: LANGUAGE_OTHER,
      serializeType: serializeType ?? SERIALIZE_JSON,
      frameBytesMax: frameBytesMax ?? FRAME_BYTES_MAX_DEFAULT,
      writeBytesMax: writeBytesMax ?? WRITE_BYTES_MAX_DEFAULT,
      unread: this.#unread,
      inFlightBytesMax: inFlightBytesMax ?? IN_FLIGHT_BYTES_MAX_DEFAULT,
      writers: this.#writers,
      partialFrames: this.#partialFrames,
      requests: this.#requests,
      wakefulness: this.#wakefulness,
    };
  }

  #accept(socket: Socket, options: ConnectionOptions): SocketHandler {
    if (this.#stopping) socket.destroy();
    return this.#door.enter(socket, (admitted, remote) => {
      const connection = new RemotingConnection(admitted, options, remote);
      if (this.#stopping) connection.close();
      this.#connections.add(connection);
      return connection.handler;
    });
  }

  #whenEmpty(): void {
    if (this.connectionCount === 0) this.#onLastGone?.();
  }

  /** Closes what is silent, and what sends one frame forever. */
  #sweep(): void {
    const now = this.#options.runtime.clock.monotonic();
    const idleMs = (this.#options.idleSeconds?.() ?? IDLE_SECONDS_DEFAULT) * 1000;
    this.#door.sweep(now, idleMs);
    for (const connection of this.#connections) {
      const { lastActiveAt, partialSince } = connection;
      if (now - lastActiveAt > idleMs) {
        connection.close();
      } else if (partialSince !== undefined && now - partialSince > idleMs) {
        this.#log.warn("closing a connection that does not finish its frame", {
          remote: endpointText(connection.remote),
          idleSeconds: idleMs / 1000,
        });
        connection.close();
      }
    }
  }

  async #closeListeners(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }
}
