/**
 * The metrics of a broker: Apache 5.5.0's names, units, kinds and label names, as its own end point prints them
 * (`test/metrics/golden`). A row's `family` is the configuration key that leaves it out when false.
 */
export type MetricFamily =
  | "enableStatsMetrics"
  | "enableRequestMetrics"
  | "enableConnectionMetrics"
  | "enableLagAndDlqMetrics"
  | "enableTransactionMetrics"
  | "enableMessageStoreMetrics"
  | "enablePopMetrics"
  | "enableRemotingMetrics";

export interface MetricRow {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly family: MetricFamily;
  readonly help: string;
  /** Of the instrument, as OTLP has it; in the Prometheus form it ends the name. */
  readonly unit?: "milliseconds" | "bytes" | "seconds";
  /** Of a histogram's classes; a bound belongs to the class below it. */
  readonly bounds?: readonly number[];
  /** Beside those of all metrics; in the order in which they are printed. */
  readonly labels: readonly string[];
}

const TOPIC_IN = ["topic", "message_type", "is_system"];
const TOPIC_OUT = ["topic", "consumer_group", "is_retry", "is_system"];
const STORE = ["storage_type", "storage_medium"];

const gauge = (family: MetricFamily, help: string, labels: readonly string[], unit?: MetricRow["unit"]): MetricRow => ({
  kind: "gauge",
  family,
  help,
  labels,
  ...(unit && { unit }),
});
const counter = (family: MetricFamily, help: string, labels: readonly string[]): MetricRow => ({
  kind: "counter",
  family,
  help,
  labels,
});

const histogram = (
  family: MetricFamily,
  help: string,
  labels: readonly string[],
  bounds: readonly number[],
  unit?: MetricRow["unit"],
): MetricRow & { readonly kind: "histogram"; readonly bounds: readonly number[] } => ({
  kind: "histogram",
  family,
  help,
  labels,
  bounds,
  ...(unit && { unit }),
});

const KIB = 1024;
const MIB = 1024 * 1024;
const POP_REVIVE = ["topic", "consumer_group", "revive_message_type"];

