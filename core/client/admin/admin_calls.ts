/** What all subjects share: calls to brokers and nameservers with one time-out, and the brokers of a topic. */

import type { MessageQueue } from "../../../wire/bodies/message_queue.ts";
import { type BrokerData, type TopicRouteData, topicRouteData } from "../../../wire/bodies/route.ts";
import { decodeUtf8, encodeUtf8 } from "../../../wire/bytes.ts";
import { isLmq, MASTER_ID } from "../../../wire/mix_all.ts";
import type { RequestHeaderOf, RequestName } from "../../../wire/requests.ts";
import { formatProperties, type Properties, parseProperties } from "../../properties.ts";
import type { PeerReply } from "../../remoting/processor.ts";
import type { Answer, CallOptions, ClientInstance } from "../client_instance.ts";
import { MQClientError } from "../errors.ts";
import { TIMER_TOPIC } from "./system_names.ts";

export interface AdminOptions {
  /** Of each call, ms; default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** Ends every operation under way, which rejects with its reason. What a server was asked to change by then may be changed. */
  readonly signal?: AbortSignal | undefined;
}

/** Who did it, and who did not; `host:port` each. */
export interface BrokerOperatorResult {
  readonly successList: string[];
  readonly failureList: string[];
}

const TIMEOUT_MS_DEFAULT = 5_000;

export class AdminCalls {
  readonly client: ClientInstance;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;

  constructor(client: ClientInstance, options: AdminOptions) {
    this.client = client;
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS_DEFAULT;
    this.signal = options.signal;
  }

