/**
 * From a request to its response: look-up by code, admission, access, header, processor, and the one place that turns a value or
 * a RemotingError into a reply.
 *
 * Between taking a frame and the processor's synchronous part there is no `await`: a SEND fixes its offset in the turn in
 * which it arrived.
 */
import { WireError } from "../../wire/errors.ts";
import {
  type ExtFields,
  isOneway,
  type RemotingCommand,
  SERIALIZE_ROCKETMQ,
  type SerializeType,
} from "../../wire/remoting_command.ts";
import { ReplyWriter } from "../../wire/reply_writer.ts";
import { REQUESTS, type RequestName, type RequestRow, type Role } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { V5_3_1, VERSION_CURRENT } from "../../wire/version.ts";
import type { Clock, Log } from "../runtime.ts";
import type { Admission } from "./admission.ts";
import { endpointText, type RemotingConnection } from "./connection.ts";
import { LaterReply, type ReplyListener } from "./later_reply.ts";
import {
  type AccessCheck,
  type Processor,
  type ProcessorMap,
  RemotingError,
  type RequestContext,
  type TypedReply,
} from "./processor.ts";

interface Entry {
  readonly name: RequestName;
  readonly row: RequestRow;
  readonly processor: Processor<RequestName>;
  /** Where its successes that were not held are counted, once there was one: nearly all of them. */
  successes: Durations | undefined;
}

type AnyReply = TypedReply<RequestName>;

/** What a response takes from its request. */
type Asked = Pick<RemotingCommand, "opaque" | "flag" | "serializeType">;

/** How a request ended, in Apache's words. */
export type ServedRequest = "success" | "oneway" | "write_channel_failed" | "process_request_failed";

/** Takes the times of requests that ended alike. */
export interface Durations {
  /** @param ms from the arrival of a request to its answer */
  record(ms: number): void;
}

/**
 * Where the times of requests that end so are counted. `held`: they waited for something to come. The same for the same words,
 * and it may be kept: what it is found by is looked up once, not once a request.
 */
export type RequestObserver = (requestCode: number, responseCode: number, result: ServedRequest, held: boolean) => Durations;

/**
 * A request that is being served: what its processor is told of it, and what its reply needs. One object for both, since it is
 * made fifty thousand times a second; it does not keep the command, whose body is a view into a chunk.
 */
class Taken implements RequestContext, Asked {
  readonly peer: RemotingConnection;
  readonly entry: Entry;
  readonly version: number;
  readonly language: number;
  readonly opaque: number;
  readonly flag: number;
  readonly serializeType: SerializeType;
  readonly extFields: ExtFields;
  /** Of its body, which counts against the connection's bound while it waits for its reply. */
  readonly bodyBytes: number;
  readonly receivedAt: number;

  constructor(connection: RemotingConnection, entry: Entry, command: RemotingCommand) {
    this.peer = connection;
    this.entry = entry;
    this.version = command.version;
    this.language = command.language;
    this.opaque = command.opaque;
    this.flag = command.flag;
    this.serializeType = command.serializeType;
    this.extFields = command.extFields ?? NO_FIELDS;
    this.bodyBytes = command.body.length;
    this.receivedAt = connection.arrivedAt;
  }

  get oneway(): boolean {
    return isOneway(this);
  }
}

/** One that waits for its reply: without its fields, which may be long, where it has any. */
type Pending = Omit<Taken, "extFields" | "oneway">;

export interface DispatcherOptions<R extends Role> {
  readonly clock: Clock;
  readonly log: Log;
  readonly processors: ProcessorMap<R>;
  readonly admission: Admission;
  /** Left out: everybody may do everything. */
  readonly access?: AccessCheck | undefined;
  /** Language code put into responses. */
  readonly language: number;
  readonly observe?: RequestObserver | undefined;
}

