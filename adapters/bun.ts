/**
 * Bun. An adapter translates the calls of `core/runtime.ts` to what a runtime offers, and knows nothing of RocketMQ; all
 * of them, and the simulator, pass the suite in `test/conformance`. What is the same on Bun, Deno and Node is in
 * `shared/`; sockets have a file each in `net/`.
 */
import type { Runtime } from "../core/runtime.ts";
import { bunTryLock } from "./lock/bun.ts";
import { bunNet } from "./net/bun.ts";
import { HostClock } from "./shared/clock.ts";
import { hostCompression } from "./shared/compression.ts";
import { hostDigest, hostRandom } from "./shared/digest.ts";
import { hostDns } from "./shared/dns.ts";
import { HostFiles } from "./shared/files.ts";
import { hostSystem } from "./shared/system.ts";

export function bunRuntime(): Runtime {
  return {
    name: "bun",
    net: bunNet,
    files: new HostFiles(bunTryLock()),
    clock: new HostClock(),
    random: hostRandom,
    digest: hostDigest,
    compression: hostCompression,
    system: hostSystem,
    dns: hostDns,
  };
}
