/** Static topics: logic queues that stay numbered while they move between brokers. Files: topicQueueMapping.json. */
import { body, bool, int, intMap, listOf, long, map, maybe, or, orNew, set, text } from "../body.ts";
import { type DataVersion, dataVersion, noDataVersion, type TopicConfig, topicConfigFields } from "./topic.ts";

/** Which logic queues of a topic a broker leads. */
export interface TopicQueueMappingInfo {
  topic: string;
  /** `__global__`, or the name of a cluster. */
  scope: string;
  /** Logic queues of the topic, over all brokers. */
  totalQueues: number;
  /** The broker. */
  bname: string;
  /** Version of the mapping, ms. */
  epoch: number;
  /** True while a change is not persisted yet. */
  dirty: boolean;
  /** logic queue -> physical queue on this broker. */
  currIdMap: Map<number, number>;
}

const mappingInfoFields = {
  topic: or(text, ""),
  scope: or(text, "__global__"),
  totalQueues: or(int, 0),
  bname: or(text, ""),
  epoch: or(long, 0),
  dirty: or(bool, false),
  currIdMap: intMap(int),
} as const;

export const topicQueueMappingInfo = body<TopicQueueMappingInfo>("TopicQueueMappingInfo", mappingInfoFields);

/** A stretch of a logic queue that lies in one physical queue. */
export interface LogicQueueMappingItem {
  /** Counts the moves, from 0. */
  gen: number;
  /** Physical queue. */
  queueId: number;
  bname: string;
  /** Logic offset of `startOffset`; -1 while undecided. */
  logicOffset: number;
  /** Physical offsets; the end is exclusive, -1 while the stretch grows. */
  startOffset: number;
  endOffset: number;
  /** ms, -1 when unknown. */
  timeOfStart: number;
  timeOfEnd: number;
}

export const logicQueueMappingItem = body<LogicQueueMappingItem>("LogicQueueMappingItem", {
  gen: or(int, 0),
  queueId: or(int, 0),
  bname: or(text, ""),
  logicOffset: or(long, 0),
  startOffset: or(long, 0),
  endOffset: or(long, -1),
  timeOfStart: or(long, -1),
  timeOfEnd: or(long, -1),
});

export interface TopicQueueMappingDetail extends TopicQueueMappingInfo {
  /** logic queue -> its stretches, the oldest first. */
  hostedQueues: Map<number, LogicQueueMappingItem[]>;
}

export const topicQueueMappingDetail = body<TopicQueueMappingDetail>("TopicQueueMappingDetail", {
  ...mappingInfoFields,
  hostedQueues: intMap(listOf(logicQueueMappingItem)),
});

/** Answer of GET_TOPIC_CONFIG. */
export interface TopicConfigAndQueueMapping extends TopicConfig {
  /** Only for static topics. */
  mappingDetail?: TopicQueueMappingDetail | undefined;
}

export const topicConfigAndQueueMapping = body<TopicConfigAndQueueMapping>("TopicConfigAndQueueMapping", {
  ...topicConfigFields,
  mappingDetail: maybe(topicQueueMappingDetail),
});

/** topicQueueMapping.json. */
export interface TopicQueueMappingSerializeWrapper {
  topicQueueMappingInfoMap: Map<string, TopicQueueMappingDetail>;
  dataVersion: DataVersion;
}

export const topicQueueMappingSerializeWrapper = body<TopicQueueMappingSerializeWrapper>("TopicQueueMappingSerializeWrapper", {
  topicQueueMappingInfoMap: map(topicQueueMappingDetail),
  dataVersion: orNew(dataVersion, noDataVersion),
});

/** A plan of mqadmin to create or move a static topic. */
export interface TopicRemappingDetailWrapper {
  topic: string;
  type: string;
  epoch: number;
  brokerConfigMap: Map<string, TopicConfigAndQueueMapping>;
  brokerToMapIn: Set<string>;
  brokerToMapOut: Set<string>;
}

export const topicRemappingDetailWrapper = body<TopicRemappingDetailWrapper>("TopicRemappingDetailWrapper", {
  topic: or(text, ""),
  type: or(text, ""),
  epoch: or(long, 0),
  brokerConfigMap: map(topicConfigAndQueueMapping),
  brokerToMapIn: set(text),
  brokerToMapOut: set(text),
});
