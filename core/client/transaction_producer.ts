/**
 * Messages that belong to a local transaction: a half message is stored and hidden, the local part runs, and its outcome
 * commits the message or rolls it back. When the outcome does not arrive (this process died, the network broke, it was not
 * known yet), the broker asks any producer of the group later: that is `checkLocalTransaction`.
 */
import type { CheckTransactionStateRequestHeader, EndTransactionRequestHeader } from "../../wire/headers/transaction.ts";
import { SYS_FLAG_TRANSACTION_COMMIT, SYS_FLAG_TRANSACTION_ROLLBACK } from "../../wire/message.ts";
import { MessageConst } from "../../wire/message_const.ts";
import { decodeMessageId } from "../../wire/message_id.ts";
import type { StoredMessage } from "../../wire/message_reader.ts";
import type { Peer } from "../remoting/processor.ts";
import type { ClientInstance } from "./client_instance.ts";
import { MQClientError } from "./errors.ts";
import { BODY_BYTES_MAX, type Message, MessageExt } from "./message.ts";
import { Producer, type ProducerOptions, type SendOptions } from "./producer.ts";
import type { SendResult } from "./send_request.ts";

/** UNKNOW (Apache's spelling): ask later. */
export type LocalTransactionState = "COMMIT_MESSAGE" | "ROLLBACK_MESSAGE" | "UNKNOW";

export interface TransactionProducerOptions extends ProducerOptions {
  /** What became of the local part of `message`, perhaps run by another process. A throw, or another answer, counts as UNKNOW. */
  readonly checkLocalTransaction: (message: MessageExt) => LocalTransactionState | Promise<LocalTransactionState>;
}

export interface TransactionSendResult extends SendResult {
  readonly localTransactionState: LocalTransactionState;
  /** What the local part threw, or what was wrong with its answer; the state is UNKNOW then, and the broker will ask. */
  readonly localException: unknown;
}

const COMMIT_OR_ROLLBACK: Readonly<Record<LocalTransactionState, number>> = {
  COMMIT_MESSAGE: SYS_FLAG_TRANSACTION_COMMIT,
  ROLLBACK_MESSAGE: SYS_FLAG_TRANSACTION_ROLLBACK,
  UNKNOW: 0,
};
/** A program without types may answer anything. @throws MQClientError kind invalid */
function stateOf(state: LocalTransactionState, answered: string): LocalTransactionState {
  if (Object.hasOwn(COMMIT_OR_ROLLBACK, state)) return state;
  throw new MQClientError(
    "invalid",
    `${answered} answered ${String(state)}: COMMIT_MESSAGE, ROLLBACK_MESSAGE or UNKNOW is wanted`,
  );
}

/** Checks under way; the broker asks again for those beyond. */
const CHECKS_MAX = 2_000;

export class TransactionProducer extends Producer {
  readonly #checkLocalTransaction: TransactionProducerOptions["checkLocalTransaction"];
  #checks = 0;

  /** @throws MQClientError kind invalid for a group without name */
  constructor(client: ClientInstance, options: TransactionProducerOptions) {
    super(client, options);
    this.#checkLocalTransaction = options.checkLocalTransaction;
  }

  /**
   * Sends a half message, runs the local part, ends the transaction accordingly. Nobody sees the message before that.
   * @param executeLocalTransaction its state; nothing returned is COMMIT_MESSAGE, a throw, or another answer, UNKNOW
   * @throws as `send`: then nothing was run
   */
  async sendMessageInTransaction(
    message: Message,
    executeLocalTransaction: (
      transactionId: string,
    ) => LocalTransactionState | undefined | Promise<LocalTransactionState | undefined>,
    options: SendOptions = {},
  ): Promise<TransactionSendResult> {
    const { delayTimeLevel, delayTimeMs, delayTimeSec, deliverTimeMs } = message;
    if ((delayTimeLevel ?? delayTimeMs ?? delayTimeSec ?? deliverTimeMs) !== undefined) {
      throw new MQClientError("invalid", `Cannot send to "${message.topic}" in a transaction: a half message can't be delayed`);
    }
    if (this.compressorLoading !== undefined) await this.compressorLoading;
    const out = this.prepareHalf(message);
    // The broker asks producers that it knows from heartbeats: it has to know this one before the half message is there.
    const { clock } = this.client.runtime;
    const deadline = clock.monotonic() + this.timeoutOf(options);
    await this.announce(this.client.namespace.wrap(message.topic), options);
    const sent = await this.sendOutgoing(out, { ...options, timeoutMs: Math.max(1, deadline - clock.monotonic()) });
    let localTransactionState: LocalTransactionState = "UNKNOW";
    let localException: unknown;
    if (sent.sendStatus === "SEND_OK") {
      try {
        const state = await executeLocalTransaction(sent.transactionId ?? sent.msgId);
        localTransactionState = stateOf(state ?? "COMMIT_MESSAGE", "the local transaction");
      } catch (fault) {
        localException = fault;
      }
    } else {
      // Stored without the safety that was asked for: as Java, such a transaction does not begin.
      localTransactionState = "ROLLBACK_MESSAGE";
    }
    await this.#end(message, sent, localTransactionState);
    return { ...sent, localTransactionState, localException };
  }

