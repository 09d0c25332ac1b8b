/**
 * The bench of the store alone: `bun bench/store.ts [options]`. Runs `store/program.ts` on Bun and `store/StoreProgram.java`
 * with Apache's DefaultMessageStore, each scenario in a process of its own on real files, and writes bench/STORE.md from the
 * figures kept of all runs.
 *
 *     --target apache,bun             whose store (default: both)
 *     --scenario fill,read,side,queues,index
 *     --messages N --queues N         of `fill` and `read` (default 4000000 and 1000); 340 bytes of disk for each message. With
 *                                     20000000 the figures of Bun get a column of their own
 *     --rounds N                      messages into each queue of `queues`, one a second (default 85: past the first checkpoint)
 *     --directory D                   where the stores go (default: a directory under the system's temporary one)
 *
 * It owns the processes it starts and the directories it makes, and ends both. Linux only: it reads /proc.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { Command } from "../test/interop/processes.ts";
import { runtimeCommand } from "../test/interop/targets.ts";
import { buildJava, findToolchain, interopJavaDirectory, projectDirectory } from "../test/interop/toolchain.ts";
import { MemoryWatch } from "./proc.ts";

type Figures = Record<string, number>;
type Target = "apache" | "bun";

const { values: options } = parseArgs({
  options: {
    target: { type: "string", default: "apache,bun" },
    scenario: { type: "string", default: "fill,read,side,queues,index" },
    messages: { type: "string", default: "4000000" },
    queues: { type: "string", default: "1000" },
    rounds: { type: "string", default: "85" },
    directory: { type: "string", default: tmpdir() },
  },
});

/** Messages and queues of a scenario. */
const sizes: Record<string, [messages: number, queues: number]> = {
  fill: [Number(options.messages), Number(options.queues)],
  read: [Number(options.messages), Number(options.queues)],
  side: [1_000_000, 1000],
  // A message a second into each: past the first checkpoint, which comes after a minute.
  queues: [Number(options.rounds) * 20_000, 20_000],
  index: [10_000_000, 1],
};

function commandOf(target: Target, args: readonly string[]): Command {
  if (target === "bun") return runtimeCommand("bun", "bench/store/program.ts", args);
  const toolchain = findToolchain();
  if (typeof toolchain === "string") throw new Error(toolchain);
  const { apache } = buildJava(toolchain, interopJavaDirectory, ["apache"]);
  const jvm = ["-Xms1g", "-Xmx1g", `-Duser.home=${tmpdir()}`, "-cp", apache!];
  const program = join(projectDirectory, "bench/store/StoreProgram.java");
  return { program: toolchain.java, args: [...jvm, program, ...args], cwd: projectDirectory };
}

/** Runs one scenario to its end; its figures, and the memory it took. */
async function run(target: Target, scenario: string, directory: string): Promise<Figures> {
  const [messages, queues] = sizes[scenario]!;
  const { program, args, cwd, env } = commandOf(target, [scenario, directory, String(messages), String(queues)]);
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", (error) =>
      reject(new Error(`Cannot start "${program}" for ${target}: ${error.message}; \`npm ci\` installs what the bench runs`)),
    );
    child.once("close", () => resolve());
  });
  ended.catch(() => {});
  // Without a process there is no output to wait for either.
  if (child.pid === undefined) await ended;
  const watch = new MemoryWatch([child.pid!]);
  const figures: Figures = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name, value] = /^([a-z]+\.[A-Za-z0-9.]+)=(.*)$/.exec(line) ?? [];
    if (name === undefined) continue;
    figures[`${scenario}:${name}`] = Number(value);
    console.log(`${target} ${scenario} ${line}`);
  }
  watch.stop();
  await ended;
  if (child.exitCode !== 0) throw new Error(`${program} ${args.join(" ")}: ${child.signalCode ?? `exit code ${child.exitCode}`}`);
  figures[`${scenario}:rss.peakMib`] = watch.peakRssKib / 1024;
  figures[`${scenario}:anon.peakMib`] = watch.peakAnonKib / 1024;
  return figures;
}

/** The columns of the table: both with 4 million messages, and ours with the 20 million that are asked for. */
const columns: readonly [name: string, title: string][] = [
  ["apache", "Apache 5.5.0"],
  ["bun", "ours, Bun"],
  ["bun20", "ours, 20 million"],
];

/** What `du` says of a directory: bytes on the disk, and bytes as the files' sizes say. */
function diskUse(path: string): { taken: number; apparent: number } {
  const bytes = (...flags: string[]): number =>
    Number(/^\d+/.exec(spawnSync("du", [...flags, path], { encoding: "utf8" }).stdout));
  return { taken: bytes("-s", "-B1"), apparent: bytes("-s", "-B1", "--apparent-size") };
}

const keptPath = join(projectDirectory, "bench/java/target/results/store.json");

function kept(): Record<string, Figures> {
  try {
    return JSON.parse(readFileSync(keptPath, "utf8")) as Record<string, Figures>;
  } catch {
    return {};
  }
}

function keep(column: string, figures: Figures): void {
  const all = kept();
  all[column] = { ...all[column], ...figures };
  mkdirSync(join(keptPath, ".."), { recursive: true });
  writeFileSync(keptPath, JSON.stringify(all, undefined, 1));
}

