/** The exporter that a broker's settings ask for. */
import { PrometheusExporter } from "../../metrics/exporter.ts";
import { parseHeaders, parseLabels } from "../../metrics/labels.ts";
import { logSink, PushExporter } from "../../metrics/push_exporter.ts";
import { BrokerMetrics } from "./broker_metrics.ts";
import type { MetricsParts } from "./metrics_parts.ts";

export interface MetricsExporter {
  /** @throws Error naming the keys that stand in the way */
  start(): Promise<unknown>;
  stop(): Promise<void>;
}

/** Undefined when metrics are off. */
export function metricsExporter(parts: MetricsParts): MetricsExporter | undefined {
  const { runtime, log, settings } = parts;
  const { metricsExporterType: type, metricsPromExporterHost, metricsPromExporterPort, metricsLabel } = settings;
  if (type === "DISABLE") return undefined;
  const labels = {
    ...parseLabels(metricsLabel),
    cluster: settings.brokerClusterName,
    node_type: "broker",
    node_id: settings.brokerName,
  };
  const source = new BrokerMetrics(parts);
  const all = { runtime, log, labels, source, delta: settings.metricsInDelta };
  if (type === "LOG") {
    const intervalMs = settings.metricLoggingExporterIntervalInMills;
    return new PushExporter({ ...all, intervalMs, sink: () => Promise.resolve(logSink(log)), to: { metricsExporterType: type } });
  }
  if (type === "OTLP_GRPC") return otlpExporter(parts, all);
  return new PrometheusExporter({
    runtime,
    log,
    host: metricsPromExporterHost.trim() === "" ? settings.bindAddress : metricsPromExporterHost.trim(),
    port: metricsPromExporterPort,
    labels,
    source,
  });
}

function otlpExporter(
  { settings }: MetricsParts,
  all: Omit<ConstructorParameters<typeof PushExporter>[0], "intervalMs" | "sink" | "to">,
): MetricsExporter {
  const target = settings.metricsGrpcExporterTarget.trim();
  if (target === "") {
    throw new Error("metricsExporterType=OTLP_GRPC needs metricsGrpcExporterTarget, the collector: http://host:4317");
  }
  return new PushExporter({
    ...all,
    intervalMs: settings.metricGrpcExporterIntervalInMills,
    to: { metricsExporterType: "OTLP_GRPC", metricsGrpcExporterTarget: target },
    // The library and gRPC are a few hundred files: who exports elsewhere does not load them.
    sink: async () => {
      const { otlpSink } = await import("../../metrics/otlp.ts");
      return otlpSink({
        target,
        headers: parseHeaders(settings.metricsGrpcExporterHeader) ?? {},
        timeoutMs: settings.metricGrpcExporterTimeOutInMills,
        batchDataPointsMax: () => settings.metricsExportBatchMaxDataPoints,
      });
    },
  });
}
