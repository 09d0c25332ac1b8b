/**
 * That `Admin` has every operation of Java's `DefaultMQAdminExt` 5.5.0: by its name in one subject, or under the name that
 * this table says, and why. And the other way round: what is here and not in Java is named, too.
 */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Admin } from "../../core/client/mod.ts";
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

const nameOf = (signature: string): string => /(\w+)\(/.exec(signature)?.[1] ?? "";
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
