/**
 * The nameservers of a client: one is asked until it fails, then the next. Which there are is given as a list, or asked of an
 * HTTP end point (`namesrvDomain`), as the Java client does with `rocketmq.namesrv.domain`.
 *
 * `refresh`, every two minutes, asks that end point again, and resolves host names of the list again: a connection to an
 * address that a name has no longer is given up. A list that can't be had leaves the known one as it is.
 */
import { type TopicRouteData, topicRouteData } from "../../wire/bodies/route.ts";
import { decodeUtf8 } from "../../wire/bytes.ts";
import { hostPortText } from "../../wire/host.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { isIpLiteral, parseHostPort } from "../advertised_rules.ts";
import { withoutBrackets } from "../option_checks.ts";
import { type RemotingClient, splitAddress } from "../remoting/client.ts";
import { type PeerReply, RemotingFault } from "../remoting/processor.ts";
import type { Log, Runtime } from "../runtime.ts";
import { expectSuccess, MQClientError, readReply } from "./errors.ts";

/** As the Java client. */
export const NAME_SERVERS_REFRESH_MS = 120_000;
/** A list of addresses is a line. */
const LIST_BYTES_MAX = 64 * 1024;
const ADDRESSES_MAX = 1_000;
/** As the Java client. */
const END_POINT_PORT = 8080;

export interface NameServersOptions {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly remoting: RemotingClient;
  /** `host:port`, several joined by `;`; wins over the end point. */
  readonly namesrvAddr: string | undefined;
  /** Host, or `host:port` (8080 without; an IPv6 literal with a port is in brackets), of the end point; asked is `http://<it>/rocketmq/<namesrvDomainSubgroup>`. */
  readonly namesrvDomain: string | undefined;
  readonly namesrvDomainSubgroup: string | undefined;
  readonly timeoutMs: number;
}

export class NameServers {
  #addresses: readonly string[];
  readonly #options: NameServersOptions;
  readonly #endPoint: string | undefined;
  /** The one that answered last; at first any, so that many clients spread. */
  #current = 0;
  #fetching: Promise<void> | undefined;

