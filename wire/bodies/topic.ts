/** Topics: their configuration, the version of a table of them, and lists of names. Files: topics.json. */
import { body, bool, int, list, long, map, maybe, oneOf, or, orNew, set, text, textRecord } from "../body.ts";

export const TOPIC_FILTER_TYPES = ["SINGLE_TAG", "MULTI_TAG"] as const;
export type TopicFilterType = (typeof TOPIC_FILTER_TYPES)[number];

export interface TopicConfig {
  topicName: string;
  /** Queues that consumers see. */
  readQueueNums: number;
  /** Queues that producers see. */
  writeQueueNums: number;
  /** Bits: 8 priority, 4 read, 2 write, 1 inherit. */
  perm: number;
  topicFilterType: TopicFilterType;
  /** Bits: 1 unit, 2 unit subscription. */
  topicSysFlag: number;
  /** True when consumers rely on the order within queues: a broker without write permission then refuses sends. */
  order: boolean;
  /** `message.type`, `queue.type` … A table has bare names, a change `+name` or `-name`. */
  attributes: Record<string, string>;
}

export const topicConfigFields = {
  topicName: or(text, ""),
  readQueueNums: or(int, 16),
  writeQueueNums: or(int, 16),
  perm: or(int, 6),
  topicFilterType: or(oneOf(TOPIC_FILTER_TYPES), "SINGLE_TAG"),
  topicSysFlag: or(int, 0),
  order: or(bool, false),
  attributes: orNew(textRecord, () => ({})),
} as const;

export const topicConfig = body<TopicConfig>("TopicConfig", topicConfigFields);

/** How new a table is. Two are the same when all three agree. */
export interface DataVersion {
  /** Of the controller's epoch; 0 without one. */
  stateVersion: number;
  /** Time of the last change, ms. */
  timestamp: number;
  /** Changes so far. */
  counter: number;
}

export const dataVersion = body<DataVersion>("DataVersion", {
  stateVersion: or(long, 0),
  timestamp: or(long, 0),
  counter: or(long, 0),
});

/** What an absent DataVersion reads as; Apache takes the time of reading, which a codec has not. */
export const noDataVersion = (): DataVersion => ({ stateVersion: 0, timestamp: 0, counter: 0 });

/** topics.json, and a part of larger bodies. */
export interface TopicConfigSerializeWrapper {
  topicConfigTable: Map<string, TopicConfig>;
  dataVersion: DataVersion;
}

export const topicConfigSerializeWrapper = body<TopicConfigSerializeWrapper>("TopicConfigSerializeWrapper", {
  topicConfigTable: map(topicConfig),
  dataVersion: orNew(dataVersion, noDataVersion),
});

export interface CreateTopicListRequestBody {
  topicConfigList: TopicConfig[];
}

export const createTopicListRequestBody = body<CreateTopicListRequestBody>("CreateTopicListRequestBody", {
  topicConfigList: list(topicConfig),
});

export interface TopicList {
  topicList: Set<string>;
  /** Any broker of the cluster; only in the list of system topics. */
  brokerAddr?: string | undefined;
}

export const topicList = body<TopicList>("TopicList", { topicList: set(text), brokerAddr: maybe(text) });
