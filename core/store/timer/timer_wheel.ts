/**
 * TimerWheel (file `timerwheel`): a ring of slots, one for each step of timerPrecisionMs, that holds where the units of that
 * time are in the timer log.
 *
 * ```
 *  0 int64 timeMs / precision    16 int64 position of the last unit    28 int32 magic (0)
 *  8 int64 position of the first 24 int32 number of units
 * ```
 * 14 days of 86,400 slots. A slot belongs to a time only if it says so: what a time left behind is what another finds. A
 * slot that has fired stays as it is.
 *
 * The wheel is on the disk. Pages of it that are used are in memory, `PAGES_MAX` of them (the window of two days has 1,350);
 * they are written by `writePages`, after the units that they point at.
 */
import { readInt32, readInt64, writeInt32, writeInt64 } from "../../../wire/bytes.ts";
import type { FileHandle, Files } from "../../runtime.ts";

/** Slots that a message may be ahead; the ring has twice as many. */
export const TIMER_SLOTS_TOTAL = 7 * 86_400;
/** Slots kept free between the longest delay and what is overwritten. */
export const TIMER_BLANK_SLOTS = 60;
export const TIMER_RING_SLOTS = TIMER_SLOTS_TOTAL * 2;

const SLOT_BYTES = 32;
const WHEEL_BYTES = TIMER_RING_SLOTS * SLOT_BYTES;
const PAGE_BYTES = 4096;
const PAGE_SLOTS = PAGE_BYTES / SLOT_BYTES;
/** 8 MiB. */
const PAGES_MAX = 2048;
/** Read at once when slots are searched. */
const SEARCH_PAGES = 64;

export interface TimerSlot {
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Messages that wait: cancelling ones count -1. */
  readonly num: number;
  readonly magic: number;
}

interface Page {
  readonly bytes: Uint8Array;
  changed: boolean;
}

/** Copies of pages that changed. */
export type ChangedPages = ReadonlyMap<number, Uint8Array>;

export class TimerWheel {
  readonly precisionMs: number;
  readonly #files: Files;
  readonly #path: string;
  readonly #pages = new Map<number, Page>();
  #handle: FileHandle | undefined;
  /** Written and not synced, or made. */
  #unsynced = false;
  #made = false;

  constructor(files: Files, path: string, precisionMs: number) {
    this.#files = files;
    this.#path = path;
    this.precisionMs = precisionMs;
  }

  /**
   * Opens the file; makes it, full of unused slots, when it is absent.
   * @returns true when it was there
   * @throws Error naming the file when it has another size.
   */
  open(): boolean {
    const size = this.#files.stat(this.#path)?.size ?? 0;
    if (size !== 0 && size !== WHEEL_BYTES) {
      throw new Error(
        `Cannot open the timer wheel: "${this.#path}" has ${size} bytes and must have ${WHEEL_BYTES}. ` +
          "Move it away to have it made again from the timer log",
      );
    }
    this.#handle = this.#files.open(this.#path, { create: true });
    if (size === WHEEL_BYTES) return true;
    this.#handle.truncate(WHEEL_BYTES);
    this.#unsynced = true;
    this.#made = true;
    return false;
  }

  /** Makes all slots unused. */
  clear(): void {
    this.#pages.clear();
    this.#file.truncate(0);
    this.#file.truncate(WHEEL_BYTES);
    this.#unsynced = true;
  }

  /** The slot's time: `timeMs` without what is less than a step. */
  slotTime(timeMs: number): number {
    return timeMs - (timeMs % this.precisionMs);
  }

