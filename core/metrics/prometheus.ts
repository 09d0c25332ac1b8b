/**
 * The Prometheus text form, by OpenTelemetry's own serializer, of readings as they are: no SDK accumulates anything between
 * two scrapes. What Apache's exporter (Java) prints otherwise is made equal here: the unit ends the name, and a bound of a
 * bucket is a decimal (`le="10.0"`), since dashboards ask for both by text.
 */
import { ValueType } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { AggregationTemporality, DataPointType, type MetricData, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { CATALOGUE, type MetricRow, prometheusName } from "./catalogue.ts";
import type { HistogramSample, Labels, Reading, Sample } from "./metrics.ts";

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
  return new PrometheusSerializer().serialize(data).replace(/(\ble="\d+)"/g, '$1.0"');
}

function metricData({ name, samples }: Reading, common: Labels, startTime: HrTime, endTime: HrTime): MetricData {
  const row: MetricRow = CATALOGUE[name];
  const at = (labels: Labels) => ({ startTime, endTime, attributes: { ...common, ...labels } });
  const descriptor = { name: prometheusName(name), description: row.help, unit: "", valueType: ValueType.DOUBLE, advice: {} };
  if (row.kind === "histogram") {
    return {
      descriptor,
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: (samples as readonly HistogramSample[]).map(({ labels, counts, sum }) => ({
        ...at(labels),
        value: {
          buckets: { boundaries: [...(row.bounds ?? [])], counts: [...counts] },
          sum,
          count: counts.reduce((total, count) => total + count, 0),
        },
      })),
    };
  }
  const dataPoints = (samples as readonly Sample[]).map(({ labels, value }) => ({ ...at(labels), value }));
  const common2 = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE, dataPoints };
  return row.kind === "counter"
    ? { ...common2, dataPointType: DataPointType.SUM, isMonotonic: true }
    : { ...common2, dataPointType: DataPointType.GAUGE };
}

type HrTime = [seconds: number, nanoseconds: number];

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), (ms % 1000) * 1_000_000];
