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
    return connection.invoke(name, header, body, timeoutMs, extraFields);
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

  /**
   * Resolves the names of `namesrvAddr`. A name that can't be resolved keeps its last addresses.
   * @returns nameservers that are new, and those that are no more.
   */
  async resolve(): Promise<{ added: NameServerCaller[]; removed: NameServerCaller[] }> {
    const configured = (this.#settings.namesrvAddr ?? "")
      .split(";")
      .map((text) => text.trim())
      .filter((text) => text !== "");
    const wanted = new Set<string>();
    for (const entry of configured) for (const address of await this.#addressesOf(entry)) wanted.add(address);
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

  async #addressesOf(entry: string): Promise<readonly string[]> {
    const { host, port } = splitAddress(entry);
    try {
      const found = await this.#runtime.dns.resolve(host);
      // A host with both families is one nameserver, not two: IPv4 first, as Java prefers it.
      const v4 = found.filter((address) => !address.includes(":"));
      const addresses = (v4.length > 0 ? v4 : found).map((address) => endpointText({ host: address, port }));
      const before = this.#resolved.get(entry);
      if (before !== undefined && before.join() !== addresses.join()) {
        this.#log.info("the addresses behind a nameserver's name changed", {
          name: host,
          before: before.join(),
          now: addresses.join(),
        });
      }
      this.#resolved.set(entry, addresses);
      return addresses;
    } catch (fault) {
      const before = this.#resolved.get(entry) ?? [];
      this.#log.warn("cannot resolve the name of a nameserver; it is tried again", {
        key: "namesrvAddr",
        name: host,
        reason: fault instanceof Error ? fault.message : String(fault),
        using: before.join() || "nothing",
      });
      return before;
    }
  }
}
