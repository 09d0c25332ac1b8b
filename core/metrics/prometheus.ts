/**
 * The Prometheus text form, by OpenTelemetry's own serializer. As in Apache's exporter the unit ends the name, target_info
 * has no labels, and bounds are Java's doubles: `le="1024.0"`, which queries name by these words.
 */
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { prometheusName } from "./catalogue.ts";
import { resourceMetrics } from "./metric_data.ts";
import type { Labels, Reading } from "./metrics.ts";

/** In the value of a label the quotation marks would have backslashes. */
const WHOLE_BOUND = /([{,])le="(\d+)"/g;

/** @param common labels of all samples @param startedAtMs when counting began, ms since 1970 */
export function prometheusText(readings: readonly Reading[], common: Labels, startedAtMs: number, nowMs: number): string {
  const nameOf = (name: Reading["name"]) => ({ name: prometheusName(name), unit: "" });
  const text = new PrometheusSerializer().serialize(resourceMetrics(readings, { common, startedAtMs, nowMs, nameOf }));
  return text.replace(WHOLE_BOUND, '$1le="$2.0"');
}