const rows: readonly [key: string, title: string, digits: number, asked?: string][] = [
  ["fill:fill.rate", "messages into 1,000 queues, messages/s", 0],
  ["fill:fill.cpuMicros", "the same, CPU µs a message", 1],
  ["fill:rss.peakMib", "the same, peak resident memory, MiB", 0, "< 300"],
  ["fill:anon.peakMib", "the same, peak anonymous memory, MiB", 0],
  ["read:open.ms", "opening that store after an orderly stop, ms", 0],
  ["read:tail.alone.p50Micros", "pull at the tail, nobody beside: p50 µs", 1],
  ["read:tail.alone.p99Micros", "p99 µs", 1],
  ["read:tail.beside.p50Micros", "pull at the tail, four consumers reading queue after queue from the start: p50 µs", 1],
  ["read:tail.beside.p99Micros", "p99 µs", 1],
  ["read:cold.rate", "what those four read meanwhile, messages/s", 0],
  ["read:cold.cpuMicros", "the same, CPU µs a message (that of the tail included)", 1],
  ["side:side.rate", "a million messages of 1,000 queues, all queues side by side by four consumers, messages/s", 0],
  ["side:side.cpuMicros", "the same, CPU µs a message", 1],
  ["side:rss.peakMib", "the same, peak resident memory, that of filling included, MiB", 0],
  ["read:rss.peakMib", "peak resident memory while reading, MiB", 0, "< 300"],
  ["read:time.p50Micros", "offset by time: p50 µs", 1],
  ["read:time.p99Micros", "p99 µs", 1],
  ["read:query.p50Micros", "query by key: p50 µs", 1],
  ["read:query.p99Micros", "p99 µs", 1],
  ["queues:queues.files", "20,000 queues, a message a second into each: open files", 0, "≤ 400 + 11"],
  ["queues:queues.writesPerSecondMax", "the same, most write calls in a second", 0, "< 20,000"],
  ["queues:queues.writesPerMessage", "write calls a message", 3],
  ["queues:queues.cpuMicros", "CPU µs a message", 1],
  ["queues:rss.peakMib", "peak resident memory, MiB", 0],
  ["queues:queues.closeMs", "orderly stop, ms", 0],
  ["queues:disk.takenMib", "their consume queues on the disk (du), MiB", 0],
  ["queues:disk.apparentMib", "the same, by the sizes of the files, MiB", 0],
  ["index:index.nanos", "a key into the index, ns, its way to the disk included", 0, "< 1,000"],
  ["index:index.cpuNanos", "the same, CPU ns", 0],
];

function report(): string {
  const figures = kept();
  const lines = [`| | ${columns.map(([, title]) => title).join(" | ")} | asked |`, "|---|---:|---:|---:|---|"];
  for (const [key, title, digits, asked = ""] of rows) {
    const cell = ([name]: (typeof columns)[number]): string =>
      figures[name]?.[key]?.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }) ?? "";
    lines.push(`| ${title} | ${columns.map(cell).join(" | ")} | ${asked} |`);
  }
  const gib = Math.round(totalmem() / 2 ** 30);
  return `# Bench of the store

Made by \`bun bench/store.ts\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, ${gib} GiB, Linux ${release()}, bun ${process.versions["bun"] ?? ""}.

The store alone, without broker and network, one thread that sends 4 million messages into 1,000 queues, or 20 million: Apache's \`DefaultMessageStore\` with \`-Xms1g -Xmx1g\`, ours
in one process. ASYNC_FLUSH, bodies of 200 bytes, a UNIQ_KEY of 32 letters. Resident memory of Apache has the files in it that
it maps. Files lie in the page cache while they are read; what a slow disk does is shown in test/store/reads.test.ts.

${lines.join("\n")}

- *pull at the tail*: each millisecond five messages are stored and pulled; the time of the pull alone. Ours answers from memory
  without a read. Beside it four consumers read queue after queue from the start, whose messages lie 340 KB apart.
- *queue after queue*: a record brings nothing else along, and each costs ours a read off the event loop; that Apache maps its
  files is worth most here. *Side by side*, as consumers of many queues read, the records of a piece serve all of them.
- *offset by time*: ours reads off the event loop, 12 to 15 steps of two small reads, so that nobody waits; Apache reads mapped memory.
- *20,000 queues*: 85 rounds of ours, 10 of Apache, which took more than a second for each. *Most write calls in a second*: those
  of log and index included. Ours writes and syncs 1,000 queues a second when a checkpoint is due. When the disk can't sync them
  all in 3 s, an orderly stop leaves that to the next start.
- Apache's column is of a run beside other programs on the two cores, the columns of ours of one with nothing beside: hold CPU
  time, memory and counts against each other rather than rates and percentiles.
`;
}

const base = mkdtempSync(join(options.directory, "edgemq-bench-store-"));
try {
  for (const target of options.target.split(",") as Target[]) {
    for (const scenario of options.scenario.split(",")) {
      // What was filled is read, and goes then.
      const directory = join(base, `${target}-${scenario === "read" ? "fill" : scenario}`);
      const filled = scenario === "fill" || scenario === "read";
      const figures = await run(target, scenario, directory);
      if (scenario === "queues") {
        const { taken, apparent } = diskUse(join(directory, "consumequeue"));
        figures["queues:disk.takenMib"] = taken / 2 ** 20;
        figures["queues:disk.apparentMib"] = apparent / 2 ** 20;
      }
      keep(target === "bun" && Number(options.messages) === 20_000_000 && filled ? "bun20" : target, figures);
      if (scenario !== "fill") rmSync(directory, { recursive: true, force: true });
    }
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
writeFileSync(join(projectDirectory, "bench/STORE.md"), report());
console.log(report());
