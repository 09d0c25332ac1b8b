// `npm test` and `npm run test:full`: every suite in turn, and one sum as the last line, `N passed, N failed[, N skipped]`.
//
//     node test/run.mjs [--full]
//
// Plain: everything below test/ on Bun, what must hold on each runtime also on Deno and Node, and the interop suites, which
// need a JDK and Maven and say so when they are skipped for want of them (with CI=true that is a failure). --full: every
// suite on every runtime, and the interop suite over all runtimes, client versions and header serializations.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { startSuite } from "./support/suite_process.mjs";

const root = resolve(fileURLToPath(new URL(".", import.meta.url)), "..");
const full = process.argv.includes("--full");

/** A suite that takes longer hangs, and is ended and counted as failed, so that what comes after it still gets its turn. */
const LIMIT_MINUTES = 15;

/** Of a suite. */
const CLOSING_LINES_MAX = 200;

/** On Deno and Node: the port itself, and the suites about bytes and files (test/cli starts processes of all runtimes itself). */
const EVERYWHERE = ["test/conformance", "test/wire", "test/config", "test/client", "test/store/store.test.ts"];

const tests = [process.execPath, "test/support/run.mjs"];
const suites = [
  { name: "all suites on Bun", command: [...tests, "bun"] },
  { name: full ? "all suites on Deno" : "Deno", command: [...tests, "deno", ...(full ? [] : EVERYWHERE)] },
  { name: full ? "all suites on Node" : "Node", command: [...tests, "node", ...(full ? [] : EVERYWHERE)] },
];
const interop = (name, targets) => ({
  name: full ? `interop, the whole matrix: ${name}` : `interop, ${name}`,
  command: ["node_modules/.bin/bun", "test/interop/run.ts", full ? "--full" : "--test", "--target", targets],
  limitMinutes: full ? 40 : LIMIT_MINUTES,
});
/** As long as `pairsAndStores`. */
const matrix = full
  ? [interop("Bun and Deno", "bun,deno"), ...storeTurns([["bun", "small", "pop,popMerge"]])]
  : [interop("Bun", "bun")];
const pairsAndStores = [
  full ? interop("Node", "node") : interop("Deno and Node", "deno,node"),
  {
    name: full ? "our client and Java's, every broker" : "our client and Java's",
    command: ["node_modules/.bin/bun", "test/interop/client_pairs.ts", ...(full ? ["--target", "bun,deno,node,apache"] : [])],
  },
  {
    name: "mqadmin, Apache's and ours",
    command: ["node_modules/.bin/bun", "test/interop/mqadmin_compare.ts", ...(full ? ["--target", "bun,apache"] : [])],
  },
  ...(full
    ? [
        { name: "metrics, Apache's and ours", command: ["node_modules/.bin/bun", "test/interop/metrics_compare.ts"] },
        { name: "faults of the client", command: ["node_modules/.bin/bun", "test/interop/client_faults.ts"] },
      ]
    : []),
  ...(full ? [{ name: "the client's matrix", command: ["node_modules/.bin/bun", "test/interop/client_matrix.ts"] }] : []),
  ...(full
    ? [
        {
          name: "ACL 1.0 beside Apache 5.3.2",
          command: ["node_modules/.bin/bun", "test/interop/acl1_compare.ts", "--target", "bun,deno,node"],
        },
      ]
    : []),
  // A chain takes a minute and a half: plain and small on each runtime, the rest once, on Bun.
  ...storeTurns(
    full
      ? [
          ["deno,node", "small", "plain"],
          ["bun", "small,default", "special"],
        ]
      : [["bun", "small", "plain"]],
  ),
];

const sum = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
/** What is to be read of tens of thousands of lines: said once more at the end. */
const closing = [];
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (interrupted = true));
await inTurn(suites);
// Java mostly waits (for time-outs, for servers that start): two of its suites go on at once, the second's words after the fact.
await run(["node_modules/.bin/bun", "test/interop/build.ts"]); // what fails here fails again in the suites, and is counted there
await Promise.all([inTurn(matrix), inTurn(pairsAndStores, "quietly")]);
for (const words of closing) console.log(`\n${words}`);
console.log(failures.length > 0 ? `\nFailed: ${failures.join("; ")}` : "");
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ""}`);
process.exitCode = sum.failed > 0 ? 1 : 0;

async function inTurn(list, quietly) {
  for (const { name, command, limitMinutes } of list) {
    if (!quietly) console.log(`\n== ${name}`);
    const startedAt = performance.now();
    const result = await run(command, { quietly, limitMinutes });
    for (const key of Object.keys(sum)) sum[key] += result[key];
    if (result.failed > 0) failures.push(name);
    closing.push(...closingWords(name, result));
    if (quietly) process.stdout.write(`\n== ${name}\n${result.output}`);
    console.log(`== ${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  }
}

function storeTurns(runs) {
  return runs.map(([targets, sizes, chains]) => ({
    name: `Apache's store and ours by turns: ${targets}, ${sizes} files, ${chains}`,
    command: ["node_modules/.bin/bun", "test/interop/store_compat.ts", "--target", targets, "--sizes", sizes, "--chains", chains],
  }));
}

/** Runs one suite, its output passed on or kept. A suite that ends without its sum counts as one failure. */
function run([program, ...args], { quietly = false, limitMinutes = LIMIT_MINUTES } = {}) {
  return new Promise((resolvePromise) => {
    const child = startSuite(program, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      limitMs: limitMinutes * 60_000,
      onLimit: () => console.log(`${args.join(" ")}: not done after ${limitMinutes} minutes, ended`),
    });
    let output = "";
    const take = (chunk) => {
      if (!quietly) process.stdout.write(chunk);
      output += chunk;
    };
    // A character may lie across two chunks.
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8");
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    // The sum is the last line of this one, whatever the other brings behind it.
    let stdoutEnd = "";
    child.stdout.on("data", (chunk) => (stdoutEnd = (stdoutEnd + chunk).slice(-2000)));
    child.on("close", (code) => {
      if (interrupted) process.exit(130);
      const [, passed, failed, skipped] = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/m.exec(lastLine(stdoutEnd)) ?? [];
      const result = { code, output, passed: Number(passed ?? 0), failed: Number(failed ?? 0), skipped: Number(skipped ?? 0) };
      if (result.failed === 0 && (passed === undefined || code !== 0)) result.failed = 1;
      resolvePromise(result);
    });
  });
}

/** How tests failed, with the lines around, and which passed at the second try. */
function closingWords(name, { failed, output }) {
  const lines = output.split("\n");
  const kept = new Set();
  lines.forEach((line, index) => {
    // Bun and `test/support/main.ts` tell of the error before the name and behind it, the interop suites behind it.
    if (/^\(fail\) |^✗ /.test(line))
      for (let near = index - (line.startsWith("✗") ? 0 : 15); near <= index + 12; near++) kept.add(near);
    if (line === "Passed at the second try:") for (let near = index; lines[near]?.trim(); near++) kept.add(near);
  });
  if (failed > 0 && kept.size === 0) for (let near = lines.length - 20; near < lines.length; near++) kept.add(near);
  const words = [...kept].sort((a, b) => a - b).flatMap((index) => lines[index] ?? []);
  return words.length === 0 ? [] : [[`== ${name}, what to look at`, ...words.slice(0, CLOSING_LINES_MAX)].join("\n")];
}

function lastLine(text) {
  return text.trimEnd().split("\n").at(-1);
}
