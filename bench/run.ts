/**
 * The bench: `npm run bench [-- options]`. Starts each target, drives it with the Java load generator, measures what the
 * kernel says of its processes, and prints a table; a run of every target and scenario also writes bench/RESULTS.md.
 *
 * The targets take turns: a machine of which others have a part changes by a third within minutes, and who runs after another meets
 * another machine. What is kept is the median of the rounds; of memory and of waits for the disk, the most.
 *
 *     --target apache,bun,deno,node   which servers (default: all)
 *     --scenario sync1,…,start        which scenarios (default: all; see the three lists below)
 *     --rounds N                      turns of each target in a load scenario (default 3)
 *     --seconds N --warm-up N         measured and warm-up span of a load scenario (default 10 and 10: both sides' compilers need it)
 *     --backlog N                     messages for `consume` and `pop`, ten times as many for `sql` and `sqlRare` (default 400000)
 *     --sync-flush                    brokers with flushDiskType=SYNC_FLUSH
 *     --write                         write RESULTS.md from the figures kept of all runs so far
 *
 * It owns the processes it starts and their temporary directories, and ends both. Linux only: it reads /proc.
 */
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Child } from "../test/interop/processes.ts";
import { runtimeCommand, type TargetName, targetNames } from "../test/interop/targets.ts";
import { buildJava, findToolchain, projectDirectory, type Toolchain } from "../test/interop/toolchain.ts";
import { median } from "./median.ts";
import { metricsCost } from "./metrics_cost.ts";
import { cpuMicros, MemoryWatch, memory } from "./proc.ts";
import { RawClient } from "./raw_client.ts";
import { type Figures, joinRounds, keepFigures, readFigures, table, writeResults } from "./report.ts";
import { BenchServer } from "./servers.ts";

const loadScenarios = ["sync1", "sync64", "async256", "batch", "oneway", "consume"];
/** Loads with a server each: what they leave to do (check points, checks of transactions) would slow the next. */
const apartScenarios = ["delay", "transaction", "pop", "sql", "sqlRare"];
const ownScenarios = ["start", "idle", "wake", "connections", "metrics"];
const allScenarios = [...loadScenarios, ...apartScenarios, ...ownScenarios];

