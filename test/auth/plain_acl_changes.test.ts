/** The admin codes of ACL 1.0: what they write, in the form of Apache 5.3.2's broker, and that it counts at once. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { PlainAccess } from "../../core/auth/plain_access.ts";
import { readPlainAclFile, writePlainAclFile } from "../../core/auth/plain_acl_file.ts";
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import type { ExtFields } from "../../wire/remoting_command.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { BrokerHarness, RecordingLog } from "../broker/management_harness.ts";
import { HOST, outcome, request, signed } from "./support.ts";

const ROOT = { accessKey: "admin-key", secretKey: "admin-secret" };
const MAIN = "/home/conf/plain_acl.yml";
const FILE = `
globalWhiteRemoteAddresses:
  - 10.10.103.*   # comments go
accounts:
  - accessKey: joe-the-first
    secretKey: 0123456789
    whiteRemoteAddress:
    defaultGroupPerm: SUB
    topicPerms: [orders=PUB|SUB, read=SUB]
  - {accessKey: admin-key, secretKey: admin-secret, admin: yes}
`;
/** As Apache 5.3.2 wrote it, but for the time. */
const WRITTEN = `accounts:
- accessKey: joe-the-first
  admin: false
  defaultGroupPerm: SUB
  defaultTopicPerm: null
  groupPerms: null
  secretKey: '0123456789'
  topicPerms:
  - orders=PUB|SUB
  - read=SUB
  whiteRemoteAddress: null
- accessKey: admin-key
  admin: true
  defaultGroupPerm: null
  defaultTopicPerm: null
  groupPerms: null
  secretKey: admin-secret
  topicPerms: null
  whiteRemoteAddress: null
- accessKey: new-user-1
  admin: false
  defaultGroupPerm: SUB
  defaultTopicPerm: DENY
  groupPerms:
  - g1=SUB
  secretKey: new-secret-1
  topicPerms:
  - orders=PUB
  - x=SUB
  whiteRemoteAddress: 10.1.1.1
dataVersion:
- counter: 1
  timestamp: TIME
globalWhiteRemoteAddresses:
- 10.10.103.*
`;
const NEW = {
  accessKey: "new-user-1",
  secretKey: "new-secret-1",
  whiteRemoteAddress: "10.1.1.1",
  admin: false,
  defaultTopicPerm: "DENY",
  defaultGroupPerm: "SUB",
  topicPerms: "orders=PUB,x=SUB",
  groupPerms: "g1=SUB",
};

type Change = Partial<RequestHeaderOf<"UPDATE_AND_CREATE_ACL_CONFIG">>;

async function started(files: Record<string, string> = { [MAIN]: FILE }) {
  const runtime = simRuntime();
  for (const [path, text] of Object.entries(files)) {
    runtime.files.makeDirectory(path.slice(0, path.lastIndexOf("/")));
    runtime.files.write(path, encodeUtf8(text));
  }
  const harness = await BrokerHarness.start({ runtime, settings: { aclEnable: true, rocketmqHome: "/home" } });
  const text = (path = MAIN): string =>
    decodeUtf8(runtime.files.read(path) ?? new Uint8Array(0)).replace(/timestamp: \d+/, "timestamp: TIME");
  const put = (change: Change) => harness.call("UPDATE_AND_CREATE_ACL_CONFIG", { ...NEW, ...change });
  const notPut = (change: Change) => harness.refused("UPDATE_AND_CREATE_ACL_CONFIG", { ...NEW, ...change });
  const white = (globalWhiteAddrs: string, aclFileFullPath?: string) =>
    harness.call("UPDATE_GLOBAL_WHITE_ADDRS_CONFIG", { globalWhiteAddrs, aclFileFullPath });
  return { harness, runtime, text, put, notPut, white };
}

