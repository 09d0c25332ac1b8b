/**
 * The store on files: Apache's layout, so that each opens what the other wrote.
 *
 *     append -> CommitLog (tail buffer) -> group commit at the end of the turn -> dispatch: ConsumeQueue, index, arrivals
 *                                                                              -> `durable` promises settle
 *
 * The log is the truth; consume queues and index are made from it, and are dispatched again from the last checkpoint after
 * a crash. This file owns the order of those steps and the checks of what may enter; each part has a file of its own.
 *
 * Invariants: a record is dispatched once and in log order; a consumer sees nothing that is not in the page cache; nothing
 * is acknowledged before it is; a queue's offsets have no gap.
 */
import { readInt32 } from "../../wire/bytes.ts";
import { WireError } from "../../wire/errors.ts";
import { RECORD_BYTES_MIN } from "../../wire/message.ts";
import { MessageConst } from "../../wire/message_const.ts";
import { readStoreTimestamp } from "../../wire/message_reader.ts";
import { setProperty } from "../../wire/properties.ts";
import type { FileLock, Log, Runtime } from "../runtime.ts";
import { AnswerRoom, type Asker } from "./answer_room.ts";
import { Appended } from "./appended.ts";
import { BATCH_UNIT_BYTES } from "./batch_consume_queue.ts";
import { Checkpointer } from "./checkpointer.ts";
import { CleanFiles } from "./clean_files.ts";
import { ColdDataCheckService } from "./cold_data_check.ts";
import { CommitLog } from "./commit_log.ts";
import { CommitLogPaths } from "./commit_log_paths.ts";
import { CompactionStore } from "./compaction/compaction_store.ts";
import { ConsumeQueueKinds } from "./consume_queue_kinds.ts";
import { ConsumeQueueStore } from "./consume_queue_store.ts";
import { DeletedTopics } from "./deleted_topics.ts";
import { makeDirectories, syncAncestors } from "./directories.ts";
import { DiskGuard } from "./disk_guard.ts";
import { isQueued } from "./dispatch_request.ts";
import { Dispatcher } from "./dispatcher.ts";
import { FileQueue } from "./file_queue.ts";
import { IndexCatchUp } from "./index_catch_up.ts";
import { IndexService } from "./index_service.ts";
import type { LogicQueue } from "./logic_queue.ts";
import { Losses } from "./losses.ts";
import { MessageReader } from "./message_reader.ts";
import type {
  Arrival,
  ExpiredRange,
  FilterBitMapOf,
  GetLimits,
  GetResult,
  MessageInput,
  MessageStore,
  PutReceipt,
  PutRefusal,
  QueryResult,
  QueueEntry,
  QueueRef,
  RecordScan,
  StoreStats,
  TagsFilter,
} from "./message_store.ts";
import { MultiDispatch } from "./multi_dispatch.ts";
import { offsetByTime, storeTimeOf } from "./offset_by_time.ts";
import { OpenFiles } from "./open_files.ts";
import type { StoreSettings } from "./options.ts";
import { scanPortions } from "./portion_scan.ts";
import { illegalPut } from "./put_checks.ts";
import { QueueEnds } from "./queue_ends.ts";
import { entriesOf } from "./queue_entries.ts";
import { isRecordOf } from "./record_checks.ts";
import { recover } from "./recovery.ts";
import { rocksDbRefusal } from "./rocksdb_form.ts";
import { StoreCheckpoint } from "./store_checkpoint.ts";
import type { TopicAttributes } from "./topic_attributes.ts";
import { writeMarkedAgain } from "./unsynced_mark.ts";
import { WallClock } from "./wall_clock.ts";

/** Of answers that wait for the disk: 64 of them as they are by default (maxTransferBytesOnMessageInMemory). */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

type State = "new" | "loading" | "open" | "closing" | "closed";

