/**
 * The key `advertisedAddresses`: which address clients of a network are to dial.
 *
 *   rules = rule *( ";" rule )        rule = CIDR "=" host ":" port
 *
 * `172.16.0.0/12=10.0.0.5:10911;fd00::/8=[fd00::5]:10911;0.0.0.0/0=mq.example.com:30911`: the first rule whose network holds
 * the client's address wins. A CIDR of one family never holds an address of the other; `0.0.0.0/0` is all of IPv4, `::/0`
 * all of IPv6, and an address without `/` is that one address.
 */
import { addressBytes, isHostPort, withoutBrackets } from "./option_checks.ts";

export interface AdvertisedRule {
  /** As written, for log lines. */
  readonly network: string;
  readonly host: string;
  readonly port: number;
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
}

/** Says what is wrong with the value of advertisedAddresses, or undefined. */
export function advertisedAddressRules(value: string): string | undefined {
  try {
    parseAdvertisedRules(value);
    return undefined;
  } catch (fault) {
    return `CIDR=host:port;CIDR=host:port… such as 172.16.0.0/12=10.0.0.5:10911;0.0.0.0/0=mq.example.com:30911 (${(fault as Error).message})`;
  }
}

/** Throws an Error that quotes the rule that is wrong. */
export function parseAdvertisedRules(value: string): AdvertisedRule[] {
  return value
    .split(";")
    .map((rule) => rule.trim())
    .filter((rule) => rule !== "")
    .map(parseRule);
}

/** The first rule whose network holds `address`, an IP literal. */
export function matchRule(rules: readonly AdvertisedRule[], address: string): AdvertisedRule | undefined {
  if (rules.length === 0) {
    return undefined;
  }
  const bytes = addressBytes(address);
  return bytes === undefined ? undefined : rules.find((rule) => holds(rule, bytes));
}

/** The reverse of `hostPortText`; the host is without brackets. Undefined when the text is no `host:port`. */
export function parseHostPort(text: string): { host: string; port: number } | undefined {
  if (!isHostPort(text)) {
    return undefined;
  }
  const colon = text.lastIndexOf(":");
  return { host: withoutBrackets(text.slice(0, colon)), port: Number(text.slice(colon + 1)) };
}

/** True for an IPv4 or IPv6 literal. */
export function isIpLiteral(host: string): boolean {
  return addressBytes(host) !== undefined;
}

function parseRule(rule: string): AdvertisedRule {
  const equals = rule.indexOf("=");
  const network = rule.slice(0, Math.max(equals, 0)).trim();
  const target = parseHostPort(rule.slice(equals + 1).trim());
  const slash = network.indexOf("/");
  const bytes = addressBytes(slash < 0 ? network : network.slice(0, slash));
  if (equals < 0 || bytes === undefined || target === undefined) {
    throw new Error(`"${rule}" is no rule`);
  }
  const bits = slash < 0 ? String(bytes.length * 8) : network.slice(slash + 1);
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > bytes.length * 8) {
    throw new Error(`"${network}" has a prefix outside 0..${bytes.length * 8}`);
  }
  return { network, ...target, bytes, prefixBits: Number(bits) };
}

function holds(rule: AdvertisedRule, address: Uint8Array): boolean {
  if (rule.bytes.length !== address.length) {
    return false;
  }
  const whole = rule.prefixBits >> 3;
  for (let i = 0; i < whole; i++) {
    if (rule.bytes[i] !== address[i]) {
      return false;
    }
  }
  const mask = (0xff00 >> (rule.prefixBits & 7)) & 0xff;
  return mask === 0 || ((rule.bytes[whole]! ^ address[whole]!) & mask) === 0;
}
