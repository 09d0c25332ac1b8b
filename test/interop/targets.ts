/**
 * The servers under test as commands: Apache's own from the Maven class path, and ours on each runtime. Both take
 * Apache's properties files, so everything above this file treats them alike.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "./processes.ts";
import { projectDirectory, type Toolchain } from "./toolchain.ts";

/** Who serves: Apache RocketMQ, or EdgeMQ on one of its runtimes. */
export type TargetName = "apache" | "bun" | "deno" | "node";

export const targetNames: readonly TargetName[] = ["apache", "bun", "deno", "node"];

/** How to start the roles of one target. */
export interface Target {
  readonly name: TargetName;
  /** @param home a directory the process may fill: logs, and for Apache ROCKETMQ_HOME */
  namesrv(configFile: string, home: string): Command;
  broker(configFile: string, home: string): Command;
  /** Nameserver and broker in one process, with nothing but what a new user gives it. Only ours has that. */
  standalone?(options: StandaloneOptions, home: string): Command;
}

export interface StandaloneOptions {
  readonly host: string;
  readonly namesrvPort: number;
  readonly brokerPort: number;
}

/** Options that keep a JVM small and quick to start; the bench sets its own. */
const quickJvm = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms128m", "-Xmx512m", "-XX:MaxDirectMemorySize=512m"];

/** Apache RocketMQ. @param classpath of rocketmq-namesrv and rocketmq-broker */
export function apacheTarget(toolchain: Toolchain, classpath: string, jvmOptions: readonly string[] = quickJvm): Target {
  const command = (mainClass: string, configFile: string, home: string): Command => ({
    program: toolchain.java,
    args: [...jvmOptions, `-Duser.home=${home}`, "-cp", classpath, mainClass, "-c", configFile],
    env: { ROCKETMQ_HOME: home },
  });
  return {
    name: "apache",
    namesrv: (configFile, home) => command("org.apache.rocketmq.namesrv.NamesrvStartup", configFile, home),
    broker: (configFile, home) => command("org.apache.rocketmq.broker.BrokerStartup", configFile, home),
  };
}

/** Flags of V8 of `npm run node:start`, and of `deno task`: what is tested and measured has the memory that a user's server has. */
const v8Flags = (): string[] => {
  const { scripts } = JSON.parse(readFileSync(join(projectDirectory, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  return scripts["node:start"]!.match(/--max-\S+/g) ?? [];
};

/** The program and arguments that run one of our scripts on a runtime. */
export function runtimeCommand(name: Exclude<TargetName, "apache">, script: string, args: readonly string[]): Command {
  const path = join(projectDirectory, script);
  const installed = (program: string): string => {
    const local = join(projectDirectory, "node_modules/.bin", program);
    return existsSync(local) ? local : program;
  };
  switch (name) {
    case "bun":
      return { program: installed("bun"), args: [path, ...args], cwd: projectDirectory };
    case "deno":
      return {
        program: installed("deno"),
        args: ["run", "-A", "--no-check", `--v8-flags=${v8Flags().join(",")}`, path, ...args],
        cwd: projectDirectory,
      };
    case "node":
      return { program: "node", args: [...v8Flags(), "--import", "tsx", path, ...args], cwd: projectDirectory };
  }
}

/** EdgeMQ on one runtime. */
export function ourTarget(name: Exclude<TargetName, "apache">): Target {
  const command = (script: string, args: readonly string[], home: string): Command => {
    const plain = runtimeCommand(name, script, args);
    return { ...plain, env: { ...plain.env, ROCKETMQ_HOME: home } };
  };
  return {
    name,
    namesrv: (configFile, home) => command("cli/mqnamesrv.ts", ["-c", configFile], home),
    broker: (configFile, home) => command("cli/mqbroker.ts", ["-c", configFile], home),
    standalone: ({ host, namesrvPort, brokerPort }, home) => {
      const ports = ["--namesrv-port", String(namesrvPort), "--broker-port", String(brokerPort)];
      return command("cli/standalone.ts", ["--data", `${home}/data`, "--listen", host, ...ports], home);
    },
  };
}
