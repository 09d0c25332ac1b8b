/**
 * `npm run bench:ts [-- options]`: our client and Java's, one after the other against the same broker, ours and Apache's: rate,
 * latencies, CPU of the client's process a message, its memory; and the time from the start of a process to its first message,
 * on Bun from the sources and on Node from the built package. A whole run writes bench/CLIENT.md.
 *
 *     --broker bun,apache       against which (default: both)
 *     --client bun,java         whose (default: these; also node, deno)
 *     --scenario sync1,…        which (default: all)
 *     --seconds N --warm-up N --backlog N --rounds N    defaults 6, 3, 200000, 2: there and back, so that none always follows
 *                               the other on a server that is still warming up; the median counts
 *
 * Without JDK and Maven only our client against our broker is measured. Linux only: it reads /proc.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Child } from "../../test/interop/processes.ts";
import { runtimeCommand, type TargetName } from "../../test/interop/targets.ts";
import { buildJava, findToolchain, projectDirectory, type Toolchain } from "../../test/interop/toolchain.ts";
import { median } from "../median.ts";
import { memory } from "../proc.ts";
import { BenchServer } from "../servers.ts";

const SCENARIOS = ["sync1", "sync64", "async256", "batch", "consume"];
const FIRST_ROUNDS = 5;
type ClientName = "bun" | "deno" | "node" | "java";
type Figures = Record<string, number>;

const { values: options } = parseArgs({
  options: {
    broker: { type: "string", default: "bun,apache" },
    client: { type: "string", default: "bun,java" },
    scenario: { type: "string", default: SCENARIOS.join(",") },
    seconds: { type: "string", default: "6" },
    "warm-up": { type: "string", default: "3" },
    backlog: { type: "string", default: "200000" },
    rounds: { type: "string", default: "2" },
  },
});

const round3 = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));

function command(client: ClientName, toolchain: Toolchain | undefined, args: readonly string[]) {
  if (client !== "java") return runtimeCommand(client, "bench/ts/load.ts", args);
  if (toolchain === undefined) throw new Error("Java's client needs a JDK and Maven");
  const classpath = buildJava(toolchain, join(projectDirectory, "bench/java"), ["."])["."] as string;
  const jvm = ["-Xmx1g", `-Duser.home=${tmpdir()}`, "-cp", classpath, "edgemq.bench.LoadGenerator"];
  return { program: toolchain.java, args: [...jvm, ...args] };
}

/** One scenario by one client. */
async function load(
  client: ClientName,
  scenario: string,
  server: BenchServer,
  toolchain: Toolchain | undefined,
): Promise<Figures> {
  // Java's fills it in the same process.
  if (scenario === "consume" && client !== "java") await load(client, "backlog", server, toolchain);
  spawnSync("sh", [join(projectDirectory, "bench/pages.sh")], { stdio: ["ignore", "ignore", "inherit"] });
  const figures: Figures = {};
  const args = [server.namesrvAddr, "self", options["warm-up"], options.seconds, options.backlog, scenario];
  let peakKib = 0;
  const child = new Child(command(client, toolchain, args), "/dev/null", (line) => {
    if (!line.startsWith("{")) return;
    const { failure = "", failed, ...numbers } = JSON.parse(line) as Record<string, number> & { failure?: string };
    if (failed !== 0) console.error(`  ${client} ${scenario}: ${failed} failed, ${failure}`);
    for (const [name, value] of Object.entries(numbers)) if (typeof value === "number") figures[name] = value;
  });
  const watch = setInterval(() => {
    try {
      peakKib = Math.max(peakKib, memory([child.pid]).peakRssKib);
    } catch {
      // it has just ended: the last sample stands
    }
  }, 100);
  const ended = await child.exited;
  clearInterval(watch);
  if (ended !== 0) throw new Error(`${client} ${scenario} ended with ${ended}:\n${child.outputTail}`);
  return { ...figures, rssMib: Math.round(peakKib / 1024) };
}

/** ms from the start of a process until it says that its message was stored. */
function firstMessage(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
    let said: number | undefined;
    child.stdout.on("data", () => {
      said ??= performance.now() - startedAt;
    });
    child.on("close", (code) => (said === undefined ? reject(new Error(`${program} ended with ${code}`)) : resolve(said)));
  });
}

