/** What shows in a process of its own only. */

import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { commandFor, HOST } from "../support/host_runtime.ts";

function run(script: string): { said: string; status: number | null } {
  const [command, args] = commandFor(HOST, fileURLToPath(new URL(script, import.meta.url)));
  const { stdout, status } = spawnSync(command, args, { timeout: 20_000, stdio: ["ignore", "pipe", "inherit"] });
  return { said: stdout.toString().trim(), status };
}

test("pending timers do not keep a process alive", () => {
  expect(run("pending_timers.ts")).toEqual({ said: "set", status: 0 });
}, 30_000);

test("what a socket handler throws is an uncaught error, not a fault of the connection", () => {
  expect(run("throwing_handler.ts")).toEqual({ said: "uncaught: a bug in the handler", status: 7 });
}, 30_000);
