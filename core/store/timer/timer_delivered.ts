/**
 * After a crash: what the timer put into the log behind its last checkpoint, so that it is not put again.
 *
 * Every checkpoint notes where the log ended when it was taken (`searchFrom`): whatever was delivered and is not in the
 * checkpoint stands behind that place, or it is not in the log. Those records are noted by what tells messages apart
 * (`identityOf`) and how far they had come (`rolledStage`, `deliveredStage`), and a message that is to be put is passed over
 * when the log has it at that stage or a later one: a power cut leaves pages in any order, and may take a rolled copy and
 * leave the copy made of that one, or its delivery. A checkpoint is taken every timerFlushIntervalMs, in the middle of a slot
 * too, so what is kept here is what was delivered within that time.
 *
 * Where Apache was the last to write, its checkpoint has no such place: the search begins behind the newest record that is
 * certainly older than the first slot that may have been begun.
 */
import { encodeUtf8, readInt32 } from "../../../wire/bytes.ts";
import { BLANK_RECORD_BYTES, type Crc32, MAGIC_BLANK, RECORD_BYTES_MIN } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { readStoreTimestamp } from "../../../wire/message_reader.ts";
import { PROPERTY_SEPARATOR, propertyOf } from "../../../wire/properties.ts";
import type { Log, Runtime } from "../../runtime.ts";
import type { MessageStore } from "../message_store.ts";
import { isRecordOf } from "../record_checks.ts";
import { decodedRecord, identityOf, parseTime, TIMER_QUEUE, TIMER_TOPIC } from "./timer_message.ts";

const BLOCK_BYTES = 1024 * 1024;
const PROGRESS_INTERVAL_MS = 3000;

/** A message in the timer topic that was rolled so often. Stages of one message follow each other in the order of the numbers. */
export const rolledStage = (rollTimes: number): number => 2 * rollTimes;
/** A message in its own queue that was rolled so often before. */
export const deliveredStage = (rollTimes: number): number => 2 * rollTimes + 1;

export class DeliveredMessages {
  /** No delivery was later, by the wall clock of then. */
  latestMs = 0;
  readonly #stages = new Map<string, number[]>();

  /** Distinct messages that are still to be passed over. */
  get size(): number {
    return this.#stages.size;
  }

  add(identity: string, stage: number): void {
    const stages = this.#stages.get(identity);
    if (stages === undefined) this.#stages.set(identity, [stage]);
    else stages.push(stage);
  }

  /**
   * True when the log has the message at this stage or a later one; that counts once. The nearest is taken: what is
   * further on answers for that one when it comes.
   */
  take(identity: string, stage: number): boolean {
    const stages = this.#stages.get(identity);
    if (stages === undefined) return false;
    let nearest = -1;
    for (const [i, there] of stages.entries()) {
      if (there >= stage && (nearest < 0 || there < (stages[nearest] as number))) nearest = i;
    }
    if (nearest < 0) return false;
    stages.splice(nearest, 1);
    if (stages.length === 0) this.#stages.delete(identity);
    return true;
  }
}

export interface SearchParts {
  readonly runtime: Pick<Runtime, "clock" | "digest">;
  readonly log: Log;
  readonly store: MessageStore;
}

/** What the timer put from log offset `from` on. @param stopped true ends the search early. */
export async function findDelivered(parts: SearchParts, from: number, stopped: () => boolean): Promise<DeliveredMessages> {
  const { store, log } = parts;
  const { clock, digest } = parts.runtime;
  const crc32: Crc32 = (bytes) => digest.crc32(bytes);
  const delivered = new DeliveredMessages();
  const end = store.stats().writtenOffset;
  let reportedAt = clock.monotonic();
  let found = 0;
  let want = BLOCK_BYTES;
  for (let at = Math.max(from, store.stats().minPhysicalOffset); at < end && !stopped(); ) {
    const block = await store.readRaw(at, Math.min(want, end - at));
    let done = 0;
    want = BLOCK_BYTES;
    while (done + BLANK_RECORD_BYTES <= block.length) {
      const size = readInt32(block, done);
      if (readInt32(block, done + 4) === MAGIC_BLANK && size > 0) {
        done += size;
        continue;
      }
      if (size >= RECORD_BYTES_MIN && done + RECORD_BYTES_MIN <= block.length && isRecordOf(block, done, size, at + done)) {
        if (done + size > block.length) {
          // The whole of it next time.
          if (done === 0) want = Math.max(BLOCK_BYTES, size);
          break;
        }
        const added = addDelivered(block, done, done + size, crc32, delivered);
        if (added === true) found++;
        done += added === undefined ? 1 : size;
      } else if (done + RECORD_BYTES_MIN > block.length) break;
      // Where no record stands there was none to recover either; behind it there may be some.
      else done++;
    }
    if (done === 0 && want <= block.length) break;
    if (done === 0 && at + block.length >= end) break;
    at += done;
    if (clock.monotonic() - reportedAt > PROGRESS_INTERVAL_MS) {
      reportedAt = clock.monotonic();
      log.info("looking for delayed messages that are delivered already", { from, at, end, found });
    }
  }
  if (found > 0)
    log.info("delayed messages delivered behind the timer's checkpoint are not delivered again", { from, end, found });
  return delivered;
}

