/**
 * One connection, seen from either end: cuts frames, matches responses to requests, gathers what is written in one turn
 * into one socket write. Knows no role; what arrives as a request goes to the `RequestSink` it was made with.
 *
 * Bounds: a frame by `frameBytesMax`; what waits to be written by `writeBytesMax`. Over half of it no further request is
 * taken, in the middle of a chunk if need be, until the peer has read everything; over it (held requests that were answered
 * meanwhile) the connection is closed: the peer has stopped reading. `unread` bounds the same over all connections. Bodies of
 * requests that are not answered yet by `inFlightBytesMax`: at it no further request is taken until half are answered.
 *
 * A request waits from the arrival of its chunk (`arrivedAt`) until it is taken (`takenAt`): behind others of its chunk, or
 * held back by one of these bounds. What lies in the kernel has not arrived.
 */
import { ByteWriter } from "../../wire/byte_writer.ts";
import { WireError } from "../../wire/errors.ts";
import { FrameSplitter } from "../../wire/frame.ts";
import type { HeaderCodec } from "../../wire/header.ts";
import { hostPortText } from "../../wire/host.ts";
import {
  type ExtFields,
  FLAG_ONEWAY,
  isResponse,
  NO_BODY,
  type RemotingCommand,
  type SerializeType,
} from "../../wire/remoting_command.ts";
import type { Reply, ReplyWriter } from "../../wire/reply_writer.ts";
import type { RequestReader } from "../../wire/request_reader.ts";
import { REQUESTS, type RequestHeaderOf, type RequestName } from "../../wire/requests.ts";
import { decodeCommand, encodeCommand } from "../../wire/serialize.ts";
import { VERSION_CURRENT } from "../../wire/version.ts";
import type { Clock, Endpoint, Log, RuntimeFault, Socket, SocketHandler } from "../runtime.ts";
import { AwaitedReplies, type AwaitedReply } from "./awaited_replies.ts";
import { bounded } from "./bounded.ts";
import { type Peer, type PeerReply, RemotingFault } from "./processor.ts";
import type { UnreadBytes, UnreadPeer } from "./unread_bytes.ts";
import type { Wakefulness } from "./wakefulness.ts";

/** Takes the requests of a connection. Must not throw: what a request causes is answered, not thrown. */
export type RequestSink = (connection: RemotingConnection, command: RemotingCommand) => void;

/** What connections of one server or client share. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly onRequest: RequestSink;
  readonly onClosed: (connection: RemotingConnection) => void;
  /** Language code sent with requests (`LANGUAGES`); responses have that of the dispatcher. */
  readonly language: number;
  /** Serialization of requests; responses use that of their request. */
  readonly serializeType: SerializeType;
  readonly frameBytesMax: number;
  readonly writeBytesMax: number;
  readonly unread: UnreadBytes;
  /** Bytes of bodies of one connection's requests that are under way. */
  readonly inFlightBytesMax: number;
  /** Buffers that connections borrow for one turn. */
  readonly writers: WriterPool;
  readonly partialFrames: PartialFrames;
  /** Signs a request of ours, in place. */
  readonly sign?: ((command: RemotingCommand) => void) | undefined;
  /** Of a server. */
  readonly wakefulness?: Wakefulness;
  /** Reads requests the short way where that is possible; a client, which gets few, has none. */
  readonly requests?: RequestReader;
}

/** Bytes of incomplete frames over all connections that share it; whoever pushes it over the bound is closed. */
export class PartialFrames {
  bytes = 0;
  readonly bytesMax: number;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }
}

/** Keeps a few output buffers, so that idle connections hold none. */
export class WriterPool {
  readonly #free: ByteWriter[] = [];

  take(): ByteWriter {
    return this.#free.pop() ?? new ByteWriter(16_384);
  }

