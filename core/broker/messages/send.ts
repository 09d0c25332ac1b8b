/**
 * SEND_MESSAGE, SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE: checks, the record, its append, and the answer once it is as durable
 * as asked for.
 *
 * Nothing is awaited between taking the request and `store.append`: the order of requests is the order of offsets. Nothing
 * is answered before `store.durable`.
 */

import { type BatchEntry, decodeBatch } from "../../../wire/batch.ts";
import type { TopicConfig } from "../../../wire/bodies/topic.ts";
import { WireError } from "../../../wire/errors.ts";
import type { SendMessageRequestHeader } from "../../../wire/headers/send.ts";
import { tagsCode } from "../../../wire/java_hash.ts";
import { SYS_FLAG_MULTI_TAGS, SYS_FLAG_TRANSACTION_COMMIT, SYS_FLAG_TRANSACTION_MASK } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { MessageIdEncoder } from "../../../wire/message_id.ts";
import { beginsWith, RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { propertyOf, removeProperty, setProperty } from "../../../wire/properties.ts";
import { type ExtFields, NO_BODY } from "../../../wire/remoting_command.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import type { LaterReply } from "../../remoting/later_reply.ts";
import { type ProcessorMap, RemotingError, type RequestContext } from "../../remoting/processor.ts";
import type { MessageInput, PutReceipt } from "../../store/message_store.ts";
import { dlqTopicOf, TIMER_TOPIC, TOPIC_LENGTH_MAX } from "../metadata/topics_validator.ts";
import type { BrokerParts } from "../parts.ts";
import { halfOf } from "../transactions/half_message.ts";
import type { TransactionalMessageService } from "../transactions/transactions.ts";
import type { RebalanceLockManager } from "./lock.ts";
import { messageTypeOf } from "./message_type.ts";
import { OneMessage } from "./one_message.ts";
import { DLQ_QUEUES, groupOfRetryTopic, maxReconsumeTimes, RETRY_PERM } from "./retry.ts";
import { type DelayLevels, delayLevelOf, parkedMessage } from "./schedule_levels.ts";
import { checkedTopic, FAQ } from "./send_checks.ts";
import { checkCount, INNER_BATCH_FLAGS, innerBatchSize, isBatchTopic } from "./send_inner_batch.ts";
import { withLiteQueue } from "./send_lite.ts";
import { CommonProperties, clientProperties, PropertyScan } from "./send_properties.ts";
import { illegalMessage, notStored, putError } from "./send_status.ts";
import { UniqKeyMaker } from "./send_uniq_key.ts";
import { isHalfMessage, refuseUnserved } from "./send_unserved.ts";
import { type SendReply, Sent, sendAnswer } from "./sent.ts";
import type { TimerMessages } from "./timer.ts";

const FLUSHED_LATE = ResponseCode.FLUSH_DISK_TIMEOUT;

/** What a send may need beside the parts. */
export interface SendServices {
  readonly locks: RebalanceLockManager;
  readonly levels: DelayLevels;
  readonly timer: TimerMessages;
  readonly transactions: Pick<TransactionalMessageService, "prepared">;
}

export class SendMessageProcessor {
  readonly #parts: BrokerParts;
  readonly #locks: RebalanceLockManager;
  readonly #transactions: Pick<TransactionalMessageService, "prepared">;
  readonly #levels: DelayLevels;
  readonly #timer: TimerMessages;
  readonly #scan = new PropertyScan();
  readonly #message = new OneMessage();
  readonly #common = new CommonProperties();
  readonly #ids = new MessageIdEncoder();
  #regionFields: ExtFields = Object.freeze({});
  readonly #uniqKeys: UniqKeyMaker;
  #turn: Turn = { durable: undefined, isOver: true, sent: [] };

  constructor(parts: BrokerParts, { locks, levels, timer, transactions }: SendServices) {
    this.#parts = parts;
    this.#timer = timer;
    this.#locks = locks;
    this.#transactions = transactions;
    this.#levels = levels;
    this.#uniqKeys = new UniqKeyMaker(parts.runtime);
  }

  /**
   * Stores one message, or a batch when the header says so.
   * @param body Empty: refused, since a message without body can't be told from none.
   * @throws RemotingError for what is refused.
   */
  send(context: RequestContext, header: SendMessageRequestHeader, body: Uint8Array): LaterReply<SendReply> {
    if (body.length === 0) {
      throw new RemotingError(
        ResponseCode.SYSTEM_ERROR,
        `cannot send to topic[${header.topic}]: the body of the message is empty (null), and must have a byte at least`,
      );
    }
    return header.batch === true ? this.#sendBatch(context, header, body) : this.#sendOne(context, header, body);
  }

  // ------------------------------------------------------------------------------------------------------ one message

  #sendOne(context: RequestContext, header: SendMessageRequestHeader, body: Uint8Array): LaterReply<SendReply> {
    const { settings, addresses } = this.#parts;
    const config = checkedTopic(this.#parts, context, header);
    const text = header.properties ?? "";
    const scan = this.#scan;
    scan.scan(text);
    const queueId = header.queueId < 0 ? this.#randomQueue(config) : header.queueId;
    const dead = beginsWith(header.topic, RETRY_PREFIX) && this.#isDead(context, header);
    refuseUnserved(config, scan);
    const half = isHalfMessage(this.#parts, context, header, scan, dead);
    const batchSize = innerBatchSize(settings, config, header.sysFlag, scan.innerNum, body);

    const { uniqKeyFrom, uniqKeyTo } = scan;
    // Made for a client that sent none.
    const made = uniqKeyTo === 0 ? this.#uniqKeys.next() : undefined;
    const own = clientProperties(text, scan, made);
    const common = this.#common.of(settings);
    let topic = header.topic;
    let queue = queueId;
    let level = dead ? 0 : delayLevelOf(scan.delay);
    // Who changes the properties, or makes another message of this one, needs all of them as text.
    const parked = half || level > 0 || topic === TIMER_TOPIC;
    const asSent = !(dead || parked || (scan.multiDispatch ?? scan.liteTopic) !== undefined);
    let properties = asSent ? own : own + common.text;
    properties = withLiteQueue(this.#parts, context, topic, scan.liteTopic, properties);
    if (dead) {
      topic = this.#deadLetterTopic(header);
      queue = 0;
      properties = setProperty(properties, MessageConst.DELAY, "-1");
    }
    if (Number.isNaN(level)) throw illegalMessage(settings, `The delay level "${scan.delay?.slice(0, 20)}" is not a number.`);
    if (scan.priority !== undefined) {
      const priority = this.#priorityOf(scan);
      if (priority === undefined) properties = removeProperty(properties, MessageConst.PRIORITY);
      else if (priority >= 0) queue = Math.min(priority, config.writeQueueNums - 1);
    }
    const transaction = header.sysFlag & SYS_FLAG_TRANSACTION_MASK;
    // A half message waits, if it is to, when it is committed.
    const schedulable = !half && (transaction === 0 || transaction === SYS_FLAG_TRANSACTION_COMMIT);
    if (!schedulable) level = 0;

    const store = addresses.storeHostFor(context.peer);
    const { remote } = context.peer;
    const timed = schedulable && level <= 0 && (scan.timer || topic === TIMER_TOPIC);
    // What is stored as it is goes into the log before this function ends: one object serves all of those.
    const message = half || level > 0 || timed ? new OneMessage() : this.#message;
    message.topic = topic;
    message.queueId = queue;
    message.flag = header.flag;
    message.sysFlag = config.topicFilterType === "MULTI_TAG" ? header.sysFlag | SYS_FLAG_MULTI_TAGS : header.sysFlag;
    message.bornTimestamp = header.bornTimestamp;
    message.bornHost = remote.host;
    message.bornPort = remote.port;
    message.storeHost = store.host;
    message.storePort = store.port;
    message.reconsumeTimes = header.reconsumeTimes ?? 0;
    message.body = body;
    message.properties = properties;
    message.commonProperties = asSent ? common.bytes : undefined;
    message.tagsCode = tagsCode(scan.tags);
    message.innerBatchSize = batchSize;
    if (batchSize !== undefined && (level > 0 || dead || half || scan.timer))
      throw illegalMessage(settings, "An inner batch can't be delayed, nor be part of a transaction.");
    let stored: MessageInput = message;
    if (half) stored = halfOf(message, scan.uniqKey);
    else if (level > 0) stored = parkedMessage(message, level, this.#levels);
    else if (timed) stored = this.#timer.park(message, scan);
    const recallHandle =
      timed && stored !== message ? this.#timer.recallHandleOf(stored, made ?? text.slice(uniqKeyFrom, uniqKeyTo)) : undefined;
    const wait = scan.waits;
    const receipt = this.#append(stored);
    if (half) this.#transactions.prepared(header.topic);
    if (dead) this.#parts.stats.deadLetter(groupOfRetryTopic(header.topic), header.topic);
    // Where a priority chose the queue, the sender is told; of a dead letter it is told the queue it asked for.
    const type = messageTypeOf(scan);
    const answered = dead ? queueId : queue;
    const sent =
      made === undefined
        ? new Sent(context.receivedAt, type, stored, receipt, answered, text, uniqKeyFrom, uniqKeyTo)
        : new Sent(context.receivedAt, type, stored, receipt, answered, made);
    sent.recallHandle = recallHandle;
    message.body = NO_BODY;
    return this.#acknowledge(sent, receipt.endOffset, wait);
  }

  /** Sent to a retry topic for the last time: it goes to the dead letters. Messages consumed in order go there at once. */
  #isDead(context: RequestContext, header: SendMessageRequestHeader): boolean {
    const group = groupOfRetryTopic(header.topic);
    const config = this.#parts.groups.findOrCreate(group);
    if (config === undefined) {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group not exist, ${group} ${FAQ}`);
    }
    const max = maxReconsumeTimes(context.version, header.maxReconsumeTimes, config.retryMaxTimes);
    return (header.reconsumeTimes ?? 0) > max || !this.#locks.isLockAllExpired(group);
  }

  #deadLetterTopic(header: SendMessageRequestHeader): string {
    const group = groupOfRetryTopic(header.topic);
    const topic = dlqTopicOf(group);
    this.#parts.topics.ensure(topic, DLQ_QUEUES, RETRY_PERM, 0);
    return topic;
  }

  /** Undefined when the message is of another type, which takes the property off; -1 when it is no priority. */
  #priorityOf(scan: PropertyScan): number | undefined {
    const priority = /^\d{1,9}$/.test(scan.priority ?? "") ? Number(scan.priority) : -1;
    if (priority < 0) return -1;
    const other = scan.transaction === "true" || scan.delay !== undefined || scan.timer || scan.shardingKey !== undefined;
    return other ? undefined : priority;
  }

  #randomQueue(config: TopicConfig): number {
    return this.#parts.runtime.random.below(99_999_999) % config.writeQueueNums;
  }

  #append(message: MessageInput): PutReceipt {
    const { store, settings } = this.#parts;
    checkTopicLength(message.topic, settings);
    const receipt = store.append(message);
    if (receipt.status !== "PUT_OK") throw putError(receipt, settings, store);
    return receipt;
  }

  // ------------------------------------------------------------------------------------------------------------ batch

  #sendBatch(context: RequestContext, header: SendMessageRequestHeader, body: Uint8Array): LaterReply<SendReply> {
    const { settings, addresses, store } = this.#parts;
    const config = checkedTopic(this.#parts, context, header);
    const { topic } = header;
    if (topic.length > TOPIC_LENGTH_MAX) {
      throw new RemotingError(ResponseCode.MESSAGE_ILLEGAL, `message topic length too long ${topic.length}`);
    }
    if (topic.startsWith(RETRY_PREFIX)) {
      throw new RemotingError(ResponseCode.MESSAGE_ILLEGAL, `batch request does not support retry group ${topic}`);
    }
    const outer = header.properties ?? "";
    const entries = this.#batchEntries(header, outer, body);
    const queueId = header.queueId < 0 ? this.#randomQueue(config) : header.queueId;
    const host = addresses.storeHostFor(context.peer);
    const { remote } = context.peer;
    const sysFlag = config.topicFilterType === "MULTI_TAG" ? header.sysFlag | SYS_FLAG_MULTI_TAGS : header.sysFlag;
    const common: BatchCommon = {
      topic,
      queueId,
      sysFlag,
      bornTimestamp: header.bornTimestamp,
      bornHost: remote.host,
      bornPort: remote.port,
      storeHost: host.host,
      storePort: host.port,
      reconsumeTimes: header.reconsumeTimes ?? 0,
      preparedTransactionOffset: 0,
    };
    const wait = (propertyOf(outer, MessageConst.WAIT) ?? "true").toLowerCase() === "true";
    const uniqKey = propertyOf(outer, MessageConst.UNIQ_KEY);
    this.#scan.scan(outer);
    const type = messageTypeOf(this.#scan);
    if (isBatchTopic(config) && uniqKey !== undefined) {
      checkCount(settings, entries.length);
      const message: MessageInput = {
        ...common,
        flag: header.flag,
        sysFlag: sysFlag | INNER_BATCH_FLAGS,
        body,
        properties: setProperty(
          clientProperties(outer, this.#scan, undefined) + this.#common.of(settings).text,
          MessageConst.INNER_NUM,
          String(entries.length),
        ),
        tagsCode: tagsCode(this.#scan.tags),
        innerBatchSize: entries.length,
      };
      const receipt = this.#append(message);
      const sent = new Sent(context.receivedAt, type, message, receipt, queueId, uniqKey);
      sent.batchUniqId = uniqKey;
      return this.#acknowledge(sent, receipt.endOffset, wait);
    }
    const messages = entries.map((entry) => this.#batched(context, common, entry));
    const receipts = store.appendBatch(messages);
    if (!Array.isArray(receipts)) throw putError(receipts, settings, store);
    const sent = new Sent(context.receivedAt, type, messages[0] as MessageInput, receipts, queueId, uniqKey);
    return this.#acknowledge(sent, (receipts[receipts.length - 1] as PutReceipt).endOffset, wait);
  }

  /** One of a batch: of the same class as a message sent by itself, as the store's hot path is fastest with one kind of object. */
  #batched(context: RequestContext, common: BatchCommon, { flag, body, properties }: BatchEntry): MessageInput {
    const message = new OneMessage();
    message.topic = common.topic;
    message.queueId = common.queueId;
    message.flag = flag;
    message.sysFlag = common.sysFlag;
    message.bornTimestamp = common.bornTimestamp;
    message.bornHost = common.bornHost;
    message.bornPort = common.bornPort;
    message.storeHost = common.storeHost;
    message.storePort = common.storePort;
    message.reconsumeTimes = common.reconsumeTimes;
    message.body = body;
    const lite = propertyOf(properties, MessageConst.LITE_TOPIC);
    message.properties = withLiteQueue(this.#parts, context, common.topic, lite, properties);
    message.tagsCode = tagsCode(propertyOf(properties, MessageConst.TAGS));
    return message;
  }

  #batchEntries(header: SendMessageRequestHeader, outer: string, body: Uint8Array): BatchEntry[] {
    const { settings } = this.#parts;
    if (body.length > settings.maxMessageSize) {
      throw illegalMessage(settings, `The batch has ${body.length} bytes; maxMessageSize allows ${settings.maxMessageSize}.`);
    }
    if ((header.sysFlag & SYS_FLAG_TRANSACTION_MASK) !== 0) {
      throw illegalMessage(settings, "A batch can't be transactional.");
    }
    if (delayLevelOf(propertyOf(outer, MessageConst.DELAY)) > 0) {
      throw illegalMessage(settings, "A batch can't have a delay level.");
    }
    try {
      return decodeBatch(body);
    } catch (error) {
      if (error instanceof WireError) throw illegalMessage(settings, `The batch can't be read: ${error.message}.`);
      throw error;
    }
  }

  // ------------------------------------------------------------------------------------------------------------ reply

  /**
   * Here the durability is chosen: under SYNC_FLUSH a sender that waits is answered after fdatasync. Thousands of messages
   * may wait for that: what is kept of each is `sent`, and nothing that holds its request.
   */
  #acknowledge(sent: Sent, endOffset: number, wait: boolean): Sent {
    const { settings, store } = this.#parts;
    const durable = store.durable(endOffset, wait && settings.flushDiskType === "SYNC_FLUSH");
    // Messages of one turn share one promise, and are answered together.
    if (durable !== this.#turn.durable || this.#turn.isOver) {
      const turn: Turn = { durable, isOver: false, sent: [] };
      this.#turn = turn;
      void durable.then(
        (inTime) => this.#settle(turn, (each, now) => each.settle(this.#answer(each, now, inTime), now)),
        (fault: unknown) => this.#settle(turn, (each) => each.fail(notStored(fault, store))),
      );
    }
    this.#turn.sent.push(sent);
    return sent;
  }

  #settle(turn: Turn, each: (sent: Sent, now: number) => void): void {
    const { log, runtime } = this.#parts;
    turn.isOver = true;
    const now = runtime.clock.monotonic();
    for (const sent of turn.sent) {
      try {
        each(sent, now);
      } catch (error) {
        // The others of the turn must not pay for it.
        log.error("a stored message could not be answered", { topic: sent.topic, error: (error as Error).message });
      }
    }
  }

  #answer(sent: Sent, now: number, inTime: boolean): SendReply {
    const { settings, stats } = this.#parts;
    stats.sent(sent.topic, sent.type, sent.count, sent.bytes);
    stats.putLatency(sent.topic, sent.storedQueueId, now - sent.receivedAt);
    const extFields = this.#region(settings.regionId, settings.traceOn);
    return sendAnswer(inTime ? ResponseCode.SUCCESS : FLUSHED_LATE, extFields, sent, this.#ids);
  }

  /** Every answer carries the same two fields: one frozen object, which is encoded once. */
  #region(regionId: string, traceOn: boolean): ExtFields {
    const { MSG_REGION, TRACE_ON } = this.#regionFields;
    if (MSG_REGION !== regionId || TRACE_ON !== String(traceOn)) {
      this.#regionFields = Object.freeze({ MSG_REGION: regionId, TRACE_ON: String(traceOn) });
    }
    return this.#regionFields;
  }
}

/** What the messages of a batch have in common. */
type BatchCommon = Omit<MessageInput, "flag" | "body" | "properties" | "tagsCode">;

/** Messages that become durable together. */
interface Turn {
  readonly durable: Promise<boolean> | undefined;
  /** They are answered: what comes now belongs to the next. */
  isOver: boolean;
  readonly sent: Sent[];
}

function checkTopicLength(topic: string, settings: { readonly maxMessageSize: number }): void {
  if (topic.length <= TOPIC_LENGTH_MAX || topic.startsWith(RETRY_PREFIX)) return;
  throw illegalMessage(settings, `The topic has ${topic.length} characters; ${TOPIC_LENGTH_MAX} are allowed.`);
}

export function sendProcessors(
  send: SendMessageProcessor,
): Pick<ProcessorMap<"broker">, "SEND_MESSAGE" | "SEND_MESSAGE_V2" | "SEND_BATCH_MESSAGE"> {
  return {
    SEND_MESSAGE: (context, { header, body }) => send.send(context, header, body),
    SEND_MESSAGE_V2: (context, { header, body }) => send.send(context, header, body),
    SEND_BATCH_MESSAGE: (context, { header, body }) => send.send(context, header, body),
  };
}
