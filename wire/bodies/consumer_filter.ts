/** Filter expressions of consumer groups, as the broker keeps them. File: consumerFilter.json. */
import { body, bool, int, listOf, long, map, maybe, or, orNew, text } from "../body.ts";

/** The bits of a group in the Bloom filter of its topic. */
export interface BloomFilterBits {
  bitNum: number;
  bitPos: number[];
}

export const bloomFilterBits = body<BloomFilterBits>("BloomFilterData", {
  bitNum: or(int, 0),
  bitPos: orNew(listOf(int), () => []),
});

export interface ConsumerFilterData {
  topic: string;
  consumerGroup: string;
  expression: string;
  /** SQL92. */
  expressionType: string;
  /** subVersion of the subscription. */
  clientVersion: number;
  /** ms; bitmaps of earlier messages know nothing of this group. */
  bornTime: number;
  /** When the last consumer of the group left, ms; 0 while there is one. */
  deadTime: number;
  /** Written for readers of the file; deadTime says it. */
  dead: boolean;
  bloomFilterData?: BloomFilterBits | undefined;
}

export const consumerFilterData = body<ConsumerFilterData>("ConsumerFilterData", {
  bloomFilterData: maybe(bloomFilterBits),
  bornTime: or(long, 0),
  clientVersion: or(long, 0),
  consumerGroup: or(text, ""),
  dead: or(bool, false),
  deadTime: or(long, 0),
  expression: or(text, ""),
  expressionType: or(text, ""),
  topic: or(text, ""),
});

export interface FilterDataMapByTopic {
  topic: string;
  groupFilterData: Map<string, ConsumerFilterData>;
}

export const filterDataMapByTopic = body<FilterDataMapByTopic>("FilterDataMapByTopic", {
  topic: or(text, ""),
  groupFilterData: map(consumerFilterData),
});

export interface ConsumerFilterWrapper {
  filterDataByTopic: Map<string, FilterDataMapByTopic>;
}

export const consumerFilterWrapper = body<ConsumerFilterWrapper>("ConsumerFilterManager", {
  filterDataByTopic: map(filterDataMapByTopic),
});
