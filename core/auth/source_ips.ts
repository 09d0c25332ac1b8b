/** Addresses and networks (CIDR) that a policy entry is limited to. */
import { addressBytes } from "../option_checks.ts";

/** True for an IP literal, or one with `/` and the length of a prefix. */
export function isIpOrCidr(text: string): boolean {
  return network(text) !== undefined;
}

/** Whether the IP literal `host` is in the network `range`; IPv4 and IPv6 never are in each other's. */
export function isInRange(host: string, range: string): boolean {
  const address = addressBytes(host);
  const net = network(range);
  if (address === undefined || net === undefined || address.length !== net.bytes.length) return false;
  for (let bit = 0; bit < net.bits; bit += 8) {
    const mask = bit + 8 <= net.bits ? 0xff : (0xff00 >> (net.bits - bit)) & 0xff;
    if ((((address[bit >> 3] as number) ^ (net.bytes[bit >> 3] as number)) & mask) !== 0) return false;
  }
  return true;
}

function network(text: string): { bytes: Uint8Array; bits: number } | undefined {
  const slash = text.indexOf("/");
  const bytes = addressBytes(slash < 0 ? text : text.slice(0, slash));
  if (bytes === undefined) return undefined;
  const bits = slash < 0 ? String(bytes.length * 8) : text.slice(slash + 1);
  return /^\d{1,3}$/.test(bits) && Number(bits) <= bytes.length * 8 ? { bytes, bits: Number(bits) } : undefined;
}
