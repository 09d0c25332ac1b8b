/**
 * The Prometheus text form, by OpenTelemetry's own serializer. As in Apache's exporter the unit ends the name, and target_info
 * has no labels.
 */
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { prometheusName } from "./catalogue.ts";
import { resourceMetrics } from "./metric_data.ts";
import type { Labels, Reading } from "./metrics.ts";

/** @param common labels of all samples @param startedAtMs when counting began, ms since 1970 */
export function prometheusText(readings: readonly Reading[], common: Labels, startedAtMs: number, nowMs: number): string {
  const nameOf = (name: Reading["name"]) => ({ name: prometheusName(name), unit: "" });
  return new PrometheusSerializer().serialize(resourceMetrics(readings, { common, startedAtMs, nowMs, nameOf }));
}
