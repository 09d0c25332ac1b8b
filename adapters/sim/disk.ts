/**
 * A disk in memory: a tree of directories and sparse files (`inode.ts`). It outlives the processes that use it.
 *
 * Fault model.
 * - A killed process (`kill -9`) loses nothing it has written: that is in the page cache. Asynchronous writes under way
 *   at that moment are applied to a random length (often not at all, sometimes whole), by sectors of 512 bytes.
 * - A power loss keeps of a file what a finished `dataSync` covered. Of every page written since, by chance
 *   (`unsyncedPageKept`), the new or the old content is there: pages in any order, so a later write can survive an
 *   earlier one, and a record can be torn at page bounds. The size is the synced one, or reaches to the last kept page.
 * - A power loss keeps entries (creations, renames, removals) up to the last `syncDirectory` of their directory; of what
 *   came after, in order, a random number of operations (`unsyncedEntriesKept` each, until the first that is lost). A
 *   file that was synced and whose entry was not is gone: POSIX promises no more.
 * - `createSparse` is three calls (file and size, `dataSync`, `syncDirectory`); a crash may come between any two.
 * - A `dataSync` that failed with EIO leaves its pages on no disk, and a later one that succeeds does not mend that
 *   (as Linux behaves); only writing them again does.
 * - `fail` makes chosen calls fail (ENOSPC, EIO …), once or for good; `capacityBytes` makes the disk full by itself: a
 *   write that does not fit is written in part and throws ENOSPC.
 * - `shortRead`: a read returns fewer bytes than there are (at least one), as a signal or a network file system makes it.
 * - `bitFlip`: a read returns its bytes with one bit wrong; the disk itself keeps the right one. Both happen only to files
 *   that `misreads` names.
 * - `beforeOperation` sees each call before it takes effect and may end the process there (`SimRuntime.crash`): the call
 *   fails then, a write under way is cut off at a random length as any other.
 * - `cachedReads`: how often `readCached` finds what it asks for.
 * - `pagesInMemory`: which pages of which files the system says that it holds in memory; without it, it can't tell.
 * - `readMs`, `writeMs`, `syncMs` make the disk slow: asynchronous calls settle later, synchronous ones stall the world.
 * All of it is off by default. Then it is simply the file system of an in-memory runtime. Time stamps are kept; owners,
 * modes and links do not exist. Locks belong to processes and end with them.
 */
import type { DiskSpace, FileStat } from "../../core/runtime.ts";
import { Fault } from "../shared/fault.ts";
import { PAGE_BYTES, SimInode } from "./inode.ts";
import type { Prng, Range } from "./prng.ts";
import type { Scheduler } from "./scheduler.ts";

export interface DiskFaults {
  readMs: Range;
  writeMs: Range;
  syncMs: Range;
  unsyncedPageKept: number;
  unsyncedEntriesKept: number;
  capacityBytes: number;
  shortRead: number;
  bitFlip: number;
  misreads: (path: string) => boolean;
  cachedReads: number;
  pagesInMemory: ((path: string, page: number) => boolean) | undefined;
}

export const NO_DISK_FAULTS: Readonly<DiskFaults> = {
  readMs: [0, 0],
  writeMs: [0, 0],
  syncMs: [0, 0],
  unsyncedPageKept: 0,
  unsyncedEntriesKept: 0,
  capacityBytes: 2 ** 40,
  shortRead: 0,
  bitFlip: 0,
  misreads: () => true,
  cachedReads: 0,
  pagesInMemory: undefined,
};

export type DiskOperation =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "rename"
  | "remove"
  | "makeDirectory"
  | "syncDirectory";

/** Which calls fail, how, and how often. */
export interface DiskFailure {
  readonly operation: DiskOperation;
  /** `ENOSPC`, `EIO`, `EACCES` … */
  readonly code: string;
  /** All paths when left out. */
  readonly path?: (path: string) => boolean;
  /** Default: until `restore` is called. */
  readonly times?: number;
}

/** Called before each operation takes effect; for reads and writes with their place. */
export type DiskObserver = (operation: DiskOperation, path: string, position: number, bytes: number) => void;

class Directory {
  readonly entries = new Map<string, Entry>();
  /** What a power loss goes back to; undefined when the disk does not track. */
  durable = new Map<string, Entry>();
  /** Operations since, in order. */
  unsynced: { name: string; entry: Entry | undefined }[] = [];
}

type Entry = Directory | SimInode;