  override checkTransactionState(broker: Peer, header: CheckTransactionStateRequestHeader, record: StoredMessage): void {
    if (this.#checks >= CHECKS_MAX) {
      this.client.log.warn("a check of a transaction was left out; the broker asks again", {
        checks: this.#checks,
        limit: CHECKS_MAX,
      });
      return;
    }
    this.#checks++;
    void this.#check(broker, header, record).finally(() => {
      this.#checks--;
    });
  }

  async #check(broker: Peer, header: CheckTransactionStateRequestHeader, record: StoredMessage): Promise<void> {
    const message = new MessageExt(record, header.bname ?? "", this.client.runtime.compression, BODY_BYTES_MAX);
    const { topic } = message;
    message.topic = this.client.namespace.unwrap(topic);
    let state: LocalTransactionState = "UNKNOW";
    try {
      state = stateOf(await this.#checkLocalTransaction(message), "checkLocalTransaction");
    } catch (fault) {
      this.client.log.warn("the check of a transaction failed; the broker asks again", {
        group: this.producerGroup,
        msgId: message.msgId,
        reason: fault instanceof Error ? fault.message : String(fault),
      });
    }
    const msgId = message.properties.get(MessageConst.UNIQ_KEY) ?? message.msgId;
    const region = message.properties.get(MessageConst.MSG_REGION);
    this.#traceEnd(message, msgId, header.transactionId, state, message.storeHost, region, true);
    try {
      broker.oneway("END_TRANSACTION", {
        topic,
        producerGroup: this.producerGroup,
        tranStateTableOffset: header.tranStateTableOffset,
        commitLogOffset: header.commitLogOffset,
        commitOrRollback: COMMIT_OR_ROLLBACK[state],
        fromTransactionCheck: true,
        msgId,
        transactionId: header.transactionId,
        bname: header.bname,
      });
    } catch (fault) {
      // It can't be signed: nobody waits for this, so nobody else would say so.
      this.client.log.warn("the end of a transaction was not sent; the broker asks again", {
        group: this.producerGroup,
        msgId,
        reason: (fault as Error).message,
      });
    }
  }

  #traceEnd(
    { topic, tags, keys }: Pick<Message, "topic" | "tags" | "keys">,
    msgId: string,
    transactionId: string | undefined,
    state: LocalTransactionState,
    storeHost: string,
    region: string | undefined,
    fromCheck: boolean,
  ): void {
    this.client.trace?.ended({
      time: this.client.runtime.clock.now(),
      region: region ?? "DefaultRegion",
      group: this.producerGroup,
      topic,
      msgId,
      tags,
      keys: typeof keys === "object" ? keys.join(" ") : keys,
      storeHost,
      transactionId,
      state,
      fromCheck,
    });
  }

  /** An end that does not arrive is mended by a check, so a failure is a line in the log. */
  async #end(message: Message, sent: SendResult, state: LocalTransactionState): Promise<void> {
    const queue = this.client.namespace.wrapQueue(sent.messageQueue);
    const header: EndTransactionRequestHeader = {
      topic: queue.topic,
      producerGroup: this.producerGroup,
      tranStateTableOffset: sent.queueOffset,
      commitLogOffset: decodeMessageId(sent.offsetMsgId).physicalOffset,
      commitOrRollback: COMMIT_OR_ROLLBACK[state],
      fromTransactionCheck: false,
      msgId: sent.msgId,
      transactionId: sent.transactionId,
      bname: this.client.brokerNameOf(queue),
    };
    const tried = `end the transaction of message ${sent.msgId}`;
    try {
      const address = await this.client.masterOf(queue);
      this.#traceEnd(message, sent.msgId, sent.transactionId, state, address, sent.regionId, false);
      // To "unknown" brokers answer nothing.
      if (state === "UNKNOW") await this.client.oneway(tried, address, "END_TRANSACTION", header);
      else await this.client.call(tried, address, "END_TRANSACTION", header);
    } catch (fault) {
      this.client.log.warn("the end of a transaction did not arrive; the broker asks for it", {
        reason: (fault as Error).message,
      });
    }
  }
}
