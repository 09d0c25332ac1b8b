/** Host names by the system's resolver (so /etc/hosts counts). IPv4 first, as Java prefers it. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Dns } from "../../core/runtime.ts";
import { Fault } from "./fault.ts";

export const hostDns: Dns = {
  async resolve(hostName) {
    if (isIP(hostName) !== 0) return [hostName];
    const found = await lookup(hostName, { all: true }).catch((error: unknown) => {
      throw new Fault(
        "ENOTFOUND",
        `Cannot resolve "${hostName}": ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    });
    const addresses = [...new Set(found.map(({ address }) => address))];
    return addresses.sort((a, b) => isIP(a) - isIP(b));
  },
};
