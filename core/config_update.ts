/**
 * Run-time updates of a configuration (UPDATE_BROKER_CONFIG, UPDATE_NAMESRV_CONFIG), by allow-list.
 *
 * Whoever reaches the port may send one, so no key can reach a path, a port, an address, a class name or a command (the
 * lesson of CVE-2023-33246 and CVE-2023-37582): a row of the option table says `live`, `restart` or `never`, and only the
 * first two are on the list. An update is all or nothing: one refused key, and nothing changes.
 *
 * What was changed is written to the file that the server started with, `.bak` beside it as Apache keeps it. Unlike
 * Apache, which rewrites the file with every key and its value, only the changed lines are touched: comments stay, and an
 * address that was found by looking at the machine is not frozen.
 */
import { ResponseCode } from "../wire/response_code.ts";
import { type OptionTable, type OptionValue, parseValue, printSettings, type SettingsOf } from "./config.ts";
import { replaceFile } from "./durable_files.ts";
import { editProperties, type Properties, PropertiesError, parseProperties } from "./properties.ts";
import type { Files, Log } from "./runtime.ts";

export interface UpdateRefusal {
  readonly key: string;
  /** `notAllowed`: the key may not be changed by anyone from outside. `badValue`: it may, but not to this. */
  readonly kind: "notAllowed" | "badValue";
  readonly reason: string;
}

export interface UpdatePlan {
  /** Takes effect at once. */
  readonly applied: ReadonlyMap<string, OptionValue>;
  /** Takes effect at the next start. */
  readonly stored: ReadonlyMap<string, OptionValue>;
  readonly refused: readonly UpdateRefusal[];
  /** Values that were clamped. */
  readonly warnings: readonly string[];
}

/** Sorts the keys of an update; changes nothing. `blackList` is the operator's own, `configBlackList`. */
export function planUpdate(table: OptionTable, properties: Properties, blackList = ""): UpdatePlan {
  const applied = new Map<string, OptionValue>();
  const stored = new Map<string, OptionValue>();
  const refused: UpdateRefusal[] = [];
  const warnings: string[] = [];
  const black = new Set(blackList.split(";").map((key) => key.trim()));
  for (const [key, raw] of properties) {
    const option = Object.hasOwn(table, key) ? table[key] : undefined;
    const forbidden = whyForbidden(key, option, black);
    if (option === undefined || forbidden !== undefined) {
      refused.push({ key, kind: "notAllowed", reason: forbidden ?? "" });
      continue;
    }
    const parsed = parseValue(key, option, raw);
    if ("problem" in parsed) {
      refused.push({ key, kind: "badValue", reason: parsed.problem });
      continue;
    }
    (option.change === "live" ? applied : stored).set(key, parsed.value);
    if (parsed.warning !== undefined) {
      warnings.push(parsed.warning);
    }
  }
  return { applied, stored, refused, warnings };
}

export type UpdateOutcome =
  | { readonly ok: true; readonly changed: ReadonlySet<string>; readonly remark: string | undefined }
  | { readonly ok: false; readonly code: number; readonly remark: string };

export interface LiveConfigurationOptions<T extends OptionTable> {
  readonly table: T;
  readonly settings: SettingsOf<T>;
  readonly files: Files;
  readonly log: Log;
  /** File that updates are written to; created, with its directory, when absent. */
  readonly path: () => string;
  readonly blackList: () => string;
}

/** A whole table is some 20 KB; an update has a key or two. */
const UPDATE_BYTES_MAX = 64 * 1024;

/** The configuration of a running server. */
export class LiveConfiguration<T extends OptionTable> {
  readonly #options: LiveConfigurationOptions<T>;

  constructor(options: LiveConfigurationOptions<T>) {
    this.#options = options;
  }

