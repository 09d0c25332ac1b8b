/**
 * A sequence of files of one size, named by the offset of their first byte in 20 digits: what Apache calls a
 * MappedFileQueue, without mapping. Commit log and consume queues are made of it.
 *
 * Invariants: the files follow each other without a gap; each has the full size from its creation (sparse). The next file
 * may be made ahead of its need (`prepareNext`): it belongs to the queue when the first byte for it comes. Not here: what
 * the bytes mean, what is written, what is on the disk.
 */

import { directoryOf } from "../durable_files.ts";
import type { FileHandle, RuntimeFault } from "../runtime.ts";
import { makeDirectories } from "./directories.ts";
import { type OpenFiles, StoreFile } from "./open_files.ts";

/** Beyond this a read that need not wait would stand on the event loop for too long itself: 1 MiB is copied in 70 us. */
const CACHED_BYTES_MAX = 1024 * 1024;

/**
 * An fdatasync failed: what it was to cover may be gone from memory as well as from the disk (Linux drops such pages), and
 * a later fdatasync that succeeds does not say otherwise. Only a restart, which reads what there is, goes on from here.
 */
export class SyncFault extends Error {
  readonly code: string;

  constructor(cause: RuntimeFault) {
    super(cause.message, { cause });
    this.name = "SyncFault";
    this.code = cause.code;
  }
}

/** Where the files of a queue lie when they are not all in one directory. */
export interface FilePlaces {
  /** Every directory that may hold files. */
  readonly directories: readonly string[];
  /** True where files are read, and removed, but perhaps may not be written to. */
  isReadOnly(directory: string): boolean;
  /** The directory of a new file. */
  directoryFor(base: number, fileSize: number): string;
}

/** A file that is made ahead of its need. */
interface PreparedFile {
  readonly file: StoreFile;
  /** It is on the disk with its size and its entry. */
  isDurable: boolean;
  /** Settles when it is made, or can't be. Never rejects. */
  done: Promise<void>;
}

export class FileQueue {
  readonly directory: string;
  readonly fileSize: number;
  readonly #open: OpenFiles;
  readonly #places: FilePlaces;
  #list: StoreFile[] = [];
  /** Directories with entries made since `takeNewDirectories`. */
  #newDirectories: string[] = [];
  /** Directories that got one of several directories of this queue. */
  #grownDirectories: Set<string> | undefined;
  /** The file behind the last one, made or being made. */
  #prepared: PreparedFile | undefined;

  /** @param directory holds all files, unless `places` says otherwise; then it names them all, for messages */
  constructor(open: OpenFiles, directory: string, fileSize: number, places: FilePlaces = new OnePlace(directory)) {
    this.#open = open;
    this.#places = places;
    this.directory = directory;
    this.fileSize = fileSize;
  }

  get count(): number {
    return this.#list.length;
  }

  /** Offset of the first file's first byte; 0 without files. */
  get begin(): number {
    return this.#list[0]?.base ?? 0;
  }

  /** Offset behind the last file's last byte; 0 without files. */
  get end(): number {
    const last = this.#list.at(-1);
    return last === undefined ? 0 : last.base + this.fileSize;
  }

  get files(): readonly StoreFile[] {
    return this.#list;
  }