export class DefaultMessageStore implements MessageStore {
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #settings: StoreSettings;
  readonly #openFiles: OpenFiles;
  readonly #commitLog: CommitLog;
  readonly #queues: ConsumeQueueKinds;
  readonly #index: IndexService;
  readonly #indexCatchUp: IndexCatchUp;
  readonly #dispatcher: Dispatcher;
  readonly #multi: MultiDispatch;
  readonly #compaction: CompactionStore;
  readonly #room = new AnswerRoom(WAITING_BYTES_MAX);
  readonly #reader: MessageReader;
  readonly #coldDataCheck: ColdDataCheckService;
  readonly #disk: DiskGuard;
  readonly #losses: Losses;
  readonly #deleted: DeletedTopics;
  readonly #clean: CleanFiles;
  readonly #expiredListeners: ((range: ExpiredRange) => void)[] = [];
  readonly #checkpoint: StoreCheckpoint;
  readonly #checkpointer: Checkpointer;
  readonly #ends: QueueEnds;
  #state: State = "new";
  #lock: FileLock | undefined;
  #putCount = 0;
  #putFailedCount = 0;
  #putBytes = 0;

  /**
   * `settings` is live. Nothing is touched before `load`.
   * @param topicAttributes what topics.json says; decides which kind of queue a new topic has.
   */
  constructor(runtime: Runtime, log: Log, settings: StoreSettings, topicAttributes: TopicAttributes = () => undefined) {
    this.#runtime = runtime;
    this.#log = log;
    this.#settings = settings;
    const root = settings.storePathRootDir;
    this.#openFiles = new OpenFiles(runtime.files, settings.openFilesMax);
    const paths = new CommitLogPaths(settings);
    const directories = paths.directories.join(",");
    const logFiles = new FileQueue(this.#openFiles, directories, settings.mappedFileSizeCommitLog, paths);
    const commitLog = new CommitLog(runtime, log, settings, logFiles, {
      written: (end) => this.#onWritten(end),
      discarded: (end) => this.#onDiscarded(end),
    });
    const simple = new ConsumeQueueStore(runtime.clock, this.#openFiles, settings);
    const queues = new ConsumeQueueKinds(simple, this.#openFiles, settings, topicAttributes);
    this.#compaction = new CompactionStore({
      runtime,
      log,
      settings,
      room: this.#room,
      open: this.#openFiles,
      attributes: topicAttributes,
      queue: (ref) => queues.find(ref),
      // Before the store is open the log does not know its end.
      readSync: (target, offset) =>
        this.#state === "loading" ? logFiles.readSync(target, offset) === target.length : commitLog.readSync(target, offset),
    });
    queues.compaction = this.#compaction;
    const index = new IndexService(runtime, log, settings, this.#openFiles);
    const checkpoint = new StoreCheckpoint(runtime.files, `${root}/checkpoint`);
    const losses = new Losses(log);
    this.#losses = losses;
    this.#multi = new MultiDispatch(settings, queues);
    const deleted = new DeletedTopics(runtime.files, log, root);
    this.#deleted = deleted;
    const dispatcher = new Dispatcher({ log, settings, queues, index, losses, multi: this.#multi, deleted });
    this.#commitLog = commitLog;
    this.#queues = queues;
    this.#index = index;
    this.#checkpoint = checkpoint;
    this.#dispatcher = dispatcher;
    this.#indexCatchUp = new IndexCatchUp({ clock: runtime.clock, digest: runtime.digest, log, commitLog, dispatcher, index });
    this.#reader = new MessageReader(commitLog, settings, losses, runtime.system.memory().totalBytes, this.#room);
    this.#coldDataCheck = new ColdDataCheckService(runtime.clock, log, settings, logFiles);
    this.#disk = new DiskGuard(runtime.files, log, settings, paths);
    this.#clean = new CleanFiles({
      runtime,
      log,
      settings,
      commitLog,
      queues,
      index,
      disk: this.#disk,
      wallClock: new WallClock(runtime.clock, log, () => settings.cleanResourceInterval),
      expired: (range) => this.#onExpired(range),
    });
    const ends = new QueueEnds(runtime, root);
    this.#ends = ends;
    this.#checkpointer = new Checkpointer({
      runtime,
      log,
      settings,
      commitLog,
      dispatcher,
      queues,
      index,
      checkpoint,
      deleted,
      ends,
    });
  }

  // ------------------------------------------------------------------------------------------------------- open, close

