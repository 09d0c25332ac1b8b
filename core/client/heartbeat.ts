/**
 * What the brokers are told every 30 s: the groups of this client and what they subscribe to.
 *
 * The first heartbeat to a broker carries everything, and a fingerprint of it. A broker that knows version 2 says so in its
 * answer; from then on it gets the fingerprint alone, until it asks for everything again (IS_SUB_CHANGE) or something
 * changed here. Any other broker reads what it knows of each full heartbeat, which makes it version 1.
 */
import { type ConsumerData, type HeartbeatData, heartbeatData } from "../../wire/bodies/heartbeat.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import type { RemotingClient } from "../remoting/client.ts";
import type { Log } from "../runtime.ts";

const TIMEOUT_MS = 3_000;

export interface Membership {
  readonly producerGroups: readonly string[];
  readonly consumers: readonly ConsumerData[];
}

export class Heartbeats {
  readonly #remoting: RemotingClient;
  readonly #log: Log;
  readonly #clientId: string;
  /** The fingerprint that a broker of version 2 has. */
  readonly #known = new Map<string, number>();

  constructor(remoting: RemotingClient, log: Log, clientId: string) {
    this.#remoting = remoting;
    this.#log = log;
    this.#clientId = clientId;
  }

  /** Tells `addresses`; those that do not answer are logged, and told again the next time. */
  async beat(addresses: Iterable<string>, members: Membership): Promise<void> {
    if (members.producerGroups.length === 0 && members.consumers.length === 0) return;
    const full: HeartbeatData = {
      clientID: this.#clientId,
      producerDataSet: members.producerGroups.map((groupName) => ({ groupName })),
      consumerDataSet: [...members.consumers],
      heartbeatFingerprint: 0,
      isWithoutSub: false,
    };
    full.heartbeatFingerprint = fingerprintOf(full);
    await Promise.all([...addresses].map((address) => this.#beatOne(address, full)));
  }

  /** A connection broke, so the broker may have forgotten us: told by the fingerprint alone, Apache's knows no subscription then. */
  forget(address: string): void {
    this.#known.delete(address);
  }

  forgetAll(): void {
    this.#known.clear();
  }

  async #beatOne(address: string, full: HeartbeatData): Promise<void> {
    const fingerprint = full.heartbeatFingerprint;
    try {
      if (this.#known.get(address) === fingerprint) {
        const short = { ...full, isWithoutSub: true, consumerDataSet: full.consumerDataSet.map(withoutSubscriptions) };
        const fields = await this.#send(address, short);
        if (fields?.IS_SUB_CHANGE !== "true") return;
      }
      this.#known.delete(address);
      const fields = await this.#send(address, full);
      if (fields?.IS_SUPPORT_HEART_BEAT_V2 === "true") this.#known.set(address, fingerprint);
    } catch (fault) {
      this.#known.delete(address);
      this.#log.warn("a broker did not take a heartbeat", { broker: address, reason: (fault as Error).message });
    }
  }

  async #send(address: string, heartbeat: HeartbeatData) {
    const reply = await this.#remoting.invoke(address, "HEART_BEAT", {}, heartbeatData.encode(heartbeat), TIMEOUT_MS);
    if (reply.code !== ResponseCode.SUCCESS) throw new Error(`${address} answered ${reply.code}, "${reply.remark ?? ""}"`);
    return reply.extFields;
  }
}

const withoutSubscriptions = (consumer: ConsumerData): ConsumerData => ({ ...consumer, subscriptionDataSet: [] });

/** Not 0, which means version 1. */
const fingerprintOf = (heartbeat: HeartbeatData): number => hashCode(heartbeatData.format(heartbeat)) || 1;
