/** A simulated disk as one process sees it: paths, open files, locks. They end when the process is killed. */
import type { DiskSpace, FileHandle, FileLock, FileStat, Files, OpenOptions, PagesInMemory } from "../../core/runtime.ts";
import { Fault } from "../shared/fault.ts";
import type { DiskOperation, SimDisk } from "./disk.ts";
import { PAGE_BYTES, type PendingSync, type SimInode } from "./inode.ts";
import type { Range } from "./prng.ts";

const SECTOR_BYTES = 512;

export class SimFiles implements Files {
  readonly disk: SimDisk;
  readonly #open = new Set<SimFile>();
  readonly #locks: Set<SimInode>;
  readonly #held = new Set<SimInode>();
  #dead = false;

  /** `locks` is shared by the processes that use the disk. */
  constructor(disk: SimDisk, locks: Set<SimInode>) {
    this.disk = disk;
    this.#locks = locks;
  }

  open(path: string, options: OpenOptions = {}): FileHandle {
    const tried = `Cannot open "${path}"`;
    this.#check("open", path, tried);
    const inode = this.disk.inode(path, options.create === true && options.readOnly !== true, tried);
    const file = new SimFile(this.disk, inode, path, options.readOnly === true, () => this.#open.delete(file));
    this.#open.add(file);
    return file;
  }

  exists(path: string): boolean {
    return this.disk.stat(path) !== undefined;
  }

  stat(path: string): FileStat | undefined {
    return this.disk.stat(path);
  }

  list(path: string): string[] {
    return this.disk.list(path);
  }

  makeDirectory(path: string): void {
    const tried = `Cannot make the directory "${path}"`;
    this.#check("makeDirectory", path, tried);
    this.disk.makeDirectory(path, tried);
  }

  rename(from: string, to: string): void {
    const tried = `Cannot rename "${from}" to "${to}"`;
    this.#check("rename", from, tried);
    this.disk.rename(from, to, tried);
  }

  remove(path: string): void {
    const tried = `Cannot remove "${path}"`;
    this.#check("remove", path, tried);
    this.disk.remove(path, tried);
  }

  removeTree(path: string): void {
    const tried = `Cannot remove "${path}" and what is below it`;
    this.#check("remove", path, tried);
    this.disk.removeTree(path, tried);
  }

  syncDirectory(path: string): void {
    const tried = `Cannot sync the directory "${path}"`;
    this.#check("syncDirectory", path, tried);
    this.disk.scheduler.stall(this.disk.prng.within(this.disk.faults.syncMs));
    this.disk.syncDirectory(path, tried);
  }

  syncDirectoryLater(path: string): Promise<void> {
    const tried = `Cannot sync the directory "${path}"`;
    return this.#later(this.disk.faults.syncMs, () => {
      this.#check("syncDirectory", path, tried);
      this.disk.syncDirectory(path, tried);
    });
  }

  /** Three calls, as on a real disk: a crash may come between any two. */
  async createSparse(path: string, size: number): Promise<void> {
    const file = await this.#later(this.disk.faults.writeMs, () => {
      const made = this.open(path, { create: true });
      try {
        made.truncate(size);
      } catch (error) {
        made.close();
        throw error;
      }
      return made;
    });
    try {
      await file.dataSync();
    } finally {
      file.close();
    }
    await this.syncDirectoryLater(path.slice(0, path.lastIndexOf("/")) || "/");
  }

  read(path: string): Uint8Array | undefined {
    if (this.disk.stat(path) === undefined) return undefined;
    const file = this.open(path, { readOnly: true });
    try {
      const bytes = new Uint8Array(file.size());
      file.readSync(bytes, 0);
      return bytes;
    } finally {
      file.close();
    }
  }

  write(path: string, bytes: Uint8Array, options: { sync?: boolean; private?: boolean } = {}): void {
    const file = this.open(path, { create: true });
    try {
      file.truncate(0);
      file.writeSync(bytes, 0);
      if (options.sync === true) file.dataSyncSync();
    } finally {
      file.close();
    }
  }

  lock(path: string): FileLock {
    const tried = `Cannot lock "${path}"`;
    this.#check("open", path, tried);
    const inode = this.disk.inode(path, true, tried);
    if (this.#locks.has(inode)) throw new Fault("ELOCKED", `${tried}: another process, or this one, holds the lock`);
    this.#locks.add(inode);
    this.#held.add(inode);
    return {
      release: () => {
        if (this.#held.delete(inode)) this.#locks.delete(inode);
      },
    };
  }

  diskSpace(_path: string): DiskSpace {
    return this.disk.space();
  }

  /** The process dies: its files are closed, its locks released, asynchronous writes are cut off where they were. */
  kill(): void {
    this.#dead = true;
    for (const file of this.#open) file.kill();
    for (const inode of this.#held) this.#locks.delete(inode);
    this.#held.clear();
  }

  /** The call happens, and settles, when its time has come; never in a dead process. */
  #later<T>(delay: Range, call: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.disk.scheduler.io(() => {
        if (this.#dead) return;
        try {
          resolve(call());
        } catch (error) {
          reject(error);
        }
      }, this.disk.prng.within(delay));
    });
  }

  #check(operation: DiskOperation, path: string, tried: string): void {
    if (this.#dead) throw new Fault("EIO", `${tried}: the simulated process was killed`);
    this.disk.check(operation, path, tried);
    // The observer of the disk may have ended the process.
    if (this.#dead) throw new Fault("EIO", `${tried}: the simulated process was killed`);
  }
}