const { values: options } = parseArgs({
  options: {
    target: { type: "string", default: targetNames.join(",") },
    scenario: { type: "string", default: allScenarios.join(",") },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
    "warm-up": { type: "string", default: "10" },
    backlog: { type: "string", default: "400000" },
    "sync-flush": { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

/** How many times a target is started for the median of its start-up time. */
const startRounds = 3;
const idleSeconds = 20;
const idleConnections = 10_000;
/** The load generator calls this before each scenario. */
const beforeLoad = join(projectDirectory, "bench/pages.sh");
const wakeRounds = 300;

/** One message in ten or a hundred is delivered: the plain backlog would be over in a third of a second. */
const SQL_BACKLOG_TIMES = 10;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs the Java load generator and adds its figures. */
async function runLoad(server: BenchServer, toolchain: Toolchain, scenarios: string[], figures: Figures): Promise<void> {
  const classpath = buildJava(toolchain, join(projectDirectory, "bench/java"), ["."])["."]!;
  const jvm = [
    "-Xms1g",
    "-Xmx2g",
    "-XX:+UseParallelGC",
    `-Duser.home=${tmpdir()}`,
    `-Dedgemq.bench.before=${beforeLoad}`,
    "-cp",
    classpath,
  ];
  const backlog = Number(options.backlog) * (scenarios.some((name) => name.startsWith("sql")) ? SQL_BACKLOG_TIMES : 1);
  const load = [server.namesrvAddr, server.pids.join(","), options["warm-up"], options.seconds, String(backlog)];
  const args = [...jvm, "edgemq.bench.LoadGenerator", ...load, ...scenarios];
  const secondsMax = scenarios.length * (Number(options.seconds) + Number(options["warm-up"]) + 120) + 60;
  const takeLine = (line: string): void => {
    if (!line.startsWith("{")) return;
    const { scenario, failure, failed, ...numbers } = JSON.parse(line) as Record<string, number | string>;
    if (failure !== undefined || failed !== 0) console.error(`  ${scenario}: ${failed} failed ${failure ?? ""}`);
    for (const [name, value] of Object.entries(numbers)) figures[`${scenario}.${name}`] = Number(value);
    console.error(`  ${line}`);
  };
  const generator = new Child({ program: toolchain.java, args }, "/dev/null", takeLine);
  const timer = setTimeout(() => void generator.kill(), secondsMax * 1000);
  const ended = await generator.exited;
  clearTimeout(timer);
  if (ended !== 0) console.error(`  The load generator ended with ${ended}:\n${generator.outputTail}`);
}

async function runWake(server: BenchServer, figures: Figures): Promise<void> {
  const { program, args } = runtimeCommand("bun", "bench/wake.ts", [String(server.brokerPort), String(wakeRounds)]);
  const result = spawnSync(program, args, { encoding: "utf8", timeout: 120_000 });
  if (result.status !== 0) {
    console.error(`  wake ended with ${result.status ?? result.signal}:\n${result.stderr}`);
    return;
  }
  const { p50Ms, p99Ms } = JSON.parse(result.stdout) as { p50Ms: number; p99Ms: number };
  Object.assign(figures, { "wake.p50Ms": p50Ms, "wake.p99Ms": p99Ms });
}

/** How long bytes of the log stayed off the disk at most under the load so far; Apache keeps no such figure. */
async function readUnsynced(server: BenchServer, figures: Figures): Promise<void> {
  const client = await RawClient.connect("127.0.0.1", server.brokerPort);
  try {
    const info = await client.runtimeInfo();
    for (const name of ["flushDelayMaxMs", "unsyncedMaxMs", "flushLateTimes"]) {
      const value = info.get(name);
      if (value !== undefined) figures[`flush.${name}`] = Number(value);
    }
  } finally {
    client.close();
  }
}

async function runIdle(server: BenchServer, figures: Figures): Promise<void> {
  // what the load left to do (flushing, JIT) is not idleness
  await sleep(5000);
  const before = cpuMicros(server.pids);
  await sleep(idleSeconds * 1000);
  figures["idle.cpuPercent"] = (cpuMicros(server.pids) - before) / idleSeconds / 10_000;
}

async function runConnections(server: BenchServer, figures: Figures): Promise<void> {
  const before = memory(server.pids);
  const command = runtimeCommand("bun", "bench/idle.ts", [String(server.brokerPort), String(idleConnections)]);
  const client = new Child(command, "/dev/null");
  try {
    await client.waitForOutput(`ready ${idleConnections}`, 60_000);
    await sleep(2000);
    figures["idle.connectionsMib"] = (memory(server.pids).rssKib - before.rssKib) / 1024;
  } finally {
    await client.kill();
  }
}

/** Scenarios that share a server of a target. */
interface Part {
  readonly scenarios: readonly string[];
  /** How often each target has its turn. */
  readonly rounds: number;
  readonly measure: (name: TargetName, toolchain: Toolchain) => Promise<Figures>;
}

/** What the chosen scenarios make necessary, in the order of the table's making. */
function partsOf(chosen: readonly string[]): Part[] {
  const rounds = Number(options.rounds);
  const together = chosen.filter((name) => [...loadScenarios, "wake", "idle"].includes(name));
  const parts: Part[] = [
    // These have rounds of their own, or need none.
    { scenarios: ["start"], rounds: 1, measure: measureStart },
    { scenarios: ["connections"], rounds: 1, measure: measureConnections },
    { scenarios: ["metrics"], rounds: 1, measure: measureMetrics },
    { scenarios: together, rounds, measure: (name, toolchain) => measureTogether(name, toolchain, together) },
    ...apartScenarios.map((scenario) => ({
      scenarios: [scenario],
      rounds,
      measure: (name: TargetName, toolchain: Toolchain) => measureApart(name, toolchain, scenario),
    })),
  ];
  return parts.filter((part) => part.scenarios.some((name) => chosen.includes(name)));
}

/** Starts a server of its own for `measure`, and ends it. */
async function withServer<T>(name: TargetName, toolchain: Toolchain, measure: (server: BenchServer) => Promise<T>): Promise<T> {
  const server = await BenchServer.start(name, toolchain, options["sync-flush"] ? "SYNC_FLUSH" : "ASYNC_FLUSH");
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

async function measureStart(name: TargetName, toolchain: Toolchain): Promise<Figures> {
  const times: number[] = [];
  for (let round = 0; round < startRounds; round++) {
    times.push(await withServer(name, toolchain, async ({ firstAnswerMs }) => firstAnswerMs));
  }
  return { "start.firstAnswerMs": median(times) };
}

/** On a server of their own: pages that a load left behind would hide the memory, and the other way round. */
async function measureConnections(name: TargetName, toolchain: Toolchain): Promise<Figures> {
  return withServer(name, toolchain, async (server) => {
    const figures: Figures = {};
    await runConnections(server, figures);
    return figures;
  });
}

async function measureMetrics(name: TargetName): Promise<Figures> {
  if (name === "apache") return {};
  const { rateLossPercent, cpuMorePercent } = await metricsCost(name);
  return { "metrics.rateLossPercent": rateLossPercent, "metrics.cpuMorePercent": cpuMorePercent };
}

async function measureApart(name: TargetName, toolchain: Toolchain, scenario: string): Promise<Figures> {
  return withServer(name, toolchain, async (server) => {
    const figures: Figures = {};
    const watch = new MemoryWatch(server.pids);
    await runLoad(server, toolchain, [scenario], figures);
    watch.stop();
    figures[`${scenario}.peakAnonMib`] = watch.peakAnonKib / 1024;
    return figures;
  });
}

async function measureTogether(name: TargetName, toolchain: Toolchain, chosen: readonly string[]): Promise<Figures> {
  return withServer(name, toolchain, async (server) => {
    const figures: Figures = {};
    const load = chosen.filter((scenario) => loadScenarios.includes(scenario));
    if (load.length > 0) {
      const watch = new MemoryWatch(server.pids);
      await runLoad(server, toolchain, load, figures);
      watch.stop();
      // The table's rows are of all loads after each other.
      if (load.length === loadScenarios.length) {
        figures["memory.peakAnonMib"] = watch.peakAnonKib / 1024;
        figures["memory.peakRssMib"] = watch.peakRssKib / 1024;
        await readUnsynced(server, figures);
      }
    }
    if (chosen.includes("wake")) await runWake(server, figures);
    if (chosen.includes("idle")) await runIdle(server, figures);
    return figures;
  });
}

/** Every part in turn, and in each the targets in turn: there and back, so that none always follows the same other. */
async function runParts(parts: readonly Part[], targets: readonly TargetName[], toolchain: Toolchain): Promise<void> {
  for (const part of parts) {
    const rounds = new Map(targets.map((name) => [name, [] as Figures[]]));
    for (let round = 0; round < part.rounds; round++) {
      for (const name of round % 2 === 0 ? targets : targets.toReversed()) {
        console.error(`${name}, ${part.scenarios.join(" ")}, round ${round + 1} of ${part.rounds} …`);
        rounds.get(name)!.push(await part.measure(name, toolchain));
      }
    }
    for (const [name, figures] of rounds) keepFigures(name, joinRounds(figures), startedAt);
  }
}

function versionOf(program: string, args: string[]): string {
  const result = spawnSync(program, args, { encoding: "utf8" });
  return (result.stdout + result.stderr).split("\n")[0]?.trim() ?? "";
}

const toolchain = findToolchain();
if (typeof toolchain === "string") {
  console.error(`The bench needs a JDK and Maven: ${toolchain}`);
  process.exit(1);
}
const targets = options.target.split(",") as TargetName[];
const scenarios = options.scenario.split(",");
for (const unknown of [...targets.filter((t) => !targetNames.includes(t)), ...scenarios].filter(
  (name) => !([...targetNames, ...allScenarios] as string[]).includes(name),
)) {
  const known = allScenarios.join(", ");
  console.error(`"${unknown}" is neither a target (${targetNames.join(", ")}) nor a scenario (${known})`);
  process.exit(1);
}

for (const name of ["rounds", "seconds", "warm-up", "backlog"] as const) {
  if (/^[1-9]\d*$/.test(options[name])) continue;
  console.error(`--${name} ${options[name]}: a whole number from 1 on`);
  process.exit(1);
}

const startedAt = new Date().toISOString();
await runParts(partsOf(scenarios), targets, toolchain);
const results = new Map(
  targets.map((name) => [name, Object.fromEntries(Object.entries(readFigures(name)).filter(([, { run }]) => run === startedAt))]),
);
console.log(table(results, targets));
const complete = targets.length === targetNames.length && scenarios.length === allScenarios.length;
if (complete || options.write) {
  const versions = [
    versionOf(toolchain.java, ["-version"]),
    "Apache RocketMQ 5.5.0",
    ...(["bun", "deno", "node"] as const).map((name) => {
      const { program } = runtimeCommand(name, "", []);
      return `${name} ${versionOf(program, ["--version"]).replace(/^(deno|v)\s*/, "")}`;
    }),
  ];
  const all = new Map(targetNames.map((name) => [name, readFigures(name)] as const));
  console.log(`\nWritten to ${writeResults(all, targets, Number(options.rounds), versions)}`);
}
process.exit(0);
