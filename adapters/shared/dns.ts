/** Host names by the system's resolver (so /etc/hosts counts). IPv4 first, as Java prefers it. */
import type { Dns } from "../../core/runtime.ts";
import { Fault } from "./fault.ts";

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

export const hostDns: Dns = {
  async resolve(hostName) {
    // Before the modules are loaded that would know it, too: most clients never give it a name.
    if (IPV4.test(hostName)) return [hostName];
    const [{ lookup }, { isIP }] = await Promise.all([import("node:dns/promises"), import("node:net")]);
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