export class Dispatcher<R extends Role> {
  readonly #options: DispatcherOptions<R>;
  readonly #entries = new Map<number, Entry>();
  readonly #replies: ReplyWriter;
  readonly #listener: ReplyListener<AnyReply | undefined, Pending> = {
    settled: (pending, reply, now) => {
      this.#options.admission.leave(pending.entry.row.lane);
      this.#respond(pending.peer, pending, pending.entry, reply, pending, now);
      pending.peer.letGo(pending.bodyBytes);
    },
    failed: (pending, error) => {
      const { peer: connection, entry } = pending;
      this.#options.admission.leave(entry.row.lane);
      this.#respond(connection, pending, entry, this.#errorReply(error, connection, entry), pending);
      connection.letGo(pending.bodyBytes);
    },
  };
  #draining: ((name: RequestName, row: RequestRow) => RemotingError | undefined) | undefined;

  constructor(options: DispatcherOptions<R>) {
    this.#options = options;
    this.#replies = new ReplyWriter(options.language, VERSION_CURRENT);
    for (const [name, processor] of Object.entries(options.processors)) {
      const row: RequestRow = REQUESTS[name as RequestName];
      this.#entries.set(row.code, {
        name: name as RequestName,
        row,
        processor: processor as Processor<RequestName>,
        successes: undefined,
      });
    }
  }

  /**
   * From now on clients that know GO_AWAY (version after 5.3.1) are told to go; for the others `refuse` decides, request
   * by request, what is not done any more.
   */
  drain(refuse: (name: RequestName, row: RequestRow) => RemotingError | undefined): void {
    this.#draining = refuse;
  }

  /** Answers `command` on `connection`. `fastPort`: it came in on the VIP port, where some codes are not served. */
  dispatch(connection: RemotingConnection, command: RemotingCommand, fastPort: boolean): void {
    const entry = this.#entries.get(command.code);
    if (entry === undefined || (fastPort && entry.row.fastPort === false)) {
      this.#respond(connection, command, undefined, notSupported(command));
      return;
    }
    let taken: Taken;
    let reply: ReturnType<Processor<RequestName>>;
    const { admission } = this.#options;
    const { lane } = entry.row;
    try {
      if (this.#draining !== undefined) this.#refuseWhileDraining(this.#draining, entry, command);
      admission.enter(lane, connection.takenAt - connection.arrivedAt);
    } catch (error) {
      this.#respond(connection, command, entry, this.#errorReply(error, connection, entry));
      return;
    }
    try {
      if (this.#options.access !== undefined) this.#checkAccess(this.#options.access, entry, connection, command);
      taken = new Taken(connection, entry, command);
      const request = hasHeader(command) ? command : decoded(entry, command);
      reply = entry.processor(taken, request);
    } catch (error) {
      admission.leave(lane);
      this.#respond(connection, command, entry, this.#errorReply(error, connection, entry));
      return;
    }
    if (reply instanceof LaterReply || reply instanceof Promise) this.#later(taken, reply);
    else {
      admission.leave(lane);
      this.#respond(connection, command, entry, reply);
    }
  }

  #later(taken: Taken, reply: LaterReply<AnyReply> | Promise<AnyReply | undefined>): void {
    const pending: Pending = taken.extFields === NO_FIELDS ? taken : withoutFields(taken);
    pending.peer.hold(pending.bodyBytes);
    if (reply instanceof LaterReply) reply.listen(this.#listener, pending);
    else this.#await(pending, reply);
  }

  /** A function of its own: its closures keep what is named in it. */
  #await(pending: Pending, reply: Promise<AnyReply | undefined>): void {
    reply.then(
      (value) => this.#listener.settled(pending, value),
      (error: unknown) => this.#listener.failed(pending, error),
    );
  }

  #checkAccess(access: AccessCheck, entry: Entry, connection: RemotingConnection, command: RemotingCommand): void {
    const refusal = access(entry.name, command, connection.remote.host);
    if (refusal !== undefined) throw new RemotingError(refusal.code, refusal.remark);
  }

  #refuseWhileDraining(
    refuse: (name: RequestName, row: RequestRow) => RemotingError | undefined,
    entry: Entry,
    command: RemotingCommand,
  ): void {
    if (command.version > V5_3_1) throw new RemotingError(ResponseCode.GO_AWAY, "please go away");
    const refusal = refuse(entry.name, entry.row);
    if (refusal !== undefined) throw refusal;
  }

  /** @param pending of what was not answered at once @param now Clock.monotonic(), where it is known */
  #respond(
    connection: RemotingConnection,
    asked: Asked,
    entry: Entry | undefined,
    reply: AnyReply | undefined,
    pending?: Pending,
    now?: number,
  ): void {
    const { observe, clock } = this.#options;
    // What has nothing to say to a oneway request is not counted, as in Apache.
    if (observe !== undefined && entry !== undefined && reply !== undefined) {
      const ms = (now ?? clock.monotonic()) - (pending?.receivedAt ?? connection.arrivedAt);
      const code = reply.code ?? ResponseCode.SUCCESS;
      // A send waits for the disk, a read perhaps too; what waited longer than that waited for something to come.
      const held = pending !== undefined && entry.row.lane !== "send" && ms >= HELD_MS && HOLDING.has(entry.name);
      const result = resultOf(isOneway(asked), connection.closed, code);
      if (code === ResponseCode.SUCCESS && result === "success" && !held) {
        entry.successes ??= observe(entry.row.code, code, result, held);
        entry.successes.record(ms);
      } else observe(entry.row.code, code, result, held).record(ms);
    }
    if (reply === undefined || isOneway(asked)) return;
    connection.respond(this.#replies, asked, reply, entry?.row.reply);
    reply.release?.();
  }

  #errorReply(error: unknown, connection: RemotingConnection, entry: Entry): AnyReply {
    if (error instanceof RemotingError) return { code: error.code, remark: error.message };
    if (error instanceof WireError) return { code: ResponseCode.SYSTEM_ERROR, remark: `${entry.name}: ${error.message}` };
    const text = error instanceof Error ? error.message : String(error);
    this.#options.log.error("a request failed in a way that is a fault of this server", {
      request: entry.name,
      remote: endpointText(connection.remote),
      error: text,
      stack: error instanceof Error ? error.stack?.split("\n").slice(1, 4).join(" | ").trim() : undefined,
    });
    return { code: ResponseCode.SYSTEM_ERROR, remark: `${entry.name} failed: ${text}` };
  }
}

