/** The content of one simulated file: sparse pages, and, when tracked, what of them a power loss would leave. */
import type { Prng } from "./prng.ts";
import type { Scheduler } from "./scheduler.ts";

export const PAGE_BYTES = 4096;

/** What a page held when it was last durable; undefined for a hole. */
type OldPage = Uint8Array | undefined;

/** Writes between two syncs. */
interface Epoch {
  readonly pages: Map<number, OldPage>;
  /** The size that was durable before. */
  readonly size: number;
  /** Its sync failed: no later sync makes it durable. */
  lost: boolean;
}

/** One of the two is called when it is decided. */
export interface PendingSync {
  succeed(): void;
  fail(): void;
}

/** The disk, as one of its files needs it. */
export interface InodeDisk {
  readonly scheduler: Scheduler;
  /** Reserves pages; returns how many of them there is room for. */
  allocate(pages: number): number;
  free(pages: number): void;
}

export class SimInode {
  size = 0;
  modifiedMs: number;
  readonly #disk: InodeDisk;
  readonly #pages = new Map<number, Uint8Array>();
  readonly #tracksDurability: boolean;
  /** Epochs whose sync is under way or has failed, oldest first. */
  #syncing: Epoch[] = [];
  #dirty: Epoch = { pages: new Map(), size: 0, lost: false };
  #openCount = 0;
  #linked = true;

  constructor(disk: InodeDisk, tracksDurability: boolean) {
    this.#disk = disk;
    this.#tracksDurability = tracksDurability;
    this.modifiedMs = disk.scheduler.now();
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  read(target: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(target.length, this.size - position));
    for (let done = 0; done < length; ) {
      const at = position + done;
      const offset = at % PAGE_BYTES;
      const part = Math.min(length - done, PAGE_BYTES - offset);
      const page = this.#pages.get((at - offset) / PAGE_BYTES);
      if (page === undefined) target.fill(0, done, done + part);
      else target.set(page.subarray(offset, offset + part), done);
      done += part;
    }
    return length;
  }

  /** Returns how many bytes found room on the disk. */
  write(bytes: Uint8Array, position: number): number {
    let done = 0;
    while (done < bytes.length) {
      const at = position + done;
      const offset = at % PAGE_BYTES;
      const part = Math.min(bytes.length - done, PAGE_BYTES - offset);
      const page = this.#pageToWrite((at - offset) / PAGE_BYTES);
      if (page === undefined) break;
      page.set(bytes.subarray(done, done + part), offset);
      done += part;
    }
    if (done > 0) this.size = Math.max(this.size, position + done);
    this.modifiedMs = this.#disk.scheduler.now();
    return done;
  }

  truncate(size: number): void {
    if (size < this.size) {
      const keptPages = Math.ceil(size / PAGE_BYTES);
      for (const [index, page] of this.#pages) {
        if (index < keptPages) continue;
        this.#remember(index, page);
        this.#pages.delete(index);
        this.#disk.free(1);
      }
      const tail = size % PAGE_BYTES;
      if (tail > 0 && this.#pages.has(keptPages - 1)) this.#pageToWrite(keptPages - 1)!.fill(0, tail);
    }
    this.size = size;
    this.modifiedMs = this.#disk.scheduler.now();
  }

  /** What was written up to now is to become durable. */
  beginSync(): PendingSync {
    const epoch = this.#dirty;
    const sizeAtBegin = this.size;
    this.#syncing.push(epoch);
    this.#dirty = { pages: new Map(), size: sizeAtBegin, lost: false };
    return {
      succeed: () => {
        const at = this.#syncing.indexOf(epoch);
        // Everything older is written with it, except what an earlier failure lost and nobody wrote again.
        const lost = this.#syncing.slice(0, Math.max(0, at)).filter((older) => older.lost);
        for (const older of lost) for (const index of epoch.pages.keys()) older.pages.delete(index);
        this.#syncing = [...lost.filter((older) => older.pages.size > 0), ...this.#syncing.slice(at + 1)];
      },
      fail: () => {
        epoch.lost = true;
      },
    };
  }

  losePower(prng: Prng, unsyncedPageKept: number): void {
    const oldest = this.#syncing.find((epoch) => !epoch.lost) ?? this.#dirty;
    let size = oldest.size;
    const old = new Map<number, OldPage>();
    // From the newest to the oldest, so that the oldest content that is durable wins.
    for (const epoch of [...this.#syncing, this.#dirty].reverse()) for (const [index, page] of epoch.pages) old.set(index, page);
    for (const [index, page] of [...old].sort(([a], [b]) => a - b)) {
      const newer = this.#pages.get(index);
      if (newer !== undefined && prng.chance(unsyncedPageKept))
        size = Math.max(size, Math.min(this.size, (index + 1) * PAGE_BYTES));
      else if (page === undefined) this.#pages.delete(index);
      else this.#pages.set(index, page);
    }
    this.size = size;
    this.#syncing = [];
    this.#dirty = { pages: new Map(), size, lost: false };
    // A removal may have been undone, and nobody has the file open any more.
    this.#linked = true;
    this.#openCount = 0;
  }

  opened(): void {
    this.#openCount++;
  }

  closed(): void {
    this.#openCount--;
    this.#freeWhenUnused();
  }

  unlinked(): void {
    this.#linked = false;
    this.#freeWhenUnused();
  }

  /** As on a real disk, the space of a removed file comes back when nobody has it open any more. */
  #freeWhenUnused(): void {
    if (this.#linked || this.#openCount > 0) return;
    this.#disk.free(this.#pages.size);
    // A power loss may bring the entry back, and then the content is needed.
    if (!this.#tracksDurability) this.#pages.clear();
  }

  #pageToWrite(index: number): Uint8Array | undefined {
    let page = this.#pages.get(index);
    this.#remember(index, page);
    if (page === undefined) {
      if (this.#disk.allocate(1) === 0) return undefined;
      page = new Uint8Array(PAGE_BYTES);
      this.#pages.set(index, page);
    }
    return page;
  }

  #remember(index: number, page: OldPage): void {
    if (this.#tracksDurability && !this.#dirty.pages.has(index)) this.#dirty.pages.set(index, page?.slice());
  }
}
