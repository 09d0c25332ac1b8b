/**
 * IndexFile: a hash table on disk from message keys to places in the log.
 *
 *     0  header: int64 beginTimestamp, endTimestamp, beginPhyOffset, endPhyOffset; int32 slots in use, next entry number
 *     40 slots: int32 number of the newest entry of the slot, 0 none
 *     .. entries from number 1: int32 keyHash, int64 physicalOffset, int32 seconds since beginTimestamp, int32 previous entry
 *
 * Of the file that is being filled, the slots are kept in memory, page by page as they are touched (`index_slots.ts`; 15 MB when
 * all are), and new entries in one block; both go to the disk in large writes. `sync` orders them: entries, then slots, then the
 * header, each on the disk before the next is written, and no slot on the disk names an entry that was not there before it.
 * So the header is a point of return: whatever a crash leaves behind it is dispatched again, and a slot that names an entry
 * at or beyond the header's count is followed to one before.
 */
import { readInt32, readInt64, writeInt32, writeInt64 } from "../../wire/bytes.ts";
import type { FileHandle, RuntimeFault } from "../runtime.ts";
import { SyncFault } from "./file_queue.ts";
import { PAGE_BITS, PAGE_SLOTS, SlotPages } from "./index_slots.ts";
import type { OpenFiles } from "./open_files.ts";
import { StoreFile } from "./open_files.ts";

export const INDEX_HEADER_BYTES = 40;
const SLOT_BYTES = 4;
const ENTRY_BYTES = 20;
/** Pages that are written together when they follow each other, or nearly: 256 KiB. */
const RUN_PAGES_MAX = 64;
/**
 * Pages that did not change are written along where no more of them lie between two that did: a write of its own costs 20 to 40 us
 * of CPU, a page 3, and under load two thirds of all pages have changed.
 */
const GAP_PAGES_MAX = 4;
/** Pages that are read together when one of them is touched first: 64 KiB. */
const LOAD_PAGES = 16;
/** Entries gathered before they are written: 64 KiB, about 1,000 messages. */
const BLOCK_ENTRIES = 3276;
/** Entries of a full or old file that a search reads at once: 10 KiB. */
const SEARCH_ENTRIES = 512;

export interface IndexSizes {
  /** maxHashSlotNum */
  readonly slotCount: number;
  /** maxIndexNum; entry 0 is never used. */
  readonly entryCountMax: number;
}

export const indexFileBytes = ({ slotCount, entryCountMax }: IndexSizes): number =>
  INDEX_HEADER_BYTES + slotCount * SLOT_BYTES + entryCountMax * ENTRY_BYTES;

/** `previous` of the entries from `from` on. */
interface PutSince {
  readonly from: number;
  previous: Int32Array;
}

/** Pages that follow each other. */
interface PageRun {
  readonly first: number;
  count: number;
}

/** What the header on the disk says, where a sync has proven it. */
interface SyncedHeader {
  readonly endTimestamp: number;
  readonly endPhyOffset: number;
  readonly usedSlotCount: number;
  readonly nextEntry: number;
}

interface Entry {
  readonly keyHash: number;
  readonly physicalOffset: number;
  readonly seconds: number;
  readonly previous: number;
}

export class IndexFile {
  readonly file: StoreFile;
  beginTimestamp = 0;
  endTimestamp = 0;
  beginPhyOffset = 0;
  endPhyOffset = 0;
  usedSlotCount = 0;
  /** Number of the next entry; 1 in an empty file. */
  nextEntry = 1;

