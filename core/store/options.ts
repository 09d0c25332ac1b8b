/** Keys of the store: Apache's MessageStoreConfig. `idle_options.ts` has those that do nothing here. */
import { bool, choice, int, long, type OptionsOf, optionalText, text } from "../config.ts";
import { delayLevels, directoryOrFile, hoursOfDay } from "../option_checks.ts";
import { storeIdleOptions } from "./idle_options.ts";
import type { StoreSettings, StoreSettingsInput } from "./settings.ts";

const places = {
  storePathRootDir: text((system) => `${system.homeDirectory()}/store`, "never", "Directory of all data.", directoryOrFile),
  storePathCommitLog: optionalText(
    "never",
    "Directory of the commit log, or several separated by commas, which take turns; not set: commitlog under storePathRootDir.",
  ),
  readOnlyCommitLogStorePaths: optionalText(
    "never",
    "Directories of the commit log, separated by commas, that get no new file; what is there is served, and goes when it expires.",
  ),
  mappedFileSizeCommitLog: int(1_073_741_824, "never", "Bytes a commit log file; must not change while there are files.", {
    min: 1024,
  }),
  mappedFileSizeConsumeQueue: int(6_000_000, "never", "Bytes a consume queue file, rounded up to entries of 20.", { min: 20 }),
  mapperFileSizeBatchConsumeQueue: int(
    13_800_000,
    "never",
    "Bytes a file of a queue of batches (BatchCQ), rounded up to entries of 46.",
    { min: 46 },
  ),
  enableConsumeQueueExt: bool(false, "restart", "Consume queues have extended units: tags, store time and filter bits."),
  mappedFileSizeConsumeQueueExt: int(50_331_648, "never", "Bytes a file of extended units.", { min: 64 }),
  maxHashSlotNum: int(5_000_000, "never", "Hash slots an index file.", { min: 1 }),
  maxIndexNum: int(20_000_000, "never", "Entries an index file.", { min: 2 }),
  openFilesMax: int(
    400,
    "restart",
    "Most files of the store that are open at once; the least recently used is closed. Ours, not Apache's.",
    { min: 8, max: 1_000_000 },
  ),
};

const durability = {
  flushDiskType: choice(["ASYNC_FLUSH", "SYNC_FLUSH"], "ASYNC_FLUSH", "live", "SYNC_FLUSH answers a send after the disk has it."),
  syncFlushTimeout: int(5000, "live", "A flush that takes longer, in ms, answers FLUSH_DISK_TIMEOUT.", { min: 1 }),
  flushIntervalCommitLog: int(
    500,
    "live",
    "ASYNC_FLUSH: an fdatasync begins at most so many ms after the oldest byte that none covers.",
    { min: 1 },
  ),
  storeType: choice(
    ["default"],
    "default",
    "never",
    "Consume queues are files. A store in RocksDB form is refused at start, with the mqadmin commands that turn it into files.",
  ),
  timerRocksDBEnable: bool(false, "never", "Timers in RocksDB are not here: true is refused at start."),
  transRocksDBEnable: bool(false, "never", "Half messages in RocksDB are not here: true is refused at start."),
  flushConsumeQueueThoroughInterval: int(60_000, "restart", "Consume queues and index reach the disk within so many ms.", {
    min: 1,
  }),
  enabledAppendPropCRC: bool(false, "restart", "Records carry a CRC over their properties as well."),
  brokerRole: choice(
    ["ASYNC_MASTER", "SYNC_MASTER"],
    "ASYNC_MASTER",
    "never",
    "Role; SLAVE can't be had as long as replication is not served.",
  ),
};

const limits = {
  maxMessageSize: int(4_194_304, "live", "Most bytes of a message body.", { min: 1, max: 128 * 1024 * 1024 }),
  maxTopicLength: int(127, "never", "Most bytes of a topic's name.", { min: 1, max: 255 }),
  osPageCacheBusyTimeOutMills: long(1000, "live", "Sends are refused when writing the tail buffer takes longer, in ms.", {
    min: 1,
  }),
  maxTransferBytesOnMessageInMemory: int(262_144, "live", "Most bytes of one pull of recent messages.", { min: 1 }),
  maxTransferCountOnMessageInMemory: int(32, "live", "Most messages of one pull of recent messages.", { min: 1 }),
  maxTransferBytesOnMessageInDisk: int(65_536, "live", "Most bytes of one pull of old messages.", { min: 1 }),
  maxTransferCountOnMessageInDisk: int(8, "live", "Most messages of one pull of old messages.", { min: 1 }),
  accessMessageInMemoryMaxRatio: int(40, "live", "Messages within this percentage of memory from the tail count as recent.", {
    min: 0,
    max: 100,
  }),
  accessMessageInMemoryHotRatio: int(
    26,
    "live",
    "For coldDataFlowControlEnable: messages further from the tail than this percentage of memory are cold.",
    { min: 0, max: 100 },
  ),
  coldDataScanEnable: bool(
    false,
    "live",
    "For coldDataFlowControlEnable: of what accessMessageInMemoryHotRatio calls cold only that is which the system does not hold in memory (mincore). On Linux, on Bun and Deno; elsewhere without effect, with a warning.",
  ),
  timerColdDataCheckIntervalMs: int(60_000, "live", "For coldDataScanEnable: the system is asked again after so long, in ms.", {
    min: 1,
  }),
  sampleSteps: int(32, "live", "For coldDataScanEnable: one page of so many stands for all of them.", { min: 1 }),
  maxFilterMessageSize: int(16_000, "live", "Bytes of consume queue entries that one pull looks at, when more than it wants.", {
    min: 20,
  }),
  dataReadAheadEnable: bool(
    true,
    "live",
    "Old messages are read in pieces of 512 KiB, with what lies around them; off: each by itself, for clients that jump about.",
  ),
  maxMsgsNumBatch: int(64, "live", "Most messages of any query by key.", { min: 1 }),
  defaultQueryMaxNum: int(32, "live", "Most messages of a query by key.", { min: 1 }),
  pullBatchMaxMessageCount: int(160, "live", "Most messages that any pull returns.", { min: 1 }),
};

