/** Delayed messages that wait, by topic: the file timermetrics and the reply of GET_TIMER_METRICS. */
import { body, long, map, or, orNew } from "../body.ts";
import { type DataVersion, dataVersion, noDataVersion } from "./topic.ts";

export interface TimerMetric {
  /** Messages that wait. */
  count: number;
  /** Of the last change, ms since 1970. */
  timeStamp: number;
}

const timerMetric = body<TimerMetric>("TimerMetrics.Metric", { count: or(long, 0), timeStamp: or(long, 0) });

export interface TimerMetricsSerializeWrapper {
  /** By real topic. */
  timingCount: Map<string, TimerMetric>;
  dataVersion: DataVersion;
}

export const timerMetricsSerializeWrapper = body<TimerMetricsSerializeWrapper>("TimerMetricsSerializeWrapper", {
  timingCount: map(timerMetric),
  dataVersion: orNew(dataVersion, noDataVersion),
});
