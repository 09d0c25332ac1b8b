/**
 * Messages in and out, from the counters of code 315 (`../stats.ts`): nothing is counted a second time for metrics.
 *
 * The label message_type is the type that the topic was declared with, and that of the broker's own topics, where Apache
 * tells it by each message: a delayed message in an undeclared topic counts as normal here.
 */
import { DLQ_PREFIX, RETRY_PREFIX } from "../../../wire/mix_all.ts";
import type { Sample } from "../../metrics/metrics.ts";
import { isSystemGroup, isSystemTopicName, SCHEDULE_TOPIC, TIMER_TOPIC, TRANS_HALF_TOPIC } from "../metadata/topics_validator.ts";
import type { Topics } from "../parts.ts";
import type { MetricsParts } from "./metrics_parts.ts";

const TYPES: ReadonlyMap<string, string> = new Map([
  [SCHEDULE_TOPIC, "delay"],
  [TIMER_TOPIC, "delay"],
  [TRANS_HALF_TOPIC, "transaction"],
]);

/** message_type of a topic. */
export function messageTypeOf(topics: Pick<Topics, "find">, topic: string): string {
  const declared = topics.find(topic)?.attributes["message.type"]?.toLowerCase() ?? "unspecified";
  return TYPES.get(topic) ?? (declared === "unspecified" ? "normal" : declared);
}

export function messagesIn({ stats, topics }: MetricsParts, name: "TOPIC_PUT_NUMS" | "TOPIC_PUT_SIZE"): Sample[] {
  return Array.from(stats.counted(name), ([topic, value]) => ({
    labels: { topic, message_type: messageTypeOf(topics, topic), is_system: String(isSystemTopicName(topic)) },
    value,
  }));
}

export function messagesOut({ stats }: MetricsParts, name: "GROUP_GET_NUMS" | "GROUP_GET_SIZE"): Sample[] {
  return Array.from(stats.counted(name), ([key, value]) => {
    const { topic, group } = partsOf(key);
    const isRetry = topic.startsWith(RETRY_PREFIX) || topic.startsWith(DLQ_PREFIX);
    return {
      labels: { topic, consumer_group: group, is_retry: String(isRetry), is_system: systemText(topic, group) },
      value,
    };
  });
}

export function sentToDeadLetters({ stats }: MetricsParts): Sample[] {
  return Array.from(stats.counted("DLQ_PUT_NUMS"), ([key, value]) => {
    const { topic, group } = partsOf(key);
    return { labels: { consumer_group: group, topic, is_system: systemText(topic, group) }, value };
  });
}

const systemText = (topic: string, group: string): string => String(isSystemTopicName(topic) || isSystemGroup(group));

/** `topic@group`; neither name has an `@`. */
function partsOf(key: string): { topic: string; group: string } {
  const at = key.indexOf("@");
  return { topic: key.slice(0, at), group: key.slice(at + 1) };
}
