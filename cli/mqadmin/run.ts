/**
 * One run of mqadmin: finds the command, parses, runs, prints, and says with which exit code to end.
 *
 * It knows no process: words, terminal and runtime are handed in, so tests run it as often as they like. Invariants: what
 * goes wrong is one sentence on standard error that names the address tried, and an exit code that is not 0; nothing is left
 * open behind a run.
 */

import { MQBrokerError, MQClientError } from "../../core/client/mod.ts";
import { ConfigError } from "../../core/config.ts";
import type { Runtime } from "../../core/runtime.ts";
import { toolsTls } from "../tools_tls.ts";
import { completionScript, SHELLS } from "./completion.ts";
import { CommandContext } from "./context.ts";
import { toolsCredentials } from "./credentials.ts";
import { type Command, CommandError, EXIT, PartlyDone, UsageError } from "./declaration.ts";
import { format } from "./format.ts";
import { coloured, Output, type Terminal } from "./output.ts";
import { helpOf, type Parsed, parseOptions } from "./parse.ts";

export interface Mqadmin {
  readonly runtime: Runtime;
  readonly terminal: Terminal;
  /** In the order in which they are listed. */
  readonly commands: readonly Command[];
}

/** Names that are no command of Apache's list. */
const OWN_NAMES = ["help", "completion"] as const;

/** @returns the exit code, of `EXIT` */
export async function runMqadmin(mqadmin: Mqadmin, words: readonly string[]): Promise<number> {
  const { terminal, commands } = mqadmin;
  const [name, ...rest] = words;
  if (name === undefined || name === "-h" || name === "--help" || (name === "help" && rest.length === 0)) {
    terminal.out(listOf(commands));
    return EXIT.ok;
  }
  if (name === "completion") return printCompletion(mqadmin, rest);
  const wanted = name === "help" ? (rest[0] as string) : name;
  const command = findCommand(commands, wanted);
  if (command === undefined) {
    const similar = commands.map((each) => each.name).filter((each) => each.toLowerCase().includes(wanted.toLowerCase()));
    const hint = similar.length === 0 ? "mqadmin help lists them all" : `Did you mean ${similar.slice(0, 5).join(", ")}?`;
    new Output(terminal, "text").complain(`The sub command ${wanted} not exist. ${hint}`);
    return EXIT.usage;
  }
  if (name === "help") return printHelp(terminal, command);
  let parsed: Parsed;
  try {
    parsed = parseOptions(command, rest);
  } catch (fault) {
    return explain(new Output(terminal, rest.includes("--json") ? "json" : "text"), command, fault);
  }
  return parsed.help ? printHelp(terminal, command) : await runCommand(mqadmin, command, parsed);
}

/** Upper and lower case are one, as in Apache's. */
export function findCommand(commands: readonly Command[], name: string): Command | undefined {
  const wanted = name.toLowerCase();
  return commands.find((each) => each.name.toLowerCase() === wanted || each.alias?.toLowerCase() === wanted);
}

async function runCommand({ runtime, terminal }: Mqadmin, command: Command, parsed: Parsed): Promise<number> {
  const output = new Output(terminal, parsed.json ? "json" : parsed.table ? "table" : "text");
  let context: CommandContext | undefined;
  try {
    context = new CommandContext({
      runtime,
      output,
      namesrvAddr: parsed.namesrvAddr ?? terminal.environment("NAMESRV_ADDR"),
      timeoutMs: parsed.timeoutMs,
      environment: terminal.environment,
      credentials: toolsCredentials(runtime, terminal.environment("ROCKETMQ_HOME")),
      tls: toolsTls(runtime, terminal.environment("JAVA_OPT")),
    });
    output.emit(await command.run(context, parsed.options as never));
    return output.isPartial ? EXIT.partly : EXIT.ok;
  } catch (fault) {
    return explain(output, command, fault);
  } finally {
    await context?.close();
  }
}

/** Anything but the errors of this list is a mistake of ours, and is thrown on. */
function explain(output: Output, command: Command, fault: unknown): number {
  if (fault instanceof UsageError) {
    output.complain(`${command.name}: ${fault.message}. See: mqadmin help ${command.name}`);
    return EXIT.usage;
  }
  if (fault instanceof PartlyDone) {
    output.emit({ done: fault.done, failed: fault.failed });
    output.complain(fault.message);
    return EXIT.partly;
  }
  if (fault instanceof MQClientError) {
    output.complain(fault.message);
    return fault.kind === "unreachable" || fault.kind === "timeout" ? EXIT.unreachable : EXIT.failed;
  }
  if (fault instanceof MQBrokerError || fault instanceof CommandError) {
    output.complain(fault.message);
    return EXIT.failed;
  }
  if (fault instanceof ConfigError) {
    output.complain(fault.problems.join("; "));
    return EXIT.failed;
  }
  throw fault;
}

function printHelp(terminal: Terminal, command: Command): number {
  terminal.out(helpOf(command, coloured(terminal, terminal.outIsTerminal)));
  return EXIT.ok;
}

function printCompletion({ terminal, commands }: Mqadmin, [shell]: readonly string[]): number {
  const found = SHELLS.find((each) => each === shell);
  if (found === undefined) {
    new Output(terminal, "text").complain(`completion ${shell ?? ""}: allowed is one of ${SHELLS.join(", ")}`);
    return EXIT.usage;
  }
  terminal.out(completionScript(found, commands, OWN_NAMES));
  return EXIT.ok;
}

/** What `mqadmin` alone prints: Apache's list, and a line for what is ours. */
function listOf(commands: readonly Command[]): string {
  const rows = commands.map(({ name, description }) => format("   %-35s %s\n", name, description));
  const own = format("   %-35s %s\n", "completion", `Completion script for a shell: ${SHELLS.join(", ")}.`);
  return `The most commonly used mqadmin commands are:\n${rows.join("")}${own}\nSee 'mqadmin help <command>' for more information on a specific command.\n`;
}