  give(writer: ByteWriter): void {
    writer.reset(WRITER_BYTES_KEPT);
    if (this.#free.length < WRITERS_KEPT) this.#free.push(writer);
  }
}

/** Responses that one turn gathers before they are written without waiting for the turn's end. */
const RESPONSES_FLUSH_BYTES = 512 * 1024;
/**
 * The same of requests. A batch goes on its way at once: the server has it done while the next is made, where several in one
 * write would keep one end waiting for the other. Four senders of batches of 32 KiB: 334,000 instead of 227,000 messages/s.
 */
const REQUESTS_FLUSH_BYTES = 32 * 1024;
/** What is gathered while requests of one chunk are taken waits so long at most: the peer has its next ready when we are done. */
const GATHER_MS_MAX = 0.2;
/** Requests of one chunk between two looks at the clock: a power of two. */
const TAKEN_PER_LOOK = 32;
const WRITERS_KEPT = 8;
const WRITER_BYTES_KEPT = 512 * 1024;

/** What a call may have beside what every call has. */
export interface InvokeOptions {
  readonly extFields?: ExtFields | undefined;
  /** In the place of the connection's own (`LANGUAGES`). */
  readonly language?: number | undefined;
  /** Aborted: nobody waits any more, and what was not written yet is not sent. The call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A request that is written when the peer has read enough of what was sent before. */
interface HeldRequest {
  readonly command: RemotingCommand;
  /** It is written: for one that gets no answer. */
  readonly written?: () => void;
  /** It never will be: the connection is gone. */
  readonly lost?: (fault: RemotingFault) => void;
}

const NOTHING_MORE: InvokeOptions = {};

export class RemotingConnection implements Peer, UnreadPeer {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** Clock.monotonic() of the last byte read or written. */
  lastActiveAt: number;
  /** Clock.monotonic() of the arrival of the request that is being taken, or, of what was held back, of its first byte. */
  arrivedAt: number;
  /** Clock.monotonic() when it is taken, as of the last look: one a chunk, and one each 32 requests. */
  takenAt: number;
  /** When the frame that is not complete began to arrive; undefined when none is. */
  partialSince: number | undefined;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #splitter: FrameSplitter;
  readonly #onFrame = (bytes: Uint8Array, from: number, to: number) => this.#take(bytes, from, to);
  readonly #onTurnEnd = () => this.#flush();
  #writer: ByteWriter | undefined;
  #partialBytes = 0;
  /** What arrived and is not taken while the peer does not read; undefined while requests are taken. */
  #untaken: Uint8Array | undefined;
  /** Bytes of bodies of requests under way. */
  #inFlightBytes = 0;
  /** Requests of the chunk that is, or was last, taken. */
  #taken = 0;
  /** `close` or `finish` was called, or the connection is gone: nothing is taken and nothing written any more. */
  #closing = false;
  /** The socket has said that it is gone. */
  #closed = false;
  /** Why what arrived can't be read. */
  #garbled: string | undefined;
  #nextOpaque = 0;
  #awaited: AwaitedReplies | undefined;
  /** By opaque, oldest first; undefined while there never was one. */
  #held: Map<number, HeldRequest> | undefined;
  #closeCallbacks: (() => void)[] | undefined;
  /** Of those who hold large answers back. */
  #catchUps: (() => void)[] | undefined;

  /** @param remote Whose connection it is, where a PROXY header says so. */
  constructor(socket: Socket, options: ConnectionOptions, remote: Endpoint = socket.remote) {
    this.#socket = socket;
    this.remote = remote;
    this.local = socket.local;
    this.#options = options;
    this.#splitter = new FrameSplitter(options.frameBytesMax);
    this.lastActiveAt = options.clock.monotonic();
    this.arrivedAt = this.lastActiveAt;
    this.takenAt = this.lastActiveAt;
  }

  get name(): string {
    return endpointText(this.remote);
  }

  get unreadBytes(): number {
    return this.#socket.bufferedBytes;
  }

  /** From `close` or `finish` on; a runtime may tell of it a little later. */
  get closed(): boolean {
    return this.#closing;
  }

  caughtUp(): Promise<void> | undefined {
    if (this.#closing || !this.#isBehind()) return undefined;
    return new Promise((resolve) => {
      this.#catchUps ??= [];
      this.#catchUps.push(resolve);
    });
  }

  #tellCaughtUp(): void {
    const catchUps = this.#catchUps;
    this.#catchUps = undefined;
    for (const resolve of catchUps ?? []) resolve();
  }

  /** What the socket of this connection calls. (`closed` is a question of Peer and an event of a socket.) */
  get handler(): SocketHandler {
    return {
      data: (chunk) => this.#data(chunk),
      drained: () => this.#drained(),
      closed: (fault) => this.#gone(fault),
    };
  }