export class SimDisk {
  /** May be changed at any time. */
  readonly faults: DiskFaults;
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  beforeOperation: DiskObserver | undefined;
  readonly #tracksDurability: boolean;
  readonly #failures: (DiskFailure & { left: number })[] = [];
  #root = new Directory();
  #usedPages = 0;

  /** Without `tracksDurability` a power loss cannot be simulated, and no page is kept twice. */
  constructor(scheduler: Scheduler, prng: Prng, faults: Partial<DiskFaults>, tracksDurability: boolean) {
    this.scheduler = scheduler;
    this.prng = prng;
    this.faults = { ...NO_DISK_FAULTS, ...faults };
    this.#tracksDurability = tracksDurability;
  }

  // ------------------------------------------------------------------------------------------------------- faults

  /** Makes calls fail from now on. */
  fail(failure: DiskFailure): void {
    this.#failures.push({ ...failure, left: failure.times ?? Number.POSITIVE_INFINITY });
  }

  /** Ends all that `fail` asked for. */
  restore(): void {
    this.#failures.length = 0;
  }

  /** What `call` does is neither observed nor failed: for a test that looks without touching. */
  sparing<T>(call: () => T): T {
    const failures = this.#failures.splice(0);
    const { beforeOperation } = this;
    this.beforeOperation = undefined;
    try {
      return call();
    } finally {
      this.#failures.push(...failures);
      this.beforeOperation = beforeOperation;
    }
  }