  /**
   * Finds the files. A last file of size 0 is removed, and after a crash one that is too short is extended: a power cut
   * came between its creation and its first sync. It need not be the last: sizes reach the disk in any order.
   * @param sizeKey the key that sets the size, for the error.
   * @throws Error naming the file and the key when a size is not the configured one, or a file in the middle is missing.
   */
  load(sizeKey: string, orderly: boolean): void {
    const { files } = this.#open;
    const found = this.#findFiles();
    // The process that was killed may not have come to syncing them.
    if (!orderly)
      for (const directory of new Set(found.map(({ path }) => directoryOf(path))))
        this.#newDirectories.push(directory, directoryOf(directory));
    for (const [i, file] of found.entries()) {
      const { base, path } = file;
      const size = files.stat(path)?.size ?? 0;
      if (size === 0 && i === found.length - 1) {
        files.remove(path);
        break;
      }
      const next = found[i + 1]?.base ?? base + this.fileSize;
      // Were the key a larger one now, the name of the next file would not fit.
      if (size < this.fileSize && next === base + this.fileSize && !orderly) this.#extend(path);
      else if (size !== this.fileSize) {
        throw new Error(
          `Cannot open the store: "${path}" has ${size} bytes, but ${sizeKey} is ${this.fileSize}. ` +
            `Set ${sizeKey} to the size the store was written with.`,
        );
      }
      const previous = this.#list.at(-1);
      if (previous !== undefined && previous.base + this.fileSize !== base) {
        throw new Error(
          `Cannot open the store: ${this.#whereTo(previous.base + this.fileSize)} is missing; ` +
            `"${previous.path}" is followed by "${path}". Bring the file back, or move away those before or after the gap.`,
        );
      }
      if (base % this.fileSize !== 0) {
        throw new Error(`Cannot open the store: the name of "${path}" is no multiple of ${sizeKey}, ${this.fileSize}`);
      }
      this.#list.push(file);
    }
  }

