/** `node:fs`, which behaves alike on Bun, Deno and Node. The lock comes from each runtime: `node:fs` has none. */
import * as fs from "node:fs";
import { constants } from "node:fs";
import { dirname } from "node:path";
import type { DiskSpace, FileHandle, FileLock, FileStat, Files, OpenOptions, PagesInMemory } from "../../core/runtime.ts";
import { codeOf, Fault, faultOf } from "./fault.ts";
import { lockHolder } from "./lock_holder.ts";

/** Tries to get an exclusive kernel lock on an open file; false when another holder has it. Closing the file drops it. */
export type TryLock = (fd: number) => boolean;
/** What the system holds of open files in memory. */
export interface PageCache {
  /** Bytes that were read without waiting for the disk; -1 when they are not in memory, or the system can't tell. */
  read(fd: number, target: Uint8Array, position: number): number;
  /** See `FileHandle.pagesInMemory`. */
  pages(fd: number, position: number, length: number): PagesInMemory | undefined;
}

/** Of a system that can't tell. */
export const NO_PAGE_CACHE: PageCache = { read: () => -1, pages: () => undefined };

export class HostFiles implements Files {
  readonly #tryLock: TryLock;
  readonly #pageCache: PageCache;

  constructor(tryLock: TryLock, pageCache: PageCache = NO_PAGE_CACHE) {
    this.#tryLock = tryLock;
    this.#pageCache = pageCache;
  }

