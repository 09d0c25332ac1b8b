import { describe, expect, test } from "bun:test";
import { brokerOptions } from "../../core/broker/options.ts";
import {
  ConfigError,
  changedSettings,
  defaultSettings,
  loadSettings,
  type OptionTable,
  printSettings,
  settingsWith,
} from "../../core/config.ts";
import { namesrvOptions } from "../../core/namesrv/options.ts";
import { parseProperties } from "../../core/properties.ts";
import { fakeSystem } from "./fakes.ts";

const NONE = new Map<string, string>();
const load = (text: string, environment = {}) =>
  loadSettings(brokerOptions, parseProperties(text), NONE, fakeSystem(environment));

function problemsOf(text: string, table: OptionTable = brokerOptions): readonly string[] {
  try {
    loadSettings(table, parseProperties(text), NONE, fakeSystem());
  } catch (fault) {
    if (fault instanceof ConfigError) return fault.problems;
    throw fault;
  }
  return [];
}

describe("loading a file", () => {
  test("Apache's defaults", () => {
    const { settings, warnings } = load("");
    expect(warnings).toEqual([]);
    expect(settings.listenPort).toBe(10911);
    expect(settings.brokerClusterName).toBe("DefaultCluster");
    expect(settings.brokerName).toBe("machine");
    expect(settings.storePathRootDir).toBe("/home/me/store");
    expect(settings.flushDiskType).toBe("ASYNC_FLUSH");
    expect(settings.sendMessageThreadPoolNums).toBe(2);
    expect(settings.pullMessageThreadPoolNums).toBe(20);
    expect(settings.consumerFallbehindThreshold).toBe(17179869184);
    expect(defaultSettings(namesrvOptions, fakeSystem()).listenPort).toBe(9876);
    expect(defaultSettings(namesrvOptions, fakeSystem()).kvConfigPath).toBe("/home/me/namesrv/kvConfig.json");
  });

  test("values of every type, blanks around them ignored", () => {
    const { settings } = load(
      "brokerName=broker-a \nbrokerId=0\nfileReservedTime = 48\nautoCreateTopicEnable=FALSE\nflushDiskType=SYNC_FLUSH",
    );
    expect(settings.brokerName).toBe("broker-a");
    expect(settings.fileReservedTime).toBe(48);
    expect(settings.autoCreateTopicEnable).toBe(false);
    expect(settings.flushDiskType).toBe("SYNC_FLUSH");
  });

  test("keys without effect are one warning a reason, unknown keys one", () => {
    const { warnings } = load(
      "transientStorePoolEnable=true\nsendMessageThreadPoolNums=16\npullMessageThreadPoolNums=32\nfoo=1\nbar=2",
    );
    expect(warnings.length).toBe(3);
    expect(warnings[0]).toMatch(/^transientStorePoolEnable: accepted, has no effect: /);
    expect(warnings[1]).toMatch(/^sendMessageThreadPoolNums, pullMessageThreadPoolNums: accepted, has no effect: /);
    expect(warnings[2]).toBe(
      "foo, bar: accepted, has no effect: not a key of Apache RocketMQ 5.5 or of ours. docs/configuration.md lists all keys",
    );
  });

  test("an unknown key that looks like a slip is a warning of its own that names the key meant", () => {
    const { settings, warnings } = load("flushDisktype=SYNC_FLUSH\nfoo=1\nlistenProt=1\nautoCreateTopicEnabled=false");
    const slip = (key: string, meant: string) =>
      `${key}: accepted, has no effect: not a key of Apache RocketMQ 5.5 or of ours. Is ${meant} meant? docs/configuration.md lists all keys`;
    expect(warnings).toEqual([
      slip("flushDisktype", "flushDiskType"),
      slip("listenProt", "listenPort"),
      slip("autoCreateTopicEnabled", "autoCreateTopicEnable"),
      "foo: accepted, has no effect: not a key of Apache RocketMQ 5.5 or of ours. docs/configuration.md lists all keys",
    ]);
    expect(settings.flushDiskType).toBe("ASYNC_FLUSH");
  });

  test("a key without effect that says what is so anyway is no warning", () => {
    expect(load("transientStorePoolEnable=false\nsendMessageThreadPoolNums=2").warnings).toEqual([]);
  });

  test("access control of either kind has an effect", () => {
    expect(load("authenticationEnabled=true").warnings).toEqual([]);
    expect(load("aclEnable=true").warnings).toEqual([]);
  });

  test.each([
    ["registerNameServerPeriod", "1000", 10_000],
    ["registerNameServerPeriod", "600000", 60_000],
    ["diskMaxUsedSpaceRatio", "5", 10],
    ["diskMaxUsedSpaceRatio", "100", 95],
    ["diskSpaceWarningLevelRatio", "99", 90],
    ["diskSpaceCleanForciblyRatio", "10", 30],
  ] as const)("%s=%s is clamped to %d with a warning, as in Apache", (key, value, clamped) => {
    const { settings, warnings } = load(`${key}=${value}`);
    expect(settings[key]).toBe(clamped);
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain(`${key}=${value} is outside`);
    expect(warnings[0]).toContain(`${clamped} is used`);
  });

  test.each([
    ["listenPort=99999", "a whole number from 0 to 65535"],
    ["listenPort=-1", "a whole number from 0 to 65535"],
    ["listenPort=", "a whole number from 0 to 65535"],
    ["listenPort=10911x", "a whole number"],
    ["listenPort=1e4", "a whole number"],
    ["listenPort=0x2a9f", "a whole number"],
    ["fileReservedTime=3.5", "a whole number"],
    ["fileReservedTime=99999999999", "a whole number"],
    ["consumerFallbehindThreshold=9223372036854775808", "to 9007199254740991"],
    ["brokerId=-9223372036854775808", "from 0 to 9007199254740991"],
    ["timerRocksDBRollMaxTps=fast", "a number"],
    ["brokerRole=FOO", "ASYNC_MASTER, SYNC_MASTER"],
    ["brokerRole=SLAVE", "ASYNC_MASTER, SYNC_MASTER. Role; SLAVE can't be had as long as replication is not served."],
    ["flushDiskType=sync_flush", "ASYNC_FLUSH, SYNC_FLUSH"],
    ["autoCreateTopicEnable=yes", "true or false"],
    ["brokerName=a/../b", "characters"],
    ["brokerName=..", "characters"],
    ["brokerName=", "characters"],
    ["storePathRootDir=", "a path"],
    ["bindAddress=", "an IP address of this machine"],
    ["bindAddress=0.0.0.0:10911", "an IP address of this machine"],
    ["brokerClusterName=", "characters"],
    ["namesrvAddr=localhost", "127.0.0.1:9876;192.168.0.1:9876"],
    ["namesrvAddr=a:9876,b:9876", "127.0.0.1:9876;192.168.0.1:9876"],
    ["namesrvAddr=a:99999", "127.0.0.1:9876;192.168.0.1:9876"],
    ["brokerIP1=10.0.0.5:10911", "without port"],
    ["deleteWhen=25", "hours of the day"],
    ["messageDelayLevel=1s 5x", "1s 5s"],
    ["advertisedAddresses=10.0.0.0/40=a:1", "prefix outside 0..32"],
    ["regionId=a b", "visible ASCII"],
  ])("%s is an error that names key, value and what is allowed", (line, allowed) => {
    const problems = problemsOf(line);
    expect(problems.length).toBe(1);
    expect(problems[0]).toContain(`${line} can't be used: allowed is `);
    expect(problems[0]).toContain(allowed);
  });

  test("Java's Long.MAX_VALUE is the largest safe integer, with a warning", () => {
    const { settings, warnings } = load("consumerFallbehindThreshold=9223372036854775807");
    expect(settings.consumerFallbehindThreshold).toBe(Number.MAX_SAFE_INTEGER);
    expect(warnings).toEqual(["consumerFallbehindThreshold=9223372036854775807 is beyond 2^53: 9007199254740991 is used"]);
  });

  test("a blank value of a key that need not be set is no value", () => {
    const { settings, warnings } = load("brokerIP1=\nnamesrvAddr= \nbrokerIP2=\n");
    expect(warnings).toEqual([]);
    expect([settings.brokerIP1, settings.namesrvAddr]).toEqual([undefined, undefined]);
  });

  test("all problems are told at once", () => {
    expect(problemsOf("listenPort=99999\nbrokerRole=FOO\nbrokerName=a").length).toBe(2);
  });

  test.each(["__proto__=1", "constructor=2", "toString=3"])("%s is an unknown key like any other", (line) => {
    expect(load(line).warnings[0]).toContain("not a key of");
  });

  test("a fuzz of lines ends in settings, warnings or ConfigError", () => {
    let seed = 42;
    const below = (bound: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed % bound;
    };
    const keys = Object.keys(brokerOptions);
    const values = [
      "",
      "true",
      "-1",
      "99999999999999999999",
      "NaN",
      "\\u0000",
      "a;b",
      "0.5",
      "[::1]:1",
      "10.0.0.0/8=a:1",
      "\u4e2d",
    ];
    for (let i = 0; i < 3000; i++) {
      const text = `${keys[below(keys.length)]}=${values[below(values.length)]}${String.fromCharCode(below(128))}\n`;
      try {
        const { settings } = load(text.replace("\\u", "u"));
        expect(typeof settings.listenPort).toBe("number");
      } catch (fault) {
        expect(fault).toBeInstanceOf(ConfigError);
      }
    }
  });
});

