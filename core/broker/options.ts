/**
 * Keys of broker.conf: Apache's BrokerConfig, and by extension the store's, the server's and the access control's, since one
 * file holds them all. `idle_options.ts` has those that do nothing yet.
 */
import { advertisedAddressRules } from "../advertised_rules.ts";
import { authOptions } from "../auth_options.ts";
import { bool, choice, environment, int, long, type OptionsOf, optionalText, text } from "../config.ts";
import { metricsOptions } from "../metrics/options.ts";
import { nettyClientOptions, nettyServerOptions } from "../netty_options.ts";
import { hostWithoutPort, nameOfBroker, namesrvAddrList, plainWord } from "../option_checks.ts";
import { storeOptions } from "../store/options.ts";
import { brokerIdleOptions } from "./idle_options.ts";
import type { BrokerSettings, BrokerSettingsInput } from "./settings.ts";

const identity = {
  brokerClusterName: text(
    "DefaultCluster",
    "never",
    "Name of the cluster; also a topic that every broker of it has.",
    nameOfBroker,
  ),
  brokerName: text(
    (system) => system.hostName() || "DEFAULT_BROKER",
    "never",
    "Name of the broker; also a topic.",
    nameOfBroker,
    "this machine's host name",
  ),
  brokerId: long(0, "never", "0 is a master, and masters have no other; a slave has one above 0.", { min: 0 }),
  brokerIP1: optionalText(
    "never",
    "Address that clients are told and that stands in message ids. Not set: see advertisedAddresses.",
    undefined,
    hostWithoutPort,
  ),
  advertisedAddresses: text(
    "",
    "never",
    "Which address clients of a network are told, when nameserver and broker are one process: CIDR=host:port;… first match wins. Ours, not Apache's.",
    advertisedAddressRules,
  ),
  namesrvAddr: optionalText(
    "never",
    "Nameservers to register with, host:port;host:port. Host names are resolved again every updateNameServerAddrPeriod.",
    environment("NAMESRV_ADDR"),
    namesrvAddrList,
    "the variable NAMESRV_ADDR",
  ),
  configManagerVersion: choice(
    ["v1"],
    "v1",
    "never",
    "Configuration is stored as JSON files. One in RocksDB form is refused at start, with the mqadmin commands that export it.",
  ),
  rocketmqHome: optionalText(
    "never",
    "Apache's home; required by aclEnable and migrateAuthFromV1Enabled only, which read conf/plain_acl.yml and conf/acl there.",
    environment("ROCKETMQ_HOME"),
  ),
  aclEnable: bool(
    false,
    "never",
    "ACL 1.0: only requests signed by an account of plain_acl.yml are served. Not with authenticationEnabled.",
  ),
  brokerConfigPath: optionalText("never", "File that run-time updates are persisted to; the file of -c. Kept beside it: .bak."),
  configBlackList: text(
    "configBlackList;brokerConfigPath",
    "never",
    "Keys, separated by semicolons, that no run-time update may change, beyond those that none ever may.",
  ),
};

