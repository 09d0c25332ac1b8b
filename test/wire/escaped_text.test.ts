/** A text with escapes kept as a pattern: which texts are of its form, and what is read of those. */
import { describe, expect, test } from "bun:test";
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { EscapedText } from "../../wire/escaped_text.ts";

const KEPT = String.raw`KEYS\u0001order 0001 é\u0002A\u0001\"b\"\u0002`;

function keeping(raw: string): EscapedText {
  const kept = new EscapedText();
  kept.keep(encodeUtf8(raw), encodeUtf8(JSON.parse(`"${raw}"`) as string));
  return kept;
}

/** Reads `raw` amid other bytes, its closing quote the last before the limit. */
function read(kept: EscapedText, raw: string): string | undefined {
  const text = encodeUtf8(`x"${raw}"`);
  const bytes = new Uint8Array(text.length + 3).subarray(3);
  bytes.set(text);
  const found = kept.read(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 2, bytes.length);
  return found === undefined ? undefined : decodeUtf8(found);
}

describe("a text is of the form of the one kept", () => {
  test("when letters between the escapes differ, again and again", () => {
    const kept = keeping(KEPT);
    for (const order of ["0001", "0002", "9x_-", "ö12", "0001"]) {
      const raw = KEPT.replace("0001 ", `${order} `);
      expect([raw, read(kept, raw)]).toEqual([raw, JSON.parse(`"${raw}"`)]);
    }
    expect(kept.rawLength).toBe(encodeUtf8(KEPT).length);
  });

  test.each([
    { what: "it is longer", raw: KEPT.replace("0001 ", "00010 ") },
    { what: "it is shorter", raw: KEPT.replace("0001 ", "001 ") },
    { what: "an escape is another", raw: KEPT.replace(String.raw`\u0002A`, String.raw`\u0003A`) },
    { what: "an escape stands elsewhere", raw: KEPT.replace(String.raw`A\u0001`, String.raw`\u0001A`) },
    { what: "an escape takes the place of letters", raw: KEPT.replace("0001 ", String.raw`\n01 `) },
    { what: "it ends before", raw: KEPT.replace("order", 'or"er') },
    { what: "it has a control character", raw: KEPT.replace("order", "or\ter") },
  ])("not when $what; and the next one is read as ever", ({ raw }) => {
    const kept = keeping(KEPT);
    expect(read(kept, raw)).toBeUndefined();
    const next = KEPT.replace("order", "Order");
    expect(read(kept, next)).toBe(JSON.parse(`"${next}"`) as string);
  });

  test("not while none is kept, and not one that is too long to be kept", () => {
    expect(read(new EscapedText(), KEPT)).toBeUndefined();
    const long = `${KEPT}${"x".repeat(1024)}`;
    expect(read(keeping(long), long)).toBeUndefined();
  });
});
