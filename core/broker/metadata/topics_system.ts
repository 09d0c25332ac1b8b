/** Topics that a broker makes at start, as Apache's does. */
import type { TopicConfig } from "../../../wire/bodies/topic.ts";
import { AUTO_CREATE_TOPIC } from "../../../wire/mix_all.ts";
import { PERM_INHERIT, PERM_READ, PERM_WRITE } from "../../../wire/perm_name.ts";
import type { BrokerSettings } from "../options.ts";
import { newTopic } from "./topics_config.ts";
import {
  BENCHMARK_TOPIC,
  OFFSET_MOVED_EVENT_TOPIC,
  ROCKSDB_TRANS_HALF_TOPIC,
  ROCKSDB_TRANS_OP_HALF_TOPIC,
  SCHEDULE_TOPIC,
  SELF_TEST_TOPIC,
  TIMER_TOPIC,
  TRANS_HALF_TOPIC,
  TRANS_OP_HALF_TOPIC,
} from "./topics_validator.ts";

const READ_WRITE = PERM_READ | PERM_WRITE;
const BENCHMARK_QUEUES = 1024;
const CLUSTER_QUEUES = 16;
/** One a level of the default messageDelayLevel. */
const SCHEDULE_QUEUES = 18;

export function systemTopicsOf(settings: BrokerSettings): TopicConfig[] {
  const { brokerClusterName, brokerName } = settings;
  const openedIf = (enabled: boolean) => PERM_INHERIT | (enabled ? READ_WRITE : 0);
  const topics: TopicConfig[] = [
    newTopic(SELF_TEST_TOPIC, 1, READ_WRITE),
    newTopic(BENCHMARK_TOPIC, BENCHMARK_QUEUES, READ_WRITE),
    newTopic(brokerClusterName, CLUSTER_QUEUES, openedIf(settings.clusterTopicEnable)),
    newTopic(brokerName, 1, openedIf(settings.brokerTopicEnable)),
    newTopic(OFFSET_MOVED_EVENT_TOPIC, 1, READ_WRITE),
    newTopic(SCHEDULE_TOPIC, SCHEDULE_QUEUES, READ_WRITE),
    newTopic(`${brokerClusterName}_REPLY_TOPIC`, 1, READ_WRITE),
    newTopic(`rmq_sys_REVIVE_LOG_${brokerClusterName}`, settings.reviveQueueNum, READ_WRITE),
    newTopic(`rmq_sys_SYNC_BROKER_MEMBER_${brokerName}`, 1, PERM_INHERIT),
    newTopic(TRANS_HALF_TOPIC, 1, READ_WRITE),
    newTopic(TRANS_OP_HALF_TOPIC, 1, READ_WRITE),
    newTopic(ROCKSDB_TRANS_HALF_TOPIC, 1, READ_WRITE),
    newTopic(ROCKSDB_TRANS_OP_HALF_TOPIC, 1, READ_WRITE),
  ];
  if (settings.autoCreateTopicEnable) {
    topics.push(newTopic(AUTO_CREATE_TOPIC, settings.defaultTopicQueueNums, READ_WRITE | PERM_INHERIT));
  }
  if (settings.traceTopicEnable) topics.push(newTopic(settings.msgTraceTopicName, 1, READ_WRITE));
  if (settings.timerWheelEnable) topics.push(newTopic(TIMER_TOPIC, 1, READ_WRITE));
  return topics;
}