  #data(chunk: Uint8Array): void {
    if (this.#closing) return;
    this.lastActiveAt = this.#options.clock.monotonic();
    if (this.#untaken !== undefined) {
      this.#untaken = joined(this.#untaken, chunk);
      return;
    }
    this.arrivedAt = this.lastActiveAt;
    this.takenAt = this.lastActiveAt;
    this.#cut(chunk);
    this.#options.wakefulness?.took(this, this.#taken, this.arrivedAt);
  }

  /** Takes the frames of `chunk`, as far as the peer reads the answers and those under way have room. */
  #cut(chunk: Uint8Array): void {
    let taken: number;
    this.#taken = 0;
    try {
      taken = this.#splitter.push(chunk, this.#onFrame);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#options.log.warn("closing a connection that does not speak the remoting protocol", {
        remote: endpointText(this.remote),
        reason: error.message,
        begins: printable(chunk),
      });
      this.#garbled = error.message;
      this.close();
      return;
    }
    this.#countPartial(this.#splitter.pendingBytes);
    if (this.#choked() && !this.#closing) {
      this.#untaken = chunk.slice(taken);
      this.#socket.pause();
    }
  }

  #choked(): boolean {
    return this.#isBehind() || this.#inFlightBytes >= this.#options.inFlightBytesMax;
  }

  /** The peer has not read much of what it was sent. */
  #isBehind(): boolean {
    const { writeBytesMax, unread } = this.#options;
    return this.#socket.bufferedBytes > Math.min(writeBytesMax / 2, unread.share);
  }

  /** A request whose body has so many bytes is under way: not answered when its processor returned. */
  hold(bodyBytes: number): void {
    this.#inFlightBytes += bodyBytes;
  }

  /** It is answered. */
  letGo(bodyBytes: number): void {
    this.#inFlightBytes -= bodyBytes;
    if (this.#untaken !== undefined && this.#inFlightBytes <= this.#options.inFlightBytesMax / 2) this.#takeOn();
  }

  /** Takes what was held back, as far as it may be now. */
  #takeOn(): void {
    const untaken = this.#untaken;
    if (untaken === undefined || this.#closing || this.#choked()) return;
    this.#untaken = undefined;
    this.takenAt = this.#options.clock.monotonic();
    this.#cut(untaken);
    if (this.#untaken === undefined && !this.#closing) this.#socket.resume();
  }

  #countPartial(bytes: number): void {
    if (bytes === 0 && this.#partialBytes === 0) return;
    const { partialFrames, log } = this.#options;
    partialFrames.bytes += bytes - this.#partialBytes;
    this.#partialBytes = bytes;
    this.partialSince = bytes === 0 ? undefined : (this.partialSince ?? this.lastActiveAt);
    if (bytes > 0 && partialFrames.bytes > partialFrames.bytesMax) {
      log.warn("closing a connection: too many bytes of incomplete frames", {
        remote: endpointText(this.remote),
        bytes: partialFrames.bytes,
        limit: partialFrames.bytesMax,
      });
      this.close();
    }
  }

  #drained(): void {
    this.lastActiveAt = this.#options.clock.monotonic();
    this.#options.unread.forget(this);
    this.#tellCaughtUp();
    this.#writeHeld();
    this.#takeOn();
  }

  #gone(fault: RuntimeFault | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closing = true;
    this.#untaken = undefined;
    this.#countPartial(0);
    this.#options.unread.forget(this);
    this.#tellCaughtUp();
    if (this.#writer !== undefined) {
      this.#options.writers.give(this.#writer);
      this.#writer = undefined;
    }
    const reason = fault === undefined ? "the connection was closed" : `the connection broke: ${fault.message}`;
    this.#awaited?.fail(() =>
      this.#garbled === undefined
        ? new RemotingFault("closed", `${reason} before ${endpointText(this.remote)} answered`)
        : new RemotingFault("garbled", `what ${endpointText(this.remote)} answered is no RocketMQ remoting: ${this.#garbled}`),
    );
    this.#awaited = undefined;
    const held = [...(this.#held?.values() ?? [])];
    this.#held = undefined;
    for (const { lost } of held) {
      lost?.(new RemotingFault("closed", `${reason} before ${endpointText(this.remote)} read what was sent before`));
    }
    const callbacks = this.#closeCallbacks;
    this.#closeCallbacks = undefined;
    for (const callback of callbacks ?? []) callback();
    this.#options.onClosed(this);
  }

  oneway<N extends RequestName>(name: N, header: RequestHeaderOf<N>, body: Uint8Array = NO_BODY): void {
    this.write(this.#request(name, header, body, FLAG_ONEWAY));
  }

  /**
   * The same, for one who sends more than a peer may read: written once less than half of what a connection may hold is unread.
   * @param timeoutMs to wait for that
   * @returns undefined when it is written at once; else a promise of it, which rejects with a RemotingFault kind closed or
   *   timeout, or the signal's reason: then it is not sent
   */
  onewayInTurn<N extends RequestName>(
    name: N,
    header: RequestHeaderOf<N>,
    body: Uint8Array,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<void> | undefined {
    if (this.#closing) return Promise.reject(this.#notSent(name));
    const command = this.#request(name, header, body, FLAG_ONEWAY);
    if (this.#hasRoom(body.length)) {
      this.write(command);
      return undefined;
    }
    const late = () => this.#unread(name, timeoutMs);
    const givenUp = () => this.#held?.delete(command.opaque);
    return bounded(this.#options.clock, { timeoutMs, late, signal, givenUp }, (resolve, reject) => {
      this.#hold(command, { written: resolve, lost: reject });
    });
  }

  invoke<N extends RequestName>(
    name: N,
    header: RequestHeaderOf<N>,
    body: Uint8Array | undefined,
    timeoutMs: number,
    { extFields, language, signal }: InvokeOptions = NOTHING_MORE,
  ): Promise<PeerReply> {
    if (this.#closing) return Promise.reject(this.#notSent(name));
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const command = this.#request(name, header, body ?? NO_BODY, 0, extFields, language);
    const { clock } = this.#options;
    const deadline = clock.monotonic() + timeoutMs;
    return new Promise((resolve, reject) => {
      this.#awaited ??= new AwaitedReplies(clock, endpointText(this.remote));
      const call = { resolve, reject, name, timeoutMs, deadline };
      const room = this.#hasRoom(command.body.length);
      if (room && signal === undefined) {
        this.#awaited.add(command.opaque, call);
        this.write(command);
        return;
      }
      this.#awaited.add(command.opaque, this.#forgetful(command.opaque, call, signal));
      if (room) this.write(command);
      else this.#hold(command, {});
    });
  }

  /** The same call; what is held of it goes when it is over, and the signal ends it. */
  #forgetful(opaque: number, call: AwaitedReply, signal: AbortSignal | undefined): AwaitedReply {
    const abort = () => {
      this.#awaited?.take(opaque);
      this.#held?.delete(opaque);
      call.reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    return {
      ...call,
      resolve: (reply) => {
        signal?.removeEventListener("abort", abort);
        call.resolve(reply);
      },
      reject: (fault) => {
        signal?.removeEventListener("abort", abort);
        const held = this.#held?.delete(opaque) === true;
        call.reject(held && fault.kind === "timeout" ? this.#unread(call.name, call.timeoutMs) : fault);
      },
    };
  }

  #notSent(name: RequestName): RemotingFault {
    return new RemotingFault("closed", `${name} was not sent: the connection to ${endpointText(this.remote)} is closed`);
  }

  #unread(name: string, timeoutMs: number): RemotingFault {
    const peer = endpointText(this.remote);
    return new RemotingFault("timeout", `${name} was not sent: ${peer} did not read what was sent before within ${timeoutMs} ms`);
  }

  /**
   * True when a request of ours with such a body may be written now. Half of what the connection may hold is for them, so that
   * they never close it; one that is larger alone goes when nothing else is unread. Nobody overtakes what is held.
   */
  #hasRoom(bodyBytes: number): boolean {
    if (this.#held !== undefined && this.#held.size > 0) return false;
    const { bufferedBytes } = this.#socket;
    return bufferedBytes === 0 || bufferedBytes + bodyBytes <= this.#options.writeBytesMax / 2;
  }

  /** Until `drained`, which comes: something is unread. */
  #hold(command: RemotingCommand, callbacks: Omit<HeldRequest, "command">): void {
    this.#held ??= new Map();
    this.#held.set(command.opaque, { command, ...callbacks });
  }

  #writeHeld(): void {
    if (this.#held === undefined) return;
    const held = this.#held;
    this.#held = undefined;
    for (const [opaque, { command, written }] of held) {
      if (!this.#hasRoom(command.body.length)) break;
      held.delete(opaque);
      this.write(command);
      written?.();
    }
    if (held.size > 0) this.#held = held;
  }

  onClose(callback: () => void): void {
    if (this.#closed) {
      callback();
      return;
    }
    this.#closeCallbacks ??= [];
    this.#closeCallbacks.push(callback);
  }

  close(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  /** Sends what is queued, then closes: for a server that stops. */
  finish(): void {
    this.#flush();
    this.#closing = true;
    this.#socket.end();
  }

  /** Appends a command to what this turn writes. */
  write(command: RemotingCommand): void {
    if (this.#closing) return;
    encodeCommand(command, this.#output());
    this.#flushFrom(REQUESTS_FLUSH_BYTES);
  }

  /** Appends the response to `request` to what this turn writes. @param codec of the reply's header */
  respond(
    replies: ReplyWriter,
    request: Pick<RemotingCommand, "opaque" | "serializeType">,
    reply: Reply,
    codec: HeaderCodec<object> | undefined,
  ): void {
    if (this.#closing) return;
    replies.write(this.#output(), request, reply, codec);
    this.#flushFrom(RESPONSES_FLUSH_BYTES);
  }

  #output(): ByteWriter {
    if (this.#writer === undefined) {
      this.#writer = this.#options.writers.take();
      queueMicrotask(this.#onTurnEnd);
    }
    return this.#writer;
  }

  #flushFrom(bytes: number): void {
    if (this.#writer !== undefined && this.#writer.length >= bytes) this.#flush();
  }

  #flush(): void {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#writer = undefined;
    if (!this.#closing) {
      this.lastActiveAt = this.#options.clock.monotonic();
      this.#socket.write(writer.written());
      this.#bound();
    }
    this.#options.writers.give(writer);
  }

  #bound(): void {
    const { bufferedBytes } = this.#socket;
    const { writeBytesMax, unread, log } = this.#options;
    if (bufferedBytes <= writeBytesMax) {
      if (bufferedBytes > unread.slowBytes) unread.note(this);
      return;
    }
    log.warn("closing a connection whose peer stopped reading", {
      remote: endpointText(this.remote),
      unreadBytes: bufferedBytes,
      limit: writeBytesMax,
    });
    this.close();
  }

  /** False: take no more for now. */
  #take(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.#closing) return false;
    if (++this.#taken % TAKEN_PER_LOOK === 0 || this.#writer !== undefined) this.#look();
    const command = this.#options.requests?.read(bytes, from, to) ?? decodeCommand(bytes, from, to);
    if (isResponse(command)) this.#settle(command);
    else this.#options.onRequest(this, command);
    return !this.#choked();
  }

  /** Requests that are answered as they are taken, such as pulls of what a filter lets pass, may take a while. */
  #look(): void {
    const now = this.#options.clock.monotonic();
    this.takenAt = now;
    if (now - this.lastActiveAt > GATHER_MS_MAX) this.#flush();
  }

  /** A response that nobody waits for (any more) is passed over, as in Apache. */
  #settle(command: RemotingCommand): void {
    const call = this.#awaited?.take(command.opaque);
    if (call === undefined) return;
    const { code, remark, extFields, version } = command;
    call.resolve({ code, remark, extFields, version, body: command.body.length === 0 ? NO_BODY : command.body.slice() });
  }

  #request<N extends RequestName>(
    name: N,
    header: RequestHeaderOf<N>,
    body: Uint8Array,
    flag: number,
    extraFields?: ExtFields,
    language = this.#options.language,
  ): RemotingCommand {
    const row = REQUESTS[name];
    const opaque = this.#nextOpaque;
    this.#nextOpaque = (opaque + 1) & 0x7fff_ffff;
    const command: RemotingCommand = {
      code: row.code,
      language,
      version: VERSION_CURRENT,
      opaque,
      flag,
      remark: undefined,
      extFields: row.request.encode(header as never, extraFields === undefined ? {} : { ...extraFields }),
      body,
      serializeType: this.#options.serializeType,
    };
    this.#options.sign?.(command);
    return command;
  }
}

export const endpointText = ({ host, port }: Endpoint): string => hostPortText(host, port);

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** The first bytes of what arrived, for the log: text where it is text. */
function printable(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes.subarray(0, 16)) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
  return text;
}
