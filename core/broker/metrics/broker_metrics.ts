/**
 * What the broker says when its metrics are scraped: each value is read from whoever owns it, at that moment, or was counted in
 * `instruments.ts`. Keeps nothing.
 * Which names there are is in `../../metrics/catalogue.ts`; the families that are switched off are not read.
 */
import { LANGUAGES } from "../../../wire/remoting_command.ts";
import { versionDesc } from "../../../wire/version.ts";
import { CATALOGUE, type MetricFamily, type MetricName } from "../../metrics/catalogue.ts";
import type { Labels, MetricsSource, Reading, Sample } from "../../metrics/metrics.ts";
import { isSystem, isSystemGroup } from "../metadata/topics_validator.ts";
import type { ClientChannel } from "../parts.ts";
import { lagReadings } from "./lag_metrics.ts";
import type { MetricsParts } from "./metrics_parts.ts";
import { reviveLag, reviveLatency } from "./revive_metrics.ts";

const STORE: Labels = { storage_type: "local", storage_medium: "disk" };
/** Apache's, seconds: a message counts in the first that it comes within. */
const TIMER_BOUNDS_S = [5, 60, 300, 900, 3_600, 14_400, 28_800, 86_400];
const REMOTING: Labels = { protocol_type: "remoting" };

/** Apache's names of its thread pools, and our lanes. Apache's async_put has no lane here, and is left out. */
const PROCESSORS = [
  ["send", "send"],
  ["pull", "pull"],
  ["ack", "ack"],
  ["lite_pull", "litePull"],
  ["query_message", "query"],
  ["client_manager", "clientManage"],
  ["heartbeat", "heartbeat"],
  ["consumer_manager", "consumerManage"],
  ["admin", "admin"],
  ["reply", "reply"],
  ["transaction", "endTransaction"],
] as const;

/** Gives one metric. */
type Reader = (parts: MetricsParts) => readonly Sample[] | Promise<readonly Sample[]>;

const one = (value: number, labels: Labels = {}): Sample[] => [{ labels, value }];

const READERS: { readonly [N in MetricName]?: Reader } = {
  rocketmq_processor_watermark: ({ admission }) =>
    PROCESSORS.map(([processor, lane]) => ({ labels: { processor }, value: admission().underWay(lane) })),
  rocketmq_broker_permission: ({ settings }) => one(settings.brokerPermission),
  rocketmq_topic_number: ({ topics }) => one(topics.all().size),
  rocketmq_consumer_group_number: ({ groups }) => one(groups.all().size),
  rocketmq_send_to_dlq_messages_total: (parts) => sentToDeadLetters(parts),
  rocketmq_producer_connections: ({ producers }) => {
    // A connection stands with each of its groups; as in Apache it counts with each.
    const channels = [...producers.groups()].flatMap((group) => producers.channels(group));
    return counted(channels.map((channel) => clientLabels(channel)));
  },
  rocketmq_consumer_connections: ({ consumers }) =>
    counted(
      [...consumers.groups()].flatMap(({ name, consumeType, channels }) =>
        [...channels.values()].map((channel) => ({
          consumer_group: name,
          ...clientLabels(channel),
          consume_mode: consumeType === "CONSUME_ACTIVELY" ? "pull" : consumeType === "CONSUME_POP" ? "pop" : "push",
          is_system: String(isSystemGroup(name)),
        })),
      ),
    ),
  rocketmq_half_messages: ({ transactions }) =>
    [...transactions.counts].map(([topic, { count }]) => ({ labels: { topic }, value: count })),
  // Apache's: of the whole disk.
  rocketmq_storage_size: ({ runtime, settings }) => one(runtime.files.diskSpace(settings.storePathRootDir).usedBytes, STORE),
  rocketmq_storage_flush_behind_bytes: ({ store }) => {
    const { maxPhysicalOffset, flushedOffset } = store.stats();
    return one(maxPhysicalOffset - flushedOffset, STORE);
  },
  rocketmq_storage_dispatch_behind_bytes: ({ store }) => one(store.stats().dispatchBehindBytes, STORE),
  rocketmq_storage_message_reserve_time: ({ store, runtime }) => {
    const { earliestStoreTimestamp } = store.stats();
    return earliestStoreTimestamp > 0 ? one(Math.max(0, runtime.clock.now() - earliestStoreTimestamp), STORE) : [];
  },
  rocketmq_timer_enqueue_lag: ({ timer }) => one(timer.state().enqueueBehind, STORE),
  rocketmq_timer_enqueue_latency: async ({ timer }) => one((await timer.store?.enqueueBehindMs()) ?? 0, STORE),
  rocketmq_timer_message_snapshot: async ({ timer }) =>
    ((await timer.store?.snapshot(TIMER_BOUNDS_S)) ?? []).map((value, i) => ({
      labels: { ...STORE, timer_bound_s: String(TIMER_BOUNDS_S[i]) },
      value,
    })),
  rocketmq_timer_dequeue_lag: ({ timer }) => one(timer.state().waiting, STORE),
  rocketmq_timer_dequeue_latency: ({ timer }) => one(timer.state().dequeueBehindMs, STORE),
  rocketmq_timing_messages: ({ timer }) =>
    [...(timer.store?.metrics.counts ?? [])].map(([topic, { count }]) => ({ labels: { ...STORE, topic }, value: count })),
  rocketmq_pop_checkpoint_buffer_size: ({ checkPoints }) => one(checkPoints.size),
  rocketmq_pop_offset_buffer_size: ({ checkPoints }) => one(checkPoints.openByQueue().size),
  rocketmq_pop_revive_lag: (parts) => reviveLag(parts),
  rocketmq_pop_revive_latency: (parts) => reviveLatency(parts),
};

