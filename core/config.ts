/**
 * Options: what can be set, and how.
 *
 * A table maps Apache's key names to rows; a row says type, default, bounds, whether we act on the key, and whether it can
 * change while running. From the table come the typed settings object, the errors and warnings at start, the allow-list of
 * run-time updates (`config_update.ts`) and the printed reference (`docs/configuration.md`). The tables stand with their
 * owners: `broker/options.ts`, `store/options.ts`, `namesrv/options.ts`.
 *
 * A settings object is live: a component reads `settings.flushDiskType` when it needs it and keeps no copy. Only this file
 * and `config_update.ts` change one.
 *
 * This file knows no key by name.
 */
import { nearestName } from "./near_names.ts";
import type { Properties } from "./properties.ts";
import type { System } from "./runtime.ts";

export type OptionValue = string | number | boolean | undefined;

/**
 * `live`: takes effect at once. `restart`: may be stored by a run-time update, takes effect at the next start. `never`: only
 * whoever can edit the file may set it: paths, ports, addresses, class names, identity, credentials.
 */
export type Change = "live" | "restart" | "never";

export interface Option<V extends OptionValue> {
  readonly kind: "int" | "long" | "double" | "boolean" | "string" | "choice";
  /** Apache's default; a function where Apache asks the machine. */
  readonly fallback: V | ((system: System) => V);
  /** One sentence with unit; for a key without effect: why. */
  readonly doc: string;
  /** False: known, accepted with a warning, without effect. */
  readonly acted: boolean;
  readonly change: Change;
  /** Outside these a value is refused. Numbers only. */
  readonly min?: number;
  readonly max?: number;
  /** Outside these a value is moved to the nearer bound with a warning, as Apache does silently. Numbers only. */
  readonly clamp?: readonly [number, number];
  /** A credential: never printed. */
  readonly secret?: boolean;
  /** The only values of a `choice`. */
  readonly choices?: readonly string[];
  /** A blank text means not set. */
  readonly blankIsUnset?: true;
  /** Where the default comes from when the machine gives it, for the error when it can't be used. */
  readonly origin?: string;
  /** Says what is allowed when `value` is not; undefined when it is. */
  check?(value: V): string | undefined;
}

export type OptionTable = Readonly<Record<string, Option<OptionValue>>>;

/**
 * The table of the settings `S`, which are written out by hand: the compiler then compares both, and who reads the public
 * types of this package (JSR, an editor) needs not infer them from the rows.
 */
export type OptionsOf<S extends { readonly [K in keyof S]: OptionValue }> = { readonly [K in keyof S]-?: Option<S[K]> };

/** One field a key, under Apache's name. */
export type SettingsOf<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never;
};

/** Values by key, all optional: what a test or an embedding program sets. */
export type SettingsInput<T extends OptionTable> = Partial<SettingsOf<T>>;

// ------------------------------------------------------------------------------------------------------ making rows

export interface Limits {
  readonly min?: number;
  readonly max?: number;
  readonly clamp?: readonly [number, number];
}

type Fallback<V extends OptionValue> = V | ((system: System) => V);

const INT_MAX = 2 ** 31 - 1;

function row<V extends OptionValue>(
  kind: Option<V>["kind"],
  fallback: Fallback<V>,
  change: Change,
  doc: string,
  more: Partial<Option<V>> = {},
): Option<V> {
  return { kind, fallback, change, doc, acted: doc !== "", ...more };
}

/** 32-bit. Without `limits` any int is taken, as Java does. */
export function int(fallback: Fallback<number>, change: Change = "never", doc = "", limits: Limits = {}): Option<number> {
  return row("int", fallback, change, doc, { min: -INT_MAX - 1, max: INT_MAX, ...limits });
}

/** 64-bit in Apache; here a safe integer, to which a larger value (Java's Long.MAX_VALUE) is moved with a warning. */
export function long(fallback: Fallback<number>, change: Change = "never", doc = "", limits: Limits = {}): Option<number> {
  return row("long", fallback, change, doc, { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, ...limits });
}