  /** Calls any server. @param tried for messages: "create topic T". @throws MQBrokerError, MQClientError */
  call<N extends RequestName>(
    tried: string,
    address: string,
    name: N,
    header: RequestHeaderOf<N>,
    options: CallOptions = {},
  ): Promise<Answer<N>> {
    return this.client.call(tried, address, name, header, this.#ours(options));
  }

  /** The same, whatever the code of the answer. @throws MQClientError */
  invoke<N extends RequestName>(
    tried: string,
    address: string,
    name: N,
    header: RequestHeaderOf<N>,
    options: CallOptions = {},
  ): Promise<PeerReply> {
    return this.client.invoke(tried, address, name, header, this.#ours(options));
  }

  #ours(options: CallOptions): CallOptions {
    return { timeoutMs: this.timeoutMs, signal: this.signal, ...options };
  }

  /** Asks one nameserver after the other until one answers. @throws MQBrokerError, MQClientError */
  nameServer<N extends RequestName>(tried: string, name: N, header: RequestHeaderOf<N>): Promise<Answer<N>> {
    return this.client.callNameServer(tried, name, header, this.#ours({}));
  }

  /**
   * Does `each` at all nameservers at once, since none tells the others. @param addresses of nameservers; undefined: the client's
   * @throws what it throws at any of them
   */
  async atNameServers<T>(
    tried: string,
    addresses: Iterable<string> | undefined,
    each: (address: string) => Promise<T>,
  ): Promise<T[]> {
    const named = addresses ?? (await this.client.listNameServers(tried, this.signal));
    return (await Promise.all([...named].map((address) => this.atNameServer(address, each)))).flat();
  }

  /** The same at one, which is several where `address` is a name that stands for several addresses. */
  async atNameServer<T>(address: string, each: (address: string) => Promise<T>): Promise<T[]> {
    const addresses = await this.client.nameServersBehind(address, this.signal);
    const outcomes = await Promise.allSettled(addresses.map(each));
    const mute = addresses.length > 1 ? muteFamily(addresses, outcomes) : undefined;
    const done: T[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const at = addresses[i] as string;
      if (outcome.status === "fulfilled") done.push(outcome.value);
      else if (mute === undefined || isV6Address(at) !== mute.v6) throw outcome.reason;
      else this.client.log.info("nobody was reached at an address of a nameserver's name", { namesrvAddr: address, at });
    }
    return done;
  }

  /** The master of `queue`'s broker. @throws MQClientError kind no-route */
  masterOf(queue: MessageQueue): Promise<string> {
    return this.client.masterOf(queue, this.signal);
  }

  /** @throws MQBrokerError TOPIC_NOT_EXIST when no broker offers `topic` */
  async route(topic: string): Promise<TopicRouteData> {
    const tried = `find the brokers of topic "${topic}"`;
    const header = { topic, acceptStandardJsonOnly: true };
    return (await this.nameServer(tried, "GET_ROUTEINFO_BY_TOPIC", header)).read(topicRouteData);
  }

  /**
   * The route to ask brokers about `topic` by. Light queues and the timer's topic have none of their own: the cluster's
   * topic stands in for them, where a cluster is given.
   */
  routeBy(topic: string, clusterName: string | undefined): Promise<TopicRouteData> {
    return this.route(clusterName && (isLmq(topic) || topic === TIMER_TOPIC) ? clusterName : topic);
  }

  /** The first route that there is. @throws what the last question threw */
  async firstRoute(topics: readonly string[]): Promise<TopicRouteData> {
    for (const topic of topics.slice(0, -1)) {
      try {
        return await this.route(topic);
      } catch {
        // The next one may be known.
      }
    }
    return this.route(topics.at(-1) as string);
  }

  /** As Java's `selectBrokerAddr`: the master, or any replica where there is no master. */
  addressOf({ brokerAddrs }: BrokerData): string | undefined {
    const master = brokerAddrs.get(MASTER_ID);
    if (master !== undefined || brokerAddrs.size === 0) return master;
    return [...brokerAddrs.values()][this.client.runtime.random.below(brokerAddrs.size)];
  }

  /** One address a broker name. */
  addressesOf(route: TopicRouteData): string[] {
    return route.brokerDatas.map((each) => this.addressOf(each)).filter((address) => address !== undefined);
  }

  /** The address of any broker of the route. @throws MQClientError kind no-route */
  anyAddressOf(topic: string, route: TopicRouteData): string {
    const addresses = this.addressesOf(route);
    const address = addresses[this.client.runtime.random.below(Math.max(1, addresses.length))];
    if (address !== undefined) return address;
    throw new MQClientError("no-route", `The route of topic "${topic}" names no broker with an address`);
  }

  /** Does `each` at all addresses at once; those where it fails are logged and named. @throws the signal's reason */
  async tolerantly(
    what: string,
    addresses: readonly string[],
    each: (address: string) => Promise<unknown>,
  ): Promise<BrokerOperatorResult> {
    const successList: string[] = [];
    const failureList: string[] = [];
    await Promise.all(
      addresses.map(async (address) => {
        try {
          await each(address);
          successList.push(address);
        } catch (fault) {
          this.signal?.throwIfAborted();
          this.client.log.warn(`${what} failed at one server`, { address, reason: (fault as Error).message });
          failureList.push(address);
        }
      }),
    );
    return { successList, failureList };
  }
}

const isV6Address = (address: string): boolean => address.startsWith("[");

/**
 * A name may tell IPv4 and IPv6 addresses of machines that listen in one family only, as localhost mostly does: the family in
 * which nobody was reached, where somebody was in the other.
 */
function muteFamily(
  addresses: readonly string[],
  outcomes: readonly PromiseSettledResult<unknown>[],
): { readonly v6: boolean } | undefined {
  const reached = new Set<boolean>();
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.status === "fulfilled" || !unreached(outcome.reason)) reached.add(isV6Address(addresses[i] as string));
  }
  return reached.size === 1 ? { v6: !reached.has(true) } : undefined;
}

const unreached = (fault: unknown): boolean =>
  fault instanceof MQClientError && (fault.kind === "unreachable" || fault.kind === "timeout");

/** Reads a body of `key=value` lines. */
export const propertiesOf = (body: Uint8Array): Map<string, string> => parseProperties(decodeUtf8(body));

/** The body of requests that carry `key=value` lines. */
export const propertiesBody = (properties: Properties | Readonly<Record<string, string>>): Uint8Array =>
  encodeUtf8(formatProperties(properties instanceof Map ? (properties as Properties) : Object.entries(properties)));

/** Options of a call that may have a time-out of its own. */
export const timeout = (timeoutMs: number | undefined): CallOptions => (timeoutMs === undefined ? {} : { timeoutMs });
