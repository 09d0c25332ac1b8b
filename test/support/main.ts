/** Runs test files in this process, on Deno or Node: `main.ts <file>…`. The last line is the sum. Started by `run.mjs`. */
import { relative, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { failRunningTest, printable, run } from "./bun_test.ts";

const sum = { passed: 0, failed: 0, skipped: 0 };
const failedNames: string[] = [];

function failed(file: string, name: string, error: unknown): void {
  sum.failed++;
  failedNames.push(`${file} > ${name}`);
  console.log(`\n(fail) ${file} > ${name}\n${printable(error)}\n`);
}

let running = "";
function stray(error: unknown): void {
  if (!failRunningTest(error)) failed(running, "an error between the tests", error);
}
process.on("uncaughtException", stray);
process.on("unhandledRejection", stray);
// What a test waits for may hang on nothing but unref'd timers.
const hold = setInterval(() => {}, 2 ** 30);

for (const path of process.argv.slice(2)) {
  running = relative(process.cwd(), resolve(path));
  const started = performance.now();
  try {
    await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    failed(running, "loading the file", error);
  }
  const { passed, skipped, failures } = await run();
  sum.passed += passed;
  sum.skipped += skipped;
  for (const { name, error } of failures) failed(running, name, error);
  console.log(`${running}: ${passed} passed in ${Math.round(performance.now() - started)} ms`);
}

clearInterval(hold);
for (const name of failedNames) console.log(`(fail) ${name}`);
const line = `${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ""}`;
// Not console.log: whoever leaks a socket or a timer must not keep us, and the line must be out before the exit.
process.stdout.write(`${line}\n`, () => process.exit(sum.failed > 0 ? 1 : 0));