export function double(fallback: number, change: Change = "never", doc = "", limits: Limits = {}): Option<number> {
  return row("double", fallback, change, doc, limits);
}

export function bool(fallback: boolean, change: Change = "never", doc = ""): Option<boolean> {
  return row("boolean", fallback, change, doc);
}

export function text(
  fallback: Fallback<string>,
  change: Change = "never",
  doc = "",
  check?: (value: string) => string | undefined,
  origin?: string,
): Option<string> {
  return row("string", fallback, change, doc, { ...(check && { check }), ...(origin !== undefined && { origin }) });
}

/** Text that Apache leaves null when it is not set. A blank value means not set. */
export function optionalText(
  change: Change = "never",
  doc = "",
  fallback: (system: System) => string | undefined = () => undefined,
  check?: (value: string | undefined) => string | undefined,
  origin?: string,
): Option<string | undefined> {
  return row<string | undefined>("string", fallback, change, doc, {
    blankIsUnset: true,
    ...(check && { check }),
    ...(origin !== undefined && { origin }),
  });
}

/** A variable of the environment, as the fallback of an `optionalText`. */
export function environment(name: string): (system: System) => string | undefined {
  return (system) => system.environment(name);
}

/** A credential. */
export function secret(change: Change = "never", doc = ""): Option<string | undefined> {
  return { ...optionalText(change, doc), secret: true };
}

export function choice<const C extends readonly string[]>(
  choices: C,
  fallback: C[number],
  change: Change = "never",
  doc = "",
): Option<C[number]> {
  return row<C[number]>("choice", fallback, change, doc, { choices });
}

/** A TCP port; 0 asks for a free one. */
export function port(fallback: number, doc: string): Option<number> {
  return int(fallback, "never", doc, { min: 0, max: 65535 });
}

/** Rows for keys that are known and do nothing here; `why` completes "… has no effect: ". */
export function withoutEffect<T extends OptionTable>(why: string, rows: T): T {
  const out: Record<string, Option<OptionValue>> = {};
  for (const [key, option] of Object.entries(rows)) {
    out[key] = { ...option, acted: false, change: "never", doc: why };
  }
  return out as T;
}

// --------------------------------------------------------------------------------------------------------- settings

/** What can't be started with. `problems` has one sentence per key: the key, the value and what is allowed. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

export interface Loaded<T extends OptionTable> {
  readonly settings: SettingsOf<T>;
  /** Sentences for the log: keys without effect, unknown keys, clamped values. */
  readonly warnings: readonly string[];
}

/** Apache's defaults on this machine. */
export function defaultSettings<T extends OptionTable>(table: T, system: System): SettingsOf<T> {
  const values: Record<string, OptionValue> = {};
  for (const [key, option] of Object.entries(table)) {
    values[key] = fallbackOf(option, system);
  }
  return values as SettingsOf<T>;
}

/**
 * Settings from a properties file and, stronger, from `overrides` (command line). Throws ConfigError with every key that
 * can't be used; keys of the file that are unknown or without effect are accepted with a warning.
 */