class SimFile implements FileHandle {
  readonly path: string;
  readonly #disk: SimDisk;
  readonly #inode: SimInode;
  readonly #readOnly: boolean;
  readonly #onClose: () => void;
  readonly #writing = new Set<{ bytes: Uint8Array; position: number }>();
  #closed = false;
  #killed = false;

  constructor(disk: SimDisk, inode: SimInode, path: string, readOnly: boolean, onClose: () => void) {
    this.#disk = disk;
    this.#inode = inode;
    this.path = path;
    this.#readOnly = readOnly;
    this.#onClose = onClose;
    inode.opened();
  }

  readSync(target: Uint8Array, position: number): number {
    this.#mustBeOpen("read");
    this.#stall(this.#disk.faults.readMs);
    return this.#read(target, position);
  }

  readCached(target: Uint8Array, position: number): number {
    this.#mustBeOpen("read");
    const { prng, faults } = this.#disk;
    if (faults.cachedReads === 0 || !prng.chance(faults.cachedReads)) return -1;
    return this.#read(target, position);
  }

  pagesInMemory(position: number, length: number): PagesInMemory | undefined {
    this.#mustBeOpen("read");
    const isThere = this.#disk.faults.pagesInMemory;
    if (isThere === undefined) return undefined;
    const first = position / PAGE_BYTES;
    const pages = Uint8Array.from({ length: Math.ceil(length / PAGE_BYTES) }, (_, i) => Number(isThere(this.path, first + i)));
    return { pageBytes: PAGE_BYTES, pages };
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#later("read", this.#disk.faults.readMs, () => this.#read(target, position));
  }

  writeSync(bytes: Uint8Array, position: number): void {
    this.#mustBeOpen("write");
    this.#stall(this.#disk.faults.writeMs);
    const write = { bytes, position };
    // A kill in the middle of it tears a synchronous write as well.
    this.#writing.add(write);
    try {
      this.#check("write", position, bytes.length);
    } finally {
      this.#writing.delete(write);
    }
    this.#apply(bytes, position);
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    const write = { bytes, position };
    this.#writing.add(write);
    return this.#later("write", this.#disk.faults.writeMs, () => {
      // What fails is over, too: a kill that comes later must not tear it.
      this.#writing.delete(write);
      this.#check("write", position, bytes.length);
      this.#apply(bytes, position);
    });
  }

  dataSyncSync(): void {
    this.#mustBeOpen("sync");
    this.#stall(this.#disk.faults.syncMs);
    this.#endSync(this.#inode.beginSync());
  }

  dataSync(): Promise<void> {
    // What is written from here on belongs to the next sync.
    const sync = this.#inode.beginSync();
    return this.#later("sync", this.#disk.faults.syncMs, () => this.#endSync(sync));
  }

  truncate(size: number): void {
    this.#mustBeOpen("truncate");
    this.#check("truncate");
    this.#inode.truncate(size);
  }

  size(): number {
    this.#mustBeOpen("tell the size of");
    return this.#inode.size;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inode.closed();
    this.#onClose();
  }

  kill(): void {
    for (const { bytes, position } of this.#writing) {
      const reached = position + this.#disk.prng.below(bytes.length + 1);
      // What lies in one sector changes together or not at all.
      const done = reached === position + bytes.length ? bytes.length : reached - (reached % SECTOR_BYTES) - position;
      if (done > 0) this.#inode.write(bytes.subarray(0, done), position);
    }
    this.#killed = true;
    this.close();
  }

  #read(target: Uint8Array, position: number): number {
    this.#check("read", position, target.length);
    const read = this.#inode.read(target, position);
    const { prng, faults } = this.#disk;
    if (read === 0 || !faults.misreads(this.path)) return read;
    if (prng.chance(faults.bitFlip)) {
      const at = prng.below(read);
      target[at] = target[at]! ^ (1 << prng.below(8));
    }
    return prng.chance(faults.shortRead) ? 1 + prng.below(read) : read;
  }

  #apply(bytes: Uint8Array, position: number): void {
    const written = this.#inode.write(bytes, position);
    if (written === bytes.length) return;
    const tried = `Cannot write ${bytes.length} bytes at ${position} to "${this.path}"`;
    throw new Fault("ENOSPC", `${tried}: ENOSPC: no space left on the simulated disk after ${written} bytes`);
  }

  #endSync(sync: PendingSync): void {
    try {
      this.#check("sync");
    } catch (error) {
      // A process that dies here loses no page: the system still has it, and the next sync writes it.
      if (!this.#killed) sync.fail();
      throw error;
    }
    sync.succeed();
  }

  /** The call happens, and settles, when its time has come, also when `close` came between; never in a dead process. */
  #later<T>(verb: string, delay: Range, call: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#mustBeOpen(verb);
      this.#disk.scheduler.io(() => {
        if (this.#killed) return;
        try {
          resolve(call());
        } catch (error) {
          if (!this.#killed) reject(error);
        }
      }, this.#disk.prng.within(delay));
    });
  }

  #stall(range: Range): void {
    this.#disk.scheduler.stall(this.#disk.prng.within(range));
  }

  #check(operation: "read" | "write" | "sync" | "truncate", position = 0, bytes = 0): void {
    if (this.#readOnly && operation !== "read") {
      throw new Fault("EBADF", `Cannot ${operation} "${this.path}": EBADF: it was opened for reading`);
    }
    const tried = `Cannot ${operation} "${this.path}"`;
    this.#disk.check(operation, this.path, tried, position, bytes);
    if (this.#killed) throw new Fault("EIO", `${tried}: the simulated process was killed`);
  }

  #mustBeOpen(verb: string): void {
    if (this.#closed) throw new Fault("EBADF", `Cannot ${verb} "${this.path}": the file is closed`);
  }
}