/** Requests that may be held, and from when on it is taken for that. */
const HOLDING: ReadonlySet<RequestName> = new Set<RequestName>([
  "PULL_MESSAGE",
  "LITE_PULL_MESSAGE",
  "POP_MESSAGE",
  "NOTIFICATION",
]);
const HELD_MS = 100;

function resultOf(oneway: boolean, closed: boolean, code: number): ServedRequest {
  if (oneway) return "oneway";
  if (closed) return "write_channel_failed";
  return code === ResponseCode.SYSTEM_ERROR ? "process_request_failed" : "success";
}

const NO_FIELDS: ExtFields = Object.freeze({});

/** Read the short way. It is the request that its processor gets: what is beside the header and the body is not looked at. */
const hasHeader = (command: RemotingCommand): command is RemotingCommand & { readonly header: object } =>
  command.header !== undefined;

const decoded = ({ row }: Entry, { extFields, body }: RemotingCommand): { header: object; body: Uint8Array } => ({
  header: row.request.decode(extFields),
  body,
});

/** What waits, perhaps by the thousand, must not keep what may be a megabyte each. */
function withoutFields({ peer, entry, version, language, opaque, flag, serializeType, bodyBytes, receivedAt }: Taken): Pending {
  return { peer, entry, version, language, opaque, flag, serializeType, bodyBytes, receivedAt };
}

/**
 * Apache's words first; a code that we know by name is named. A binary header has 16 bits for the code: those of POP (200050
 * and on) arrive cut short.
 */
function notSupported({ code, serializeType }: RemotingCommand): AnyReply {
  const name = NAME_BY_CODE.get(code);
  let known = name === undefined ? "" : `: ${name} is not served by this server or on this port`;
  const whole = NAME_BY_CODE.get(code + POP_CODES_CUT_BY);
  if (name === undefined && serializeType === SERIALIZE_ROCKETMQ && whole !== undefined) {
    known = `: this may be ${whole} (${code + POP_CODES_CUT_BY}), cut to the 16 bits that ROCKETMQ headers have for it; send it with JSON headers`;
  }
  return { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark: ` request type ${code} not supported${known}` };
}

/** 200050 and on, less what 16 bits leave of them. */
const POP_CODES_CUT_BY = 0x3_0000;

const NAME_BY_CODE: ReadonlyMap<number, string> = new Map(Object.entries(REQUESTS).map(([name, row]) => [row.code, name]));
