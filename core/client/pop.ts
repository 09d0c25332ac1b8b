/**
 * POP, request by request: a broker hands out messages of any of its queues, which nobody else gets until they are acknowledged
 * or their invisible time is over. Times are stamped by the broker (bornTime 0), so clocks need not agree.
 */
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import {
  changeInvisibleTimeResponseHeader,
  notificationResponseHeader,
  popMessageResponseHeader,
} from "../../wire/headers/pop.ts";
import {
  formatExtraInfo,
  type PopExtraInfo,
  parseExtraInfo,
  parseStartOffsetInfo,
  TOPIC_ITSELF,
  topicOf,
} from "../../wire/pop_info.ts";
import { viewRecords } from "../../wire/record_view.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import type { ClientInstance } from "./client_instance.ts";
import { expectSuccess, MQBrokerError, MQClientError, readReply } from "./errors.ts";
import { BODY_BYTES_MAX, MessageExt } from "./message.ts";
import { wanted } from "./subscription.ts";

/** Any queue of the broker. */
export const ANY_QUEUE = -1;
/** Messages of one POP; brokers refuse more. */
export const POP_MESSAGES_MAX = 32;
/** What a broker needs to answer, on top of how long it may hold the request, ms. */
export const POP_ANSWER_MS = 10_000;

/** Where to pop from: all queues of a topic at one broker, or one of them. */
export interface PopTarget {
  readonly topic: string;
  readonly brokerName: string;
  /** `ANY_QUEUE`, or one. */
  readonly queueId: number;
}

export interface PopInput extends PopTarget {
  readonly consumerGroup: string;
  readonly maxMsgNums: number;
  /** How long the messages are nobody else's, ms. */
  readonly invisibleTime: number;
  /** How long the broker may hold the request when there is nothing, ms; 0: not at all. */
  readonly pollTime: number;
  /** What it has to answer on top of that, ms; default POP_ANSWER_MS. */
  readonly answerMs?: number;
  /** Where a group without an offset begins. */
  readonly initMode: "MIN" | "MAX";
  readonly subscription: SubscriptionData;
}

/** @returns messages that the subscription wants, each with its receipt. @throws MQBrokerError, MQClientError; the signal's reason */
export async function pop(client: ClientInstance, input: PopInput, signal?: AbortSignal): Promise<MessageExt[]> {
  const { consumerGroup, topic, brokerName, queueId, subscription, pollTime } = input;
  const address = await masterOf(client, input, signal);
  const tried = `pop from "${topic}" at ${brokerName}`;
  const header = {
    consumerGroup,
    topic,
    queueId,
    maxMsgNums: input.maxMsgNums,
    invisibleTime: input.invisibleTime,
    pollTime,
    bornTime: 0,
    initMode: input.initMode === "MIN" ? 0 : 1,
    expType: subscription.expressionType,
    exp: subscription.subString,
    order: false,
    bname: brokerName,
  };
  const reply = await client.invoke(tried, address, "POP_MESSAGE", header, {
    timeoutMs: pollTime + (input.answerMs ?? POP_ANSWER_MS),
    signal,
  });
  if (NOTHING.has(reply.code)) return [];
  expectSuccess(tried, address, reply);
  const {
    popTime,
    invisibleTime,
    reviveQid,
    startOffsetInfo = "",
  } = readReply(tried, address, () => popMessageResponseHeader.decode(reply.extFields));
  const starts = readReply(tried, address, () => parseStartOffsetInfo(startOffsetInfo));
  const { compression } = client.runtime;
  const records = readReply(tried, address, () => viewRecords(reply.body));
  const messages = records.map((record) => new MessageExt(record, brokerName, compression, BODY_BYTES_MAX));
  for (const message of messages) {
    message.topic = client.namespace.unwrap(message.topic);
    // A message of a retry topic brings its receipt along.
    message.receiptHandle ??= formatExtraInfo({
      ckQueueOffset: starts.get(`${TOPIC_ITSELF} ${message.queueId}`) ?? message.queueOffset,
      popTime,
      invisibleTime,
      reviveQid,
      flag: TOPIC_ITSELF,
      brokerName,
      queueId: message.queueId,
      msgQueueOffset: message.queueOffset,
    });
  }
  const unwanted = messages.filter((message) => !wanted(subscription, message));
  // Brokers compare hashes of tags; what only looked alike is nobody's.
  for (const message of unwanted) await acknowledge(client, consumerGroup, message, signal);
  return unwanted.length === 0 ? messages : messages.filter((message) => !unwanted.includes(message));
}

