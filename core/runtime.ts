/**
 * The port: everything core may ask of the world. Types only.
 *
 * An adapter (`adapters/bun.ts`, `adapters/deno.ts`, `adapters/node.ts`, `adapters/sim/`) exports one function that makes a `Runtime`; core gets
 * it through constructors and never names a runtime. An adapter translates calls and knows nothing of RocketMQ.
 *
 * Two rules hold throughout:
 * - bytes handed to a callback (`SocketHandler.data`) are valid until the callback returns: whoever keeps them copies;
 * - bytes handed to a call (`Socket.write`, `FileHandle.write`) are valid until the call returns if it is synchronous
 *   (an adapter that must keep them copies), and until the promise settles if it is not.
 */
export interface Runtime {
  readonly name: "bun" | "deno" | "node" | "sim";
  readonly net: Net;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
  readonly compression: Compression;
  readonly system: System;
  readonly dns: Dns;
  /** Absent where a runtime has none (the simulator): then no certificate is made or read, and TLS is refused in words. */
  readonly tls?: Tls;
  /** Where there is none (the simulator), what needs it says so at start. */
  readonly http?: Http;
  /** The same, for requests of ours. */
  readonly httpClient?: HttpClient;
  /** Where there are none (the simulator), what would be given to one is done on the event loop. */
  readonly threads?: Threads;
}

// ---------------------------------------------------------------------------------------------------------- sockets

export interface Net {
  /** Rejects with `RuntimeFault` code `EADDRINUSE`, `EADDRNOTAVAIL` or `EACCES` when the address can't be had. */
  listen(options: ListenOptions, accept: (socket: Socket) => SocketHandler): Promise<Listener>;
  /** Rejects with `RuntimeFault` (`ECONNREFUSED`, `ETIMEDOUT` …) when no connection is made within `timeoutMs`. */
  connect(options: ConnectOptions, handler: SocketHandler): Promise<Socket>;
}

export interface ListenOptions {
  /** An IPv4 or IPv6 literal, `0.0.0.0` or `::`. */
  readonly host: string;
  /** 0 asks for a free one. */
  readonly port: number;
  readonly backlog?: number;
}

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}

export interface Listener {
  readonly address: Endpoint;
  /** Stops accepting; accepted sockets live on. */
  close(): Promise<void>;
}

export interface Endpoint {
  /** An IP literal without brackets; an IPv4 address mapped into IPv6 appears as IPv4. */
  readonly host: string;
  readonly port: number;
}

export interface Socket {
  readonly remote: Endpoint;
  /** The local address of this very connection, not of the listener. */
  readonly local: Endpoint;
  /** Bytes that `write` took and the kernel has not. The owner bounds it: stop writing, or destroy. */
  readonly bufferedBytes: number;
  /** Queues all of `bytes` in order. After `end` or `destroy` it does nothing. Never throws. */
  write(bytes: Uint8Array): void;
  /** Half-close: sends what is queued, then FIN. Reading goes on. */
  end(): void;
  /** Closes at once; what is queued is dropped. `closed` is called once, later. */
  destroy(): void;
  /** No further `data` until `resume`, so the peer's window fills (the pause may let one chunk already read through). */
  pause(): void;
  resume(): void;
}

export interface SocketHandler {
  /** `chunk` is valid until the callback returns. */
  data(chunk: Uint8Array): void;
  /** `bufferedBytes` fell to 0 after having been above 0. */
  drained?(): void;
  /** The peer sent FIN. Without this callback the adapter ends our side too. */
  ended?(): void;
  /** Once, last of all callbacks. `fault` is absent on an orderly close. */
  closed(fault?: RuntimeFault): void;
}

// -------------------------------------------------------------------------------------------------------------- TLS

/** TLS over sockets that are there already, so that one port serves both kinds and plain sockets stay as they are. */
export interface Tls {
  /** @throws RuntimeFault `EINVAL` when certificate, key, authorities or names can't be used; the message says which. */
  server(options: TlsServerOptions): TlsContext;
  /** @throws as `server` */
  client(options: TlsClientOptions): TlsContext;
  /** A key pair and a certificate that it signed itself, for `commonName`, valid from a day before `now` (ms) for ten years. */
  selfSigned(commonName: string, now: number): Promise<TlsIdentity>;
}

