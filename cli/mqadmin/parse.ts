/** From words to options: Apache's way of writing them (commons-cli) is turned into commander's, which does the rest. */
import { styleText } from "node:util";
import { CommanderError, Option, Command as Parser } from "commander";
import { type Command, type OptionRow, UsageError } from "./declaration.ts";

/** Options of every command: the first two are Apache's, the rest ours. */
const COMMON: readonly Row[] = [
  {
    name: "namesrvAddr",
    short: "n",
    doc: "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'",
    kind: "optional",
  },
  { name: "help", short: "h", doc: "Print help", kind: "flag" },
  { name: "json", doc: "print the result as JSON, one document a round", kind: "flag" },
  { name: "table", doc: "print the result as a table in which nothing is cut off", kind: "flag" },
  { name: "timeout", doc: "time-out of one call in milliseconds; default 5000", kind: "optional" },
];

export interface Parsed {
  readonly help: boolean;
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly namesrvAddr: string | undefined;
  readonly json: boolean;
  readonly table: boolean;
  readonly timeoutMs: number;
}

const TIMEOUT_MS_DEFAULT = 5_000;

/** @throws UsageError */
export function parseOptions(command: Command, words: readonly string[]): Parsed {
  const parser = parserOf(command);
  try {
    parser.parse(apacheWords(command, words), { from: "user" });
  } catch (fault) {
    if (!(fault instanceof CommanderError)) throw fault;
    throw new UsageError(fault.message.replace(/^error: /, ""));
  }
  const found = parser.opts<Record<string, string | boolean | undefined>>();
  const trimmed = Object.entries(found).map(([key, value]) => [key, typeof value === "string" ? value.trim() : value]);
  const given = Object.fromEntries(trimmed) as Record<string, string | boolean | undefined>;
  const help = given["help"] === true;
  if (!help) checkGroups(command, given);
  for (const [name, { kind }] of Object.entries(command.options)) if (kind === "flag") given[name] ??= false;
  return {
    help,
    options: given,
    // Apache's checkRocksdbCqWriteProgress and rocksDBConfigToJson call it nameserverAddr.
    namesrvAddr: (given["namesrvAddr"] ?? given["nameserverAddr"]) as string | undefined,
    json: given["json"] === true,
    table: given["table"] === true,
    timeoutMs: timeoutOf(given["timeout"] as string | undefined),
  };
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined) return TIMEOUT_MS_DEFAULT;
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  throw new UsageError(`--timeout ${text}: allowed is a number of milliseconds from 1 to 999999999`);
}

/** Required options, and groups of which exactly one is wanted; in commons-cli's words. */
function checkGroups(command: Command, given: Readonly<Record<string, unknown>>): void {
  const missing = Object.entries(command.options)
    .filter(([name, { kind }]) => kind === "required" && given[name] === undefined)
    .map(([name, { short }]) => `-${short} (--${name})`);
  if (missing.length > 0) throw new UsageError(`Missing required option${missing.length > 1 ? "s" : ""}: ${missing.join(", ")}`);
  for (const group of [command.oneOf, command.andOneOf]) {
    if (group === undefined) continue;
    const chosen = group.filter((name) => given[name] !== undefined);
    if (chosen.length === 1) continue;
    const names = group.map((name) => `-${command.options[name]?.short} (--${name})`).join(", ");
    throw new UsageError(chosen.length === 0 ? `Missing required option: one of ${names}` : `Only one of ${names} can be given`);
  }
}

/** Its words are long options with their value in one word (`--topic=T`), as `apacheWords` makes them. */
function parserOf(command: Command): Parser {
  const parser = new Parser(`mqadmin ${command.name}`)
    .description(command.description)
    .usage(usageOf(command))
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} })
    .helpOption(false)
    .allowExcessArguments(true);
  for (const { name, kind, doc } of rowsOf(command)) {
    parser.addOption(new Option(kind === "flag" ? `--${name}` : `--${name} <arg>`, doc));
  }
  return parser;
}

interface Row {
  readonly name: string;
  readonly short?: string;
  readonly doc: string;
  readonly kind: OptionRow["kind"];
}

