/**
 * The address that clients are told. RocketMQ's clients dial what a route says, and what stands inside an offsetMsgId (view
 * by id, send back); a broker that names an address its clients can't reach is the oldest complaint about it.
 *
 * With nameserver and broker in one process the answer can differ by client:
 *   1. the first rule of `advertisedAddresses` whose network holds the client's address;
 *   2. `brokerIP1`, when it is set;
 *   3. the address listened on, when that is a single one;
 *   4. the local address of the very connection the client asks on: it reached us there, so it reaches us there again. Right
 *      for loopback, several cards, VPN and IPv6; not behind NAT or a port mapping, which is what rules are for.
 * A broker with a nameserver elsewhere registers one address, as Apache does: `brokerIP1`, else the address it is bound to
 * when that is a single one, else the first interface that is not loopback. Rules can't act there, and `explain` says so.
 *
 * storeHost is `brokerIP1` when it is set, else the address chosen for the sender's connection. It must be an IP, so host
 * names in rules and in brokerIP1 are resolved by `refresh`; one that does not resolve gives way to the next choice.
 */
import { hostPortText } from "../../wire/host.ts";
import { type AdvertisedRule, isIpLiteral, matchRule, parseAdvertisedRules } from "../advertised_rules.ts";
import { withoutBrackets } from "../option_checks.ts";
import type { Endpoint, Log, Runtime, System } from "../runtime.ts";
import type { BrokerSettings } from "./options.ts";
import type { AdvertisedAddresses } from "./parts.ts";

export type AdvertisedSettings = Pick<BrokerSettings, "brokerIP1" | "advertisedAddresses" | "listenPort" | "bindAddress">;

/** What of a peer decides. */
export interface ConnectionEnds {
  readonly remote: Endpoint;
  readonly local: Endpoint;
}

export interface AdvertisedOptions {
  readonly runtime: Pick<Runtime, "system" | "dns">;
  readonly log: Log;
  /** Live; `listenPort` is read at each call, since 0 becomes the port that the kernel chose. */
  readonly settings: AdvertisedSettings;
  /** Nameserver and broker share this process. */
  readonly oneProcess: boolean;
}

interface Choice {
  readonly host: string;
  readonly port: number;
  readonly why: string;
}

export class ConnectionAddresses implements AdvertisedAddresses {
  readonly #options: AdvertisedOptions;
  /** Host name -> IP literal, as of the last `refresh`. */
  readonly #resolved = new Map<string, string>();
  readonly #rules: readonly AdvertisedRule[];
  /** One object per connection: a send must not parse addresses. Dropped by `refresh`. */
  #storeHosts = new WeakMap<ConnectionEnds, { host: string; port: number }>();
  #interface: { host: string; name: string } | undefined;

  /** `advertisedAddresses` can't change while running, so its rules are parsed once. */
  constructor(options: AdvertisedOptions) {
    this.#options = options;
    this.#rules = parseAdvertisedRules(options.settings.advertisedAddresses);
  }

  /** `host:port` for the nameservers' tables: what a broker registers. */
  registeredAddress(): string {
    const choice = this.#registered();
    return hostPortText(choice.host, choice.port);
  }

  /** `host:port` that this client is to dial, IPv6 in brackets. */
  brokerAddressFor(peer: ConnectionEnds): string {
    const choice = this.#forPeer(peer);
    return hostPortText(choice.host, choice.port);
  }

  /** IP literal and port that messages sent by this client carry. */
  storeHostFor(peer: ConnectionEnds): { host: string; port: number } {
    let storeHost = this.#storeHosts.get(peer);
    if (storeHost === undefined) {
      storeHost = this.#chooseStoreHost(peer);
      this.#storeHosts.set(peer, storeHost);
    }
    return storeHost;
  }

