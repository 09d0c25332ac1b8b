/** From a file and a command line to settings, with their warnings. */
import { type BrokerSettings, brokerOptions } from "../core/broker/options.ts";
import { ConfigError, type Loaded, loadSettings, type OptionTable, printSettings, type SettingsOf } from "../core/config.ts";
import { type NamesrvSettings, namesrvOptions } from "../core/namesrv/options.ts";
import { type Properties, PropertiesError, parseProperties } from "../core/properties.ts";
import type { Runtime } from "../core/runtime.ts";
import { deriveBrokerSettings } from "../core/start_options.ts";

/** The keys that Apache marks as important, for `-m`, and those that decide here what clients are told. */
const IMPORTANT: ReadonlySet<string> = new Set([
  "namesrvAddr",
  "listenPort",
  "bindAddress",
  "brokerIP1",
  "advertisedAddresses",
  "brokerClusterName",
  "brokerName",
  "brokerId",
  "brokerRole",
  "flushDiskType",
  "storePathRootDir",
  "recoverConcurrently",
  "autoCreateTopicEnable",
  "autoCreateSubscriptionGroup",
  "msgTraceTopicName",
  "traceTopicEnable",
  "rejectTransactionMessage",
  "fetchNameSrvAddrByDnsLookup",
  "fetchNamesrvAddrByAddressServer",
  "transactionTimeOut",
  "transactionCheckMax",
  "transactionCheckInterval",
  "aclEnable",
]);

/** The properties of a file; none when no file is given. Throws ConfigError when it can't be read or parsed. */
export function readFile(runtime: Runtime, path: string | undefined): Properties {
  if (path === undefined) {
    return new Map();
  }
  let bytes: Uint8Array | undefined;
  try {
    bytes = runtime.files.read(path);
  } catch (fault) {
    throw new ConfigError([
      `Cannot read the configuration file ${path}: ${(fault as Error).message}; make it readable, or name another with -c`,
    ]);
  }
  if (bytes === undefined) {
    throw new ConfigError([`Cannot read the configuration file ${path}: there is no such file; name another with -c`]);
  }
  try {
    return parseProperties(bytes);
  } catch (fault) {
    if (fault instanceof PropertiesError) {
      throw new ConfigError([`Cannot read the configuration file ${path}: ${fault.message}; write \\\\ for a backslash`]);
    }
    throw fault;
  }
}

export interface BrokerArguments {
  /** -c */
  readonly file: string | undefined;
  /** Keys that the command gives where the file does not. */
  readonly defaults?: Properties;
  /** Keys of the command line: stronger than the file. */
  readonly overrides: Properties;
}

export function loadBrokerSettings(runtime: Runtime, args: BrokerArguments): Loaded<typeof brokerOptions> {
  // Run-time updates go to the file that the next start reads, unless the file itself names another.
  const origin: Properties = new Map(args.file === undefined ? [] : [["brokerConfigPath", args.file]]);
  const given = new Map([...(args.defaults ?? []), ...origin, ...readFile(runtime, args.file)]);
  const loaded = named(args.file, () => loadSettings(brokerOptions, given, args.overrides, runtime.system));
  return { settings: loaded.settings, warnings: [...loaded.warnings, ...deriveBrokerSettings(loaded.settings)] };
}

export function loadNamesrvSettings(runtime: Runtime, args: BrokerArguments): Loaded<typeof namesrvOptions> {
  const given = new Map([...(args.defaults ?? []), ...readFile(runtime, args.file)]);
  if (args.file !== undefined) {
    given.set("configStorePath", args.file);
  }
  return named(args.file, () => loadSettings(namesrvOptions, given, args.overrides, runtime.system));
}

/** `-p` and `-m`: what the server would run with. */
export function printedBroker(settings: BrokerSettings, importantOnly: boolean): string {
  return printed(brokerOptions, settings, importantOnly);
}

export function printedNamesrv(settings: NamesrvSettings): string {
  return printed(namesrvOptions, settings, false);
}

function printed<T extends OptionTable>(table: T, settings: SettingsOf<T>, importantOnly: boolean): string {
  const lines = printSettings(table, settings).trimEnd().split("\n");
  return lines.filter((line) => !importantOnly || IMPORTANT.has(line.slice(0, line.indexOf("=")))).join("\n");
}

/** Adds the file's name to what is wrong in it. */
function named<T>(file: string | undefined, load: () => T): T {
  try {
    return load();
  } catch (fault) {
    if (file !== undefined && fault instanceof ConfigError) {
      throw new ConfigError(fault.problems.map((problem) => `${file}: ${problem}`));
    }
    throw fault;
  }
}
