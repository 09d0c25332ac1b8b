/**
 * What the broker sees of a store. Messages are records of the commit log (`wire/message.ts`); a store never sees a
 * command, a processor never sees a file.
 */
import type { RecordInput } from "../../wire/message.ts";
import type { Asker } from "./answer_room.ts";
import type { CqExtUnit } from "./consume_queue_ext.ts";
import type { ScanJob, ScanResult } from "./scan_job.ts";

/** The record's parts, and what the consume queue is told. `storeHost` is what clients dial to view or send back. */
export interface MessageInput extends RecordInput {
  /** With `commonProperties` complete: the store adds nothing but the reserved CRC. Keys and tags are here. */
  readonly properties: string;
  /** Value for the consume queue: tag hash, or the delivery time in SCHEDULE_TOPIC_XXXX. Safe integer. */
  readonly tagsCode: number;
  /** An inner batch of so many messages: it takes as many queue offsets, and the store adds INNER_BASE. */
  readonly innerBatchSize?: number | undefined;
  /** For SCHEDULE_TOPIC_XXXX: ms to add to the store timestamp for tagsCode; overrides tagsCode when given. */
  readonly deliverDelayMs?: number;
}

/** Apache's PutMessageStatus. */
export type PutStatus =
  | "PUT_OK"
  | "MESSAGE_ILLEGAL"
  | "PROPERTIES_SIZE_EXCEEDED"
  | "SERVICE_NOT_AVAILABLE"
  | "OS_PAGE_CACHE_BUSY"
  | "CREATE_MAPPED_FILE_FAILED"
  | "LMQ_CONSUME_QUEUE_NUM_EXCEEDED";

export interface PutRefusal {
  readonly status: Exclude<PutStatus, "PUT_OK">;
  /** What was tried, on what, why it failed, which key mends it. */
  readonly reason: string;
}

export interface PutReceipt {
  readonly status: "PUT_OK";
  readonly physicalOffset: number;
  readonly queueOffset: number;
  /** Record bytes. */
  readonly size: number;
  readonly storeTimestamp: number;
  /** Physical offset after the record: hand it to `durable`. */
  readonly endOffset: number;
}

export type GetStatus =
  | "FOUND"
  | "NO_MATCHED_MESSAGE"
  | "MESSAGE_WAS_REMOVING"
  | "OFFSET_FOUND_NULL"
  | "OFFSET_OVERFLOW_BADLY"
  | "OFFSET_OVERFLOW_ONE"
  | "OFFSET_TOO_SMALL"
  | "NO_MATCHED_LOGIC_QUEUE"
  | "NO_MESSAGE_IN_QUEUE"
  | "OFFSET_RESET";

export interface GetResult {
  readonly status: GetStatus;
  readonly nextBeginOffset: number;
  /** -1 for a queue that never had a message. */
  readonly minOffset: number;
  readonly maxOffset: number;
  /** What `MessageStore.maxOffset` said of the queue then, where that is not `maxOffset`: of a compacted topic. */
  readonly queueEnd?: number;
  /** Records in stored layout, one after another; a buffer of its own. Empty unless FOUND. */
  readonly body: Uint8Array;
  /** Gives the body's memory back to the store, for who is done with it. Whoever calls it may not look at the body again. */
  readonly release?: (() => void) | undefined;
  readonly messageCount: number;
  /** The last delivered record's distance from the tail asks for reading from a slave (slaveReadEnable). */
  readonly suggestSlave: boolean;
}

export interface GetLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** Who asked: what must wait for the disk is not read before it has read what it was sent, nor at all when it is gone. */
  readonly asker?: Asker | undefined;
}

/**
 * True when the consume queue entry may match; undefined takes everything.
 * @param ext the extended unit, where there is one (enableConsumeQueueExt).
 */
export type TagsFilter = ((tagsCode: number, ext?: CqExtUnit) => boolean) | undefined;

/** Whether the record at `at` is delivered; its frame was checked. Must not keep `bytes`. */
export type RecordFilter = (bytes: Uint8Array, at: number) => boolean;

export interface RecordScan {
  readonly matches: RecordFilter;
  /** Records that one call looks at; as many as are wanted at least. */
  readonly scannedMax: number;
  /** Who looks at records beside the event loop; undefined when nobody does now. */
  readonly beside?: ScanBeside | undefined;
}

