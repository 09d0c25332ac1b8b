/**
 * What a start does before the store serves: finds where the log ends, and makes consume queues and index agree with it.
 *
 * The checkpoint says up to which record everything dispatched is on the disk (L). After an orderly stop that is the last
 * record, so a start reads one. After a crash the queues are cut at L, because behind it they may have holes, and what
 * follows in the log is dispatched again; a kill -9 thus costs reading the log since the last checkpoint. A log without a
 * usable checkpoint (Apache writes L only at a recovery) is read from a file that is old enough, as Apache does.
 *
 * A bad stretch with records behind it is passed over (Apache would cut the log there): its queue offsets become holes, see
 * `consume_queue.ts`. Whatever stands behind the last good record is moved beside the store, never deleted in silence.
 */

import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { RECORD_BYTES_MIN } from "../../wire/message.ts";
import { storeTimestampAt } from "../../wire/message_reader.ts";
import type { Log, Runtime } from "../runtime.ts";
import type { DeletedTopics } from "./deleted_topics.ts";
import { type DispatchRequest, delaysOf, requestOf } from "./dispatch_request.ts";
import type { FileQueue } from "./file_queue.ts";
import { type ScanEvents, type ScanResult, scanLog } from "./log_scanner.ts";
import type { LogicQueue, LogicQueues } from "./logic_queue.ts";
import type { Losses } from "./losses.ts";
import type { StoreSettings } from "./options.ts";
import { isDirectoryName } from "./put_checks.ts";
import type { LeftEnds } from "./queue_ends.ts";
import { sumOfQueues } from "./queues_sum.ts";
import { isRecordOf } from "./record_checks.ts";
import { setAside } from "./recovery_aside.ts";
import type { StoreCheckpoint } from "./store_checkpoint.ts";
import { UnsyncedMark } from "./unsynced_mark.ts";

/** Clocks and flushes of Apache are this inexact, ms (StoreCheckpoint.getMinTimestamp). */
const CHECKPOINT_SLACK_MS = 3000;
const PROGRESS_INTERVAL_MS = 3000;

export interface RecoveryParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: StoreSettings;
  readonly commitLog: FileQueue;
  readonly queues: LogicQueues;
  readonly checkpoint: StoreCheckpoint;
  readonly losses: Losses;
  readonly deleted: DeletedTopics;
  /** There was no `abort` file, or all is in the page cache still (`queue_ends.ts`). */
  readonly orderly: boolean;
  /** Where the queues end, as far as an orderly stop has said; undefined when it has not. */
  readonly left: LeftEnds | undefined;
  /** Of the kernel that runs now; see `QueueEnds.bootMark`. */
  readonly bootMark: number;
  /** Where the index needs its dispatch to begin; undefined when it needs none. */
  indexFrom(logBegin: number): number | undefined;
  /** @param toQueues the queues lack it, or may */
  dispatch(request: DispatchRequest, toQueues: boolean): void;
  /** The record is lost; its header may be right. */
  lose(request: DispatchRequest): void;
}

export interface Recovered {
  readonly end: number;
  /** Up to here the log is known to be on the disk: after a kill -9 the rest may be in the page cache only. */
  readonly flushedOffset: number;
  readonly lastStoreTimestamp: number;
  /** Begin of the last good record seen; -1 when none was. */
  readonly lastRecord: number;
}

export async function recover(parts: RecoveryParts): Promise<Recovered> {
  const { commitLog, queues, log, runtime, settings } = parts;
  if (commitLog.count === 0) {
    // As Apache: consume queues without a log point at nothing.
    for (const topic of [...queues.topics()]) queues.delete(topic);
    return { end: 0, flushedOffset: 0, lastStoreTimestamp: 0, lastRecord: -1 };
  }
  if (parts.orderly) for (const queue of queues.all()) recoverOrderly(queue, parts.left);
  const queuesFrom = !parts.orderly ? crashStart(parts) : areQueuesThere(parts) ? orderlyStart(parts) : commitLog.begin;
  if (!parts.orderly) {
    // The crash may have come before their queues were removed; what was stored since is dispatched again.
    for (const topic of parts.deleted.deletedBehind(queuesFrom)) queues.delete(topic);
    const isPageCacheWhole = isSameBoot(parts, queuesFrom);
    for (const queue of queues.all()) queue.recover(queuesFrom, true, isPageCacheWhole);
  }
  const from = Math.min(queuesFrom, parts.indexFrom(commitLog.begin) ?? queuesFrom);
  if (!parts.orderly) log.warn("the store was not closed in order; dispatching again from the log", { from, end: commitLog.end });

  const scan = await dispatchFrom(parts, from, queuesFrom);
  const { storePathRootDir } = settings;
  setAside({ runtime, log, storePathRootDir, commitLog }, scan.end, scan.remains, scan.broken ?? "no record follows");
  for (const queue of queues.all()) if (queue.maxPhysicalOffset >= scan.end) queue.recover(scan.end, true);
  return { ...scan, flushedOffset: parts.orderly ? scan.end : Math.min(queuesFrom, scan.end) };
}

