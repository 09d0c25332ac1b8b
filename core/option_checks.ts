/** What several tables check of a text. A check returns what is allowed when the value is not, else undefined. */

import { HOST_V6_BYTES, writeHost } from "../wire/host.ts";

/** `host:port;host:port`; a host is a name, an IPv4 literal, or an IPv6 literal in brackets. */
export function namesrvAddrList(value: string | undefined): string | undefined {
  const entries = (value ?? "").split(";").map((entry) => entry.trim());
  // Java splits at the last colon, so an IPv6 literal without brackets passes there and here.
  const wrong = entries.some(
    (entry) => entry !== "" && !isHostPort(entry) && !/^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:\d{1,5}$/.test(entry),
  );
  return wrong ? 'a list such as "127.0.0.1:9876;192.168.0.1:9876"' : undefined;
}

export function isHostPort(entry: string): boolean {
  const match = /^(\[[0-9A-Fa-f:.%a-z]+\]|[^:[\]\s/]+):(\d{1,5})$/.exec(entry);
  return match !== null && Number(match[2]) >= 1 && Number(match[2]) <= 65535;
}

/**
 * brokerName and brokerClusterName become topics, and a topic becomes a directory. Apache does not look; a host name, its
 * default for brokerName, may hold dots.
 */
export function nameOfBroker(value: string): string | undefined {
  const good = value.length >= 1 && value.length <= 127 && /^[%|a-zA-Z0-9._-]+$/.test(value) && !/^\.+$/.test(value);
  return good ? undefined : "1 to 127 of the characters a-z A-Z 0-9 _ - . % |";
}

/** `04`, or several hours: `02;14`. */
export function hoursOfDay(value: string): string | undefined {
  const good = value.split(";").every((hour) => /^\d{1,2}$/.test(hour.trim()) && Number(hour) <= 23);
  return good ? undefined : "hours of the day from 0 to 23, separated by semicolons, such as 04 or 02;14";
}

/** `1s 5s 10s 1m 2h 1d`. */
export function delayLevels(value: string): string | undefined {
  return /^\d+[smhd]( \d+[smhd])*$/.test(value) ? undefined : "a list such as 1s 5s 10s 30s 1m 2h 1d";
}

/** One IP literal (IPv6 with or without brackets) or host name, without port. */
export function hostWithoutPort(value: string | undefined): string | undefined {
  if (value === undefined || /^[A-Za-z0-9._-]+$/.test(value) || addressBytes(withoutBrackets(value)) !== undefined) {
    return undefined;
  }
  return "one IP address or host name, without port";
}

/** What is listened on. */
export function listenHost(value: string): string | undefined {
  return value === "" || hostWithoutPort(value) !== undefined
    ? "an IP address of this machine without port, 0.0.0.0 for every IPv4 interface, or :: for every interface"
    : undefined;
}

export function directoryOrFile(value: string): string | undefined {
  return value === "" || value.includes("\0") ? "a path" : undefined;
}

/** The 4 or 16 bytes of an IP literal, undefined when it is none. */
export function addressBytes(literal: string): Uint8Array | undefined {
  const target = new Uint8Array(HOST_V6_BYTES);
  try {
    return target.subarray(0, writeHost(target, 0, literal, 0) - 4);
  } catch {
    return undefined;
  }
}

export function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

/** Goes into message properties, which end in the bytes 1 and 2. */
export function plainWord(value: string): string | undefined {
  return /^[\x21-\x7e]{1,255}$/.test(value) ? undefined : "1 to 255 visible ASCII characters without blanks";
}
