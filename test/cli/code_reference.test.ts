import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { codeReference } from "../../cli/code_reference.ts";
import { REQUESTS } from "../../wire/requests.ts";

describe("docs/codes.md", () => {
  test("is what the table says (npm run docs)", () => {
    expect(readFileSync(new URL("../../docs/codes.md", import.meta.url), "utf8")).toBe(codeReference());
  });

  test("names every code once", () => {
    const text = codeReference();
    for (const [name, { code }] of Object.entries(REQUESTS)) {
      expect(text.split("\n").filter((line) => line.startsWith(`| ${code} | ${name} |`))).toHaveLength(1);
    }
  });
});
