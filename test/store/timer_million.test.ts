/** A million messages that wait for their time: what the process keeps in memory does not grow with them. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandFor, HOST } from "../support/host_runtime.ts";

const CHILD = fileURLToPath(new URL("./timer_million_child.ts", import.meta.url));
const MESSAGES = 1_000_000;
/** Ten a slot of a second. */
const SPAN_SECONDS = 100_000;
/** Of the timer log, for each message. */
const UNIT_BYTES = 52;
/** The last three quarters may cost so much: 65 bytes a message, where an object each would be a hundred. Seen: 7 to 23 MiB. */
const GROWTH_KIB_MAX = 48 * 1024;

interface Step {
  readonly step: string;
  readonly waiting: number;
  readonly deliveries: number;
  readonly delivered: number;
  readonly anonymousKib: number;
}

function run(directory: string): Promise<Step[]> {
  const [command, args] = commandFor(HOST, CHILD, directory, String(MESSAGES), String(SPAN_SECONDS));
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on("close", (code) => {
      const lines = output.trimEnd().split("\n");
      if (code === 0) resolve(lines.map((line) => JSON.parse(line) as Step));
      else reject(new Error(`the child ended with ${code}: ${errors}`));
    });
  });
}

test.skipIf(!existsSync("/proc/self/status"))(
  "a million pending timers",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "edgemq-timers-"));
    try {
      const steps = await run(directory);
      const [quarter, , , all, opened, delivered] = steps;
      expect(all).toMatchObject({ waiting: MESSAGES, deliveries: 0, delivered: 0 });
      expect(all!.anonymousKib - quarter!.anonymousKib).toBeLessThan(GROWTH_KIB_MAX);
      // A start reads the wheel and no unit: it costs no more than they did.
      expect(opened).toMatchObject({ waiting: MESSAGES, deliveries: 0, delivered: 0 });
      expect(opened!.anonymousKib - quarter!.anonymousKib).toBeLessThan(GROWTH_KIB_MAX);
      expect(delivered).toMatchObject({
        waiting: MESSAGES - MESSAGES / 100,
        deliveries: MESSAGES / 100,
        delivered: MESSAGES / 100,
      });
      expect(delivered!.anonymousKib - quarter!.anonymousKib).toBeLessThan(GROWTH_KIB_MAX);
      const logs = readdirSync(join(directory, "timerlog"));
      const logBytes = logs.reduce((sum, name) => sum + statSync(join(directory, "timerlog", name)).size, 0);
      expect(logBytes).toBeGreaterThanOrEqual(MESSAGES * UNIT_BYTES);
      // 14 days of slots of 32 bytes, whatever waits.
      expect(statSync(join(directory, "timerwheel")).size).toBe(14 * 86_400 * 32);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  300_000,
);
