/** Transactions under way, by topic. File: transactionMetrics. */
import { body, long, map, or, orNew } from "../body.ts";
import { type DataVersion, dataVersion, noDataVersion } from "./topic.ts";

export interface TransactionMetric {
  /** Half messages that were neither committed nor rolled back. */
  count: number;
  /** ms of the last change. */
  timeStamp: number;
}

export const transactionMetric = body<TransactionMetric>("TransactionMetrics.Metric", {
  count: or(long, 0),
  timeStamp: or(long, 0),
});

export interface TransactionMetricsWrapper {
  transactionCount: Map<string, TransactionMetric>;
  dataVersion: DataVersion;
}

export const transactionMetricsWrapper = body<TransactionMetricsWrapper>("TransactionMetricsSerializeWrapper", {
  transactionCount: map(transactionMetric),
  dataVersion: orNew(dataVersion, noDataVersion),
});
