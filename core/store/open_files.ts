/**
 * Keeps the number of open files bounded: a store of 20,000 queues has more files than a process may open. A file is opened
 * on use; when `openFilesMax` are open, the least recently used is closed.
 *
 * The files that are open form a ring in order of use, linked through themselves: a use costs a few stores and allocates
 * nothing, as it stands on the way of every write and read.
 */
import type { FileHandle, Files, RuntimeFault } from "../runtime.ts";
import { wholeReads } from "./whole_reads.ts";

/** One file of a `FileQueue`, or an index file. */
export class StoreFile {
  readonly path: string;
  /** Offset of its first byte in the file queue; its name. */
  readonly base: number;
  /** Owned by `OpenFiles`, as are both neighbours. Undefined while the file is closed. */
  handle: FileHandle | undefined;
  newer: StoreFile | undefined;
  older: StoreFile | undefined;
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
  /** `older` of it is the most recently used, `newer` the least: no neighbour is ever absent. */
  readonly #ring: StoreFile;
  #openCount = 0;
  #closed = false;

  /** @param openMax ≥ 1; bound of what `openCount` ever is */
  constructor(files: Files, openMax: number) {
    this.files = files;
    this.#openMax = openMax;
    this.#ring = new StoreFile("", 0);
    this.#ring.newer = this.#ring;
    this.#ring.older = this.#ring;
  }

  get openCount(): number {
    return this.#openCount;
  }

  /** The open handle; valid until the next call of any kind, or until a promise of it that was started settles. */
  use(file: StoreFile): FileHandle {
    if (file.handle === undefined) return this.open(file, false);
    if (this.#ring.older !== file) {
      leave(file);
      this.#enter(file);
    }
    return file.handle;
  }

  /** @param create when the file may be absent. @throws RuntimeFault */
  open(file: StoreFile, create: boolean): FileHandle {
    if (file.handle !== undefined) return file.handle;
    if (this.#closed) throw new Error(`Cannot open "${file.path}": the store is closed`);
    while (this.#openCount >= this.#openMax) this.close(this.#ring.newer as StoreFile);
    const handle = wholeReads(file.isReadOnly ? this.#openAsAllowed(file.path) : this.files.open(file.path, { create }));
    file.handle = handle;
    this.#enter(file);
    this.#openCount++;
    return handle;
  }

  close(file: StoreFile): void {
    if (file.handle === undefined) return;
    file.handle.close();
    file.handle = undefined;
    leave(file);
    this.#openCount--;
  }

  /** For good: what still runs must not touch a directory that another process may have opened since. */
  closeAll(): void {
    this.#closed = true;
    while (this.#openCount > 0) this.close(this.#ring.newer as StoreFile);
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

  /** As the most recently used. */
  #enter(file: StoreFile): void {
    const newest = this.#ring.older as StoreFile;
    file.older = newest;
    file.newer = this.#ring;
    newest.newer = file;
    this.#ring.older = file;
  }
}

function leave(file: StoreFile): void {
  (file.older as StoreFile).newer = file.newer;
  (file.newer as StoreFile).older = file.older;
  file.older = undefined;
  file.newer = undefined;
}
