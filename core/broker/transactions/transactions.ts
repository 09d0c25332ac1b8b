/**
 * Transactions: a message is stored half, out of sight; its producer commits it or rolls it back, and when it says nothing it
 * is asked, until it does or was asked too often.
 *
 * Owns the half and the operation queue and their offsets (CID_RMQ_SYS_TRANS), END_TRANSACTION, and the rounds of checks,
 * which only a master does. Does not own the producers (`../clients/producers.ts`) nor how a message is checked before it is
 * stored (`../messages/send.ts`).
 *
 * - A committed message is appended before its transaction is noted as over; a crash in between has it checked back, and
 *   then committed again: at least once, as in Apache.
 * - Within one process a transaction ends once: a second END_TRANSACTION for it (a late producer beside an answered check)
 *   is answered like the first and stores nothing.
 */
import { ownText } from "../../../wire/bytes.ts";
import type { EndTransactionRequestHeader, ResumeCheckHalfMessageRequestHeader } from "../../../wire/headers/transaction.ts";
import { SYS_FLAG_TRANSACTION_COMMIT, SYS_FLAG_TRANSACTION_ROLLBACK } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeMessageId } from "../../../wire/message_id.ts";
import { decodeRecord, type StoredMessage } from "../../../wire/message_reader.ts";
import { propertyOf, setProperty } from "../../../wire/properties.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { TimerHandle } from "../../runtime.ts";
import type { MessageInput } from "../../store/message_store.ts";
import type { Delayer } from "../messages/delayer.ts";
import { renewed } from "../messages/renewed.ts";
import { notStored, putError } from "../messages/send_status.ts";
import { TRANS_HALF_TOPIC } from "../metadata/topics_validator.ts";
import type { BrokerParts } from "../parts.ts";
import { CHECK_MAX_TIME_TOPIC, CheckRound, immunityMs } from "./check.ts";
import { destinationOf, finalOf, HALF_QUEUE } from "./half_message.ts";
import { OperationWriter } from "./operations.ts";
import { TransactionMetrics } from "./transaction_metrics.ts";

/** So many transactions at least are remembered as ended, twice as many at most: more than any producer has under way. */
const ENDED_MIN = 32_768;

export class TransactionalMessageService {
  readonly metrics: TransactionMetrics;
  readonly #parts: BrokerParts;
  /** A final message with a delay goes where it waits. */
  readonly #placed: Delayer;
  readonly #operations: OperationWriter;
  #ended = new Set<string>();
  /** Those before, forgotten all at once: to delete the first of a set again and again is a walk over all its holes. */
  #endedBefore: ReadonlySet<string> = new Set();
  #generation = 0;
  #timer: TimerHandle | undefined;
  #metricsTimer: TimerHandle | undefined;
  #round: Promise<void> | undefined;

  constructor(parts: BrokerParts, placed: Delayer) {
    this.#parts = parts;
    this.#placed = placed;
    this.metrics = new TransactionMetrics(parts);
    this.#operations = new OperationWriter(parts);
  }

  // ----------------------------------------------------------------------------------------------------- life cycle

