/**
 * Names of topics and groups: which are legal, which are the broker's own. Names become paths of consume queues, so
 * nothing may be made of a name before it went through here.
 */

import { AUTO_CREATE_TOPIC, DLQ_PREFIX, RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { TIMER_TOPIC } from "../../store/timer/timer_message.ts";

const LEGAL = /^[%|a-zA-Z0-9_-]+$/;

/** Chars; `%RETRY%` and `%DLQ%` topics may be longer, since they hold a group's name. */
export const TOPIC_LENGTH_MAX = 127;
export const RETRY_OR_DLQ_TOPIC_LENGTH_MAX = 255;
export const GROUP_LENGTH_MAX = 120;

export const LMQ_PREFIX = "%LMQ%";
const SYSTEM_TOPIC_PREFIX = "rmq_sys_";
const SYSTEM_GROUP_PREFIX = "CID_RMQ_SYS_";

export { TIMER_TOPIC };
export const SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX";
export const BENCHMARK_TOPIC = "BenchmarkTest";
export const TRANS_HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC";
export const TRANS_OP_HALF_TOPIC = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
export const ROCKSDB_TRANS_HALF_TOPIC = "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC";
export const ROCKSDB_TRANS_OP_HALF_TOPIC = "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC";
export const SELF_TEST_TOPIC = "SELF_TEST_TOPIC";
export const OFFSET_MOVED_EVENT_TOPIC = "OFFSET_MOVED_EVENT";

/** Topics that clients may not send to. */
const NOT_ALLOWED_SEND_TOPICS: ReadonlySet<string> = new Set([
  SCHEDULE_TOPIC,
  TRANS_HALF_TOPIC,
  TRANS_OP_HALF_TOPIC,
  "TRANS_CHECK_MAX_TIME_TOPIC",
  SELF_TEST_TOPIC,
  OFFSET_MOVED_EVENT_TOPIC,
  ROCKSDB_TRANS_HALF_TOPIC,
  ROCKSDB_TRANS_OP_HALF_TOPIC,
]);

/** System topics of every broker; those named after cluster and broker are known to `TopicConfigManager`. */
const SYSTEM_TOPICS: ReadonlySet<string> = new Set([
  ...NOT_ALLOWED_SEND_TOPICS,
  AUTO_CREATE_TOPIC,
  BENCHMARK_TOPIC,
  "RMQ_SYS_TRACE_TOPIC",
  "CHECKPOINT_TOPIC",
]);

/** Groups that read the broker's own topics; they are never counted as users'. */
const SYSTEM_GROUPS: ReadonlySet<string> = new Set([
  "DEFAULT_CONSUMER",
  "TOOLS_CONSUMER",
  "SCHEDULE_CONSUMER",
  "FILTERSRV_CONSUMER",
  "__MONITOR_CONSUMER",
  "SELF_TEST_C_GROUP",
  "CID_ONS-HTTP-PROXY",
  "CID_ONSAPI_PERMISSION",
  "CID_ONSAPI_OWNER",
  "CID_ONSAPI_PULL",
  "CID_RMQ_SYS_TRANS",
]);

/** Why `topic` is no legal name, or undefined. */
export function topicFault(topic: string): string | undefined {
  if (topic.trim() === "") return "The specified topic is blank.";
  if (!LEGAL.test(topic)) {
    return `The specified topic: ${topic}, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$`;
  }
  if (topic.startsWith(RETRY_PREFIX) || topic.startsWith(DLQ_PREFIX)) {
    return topic.length > RETRY_OR_DLQ_TOPIC_LENGTH_MAX
      ? `The specified topic is DLQ or Retry topic: ${topic}, and it's longer than topic max length: ${RETRY_OR_DLQ_TOPIC_LENGTH_MAX}`
      : undefined;
  }
  return topic.length > TOPIC_LENGTH_MAX
    ? `The specified topic: ${topic}, is longer than topic max length: ${TOPIC_LENGTH_MAX}`
    : undefined;
}

/** Why `group` is no legal name, or undefined. */
export function groupFault(group: string): string | undefined {
  if (group.trim() === "") return "The specified group is blank.";
  if (!LEGAL.test(group)) {
    return `The specified group: ${group}, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$`;
  }
  return group.length > GROUP_LENGTH_MAX
    ? `The specified group: ${group}, is longer than group max length: ${GROUP_LENGTH_MAX}`
    : undefined;
}

/** A system topic on any broker. */
export const isSystemTopicName = (topic: string): boolean => SYSTEM_TOPICS.has(topic) || topic.startsWith(SYSTEM_TOPIC_PREFIX);

/** A topic that only the broker itself writes. */
export const isNotAllowedSendTopic = (topic: string): boolean => NOT_ALLOWED_SEND_TOPICS.has(topic);

export const isSystemGroup = (group: string): boolean => SYSTEM_GROUPS.has(group) || group.startsWith(SYSTEM_GROUP_PREFIX);

/** What a group does with a topic is the broker's own business: either of them is. */
export const isSystem = (topic: string, group: string): boolean => isSystemTopicName(topic) || isSystemGroup(group);

export const isSystemGroupByPrefix = (group: string): boolean => group.startsWith(SYSTEM_GROUP_PREFIX);

export const retryTopicOf = (group: string): string => RETRY_PREFIX + group;
export const dlqTopicOf = (group: string): string => DLQ_PREFIX + group;
/** Retry topics of POP: V1 joins group and topic by `_`, V2 by `+`. */
export const popRetryTopicV1 = (topic: string, group: string): string => `${RETRY_PREFIX}${group}_${topic}`;
export const popRetryTopicV2 = (topic: string, group: string): string => `${RETRY_PREFIX}${group}+${topic}`;
