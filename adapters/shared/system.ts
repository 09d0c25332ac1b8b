/** What the process and its machine are, from `node:os` and `node:process`. */
import { readFileSync } from "node:fs";
import { availableParallelism, homedir, hostname, networkInterfaces, totalmem } from "node:os";
import process from "node:process";
import type { NetworkInterface, System } from "../../core/runtime.ts";

export const hostSystem: System = {
  pid: process.pid,
  hostName: () => hostname(),
  memory: () => ({ totalBytes: totalmem(), residentBytes: residentBytes() }),
  cpuCount: () => availableParallelism(),
  environment: (name) => process.env[name],
  homeDirectory: () => homedir(),
  utcOffsetMinutes: (ms) => -new Date(ms).getTimezoneOffset(),
  bootId,

  interfaces() {
    const found: NetworkInterface[] = [];
    for (const [name, addresses] of Object.entries(networkInterfaces())) {
      for (const { address, family, internal } of addresses ?? []) {
        // A link-local IPv6 address may carry its zone ("fe80::1%eth0"): not part of the literal.
        const host = address.split("%")[0]!;
        found.push({ name, host, family: family === "IPv6" ? 6 : 4, loopback: internal });
      }
    }
    return found;
  },
};

/** Linux only. */
function bootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

/** 0 when the system cannot tell: Bun reads a file for it, and there may be no file handle left. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}
