/** The adapter of the runtime that the tests run on. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Runtime } from "../../core/runtime.ts";

export const HOST: "bun" | "deno" | "node" = "bun" in process.versions ? "bun" : "deno" in process.versions ? "deno" : "node";

/** Loaded by name: each adapter imports what only its own runtime has. */
export async function hostRuntime(): Promise<Runtime> {
  switch (HOST) {
    case "bun":
      return (await import("../../adapters/bun.ts")).bunRuntime();
    case "deno":
      return (await import("../../adapters/deno.ts")).denoRuntime();
    case "node":
      return (await import("../../adapters/node.ts")).nodeRuntime();
  }
}

/** What starts `script` on a runtime, as the arguments of `spawn`. */
export function commandFor(runtime: "bun" | "deno" | "node", script: string, ...rest: string[]): [string, string[]] {
  const local = (path: string) => fileURLToPath(new URL(`../../node_modules/${path}`, import.meta.url));
  switch (runtime) {
    case "bun":
      return [local(".bin/bun"), [script, ...rest]];
    case "deno":
      return [local(".bin/deno"), ["run", "-A", "--no-lock", script, ...rest]];
    case "node":
      return ["node", ["--import", new URL("../../node_modules/tsx/dist/esm/index.mjs", import.meta.url).href, script, ...rest]];
  }
}