describe("environment", () => {
  test("NAMESRV_ADDR is namesrvAddr, a file is stronger, the command line strongest", () => {
    const environment = { NAMESRV_ADDR: "ns1:9876;ns2:9876" };
    expect(load("", environment).settings.namesrvAddr).toBe("ns1:9876;ns2:9876");
    expect(load("namesrvAddr=ns3:9876", environment).settings.namesrvAddr).toBe("ns3:9876");
    const given = new Map([["namesrvAddr", "ns4:9876"]]);
    const { settings } = loadSettings(brokerOptions, parseProperties("namesrvAddr=ns3:9876"), given, fakeSystem(environment));
    expect(settings.namesrvAddr).toBe("ns4:9876");
  });

  test("ROCKETMQ_HOME is rocketmqHome, and not required", () => {
    expect(load("", { ROCKETMQ_HOME: "/opt/rocketmq" }).settings.rocketmqHome).toBe("/opt/rocketmq");
    expect(load("").settings.rocketmqHome).toBeUndefined();
    expect(defaultSettings(namesrvOptions, fakeSystem({ ROCKETMQ_HOME: "/opt/rocketmq" })).rocketmqHome).toBe("/opt/rocketmq");
  });

  test("a NAMESRV_ADDR that can't be used is an error as in a file", () => {
    expect(() => load("", { NAMESRV_ADDR: "nowhere" })).toThrow(
      "namesrvAddr=nowhere, from the variable NAMESRV_ADDR, can't be used",
    );
  });
});

