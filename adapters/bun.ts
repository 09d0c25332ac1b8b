/**
 * Bun. An adapter translates the calls of `core/runtime.ts` to what a runtime offers, and knows nothing of RocketMQ; all
 * of them, and the simulator, pass the suite in `test/conformance`. What is the same on Bun, Deno and Node is in
 * `shared/`; sockets have a file each in `net/`.
 */
import type { Runtime } from "../core/runtime.ts";
import { bunTryLock } from "./lock/bun.ts";
import { bunNet } from "./net/bun.ts";
import { bunPageCache } from "./page_cache/bun.ts";
import { HostClock } from "./shared/clock.ts";
import { hostRuntime } from "./shared/host.ts";

export function bunRuntime(): Runtime {
  const clock = new HostClock();
  return hostRuntime("bun", bunNet(clock), bunTryLock(), bunPageCache(), clock);
}
