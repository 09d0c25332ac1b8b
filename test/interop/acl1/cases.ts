/**
 * What is asked of both brokers under ACL 1.0: accounts, requests, and where ours is stricter on purpose. Outcomes stand nowhere
 * here: Apache's broker says them.
 */
import { heartbeatData } from "../../../wire/bodies/heartbeat.ts";
import type { ExtFields } from "../../../wire/remoting_command.ts";
import { REQUESTS, type RequestName, type RequestRow } from "../../../wire/requests.ts";

export interface Account {
  readonly accessKey: string;
  readonly secretKey: string;
}

export const ADMIN: Account = { accessKey: "admin-key", secretKey: "admin-secret" };
export const JOE: Account = { accessKey: "joe-the-first", secretKey: "12345678-secret" };

/** `{address}` stands for several accounts, each with a white address of its own form. */
const WHITE_ADDRESSES = [
  ..."127.0.0.1 127.0.0.* 127.0.0.{1,9} 127.0.0.0-8 127.0.0.2,127.0.0.1 127.*.9.9 * 127.0.0.1-1 0:0:0:0:0:0:0:1".split(" "),
  ..."127.0.0.2 127.0.1.* 127.0.0.{2,9} 127.0.0.2-8 127.0.0.2,127.0.0.3 126.*.0.1 127.0.2-3.* 127.0.*.7".split(" "),
];
export const whiteKey = (index: number): string => `white-address-${index}`;

export const PLAIN_ACL = `
globalWhiteRemoteAddresses:
  - 10.10.103.*
  - 192.168.0.{1,2}
accounts:
  - accessKey: ${JOE.accessKey}
    secretKey: ${JOE.secretKey}
    whiteRemoteAddress:
    admin: false
    defaultTopicPerm: DENY
    defaultGroupPerm: SUB
    topicPerms:
      - orders=PUB|SUB
      - both=SUB|PUB
      - write=PUB
      - read= SUB
      - closed=DENY
      - wrong=pub
      - "%RETRY%moved=DENY"
    groupPerms:
      - shop=SUB
      - pub=PUB
      - shut=DENY
  - accessKey: by-default-pub
    secretKey: 0123456789
    defaultTopicPerm: PUB
    defaultGroupPerm: DENY
  - accessKey: by-default-all
    secretKey: by-default-all
    defaultTopicPerm: SUB|PUB
    defaultGroupPerm: PUB|SUB
    topicPerms: [orders=SUB]
  - accessKey: nothing-at-all
    secretKey: nothing-at-all
  - accessKey: ${ADMIN.accessKey}
    secretKey: ${ADMIN.secretKey}
    admin: yes
${WHITE_ADDRESSES.map((address, index) => `  - {accessKey: ${whiteKey(index)}, secretKey: white-secret, whiteRemoteAddress: "${address}"}`).join("\n")}
`;

export const ORDINARY: readonly Account[] = [
  JOE,
  { accessKey: "by-default-pub", secretKey: "0123456789" },
  { accessKey: "by-default-all", secretKey: "by-default-all" },
  { accessKey: "nothing-at-all", secretKey: "nothing-at-all" },
];

/** Who asks: an account that signs, one whose signature is another's or missing, or nobody. */
export interface Asker {
  readonly title: string;
  readonly account?: Account;
  /** The AccessKey alone. */
  readonly unsigned?: string;
  /** Of the client; up to 4.9.3 a field is left out of what is signed. */
  readonly version?: number;
}

export interface Ask {
  readonly name: RequestName;
  readonly title: string;
  readonly fields: ExtFields;
  readonly body?: string | Uint8Array;
}

const sendV1 = (topic: string): ExtFields => ({
  ...{ producerGroup: "p", topic, defaultTopic: "TBW102", defaultTopicQueueNums: "4", queueId: "0", sysFlag: "0" },
  ...{ bornTimestamp: "1", flag: "0", properties: "", reconsumeTimes: "0", unitMode: "false", batch: "false" },
});
const sendV2 = (topic: string): ExtFields => ({
  ...{ a: "p", b: topic, c: "TBW102", d: "4", e: "0", f: "0", g: "1", h: "0", i: "", j: "0", k: "false", m: "false" },
});
const pull = (topic: string, consumerGroup: string): ExtFields => ({
  ...{ topic, consumerGroup, queueId: "0", queueOffset: "0", maxMsgNums: "1", sysFlag: "4", commitOffset: "0" },
  ...{ suspendTimeoutMillis: "0", subscription: "*", subVersion: "0", expressionType: "TAG" },
});

const TOPICS = ["orders", "both", "write", "read", "closed", "wrong", "unnamed"];
const GROUPS = ["shop", "pub", "shut", "unnamed-group", "moved"];

