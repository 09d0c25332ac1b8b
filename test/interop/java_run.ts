/** One JVM with cases: started with what it must know of the servers, its reports passed on, its requests served. */
import { join } from "node:path";
import type { Cluster } from "./cluster.ts";
import { clientModules, type Run } from "./matrix.ts";
import { Child } from "./processes.ts";
import type { Toolchain } from "./toolchain.ts";

/** A JVM whose cases all hang must not hold up the suite for longer; each kill of a broker has its own time. */
const runTimeoutMs = (kills: number): number => 20 * 60_000 + kills * 10_000;

/** Stands for the Java program itself in reports. */
export const driver = "driver";

/** A line of the Java program's report. */
export interface Report {
  readonly ask?: string;
  readonly case?: string;
  readonly ms?: number;
  readonly failure?: string;
  readonly skipped?: string;
  /** Figures of a case that passed. */
  readonly note?: string;
  /** What this server does otherwise than others, where a case lets it pass. */
  readonly differs?: string;
  /** The kind of cases that it is one of, and its place among all. */
  readonly section?: string;
  readonly order?: number;
}

export interface JavaRun {
  readonly toolchain: Toolchain;
  /** By Maven module. */
  readonly classpaths: Readonly<Record<string, string>>;
  readonly cluster: Cluster;
  readonly run: Run;
  /** Begins every topic and group. */
  readonly prefix: string;
  /** How often killUnderLoad kills the broker. */
  readonly kills: string;
  /** Does what a case asks for. */
  readonly serve: (ask: string) => Promise<void>;
}

/** Runs the cases; `onReport` gets each one's outcome, and a failure of `driver` when the program itself fails. */
export async function runJava(
  { toolchain, classpaths, cluster, run, prefix, kills, serve }: JavaRun,
  onReport: (report: Report) => void,
): Promise<void> {
  const jvm = [
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xmx768m",
    `-Drocketmq.serialize.type=${run.serialize}`,
    `-Duser.home=${cluster.directory}`,
    ...cluster.clientJvm,
  ];
  const args = [
    ...["--namesrv", cluster.namesrvAddrOf(0), "--all-namesrvs", cluster.namesrvAddr, "--broker", cluster.brokerAddr],
    ...["--prefix", prefix, "--target", run.target, "--client", run.client],
    ...["--cases", run.cases?.join(",") ?? "", "--without", run.without?.join(",") ?? "", "--kills", kills],
  ];
  const classpath = classpaths[clientModules[run.client]]!;
  const log = join(cluster.directory, `java-${prefix}.log`);
  const jarArgs = ["-cp", classpath, "edgemq.interop.Main", ...args];
  const java = new Child({ program: toolchain.java, args: [...jvm, ...jarArgs], cwd: cluster.directory }, log, (line) => {
    if (!line.startsWith("{")) return;
    const report = JSON.parse(line) as Report;
    if (report.ask === undefined) return onReport(report);
    serve(report.ask).then(
      () => java.writeLine("ok"),
      (error: unknown) => java.writeLine(String(error).replaceAll("\n", " ")),
    );
  });
  const timer = setTimeout(() => void java.kill(), runTimeoutMs(Number(kills)));
  const ended = await java.exited;
  clearTimeout(timer);
  if (ended !== 0) onReport({ case: driver, ms: 0, failure: `The Java program ended with ${ended}:\n${java.outputTail}` });
}
