/**
 * Gives messages back that were popped and not acknowledged in time: reads the revive topic, matches check points with
 * acknowledgements, and puts what is left over into the group's retry topic, where the next POP finds it.
 *
 * One reader a revive queue. It reads on as records surface, keeps check points in memory until their time is over (they surface
 * a second before it) and all acknowledgements that are there are read, and commits the offset before the oldest one that is not
 * done. What can't be put again now is tried again; nothing is passed over before.
 */
import { type PopAck, type PopCheckPoint, popAck, popCheckPoint } from "../../../wire/bodies/pop_revive.ts";
import { decodeUtf8 } from "../../../wire/bytes.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeRecord, decodeRecords, type StoredMessage } from "../../../wire/message_reader.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { propertyOf, setProperty } from "../../../wire/properties.ts";
import type { TimerHandle } from "../../runtime.ts";
import { renewed } from "../messages/renewed.ts";
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
 * Check points that wait of one reader, some 0.5 KiB each: a second's worth, unless it is far behind. Beyond it they are judged
 * before all acknowledgements are read, and some of what was acknowledged comes again.
 */
const WAITING_MAX = 100_000;
/** Nothing was over so long ago. */
const NEVER = Number.NEGATIVE_INFINITY;
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
    const { store, stats, offsets } = this.#parts;
    const queue = { topic: this.#topic, queueId: reader.queueId };
    // An acknowledgement may stand far behind its check point: all that was delivered until now is read before one is given back.
    const end = store.maxOffset(queue);
    const over = this.#parts.runtime.clock.now() - this.#timerLagMs() - GRACE_MS;
    for (let portions = 1; this.#isRunning(reader) && reader.next < end; portions++) {
      const found = await store.get(queue, reader.next, PORTION, undefined);
      stats.instruments?.traffic.pulled(this.#topic, REVIVE_GROUP, found.messageCount, found.body.length);
      for (const record of decodeRecords(found.body)) this.#take(reader, record);
      if (found.nextBeginOffset <= reader.next) break;
      reader.next = found.nextBeginOffset;
      if (portions % SLICE === 0) await this.#judge(reader, reader.waiting.size > WAITING_MAX ? over : NEVER);
    }
    const judgedAt = this.#parts.runtime.clock.monotonic();
    await this.#judge(reader, over);
    this.#parts.stats.instruments?.popScanned(this.#parts.runtime.clock.monotonic() - judgedAt);
    if (!this.#isRunning(reader)) return;
    const [oldest] = reader.waiting.values();
    const undone = oldest?.reviveOffset ?? reader.next;
    if (undone > firstUndone(offsets.query(REVIVE_GROUP, this.#topic, reader.queueId))) {
      offsets.commit(REVIVE_GROUP, this.#topic, reader.queueId, undone - 1);
    }
  }

  #take(reader: Reader, message: StoredMessage): void {
    const tag = propertyOf(message.properties, MessageConst.TAGS);
    try {
      const text = decodeUtf8(message.body);
      const { instruments } = this.#parts.stats;
      if (tag === CK_TAG) {
        const record = popCheckPoint.parse(text);
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
        offset: message.queueOffset,
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

  /** What was all acknowledged is done; what is not, and was over before `over` (wall clock, ms), is given back. */
  async #judge(reader: Reader, over: number): Promise<void> {
    for (const [key, waiting] of reader.waiting) {
      const { record, open } = waiting;
      if (open.size > 0) {
        if (record.pt + record.it > over) continue;
        if (!this.#isRunning(reader) || !(await this.#giveBack(waiting))) return;
      }
      this.#checkPoints.forget(refOf(record, reader.queueId));
      reader.waiting.delete(key);
    }
  }

  /** False when it can't be done now. */
  async #giveBack({ record, open }: Waiting): Promise<boolean> {
    const { settings, groups, store, log } = this.#parts;
    if (settings.popReviveSkipIfGroupAbsent && groups.find(record.c) === undefined) {
      log.warn("messages of a group that is gone are not given back", { group: record.c, topic: record.t, count: open.size });
      return true;
    }
    const queue = { topic: record.t, queueId: record.q };
    for (const offset of [...open]) {
      const found = await store.get(queue, offset, { messagesMax: 1, bytesMax: 1 }, undefined);
      // What is no longer in the log was lost to every consumer.
      const message = found.status === "FOUND" ? decodeRecord(found.body) : undefined;
      if (message?.queueOffset === offset && !this.#putAgain(record, message)) return false;
      open.delete(offset);
    }
    return true;
  }

  #putAgain(record: PopCheckPoint, message: StoredMessage): boolean {
    const { settings, store, stats, log } = this.#parts;
    const make = settings.enableRetryTopicV2 ? popRetryTopicV2 : popRetryTopicV1;
    const topic = record.t.startsWith(RETRY_PREFIX) ? record.t : make(record.t, record.c);
    const queueId = this.#retryQueue(topic, record);
    let { properties } = message;
    if (propertyOf(properties, MessageConst.FIRST_POP_TIME) === undefined) {
      properties = setProperty(properties, MessageConst.FIRST_POP_TIME, String(record.pt));
    }
    properties = setProperty(properties, "ORIGIN_GROUP", record.c);
    const input = renewed(message, properties);
    const reconsumeTimes = message.reconsumeTimes + (record.sp === true ? 0 : 1);
    const receipt = store.append({ ...input, topic, queueId, reconsumeTimes });
    stats.instruments?.reviveRetry(record.t, record.c, receipt.status);
    if (receipt.status !== "PUT_OK") {
      log.warn("a message that was not acknowledged can't be given back now; tried again", { topic, reason: receipt.reason });
      return false;
    }
    stats.put(topic, 1, receipt.size);
    return true;
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
