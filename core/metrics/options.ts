/** The keys of metrics: the same in broker.conf, for a controller and a proxy. */
import { bool, choice, int, long, type OptionsOf, text } from "../config.ts";
import { parseHeaders, parseLabels } from "./labels.ts";

const family = (what: string) => bool(true, "live", `Metrics of ${what} are exported.`);

export const metricsOptions: OptionsOf<MetricsSettings> = {
  metricsExporterType: choice(
    ["DISABLE", "OTLP_GRPC", "PROM", "LOG"],
    "DISABLE",
    "restart",
    "PROM serves GET /metrics at metricsPromExporterPort, OTLP_GRPC sends to metricsGrpcExporterTarget, LOG writes to the log.",
  ),
  metricsGrpcExporterTarget: text(
    "",
    "never",
    "Collector of OTLP_GRPC: http://host:4317, or https://…, which is meant where neither stands.",
  ),
  metricsGrpcExporterHeader: text(
    "",
    "never",
    "Sent to it with each call, an API key for instance: name:value,name:value.",
    (value) => (parseHeaders(value) === undefined ? "name:value,name:value" : undefined),
  ),
  metricGrpcExporterTimeOutInMills: long(3000, "never", "Time for one call to it, ms.", { min: 1 }),
  metricGrpcExporterIntervalInMills: long(60_000, "never", "It is called each so many ms.", { min: 1 }),
  metricsExportBatchMaxDataPoints: int(1000, "live", "Data points in one call; more go in several.", { min: 1 }),
  metricLoggingExporterIntervalInMills: long(10_000, "never", "LOG writes each so many ms.", { min: 1 }),
  metricsInDelta: bool(
    false,
    "never",
    "OTLP_GRPC and LOG: counters and histograms say what came since the time before. PROM always says all.",
  ),
  metricsOtelCardinalityLimit: int(
    50_000,
    "live",
    "Sets of label values kept of each counter and histogram; what is beyond counts in one, otel_metric_overflow.",
    { min: 1 },
  ),
  metricsPromExporterPort: int(5557, "never", "Port of GET /metrics; 0 asks for a free one, which the log says.", {
    min: 0,
    max: 65535,
  }),
  metricsPromExporterHost: text("", "never", "Address it listens on. Blank: bindAddress."),
  metricsLabel: text(
    "",
    "never",
    "Labels that all metrics get beside cluster, node_type and node_id: name:value,name:value.",
    (value) => (parseLabels(value) === undefined ? "name:value,name:value with names of letters, digits and _" : undefined),
  ),
  enableStatsMetrics: family("the broker: permission, topics, groups, requests under way"),
  enableRequestMetrics: family("messages in and out"),
  enableConnectionMetrics: family("connected producers and consumers"),
  enableLagAndDlqMetrics: family("what groups have not consumed, and of dead letters"),
  enableTransactionMetrics: family("transactions"),
  enableMessageStoreMetrics: family("the store and the timer"),
  enablePopMetrics: family("POP"),
  enableRemotingMetrics: family("requests: rocketmq_rpc_latency"),
};

export interface MetricsSettings {
  readonly enableConnectionMetrics: boolean;
  readonly enableLagAndDlqMetrics: boolean;
  readonly enableMessageStoreMetrics: boolean;
  readonly enablePopMetrics: boolean;
  readonly enableRemotingMetrics: boolean;
  readonly enableRequestMetrics: boolean;
  readonly enableStatsMetrics: boolean;
  readonly enableTransactionMetrics: boolean;
  readonly metricsExporterType: "DISABLE" | "OTLP_GRPC" | "PROM" | "LOG";
  readonly metricGrpcExporterIntervalInMills: number;
  readonly metricGrpcExporterTimeOutInMills: number;
  readonly metricLoggingExporterIntervalInMills: number;
  readonly metricsExportBatchMaxDataPoints: number;
  readonly metricsGrpcExporterHeader: string;
  readonly metricsGrpcExporterTarget: string;
  readonly metricsInDelta: boolean;
  readonly metricsLabel: string;
  readonly metricsOtelCardinalityLimit: number;
  readonly metricsPromExporterHost: string;
  readonly metricsPromExporterPort: number;
}
