/**
 * A configuration file that is rewritten often, in the background as well: the new content is on the disk under another name
 * before anything is renamed, so that at every moment the file, or its `.bak`, is whole, and the event loop waits for no sync.
 */
import { directoryOf, makeDirectoryDurably } from "../../durable_files.ts";
import type { Files, Log } from "../../runtime.ts";
import { ConfigFile } from "../../store/config_file.ts";

export class OffsetsFile extends ConfigFile {
  readonly #files: Files;
  /** Counts saves, so that a slow one knows that a newer has overtaken it. */
  #saves = 0;

  constructor(files: Files, log: Log, path: string) {
    super(files, log, path);
    this.#files = files;
  }

  override save(text: string): void {
    this.#saves++;
    super.save(text);
  }

  /** Like `save`, off the event loop. Gives way to a save that begins later. */
  async saveInBackground(bytes: Uint8Array): Promise<void> {
    const save = ++this.#saves;
    const temporary = `${this.path}.tmp`;
    const directory = directoryOf(this.path);
    makeDirectoryDurably(this.#files, directory);
    const file = this.#files.open(temporary, { create: true });
    try {
      file.truncate(0);
      await file.write(bytes, 0);
      await file.dataSync();
    } finally {
      file.close();
    }
    if (save !== this.#saves) {
      this.#files.remove(temporary);
      return;
    }
    this.replace(() => this.#files.rename(temporary, this.path));
    await this.#files.syncDirectoryLater(directory);
  }
}
