/** What a consumer says about itself, as Java's ConsumerRunningInfo prints it, and what Apache concludes from it. */
import { compareQueues } from "../../../core/client/topic_route.ts";
import type { MessageQueue } from "../../../wire/bodies/message_queue.ts";
import type { ConsumerRunningInfo, ProcessQueueInfo } from "../../../wire/bodies/running_info.ts";
import { dateTime, format } from "../format.ts";
import { queueText } from "../message/java_text.ts";

const WIDE = "%-64s  %-32s  %-4s  %-20s\n";
const NARROW = "%-32s  %-32s  %-4s  %-20s\n";

export function runningInfoText(info: ConsumerRunningInfo): string {
  const sorted = <T>(table: readonly (readonly [MessageQueue, T])[]) => [...table].sort(([a], [b]) => compareQueues(a, b));
  const queues = sorted(info.mqTable);
  let text = "#Consumer Properties#\n";
  for (const [key, value] of info.properties) text += format("%-40s: %s\n", key, value);

  text += "\n\n#Consumer Subscription#\n";
  const subscriptions = [...info.subscriptionSet].sort((a, b) => (a.topic + a.subString < b.topic + b.subString ? -1 : 1));
  for (const [i, { topic, classFilterMode, subString }] of subscriptions.entries()) {
    const number = String(i + 1).padStart(3, "0");
    text += format("%s Topic: %-40s ClassFilter: %-8s SubExpression: %s\n", number, topic, classFilterMode, subString);
  }

  text += "\n\n#Consumer Offset#\n";
  text += format(WIDE, "#Topic", "#Broker Name", "#QID", "#Consumer Offset");
  for (const [queue, { commitOffset }] of queues)
    text += format(NARROW, queue.topic, queue.brokerName, queue.queueId, commitOffset);

  text += "\n\n#Consumer MQ Detail#\n";
  text += format(WIDE, "#Topic", "#Broker Name", "#QID", "#ProcessQueueInfo");
  for (const [queue, detail] of queues) {
    text += format("%-64s  %-32s  %-4s  %s\n", queue.topic, queue.brokerName, queue.queueId, processQueueText(detail));
  }

  text += "\n\n#Consumer Pop Detail#\n";
  text += format(NARROW, "#Topic", "#Broker Name", "#QID", "#ProcessQueueInfo");
  for (const [queue, { waitAckCount, droped, lastPopTimestamp }] of sorted(info.mqPopTable)) {
    const detail = `PopProcessQueueInfo [waitAckCount:${waitAckCount}, droped:${droped}, lastPopTimestamp:${lastPopTimestamp}]`;
    text += format("%-32s  %-32s  %-4s  %s\n", queue.topic, queue.brokerName, queue.queueId, detail);
  }

  text += "\n\n#Consumer RT&TPS#\n";
  const heads = ["#Pull RT", "#Pull TPS", "#Consume RT", "#ConsumeOK TPS", "#ConsumeFailed TPS", "#ConsumeFailedMsgsInHour"];
  text += format("%-64s  %14s %14s %14s %14s %18s %25s\n", "#Topic", ...heads);
  for (const [topic, status] of [...info.statusTable].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { pullRT, pullTPS, consumeRT, consumeOKTPS, consumeFailedTPS, consumeFailedMsgs } = status;
    const cells = [pullRT, pullTPS, consumeRT, consumeOKTPS, consumeFailedTPS, consumeFailedMsgs];
    text += format("%-32s  %14.2f %14.2f %14.2f %14.2f %18.2f %25d\n", topic, ...cells);
  }

  text += "\n\n#User Consume Info#\n";
  for (const [key, value] of info.userConsumerInfo) text += format("%-40s: %s\n", key, value);
  return info.jstack === undefined ? text : `${text}\n\n#Consumer jstack#\n${info.jstack}`;
}

function processQueueText(info: ProcessQueueInfo): string {
  const digits = (timeMs: number) => dateTime(timeMs, "").replace(/\D/g, "");
  return (
    `ProcessQueueInfo [commitOffset=${info.commitOffset}, cachedMsgMinOffset=${info.cachedMsgMinOffset}, ` +
    `cachedMsgMaxOffset=${info.cachedMsgMaxOffset}, cachedMsgCount=${info.cachedMsgCount}, ` +
    `cachedMsgSizeInMiB=${info.cachedMsgSizeInMiB}, transactionMsgMinOffset=${info.transactionMsgMinOffset}, ` +
    `transactionMsgMaxOffset=${info.transactionMsgMaxOffset}, transactionMsgCount=${info.transactionMsgCount}, ` +
    `locked=${info.locked}, tryUnlockTimes=${info.tryUnlockTimes}, lastLockTimestamp=${digits(info.lastLockTimestamp)}, ` +
    `droped=${info.droped}, lastPullTimestamp=${digits(info.lastPullTimestamp)}, ` +
    `lastConsumeTimestamp=${digits(info.lastConsumeTimestamp)}]`
  );
}

const isPush = ({ properties }: ConsumerRunningInfo): boolean => properties.get("PROP_CONSUME_TYPE") === "CONSUME_PASSIVELY";

/** Consumers that have run for so long, ms, are expected to have the same subscription. */
const SETTLED_MS = 120_000;

/** Whether all push consumers subscribe to the same; true while the first one is young. */
export function sameSubscription(infos: ReadonlyMap<string, ConsumerRunningInfo>, nowMs: number): boolean {
  const all = [...infos].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, info]) => info);
  const first = all[0];
  if (first === undefined || !isPush(first)) return true;
  if (nowMs - Number(first.properties.get("PROP_CONSUMER_START_TIMESTAMP")) <= SETTLED_MS) return true;
  const texts = all.map(({ subscriptionSet }) =>
    subscriptionSet
      .map((each) => `${each.topic}@${each.subString}`)
      .sort()
      .join("\n"),
  );
  return texts.every((text) => text === texts[0]);
}

/** A queue whose cached messages are not consumed for so long, ms, counts as blocked. */
const BLOCKED_MS = 60_000;

/** Queues of one push consumer that hang; empty when none does. */
export function hangingQueues(clientId: string, info: ConsumerRunningInfo, nowMs: number): string[] {
  if (!isPush(info)) return [];
  const orderly = info.properties.get("PROP_CONSUMEORDERLY") === "true";
  const queues = [...info.mqTable].sort(([a], [b]) => compareQueues(a, b));
  return queues.flatMap(([messageQueue, queue]) => {
    const name = `${clientId} ${queueText(messageQueue)}`;
    if (orderly && !queue.locked) return [`${name} can't lock for a while, ${nowMs - queue.lastLockTimestamp}ms`];
    if (orderly && queue.droped && queue.tryUnlockTimes > 0)
      return [`${name} unlock ${queue.tryUnlockTimes} times, still failed`];
    const idleMs = nowMs - queue.lastConsumeTimestamp;
    if (orderly || idleMs <= BLOCKED_MS || queue.cachedMsgCount <= 0) return [];
    return [`${name} can't consume for a while, maybe blocked, ${idleMs}ms`];
  });
}
