// Runs test files on one runtime, all in one process, and ends with the line `N passed, N failed[, N skipped]`:
//
//     node test/support/run.mjs <bun|deno|node> [file or directory]…
//
// A directory stands for all `*.test.ts` below it; without any, `test` without `test/interop`. The exit code is 1 when
// something failed, a file did not load, or nothing ran.
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
// "./" tells Bun that it is a path and not a filter.
const [command, ...rest] = commands[runtime](files.map((file) => `./${relative(root, file)}`));
const child = startSuite(command, rest, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
let output = "";
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
  if (runtime === "bun") finishBun(code, signal);
  else if (/^\d+ passed, \d+ failed/m.test(output)) process.exitCode = code ?? 1;
  else finish({ passed: 0, failed: 1, skipped: 0 }, `${runtime} ended early: ${signal ?? `exit code ${code}`}`);
});

/** Bun's own summary (` 12 pass`, ` 1 fail`, ` 2 skip`, ` 1 error`) in the common form. */
function finishBun(code, signal) {
  const count = (word) => Number(output.match(new RegExp(`^ *(\\d+) ${word}s?$`, "m"))?.[1] ?? 0);
  const failed = count("fail") + count("error");
  const sum = { passed: count("pass"), failed, skipped: count("skip") + count("todo") };
  if (code !== 0 && failed === 0) finish({ ...sum, failed: 1 }, `bun ended early: ${signal ?? `exit code ${code}`}`);
  else finish(sum);
}

function finish({ passed, failed, skipped }, reason) {
  if (reason !== undefined) console.log(reason);
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