export function loadSettings<T extends OptionTable>(
  table: T,
  properties: Properties,
  overrides: Properties,
  system: System,
): Loaded<T> {
  const settings = defaultSettings(table, system) as Record<string, OptionValue>;
  const problems: string[] = [];
  const warnings: string[] = [];
  const unknown: string[] = [];
  const idle = new Map<string, string[]>();
  for (const [key, value] of new Map([...properties, ...overrides])) {
    const option = Object.hasOwn(table, key) ? table[key] : undefined;
    if (option === undefined) {
      unknown.push(key);
      continue;
    }
    const parsed = parseValue(key, option, value);
    if ("problem" in parsed) {
      problems.push(parsed.problem);
      continue;
    }
    settings[key] = parsed.value;
    if (parsed.warning !== undefined) {
      warnings.push(parsed.warning);
    }
    // A key set to its default changes nothing anywhere: Apache writes all of them when it persists a file.
    if (!option.acted && parsed.value !== fallbackOf(option, system)) {
      idle.set(option.doc, [...(idle.get(option.doc) ?? []), key]);
    }
  }
  for (const [key, option] of Object.entries(table)) {
    // A default that the machine gave (NAMESRV_ADDR, the host's name) is input like any other.
    const allowed = typeof option.fallback === "function" ? option.check?.(settings[key]) : undefined;
    if (allowed !== undefined && !properties.has(key) && !overrides.has(key)) {
      problems.push(
        `${key}=${String(settings[key])}, from ${option.origin ?? "this machine"}, can't be used: allowed is ${allowed}`,
      );
    }
  }
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
  for (const [why, keys] of idle) {
    warnings.push(`${keys.join(", ")}: accepted, has no effect: ${why}`);
  }
  warnings.push(...unknownKeys(table, unknown));
  return { settings: quickToRead(settings) as SettingsOf<T>, warnings };
}

/** One warning for each key that looks like a slip, and one for all others. */
function unknownKeys(table: OptionTable, unknown: readonly string[]): string[] {
  const slips: string[] = [];
  const others: string[] = [];
  for (const key of unknown) {
    const meant = nearestName(key, Object.keys(table));
    if (meant === undefined) others.push(key);
    else slips.push(`${key}: accepted, has no effect: ${NO_KEY}. Is ${meant} meant? ${ALL_KEYS}`);
  }
  return others.length === 0 ? slips : [...slips, `${others.join(", ")}: accepted, has no effect: ${NO_KEY}. ${ALL_KEYS}`];
}

const NO_KEY = "not a key of Apache RocketMQ 5.5 or of ours";
const ALL_KEYS = "docs/configuration.md lists all keys";

/**
 * V8 (Node, Deno) keeps an object with hundreds of keys as a hash table, where each read takes 2 to 6 ns; a message reads some
 * twenty. An object that is another's prototype it lays out like a small one, 0.5 ns a read: this makes one of it. Elsewhere it
 * changes nothing.
 */
function quickToRead<T extends object>(settings: T): T {
  const heir = Object.create(settings) as Record<string, unknown>;
  // It is laid out once a piece of code has read through the heir some ten times.
  for (let i = 0; i < 200; i++) void heir["listenPort"];
  return settings;
}

/** Settings for a program or a test: defaults and `input`. Throws ConfigError as `loadSettings` does. */
export function settingsWith<T extends OptionTable>(table: T, input: SettingsInput<T>, system: System): SettingsOf<T> {
  const overrides: [string, string][] = [];
  const unknown = Object.keys(input).filter((key) => !Object.hasOwn(table, key));
  if (unknown.length > 0) {
    throw new ConfigError(unknown.map((key) => notAKey(table, key)));
  }
  for (const [key, value] of Object.entries(input)) {
    if (value !== undefined) {
      overrides.push([key, String(value)]);
    }
  }
  return loadSettings(table, new Map(), new Map(overrides), system).settings;
}

function notAKey(table: OptionTable, key: string): string {
  const meant = nearestName(key, Object.keys(table));
  const hint = meant === undefined ? "" : ` Is ${meant} meant?`;
  return `${key} can't be set: it is no key of these settings.${hint} ${ALL_KEYS}`;
}

/** Sets keys that the owner itself works out (haListenPort from listenPort, a port chosen by the kernel). Not for outside input. */
export function adjustSettings<T extends OptionTable>(settings: SettingsOf<T>, changes: SettingsInput<T>): void {
  Object.assign(settings, changes);
}

/** All keys as `key=value` lines, sorted; left out are credentials, and keys that are not set, as Apache leaves them out. */
export function printSettings<T extends OptionTable>(table: T, settings: SettingsOf<T>): string {
  let out = "";
  for (const key of Object.keys(table).sort()) {
    const value = settings[key];
    if (value !== undefined && table[key]?.secret !== true) {
      out += `${key}=${String(value)}\n`;
    }
  }
  return out;
}

