/**
 * The nameservers of a broker: those of `namesrvAddr`, each address of a host name for itself (a headless service names all
 * of its nameservers with one name), and one in the same process. Names are resolved again from time to time, since
 * addresses behind them change.
 */
import type { ExtFields } from "../../../wire/remoting_command.ts";
import { REQUESTS, type RequestHeaderOf, type RequestName, type ServedBy } from "../../../wire/requests.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { VERSION_CURRENT } from "../../../wire/version.ts";
import { type RemotingClient, splitAddress } from "../../remoting/client.ts";
import { endpointText } from "../../remoting/connection.ts";
import { LocalPeer } from "../../remoting/local_peer.ts";
import { type Peer, type PeerReply, RemotingError, RemotingFault, type TypedReply } from "../../remoting/processor.ts";
import type { Log, Runtime } from "../../runtime.ts";
import type { BrokerSettings } from "../options.ts";

/** One nameserver, however it is reached. */
export interface NameServerCaller {
  /** `host:port`, or words for the one in this process. */
  readonly address: string;
  /** Rejects when there is no answer; an answer with an error code is an answer. */
  invoke<N extends RequestName>(
    name: N,
    header: RequestHeaderOf<N>,
    body: Uint8Array | undefined,
    timeoutMs: number,
    extraFields?: ExtFields,
  ): Promise<PeerReply>;
  /** `callback` is called when the nameserver forgot us, because the connection to it is gone. */
  onLost?(callback: () => void): void;
  close?(): void;
}

/** A nameserver in this process, as `NameServer` of `../namesrv/` is one. */
export interface LocalNameServer {
  invoke<N extends ServedBy<"namesrv">>(
    name: N,
    peer: Peer,
    header: RequestHeaderOf<N>,
    body?: Uint8Array,
    extFields?: ExtFields,
  ): Promise<TypedReply<N> | undefined>;
  /** Clients are told `addressFor(client)` for this broker from now on; returns what takes it back. */
  advertise(brokerName: string, brokerId: number, addressFor: (peer: Peer) => string): () => void;
}

/** Calls `server` as a connection would: it forgets us when the caller is closed. */
export function localNameServer(server: LocalNameServer): NameServerCaller {
  const peer = new LocalPeer();
  return {
    address: "in this process",
    async invoke(name, header, body, _timeoutMs, extraFields) {
      try {
        const reply = await server.invoke(name as ServedBy<"namesrv">, peer, header as never, body, extraFields);
        if (reply === undefined) throw new RemotingFault("closed", `${name} got no answer`);
        const own = reply.header === undefined ? {} : REQUESTS[name].reply.encode(reply.header as never);
        return {
          code: reply.code ?? ResponseCode.SUCCESS,
          remark: reply.remark,
          extFields: { ...reply.extFields, ...own },
          body: reply.body ?? new Uint8Array(0),
          version: VERSION_CURRENT,
        };
      } catch (refusal) {
        if (!(refusal instanceof RemotingError)) throw refusal;
        const { code, message } = refusal;
        return { code, remark: message, extFields: undefined, body: new Uint8Array(0), version: VERSION_CURRENT };
      }
    },
    close: () => peer.close(),
  };
}

/** A nameserver behind a socket. */
class RemoteNameServer implements NameServerCaller {
  readonly address: string;
  readonly #client: RemotingClient<never>;
  #current: unknown;
  #lost: (() => void) | undefined;

  constructor(address: string, client: RemotingClient<never>) {
    this.address = address;
    this.#client = client;
  }

  async invoke<N extends RequestName>(
    name: N,
    header: RequestHeaderOf<N>,
    body: Uint8Array | undefined,
    timeoutMs: number,
    extraFields?: ExtFields,
  ): Promise<PeerReply> {
    const connection = await this.#client.connection(this.address);
    if (this.#current !== connection) {
      this.#current = connection;
      connection.onClose(() => {
        if (this.#current === connection) this.#lost?.();
      });
    }
    return connection.invoke(name, header, body, timeoutMs, { extFields: extraFields });
  }

  onLost(callback: () => void): void {
    this.#lost = callback;
  }

  close(): void {
    this.#current = undefined;
  }
}

export class NameServerTargets {
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #settings: BrokerSettings;
  readonly #client: RemotingClient<never>;
  readonly #local: readonly NameServerCaller[];
  readonly #remote = new Map<string, NameServerCaller>();
  /** `host:port` as configured -> addresses of the last good look-up. */
  readonly #resolved = new Map<string, readonly string[]>();
  /** Entries whose last look-up failed: one line when it begins, not one a try. */
  readonly #failing = new Set<string>();

  constructor(
    parts: { runtime: Runtime; log: Log; settings: BrokerSettings },
    client: RemotingClient<never>,
    local: readonly NameServerCaller[],
  ) {
    this.#runtime = parts.runtime;
    this.#log = parts.log;
    this.#settings = parts.settings;
    this.#client = client;
    this.#local = local;
  }

  all(): NameServerCaller[] {
    return [...this.#local, ...this.#remote.values()];
  }

  /** `host:port` of each nameserver, as configured. */
  configured(): string[] {
    const { namesrvAddr = "" } = this.#settings;
    return [...new Set(namesrvAddr.split(";").map((text) => text.trim()))].filter((text) => text !== "");
  }

  /** Looks up one entry; what is found counts from the next `take` on. False: it was never found so far. Never rejects. */
  async lookUp(entry: string): Promise<boolean> {
    const { host, port } = splitAddress(entry);
    const before = this.#resolved.get(entry);
    try {
      const found = await this.#runtime.dns.resolve(host);
      // A host with both families is one nameserver, not two: IPv4 first, as Java prefers it.
      const v4 = found.filter((address) => !address.includes(":"));
      const addresses = (v4.length > 0 ? v4 : found).map((address) => endpointText({ host: address, port }));
      this.#resolved.set(entry, addresses);
      const isNews = before === undefined ? this.#failing.has(entry) : before.join() !== addresses.join();
      this.#failing.delete(entry);
      if (isNews) {
        const now = addresses.join();
        this.#log.info("the addresses behind a nameserver's name changed", { name: host, before: before?.join() ?? "none", now });
      }
      return true;
    } catch (fault) {
      if (!this.#failing.has(entry)) {
        this.#log.warn("cannot resolve the name of a nameserver; it is tried again", {
          key: "namesrvAddr",
          name: host,
          reason: fault instanceof Error ? fault.message : String(fault),
          using: before?.join() ?? "nothing",
        });
      }
      this.#failing.add(entry);
      return before !== undefined;
    }
  }

  /**
   * Nameservers that are new, and those that are no more, by what was looked up. A name that can't be resolved any more
   * keeps its last addresses.
   */
  take(): { added: NameServerCaller[]; removed: NameServerCaller[] } {
    const wanted = new Set(this.configured().flatMap((entry) => this.#resolved.get(entry) ?? []));
    const added: NameServerCaller[] = [];
    const removed: NameServerCaller[] = [];
    for (const address of wanted) {
      if (this.#remote.has(address)) continue;
      const caller = new RemoteNameServer(address, this.#client);
      this.#remote.set(address, caller);
      added.push(caller);
    }
    for (const [address, caller] of this.#remote) {
      if (wanted.has(address)) continue;
      this.#remote.delete(address);
      caller.close?.();
      removed.push(caller);
    }
    return { added, removed };
  }
}
