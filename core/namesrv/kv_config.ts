/**
 * The KV configuration: namespace -> key -> value, held in memory and in `kvConfigPath` in Apache's form, one line:
 * `{"configTable":{"ORDER_TOPIC_CONFIG":{"T1":"broker-a:4"}}}`.
 *
 * A change is on the disk before it is answered; one that can't be written is taken back and answered as an error. The
 * file is replaced by renaming a new one over it, and the one before stays beside it as `.bak`.
 */
import { kvConfigSerializeWrapper } from "../../wire/bodies/kv_table.ts";
import { WireError } from "../../wire/errors.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { replaceFile } from "../durable_files.ts";
import { RemotingError } from "../remoting/processor.ts";
import { clipped } from "../routing/names.ts";
import type { Files, Log } from "../runtime.ts";

/** Order configurations: topic -> `broker-a:4;broker-b:4`. */
export const NAMESPACE_ORDER_TOPIC_CONFIG = "ORDER_TOPIC_CONFIG";

/** Longest namespace and key. */
export const KV_NAME_CHARS_MAX = 255;
/** An order configuration over 1,000 brokers has 20,000. */
export const KV_VALUE_CHARS_MAX = 256 * 1024;
/** Entries over all namespaces, which bounds file and memory with the lengths above. */
export const KV_ENTRIES_MAX = 100_000;

export interface KVConfigOptions {
  readonly files: Files;
  readonly log: Log;
  readonly path: string;
}

export class KVConfigManager {
  readonly #options: KVConfigOptions;
  #configTable = new Map<string, Map<string, string>>();
  #revision = 0;

  constructor(options: KVConfigOptions) {
    this.#options = options;
  }

  /** Changes with every change of a value. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Reads the file; nothing is there at the first start. An empty or broken one gives way to `.bak`.
   * @throws Error when what is there can't be read, so that a start does not overwrite it.
   */
  load(): void {
    const { files, log, path } = this.#options;
    const main = files.read(path);
    if (main === undefined) return;
    const backup = `${path}.bak`;
    try {
      this.#take(main);
    } catch (broken) {
      const bytes = files.read(backup);
      const why = (broken as Error).message;
      if (bytes === undefined) throw new Error(`Cannot read the KV configuration "${path}": ${why}. Mend it, or remove it.`);
      try {
        this.#take(bytes);
      } catch (alsoBroken) {
        const also = (alsoBroken as Error).message;
        throw new Error(
          `Cannot read the KV configuration "${path}": ${why}; nor "${backup}": ${also}. Mend one, or remove both.`,
        );
      }
      log.error("the KV configuration is broken; its .bak is used", { path, error: why });
    }
  }

  get(namespace: string, key: string): string | undefined {
    return this.#configTable.get(namespace)?.get(key);
  }

  /** Undefined when there is no such namespace; one that lost its last key is still there, as with Apache. */
  namespace(namespace: string): ReadonlyMap<string, string> | undefined {
    return this.#configTable.get(namespace);
  }

  /** @throws RemotingError SYSTEM_ERROR when a name or value is out of bounds, or the file can't be written. */
  put(namespace: string, key: string, value: string): void {
    checkName("namespace", namespace);
    checkName("key", key);
    if (value.length > KV_VALUE_CHARS_MAX) {
      throw refuse(`the value of "${key}" has ${value.length} characters, at most ${KV_VALUE_CHARS_MAX} are stored`);
    }
    const before = this.#configTable.get(namespace);
    if (before?.has(key) !== true && this.#entryCount() >= KV_ENTRIES_MAX) {
      throw refuse(`"${namespace}" "${key}" is not stored: there are ${KV_ENTRIES_MAX} entries already, which is the maximum`);
    }
    this.#replace(namespace, new Map(before).set(key, value));
  }

  /** Absent entries are no error. @throws RemotingError SYSTEM_ERROR when the file can't be written. */
  delete(namespace: string, key: string): void {
    const before = this.#configTable.get(namespace);
    if (before?.has(key) !== true) return;
    const after = new Map(before);
    after.delete(key);
    this.#replace(namespace, after);
  }

  #replace(namespace: string, entries: Map<string, string>): void {
    const configTable = new Map(this.#configTable).set(namespace, entries);
    this.#persist(configTable);
    this.#configTable = configTable;
    this.#revision++;
  }

  #persist(configTable: Map<string, Map<string, string>>): void {
    const { files, log, path } = this.#options;
    try {
      replaceFile(files, path, kvConfigSerializeWrapper.encode({ configTable }));
    } catch (fault) {
      const why = (fault as Error).message;
      log.error("the KV configuration can't be written; the change is taken back", { path, error: why });
      throw refuse(`the KV configuration can't be written to kvConfigPath=${path}, the change is taken back: ${why}`);
    }
  }

  #take(bytes: Uint8Array): void {
    if (bytes.length === 0) throw new WireError("the file is empty");
    this.#configTable = kvConfigSerializeWrapper.decode(bytes).configTable;
  }

  #entryCount(): number {
    let count = 0;
    for (const entries of this.#configTable.values()) count += Math.max(1, entries.size);
    return count;
  }
}

function checkName(what: string, name: string): void {
  if (name === "") throw refuse("namespace or key is null");
  if (name.length > KV_NAME_CHARS_MAX) {
    throw refuse(`the ${what} "${clipped(name)}" has ${name.length} characters, at most ${KV_NAME_CHARS_MAX} are stored`);
  }
}

const refuse = (why: string): RemotingError => new RemotingError(ResponseCode.SYSTEM_ERROR, why);
