/**
 * The servers the bench compares, each with a fresh data directory on free ports of loopback: Apache's nameserver and
 * broker (two processes, 1 GiB of heap each as the issue of the day asks) and our standalone server (one process).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, freePorts } from "../test/interop/processes.ts";
import { untilRegistered } from "../test/interop/registered.ts";
import { apacheTarget, runtimeCommand, type TargetName } from "../test/interop/targets.ts";
import { buildJava, interopJavaDirectory, type Toolchain } from "../test/interop/toolchain.ts";
import { RawClient } from "./raw_client.ts";

/** The first answer of a starting server is asked for this often. */
const askEveryMs = 5;
const firstAnswerTimeoutMs = 90_000;

export type OurTarget = Exclude<TargetName, "apache">;

export class BenchServer {
  readonly name: TargetName;
  readonly children: readonly Child[];
  readonly namesrvAddr: string;
  readonly brokerPort: number;
  /** From the start of the process (of the later one, when there are two) to the first message acknowledged. */
  readonly firstAnswerMs: number;
  readonly #directory: string;

  private constructor(
    name: TargetName,
    children: readonly Child[],
    ports: { namesrv: number; broker: number },
    firstAnswerMs: number,
    directory: string,
  ) {
    this.name = name;
    this.children = children;
    this.namesrvAddr = `127.0.0.1:${ports.namesrv}`;
    this.brokerPort = ports.broker;
    this.firstAnswerMs = firstAnswerMs;
    this.#directory = directory;
  }

  get pids(): number[] {
    return this.children.map((child) => child.pid);
  }

  /** @param toolchain of Apache's; ours needs none @param brokerConfig more keys for broker.conf */
  static async start(
    name: TargetName,
    toolchain: Toolchain | undefined,
    flushDiskType: string,
    brokerConfig: Readonly<Record<string, string>> = {},
  ): Promise<BenchServer> {
    const firstPort = await freePorts(5);
    const ports = { namesrv: firstPort, broker: firstPort + 3 };
    const directory = mkdtempSync(join(tmpdir(), `edgemq-bench-${name}-`));
    const file = (fileName: string, config: Record<string, string>): string => {
      const path = join(directory, fileName);
      const lines = Object.entries(config).map(([key, value]) => `${key}=${value}\n`);
      writeFileSync(path, lines.join(""));
      return path;
    };
    const namesrvConf = file("namesrv.conf", { listenPort: String(ports.namesrv) });
    const brokerConf = file("broker.conf", {
      brokerName: "broker-a",
      brokerIP1: "127.0.0.1",
      listenPort: String(ports.broker),
      namesrvAddr: `127.0.0.1:${ports.namesrv}`,
      storePathRootDir: join(directory, "store"),
      flushDiskType,
      // for `sql`; both brokers refuse it by default
      enablePropertyFilter: "true",
      ...brokerConfig,
    });
    const log = join(directory, "output.log");
    const children: Child[] = [];
    if (name === "apache") {
      if (toolchain === undefined) throw new Error("Apache's servers need a JDK and Maven");
      const { apache } = buildJava(toolchain, interopJavaDirectory, ["apache"]);
      const target = apacheTarget(toolchain, apache!, ["-Xms1g", "-Xmx1g"]);
      children.push(new Child(target.namesrv(namesrvConf, directory), log), new Child(target.broker(brokerConf, directory), log));
    } else {
      const args = ["--data", join(directory, "data"), "--namesrv-port", String(ports.namesrv), "-c", brokerConf];
      const command = runtimeCommand(name, "cli/standalone.ts", args);
      children.push(new Child({ ...command, env: { ...command.env, ROCKETMQ_HOME: directory } }, log));
    }
    const server = (firstAnswerMs: number): BenchServer => new BenchServer(name, children, ports, firstAnswerMs, directory);
    try {
      const firstAnswerMs = await firstAnswer(children, ports.broker);
      if (name === "apache") await untilRegistered(`127.0.0.1:${ports.namesrv}`, firstAnswerTimeoutMs);
      return server(firstAnswerMs);
    } catch (error) {
      await server(0).stop();
      throw error;
    }
  }

  /** Ends the processes at once (their data is thrown away) and removes the directory. */
  async stop(): Promise<void> {
    for (const child of this.children.toReversed()) await child.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Milliseconds from the start of the last process to the first send that the broker acknowledges. */
async function firstAnswer(children: readonly Child[], brokerPort: number): Promise<number> {
  const startedAtMs = Math.max(...children.map((child) => child.startedAtMs));
  const body = new TextEncoder().encode("first");
  while (performance.now() - startedAtMs < firstAnswerTimeoutMs) {
    for (const child of children) {
      if (child.ended) throw new Error(`A server process ended while it was starting:\n${child.outputTail}`);
    }
    const client = await RawClient.connect("127.0.0.1", brokerPort).catch(() => undefined);
    const answer = await client?.send("bench_first_answer", 0, body).catch(() => undefined);
    client?.close();
    if (answer?.code === 0) return answer.atMs - startedAtMs;
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
  const output = children.map((child) => child.outputTail).join("\n");
  throw new Error(`No message was acknowledged in ${firstAnswerTimeoutMs} ms after the start:\n${output}`);
}
