import { describe, expect, test } from "bun:test";
import { namesrvOptions } from "../../core/namesrv/options.ts";
import { testServer } from "./support.ts";

const SUCCESS = 0;
const SYSTEM_ERROR = 1;
const NO_PERMISSION = 16;
const PATH = "/home/namesrv/namesrv.properties";

const update = (t: ReturnType<typeof testServer>, body: string) => t.call("UPDATE_NAMESRV_CONFIG", {}, { body });
const get = async (t: ReturnType<typeof testServer>) => (await t.call("GET_NAMESRV_CONFIG")).text;

describe("the nameserver's own configuration", () => {
  test("is told as lines of key and value, under Apache's names", async () => {
    const lines = (await get(testServer())).split("\n");
    // Every key that Apache's nameserver tells, with its default.
    for (const line of [
      "bindAddress=0.0.0.0",
      "clusterTest=false",
      "configBlackList=configBlackList;configStorePath;kvConfigPath",
      `configStorePath=${PATH}`,
      "deleteTopicWithBrokerRegistration=false",
      "enableAllTopicList=true",
      "enableTopicList=true",
      "kvConfigPath=/home/namesrv/kvConfig.json",
      "listenPort=9876",
      "needWaitForService=false",
      "notifyMinBrokerIdChanged=false",
      "orderMessageEnable=false",
      "productEnvName=center",
      "returnOrderTopicConfigToBroker=true",
      "scanNotActiveBrokerInterval=5000",
      "supportActingMaster=false",
      "unRegisterBrokerQueueCapacity=3000",
      "waitSecondsForService=45",
    ]) {
      expect(lines).toContain(line);
    }
  });

  test("changes at once, and the change is in configStorePath", async () => {
    const t = testServer();
    expect(await update(t, "enableTopicList=false\nwaitSecondsForService=7")).toMatchObject({ code: SUCCESS });
    expect(await get(t)).toContain("enableTopicList=false\n");
    expect((await t.call("GET_UNIT_TOPIC_LIST")).code).toBe(SYSTEM_ERROR);
    const stored = new TextDecoder().decode(t.sim.files.read(PATH));
    expect(stored).toContain("enableTopicList=false");
    expect(stored).toContain("waitSecondsForService=7");
  });

  test("that takes effect after a restart says so", async () => {
    const answer = await update(testServer(), "scanNotActiveBrokerInterval=1000");
    expect(answer.code).toBe(SUCCESS);
    expect(answer.remark).toContain("scanNotActiveBrokerInterval");
  });

  test("an update without keys is a success", async () => {
    const t = testServer();
    expect((await update(t, "")).code).toBe(SUCCESS);
    expect((await update(t, "# nothing\n")).code).toBe(SUCCESS);
  });

  const neverFromOutside = Object.entries(namesrvOptions).filter(([, option]) => option.change === "never");

  test.each([...neverFromOutside.map(([key]) => key), "noSuchKey", "__proto__", "constructor"])(
    "%s can't be changed by a request, which is refused whole and names it",
    async (key) => {
      const t = testServer();
      const before = await get(t);
      const answer = await update(t, `enableTopicList=false\n${key}=/tmp/x`);
      expect(answer.code).toBe(NO_PERMISSION);
      expect(answer.remark).toContain(key);
      expect(await get(t)).toBe(before);
      expect(t.sim.files.read(PATH)).toBeUndefined();
    },
  );

  test("no key that may change is a path, an address, a port, a class or a command", () => {
    const open = Object.entries(namesrvOptions).filter(([, option]) => option.change !== "never");
    for (const [key, option] of open) {
      expect(key).not.toMatch(/path|home|dir|file|addr|host|port$|class|command|script|provider|url/i);
      if (option.kind === "string") expect(key).toBe("productEnvName");
    }
  });

  test("keys of configBlackList can't be changed either", async () => {
    const t = testServer({ configBlackList: "enableTopicList;waitSecondsForService" });
    expect((await update(t, "waitSecondsForService=1")).code).toBe(NO_PERMISSION);
    expect((await update(t, "needWaitForService=true")).code).toBe(SUCCESS);
  });

  test.each(["waitSecondsForService=abc", "waitSecondsForService=-1", "enableTopicList=perhaps", "enableTopicList=\\uXYZ1"])(
    "%s is refused with the reason, and nothing changes",
    async (line) => {
      const t = testServer();
      const before = await get(t);
      const answer = await update(t, line);
      expect(answer.code).toBe(SYSTEM_ERROR);
      expect((answer.remark ?? "").length).toBeGreaterThan(10);
      expect(await get(t)).toBe(before);
    },
  );

  test("an update of a megabyte is not read", async () => {
    expect((await update(testServer(), `#${"x".repeat(1_000_000)}`)).code).toBe(SYSTEM_ERROR);
  });
});
