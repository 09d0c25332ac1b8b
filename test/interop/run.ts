/**
 * The interop tests: unmodified Java clients against Apache RocketMQ (to prove the cases) and against ours.
 *
 *     bun test/interop/run.ts                       what `npm test` runs (with --test --target bun,… a part of it)
 *     bun test/interop/run.ts --full                the whole matrix of ours
 *     bun test/interop/run.ts --full --target apache   the same cases against Apache: to be run when one was changed
 *     bun test/interop/run.ts --target bun,apache --client 5.5.0 --serialize JSON --cases syncSend,broadcast
 *
 * `--cases` takes names, or smoke, reduced, ipv6, queues, tls, all; `--servers` is ::1, SYNC_FLUSH, queues, "cold scan",
 * acl, tls, "two brokers" or standalone; `--kills N` is how often killUnderLoad kills the broker; `--keep` leaves the directory of the
 * servers. Every case is one test; the last line is
 * `N passed, N failed, N skipped`. What each case came to is kept for docs/interop.md (`npm run docs:interop`). Without a JDK and
 * Maven everything is one skipped test, or with CI=true a failed one.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cluster } from "./cluster.ts";
import { driver, type Report, runJava } from "./java_run.ts";
import {
  aclCases,
  type ClientVersion,
  coldScanCases,
  fullRuns,
  ipv6Cases,
  queuesCases,
  type Run,
  reducedCases,
  type Serialization,
  serversByName,
  smokeCases,
  testRuns,
  tlsCases,
} from "./matrix.ts";
import { keepResults, type Outcome, outcomeOf } from "./results.ts";
import { apacheTarget, ourTarget, type TargetName, targetNames } from "./targets.ts";
import { buildJava, findToolchain, interopJavaDirectory, type Toolchain, withoutToolchain } from "./toolchain.ts";

const { values: options } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    test: { type: "boolean", default: false },
    target: { type: "string" },
    client: { type: "string" },
    serialize: { type: "string" },
    cases: { type: "string" },
    servers: { type: "string" },
    kills: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});

/** Apache takes 10 s a restart, so that its proof of killUnderLoad is a short one. */
const killsOf = (target: TargetName): string => options.kills ?? (target === "apache" ? "2" : "20");

const totals = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];
/** Cases that passed at their second try, with why they failed at the first: printed at the end, so that nobody overlooks them. */
const secondTries: string[] = [];

/**
 * Two JVMs and the servers share the machine's cores, and the Java client has limits of its own (3 s for a route, 3 s for an
 * answer) that a busy moment breaks. So a case that fails is run once more by itself; failing twice is failing. More than so
 * many failures in one run are no busy moment.
 */
const secondTriesMax = 3;
/** What proves that nothing is lost must hold each time. */
const triedOnce: ReadonlySet<string> = new Set(["killUnderLoad", "everythingOverBrokerRestart"]);

function casesOf(names: string): readonly string[] | undefined {
  const lists: Record<string, readonly string[] | undefined> = {
    smoke: smokeCases,
    reduced: reducedCases,
    ipv6: ipv6Cases,
    queues: queuesCases,
    tls: tlsCases,
    acl: aclCases,
    coldScan: coldScanCases,
  };
  return names === "all" ? undefined : (lists[names] ?? names.split(","));
}

/** The runs the command line asks for. */
function plannedRuns(): Run[] {
  const { target, client, serialize, cases } = options;
  const servers = serversByName.get(options.servers ?? "");
  if (options.servers !== undefined && servers === undefined) {
    throw new Error(`"${options.servers}" is none of the servers ${[...serversByName.keys()].join(", ")}`);
  }
  // Apache proves the cases, not us: it is run when asked for
  const targets = (target?.split(",") ?? targetNames.filter((name) => name !== "apache")) as TargetName[];
  for (const name of targets) {
    if (!targetNames.includes(name)) throw new Error(`"${name}" is no target: there are ${targetNames.join(", ")}`);
  }
  if (options.full) return fullRuns(targets);
  if (options.test) return testRuns.filter((run) => targets.includes(run.target));
  if (!target && !client && !serialize && !cases && !servers) return [...testRuns];
  return targets.flatMap((name) =>
    ((client ?? "5.5.0").split(",") as ClientVersion[]).flatMap((version) =>
      ((serialize ?? "JSON").split(",") as Serialization[]).map((serialization) => ({
        target: name,
        client: version,
        serialize: serialization,
        cases: casesOf(cases ?? "all"),
        servers,
      })),
    ),
  );
}