describe("UPDATE_AND_CREATE_ACL_CONFIG", () => {
  test("a new account stands in plain_acl.yml, in Apache's form; the old file beside it", async () => {
    const { harness, put, text } = await started();
    await put({});
    expect(text()).toBe(WRITTEN);
    expect(text(`${MAIN}.bak`)).toBe(FILE);
    await harness.broker.stop();
  });

  test("what is given replaces what stands there, the rest stays, admin always counts; the file is that of the account", async () => {
    const other = "/home/conf/acl/shop.yaml";
    const { harness, put, text } = await started({
      [MAIN]: FILE,
      [other]:
        "accounts:\n- {accessKey: shop-account, secretKey: shop-secret, admin: true, topicPerms: [a=PUB], groupPerms: [g=SUB]}\n",
    });
    await put({
      ...{ accessKey: "shop-account", secretKey: "shop-secret-2", topicPerms: "b = DENY", groupPerms: undefined },
      ...{ whiteRemoteAddress: undefined, defaultGroupPerm: undefined, defaultTopicPerm: "PUB" },
    });
    expect(readPlainAclFile(encodeUtf8(text(other).replace("timestamp: TIME", "timestamp: 1")))).toEqual({
      accounts: [
        {
          accessKey: "shop-account",
          admin: false,
          defaultGroupPerm: undefined,
          defaultTopicPerm: "PUB",
          groupPerms: ["g=SUB"],
          secretKey: "shop-secret-2",
          topicPerms: ["b = DENY"],
          whiteRemoteAddress: undefined,
        },
      ],
      dataVersion: { stateVersion: 0, counter: 1, timestamp: 1 },
      globalWhiteRemoteAddresses: [],
    });
    expect(text()).toBe(FILE);
    await harness.broker.stop();
  });

  test("wrong keys, permissions and addresses are refused in Apache's words, and nothing is written", async () => {
    const { harness, notPut, text } = await started();
    expect(await notPut({ secretKey: "short" })).toEqual({
      code: 209,
      remark: "The accessKey=new-user-1 and secretKey=*** cannot be null and length should longer than 6",
    });
    expect((await notPut({ topicPerms: "a=NO" })).remark).toBe(
      "Parse resource permission error for a=NO.\nThe expected permissions are 'SUB' or 'PUB' or 'SUB|PUB' or 'PUB|SUB'.",
    );
    expect((await notPut({ groupPerms: "a" })).remark).toBe(
      "Parse Resource format error for a.\nThe expected resource format is 'Res=Perm'. For example: topicA=SUB",
    );
    expect(await notPut({ whiteRemoteAddress: "10.1.1" })).toEqual({
      code: 209,
      remark: '"10.1.1" is no address, range or list of addresses',
    });
    expect((await notPut({ topicPerms: `a=SUB,${"x".repeat(5_000_000)}=PUB` })).remark).toContain("at most 4194304 are read");
    expect(text()).toBe(FILE);
    await harness.broker.stop();
  });
});

describe("the other codes", () => {
  test("DELETE_ACL_CONFIG", async () => {
    const { harness, text } = await started();
    await harness.call("DELETE_ACL_CONFIG", { accessKey: "joe-the-first" });
    expect(text()).not.toContain("joe");
    expect(await harness.refused("DELETE_ACL_CONFIG", { accessKey: "joe-the-first" })).toEqual({
      code: 210,
      remark: "The accessKey[joe-the-first] corresponding to accessConfig has been deleted failed.",
    });
    await harness.broker.stop();
  });

  test("UPDATE_GLOBAL_WHITE_ADDRS_CONFIG: only files that are read, and what is an address", async () => {
    const { harness, runtime, white, text } = await started();
    const addresses = () => readPlainAclFile(runtime.files.read(MAIN)!).globalWhiteRemoteAddresses;
    await white("10.10.154.1, 10.10.155.{1,2},");
    expect(addresses()).toEqual(["10.10.154.1", "10.10.155.{1,2}"]);
    await white("", "/home//conf/./plain_acl.yml");
    expect(addresses()).toEqual([]);
    runtime.files.write("/home/conf/tools.yml", encodeUtf8("accessKey: x\n"));
    const before = text();
    for (const path of [
      "/home/conf/tools.yml",
      "/home/conf/acl/../tools.yml",
      "/etc/x.yml",
      "/home/conf/acl/new.yml",
      "/home/conf",
    ]) {
      const header = { globalWhiteAddrs: "10.0.0.1", aclFileFullPath: path };
      expect(await harness.refused("UPDATE_GLOBAL_WHITE_ADDRS_CONFIG", header)).toEqual({
        code: 211,
        remark: "The globalWhiteAddresses[10.0.0.1] has been updated failed.",
      });
    }
    const wrong = await harness.refused("UPDATE_GLOBAL_WHITE_ADDRS_CONFIG", { globalWhiteAddrs: "10.0.0" });
    expect(wrong).toEqual({ code: 211, remark: '"10.0.0" is no address, range or list of addresses' });
    expect(text()).toBe(before);
    expect(decodeUtf8(runtime.files.read("/home/conf/tools.yml")!)).toBe("accessKey: x\n");
    await harness.broker.stop();
  });

  test("GET_BROKER_CLUSTER_ACL_INFO counts changes, file by file", async () => {
    const { harness, put, white } = await started();
    await put({});
    await white("10.0.0.1");
    const { header } = await harness.call("GET_BROKER_CLUSTER_ACL_INFO", {});
    const timestamp = harness.runtime.clock.now();
    expect(JSON.parse(header!.version)).toEqual({ counter: 2, stateVersion: 0, timestamp });
    expect(JSON.parse(header!.allAclFileVersion!)).toEqual({ [MAIN]: { counter: 2, stateVersion: 0, timestamp } });
    expect(header).toMatchObject({ brokerName: "broker-a", clusterName: "DefaultCluster" });
    await harness.broker.stop();
  });

  test("while aclEnable is off they are unknown, as to 5.5.0", async () => {
    const harness = await BrokerHarness.start();
    const words = " request type 51 not supported: DELETE_ACL_CONFIG is of ACL 1.0, and aclEnable is off";
    expect(await harness.refused("DELETE_ACL_CONFIG", { accessKey: "a" })).toEqual({ code: 3, remark: words });
    await harness.broker.stop();
  });
});

