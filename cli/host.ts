/** The runtime that this process runs on, and what a command needs of its process. */
import process from "node:process";
import type { Runtime } from "../core/runtime.ts";

/** Bun, Deno or Node, whichever this is. Each adapter is loaded only where it works. */
export async function hostRuntime(): Promise<Runtime> {
  if ("Bun" in globalThis) {
    return (await import("../adapters/bun.ts")).bunRuntime();
  }
  if ("Deno" in globalThis) {
    return (await import("../adapters/deno.ts")).denoRuntime();
  }
  return (await import("../adapters/node.ts")).nodeRuntime();
}

/** One line on standard output: what a user or a script waits for. The log goes its own way. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}
