/** What consumers say about themselves when asked through the broker. */
import { body, bool, double, int, list, long, map, maybe, oneOf, or, pairs, text } from "../body.ts";
import { messageQueue, type QueueTable } from "./message_queue.ts";
import { type SubscriptionData, subscriptionData } from "./subscription.ts";

/** The client's cache of one queue. Offsets are queue offsets, times ms. */
export interface ProcessQueueInfo {
  commitOffset: number;
  cachedMsgMinOffset: number;
  cachedMsgMaxOffset: number;
  cachedMsgCount: number;
  cachedMsgSizeInMiB: number;
  /** Messages taken by an orderly consumer and not acknowledged yet. */
  transactionMsgMinOffset: number;
  transactionMsgMaxOffset: number;
  transactionMsgCount: number;
  locked: boolean;
  tryUnlockTimes: number;
  lastLockTimestamp: number;
  /** Dropped; spelled so on the wire. */
  droped: boolean;
  lastPullTimestamp: number;
  lastConsumeTimestamp: number;
}

export const processQueueInfo = body<ProcessQueueInfo>("ProcessQueueInfo", {
  commitOffset: or(long, 0),
  cachedMsgMinOffset: or(long, 0),
  cachedMsgMaxOffset: or(long, 0),
  cachedMsgCount: or(int, 0),
  cachedMsgSizeInMiB: or(int, 0),
  transactionMsgMinOffset: or(long, 0),
  transactionMsgMaxOffset: or(long, 0),
  transactionMsgCount: or(int, 0),
  locked: or(bool, false),
  tryUnlockTimes: or(long, 0),
  lastLockTimestamp: or(long, 0),
  droped: or(bool, false),
  lastPullTimestamp: or(long, 0),
  lastConsumeTimestamp: or(long, 0),
});

export interface PopProcessQueueInfo {
  waitAckCount: number;
  droped: boolean;
  lastPopTimestamp: number;
}

export const popProcessQueueInfo = body<PopProcessQueueInfo>("PopProcessQueueInfo", {
  waitAckCount: or(int, 0),
  droped: or(bool, false),
  lastPopTimestamp: or(long, 0),
});

/** Rates of one topic: ms per call (RT), calls per second (TPS). */
export interface ConsumeStatus {
  pullRT: number;
  pullTPS: number;
  consumeRT: number;
  consumeOKTPS: number;
  consumeFailedTPS: number;
  /** In the last hour. */
  consumeFailedMsgs: number;
}

export const consumeStatus = body<ConsumeStatus>("ConsumeStatus", {
  pullRT: or(double, 0),
  pullTPS: or(double, 0),
  consumeRT: or(double, 0),
  consumeOKTPS: or(double, 0),
  consumeFailedTPS: or(double, 0),
  consumeFailedMsgs: or(long, 0),
});

/** Answer of GET_CONSUMER_RUNNING_INFO. */
export interface ConsumerRunningInfo {
  /** PROP_CLIENT_VERSION, PROP_CONSUME_TYPE … */
  properties: Map<string, string>;
  subscriptionSet: SubscriptionData[];
  mqTable: QueueTable<ProcessQueueInfo>;
  mqPopTable: QueueTable<PopProcessQueueInfo>;
  /** By topic. */
  statusTable: Map<string, ConsumeStatus>;
  userConsumerInfo: Map<string, string>;
  /** Stacks of the client's threads, when asked for. */
  jstack?: string | undefined;
}

export const consumerRunningInfo = body<ConsumerRunningInfo>("ConsumerRunningInfo", {
  properties: map(text),
  subscriptionSet: list(subscriptionData),
  mqTable: pairs(messageQueue, processQueueInfo),
  mqPopTable: pairs(messageQueue, popProcessQueueInfo),
  statusTable: map(consumeStatus),
  userConsumerInfo: map(text),
  jstack: maybe(text),
});

export const CM_RESULTS = ["CR_SUCCESS", "CR_LATER", "CR_ROLLBACK", "CR_COMMIT", "CR_THROW_EXCEPTION", "CR_RETURN_NULL"] as const;
export type CMResult = (typeof CM_RESULTS)[number];

/** Answer of CONSUME_MESSAGE_DIRECTLY. */
export interface ConsumeMessageDirectlyResult {
  /** True from orderly consumers. */
  order: boolean;
  autoCommit: boolean;
  consumeResult?: CMResult | undefined;
  remark?: string | undefined;
  spentTimeMills: number;
}

export const consumeMessageDirectlyResult = body<ConsumeMessageDirectlyResult>("ConsumeMessageDirectlyResult", {
  order: or(bool, false),
  autoCommit: or(bool, true),
  consumeResult: maybe(oneOf(CM_RESULTS)),
  remark: maybe(text),
  spentTimeMills: or(long, 0),
});
