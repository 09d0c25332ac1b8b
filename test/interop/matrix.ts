/**
 * Which interop cases run against what: the plan of `npm test` and that of `npm run test:full`. The cases themselves are
 * Java programs in `java/src`; here are only their names.
 */
import type { TargetName } from "./targets.ts";

/** The Maven module with the client: 5.5.0, or the older 4.9.8. */
export type ClientVersion = "5.5.0" | "4.9.8";

export const clientModules: Readonly<Record<ClientVersion, string>> = { "5.5.0": "current", "4.9.8": "older" };

/** Header serialization the client uses: `rocketmq.serialize.type`. */
export type Serialization = "JSON" | "ROCKETMQ";

/** One JVM: some cases with one client against one target. */
export interface Run {
  readonly target: TargetName;
  readonly client: ClientVersion;
  readonly serialize: Serialization;
  /** Case names; undefined: all of them. */
  readonly cases?: readonly string[] | undefined;
  /** Case names left out of all of them. */
  readonly without?: readonly string[] | undefined;
  /** The servers they run against. Runs against the same ones share them. */
  readonly servers?: Servers | undefined;
}

/** How the servers of a run differ from a nameserver and a broker with ASYNC_FLUSH on 127.0.0.1. */
export interface Servers {
  /** Stands in the titles of the tests. */
  readonly name: string;
  /** The address of everybody. */
  readonly host?: string;
  readonly brokerConfig?: Readonly<Record<string, string>>;
  /** Both roles in one process, started without any configuration. */
  readonly standalone?: boolean;
  /** TLS only, between everybody, with certificates on both sides. */
  readonly tls?: boolean;
  /** Besides broker-a there is a broker-b. */
  readonly secondBroker?: boolean;
}

const ipv6: Servers = { name: "::1", host: "::1" };
const syncFlush: Servers = { name: "SYNC_FLUSH", brokerConfig: { flushDiskType: "SYNC_FLUSH" } };
/** Light queues, extended units, cold data and a topic for traces on, and compaction so small and frequent that a case sees it. */
export const queues: Servers = {
  name: "queues",
  brokerConfig: {
    enableLmq: "true",
    enableMultiDispatch: "true",
    enableConsumeQueueExt: "true",
    compactionCqMappedFileSize: "460",
    compactionMappedFileSize: "2300",
    compactionScheduleInternal: "1000",
    traceTopicEnable: "true",
    msgTraceTopicName: "TRACES_OF_THE_BROKER",
    // all but the end of the log is cold; groups have 3 MiB of it in five seconds, but where a case gives them less
    coldDataFlowControlEnable: "true",
    accessMessageInMemoryHotRatio: "0",
  },
};
/** What the system does not hold in memory is cold; a file of the log has room for one message of the case. */
const coldScan: Servers = {
  name: "cold scan",
  brokerConfig: {
    mappedFileSizeCommitLog: "65536",
    coldDataFlowControlEnable: "true",
    coldDataScanEnable: "true",
    timerColdDataCheckIntervalMs: "1000",
    accessMessageInMemoryHotRatio: "0",
  },
};
const tls: Servers = { name: "tls", tls: true };
/** ACL 2.0 with one super user, who is also the broker towards itself. */
export const acl: Servers = {
  name: "acl",
  brokerConfig: {
    authenticationEnabled: "true",
    authorizationEnabled: "true",
    initAuthenticationUser: '{"username":"rocketmq-root","password":"the-secret-of-root"}',
    innerClientAuthenticationCredentials: '{"accessKey":"rocketmq-root","secretKey":"the-secret-of-root"}',
    authenticationProvider: "org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider",
    authenticationMetadataProvider: "org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider",
    authorizationProvider: "org.apache.rocketmq.auth.authorization.provider.DefaultAuthorizationProvider",
    authorizationMetadataProvider: "org.apache.rocketmq.auth.authorization.provider.LocalAuthorizationMetadataProvider",
    userCacheRefreshSecond: "1",
    aclCacheRefreshSecond: "1",
  },
};
const standalone: Servers = { name: "standalone", standalone: true };

