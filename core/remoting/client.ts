/**
 * The calling side: one connection an address, opened when it is needed and closed after long silence. It owns
 * connections; which address to call, and what to do when nobody answers, is the caller's.
 */
import { FRAME_BYTES_MAX_DEFAULT } from "../../wire/frame.ts";
import {
  LANGUAGE_OTHER,
  NO_BODY,
  type RemotingCommand,
  SERIALIZE_JSON,
  type SerializeType,
} from "../../wire/remoting_command.ts";
import type { RequestHeaderOf, RequestName, Role } from "../../wire/requests.ts";
import type { Log, Runtime, RuntimeFault, Socket, SocketHandler, TimerHandle, TlsContext } from "../runtime.ts";
import { Admission } from "./admission.ts";
import { bounded } from "./bounded.ts";
import { type ConnectionOptions, type InvokeOptions, PartialFrames, RemotingConnection, WriterPool } from "./connection.ts";
import { Dispatcher } from "./dispatcher.ts";
import { type PeerReply, type ProcessorMap, RemotingFault } from "./processor.ts";
import { UnreadBytes } from "./unread_bytes.ts";

export interface RemotingClientOptions<R extends Role> {
  readonly runtime: Runtime;
  readonly log: Log;
  /** Answers what the other side asks on our connections; without it such requests are refused. */
  readonly processors?: ProcessorMap<R>;
  readonly serializeType?: SerializeType;
  readonly language?: number;
  /** Signs each request, in place, before it is sent. */
  readonly sign?: ((command: RemotingCommand) => void) | undefined;
  readonly connectTimeoutMs?: number;
  readonly idleSeconds?: number;
  /** Asked at each connect; undefined: a plain connection. */
  readonly tls?: () => TlsContext | undefined;
  /** A connection to that address is closed, by whomever: what the other side knew of it may be forgotten there. */
  readonly onClosed?: (address: string) => void;
}

const CONNECT_TIMEOUT_MS_DEFAULT = 3_000;
const ONEWAY_TIMEOUT_MS_DEFAULT = 10_000;
const IDLE_SECONDS_DEFAULT = 120;
const SWEEP_INTERVAL_MS = 10_000;
/** Time for the answers that a connection given up still owes. */
const LEFT_OPEN_MS = 10_000;
/** What servers have not read at most, each. Requests keep to half of it; the rest is for what nobody waits with. */
const WRITE_BYTES_MAX = 64 * 1024 * 1024;

export class RemotingClient<R extends Role = "client"> {
  readonly #options: RemotingClientOptions<R>;
  readonly #connectionOptions: ConnectionOptions;
  readonly #connections = new Map<string, Promise<RemotingConnection>>();
  /** Those of them that are open: a call on one waits for nothing. */
  readonly #open = new Map<string, RemotingConnection>();
  /** Given up, until they are closed. */
  readonly #leaving = new Map<RemotingConnection, TimerHandle>();
  /** Rejects a call that waits for a connection, each. */
  readonly #connecting = new Set<() => void>();
  #sweeper: TimerHandle | undefined;
  #stopped = false;