  readonly #open: OpenFiles;
  readonly #sizes: IndexSizes;
  /** Absent pages are as on the disk. Undefined when the file is not being filled. */
  #pages: SlotPages | undefined;
  /** 1 for each page that differs from the disk. */
  readonly #dirtyPages: Uint8Array;
  /** Entries from `#blockFrom` to `nextEntry`. */
  #block: Uint8Array | undefined;
  #blockView: DataView = new DataView(new ArrayBuffer(0));
  #blockFrom = 1;
  /** `nextEntry` of the header on the disk; -1 when that is not known. */
  #syncedEntry = 1;
  /** The rest of that header. */
  #synced: SyncedHeader = { endTimestamp: 0, endPhyOffset: 0, usedSlotCount: 0, nextEntry: 1 };
  /** What the header says is on the disk, but the header itself may be in the page cache only; see `mustSyncAgain`. */
  #mustSync = false;
  /** Nothing more goes in; see `returnToSynced`. */
  #isClosed = false;
  /** While a sync runs: what `previous` the entries got that were put since it began. */
  #since: PutSince | undefined;
  /** False in a file that this process made and fills: a page that is absent in memory is empty on the disk too. */
  #slotsOnDisk = true;

  private constructor(open: OpenFiles, path: string, sizes: IndexSizes) {
    this.#open = open;
    this.file = new StoreFile(path, 0);
    this.#sizes = sizes;
    this.#dirtyPages = new Uint8Array(Math.ceil(sizes.slotCount / PAGE_SLOTS));
  }

