import { describe, expect, test } from "bun:test";
import { brokerOptions } from "../../core/broker/options.ts";
import { settingsWith } from "../../core/config.ts";
import { LiveConfiguration, planUpdate } from "../../core/config_update.ts";
import { namesrvOptions } from "../../core/namesrv/options.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { fakeFiles, fakeSystem, keptLog } from "./fakes.ts";

const PATH = "/etc/broker.conf";
const REMOTE = "10.0.0.9:40000";

function broker(file?: string, refuse?: { writes: boolean }) {
  const settings = settingsWith(brokerOptions, { brokerName: "a", brokerConfigPath: PATH }, fakeSystem());
  const files = fakeFiles(refuse);
  if (file !== undefined) files.content.set(PATH, file);
  const log = keptLog();
  const live = new LiveConfiguration({
    table: brokerOptions,
    settings,
    files,
    log,
    path: () => settings.brokerConfigPath ?? "",
    blackList: () => settings.configBlackList,
  });
  return { settings, files, live, log };
}

describe("updates of a running server", () => {
  test.each([
    ["brokerPermission", "4", 4],
    ["flushDiskType", "SYNC_FLUSH", "SYNC_FLUSH"],
    ["fileReservedTime", "24", 24],
    ["autoCreateTopicEnable", "false", false],
    ["deleteWhen", "03;15", "03;15"],
    ["maxMessageSize", "1048576", 1_048_576],
  ] as const)("%s=%s takes effect at once", (key, text, value) => {
    const { live, settings } = broker();
    expect(live.update(`${key}=${text}\n`, REMOTE)).toEqual({ ok: true, changed: new Set([key]), remark: undefined });
    expect(settings[key]).toBe(value);
    expect(live.print()).toContain(`${key}=${text}\n`);
  });

  test("one that needs a restart is stored, and the remark says so", () => {
    const { live, settings, files } = broker();
    const outcome = live.update("defaultTopicQueueNums=16\nfileReservedTime=24", REMOTE);
    expect(outcome.ok).toBe(true);
    expect(outcome.remark).toBe("stored, takes effect after a restart: defaultTopicQueueNums");
    expect(settings.defaultTopicQueueNums).toBe(8);
    expect(settings.fileReservedTime).toBe(24);
    expect(files.content.get(PATH)).toBe("fileReservedTime=24\ndefaultTopicQueueNums=16\n");
  });

  test("the file keeps what else stands in it, and the text before is beside it", () => {
    const before = "# mine\nbrokerClusterName = DefaultCluster\nfileReservedTime = 48\n";
    const { live, files } = broker(before);
    expect(live.update("fileReservedTime=24", REMOTE).ok).toBe(true);
    expect(files.content.get(PATH)).toBe("# mine\nbrokerClusterName = DefaultCluster\nfileReservedTime=24\n");
    expect(files.content.get(`${PATH}.bak`)).toBe(before);
    expect([...files.content.keys()].sort()).toEqual([PATH, `${PATH}.bak`]);
  });

  test("an update that no administrator would write is refused before it is read", () => {
    const { live, files } = broker();
    const outcome = live.update(new TextEncoder().encode(`fileReservedTime=2${"\\\n".repeat(40_000)}4`), REMOTE);
    expect(outcome).toMatchObject({ ok: false, code: ResponseCode.SYSTEM_ERROR });
    expect(outcome.remark).toBe("an update of 80019 bytes is not read, at most 65536 are");
    expect(files.content.size).toBe(0);
  });

  test("clamped values are said", () => {
    const { live, settings } = broker();
    expect(live.update("diskMaxUsedSpaceRatio=99", REMOTE).remark).toContain("95 is used");
    expect(settings.diskMaxUsedSpaceRatio).toBe(95);
  });

  test("one log line an update, with who asked, what changed and what was said to it", () => {
    const { live, log } = broker();
    live.update("diskMaxUsedSpaceRatio=99", REMOTE);
    live.update("storePathRootDir=/etc", REMOTE);
    expect(log.lines).toEqual([
      `info configuration updated {"remote":"${REMOTE}","keys":"diskMaxUsedSpaceRatio","remark":"diskMaxUsedSpaceRatio=99 is outside 10..95: 95 is used, as in Apache"}`,
      `warn an update of the configuration was refused {"remote":"${REMOTE}","reason":"Can not update config: storePathRootDir: it can be changed only in the server's own file. Nothing was changed"}`,
    ]);
  });

  test("a key that may not be changed is named, and nothing changes", () => {
    const { live, settings, files } = broker();
    const outcome = live.update("fileReservedTime=24\nstorePathRootDir=/etc\nnoSuchKey=1\nsendMessageThreadPoolNums=4", REMOTE);
    expect(outcome).toMatchObject({ ok: false, code: ResponseCode.NO_PERMISSION });
    expect(outcome.remark).toContain("storePathRootDir: it can be changed only in the server's own file");
    expect(outcome.remark).toContain("noSuchKey: there is no such key");
    expect(outcome.remark).toContain("sendMessageThreadPoolNums: it has no effect here");
    expect(settings.fileReservedTime).toBe(72);
    expect(files.content.size).toBe(0);
  });

  test("a value that can't be used is named, and nothing changes", () => {
    const { live, settings } = broker();
    const outcome = live.update("fileReservedTime=24\nflushDiskType=NEVER", REMOTE);
    expect(outcome).toMatchObject({ ok: false, code: ResponseCode.SYSTEM_ERROR });
    expect(outcome.remark).toContain("flushDiskType=NEVER can't be used: allowed is one of ASYNC_FLUSH, SYNC_FLUSH");
    expect(settings.fileReservedTime).toBe(72);
  });

  test("configBlackList takes keys away from the list, and can't be changed itself", () => {
    expect(planUpdate(brokerOptions, new Map([["fileReservedTime", "1"]]), "a; fileReservedTime").refused[0]?.reason).toContain(
      "configBlackList",
    );
    expect(planUpdate(brokerOptions, new Map([["configBlackList", ""]])).refused[0]?.kind).toBe("notAllowed");
  });

  test("a file that can't be written: live keys change and the remark says it, keys for a restart are refused", () => {
    const { live, settings } = broker(undefined, { writes: true });
    const outcome = live.update("fileReservedTime=24", REMOTE);
    expect(outcome.ok).toBe(true);
    expect(outcome.remark).toContain(`Cannot write the configuration to ${PATH}: EROFS`);
    expect(settings.fileReservedTime).toBe(24);
    expect(live.update("defaultTopicQueueNums=16", REMOTE)).toMatchObject({ ok: false, code: ResponseCode.SYSTEM_ERROR });
  });

  test("text that is no properties is refused", () => {
    expect(broker().live.update("a=\\u12", REMOTE).ok).toBe(false);
    expect(broker().live.update("", REMOTE)).toEqual({ ok: true, changed: new Set(), remark: undefined });
  });
});

