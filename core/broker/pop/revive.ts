/**
 * Gives messages back that were popped and not acknowledged in time: reads the revive topic, matches check points with
 * acknowledgements, and puts what is left over into the group's retry topic, where the next POP finds it.
 *
 * One reader a revive queue. It reads on as records surface, keeps check points in memory until their time is over (they surface
 * a second before it) and all acknowledgements that are there are read, and commits the offset before the oldest one that is not
 * done. What can't be put again now is tried again, and holds up no other; what never can be is named in the log and left where
 * it is.
 */
import { type PopAck, type PopCheckPoint, popAck, popCheckPoint } from "../../../wire/bodies/pop_revive.ts";
import { decodeUtf8, readInt32, readInt64 } from "../../../wire/bytes.ts";
import { RECORD_AT } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeRecord, type StoredMessage } from "../../../wire/message_reader.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { propertyOf, setProperty } from "../../../wire/properties.ts";
import type { TimerHandle } from "../../runtime.ts";
import type { PutStatus } from "../../store/message_store.ts";
import { renewed } from "../messages/renewed.ts";
import { groupFault, RETRY_OR_DLQ_TOPIC_LENGTH_MAX } from "../metadata/topics_validator.ts";
import type { BrokerParts } from "../parts.ts";
import type { CheckPoints } from "./check_points.ts";
import { firstUndone, popRetryTopicV1, popRetryTopicV2, REVIVE_GROUP } from "./pop_topics.ts";
import { ACK_TAG, BATCH_ACK_TAG, CK_TAG } from "./revive_log.ts";

/** Records read at once. */
const PORTION = { messagesMax: 32, bytesMax: 256 * 1024 };
/** After its time a check point waits this long for acknowledgements that surface late: a step of the timer, and the way. */
const GRACE_MS = 2_000;
/** Portions read before what is done of them is dropped, and other work gets its turn. */
const SLICE = 64;
/**
 * Check points that wait of one reader, some 0.5 KiB each: a second's worth, unless it is far behind. What is beyond it is judged
 * before all acknowledgements are read, so that some of what was acknowledged comes again; when that is not enough, the reader
 * reads no further.
 */
const WAITING_MAX = 100_000;
/** Messages of one check point: Apache counts them in the 32 bits of an int. */
const MESSAGES_MAX = 32;
/** A check point surfaces a second before its time is over; clocks that were put back are not so far off. */
const EARLY_MAX_MS = 3_600_000;
/** Refusals that time does not mend. */
const NEVER_TAKEN: ReadonlySet<PutStatus> = new Set(["MESSAGE_ILLEGAL", "PROPERTIES_SIZE_EXCEEDED"]);
const RETRY_QUEUES = 1;
const RETRY_PERM = 6;

type Parts = Pick<BrokerParts, "runtime" | "log" | "settings" | "store" | "stats" | "topics" | "groups" | "offsets">;

interface Waiting {
  readonly record: PopCheckPoint;
  readonly reviveOffset: number;
  /** Offsets not acknowledged. */
  readonly open: Set<number>;
}

interface Reader {
  readonly queueId: number;
  /** Next offset of the revive queue to read. */
  next: number;
  /** In the order of their records. */
  readonly waiting: Map<string, Waiting>;
  timer: TimerHandle | undefined;
  round: Promise<void> | undefined;
}

export class PopReviveService {
  readonly #parts: Parts;
  readonly #topic: string;
  readonly #checkPoints: CheckPoints;
  /** How far behind its time the timer delivers, ms: acknowledgements are that late too. */
  readonly #timerLagMs: () => number;
  #readers: Reader[] | undefined;

  constructor(parts: Parts, topic: string, checkPoints: CheckPoints, timerLagMs: () => number) {
    this.#parts = parts;
    this.#topic = topic;
    this.#checkPoints = checkPoints;
    this.#timerLagMs = timerLagMs;
  }