export type Scanned = ScanResult | "here" | undefined;

/** Looks at records by the same filter where it holds up nobody. */
export interface ScanBeside {
  /** As `RecordScan.scannedMax`. */
  readonly scannedMax: number;
  /**
   * @returns "here" when the caller is to look for itself, with the buffers of the job; undefined when it came to nothing: they are
   *   lost. Never rejects.
   */
  scan(job: ScanJob): Promise<Scanned>;
}

/** Bits of a message for its extended unit; undefined: it gets none. @param properties text of `wire/properties.ts` */
export type FilterBitMapOf = (topic: string, properties: string) => Uint8Array | undefined;

/** What arrival listeners get after a record became readable. */
export interface Arrival {
  readonly topic: string;
  readonly queueId: number;
  /** Queue offset after the new record. */
  readonly nextOffset: number;
  /** As calculated at dispatch. */
  readonly filterBitMap?: Uint8Array | undefined;
  readonly tagsCode: number;
  readonly storeTimestamp: number;
}

/** Messages of a queue that are about to go with their commit log file: `[from, to)` of its offsets. */
export interface ExpiredRange {
  readonly topic: string;
  readonly queueId: number;
  readonly from: number;
  readonly to: number;
}

export interface QueueRef {
  readonly topic: string;
  readonly queueId: number;
}

export interface MessageStore {
  /** Recovers and opens; rejects with a message that names file and key when it must not start. */
  load(): Promise<void>;
  /** Flushes everything, writes the checkpoint, removes `abort`, releases the lock. */
  close(): Promise<void>;

  /**
   * Fixes order, physical offset and queue offset, and copies the record into the tail buffer. Synchronous.
   * The record becomes readable, and arrivals are announced, after it is in the page cache (end of the turn), or on the
   * disk when somebody waits for that (`durable` with `flushed`, also for a record before it).
   * @param message nothing of it is kept: it may be another message as soon as this returns
   */
  append(message: MessageInput): PutReceipt | PutRefusal;
  /** All of `messages` (one topic, one queue) with consecutive queue offsets, or none. */
  appendBatch(messages: readonly MessageInput[]): PutReceipt[] | PutRefusal;
  /**
   * Settles when everything before `endOffset` is as durable as asked for: in the page cache, or, with `flushed`, on the
   * disk. Resolves false when flushing took longer than syncFlushTimeout (FLUSH_DISK_TIMEOUT: stored all the same);
   * rejects when the disk failed. Calls of one turn share one promise.
   */
  durable(endOffset: number, flushed: boolean): Promise<boolean>;
  /** Why appending is refused now (disk full, closing, busy), or undefined. */
  writeRefusal(): PutRefusal | undefined;

  /** Synchronous while what is asked for is recent; a promise when it must be fetched (cold, later: another tier). */
  get(queue: QueueRef, offset: number, limits: GetLimits, filter: TagsFilter): GetResult | Promise<GetResult>;
  /** As `get`, with records that pass only; NO_MATCHED_MESSAGE, and where to go on, when none of those looked at does. */
  getMatching(queue: QueueRef, offset: number, limits: GetLimits, scan: RecordScan): GetResult | Promise<GetResult>;
  /**
   * The record at a physical offset, checked (magic, size, own offset); a copy. Undefined when there is none, or when
   * `asker` is gone before it is read.
   */
  recordAt(physicalOffset: number, asker?: Asker): Promise<Uint8Array | undefined>;
  /** The record of `size` bytes at a physical offset, checked, where it lies in memory: valid for this turn. Undefined when it does not. */
  recentRecord(physicalOffset: number, size: number): Uint8Array | undefined;

  /** -1 when the queue never existed. */
  minOffset(queue: QueueRef): number;
  /** 0 when the queue never existed. */
  maxOffset(queue: QueueRef): number;
  /**
   * LOWER: the first message stored at `timestamp` or later, else the queue's end. UPPER: the last message stored at
   * `timestamp` or earlier, else the queue's start. As Apache, whose UPPER is the message itself, not the one behind.
   */
  offsetByTime(queue: QueueRef, timestamp: number, boundary: "LOWER" | "UPPER"): Promise<number>;
  /** Store time of a message; -1 when it is not there. */
  storeTimeAt(queue: QueueRef, offset: number): Promise<number>;
  earliestStoreTime(queue: QueueRef): Promise<number>;
  /** Consume queue entries, for QUERY_CONSUME_QUEUE and scans. */
  entries(queue: QueueRef, offset: number, countMax: number): Promise<QueueEntry[]>;
  /** Queues that have files, per topic. */
  queues(): Map<string, number[]>;

