/** Lite topics (5.5): many short-lived topics below one parent. */
import { body, bool, FROM_CLIENTS, int, list, listOf, long, mapOf, maybe, oneOf, or, set, setOf, text } from "../body.ts";
import { type OffsetWrapper, offsetWrapper, type TopicOffset, topicOffset } from "./consume_stats.ts";

export const LITE_SUBSCRIPTION_ACTIONS = ["PARTIAL_ADD", "PARTIAL_REMOVE", "COMPLETE_ADD", "COMPLETE_REMOVE"] as const;
export type LiteSubscriptionAction = (typeof LITE_SUBSCRIPTION_ACTIONS)[number];

export const OFFSET_OPTION_TYPES = ["POLICY", "OFFSET", "TAIL_N", "TIMESTAMP"] as const;
export type OffsetOptionType = (typeof OFFSET_OPTION_TYPES)[number];

/** Where a new subscription begins. */
export interface OffsetOption {
  type?: OffsetOptionType | undefined;
  value: number;
}

export const offsetOption = body<OffsetOption>("OffsetOption", {
  type: maybe(oneOf(OFFSET_OPTION_TYPES)),
  value: or(long, 0),
});

export interface LiteSubscriptionDTO {
  action?: LiteSubscriptionAction | undefined;
  clientId: string;
  group: string;
  topic: string;
  liteTopicSet: Set<string>;
  offsetOption?: OffsetOption | undefined;
  version: number;
}

export const liteSubscriptionDTO = body<LiteSubscriptionDTO>("LiteSubscriptionDTO", {
  action: maybe(oneOf(LITE_SUBSCRIPTION_ACTIONS)),
  clientId: or(text, ""),
  group: or(text, ""),
  topic: or(text, ""),
  liteTopicSet: set(text),
  offsetOption: maybe(offsetOption),
  version: or(long, 0),
});

/** Body of LITE_SUBSCRIPTION_CTL. */
export interface LiteSubscriptionCtlRequestBody {
  subscriptionSet: LiteSubscriptionDTO[];
}

export const liteSubscriptionCtlRequestBody = body<LiteSubscriptionCtlRequestBody>(
  "LiteSubscriptionCtlRequestBody",
  {
    subscriptionSet: list(liteSubscriptionDTO),
  },
  FROM_CLIENTS,
);

export interface LiteSubscription {
  group: string;
  topic: string;
  liteTopicSet: Set<string>;
  updateTime: number;
}

export const liteSubscription = body<LiteSubscription>("LiteSubscription", {
  group: or(text, ""),
  topic: or(text, ""),
  liteTopicSet: set(text),
  updateTime: or(long, 0),
});

export interface LiteLagInfo {
  liteTopic: string;
  lagCount: number;
  /** ms; -1 when everything is consumed. */
  earliestUnconsumedTimestamp: number;
}

export const liteLagInfo = body<LiteLagInfo>("LiteLagInfo", {
  liteTopic: or(text, ""),
  lagCount: or(long, 0),
  earliestUnconsumedTimestamp: or(long, -1),
});

/** Answer of GET_BROKER_LITE_INFO: sizes of the broker's tables. */
export interface GetBrokerLiteInfoResponseBody {
  storeType?: string | undefined;
  maxLmqNum: number;
  currentLmqNum: number;
  liteSubscriptionCount: number;
  orderInfoCount: number;
  cqTableSize: number;
  offsetTableSize: number;
  eventMapSize: number;
  /** Parent topic -> time to live, minutes. */
  topicMeta?: Map<string, number> | undefined;
  groupMeta?: Map<string, Set<string>> | undefined;
}

export const getBrokerLiteInfoResponseBody = body<GetBrokerLiteInfoResponseBody>("GetBrokerLiteInfoResponseBody", {
  storeType: maybe(text),
  maxLmqNum: or(int, 0),
  currentLmqNum: or(int, 0),
  liteSubscriptionCount: or(int, 0),
  orderInfoCount: or(int, 0),
  cqTableSize: or(int, 0),
  offsetTableSize: or(int, 0),
  eventMapSize: or(int, 0),
  topicMeta: maybe(mapOf(int)),
  groupMeta: maybe(mapOf(setOf(text))),
});

/** Answer of GET_LITE_CLIENT_INFO. */
export interface GetLiteClientInfoResponseBody {
  parentTopic?: string | undefined;
  group?: string | undefined;
  clientId?: string | undefined;
  lastAccessTime: number;
  lastConsumeTime: number;
  liteTopicCount: number;
  liteTopicSet?: Set<string> | undefined;
}

export const getLiteClientInfoResponseBody = body<GetLiteClientInfoResponseBody>("GetLiteClientInfoResponseBody", {
  parentTopic: maybe(text),
  group: maybe(text),
  clientId: maybe(text),
  lastAccessTime: or(long, 0),
  lastConsumeTime: or(long, 0),
  liteTopicCount: or(int, 0),
  liteTopicSet: maybe(setOf(text)),
});

/** Answer of GET_LITE_GROUP_INFO. */
export interface GetLiteGroupInfoResponseBody {
  group?: string | undefined;
  parentTopic?: string | undefined;
  liteTopic?: string | undefined;
  earliestUnconsumedTimestamp: number;
  totalLagCount: number;
  liteTopicOffsetWrapper?: OffsetWrapper | undefined;
  lagCountTopK?: LiteLagInfo[] | undefined;
  lagTimestampTopK?: LiteLagInfo[] | undefined;
}

export const getLiteGroupInfoResponseBody = body<GetLiteGroupInfoResponseBody>("GetLiteGroupInfoResponseBody", {
  group: maybe(text),
  parentTopic: maybe(text),
  liteTopic: maybe(text),
  earliestUnconsumedTimestamp: or(long, -1),
  totalLagCount: or(long, 0),
  liteTopicOffsetWrapper: maybe(offsetWrapper),
  lagCountTopK: maybe(listOf(liteLagInfo)),
  lagTimestampTopK: maybe(listOf(liteLagInfo)),
});

export interface ClientGroup {
  clientId: string;
  group: string;
}

export const clientGroup = body<ClientGroup>("ClientGroup", { clientId: or(text, ""), group: or(text, "") });

/** Answer of GET_LITE_TOPIC_INFO. */
export interface GetLiteTopicInfoResponseBody {
  parentTopic?: string | undefined;
  liteTopic?: string | undefined;
  subscriber?: ClientGroup[] | undefined;
  topicOffset?: TopicOffset | undefined;
  /** True when this broker is the one that the lite topic belongs to. */
  shardingToBroker: boolean;
}

export const getLiteTopicInfoResponseBody = body<GetLiteTopicInfoResponseBody>("GetLiteTopicInfoResponseBody", {
  parentTopic: maybe(text),
  liteTopic: maybe(text),
  subscriber: maybe(listOf(clientGroup)),
  topicOffset: maybe(topicOffset),
  shardingToBroker: or(bool, false),
});

/** Answer of GET_PARENT_TOPIC_INFO. */
export interface GetParentTopicInfoResponseBody {
  topic?: string | undefined;
  /** Minutes. */
  ttl: number;
  groups?: Set<string> | undefined;
  lmqNum: number;
  liteTopicCount: number;
}

export const getParentTopicInfoResponseBody = body<GetParentTopicInfoResponseBody>("GetParentTopicInfoResponseBody", {
  topic: maybe(text),
  ttl: or(int, 0),
  groups: maybe(setOf(text)),
  lmqNum: or(int, 0),
  liteTopicCount: or(int, 0),
});
