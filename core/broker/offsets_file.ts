/**
 * A file under `<root>/config` that is rewritten whole: the new content is complete on the disk under another name before
 * anything is renamed, and the former content stays as `<file>.bak`. At every moment the file, or its `.bak`, is whole.
 */
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import type { Files } from "../runtime.ts";

export class RewrittenFile {
  readonly path: string;
  readonly #files: Files;
  /** Counts saves, so that a slow one knows that a newer has overtaken it. */
  #saves = 0;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.path = path;
  }

  /**
   * What `parse` makes of the file, or of its `.bak` when the file is absent, empty or not to be parsed; undefined when there
   * is neither.
   * @throws Error naming the file when one is there and none can be parsed: starting with nothing would lose it.
   */
  load<T>(parse: (text: string) => T): T | undefined {
    let failure: string | undefined;
    for (const path of [this.path, this.#backup]) {
      const bytes = this.#files.read(path);
      if (bytes === undefined || bytes.length === 0) continue;
      try {
        return parse(decodeUtf8(bytes));
      } catch (error) {
        failure ??= error instanceof Error ? error.message : String(error);
      }
    }
    if (failure === undefined) return undefined;
    throw new Error(`cannot read ${this.path}: ${failure}; mend the file, or move it and its .bak away to start without it`);
  }

  /** On the disk on return. */
  save(text: string): void {
    this.#saves++;
    this.#files.makeDirectory(this.#directory);
    this.#files.write(this.#temporary, encodeUtf8(text), { sync: true });
    this.#replace();
    this.#files.syncDirectory(this.#directory);
  }

  /** The same off the event loop. Gives way to a save that begins later. */
  async saveInBackground(bytes: Uint8Array): Promise<void> {
    const save = ++this.#saves;
    this.#files.makeDirectory(this.#directory);
    const path = `${this.#temporary}.${save}`;
    const file = this.#files.open(path, { create: true });
    try {
      await file.write(bytes, 0);
      file.truncate(bytes.length);
      await file.dataSync();
    } finally {
      file.close();
    }
    if (save !== this.#saves) {
      this.#files.remove(path);
      return;
    }
    this.#files.rename(path, this.#temporary);
    this.#replace();
  }

  #replace(): void {
    if (this.#files.exists(this.path)) this.#files.rename(this.path, this.#backup);
    this.#files.rename(this.#temporary, this.path);
  }

  get #backup(): string {
    return `${this.path}.bak`;
  }

  get #temporary(): string {
    return `${this.path}.tmp`;
  }

  get #directory(): string {
    return this.path.slice(0, this.path.lastIndexOf("/"));
  }
}
