/** What a push consumer answers an administrator: its running info, and one message consumed at once. */
import type { ConsumerData } from "../../wire/bodies/heartbeat.ts";
import type { ConsumeMessageDirectlyResult, ConsumerRunningInfo } from "../../wire/bodies/running_info.ts";
import type { StoredMessage } from "../../wire/message_reader.ts";
import { VERSION_CURRENT_NAME } from "../../wire/version.ts";
import type { ClientInstance } from "./client_instance.ts";
import type { BatchListener } from "./consumption.ts";
import { BODY_BYTES_MAX, MessageExt } from "./message.ts";
import type { OffsetStore } from "./offset_store.ts";
import type { PopQueue } from "./pop_consumption.ts";
import type { ProcessQueue } from "./process_queue.ts";

export function runningInfo(
  heartbeat: ConsumerData,
  orderly: boolean,
  queues: readonly ProcessQueue[],
  offsets: OffsetStore,
  popQueues: readonly PopQueue[] = [],
): ConsumerRunningInfo {
  return {
    properties: new Map([
      ["PROP_CLIENT_VERSION", VERSION_CURRENT_NAME],
      ["PROP_CONSUME_TYPE", heartbeat.consumeType],
      ["PROP_CONSUMEORDERLY", String(orderly)],
    ]),
    subscriptionSet: heartbeat.subscriptionDataSet,
    mqTable: queues.map((queue) => [
      queue.messageQueue,
      {
        commitOffset: offsets.known(queue.messageQueue) ?? -1,
        cachedMsgMinOffset: queue.firstOffset ?? 0,
        cachedMsgMaxOffset: queue.firstOffset === undefined ? 0 : queue.endOffset - 1,
        cachedMsgCount: queue.count,
        cachedMsgSizeInMiB: Math.floor(queue.bytes / 1024 / 1024),
        transactionMsgMinOffset: 0,
        transactionMsgMaxOffset: 0,
        transactionMsgCount: 0,
        locked: queue.locked,
        tryUnlockTimes: 0,
        lastLockTimestamp: 0,
        droped: queue.dropped,
        lastPullTimestamp: queue.lastPullTimestamp,
        lastConsumeTimestamp: queue.lastConsumeTimestamp,
      },
    ]),
    mqPopTable: popQueues.map(({ messageQueue, waitAckCount, dropped, lastPopTimestamp }) => [
      messageQueue,
      { waitAckCount, droped: dropped, lastPopTimestamp },
    ]),
    statusTable: new Map(),
    userConsumerInfo: new Map(),
    jstack: undefined,
  };
}

/** Of a consumer that has no queues of its own. */
export const noQueuesInfo = (heartbeat: ConsumerData): ConsumerRunningInfo => ({
  properties: new Map([
    ["PROP_CLIENT_VERSION", VERSION_CURRENT_NAME],
    ["PROP_CONSUME_TYPE", heartbeat.consumeType],
    ["PROP_CONSUMEORDERLY", "false"],
  ]),
  subscriptionSet: heartbeat.subscriptionDataSet,
  mqTable: [],
  mqPopTable: [],
  statusTable: new Map(),
  userConsumerInfo: new Map(),
  jstack: undefined,
});

/** Calls the listener with one message, outside of its queue: offsets stay. */
export async function consumeDirectly(
  client: ClientInstance,
  listener: BatchListener | undefined,
  order: boolean,
  record: StoredMessage,
  brokerName: string,
  signal: AbortSignal,
): Promise<ConsumeMessageDirectlyResult> {
  const { clock, compression } = client.runtime;
  const message = new MessageExt(record, brokerName, compression, BODY_BYTES_MAX);
  const startedAt = clock.monotonic();
  const result = (consumeResult: "CR_SUCCESS" | "CR_THROW_EXCEPTION", remark?: string): ConsumeMessageDirectlyResult => ({
    order,
    autoCommit: true,
    consumeResult,
    remark,
    spentTimeMills: Math.round(clock.monotonic() - startedAt),
  });
  if (listener === undefined) return result("CR_THROW_EXCEPTION", "this consumer was not started");
  try {
    const messageQueue = { topic: message.topic, brokerName, queueId: message.queueId };
    await listener([message], { messageQueue, signal, delayLevelWhenNextConsume: 0 });
    return result("CR_SUCCESS");
  } catch (fault) {
    return result("CR_THROW_EXCEPTION", fault instanceof Error ? fault.message : String(fault));
  }
}
