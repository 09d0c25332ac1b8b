/**
 * Calls from this broker to others, for what it does not hold itself (a stretch of a static topic's queue). Where a broker is,
 * nameservers say, and it is believed for half a minute. Connections are made when they are needed.
 */
import type { RequestHeaderOf, RequestName } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { signerOf } from "../auth/credentials.ts";
import { RemotingClient } from "../remoting/client.ts";
import { type PeerReply, RemotingError } from "../remoting/processor.ts";
import type { Log, Runtime, TlsContext } from "../runtime.ts";
import type { BrokerSettings } from "./options.ts";

const ADDRESS_KEPT_MS = 30_000;
/** Brokers whose address is kept; the oldest goes. */
const ADDRESSES_MAX = 1000;

export interface RemoteBrokersParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: BrokerSettings;
  /** For connections to brokers; undefined: they are plain. */
  tls(): TlsContext | undefined;
  /** `host:port` of the master of that name, as nameservers have it in the topic's route; undefined when none knows it. */
  addressOf(topic: string, brokerName: string): Promise<string | undefined>;
}

/** See `RemoteBrokers.invoke`. */
export type InvokeBroker = <N extends RequestName>(
  topic: string,
  brokerName: string,
  name: N,
  header: RequestHeaderOf<N>,
) => Promise<PeerReply>;

export class RemoteBrokers {
  readonly #parts: RemoteBrokersParts;
  readonly #client: RemotingClient<never>;
  readonly #addresses = new Map<string, { readonly address: string; readonly until: number }>();

  constructor(parts: RemoteBrokersParts) {
    this.#parts = parts;
    const { runtime, log, settings } = parts;
    this.#client = new RemotingClient<never>({
      runtime,
      log,
      connectTimeoutMs: settings.connectTimeoutMillis,
      sign: signerOf(runtime.digest, settings),
      tls: () => parts.tls(),
    });
  }

  /** @throws RemotingError SYSTEM_ERROR when the broker is not known, or does not answer within forwardTimeout */
  readonly invoke: InvokeBroker = async (topic, brokerName, name, header) => {
    const address = await this.#addressOf(topic, brokerName);
    const tried = `${name} for ${topic} at the broker ${brokerName}`;
    if (address === undefined) throw new RemotingError(ResponseCode.SYSTEM_ERROR, `${tried}: no nameserver knows its address`);
    const { forwardTimeout } = this.#parts.settings;
    try {
      return await this.#client.invoke(address, name, header, undefined, forwardTimeout);
    } catch (fault) {
      this.#addresses.delete(brokerName);
      throw new RemotingError(
        ResponseCode.SYSTEM_ERROR,
        `${tried}, ${address}: ${(fault as Error).message} (forwardTimeout=${forwardTimeout})`,
      );
    }
  };

  async #addressOf(topic: string, brokerName: string): Promise<string | undefined> {
    const { clock } = this.#parts.runtime;
    const kept = this.#addresses.get(brokerName);
    if (kept !== undefined && kept.until > clock.monotonic()) return kept.address;
    const address = await this.#parts.addressOf(topic, brokerName);
    if (address === undefined) return undefined;
    this.#addresses.delete(brokerName);
    this.#addresses.set(brokerName, { address, until: clock.monotonic() + ADDRESS_KEPT_MS });
    for (const oldest of this.#addresses.keys()) {
      if (this.#addresses.size <= ADDRESSES_MAX) break;
      this.#addresses.delete(oldest);
    }
    return address;
  }

  stop(): void {
    this.#client.stop();
  }
}
