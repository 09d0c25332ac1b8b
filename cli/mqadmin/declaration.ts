/**
 * What a command of mqadmin is: a name, Apache's options, an example, and a function. Everything else (parsing, help,
 * completion, `--json`, errors, exit codes) is made from this declaration by the files beside it.
 *
 * A command prints what Apache's prints, through `print`, and returns the same as a value, for `--json` and `--table`. It
 * throws when it fails; it never ends the process.
 */
import type { CommandContext } from "./context.ts";

export { CommandError, EXIT, PartlyDone, UsageError } from "./errors.ts";

/** The folders, and Apache's packages `org.apache.rocketmq.tools.command.*`. */
export type CommandPackage =
  | "auth"
  | "broker"
  | "cluster"
  | "connection"
  | "consumer"
  | "container"
  | "controller"
  | "export"
  | "ha"
  | "lite"
  | "message"
  | "metadata"
  | "namesrv"
  | "offset"
  | "producer"
  | "queue"
  | "stats"
  | "topic";

/** One option; its long name is the key it stands under. */
export interface OptionRow {
  /** Without the dash; some of Apache's have two letters (`-qn`), one has only its long name. */
  readonly short?: string;
  readonly doc: string;
  readonly kind: "required" | "optional" | "flag";
}

export type OptionRows = Readonly<Record<string, OptionRow>>;

type ValueOf<R extends OptionRow> = R["kind"] extends "required"
  ? string
  : R["kind"] extends "flag"
    ? boolean
    : string | undefined;

/** What a command gets: texts as typed, without blanks around them; flags as booleans. */
export type OptionValues<O extends OptionRows> = { readonly [K in keyof O]: ValueOf<O[K]> };

export interface CommandDeclaration<O extends OptionRows> {
  readonly name: string;
  readonly alias?: string;
  readonly package: CommandPackage;
  /** Apache's own words in the list of commands. */
  readonly description: string;
  readonly options: O;
  /** Of these long names exactly one is to be given. */
  readonly oneOf?: readonly (keyof O & string)[];
  /** Of these long names exactly one is to be given, in a second group of its own. */
  readonly andOneOf?: readonly (keyof O & string)[];
  /** Options of an example that works, without the command's name: `-n 127.0.0.1:9876 -t TopicTest`. */
  readonly example: string;
  /** The same as a value. `undefined` when it was handed to `emit`, round by round. */
  readonly run: (context: CommandContext, options: OptionValues<O>) => Promise<unknown>;
}

/** A command whose options nobody knows any more: what lists are made of. */
export interface Command {
  readonly name: string;
  readonly alias?: string;
  readonly package: CommandPackage;
  readonly description: string;
  readonly options: OptionRows;
  readonly oneOf?: readonly string[];
  readonly andOneOf?: readonly string[];
  readonly example: string;
  readonly run: (context: CommandContext, options: never) => Promise<unknown>;
}

/** Checks a declaration, and forgets the type of its options. */
export function command<const O extends OptionRows>(declaration: CommandDeclaration<O>): Command {
  return declaration;
}

export const required = (short: string, doc: string) => ({ short, doc, kind: "required" }) as const;
export const optional = (short: string, doc: string) => ({ short, doc, kind: "optional" }) as const;
/** With a long name only. */
export const longOnly = (doc: string) => ({ doc, kind: "optional" }) as const;
export const flag = (short: string, doc: string) => ({ short, doc, kind: "flag" }) as const;