  /** The machine loses power: see the fault model above. */
  losePower(): void {
    if (!this.#tracksDurability) throw new Error("This disk does not track what is durable, so it cannot lose power");
    this.#loseDirectory(this.#root);
    this.#usedPages = 0;
    for (const inode of new Set(this.#inodes(this.#root))) this.#usedPages += inode.pageCount;
  }

  #loseDirectory(directory: Directory): void {
    const kept = new Map(directory.durable);
    for (const { name, entry } of directory.unsynced) {
      if (!this.prng.chance(this.faults.unsyncedEntriesKept)) break;
      if (entry === undefined) kept.delete(name);
      else kept.set(name, entry);
    }
    directory.entries.clear();
    for (const [name, entry] of kept) directory.entries.set(name, entry);
    directory.durable = kept;
    directory.unsynced = [];
    for (const entry of kept.values()) {
      if (entry instanceof Directory) this.#loseDirectory(entry);
      else entry.losePower(this.prng, this.faults.unsyncedPageKept);
    }
  }

  *#inodes(directory: Directory): Generator<SimInode> {
    for (const entry of directory.entries.values()) {
      if (entry instanceof SimInode) yield entry;
      else yield* this.#inodes(entry);
    }
  }

  /** Throws when `fail` has something against this call. */
  check(operation: DiskOperation, path: string, tried: string, position = 0, bytes = 0): void {
    this.beforeOperation?.(operation, path, position, bytes);
    for (const failure of this.#failures) {
      if (failure.operation !== operation || failure.left <= 0 || failure.path?.(path) === false) continue;
      failure.left--;
      throw new Fault(failure.code, `${tried}: ${failure.code}: injected fault`);
    }
  }

  /** Reserves pages; returns how many of them there is room for. */
  allocate(pages: number): number {
    const room = Math.floor(this.faults.capacityBytes / PAGE_BYTES) - this.#usedPages;
    const given = Math.max(0, Math.min(pages, room));
    this.#usedPages += given;
    return given;
  }

  free(pages: number): void {
    this.#usedPages -= pages;
  }

  space(): DiskSpace {
    const totalBytes = this.faults.capacityBytes;
    const usedBytes = this.#usedPages * PAGE_BYTES;
    return { totalBytes, freeBytes: Math.max(0, totalBytes - usedBytes), usedBytes };
  }

  // --------------------------------------------------------------------------------------------------------- tree

  /** The file at `path`, made when absent and `create` is set. */
  inode(path: string, create: boolean, tried: string): SimInode {
    const { directory, name } = this.#parent(path, tried);
    const found = name === "" ? directory : directory.entries.get(name);
    if (found instanceof Directory) throw new Fault("EISDIR", `${tried}: EISDIR: it is a directory`);
    if (found !== undefined) return found;
    if (!create) throw new Fault("ENOENT", `${tried}: ENOENT: there is no such file`);
    const inode = new SimInode(this, this.#tracksDurability);
    this.#enter(directory, name, inode);
    return inode;
  }

  stat(path: string): FileStat | undefined {
    const entry = this.#find(path);
    if (entry === undefined) return undefined;
    if (entry instanceof SimInode) {
      const allocatedBytes = entry.pageCount * PAGE_BYTES;
      return { kind: "file", size: entry.size, modifiedMs: entry.modifiedMs, allocatedBytes };
    }
    return { kind: "directory", size: PAGE_BYTES, modifiedMs: 0 };
  }

  list(path: string): string[] {
    const entry = this.#find(path);
    if (entry === undefined) return [];
    if (entry instanceof SimInode) throw new Fault("ENOTDIR", `Cannot list "${path}": ENOTDIR: it is a file`);
    return [...entry.entries.keys()].sort();
  }

  makeDirectory(path: string, tried: string): void {
    let at = this.#root;
    for (const name of namesOf(path)) {
      let next = at.entries.get(name);
      if (next === undefined) {
        next = new Directory();
        this.#enter(at, name, next);
      }
      if (next instanceof SimInode) throw new Fault("ENOTDIR", `${tried}: ENOTDIR: "${name}" is a file`);
      at = next;
    }
  }

  rename(from: string, to: string, tried: string): void {
    const source = this.#parent(from, tried);
    const entry = source.directory.entries.get(source.name);
    if (entry === undefined) throw new Fault("ENOENT", `${tried}: ENOENT: there is no such file`);
    const target = this.#parent(to, tried);
    const replaced = target.directory.entries.get(target.name);
    if (replaced === entry) return;
    if (replaced instanceof Directory && (entry instanceof SimInode || replaced.entries.size > 0)) {
      throw new Fault("ENOTEMPTY", `${tried}: ENOTEMPTY: there is a directory in the way`);
    }
    if (replaced instanceof SimInode) {
      if (entry instanceof Directory) throw new Fault("ENOTDIR", `${tried}: ENOTDIR: there is a file in the way`);
      replaced.unlinked();
    }
    // The new name first: an ordered journal never shows a moment at which the file has neither.
    this.#enter(target.directory, target.name, entry);
    this.#enter(source.directory, source.name, undefined);
  }

  /** Silent when absent. */
  remove(path: string, tried: string): void {
    const entry = this.#find(path);
    if (entry === undefined) return;
    if (entry instanceof Directory) throw new Fault("EISDIR", `${tried}: EISDIR: it is a directory`);
    const { directory, name } = this.#parent(path, tried);
    entry.unlinked();
    this.#enter(directory, name, undefined);
  }

  /** Silent when absent. */
  removeTree(path: string, tried: string): void {
    const entry = this.#find(path);
    if (entry === undefined || entry === this.#root) return;
    if (entry instanceof Directory) {
      for (const name of [...entry.entries.keys()]) this.removeTree(`${path}/${name}`, tried);
      const { directory, name } = this.#parent(path, tried);
      this.#enter(directory, name, undefined);
    } else {
      this.remove(path, tried);
    }
  }

  syncDirectory(path: string, tried: string): void {
    const entry = this.#find(path);
    if (entry === undefined) throw new Fault("ENOENT", `${tried}: ENOENT: there is no such directory`);
    if (entry instanceof SimInode) throw new Fault("ENOTDIR", `${tried}: ENOTDIR: it is a file`);
    entry.durable = new Map(entry.entries);
    entry.unsynced = [];
  }

  #enter(directory: Directory, name: string, entry: Entry | undefined): void {
    if (entry === undefined) directory.entries.delete(name);
    else directory.entries.set(name, entry);
    if (this.#tracksDurability) directory.unsynced.push({ name, entry });
  }

  #find(path: string): Entry | undefined {
    let at: Entry = this.#root;
    for (const name of namesOf(path)) {
      if (at instanceof SimInode) return undefined;
      const next = at.entries.get(name);
      if (next === undefined) return undefined;
      at = next;
    }
    return at;
  }

  #parent(path: string, tried: string): { directory: Directory; name: string } {
    const names = namesOf(path);
    const name = names.pop() ?? "";
    const directory = this.#find(names.join("/"));
    if (directory === undefined) throw new Fault("ENOENT", `${tried}: ENOENT: there is no directory "/${names.join("/")}"`);
    if (directory instanceof SimInode) throw new Fault("ENOTDIR", `${tried}: ENOTDIR: "/${names.join("/")}" is a file`);
    return { directory, name };
  }
}

/** `/a//b/../c` is a, c. A relative path begins at the root, which is every simulated process's directory. */
function namesOf(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}
