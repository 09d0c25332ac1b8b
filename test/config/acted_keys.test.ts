/**
 * The tables say which keys are acted on; the code has the last word. A key that the table calls acted on is read somewhere
 * in core, and one that is said to be without effect is read nowhere: else the warning at start would lie.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { configurationReference } from "../../cli/configuration_reference.ts";
import { brokerOptions } from "../../core/broker/options.ts";
import { namesrvOptions } from "../../core/namesrv/options.ts";

const core = new URL("../../core/", import.meta.url);

/** Sources of core without the tables themselves, without comments and texts. */
function sourcesOfCore(directory: URL = core): { file: string; code: string }[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const url = new URL(entry.name, directory);
    if (entry.isDirectory()) return sourcesOfCore(new URL(`${entry.name}/`, directory));
    if (!entry.name.endsWith(".ts") || /^(idle_|netty_|auth_|controller_)?options\.ts$/.test(entry.name)) return [];
    return [{ file: url.pathname.slice(core.pathname.length), code: withoutWords(readFileSync(url, "utf8")) }];
  });
}

function withoutWords(source: string): string {
  return (
    source
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/\/\/[^\n]*/g, "")
      // A key with dots is read as settings["tls.enable"].
      .replace(/\["([\w.]+)"\]/g, ".$1 ")
      .replace(/"(?:[^"\\\n]|\\.)*"/g, '""')
      .replace(/`(?:[^`\\]|\\.)*`/g, (template) => (template.match(/\$\{[^}]*\}/g) ?? []).join(" "))
  );
}

const sources = sourcesOfCore();
const readers = (key: string, form: (key: string) => RegExp): string[] =>
  sources.filter(({ code }) => code.includes(key) && form(key).test(code)).map(({ file }) => file);

/** `settings.key`, or a name taken out of settings. */
const anyUse = (key: string): RegExp => new RegExp(`\\b${key}\\b`);
const settingUse = (key: string): RegExp =>
  new RegExp(`[sS]ettings(\\(\\))?\\.${key}\\b|\\{[^{}]*\\b${key}\\b[^{}]*\\} = [^;]*[sS]ettings\\b`);

describe.each([
  ["broker.conf", brokerOptions, "namesrv/"],
  ["namesrv.conf", namesrvOptions, "broker/"],
] as const)("the keys of %s", (_name, table, otherRole) => {
  const rows = Object.entries(table);

  test("that are acted on are read somewhere", () => {
    const unread = rows.filter(([key, option]) => option.acted && readers(key, anyUse).length === 0).map(([key]) => key);
    expect(unread.filter((key) => !BY_THE_TABLE.has(key))).toEqual([]);
  });

  test("that are without effect are read nowhere", () => {
    const idle = rows.filter(([, option]) => !option.acted).map(([key]) => [key, readers(key, settingUse)] as const);
    // A key of both files may act in one role alone: the nameserver's file has those of Apache's controller.
    const read = idle.map(([key, files]) => [key, files.filter((file) => !file.startsWith(otherRole))] as const);
    expect(read.filter(([, files]) => files.length > 0)).toEqual([]);
  });
});

/** Their effect is in the table itself: what can't be served is refused (storeType), or only told (rocketmqHome). */
const BY_THE_TABLE: ReadonlySet<string> = new Set(["rocketmqHome", "storeType", "configManagerVersion"]);

test("docs/configuration.md is what the tables say (npm run docs)", () => {
  expect(readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8")).toBe(configurationReference());
});