const index = {
  messageIndexEnable: bool(true, "live", "Messages are indexed by key."),
  messageIndexSafe: bool(false, "restart", "The index counts for recovery as the consume queues do."),
};

const expiry = {
  fileReservedTime: int(72, "live", "Hours that messages are kept.", { min: 0 }),
  deleteWhen: text("04", "live", "Hours of the local day when expired files go, separated by semicolons.", hoursOfDay),
  diskMaxUsedSpaceRatio: int(75, "live", "Percentage of the disk above which expired files go at once.", { clamp: [10, 95] }),
  diskSpaceCleanForciblyRatio: int(85, "live", "Percentage of the disk above which files go before they expire.", {
    clamp: [30, 85],
  }),
  diskSpaceWarningLevelRatio: int(90, "live", "Percentage of the disk above which sends are refused.", { clamp: [35, 90] }),
  diskSpaceFreeBytesMin: long(
    67_108_864,
    "live",
    "Free bytes below which sends are refused and files go before they expire, whatever the percentages. EdgeMQ's own key.",
    { min: 0 },
  ),
  cleanFileForciblyEnable: bool(true, "live", "Files may go before they expire when the disk is full."),
  cleanResourceInterval: int(10_000, "restart", "Looks for expired files every so many ms.", { min: 1 }),
  deleteCommitLogFilesInterval: int(100, "live", "Pause between two files that go, in ms.", { min: 0 }),
  deleteFileBatchMax: int(10, "live", "Most files that go in one round.", { min: 1 }),
};

const lightQueues = {
  enableLmq: bool(false, "never", "Light queues (%LMQ%…) exist: their topics and groups need not be made."),
  enableMultiDispatch: bool(false, "restart", "With enableLmq: messages go to the light queues that they name, too."),
  enableLmqQuota: bool(false, "live", "No more than maxLmqConsumeQueueNum light queues are made."),
  maxLmqConsumeQueueNum: int(20_000, "live", "Most light queues, with enableLmqQuota.", { min: 0 }),
};

const compaction = {
  enableCompaction: bool(true, "restart", "Topics with cleanup.policy COMPACTION keep the newest message of each key."),
  compactionMappedFileSize: int(104_857_600, "never", "Bytes a file of a compaction log, about.", { min: 1024 }),
  compactionCqMappedFileSize: int(10_485_760, "never", "Bytes a file of its queue, rounded down to entries of 46.", { min: 92 }),
  compactionScheduleInternal: int(900_000, "live", "A queue is compacted about every so many ms, while there is anything new.", {
    min: 1,
  }),
  maxOffsetMapSize: int(104_857_600, "live", "Bytes of memory for the keys of all rounds; each key takes 24.", { min: 0 }),
  compactionThreadNum: int(6, "live", "Parts that maxOffsetMapSize is cut in, as many as there are processors at most.", {
    min: 1,
  }),
};

const recovery = {
  checkCRCOnRecover: bool(true, "restart", "Recovery checks the CRC of bodies."),
  forceVerifyPropCRC: bool(false, "restart", "Recovery checks that CRC where a record has one."),
  haListenPort: int(0, "never", "Port of replication; 0 is listenPort + 1.", { min: 0, max: 65535 }),
};

const delay = {
  messageDelayLevel: text(
    "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
    "restart",
    "Delays of the levels 1, 2, …: s, m, h, d.",
    delayLevels,
  ),
  flushDelayOffsetInterval: long(10_000, "restart", "Progress of delay levels is persisted every so many ms.", { min: 1 }),
  timerWheelEnable: bool(true, "restart", "Messages may be delayed by any time; its topic rmq_sys_wheel_timer is made at start."),
  timerPrecisionMs: int(1000, "never", "Step of any-time delays, in ms; a message comes within one step after its time.", {
    min: 10,
    max: 60_000,
  }),
  timerMaxDelaySec: int(259_200, "live", "Longest any-time delay, in seconds; a longer one is refused."),
  timerRollWindowSlot: int(172_800, "live", "Steps that a message waits at a time; what is later is parked again then."),
  timerFlushIntervalMs: int(1000, "restart", "The timer's progress is persisted every so many ms.", { min: 1 }),
  timerCongestNumEachSlot: int(
    2_147_483_647,
    "live",
    "Messages of one step from which on some are refused; of twice as many, all.",
    {
      min: 0,
    },
  ),
  timerStopEnqueue: bool(false, "live", "Parked messages are left in the timer topic."),
  timerStopDequeue: bool(false, "live", "Messages that are due are left in the timer wheel."),
  mappedFileSizeTimerLog: int(104_857_600, "never", "Bytes a timer log file; must not change while there are files.", {
    min: 1024,
  }),
  appendTopicForTimerDeleteKey: bool(false, "live", "A recalled message is known by topic and key, not by key alone."),
};

export const storeOptions: OptionsOf<StoreSettings> = {
  ...storeIdleOptions,
  ...places,
  ...durability,
  ...limits,
  ...index,
  ...expiry,
  ...lightQueues,
  ...compaction,
  ...recovery,
  ...delay,
};

/** Live: read a key when it is needed. */
export type { StoreSettings, StoreSettingsInput };
