/** The keys of metrics: the same in broker.conf, for a controller and a proxy. */
import { bool, choice, int, type OptionsOf, text } from "../config.ts";
import { parseLabels } from "./labels.ts";

const family = (what: string) => bool(true, "live", `Metrics of ${what} are exported.`);

export const metricsOptions: OptionsOf<MetricsSettings> = {
  metricsExporterType: choice(
    ["DISABLE", "OTLP_GRPC", "PROM", "LOG"],
    "DISABLE",
    "restart",
    "PROM serves GET /metrics at metricsPromExporterPort. OTLP_GRPC and LOG are taken with a warning and export nothing.",
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
};

export interface MetricsSettings {
  readonly enableConnectionMetrics: boolean;
  readonly enableLagAndDlqMetrics: boolean;
  readonly enableMessageStoreMetrics: boolean;
  readonly enablePopMetrics: boolean;
  readonly enableRequestMetrics: boolean;
  readonly enableStatsMetrics: boolean;
  readonly enableTransactionMetrics: boolean;
  readonly metricsExporterType: "DISABLE" | "OTLP_GRPC" | "PROM" | "LOG";
  readonly metricsLabel: string;
  readonly metricsPromExporterHost: string;
  readonly metricsPromExporterPort: number;
}
