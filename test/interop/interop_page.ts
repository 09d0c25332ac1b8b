/**
 * docs/interop.md: case by case what the Java clients' tests came to, on Apache and on each runtime. Made of the results of runs; what
 * was not run since keeps the mark that stands in the page already, so that one combination can be run at a time.
 */
import { type ClientVersion, clientModules, type Serialization } from "./matrix.ts";
import type { Outcome, Result } from "./results.ts";
import { type TargetName, targetNames } from "./targets.ts";

const heads: Readonly<Record<TargetName, string>> = { apache: "Apache", bun: "Bun", deno: "Deno", node: "Node" };
const serializations: readonly Serialization[] = ["JSON", "ROCKETMQ"];
/** In the order of the marks of a cell. */
const combinations = (Object.keys(clientModules) as ClientVersion[]).flatMap((client) =>
  serializations.map((serialize) => `${client} ${serialize}`),
);
const PASSED = "✓";
const FAILED = "✗";
const SKIPPED = "–";
const NOT_RUN = "·";
const marks: Readonly<Record<Outcome["outcome"], string>> = { passed: PASSED, again: PASSED, failed: FAILED, skipped: SKIPPED };
const SERVERS = "Servers: ";
const RUNS = "Runs";

/** One line of a table. */
interface Row {
  readonly name: string;
  readonly order: number;
  /** Target -> a mark for each combination of the section. */
  readonly cells: Map<TargetName, string[]>;
  readonly notes: string[];
}

/** Heading -> name of the case -> row. */
type Sections = Map<string, Map<string, Row>>;

/** How many marks a cell has: servers that differ are run with one client and one serialization. */
const marksIn = (heading: string): number => (heading.startsWith(SERVERS) ? 1 : combinations.length);

const titleOf = (result: Result): string => (result.servers === undefined ? "" : `${SERVERS}${result.servers}`);

const inCell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

/** @param before the page as it is, or an empty text */
export function interopPage(results: readonly Result[], before: string): string {
  const sections = parsePage(before);
  const dates = parseDates(before);
  for (const result of results) {
    const column = `${heads[result.target]} ${titleOf(result) || `${result.client} ${result.serialize}`}`;
    dates.set(column, result.date);
    for (const [name, outcome] of Object.entries(result.cases)) take(sections, result, name, outcome);
  }
  const complete = results.filter((result) => result.complete);
  // Of a run of some cases the rows stay where they stand: places in the page and in the suite are numbers of two kinds.
  const orders = new Map(
    complete.flatMap((result) => Object.entries(result.cases).map(([name, { order }]) => [name, order] as const)),
  );
  const known = new Set(complete.flatMap((result) => Object.keys(result.cases)));
  const blocks: string[] = [head(dates, sections)];
  for (const [heading, rows] of inOrder(sections, orders)) {
    const shown = rows.filter((row) => heading.startsWith(SERVERS) || known.size === 0 || known.has(row.name));
    if (shown.length > 0) blocks.push(`## ${heading}\n\n${table(shown)}`);
  }
  return `${blocks.join("\n\n")}\n`;
}

function take(sections: Sections, result: Result, name: string, outcome: Outcome): void {
  const heading = titleOf(result) || outcome.section || "Others";
  for (const [other, rows] of sections)
    if (result.servers === undefined && !other.startsWith(SERVERS) && other !== heading) rows.delete(name);
  const rows = sections.get(heading) ?? new Map<string, Row>();
  sections.set(heading, rows);
  const row = rows.get(name) ?? { name, order: outcome.order, cells: new Map(), notes: [] };
  rows.set(name, row);
  const cell = row.cells.get(result.target) ?? Array.from({ length: marksIn(heading) }, () => NOT_RUN);
  row.cells.set(result.target, cell);
  cell[result.servers === undefined ? combinations.indexOf(`${result.client} ${result.serialize}`) : 0] = marks[outcome.outcome];
  // What was said of this server's run before is over; why a client skips a case is the same wherever it does.
  const own = `${heads[result.target]}, ${result.client} ${result.serialize}: `;
  const kept = row.notes.filter((note) => !note.startsWith(own));
  if (outcome.outcome === "skipped" && outcome.why !== undefined) kept.push(inCell(outcome.why));
  if (outcome.outcome === "failed") kept.push(own + inCell(outcome.why ?? "failed"));
  if (outcome.outcome === "again") kept.push(`${own}at the second try; first ${inCell(outcome.why ?? "")}`);
  if (outcome.differs !== undefined) kept.push(`${heads[result.target]}: ${inCell(outcome.differs)}`);
  row.notes.splice(0, row.notes.length, ...new Set(kept));
}

