/**
 * What can't be read from somebody when a scrape comes, but must be counted as it happens: counters by label values, and
 * histograms. An instrument is made only where metrics are exported; who counts asks for it first (`stats.instruments?.…`).
 *
 * Label values come from clients (topics, groups), so each instrument has a bound on how many sets it keeps
 * (metricsOtelCardinalityLimit): beyond it what is new is not counted, as in OpenTelemetry's SDK it goes to one overflow set.
 */
import type { HistogramSample, Labels, Sample } from "./metrics.ts";

/** One set of labels of a histogram. A bound belongs to the class below it. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** One a bound, and one for what is above all. */
  readonly #counts: Float64Array;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  record(value: number, times = 1): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    this.#counts[at] = (this.#counts[at] as number) + times;
    this.#sum += value * times;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  sample(labels: Labels): HistogramSample {
    const counts = [...this.#counts];
    const count = counts.reduce((sum, each) => sum + each, 0);
    return { labels, boundaries: this.#bounds, counts, count, sum: this.#sum, min: this.#min, max: this.#max };
  }
}

/** What OpenTelemetry calls the set that takes what is beyond the bound. */
const OVERFLOW: Labels = { otel_metric_overflow: "true" };

/** Histograms over `bounds`, by key. */
export class Histograms<K> {
  readonly #bounds: readonly number[];
  readonly #labelsOf: (key: K) => Labels;
  readonly #setsMax: () => number;
  readonly #sets = new Map<K, Histogram>();
  #overflow: Histogram | undefined;

  constructor(bounds: readonly number[], setsMax: () => number, labelsOf: (key: K) => Labels) {
    this.#bounds = bounds;
    this.#setsMax = setsMax;
    this.#labelsOf = labelsOf;
  }

  /** The key's own, which may be kept: whoever records at each message finds it once. */
  of(key: K): Histogram {
    return this.#sets.get(key) ?? this.#newSet(key);
  }

  record(key: K, value: number, times = 1): void {
    this.of(key).record(value, times);
  }

  samples(): HistogramSample[] {
    const all = Array.from(this.#sets, ([key, set]) => set.sample(this.#labelsOf(key)));
    if (this.#overflow !== undefined) all.push(this.#overflow.sample(OVERFLOW));
    return all;
  }

  #newSet(key: K): Histogram {
    if (this.#sets.size >= this.#setsMax()) {
      this.#overflow ??= new Histogram(this.#bounds);
      return this.#overflow;
    }
    const set = new Histogram(this.#bounds);
    this.#sets.set(key, set);
    return set;
  }
}

/** Sums by key. */
export class Counters<K> {
  readonly #labelsOf: (key: K) => Labels;
  readonly #setsMax: () => number;
  readonly #sums = new Map<K, number>();
  #overflow = 0;

  constructor(setsMax: () => number, labelsOf: (key: K) => Labels) {
    this.#setsMax = setsMax;
    this.#labelsOf = labelsOf;
  }

  add(key: K, amount = 1): void {
    const sum = this.#sums.get(key);
    if (sum === undefined && this.#sums.size >= this.#setsMax()) this.#overflow += amount;
    else this.#sums.set(key, (sum ?? 0) + amount);
  }

  samples(): Sample[] {
    const all = Array.from(this.#sums, ([key, value]): Sample => ({ labels: this.#labelsOf(key), value }));
    if (this.#overflow > 0) all.push({ labels: OVERFLOW, value: this.#overflow });
    return all;
  }
}

/** Keys of several values, for what is counted seldom. */
export const keyOf = (labels: Labels): string => JSON.stringify(labels);
export const labelsOfKey = (key: string): Labels => JSON.parse(key) as Labels;
