/** What POP writes into its revive topic, and consumerOrderInfo.json. Keys are as short as Apache's. */
import { body, bool, int, intMapOf, listOf, long, longs, map, maybe, or, orNew, text } from "../body.ts";

/** A record with the tag `ck`: messages that were handed out, invisible until `pt + it`. */
export interface PopCheckPoint {
  /** startOffset: queue offset from which `d` counts. */
  so: number;
  /** popTime, ms. */
  pt: number;
  /** invisibleTime, ms. */
  it: number;
  /** bitMap of those acknowledged. */
  bm: number;
  /** num. */
  n: number;
  /** queueId. */
  q: number;
  /** topic, or its retry topic. */
  t: string;
  /** consumer group. */
  c: string;
  /** reviveOffset. */
  ro: number;
  /** Offsets of the messages, less `so`. Absent: `so`, `so + 1` … */
  d?: number[] | undefined;
  /** brokerName. */
  bn?: string | undefined;
  /** rePutTimes. */
  rp?: string | undefined;
  /** suspend: it was put off and has not failed; what comes of it counts no further time. Apache's writes false, too. */
  sp?: boolean | undefined;
}

export const popCheckPoint = body<PopCheckPoint>("PopCheckPoint", {
  so: or(long, 0),
  pt: or(long, 0),
  it: or(long, 0),
  bm: or(int, 0),
  n: or(int, 0),
  q: or(int, 0),
  t: or(text, ""),
  c: or(text, ""),
  ro: or(long, 0),
  d: maybe(listOf(int)),
  bn: maybe(text),
  rp: maybe(text),
  sp: maybe(bool),
});

/** A record with the tag `ack`, or with `aol` and the tag `bAck` for several. */
export interface PopAck {
  /** ackOffset. */
  ao: number;
  so: number;
  c: string;
  t: string;
  q: number;
  pt: number;
  bn?: string | undefined;
  /** ackOffsetList. */
  aol?: number[] | undefined;
}

export const popAck = body<PopAck>("AckMsg", {
  ao: or(long, 0),
  so: or(long, 0),
  c: or(text, ""),
  t: or(text, ""),
  q: or(int, 0),
  pt: or(long, 0),
  bn: maybe(text),
  aol: maybe(longs),
});

/** What an orderly group was given last of one queue. */
export interface OrderInfo {
  popTime: number;
  /** invisibleTime, ms. */
  i: number;
  /** The first offset, then the others less the first. */
  o: number[];
  /** Offset -> when it may be given again, ms. */
  ot?: Map<number, number> | undefined;
  /** Offset -> times given before. */
  oc?: Map<number, number> | undefined;
  /** When it was given, ms. */
  l: number;
  /** Bit n: message n is acknowledged. */
  cm: number;
  /** attemptId. */
  a?: string | undefined;
}

export const orderInfo = body<OrderInfo>("OrderInfo", {
  popTime: or(long, 0),
  i: or(long, 0),
  o: orNew(longs, () => []),
  ot: maybe(intMapOf(long)),
  oc: maybe(intMapOf(int)),
  l: or(long, 0),
  cm: or(long, 0),
  a: maybe(text),
});

/** consumerOrderInfo.json: `topic@group` -> queue -> what was given. */
export interface ConsumerOrderInfoWrapper {
  table: Map<string, Map<number, OrderInfo>>;
  orderInfoCount: number;
  orderedConsumptionLevel: string;
}

export const consumerOrderInfoWrapper = body<ConsumerOrderInfoWrapper>("ConsumerOrderInfoManager", {
  table: map(intMapOf(orderInfo)),
  orderInfoCount: or(long, 0),
  orderedConsumptionLevel: or(text, "QUEUE"),
});