describe("what was changed", () => {
  test("counts with the next request, edits of the moment before included; only admins may change", () => {
    const sim = simRuntime();
    sim.files.makeDirectory("/home/conf");
    sim.files.write(MAIN, encodeUtf8(FILE));
    const settings = { aclEnable: true, authenticationEnabled: false, rocketmqHome: "/home" };
    const access = PlainAccess.of({ runtime: sim, log: new RecordingLog(), settings })!;
    access.start();
    const user = { accessKey: NEW.accessKey, secretKey: NEW.secretKey };
    const pull: ExtFields = { consumerGroup: "g1", topic: "x", queueId: "0", queueOffset: "0", maxMsgNums: "1", sysFlag: "0" };
    const asks = { ...pull, commitOffset: "0", suspendTimeoutMillis: "0", subVersion: "0" };
    const mayPull = () => outcome(access.check("PULL_MESSAGE", signed(request("PULL_MESSAGE", asks), user, sim), HOST));
    expect(mayPull()).toContain("Check signature failed");
    sim.files.write(MAIN, encodeUtf8(FILE.replace("admin-secret", "another-secret")));
    access.putAccount({ ...NEW, topicPerms: ["x=SUB"], groupPerms: [] });
    expect(mayPull()).toBe("ok");
    expect(decodeUtf8(sim.files.read(MAIN)!)).toContain("another-secret");
    const admin = { ...ROOT, secretKey: "another-secret" };
    for (const name of [
      "UPDATE_AND_CREATE_ACL_CONFIG",
      "DELETE_ACL_CONFIG",
      "GET_BROKER_CLUSTER_ACL_INFO",
      "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG",
    ] as const) {
      const command = request(name, { accessKey: "aaaaaaa", secretKey: "bbbbbbb", globalWhiteAddrs: "*", aclFileFullPath: "" });
      expect(outcome(access.check(name, command, HOST))).toContain("Check signature failed");
      expect(outcome(access.check(name, signed(command, user, sim), HOST))).toContain("Need admin permission for request code=5");
      expect(outcome(access.check(name, signed(command, admin, sim), HOST))).toBe("ok");
    }
    expect(access.deleteAccount(NEW.accessKey)).toBe(true);
    expect(mayPull()).toContain("Check signature failed");
    access.stop();
  });

  test("texts that YAML takes for something else come back as they were", () => {
    const texts = [
      "0123456",
      "1e10000",
      "yes",
      "null",
      "~x",
      "- a",
      "a: b",
      "# no",
      "'q'",
      '"',
      "1:30:00",
      "0x1F",
      "tab\t",
      "é标",
      "2024-01-01",
      "a\nb",
    ];
    const accounts = texts.map((secretKey) => ({ ...NEW, topicPerms: [`${secretKey}=PUB`], groupPerms: [], secretKey }));
    const file = { accounts, dataVersion: undefined, globalWhiteRemoteAddresses: ["*", "10.0.0.{1,2}", "2::ac5:78:1-2:*"] };
    const again = readPlainAclFile(writePlainAclFile(file));
    expect(again.globalWhiteRemoteAddresses).toEqual(file.globalWhiteRemoteAddresses);
    // A text of these four letters is what stands for nothing; it is too short for a secret.
    expect(again.accounts.map(({ secretKey }) => secretKey ?? "null")).toEqual(texts);
    expect(again.accounts.map(({ topicPerms }) => topicPerms)).toEqual(accounts.map(({ topicPerms }) => topicPerms));
  });
});
