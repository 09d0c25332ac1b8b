/**
 * The slots of the index file that is being filled, in memory: for each the number of its newest entry, 0 none. Five million of
 * them are the largest thing that a broker keeps for good, so a slot has three bytes for as long as numbers fit them; a page in
 * which one does not is widened to four. Little-endian, and nothing like that on the disk.
 */

/** Slots of a page: 4 KiB on the disk. */
export const PAGE_SLOTS = 1024;
export const PAGE_BITS = 10;
const NARROW_BYTES = 3;
const WIDE_BYTES = 4;
/** The largest number of three bytes. */
const NARROW_MAX = 0xff_ffff;

export class SlotPages {
  readonly #pages: (Uint8Array | undefined)[] = [];

  has(pageNumber: number): boolean {
    return this.#pages[pageNumber] !== undefined;
  }

  /** A page of slots without entries. */
  add(pageNumber: number): void {
    this.#pages[pageNumber] = new Uint8Array(PAGE_SLOTS * NARROW_BYTES);
  }

  /** @param slot of a page that is there */
  get(slot: number): number {
    const page = this.#pages[slot >>> PAGE_BITS] as Uint8Array;
    const width = page.length >>> PAGE_BITS;
    const at = (slot & (PAGE_SLOTS - 1)) * width;
    const low = (page[at] as number) | ((page[at + 1] as number) << 8) | ((page[at + 2] as number) << 16);
    return width === WIDE_BYTES ? low | ((page[at + 3] as number) << 24) : low;
  }

  /**
   * Writes a page that is there as it is on the disk.
   * @param count slots of it that the file has
   * @param from numbers from here on are not written, but what `before` makes of them
   */
  write(pageNumber: number, count: number, target: DataView, at: number, from: number, before: (entry: number) => number): void {
    const page = this.#pages[pageNumber] as Uint8Array;
    const width = page.length >>> PAGE_BITS;
    for (let slot = 0, byte = 0; slot < count; slot++, byte += width) {
      let entry = (page[byte] as number) | ((page[byte + 1] as number) << 8) | ((page[byte + 2] as number) << 16);
      if (width === WIDE_BYTES) entry |= (page[byte + 3] as number) << 24;
      target.setInt32(at + slot * WIDE_BYTES, entry < from ? entry : before(entry));
    }
  }

  /** @param slot of a page that is there. @param entry 0..2^31 - 1 */
  set(slot: number, entry: number): void {
    const pageNumber = slot >>> PAGE_BITS;
    let page = this.#pages[pageNumber] as Uint8Array;
    if (entry > NARROW_MAX && page.length < PAGE_SLOTS * WIDE_BYTES) {
      page = widened(page);
      this.#pages[pageNumber] = page;
    }
    const width = page.length >>> PAGE_BITS;
    const at = (slot & (PAGE_SLOTS - 1)) * width;
    page[at] = entry;
    page[at + 1] = entry >>> 8;
    page[at + 2] = entry >>> 16;
    if (width === WIDE_BYTES) page[at + 3] = entry >>> 24;
  }
}

function widened(narrow: Uint8Array): Uint8Array {
  const wide = new Uint8Array(PAGE_SLOTS * WIDE_BYTES);
  for (let slot = 0; slot < PAGE_SLOTS; slot++) {
    for (let byte = 0; byte < NARROW_BYTES; byte++) {
      wide[slot * WIDE_BYTES + byte] = narrow[slot * NARROW_BYTES + byte] as number;
    }
  }
  return wide;
}