  /** Physical offsets of messages with the key (hash matches: the caller re-checks), newest first. Needs whole key text `topic#key`. */
  query(keyText: string, maxCount: number, beginTimestamp: number, endTimestamp: number): Promise<QueryResult>;

  /**
   * Drops consume queues of topics, for good on return: messages stored before don't come back, those stored later begin at
   * queue offset 0.
   * @throws RuntimeFault when that can't be made known to a start after a crash; the queues are then as they were
   */
  deleteTopics(topics: ReadonlySet<string>): void;
  /** Manual expiry (codes 329 and 306). */
  deleteExpiredCommitLogs(): Promise<number>;
  cleanExpiredConsumeQueues(): Promise<void>;

  /** Who calculates bits for extended units (enableConsumeQueueExt with enableCalcFilterBitMap); called at each dispatch. */
  setFilterBitMap(calculate: FilterBitMapOf): void;
  onArrival(listener: (arrival: Arrival) => void): void;
  /** Told before a commit log file goes, for each queue that loses messages by it. */
  onExpired(listener: (range: ExpiredRange) => void): void;
  stats(): StoreStats;
  /**
   * With coldDataScanEnable: whether the byte at this offset of the log would have to come from the disk, as far as the last look
   * at the system's memory tells. Undefined without, and where the runtime can't look (`FileHandle.pagesInMemory`).
   */
  isOnDiskOnly(physicalOffset: number): boolean | undefined;

  /**
   * Replication reads raw bytes of the log (a view or a copy of `[from, to)`, never past the written end).
   * @param room to read into, of `bytesMax` bytes
   */
  readRaw(from: number, bytesMax: number, room?: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

export interface QueueEntry {
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly size: number;
  readonly tagsCode: number;
  /** Its extended unit, where it has one (enableConsumeQueueExt). */
  readonly ext?: CqExtUnit | undefined;
  /** The message of this offset is lost: the rest are the values of the offset before, whose message is not to be served again. */
  readonly isHole?: boolean;
}

export interface QueryResult {
  readonly physicalOffsets: number[];
  readonly indexLastUpdateTimestamp: number;
  readonly indexLastUpdatePhyoffset: number;
}

export interface StoreStats {
  readonly minPhysicalOffset: number;
  /** End of what was appended. */
  readonly maxPhysicalOffset: number;
  readonly writtenOffset: number;
  readonly flushedOffset: number;
  /** Replicated as the policy asks; equals the written one on a single master. */
  readonly confirmOffset: number;
  /** 0..100 */
  readonly commitLogDiskPercent: number;
  /** The directories that new files of the log go to. */
  readonly commitLogDisks: readonly { readonly path: string; readonly percent: number; readonly freeBytes: number }[];
  readonly consumeQueueDiskPercent: number;
  readonly putCount: number;
  readonly putFailedCount: number;
  readonly putBytes: number;
  readonly tailBufferBytes: number;
  readonly dispatchBehindBytes: number;
  readonly earliestStoreTimestamp: number;
  /** Longest time an append waited for the tail buffer to be written, ms, over the last minute. */
  readonly putEntireTimeMaxMs: number;
  /** Stretches of the log that recovery found without a record, with good ones behind them, and their bytes. */
  readonly lostStretchCount: number;
  readonly lostBytes: number;
  /** Queue offsets that recovery found without a message. */
  readonly lostQueueOffsetCount: number;
  /** Records that pulls left out, since their bytes are none. */
  readonly unreadableRecordCount: number;
  /** Longest time from a byte in the page cache to the end of the fdatasync that covered it, ms. */
  readonly unsyncedMaxMs: number;
  /** The same to the begin of that fdatasync. */
  readonly flushDelayMaxMs: number;
  /** How often that was longer than twice flushIntervalCommitLog. */
  readonly flushLateCount: number;
}
