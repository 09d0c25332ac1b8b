/**
 * Child processes for tests and benches: started with their output kept, waited for by the line they print when ready,
 * and ended by their own pid. No process outlives this one: what still runs at exit is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

/** A program with its arguments, as handed to the operating system. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

/** How much of a child's output is kept for error messages, in characters. */
const outputTailChars = 16_384;

/** One started program. */
export class Child {
  readonly pid: number;
  /** performance.now() right before the start, in milliseconds. */
  readonly startedAtMs: number;
  /** Settles with the exit code, or with the name of the signal that ended it. */
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #tail = "";
  #ended = false;

  /**
   * @param logFile receives everything the program prints to either stream
   * @param onLine called with each line of standard output, without its end; gives the program an open standard input
   */
  constructor(command: Command, logFile: string, onLine?: (line: string) => void) {
    this.startedAtMs = performance.now();
    const child = spawn(command.program, [...command.args], {
      stdio: [onLine === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: { ...process.env, ...command.env },
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    });
    this.#child = child;
    this.pid = child.pid ?? -1;
    running.add(child);
    const log = createWriteStream(logFile, { flags: "a" });
    const keep = (chunk: Buffer): void => {
      log.write(chunk);
      this.#tail = (this.#tail + chunk.toString("utf8")).slice(-outputTailChars);
      for (const listener of this.#listeners) listener();
    };
    child.stdout!.on("data", keep);
    if (onLine !== undefined) createInterface({ input: child.stdout! }).on("line", onLine);
    child.stderr!.on("data", keep);
    this.exited = new Promise((settle) => {
      const done = (result: number | string): void => {
        running.delete(child);
        this.#ended = true;
        log.end();
        settle(result);
        for (const listener of this.#listeners) listener();
      };
      child.once("error", (error) => done(error.message));
      child.once("exit", (code, signal) => done(code ?? signal ?? "unknown"));
    });
  }

  /** Writes a line to the program's standard input. */
  writeLine(text: string): void {
    this.#child.stdin?.write(`${text}\n`);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The last part of what was printed. */
  get outputTail(): string {
    return this.#tail;
  }

  /**
   * Waits until the program has printed a text.
   * @throws Error with the last output when it ends first, or when `timeoutMs` pass
   */
  waitForOutput(text: string | RegExp, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = (): void => {
        if (typeof text === "string" ? this.#tail.includes(text) : text.test(this.#tail)) settle();
        else if (this.#ended) settle(new Error(`The process ended before it printed "${text}":\n${this.#tail}`));
      };
      const timer = setTimeout(
        () => settle(new Error(`The process did not print "${text}" in ${timeoutMs} ms:\n${this.#tail}`)),
        timeoutMs,
      );
      this.#listeners.add(look);
      look();
    });
  }

  /** Asks the program to end, kills it after `graceMs`, and returns what `exited` settles with. */
  async stop(graceMs = 20_000): Promise<number | string> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    const result = await this.exited;
    clearTimeout(timer);
    return result;
  }

  /** Ends the program at once: kill -9. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }
}

/** True when nobody listens on this TCP port of 127.0.0.1. */
function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/**
 * Finds `count` neighbouring free TCP ports. A broker needs three (listenPort − 2, listenPort, listenPort + 1), so they
 * can't come from port 0. Below 32,768, where Linux does not pick the local ports of outgoing connections.
 */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const first = 12_000 + Math.floor(Math.random() * 20_000);
    let free = true;
    for (let port = first; free && port < first + count; port++) free = await portIsFree(port);
    if (free) return first;
  }
  throw new Error(`Cannot find ${count} neighbouring free TCP ports between 12000 and 32000 in 1000 attempts`);
}
