/**
 * One round over the half queue: what is over is passed, what is old enough is asked of its producers.
 *
 * The round walks from the group's offset on. A half message that is over moves the offset on. One that is asked about, or
 * whose immunity is not over, is put at the queue's end first and then passed, so that an old unknown one does not keep the
 * whole queue from moving. The first that is too young ends the round. Offsets are committed once what was put again is as
 * durable as the broker's flush asks for.
 */
import { MessageConst } from "../../../wire/message_const.ts";
import { MessageIdEncoder } from "../../../wire/message_id.ts";
import { decodeRecords, type StoredMessage } from "../../../wire/message_reader.ts";
import { propertyOf, setProperty } from "../../../wire/properties.ts";
import type { MessageInput, PutReceipt } from "../../store/message_store.ts";
import { renewed } from "../messages/renewed.ts";
import { TRANS_HALF_TOPIC, TRANS_OP_HALF_TOPIC } from "../metadata/topics_validator.ts";
import type { BrokerParts } from "../parts.ts";
import { checkBody, destinationOf, HALF_QUEUE } from "./half_message.ts";
import { OperationReader } from "./operations.ts";

/** The group whose offsets say how far the half and the operation queue are done. */
export const TRANSACTION_GROUP = "CID_RMQ_SYS_TRANS";
/** Half messages that were checked too often. */
export const CHECK_MAX_TIME_TOPIC = "TRANS_CHECK_MAX_TIME_TOPIC";

/** A round gives way after so long; the next one goes on. */
const ROUND_MS_MAX = 60_000;
/** Half messages read at once. */
const PORTION = { messagesMax: 32, bytesMax: 4 * 1024 * 1024 };
/** Ended transactions that one round keeps in memory while it looks for one that is not. */
const KNOWN_MAX = 2_000_000;
/** Half messages passed before other work gets its turn. */
const SLICE = 256;

const HOUR_MS = 3_600_000;
const HALF = { topic: TRANS_HALF_TOPIC, queueId: HALF_QUEUE };
const OPERATIONS = { topic: TRANS_OP_HALF_TOPIC, queueId: HALF_QUEUE };

export type CheckParts = Pick<
  BrokerParts,
  "runtime" | "log" | "settings" | "store" | "stats" | "topics" | "offsets" | "producers"
>;

export interface CheckHooks {
  /** Whether a transaction ended in this process, which the copies of its half message need not be asked for. */
  readonly hasEnded: (half: StoredMessage) => boolean;
  /** The half message was given up. */
  readonly discarded: (topic: string) => void;
  readonly stopped: () => boolean;
}

/** Somebody is to be asked about a half message, by its copy. */
interface Question {
  readonly half: StoredMessage;
  readonly copy: MessageInput;
  readonly receipt: PutReceipt;
}

type Verdict = "pass" | "end of round" | "ask" | "keep" | "discard";

/** ms from its birth in which a half message is not asked about: CHECK_IMMUNITY_TIME_IN_SECONDS, else transactionTimeOut. */
export function immunityMs(half: StoredMessage, timeOutMs: number): { readonly ms: number; readonly own: boolean } {
  const text = propertyOf(half.properties, MessageConst.CHECK_IMMUNITY_TIME_IN_SECONDS);
  if (text === undefined) return { ms: timeOutMs, own: false };
  return { ms: /^\d{1,9}$/.test(text) ? Number(text) * 1000 : timeOutMs, own: true };
}

export class CheckRound {
  readonly #parts: CheckParts;
  readonly #hooks: CheckHooks;
  readonly #ids = new MessageIdEncoder();
  readonly #startedAt: number;
  /** End of what was put again, for durability. */
  #endOffset = 0;
  #asked = 0;
  /** Those whose copies were put since the last portion was read. */
  #questions: Question[] = [];

  constructor(parts: CheckParts, hooks: CheckHooks) {
    this.#parts = parts;
    this.#hooks = hooks;
    this.#startedAt = parts.runtime.clock.now();
  }