  /** @param previous gives a new file its first times and offsets, as in Apache. @throws RuntimeFault */
  static create(open: OpenFiles, path: string, sizes: IndexSizes, previous: IndexFile | undefined): IndexFile {
    const made = new IndexFile(open, path, sizes);
    if (previous !== undefined) {
      made.beginTimestamp = previous.endTimestamp;
      made.endTimestamp = previous.endTimestamp;
      made.beginPhyOffset = previous.endPhyOffset;
      made.endPhyOffset = previous.endPhyOffset;
    }
    const handle = open.open(made.file, true);
    try {
      handle.truncate(indexFileBytes(sizes));
      // Apache, should it open the store after a crash, goes by these: without them it would index messages twice.
      handle.writeSync(made.#header(), 0);
    } catch (error) {
      open.close(made.file);
      open.files.remove(path);
      throw error;
    }
    made.#slotsOnDisk = false;
    return made;
  }

  static load(open: OpenFiles, path: string, sizes: IndexSizes): IndexFile {
    const loaded = new IndexFile(open, path, sizes);
    const header = new Uint8Array(INDEX_HEADER_BYTES);
    open.use(loaded.file).readSync(header, 0);
    loaded.beginTimestamp = readInt64(header, 0);
    loaded.endTimestamp = readInt64(header, 8);
    loaded.beginPhyOffset = readInt64(header, 16);
    loaded.endPhyOffset = readInt64(header, 24);
    loaded.usedSlotCount = readInt32(header, 32);
    loaded.nextEntry = Math.min(Math.max(1, readInt32(header, 36)), sizes.entryCountMax);
    loaded.#syncedEntry = loaded.nextEntry;
    loaded.#synced = loaded.#state();
    loaded.#blockFrom = loaded.nextEntry;
    return loaded;
  }

  get isFull(): boolean {
    return this.#isClosed || this.nextEntry >= this.#sizes.entryCountMax;
  }

  get isEmpty(): boolean {
    return this.nextEntry <= 1;
  }

  get isSynced(): boolean {
    return !this.#mustSync && this.#syncedEntry === this.nextEntry;
  }

  /** Adds an entry; the file is not full. @param keyHash ≥ 0. @throws RuntimeFault when a full block can't be written */
  put(keyHash: number, physicalOffset: number, storeTimestamp: number): void {
    if (this.nextEntry - this.#blockFrom === BLOCK_ENTRIES) this.#writeBlock();
    const slot = keyHash % this.#sizes.slotCount;
    const pageNumber = slot >>> PAGE_BITS;
    const pages = this.#withPage(pageNumber);
    const previous = pages.get(slot);
    if (this.nextEntry === 1) {
      this.beginTimestamp = storeTimestamp;
      this.beginPhyOffset = physicalOffset;
    }
    if (this.#block === undefined) {
      this.#block = new Uint8Array(BLOCK_ENTRIES * ENTRY_BYTES);
      this.#blockView = new DataView(this.#block.buffer);
    }
    const at = (this.nextEntry - this.#blockFrom) * ENTRY_BYTES;
    const seconds = Math.floor((storeTimestamp - this.beginTimestamp) / 1000);
    const high = Math.floor(physicalOffset / 0x1_0000_0000);
    const view = this.#blockView;
    view.setInt32(at, keyHash);
    view.setInt32(at + 4, high);
    view.setInt32(at + 8, physicalOffset - high * 0x1_0000_0000);
    view.setInt32(at + 12, Math.max(0, Math.min(seconds, 0x7fff_ffff)));
    view.setInt32(at + 16, previous);
    pages.set(slot, this.nextEntry);
    this.#dirtyPages[pageNumber] = 1;
    if (previous === 0) this.usedSlotCount++;
    if (this.#since !== undefined) this.#note(this.#since, previous);
    this.nextEntry++;
    this.endPhyOffset = physicalOffset;
    this.endTimestamp = storeTimestamp;
  }

  /** True when the key's newest entries include this offset: the record was indexed in part before a crash. */
  has(keyHash: number, physicalOffset: number): boolean {
    for (let number = this.#newest(keyHash); number > 0; ) {
      const entry = this.#entry(number);
      if (entry.physicalOffset < physicalOffset) return false;
      if (entry.keyHash === keyHash && entry.physicalOffset === physicalOffset) return true;
      number = entry.previous < number ? entry.previous : 0;
    }
    return false;
  }

  /** Takes out the newest entries, those at or behind `physicalOffset`: the log does not reach there any more. */
  cut(physicalOffset: number): void {
    while (this.nextEntry > 1) {
      const last = this.#entry(this.nextEntry - 1);
      if (last.physicalOffset < physicalOffset) {
        this.endPhyOffset = last.physicalOffset;
        this.endTimestamp = this.beginTimestamp + last.seconds * 1000;
        break;
      }
      const slot = last.keyHash % this.#sizes.slotCount;
      this.#withPage(slot >>> PAGE_BITS).set(slot, last.previous);
      this.#dirtyPages[slot >>> PAGE_BITS] = 1;
      if (last.previous === 0) this.usedSlotCount--;
      this.nextEntry--;
    }
    this.#blockFrom = Math.min(this.#blockFrom, this.nextEntry);
    this.#syncedEntry = -1;
  }

  /**
   * Offsets of the key's messages, newest first, appended to `found`. Times are known to the second.
   * @throws RuntimeFault
   */
  async search(keyHash: number, countMax: number, beginTimestamp: number, endTimestamp: number, found: number[]): Promise<void> {
    let cache = new Uint8Array(0);
    let cacheFrom = 0;
    for (let number = await this.#newestLater(keyHash); number > 0 && found.length < countMax; ) {
      let entry: Entry;
      if (number >= this.#blockFrom && this.#block !== undefined) entry = this.#entry(number);
      else {
        if (number < cacheFrom || (number - cacheFrom + 1) * ENTRY_BYTES > cache.length) {
          // Chains go backwards: read what lies before the entry along.
          cacheFrom = Math.max(1, number - SEARCH_ENTRIES + 1);
          cache = new Uint8Array((number - cacheFrom + 1) * ENTRY_BYTES);
          await this.#open.use(this.file).read(cache, this.#entryAt(cacheFrom));
        }
        entry = readEntry(cache, (number - cacheFrom) * ENTRY_BYTES);
      }
      const time = this.beginTimestamp + entry.seconds * 1000;
      const matches = entry.keyHash === keyHash && time + 999 >= beginTimestamp && time <= endTimestamp;
      // Apache's recovery indexes the record at which it begins twice.
      if (matches && !found.includes(entry.physicalOffset)) found.push(entry.physicalOffset);
      if (time + 999 < beginTimestamp) break;
      number = entry.previous < number ? entry.previous : 0;
    }
  }

  /**
   * Puts everything put so far on the disk; see above for the order. Not twice at a time.
   * @throws RuntimeFault when a write fails: call again. SyncFault when a sync does: what was put since the last one that
   * succeeded may be gone from the page cache too; see `returnToSynced`.
   */
  async sync(): Promise<void> {
    if (this.isSynced) return;
    // All of this in one go: what is put from here on marks its page again, and belongs to the next sync.
    const upTo = this.nextEntry;
    const header = this.#header();
    const state = this.#state();
    const dirty: number[] = [];
    for (let page = this.#dirtyPages.indexOf(1); page >= 0; page = this.#dirtyPages.indexOf(1, page + 1)) dirty.push(page);
    this.#dirtyPages.fill(0);
    this.#since = { from: upTo, previous: new Int32Array(BLOCK_ENTRIES) };
    const runs = this.#runsOf(dirty);
    // One buffer for all runs: left to the collector, a table of which each page has changed would be 20 MB of garbage.
    const pagesMax = runs.reduce((most, { count }) => Math.max(most, count), 0);
    const room = new Uint8Array(pagesMax * PAGE_SLOTS * SLOT_BYTES);
    try {
      this.#writeBlock();
      await dataSync(this.#open.use(this.file));
      for (const run of runs) {
        const bytes = this.#pageBytes(room, run, this.#since);
        await this.#open.use(this.file).write(bytes, this.#slotAt(run.first * PAGE_SLOTS));
      }
      await dataSync(this.#open.use(this.file));
      const file = this.#open.use(this.file);
      await file.write(header, 0);
      await dataSync(file);
    } catch (error) {
      for (const page of dirty) this.#dirtyPages[page] = 1;
      throw error;
    } finally {
      this.#since = undefined;
    }
    this.#syncedEntry = upTo;
    this.#synced = state;
    this.#mustSync = false;
  }

  /**
   * A sync failed: gives up what was put since the last one that succeeded, and takes nothing more. What is left is on the
   * disk, as is what its slots name: entries are synced before slots are written, slots before the header. Empty afterwards
   * when no sync ever succeeded. After a crash the header that was found counts as synced, and is written again by the next sync.
   * @returns false when it is not known what is on the disk; nothing has changed then
   */
  returnToSynced(): boolean {
    if (this.#syncedEntry < 0) return false;
    const { endTimestamp, endPhyOffset, usedSlotCount, nextEntry } = this.#synced;
    this.endTimestamp = endTimestamp;
    this.endPhyOffset = endPhyOffset;
    this.usedSlotCount = usedSlotCount;
    this.nextEntry = nextEntry;
    this.#dirtyPages.fill(0);
    this.#isClosed = true;
    this.seal();
    return true;
  }

  /**
   * After a crash: the header of a file with entries of `syncedUntil` or later may be in the page cache only, while the entries
   * and slots that it stands for were on the disk before it was written. True when it may.
   */
  mustSyncAgain(syncedUntil: number): boolean {
    if (this.endTimestamp < syncedUntil) return false;
    this.#mustSync = true;
    return true;
  }

  /**
   * After a crash: frees all slots from entries at or beyond the header's count, which are about to be put again. On the
   * disk, before anything is put: new entries overwrite those through which the slots are followed.
   */
  returnToHeader(): void {
    const block = new Uint8Array(RUN_PAGES_MAX * PAGE_SLOTS * SLOT_BYTES);
    let repaired = 0;
    for (let from = 0; from < this.#sizes.slotCount; from += RUN_PAGES_MAX * PAGE_SLOTS) {
      const count = Math.min(RUN_PAGES_MAX * PAGE_SLOTS, this.#sizes.slotCount - from);
      const slots = block.subarray(0, count * SLOT_BYTES);
      this.#open.use(this.file).readSync(slots, this.#slotAt(from));
      const repairedBefore = repaired;
      for (let at = 0; at < slots.length; at += SLOT_BYTES) {
        const number = readInt32(slots, at);
        if (number < this.nextEntry) continue;
        writeInt32(slots, at, this.#before(number, this.nextEntry));
        repaired++;
      }
      if (repaired > repairedBefore) this.#open.use(this.file).writeSync(slots, this.#slotAt(from));
    }
    if (repaired > 0) this.#open.use(this.file).dataSyncSync();
  }

  /** Gives the memory back; the file is synced and nothing more is put. */
  seal(): void {
    this.#pages = undefined;
    this.#slotsOnDisk = true;
    this.#block = undefined;
    this.#blockFrom = this.nextEntry;
  }

  destroy(): void {
    this.#open.close(this.file);
    this.#open.files.remove(this.file.path);
  }

  #state(): SyncedHeader {
    const { endTimestamp, endPhyOffset, usedSlotCount, nextEntry } = this;
    return { endTimestamp, endPhyOffset, usedSlotCount, nextEntry };
  }

  #header(): Uint8Array {
    const header = new Uint8Array(INDEX_HEADER_BYTES);
    writeInt64(header, 0, this.beginTimestamp);
    writeInt64(header, 8, this.endTimestamp);
    writeInt64(header, 16, this.beginPhyOffset);
    writeInt64(header, 24, this.endPhyOffset);
    writeInt32(header, 32, this.usedSlotCount);
    writeInt32(header, 36, this.nextEntry);
    return header;
  }

  #writeBlock(): void {
    const count = this.nextEntry - this.#blockFrom;
    if (this.#block === undefined || count === 0) return;
    this.#open.use(this.file).writeSync(this.#block.subarray(0, count * ENTRY_BYTES), this.#entryAt(this.#blockFrom));
    this.#blockFrom = this.nextEntry;
  }

  #note(since: PutSince, previous: number): void {
    const at = this.nextEntry - since.from;
    if (at === since.previous.length) {
      const larger = new Int32Array(at * 2);
      larger.set(since.previous);
      since.previous = larger;
    }
    since.previous[at] = previous;
  }

  /** The pages that are written with one write each, in order. @param dirty numbers of those that have to be */
  #runsOf(dirty: readonly number[]): PageRun[] {
    const runs: PageRun[] = [];
    for (const page of dirty) {
      const last = runs.at(-1);
      if (last !== undefined && this.#mayReach(last, page)) last.count = page - last.first + 1;
      else runs.push({ first: page, count: 1 });
    }
    return runs;
  }

  #mayReach(run: PageRun, page: number): boolean {
    const behind = run.first + run.count;
    return page - run.first < RUN_PAGES_MAX && page - behind <= GAP_PAGES_MAX && this.#areHere(behind, page);
  }

  /** Whether the pages `[from, to)` are in memory: others would have to be read to be written. */
  #areHere(from: number, to: number): boolean {
    for (let page = from; page < to; page++) if (this.#pages?.has(page) !== true) return false;
    return true;
  }

  /** Big-endian, in `room`, with every entry number at or beyond `since.from` followed back to one before. */
  #pageBytes(room: Uint8Array, run: PageRun, { from, previous }: PutSince): Uint8Array {
    const slotCount = Math.min(run.count * PAGE_SLOTS, this.#sizes.slotCount - run.first * PAGE_SLOTS);
    const bytes = room.subarray(0, slotCount * SLOT_BYTES);
    const view = new DataView(bytes.buffer);
    const before = (entry: number): number => {
      let number = entry;
      while (number >= from) number = previous[number - from] as number;
      return number;
    };
    for (let i = 0; i < slotCount; i += PAGE_SLOTS) {
      const pageNumber = run.first + (i >>> PAGE_BITS);
      const count = Math.min(PAGE_SLOTS, slotCount - i);
      this.#withPage(pageNumber).write(pageNumber, count, view, i * SLOT_BYTES, from, before);
    }
    return bytes;
  }

  /** The pages, with this one among them. */
  #withPage(pageNumber: number): SlotPages {
    this.#pages ??= new SlotPages();
    const pages = this.#pages;
    if (pages.has(pageNumber)) return pages;
    if (this.#slotsOnDisk) this.#loadPages(pages, pageNumber - (pageNumber % LOAD_PAGES));
    if (!pages.has(pageNumber)) pages.add(pageNumber);
    return pages;
  }

  #loadPages(pages: SlotPages, from: number): void {
    const slotCount = Math.min(LOAD_PAGES * PAGE_SLOTS, this.#sizes.slotCount - from * PAGE_SLOTS);
    const bytes = new Uint8Array(slotCount * SLOT_BYTES);
    this.#open.use(this.file).readSync(bytes, this.#slotAt(from * PAGE_SLOTS));
    for (let i = 0; i < slotCount; i += PAGE_SLOTS) {
      const number = from + (i >>> PAGE_BITS);
      // What is in memory already is newer than the disk.
      if (pages.has(number)) continue;
      pages.add(number);
      const count = Math.min(PAGE_SLOTS, slotCount - i);
      for (let slot = 0; slot < count; slot++) {
        const newest = this.#before(readInt32(bytes, (i + slot) * SLOT_BYTES), this.nextEntry);
        if (newest > 0) pages.set(number * PAGE_SLOTS + slot, newest);
      }
    }
  }

  /** The newest entry of a chain on the disk that lies before `upTo`; 0 when none does. */
  #before(newest: number, upTo: number): number {
    let number = newest;
    while (number >= upTo && number < this.#sizes.entryCountMax) {
      const { previous } = this.#entry(number);
      if (previous >= number) return 0;
      number = previous;
    }
    return number > 0 && number < upTo ? number : 0;
  }

  #newest(keyHash: number): number {
    const slot = keyHash % this.#sizes.slotCount;
    return this.#withPage(slot >>> PAGE_BITS).get(slot);
  }

  async #newestLater(keyHash: number): Promise<number> {
    if (this.#pages !== undefined) return this.#newest(keyHash);
    const bytes = new Uint8Array(SLOT_BYTES);
    await this.#open.use(this.file).read(bytes, this.#slotAt(keyHash % this.#sizes.slotCount));
    return this.#before(readInt32(bytes, 0), this.nextEntry);
  }

  #entry(number: number): Entry {
    if (number >= this.#blockFrom && number < this.nextEntry && this.#block !== undefined) {
      return readEntry(this.#block, (number - this.#blockFrom) * ENTRY_BYTES);
    }
    const bytes = new Uint8Array(ENTRY_BYTES);
    this.#open.use(this.file).readSync(bytes, this.#entryAt(number));
    return readEntry(bytes, 0);
  }

  #slotAt(slot: number): number {
    return INDEX_HEADER_BYTES + slot * SLOT_BYTES;
  }

  #entryAt(number: number): number {
    return INDEX_HEADER_BYTES + this.#sizes.slotCount * SLOT_BYTES + number * ENTRY_BYTES;
  }
}

/** @throws SyncFault */
async function dataSync(handle: FileHandle): Promise<void> {
  try {
    await handle.dataSync();
  } catch (error) {
    throw new SyncFault(error as RuntimeFault);
  }
}

function readEntry(bytes: Uint8Array, at: number): Entry {
  return {
    keyHash: readInt32(bytes, at),
    physicalOffset: readInt64(bytes, at + 4),
    seconds: readInt32(bytes, at + 12),
    previous: readInt32(bytes, at + 16),
  };
}
