/**
 * That `Admin` has every operation of Java's `DefaultMQAdminExt` 5.5.0: by its name in one subject, or under the name that
 * this table says, and why. And the other way round: what is here and not in Java is named, too.
 *
 * Where Java has several forms of one name, each is a call here, written out: the compiler says that it can be made so, the test
 * that none of Java's forms and none of its parameters is left out. What a call does with them is for the tests of its subject;
 * of a name with one form, and of the types of answers, nothing is known here, since types are gone when a test runs.
 */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Admin } from "../../core/client/mod.ts";
import type { AclInfo, UserInfo } from "../../wire/bodies/auth.ts";
import { withRocketMQ } from "./harness.ts";

/** What `javap -public` lists of the class, without constructors, packages and `throws`: `Type name(Types)`, sorted. */
const SIGNATURES = readFileSync(new URL("./golden/default_mq_admin_ext.txt", import.meta.url), "utf8")
  .trim()
  .split("\n");

/** Where an operation, or one form of it, has another name: `subject.method`, a member of Admin itself, or nothing. */
const OTHERWISE: Readonly<Record<string, readonly [ours: string | undefined, why: string]>> = {
  "ConsumeStats examineConsumeStats(String, String, String, long)": ["consumeStats.examineConsumeStatsAt", "at one broker"],
  "TopicStatsTable examineTopicStats(String, String)": ["topics.examineTopicStatsAt", "at one broker"],
  "TopicList fetchTopicsByCLuster(String)": ["topics.fetchTopicsByCluster", "spelt as the others"],
  "String getAdminExtGroup()": [undefined, "an Admin needs no group: it is no member"],
  "Set<String> getClusterList(String)": ["clusters.getTopicClusterList", "Java's always answers with an empty set"],
  "String getCreateTopicKey()": ["topics.createTopic", "the key is its first argument"],
  "DefaultMQAdminExtImpl getDefaultMQAdminExtImpl()": ["client", "what stands behind it is the client"],
  "List<MessageTrack> messageTrackDetail(MessageExt)": ["messageTrackDetail", "of the whole, not of a subject"],
  "List<MessageTrack> messageTrackDetailConcurrent(MessageExt)": ["messageTrackDetail", "asks all groups at once in any case"],
  "void putKVConfig(String, String, String)": ["nameServers.createAndUpdateKvConfig", "Java's has an empty body"],
  "MessageExt queryMessage(String, String, String)": [
    "messages.viewMessage",
    "of one cluster, by id: it finds, it does not query",
  ],
  "long searchLowerBoundaryOffset(MessageQueue, long)": ["offsets.searchOffset", "boundaryType LOWER"],
  "long searchOffset(String, String, int, long, long)": ["offsets.searchOffsetAt", "at one broker"],
  "long searchUpperBoundaryOffset(MessageQueue, long)": ["offsets.searchOffset", "boundaryType UPPER"],
  "void setAdminExtGroup(String)": [undefined, "an Admin needs no group: it is no member"],
  "void setCreateTopicKey(String)": ["topics.createTopic", "the key is its first argument"],
  "void shutdown()": ["close", "also by await using"],
  "void start()": ["constructor", "a client connects when it first calls"],
};

/** Beyond Java's, for mqadmin and consoles: which server to ask, and halves of operations. */
const BEYOND = [
  "clusters.allAddresses",
  "clusters.addressesOfBroker",
  "clusters.brokerNameAt",
  "clusters.brokerNames",
  "clusters.masterAddresses",
  "clusters.masterOfBroker",
  "clusters.mastersAndSlaves",
  "messages.viewMessageByOffsetId",
  "topics.getSystemTopicListFromBroker",
  "topics.staticConfigsOf",
];

const ACL: AclInfo = { subject: "User:u", policies: [] };
const USER: UserInfo = { username: "u", password: "p" };
const QUEUE = { topic: "t", brokerName: "b", queueId: 0 };
/** One parameter in Java, though an object here. */
const WHOLE: ReadonlySet<unknown> = new Set<unknown>([ACL, USER, QUEUE]);
const POLICY = { subject: "User:u", resources: ["*"], actions: ["Pub"], sourceIps: ["10.0.0.1"], decision: "ALLOW" };
const NAMED = { topic: "t", group: "g", timestamp: 0, isForce: true };
const QUERY = { topic: "t", key: "k", maxNum: 1, begin: 0, end: 1 };

