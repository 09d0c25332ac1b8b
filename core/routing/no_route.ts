/** Why there is no route, in one line: the question of every second user, answered from what this nameserver knows. */
import { AUTO_CREATE_TOPIC } from "../../wire/mix_all.ts";
import { clipped, TOPIC_CHARS_MAX } from "./names.ts";
import type { RouteTables } from "./route_tables.ts";

export function explainNoRoute(tables: RouteTables, topic: string): string {
  const brokers = tables.brokerAddrTable.size;
  if (brokers === 0) {
    return "No broker is registered with this name server: start one whose namesrvAddr (or NAMESRV_ADDR) names this address.";
  }
  const similar = topic.length > TOPIC_CHARS_MAX * 2 ? undefined : tables.similarTopic(topic);
  if (similar !== undefined) {
    return `A topic "${similar}" exists: the name asked for differs from it only in case or blanks.`;
  }
  const known = brokers === 1 ? "1 broker is registered" : `${brokers} brokers are registered`;
  if (!tables.topicQueueTable.has(AUTO_CREATE_TOPIC)) {
    return (
      `${known}, none offers this topic, and none offers ${AUTO_CREATE_TOPIC}: auto-creation is off ` +
      `(autoCreateTopicEnable=false). Create it: mqadmin updateTopic -c <cluster> -t ${clipped(topic)}.`
    );
  }
  return `${known}, none offers this topic: a producer's first message creates it (autoCreateTopicEnable=true).`;
}
