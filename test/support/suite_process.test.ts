/** The test runners' own processes. Node runs the runners, so it runs them here too. */

import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

const MODULE = JSON.stringify(new URL("suite_process.mjs", import.meta.url).href);

/** Who is alive is read from /proc. */
const onLinux = test.skipIf(process.platform !== "linux");

/** What a runner sees of `sh -c script`: its exit code or signal, and what it said, once its pipe is closed. */
function suite(script: string, options = ""): unknown {
  const runner = `
    import { startSuite } from ${MODULE};
    const child = startSuite("sh", ["-c", ${JSON.stringify(script)}], { stdio: ["ignore", "pipe", "inherit"], ${options} });
    let said = "";
    child.stdout.on("data", (chunk) => (said += chunk));
    child.on("close", (code, signal) => console.log(JSON.stringify({ end: code ?? signal, said })));`;
  const { stdout } = spawnSync("node", ["--input-type=module", "-e", runner], { timeout: 15_000 });
  return JSON.parse(stdout.toString());
}

onLinux("a server that a suite leaves behind neither holds its pipe nor lives on", () => {
  const { end, said } = suite("sleep 600 & echo $!") as { end: number; said: string };
  expect(end).toBe(0);
  expect(isAlive(Number(said))).toBeFalse();
});

onLinux("a suite beyond its limit is ended, and what it started with it", () => {
  const options = 'limitMs: 200, onLimit: () => console.error("late")';
  const { end, said } = suite("sleep 600 & echo $!; wait", options) as { end: string; said: string };
  expect(end).toBe("SIGTERM");
  expect(isAlive(Number(said))).toBeFalse();
});

/** A process that has ended may wait for somebody to ask how: state Z, the word after its name. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
