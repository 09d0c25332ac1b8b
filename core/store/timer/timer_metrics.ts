/**
 * TimerMetrics (file `config/timermetrics`): messages that wait, by real topic; the body of GET_TIMER_METRICS. A cancelling
 * message counts -1 until its time comes.
 */
import { type TimerMetric, timerMetricsSerializeWrapper } from "../../../wire/bodies/timer.ts";
import type { DataVersion } from "../../../wire/bodies/topic.ts";
import type { Clock } from "../../runtime.ts";

export class TimerMetrics {
  readonly #clock: Clock;
  readonly #timingCount = new Map<string, TimerMetric>();
  #dataVersion: { -readonly [K in keyof DataVersion]: DataVersion[K] };
  #changed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#dataVersion = { stateVersion: 0, timestamp: clock.now(), counter: 0 };
  }

  /** Something changed since it was last written down. */
  get changed(): boolean {
    return this.#changed;
  }

  add(realTopic: string, count: number): void {
    const now = this.#clock.now();
    const metric = this.#timingCount.get(realTopic);
    if (metric === undefined) this.#timingCount.set(realTopic, { count, timeStamp: now });
    else {
      metric.count += count;
      metric.timeStamp = now;
    }
    this.#dataVersion.counter++;
    this.#dataVersion.timestamp = now;
    this.#changed = true;
  }

  /** By real topic. */
  get counts(): ReadonlyMap<string, Readonly<TimerMetric>> {
    return this.#timingCount;
  }

  /** Messages that wait for `realTopic`. */
  count(realTopic: string): number {
    return this.#timingCount.get(realTopic)?.count ?? 0;
  }

  /** Forgets topics that are no more; the broker's own stay. */
  clean(exists: (topic: string) => boolean): void {
    for (const topic of this.#timingCount.keys()) {
      if (topic.startsWith("rmq_sys_") || topic.startsWith("%LMQ%") || exists(topic)) continue;
      this.#timingCount.delete(topic);
      this.#changed = true;
    }
  }

  /** @throws WireError when the text is no such file. */
  decode(text: string): void {
    const { dataVersion, timingCount } = timerMetricsSerializeWrapper.parse(text);
    this.#dataVersion = { ...dataVersion };
    this.#timingCount.clear();
    for (const [topic, metric] of timingCount) this.#timingCount.set(topic, { ...metric });
  }

  /** Content of the file and of the reply; everything changed so far counts as written down. */
  encode(): Uint8Array {
    return timerMetricsSerializeWrapper.encode({ dataVersion: this.#dataVersion, timingCount: this.#timingCount });
  }

  saved(): void {
    this.#changed = false;
  }

  notSaved(): void {
    this.#changed = true;
  }
}
