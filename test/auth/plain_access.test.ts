/** ACL 1.0: files, order of the checks, permissions, reload. Outcomes are those of Apache 5.3.2, but for the words at a signature. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { migrateFromV1 } from "../../core/auth/migration.ts";
import { PlainAccess } from "../../core/auth/plain_access.ts";
import { aclInfoOf } from "../../core/auth/policies.ts";
import { AddressSet } from "../../core/auth/white_addresses.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { ExtFields } from "../../wire/remoting_command.ts";
import type { RequestName } from "../../wire/requests.ts";
import { RecordingLog } from "../broker/management_harness.ts";
import { accessControl, HOST, outcome, request, signed } from "./support.ts";

const SECRET = "12345678-secret";
const JOE = { accessKey: "joe-the-first", secretKey: SECRET };
const ADMIN = { accessKey: "admin-key", secretKey: "admin-secret" };

const FILE = `
globalWhiteRemoteAddresses:
  - 10.10.103.*
  - 192.168.0.{1,2}
accounts:
  - accessKey: joe-the-first
    secretKey: ${SECRET}
    whiteRemoteAddress: 10.9.9.9
    admin: false
    defaultTopicPerm: DENY
    defaultGroupPerm: SUB
    topicPerms:
      - orders=PUB|SUB
      - read=SUB
      - closed=DENY
    groupPerms:
      - shop=SUB
      - shut=DENY
  - accessKey: admin-key
    secretKey: admin-secret
    admin: true
`;

function plain(text: string | undefined = FILE, path = "/home/conf/plain_acl.yml") {
  const sim = simRuntime();
  const log = new RecordingLog();
  const write = (content: string, to = path): void => {
    sim.files.makeDirectory(to.slice(0, to.lastIndexOf("/")));
    sim.files.write(to, encodeUtf8(content));
  };
  if (text !== undefined) write(text);
  const settings = { aclEnable: true, authenticationEnabled: false, rocketmqHome: "/home" };
  const access = PlainAccess.of({ runtime: sim, log, settings })!;
  const ask = (name: RequestName, fields: ExtFields, user: typeof JOE | null = JOE, body = "", host = HOST): string => {
    const command = request(name, fields, body);
    return outcome(access.check(name, user === null ? command : signed(command, user, sim), host)).replace(
      "org.apache.rocketmq.acl.common.AclException: ",
      "",
    );
  };
  return { sim, log, access, ask, write };
}

function started(text?: string): ReturnType<typeof plain> {
  const all = plain(text);
  all.access.start();
  return all;
}

const send = (topic: string): ExtFields => ({
  producerGroup: "p",
  topic,
  defaultTopic: "TBW102",
  defaultTopicQueueNums: "4",
  queueId: "0",
  sysFlag: "0",
  bornTimestamp: "1",
  flag: "0",
});
const pull = (topic: string, consumerGroup: string): ExtFields => ({
  topic,
  consumerGroup,
  queueId: "0",
  queueOffset: "0",
  maxMsgNums: "1",
  sysFlag: "0",
  commitOffset: "0",
  suspendTimeoutMillis: "0",
  subVersion: "0",
});

describe("who signs", () => {
  test("is told code 1 and nothing about what was wrong", () => {
    const { ask } = started();
    const refused = "1 Check signature failed";
    expect(ask("SEND_MESSAGE", send("orders"))).toBe("ok");
    expect(ask("SEND_MESSAGE", send("orders"), { ...JOE, secretKey: "another-secret" })).toBe(refused);
    expect(ask("SEND_MESSAGE", send("orders"), { ...JOE, accessKey: "nobody-at-all" })).toBe(refused);
    expect(ask("SEND_MESSAGE", send("orders"), { accessKey: "", secretKey: "" })).toBe(refused);
  });
});

describe("permissions", () => {
  const { ask } = started();

  test.each([
    ["SEND_MESSAGE", send("orders"), "ok"],
    ["SEND_MESSAGE", send("read"), "1 No permission for topic:read"],
    ["SEND_MESSAGE", send("closed"), "1 No permission for topic:closed"],
    ["SEND_MESSAGE", send("other"), "1 No default permission for topic:other"],
    ["SEND_MESSAGE", send("RMQ_SYS_TRACE_TOPIC"), "ok"],
    ["SEND_MESSAGE", send("%RETRY%shop"), "ok"],
    ["SEND_MESSAGE", send("%RETRY%shut"), "1 No permission for group:shut"],
    ["PULL_MESSAGE", pull("read", "shop"), "ok"],
    ["PULL_MESSAGE", pull("read", "any"), "ok"],
    ["PULL_MESSAGE", pull("%RETRY%shop", "shop"), "ok"],
    ["PULL_MESSAGE", pull("read", "shut"), "1 No permission for group:shut"],
    ["PULL_MESSAGE", pull("other", "shop"), "1 No default permission for topic:other"],
    ["GET_MAX_OFFSET", { topic: "other", queueId: "0" }, "ok"],
    ["UPDATE_BROKER_CONFIG", {}, "1 Need admin permission for request code=25, but accessKey=joe-the-first is not"],
    [
      "DELETE_TOPIC_IN_BROKER",
      { topic: "x" },
      "1 Need admin permission for request code=215, but accessKey=joe-the-first is not",
    ],
    ["DELETE_EXPIRED_COMMITLOG", {}, "1 Need admin permission for request code=329, but accessKey=joe-the-first is not"],
  ] as const)("%s %j: %s", (name, fields, expected) => {
    expect(ask(name, fields)).toBe(expected);
    expect(ask(name, fields, ADMIN)).toBe("ok");
  });

  test("a heartbeat is asked for every group and topic", () => {
    const beat = (group: string, topic: string): string =>
      `{"clientID":"c","consumerDataSet":[{"groupName":"${group}","subscriptionDataSet":[{"topic":"${topic}"},{"topic":"%RETRY%${group}"}]}]}`;
    expect(ask("HEART_BEAT", {}, JOE, beat("shop", "read"))).toBe("ok");
    expect(ask("HEART_BEAT", {}, JOE, beat("shop", "other"))).toBe("1 No default permission for topic:other");
    expect(ask("HEART_BEAT", {}, JOE, beat("shut", "read"))).toBe("1 No permission for group:shut");
  });
});

describe("white addresses", () => {
  test("of all need no key; those of an account only the key", () => {
    const { ask } = started();
    const refused = "1 Check signature failed";
    expect(ask("UPDATE_BROKER_CONFIG", {}, null, "", "10.10.103.7")).toBe("ok");
    expect(ask("UPDATE_BROKER_CONFIG", {}, null, "", "192.168.0.2")).toBe("ok");
    expect(ask("UPDATE_BROKER_CONFIG", {}, null, "", "192.168.0.3")).toBe(refused);
    expect(ask("SEND_MESSAGE", send("other"), { ...JOE, secretKey: "wrong" }, "", "10.9.9.9")).toBe("ok");
    expect(ask("SEND_MESSAGE", send("other"), { ...ADMIN, secretKey: "wrong" }, "", "10.9.9.9")).toBe(refused);
  });

  test.each([
    ["*", "1.2.3.4 ::1", ""],
    ["*.*.*.*", "1.2.3.4", ""],
    ["", "", "1.2.3.4"],
    ["1.2.3.4", "1.2.3.4", "1.2.3.5 ::1"],
    ["1.2.3.4,1.2.3.6", "1.2.3.4 1.2.3.6", "1.2.3.5"],
    ["1.2.3.{4,6}", "1.2.3.4 1.2.3.6", "1.2.3.5"],
    ["1.2.3.*", "1.2.3.0 1.2.3.255", "1.2.4.0"],
    ["1.2.3-5.*", "1.2.3.9 1.2.5.9", "1.2.2.9 1.2.6.9"],
    ["1.2.3.1-9", "1.2.3.1 1.2.3.9", "1.2.3.0 1.2.3.10 1.2.4.1"],
    ["::1", "0:0:0:0:0:0:0:1", "::2"],
    ["2::ac5:78:{1a,2b}", "2::ac5:78:1a 2::AC5:78:2B", "2::ac5:78:1b"],
    ["2::ac5:78:*", "2::ac5:78:0 2::ac5:78:ffff", "2::ac5:79:0 1.2.3.4"],
    ["2::ac5:78:1-f", "2::ac5:78:1 2::ac5:78:f", "2::ac5:78:10"],
    ["2::ac5:10-1f:*", "2::ac5:10:1 2::ac5:1f:2", "2::ac5:20:1"],
  ])("%s", (text, inside, outside) => {
    const set = new AddressSet([text]);
    const words = (list: string): string[] => list.split(" ").filter((word) => word !== "");
    expect(words(inside).filter((host) => !set.has(host))).toEqual([]);
    expect(words(outside).filter((host) => set.has(host))).toEqual([]);
  });

  test.each(["1.2.3", "1.2.3.4.5", "1.2.300.*", "a.b.c.*", "1.2.3.9-1", "1.{2,3}.4", "1.2.3.{x}", "host", "2::*:1", "1.2.3.4,x"])(
    "%s is none",
    (text) => expect(() => new AddressSet([text])).toThrow(`"${text}"`),
  );
});

describe("files", () => {
  test.each([
    ["accounts:\n  - accessKey: short\n    secretKey: 12345678", "longer than 6"],
    ["accounts:\n  - accessKey: long-enough\n    secretKey: 123456", "longer than 6"],
    ["accounts:\n  - accessKey: long-enough\n    secretKey: 12345678\n    color: red", 'unknown key "color"'],
    [
      "accounts:\n  - accessKey: long-enough\n    secretKey: 12345678\n    topicPerms: [a=b=c]",
      "Parse resource permission failed for topic:a=b=c",
    ],
    ["globalWhiteRemoteAddresses: [10.10.10]", '"10.10.10"'],
    ["globalWhiteRemoteAddresses: 10.10.10.10", "is no list"],
    ["accounts: [", "it is no YAML"],
    ["just a text", "no map"],
    [
      "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]",
      "it is no YAML",
    ],
  ])("%j is refused, named", (text, words) => {
    const { access } = plain(text);
    const start = (): void => access.start();
    expect(start).toThrow(words);
    expect(start).toThrow(/plain_acl\.yml|is no address/);
  });

  test("below conf/acl count too, before the main one; the first of a key counts", () => {
    const all = plain();
    all.write(
      "accounts:\n  - {accessKey: joe-the-first, secretKey: another-secret, admin: true}",
      "/home/conf/acl/deep/more.yaml",
    );
    all.write("nonsense", "/home/conf/acl/notes.txt");
    all.access.start();
    expect(all.ask("SEND_MESSAGE", send("other"), { ...JOE, secretKey: "another-secret" })).toBe("ok");
    expect(all.ask("SEND_MESSAGE", send("orders"))).toBe("1 Check signature failed");
    expect(all.log.of("warn").map(({ fields }) => fields["accessKey"])).toEqual([JOE.accessKey]);
  });

  test("an empty file is one without accounts: nobody is let in, and the log says so", () => {
    const { ask, log } = started("");
    expect(ask("SEND_MESSAGE", send("orders"))).toBe("1 Check signature failed");
    expect(log.of("warn").map(({ message }) => message)[0]).toContain("no account");
  });

  test("a change counts within five seconds; one that can't be used leaves what was", async () => {
    const { sim, ask, write, log, access } = started();
    await sim.clock.advance(1);
    write(FILE.replace("read=SUB", "read=PUB"));
    expect(ask("SEND_MESSAGE", send("read"))).not.toBe("ok");
    await sim.clock.advance(5_000);
    expect(ask("SEND_MESSAGE", send("read"))).toBe("ok");
    write("accounts: [");
    await sim.clock.advance(5_000);
    expect(ask("SEND_MESSAGE", send("read"))).toBe("ok");
    expect(log.of("error")).toHaveLength(1);
    await sim.clock.advance(20_000);
    expect(log.of("error")).toHaveLength(1);
    access.stop();
  });
});

describe("start", () => {
  const sim = simRuntime();
  const of = (settings: { authenticationEnabled: boolean; rocketmqHome: string | undefined }) => () =>
    PlainAccess.of({ runtime: sim, log: new RecordingLog(), settings: { aclEnable: true, ...settings } });

  test("both models at once are refused", () => {
    expect(of({ authenticationEnabled: true, rocketmqHome: "/home" })).toThrow(
      "aclEnable=true (ACL 1.0) and authenticationEnabled=true",
    );
  });

  test("a home is needed", () => {
    expect(of({ authenticationEnabled: false, rocketmqHome: undefined })).toThrow("ROCKETMQ_HOME");
  });
});

test("accounts become users, once", () => {
  const { sim } = plain();
  const { access, log } = accessControl({ authConfigPath: "/auth" }, sim);
  migrateFromV1({ runtime: sim, log, home: "/home" }, access.users);
  expect(access.users.find("admin-key")?.userType).toBe("Super");
  expect(access.users.find("joe-the-first")).toMatchObject({ userType: "Normal", userStatus: "enable", password: SECRET });
  const lines = aclInfoOf("", access.users.policies("joe-the-first")!).policies.flatMap(({ policyType, entries }) =>
    entries.map(({ resource, actions, decision }) => `${policyType} ${resource} ${actions.join("|")} ${decision}`),
  );
  expect(lines).toEqual([
    "Custom Topic:orders Pub|Sub Allow",
    "Custom Topic:read Sub Allow",
    "Custom Topic:closed All Deny",
    "Custom Group:shop Sub Allow",
    "Custom Group:shut All Deny",
    "Default Topic:* All Deny",
    "Default Group:* Sub Allow",
  ]);
  access.users.setPolicies("joe-the-first", undefined);
  migrateFromV1({ runtime: sim, log, home: "/home" }, access.users);
  expect(access.users.policies("joe-the-first")).toBeUndefined();
  expect(JSON.stringify(log.lines)).not.toContain(SECRET);
});