const NOTHING: ReadonlySet<number> = new Set<number>([
  ResponseCode.PULL_NOT_FOUND,
  ResponseCode.POLLING_FULL,
  ResponseCode.POLLING_TIMEOUT,
]);

/** Settles when there may be something to pop, or `pollTime` is over; nothing is handed out. @returns whether there is */
export async function notification(
  client: ClientInstance,
  consumerGroup: string,
  target: PopTarget,
  subscription: SubscriptionData,
  pollTime: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const { topic, brokerName, queueId } = target;
  const address = await masterOf(client, target, signal);
  const tried = `wait for messages of "${topic}" at ${brokerName}`;
  const expression = { expType: subscription.expressionType, exp: subscription.subString };
  const header = { consumerGroup, topic, queueId, pollTime, bornTime: 0, order: false, ...expression, bname: brokerName };
  const reply = await client.invoke(tried, address, "NOTIFICATION", header, { timeoutMs: pollTime + POP_ANSWER_MS, signal });
  if (NOTHING.has(reply.code)) return false;
  const { extFields } = expectSuccess(tried, address, reply);
  return readReply(tried, address, () => notificationResponseHeader.decode(extFields)).hasMsg;
}

/**
 * ACK_MESSAGE: consumed.
 * @throws MQClientError kind invalid for a message that was not popped; MQBrokerError, NO_MESSAGE where it is not there any more
 */
export async function acknowledge(
  client: ClientInstance,
  consumerGroup: string,
  message: MessageExt,
  signal?: AbortSignal,
): Promise<void> {
  const { extraInfo, queueId, msgQueueOffset: offset, topic, address } = await receiptOf(client, consumerGroup, message, signal);
  const header = { consumerGroup, topic, queueId, extraInfo, offset, bname: message.brokerName };
  await client.call(`acknowledge message ${message.msgId}`, address, "ACK_MESSAGE", header, { signal });
}

/**
 * CHANGE_MESSAGE_INVISIBLETIME: the message is this consumer's for `invisibleTime` ms from now, and with that its receipt is
 * another.
 * @throws as `acknowledge`
 */
export async function changeInvisibleTime(
  client: ClientInstance,
  consumerGroup: string,
  message: MessageExt,
  invisibleTime: number,
  signal?: AbortSignal,
): Promise<void> {
  const { extraInfo, address, topic, ...info } = await receiptOf(client, consumerGroup, message, signal);
  const { queueId, msgQueueOffset: offset } = info;
  const tried = `change the invisible time of message ${message.msgId}`;
  const header = { consumerGroup, topic, queueId, extraInfo, offset, invisibleTime, suspend: false, bname: message.brokerName };
  const reply = await client.invoke(tried, address, "CHANGE_MESSAGE_INVISIBLETIME", header, { signal });
  const { extFields } = expectSuccess(tried, address, reply);
  const changed = readReply(tried, address, () => changeInvisibleTimeResponseHeader.decode(extFields));
  message.receiptHandle = formatExtraInfo({ ...info, ...changed, ckQueueOffset: offset });
}

interface Receipt extends PopExtraInfo {
  readonly extraInfo: string;
  readonly msgQueueOffset: number;
  /** The topic itself, or its retry topic. */
  readonly topic: string;
  readonly address: string;
}

async function receiptOf(
  client: ClientInstance,
  consumerGroup: string,
  message: MessageExt,
  signal: AbortSignal | undefined,
): Promise<Receipt> {
  const { receiptHandle, msgId } = message;
  const topic = client.namespace.wrap(message.topic);
  if (receiptHandle === undefined) throw new MQClientError("invalid", `Message ${msgId} has no receipt: it was not popped`);
  let info: PopExtraInfo;
  try {
    info = parseExtraInfo(receiptHandle);
  } catch (fault) {
    throw new MQClientError("invalid", `Message ${msgId} has a receipt that can't be read: ${(fault as Error).message}`, fault);
  }
  const { flag, brokerName, queueId } = info;
  const address = await client.masterOf({ topic, brokerName, queueId }, signal);
  const msgQueueOffset = info.msgQueueOffset ?? message.queueOffset;
  return { ...info, extraInfo: receiptHandle, msgQueueOffset, topic: topicOf(topic, consumerGroup, flag), address };
}

const masterOf = (client: ClientInstance, { topic, brokerName, queueId }: PopTarget, signal?: AbortSignal): Promise<string> =>
  client.masterOf({ topic, brokerName, queueId }, signal);

/** True for what a broker answers about a message that is not to be had any more. */
export const isGone = (fault: unknown): boolean =>
  fault instanceof MQBrokerError && fault.responseCode === ResponseCode.NO_MESSAGE;
