import { body, double, long, or, orNew } from "../body.ts";

/** One counter over one span of time. */
export interface BrokerStatsItem {
  sum: number;
  /** Per second. */
  tps: number;
  /** Value per count: bytes per message, ms per call. */
  avgpt: number;
}

export const brokerStatsItem = body<BrokerStatsItem>("BrokerStatsItem", {
  sum: or(long, 0),
  tps: or(double, 0),
  avgpt: or(double, 0),
});

/** Answer of VIEW_BROKER_STATS_DATA: the last minute, hour and day. */
export interface BrokerStatsData {
  statsMinute: BrokerStatsItem;
  statsHour: BrokerStatsItem;
  statsDay: BrokerStatsItem;
}

const nothing = (): BrokerStatsItem => ({ sum: 0, tps: 0, avgpt: 0 });

export const brokerStatsData = body<BrokerStatsData>("BrokerStatsData", {
  statsMinute: orNew(brokerStatsItem, nothing),
  statsHour: orNew(brokerStatsItem, nothing),
  statsDay: orNew(brokerStatsItem, nothing),
});
