/**
 * What a start does before the store serves: finds where the log ends, and makes consume queues and index agree with it.
 *
 * The checkpoint says up to which record everything dispatched is on the disk (L). After an orderly stop that is the last
 * record, so a start reads one. After a crash the queues are cut at L, because behind it they may have holes, and what
 * follows in the log is dispatched again; a kill -9 thus costs reading the log since the last checkpoint. A log without a
 * usable checkpoint (Apache writes L only at a recovery) is read from a file that is old enough, as Apache does.
 *
 * Whatever stands behind the last good record is moved beside the store, never deleted in silence.
 */

import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { RECORD_BYTES_MIN } from "../../wire/message.ts";
import type { RecordLayout } from "../../wire/message_reader.ts";
import { storeTimestampAt } from "../../wire/message_reader.ts";
import type { Log, Runtime } from "../runtime.ts";
import { type DispatchRequest, delaysOf, requestOf } from "./dispatch_request.ts";
import type { FileQueue } from "./file_queue.ts";
import { type ScanResult, scanLog } from "./log_scanner.ts";
import type { LogicQueues } from "./logic_queue.ts";
import { isRecordOf } from "./message_reader.ts";
import type { StoreSettings } from "./options.ts";
import { isDirectoryName } from "./put_checks.ts";
import type { StoreCheckpoint } from "./store_checkpoint.ts";

/** Behind the end of the log, how far is searched for remains of a torn write. */
const REMAINS_BYTES_MAX = 64 * 1024 * 1024;
const BLOCK_BYTES = 1024 * 1024;
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
  /** There was no `abort` file. */
  readonly orderly: boolean;
  /** Where the index needs its dispatch to begin; undefined when it needs none. */
  indexFrom(logBegin: number): number | undefined;
  dispatch(request: DispatchRequest): void;
}

export interface Recovered {
  readonly end: number;
  readonly lastStoreTimestamp: number;
  /** Begin of the last good record seen; -1 when none was. */
  readonly lastRecord: number;
}

export async function recover(parts: RecoveryParts): Promise<Recovered> {
  const { commitLog, queues, log, runtime, settings } = parts;
  if (commitLog.count === 0) {
    // As Apache: consume queues without a log point at nothing.
    for (const topic of [...queues.topics()]) queues.delete(topic);
    return { end: 0, lastStoreTimestamp: 0, lastRecord: -1 };
  }
  if (parts.orderly) for (const queue of queues.all()) queue.recover(Number.POSITIVE_INFINITY, false);
  const queuesFrom = parts.orderly ? orderlyStart(parts) : crashStart(parts);
  if (!parts.orderly) for (const queue of queues.all()) queue.recover(queuesFrom, true);
  const from = Math.min(queuesFrom, parts.indexFrom(commitLog.begin) ?? queuesFrom);
  if (!parts.orderly) log.warn("the store was not closed in order; dispatching again from the log", { from, end: commitLog.end });

  const delays = delaysOf(settings.messageDelayLevel);
  let reportedAt = runtime.clock.monotonic();
  const scan = await scanLog(
    commitLog,
    from,
    {
      crc32: (bytes) => runtime.digest.crc32(bytes),
      bodyCrc: settings.checkCRCOnRecover,
      propertyCrc: settings.forceVerifyPropCRC,
    },
    (bytes: Uint8Array, layout: RecordLayout) => {
      const request = requestOf(bytes, layout, delays);
      if (isDirectoryName(request.topic)) parts.dispatch(request);
      else log.error("a record's topic can't name a directory; it is not dispatched", { physicalOffset: request.physicalOffset });
      const now = runtime.clock.monotonic();
      if (now - reportedAt < PROGRESS_INTERVAL_MS) return;
      reportedAt = now;
      log.info("recovering the store", { from, at: request.physicalOffset, end: commitLog.end });
    },
  );
  setAside(parts, scan);
  for (const queue of queues.all()) if (queue.maxPhysicalOffset >= scan.end) queue.recover(scan.end, true);
  return scan;
}

/** After an orderly stop everything is dispatched: the newest record that any queue knows is near the end of the log. */
function orderlyStart({ commitLog, queues, checkpoint }: RecoveryParts): number {
  let newest = checkpoint.logicsPhysicalOffset;
  for (const queue of queues.all()) newest = Math.max(newest, queue.maxPhysicalOffset);
  return newest > commitLog.begin && isRecordAt(commitLog, newest) ? newest : commitLog.begin;
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

/** Moves what stands behind the end of the log to `<storePathRootDir>/commitlog-cut-<end>/` and leaves zeros. */
function setAside({ runtime, log, settings, commitLog }: RecoveryParts, scan: ScanResult): void {
  const { end } = scan;
  const { files } = runtime;
  const directory = `${settings.storePathRootDir}/commitlog-cut-${end}`;
  const lastFile = commitLog.fileAt(end);
  const behind = lastFile === undefined ? end : lastFile.base + commitLog.fileSize;
  const moved: string[] = [];
  const keep = (): void => {
    if (moved.length === 0) files.makeDirectory(directory);
  };

  if (commitLog.end > behind) {
    const full = commitLog.files.filter(
      (file) => file.base >= behind && remainsBytes(commitLog, file.base, file.base + BLOCK_BYTES) > 0,
    );
    for (const path of commitLog.releaseFrom(behind)) {
      if (full.some((file) => file.path === path)) {
        keep();
        const to = `${directory}/${path.slice(path.lastIndexOf("/") + 1)}`;
        files.rename(path, to);
        moved.push(to);
      } else files.remove(path);
    }
  }
  const tornBytes = remainsBytes(commitLog, end, Math.min(behind, end + REMAINS_BYTES_MAX));
  if (tornBytes > 0) {
    const torn = new Uint8Array(tornBytes);
    commitLog.readSync(torn, end);
    keep();
    const to = `${directory}/tail`;
    files.write(to, torn, { sync: true });
    moved.push(to);
    commitLog.cut(end);
  }
  if (moved.length > 0) {
    log.warn("the commit log ends before its files do; what follows is no message and was moved aside", {
      end,
      why: scan.broken ?? "no record follows",
      tornBytes,
      moved: moved.join(" "),
    });
  }
}

/** Bytes from `from` to the last one that is not zero before `to`; a block of zeros ends the search. */
function remainsBytes(commitLog: FileQueue, from: number, to: number): number {
  const block = new Uint8Array(BLOCK_BYTES);
  let found = 0;
  for (let at = from; at < to; at += BLOCK_BYTES) {
    const part = block.subarray(0, Math.min(BLOCK_BYTES, to - at));
    const got = commitLog.readSync(part, at);
    let last = got - 1;
    while (last >= 0 && part[last] === 0) last--;
    if (last < 0) break;
    found = at + last + 1 - from;
  }
  return found;
}