  async load(): Promise<void> {
    if (this.#state !== "new") throw new Error(`the store is ${this.#state}; it loads once`);
    this.#state = "loading";
    const { files } = this.#runtime;
    const root = this.#settings.storePathRootDir;
    const rocksDb = rocksDbRefusal(files, this.#settings);
    if (rocksDb !== undefined) throw new Error(rocksDb);
    for (const directory of makeDirectories(files, root)) files.syncDirectory(directory);
    // A first start that was killed may have made them, and not come to syncing them.
    if (!files.exists(`${root}/checkpoint`)) syncAncestors(files, root);
    this.#takeLock(`${root}/lock`);
    try {
      const isStopped = !files.exists(`${root}/abort`);
      this.#commitLog.files.load("mappedFileSizeCommitLog", isStopped);
      this.#queues.load(isStopped);
      this.#deleted.load();
      if (!this.#checkpoint.load() && this.#commitLog.files.count > 0) {
        this.#log.warn("the file checkpoint is absent or broken; more of the log is read instead", { directory: root });
      }
      const left = this.#ends.readTrue(isStopped, this.#checkpoint.queuesSum);
      const orderly = isStopped || left !== undefined;
      this.#index.load(orderly, this.#checkpoint.indexMsgTimestamp);
      this.#compaction.load(isStopped ? Number.POSITIVE_INFINITY : this.#checkpoint.logicsMsgTimestamp);
      const recovered = await recover({
        runtime: this.#runtime,
        log: this.#log,
        settings: this.#settings,
        commitLog: this.#commitLog.files,
        queues: this.#queues,
        checkpoint: this.#checkpoint,
        losses: this.#losses,
        deleted: this.#deleted,
        orderly,
        left,
        bootMark: this.#ends.bootMark,
        indexFrom: (logBegin) => {
          if (!orderly) return this.#index.resumeFrom(logBegin, this.#checkpoint);
          // After an orderly stop everything is indexed, unless the index was lost as a whole. A store whose messages have
          // no keys never had one; of Apache's checkpoint that can't be told.
          const had = !this.#checkpoint.isOurs || this.#checkpoint.indexMsgTimestamp > 0;
          return this.#settings.messageIndexEnable && this.#index.isEmpty && had ? logBegin : undefined;
        },
        dispatch: (request, toQueues) => {
          this.#dispatcher.dispatch(request, toQueues);
          this.#queues.trim();
        },
        lose: (request) => this.#dispatcher.lose(request),
      });
      // On the disk before new records take the place of those: a start would find their entries, and think them indexed.
      if (this.#index.cut(recovered.end)) await this.#index.sync();
      this.#queues.recovered();
      if (!isStopped && orderly) this.#queues.simple.allUnsynced();
      await this.#compaction.catchUp(this.#queues.refsOf((topic) => this.#compaction.isCompacted(topic)));
      this.#deleted.endAt(recovered.end);
      this.#ends.remove();
      const flushedOffset = Math.min(
        recovered.flushedOffset,
        await writeMarkedAgain(this.#commitLog.files, files, root, recovered.end, this.#log),
      );
      this.#commitLog.start(flushedOffset, recovered.end, recovered.lastStoreTimestamp);
      this.#dispatcher.dispatchedOffset = recovered.end;
      this.#checkpoint.create();
      files.write(`${root}/abort`, new TextEncoder().encode(String(this.#runtime.system.pid)), { sync: true });
      files.syncDirectory(root);
      this.#clean.start();
      this.#state = "open";
      this.#checkpointer.start(recovered.end);
      this.#indexCatchUp.start();
    } catch (error) {
      this.#openFiles.closeAll();
      this.#lock?.release();
      this.#state = "closed";
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "closing";
    try {
      await this.#indexCatchUp.stop();
      await this.#compaction.stop();
      await this.#clean.stop();
      await this.#coldDataCheck.stop();
      await this.#commitLog.drain();
      await this.#commitLog.files.dropPrepared();
      // After a failure of the log the next start is to verify it, and it does while there is `abort`.
      const isInOrder = (await this.#checkpointer.last()) && !this.#commitLog.isReadOnly;
      if (isInOrder) {
        const { files } = this.#runtime;
        files.remove(`${this.#settings.storePathRootDir}/abort`);
        files.syncDirectory(this.#settings.storePathRootDir);
      }
    } finally {
      this.#commitLog.flush.stop();
      this.#openFiles.closeAll();
      this.#lock?.release();
      this.#state = "closed";
    }
  }

  #takeLock(path: string): void {
    const { files } = this.#runtime;
    this.#lock = files.lock(path);
    if ((files.stat(path)?.size ?? 0) > 0) return;
    // Through a second handle: the lock is the kernel's, on the file, not on its bytes.
    const file = files.open(path);
    file.writeSync(new TextEncoder().encode("lock"), 0);
    file.close();
  }

  // ------------------------------------------------------------------------------------------------------------ append

  append(message: MessageInput): PutReceipt | PutRefusal {
    const refusal = this.writeRefusal() ?? illegalPut(message, message.body.length, this.#settings);
    const result = refusal ?? this.#appendOne(message, false);
    return result.status === "PUT_OK" ? result : this.#refused(result);
  }

  appendBatch(messages: readonly MessageInput[]): PutReceipt[] | PutRefusal {
    const refusal = this.writeRefusal();
    if (refusal !== undefined) return this.#refused(refusal);
    let bodyBytes = 0;
    for (const message of messages) bodyBytes += message.body.length;
    const end = this.#commitLog.endOffset;
    const receipts: PutReceipt[] = [];
    for (const message of messages) {
      const result = illegalPut(message, bodyBytes, this.#settings) ?? this.#appendOne(message, true);
      if (result.status === "PUT_OK") {
        receipts.push(result);
        continue;
      }
      // All or none: nothing of this turn is written yet, so what went in can still go out.
      this.#commitLog.rewind(end);
      this.#putCount -= receipts.length;
      for (const receipt of receipts) this.#putBytes -= receipt.size;
      this.#dispatcher.discard(end);
      return this.#refused(result);
    }
    return receipts;
  }

  #appendOne(given: MessageInput, batchEntry: boolean): PutReceipt | PutRefusal {
    const queued = isQueued(given.sysFlag);
    const queue = this.#queues.findOrCreate(given.topic, given.queueId, given.innerBatchSize !== undefined);
    if (given.innerBatchSize !== undefined && queue.unitBytes !== BATCH_UNIT_BYTES) {
      return { status: "MESSAGE_ILLEGAL", reason: `it is an inner batch, and queue.type of "${given.topic}" is not BatchCQ` };
    }
    const queueOffset = queued ? queue.nextOffset : 0;
    let message = given.innerBatchSize === undefined ? given : withBase(given, queueOffset);
    const light = queued ? this.#multi.assign(message) : undefined;
    if (light !== undefined) {
      if ("status" in light) return light;
      message = light.message;
    }
    let refusal: PutRefusal | undefined;
    try {
      refusal = this.#commitLog.append(message, queueOffset, batchEntry);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      refusal = { status: "MESSAGE_ILLEGAL", reason: error.message };
    }
    if (refusal !== undefined) {
      if (light !== undefined) this.#multi.takeBack(light);
      return refusal;
    }
    if (queued) queue.nextOffset += message.innerBatchSize ?? 1;
    const { recordOffset, endOffset, storeTimestamp } = this.#commitLog;
    const size = endOffset - recordOffset;
    const tags = message.deliverDelayMs === undefined ? message.tagsCode : storeTimestamp + message.deliverDelayMs;
    const appended = new Appended(
      message,
      queued ? queue : undefined,
      queueOffset,
      recordOffset,
      endOffset,
      storeTimestamp,
      tags,
    );
    this.#dispatcher.add(appended);
    this.#putCount++;
    this.#putBytes += size;
    return appended;
  }

  #refused(refusal: PutRefusal): PutRefusal {
    this.#putFailedCount++;
    return refusal;
  }

  durable(endOffset: number, flushed: boolean): Promise<boolean> {
    return this.#commitLog.durable(endOffset, flushed);
  }

  writeRefusal(): PutRefusal | undefined {
    if (this.#state !== "open") return { status: "SERVICE_NOT_AVAILABLE", reason: `the store is ${this.#state}` };
    const { fault } = this.#queues;
    if (fault !== undefined) {
      return {
        status: "SERVICE_NOT_AVAILABLE",
        reason: `the consume queues can't be written: ${fault.message}; free space on the disk of storePathRootDir`,
      };
    }
    return this.#disk.refusal ?? this.#commitLog.refusal();
  }

  #onWritten(end: number): void {
    this.#dispatcher.written(end);
    this.#clean.written(end);
    this.#checkpointer.whenDue();
  }

  /** Records that were appended and could not be written are gone; their queue offsets are free again. */
  #onDiscarded(end: number): void {
    this.#putFailedCount += this.#dispatcher.discard(end);
  }

  setFilterBitMap(calculate: FilterBitMapOf): void {
    this.#dispatcher.filterBitMapOf = calculate;
  }

  onArrival(listener: (arrival: Arrival) => void): void {
    this.#dispatcher.onArrival(listener);
  }

  // ------------------------------------------------------------------------------------------------------------- reads

  get(queue: QueueRef, offset: number, limits: GetLimits, filter: TagsFilter): GetResult | Promise<GetResult> {
    if (this.#compaction.isCompacted(queue.topic)) return this.#compaction.get(queue, offset, limits);
    return this.#reader.get(this.#queues.find(queue), offset, limits, filter);
  }

  getMatching(queue: QueueRef, offset: number, limits: GetLimits, scan: RecordScan): GetResult | Promise<GetResult> {
    const found = this.#queues.find(queue);
    const inPortions = this.#compaction.isCompacted(queue.topic) || found?.unitBytes === BATCH_UNIT_BYTES;
    return inPortions ? scanPortions(this, queue, offset, limits, scan) : this.#reader.getMatching(found, offset, limits, scan);
  }

  async recordAt(physicalOffset: number, asker?: Asker): Promise<Uint8Array | undefined> {
    if (!Number.isSafeInteger(physicalOffset) || physicalOffset < 0) return undefined;
    const head = new Uint8Array(RECORD_BYTES_MIN);
    if (!(await this.#commitLog.read(head, physicalOffset))) return undefined;
    const size = readInt32(head, 0);
    const { mappedFileSizeCommitLog } = this.#settings;
    const room = mappedFileSizeCommitLog - (physicalOffset % mappedFileSizeCommitLog);
    if (size < RECORD_BYTES_MIN || size > room || !isRecordOf(head, 0, size, physicalOffset)) return undefined;
    const read = async (): Promise<Uint8Array | undefined> => {
      const record = new Uint8Array(size);
      return (await this.#commitLog.read(record, physicalOffset)) ? record : undefined;
    };
    return asker === undefined ? read() : this.#room.attend(asker, (own) => (own.has(size) ? read() : undefined));
  }

  recentRecord(physicalOffset: number, size: number): Uint8Array | undefined {
    const stretch = this.#commitLog.recentStretch(physicalOffset, size);
    if (stretch === undefined) return undefined;
    const at = (physicalOffset - stretch.base) | 0;
    return isRecordOf(stretch.bytes, at, size, physicalOffset) ? stretch.bytes.subarray(at, at + size) : undefined;
  }

  minOffset(queue: QueueRef): number {
    const found = this.#found(queue);
    return found === undefined ? -1 : found.minOffset;
  }

  maxOffset(queue: QueueRef): number {
    return this.#queues.find(queue)?.maxOffset ?? 0;
  }

  async offsetByTime(queue: QueueRef, timestamp: number, boundary: "LOWER" | "UPPER"): Promise<number> {
    const found = this.#found(queue);
    return found === undefined ? 0 : offsetByTime(this.#commitLog, found, timestamp, boundary);
  }

  async storeTimeAt(queue: QueueRef, offset: number): Promise<number> {
    const found = this.#found(queue);
    return found === undefined ? -1 : storeTimeOf(this.#commitLog, found, offset);
  }

  async earliestStoreTime(queue: QueueRef): Promise<number> {
    const found = this.#found(queue);
    return found === undefined ? -1 : storeTimeOf(this.#commitLog, found, found.minOffset);
  }

  async entries(queue: QueueRef, offset: number, countMax: number): Promise<QueueEntry[]> {
    const found = this.#found(queue);
    if (found === undefined || countMax <= 0) return [];
    return entriesOf(found, Math.max(offset, found.minOffset), countMax);
  }

  queues(): Map<string, number[]> {
    const result = new Map<string, number[]>();
    for (const topic of this.#queues.topics()) {
      const ids: number[] = [];
      for (const [queueId, queue] of this.#queues.queuesOf(topic) ?? []) if (queue.maxOffset > 0) ids.push(queueId);
      if (ids.length > 0)
        result.set(
          topic,
          ids.sort((a, b) => a - b),
        );
    }
    return result;
  }

  query(keyText: string, maxCount: number, beginTimestamp: number, endTimestamp: number): Promise<QueryResult> {
    return this.#index.query(keyText, maxCount, beginTimestamp, endTimestamp);
  }

  async readRaw(from: number, bytesMax: number, room?: Uint8Array): Promise<Uint8Array> {
    const count = Math.max(0, Math.min(bytesMax, this.#commitLog.writtenOffset - from));
    const bytes = room?.subarray(0, count) ?? new Uint8Array(count);
    if (bytes.length === 0) return bytes;
    if (await this.#commitLog.read(bytes, from)) return bytes;
    throw new Error(`Cannot read the commit log from ${from}: it begins at ${this.#commitLog.minOffset}`);
  }

  #found(queue: QueueRef): LogicQueue | undefined {
    const found = this.#queues.find(queue);
    if (found === undefined || found.maxOffset === 0) return undefined;
    found.correctMinOffset(this.#commitLog.minOffset);
    return found;
  }

  // ------------------------------------------------------------------------------------------------------------ expiry

  deleteTopics(topics: ReadonlySet<string>): void {
    if (topics.size === 0) return;
    // A crash would dispatch their old messages again: known before the queues go, until a checkpoint lies behind them.
    this.#deleted.add(topics, this.#commitLog.endOffset);
    for (const topic of topics) this.#queues.delete(topic);
    this.#checkpointer.now();
  }

  deleteExpiredCommitLogs(): Promise<number> {
    return this.#clean.removeExpired();
  }

  cleanExpiredConsumeQueues(): Promise<void> {
    return this.#clean.followCommitLog();
  }

  onExpired(listener: (range: ExpiredRange) => void): void {
    this.#expiredListeners.push(listener);
  }

  #onExpired(range: ExpiredRange): void {
    for (const listener of this.#expiredListeners) {
      try {
        listener(range);
      } catch (error) {
        // The disk must not fill up because somebody could not take note.
        this.#log.error("a listener to expired messages failed", { ...range, error: (error as Error).message });
      }
    }
  }

  isOnDiskOnly(physicalOffset: number): boolean | undefined {
    return this.#coldDataCheck.isOnDiskOnly(physicalOffset);
  }

  stats(): StoreStats {
    const commitLog = this.#commitLog;
    return {
      minPhysicalOffset: commitLog.minOffset,
      maxPhysicalOffset: commitLog.endOffset,
      writtenOffset: commitLog.writtenOffset,
      flushedOffset: commitLog.flush.flushedOffset,
      confirmOffset: commitLog.writtenOffset,
      commitLogDiskPercent: this.#disk.commitLogPercent,
      commitLogDisks: this.#disk.commitLogDisks,
      consumeQueueDiskPercent: this.#disk.consumeQueuePercent,
      putCount: this.#putCount,
      putFailedCount: this.#putFailedCount,
      putBytes: this.#putBytes,
      tailBufferBytes: commitLog.tailBytes,
      dispatchBehindBytes: commitLog.endOffset - this.#dispatcher.dispatchedOffset,
      earliestStoreTimestamp: this.#earliestStoreTimestamp(),
      putEntireTimeMaxMs: commitLog.putEntireTimeMaxMs,
      lostStretchCount: this.#losses.stretchCount,
      lostBytes: this.#losses.stretchBytes,
      lostQueueOffsetCount: this.#losses.queueOffsetCount,
      unreadableRecordCount: this.#losses.unreadableCount,
      unsyncedMaxMs: commitLog.flush.unsyncedMaxMs,
      flushDelayMaxMs: commitLog.flush.flushDelayMaxMs,
      flushLateCount: commitLog.flush.flushLateCount,
    };
  }

  /** Of the first record in the log; -1 without one. */
  #earliestStoreTimestamp(): number {
    const head = new Uint8Array(RECORD_BYTES_MIN);
    const commitLog = this.#commitLog;
    return commitLog.readSync(head, commitLog.minOffset) ? readStoreTimestamp(head) : -1;
  }
}

/** An inner batch with the queue offset of its first message. */
const withBase = (message: MessageInput, base: number): MessageInput => ({
  ...message,
  properties: setProperty(message.properties, MessageConst.INNER_BASE, String(base)),
});