/** What a case asks the runner to do with the servers. */
async function serve(cluster: Cluster, ask: string): Promise<void> {
  const index = Number(/^(?:start|stop)Namesrv(\d)$/.exec(ask)?.[1]);
  if (ask === "stopBroker") await cluster.stopBroker();
  else if (ask === "killBroker") await cluster.killBroker();
  else if (ask === "startBroker") await cluster.startBroker();
  else if (ask === "evictLog") cluster.evictLog();
  else if (ask.startsWith("startNamesrv")) await cluster.startNamesrv(index);
  else if (ask.startsWith("stopNamesrv")) await cluster.stopNamesrv(index);
  else throw new Error(`unknown request "${ask}"`);
}

/** Counts and prints an outcome. */
function take(title: string, report: Report): void {
  const name = `${title} ${report.case}`;
  if (report.failure !== undefined) {
    totals.failed++;
    failures.push(`${name}\n${report.failure}`);
    console.log(`✗ ${name} [${report.ms} ms]\n${report.failure.split("\n").slice(0, 12).join("\n")}`);
  } else if (report.skipped !== undefined) {
    totals.skipped++;
    console.log(`- ${name}: skipped: ${report.skipped}`);
  } else {
    totals.passed++;
    console.log(`✓ ${name} [${report.ms} ms]${report.note === undefined ? "" : `\n  ${report.note}`}`);
  }
}

/** Runs the cases against a cluster that is up; what fails is tried once more. */
async function runCases(toolchain: Toolchain, classpaths: Record<string, string>, cluster: Cluster, run: Run, prefix: string) {
  const title = `${run.target} ${run.client} ${run.serialize}${run.servers === undefined ? "" : ` ${run.servers.name}`}`;
  const failed = new Map<string, Report>();
  const outcomes = new Map<string, Outcome>();
  const settle = (report: Report, first?: Report): void => {
    take(title, report);
    if (report.case !== undefined && report.section !== undefined) outcomes.set(report.case, outcomeOf(report, first?.failure));
  };
  const program = {
    toolchain,
    classpaths,
    cluster,
    run,
    kills: killsOf(run.target),
    serve: (ask: string) => serve(cluster, ask),
  };
  await runJava({ ...program, prefix }, (report) => {
    if (report.failure === undefined || report.case === undefined) settle(report);
    else failed.set(report.case, report);
  });
  const again = failed.size <= secondTriesMax ? [...failed.keys()].filter((name) => !triedOnce.has(name) && name !== driver) : [];
  for (const [name, report] of failed) if (!again.includes(name)) settle(report);
  if (again.length === 0) return keepResults(run, outcomes);
  await cluster.startStopped();
  await runJava({ ...program, run: { ...run, cases: again }, prefix: `${prefix}again` }, (report) => {
    const first = failed.get(report.case ?? "");
    if (report.failure === undefined && first !== undefined) {
      secondTries.push(`${title} ${first.case}: ${first.failure?.split("\n")[0]}`);
    }
    settle(report, first);
  });
  keepResults(run, outcomes);
}

/** Runs of one target and address share a cluster; each has topics and groups of its own. */
async function runTogether(toolchain: Toolchain, classpaths: Record<string, string>, runs: readonly Run[]): Promise<void> {
  const { target, servers } = runs[0]!;
  const cluster = await Cluster.start({
    target: target === "apache" ? apacheTarget(toolchain, classpaths["apache"]!) : ourTarget(target),
    ...servers,
  });
  const failedBefore = totals.failed;
  try {
    for (const [index, run] of runs.entries()) await runCases(toolchain, classpaths, cluster, run, `r${index}`);
  } finally {
    const keep = options.keep && totals.failed > failedBefore;
    if (keep) console.log(`The servers' directory is left: ${cluster.directory}`);
    if (totals.failed > failedBefore) appendFileSync(join(cluster.directory, "failures.txt"), failures.join("\n\n"));
    await cluster.close(keep);
  }
}

async function main(): Promise<void> {
  const runs = plannedRuns();
  const toolchain = findToolchain();
  if (typeof toolchain === "string") {
    withoutToolchain("interop", toolchain, totals);
    return;
  }
  const classpaths = buildJava(toolchain, interopJavaDirectory, ["apache", "current", "older"]);
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const key = `${run.target} ${run.servers?.name ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  for (const [key, group] of groups) {
    try {
      await runTogether(toolchain, classpaths, group);
    } catch (error) {
      take(key.trim(), { case: "servers", ms: 0, failure: String(error) });
    }
  }
}

await main();
if (secondTries.length > 0) console.log(`\nPassed at the second try:\n${secondTries.map((line) => `  ${line}`).join("\n")}`);
if (failures.length > 0) console.log(`\nFailed:\n${failures.map((failure) => `  ${failure.split("\n")[0]}`).join("\n")}`);
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 ? 0 : 1);