  open(path: string, options: OpenOptions = {}): FileHandle {
    return new HostFile(path, options, this.#pageCache);
  }

  exists(path: string): boolean {
    return this.stat(path) !== undefined;
  }

  stat(path: string): FileStat | undefined {
    try {
      const found = fs.statSync(path, { throwIfNoEntry: false });
      if (found === undefined) return undefined;
      return {
        kind: found.isDirectory() ? "directory" : "file",
        size: found.size,
        modifiedMs: found.mtimeMs,
        // In units of 512 bytes, whatever the blocks of the file system are; not told on Windows.
        allocatedBytes: Number.isFinite(found.blocks) ? found.blocks * 512 : undefined,
      };
    } catch (error) {
      // A file where a directory was expected on the way (ENOTDIR) means as well that there is nothing at this path.
      if (isAbsence(error)) return undefined;
      throw faultOf(error, `Cannot look at "${path}"`);
    }
  }

  list(path: string): string[] {
    try {
      return fs.readdirSync(path).sort();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw faultOf(error, `Cannot list "${path}"`);
    }
  }

  makeDirectory(path: string): void {
    attempt(`Cannot make the directory "${path}"`, () => fs.mkdirSync(path, { recursive: true }));
  }

  rename(from: string, to: string): void {
    attempt(`Cannot rename "${from}" to "${to}"`, () => fs.renameSync(from, to));
  }

  remove(path: string): void {
    try {
      fs.unlinkSync(path);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw faultOf(error, `Cannot remove "${path}"`);
    }
  }

  removeTree(path: string): void {
    attempt(`Cannot remove "${path}" and what is below it`, () => fs.rmSync(path, { recursive: true, force: true }));
  }

  syncDirectory(path: string): void {
    // Windows has no such call; its file system journals directory entries.
    if (process.platform === "win32") return;
    attempt(`Cannot sync the directory "${path}"`, () => {
      const fd = fs.openSync(path, constants.O_RDONLY);
      try {
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  async syncDirectoryLater(path: string): Promise<void> {
    if (process.platform === "win32") return;
    const tried = `Cannot sync the directory "${path}"`;
    const fd = await later<number>(tried, (done) => fs.open(path, constants.O_RDONLY, done));
    try {
      await later<void>(tried, (done) => fs.fsync(fd, done));
    } finally {
      await later<void>(tried, (done) => fs.close(fd, done));
    }
  }

  async createSparse(path: string, size: number): Promise<void> {
    const tried = `Cannot make "${path}" with ${size} bytes`;
    const fd = await later<number>(tried, (done) => fs.open(path, constants.O_RDWR | constants.O_CREAT, 0o644, done));
    try {
      await later<void>(tried, (done) => fs.ftruncate(fd, size, done));
      await later<void>(tried, (done) => fs.fsync(fd, done));
    } finally {
      await later<void>(tried, (done) => fs.close(fd, done));
    }
    await this.syncDirectoryLater(dirname(path));
  }

  read(path: string): Uint8Array | undefined {
    try {
      return fs.readFileSync(path);
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw faultOf(error, `Cannot read "${path}"`);
    }
  }

  write(path: string, bytes: Uint8Array, options: { sync?: boolean; private?: boolean } = {}): void {
    attempt(`Cannot write ${bytes.length} bytes to "${path}"`, () => {
      const mode = options.private === true ? 0o600 : 0o644;
      const fd = fs.openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, mode);
      try {
        writeAll(fd, bytes, 0);
        if (options.sync === true) fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  lock(path: string): FileLock {
    const tried = `Cannot lock "${path}"`;
    return attempt(tried, () => {
      const fd = fs.openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
      let locked = false;
      try {
        locked = this.#tryLock(fd);
      } finally {
        if (!locked) fs.closeSync(fd);
      }
      if (!locked) throw new Fault("ELOCKED", `${tried}: ${lockHolder(path)}`);
      let held = true;
      return {
        release: () => {
          if (held) fs.closeSync(fd);
          held = false;
        },
      };
    });
  }

  diskSpace(path: string): DiskSpace {
    return attempt(`Cannot tell the free space of the disk that holds "${path}"`, () => {
      const { bsize, blocks, bfree, bavail } = fs.statfsSync(nearestExisting(path));
      // bavail leaves out what is reserved for root: the space that a broker can really have.
      return { totalBytes: bsize * blocks, freeBytes: bsize * bavail, usedBytes: bsize * (blocks - bfree) };
    });
  }
}

class HostFile implements FileHandle {
  readonly path: string;
  readonly #fd: number;
  readonly #pageCache: PageCache;
  #closed = false;
  /** Calls off the event loop. `close` waits for them: the number of a closed file is soon another file's. */
  #inFlight = 0;

  constructor(path: string, { create = false, readOnly = false }: OpenOptions, pageCache: PageCache) {
    this.path = path;
    this.#pageCache = pageCache;
    const flags = readOnly ? constants.O_RDONLY : constants.O_RDWR | (create ? constants.O_CREAT : 0);
    this.#fd = attempt(`Cannot open "${path}"`, () => fs.openSync(path, flags, 0o644));
  }

  readSync(target: Uint8Array, position: number): number {
    this.#mustBeOpen("read from");
    try {
      return fs.readSync(this.#fd, target, 0, target.length, position);
    } catch (error) {
      throw faultOf(error, `Cannot read ${target.length} bytes at ${position} from "${this.path}"`);
    }
  }

  readCached(target: Uint8Array, position: number): number {
    this.#mustBeOpen("read from");
    return this.#pageCache.read(this.#fd, target, position);
  }

  pagesInMemory(position: number, length: number): PagesInMemory | undefined {
    this.#mustBeOpen("ask about");
    return this.#pageCache.pages(this.#fd, position, length);
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#offLoop<number>(
      (done) => fs.read(this.#fd, target, 0, target.length, position, done),
      () => `Cannot read ${target.length} bytes at ${position} from "${this.path}"`,
    );
  }

  writeSync(bytes: Uint8Array, position: number): void {
    this.#mustBeOpen("write to");
    try {
      writeAll(this.#fd, bytes, position);
    } catch (error) {
      throw faultOf(error, `Cannot write ${bytes.length} bytes at ${position} to "${this.path}"`);
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    // The kernel may take a part only (a signal, a nearly full disk): the next round meets the reason.
    for (let done = 0; done < bytes.length; ) {
      done += await this.#offLoop<number>(
        (settle) => fs.write(this.#fd, bytes, done, bytes.length - done, position + done, settle),
        () => `Cannot write ${bytes.length} bytes at ${position} to "${this.path}"`,
      );
    }
  }

  dataSyncSync(): void {
    this.#mustBeOpen("sync");
    attempt(`Cannot sync "${this.path}"`, () => fs.fdatasyncSync(this.#fd));
  }

  dataSync(): Promise<void> {
    return this.#offLoop<void>(
      (done) => fs.fdatasync(this.#fd, (error) => done(error)),
      () => `Cannot sync "${this.path}"`,
    );
  }

  truncate(size: number): void {
    this.#mustBeOpen("truncate");
    attempt(`Cannot set the size of "${this.path}" to ${size}`, () => fs.ftruncateSync(this.#fd, size));
  }

  size(): number {
    this.#mustBeOpen("tell the size of");
    return attempt(`Cannot tell the size of "${this.path}"`, () => fs.fstatSync(this.#fd).size);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#inFlight === 0) fs.closeSync(this.#fd);
  }

  #mustBeOpen(verb: string): void {
    if (this.#closed) throw new Fault("EBADF", `Cannot ${verb} "${this.path}": the file is closed`);
  }

  #offLoop<T>(start: (done: (error: Error | null, result?: T) => void) => void, tried: () => string): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Fault("EBADF", `${tried()}: the file is closed`));
      this.#inFlight++;
      start((error, result) => {
        this.#inFlight--;
        if (this.#closed && this.#inFlight === 0) fs.closeSync(this.#fd);
        if (error === null || error === undefined) resolve(result as T);
        else reject(faultOf(error, tried()));
      });
    });
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  let done = fs.writeSync(fd, bytes, 0, bytes.length, position);
  while (done < bytes.length) done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
}

function attempt<T>(tried: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw faultOf(error, tried);
  }
}

/** A call of `node:fs` with a callback, as a promise. */
function later<T>(tried: string, start: (done: (error: Error | null, result?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error === null || error === undefined) resolve(result as T);
      else reject(faultOf(error, tried));
    });
  });
}

function isAbsence(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** A store directory that is yet to be made will be on the disk of its nearest existing ancestor. */
function nearestExisting(path: string): string {
  let at = path;
  while (!fs.existsSync(at)) {
    const up = dirname(at);
    if (up === at) break;
    at = up;
  }
  return at;
}
