/**
 * Search by time: a binary search over a consume queue, as the store timestamp never goes back. A step reads one unit and the
 * head of one record, 96 bytes, off the event loop: 40 small reads in a queue of a million messages.
 */

import { readInt64 } from "../../wire/bytes.ts";
import { storeTimestampAt } from "../../wire/message_reader.ts";
import { BatchConsumeQueue } from "./batch_consume_queue.ts";
import type { CommitLog } from "./commit_log.ts";
import { isBlank } from "./consume_queue_unit.ts";
import type { LogicQueue } from "./logic_queue.ts";
import { isRecordOf } from "./record_checks.ts";

/** Bytes that hold a record's store timestamp for sure: born host of 20 bytes at 48, then the timestamp. */
const HEAD_BYTES = 76;
/** How far back from a damaged record a whole one is looked for. */
const DAMAGED_MAX = 64;

/** Store timestamp of a queue's message; -1 when it is not there. */
export async function storeTimeOf(commitLog: CommitLog, queue: LogicQueue, offset: number): Promise<number> {
  const entry = await queue.entryLater(offset);
  if (entry === undefined || isBlank(entry) || entry.size < HEAD_BYTES) return -1;
  const head = new Uint8Array(HEAD_BYTES);
  if (!(await commitLog.read(head, entry.physicalOffset)) || !isRecordOf(head, 0, entry.size, entry.physicalOffset)) return -1;
  return readInt64(head, storeTimestampAt(head));
}

/** Of the message at `offset`, or, if it is damaged, of one a little before it; -1 when none can be read. */
async function timeUpTo(commitLog: CommitLog, queue: LogicQueue, offset: number, low: number): Promise<number> {
  for (let at = offset; at >= Math.max(low, offset - DAMAGED_MAX); at--) {
    const time = await storeTimeOf(commitLog, queue, at);
    if (time >= 0) return time;
  }
  return -1;
}

/**
 * LOWER: the first message stored at `timestamp` or later, else the queue's end. UPPER: the last message stored at
 * `timestamp` or earlier, else the queue's start. (Apache's rule: for UPPER it is the message itself, not the one behind.)
 */
export async function offsetByTime(
  commitLog: CommitLog,
  queue: LogicQueue,
  timestamp: number,
  boundary: "LOWER" | "UPPER",
): Promise<number> {
  const { minOffset, maxOffset } = queue;
  if (maxOffset === 0) return 0;
  if (queue instanceof BatchConsumeQueue) return queue.offsetByTime(timestamp, boundary);
  let low = minOffset;
  let high = maxOffset;
  // After the loop: everything before `low` lies before the boundary.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const time = await timeUpTo(commitLog, queue, middle, low);
    // Messages that can't be read have expired meanwhile: they lie before all that can.
    const before = boundary === "LOWER" ? time < timestamp : time <= timestamp;
    if (before) low = middle + 1;
    else high = middle;
  }
  return boundary === "LOWER" ? low : Math.max(minOffset, low - 1);
}
