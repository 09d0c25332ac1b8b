/** Real processes of the command line, for the tests of this directory: a scratch directory, files in it, and what they print. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Child, type Command } from "../interop/processes.ts";
import { runtimeCommand, type TargetName } from "../interop/targets.ts";

export type OurRuntime = Exclude<TargetName, "apache">;

export const ourRuntimes: readonly OurRuntime[] = ["bun", "deno", "node"];

/** Time for a process to start on a busy machine; waited for only when something is wrong. */
export const READY_MS = 30_000;

/** Owns a directory and the processes started in it; `close` ends and removes all. */
export class Workshop {
  readonly directory = mkdtempSync(join(tmpdir(), "edgemq-cli-"));
  readonly #children: Child[] = [];

  /** Writes a file of this directory and returns its path. */
  file(name: string, content: string): string {
    const path = join(this.directory, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  start(runtime: OurRuntime, script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    const command = runtimeCommand(runtime, `cli/${script}.ts`, args);
    return this.run({ ...command, env: { ...command.env, ...QUIET, ...env } });
  }

  run(command: Command): Child {
    const child = new Child(command, join(this.directory, "output.log"));
    this.#children.push(child);
    return child;
  }

  async endProcesses(): Promise<void> {
    await Promise.all(this.#children.filter((child) => !child.ended).map((child) => child.kill()));
  }

  async close(): Promise<void> {
    await this.endProcesses();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** What the shell of a developer may have set. */
const QUIET: Readonly<Record<string, string>> = { NAMESRV_ADDR: "", ROCKETMQ_HOME: "", ROCKETMQ_SERIALIZE_TYPE: "" };

/** Waits until the output matches, and returns the match. */
export async function outputMatch(child: Child, pattern: RegExp): Promise<RegExpExecArray> {
  const marker = /^[^\\[({.*+?|]*/.exec(pattern.source)?.[0] ?? "";
  await child.waitForOutput(marker, READY_MS);
  // The rest of the line may be in the next chunk.
  for (;;) {
    const match = pattern.exec(child.outputTail);
    if (match !== null) return match;
    if (child.ended) throw new Error(`${pattern} was not printed:\n${child.outputTail}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The main port that a stand-alone server printed. */
export async function portOf(child: Child, what: "Nameserver" | "Broker"): Promise<number> {
  const match = await outputMatch(
    child,
    what === "Broker" ? /Broker listens on \S+:(\d+)\n/ : /Nameserver listens on \S+:(\d+)\n/,
  );
  return Number(match[1]);
}

/** Exit code and output of a process that ends by itself. */
export async function ended(child: Child): Promise<{ code: number | string; output: string }> {
  const timer = setTimeout(() => process.kill(child.pid, "SIGKILL"), READY_MS);
  const code = await child.exited;
  clearTimeout(timer);
  // What was still in the pipe when it ended.
  await new Promise((resolve) => setTimeout(resolve, 20));
  return { code, output: child.outputTail };
}

/**
 * SIGTERM, and what the process ends with. By process id: under Deno, `kill` of a child makes it report the signal, whatever
 * its exit code was.
 */
export function stopped(child: Child): Promise<number | string> {
  process.kill(child.pid, "SIGTERM");
  return child.exited;
}
