/**
 * A file of configuration as the broker keeps many (`config/topics.json` …): saved so that a crash at any point leaves the
 * old or the new content, never neither.
 *
 * Save: the file is renamed to `<file>.bak`, then written and synced. Load: the file, or `.bak` when it is absent, empty or
 * no good; the caller says what is good by parsing it.
 */
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { makeDirectoryDurably } from "../durable_files.ts";
import type { Files, Log } from "../runtime.ts";

export class ConfigFile {
  readonly path: string;
  readonly #files: Files;
  readonly #log: Log;
  /** The file was no good when it was loaded, or could not be written: the backup must stay until the file is whole again. */
  #isBroken = false;

  constructor(files: Files, log: Log, path: string) {
    this.#files = files;
    this.#log = log;
    this.path = path;
  }

  /** Replaces the content. @throws RuntimeFault; the old content is then in the file or in `.bak`. */
  save(text: string): void {
    const directory = this.path.slice(0, this.path.lastIndexOf("/")) || "/";
    if (!this.#files.exists(this.path)) makeDirectoryDurably(this.#files, directory);
    this.replace(() => {
      this.#files.write(this.path, encodeUtf8(text), { sync: true });
      this.#files.syncDirectory(directory);
    });
  }

  /**
   * The file becomes the backup, then `put` makes the new file. A file that a crash or a full disk left empty or torn does
   * not: for it a good backup is not given up.
   */
  protected replace(put: () => void): void {
    const size = this.#files.stat(this.path)?.size ?? 0;
    if (size > 0 && !this.#isBroken) this.#files.rename(this.path, `${this.path}.bak`);
    this.#isBroken = true;
    put();
    this.#isBroken = false;
  }

  /**
   * What `parse` makes of the file, or of its backup when `parse` throws on it; undefined when neither has content.
   * @throws Error naming both files when there is content and none of it is good: starting without would forget it
   */
  load<T>(parse: (text: string) => T): T | undefined {
    const problems: string[] = [];
    for (const path of [this.path, `${this.path}.bak`]) {
      const bytes = this.#files.read(path);
      if (bytes === undefined) continue;
      const text = decodeUtf8(bytes);
      if (text.trim() === "") {
        if (path === this.path) {
          this.#isBroken = true;
          problems.push(`"${path}" is empty`);
        }
        continue;
      }
      try {
        const value = parse(text);
        if (problems.length > 0)
          this.#log.warn("a configuration file is no good; its backup is used", { path, why: problems.join("; ") });
        return value;
      } catch (error) {
        if (path === this.path) this.#isBroken = true;
        problems.push(`"${path}" can't be read: ${(error as Error).message}`);
      }
    }
    if (problems.every((problem) => problem.endsWith("is empty"))) {
      // As Apache, which starts without, and in silence.
      if (problems.length > 0) {
        this.#log.error("a configuration file is empty and has no backup; it is taken for one that was never written", {
          path: this.path,
        });
      }
      return undefined;
    }
    throw new Error(
      `Cannot load the configuration: ${problems.join("; ")}. Mend one of them, or move both away to start without`,
    );
  }
}