export interface TlsIdentity {
  /** PEM, one's own first, then the chain. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** Of an encrypted key. */
  readonly keyPassword?: string | undefined;
}

export interface TlsLimits {
  /** IANA names, best first; the runtime's own choice when left out. Deno takes no choice. */
  readonly ciphers?: readonly string[] | undefined;
  /** `TLSv1.2`, `TLSv1.3` …: from the oldest to the newest of these. */
  readonly protocols?: readonly string[] | undefined;
}

export interface TlsServerOptions extends TlsLimits {
  readonly identity: TlsIdentity;
  /** Whether the client is asked for a certificate, and refused without one. */
  readonly clientAuth: "none" | "optional" | "require";
  /** Whether a certificate that a client shows must be good; else any will do. */
  readonly verifyClient: boolean;
  /** PEM; the runtime's own authorities when left out. */
  readonly authorities?: string | undefined;
}

export interface TlsClientOptions extends TlsLimits {
  readonly identity?: TlsIdentity | undefined;
  /** Whether the server's certificate must be signed by one of `authorities`; as in Apache, for which name does not matter. */
  readonly verifyServer: boolean;
  readonly authorities?: string | undefined;
}

export interface TlsContext {
  /**
   * Begins the handshake on a plain socket. @returns what gets that socket's events from now on. A server feeds it the
   * bytes that it has already. It sets no time limit: destroy `socket` to give up. There is no half-close: when the peer ends, what
   * is queued is sent, and our side ends soon after.
   */
  wrap(socket: Socket, events: TlsEvents): SocketHandler;
}

export interface TlsEvents {
  /** Once, when the handshake is over and the peer's certificate passed: the socket of clear text. */
  established(socket: Socket): SocketHandler;
  /** Once, instead of `established`: why there is none. The plain socket is closed, or about to be. */
  failed(fault: RuntimeFault): void;
}

// ------------------------------------------------------------------------------------------------------------- HTTP

/** A small HTTP server for operators: metrics, health. Not a way for messages. */
export interface Http {
  /**
   * Serves HTTP/1.1. The adapter bounds what a client can hold: connections, header bytes, time for a request; a request's
   * body is not read. A handler that throws is a reply 500.
   * @returns a listener whose `close` ends the connections as well. Rejects as `Net.listen` does.
   */
  serve(options: ListenOptions, handle: (request: HttpRequest) => HttpReply | Promise<HttpReply>): Promise<Listener>;
}

/** Requests to operators' end points: a list of nameservers, a collector of metrics. Not a way for messages. */
export interface HttpClient {
  /** @throws RuntimeFault `ETIMEDOUT`, `EMSGSIZE` over `bytesMax`, else `ECONNREFUSED`; the message names the url. */
  request(call: HttpCall): Promise<{ readonly status: number; readonly body: Uint8Array }>;
}

export interface HttpCall {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** For all of it, the answer's body included. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly bytesMax: number;
}