  async run(): Promise<void> {
    const { offsets, store, runtime, log } = this.#parts;
    const halfFrom = this.#offsetOf(HALF.topic);
    const operationsFrom = this.#offsetOf(OPERATIONS.topic);
    if (store.maxOffset(HALF) <= halfFrom) return;
    const operations = new OperationReader(this.#parts, operationsFrom, halfFrom);
    const until = runtime.clock.monotonic() + ROUND_MS_MAX;
    const next = await this.#walk(halfFrom, operations, until);
    await this.#askAll();
    if (this.#endOffset > 0) await store.durable(this.#endOffset, this.#parts.settings.flushDiskType === "SYNC_FLUSH");
    if (this.#hooks.stopped()) return;
    if (next !== halfFrom) offsets.commit(TRANSACTION_GROUP, HALF.topic, HALF.queueId, next);
    const { progress } = operations;
    if (progress !== operationsFrom) offsets.commit(TRANSACTION_GROUP, OPERATIONS.topic, OPERATIONS.queueId, progress);
    if (this.#asked > 0) log.info("producers were asked for the state of transactions", { count: this.#asked, next });
  }

  /** -1 of a queue that never was is its start. */
  #offsetOf(topic: string): number {
    const { offsets, store } = this.#parts;
    const committed = offsets.query(TRANSACTION_GROUP, topic, HALF_QUEUE);
    return Math.max(committed, store.minOffset({ topic, queueId: HALF_QUEUE }), 0);
  }

  /** The offset of the first half message that is not passed. */
  async #walk(from: number, operations: OperationReader, until: number): Promise<number> {
    const { store, runtime } = this.#parts;
    let portion = new Map<number, StoredMessage>();
    let portionEnd = from;
    for (let offset = from, passed = 0; ; ) {
      if (this.#hooks.stopped() || runtime.clock.monotonic() > until) return offset;
      if (++passed % SLICE === 0) await this.#breathe();
      if (operations.takeKnown(offset)) {
        offset++;
        continue;
      }
      if (offset >= store.maxOffset(HALF)) return offset;
      if (operations.size < KNOWN_MAX && (await operations.take(offset))) {
        offset++;
        continue;
      }
      if (offset >= portionEnd) {
        await this.#askAll();
        const found = await store.get(HALF, offset, PORTION, undefined);
        portion = new Map(decodeRecords(found.body).map((half) => [half.queueOffset, half]));
        // Nothing may stand still: where there is no message the store says where to go on.
        if (portion.size === 0 && found.nextBeginOffset <= offset) return offset;
        portionEnd = found.nextBeginOffset;
      }
      const half = portion.get(offset);
      if (half !== undefined) {
        const verdict = this.#judge(half, operations);
        if (verdict === "end of round" || !this.#act(half, verdict)) return offset;
      }
      offset++;
    }
  }

  #judge(half: StoredMessage, operations: OperationReader): Verdict {
    const { settings, runtime } = this.#parts;
    if (this.#hooks.hasEnded(half)) return "pass";
    const ageMs = runtime.clock.now() - half.bornTimestamp;
    const checks = Number(propertyOf(half.properties, MessageConst.TRANSACTION_CHECK_TIMES) ?? "0");
    if (checks >= settings.transactionCheckMax || ageMs > settings.fileReservedTime * HOUR_MS) return "discard";
    if (half.storeTimestamp >= this.#startedAt) return "end of round";
    const immunity = immunityMs(half, settings.transactionTimeOut);
    if (ageMs < 0 || ageMs > immunity.ms) return "ask";
    if (!immunity.own) return "end of round";
    // A copy is over when its original is.
    const original = Number(propertyOf(half.properties, MessageConst.TRAN_PREPARED_QUEUE_OFFSET) ?? "-1");
    return operations.takeKnown(original) ? "pass" : "keep";
  }

  /** False when it can't be done now. */
  #act(half: StoredMessage, verdict: Exclude<Verdict, "end of round">): boolean {
    switch (verdict) {
      case "pass":
        return true;
      case "discard":
        return this.#discard(half);
      case "keep": {
        const original = propertyOf(half.properties, MessageConst.TRAN_PREPARED_QUEUE_OFFSET) ?? String(half.queueOffset);
        return (
          this.#put(renewed(half, setProperty(half.properties, MessageConst.TRAN_PREPARED_QUEUE_OFFSET, original))) !== undefined
        );
      }
      case "ask": {
        const checks = Number(propertyOf(half.properties, MessageConst.TRANSACTION_CHECK_TIMES) ?? "0") + 1;
        const copy = renewed(half, setProperty(half.properties, MessageConst.TRANSACTION_CHECK_TIMES, String(checks)));
        const receipt = this.#put(copy);
        if (receipt !== undefined) this.#questions.push({ half, copy, receipt });
        return receipt !== undefined;
      }
    }
  }

  async #askAll(): Promise<void> {
    const questions = this.#questions;
    if (questions.length === 0) return;
    this.#questions = [];
    await this.#parts.store.durable(this.#endOffset, false);
    if (this.#hooks.stopped()) return;
    for (const question of questions) this.#ask(question);
  }

  #ask({ half, copy, receipt }: Question): void {
    const { producers, settings, log } = this.#parts;
    const group = propertyOf(half.properties, MessageConst.PGROUP) ?? "";
    const uniqKey = propertyOf(half.properties, MessageConst.UNIQ_KEY);
    const producer = producers.anyChannel(group);
    if (producer === undefined) {
      log.warn("no producer of the group is connected; its transaction is asked for again in the next round", {
        group,
        transactionId: uniqKey,
        key: "transactionCheckInterval",
      });
      return;
    }
    this.#asked++;
    producer.peer.oneway(
      "CHECK_TRANSACTION_STATE",
      {
        topic: TRANS_HALF_TOPIC,
        tranStateTableOffset: receipt.queueOffset,
        commitLogOffset: receipt.physicalOffset,
        msgId: uniqKey,
        transactionId: uniqKey,
        offsetMsgId: this.#ids.encode(copy.storeHost, copy.storePort, receipt.physicalOffset),
        bname: settings.brokerName,
      },
      checkBody(copy, half, receipt),
    );
  }

  #discard(half: StoredMessage): boolean {
    const { topics, log } = this.#parts;
    const topic = destinationOf(half)?.topic;
    topics.ensure(CHECK_MAX_TIME_TOPIC, 1, 6, 0);
    if (this.#put({ ...renewed(half, half.properties), topic: CHECK_MAX_TIME_TOPIC, queueId: 0 }) === undefined) return false;
    log.error("a transaction was checked too often, or is too old; its message was moved", {
      topic,
      transactionId: propertyOf(half.properties, MessageConst.UNIQ_KEY),
      to: CHECK_MAX_TIME_TOPIC,
      key: "transactionCheckMax",
      mend: "mqadmin resumeCheckHalfMessage",
    });
    if (topic !== undefined) this.#hooks.discarded(topic);
    return true;
  }

  #put(message: MessageInput): PutReceipt | undefined {
    const { store, stats, log } = this.#parts;
    const receipt = store.append(message);
    if (receipt.status !== "PUT_OK") {
      log.warn("a half message can't be put again now; the round ends", { topic: message.topic, reason: receipt.reason });
      return undefined;
    }
    this.#endOffset = receipt.endOffset;
    stats.put(message.topic, 1, receipt.size);
    return receipt;
  }

  #breathe(): Promise<void> {
    return new Promise((resolve) => this.#parts.runtime.clock.setTimeout(resolve, 0));
  }
}
