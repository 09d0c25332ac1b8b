/** startMonitoring: round after round, which groups are behind and which consumers hang. Ends when it is stopped. */
import { MQBrokerError, MQClientError, PushConsumer } from "../../../core/client/mod.ts";
import { queueText } from "../../../core/client/topic_route.ts";
import type { ConsumeStats } from "../../../wire/bodies/consume_stats.ts";
import type { ConsumerRunningInfo } from "../../../wire/bodies/running_info.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import type { CommandContext } from "../context.ts";
import { command } from "../declaration.ts";
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
    await moved.start((message) => {
      context.print(
        `[MONITOR] reportDeleteMsgsEvent: DeleteMsgsEvent [offsetMovedEvent=${message.text()}, eventTimestamp=${message.storeTimestamp}]`,
      );
      context.output.emit({ offsetMovedEvent: message.text(), eventTimestamp: message.storeTimestamp });
    });
    await context.sleep(FIRST_ROUND_MS);
    for (;;) {
      await monitorRound(context);
      await context.sleep(ROUND_MS);
    }
  },
});

/** One look at all groups that have a retry topic. */
export async function monitorRound(context: CommandContext): Promise<void> {
  context.print("[MONITOR] =========================================beginRound");
  const { topicList } = await context.admin.topics.fetchAllTopicList();
  for (const topic of [...topicList].filter((each) => each.startsWith(RETRY_PREFIX)).sort()) {
    const group = topic.slice(RETRY_PREFIX.length);
    try {
      await reportUndone(context, group);
      await reportConsumers(context, group);
    } catch (fault) {
      // A group that nobody is in, or whose broker is gone, is left out of this round.
      if (!(fault instanceof MQBrokerError || fault instanceof MQClientError)) throw fault;
    }
  }
  context.print("[MONITOR] =========================================endRound");
}

async function reportUndone(context: CommandContext, group: string): Promise<void> {
  const stats = await context.admin.consumeStats.examineConsumeStats(group);
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
  const { offsetTable: ends } = await context.admin.topics.examineTopicStats(topic);
  const newest = new Map(ends.map(([queue, { lastUpdateTimestamp }]) => [queueText(queue), lastUpdateTimestamp]));
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
    for (const line of hangingQueues(clientId, info, nowMs)) context.print(`${notify}, ClientId: ${clientId}, ${line}`);
  }
}
