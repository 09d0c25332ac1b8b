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

/** What is kept of each set of labels, by a key that says the set; what is beyond the bound has one in common. */
export class LabelSets<K, V> {
  readonly #setsMax: () => number;
  readonly #labelsOf: (key: K) => Labels;
  readonly #make: () => V;
  readonly #sets = new Map<K, V>();
  #overflow: V | undefined;

  constructor(setsMax: () => number, labelsOf: (key: K) => Labels, make: () => V) {
    this.#setsMax = setsMax;
    this.#labelsOf = labelsOf;
    this.#make = make;
  }

  /** The key's own, which may be kept: whoever counts at each message finds it once. */
  of(key: K): V {
    return this.#sets.get(key) ?? this.#newSet(key);
  }

  *entries(): Iterable<readonly [labels: Labels, set: V]> {
    for (const [key, set] of this.#sets) yield [this.#labelsOf(key), set];
    if (this.#overflow !== undefined) yield [OVERFLOW, this.#overflow];
  }

  #newSet(key: K): V {
    if (this.#sets.size >= this.#setsMax()) {
      this.#overflow ??= this.#make();
      return this.#overflow;
    }
    const set = this.#make();
    this.#sets.set(key, set);
    return set;
  }
}

/** Histograms over `bounds`, by key. */
export class Histograms<K> {
  readonly #sets: LabelSets<K, Histogram>;

  constructor(bounds: readonly number[], setsMax: () => number, labelsOf: (key: K) => Labels) {
    this.#sets = new LabelSets(setsMax, labelsOf, () => new Histogram(bounds));
  }

  of(key: K): Histogram {
    return this.#sets.of(key);
  }

  record(key: K, value: number, times = 1): void {
    this.#sets.of(key).record(value, times);
  }

  samples(): HistogramSample[] {
    return Array.from(this.#sets.entries(), ([labels, set]) => set.sample(labels));
  }
}

/** Sums by key. */
export class Counters<K> {
  readonly #sets: LabelSets<K, { sum: number }>;

  constructor(setsMax: () => number, labelsOf: (key: K) => Labels) {
    this.#sets = new LabelSets(setsMax, labelsOf, () => ({ sum: 0 }));
  }

  add(key: K, amount = 1): void {
    this.#sets.of(key).sum += amount;
  }

  samples(): Sample[] {
    return Array.from(this.#sets.entries(), ([labels, { sum }]) => ({ labels, value: sum }));
  }
}

/** Keys of several values, for what is counted seldom. */
export const keyOf = (labels: Labels): string => JSON.stringify(labels);
export const labelsOfKey = (key: string): Labels => JSON.parse(key) as Labels;
