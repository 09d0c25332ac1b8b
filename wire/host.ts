/**
 * Internet addresses as records and message ids carry them: the raw address (4 or 16 bytes), then the port as int32.
 *
 * In text an address is a literal: `10.0.0.1`, `fe80::1`, without brackets. An IPv4 address mapped into IPv6
 * (`::ffff:10.0.0.1`) is IPv4, as it is for Java.
 */
import { WireError } from "./errors.ts";

export const HOST_V4_BYTES = 8;
export const HOST_V6_BYTES = 20;

/** `host:port`, an IPv6 literal in brackets, as clients parse it (they split at the last colon). */
export function hostPortText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True when `host` is written with 16 bytes. Looks only at the form; `writeHost` checks the rest. */
export function isV6(host: string): boolean {
  return host.includes(":") && mappedV4(host) === undefined;
}

/**
 * Writes address and port at `at`; returns the bytes written, 8 or 20.
 * @throws WireError when `host` is not an IP literal or `port` is outside 0..65535; `target` may be partly written then.
 */
export function writeHost(target: Uint8Array, at: number, host: string, port: number): number {
  if (!(port >= 0 && port <= 65_535)) throw new WireError(`port ${port} of ${host} is outside 0..65535`);
  let addressBytes = 4;
  if (!writeV4(target, at, host)) {
    const v4 = mappedV4(host);
    if (v4 === undefined || !writeV4(target, at, v4)) {
      writeV6(target, at, host);
      addressBytes = 16;
    }
  }
  const portAt = at + addressBytes;
  target[portAt] = 0;
  target[portAt + 1] = 0;
  target[portAt + 2] = port >>> 8;
  target[portAt + 3] = port;
  return addressBytes + 4;
}

/** The literal of the 4 or 16 address bytes at `at`; IPv6 in its short form (RFC 5952). */
export function readHost(bytes: Uint8Array, at: number, addressBytes: 4 | 16): string {
  if (addressBytes === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  if (isMapped(bytes, at)) return readHost(bytes, at + 12, 4);
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[at + i] as number) << 8) | (bytes[at + i + 1] as number));
  const { from, length } = longestZeroRun(groups);
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, from))}::${hex(groups.slice(from + length))}`;
}

function longestZeroRun(groups: readonly number[]): { from: number; length: number } {
  let best = { from: 0, length: 0 };
  let from = 0;
  for (let i = 0; i < groups.length; i++) {
    if (groups[i] !== 0) from = i + 1;
    else if (i + 1 - from > best.length) best = { from, length: i + 1 - from };
  }
  return best;
}

const MAPPED = /^(?:0:0:0:0:0|::|0::|:):?ffff:(\d+\.\d+\.\d+\.\d+)$/i;

const mappedV4 = (host: string): string | undefined => (host.includes(".") ? MAPPED.exec(host)?.[1] : undefined);

function isMapped(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
}

/** False when `host` is not four decimal bytes. Without a split: it runs twice a message. */
function writeV4(target: Uint8Array, at: number, host: string): boolean {
  let value = -1;
  let index = 0;
  for (let i = 0; i < host.length; i++) {
    const char = host.charCodeAt(i);
    if (char === 46) {
      if (value < 0 || index === 3) return false;
      target[at + index++] = value;
      value = -1;
    } else {
      if (char < 48 || char > 57) return false;
      value = (value < 0 ? 0 : value * 10) + char - 48;
      if (value > 255) return false;
    }
  }
  if (value < 0 || index !== 3) return false;
  target[at + 3] = value;
  return true;
}

function writeV6(target: Uint8Array, at: number, host: string): void {
  const wrong = (): WireError => new WireError(`"${host.slice(0, 60)}" is not an IP address literal`);
  const zone = host.indexOf("%");
  const literal = zone < 0 ? host : host.slice(0, zone);
  const halves = literal.split("::");
  if (halves.length > 2 || !literal.includes(":")) throw wrong();
  const groupsOf = (half: string | undefined): number[] => {
    if (half === undefined || half === "") return [];
    return half.split(":").flatMap((group, i, all) => {
      if (i === all.length - 1 && group.includes(".")) {
        const v4 = new Uint8Array(4);
        if (!writeV4(v4, 0, group)) throw wrong();
        return [((v4[0] as number) << 8) | (v4[1] as number), ((v4[2] as number) << 8) | (v4[3] as number)];
      }
      if (!/^[0-9a-f]{1,4}$/i.test(group)) throw wrong();
      return [Number.parseInt(group, 16)];
    });
  };
  const head = groupsOf(halves[0]);
  const tail = groupsOf(halves[1]);
  const given = head.length + tail.length;
  if (halves.length === 2 ? given > 7 : given !== 8) throw wrong();
  const groups = [...head, ...new Array<number>(8 - given).fill(0), ...tail];
  for (let i = 0; i < 8; i++) {
    const group = groups[i] as number;
    target[at + 2 * i] = group >>> 8;
    target[at + 2 * i + 1] = group;
  }
}