const heartbeat = (group: string, topic: string): Uint8Array =>
  heartbeatData.encode({
    ...heartbeatData.read({}, ""),
    clientID: "c1",
    consumerDataSet: [
      {
        groupName: group,
        consumeType: "CONSUME_PASSIVELY",
        messageModel: "CLUSTERING",
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
        unitMode: false,
        subscriptionDataSet: [topic, `%RETRY%${group}`].map((name) => ({
          ...{ classFilterMode: false, topic: name, subString: "*", tagsSet: new Set<string>(), codeSet: new Set<number>() },
          ...{ subVersion: 1, expressionType: "TAG" },
        })),
      },
    ],
  });

/** Requests that Apache asks permissions for, over topics and groups of every kind. */
export const PERMISSION_ASKS: readonly Ask[] = [
  ...[...TOPICS, "RMQ_SYS_TRACE_TOPIC", ...GROUPS.map((group) => `%RETRY%${group}`)].flatMap((topic): Ask[] => [
    { name: "SEND_MESSAGE", title: topic, fields: sendV1(topic), body: "x" },
    { name: "SEND_MESSAGE_V2", title: topic, fields: sendV2(topic), body: "x" },
    { name: "QUERY_MESSAGE", title: topic, fields: { topic, key: "k", maxNum: "1", beginTimestamp: "0", endTimestamp: "1" } },
  ]),
  { name: "SEND_BATCH_MESSAGE", title: "closed", fields: { ...sendV2("closed"), m: "true" }, body: "x" },
  ...["orders", "write", "unnamed"].flatMap((topic) =>
    GROUPS.flatMap((group): Ask[] => [
      { name: "PULL_MESSAGE", title: `${topic} ${group}`, fields: pull(topic, group) },
      {
        name: "UPDATE_CONSUMER_OFFSET",
        title: `${topic} ${group}`,
        fields: { topic, consumerGroup: group, queueId: "0", commitOffset: "0" },
      },
      { name: "HEART_BEAT", title: `${topic} ${group}`, fields: {}, body: heartbeat(group, topic) },
    ]),
  ),
  ...GROUPS.flatMap((group): Ask[] => [
    { name: "PULL_MESSAGE", title: `its retry topic ${group}`, fields: pull(`%RETRY%${group}`, group) },
    { name: "UNREGISTER_CLIENT", title: group, fields: { clientID: "c1", consumerGroup: group } },
    { name: "GET_CONSUMER_LIST_BY_GROUP", title: group, fields: { consumerGroup: group } },
    {
      name: "CONSUMER_SEND_MSG_BACK",
      title: group,
      fields: {
        offset: "0",
        group,
        delayLevel: "1",
        originMsgId: "",
        originTopic: "orders",
        unitMode: "false",
        maxReconsumeTimes: "16",
      },
    },
  ]),
  { name: "UNREGISTER_CLIENT", title: "a producer", fields: { clientID: "c1", producerGroup: "p" } },
];

/**
 * Requests that Apache asks no permission for, and ours does: `cluster`, for admins, since it changes what is everybody's;
 * `named`, PUB or SUB on what it names.
 */
export const STRICTER: Readonly<Partial<Record<RequestName, "cluster" | "named">>> = {
  LITE_PULL_MESSAGE: "named",
  PEEK_MESSAGE: "named",
  POP_MESSAGE: "named",
  POP_LITE_MESSAGE: "named",
  ACK_MESSAGE: "named",
  CHANGE_MESSAGE_INVISIBLETIME: "named",
  NOTIFICATION: "named",
  END_TRANSACTION: "named",
  QUERY_ASSIGNMENT: "named",
  QUERY_CONSUMER_OFFSET: "named",
  SEND_REPLY_MESSAGE: "named",
  SEND_REPLY_MESSAGE_V2: "named",
  POP_ROLLBACK: "cluster",
  UPDATE_AND_CREATE_TOPIC_LIST: "cluster",
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: "cluster",
  CLEAN_EXPIRED_CONSUMEQUEUE: "cluster",
  DELETE_EXPIRED_COMMITLOG: "cluster",
  CLEAN_UNUSED_TOPIC: "cluster",
  UPDATE_COLD_DATA_FLOW_CTR_CONFIG: "cluster",
  REMOVE_COLD_DATA_FLOW_CTR_CONFIG: "cluster",
  SET_COMMITLOG_READ_MODE: "cluster",
  SWITCH_TIMER_ENGINE: "cluster",
  RESET_MASTER_FLUSH_OFFSET: "cluster",
  AUTH_CREATE_USER: "cluster",
  AUTH_UPDATE_USER: "cluster",
  AUTH_DELETE_USER: "cluster",
  AUTH_CREATE_ACL: "cluster",
  AUTH_UPDATE_ACL: "cluster",
  AUTH_DELETE_ACL: "cluster",
  UPDATE_GLOBAL_WHITE_ADDRS_CONFIG: "cluster",
  NOTIFY_MIN_BROKER_ID_CHANGE: "cluster",
};

