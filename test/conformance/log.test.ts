/** One line a fact. */
import { describe, expect, test } from "bun:test";
import { consoleLog, type LogLevel } from "../../adapters/shared/log.ts";

function logTo(lines: string[], level?: LogLevel) {
  const write = (line: string) => void lines.push(line);
  return consoleLog({ write, now: () => Date.UTC(2026, 0, 31, 8, 15), ...(level === undefined ? {} : { level }) });
}

describe("the console log", () => {
  test("writes time, level, message and fields", () => {
    const lines: string[] = [];
    logTo(lines).info("Broker registered", { broker: "broker-a", port: 10911, offset: 2n ** 60n, ok: true, absent: undefined });
    expect(lines).toEqual([
      "2026-01-31T08:15:00.000Z INFO  Broker registered broker=broker-a port=10911 offset=1152921504606846976 ok=true",
    ]);
  });

  test("writes its level and what is graver", () => {
    const lines: string[] = [];
    const log = logTo(lines, "warn");
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
    expect(lines.map((line) => line.slice(25))).toEqual(["WARN  w", "ERROR e"]);
  });

  test("nobody forges a line or a field", () => {
    const lines: string[] = [];
    logTo(lines).warn("Bad name\nfrom a client", { name: "a b\r\nERROR x=1", empty: "", esc: "\u001b[31m", ls: "\u2028" });
    expect(lines.length).toBe(1);
    expect(lines[0]).toBe(
      '2026-01-31T08:15:00.000Z WARN  Bad name\\u000afrom a client name="a b\\r\\nERROR x=1" empty="" esc="\\u001b[31m" ls="\\u2028"',
    );
  });
});
