/**
 * Metrics: what is measured under which name (`catalogue.ts`), and how it leaves the process (`exporter.ts`).
 *
 * Owns names, units, kinds, label names and the exporters. Does not own a counter: whoever counts is read when somebody
 * scrapes, so that nothing is counted twice and nothing is called between two scrapes. With metricsExporterType=DISABLE no
 * part of this folder is made, and the exporter's library is not even loaded.
 */
import type { MetricName } from "./catalogue.ts";

/** Label values by label name, without those that all metrics of a process share. */
export type Labels = Readonly<Record<string, string>>;

/** A counter's total since start, or a gauge's value now. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** A distribution since start. `counts` has one more than `boundaries`; a bound belongs to the class below it. */
export interface HistogramSample {
  readonly labels: Labels;
  readonly boundaries: readonly number[];
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/** What a metric says now. One without samples is not exported, as in Apache. */
export interface Reading {
  readonly name: MetricName;
  readonly samples: readonly Sample[];
  /** Of a histogram, which has no samples. */
  readonly histograms?: readonly HistogramSample[];
}

/** Who can be asked. It is asked once a scrape and never twice at a time. */
export interface MetricsSource {
  read(): Reading[] | Promise<Reading[]>;
}