/** Java's forms of names that have several: the call that is each of them here, with all that it takes. */
const FORMS: Readonly<Record<string, (admin: Admin) => unknown>> = {
  "ConsumeMessageDirectlyResult consumeMessageDirectly(String, String, String, String)": ({ messages }) =>
    messages.consumeMessageDirectly("g", "client", "t", "id"),
  "ConsumeMessageDirectlyResult consumeMessageDirectly(String, String, String, String, String)": ({ messages }) =>
    messages.consumeMessageDirectly("g", "client", "t", "id", "cluster"),
  "void createAcl(String, AclInfo)": ({ users }) => users.createAcl("b:1", ACL),
  "void createAcl(String, String, List<String>, List<String>, List<String>, String)": ({ users }) =>
    users.createAcl("b:1", POLICY),
  "void createTopic(String, String, int, Map<String, String>)": ({ topics }) =>
    topics.createTopic("TBW102", "t", 4, undefined, {}),
  "void createTopic(String, String, int, int, Map<String, String>)": ({ topics }) => topics.createTopic("TBW102", "t", 4, 1, {}),
  "void createUser(String, UserInfo)": ({ users }) => users.createUser("b:1", USER),
  "void createUser(String, String, String, String)": ({ users }) =>
    users.createUser("b:1", { username: "u", password: "p", userType: "Normal" }),
  "void deleteSubscriptionGroup(String, String)": ({ groups }) => groups.deleteSubscriptionGroup("b:1", "g"),
  "void deleteSubscriptionGroup(String, String, boolean)": ({ groups }) => groups.deleteSubscriptionGroup("b:1", "g", true),
  "void deleteTopicInNameServer(Set<String>, String)": ({ topics }) => topics.deleteTopicInNameServer(["n:1"], "t"),
  "void deleteTopicInNameServer(Set<String>, String, String)": ({ topics }) =>
    topics.deleteTopicInNameServer(["n:1"], "t", "cluster"),
  "ConsumerConnection examineConsumerConnectionInfo(String)": ({ connections }) => connections.examineConsumerConnectionInfo("g"),
  "ConsumerConnection examineConsumerConnectionInfo(String, String)": ({ connections }) =>
    connections.examineConsumerConnectionInfo("g", "b:1"),
  "ConsumeStats examineConsumeStats(String)": ({ consumeStats }) => consumeStats.examineConsumeStats("g"),
  "ConsumeStats examineConsumeStats(String, String)": ({ consumeStats }) => consumeStats.examineConsumeStats("g", "t"),
  "ConsumeStats examineConsumeStats(String, String, String)": ({ consumeStats }) =>
    consumeStats.examineConsumeStats("g", "t", "cluster"),
  "ConsumeStats examineConsumeStats(String, String, String, long)": ({ consumeStats }) =>
    consumeStats.examineConsumeStatsAt("b:1", "g", "t", 1_000),
  "TopicStatsTable examineTopicStats(String)": ({ topics }) => topics.examineTopicStats("t"),
  "TopicStatsTable examineTopicStats(String, String)": ({ topics }) => topics.examineTopicStatsAt("b:1", "t"),
  "ConsumerRunningInfo getConsumerRunningInfo(String, String, boolean)": ({ connections }) =>
    connections.getConsumerRunningInfo("g", "client", true),
  "ConsumerRunningInfo getConsumerRunningInfo(String, String, boolean, boolean)": ({ connections }) =>
    connections.getConsumerRunningInfo("g", "client", true),
  "MessageExt queryMessage(String, String, String)": ({ messages }) => messages.viewMessage("t", "id", "cluster"),
  "QueryResult queryMessage(String, String, int, long, long)": ({ messages }) => messages.queryMessage(QUERY),
  "QueryResult queryMessage(String, String, String, int, long, long)": ({ messages }) =>
    messages.queryMessage({ ...QUERY, clusterName: "cluster" }),
  "QueryResult queryMessage(String, String, String, int, long, long, String, String)": ({ messages }) =>
    messages.queryMessage({ ...QUERY, clusterName: "cluster", indexType: "T", lastKey: "last" }),
  "Map<MessageQueue, Long> resetOffsetByTimestamp(String, String, long, boolean)": ({ offsets }) =>
    offsets.resetOffsetByTimestamp(NAMED),
  "Map<MessageQueue, Long> resetOffsetByTimestamp(String, String, String, long, boolean)": ({ offsets }) =>
    offsets.resetOffsetByTimestamp({ ...NAMED, clusterName: "cluster" }),
  "Map<MessageQueue, Long> resetOffsetByTimestamp(String, String, long, boolean, boolean)": ({ offsets }) =>
    offsets.resetOffsetByTimestamp({ ...NAMED, isC: true }),
  "Map<MessageQueue, Long> resetOffsetByTimestamp(String, String, String, long, boolean, boolean)": ({ offsets }) =>
    offsets.resetOffsetByTimestamp({ ...NAMED, isC: true, clusterName: "cluster" }),
  "List<RollbackStats> resetOffsetByTimestampOld(String, String, long, boolean)": ({ offsets }) =>
    offsets.resetOffsetByTimestampOld(NAMED),
  "List<RollbackStats> resetOffsetByTimestampOld(String, String, String, long, boolean)": ({ offsets }) =>
    offsets.resetOffsetByTimestampOld({ ...NAMED, clusterName: "cluster" }),
  "long searchOffset(MessageQueue, long)": ({ offsets }) => offsets.searchOffset(QUEUE, 0),
  "long searchOffset(String, String, int, long, long)": ({ offsets }) => offsets.searchOffsetAt("b:1", QUEUE, 0, "LOWER", 1_000),
  "void updateAcl(String, AclInfo)": ({ users }) => users.updateAcl("b:1", ACL),
  "void updateAcl(String, String, List<String>, List<String>, List<String>, String)": ({ users }) =>
    users.updateAcl("b:1", POLICY),
  "void updateUser(String, UserInfo)": ({ users }) => users.updateUser("b:1", USER),
  "void updateUser(String, String, String, String, String)": ({ users }) =>
    users.updateUser("b:1", { username: "u", password: "p", userType: "Normal", userStatus: "enable" }),
};