export class BrokerMetrics implements MetricsSource {
  readonly #parts: MetricsParts;

  constructor(parts: MetricsParts) {
    this.#parts = parts;
  }

  /** In the order of the catalogue. */
  async read(): Promise<Reading[]> {
    const exported = families(this.#parts);
    const lag = exported.enableLagAndDlqMetrics ? await lagReadings(this.#parts) : new Map<MetricName, Sample[]>();
    const readings: Reading[] = [];
    for (const name of Object.keys(CATALOGUE) as MetricName[]) {
      if (!exported[CATALOGUE[name].family]) continue;
      const { instruments } = this.#parts.stats;
      const histograms = instruments?.histogram(name);
      const samples = lag.get(name) ?? instruments?.counter(name) ?? (await READERS[name]?.(this.#parts)) ?? [];
      readings.push({ name, samples, ...(histograms && { histograms }) });
    }
    return readings;
  }
}

/** Which families are on, now: the keys are live. */
function families({ settings }: MetricsParts): Readonly<Record<MetricFamily, boolean>> {
  const { enableStatsMetrics, enableRequestMetrics, enableConnectionMetrics, enableLagAndDlqMetrics } = settings;
  const { enableTransactionMetrics, enableMessageStoreMetrics, enablePopMetrics, enableRemotingMetrics } = settings;
  return {
    enableStatsMetrics,
    enableRequestMetrics,
    enableConnectionMetrics,
    enableLagAndDlqMetrics,
    enableTransactionMetrics,
    enableMessageStoreMetrics,
    enablePopMetrics,
    enableRemotingMetrics,
  };
}

/** Messages that were put into the dead letter queue of a group, by the topic that they were consumed from; code 315 has them. */
function sentToDeadLetters({ stats }: MetricsParts): Sample[] {
  return Array.from(stats.counted("DLQ_PUT_NUMS"), ([key, value]) => {
    // `topic@group`; neither name has an `@`.
    const [topic = "", group = ""] = key.split("@");
    return { labels: { consumer_group: group, topic, is_system: String(isSystem(topic, group)) }, value };
  });
}

const clientLabels = ({ language, version }: ClientChannel): Labels => ({
  language: (LANGUAGES[language] ?? "OTHER").toLowerCase(),
  version: versionDesc(version).toLowerCase(),
  ...REMOTING,
});

/** How often each set of labels occurs. */
function counted(all: readonly Labels[]): Sample[] {
  const counts = new Map<string, { labels: Labels; value: number }>();
  for (const labels of all) {
    const key = JSON.stringify(labels);
    const found = counts.get(key);
    if (found === undefined) counts.set(key, { labels, value: 1 });
    else found.value++;
  }
  return [...counts.values()];
}
