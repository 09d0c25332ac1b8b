/** Who is asked when the broker's metrics are scraped. */
import type { Admission } from "../../remoting/admission.ts";
import type { TimerMessages } from "../messages/timer.ts";
import type { BrokerParts } from "../parts.ts";
import type { CheckPoints } from "../pop/check_points.ts";
import type { BrokerStats } from "../stats.ts";
import type { TransactionMetrics } from "../transactions/transaction_metrics.ts";

export interface MetricsParts extends BrokerParts {
  readonly stats: BrokerStats;
  /** Requests under way, by lane. */
  readonly admission: () => Admission;
  readonly timer: TimerMessages;
  readonly checkPoints: CheckPoints;
  readonly transactions: TransactionMetrics;
}