/** What was set: keys that differ from the defaults of this machine, as texts. */
export function changedSettings<T extends OptionTable>(table: T, settings: SettingsOf<T>, system: System): Properties {
  const changed: [string, string][] = [];
  for (const [key, option] of Object.entries(table)) {
    const value = settings[key];
    if (value !== fallbackOf(option, system)) {
      changed.push([key, value === undefined ? "" : String(value)]);
    }
  }
  return new Map(changed.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function fallbackOf<V extends OptionValue>(option: Option<V>, system: System): V {
  return typeof option.fallback === "function" ? option.fallback(system) : option.fallback;
}

// ----------------------------------------------------------------------------------------------------------- values

export type Parsed = { readonly value: OptionValue; readonly warning?: string } | { readonly problem: string };

/** A text as the option's type, inside its bounds. Blanks around a value are ignored (Apache would ignore the whole key). */
export function parseValue(key: string, option: Option<OptionValue>, raw: string): Parsed {
  const trimmed = raw.trim();
  switch (option.kind) {
    case "int":
    case "long":
    case "double":
      return parseNumber(key, option, trimmed);
    case "boolean": {
      const lower = trimmed.toLowerCase();
      return lower === "true" || lower === "false" ? { value: lower === "true" } : refuse(key, trimmed, "true or false");
    }
    case "choice":
      return option.choices?.includes(trimmed) === true
        ? { value: trimmed }
        : refuse(key, trimmed, `one of ${(option.choices ?? []).join(", ")}${option.acted ? `. ${option.doc}` : ""}`);
    case "string": {
      const value = option.blankIsUnset === true && trimmed === "" ? undefined : trimmed;
      const allowed = option.check?.(value);
      return allowed === undefined ? { value } : refuse(key, trimmed, allowed);
    }
  }
}

/** What a value of this option may be, for errors and the printed reference. */
export function allowedText(option: Option<OptionValue>): string {
  if (option.kind === "boolean") {
    return "true or false";
  }
  if (option.kind === "choice") {
    return (option.choices ?? []).join(", ");
  }
  if (option.kind === "string") {
    return "text";
  }
  const noun = option.kind === "double" ? "a number" : "a whole number";
  return option.min === undefined || option.max === undefined ? noun : `${noun} from ${option.min} to ${option.max}`;
}

function parseNumber(key: string, option: Option<OptionValue>, raw: string): Parsed {
  const form = option.kind === "double" ? /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/ : /^[+-]?\d+$/;
  const value = form.test(raw) ? Number(raw) : Number.NaN;
  if (
    option.kind === "long" &&
    form.test(raw) &&
    !Number.isSafeInteger(value) &&
    BigInt.asIntN(64, BigInt(raw)) === BigInt(raw)
  ) {
    const nearest = value > 0 ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
    const parsed = parseNumber(key, option, String(nearest));
    return "problem" in parsed
      ? refuse(key, raw, allowedText(option))
      : { value: parsed.value, warning: `${key}=${raw} is beyond 2^53: ${String(parsed.value)} is used` };
  }
  if (!(value >= (option.min ?? -Infinity) && value <= (option.max ?? Infinity))) {
    return refuse(key, raw, allowedText(option));
  }
  const allowed = option.check?.(value);
  if (allowed !== undefined) {
    return refuse(key, raw, allowed);
  }
  const [low, high] = option.clamp ?? [-Infinity, Infinity];
  const clamped = Math.min(Math.max(value, low), high);
  if (clamped === value) {
    return { value };
  }
  return { value: clamped, warning: `${key}=${raw} is outside ${low}..${high}: ${clamped} is used, as in Apache` };
}

function refuse(key: string, raw: string, allowed: string): { problem: string } {
  return { problem: `${key}=${raw} can't be used: allowed is ${allowed}` };
}