const twoBrokers: Servers = { name: "two brokers", secondBroker: true };

/** All of them by name, for the command line. */
export const serversByName: ReadonlyMap<string, Servers> = new Map(
  [ipv6, syncFlush, queues, coldScan, acl, standalone, tls, twoBrokers].map((one) => [one.name, one]),
);

/** One case of each kind: what proves that a runtime carries the whole. */
export const smokeCases: readonly string[] = [
  "syncSend",
  "asyncSend",
  "onewaySend",
  "batchSend",
  "selectorSend",
  "bigBodies",
  "topicIsAutoCreated",
  "topicDoesNotExist",
  "pushConsume",
  "longPollWakes",
  "tagHashCollision",
  "broadcast",
  "orderly",
  "rebalance",
  "pull",
  "litePullSubscribe",
  "retryLater",
  "deadLetter",
  "delayLevel",
  "timerDelays",
  "viewById",
  "queryByKey",
  "offsetsOverClientRestart",
  "adminCluster",
  "adminConsumeStats",
  "garbageToBroker",
  "everythingOverBrokerRestart",
];

/** What differs when only the header's bytes or the client's age do. */
export const reducedCases: readonly string[] = [
  ...smokeCases.filter((name) => name !== "everythingOverBrokerRestart" && name !== "garbageToBroker"),
  "propertiesArrive",
  "vipChannel",
  "messageTooLarge",
  "topicPermissions",
  "tagFilter",
  "orderlyDeadLetter",
  "pullBlocks",
  "litePullSeek",
  "queryByUniqueKey",
  "offsetByTime",
  "adminTopics",
  "adminConnections",
  "adminRunningInfo",
  "adminConsumeDirectly",
];

/** What addresses appear in: ids, hosts, routes, and the calls that dial them. */
export const ipv6Cases: readonly string[] = [
  "syncSend",
  "propertiesArrive",
  "pushConsume",
  "retryLater",
  "viewById",
  "queryByUniqueKey",
  "adminCluster",
  "adminConnections",
  "mqadmin_queryMsgById",
];

/** What waits for the disk, and must not lose what it waited for. */
export const syncFlushCases: readonly string[] = [
  "syncSend",
  "asyncSend",
  "batchSend",
  "manyThreadsSend",
  "everythingOverBrokerRestart",
  "killUnderLoad",
];

/** What has a consume queue of another kind, or none of its own. */
export const queuesCases: readonly string[] = [
  "batchQueue",
  "batchQueuePullInTheMiddle",
  "batchQueueSearchByTime",
  "batchQueueSingleSend",
  "batchQueueOverRestart",
  "multiDispatch",
  "lmqOffsets",
  "lmqOverRestart",
  "compactionTopic",
  "litePop",
  "liteAgain",
  "liteWaits",
  "liteSubscriptions",
  "liteWildcard",
  "liteRefusals",
  "liteByMqadmin",
  "liteOverRestart",
  "traceTopicOfBroker",
  "coldData",
  // what reads tags and times where units have extended ones
  "pullByTag",
  "delayLevel",
  "longPollWakes",
];

/** What takes pages of the log out of the system's memory. */
export const coldScanCases: readonly string[] = ["coldDataScan"];

/** What goes over every kind of connection: to nameserver and broker, both ways, large and small, and by mqadmin. */
export const tlsCases: readonly string[] = [
  "syncSend",
  "asyncSend",
  "onewaySend",
  "bigBodies",
  "pushConsume",
  "longPollWakes",
  "queryByKey",
  "mqadmin_clusterList",
  "mqadmin_topicList",
  "everythingOverBrokerRestart",
];

/** Users, their rights, and what administrators do with both. */
export const aclCases: readonly string[] = [
  "aclSendAndConsume",
  "aclUnsigned",
  "aclWithoutRights",
  "aclDenyAndPrefix",
  "aclUsersByMqadmin",
  "aclListsByMqadmin",
  "aclSuperUsers",
];

/** Static topics whose queues are moved from one broker to another. */
export const movedCases: readonly string[] = ["staticTopicMoved", "staticTopicPop"];