/** On Bun from the sources, on Node from the built package. */
async function firstMessages(server: BenchServer): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), "edgemq-bench-package-"));
  try {
    const built = join(directory, "node_modules/edgemq");
    mkdirSync(built, { recursive: true });
    const build = spawnSync("node", [join(projectDirectory, "package/build.mjs"), built], { encoding: "utf8" });
    if (build.status !== 0) throw new Error(`the package was not built:\n${build.stdout}${build.stderr}`);
    symlinkSync(join(projectDirectory, "node_modules"), join(built, "node_modules"));
    const program = join(directory, "first.mjs");
    writeFileSync(
      program,
      `import { ClientInstance, Producer } from "edgemq/client";
import { nodeRuntime } from "edgemq/node";
const client = new ClientInstance({ runtime: nodeRuntime(), namesrvAddr: process.argv[2] });
await new Producer(client, { producerGroup: "bench-first" }).send({ topic: "bench_first", body: "first" });
console.log("sent");
await client.close();
`,
    );
    const bun = runtimeCommand("bun", "bench/ts/first.ts", [server.namesrvAddr]);
    const figures: Figures = {};
    for (const [name, run] of [
      ["bun", () => firstMessage(bun.program, bun.args, bun.env)],
      ["node", () => firstMessage("node", [program, server.namesrvAddr])],
    ] as const) {
      const times: number[] = [];
      // The first start fills the disk's cache and makes the topic.
      await run();
      for (let round = 0; round < FIRST_ROUNDS; round++) times.push(await run());
      figures[`first.${name}`] = Math.round(median(times));
    }
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function bunVersion(): string {
  const { program } = runtimeCommand("bun", "", []);
  return `bun ${spawnSync(program, ["--version"], { encoding: "utf8" }).stdout.trim()}`;
}

const found = findToolchain();
const toolchain = typeof found === "string" ? undefined : found;
const clients = (options.client.split(",") as ClientName[]).filter((name) => toolchain !== undefined || name !== "java");
const brokers = (options.broker.split(",") as TargetName[]).filter((name) => toolchain !== undefined || name !== "apache");
const scenarios = options.scenario.split(",");
if (typeof found === "string") console.error(`Without Java's client and broker: ${found}`);

const titles: readonly (readonly [key: string, title: string])[] = [
  ["rate", "messages/s"],
  ["p50Ms", "p50 ms"],
  ["p99Ms", "p99 ms"],
  ["cpuMicrosPerMessage", "client CPU µs a message"],
  ["rssMib", "client RSS, MiB"],
];
const lines: string[] = [];
let first: Figures = {};
for (const broker of brokers) {
  console.error(`against ${broker} …`);
  lines.push(
    "",
    `## Against ${broker === "apache" ? "Apache 5.5.0" : `EdgeMQ on ${broker}`}`,
    "",
    `| | ${clients.join(" | ")} | |`,
    `|---|${clients.map(() => "---:|").join("")}---:|`,
  );
  const server = await BenchServer.start(broker, toolchain as Toolchain, "ASYNC_FLUSH");
  try {
    for (const scenario of scenarios) {
      const rounds = new Map<ClientName, Figures[]>(clients.map((client) => [client, []]));
      for (let round = 0; round < Number(options.rounds); round++) {
        for (const client of round % 2 === 0 ? clients : clients.toReversed()) {
          const figures = await load(client, scenario, server, toolchain);
          console.error(`  ${client} ${scenario} ${JSON.stringify(figures)}`);
          rounds.get(client)?.push(figures);
        }
      }
      for (const [key, title] of titles) {
        const values = clients.map((client) => median((rounds.get(client) ?? []).map((figures) => figures[key] ?? Number.NaN)));
        if (values.every((value) => Number.isNaN(value))) continue;
        const [ours = Number.NaN] = values;
        const java = values[clients.indexOf("java")];
        const ratio = java === undefined ? "" : `${(ours / java).toFixed(2)} ×`;
        lines.push(`| ${scenario}, ${title} | ${values.map((value) => round3(value)).join(" | ")} | ${ratio} |`);
      }
    }
    if (broker !== "apache") first = await firstMessages(server);
  } finally {
    await server.stop();
  }
}
const text = [
  "# Our client and Java's",
  "",
  `Made by \`npm run bench:ts\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, ${bunVersion()}, Java's client 5.5.0; ${options.rounds} rounds, there and`,
  "back, medians; bodies of 1 KiB. The last column is the first client by Java's. Client CPU and memory are those of the load",
  "generator's whole process, warm-up left out of the CPU.",
  ...lines,
  "",
  `Start of a process to its first message stored: ${first["first.bun"] ?? "-"} ms on Bun (from the sources), ${first["first.node"] ?? "-"} ms on Node (from the built package).`,
  "",
].join("\n");
console.log(text);
if (brokers.length === 2 && clients.includes("java") && scenarios.length === SCENARIOS.length) {
  writeFileSync(join(projectDirectory, "bench/CLIENT.md"), text);
}
process.exit(0);
