/** The bench's figures: what is kept of a run, and the table made of them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import type { TargetName } from "../test/interop/targets.ts";
import { projectDirectory } from "../test/interop/toolchain.ts";
import { median } from "./median.ts";

/** The figures of one target, by `scenario.figure`, in the unit the row names. */
export type Figures = Record<string, number>;

/** A figure, and the begin of the run that measured it (ISO 8601): two of different runs met different machines. */
export interface Measured {
  readonly value: number;
  readonly run: string;
}

export type MeasuredFigures = Record<string, Measured>;

interface Row {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
  /** What the project asks of Bun at least (`min`) or at most (`max`), as a ratio ours : Apache or as a plain number. */
  readonly floor?: { readonly ratioMin?: number; readonly ratioMax?: number; readonly max?: number };
}

const scenario = (name: string, title: string, ratioMin?: number): Row[] => [
  {
    key: `${name}.rate`,
    title: `${title}, messages/s`,
    digits: 0,
    ...(ratioMin === undefined ? {} : { floor: { ratioMin } }),
  },
  { key: `${name}.p50Ms`, title: `${title}, p50 ms`, digits: 2 },
  { key: `${name}.p99Ms`, title: `${title}, p99 ms`, digits: 2 },
  { key: `${name}.cpuMicrosPerMessage`, title: `${title}, server CPU µs a message`, digits: 1 },
];

/** Every row of the table, in order. A row without a figure of any target is left out. */
const rows: readonly Row[] = [
  ...scenario("sync1", "sync, 1 thread", 2),
  ...scenario("sync64", "sync, 64 threads", 1.4).map((row) =>
    row.key === "sync64.cpuMicrosPerMessage" ? { ...row, floor: { ratioMax: 0.25 } } : row,
  ),
  ...scenario("async256", "async, 256 in flight", 1.7),
  ...scenario("batch", "batch of 32, 4 threads", 1.2),
  ...scenario("oneway", "oneway (landed)"),
  ...scenario("consume", "push consumer over a backlog", 1.2),
  ...scenario("delayPark", "delayed messages taken in, async, 256 in flight", 1.5),
  ...scenario("delay", "delayed messages of one second delivered", 1.5),
  ...scenario("transaction", "transactions committed, 64 threads", 1.5),
  ...scenario("pop", "POP consumer over a backlog, in batches of 32", 1.5),
  ...scenario("sql", "messages looked at for a SQL92 consumer, five terms, one in ten passes", 2),
  ...scenario("sqlRare", "the same, one in a hundred passes", 2),
  {
    key: "metrics.rateLossPercent",
    title: "metrics exported (PROM): messages/s lost, sync, 64 in flight, in alternation with a server without, %",
    digits: 1,
    floor: { max: 2 },
  },
  { key: "metrics.cpuMorePercent", title: "the same: server CPU a message, more, %", digits: 1 },
  { key: "start.firstAnswerMs", title: "start to first message acknowledged, ms", digits: 0, floor: { ratioMax: 0.1 } },
  {
    key: "memory.peakAnonMib",
    title: "peak anonymous memory (RssAnon), MiB: sync to push consumer, on one server",
    digits: 0,
    floor: { ratioMax: 0.12 },
  },
  { key: "delay.peakAnonMib", title: "the same, on a server of their own: delayed messages", digits: 0 },
  { key: "transaction.peakAnonMib", title: "the same: transactions", digits: 0 },
  { key: "pop.peakAnonMib", title: "the same: sends and POP", digits: 0 },
  { key: "sql.peakAnonMib", title: "the same: sends and SQL92", digits: 0 },
  { key: "memory.peakRssMib", title: "peak resident memory (VmHWM), MiB", digits: 0 },
  { key: "flush.flushDelayMaxMs", title: "longest wait of a written byte for the begin of its fdatasync, ms", digits: 0 },
  { key: "flush.unsyncedMaxMs", title: "the same to its end, ms", digits: 0 },
  { key: "flush.flushLateTimes", title: "how often the begin came later than twice flushIntervalCommitLog", digits: 0 },
  { key: "wake.p50Ms", title: "held pull: send written to answer here, p50 ms", digits: 2, floor: { max: 2 } },
  { key: "wake.p99Ms", title: "held pull: send written to answer here, p99 ms", digits: 2 },
  { key: "idle.cpuPercent", title: "idle server, % of a core", digits: 2, floor: { max: 1 } },
  { key: "idle.connectionsMib", title: "10,000 idle connections, MiB of RSS", digits: 0, floor: { max: 100 } },
];

/** What this working copy measured; newer than what is in the repository. */
const resultsDirectory = join(projectDirectory, "bench/java/target/results");
/** The figures of the table in the repository, by target. */
const tableFigures = join(projectDirectory, "bench/results.json");

/** Of these a round with more is not disturbed: it is what the others did not meet. */
const KEEPS_MOST = /^(?:memory|flush)\.|peakAnonMib$/;

/** One figure of each kind from those of all rounds. */
export function joinRounds(rounds: readonly Figures[]): Figures {
  const keys = new Set(rounds.flatMap((figures) => Object.keys(figures)));
  return Object.fromEntries(
    [...keys].map((key) => {
      const values = rounds.flatMap((figures) => figures[key] ?? []);
      return [key, KEEPS_MOST.test(key) ? Math.max(...values) : median(values)];
    }),
  );
}

/** Keeps a target's figures for later tables, joined to what earlier partial runs found. @param run see `Measured` */
export function keepFigures(target: TargetName, figures: Figures, run: string): void {
  mkdirSync(resultsDirectory, { recursive: true });
  const measured = Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, { value, run }]));
  writeFileSync(join(resultsDirectory, `${target}.json`), JSON.stringify({ ...readFigures(target), ...measured }, undefined, 1));
}