  /** Brings the slots of `times` into memory, off the event loop; `slot` and `put` of them wait for no disk then. */
  async prepare(times: Iterable<number>): Promise<void> {
    const missing = new Set<number>();
    for (const time of times) if (!this.has(time)) missing.add(Math.floor(this.#index(time) / PAGE_SLOTS));
    for (const page of missing) {
      const bytes = new Uint8Array(PAGE_BYTES);
      await this.#file.read(bytes, page * PAGE_BYTES);
      if (!this.#pages.has(page)) this.#keep(page, { bytes, changed: false });
    }
  }

  /** The slot is in memory. */
  has(timeMs: number): boolean {
    return this.#pages.has(Math.floor(this.#index(timeMs) / PAGE_SLOTS));
  }

  /** Undefined when nothing ever waited for this time. */
  slot(timeMs: number): TimerSlot | undefined {
    const index = this.#index(timeMs);
    const { bytes } = this.#page(Math.floor(index / PAGE_SLOTS));
    const at = (index % PAGE_SLOTS) * SLOT_BYTES;
    return readInt64(bytes, at) === Math.floor(timeMs / this.precisionMs) ? slotAt(bytes, at) : undefined;
  }

  put(timeMs: number, { firstPosition, lastPosition, num, magic }: TimerSlot): void {
    const index = this.#index(timeMs);
    const page = this.#page(Math.floor(index / PAGE_SLOTS));
    const at = (index % PAGE_SLOTS) * SLOT_BYTES;
    writeInt64(page.bytes, at, Math.floor(timeMs / this.precisionMs));
    writeInt64(page.bytes, at + 8, firstPosition);
    writeInt64(page.bytes, at + 16, lastPosition);
    writeInt32(page.bytes, at + 24, num);
    writeInt32(page.bytes, at + 28, magic);
    page.changed = true;
  }

  /** The first time of `[from, to)` that something waits or waited for; undefined when there is none. */
  async nextUsed(from: number, to: number): Promise<number | undefined> {
    for (let time = from; time < to; ) {
      const index = this.#index(time);
      const page = Math.floor(index / PAGE_SLOTS);
      if (!this.#pages.has(page)) {
        if (to - time <= this.precisionMs * PAGE_SLOTS) await this.prepare([time]);
        else await this.#readAhead(page);
      }
      const bytes = this.#page(page).bytes;
      const pageEnd = time + (PAGE_SLOTS - (index % PAGE_SLOTS)) * this.precisionMs;
      for (let at = (index % PAGE_SLOTS) * SLOT_BYTES; time < Math.min(to, pageEnd); at += SLOT_BYTES) {
        if (readInt64(bytes, at) === time / this.precisionMs) return time;
        time += this.precisionMs;
      }
    }
    return undefined;
  }

  /** Pages that changed since they were last taken, as they are now. */
  takeChanged(): ChangedPages {
    const taken = new Map<number, Uint8Array>();
    for (const [number, page] of this.#pages) {
      if (!page.changed) continue;
      page.changed = false;
      taken.set(number, page.bytes.slice());
    }
    return taken;
  }

  /** Pages that could not be written count as changed again. */
  giveBack(pages: ChangedPages): void {
    for (const number of pages.keys()) this.#page(number).changed = true;
  }

  /** Writes pages and syncs the file. @throws RuntimeFault */
  async writePages(pages: ChangedPages): Promise<void> {
    const numbers = [...pages.keys()].sort((a, b) => a - b);
    for (let from = 0; from < numbers.length; ) {
      let to = from + 1;
      while (to < numbers.length && numbers[to] === (numbers[to - 1] as number) + 1 && to - from < SEARCH_PAGES) to++;
      const run = new Uint8Array((to - from) * PAGE_BYTES);
      for (let i = from; i < to; i++) run.set(pages.get(numbers[i] as number) as Uint8Array, (i - from) * PAGE_BYTES);
      await this.#file.write(run, (numbers[from] as number) * PAGE_BYTES);
      this.#unsynced = true;
      from = to;
    }
    if (!this.#unsynced) return;
    await this.#file.dataSync();
    if (this.#made) this.#files.syncDirectory(this.#path.slice(0, this.#path.lastIndexOf("/")) || "/");
    this.#made = false;
    this.#unsynced = false;
  }

  close(): void {
    this.#handle?.close();
    this.#handle = undefined;
    this.#pages.clear();
  }

  get #file(): FileHandle {
    if (this.#handle === undefined) throw new Error(`the timer wheel "${this.#path}" is not open`);
    return this.#handle;
  }

  #index(timeMs: number): number {
    return Math.floor(timeMs / this.precisionMs) % TIMER_RING_SLOTS;
  }

  #page(number: number): Page {
    const found = this.#pages.get(number);
    if (found !== undefined) return found;
    const page = { bytes: new Uint8Array(PAGE_BYTES), changed: false };
    this.#file.readSync(page.bytes, number * PAGE_BYTES);
    this.#keep(number, page);
    return page;
  }

  async #readAhead(first: number): Promise<void> {
    const count = Math.min(SEARCH_PAGES, TIMER_RING_SLOTS / PAGE_SLOTS - first);
    const bytes = new Uint8Array(count * PAGE_BYTES);
    await this.#file.read(bytes, first * PAGE_BYTES);
    for (let i = 0; i < count; i++) {
      if (!this.#pages.has(first + i)) {
        this.#keep(first + i, { bytes: bytes.slice(i * PAGE_BYTES, (i + 1) * PAGE_BYTES), changed: false });
      }
    }
  }

  /** The oldest page that has nothing to be written gives way. */
  #keep(number: number, page: Page): void {
    if (this.#pages.size >= PAGES_MAX) {
      for (const [oldest, { changed }] of this.#pages) {
        if (changed) continue;
        this.#pages.delete(oldest);
        break;
      }
    }
    this.#pages.set(number, page);
  }
}

function slotAt(bytes: Uint8Array, at: number): TimerSlot {
  return {
    firstPosition: readInt64(bytes, at + 8),
    lastPosition: readInt64(bytes, at + 16),
    num: readInt32(bytes, at + 24),
    magic: readInt32(bytes, at + 28),
  };
}
