/**
 * The nameservers of a client: one is asked until it fails, then the next. Which there are is given as a list, or asked of an
 * HTTP end point (`namesrvDomain`), as the Java client does with `rocketmq.namesrv.domain`.
 *
 * A host name in the list stands for all its addresses, each a nameserver of its own, so that one that keeps silent is left for
 * another. Names are resolved when one is asked first, when one did not answer, and by `refresh`, every two minutes, which asks
 * the end point again, too. The connection to an address that a name has no longer is given up. What can't be had leaves what is
 * known as it is.
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
import { inTime } from "./waiting.ts";

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
  /** As given, or as the end point said last. */
  #listed: readonly string[];
  /** What names of the list stand for, as far as the resolver ever knew; `host:port` each. */
  readonly #resolved = new Map<string, readonly string[]>();
  /** Whom to ask: the list, with its names resolved. */
  #targets: readonly string[];
  readonly #options: NameServersOptions;
  readonly #endPoint: string | undefined;
  /** The target that is asked first: the one that answered last; at first any of the list, so that many clients spread. */
  #current = "";
  #fetching: Promise<void> | undefined;
  #lookingUp: Promise<void> | undefined;
  #lookedUp = false;

  /** @throws MQClientError kind invalid when nothing says where nameservers are, or an address is none */
  constructor(options: NameServersOptions) {
    const { namesrvAddr = "", namesrvDomain = "", namesrvDomainSubgroup = "nsaddr", runtime } = options;
    this.#options = options;
    this.#listed = listed(namesrvAddr);
    this.#targets = this.#listed;
    for (const address of this.#listed) checkAddress(address);
    if (this.#listed.length === 0) {
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
    this.#current = this.#any();
  }

  /** `host:port` each, names as they were given; empty until the end point was asked. */
  get addresses(): readonly string[] {
    return this.#listed;
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
    const { log } = this.#options;
    try {
      if (this.#endPoint !== undefined) await this.#fetch();
    } catch (fault) {
      log.warn("the nameservers were not looked up again; the known ones stay", {
        namesrvAddr: this.#listed.join(";"),
        reason: (fault as Error).message,
      });
    }
    await this.#lookUp();
  }

  /**
   * One question to whichever nameserver answers.
   * @throws MQClientError kind unreachable when none does; what else `call` throws
   */
  async ask(tried: string, call: (address: string) => Promise<PeerReply>): Promise<{ address: string; reply: PeerReply }> {
    if (this.#listed.length === 0) await this.#firstFetch(tried);
    let fresh = !this.#lookedUp || !this.#listed.some(isNamed);
    if (!this.#lookedUp) await this.#lookUp();
    const asked = new Set<string>();
    const faults: string[] = [];
    for (let address = this.#next(asked); address !== undefined; address = this.#next(asked)) {
      asked.add(address);
      try {
        return { address, reply: await call(address) };
      } catch (fault) {
        if (!(fault instanceof RemotingFault)) throw fault;
        faults.push(fault.message);
        if (this.#current === address) this.#current = this.#after(address);
        // Its name may stand for others by now.
        if (!fresh) await this.#lookUp();
        fresh = true;
      }
    }
    throw new MQClientError(
      "unreachable",
      `Cannot ${tried}: no nameserver answered (${faults.join("; ")}). Is one running there? ${this.#endPoint === undefined ? "namesrvAddr is" : `${this.#endPoint} says`} ${this.#listed.join(";")}`,
    );
  }

  /** As `addresses`, and the end point is asked where that was not done yet. @throws MQClientError kind unreachable */
  async known(tried: string): Promise<readonly string[]> {
    if (this.#listed.length === 0) await this.#firstFetch(tried);
    return this.#listed;
  }

  /**
   * What `address` stands for now, or did when its name was resolved last; itself where that is one address, or not known.
   * @param address `host:port`, of the list or not
   */
  async behind(address: string): Promise<readonly string[]> {
    if (parseHostPort(address) === undefined || !isNamed(address)) return [address];
    if (this.#listed.includes(address)) await this.#lookUp();
    else await this.#resolve(address);
    const found = this.#resolved.get(address) ?? [];
    return found.length > 1 ? found : [address];
  }

  /** The first that was not asked, from the current one on. */
  #next(asked: ReadonlySet<string>): string | undefined {
    const from = Math.max(0, this.#targets.indexOf(this.#current));
    return [...this.#targets.slice(from), ...this.#targets.slice(0, from)].find((address) => !asked.has(address));
  }

  #after(address: string): string {
    return this.#targets[(this.#targets.indexOf(address) + 1) % this.#targets.length] ?? "";
  }

  /** The first address of any of the list: resolvers give those first that are reached best. */
  #any(): string {
    if (this.#listed.length === 0) return "";
    const address = this.#listed[this.#options.runtime.random.below(this.#listed.length)] as string;
    return this.#resolved.get(address)?.[0] ?? address;
  }

  /** Resolves the names of the list. Never rejects: what a name was known to stand for stays. Calls at the same time share it. */
  #lookUp(): Promise<void> {
    this.#lookingUp ??= Promise.all(this.#listed.filter(isNamed).map((address) => this.#resolve(address))).then(() => {
      this.#lookingUp = undefined;
      this.#lookedUp = true;
      this.#retarget();
    });
    return this.#lookingUp;
  }

  async #resolve(address: string): Promise<void> {
    const { runtime, timeoutMs, log } = this.#options;
    const { host, port } = splitAddress(address);
    const late = () => new Error(`the resolver did not answer within ${timeoutMs} ms`);
    try {
      const hosts = await inTime(runtime.clock, runtime.dns.resolve(host), timeoutMs, late);
      if (hosts.length === 0) throw new Error("the name has no address");
      const found = hosts.map((each) => hostPortText(each, port));
      this.#resolved.set(address, found);
    } catch (fault) {
      log.warn("the name of a nameserver was not resolved; the known addresses stay", {
        namesrvAddr: address,
        known: this.#resolved.get(address)?.join(";"),
        reason: (fault as Error).message,
      });
    }
  }

  /** Whom to ask from now on. A name that was never resolved is asked as it is: the connection says what is wrong with it. */
  #retarget(): void {
    const before = this.#targets;
    const all = this.#listed.flatMap((address) => this.#resolved.get(address) ?? [address]);
    this.#targets = [...new Set(all)].slice(0, ADDRESSES_MAX);
    const current = this.#resolved.get(this.#current)?.[0] ?? this.#current;
    this.#current = this.#targets.includes(current) ? current : this.#any();
    for (const address of before) if (!this.#targets.includes(address)) this.#options.remoting.giveUp(address);
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
    if (addresses.join(";") === this.#listed.join(";")) return;
    log.info("nameservers", { namesrvAddr: addresses.join(";"), before: this.#listed.join(";"), from: url });
    this.#listed = addresses;
    for (const known of [...this.#resolved.keys()]) if (!addresses.includes(known)) this.#resolved.delete(known);
    this.#current = this.#any();
    this.#retarget();
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

const isNamed = (address: string): boolean => !isIpLiteral(splitAddress(address).host);

function checkAddress(address: string): void {
  try {
    splitAddress(address);
  } catch (fault) {
    throw new MQClientError("invalid", `namesrvAddr: ${(fault as Error).message}`);
  }
}