const pop = {
  popPollingSize: int(1024, "live", "POP requests that may wait for one group and queue.", { min: 1 }),
  maxPopPollingSize: long(100_000, "live", "POP requests that may wait in all.", { min: 1 }),
  reviveInterval: long(1000, "live", "ms between two looks for messages that were popped and not acknowledged.", { min: 1 }),
  initPopOffsetByCheckMsgInMem: bool(
    true,
    "live",
    "A group that begins at the end begins at the start of a queue that is still in memory as a whole.",
  ),
  enableRetryTopicV2: bool(
    false,
    "live",
    "Messages that were popped and not acknowledged go to %RETRY%group+topic, not to %RETRY%group_topic.",
  ),
  retrieveMessageFromPopRetryTopicV1: bool(true, "live", "With enableRetryTopicV2: retries under the old name are popped too."),
  popFromRetryProbability: int(20, "live", "Percent of POP requests that look into the retry topic first.", { min: 0, max: 100 }),
  popReviveSkipIfGroupAbsent: bool(true, "live", "Messages of a group that was deleted are not given back."),
  popResponseReturnActualRetryTopic: bool(false, "live", "Retries are handed out under the name of the retry topic."),
  defaultMessageRequestMode: choice(
    ["PULL", "POP"],
    "PULL",
    "live",
    "How groups consume that have no mode of their own (code 401).",
  ),
  defaultPopShareQueueNum: int(-1, "live", "Clients that share a queue by POP; below 1: all.", { min: -1 }),
  serverLoadBalancerEnable: bool(true, "live", "QUERY_ASSIGNMENT divides queues among clients; else each client gets all."),
  useSeparateRetryQueue: bool(
    false,
    "live",
    "Retry topics of POP have the queues of their topic, and a message keeps its own; else they have one.",
  ),
  enablePopBufferMerge: bool(
    false,
    "live",
    "Check points of POP wait in memory for their acknowledgements; after a crash what waited is handed out again.",
  ),
  popCkStayBufferTime: int(10_000, "live", "With enablePopBufferMerge: ms that a check point waits at most.", { min: 0 }),
  popCkStayBufferTimeOut: int(
    3000,
    "live",
    "With enablePopBufferMerge: ms before its time is over that a check point is written.",
    {
      min: 2000,
    },
  ),
  popCkMaxBufferSize: int(200_000, "live", "With enablePopBufferMerge: check points that wait at most.", {
    min: 0,
    max: 200_000,
  }),
  popCkOffsetMaxQueueSize: int(20_000, "live", "The same of one queue and group.", { min: 0 }),
  priorityOrderAsc: bool(true, "live", "POP asks queues from the highest number on, where messages of the highest priority are."),
  popFromRetryProbabilityForPriority: int(0, "live", "popFromRetryProbability of topics with message.type=PRIORITY.", {
    min: 0,
    max: 100,
  }),
  enablePopMessageThreshold: bool(false, "live", "A group gets no more of a queue than popInflightMessageThreshold by POP."),
  popInflightMessageThreshold: long(
    10_000,
    "live",
    "With enablePopMessageThreshold: messages of a queue that were popped and neither acknowledged nor given back.",
    { min: 0 },
  ),
  enableNotifyAfterPopOrderLockRelease: bool(
    true,
    "live",
    "Waiting requests hear of it when messages given out in order may be given again.",
  ),
};

const lite = {
  enableLiteEventMode: bool(true, "live", "A POP asks lite topics with news only; else all that the client is subscribed to."),
  liteEventCheckInterval: long(10_000, "live", "ms between two looks for clients of lite topics that ask no more.", { min: 1 }),
  maxClientEventCount: int(
    100,
    "live",
    "Lite topics with news that may wait for one client, where its group does not say (lite.sub.client.max.event.cnt).",
    { min: 1 },
  ),
  liteEventFullDispatchDelayTime: long(
    10_000,
    "live",
    "ms until all lite topics of a client are looked through, when there was no room for one with news.",
    { min: 50 },
  ),
  liteEventFullDispatchDelayTimeForWildcardGroup: long(10_000, "live", "The same for a wildcard group.", { min: 50 }),
  loadBalancePollNameServerInterval: long(
    30_000,
    "live",
    "ms that the nameservers' answer is kept which says to which broker a lite topic belongs.",
    { min: 1 },
  ),
  liteLagCountMetricsEnable: bool(false, "live", "Metrics say how many messages of lite topics groups have not consumed."),
  liteLagLatencyMetricsEnable: bool(false, "live", "Metrics say how long the oldest of them waits."),
  minLiteTTl: long(900_000, "live", "ms that a lite topic lives at least after its last message, and after a start.", { min: 1 }),
  liteTtlCheckInterval: long(120_000, "live", "ms between two looks for lite topics that are over.", { min: 1 }),
  liteSubscriptionCheckInterval: long(120_000, "live", "ms between two looks for clients that don't renew subscriptions.", {
    min: 1,
  }),
  liteSubscriptionCheckTimeoutMills: long(180_000, "live", "ms after which a subscription that is not renewed ends.", { min: 1 }),
  maxLiteSubscriptionCount: long(100_000, "live", "Lite topics that all clients are subscribed to, each counted once a client.", {
    min: 0,
  }),
};

