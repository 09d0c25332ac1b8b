/** Command lines: Apache's options under Apache's names, and ours. */
import process from "node:process";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { LogLevel } from "../adapters/shared/log.ts";

/** What every server command takes. */
export interface ServerArguments {
  readonly configFile?: string;
  readonly namesrvAddr?: string;
  readonly printConfigItem?: true;
  readonly printImportantConfig?: true;
  readonly logLevel: LogLevel;
}

export interface StandaloneArguments extends ServerArguments {
  readonly listen?: string;
  readonly data: string;
  readonly namesrvPort?: string;
  readonly brokerPort?: string;
}

/** `mqbroker` and `mqnamesrv`, with the options of Apache's. */
export function serverCommand(name: "mqbroker" | "mqnamesrv"): Command {
  const what = name === "mqbroker" ? "Broker" : "Name server";
  const command = base(name)
    .option("-c, --configFile <arg>", `${what} config properties file`)
    .option("-n, --namesrvAddr <arg>", "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'")
    .option("-p, --printConfigItem", "Print all config item");
  return name === "mqbroker" ? command.option("-m, --printImportantConfig", "Print important config item") : command;
}

export function standaloneCommand(): Command {
  return base("standalone")
    .description("Nameserver and broker in one process.")
    .option("-l, --listen <address>", "IP address to listen on; 0.0.0.0 is every IPv4 interface (default: 127.0.0.1)")
    .option("-d, --data <directory>", "directory of all data", "./data")
    .option("--namesrv-port <port>", "port of the nameserver (default: 9876)", port)
    .option("--broker-port <port>", "port of the broker; port - 2 is taken as well (default: 10911)", port)
    .option("-c, --configFile <file>", "broker config properties file (default: <data>/broker.conf when it exists)")
    .option("-p, --printConfigItem", "print all config items of the broker")
    .option("-m, --printImportantConfig", "print important config items of the broker");
}

/** The arguments of this process. Ends it, after `-h` with 0, after a mistake with the usage and 1. */
export function parsedArguments<T>(command: Command, argv: readonly string[] = process.argv.slice(2)): T {
  try {
    return command.exitOverride().parse(argv, { from: "user" }).opts() as T;
  } catch (fault) {
    if (fault instanceof CommanderError) {
      process.exit(fault.exitCode === 0 ? 0 : 1);
    }
    throw fault;
  }
}

function base(name: string): Command {
  return new Command(name)
    .helpOption("-h, --help", "Print help")
    .allowExcessArguments(false)
    .showHelpAfterError()
    .addOption(
      new Option("--log-level <level>", "least level of log lines").choices(["error", "warn", "info", "debug"]).default("info"),
    );
}

function port(text: string): string {
  if (!/^\d+$/.test(text) || Number(text) > 65535) {
    throw new InvalidArgumentError("allowed is a whole number from 0 to 65535");
  }
  return text;
}
