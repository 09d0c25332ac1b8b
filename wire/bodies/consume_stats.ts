/** How far producers and consumers are. */
import { body, double, list, listOf, long, mapOf, maybe, or, pairs, text } from "../body.ts";
import { type MessageQueue, messageQueue, type QueueTable } from "./message_queue.ts";

export interface OffsetWrapper {
  /** Queue offset after the last message. */
  brokerOffset: number;
  consumerOffset: number;
  pullOffset: number;
  /** Store time of the last consumed message, ms; 0 when unknown. */
  lastTimestamp: number;
}

export const offsetWrapper = body<OffsetWrapper>("OffsetWrapper", {
  brokerOffset: or(long, 0),
  consumerOffset: or(long, 0),
  pullOffset: or(long, 0),
  lastTimestamp: or(long, 0),
});

/** Answer of GET_CONSUME_STATS. */
export interface ConsumeStats {
  offsetTable: QueueTable<OffsetWrapper>;
  /** Messages per second. */
  consumeTps: number;
}

export const consumeStats = body<ConsumeStats>("ConsumeStats", {
  offsetTable: pairs(messageQueue, offsetWrapper),
  consumeTps: or(double, 0),
});

/** Answer of GET_BROKER_CONSUME_STATS. */
export interface ConsumeStatsList {
  /** Each: group -> one per topic. */
  consumeStatsList: Map<string, ConsumeStats[]>[];
  brokerAddr?: string | undefined;
  /** Messages not consumed yet. */
  totalDiff: number;
  /** Messages pulled and not committed yet. */
  totalInflightDiff: number;
}

export const consumeStatsList = body<ConsumeStatsList>("ConsumeStatsList", {
  consumeStatsList: list(mapOf(listOf(consumeStats))),
  brokerAddr: maybe(text),
  totalDiff: or(long, 0),
  totalInflightDiff: or(long, 0),
});

export interface TopicOffset {
  minOffset: number;
  maxOffset: number;
  /** Store time of the last message, ms; 0 when there is none. */
  lastUpdateTimestamp: number;
}

export const topicOffset = body<TopicOffset>("TopicOffset", {
  minOffset: or(long, 0),
  maxOffset: or(long, 0),
  lastUpdateTimestamp: or(long, 0),
});

/** Answer of GET_TOPIC_STATS_INFO. */
export interface TopicStatsTable {
  /** Messages per second. */
  topicPutTps: number;
  offsetTable: QueueTable<TopicOffset>;
}

export const topicStatsTable = body<TopicStatsTable>("TopicStatsTable", {
  topicPutTps: or(double, 0),
  offsetTable: pairs(messageQueue, topicOffset),
});

export interface QueueTimeSpan {
  messageQueue?: MessageQueue | undefined;
  /** Store times, ms: the first message, the last, the next to consume. */
  minTimeStamp: number;
  maxTimeStamp: number;
  consumeTimeStamp: number;
  /** ms */
  delayTime: number;
}

export const queueTimeSpan = body<QueueTimeSpan>("QueueTimeSpan", {
  messageQueue: maybe(messageQueue),
  minTimeStamp: or(long, 0),
  maxTimeStamp: or(long, 0),
  consumeTimeStamp: or(long, 0),
  delayTime: or(long, 0),
});

/** Answer of QUERY_CONSUME_TIME_SPAN. */
export interface QueryConsumeTimeSpanBody {
  consumeTimeSpanSet: QueueTimeSpan[];
}

export const queryConsumeTimeSpanBody = body<QueryConsumeTimeSpanBody>("QueryConsumeTimeSpanBody", {
  consumeTimeSpanSet: list(queueTimeSpan),
});

/** What a reset by time changed (mqadmin). */
export interface RollbackStats {
  brokerName: string;
  queueId: number;
  brokerOffset: number;
  consumerOffset: number;
  timestampOffset: number;
  rollbackOffset: number;
}

export const rollbackStats = body<RollbackStats>("RollbackStats", {
  brokerName: or(text, ""),
  queueId: or(long, 0),
  brokerOffset: or(long, 0),
  consumerOffset: or(long, 0),
  timestampOffset: or(long, 0),
  rollbackOffset: or(long, 0),
});