  /** Every key as `key=value` lines, for GET_BROKER_CONFIG and GET_NAMESRV_CONFIG. */
  print(): string {
    return printSettings(this.#options.table, this.#options.settings);
  }

  /** Sets a key that a request of its own is about, until the next start. */
  set<K extends keyof T & string>(key: K, value: SettingsOf<T>[K]): void {
    Object.assign(this.#options.settings, { [key]: value });
  }

  /**
   * Carries out an update that `remote` asks for, `source` being properties (bytes in UTF-8), of `UPDATE_BYTES_MAX` at most,
   * and logs it. Not ok: NO_PERMISSION names each key that is not on the allow-list, SYSTEM_ERROR each value that can't be
   * used; nothing changed then. The remark of a good one names what waits for a restart, what was clamped, and the file when
   * it can't be written.
   */
  update(source: string | Uint8Array, remote: string): UpdateOutcome {
    const { log } = this.#options;
    const outcome = this.#update(source);
    const { remark } = outcome;
    if (outcome.ok) {
      log.info("configuration updated", {
        remote,
        keys: [...outcome.changed].join(","),
        ...(remark !== undefined && { remark }),
      });
    } else {
      log.warn("an update of the configuration was refused", { remote, reason: remark });
    }
    return outcome;
  }

  #update(source: string | Uint8Array): UpdateOutcome {
    const { table, settings, blackList } = this.#options;
    if (source.length > UPDATE_BYTES_MAX) {
      const remark = `an update of ${source.length} bytes is not read, at most ${UPDATE_BYTES_MAX} are`;
      return { ok: false, code: ResponseCode.SYSTEM_ERROR, remark };
    }
    let properties: Properties;
    try {
      properties = parseProperties(source);
    } catch (fault) {
      if (fault instanceof PropertiesError) {
        return { ok: false, code: ResponseCode.SYSTEM_ERROR, remark: `Cannot read the configuration: ${fault.message}` };
      }
      throw fault;
    }
    const plan = planUpdate(table, properties, blackList());
    const refusal = refusalOf(plan);
    if (refusal !== undefined) {
      return refusal;
    }
    const notWritten = this.#persist(plan);
    if (notWritten !== undefined && plan.stored.size > 0) {
      return { ok: false, code: ResponseCode.SYSTEM_ERROR, remark: notWritten };
    }
    Object.assign(settings, Object.fromEntries(plan.applied));
    const changed = new Set([...plan.applied.keys(), ...plan.stored.keys()]);
    return { ok: true, changed, remark: remarkOf(plan, notWritten) };
  }

  /** Why the file could not be written; undefined when it was. */
  #persist(plan: UpdatePlan): string | undefined {
    const { files, log } = this.#options;
    const path = this.#options.path();
    const changes = new Map<string, string>();
    for (const [key, value] of [...plan.applied, ...plan.stored]) {
      changes.set(key, value === undefined ? "" : String(value));
    }
    try {
      const text = editProperties(files.read(path) ?? "", changes);
      replaceFile(files, path, new TextEncoder().encode(text));
      return undefined;
    } catch (fault) {
      const reason = `Cannot write the configuration to ${path}: ${(fault as Error).message}`;
      log.error(reason);
      return reason;
    }
  }
}

function whyForbidden(key: string, option: OptionTable[string] | undefined, black: ReadonlySet<string>): string | undefined {
  if (option === undefined) {
    return "there is no such key";
  }
  if (!option.acted) {
    return `it has no effect here (${option.doc})`;
  }
  if (option.change === "never") {
    return "it can be changed only in the server's own file";
  }
  return black.has(key) ? "it is in configBlackList" : undefined;
}

function refusalOf(plan: UpdatePlan): UpdateOutcome | undefined {
  const notAllowed = plan.refused.filter(({ kind }) => kind === "notAllowed");
  if (notAllowed.length > 0) {
    const keys = notAllowed.map(({ key, reason }) => `${key.slice(0, 100)}: ${reason}`).slice(0, 20);
    return {
      ok: false,
      code: ResponseCode.NO_PERMISSION,
      remark: `Can not update config: ${keys.join("; ")}. Nothing was changed`,
    };
  }
  if (plan.refused.length > 0) {
    const reasons = plan.refused.map(({ reason }) => reason.slice(0, 300)).slice(0, 20);
    return { ok: false, code: ResponseCode.SYSTEM_ERROR, remark: `${reasons.join("; ")}. Nothing was changed` };
  }
  return undefined;
}

function remarkOf(plan: UpdatePlan, notWritten: string | undefined): string | undefined {
  const parts = [...plan.warnings];
  if (plan.stored.size > 0) {
    parts.push(`stored, takes effect after a restart: ${[...plan.stored.keys()].join(", ")}`);
  }
  if (notWritten !== undefined) {
    parts.push(`${notWritten}; the change is in effect and will be lost at the next start`);
  }
  return parts.length === 0 ? undefined : parts.join("; ");
}