const filters = {
  enablePropertyFilter: bool(false, "live", "Consumers may filter by SQL92 expressions over message properties."),
  filterSupportRetry: bool(
    false,
    "live",
    "Messages that come again are asked by the SQL92 expression of the topic they were first sent to.",
  ),
  enableCalcFilterBitMap: bool(
    false,
    "restart",
    "With enableConsumeQueueExt: it is noted with each message which groups' expressions it passes, so that pulls need not read it.",
  ),
  expectConsumerNumUseFilter: int(
    32,
    "restart",
    "Consumer groups with an expression that one topic is expected to have: sizes the Bloom filter.",
    {
      min: 1,
      max: 100_000,
    },
  ),
  maxErrorRateOfBloomFilter: int(20, "restart", "Percent of messages that a Bloom filter may let through in vain.", {
    min: 1,
    max: 99,
  }),
  filterDataCleanTimeSpan: long(86_400_000, "live", "ms for which the expression of a group without consumers is kept.", {
    min: 0,
  }),
};

const topicsAndGroups = {
  brokerPermission: int(6, "live", "2 write, 4 read, 6 both, 0 none. A change registers with the nameservers at once.", {
    min: 0,
    max: 7,
  }),
  defaultTopicQueueNums: int(8, "restart", "Queues of TBW102, the most that an auto-created topic gets.", { min: 1, max: 65535 }),
  autoCreateTopicEnable: bool(true, "live", "Topics are made when a client sends to them; its template TBW102 is made at start."),
  clusterTopicEnable: bool(true, "restart", "The topic named like the cluster may be written and read."),
  brokerTopicEnable: bool(true, "restart", "The topic named like the broker may be written and read."),
  autoCreateSubscriptionGroup: bool(true, "live", "Consumer groups are made when a consumer first uses them."),
  msgTraceTopicName: text("RMQ_SYS_TRACE_TOPIC", "never", "Topic that clients write message traces to.", nameOfBroker),
  traceTopicEnable: bool(false, "restart", "The trace topic is made at start."),
  forwardTimeout: long(3000, "live", "ms that another broker has for its stretch of a static topic's queue.", { min: 1 }),
  traceOn: bool(true, "live", "Clients are told that tracing is on (TRACE_ON)."),
  regionId: text("DefaultRegion", "live", "Region that clients are told and messages carry (MSG_REGION).", plainWord),
  validateSystemTopicWhenUpdateTopic: bool(true, "live", "Changing a system topic is refused."),
  clearRetryTopicWhenDeleteTopic: bool(true, "live", "Deleting a topic deletes its POP retry topics as well."),
  enableMixedMessageType: bool(false, "live", "A topic may be declared with the message type MIXED."),
  enableCreateSysGroup: bool(
    true,
    "live",
    "System groups are made when they are first used, even without autoCreateSubscriptionGroup.",
  ),
  reviveQueueNum: int(8, "restart", "Queues of the POP revive topic, which is made at start.", { min: 1, max: 65535 }),
};

