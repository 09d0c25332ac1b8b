/** Reads the golden files of `test/golden`: lines of columns separated by TAB, `#` begins a comment. */
import { readFileSync } from "node:fs";

export function goldenRows(file: string): string[][] {
  const text = readFileSync(new URL(`../golden/${file}`, import.meta.url), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split("\t"));
}

/** Rows of one kind (first column), without it. */
export const goldenRowsOf = (file: string, kind: string): string[][] =>
  goldenRows(file)
    .filter((row) => row[0] === kind)
    .map((row) => row.slice(1));

/** Blanks are passed over. */
export function bytesOf(hex: string): Uint8Array {
  const digits = hex.replace(/\s/g, "");
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export function hexOf(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}
