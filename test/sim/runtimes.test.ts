/** A seed is a run, whatever it runs on: Bun, Deno and Node come to the same trace, line by line. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { commandFor, HOST } from "../support/host_runtime.ts";

const RUN = fileURLToPath(new URL("run.ts", import.meta.url));
const SEEDS = 4;

async function hashesOn(runtime: "bun" | "deno" | "node"): Promise<string[]> {
  const [command, args] = commandFor(runtime, RUN, "--seed", "1", "--count", String(SEEDS), "--hashes");
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Uint8Array) => {
    output += new TextDecoder().decode(chunk);
  });
  await new Promise((resolve) => {
    child.on("close", resolve);
  });
  return output.split("\n").filter((line) => /^\w+ \d+ [0-9a-f]{16}$/.test(line));
}

// One of the three starts the others; the suite runs on each of them.
test.skipIf(HOST !== "bun")(
  "the traces of a few seeds are the same on Bun, Deno and Node",
  async () => {
    const [bun, deno, node] = await Promise.all([hashesOn("bun"), hashesOn("deno"), hashesOn("node")]);
    expect(bun.length).toBeGreaterThanOrEqual(SEEDS);
    expect(deno).toEqual(bun);
    expect(node).toEqual(bun);
  },
  120_000,
);