  /** Begins the rounds of checks. The store must be loaded. @throws Error when transactionMetrics can't be read. */
  start(): void {
    if (this.#metricsTimer !== undefined) return;
    const { clock } = this.#parts.runtime;
    this.metrics.load();
    this.#generation++;
    this.#metricsTimer = clock.setInterval(() => this.metrics.persist(), this.#parts.settings.transactionMetricFlushInterval);
    this.#awaitRound();
  }

  /** Ends them, when the one under way is over. */
  async stop(): Promise<void> {
    if (this.#metricsTimer === undefined) return;
    this.#generation++;
    this.#timer?.cancel();
    this.#metricsTimer.cancel();
    this.#metricsTimer = undefined;
    await this.#round;
    this.#operations.flush();
    this.metrics.persist();
  }

  #awaitRound(): void {
    const { clock } = this.#parts.runtime;
    this.#timer = clock.setTimeout(() => {
      this.#round = this.#check().finally(() => {
        this.#round = undefined;
        if (this.#metricsTimer !== undefined) this.#awaitRound();
      });
    }, this.#parts.settings.transactionCheckInterval);
  }

  async #check(): Promise<void> {
    const generation = this.#generation;
    try {
      this.#operations.flush();
      await new CheckRound(this.#parts, {
        hasEnded: (half) => this.#hasEnded(half),
        discarded: (topic) => this.metrics.add(topic, -1),
        stopped: () => generation !== this.#generation,
      }).run();
    } catch (error) {
      this.#parts.log.error("a round of transaction checks failed; the next one comes after transactionCheckInterval", {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  // ------------------------------------------------------------------------------------------------------- requests

  /** A half message for `topic` was stored. */
  prepared(topic: string): void {
    this.metrics.add(topic, 1);
  }

  /**
   * Commits or rolls back. Undefined, no answer, for a state that is still unknown.
   * @throws RemotingError when there is no such half message, or it is another producer's.
   */
  async end(header: EndTransactionRequestHeader): Promise<Record<string, never> | undefined> {
    const { commitOrRollback } = header;
    const commits = commitOrRollback === SYS_FLAG_TRANSACTION_COMMIT;
    if (!commits && commitOrRollback !== SYS_FLAG_TRANSACTION_ROLLBACK) return undefined;
    const half = await this.#halfAt(header);
    this.#checkInTime(header, half);
    if (this.#hasEnded(half)) return {};
    const destination = destinationOf(half);
    if (destination === undefined)
      throw new RemotingError(ResponseCode.SYSTEM_ERROR, "The half message names no topic and queue");
    if (commits) {
      const endOffset = this.#append(this.#placed(finalOf(half, destination)));
      this.#noteEnd(half, destination.topic);
      this.#countCommit(half, destination.topic);
      try {
        await this.#parts.store.durable(endOffset, false);
      } catch (fault) {
        throw notStored(fault, this.#parts.store);
      }
    } else {
      this.#noteEnd(half, destination.topic);
      this.#parts.stats.instruments?.rollbacks.add(destination.topic);
    }
    return {};
  }

  /** A half message that was given up is checked anew. @throws RemotingError */
  async resume({ msgId = "" }: ResumeCheckHalfMessageRequestHeader): Promise<Record<string, never>> {
    const refused = (why: string) =>
      new RemotingError(
        ResponseCode.SYSTEM_ERROR,
        `Exception was thrown when putting message back to ${TRANS_HALF_TOPIC}. ${why}`,
      );
    const offset = offsetOf(msgId);
    if (offset === undefined) throw refused(`"${msgId.slice(0, 64)}" is no offset message id`);
    const record = await this.#parts.store.recordAt(offset);
    const found = record === undefined ? undefined : decodeRecord(record);
    if (found?.topic !== CHECK_MAX_TIME_TOPIC && found?.topic !== TRANS_HALF_TOPIC) {
      throw refused(`there is no message with this id in ${CHECK_MAX_TIME_TOPIC}`);
    }
    const properties = setProperty(found.properties, MessageConst.TRANSACTION_CHECK_TIMES, "0");
    const half = { ...renewed(found, properties), topic: TRANS_HALF_TOPIC, queueId: HALF_QUEUE };
    await this.#parts.store.durable(this.#append(half), false);
    return {};
  }

  // -------------------------------------------------------------------------------------------------------- inwards

  async #halfAt(header: EndTransactionRequestHeader): Promise<StoredMessage> {
    const wrong = (why: string) => new RemotingError(ResponseCode.SYSTEM_ERROR, why);
    const record = await this.#parts.store.recordAt(header.commitLogOffset);
    const half = record === undefined ? undefined : decodeRecord(record);
    // Anything but a half message is nobody's to commit.
    if (half?.topic !== TRANS_HALF_TOPIC) throw wrong("Find prepared transaction message failed");
    if (propertyOf(half.properties, MessageConst.PGROUP) !== header.producerGroup) throw wrong("The producer group wrong");
    if (half.queueOffset !== header.tranStateTableOffset) throw wrong("The transaction state table offset wrong");
    return half;
  }

  /** With an immunity of its own a message is left to the check once that is over: the producer may have asked for that. */
  #checkInTime(header: EndTransactionRequestHeader, half: StoredMessage): void {
    if (header.fromTransactionCheck) return;
    const { settings, runtime } = this.#parts;
    const immunity = immunityMs(half, settings.transactionTimeOut);
    if (!immunity.own) return;
    const ageMs = runtime.clock.now() - half.bornTimestamp;
    const ms = Math.max(immunity.ms, settings.transactionTimeOut);
    if (ageMs <= ms) return;
    throw new RemotingError(
      ResponseCode.ILLEGAL_OPERATION,
      `The transaction ends ${ageMs} ms after its message was born; CHECK_IMMUNITY_TIME_IN_SECONDS allows ${ms}. Wait for the check.`,
    );
  }

  #append(message: MessageInput): number {
    const { store, settings, stats } = this.#parts;
    const receipt = store.append(message);
    if (receipt.status !== "PUT_OK") throw putError(receipt, settings, store);
    stats.put(message.topic, 1, receipt.size);
    return receipt.endOffset;
  }

  #hasEnded(half: StoredMessage): boolean {
    const key = propertyOf(half.properties, MessageConst.UNIQ_KEY);
    return key !== undefined && (this.#ended.has(key) || this.#endedBefore.has(key));
  }

  #countCommit(half: StoredMessage, topic: string): void {
    const { stats, runtime } = this.#parts;
    stats.instruments?.commits.add(topic);
    stats.instruments?.finishLatency.record(topic, Math.floor((runtime.clock.now() - half.bornTimestamp) / 1000));
  }

  #noteEnd(half: StoredMessage, topic: string): void {
    const key = propertyOf(half.properties, MessageConst.UNIQ_KEY);
    if (key !== undefined) {
      if (this.#ended.size >= ENDED_MIN) {
        this.#endedBefore = this.#ended;
        this.#ended = new Set();
      }
      this.#ended.add(ownText(key));
    }
    this.#operations.over(half);
    this.metrics.add(topic, -1);
  }
}

function offsetOf(msgId: string): number | undefined {
  try {
    return decodeMessageId(msgId).physicalOffset;
  } catch {
    return undefined;
  }
}

export function transactionProcessors(
  transactions: TransactionalMessageService,
): Pick<ProcessorMap<"broker">, "END_TRANSACTION" | "RESUME_CHECK_HALF_MESSAGE"> {
  return {
    END_TRANSACTION: (_context, { header }) => transactions.end(header),
    RESUME_CHECK_HALF_MESSAGE: (_context, { header }) => transactions.resume(header),
  };
}
