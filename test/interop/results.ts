/**
 * What the interop tests came to, kept for docs/interop.md: `run.ts` writes a file of JSON for each combination of target, client,
 * header serialization and servers below `java/target/results/`, which is not committed; `table.ts` makes the page from them.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "./java_run.ts";
import type { ClientVersion, Run, Serialization } from "./matrix.ts";
import type { TargetName } from "./targets.ts";
import { interopJavaDirectory } from "./toolchain.ts";

const DIRECTORY = join(interopJavaDirectory, "target/results");

/** What one case came to. */
export interface Outcome {
  /** `again`: passed at its second try. */
  readonly outcome: "passed" | "again" | "failed" | "skipped";
  /** Heading of the page that it stands under, and where among all cases. */
  readonly section: string;
  readonly order: number;
  /** Why it was skipped, or failed; one line. */
  readonly why?: string | undefined;
  /** What this server does otherwise than the case would have it. */
  readonly differs?: string | undefined;
}

/** The outcomes of one combination. */
export interface Result {
  readonly target: TargetName;
  readonly client: ClientVersion;
  readonly serialize: Serialization;
  /** Name of the servers that differ from the usual ones. */
  readonly servers?: string | undefined;
  /** Day of the newest outcome, `2026-11-21`. */
  readonly date: string;
  /** All cases were run at least once: what is not here is no case any more. */
  readonly complete: boolean;
  /** By name of the case. */
  readonly cases: Readonly<Record<string, Outcome>>;
}

/** Outcome of a report that is a case's. */
export function outcomeOf(report: Report, firstFailure?: string): Outcome {
  const line = (report.failure ?? report.skipped ?? firstFailure)
    ?.split("\n")[0]
    ?.replace(/^java\.lang\.AssertionError: /, "")
    .trimEnd();
  const passed = firstFailure === undefined ? "passed" : "again";
  return {
    outcome: report.failure !== undefined ? "failed" : report.skipped !== undefined ? "skipped" : passed,
    section: report.section ?? "",
    order: report.order ?? 0,
    why: line,
    differs: report.differs,
  };
}

/** Puts what a run came to into the file of its combination, which keeps what the run left out; after a run of all cases nothing else. */
export function keepResults(run: Run, outcomes: ReadonlyMap<string, Outcome>): void {
  mkdirSync(DIRECTORY, { recursive: true });
  const { target, client, serialize } = run;
  const servers = run.servers?.name;
  const file = join(
    DIRECTORY,
    `${[target, client, serialize, ...(servers === undefined ? [] : [servers])].join("-").replaceAll(":", "_")}.json`,
  );
  const all = run.cases === undefined && run.without === undefined;
  const before = all ? undefined : read(file);
  const result: Result = {
    ...{ target, client, serialize, servers },
    date: new Date().toISOString().slice(0, 10),
    complete: all || before?.complete === true,
    cases: { ...before?.cases, ...Object.fromEntries(outcomes) },
  };
  writeFileSync(file, `${JSON.stringify(result, undefined, 1)}\n`);
}

function read(file: string): Result | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Result;
  } catch {
    return undefined; // not run yet
  }
}

/** Everything that was kept. @returns none when nothing was run */
export function keptResults(): Result[] {
  let names: string[];
  try {
    names = readdirSync(DIRECTORY);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(DIRECTORY, name), "utf8")) as Result);
}