const MARK = encodeUtf8(`${MessageConst.TIMER_DEQUEUE_MS}\u0001`);

/**
 * @param end of the record that begins at `at`.
 * @returns undefined when it is no whole record.
 */
function addDelivered(
  block: Uint8Array,
  at: number,
  end: number,
  crc32: Crc32,
  delivered: DeliveredMessages,
): boolean | undefined {
  // Most records are none of ours, and to say so takes no decoding.
  if (!contains(block.subarray(at, end), MARK)) return false;
  const message = decodedRecord(block, at);
  if (message === undefined || (crc32(message.body) & 0x7fff_ffff) !== message.bodyCrc) return undefined;
  // No CRC is over the properties: those whose end a power cut has torn off are no delivery that anybody can use.
  if (!message.properties.endsWith(PROPERTY_SEPARATOR)) return false;
  const dequeueMs = propertyOf(message.properties, MessageConst.TIMER_DEQUEUE_MS);
  if (dequeueMs === undefined) return false;
  const rollTimes = parseTime(propertyOf(message.properties, MessageConst.TIMER_ROLL_TIMES) ?? "0") ?? Number.NaN;
  if (message.topic !== TIMER_TOPIC) {
    delivered.add(identityOf(message.topic, message.queueId, message), deliveredStage(rollTimes));
  } else {
    const topic = propertyOf(message.properties, MessageConst.REAL_TOPIC);
    const queueId = Number(propertyOf(message.properties, MessageConst.REAL_QID));
    // In the timer topic only what was rolled.
    if (rollTimes === 0 || topic === undefined) return false;
    delivered.add(identityOf(topic, queueId, message), rolledStage(rollTimes));
  }
  delivered.latestMs = Math.max(delivered.latestMs, parseTime(dequeueMs) ?? 0);
  return true;
}

function contains(bytes: Uint8Array, part: Uint8Array): boolean {
  const first = part[0] as number;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let i = 1;
    while (i < part.length && bytes[at + i] === part[i]) i++;
    if (i === part.length) return true;
  }
  return false;
}

/**
 * Where to search when the checkpoint does not say: a place before which everything was stored before `readTimeMs`. What
 * the timer delivers from slots at `readTimeMs` or later is stored later.
 * @param fileSize mappedFileSizeCommitLog
 */
export async function searchStart(store: MessageStore, readTimeMs: number, fileSize: number): Promise<number> {
  const { minPhysicalOffset, writtenOffset } = store.stats();
  let from = minPhysicalOffset;
  // The newest file of the log that begins before.
  for (let base = writtenOffset - (writtenOffset % fileSize); base > minPhysicalOffset; base -= fileSize) {
    const record = await store.recordAt(base);
    if (record === undefined || readStoreTimestamp(record) >= readTimeMs) continue;
    from = base;
    break;
  }
  // The last message of the timer topic before, if that is nearer.
  const next = await store.offsetByTime(TIMER_QUEUE, readTimeMs, "LOWER");
  if (next > Math.max(0, store.minOffset(TIMER_QUEUE))) {
    const [before] = await store.entries(TIMER_QUEUE, next - 1, 1);
    if (before !== undefined && (await store.storeTimeAt(TIMER_QUEUE, next - 1)) < readTimeMs) {
      from = Math.max(from, before.physicalOffset);
    }
  }
  return from;
}
