/** The exporter that a broker's settings ask for. */
import { PrometheusExporter } from "../../metrics/exporter.ts";
import { parseLabels } from "../../metrics/labels.ts";
import { BrokerMetrics } from "./broker_metrics.ts";
import type { MetricsParts } from "./metrics_parts.ts";

/** Undefined when metrics are off; where a type is asked for that is not served, the log says so. */
export function metricsExporter(parts: MetricsParts): PrometheusExporter | undefined {
  const { runtime, log, settings } = parts;
  const { metricsExporterType, metricsPromExporterHost, metricsPromExporterPort, metricsLabel } = settings;
  if (metricsExporterType === "DISABLE") return undefined;
  if (metricsExporterType !== "PROM") {
    log.warn("metrics are not exported: this type is not served", { metricsExporterType, mend: "metricsExporterType=PROM" });
    return undefined;
  }
  return new PrometheusExporter({
    runtime,
    log,
    host: metricsPromExporterHost.trim() === "" ? settings.bindAddress : metricsPromExporterHost.trim(),
    port: metricsPromExporterPort,
    labels: {
      ...parseLabels(metricsLabel),
      cluster: settings.brokerClusterName,
      node_type: "broker",
      node_id: settings.brokerName,
    },
    source: new BrokerMetrics(parts),
  });
}
