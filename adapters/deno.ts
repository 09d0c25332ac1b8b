/** Deno. What an adapter is: see `bun.ts`. */
import type { Runtime } from "../core/runtime.ts";
import { denoTryLock } from "./lock/deno.ts";
import { denoNet } from "./net/deno.ts";
import { denoPageCache } from "./page_cache/deno.ts";
import { hostRuntime } from "./shared/host.ts";

export const denoRuntime = (): Runtime => hostRuntime("deno", denoNet, denoTryLock(), denoPageCache());