  constructor(options: RemotingClientOptions<R>) {
    this.#options = options;
    const { runtime, log, serializeType = SERIALIZE_JSON, language = LANGUAGE_OTHER } = options;
    const dispatcher = new Dispatcher<R>({
      clock: runtime.clock,
      log,
      processors: options.processors ?? ({} as ProcessorMap<R>),
      admission: new Admission({}),
      language,
    });
    this.#connectionOptions = {
      clock: runtime.clock,
      log,
      onRequest: (connection, command) => dispatcher.dispatch(connection, command, false),
      onClosed: (connection) => this.#forget(connection),
      language,
      serializeType,
      frameBytesMax: FRAME_BYTES_MAX_DEFAULT,
      writeBytesMax: WRITE_BYTES_MAX,
      unread: new UnreadBytes(Number.POSITIVE_INFINITY, log),
      inFlightBytesMax: Number.POSITIVE_INFINITY,
      writers: new WriterPool(),
      partialFrames: new PartialFrames(Number.POSITIVE_INFINITY),
      sign: options.sign,
    };
  }

  /**
   * Calls `address` (`host:port`, `[v6]:port`) and waits for its answer, whatever its code.
   * @throws RemotingFault kind connect, closed or timeout; `timeoutMs` covers connecting, waiting until the other side reads, and
   *   answering. The signal's reason.
   */
  invoke<N extends RequestName>(
    address: string,
    name: N,
    header: RequestHeaderOf<N>,
    body: Uint8Array | undefined,
    timeoutMs: number,
    options?: InvokeOptions,
  ): Promise<PeerReply> {
    const open = this.#open.get(address);
    return open === undefined
      ? this.#connectAndInvoke(address, name, header, body, timeoutMs, options)
      : open.invoke(name, header, body, timeoutMs, options);
  }

  async #connectAndInvoke<N extends RequestName>(
    address: string,
    name: N,
    header: RequestHeaderOf<N>,
    body: Uint8Array | undefined,
    timeoutMs: number,
    options: InvokeOptions | undefined,
  ): Promise<PeerReply> {
    const { connection, leftMs } = await this.#connectedWithin(address, name, timeoutMs, options?.signal);
    return connection.invoke(name, header, body, leftMs, options);
  }

  /**
   * Opening has time-outs of its own, one an address that a name stands for; who calls waits no longer than for its call.
   * @returns what is left of `timeoutMs`, too
   */
  #connectedWithin(
    address: string,
    name: RequestName,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<{ connection: RemotingConnection; leftMs: number }> {
    const { clock } = this.#options.runtime;
    const startedAt = clock.monotonic();
    const late = () => new RemotingFault("timeout", `no connection to ${address} within the ${timeoutMs} ms for ${name}`);
    let stop = () => {};
    const waits = bounded<{ connection: RemotingConnection; leftMs: number }>(
      clock,
      { timeoutMs, late, signal },
      (resolve, reject) => {
        stop = () => reject(this.#notConnecting(address));
        this.connection(address).then((connection) => {
          const leftMs = timeoutMs - (clock.monotonic() - startedAt);
          if (leftMs > 0) resolve({ connection, leftMs });
          else reject(new RemotingFault("timeout", `connecting to ${address} took all of the ${timeoutMs} ms for ${name}`));
        }, reject);
      },
    );
    this.#connecting.add(stop);
    return waits.finally(() => this.#connecting.delete(stop));
  }

  /** Nobody calls `address` any more: its connection is closed when calls under way had time to be answered. */
  giveUp(address: string): void {
    this.#open.delete(address);
    const opening = this.#connections.get(address);
    this.#connections.delete(address);
    opening?.then(
      (connection) => {
        if (connection.closed || this.#leaving.has(connection)) return;
        this.#leaving.set(
          connection,
          this.#options.runtime.clock.setTimeout(() => connection.close(), this.#stopped ? 0 : LEFT_OPEN_MS),
        );
      },
      () => {},
    );
  }

  /**
   * Sends a request that gets no answer, once the other side has read enough of what was sent before: settles when it is on its way.
   * @param timeoutMs for connecting and that. @throws as `invoke`
   */
  async oneway<N extends RequestName>(
    address: string,
    name: N,
    header: RequestHeaderOf<N>,
    body: Uint8Array = NO_BODY,
    timeoutMs = ONEWAY_TIMEOUT_MS_DEFAULT,
    signal?: AbortSignal,
  ): Promise<void> {
    signal?.throwIfAborted();
    let connection = this.#open.get(address);
    let leftMs = timeoutMs;
    if (connection === undefined) ({ connection, leftMs } = await this.#connectedWithin(address, name, timeoutMs, signal));
    await connection.onewayInTurn(name, header, body, leftMs, signal);
  }

  /** The connection to `address`, opened when there is none. Calls at the same time share one attempt. */
  connection(address: string): Promise<RemotingConnection> {
    const known = this.#connections.get(address);
    if (known !== undefined) return known;
    if (this.#stopped) return Promise.reject(this.#notConnecting(address));
    this.#sweeper ??= this.#options.runtime.clock.setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    const opening = this.#connect(address);
    this.#connections.set(address, opening);
    opening.then(
      (connection) => {
        if (this.#connections.get(address) === opening && !connection.closed) this.#open.set(address, connection);
      },
      () => {
        if (this.#connections.get(address) === opening) this.#connections.delete(address);
      },
    );
    return opening;
  }

  #notConnecting(address: string): RemotingFault {
    return new RemotingFault("closed", `not connecting to ${address}: this client is stopped`);
  }

  /** Closes all connections; calls under way are rejected, also those that wait for a connection. */
  stop(): void {
    this.#stopped = true;
    this.#sweeper?.cancel();
    for (const reject of this.#connecting) reject();
    for (const opening of [...this.#connections.values()]) {
      opening.then(
        (connection) => {
          connection.finish();
          connection.close();
        },
        () => {},
      );
    }
    for (const connection of this.#leaving.keys()) connection.close();
    this.#connections.clear();
    this.#open.clear();
  }

  async #connect(address: string): Promise<RemotingConnection> {
    const { runtime, connectTimeoutMs = CONNECT_TIMEOUT_MS_DEFAULT, tls } = this.#options;
    const { host, port } = splitAddress(address);
    let hosts: readonly string[];
    try {
      hosts = await runtime.dns.resolve(host);
    } catch (fault) {
      throw new RemotingFault(
        "connect",
        `cannot connect to ${address}: the name can't be resolved (${(fault as Error).message})`,
      );
    }
    const context = tls?.();
    let lastFault: RuntimeFault | undefined;
    for (const candidate of hosts) {
      if (this.#stopped) throw this.#notConnecting(address);
      try {
        const link = new LateHandler();
        const socket = await runtime.net.connect({ host: candidate, port, timeoutMs: connectTimeoutMs }, link);
        if (context !== undefined) return await this.#secure(socket, link, context, connectTimeoutMs);
        const connection = new RemotingConnection(socket, this.#connectionOptions);
        link.bind(connection.handler);
        return connection;
      } catch (fault) {
        lastFault = fault as RuntimeFault;
      }
    }
    // What was tried on what is in the fault itself; it names an address, which says it all unless a name was asked for.
    const reason = lastFault?.message ?? "the name has no address";
    throw new RemotingFault(
      "connect",
      lastFault !== undefined && hosts.includes(host) ? reason : `cannot connect to ${address}: ${reason}`,
    );
  }

  /** The handshake on a connection that was just made. */
  #secure(socket: Socket, link: LateHandler, context: TlsContext, timeoutMs: number): Promise<RemotingConnection> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.runtime.clock.setTimeout(() => socket.destroy(), timeoutMs);
      const handler = context.wrap(socket, {
        established: (secure) => {
          timer.cancel();
          const connection = new RemotingConnection(secure, this.#connectionOptions);
          resolve(connection);
          return connection.handler;
        },
        failed: (fault) => {
          timer.cancel();
          reject(fault);
        },
      });
      link.bind(handler);
    });
  }

  #forget(connection: RemotingConnection): void {
    this.#leaving.get(connection)?.cancel();
    this.#leaving.delete(connection);
    for (const [address, open] of this.#open) {
      if (open !== connection) continue;
      this.#open.delete(address);
      this.#options.onClosed?.(address);
    }
    for (const [address, opening] of this.#connections) {
      opening.then(
        (known) => {
          if (known === connection && this.#connections.get(address) === opening) this.#connections.delete(address);
        },
        () => {},
      );
    }
  }

  #sweep(): void {
    const now = this.#options.runtime.clock.monotonic();
    const idleMs = (this.#options.idleSeconds ?? IDLE_SECONDS_DEFAULT) * 1000;
    for (const opening of this.#connections.values()) {
      opening.then(
        (connection) => {
          if (now - connection.lastActiveAt > idleMs) connection.close();
        },
        () => {},
      );
    }
  }
}

/** A socket's handler must exist before the socket does; this one passes everything on once the connection is made. */
class LateHandler implements SocketHandler {
  #target: SocketHandler | undefined;
  #closedBefore: { fault: RuntimeFault | undefined } | undefined;

  bind(target: SocketHandler): void {
    this.#target = target;
    if (this.#closedBefore !== undefined) target.closed(this.#closedBefore.fault);
  }

  data(chunk: Uint8Array): void {
    this.#target?.data(chunk);
  }

  drained(): void {
    this.#target?.drained?.();
  }

  closed(fault?: RuntimeFault): void {
    if (this.#target === undefined) this.#closedBefore = { fault };
    else this.#target.closed(fault);
  }
}

/** `host:port`, `[v6]:port` or `v6:port` (as Java prints it: the last colon separates). */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RemotingFault("connect", `"${address}" is not host:port with a port of 1..65535`);
  }
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port };
}