export interface HttpRequest {
  /** Upper case: GET, HEAD, POST … */
  readonly method: string;
  /** Without query, as sent: `/metrics`. */
  readonly path: string;
  /** Values by lower-case name; several of one name are joined by ", ". */
  readonly headers: ReadonlyMap<string, string>;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

// ------------------------------------------------------------------------------------------------------------ files

/** A failure of the world, found by `code` (`ENOSPC`, `EIO`, `ENOENT`, `EEXIST`, `ECONNRESET`, `ELOCKED` …). */
export interface RuntimeFault extends Error {
  readonly code: string;
}

/** Paths are absolute, or relative to the process's directory; `/` separates. All failures are `RuntimeFault`s. */
export interface Files {
  open(path: string, options?: OpenOptions): FileHandle;
  exists(path: string): boolean;
  /** Undefined when there is nothing at `path`. */
  stat(path: string): FileStat | undefined;
  /** Names in the directory, sorted; empty when it does not exist. */
  list(path: string): string[];
  makeDirectory(path: string): void;
  rename(from: string, to: string): void;
  /** A file; silent when absent. */
  remove(path: string): void;
  /** A directory with all below it; silent when absent. */
  removeTree(path: string): void;
  /** Makes entries (creation, rename, removal) in this directory durable. */
  syncDirectory(path: string): void;
  /** As `syncDirectory`, off the event loop. */
  syncDirectoryLater(path: string): Promise<void>;
  /**
   * Gives the file at `path` this size, and makes it when it is absent: zeros, sparse; content that is there stays. Size and
   * directory entry are durable when the promise settles. Off the event loop; after a rejection the file may be there.
   */
  createSparse(path: string, size: number): Promise<void>;
  /** The whole file, or undefined when absent. For configuration, not for logs. */
  read(path: string): Uint8Array | undefined;
  /**
   * Creates or replaces the file's content; with `sync` its bytes are on the disk on return. A file that is made with
   * `private` is readable by its owner only, where the system knows owners.
   */
  write(path: string, bytes: Uint8Array, options?: { sync?: boolean; private?: boolean }): void;
  /**
   * An exclusive lock that the kernel holds for this process and drops when it dies. Throws `ELOCKED` when another
   * process, or another `lock` in this one, holds it. The file is created and keeps its content.
   */
  lock(path: string): FileLock;
  /** Of the file system that holds `path`. */
  diskSpace(path: string): DiskSpace;
}

export interface OpenOptions {
  /** Create when absent (default false: ENOENT). */
  readonly create?: boolean;
  readonly readOnly?: boolean;
}

export interface FileStat {
  readonly kind: "file" | "directory";
  readonly size: number;
  readonly modifiedMs: number;
  /** Bytes that the file takes on the disk, its holes not counted; undefined where the system does not say. */
  readonly allocatedBytes?: number | undefined;
}

export interface FileLock {
  release(): void;
}

export interface DiskSpace {
  readonly totalBytes: number;
  /** What a process without privileges may still have. */
  readonly freeBytes: number;
  /** What files have. With `freeBytes` less than the total where some is reserved. */
  readonly usedBytes: number;
}

/** Of a part of a file, from the page on that it begins with. */
export interface PagesInMemory {
  readonly pageBytes: number;
  /** A byte a page, odd when the page is in memory. */
  readonly pages: Uint8Array;
}

/** Positional I/O; there is no cursor. Writing past the end extends the file with zeros (sparse). */
export interface FileHandle {
  readonly path: string;
  /** Reads up to `target.length` bytes and returns how many; 0 at the end. */
  readSync(target: Uint8Array, position: number): number;
  /**
   * As `readSync`, of what the system holds in memory, without waiting for the disk: -1 when the first byte is not there, or
   * the runtime can't tell; fewer than there are when the disk would have to be asked for the rest. A fault reads as -1.
   */
  readCached(target: Uint8Array, position: number): number;
  /**
   * Which pages of `[position, position + length)` the system holds in memory; none is read for it. Undefined when the runtime
   * can't tell. It costs some 10 us a MiB.
   * @param position a multiple of the size of a page; one of 65,536 always is
   */
  pagesInMemory(position: number, length: number): PagesInMemory | undefined;
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`, or throws. */
  writeSync(bytes: Uint8Array, position: number): void;
  write(bytes: Uint8Array, position: number): Promise<void>;
  dataSyncSync(): void;
  /** fdatasync off the event loop. */
  dataSync(): Promise<void>;
  truncate(size: number): void;
  size(): number;
  close(): void;
}

// ---------------------------------------------------------------------------------------------------------- threads

export interface Threads {
  /** Runs `module`, whose default export is a `ThreadMain`, on a thread of its own, which keeps no process alive. */
  start(module: URL, events: ThreadEvents): Thread;
}

export interface Thread {
  /** Copies `message` there, as the structured clone does; the buffers of `transfer` move, and are empty here. */
  post(message: object, transfer: readonly ArrayBuffer[]): void;
  /** Ends it, in the middle of what it does; no event comes any more. Settles when it has ended. */
  stop(): Promise<void>;
}

export interface ThreadEvents {
  message(message: unknown): void;
  /** It could not be started, or it threw: it has ended. At most once. */
  failed(fault: Error): void;
}

/** What a module is called with on its thread, once. @returns what takes the messages, in order */
export type ThreadMain = (side: ThreadSide) => (message: unknown) => void;

export interface ThreadSide {
  readonly files: Pick<Files, "open">;
  /** As `Thread.post`, the other way. */
  readonly post: (message: object, transfer: readonly ArrayBuffer[]) => void;
}

// ------------------------------------------------------------------------------------------------------------- time

export interface Clock {
  /** Wall clock, ms since 1970. May jump. */
  now(): number;
  /** Monotonic, ms with a fraction, from an arbitrary start. Time-outs and liveness use this one. */
  monotonic(): number;
  setTimeout(callback: () => void, ms: number): TimerHandle;
  setInterval(callback: () => void, ms: number): TimerHandle;
  /**
   * After all I/O callbacks of this turn of the event loop: where group commit and batched replies happen. A host may take a turn
   * for over after the chunk of a socket that has been the only one to speak for a while.
   */
  afterTurn(callback: () => void): void;
  /**
   * Work is expected within `ms`, a fraction of one: until then the event loop looks for it and does not let its core sleep.
   * Absent where time is not real.
   */
  stayAwake?(ms: number): void;
}

/** A pending timer never keeps the process alive by itself; sockets do. */
export interface TimerHandle {
  cancel(): void;
}

// ------------------------------------------------------------------------------------------------------- the rest

export interface Random {
  /** 0 ≤ n < bound, bound ≤ 2^31. */
  below(bound: number): number;
  bytes(length: number): Uint8Array;
}

export interface Digest {
  /** Standard CRC-32 (IEEE), unsigned. */
  crc32(bytes: Uint8Array): number;
  hmacSha1(key: Uint8Array, bytes: Uint8Array): Uint8Array;
  md5(bytes: Uint8Array): Uint8Array;
}

export interface Compression {
  /** zlib (RFC 1950). */
  deflate(bytes: Uint8Array, level: number): Uint8Array;
  /** Throws when the result would exceed `bytesMax`. */
  inflate(bytes: Uint8Array, bytesMax: number): Uint8Array;
  /** What writes one LZ4 frame. Later, as who never asks for it does without its 5 MiB. */
  lz4Writer(): Promise<(bytes: Uint8Array) => Uint8Array>;
  /** Throws `EMSGSIZE` when the result would exceed `bytesMax`, `EBADMSG` for bytes that are no LZ4 frame. */
  readLz4(bytes: Uint8Array, bytesMax: number): Uint8Array;
  /** One ZSTD frame, level 1..22. Absent where there is no compressor (Node before 22.15, the simulator). */
  readonly writeZstd?: ((bytes: Uint8Array, level: number) => Uint8Array) | undefined;
  /** Throws as `readLz4`. */
  readZstd(bytes: Uint8Array, bytesMax: number): Uint8Array;
}

export interface System {
  readonly pid: number;
  hostName(): string;
  /** Interfaces that are up, loopback included. */
  interfaces(): NetworkInterface[];
  memory(): { totalBytes: number; residentBytes: number };
  cpuCount(): number;
  environment(name: string): string | undefined;
  homeDirectory(): string;
  /** Minutes to add to UTC for local time at `ms` (deleteWhen and index file names are local time). */
  utcOffsetMinutes(ms: number): number;
  /** Names this running of the kernel: another one after every boot. Absent, or undefined, where that can't be told. */
  bootId?(): string | undefined;
}

export interface NetworkInterface {
  readonly name: string;
  readonly host: string;
  readonly family: 4 | 6;
  readonly loopback: boolean;
}

export interface Dns {
  /** IP literals of `hostName`; rejects with `ENOTFOUND`. An IP literal resolves to itself. */
  resolve(hostName: string): Promise<string[]>;
}

// -------------------------------------------------------------------------------------------------------------- log

/** One line a fact. `fields` are appended as `key=value`. Handed in beside the runtime; never module state. */
export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, string | number | boolean | bigint | undefined>>;