/** Every request of a broker, with every field `unnamed`. */
export const EVERY_ASK: readonly Ask[] = (Object.entries(REQUESTS) as [RequestName, RequestRow][])
  .filter(([, row]) => row.servedBy.includes("broker"))
  .map(([name, row]) => ({ name, title: "unnamed", fields: fieldsOf(row), body: "{}" }));

function fieldsOf({ request }: RequestRow): ExtFields {
  const fields = request.fields as Record<string, { kind: string; wireName?: string }>;
  return Object.fromEntries(
    Object.entries(fields).map(([property, { kind, wireName }]) => [
      wireName ?? property,
      kind === "string" ? "unnamed" : kind === "boolean" ? "false" : "0",
    ]),
  );
}

const account = (changes: ExtFields): ExtFields => ({
  accessKey: "new-user-1",
  secretKey: "new-secret-1",
  admin: "false",
  ...changes,
});

/** What an admin sends, in turn; answers, and afterwards the files, are compared. */
export const CHANGES: readonly Ask[] = [
  { name: "UPDATE_AND_CREATE_ACL_CONFIG", title: "only what must be", fields: account({}) },
  {
    name: "UPDATE_AND_CREATE_ACL_CONFIG",
    title: "everything",
    fields: account({
      ...{ accessKey: "new-user-2", whiteRemoteAddress: "10.1.1.1", defaultTopicPerm: "DENY", defaultGroupPerm: "SUB" },
      ...{ topicPerms: "orders=PUB,x = SUB|PUB,y=DENY", groupPerms: "g1=SUB" },
    }),
  },
  ...["a=NO", "a", "a=PUB=SUB", "a==SUB", "=SUB", "a=pub"].map(
    (topicPerms): Ask => ({ name: "UPDATE_AND_CREATE_ACL_CONFIG", title: topicPerms, fields: account({ topicPerms }) }),
  ),
  { name: "UPDATE_AND_CREATE_ACL_CONFIG", title: "a short key", fields: account({ accessKey: "six-66" }) },
  { name: "UPDATE_AND_CREATE_ACL_CONFIG", title: "no secret", fields: account({ secretKey: undefined }) },
  {
    name: "UPDATE_AND_CREATE_ACL_CONFIG",
    title: "an account of the file",
    fields: account({ ...JOE, topicPerms: "orders=SUB", groupPerms: "" }),
  },
  {
    name: "UPDATE_AND_CREATE_ACL_CONFIG",
    title: "an account made an admin",
    fields: account({ accessKey: "nothing-at-all", admin: "true" }),
  },
  {
    name: "UPDATE_AND_CREATE_ACL_CONFIG",
    title: "no address there any more",
    fields: account({ accessKey: "new-user-2", whiteRemoteAddress: "" }),
  },
  { name: "DELETE_ACL_CONFIG", title: "unknown", fields: { accessKey: "nobody-here" } },
  { name: "DELETE_ACL_CONFIG", title: "without a key", fields: { other: "x" } },
  { name: "DELETE_ACL_CONFIG", title: "known", fields: { accessKey: "by-default-pub" } },
  {
    name: "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG",
    title: "plain_acl.yml",
    fields: { globalWhiteAddrs: "10.10.154.1,10.10.155.*", aclFileFullPath: "" },
  },
  {
    name: "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG",
    title: "a file in conf/acl",
    fields: { globalWhiteAddrs: "10.0.0.9", aclFileFullPath: "{home}/conf/acl/extra.yml" },
  },
  ...["/etc/hosts.yml", "{home}/conf", "{home}/conf/none.yml"].map(
    (aclFileFullPath): Ask => ({
      name: "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG",
      title: aclFileFullPath,
      fields: { globalWhiteAddrs: "10.0.0.9", aclFileFullPath },
    }),
  ),
];

/** In conf/acl from the start: what stands there twice counts as it stands here. */
export const EXTRA_ACL = `
accounts:
- accessKey: extra-account
  secretKey: extra-secret
  topicPerms:
  - extra=PUB
- {accessKey: by-default-all, secretKey: by-default-all, defaultTopicPerm: PUB|SUB, defaultGroupPerm: SUB}
`;

/** mqadmin's words; `{address}` is the broker's. */
export const MQADMIN: readonly string[] = [
  "updateAclConfig -n 127.0.0.1:1 -b {address} -a by-mqadmin -s by-mqadmin-secret -w 10.1.1.1 -i PUB -u SUB -t orders=PUB,x=SUB -g g1=SUB -m false",
  "updateAclConfig -n 127.0.0.1:1 -b {address} -a by-mqadmin -s by-mqadmin-secret -t a=NO",
  "updateGlobalWhiteAddr -n 127.0.0.1:1 -b {address} -g 10.10.154.2,10.10.156.*",
  "deleteAclConfig -n 127.0.0.1:1 -b {address} -a by-mqadmin",
  "deleteAclConfig -n 127.0.0.1:1 -b {address} -a nobody-here",
  "clusterAclConfigVersion -n 127.0.0.1:1 -b {address}",
];