const sending = {
  storeReplyMessageEnable: bool(true, "live", "Answers of request–reply are stored as well as pushed."),
  rejectTransactionMessage: bool(false, "live", "Transactional messages are refused."),
  transactionTimeOut: long(
    6000,
    "live",
    "ms from its birth in which a half message is not asked about, unless it says otherwise.",
    {
      min: 0,
    },
  ),
  transactionCheckMax: int(15, "live", "A half message asked about so often is moved to TRANS_CHECK_MAX_TIME_TOPIC.", { min: 1 }),
  transactionCheckInterval: long(30_000, "live", "ms between two rounds of asking producers.", { min: 1 }),
  transactionMetricFlushInterval: long(10_000, "restart", "transactionMetrics is saved every so many ms.", { min: 1 }),
  transactionOpMsgMaxSize: int(4096, "live", "Bytes of one record that notes ended transactions.", { min: 1, max: 1_048_576 }),
  sendThreadPoolQueueCapacity: int(10_000, "live", "Sends that may wait at once; more are answered SYSTEM_BUSY.", { min: 1 }),
  pullThreadPoolQueueCapacity: int(100_000, "live", "Pulls that may be held at once; more are answered at once.", { min: 1 }),
  litePullThreadPoolQueueCapacity: int(100_000, "live", "Lite pulls that may be held at once.", { min: 1 }),
  ackThreadPoolQueueCapacity: int(100_000, "live", "Acknowledgements of POP that may wait at once.", { min: 1 }),
  endTransactionPoolQueueCapacity: int(100_000, "live", "Ends of transactions that may wait at once.", { min: 1 }),
  queryThreadPoolQueueCapacity: int(20_000, "live", "Queries of messages that may wait at once.", { min: 1 }),
  heartbeatThreadPoolQueueCapacity: int(50_000, "live", "Heartbeats that may wait at once.", { min: 1 }),
  clientManagerThreadPoolQueueCapacity: int(1_000_000, "live", "Client requests that may wait at once.", { min: 1 }),
  consumerManagerThreadPoolQueueCapacity: int(
    1_000_000,
    "live",
    "Requests for offsets and consumer lists that may wait at once.",
    {
      min: 1,
    },
  ),
  adminBrokerThreadPoolQueueCapacity: int(10_000, "live", "Administrative requests that may wait at once.", { min: 1 }),
  replyThreadPoolQueueCapacity: int(10_000, "live", "Answers of request–reply that may wait at once.", { min: 1 }),
  loadBalanceThreadPoolQueueCapacity: int(100_000, "live", "Requests for assignments that may wait at once.", { min: 1 }),
  busyPollMicros: int(
    200,
    "live",
    "Microseconds for which the broker looks for the next request of a client that waits for each answer, in the place of letting its core sleep: up to four tenths faster for that client, for up to a core while it sends. Tried out as it runs, and done only while it is faster; 0 turns it off. EdgeMQ's own key.",
    { min: 0, max: 1000 },
  ),
  sqlFilterThreads: int(
    1,
    "live",
    "Threads that look at backlogs for SQL92 filters, so that such a consumer holds up nobody else. Each is started when it is needed and ended ten seconds after. With 0 the event loop does it; when all are busy it helps. EdgeMQ's own key.",
    { min: 0, max: 16 },
  ),
  brokerFastFailureEnable: bool(
    true,
    "live",
    "Requests that waited longer than waitTimeMillsIn… says before they were taken are answered SYSTEM_BUSY. A request waits behind others of its connection, or while its client does not read.",
  ),
  waitTimeMillsInSendQueue: long(200, "live", "ms that a send may wait so.", { min: 0 }),
  waitTimeMillsInPullQueue: long(5000, "live", "ms that a pull may wait so; a pull that is held does not count.", { min: 0 }),
  waitTimeMillsInLitePullQueue: long(5000, "live", "ms that a lite pull may wait so.", { min: 0 }),
  waitTimeMillsInHeartbeatQueue: long(31_000, "live", "ms that a heartbeat may wait so.", { min: 0 }),
  waitTimeMillsInTransactionQueue: long(3000, "live", "ms that the end of a transaction may wait so.", { min: 0 }),
  waitTimeMillsInAckQueue: long(3000, "live", "ms that an acknowledgement of POP may wait so.", { min: 0 }),
  waitTimeMillsInAdminBrokerQueue: long(5000, "live", "ms that an administrative request may wait so.", { min: 0 }),
  recallMessageEnable: bool(
    false,
    "live",
    "Delayed messages may be taken back with the handle that their sender got (RECALL_MESSAGE).",
  ),
  allowRecallWhenBrokerNotWriteable: bool(true, "live", "They may also while brokerPermission forbids to write."),
  startAcceptSendRequestTimeStamp: long(0, "live", "Sends are refused before this time, ms since 1970."),
};

