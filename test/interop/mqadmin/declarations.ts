/** Whether our commands are declared as Apache's: names, aliases, descriptions, options with both names, what is required. */
import type { Command } from "../../../cli/mqadmin/declaration.ts";

/** What `MqadminDriver` says of one command. */
export interface ApacheDeclaration {
  readonly name: string;
  readonly alias?: string | null;
  readonly description: string;
  readonly options: readonly {
    readonly short?: string | null;
    readonly long: string;
    readonly hasArg: boolean;
    readonly required: boolean;
  }[];
}

/** Long names with blanks in them can't be typed as one; ours have none. */
const OTHER_LONG_NAMES: Readonly<Record<string, string>> = {
  "print log": "printLog",
  "machine room": "machineRoom",
  "print msg": "printMsg",
};

/** Apache fails without these, a line later and with a NullPointerException. */
const REQUIRED_IN_FACT: ReadonlySet<string> = new Set([
  "resetMasterFlushOffset brokerAddr",
  "resetMasterFlushOffset offset",
  "dumpCompactionLog file",
]);

/** Apache has these classes and does not list them. */
const UNLISTED: ReadonlySet<string> = new Set(["consumer", "resetOffsetByTimeOld", "getConsumerStatus", "DecodeMessageId"]);

/** One line a difference. */
export function declarationFindings(apache: readonly ApacheDeclaration[], ours: readonly Command[]): string[] {
  const missing = apache.filter(({ name }) => !ours.some((command) => command.name === name));
  const different = ours.flatMap((command) => {
    const theirs = apache.find(({ name }) => name === command.name);
    if (theirs === undefined) return UNLISTED.has(command.name) ? [] : [`${command.name} is no command of Apache's`];
    const findings: string[] = [];
    const differs = (what: string, a: unknown, b: unknown) => {
      if (a !== b) findings.push(`${command.name}: ${what} is ${String(a)} in Apache's, ${String(b)} in ours`);
    };
    differs("alias", theirs.alias ?? undefined, command.alias);
    differs("description", theirs.description.trim(), command.description);
    const grouped = new Set([...(command.oneOf ?? []), ...(command.andOneOf ?? [])]);
    for (const option of theirs.options) {
      const long = OTHER_LONG_NAMES[option.long] ?? option.long.trim();
      const row = command.options[long];
      if (row === undefined) {
        findings.push(`${command.name}: has no option --${long}`);
        continue;
      }
      differs(`short name of --${long}`, option.short ?? undefined, row.short);
      differs(`argument of --${long}`, option.hasArg, row.kind !== "flag");
      if (!REQUIRED_IN_FACT.has(`${command.name} ${long}`) && !grouped.has(long)) {
        differs(`whether --${long} is required`, option.required, row.kind === "required");
      }
    }
    const names = new Set(theirs.options.map(({ long }) => OTHER_LONG_NAMES[long] ?? long.trim()));
    for (const long of Object.keys(command.options))
      if (!names.has(long)) findings.push(`${command.name}: --${long} is not Apache's`);
    return findings;
  });
  return [...missing.map(({ name }) => `${name} is missing`), ...different];
}