  /** Begins, from the group's offsets. The store and the offsets must be loaded. */
  start(): void {
    if (this.#readers !== undefined) return;
    this.#readers = Array.from({ length: this.#parts.settings.reviveQueueNum }, (_, queueId): Reader => {
      return { queueId, next: this.#beginOf(queueId), waiting: new Map(), timer: undefined, round: undefined };
    });
    for (const reader of this.#readers) this.#later(reader);
  }

  #beginOf(queueId: number): number {
    const { offsets, store, log } = this.#parts;
    const queue = { topic: this.#topic, queueId };
    const undone = Math.max(firstUndone(offsets.query(REVIVE_GROUP, this.#topic, queueId)), store.minOffset(queue));
    const end = store.maxOffset(queue);
    if (undone <= end) return undone;
    // A crash took records that were done. What comes in their place is not.
    log.warn("the revive topic ends before what was done of it", { ...queue, undone, end });
    offsets.commit(REVIVE_GROUP, this.#topic, queueId, end - 1);
    return end;
  }

  /** Ends it when rounds under way are over. */
  async stop(): Promise<void> {
    const readers = this.#readers ?? [];
    this.#readers = undefined;
    for (const reader of readers) reader.timer?.cancel();
    for (const reader of readers) await reader.round;
  }

  #later(reader: Reader): void {
    reader.timer = this.#parts.runtime.clock.setTimeout(() => {
      reader.round = this.#round(reader)
        .catch((error: unknown) => {
          this.#parts.log.error("a round of POP revival failed; tried again", {
            topic: this.#topic,
            queueId: reader.queueId,
            error: error instanceof Error ? error.message : String(error),
          });
        })
        .finally(() => {
          reader.round = undefined;
          if (this.#isRunning(reader)) this.#later(reader);
        });
    }, this.#parts.settings.reviveInterval);
  }

  #isRunning(reader: Reader): boolean {
    return this.#readers?.includes(reader) === true;
  }

  async #round(reader: Reader): Promise<void> {
    const { store, stats, offsets, log } = this.#parts;
    const queue = { topic: this.#topic, queueId: reader.queueId };
    // An acknowledgement may stand far behind its check point: all that was delivered until now is read before one is given back.
    const end = store.maxOffset(queue);
    const over = this.#parts.runtime.clock.now() - this.#timerLagMs() - GRACE_MS;
    let readOn = true;
    for (let portions = 1; readOn && this.#isRunning(reader) && reader.next < end; portions++) {
      const found = await store.get(queue, reader.next, PORTION, undefined);
      stats.instruments?.traffic.pulled(this.#topic, REVIVE_GROUP, found.messageCount, found.body.length);
      this.#takeAll(reader, found.body);
      if (found.nextBeginOffset <= reader.next) {
        log.warn("the revive topic can't be read on now; tried again", {
          ...queue,
          offset: reader.next,
          end,
          status: found.status,
        });
        readOn = false;
      } else {
        reader.next = found.nextBeginOffset;
        if (portions % SLICE === 0) {
          await this.#judge(reader, over, WAITING_MAX);
          readOn = reader.waiting.size <= WAITING_MAX;
        }
      }
    }
    const judgedAt = this.#parts.runtime.clock.monotonic();
    await this.#judge(reader, over, reader.next < end ? WAITING_MAX : 0);
    this.#parts.stats.instruments?.popScanned(this.#parts.runtime.clock.monotonic() - judgedAt);
    if (!this.#isRunning(reader)) return;
    const [oldest] = reader.waiting.values();
    const undone = oldest?.reviveOffset ?? reader.next;
    if (undone > firstUndone(offsets.query(REVIVE_GROUP, this.#topic, reader.queueId))) {
      offsets.commit(REVIVE_GROUP, this.#topic, reader.queueId, undone - 1);
    }
  }

  /** @param records one behind the other, whole */
  #takeAll(reader: Reader, records: Uint8Array): void {
    for (let at = 0; at < records.length; at += readInt32(records, at)) this.#take(reader, records, at);
  }

  #take(reader: Reader, records: Uint8Array, at: number): void {
    try {
      const message = decodeRecord(records, at);
      const tag = propertyOf(message.properties, MessageConst.TAGS);
      const text = decodeUtf8(message.body);
      const { instruments } = this.#parts.stats;
      if (tag === CK_TAG) {
        const record = popCheckPoint.parse(text);
        checkCheckPoint(record, message.storeTimestamp);
        instruments?.reviveOut("CK", record.t, record.c, reader.queueId);
        this.#takeCheckPoint(reader, record, message.queueOffset);
      } else if (tag === ACK_TAG || tag === BATCH_ACK_TAG) {
        const ack = popAck.parse(text);
        instruments?.reviveOut("ACK", ack.t, ack.c, reader.queueId);
        this.#takeAck(reader, ack);
      } else throw new Error(`the tag is "${tag}"`);
    } catch (error) {
      this.#parts.log.error("a record of the revive topic can't be read and is passed over", {
        topic: this.#topic,
        queueId: reader.queueId,
        physicalOffset: readInt64(records, at + RECORD_AT.physicalOffset),
        why: (error as Error).message,
      });
    }
  }

  #takeCheckPoint(reader: Reader, record: PopCheckPoint, reviveOffset: number): void {
    const open = new Set<number>();
    for (let i = 0; i < record.n; i++) {
      if ((record.bm & (1 << i)) === 0) open.add(record.so + (record.d?.[i] ?? i));
    }
    reader.waiting.set(keyOf(record), { record, reviveOffset, open });
  }

  #takeAck(reader: Reader, ack: PopAck): void {
    const waiting = reader.waiting.get(keyOf(ack));
    for (const offset of ack.aol ?? [ack.ao]) waiting?.open.delete(offset);
  }

