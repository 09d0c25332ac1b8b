/** Deno. What an adapter is: see `bun.ts`. */
import type { Runtime } from "../core/runtime.ts";
import { denoTryLock } from "./lock/deno.ts";
import { denoNet } from "./net/deno.ts";
import { HostClock } from "./shared/clock.ts";
import { hostCompression } from "./shared/compression.ts";
import { hostDigest, hostRandom } from "./shared/digest.ts";
import { hostDns } from "./shared/dns.ts";
import { HostFiles } from "./shared/files.ts";
import { hostSystem } from "./shared/system.ts";

export function denoRuntime(): Runtime {
  return {
    name: "deno",
    net: denoNet,
    files: new HostFiles(denoTryLock()),
    clock: new HostClock(),
    random: hostRandom,
    digest: hostDigest,
    compression: hostCompression,
    system: hostSystem,
    dns: hostDns,
  };
}
