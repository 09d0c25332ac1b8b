/**
 * Hands the metrics on by itself, each `intervalMs`: to a collector (`otlp.ts`), or to the log. One turn at a time; a turn that
 * fails is a line of the log, and the next one says all again, unless differences are wanted: then it says what came since.
 */
import type { Log, LogFields, Runtime, TimerHandle } from "../runtime.ts";
import { CATALOGUE, type MetricRow } from "./catalogue.ts";
import type { MetricForm } from "./metric_data.ts";
import type { HistogramSample, Labels, MetricsSource, Reading, Sample } from "./metrics.ts";

export type SinkForm = Omit<MetricForm, "nameOf">;

/** Where readings go. */
export interface MetricsSink {
  /** @throws Error saying why they did not arrive */
  write(readings: readonly Reading[], form: SinkForm): Promise<void>;
  close(): Promise<void>;
}

export interface PushExporterOptions {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly source: MetricsSource;
  readonly labels: Labels;
  readonly intervalMs: number;
  /** metricsInDelta: counters and histograms say what came since the turn before. */
  readonly delta: boolean;
  /** Made at the first turn: what it needs is loaded then. */
  readonly sink: () => Promise<MetricsSink>;
  /** For messages: type and key of where it goes. */
  readonly to: LogFields;
}

export class PushExporter {
  readonly #options: PushExporterOptions;
  readonly #startedAtMs: number;
  #timer: TimerHandle | undefined;
  #sink: MetricsSink | undefined;
  #turn: Promise<void> | undefined;
  #last = new Map<string, Sample | HistogramSample>();
  #lastAtMs: number;
  #failing = false;

  constructor(options: PushExporterOptions) {
    this.#options = options;
    this.#startedAtMs = options.runtime.clock.now();
    this.#lastAtMs = this.#startedAtMs;
  }

  start(): Promise<void> {
    const { runtime, log, intervalMs, to } = this.#options;
    this.#timer = runtime.clock.setInterval(() => {
      this.#turn ??= this.push().finally(() => {
        this.#turn = undefined;
      });
    }, intervalMs);
    log.info("metrics are exported", { ...to, intervalMs });
    return Promise.resolve();
  }

  /** Says all once more, and ends. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#turn;
    await this.push();
    await this.#sink?.close().catch(() => {});
  }

  /** One turn. Never rejects. */
  async push(): Promise<void> {
    const { runtime, log, source, labels, delta, to } = this.#options;
    try {
      this.#sink ??= await this.#options.sink();
      const nowMs = runtime.clock.now();
      const readings = await source.read();
      const { changed, last } = delta ? differences(readings, this.#last) : { changed: readings, last: this.#last };
      const common = delta ? { ...labels, aggregation: "delta" } : labels;
      await this.#sink.write(changed, { common, startedAtMs: delta ? this.#lastAtMs : this.#startedAtMs, nowMs, delta });
      this.#last = last;
      this.#lastAtMs = nowMs;
      this.#failing = false;
    } catch (error) {
      // Once, until it works again.
      if (!this.#failing) log.warn("metrics were not exported; tried again", { ...to, reason: (error as Error).message });
      this.#failing = true;
    }
  }
}

/** What came since `before`; gauges as they are. */
function differences(readings: readonly Reading[], before: ReadonlyMap<string, Sample | HistogramSample>) {
  const last = new Map<string, Sample | HistogramSample>();
  const changed = readings.map(({ name, samples, histograms }): Reading => {
    if ((CATALOGUE[name] as MetricRow).kind === "gauge") return { name, samples };
    const keyOf = ({ labels }: { labels: Labels }) => `${name} ${JSON.stringify(labels)}`;
    for (const each of [...samples, ...(histograms ?? [])]) last.set(keyOf(each), each);
    return {
      name,
      samples: samples.map((sample) => {
        const known = before.get(keyOf(sample)) as Sample | undefined;
        return { ...sample, value: sample.value - (known?.value ?? 0) };
      }),
      ...(histograms && {
        histograms: histograms.map((histogram) => {
          const known = before.get(keyOf(histogram)) as HistogramSample | undefined;
          if (known === undefined) return histogram;
          const counts = histogram.counts.map((count, i) => count - (known.counts[i] ?? 0));
          return { ...histogram, counts, count: histogram.count - known.count, sum: histogram.sum - known.sum };
        }),
      }),
    };
  });
  return { changed, last };
}

/** metricsExporterType=LOG: a line a sample. */
export function logSink(log: Log): MetricsSink {
  return {
    write(readings, { common }) {
      for (const { name, samples, histograms = [] } of readings) {
        for (const { labels, value } of samples) log.info("metric", { name, value, ...common, ...labels });
        for (const { labels, count, sum, boundaries, counts } of histograms) {
          const classes = counts.map((each, i) => `${boundaries[i] ?? "+Inf"}:${each}`).join(",");
          log.info("metric", { name, count, sum, classes, ...common, ...labels });
        }
      }
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