/** The kept figures of a target; empty when it never ran. */
export function readFigures(target: TargetName): MeasuredFigures {
  const inTable = readJson<Partial<Record<TargetName, MeasuredFigures>>>(tableFigures)?.[target];
  return { ...inTable, ...readJson<MeasuredFigures>(join(resultsDirectory, `${target}.json`)) };
}

function readJson<T>(path: string): T | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
}

/** Ours : Apache's, where one run measured both. */
function ratioOf(ours: Measured | undefined, apache: Measured | undefined): number | undefined {
  return ours !== undefined && apache?.run === ours.run && apache.value !== 0 ? ours.value / apache.value : undefined;
}

function verdict(row: Row, ours: Measured | undefined, apache: Measured | undefined): string {
  if (row.floor === undefined || ours === undefined) return "";
  const { ratioMin, ratioMax, max } = row.floor;
  if (max !== undefined) return `≤ ${max} ${ours.value <= max ? "✓" : "✗"}`;
  const ratio = ratioOf(ours, apache);
  if (ratio === undefined) return "";
  if (ratioMin !== undefined) return `≥ ${ratioMin} × ${ratio >= ratioMin ? "✓" : "✗"}`;
  return `≤ ${ratioMax} × ${ratio <= ratioMax! ? "✓" : "✗"}`;
}

/**
 * A Markdown table over the targets: figures, the ratio to Apache's, and whether Bun meets what is asked.
 *
 * @param ran whose figures decide which rows there are: those of this run, not the kept ones beside them
 */
export function table(
  byTarget: ReadonlyMap<TargetName, MeasuredFigures>,
  ran: readonly TargetName[] = [...byTarget.keys()],
): string {
  const targets = [...byTarget.keys()];
  const apache = byTarget.get("apache") ?? {};
  const lines = [`| | ${targets.join(" | ")} | asked of Bun |`, `|---|${targets.map(() => "---:|").join("")}---|`];
  for (const row of rows) {
    if (ran.every((target) => byTarget.get(target)![row.key] === undefined)) continue;
    const cells = targets.map((target) => {
      const figure = byTarget.get(target)![row.key];
      if (figure === undefined) return "";
      const text = figure.value.toLocaleString("en", { minimumFractionDigits: row.digits, maximumFractionDigits: row.digits });
      const ratio = target === "apache" ? undefined : ratioOf(figure, apache[row.key]);
      return ratio === undefined ? text : `${text} (${ratio.toFixed(2)} ×)`;
    });
    lines.push(`| ${row.title} | ${cells.join(" | ")} | ${verdict(row, byTarget.get("bun")?.[row.key], apache[row.key])} |`);
  }
  return lines.join("\n");
}

/**
 * Writes bench/RESULTS.md, and beside it the figures for later runs of a part.
 * @param ran what this run measured; columns of the others are kept from before
 * @param rounds that each target had in this run
 * @param versions of what ran, one sentence each
 */
export function writeResults(
  byTarget: ReadonlyMap<TargetName, MeasuredFigures>,
  ran: readonly TargetName[],
  rounds: number,
  versions: readonly string[],
): string {
  const path = join(projectDirectory, "bench/RESULTS.md");
  const gib = Math.round(totalmem() / 2 ** 30);
  const text = `# Bench results

Made by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, ${gib} GiB, Linux ${release().split(".").slice(0, 2).join(".")}.
${versions.join("; ")}.

Every target ran on the same machine, in turns, each time with a fresh store, ASYNC_FLUSH, topics of 8 queues and bodies of 1 KiB, driven by the same Java load generator (the unmodified 5.5.0 client) on the same cores. Figures of Apache are the sum of two processes, nameserver and broker, with \`-Xms1g -Xmx1g\` each; ours are of one process that is both. In parentheses: ours : Apache, where one run measured both. CPU is user + system time of the server's processes, over the measured part of the scenario. Measured in the last run: ${ran.join(", ")}, the median of ${rounds} rounds in turns (of memory and of waits for the disk the most); what else stands here is kept from earlier ones.

${table(byTarget)}

- Before each load what is dirty is put on the disk (\`sync\`), and since 2026-11-22 the machine gets memory for the pages to be
  written (\`bench/pages.sh\`): this one lends free memory to its host and pays 8 us for each page that comes back. Between the making
  of a backlog and its consumption \`sync\` alone.
- *oneway*: messages that landed in the queues, over the time until the last one had; every 1,000th is answered, as a window.
- *transactions*: committed messages that landed in their queues; the latency is that of the half message, since the commit is not answered.
- *POP*: each message is acknowledged by itself, as the client does; CPU up to one second after the last, for the acknowledgements.
- *SQL92*: groups read the whole backlog one after the other; those that begin within the warm-up do not count, nor does the first
  tenth of any. Where one message in ten passes, the Java client needs most of a core for what it gets, whoever serves it: client and
  broker fill both cores. Where one in a hundred does, what is left is the server, which looks on two threads here and on as many as
  it likes at Apache's.
- *held pull*: from the moment a send is written to the moment the answer of the pull held for it is here; the way of the send is included.
- *start*: from the start of the process (Apache: of the later of two started at once) to the first message acknowledged.
- *10,000 idle connections*: resident memory with them, each having been answered once, less resident memory before.
`;
  writeFileSync(path, text);
  writeFileSync(tableFigures, `${JSON.stringify(Object.fromEntries(byTarget), undefined, 1)}\n`);
  return path;
}