/** Forms that take another number of values here, and why. */
const TAKES: Readonly<Record<string, readonly [values: number, why: string]>> = {
  "ConsumerRunningInfo getConsumerRunningInfo(String, String, boolean, boolean)": [3, "no request has a field for metrics"],
};

const nameOf = (signature: string): string => /(\w+)\(/.exec(signature)?.[1] ?? "";
const parametersOf = (signature: string): number => {
  const inner = (/\((.*)\)$/.exec(signature)?.[1] ?? "").replaceAll(/<[^<>]*>/g, "");
  return inner === "" ? 0 : inner.split(",").length;
};
const isForm = (signature: string): boolean => SIGNATURES.filter((each) => nameOf(each) === nameOf(signature)).length > 1;

interface Call {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** The one call that `form` makes, which reaches nothing. */
function callOf(form: (admin: Admin) => unknown): Call {
  const calls: Call[] = [];
  const subject = (name: string) =>
    new Proxy(
      {},
      {
        get:
          (_, method: string) =>
          (...args: unknown[]) =>
            calls.push({ method: `${name}.${method}`, args }),
      },
    );
  form(new Proxy({}, { get: (_, name: string) => subject(name) }) as Admin);
  expect(calls.length).toBe(1);
  return calls[0] as Call;
}

/** How many values a call is given; the fields of an object are values, but of `WHOLE`. */
const valuesOf = (arg: unknown): number =>
  arg === undefined
    ? 0
    : typeof arg === "object" && arg !== null && !WHOLE.has(arg) && !Array.isArray(arg) && Object.keys(arg).length > 0
      ? Object.values(arg).reduce<number>((sum, each) => sum + valuesOf(each), 0)
      : 1;

const methodsOf = (each: object): string[] =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(each) as object).filter((name) => name !== "constructor");

test("every operation of DefaultMQAdminExt is there, and whatever else is there is named", () =>
  withRocketMQ(async (rocketmq) => {
    const admin = new Admin(rocketmq.client());
    const subjects = Object.entries(admin).filter(([, each]) => each !== admin.client) as [string, object][];
    const methods = subjects.flatMap(([subject, each]) => methodsOf(each).map((name) => `${subject}.${name}`));
    const members = new Set([...methods, ...methodsOf(admin), "constructor", "client"]);

    expect(SIGNATURES.length).toBe(147);
    const used = new Set<string>(BEYOND);
    const missing: string[] = [];
    for (const signature of SIGNATURES) {
      const other = OTHERWISE[signature];
      const named = other === undefined ? methods.filter((each) => each.endsWith(`.${nameOf(signature)}`)) : [other[0]];
      for (const each of named) if (each !== undefined) used.add(each);
      if (named.length === 0 || named.some((each) => each !== undefined && !members.has(each))) missing.push(signature);
    }
    expect(missing).toEqual([]);
    expect(Object.keys(OTHERWISE).filter((signature) => !SIGNATURES.includes(signature))).toEqual([]);
    expect(methods.filter((each) => !used.has(each))).toEqual([]);
    expect(BEYOND.filter((each) => !methods.includes(each))).toEqual([]);
    await admin.close();
  }));

test("every form of a name that has several is a call, of its own and with all parameters", () =>
  withRocketMQ(async (rocketmq) => {
    const admin = new Admin(rocketmq.client());
    const forms = SIGNATURES.filter(isForm);
    expect(forms.length).toBe(38);
    expect(Object.keys(FORMS).sort()).toEqual([...forms].sort());
    expect(Object.keys(TAKES).filter((signature) => FORMS[signature] === undefined)).toEqual([]);
    const made = new Map<string, string>();
    for (const [signature, form] of Object.entries(FORMS)) {
      const { method, args } = callOf(form);
      const [subject = "", name = ""] = method.split(".");
      expect([signature, method]).toEqual([signature, OTHERWISE[signature]?.[0] ?? `${subject}.${nameOf(signature)}`]);
      expect(methodsOf((admin as unknown as Record<string, object>)[subject] ?? {})).toContain(name);
      const values = args.reduce<number>((sum, each) => sum + valuesOf(each), 0);
      expect([signature, values]).toEqual([signature, TAKES[signature]?.[0] ?? parametersOf(signature)]);
      const text = JSON.stringify([method, ...args]);
      if (TAKES[signature] === undefined) expect([signature, made.get(text)]).toEqual([signature, undefined]);
      made.set(text, signature);
    }
    await admin.close();
  }));
