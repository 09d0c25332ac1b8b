/**
 * The bench: `npm run bench [-- options]`. Starts each target, drives it with the Java load generator, measures what the
 * kernel says of its processes, and prints a table; a run of every target and scenario also writes bench/RESULTS.md.
 *
 *     --target apache,bun,deno,node   which servers (default: all)
 *     --scenario sync1,…,start        which scenarios (default: all; see the three lists below)
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
import { type Figures, keepFigures, readFigures, table, writeResults } from "./report.ts";
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
const wakeRounds = 300;

/**
 * One message in ten or a hundred is delivered: the plain backlog would be over in a third of a second, and half of the CPU of two
 * seconds is that of the compilers, of the client's as of both servers'.
 */
const SQL_BACKLOG_TIMES = 10;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs the Java load generator and adds its figures. */
async function runLoad(server: BenchServer, toolchain: Toolchain, scenarios: string[], figures: Figures): Promise<void> {
  // What the target before left dirty is none of this one's business.
  spawnSync("sync");
  const classpath = buildJava(toolchain, join(projectDirectory, "bench/java"), ["."])["."]!;
  const jvm = ["-Xms1g", "-Xmx2g", "-XX:+UseParallelGC", `-Duser.home=${tmpdir()}`, "-cp", classpath];
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

/** Runs the chosen scenarios against one target, start to end. */
async function runTarget(name: TargetName, toolchain: Toolchain, scenarios: string[]): Promise<Figures> {
  const figures: Figures = {};
  const flushDiskType = options["sync-flush"] ? "SYNC_FLUSH" : "ASYNC_FLUSH";
  if (scenarios.includes("start")) {
    const times: number[] = [];
    for (let round = 0; round < startRounds; round++) {
      const server = await BenchServer.start(name, toolchain, flushDiskType);
      times.push(server.firstAnswerMs);
      await server.stop();
    }
    figures["start.firstAnswerMs"] = median(times);
  }
  if (scenarios.includes("connections")) {
    // a server of its own: pages that a load left behind would hide the memory, and the other way round
    const server = await BenchServer.start(name, toolchain, flushDiskType);
    try {
      await runConnections(server, figures);
    } finally {
      await server.stop();
    }
  }
  if (scenarios.includes("metrics") && name !== "apache") {
    const { rateLossPercent, cpuMorePercent } = await metricsCost(name);
    Object.assign(figures, { "metrics.rateLossPercent": rateLossPercent, "metrics.cpuMorePercent": cpuMorePercent });
  }
  for (const scenario of scenarios.filter((scenario) => apartScenarios.includes(scenario))) {
    const server = await BenchServer.start(name, toolchain, flushDiskType);
    try {
      const watch = new MemoryWatch(server.pids);
      await runLoad(server, toolchain, [scenario], figures);
      watch.stop();
      figures[`${scenario}.peakAnonMib`] = watch.peakAnonKib / 1024;
    } finally {
      await server.stop();
    }
  }
  if (scenarios.every((scenario) => ["start", "connections", "metrics", ...apartScenarios].includes(scenario))) return figures;
  const server = await BenchServer.start(name, toolchain, flushDiskType);
  try {
    const load = scenarios.filter((scenario) => loadScenarios.includes(scenario));
    if (load.length > 0) {
      const watch = new MemoryWatch(server.pids);
      await runLoad(server, toolchain, load, figures);
      watch.stop();
      figures["memory.peakAnonMib"] = watch.peakAnonKib / 1024;
      figures["memory.peakRssMib"] = watch.peakRssKib / 1024;
      await readUnsynced(server, figures);
    }
    if (scenarios.includes("wake")) await runWake(server, figures);
    if (scenarios.includes("idle")) await runIdle(server, figures);
  } finally {
    await server.stop();
  }
  return figures;
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

const results = new Map<TargetName, Figures>();
// Apache's kept figures stand beside a run of ours alone, so that the ratio is there while tuning
if (!targets.includes("apache")) results.set("apache", readFigures("apache"));
for (const target of targets) {
  console.error(`${target} …`);
  const figures = await runTarget(target, toolchain, scenarios);
  keepFigures(target, figures);
  results.set(target, figures);
}
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
  console.log(`\nWritten to ${writeResults(all, targets, versions)}`);
}
process.exit(0);
