/** The lines that say a server is ready. Scripts wait for them, so they are Apache's to the letter. */

import type { Endpoint } from "../core/runtime.ts";
import { hostPortText } from "../wire/host.ts";
import { SERIALIZE_NAMES, type SerializeType } from "../wire/remoting_command.ts";

/** @param listened the address listened on */
export function namesrvReadyLine(serializeType: SerializeType, listened: Endpoint): string {
  return `The Name Server boot success. serializeType=${SERIALIZE_NAMES[serializeType]}, address ${addressText(listened)}`;
}

/** @param address `host:port` @param namesrvAddr as configured; without it Apache's line ends early */
export function brokerReadyLine(
  serializeType: SerializeType,
  brokerName: string,
  address: string,
  namesrvAddr: string | undefined,
): string {
  const line = `The broker[${brokerName}, ${address}] boot success. serializeType=${SERIALIZE_NAMES[serializeType]}`;
  return namesrvAddr === undefined ? line : `${line} and name server is ${namesrvAddr}`;
}

/** One line a port, when it takes connections. */
export function portLine(what: string, listened: Endpoint): string {
  return `${what} listens on ${addressText(listened)}`;
}

export function addressText({ host, port }: Endpoint): string {
  return hostPortText(host, port);
}
