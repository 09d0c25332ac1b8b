/** Readings in the form that OpenTelemetry's exporters take, as they are: no SDK accumulates anything between two of them. */
import { ValueType } from "@opentelemetry/api";
import { AggregationTemporality, DataPointType, type MetricData, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { CATALOGUE, type MetricName, type MetricRow } from "./catalogue.ts";
import type { HistogramSample, Labels, Reading } from "./metrics.ts";

/** As Apache names its meter; the label otel_scope_name. */
const SCOPE = "broker-meter";

export interface MetricForm {
  /** Labels of all samples. */
  readonly common: Labels;
  /** When counting began, ms since 1970. */
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** The readings are differences to the ones before. */
  readonly delta?: boolean;
  /** Name and unit as the receiver wants them. */
  readonly nameOf: (name: MetricName) => { readonly name: string; readonly unit: string };
}

/** What has no samples is left out. */
export function resourceMetrics(readings: readonly Reading[], form: MetricForm): ResourceMetrics {
  const metrics = readings
    .filter(({ samples, histograms }) => samples.length > 0 || (histograms?.length ?? 0) > 0)
    .map((reading) => metricData(reading, form));
  const data: ResourceMetrics = {
    resource: { attributes: {}, merge: (other) => other ?? data.resource, getRawAttributes: () => [] },
    scopeMetrics: [{ scope: { name: SCOPE }, metrics }],
  };
  return data;
}

function metricData({ name, samples, histograms = [] }: Reading, form: MetricForm): MetricData {
  const row: MetricRow = CATALOGUE[name];
  const [startTime, endTime] = [hrTime(form.startedAtMs), hrTime(form.nowMs)];
  const at = (labels: Labels) => ({ startTime, endTime, attributes: { ...form.common, ...labels } });
  const descriptor = { ...form.nameOf(name), description: row.help, valueType: ValueType.DOUBLE, advice: {} };
  const aggregationTemporality = form.delta === true ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
  const all = { descriptor, aggregationTemporality };
  if (row.kind === "histogram") {
    const dataPoints = histograms.map((each) => ({ ...at(each.labels), value: distribution(each) }));
    return { ...all, dataPoints, dataPointType: DataPointType.HISTOGRAM };
  }
  const dataPoints = samples.map(({ labels, value }) => ({ ...at(labels), value }));
  return row.kind === "counter"
    ? { ...all, dataPoints, dataPointType: DataPointType.SUM, isMonotonic: true }
    : { ...all, dataPoints, dataPointType: DataPointType.GAUGE };
}

const distribution = ({ boundaries, counts, count, sum, min, max }: HistogramSample) => ({
  buckets: { boundaries: [...boundaries], counts: [...counts] },
  count,
  sum,
  ...(count > 0 ? { min, max } : {}),
});

type HrTime = [seconds: number, nanoseconds: number];

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), (ms % 1000) * 1_000_000];
