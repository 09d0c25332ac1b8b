/** Consumer offsets: tables of them, resets, corrections. Files: consumerOffset.json, delayOffset.json. */
import { body, intMap, intMapOf, list, listOf, long, map, mapOf, maybe, or, orNew, pairs, pairsOf, text } from "../body.ts";
import { type MessageQueue, type MessageQueueForC, messageQueue, messageQueueForC, type QueueTable } from "./message_queue.ts";
import { type DataVersion, dataVersion, noDataVersion } from "./topic.ts";

/** What slaves read of the master's offsets (GET_ALL_CONSUMER_OFFSET). */
export interface ConsumerOffsetSerializeWrapper {
  /** `topic@group` -> queueId -> offset. */
  offsetTable: Map<string, Map<number, number>>;
  dataVersion?: DataVersion | undefined;
}

export const consumerOffsetSerializeWrapper = body<ConsumerOffsetSerializeWrapper>("ConsumerOffsetSerializeWrapper", {
  offsetTable: map(intMapOf(long)),
  dataVersion: maybe(dataVersion),
});

/** consumerOffset.json. Only offsetTable is needed to read it. */
export interface ConsumerOffsetFile {
  offsetTable: Map<string, Map<number, number>>;
  /** Positions last pulled from, also of groups that never commit. */
  pullOffsetTable: Map<string, Map<number, number>>;
  groupTopicMap: Map<string, string[]>;
  /** Only in lmqConsumerOffset.json: `topic@group` -> offset, of groups of light queues, which have one queue. */
  lmqOffsetTable?: Map<string, number> | undefined;
  dataVersion: DataVersion;
}

export const consumerOffsetFile = body<ConsumerOffsetFile>("ConsumerOffsetManager", {
  offsetTable: map(intMapOf(long)),
  pullOffsetTable: map(intMapOf(long)),
  groupTopicMap: map(listOf(text)),
  lmqOffsetTable: maybe(mapOf(long)),
  dataVersion: orNew(dataVersion, noDataVersion),
});

/** delayOffset.json: delay level -> next offset of queue level-1 of SCHEDULE_TOPIC_XXXX. */
export interface DelayOffsetSerializeWrapper {
  offsetTable: Map<number, number>;
  dataVersion: DataVersion;
}

export const delayOffsetSerializeWrapper = body<DelayOffsetSerializeWrapper>("DelayOffsetSerializeWrapper", {
  offsetTable: intMap(long),
  dataVersion: orNew(dataVersion, noDataVersion),
});

/** To clients: where to go on. */
export interface ResetOffsetBody {
  offsetTable: QueueTable<number>;
}

export const resetOffsetBody = body<ResetOffsetBody>("ResetOffsetBody", { offsetTable: pairs(messageQueue, long) });

export interface ResetOffsetBodyForC {
  offsetTable: MessageQueueForC[];
}

export const resetOffsetBodyForC = body<ResetOffsetBodyForC>("ResetOffsetBodyForC", { offsetTable: list(messageQueueForC) });

/** From one client (messageQueueTable), or of all clients of a group (consumerTable, by client id). */
export interface GetConsumerStatusBody {
  messageQueueTable: QueueTable<number>;
  consumerTable: Map<string, QueueTable<number>>;
}

export const getConsumerStatusBody = body<GetConsumerStatusBody>("GetConsumerStatusBody", {
  messageQueueTable: pairs(messageQueue, long),
  consumerTable: map(pairsOf(messageQueue, long)),
});

export interface QueryCorrectionOffsetBody {
  /** queueId -> offset. */
  correctionOffsets: Map<number, number>;
}

export const queryCorrectionOffsetBody = body<QueryCorrectionOffsetBody>("QueryCorrectionOffsetBody", {
  correctionOffsets: intMap(long),
});

/** Message of the topic OFFSET_MOVED_EVENT. */
export interface OffsetMovedEvent {
  consumerGroup: string;
  messageQueue?: MessageQueue | undefined;
  offsetRequest: number;
  offsetNew: number;
}

export const offsetMovedEvent = body<OffsetMovedEvent>("OffsetMovedEvent", {
  consumerGroup: or(text, ""),
  messageQueue: maybe(messageQueue),
  offsetRequest: or(long, 0),
  offsetNew: or(long, 0),
});