  /**
   * What was all acknowledged is done; what is not, and was over before `over` (wall clock, ms), is given back.
   * @param keep so many wait on, even if they are over
   */
  async #judge(reader: Reader, over: number, keep: number): Promise<void> {
    let takesMessages = true;
    for (const [key, waiting] of reader.waiting) {
      const { record, open } = waiting;
      if (open.size > 0) {
        if (!takesMessages || record.pt + record.it > over || reader.waiting.size <= keep) continue;
        if (!this.#isRunning(reader)) return;
        const given = await this.#giveBack(waiting);
        takesMessages = given !== "store refuses";
        if (given !== "done") continue;
      }
      this.#checkPoints.forget(refOf(record, reader.queueId));
      reader.waiting.delete(key);
    }
  }

  /** What is given back, or never can be, is no longer in `open`; `later`: the rest is tried again. */
  async #giveBack({ record, open }: Waiting): Promise<"done" | "later" | "store refuses"> {
    const { settings, groups, log } = this.#parts;
    if (settings.popReviveSkipIfGroupAbsent && groups.find(record.c) === undefined) {
      log.warn("messages of a group that is gone are not given back", { group: record.c, topic: record.t, count: open.size });
      return "done";
    }
    for (const offset of [...open]) {
      const { message, isKnown } = await this.#messageAt(record, offset);
      if (!isKnown) continue;
      // What is no longer in the log was lost to every consumer.
      if (message !== undefined && !this.#putAgain(record, message)) return "store refuses";
      open.delete(offset);
    }
    return open.size === 0 ? "done" : "later";
  }

