/**
 * Lists of networks: `10.0.0.0/8;fd00::/8;192.168.1.7`. A network of one family never holds an address of the other; without `/`
 * it is that one address.
 */
import { addressBytes } from "./option_checks.ts";

/** A check for an option: what is allowed when `value` is no such list. */
export function networkList(value: string): string | undefined {
  return parsed(value) === undefined ? "networks such as 10.0.0.0/8;fd00::/8, separated by semicolons" : undefined;
}

/** Says of an IP literal whether one of the networks holds it. @param value of an option that `networkList` checked */
export function networkTest(value: string): (host: string) => boolean {
  const networks = parsed(value) ?? [];
  return (host) => {
    const bytes = addressBytes(host);
    return bytes !== undefined && networks.some((network) => holds(network, bytes));
  };
}

interface Network {
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
}

function parsed(value: string): Network[] | undefined {
  const networks: Network[] = [];
  for (const entry of value.split(";")) {
    if (entry.trim() === "") continue;
    const [address = "", prefix, ...more] = entry.trim().split("/");
    const bytes = addressBytes(address);
    if (bytes === undefined || more.length > 0) return undefined;
    const prefixBits = prefix === undefined ? bytes.length * 8 : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
    if (prefixBits > bytes.length * 8) return undefined;
    networks.push({ bytes, prefixBits });
  }
  return networks;
}

function holds({ bytes, prefixBits }: Network, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false;
  for (let bit = 0, i = 0; bit < prefixBits; bit += 8, i++) {
    const mask = prefixBits - bit >= 8 ? 0xff : (0xff << (8 - (prefixBits - bit))) & 0xff;
    if (((bytes[i]! ^ address[i]!) & mask) !== 0) return false;
  }
  return true;
}
