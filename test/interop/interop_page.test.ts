import { describe, expect, test } from "bun:test";
import { interopPage } from "./interop_page.ts";
import type { Outcome, Result } from "./results.ts";

const passed: Outcome = { outcome: "passed", section: "Sending", order: 1 };
const result = (more: Partial<Result> = {}): Result => ({
  target: "bun",
  client: "5.5.0",
  serialize: "JSON",
  date: "2026-01-02",
  complete: true,
  cases: { send: passed },
  ...more,
});
const rowOf = (page: string, name: string): string | undefined => page.split("\n").find((line) => line.startsWith(`| ${name} |`));

describe("docs/interop.md", () => {
  test("has a mark for each client and serialization, and the day", () => {
    const older: Outcome = { outcome: "skipped", section: "Sending", order: 0, why: "clients before 5.0 | know nothing" };
    const page = interopPage(
      [result(), result({ target: "node", client: "4.9.8", serialize: "ROCKETMQ", cases: { send: passed, later: older } })],
      "",
    );
    expect(rowOf(page, "send")).toBe("| send | · | ✓··· | · | ···✓ |  |");
    expect(rowOf(page, "later")).toBe("| later | · | · | · | ···– | clients before 5.0 \\| know nothing |");
    expect(rowOf(page, "5.5.0 JSON")).toBe("| 5.5.0 JSON | · | 1 ✓ (2026-01-02) | · | · |");
    expect(rowOf(page, "4.9.8 ROCKETMQ")).toBe("| 4.9.8 ROCKETMQ | · | · | · | 1 ✓, 1 – (2026-01-02) |");
    expect(page.indexOf("| later |")).toBeLessThan(page.indexOf("| send |"));
    expect(interopPage([], page)).toBe(page);
  });

  test("keeps what was not run since, and forgets what a newer run says otherwise", () => {
    const fault: Outcome = { outcome: "failed", section: "Sending", order: 1, why: "not within 20 s" };
    const before = interopPage([result({ cases: { send: fault } }), result({ target: "apache" })], "");
    expect(rowOf(before, "send")).toBe("| send | ✓··· | ✗··· | · | · | Bun, 5.5.0 JSON: not within 20 s |");
    const again: Outcome = { ...passed, outcome: "again", why: "slow" };
    const page = interopPage([result({ date: "2026-01-03", cases: { send: again, more: passed } })], before);
    expect(rowOf(page, "send")).toBe("| send | ✓··· | ✓··· | · | · | Bun, 5.5.0 JSON: at the second try; first slow |");
    expect(rowOf(page, "5.5.0 JSON")).toBe("| 5.5.0 JSON | 1 ✓ (2026-01-02) | 2 ✓ (2026-01-03) | · | · |");
  });

  test("drops what a run of all cases does not know; servers that differ have one mark", () => {
    const before = interopPage([result({ cases: { send: passed, gone: passed } })], "");
    const tls = result({ servers: "tls", complete: false, cases: { send: { ...passed, differs: "greets" } } });
    const page = interopPage([result(), tls], before);
    expect(rowOf(page, "gone")).toBeUndefined();
    expect(page).toContain(
      "## Servers: tls\n\n| | Apache | Bun | Deno | Node | |\n|---|---|---|---|---|---|\n| send | · | ✓ | · | · | Bun: greets |",
    );
  });
});