describe("settings of a program", () => {
  test("are checked like those of a file", () => {
    expect(settingsWith(brokerOptions, { brokerName: "b", listenPort: 0 }, fakeSystem()).listenPort).toBe(0);
    expect(() => settingsWith(brokerOptions, { listenPort: 70_000 }, fakeSystem())).toThrow("listenPort=70000");
  });

  test("with a key that is none are refused, and the key meant is named", () => {
    const problemOf = (key: string) => {
      try {
        settingsWith(brokerOptions, { [key]: "SYNC_FLUSH" }, fakeSystem());
      } catch (fault) {
        return (fault as Error).message;
      }
      return undefined;
    };
    expect(problemOf("flushDisktype")).toBe(
      "flushDisktype can't be set: it is no key of these settings. Is flushDiskType meant? docs/configuration.md lists all keys",
    );
    expect(problemOf("foo")).toBe("foo can't be set: it is no key of these settings. docs/configuration.md lists all keys");
  });

  test("print sorted, what is not set left out", () => {
    const lines = printSettings(brokerOptions, defaultSettings(brokerOptions, fakeSystem())).trimEnd().split("\n");
    expect(lines).toEqual([...lines].sort());
    expect(lines).toContain("listenPort=10911");
    expect(lines).toContain("messageDelayLevel=1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h");
    expect(lines.some((line) => line.startsWith("brokerIP1="))).toBe(false);
  });

  test("the difference from the defaults", () => {
    const settings = settingsWith(brokerOptions, { fileReservedTime: 1, brokerName: "b" }, fakeSystem());
    expect([...changedSettings(brokerOptions, settings, fakeSystem())]).toEqual([
      ["brokerName", "b"],
      ["fileReservedTime", "1"],
    ]);
  });
});