/** Apache's own and the common ones; an option that Apache declares again (-n) stands once. */
export function rowsOf(command: Command): Row[] {
  const own = Object.entries(command.options).map(([name, row]): Row => ({ name, ...row }));
  const taken = new Set(own.flatMap(({ name, short }) => [name, short]));
  const common = COMMON.filter(({ name, short }) => !taken.has(name) && (short === undefined || !taken.has(short)));
  return [...own, ...common];
}

/**
 * The words with each option written long and joined to its value, from all that commons-cli takes: `-t T`, `-tT`, `-t=T`,
 * `-topic T`, `--topic T`, `--topic=T`, `--top T` when that is clear, `-ab` for two flags. @throws UsageError
 */
function apacheWords(command: Command, words: readonly string[]): string[] {
  const rows = rowsOf(command);
  const find = (text: string): Row | undefined => {
    const exact = rows.find(({ short, name }) => text === short || text === name);
    if (exact !== undefined || text.length < 2) return exact;
    const similar = rows.filter(({ name }) => name.startsWith(text));
    if (similar.length > 1) {
      throw new UsageError(`Ambiguous option: '${text}'  (could be: ${similar.map(({ name }) => `'${name}'`).join(", ")})`);
    }
    return similar[0];
  };
  const result: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const [, bare = "", joined] = /^--?([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (!word.startsWith("-") || bare === "") {
      result.push(word);
      continue;
    }
    const row = find(bare);
    if (row?.kind === "flag") result.push(`--${row.name}`);
    else if (row !== undefined) {
      const value = joined ?? words[++i];
      if (value === undefined || (joined === undefined && isOption(rows, value))) {
        throw new UsageError(`Missing argument for option: ${row.short ?? row.name}`);
      }
      result.push(`--${row.name}=${value}`);
    } else result.push(...packed(rows, word, bare));
  }
  return result;
}

/** `-tTopicA`, and `-ms` for the flags m and s; what nobody knows stays, for commander to refuse. */
function packed(rows: readonly Row[], word: string, bare: string): string[] {
  if (word.startsWith("--")) return [word];
  const first = rows.find(({ short }) => short === bare[0]);
  if (first !== undefined && first.kind !== "flag") return [`--${first.name}=${word.slice(2)}`];
  const flags = bare.split("").map((letter) => rows.find(({ short, kind }) => short === letter && kind === "flag"));
  return flags.every((row) => row !== undefined) ? flags.map((row) => `--${row?.name}`) : [word];
}

/** Negative numbers are values, as in commons-cli. */
const isOption = (rows: readonly Row[], word: string): boolean => {
  const [, bare] = /^--?([^=]+)/.exec(word) ?? [];
  return bare !== undefined && rows.some(({ short, name }) => bare === short || bare === name);
};

// -------------------------------------------------------------------------------------------------------------- help

/** What `mqadmin help <command>` prints; headings are bold when `colour`. */
export function helpOf(command: Command, colour: boolean): string {
  const title = (text: string) => (colour ? styleText("bold", text, { validateStream: false }) : text);
  const parser = parserOf(command).configureHelp({
    helpWidth: 110,
    styleTitle: title,
    optionTerm: ({ long = "" }) => {
      const row = rowsOf(command).find(({ name }) => long === `--${name}`);
      return `${row?.short === undefined ? "" : `-${row.short},`}${long}${row?.kind === "flag" ? "" : " <arg>"}`;
    },
    optionDescription: ({ description }) => description,
  });
  const alias = command.alias === undefined ? "" : `\n${title("Alias:")} ${command.alias}\n`;
  return `${parser.helpInformation()}${alias}\n${title("Example:")}\n  mqadmin ${command.name} ${command.example}\n`;
}

/** `-t <arg> [-c <arg>]`: as in Apache's usage. */
function usageOf(command: Command): string {
  const term = ({ short, name, kind }: Row) => `-${short ?? `-${name}`}${kind === "flag" ? "" : " <arg>"}`;
  const groups = [command.oneOf, command.andOneOf].filter((group) => group !== undefined);
  const grouped = new Set(groups.flat());
  const rows = rowsOf(command);
  const parts = groups.map((group) =>
    rows
      .filter(({ name }) => group.includes(name))
      .map(term)
      .join(" | "),
  );
  const rest = rows.filter(({ name }) => !grouped.has(name));
  return [...parts, ...rest.map((row) => (row.kind === "required" ? term(row) : `[${term(row)}]`))].join(" ");
}
