/** How far the revival of POP is behind, by queue of the revive topic. */
import type { Sample } from "../../metrics/metrics.ts";
import { firstUndone, REVIVE_GROUP, reviveTopicOf } from "../pop/pop_topics.ts";
import type { MetricsParts } from "./metrics_parts.ts";

interface Queue {
  readonly labels: { readonly queue_id: string };
  readonly topic: string;
  readonly queueId: number;
  /** The first record that is not done. */
  readonly next: number;
  readonly end: number;
}

function queuesOf({ settings, store, offsets }: MetricsParts): Queue[] {
  const topic = reviveTopicOf(settings.brokerClusterName);
  return Array.from({ length: settings.reviveQueueNum }, (_, queueId) => {
    const end = store.maxOffset({ topic, queueId });
    const undone = firstUndone(offsets.query(REVIVE_GROUP, topic, queueId));
    const next = Math.max(store.minOffset({ topic, queueId }), undone);
    return { labels: { queue_id: String(queueId) }, topic, queueId, next, end };
  });
}

/** Records not done. The name's unit is Apache's mistake. */
export const reviveLag = (parts: MetricsParts): Sample[] =>
  queuesOf(parts).map(({ labels, next, end }) => ({ labels, value: Math.max(0, end - next) }));

/** ms */
export function reviveLatency(parts: MetricsParts): Promise<Sample[]> {
  const now = parts.runtime.clock.now();
  return Promise.all(
    queuesOf(parts).map(async ({ labels, topic, queueId, next, end }) => {
      const storedAt = next < end ? await parts.store.storeTimeAt({ topic, queueId }, next) : -1;
      return { labels, value: storedAt > 0 ? Math.max(0, now - storedAt) : 0 };
    }),
  );
}
