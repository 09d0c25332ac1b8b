/**
 * Calls from the same process: a processor is a function of a context and a typed request, so a broker or nameserver can
 * be called without a socket, by tests, by a proxy in LOCAL mode, by the broker beside its nameserver.
 */
import { type ExtFields, LANGUAGE_NODE_JS, NO_BODY } from "../../wire/remoting_command.ts";
import type { RequestHeaderOf, RequestName } from "../../wire/requests.ts";
import { VERSION_CURRENT } from "../../wire/version.ts";
import type { Clock, Endpoint } from "../runtime.ts";
import { type Peer, type PeerReply, type Processor, RemotingFault, type RequestContext, type TypedReply } from "./processor.ts";

/** A caller in this process. `onRequest` receives what the role sends of itself (NOTIFY_CONSUMER_IDS_CHANGED …). */
export class LocalPeer implements Peer {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly #onRequest: LocalRequestHandler | undefined;
  readonly #closeCallbacks: (() => void)[] = [];
  #closed = false;

  constructor(options: { remote?: Endpoint; local?: Endpoint; onRequest?: LocalRequestHandler } = {}) {
    this.remote = options.remote ?? { host: "127.0.0.1", port: 0 };
    this.local = options.local ?? { host: "127.0.0.1", port: 0 };
    this.#onRequest = options.onRequest;
  }

  get closed(): boolean {
    return this.#closed;
  }

  oneway<N extends RequestName>(name: N, header: RequestHeaderOf<N>, body: Uint8Array = NO_BODY): void {
    if (!this.#closed) void this.#onRequest?.(name, header, body);
  }

  async invoke<N extends RequestName>(name: N, header: RequestHeaderOf<N>, body: Uint8Array = NO_BODY): Promise<PeerReply> {
    const reply = this.#closed ? undefined : this.#onRequest?.(name, header, body);
    if (reply === undefined)
      throw new RemotingFault("closed", `${name} was not answered: the caller in this process takes no requests`);
    return reply;
  }

  /** What it is given it has. */
  caughtUp(): undefined {
    return undefined;
  }

  onClose(callback: () => void): void {
    if (this.#closed) callback();
    else this.#closeCallbacks.push(callback);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const callback of this.#closeCallbacks.splice(0)) callback();
  }
}

export type LocalRequestHandler = (
  name: RequestName,
  header: unknown,
  body: Uint8Array,
) => PeerReply | Promise<PeerReply> | undefined;

/**
 * Calls a processor as `peer` would over the network: same checks, same errors (thrown as RemotingError), no bytes.
 * @returns the reply, or undefined where a request gets none.
 */
export async function callLocally<N extends RequestName>(
  processor: Processor<N>,
  peer: Peer,
  clock: Clock,
  header: RequestHeaderOf<N>,
  body: Uint8Array = NO_BODY,
  extFields: ExtFields = {},
): Promise<TypedReply<N> | undefined> {
  const context: RequestContext = {
    peer,
    version: VERSION_CURRENT,
    language: LANGUAGE_NODE_JS,
    oneway: false,
    extFields,
    receivedAt: clock.monotonic(),
  };
  return processor(context, { header, body });
}