/** What a new user's program does; the address in the route is the one it dialled. */
export const standaloneCases: readonly string[] = [
  "syncSend",
  "topicIsAutoCreated",
  "vipChannel",
  "pushConsume",
  "viewById",
  "queryByKey",
  "adminCluster",
  "mqadmin_clusterList",
  "everythingOverBrokerRestart",
  "killUnderLoad",
];

/** Minutes together, in which nothing else can run; their siblings (over a kill, or as unit tests) are quick. */
const onlyInFull: readonly string[] = [
  "popBufferMerge",
  "popRetryTopicV2",
  "popOverStop",
  "transactionOverStop",
  "timerRecallOverRestart",
  "lockExpires",
  "coldData",
];

const quick = (cases: readonly string[]): readonly string[] => cases.filter((name) => !onlyInFull.includes(name));

/** `npm test`: the whole suite on Bun but for the slowest, the smoke list on the others. */
export const testRuns: readonly Run[] = [
  { target: "bun", client: "5.5.0", serialize: "JSON", without: onlyInFull },
  { target: "bun", client: "5.5.0", serialize: "ROCKETMQ", cases: reducedCases },
  { target: "bun", client: "4.9.8", serialize: "JSON", cases: reducedCases },
  { target: "bun", client: "5.5.0", serialize: "JSON", cases: ipv6Cases, servers: ipv6 },
  { target: "bun", client: "5.5.0", serialize: "JSON", cases: syncFlushCases, servers: syncFlush },
  { target: "bun", client: "5.5.0", serialize: "JSON", cases: standaloneCases, servers: standalone },
  { target: "bun", client: "5.5.0", serialize: "JSON", cases: quick(queuesCases), servers: queues },
  { target: "bun", client: "5.5.0", serialize: "JSON", cases: aclCases.slice(0, 4), servers: acl },
  { target: "bun", client: "5.5.0", serialize: "JSON", cases: tlsCases, servers: tls },
  { target: "deno", client: "5.5.0", serialize: "JSON", cases: smokeCases },
  { target: "node", client: "5.5.0", serialize: "JSON", cases: smokeCases },
];

/**
 * About what the broker keeps over a stop or a kill, half a minute each: the bytes of a header have no part in it, so the whole
 * matrix runs them with JSON headers only.
 */
const aboutTheDisk: readonly string[] = [
  "killUnderLoad",
  "timerOverRestart",
  "timerOverKill",
  "timerRecallOverRestart",
  "clientsOverBrokerRestart",
  "transactionOverStop",
  "transactionOverKill",
];

/** A minute on the broker's clock, to which the bytes of a header and the client's age have nothing to add either. */
const aboutTheClock: readonly string[] = ["lockExpires"];

/** `npm run test:full`: these targets × client × serialization. */
export function fullRuns(targets: readonly TargetName[]): Run[] {
  const clients = Object.keys(clientModules) as ClientVersion[];
  return targets.flatMap((target) => [
    ...clients.flatMap((client): Run[] => [
      { target, client, serialize: "JSON", ...(client === "5.5.0" ? {} : { without: aboutTheClock }) },
      { target, client, serialize: "ROCKETMQ", without: [...aboutTheDisk, ...aboutTheClock] },
    ]),
    { target, client: "5.5.0", serialize: "JSON", cases: ipv6Cases, servers: ipv6 } as const,
    { target, client: "5.5.0", serialize: "JSON", cases: syncFlushCases, servers: syncFlush } as const,
    { target, client: "5.5.0", serialize: "JSON", cases: queuesCases, servers: queues } as const,
    { target, client: "5.5.0", serialize: "JSON", cases: coldScanCases, servers: coldScan } as const,
    { target, client: "5.5.0", serialize: "JSON", cases: aclCases, servers: acl } as const,
    { target, client: "5.5.0", serialize: "JSON", cases: tlsCases, servers: tls } as const,
    { target, client: "5.5.0", serialize: "JSON", cases: movedCases, servers: twoBrokers } as const,
    ...(target === "apache"
      ? []
      : [{ target, client: "5.5.0", serialize: "JSON", cases: standaloneCases, servers: standalone } as const]),
  ]);
}