describe("the allow-list", () => {
  const tables = { broker: brokerOptions, namesrv: namesrvOptions };

  test.each(Object.keys(tables) as (keyof typeof tables)[])(
    "of the %s reaches no path, port, address, class, command",
    (name) => {
      const allowed = Object.entries(tables[name]).filter(([, option]) => option.acted && option.change !== "never");
      const reaching = allowed.filter(([key]) =>
        /path|dir|port$|addr|ip\d|home|plugin|class|provider|host|url|cmd|command|file$|black/i.test(key),
      );
      expect(reaching.map(([key]) => key)).toEqual(["updateNameServerAddrPeriod"].filter((key) => key in tables[name]));
      expect(
        allowed
          .filter(([, option]) => option.kind === "string")
          .map(([key]) => key)
          .sort(),
      ).toEqual(name === "broker" ? ["deleteWhen", "messageDelayLevel", "regionId"] : []);
    },
  );

  test.each([
    "storePathRootDir",
    "storePathCommitLog",
    "brokerConfigPath",
    "rocketmqHome",
    "listenPort",
    "bindAddress",
    "brokerIP1",
    "advertisedAddresses",
    "namesrvAddr",
    "messageStorePlugIn",
    "authenticationProvider",
    "haMasterAddress",
    "brokerName",
    "brokerClusterName",
    "brokerId",
    "brokerRole",
    "msgTraceTopicName",
    "metricsPromExporterHost",
    "initAuthenticationUser",
  ])("%s of the broker is not on it", (key) => {
    expect(planUpdate(brokerOptions, new Map([[key, "1"]])).refused.map((refusal) => refusal.kind)).toEqual(["notAllowed"]);
  });

  test.each([
    "kvConfigPath",
    "configStorePath",
    "rocketmqHome",
    "listenPort",
    "bindAddress",
    "configBlackList",
    "productEnvName",
  ])("%s of the nameserver is not on it", (key) => {
    expect(planUpdate(namesrvOptions, new Map([[key, "1"]])).refused.map((refusal) => refusal.kind)).toEqual(["notAllowed"]);
  });
});
