/** What a push consumer answers an administrator: its running info, and one message consumed at once. */
import type { ConsumerData } from "../../wire/bodies/heartbeat.ts";
import type { ConsumeMessageDirectlyResult, ConsumerRunningInfo, ProcessQueueInfo } from "../../wire/bodies/running_info.ts";
import type { StoredMessage } from "../../wire/message_reader.ts";
import { VERSION_CURRENT_NAME } from "../../wire/version.ts";
import type { ClientInstance } from "./client_instance.ts";
import type { ConsumeStatusCounts } from "./consume_status.ts";
import type { BatchListener } from "./consumption.ts";
import { BODY_BYTES_MAX, MessageExt } from "./message.ts";
import type { OffsetStore } from "./offset_store.ts";
import type { PopQueue } from "./pop_consumption.ts";
import type { ProcessQueue } from "./process_queue.ts";

/** What a consumer tells of itself. */
export interface RunningInfoInput {
  readonly heartbeat: ConsumerData;
  readonly orderly: boolean;
  /** Calls of the listener at a time; 0 of a consumer that has none. */
  readonly consumeThreadMax: number;
  /** ms since 1970. */
  readonly startTimestamp: number;
  readonly namesrvAddr: string;
  /** The program's own settings, by their names. */
  readonly settings: object;
  readonly queues?: readonly ProcessQueue[];
  readonly offsets?: OffsetStore;
  readonly popQueues?: readonly PopQueue[];
  readonly counts?: ConsumeStatusCounts;
}

/** Field by field what Java's consumer answers; it has no threads whose stacks it could tell. */
export function runningInfo(input: RunningInfoInput): ConsumerRunningInfo {
  const { heartbeat, orderly, queues = [], popQueues = [], offsets, counts } = input;
  const settings = Object.entries(input.settings).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value));
  return {
    properties: new Map([
      ...settings.map(([name, value]): [string, string] => [name, String(value)]),
      ["PROP_NAMESERVER_ADDR", input.namesrvAddr],
      ["PROP_CLIENT_VERSION", VERSION_CURRENT_NAME],
      ["PROP_CONSUME_TYPE", heartbeat.consumeType],
      ["PROP_CONSUMEORDERLY", String(orderly)],
      ["PROP_THREADPOOL_CORE_SIZE", String(input.consumeThreadMax)],
      ["PROP_CONSUMER_START_TIMESTAMP", String(input.startTimestamp)],
    ]),
    subscriptionSet: heartbeat.subscriptionDataSet,
    mqTable: queues.map((queue) => [queue.messageQueue, queueInfo(queue, offsets?.known(queue.messageQueue) ?? -1)]),
    mqPopTable: popQueues.map(({ messageQueue, waitAckCount, dropped, lastPopTimestamp }) => [
      messageQueue,
      { waitAckCount, droped: dropped, lastPopTimestamp },
    ]),
    statusTable: new Map(
      counts === undefined ? [] : heartbeat.subscriptionDataSet.map(({ topic }) => [topic, counts.status(topic)]),
    ),
    userConsumerInfo: new Map(),
    jstack: undefined,
  };
}

function queueInfo(queue: ProcessQueue, commitOffset: number): ProcessQueueInfo {
  const { consuming } = queue;
  return {
    commitOffset,
    cachedMsgMinOffset: queue.firstOffset ?? 0,
    cachedMsgMaxOffset: queue.firstOffset === undefined ? 0 : queue.endOffset - 1,
    cachedMsgCount: queue.count,
    cachedMsgSizeInMiB: Math.floor(queue.bytes / 1024 / 1024),
    transactionMsgMinOffset: consuming[0]?.queueOffset ?? 0,
    transactionMsgMaxOffset: consuming.at(-1)?.queueOffset ?? 0,
    transactionMsgCount: consuming.length,
    locked: queue.locked,
    // A queue is unlocked when its listener has ended, so no unlock is ever put off.
    tryUnlockTimes: 0,
    lastLockTimestamp: queue.lastLockTimestamp,
    droped: queue.dropped,
    lastPullTimestamp: queue.lastPullTimestamp,
    lastConsumeTimestamp: queue.lastConsumeTimestamp,
  };
}

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
    message.topic = client.namespace.unwrap(message.topic);
    const messageQueue = { topic: message.topic, brokerName, queueId: message.queueId };
    await listener([message], { messageQueue, signal, delayLevelWhenNextConsume: 0 });
    return result("CR_SUCCESS");
  } catch (fault) {
    return result("CR_THROW_EXCEPTION", fault instanceof Error ? fault.message : String(fault));
  }
}