/** Sections and rows in the order of the suite; what was not run stays where it stood. */
function inOrder(sections: Sections, orders: ReadonlyMap<string, number>): [string, Row[]][] {
  const orderOf = (row: Row): number => orders.get(row.name) ?? row.order;
  return [...sections]
    .map(([heading, rows]): [string, Row[]] => [heading, [...rows.values()].sort((a, b) => orderOf(a) - orderOf(b))])
    .filter(([, rows]) => rows.length > 0)
    .sort(([a, rowsOfA], [b, rowsOfB]) => {
      const last = Number(a.startsWith(SERVERS)) - Number(b.startsWith(SERVERS));
      return last || (a.startsWith(SERVERS) ? (a < b ? -1 : 1) : orderOf(rowsOfA[0] as Row) - orderOf(rowsOfB[0] as Row));
    });
}

function table(rows: readonly Row[]): string {
  const lines = [
    `| | ${targetNames.map((name) => heads[name]).join(" | ")} | |`,
    `|---|${targetNames.map(() => "---|").join("")}---|`,
  ];
  for (const { name, cells, notes } of rows) {
    const marksOf = targetNames.map((target) => cells.get(target)?.join("") ?? NOT_RUN);
    lines.push(`| ${name} | ${marksOf.join(" | ")} | ${notes.join("<br>")} |`);
  }
  return lines.join("\n");
}

function head(dates: ReadonlyMap<string, string>, sections: Sections): string {
  const columns = [...combinations, ...[...sections.keys()].filter((heading) => heading.startsWith(SERVERS)).sort()];
  const lines = [`| | ${targetNames.map((name) => heads[name]).join(" | ")} |`, `|---|${targetNames.map(() => "---|").join("")}`];
  for (const column of columns) {
    const cells = targetNames.map((target) => {
      const date = dates.get(`${heads[target]} ${column}`);
      if (date === undefined) return NOT_RUN;
      const counts = new Map<string, number>();
      for (const [heading, rows] of sections) {
        const index = heading.startsWith(SERVERS) ? 0 : combinations.indexOf(column);
        if (heading.startsWith(SERVERS) ? heading !== column : index < 0) continue;
        for (const row of rows.values()) {
          const mark = row.cells.get(target)?.[index] ?? NOT_RUN;
          counts.set(mark, (counts.get(mark) ?? 0) + 1);
        }
      }
      const counted = [PASSED, FAILED, SKIPPED].flatMap((mark) => (counts.has(mark) ? [`${counts.get(mark)} ${mark}`] : []));
      return `${counted.join(", ")} (${date})`;
    });
    lines.push(`| ${column} | ${cells.join(" | ")} |`);
  }
  return `# Interop, case by case

Unmodified Java clients and \`mqadmin\` against Apache RocketMQ 5.5.0, which proves the cases, and against EdgeMQ on Bun, Deno and Node.
This page is written by \`npm run docs:interop\` from what \`test/interop/run.ts\` came to last (\`npm run test:full\` runs all of ours,
\`bun test/interop/run.ts --full --target apache\` the same on Apache); what was not run since keeps its mark. The cases are in
\`test/interop/java/src\`, a method each.

A cell has four marks, for ${combinations.join(", ")} (client and header serialization); with servers of their own one, for
${combinations[0]}. ${PASSED} passed, ${FAILED} failed, ${SKIPPED} skipped: the client or its headers can't, ${NOT_RUN} not run (what is about the
disk, or about minutes of the broker's clock, is run with JSON headers only; Apache has no process that is both roles: standalone). The last column says why a case is skipped, and what a server does otherwise than the others.

## ${RUNS}

${lines.join("\n")}`;
}

/** The rows of a page. */
function parsePage(text: string): Sections {
  const sections: Sections = new Map();
  let rows: Map<string, Row> | undefined;
  let [length, order] = [0, 0];
  for (const line of text.split("\n")) {
    const [, heading] = /^## (.+)$/.exec(line) ?? [];
    if (heading !== undefined) {
      rows = heading === RUNS ? undefined : new Map();
      if (rows !== undefined) sections.set(heading, rows);
      length = marksIn(heading);
    }
    const [, name, ...columns] = line.split(/(?<!\\)\|/).map((each) => each.trim());
    if (rows === undefined || !name || name.startsWith("---")) continue;
    const cells = targetNames.map((target, index): [TargetName, string[]] => {
      const found = (columns[index] ?? "").split("");
      return [target, found.length === length ? found : Array.from({ length }, () => NOT_RUN)];
    });
    const notes = (columns[targetNames.length] ?? "").split("<br>").filter((note) => note !== "");
    rows.set(name, {
      name,
      order: order++,
      cells: new Map(cells.filter(([, cell]) => cell.some((mark) => mark !== NOT_RUN))),
      notes,
    });
  }
  return sections;
}

/** Column -> day of the newest run. */
function parseDates(text: string): Map<string, string> {
  const dates = new Map<string, string>();
  const part = text.split(`## ${RUNS}\n`)[1]?.split("\n## ")[0] ?? "";
  for (const line of part.split("\n")) {
    const [, column, ...cells] = line.split("|").map((each) => each.trim());
    for (const [index, target] of targetNames.entries()) {
      const [, date] = /\((\d{4}-\d\d-\d\d)\)$/.exec(cells[index] ?? "") ?? [];
      if (date !== undefined) dates.set(`${heads[target]} ${column}`, date);
    }
  }
  return dates;
}