  /** The message of a check point; not known while the disk does not tell. None: it is gone, or no record. */
  async #messageAt({ t, c, q }: PopCheckPoint, offset: number): Promise<{ message?: StoredMessage; isKnown: boolean }> {
    const { store, log } = this.#parts;
    let body: Uint8Array;
    try {
      const found = await store.get({ topic: t, queueId: q }, offset, { messagesMax: 1, bytesMax: 1 }, undefined);
      if (found.status !== "FOUND") return { isKnown: true };
      body = found.body;
    } catch (error) {
      const why = (error as Error).message;
      log.warn("a message that was not acknowledged can't be read now; tried again", {
        topic: t,
        queueId: q,
        group: c,
        offset,
        why,
      });
      return { isKnown: false };
    }
    try {
      const message = decodeRecord(body);
      return message.queueOffset === offset ? { message, isKnown: true } : { isKnown: true };
    } catch (error) {
      this.#leave({ topic: t, queueId: q, group: c, offset }, (error as Error).message);
      return { isKnown: true };
    }
  }

  /** False when the store takes no message now. */
  #putAgain(record: PopCheckPoint, message: StoredMessage): boolean {
    const { settings, store, stats, log } = this.#parts;
    const make = settings.enableRetryTopicV2 ? popRetryTopicV2 : popRetryTopicV1;
    const topic = record.t.startsWith(RETRY_PREFIX) ? record.t : make(record.t, record.c);
    const queueId = this.#retryQueue(topic, record);
    const reconsumeTimes = message.reconsumeTimes + (record.sp === true ? 0 : 1);
    const put = (properties: string) => store.append({ ...renewed(message, properties), topic, queueId, reconsumeTimes });
    let receipt = put(revivedProperties(message.properties, record));
    // Full with what its producer sent: better without what is told about it than not at all.
    if (receipt.status === "PROPERTIES_SIZE_EXCEEDED") receipt = put(message.properties);
    stats.instruments?.reviveRetry(record.t, record.c, receipt.status);
    if (receipt.status === "PUT_OK") {
      stats.put(topic, 1, receipt.size);
      return true;
    }
    if (NEVER_TAKEN.has(receipt.status)) {
      this.#leave({ topic: record.t, queueId: record.q, group: record.c, offset: message.queueOffset }, receipt.reason);
      return true;
    }
    log.warn("a message that was not acknowledged can't be given back now; tried again", { topic, reason: receipt.reason });
    return false;
  }

  #leave(where: { topic: string; queueId: number; group: string; offset: number }, why: string): void {
    const words =
      "a message that was not acknowledged can't be given back to its group: it stays where it is, to be pulled by its offset";
    this.#parts.log.error(words, { ...where, why });
  }

  /** Makes the retry topic: with one queue, or, with useSeparateRetryQueue, with those that its topic has. */
  #retryQueue(retryTopic: string, { t, c, q }: PopCheckPoint): number {
    const { settings, topics } = this.#parts;
    const normalTopic = t.startsWith(RETRY_PREFIX) ? t.slice(RETRY_PREFIX.length + c.length + 1) : t;
    const normalQueues = settings.useSeparateRetryQueue ? topics.find(normalTopic)?.writeQueueNums : undefined;
    const queues = Math.max(RETRY_QUEUES, normalQueues ?? RETRY_QUEUES);
    const known = topics.ensure(retryTopic, queues, RETRY_PERM, 0);
    if (normalQueues === undefined) return 0;
    // It never loses queues: messages may wait there.
    if (known.writeQueueNums < queues) {
      topics.update({ ...known, readQueueNums: queues, writeQueueNums: queues, attributes: {} });
    }
    return q < queues ? q : 0;
  }
}

/** What no broker writes, but anybody may send to the revive topic. @throws Error that says what is wrong */
function checkCheckPoint({ t, c, q, so, pt, it, n, d }: PopCheckPoint, storeTimestamp: number): void {
  const fault = groupFault(c);
  if (fault !== undefined) throw new Error(fault);
  // Retry topics and light queues have characters of their own.
  if (t === "" || t.length > RETRY_OR_DLQ_TOPIC_LENGTH_MAX) {
    throw new Error(`its topic has ${t.length} characters: allowed are 1 to ${RETRY_OR_DLQ_TOPIC_LENGTH_MAX}`);
  }
  if (n < 0 || n > MESSAGES_MAX || (d !== undefined && d.length > MESSAGES_MAX)) {
    throw new Error(`it has ${n} messages and ${d?.length ?? 0} offsets: a check point has at most ${MESSAGES_MAX}`);
  }
  if (q < 0 || so < 0 || pt < 0 || it < 0) throw new Error(`a number is below 0: queue ${q}, offset ${so}, time ${pt} + ${it}`);
  const earlyMs = pt + it - storeTimestamp;
  if (earlyMs > EARLY_MAX_MS)
    throw new Error(`its time is over ${earlyMs} ms after it surfaced: at most ${EARLY_MAX_MS} are waited for`);
}

/** With what a consumer is told of a message that comes again. */
function revivedProperties(properties: string, { pt, c }: PopCheckPoint): string {
  const isFirst = propertyOf(properties, MessageConst.FIRST_POP_TIME) === undefined;
  return setProperty(isFirst ? setProperty(properties, MessageConst.FIRST_POP_TIME, String(pt)) : properties, "ORIGIN_GROUP", c);
}

const keyOf = ({ t, c, q, so, pt }: Pick<PopCheckPoint, "t" | "c" | "q" | "so" | "pt">): string => `${t} ${c} ${q} ${so} ${pt}`;

const refOf = (record: PopCheckPoint, reviveQid: number) => ({
  topic: record.t,
  group: record.c,
  queueId: record.q,
  startOffset: record.so,
  popTime: record.pt,
  invisibleTime: record.it,
  reviveQid,
});
