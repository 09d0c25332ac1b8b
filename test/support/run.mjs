// Runs test files on one runtime, all in one process, and ends with the line `N passed, N failed[, N skipped]`:
//
//     node test/support/run.mjs <bun|deno|node> [file or directory]…
//
// A directory stands for all `*.test.ts` below it; without any, `test` without `test/interop`. The exit code is 1 when
// something failed, a file did not load, or nothing ran.
//
// The files of up to three failed tests run once more by themselves, and what passes then is named before the sum: two runtimes'
// servers and a JVM may share the machine with it.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { startSuite } from "./suite_process.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = resolve(here, "../..");

/** A test that does not say how long it may take. Against one that hangs: that the machine is busy is no failure. */
const TIMEOUT_MS = 20_000;

const [runtime, ...paths] = process.argv.slice(2);
const commands = {
  bun: (files) => [local("bun"), "test", "--only-failures", `--timeout=${TIMEOUT_MS}`, ...files],
  deno: (files) => [local("deno"), "run", "-A", "--no-lock", `--import-map=${join(here, "imports.json")}`, main, ...files],
  node: (files) => [process.execPath, ...nodeImports(), main, ...files],
};
const main = join(here, "main.ts");

if (!Object.hasOwn(commands, runtime ?? "")) {
  console.error(`Usage: run.mjs <${Object.keys(commands).join("|")}> [file or directory]…`);
  process.exit(2);
}
const files = paths.length > 0 ? paths.flatMap((path) => testsBelow(resolve(path))) : defaultTests();
if (files.length === 0) {
  console.error(`No test files in ${paths.join(", ") || "test"}`);
  process.exit(1);
}

/** More than so many failures are no busy moment. */
const SECOND_TRIES_MAX = 3;
/** A seed that finds a fault may find it in one run of many: what these say once holds. */
const TRIED_ONCE = /^test\/(?:sim|fuzz)\//;

const first = await runOnce(files);
const again = first.failed <= SECOND_TRIES_MAX && !first.early ? filesToTryAgain(first) : [];
if (again.length === 0) finish(first);
else {
  console.log(`\n== once more: ${again.join(", ")}`);
  const second = await runOnce(again);
  const failed = second.early || second.passed === 0 ? first.failed : Math.min(second.failed, first.failed);
  const words = ({ file, name }) => `  ${file}: ${name}`;
  const failedTwice = new Set(second.failures.map(words));
  const mended = first.failures.map(words).filter((failure) => !failedTwice.has(failure));
  if (failed < first.failed) console.log(`Passed at the second try:\n${mended.join("\n")}`);
  finish({ ...first, passed: first.passed + first.failed - failed, failed });
}

/** The files of what failed; none when one of them is not to run again, or not known. */
function filesToTryAgain({ failed, failures }) {
  const again = [...new Set(failures.map(({ file }) => file))];
  return failures.length === failed && again.every((file) => file !== "" && !TRIED_ONCE.test(file)) ? again : [];
}

/**
 * One process of the runtime; what it says is passed on.
 * @returns its counts, `failures` by file and name, and whether it ended `early`, without a sum: that counts as one failure
 */
function runOnce(paths) {
  return new Promise((resolvePromise) => {
    // "./" tells Bun that it is a path and not a filter.
    const [command, ...rest] = commands[runtime](paths.map((file) => `./${relative(root, resolve(root, file))}`));
    const child = startSuite(command, rest, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    // A character may lie across two chunks.
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8");
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      from.on("data", (chunk) => {
        output += chunk;
        to.write(chunk);
      });
    }
    child.on("close", (code, signal) => {
      const sum = runtime === "bun" ? bunSum(output) : mainSum(output);
      const early = sum === undefined || (code !== 0 && sum.failed === 0);
      if (early) console.log(`${runtime} ended early: ${signal ?? `exit code ${code}`}`);
      const { passed, failed, skipped } = sum ?? { passed: 0, failed: 0, skipped: 0 };
      resolvePromise({ passed, failed: early ? failed + 1 : failed, skipped, early, failures: failuresIn(output) });
    });
  });
}

/** Bun's own summary: ` 12 pass`, ` 1 fail`, ` 2 skip`, ` 1 error`. */
function bunSum(output) {
  const count = (word) => Number(output.match(new RegExp(`^ *(\\d+) ${word}s?$`, "m"))?.[1] ?? 0);
  return { passed: count("pass"), failed: count("fail") + count("error"), skipped: count("skip") + count("todo") };
}

/** The last line of `main.ts`. */
function mainSum(output) {
  // The last: what a test prints may look like a sum.
  const [, passed, failed, skipped] = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1) ?? [];
  return passed === undefined ? undefined : { passed: Number(passed), failed: Number(failed), skipped: Number(skipped ?? 0) };
}

/** Bun names the file in a line before its failures, `main.ts` in the line itself, at the end once more. */
function failuresIn(output) {
  const failures = new Map();
  let file = "";
  for (const line of output.split("\n")) {
    const heading = /^(\S+\.test\.ts):$/.exec(line);
    if (heading !== null) file = heading[1];
    const [, own, name] = /^\(fail\) (?:(\S+\.test\.ts) > )?(.*?)(?: \[[\d.]+ms\])?$/.exec(line) ?? [];
    if (name !== undefined && !failures.has(line)) failures.set(line, { file: own ?? file, name });
  }
  return [...failures.values()];
}

function finish({ passed, failed, skipped }) {
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed > 0 ? 1 : 0;
}

function testsBelow(path) {
  if (!existsSync(path)) {
    console.error(`There is no ${path}`);
    process.exit(2);
  }
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .filter((name) => name !== "node_modules")
    .map((name) => join(path, name))
    .flatMap((below) => (statSync(below).isDirectory() ? testsBelow(below) : below.endsWith(".test.ts") ? [below] : []));
}

function defaultTests() {
  const interop = join(root, "test/interop/");
  return testsBelow(join(root, "test")).filter((file) => !file.startsWith(interop));
}

/** The binary that npm installed for this project. */
function local(name) {
  return join(root, "node_modules/.bin", name);
}

function nodeImports() {
  return ["--import", import.meta.resolve("tsx"), "--import", pathToFileURL(join(here, "hooks.mjs")).href];
}
