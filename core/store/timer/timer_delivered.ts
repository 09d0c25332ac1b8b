/**
 * After a crash: what the timer put into the log behind its last checkpoint, so that it is not put again.
 *
 * Every checkpoint notes where the log ended when it was taken (`searchFrom`): whatever was delivered and is not in the
 * checkpoint stands behind that place, or it is not in the log. Those records are counted by what tells messages apart
 * (`identityOf`), and a delivery whose count is not yet used up is passed over. A checkpoint is taken every
 * timerFlushIntervalMs, in the middle of a slot too, so what is kept here is what was delivered within that time.
 *
 * One case stays open: a power cut that leaves pages of the log in any order may take a rolled copy and leave the copy made
 * of that one, or a delivery of it. Then the message is put once more; none is lost.
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
import { decodedRecord, identityOf, TIMER_QUEUE, TIMER_TOPIC } from "./timer_message.ts";

const BLOCK_BYTES = 1024 * 1024;
const PROGRESS_INTERVAL_MS = 3000;

export class DeliveredMessages {
  readonly #counts = new Map<string, number>();

  /** Distinct messages that are still to be passed over. */
  get size(): number {
    return this.#counts.size;
  }

  add(identity: string): void {
    this.#counts.set(identity, (this.#counts.get(identity) ?? 0) + 1);
  }

  /** True when the message is in the log already; it counts once. */
  take(identity: string): boolean {
    const count = this.#counts.get(identity);
    if (count === undefined) return false;
    if (count === 1) this.#counts.delete(identity);
    else this.#counts.set(identity, count - 1);
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
  if (propertyOf(message.properties, MessageConst.TIMER_DEQUEUE_MS) === undefined) return false;
  const rollTimes = Number(propertyOf(message.properties, MessageConst.TIMER_ROLL_TIMES) ?? "0");
  // In the timer topic only what was rolled.
  if (message.topic === TIMER_TOPIC && rollTimes === 0) return false;
  delivered.add(identityOf(message.topic, message.queueId, message, rollTimes));
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