const consuming = {
  longPollingEnable: bool(true, "live", "A pull that finds nothing is held until something arrives or its time-out."),
  shortPollingTimeMills: long(1000, "live", "How long a pull is held when longPollingEnable is false, in ms.", { min: 0 }),
  notifyConsumerIdsChangedEnable: bool(true, "live", "Consumers of a group are told when one comes or goes."),
  realTimeNotifyConsumerChange: bool(true, "live", "They are told at once, not gathered."),
  rejectPullConsumerEnable: bool(false, "live", "Consumers that are not push consumers are refused."),
  litePullMessageEnable: bool(true, "live", "LITE_PULL_MESSAGE is served."),
  slaveReadEnable: bool(false, "live", "Clients far behind are told to read from a slave."),
  disableConsumeIfConsumerReadSlowly: bool(
    false,
    "live",
    "Groups further behind than consumerFallbehindThreshold lose their right to read.",
  ),
  consumerFallbehindThreshold: long(17_179_869_184, "live", "Bytes for disableConsumeIfConsumerReadSlowly.", { min: 0 }),
  coldDataFlowControlEnable: bool(
    false,
    "live",
    "Groups that read more cold data than cgColdReadThreshold in five seconds wait: push consumers are answered SYSTEM_BUSY, pulls are held. Cold is what lies further back in the log than accessMessageInMemoryHotRatio of the memory.",
  ),
  cgColdReadThreshold: long(
    3_145_728,
    "live",
    "Bytes for coldDataFlowControlEnable; updateColdDataFlowCtrGroupConfig sets one group's.",
    {
      min: 0,
    },
  ),
  globalColdReadThreshold: long(
    104_857_600,
    "live",
    "Bytes of cold data in five seconds after which every group that reads such waits.",
    {
      min: 0,
    },
  ),
  flushConsumerOffsetInterval: int(5000, "restart", "Offsets are persisted every so many ms.", { min: 1 }),
  consumerOffsetUpdateVersionStep: long(500, "live", "The offsets' data version moves once in so many commits.", { min: 1 }),
  delayOffsetUpdateVersionStep: long(200, "live", "The delay offsets' data version moves once in so many deliveries.", {
    min: 1,
  }),
  useServerSideResetOffset: bool(true, "live", "A reset of offsets is kept by the broker until the next pull of each queue."),
  channelExpiredTimeout: long(120_000, "live", "A client without heartbeat is forgotten after so many ms.", { min: 1 }),
  enableRegisterProducer: bool(true, "live", "Producers are remembered, for check-backs and producerConnection."),
  autoDeleteUnusedStats: bool(true, "live", "Statistics go with their topic or group."),
};

const registration = {
  registerNameServerPeriod: int(30_000, "restart", "Registers with the nameservers every so many ms.", {
    clamp: [10_000, 60_000],
  }),
  registerBrokerTimeoutMills: int(24_000, "live", "Time for one registration, in ms.", { min: 1 }),
  updateNameServerAddrPeriod: int(120_000, "restart", "Host names in namesrvAddr are resolved again every so many ms.", {
    min: 1,
  }),
  forceRegister: bool(true, "live", "Registers every time, not only when the nameserver's data version is older."),
  compressedRegister: bool(false, "live", "Registrations are compressed. Apache's nameserver can't read them."),
  enableSplitRegistration: bool(false, "live", "Topics are registered in parts of splitRegistrationSize."),
  splitRegistrationSize: int(800, "live", "Topics a registration when split.", { min: 1 }),
  enableSingleTopicRegister: bool(false, "live", "A new topic is registered alone (REGISTER_TOPIC_IN_NAMESRV)."),
  enableSplitMetadata: bool(true, "live", "All topics and groups are listed in pages when the caller asks so."),
  splitMetadataSize: int(2000, "live", "Topics or groups a page.", { min: 1 }),
};

export const brokerOptions: OptionsOf<BrokerSettings> = {
  ...storeOptions,
  ...nettyServerOptions(10911),
  ...nettyClientOptions,
  ...authOptions,
  ...brokerIdleOptions,
  ...metricsOptions,
  ...identity,
  ...topicsAndGroups,
  ...filters,
  ...pop,
  ...lite,
  ...sending,
  ...consuming,
  ...registration,
};

/** Live: read a key when it is needed. */
export type { BrokerSettings, BrokerSettingsInput };