  /** In the order of their names. @throws Error when two directories hold the same part */
  #findFiles(): StoreFile[] {
    const found: StoreFile[] = [];
    for (const directory of this.#places.directories) {
      const isReadOnly = this.#places.isReadOnly(directory);
      for (const name of this.#open.files.list(directory)) {
        if (/^\d{20}$/.test(name)) found.push(new StoreFile(`${directory}/${name}`, Number(name), isReadOnly));
      }
    }
    found.sort((a, b) => a.base - b.base);
    for (const [i, file] of found.entries()) {
      const other = found[i + 1];
      if (other?.base === file.base) {
        throw new Error(`Cannot open the store: "${file.path}" and "${other.path}" are the same part of it; move one away`);
      }
    }
    return found;
  }

  /** The file that holds `offset`; undefined when there is none. */
  fileAt(offset: number): StoreFile | undefined {
    const first = this.#list[0];
    if (first === undefined) return undefined;
    return this.#list[Math.floor((offset - first.base) / this.fileSize)];
  }

  /** As `fileAt`, made when it is the one after the last (or the first of all). @throws RuntimeFault */
  ensureFileAt(offset: number): StoreFile {
    const found = this.fileAt(offset);
    if (found !== undefined) return found;
    const base = offset - (offset % this.fileSize);
    if (this.#list.length > 0 && base !== this.end) {
      throw new Error(`"${this.directory}" ends at ${this.end}; a file at ${base} would leave a gap`);
    }
    const prepared = this.#takePrepared(base);
    const file = prepared?.file ?? this.#newFile(base, false);
    const handle = this.#open.open(file, true);
    // An Apache broker started on the directory removes, before it asks for the lock, what was made ahead.
    if (prepared?.isDurable !== true || handle.size() !== this.fileSize) {
      try {
        handle.truncate(this.fileSize);
      } catch (error) {
        this.#open.close(file);
        this.#open.files.remove(file.path);
        throw error;
      }
      this.#newDirectories.push(directoryOf(file.path));
    }
    this.#list.push(file);
    return file;
  }

  /**
   * Its directory is made when it is the first there.
   * @param lastIsDurable the file before it is known to be on the disk
   * @throws RuntimeFault
   */
  #newFile(base: number, lastIsDurable: boolean): StoreFile {
    const { files } = this.#open;
    const directory = this.#places.directoryFor(base, this.fileSize);
    const last = this.#list.at(-1);
    const lastDirectory = last === undefined ? undefined : directoryOf(last.path);
    if (directory !== lastDirectory) {
      // Entries of two directories reach the disk in any order, and after a power cut a later file must not be alone. Seldom:
      // the file could not be made ahead.
      if (lastDirectory !== undefined && !lastIsDurable) {
        for (const above of this.#grownDirectories ?? []) files.syncDirectory(above);
        files.syncDirectory(lastDirectory);
      }
      const grown = makeDirectories(files, directory);
      this.#newDirectories.push(...grown);
      if (this.#places.directories.length > 1) this.#grownDirectories = new Set([...(this.#grownDirectories ?? []), ...grown]);
    }
    return new StoreFile(pathOf(directory, base), base);
  }

  /**
   * Makes the file behind the last one, off the event loop, so that nobody waits for it later: size and directory entry are
   * on the disk before its first byte. Does nothing when that is done or under way. Call it when the last file is on the
   * disk itself: after a power cut no file may follow one that is not there.
   * @param failed told why it could not be made; it is made when it is needed then, or that fails as well
   */
  prepareNext(failed: (error: Error) => void): void {
    if (this.#prepared !== undefined || this.#list.length === 0) return;
    let file: StoreFile;
    try {
      file = this.#newFile(this.end, true);
    } catch (error) {
      failed(error as Error);
      return;
    }
    const prepared: PreparedFile = { file, isDurable: false, done: Promise.resolve() };
    this.#prepared = prepared;
    prepared.done = this.#open.files
      .createSparse(file.path, this.fileSize)
      .then(() => {
        prepared.isDurable = true;
      })
      .catch(failed)
      .then(() => {
        if (!this.#isWanted(prepared)) this.#open.files.remove(file.path);
      })
      .catch(failed);
  }

  /** True when the file that holds `offset` is the last and no other is made or being made. */
  mayPrepareAt(offset: number): boolean {
    return this.#prepared === undefined && offset < this.end && offset >= this.end - this.fileSize;
  }

  /** Takes a file that was made ahead, and not needed, away again; for an orderly end. @throws RuntimeFault */
  async dropPrepared(): Promise<void> {
    const prepared = this.#prepared;
    if (prepared === undefined) return;
    await prepared.done;
    if (this.#prepared !== prepared) return;
    this.#prepared = undefined;
    this.#open.files.remove(prepared.file.path);
  }

  /** Directories that must be synced before what is in new files can be relied on; each is named once. */
  takeNewDirectories(): string[] {
    const taken = this.#newDirectories;
    if (taken.length > 0) this.#newDirectories = [];
    return taken;
  }

  handle(file: StoreFile): FileHandle {
    return this.#open.use(file);
  }

  /** Reads what of `[offset, offset + target.length)` lies in files; returns how many bytes. */
  readSync(target: Uint8Array, offset: number): number {
    let done = 0;
    while (done < target.length) {
      const file = this.fileAt(offset + done);
      if (file === undefined) break;
      const part = this.#part(file, target, offset, done);
      const got = this.#open.use(file).readSync(part, offset + done - file.base);
      done += got;
      if (got < part.length) break;
    }
    return done;
  }

  /** As `readSync`, when the system holds all of it in memory; else false, and what is in `target` is of no use. */
  readCached(target: Uint8Array, offset: number): boolean {
    for (let done = 0; done < target.length; ) {
      const file = this.fileAt(offset + done);
      if (file === undefined) return false;
      const part = this.#part(file, target, offset, done);
      if (this.#open.use(file).readCached(part, offset + done - file.base) < part.length) return false;
      done += part.length;
    }
    return true;
  }

  /** As `readSync`; off the event loop, unless it need not wait. */
  async read(target: Uint8Array, offset: number): Promise<number> {
    if (target.length <= CACHED_BYTES_MAX && this.readCached(target, offset)) return target.length;
    let done = 0;
    while (done < target.length) {
      const file = this.fileAt(offset + done);
      if (file === undefined) break;
      const part = this.#part(file, target, offset, done);
      const got = await this.#open.use(file).read(part, offset + done - file.base);
      done += got;
      if (got < part.length) break;
    }
    return done;
  }

  /** Writes across files, which are made as needed. @throws RuntimeFault */
  writeSync(bytes: Uint8Array, offset: number): void {
    let done = 0;
    while (done < bytes.length) {
      const file = this.ensureFileAt(offset + done);
      const part = this.#part(file, bytes, offset, done);
      this.#open.use(file).writeSync(part, offset + done - file.base);
      done += part.length;
    }
  }

  /** fdatasync of every file that holds bytes of `[from, to)`. @throws SyncFault */
  async dataSync(from: number, to: number): Promise<void> {
    for (let at = from - (from % this.fileSize); at < to; at += this.fileSize) {
      const file = this.fileAt(at);
      if (file === undefined) continue;
      const handle = this.#open.use(file);
      try {
        await handle.dataSync();
      } catch (error) {
        throw new SyncFault(error as RuntimeFault);
      }
    }
  }

  /** fdatasync, at once, of the file that holds `offset`. @throws RuntimeFault */
  dataSyncSync(offset: number): void {
    const file = this.fileAt(offset);
    if (file !== undefined) this.#open.use(file).dataSyncSync();
  }

  /** Makes every byte from `offset` on zero and drops the files behind it. The file that holds `offset` stays. */
  cut(offset: number): void {
    while (this.#list.length > 0 && (this.#list.at(-1) as StoreFile).base > offset) {
      const last = this.#list.pop() as StoreFile;
      this.#drop(last);
      // Else it may be back after a power cut.
      this.#newDirectories.push(directoryOf(last.path));
    }
    // What was made ahead would follow a gap now.
    if (this.#prepared !== undefined && this.#prepared.file.base !== this.end) {
      const { file, isDurable } = this.#prepared;
      this.#prepared = undefined;
      if (isDurable) this.#open.files.remove(file.path);
    }
    const file = this.fileAt(offset);
    if (file === undefined) return;
    const handle = this.#open.use(file);
    handle.truncate(offset - file.base);
    handle.truncate(this.fileSize);
  }

  /** Takes the first file away. */
  removeFirst(): void {
    const file = this.#list.shift();
    if (file !== undefined) this.#drop(file);
  }

  /** What `removeFirst` took away stays away after this, through a power cut too. @throws RuntimeFault */
  async syncRemovals(): Promise<void> {
    for (const directory of this.#places.directories) {
      if (!this.#places.isReadOnly(directory)) await this.#open.files.syncDirectoryLater(directory);
    }
  }

  /** Takes files out of the queue without removing them; returns their paths. */
  releaseFrom(base: number): string[] {
    const released = this.#list.filter((file) => file.base >= base);
    for (const file of released) this.#open.close(file);
    this.#list = this.#list.filter((file) => file.base < base);
    return released.map((file) => file.path);
  }

  /** Removes all files and the directory. */
  destroy(): void {
    for (const file of this.#list) this.#open.close(file);
    this.#list = [];
    this.#open.files.removeTree(this.directory);
  }

  /** The file made ahead, when it is the one for `base`. */
  #takePrepared(base: number): PreparedFile | undefined {
    const prepared = this.#prepared;
    if (prepared?.file.base !== base) return undefined;
    this.#prepared = undefined;
    return prepared;
  }

  /** False when the queue was cut while the file was being made: it would follow a gap. */
  #isWanted(prepared: PreparedFile): boolean {
    return this.#prepared === prepared || this.fileAt(prepared.file.base) !== undefined;
  }

  /** Where a file is looked for, for an error. */
  #whereTo(base: number): string {
    return this.#places.directories.map((directory) => `"${pathOf(directory, base)}"`).join(" or ");
  }

  #extend(path: string): void {
    const handle = this.#open.files.open(path);
    try {
      handle.truncate(this.fileSize);
    } finally {
      handle.close();
    }
  }

  #drop(file: StoreFile): void {
    this.#open.close(file);
    this.#open.files.remove(file.path);
  }

  #part(file: StoreFile, bytes: Uint8Array, offset: number, done: number): Uint8Array {
    const room = file.base + this.fileSize - (offset + done);
    return done === 0 && bytes.length <= room ? bytes : bytes.subarray(done, Math.min(bytes.length, done + room));
  }
}

const pathOf = (directory: string, base: number): string => `${directory}/${String(base).padStart(20, "0")}`;

/** What nearly every queue has. Small: there may be 20,000 of them. */
class OnePlace implements FilePlaces {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get directories(): readonly string[] {
    return [this.#directory];
  }

  isReadOnly(): boolean {
    return false;
  }

  directoryFor(): string {
    return this.#directory;
  }
}