  /** Resolves the host names among rules and brokerIP1 (at start, and every updateNameServerAddrPeriod). Never rejects. */
  async refresh(): Promise<void> {
    const { runtime, log, settings } = this.#options;
    const names = [settings.brokerIP1 ?? "", ...this.#rules.map((rule) => rule.host)].map(withoutBrackets);
    for (const name of new Set(names)) {
      if (name === "" || isIpLiteral(name)) {
        continue;
      }
      try {
        const found = await runtime.dns.resolve(name);
        const chosen = found.find((address) => !address.includes(":")) ?? found[0];
        if (chosen !== undefined) {
          this.#resolved.set(name, chosen);
        }
      } catch (fault) {
        log.warn(`cannot resolve the advertised host name ${name}: message ids carry the address of the connection instead`, {
          error: String(fault),
        });
      }
    }
    this.#storeHosts = new WeakMap();
    this.#interface = undefined;
  }

  /** One sentence a line: what is advertised to whom, and why. For start-up and for `doctor`. */
  explain(): string[] {
    const { settings, oneProcess } = this.#options;
    const rules = this.#rules;
    const registered = this.#registered();
    if (!oneProcess) {
      const lines = [`clients are told ${hostPortText(registered.host, registered.port)}: ${registered.why}`];
      if (rules.length > 0) {
        lines.push("advertisedAddresses has no effect here: its rules act only with nameserver and broker in one process");
      }
      return lines;
    }
    const lines = rules.map(
      (rule, i) =>
        `clients from ${rule.network} are told ${hostPortText(rule.host, rule.port)}: rule ${i + 1} of advertisedAddresses`,
    );
    const others = rules.length > 0 ? "other clients" : "clients";
    lines.push(
      settings.brokerIP1 === undefined && !isSingle(settings.bindAddress)
        ? `${others} are told the address that they reached this server on, port ${settings.listenPort}: brokerIP1 is not set`
        : `${others} are told ${hostPortText(registered.host, registered.port)}: ${registered.why}`,
    );
    return lines;
  }

  #chooseStoreHost(peer: ConnectionEnds): { host: string; port: number } {
    const { settings } = this.#options;
    const fixed = settings.brokerIP1 === undefined ? undefined : this.#asIp(withoutBrackets(settings.brokerIP1));
    if (fixed !== undefined) {
      return { host: fixed, port: settings.listenPort };
    }
    const choice = this.#forPeer(peer);
    const host = this.#asIp(choice.host);
    return host === undefined ? { host: peer.local.host, port: settings.listenPort } : { host, port: choice.port };
  }

  #forPeer(peer: ConnectionEnds): Choice {
    const { settings, oneProcess } = this.#options;
    if (!oneProcess) {
      return this.#registered();
    }
    const rule = matchRule(this.#rules, peer.remote.host);
    if (rule !== undefined) {
      return { host: rule.host, port: rule.port, why: `rule ${rule.network} of advertisedAddresses` };
    }
    if (settings.brokerIP1 !== undefined) {
      return this.#registered();
    }
    // Bound to one address there is nothing to choose, wherever the nameserver in front listens.
    if (isSingle(settings.bindAddress)) {
      return this.#registered();
    }
    return { host: peer.local.host, port: settings.listenPort, why: "the address of the client's connection" };
  }

  #registered(): Choice {
    const { settings, runtime } = this.#options;
    const port = settings.listenPort;
    if (settings.brokerIP1 !== undefined) {
      return { host: withoutBrackets(settings.brokerIP1), port, why: "brokerIP1" };
    }
    if (isSingle(settings.bindAddress)) {
      return { host: withoutBrackets(settings.bindAddress), port, why: "the only address listened on; brokerIP1 is not set" };
    }
    this.#interface ??= firstInterface(runtime.system);
    const found = this.#interface;
    return found === undefined
      ? { host: "127.0.0.1", port, why: "no interface but loopback is up; brokerIP1 is not set" }
      : { host: found.host, port, why: `address of ${found.name}; set brokerIP1 when clients can't reach it` };
  }

  #asIp(host: string): string | undefined {
    return isIpLiteral(host) ? host : this.#resolved.get(host);
  }
}

/**
 * Apache's choice of a local address: no loopback and no bridge; IPv4 before IPv6, a public address before a private one,
 * else the first listed. Bridges are told by their usual names, and taken when there is nothing else.
 */
export function firstInterface(system: System): { host: string; name: string } | undefined {
  const candidates = system.interfaces().filter((card) => !card.loopback && !/^(fe80:|169\.254\.)/i.test(card.host));
  const cards = candidates.filter((card) => !/^(docker|br-|virbr|cni|veth|lxc|lxd|podman)/.test(card.name));
  for (const list of [cards, candidates]) {
    const v4 = list.filter((card) => card.family === 4);
    const chosen = v4.find((card) => !isPrivate(card.host)) ?? v4[0] ?? list[0];
    if (chosen !== undefined) {
      return chosen;
    }
  }
  return undefined;
}

/** One address, not all of the machine's. */
function isSingle(bindAddress: string): boolean {
  return bindAddress !== "0.0.0.0" && bindAddress !== "::";
}

function isPrivate(host: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host);
}
