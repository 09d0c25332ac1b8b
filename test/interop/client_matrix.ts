/**
 * The matrix of our client: every kind of producer and consumer × {our broker, Apache} × {Bun, Deno, Node}.
 *
 *     bun test/interop/client_matrix.ts [--target bun,apache] [--runtime bun,deno,node] [--host ::1] [--write]
 *
 * A broker is started once a target; the kinds run side by side in one process a runtime. `--write` puts the table into
 * docs/client.md. The last line is `N passed, N failed, N skipped`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { hostRuntime } from "../support/host_runtime.ts";
import { kinds, Scenario } from "./client_kinds.ts";
import { Cluster } from "./cluster.ts";
import { Child } from "./processes.ts";
import { apacheTarget, ourTarget, runtimeCommand, type TargetName } from "./targets.ts";
import { buildJava, findToolchain, interopJavaDirectory, projectDirectory, withoutToolchain } from "./toolchain.ts";

const { values: options } = parseArgs({
  options: {
    target: { type: "string", default: "bun,apache" },
    runtime: { type: "string", default: "bun,deno,node" },
    host: { type: "string", default: "127.0.0.1" },
    write: { type: "boolean", default: false },
    /** In a process that the driver started: nameserver, suffix and directory, joined by `|`. */
    run: { type: "string" },
  },
});
const TIMEOUT_MS = 90_000;
const THIS_FILE = "test/interop/client_matrix.ts";
const DOCUMENT = join(projectDirectory, "docs/client.md");
const [BEGIN, END] = ["<!-- matrix: written by test/interop/client_matrix.ts --write -->", "<!-- /matrix -->"];

if (options.run === undefined) await drive();
else await runKinds(options.run.split("|") as [string, string, string]);

/** Prints a line a kind: `kind|side|name|ms|fault`. */
async function runKinds([namesrvAddr, suffix, directory]: [string, string, string]): Promise<void> {
  const runtime = await hostRuntime();
  const all = Object.entries(kinds).flatMap(([side, ofSide]) =>
    Object.entries(ofSide).map(([name, run]) => ({ side, name, run })),
  );
  await Promise.all(
    all.map(async ({ side, name, run }, index) => {
      const scenario = new Scenario({ runtime, namesrvAddr, suffix, directory }, index);
      const startedAt = Date.now();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`nothing for ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
      });
      const fault = await Promise.race([run(scenario), late]).then(
        () => "",
        (error: Error) => error.message.replaceAll(/[|\n]/g, " "),
      );
      clearTimeout(timer);
      await scenario.close();
      console.log(`kind|${side}|${name}|${Date.now() - startedAt}|${fault}`);
    }),
  );
  process.exit(0);
}

async function drive(): Promise<void> {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  /** `side|name` -> `target runtime` -> whether it passed. */
  const cells = new Map<string, Map<string, boolean>>();
  const targets = options.target.split(",") as TargetName[];
  const runtimes = options.runtime.split(",") as Exclude<TargetName, "apache">[];
  const toolchain = targets.includes("apache") ? findToolchain() : undefined;
  for (const name of targets) {
    if (name === "apache" && typeof toolchain === "string") {
      withoutToolchain("client matrix, apache", toolchain, totals);
      continue;
    }
    const target =
      name === "apache" && typeof toolchain === "object"
        ? apacheTarget(toolchain, buildJava(toolchain, interopJavaDirectory, ["apache"])["apache"] as string)
        : ourTarget(name as Exclude<TargetName, "apache">);
    // Eighteen topics are made at once, by a JVM that has just begun: a send may wait longer than the 200 ms of the default.
    const brokerConfig = { waitTimeMillsInSendQueue: "20000" };
    const cluster = await Cluster.start({ target, namesrvCount: 1, brokerConfig, host: options.host });
    try {
      for (const runtime of runtimes) {
        const seen = new Set<string>();
        const take = (line: string) => {
          const [mark, side = "", kind = "", ms, fault] = line.split("|");
          if (mark !== "kind") return;
          const passed = fault === "";
          seen.add(`${side}|${kind}`);
          count(passed, side, kind, `${name} ${runtime}`);
          console.log(
            `${passed ? "✓" : "✗"} ${runtime} client, ${name}: ${side}: ${kind} [${ms} ms]${passed ? "" : `\n  ${fault}`}`,
          );
        };
        const command = runtimeCommand(runtime, THIS_FILE, ["--run", `${cluster.namesrvAddr}|${runtime}|${cluster.directory}`]);
        const child = new Child(command, join(cluster.directory, `${runtime}.log`), take);
        await child.exited;
        for (const [side, ofSide] of Object.entries(kinds)) {
          for (const kind of Object.keys(ofSide))
            if (!seen.has(`${side}|${kind}`)) count(false, side, kind, `${name} ${runtime}`);
        }
      }
    } finally {
      await cluster.close();
    }
  }
  if (options.write) write(targets, runtimes);
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  process.exit(totals.failed === 0 ? 0 : 1);

  function count(passed: boolean, side: string, kind: string, column: string): void {
    totals[passed ? "passed" : "failed"]++;
    const row = cells.get(`${side}|${kind}`) ?? new Map<string, boolean>();
    cells.set(`${side}|${kind}`, row.set(column, passed));
  }

  function write(names: readonly TargetName[], on: readonly string[]): void {
    const columns = names.flatMap((name) => on.map((runtime) => `${name} ${runtime}`));
    const heads = names.flatMap((name) => on.map((runtime) => `${name === "apache" ? "Apache" : "ours"}, ${runtime}`));
    const lines = [`| | ${heads.join(" | ")} |`, `|---|${columns.map(() => "---|").join("")}`];
    for (const [side, ofSide] of Object.entries(kinds)) {
      for (const kind of Object.keys(ofSide)) {
        const row = cells.get(`${side}|${kind}`);
        lines.push(`| ${side}: ${kind} | ${columns.map((column) => (row?.get(column) === true ? "✓" : "✗")).join(" | ")} |`);
      }
    }
    const text = readFileSync(DOCUMENT, "utf8");
    const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
    if (from < 0 || to < 0) throw new Error(`${DOCUMENT} has no place for the matrix`);
    writeFileSync(DOCUMENT, `${text.slice(0, from)}${BEGIN}\n${lines.join("\n")}\n${text.slice(to)}`);
  }
}
