/**
 * How far the groups that are online are behind, by topic: Apache's ConsumerLagCalculator, but that a queue whose offset
 * was never committed counts from its first message, and that a group with nothing to consume has an age of 0 where Apache
 * prints -9.2E18.
 */
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import type { MetricName } from "../../metrics/catalogue.ts";
import type { Sample } from "../../metrics/metrics.ts";
import { lagsOf, oldestOf } from "../lite/lite_lag.ts";
import { LiteMetadata } from "../lite/lite_metadata.ts";
import { isSystem } from "../metadata/topics_validator.ts";
import { popRetryTopicV1, popRetryTopicV2 } from "../pop/pop_topics.ts";
import type { MetricsParts } from "./metrics_parts.ts";

interface Lag {
  behind: number;
  /** Store time of the oldest message not consumed, and not pulled; ms since 1970. */
  oldest: number;
  inflight: number;
  ready: number;
  oldestUnpulled: number;
}

/** Queues that may be read from at once in a scrape: a look at the oldest message is a read. */
const QUEUES_AT_ONCE = 16;

export async function lagReadings(parts: MetricsParts): Promise<Map<MetricName, Sample[]>> {
  const readings = new Map<MetricName, Sample[]>();
  const add = (name: MetricName, labels: Sample["labels"], value: number): void => {
    const samples = readings.get(name) ?? [];
    samples.push({ labels, value });
    readings.set(name, samples);
  };
  const now = parts.runtime.clock.now();
  const popInflight = parts.checkPoints.openByQueue();
  for (const { group, topic, read, isPop } of pairs(parts)) {
    const lag = await lagOf(parts, group, read, isPop ? popInflight : undefined);
    if (lag === undefined) continue;
    const labels = {
      topic,
      consumer_group: group,
      is_retry: String(read !== topic),
      is_system: String(isSystem(topic, group)),
    };
    const age = (time: number): number => (Number.isFinite(time) ? Math.max(0, now - time) : 0);
    add("rocketmq_consumer_lag_messages", labels, lag.behind);
    add("rocketmq_consumer_lag_latency", labels, age(lag.oldest));
    add("rocketmq_consumer_inflight_messages", labels, lag.inflight);
    add("rocketmq_consumer_queueing_latency", labels, age(lag.oldestUnpulled));
    add("rocketmq_consumer_ready_messages", labels, lag.ready);
  }
  for (const { group, topic, count, oldest } of await liteLags(parts)) {
    const labels = { topic, consumer_group: group, is_retry: "false", is_system: "false" };
    if (count !== undefined) add("rocketmq_consumer_lag_messages", labels, count);
    if (oldest !== undefined) add("rocketmq_consumer_lag_latency", labels, Math.max(0, now - oldest));
  }
  return readings;
}

export interface LiteLag {
  readonly group: string;
  /** Parent topic. */
  readonly topic: string;
  readonly count: number | undefined;
  /** ms since 1970. */
  readonly oldest: number | undefined;
}

/** Groups that are behind in lite topics, by parent topic: liteLagCountMetricsEnable, liteLagLatencyMetricsEnable. */
export async function liteLags(
  parts: Pick<MetricsParts, "settings" | "topics" | "groups" | "store" | "offsets">,
): Promise<LiteLag[]> {
  const { liteLagCountMetricsEnable, liteLagLatencyMetricsEnable } = parts.settings;
  const found: LiteLag[] = [];
  if (!liteLagCountMetricsEnable && !liteLagLatencyMetricsEnable) return found;
  for (const [topic, groups] of new LiteMetadata(parts).groupsByTopic()) {
    for (const group of groups) {
      const lags = lagsOf(parts, group, topic);
      if (lags.length === 0) continue;
      const sum = lags.reduce((all, { count }) => all + count, 0);
      const oldest = liteLagLatencyMetricsEnable ? await oldestOf(parts, lags) : undefined;
      found.push({ group, topic, count: liteLagCountMetricsEnable ? sum : undefined, oldest });
    }
  }
  return found;
}

interface Pair {
  readonly group: string;
  readonly topic: string;
  /** Where the group reads: the topic, or its POP retry topic. */
  readonly read: string;
  readonly isPop: boolean;
}

function* pairs({ consumers, settings }: MetricsParts): Iterable<Pair> {
  for (const { name: group, consumeType, subscriptions } of consumers.groups()) {
    const isPop = consumeType === "CONSUME_POP";
    for (const topic of subscriptions.keys()) {
      if (topic.startsWith(RETRY_PREFIX)) continue;
      yield { group, topic, read: topic, isPop };
      if (!isPop) continue;
      if (settings.enableRetryTopicV2) yield { group, topic, read: popRetryTopicV2(topic, group), isPop };
      else yield { group, topic, read: popRetryTopicV1(topic, group), isPop };
    }
  }
}

/** Undefined when there is no such topic. */
async function lagOf(
  parts: MetricsParts,
  group: string,
  topic: string,
  popInflight: ReadonlyMap<string, number> | undefined,
): Promise<Lag | undefined> {
  const config = parts.topics.find(topic);
  if (config === undefined) return undefined;
  const sum: Lag = {
    behind: 0,
    oldest: Number.POSITIVE_INFINITY,
    inflight: 0,
    ready: 0,
    oldestUnpulled: Number.POSITIVE_INFINITY,
  };
  for (let first = 0; first < config.writeQueueNums; first += QUEUES_AT_ONCE) {
    const count = Math.min(QUEUES_AT_ONCE, config.writeQueueNums - first);
    const some = await Promise.all(
      Array.from({ length: count }, (_, i) => lagOfQueue(parts, group, topic, first + i, popInflight)),
    );
    for (const lag of some) {
      sum.behind += lag.behind;
      sum.inflight += lag.inflight;
      sum.ready += lag.ready;
      sum.oldest = Math.min(sum.oldest, lag.oldest);
      sum.oldestUnpulled = Math.min(sum.oldestUnpulled, lag.oldestUnpulled);
    }
  }
  return sum;
}

async function lagOfQueue(
  { store, offsets, checkPoints }: MetricsParts,
  group: string,
  topic: string,
  queueId: number,
  popInflight: ReadonlyMap<string, number> | undefined,
): Promise<Lag> {
  const queue = { topic, queueId };
  const end = store.maxOffset(queue);
  const start = Math.max(0, store.minOffset(queue));
  const within = (offset: number): number => Math.min(end, Math.max(start, offset));
  const handedOut = popInflight === undefined ? undefined : checkPoints.buffer.latestOffset({ topic, group, queueId });
  const consumed = within(handedOut ?? offsets.query(group, topic, queueId));
  // What POP handed out is behind the group's offset, and not consumed all the same.
  const inflightOfPop = popInflight?.get(`${topic} ${group} ${queueId}`) ?? 0;
  const pulled = popInflight === undefined ? Math.max(consumed, within(offsets.pulled(group, topic, queueId))) : consumed;
  const timeAt = async (offset: number): Promise<number> => {
    const time = offset < end ? await store.storeTimeAt(queue, offset) : -1;
    return time > 0 ? time : Number.POSITIVE_INFINITY;
  };
  const oldest = await timeAt(consumed);
  return {
    behind: end - consumed + inflightOfPop,
    oldest,
    inflight: pulled - consumed + inflightOfPop,
    ready: end - pulled,
    oldestUnpulled: pulled === consumed ? oldest : await timeAt(pulled),
  };
}
