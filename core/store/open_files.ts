/**
 * Keeps the number of open files bounded: a store of 20,000 queues has more files than a process may open. A file is opened
 * on use; when too many are open, one that was not used for a while is closed (second chance, so a use costs one store).
 */
import type { FileHandle, Files, RuntimeFault } from "../runtime.ts";

/** One file of a `FileQueue`. */
export class StoreFile {
  readonly path: string;
  /** Offset of its first byte in the file queue; its name. */
  readonly base: number;
  /** Owned by `OpenFiles`. */
  handle: FileHandle | undefined;
  /** Since the hand of the clock last came by. */
  used = false;
  /** It lies where writing may be forbidden. */
  readonly isReadOnly: boolean;

  constructor(path: string, base: number, isReadOnly = false) {
    this.path = path;
    this.base = base;
    this.isReadOnly = isReadOnly;
  }
}

export class OpenFiles {
  readonly files: Files;
  readonly #openMax: number;
  readonly #open = new Set<StoreFile>();
  #closed = false;

  constructor(files: Files, openMax: number) {
    this.files = files;
    this.#openMax = openMax;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** The open handle; valid until the next call of any kind, or until a promise of it that was started settles. */
  use(file: StoreFile): FileHandle {
    file.used = true;
    return file.handle ?? this.open(file, false);
  }

  open(file: StoreFile, create: boolean): FileHandle {
    if (file.handle !== undefined) return file.handle;
    if (this.#closed) throw new Error(`Cannot open "${file.path}": the store is closed`);
    if (this.#open.size >= this.#openMax) this.#closeOne();
    const handle = file.isReadOnly ? this.#openAsAllowed(file.path) : this.files.open(file.path, { create });
    file.handle = handle;
    file.used = true;
    this.#open.add(file);
    return handle;
  }

  close(file: StoreFile): void {
    file.handle?.close();
    file.handle = undefined;
    this.#open.delete(file);
  }

  /** For good: what still runs must not touch a directory that another process may have opened since. */
  closeAll(): void {
    this.#closed = true;
    for (const file of [...this.#open]) this.close(file);
  }

  /** For writing where the disk allows it (the last file may lie there), else for reading. */
  #openAsAllowed(path: string): FileHandle {
    try {
      return this.files.open(path);
    } catch (error) {
      if (!["EROFS", "EACCES", "EPERM"].includes((error as RuntimeFault).code)) throw error;
      return this.files.open(path, { readOnly: true });
    }
  }

  #closeOne(): void {
    // Ends after two rounds at most: the first takes every mark away.
    for (;;) {
      for (const file of this.#open) {
        if (!file.used) {
          this.close(file);
          return;
        }
        file.used = false;
        // To the end: the set keeps the order of insertion, so the next search starts behind this one.
        this.#open.delete(file);
        this.#open.add(file);
      }
    }
  }
}
