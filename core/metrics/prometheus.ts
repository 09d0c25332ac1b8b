/**
 * The Prometheus text form, by OpenTelemetry's own serializer, of readings as they are: no SDK accumulates anything between
 * two scrapes. As in Apache's exporter the unit ends the name, and target_info has no labels.
 */
import { ValueType } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { AggregationTemporality, DataPointType, type MetricData, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { CATALOGUE, type MetricRow, prometheusName } from "./catalogue.ts";
import type { Labels, Reading } from "./metrics.ts";

/** As Apache names its meter; the label otel_scope_name. */
const SCOPE = "broker-meter";

/** @param common labels of all samples @param startedAtMs when counting began, ms since 1970 */
export function prometheusText(readings: readonly Reading[], common: Labels, startedAtMs: number, nowMs: number): string {
  const metrics = readings
    .filter(({ samples }) => samples.length > 0)
    .map((reading) => metricData(reading, common, hrTime(startedAtMs), hrTime(nowMs)));
  const data: ResourceMetrics = {
    resource: { attributes: {}, merge: (other) => other ?? data.resource, getRawAttributes: () => [] },
    scopeMetrics: [{ scope: { name: SCOPE }, metrics }],
  };
  return new PrometheusSerializer().serialize(data);
}

function metricData({ name, samples }: Reading, common: Labels, startTime: HrTime, endTime: HrTime): MetricData {
  const row: MetricRow = CATALOGUE[name];
  const at = (labels: Labels) => ({ startTime, endTime, attributes: { ...common, ...labels } });
  const descriptor = { name: prometheusName(name), description: row.help, unit: "", valueType: ValueType.DOUBLE, advice: {} };
  const dataPoints = samples.map(({ labels, value }) => ({ ...at(labels), value }));
  const all = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE, dataPoints };
  return row.kind === "counter"
    ? { ...all, dataPointType: DataPointType.SUM, isMonotonic: true }
    : { ...all, dataPointType: DataPointType.GAUGE };
}

type HrTime = [seconds: number, nanoseconds: number];

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), (ms % 1000) * 1_000_000];
