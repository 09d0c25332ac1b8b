/** Slots of an index file in memory: three bytes each, or four. */
import { describe, expect, test } from "bun:test";
import { PAGE_SLOTS, SlotPages } from "../../core/store/index_slots.ts";

describe("slots", () => {
  test("hold what was put, beside neighbours of any size, before and after a page is widened", () => {
    const pages = new SlotPages();
    const expected = new Map<number, number>();
    for (const page of [0, 3, 4_882]) pages.add(page);
    const numbers = [1, 255, 256, 65_535, 65_536, 0xff_ffff, 0x100_0000, 20_000_000, 0x7fff_ffff, 0, 7];
    for (let round = 0; round < 3; round++) {
      for (const page of [0, 3, 4_882]) {
        for (let index = 0; index < PAGE_SLOTS; index += page === 3 ? 1 : 341) {
          const slot = page * PAGE_SLOTS + index;
          // Of the first page all fit three bytes.
          const number = numbers[(index + round) % (page === 0 ? 6 : numbers.length)] as number;
          pages.set(slot, number);
          expected.set(slot, number);
        }
      }
      for (const [slot, number] of expected) expect(pages.get(slot)).toBe(number);
    }
  });

  test.each([
    { name: "three bytes", largest: 0xff_ffff },
    { name: "four bytes", largest: 0x7fff_ffff },
  ])("of $name are written big-endian, as many as asked for, and what is too new as what was before it", ({ largest }) => {
    const pages = new SlotPages();
    pages.add(7);
    const numbers = [0, 1, 0x01_02_03, 0xff_fffe, largest];
    for (let index = 0; index < PAGE_SLOTS; index++) pages.set(7 * PAGE_SLOTS + index, numbers[index % 5] as number);
    const target = new Uint8Array(8 + 4 * PAGE_SLOTS).fill(0xee);
    const asked: number[] = [];
    pages.write(7, 9, new DataView(target.buffer), 8, 0xff_ffff, (entry) => {
      asked.push(entry);
      return 5;
    });
    const expected = [0, 1, 0x01_02_03, 0xff_fffe, 5, 0, 1, 0x01_02_03, 0xff_fffe];
    expect(expected.map((_, i) => new DataView(target.buffer).getInt32(8 + 4 * i))).toEqual(expected);
    expect(asked).toEqual([largest]);
    expect([...target.subarray(0, 8), ...target.subarray(8 + 4 * 9)].every((byte) => byte === 0xee)).toBe(true);
  });

  test("of a page that is not there are told apart from empty ones", () => {
    const pages = new SlotPages();
    expect(pages.has(2)).toBe(false);
    pages.add(2);
    expect(pages.has(2)).toBe(true);
    expect(pages.has(1)).toBe(false);
    for (let slot = 2 * PAGE_SLOTS; slot < 3 * PAGE_SLOTS; slot++) expect(pages.get(slot)).toBe(0);
  });
});