/** Reads the log from `from` on and hands what it finds to dispatch. */
async function dispatchFrom(parts: RecoveryParts, from: number, queuesFrom: number): Promise<ScanResult> {
  const { commitLog, log, runtime, settings, losses } = parts;
  const delays = delaysOf(settings.messageDelayLevel);
  const end = usedEnd(runtime, commitLog);
  const startedAt = runtime.clock.monotonic();
  let reportedAt = startedAt;
  const progress = (at: number): void => {
    const now = runtime.clock.monotonic();
    if (now - reportedAt < PROGRESS_INTERVAL_MS) return;
    reportedAt = now;
    const percent = at >= end ? 99 : Math.floor((100 * (at - from)) / (end - from));
    log.info("recovering the store", { percent, from, at, end, seconds: Math.round((now - startedAt) / 1000) });
  };
  const checks = {
    crc32: (bytes: Uint8Array) => runtime.digest.crc32(bytes),
    bodyCrc: settings.checkCRCOnRecover,
    propertyCrc: settings.forceVerifyPropCRC,
    wholeBefore: parts.orderly ? Number.POSITIVE_INFINITY : queuesFrom,
  };
  const events: ScanEvents = {
    progress,
    record(bytes, layout) {
      const request = requestOf(bytes, layout, delays);
      if (isDirectoryName(request.topic)) parts.dispatch(request, request.physicalOffset >= queuesFrom);
      else log.error("a record's topic can't name a directory; it is not dispatched", { physicalOffset: request.physicalOffset });
    },
    lost({ from, to, why, frame }) {
      losses.stretch(from, to, why);
      if (frame === undefined) return;
      const request = requestOf(frame.bytes, frame.layout, delays);
      if (from >= queuesFrom && isDirectoryName(request.topic)) parts.lose(request);
    },
  };
  const isDoubtful = new UnsyncedMark(runtime.files, settings.storePathRootDir).read() !== undefined;
  return scanLog(runtime.files, commitLog, from, checks, events, isDoubtful);
}

/**
 * Whether the kernel that runs has seen every write since the checkpoint: after a kill -9 what was written is there as it was
 * written, one unit behind the other, and only a power cut leaves gaps.
 */
function isSameBoot({ checkpoint, bootMark }: RecoveryParts, queuesFrom: number): boolean {
  return bootMark !== 0 && checkpoint.bootMark === bootMark && queuesFrom === checkpoint.logicsPhysicalOffset;
}

/** About where the data of the log ends: files are sparse, and the last one is full size from its begin. */
function usedEnd({ files }: Runtime, commitLog: FileQueue): number {
  for (let i = commitLog.count - 1; i >= 0; i--) {
    const { path, base } = commitLog.files[i] as { path: string; base: number };
    const allocated = files.stat(path)?.allocatedBytes ?? commitLog.fileSize;
    if (allocated > 0) return base + Math.min(allocated, commitLog.fileSize);
  }
  return commitLog.begin;
}

function recoverOrderly(queue: LogicQueue, left: LeftEnds | undefined): void {
  const end = left?.ends[`${queue.topic}/${queue.queueId}`];
  if (Array.isArray(end) && queue.recoverAt?.(end[0], end[1]) === true) return;
  queue.recover(Number.POSITIVE_INFINITY, false);
}

/** False when queues, or ends of them, were lost since an orderly stop; true also when that can't be told. */
function areQueuesThere({ queues, checkpoint, left, runtime, log, settings }: RecoveryParts): boolean {
  const sum = left?.sum ?? checkpoint.queuesSum;
  if (sum === 0 || sum === sumOfQueues(queues.all(), runtime.digest)) return true;
  log.warn("consume queues are not as the last stop left them; what is missing is made again from the whole commit log", {
    directory: settings.storePathRootDir,
  });
  return false;
}

/** After an orderly stop everything is dispatched: the newest record that any queue knows is near the end of the log. */
function orderlyStart({ commitLog, queues, checkpoint, log }: RecoveryParts): number {
  let newest = checkpoint.logicsPhysicalOffset;
  for (const queue of queues.all()) newest = Math.max(newest, queue.maxPhysicalOffset);
  if (newest <= commitLog.begin) return commitLog.begin;
  if (isRecordAt(commitLog, newest)) return newest;
  log.warn("the consume queues know a record that the commit log has not; what of it is left is looked for", { offset: newest });
  // What the queues have from further on is cut off when the end is found.
  for (let i = commitLog.count - 1; i > 0; i--) {
    const { base } = commitLog.files[i] as { base: number };
    if (base <= newest && isRecordAt(commitLog, base)) return base;
  }
  return commitLog.begin;
}

function crashStart(parts: RecoveryParts): number {
  const { commitLog, checkpoint, settings, log } = parts;
  const known = checkpoint.logicsPhysicalOffset;
  if (known > 0) {
    if (known >= commitLog.begin && isRecordAt(commitLog, known)) return known;
    log.warn("the checkpoint names a place in the commit log where no record begins; going by its times", { offset: known });
  }
  // Apache's rule: the newest file that begins with a record from before everything was flushed.
  const flushedTime = Math.max(0, Math.min(checkpoint.physicMsgTimestamp, checkpoint.logicsMsgTimestamp) - CHECKPOINT_SLACK_MS);
  const timeMax =
    settings.messageIndexEnable && settings.messageIndexSafe ? Math.min(flushedTime, checkpoint.indexMsgTimestamp) : flushedTime;
  const head = new Uint8Array(RECORD_BYTES_MIN);
  for (let i = commitLog.count - 1; i > 0; i--) {
    const { base } = commitLog.files[i] as { base: number };
    if (!isRecordAt(commitLog, base)) continue;
    commitLog.readSync(head, base);
    const time = readInt64(head, storeTimestampAt(head));
    if (time > 0 && time <= timeMax) return base;
  }
  return commitLog.begin;
}

function isRecordAt(commitLog: FileQueue, offset: number): boolean {
  const head = new Uint8Array(RECORD_BYTES_MIN);
  return commitLog.readSync(head, offset) === head.length && isRecordOf(head, 0, readInt32(head, 0), offset);
}