  /** @throws MQClientError kind invalid when nothing says where nameservers are, or an address is none */
  constructor(options: NameServersOptions) {
    const { namesrvAddr = "", namesrvDomain = "", namesrvDomainSubgroup = "nsaddr", runtime } = options;
    this.#options = options;
    this.#addresses = listed(namesrvAddr);
    for (const address of this.#addresses) checkAddress(address);
    if (this.#addresses.length === 0) {
      if (namesrvDomain.trim() === "") {
        throw new MQClientError(
          "invalid",
          'No nameserver is given: set namesrvAddr to "host:port", several joined by ";", or namesrvDomain to the HTTP end point that lists them',
        );
      }
      if (runtime.httpClient === undefined) {
        throw new MQClientError(
          "invalid",
          `namesrvDomain can't be used: the runtime ${runtime.name} has no HTTP; set namesrvAddr`,
        );
      }
      this.#endPoint = `http://${endPointAddress(namesrvDomain.trim())}/rocketmq/${namesrvDomainSubgroup}`;
    }
    this.#current = this.#addresses.length === 0 ? 0 : runtime.random.below(this.#addresses.length);
  }

  /** `host:port` each; empty until the end point was asked. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /**
   * The route of `topic`, or undefined when the nameserver knows none.
   * @throws MQClientError kind unreachable when none answers, MQBrokerError when one refuses
   */
  async route(topic: string): Promise<TopicRouteData | undefined> {
    const tried = `find the brokers of topic "${topic}"`;
    const { remoting, timeoutMs } = this.#options;
    const { address, reply } = await this.ask(tried, (each) =>
      remoting.invoke(each, "GET_ROUTEINFO_BY_TOPIC", { topic, acceptStandardJsonOnly: true }, undefined, timeoutMs),
    );
    if (reply.code === ResponseCode.TOPIC_NOT_EXIST) return undefined;
    const { body } = expectSuccess(tried, address, reply);
    return readReply(tried, address, () => topicRouteData.decode(body));
  }

  /** Looks for changes. Never rejects: what is known stays, with a line in the log. */
  async refresh(): Promise<void> {
    const { log, remoting } = this.#options;
    try {
      if (this.#endPoint !== undefined) await this.#fetch();
      else for (const address of this.#addresses) await remoting.resolveAgain(address);
    } catch (fault) {
      log.warn("the nameservers were not looked up again; the known ones stay", {
        namesrvAddr: this.#addresses.join(";"),
        reason: (fault as Error).message,
      });
    }
  }

  /**
   * One question to whichever nameserver answers.
   * @throws MQClientError kind unreachable when none does; what else `call` throws
   */
  async ask(tried: string, call: (address: string) => Promise<PeerReply>): Promise<{ address: string; reply: PeerReply }> {
    if (this.#addresses.length === 0) await this.#firstFetch(tried);
    const addresses = this.#addresses;
    const faults: string[] = [];
    for (let i = 0; i < addresses.length; i++) {
      const address = addresses[this.#current % addresses.length] as string;
      try {
        return { address, reply: await call(address) };
      } catch (fault) {
        if (!(fault instanceof RemotingFault)) throw fault;
        faults.push(fault.message);
        this.#current = (addresses.indexOf(address) + 1) % addresses.length;
      }
    }
    throw new MQClientError(
      "unreachable",
      `Cannot ${tried}: no nameserver answered (${faults.join("; ")}). Is one running there? ${this.#endPoint === undefined ? "namesrvAddr is" : `${this.#endPoint} says`} ${addresses.join(";")}`,
    );
  }

  async #firstFetch(tried: string): Promise<void> {
    try {
      await this.#fetch();
    } catch (fault) {
      throw new MQClientError(
        "unreachable",
        `Cannot ${tried}: ${this.#endPoint} does not say where nameservers are: ${(fault as Error).message}. namesrvDomain and namesrvDomainSubgroup make that address; namesrvAddr does without it`,
        fault,
      );
    }
  }

  /** Calls at the same time share one question. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchOnce(this.#endPoint as string).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchOnce(url: string): Promise<void> {
    const { runtime, timeoutMs, log } = this.#options;
    const reply = await runtime.httpClient?.request({ method: "GET", url, timeoutMs, bytesMax: LIST_BYTES_MAX });
    if (reply?.status !== 200) throw new Error(`it answered ${reply?.status}`);
    // As Java: the first line counts.
    const addresses = listed(
      decodeUtf8(reply.body)
        .trim()
        .split(/[\r\n]/)[0] ?? "",
    );
    if (addresses.length === 0) throw new Error("the list is empty");
    for (const address of addresses) checkAddress(address);
    if (addresses.join(";") === this.#addresses.join(";")) return;
    log.info("nameservers", { namesrvAddr: addresses.join(";"), before: this.#addresses.join(";"), from: url });
    this.#addresses = addresses;
    this.#current = runtime.random.below(addresses.length);
  }
}

const listed = (text: string): string[] =>
  text
    .split(/[;,]/)
    .map((address) => address.trim())
    .filter((address) => address !== "")
    .slice(0, ADDRESSES_MAX);

/** With a port. @throws MQClientError kind invalid */
function endPointAddress(domain: string): string {
  const host = withoutBrackets(domain);
  const address = isIpLiteral(host) || !domain.includes(":") ? hostPortText(host, END_POINT_PORT) : domain;
  if (parseHostPort(address) !== undefined) return address;
  throw new MQClientError("invalid", `namesrvDomain: "${domain}" is neither a host nor host:port with a port of 1..65535`);
}

function checkAddress(address: string): void {
  try {
    splitAddress(address);
  } catch (fault) {
    throw new MQClientError("invalid", `namesrvAddr: ${(fault as Error).message}`);
  }
}
