/**
 * Sends readings to an OpenTelemetry collector, OTLP over gRPC, by OpenTelemetry's own exporter, which runs on Bun, Deno and
 * Node alike. Names and units are those of Apache's instruments. At most `batchDataPointsMax` data points go in one call.
 */
import { Metadata } from "@grpc/grpc-js";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { CATALOGUE, type MetricRow } from "./catalogue.ts";
import { resourceMetrics } from "./metric_data.ts";
import type { Labels, Reading } from "./metrics.ts";
import type { MetricsSink } from "./push_exporter.ts";

export interface OtlpOptions {
  /** `http://host:port`, or `https://…`, which is meant without either, as in Apache. */
  readonly target: string;
  /** Sent with each call. */
  readonly headers: Labels;
  readonly timeoutMs: number;
  readonly batchDataPointsMax: () => number;
}

export function otlpSink({ target, headers, timeoutMs, batchDataPointsMax }: OtlpOptions): MetricsSink {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const url = /^https?:\/\//.test(target) ? target : `https://${target}`;
  const exporter = new OTLPMetricExporter({ url, metadata, timeoutMillis: timeoutMs });
  const send = (data: ResourceMetrics): Promise<void> =>
    new Promise((resolve, reject) =>
      exporter.export(data, ({ code, error }) =>
        code === 0 ? resolve() : reject(new Error(`${url}: ${error?.message ?? "refused"}`)),
      ),
    );
  return {
    async write(readings, form) {
      for (const batch of batches(readings, batchDataPointsMax())) {
        const nameOf = (name: Reading["name"]) => ({ name, unit: (CATALOGUE[name] as MetricRow).unit ?? "" });
        await send(resourceMetrics(batch, { ...form, nameOf }));
      }
    },
    close: () => exporter.shutdown(),
  };
}

/** The readings in parts of at most `max` data points. */
export function batches(readings: readonly Reading[], max: number): Reading[][] {
  const all: Reading[][] = [];
  let batch: Reading[] = [];
  let room = max;
  for (const { name, samples, histograms = [] } of readings) {
    const points = samples.length + histograms.length;
    for (let from = 0; from < points; ) {
      if (room === 0) {
        all.push(batch);
        [batch, room] = [[], max];
      }
      const to = Math.min(points, from + room);
      // A metric has either kind.
      batch.push({
        name,
        samples: samples.slice(from, to),
        ...(histograms.length > 0 && { histograms: histograms.slice(from, to) }),
      });
      room -= to - from;
      from = to;
    }
  }
  if (batch.length > 0) all.push(batch);
  return all;
}