export const CATALOGUE = {
  rocketmq_processor_watermark: gauge("enableStatsMetrics", "Requests taken and not answered yet, by kind.", ["processor"]),
  rocketmq_broker_permission: gauge("enableStatsMetrics", "brokerPermission: 2 write, 4 read, 6 both.", []),
  rocketmq_topic_number: gauge("enableStatsMetrics", "Topics.", []),
  rocketmq_consumer_group_number: gauge("enableStatsMetrics", "Consumer groups.", []),
  rocketmq_messages_in_total: counter("enableRequestMetrics", "Messages stored.", TOPIC_IN),
  rocketmq_messages_out_total: counter("enableRequestMetrics", "Messages handed out.", TOPIC_OUT),
  rocketmq_throughput_in_total: counter("enableRequestMetrics", "Bytes of messages stored.", TOPIC_IN),
  rocketmq_throughput_out_total: counter("enableRequestMetrics", "Bytes of messages handed out.", TOPIC_OUT),
  rocketmq_producer_connections: gauge("enableConnectionMetrics", "Producers connected.", [
    "language",
    "version",
    "protocol_type",
  ]),
  rocketmq_consumer_connections: gauge("enableConnectionMetrics", "Consumers connected.", [
    "consumer_group",
    "language",
    "version",
    "consume_mode",
    "protocol_type",
    "is_system",
  ]),
  rocketmq_message_size: histogram("enableRequestMetrics", "Bytes of a stored message.", TOPIC_IN, [
    KIB,
    4 * KIB,
    512 * KIB,
    MIB,
    2 * MIB,
    4 * MIB,
  ]),
  rocketmq_topic_create_execution_time: histogram(
    "enableRequestMetrics",
    "Time for a topic that an administrator asked for.",
    ["invocation_status", "is_system"],
    [10, 100, 1_000, 3_000, 5_000],
    "milliseconds",
  ),
  rocketmq_consumer_group_create_execution_time: histogram(
    "enableRequestMetrics",
    "Time for a group that an administrator asked for.",
    ["invocation_status"],
    [10, 100, 1_000, 3_000, 5_000],
    "milliseconds",
  ),
  rocketmq_rpc_latency: histogram(
    "enableRemotingMetrics",
    "Time from the arrival of a request until its answer.",
    ["protocol_type", "request_code", "response_code", "is_long_polling", "result"],
    [1, 3, 5, 7, 10, 100, 1_000, 2_000, 3_000],
    "milliseconds",
  ),
  rocketmq_consumer_lag_messages: gauge("enableLagAndDlqMetrics", "Messages that the group has not consumed.", TOPIC_OUT),
  rocketmq_consumer_lag_latency: gauge(
    "enableLagAndDlqMetrics",
    "Age of the oldest message that the group has not consumed.",
    TOPIC_OUT,
    "milliseconds",
  ),
  rocketmq_consumer_inflight_messages: gauge(
    "enableLagAndDlqMetrics",
    "Messages that the group pulled and has not consumed.",
    TOPIC_OUT,
  ),
  rocketmq_consumer_queueing_latency: gauge(
    "enableLagAndDlqMetrics",
    "Age of the oldest message that the group pulled and has not consumed.",
    TOPIC_OUT,
    "milliseconds",
  ),
  rocketmq_consumer_ready_messages: gauge("enableLagAndDlqMetrics", "Messages that the group has not pulled.", TOPIC_OUT),
  rocketmq_send_to_dlq_messages_total: counter("enableLagAndDlqMetrics", "Messages moved to the dead letter queue.", [
    "consumer_group",
    "topic",
    "is_system",
  ]),
  rocketmq_half_messages: gauge("enableTransactionMetrics", "Messages whose transaction is not over.", ["topic"]),
  rocketmq_commit_messages_total: counter("enableTransactionMetrics", "Transactions committed.", ["topic"]),
  rocketmq_rollback_messages_total: counter("enableTransactionMetrics", "Transactions rolled back.", ["topic"]),
  // The unit in the name is Apache's: the values are seconds.
  rocketmq_finish_message_latency: histogram(
    "enableTransactionMetrics",
    "Seconds from the birth of a half message until its commit.",
    ["topic"],
    [5, 60, 600, 3_600, 43_200, 86_400],
    "milliseconds",
  ),
  rocketmq_storage_size: gauge(
    "enableMessageStoreMetrics",
    "Bytes used of the file system that holds storePathRootDir.",
    STORE,
    "bytes",
  ),
  rocketmq_storage_flush_behind_bytes: gauge("enableMessageStoreMetrics", "Bytes stored and not synced.", STORE, "bytes"),
  rocketmq_storage_dispatch_behind_bytes: gauge(
    "enableMessageStoreMetrics",
    "Bytes stored and not dispatched to the consume queues.",
    STORE,
    "bytes",
  ),
  rocketmq_storage_message_reserve_time: gauge("enableMessageStoreMetrics", "Age of the oldest message.", STORE, "milliseconds"),
  rocketmq_timer_enqueue_lag: gauge("enableMessageStoreMetrics", "Timer messages not taken in yet.", STORE),
  rocketmq_timer_enqueue_latency: gauge(
    "enableMessageStoreMetrics",
    "Age of the oldest timer message that was not taken in.",
    STORE,
    "milliseconds",
  ),
  rocketmq_timer_dequeue_lag: gauge("enableMessageStoreMetrics", "Timer messages that wait for their time.", STORE),
  rocketmq_timer_dequeue_latency: gauge(
    "enableMessageStoreMetrics",
    "How late timer messages are delivered.",
    STORE,
    "milliseconds",
  ),
  rocketmq_timing_messages: gauge("enableMessageStoreMetrics", "Timer messages that wait, by topic.", [...STORE, "topic"]),
  rocketmq_timer_enqueue_total: counter("enableMessageStoreMetrics", "Timer messages taken in.", [...STORE, "topic"]),
  rocketmq_timer_dequeue_total: counter("enableMessageStoreMetrics", "Timer messages delivered.", [...STORE, "topic"]),
  rocketmq_timer_message_snapshot: gauge("enableMessageStoreMetrics", "Timer messages that wait, by how long still.", [
    ...STORE,
    "timer_bound_s",
  ]),
  rocketmq_delay_message_latency: histogram(
    "enableMessageStoreMetrics",
    "Delays that were asked for.",
    [...STORE, "topic"],
    [60, 600, 3_600, 43_200, 86_400, 259_200],
    "seconds",
  ),
  rocketmq_pop_buffer_scan_time_consume: histogram(
    "enablePopMetrics",
    "Time of a round over the check points.",
    [],
    [1, 10, 100, 1_000, 2_000, 3_000],
    "milliseconds",
  ),
  rocketmq_pop_offset_buffer_size: gauge("enablePopMetrics", "Queues with check points in memory.", []),
  rocketmq_pop_revive_in_message_total: counter("enablePopMetrics", "Records put into the revive topic.", [
    ...POP_REVIVE,
    "put_status",
  ]),
  rocketmq_pop_revive_out_message_total: counter("enablePopMetrics", "Records read from the revive topic.", [
    ...POP_REVIVE,
    "queue_id",
  ]),
  rocketmq_pop_revive_retry_messages_total: counter("enablePopMetrics", "Messages given back by revival.", [
    "topic",
    "consumer_group",
    "put_status",
  ]),
  rocketmq_pop_checkpoint_buffer_size: gauge("enablePopMetrics", "Check points in memory.", []),
  rocketmq_pop_revive_lag: gauge("enablePopMetrics", "Records of the revive topic not read yet.", ["queue_id"], "milliseconds"),
  rocketmq_pop_revive_latency: gauge(
    "enablePopMetrics",
    "Age of the oldest record of the revive topic that is not read.",
    ["queue_id"],
    "milliseconds",
  ),
} satisfies Readonly<Record<string, MetricRow>>;

export type MetricName = keyof typeof CATALOGUE;

/** The name in the Prometheus form: Apache's exporter ends it with the unit, unless it ends so already. */
export function prometheusName(name: MetricName): string {
  const { unit }: MetricRow = CATALOGUE[name];
  return unit === undefined || name.endsWith(`_${unit}`) ? name : `${name}_${unit}`;
}
