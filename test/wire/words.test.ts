/** Words compared as doubles, and the two kinds of them that are no numbers like others. */
import { describe, expect, test } from "bun:test";
import { holdsZeroWord, isSameWord } from "../../wire/words.ts";

const viewOf = (bytes: readonly number[]): DataView => new DataView(Uint8Array.from(bytes).buffer);

describe("words", () => {
  test("differ in any bit", () => {
    const word = [0x75, 0x30, 0x30, 0x30, 0x31, 0x46, 0x44, 0x30];
    expect(isSameWord(viewOf([0, ...word]), 1, viewOf(word), 0)).toBe(true);
    for (let bit = 0; bit < 64; bit++) {
      const other = word.with(bit >> 3, (word[bit >> 3] as number) ^ (1 << (bit & 7)));
      expect(isSameWord(viewOf(word), 0, viewOf(other), 0)).toBe(false);
    }
  });

  test("of a NaN are not the same as themselves: who asks looks at their bytes", () => {
    const nan = [1, 2, 3, 4, 5, 6, 0xf7, 0x7f];
    expect(isSameWord(viewOf(nan), 0, viewOf(nan), 0)).toBe(false);
  });

  test("of either zero are found wherever they are", () => {
    const zeros = [0, 0, 0, 0, 0, 0, 0];
    for (const [bytes, holds] of [
      [[...zeros, 0], true],
      [[...zeros, 0x80], true],
      [[1, 2, 3, ...zeros, 0x80, 4], true],
      [[...zeros, 1], false],
      [zeros, false],
      [[0x80, ...zeros], false],
      [[...zeros, 1, ...zeros], false],
    ] as const) {
      expect([bytes, holdsZeroWord(Uint8Array.from(bytes))]).toEqual([bytes, holds]);
    }
  });
});
