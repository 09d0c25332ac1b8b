/** startMonitoring: round after round, which groups are behind and which consumers hang. Ends when it is stopped. */
import { MQBrokerError, MQClientError, PushConsumer } from "../../../core/client/mod.ts";
import { queueText } from "../../../core/client/topic_route.ts";
import type { ConsumeStats } from "../../../wire/bodies/consume_stats.ts";
import { offsetMovedEvent } from "../../../wire/bodies/offset.ts";
import type { ConsumerRunningInfo } from "../../../wire/bodies/running_info.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import type { CommandContext } from "../context.ts";
import { command } from "../declaration.ts";
import { queueText as javaQueueText } from "../message/java_text.ts";
import { hangingQueues, sameSubscription } from "./running_info.ts";

/** Apache's: the first round after 20 s, then one a minute. */
const FIRST_ROUND_MS = 20_000;
const ROUND_MS = 60_000;
const MONITOR_GROUP = "__MONITOR_CONSUMER";
const OFFSET_MOVED_EVENT = "OFFSET_MOVED_EVENT";

export const startMonitoring = command({
  name: "startMonitoring",
  package: "consumer",
  description: "Start Monitoring.",
  options: {},
  example: "-n 127.0.0.1:9876",
  async run(context) {
    const moved = new PushConsumer(context.client, {
      consumerGroup: MONITOR_GROUP,
      subscription: { [OFFSET_MOVED_EVENT]: "*" },
    });
    await moved.start(({ body, storeTimestamp }) => reportMoved(context, body, storeTimestamp));
    await context.sleep(FIRST_ROUND_MS);
    for (;;) {
      await monitorRound(context);
      await context.sleep(ROUND_MS);
    }
  },
});

/** A broker older than 5.x tells that it moved a group's offset, since the messages were deleted. @throws WireError */
export function reportMoved(context: CommandContext, body: Uint8Array, eventTimestamp: number): void {
  const event = offsetMovedEvent.decode(body);
  const { consumerGroup, messageQueue, offsetRequest, offsetNew } = event;
  const queue = messageQueue === undefined ? "null" : javaQueueText(messageQueue);
  const moved = `OffsetMovedEvent [consumerGroup=${consumerGroup}, messageQueue=${queue}, offsetRequest=${offsetRequest}, offsetNew=${offsetNew}]`;
  context.print(`[MONITOR] reportDeleteMsgsEvent: DeleteMsgsEvent [offsetMovedEvent=${moved}, eventTimestamp=${eventTimestamp}]`);
  context.output.emit({ offsetMovedEvent: event, eventTimestamp });
}

/** One look at all groups that have a retry topic and members. */
export async function monitorRound(context: CommandContext): Promise<void> {
  context.print("[MONITOR] =========================================beginRound");
  const { topicList } = await context.admin.topics.fetchAllTopicList();
  const groups = new Set([...topicList].filter((each) => each.startsWith(RETRY_PREFIX)).map(groupOf));
  for (const group of [...groups].sort()) {
    await unlessRefused(reportUndone(context, group));
    await unlessRefused(reportConsumers(context, group));
  }
  context.print("[MONITOR] =========================================endRound");
}

/** Of `%RETRY%group`, and of `%RETRY%group+topic`, which groups that pop have. */
const groupOf = (retryTopic: string): string => {
  const name = retryTopic.slice(RETRY_PREFIX.length);
  const parts = name.split("+");
  return parts.length === 2 ? (parts[0] as string) : name;
};

/** A group that has consumed nothing, or that nobody is in, or whose broker is gone, has nothing to report this round. */
async function unlessRefused<T>(report: Promise<T>): Promise<T | undefined> {
  try {
    return await report;
  } catch (fault) {
    if (fault instanceof MQBrokerError || fault instanceof MQClientError) return undefined;
    throw fault;
  }
}

async function reportUndone(context: CommandContext, group: string): Promise<void> {
  const stats = await context.admin.consumeStats.examineConsumeStats(group);
  // Of a group that nobody is in Apache's says nothing.
  await context.admin.connections.examineConsumerConnectionInfo(group);
  const topics = new Set(stats.offsetTable.map(([{ topic }]) => topic));
  for (const topic of topics) {
    const undone = { consumerGroup: group, topic, ...(await undoneOf(context, stats, topic)) };
    context.output.emit(undone);
    const fields = Object.entries(undone).map(([name, value]) => `${name}=${value}`);
    context.print(`[MONITOR] reportUndoneMsgs: UndoneMsgs [${fields.join(", ")}]`);
  }
}

/** The delay is the age of the last message consumed against the newest one of its queue. */
async function undoneOf(context: CommandContext, { offsetTable }: ConsumeStats, topic: string) {
  // Of a topic that is gone what is undone is told, and no delay.
  const ends = await unlessRefused(context.admin.topics.examineTopicStats(topic));
  const newest = new Map(ends?.offsetTable.map(([queue, { lastUpdateTimestamp }]) => [queueText(queue), lastUpdateTimestamp]));
  const undone = { undoneMsgsTotal: 0, undoneMsgsSingleMQ: 0, undoneMsgsDelayTimeMills: 0 };
  for (const [queue, { brokerOffset, consumerOffset, lastTimestamp }] of offsetTable) {
    if (queue.topic !== topic) continue;
    const diff = Math.max(0, brokerOffset - consumerOffset);
    const delayMs = lastTimestamp > 0 ? (newest.get(queueText(queue)) ?? 0) - lastTimestamp : 0;
    undone.undoneMsgsTotal += diff;
    undone.undoneMsgsSingleMQ = Math.max(undone.undoneMsgsSingleMQ, diff);
    undone.undoneMsgsDelayTimeMills = Math.max(undone.undoneMsgsDelayTimeMills, delayMs);
  }
  return undone;
}

async function reportConsumers(context: CommandContext, group: string): Promise<void> {
  const infos = new Map<string, ConsumerRunningInfo>();
  for (const { clientId } of (await context.admin.connections.examineConsumerConnectionInfo(group)).connectionSet) {
    const info = await context.admin.connections.getConsumerRunningInfo(group, clientId).catch(() => undefined);
    if (info !== undefined) infos.set(clientId, info);
  }
  const notify = `[MONITOR]  [NOTIFY] reportConsumerRunningInfo: ConsumerGroup: ${group}`;
  const nowMs = context.now();
  if (!sameSubscription(infos, nowMs)) context.print(`${notify}, Subscription different`);
  for (const [clientId, info] of infos) {
    const hanging = hangingQueues(clientId, info, nowMs);
    if (hanging.length > 0) context.print(`${notify}, ClientId: ${clientId}, ${hanging.join("\n")}`);
  }
}
