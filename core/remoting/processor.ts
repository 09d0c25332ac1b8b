/**
 * What a role answers requests with. A processor is a function of a context and a typed request: it never sees a socket,
 * so a call from the same process (tests, proxy, console) and one from the network are the same call.
 *
 * It returns a reply, or a promise of one (or, where it is asked most, a `LaterReply`), or throws `RemotingError(code, remark)`. `undefined` means that nothing is to
 * be sent (END_TRANSACTION). One place, `dispatcher.ts`, turns all of these into a response.
 */
import type { ExtFields, RemotingCommand } from "../../wire/remoting_command.ts";
import type { ReplyHeaderOf, RequestHeaderOf, RequestName, Role, ServedBy } from "../../wire/requests.ts";
import type { Endpoint } from "../runtime.ts";
import type { LaterReply } from "./later_reply.ts";

/** A peer that requests come from, and that can be called back. One object per connection, so it serves as identity. */
export interface Peer {
  readonly remote: Endpoint;
  /** The local address of the connection: what this client can reach us on. */
  readonly local: Endpoint;
  readonly closed: boolean;
  /** Sends a request that wants no answer. Silent when the connection is gone. */
  oneway<N extends RequestName>(name: N, header: RequestHeaderOf<N>, body?: Uint8Array): void;
  /** Rejects with RemotingFault when the connection closes or nothing comes within `timeoutMs` (monotonic). */
  invoke<N extends RequestName>(
    name: N,
    header: RequestHeaderOf<N>,
    body: Uint8Array | undefined,
    timeoutMs: number,
  ): Promise<PeerReply>;
  /**
   * Settles when it has read what it was sent, or is gone; undefined when it is not behind. Who makes large answers later than in
   * the turn of their request asks before it takes memory for them. Never rejects.
   */
  caughtUp(): Promise<void> | undefined;
  /** Called once when the connection is gone (at once when it is already). */
  onClose(callback: () => void): void;
  /** Closes it. */
  close(): void;
}

export interface PeerReply {
  readonly code: number;
  readonly remark: string | undefined;
  readonly extFields: ExtFields | undefined;
  /** Copied: the receiver may keep it. */
  readonly body: Uint8Array;
  readonly version: number;
}

export interface RequestContext {
  readonly peer: Peer;
  /** Version ordinal and language of the sender (`wire/version.ts`, `LANGUAGES`). */
  readonly version: number;
  readonly language: number;
  readonly oneway: boolean;
  /** Fields beyond the header's table (`_UNIQUE_KEY_QUERY`, `__ZONE_NAME` …). */
  readonly extFields: ExtFields;
  /** Clock.monotonic() when the frame arrived; it may have waited since. */
  readonly receivedAt: number;
}

export interface TypedRequest<N extends RequestName> {
  readonly header: RequestHeaderOf<N>;
  /** Empty when there is none. A view: valid until the processor returns (its promise is not waited for). Copy to keep. */
  readonly body: Uint8Array;
}

export interface TypedReply<N extends RequestName> {
  /** ResponseCode; SUCCESS when left out. */
  readonly code?: number;
  readonly remark?: string | undefined;
  readonly header?: ReplyHeaderOf<N>;
  /** Fields beside the header's. An empty object is sent as such, as Apache does for headers without fields. */
  readonly extFields?: ExtFields;
  readonly body?: Uint8Array;
  /** Called when the reply is written and nobody looks at `body` any more; not at all for a reply that is not sent. */
  readonly release?: (() => void) | undefined;
}

export type MaybePromise<T> = T | Promise<T>;

export type Processor<N extends RequestName> = (
  context: RequestContext,
  request: TypedRequest<N>,
) => MaybePromise<TypedReply<N> | undefined> | LaterReply<TypedReply<N>>;

/** One processor for every request that the role serves today: a missing one does not compile. */
export type ProcessorMap<R extends Role> = { readonly [N in ServedBy<R>]: Processor<N> };

/** A refusal with a code and a remark that the caller gets as they are. */
export class RemotingError extends Error {
  override readonly name = "RemotingError";
  readonly code: number;
  constructor(code: number, remark: string) {
    super(remark);
    this.code = code;
  }
}

/**
 * Decides, before its processor is called, whether a request of the network may be served; undefined: yes. Handed in by a
 * role, since remoting knows no users.
 * @param host IP literal of the caller
 * @throws WireError when what is to be checked can't be read
 */
export type AccessCheck = (
  name: RequestName,
  command: RemotingCommand,
  host: string,
) => { readonly code: number; readonly remark: string } | undefined;

/** A call to a peer that got no answer. */
export class RemotingFault extends Error {
  override readonly name = "RemotingFault";
  readonly kind: "connect" | "closed" | "timeout" | "garbled";
  constructor(kind: RemotingFault["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}
