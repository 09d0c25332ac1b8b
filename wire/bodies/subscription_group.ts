/** Consumer groups: their configuration and the topics forbidden to them. Files: subscriptionGroup.json. */
import {
  body,
  bool,
  int,
  list,
  listOf,
  long,
  longs,
  map,
  mapOf,
  maybe,
  oneOf,
  or,
  orNew,
  set,
  text,
  textRecord,
} from "../body.ts";
import { type DataVersion, dataVersion, noDataVersion } from "./topic.ts";

export const GROUP_RETRY_POLICY_TYPES = ["EXPONENTIAL", "CUSTOMIZED"] as const;
export type GroupRetryPolicyType = (typeof GROUP_RETRY_POLICY_TYPES)[number];

/** The n-th retry comes after `initial` · `multiplier`^n ms, at most `max`. */
export interface ExponentialRetryPolicy {
  initial: number;
  max: number;
  multiplier: number;
}

export const exponentialRetryPolicy = body<ExponentialRetryPolicy>("ExponentialRetryPolicy", {
  initial: or(long, 5000),
  max: or(long, 7_200_000),
  multiplier: or(long, 2),
});

/** Delays of the retries, ms; the last one repeats. */
export interface CustomizedRetryPolicy {
  next: number[];
}

/** 1 s, 5 s, 10 s, 30 s, 1..10 min, 20 min, 30 min, 1 h, 2 h: the delay levels. */
const DEFAULT_RETRY_DELAYS_MS = [
  1000, 5000, 10_000, 30_000, 60_000, 120_000, 180_000, 240_000, 300_000, 360_000, 420_000, 480_000, 540_000, 600_000, 1_200_000,
  1_800_000, 3_600_000, 7_200_000,
] as const;

export const customizedRetryPolicy = body<CustomizedRetryPolicy>("CustomizedRetryPolicy", {
  next: orNew(longs, () => [...DEFAULT_RETRY_DELAYS_MS]),
});

export interface GroupRetryPolicy {
  type: GroupRetryPolicyType;
  exponentialRetryPolicy?: ExponentialRetryPolicy | undefined;
  customizedRetryPolicy?: CustomizedRetryPolicy | undefined;
}

export const groupRetryPolicy = body<GroupRetryPolicy>("GroupRetryPolicy", {
  type: or(oneOf(GROUP_RETRY_POLICY_TYPES), "CUSTOMIZED"),
  exponentialRetryPolicy: maybe(exponentialRetryPolicy),
  customizedRetryPolicy: maybe(customizedRetryPolicy),
});

/** A subscription fixed by the operator. */
export interface SimpleSubscriptionData {
  topic: string;
  expressionType: string;
  expression: string;
  version: number;
}

export const simpleSubscriptionData = body<SimpleSubscriptionData>("SimpleSubscriptionData", {
  topic: or(text, ""),
  expressionType: or(text, ""),
  expression: or(text, ""),
  version: or(long, 0),
});

export interface SubscriptionGroupConfig {
  groupName: string;
  consumeEnable: boolean;
  /** Consumers may start at the smallest offset. */
  consumeFromMinEnable: boolean;
  consumeBroadcastEnable: boolean;
  /** Retries block the queue, for POP. */
  consumeMessageOrderly: boolean;
  /** Queues of `%RETRY%group`. */
  retryQueueNums: number;
  /** Deliveries after the first before a message goes to `%DLQ%group`. */
  retryMaxTimes: number;
  groupRetryPolicy: GroupRetryPolicy;
  /** Where consumers pull from; 0 the master. */
  brokerId: number;
  /** Where consumers that lag behind are sent. */
  whichBrokerWhenConsumeSlowly: number;
  notifyConsumerIdsChangedEnable: boolean;
  /** Bit: 1 unit. */
  groupSysFlag: number;
  /** After so long a client's consumption counts as failed. */
  consumeTimeoutMinute: number;
  subscriptionDataSet?: SimpleSubscriptionData[] | undefined;
  attributes: Record<string, string>;
}

export const subscriptionGroupConfig = body<SubscriptionGroupConfig>("SubscriptionGroupConfig", {
  groupName: or(text, ""),
  consumeEnable: or(bool, true),
  consumeFromMinEnable: or(bool, true),
  consumeBroadcastEnable: or(bool, true),
  consumeMessageOrderly: or(bool, false),
  retryQueueNums: or(int, 1),
  retryMaxTimes: or(int, 16),
  groupRetryPolicy: orNew(groupRetryPolicy, () => ({ type: "CUSTOMIZED" })),
  brokerId: or(long, 0),
  whichBrokerWhenConsumeSlowly: or(long, 1),
  notifyConsumerIdsChangedEnable: or(bool, true),
  groupSysFlag: or(int, 0),
  consumeTimeoutMinute: or(int, 15),
  subscriptionDataSet: maybe(listOf(simpleSubscriptionData)),
  attributes: orNew(textRecord, () => ({})),
});

/** A group with Apache's defaults. */
export const newSubscriptionGroupConfig = (groupName: string): SubscriptionGroupConfig =>
  subscriptionGroupConfig.read({ groupName }, "");

export interface SubscriptionGroupList {
  groupConfigList: SubscriptionGroupConfig[];
}

export const subscriptionGroupList = body<SubscriptionGroupList>("SubscriptionGroupList", {
  groupConfigList: list(subscriptionGroupConfig),
});

/** subscriptionGroup.json, and the answer of GET_ALL_SUBSCRIPTIONGROUP_CONFIG. */
export interface SubscriptionGroupWrapper {
  subscriptionGroupTable: Map<string, SubscriptionGroupConfig>;
  /** group -> topic -> bits; bit 0: the group may not read the topic. */
  forbiddenTable: Map<string, Map<string, number>>;
  dataVersion: DataVersion;
}

export const subscriptionGroupWrapper = body<SubscriptionGroupWrapper>("SubscriptionGroupWrapper", {
  subscriptionGroupTable: map(subscriptionGroupConfig),
  forbiddenTable: map(mapOf(int)),
  dataVersion: orNew(dataVersion, noDataVersion),
});

/** Answer of UPDATE_AND_GET_GROUP_FORBIDDEN. */
export interface GroupForbidden {
  topic: string;
  group: string;
  readable?: boolean | undefined;
}

export const groupForbidden = body<GroupForbidden>("GroupForbidden", {
  topic: or(text, ""),
  group: or(text, ""),
  readable: maybe(bool),
});

/** Names of groups. */
export interface GroupList {
  groupList: Set<string>;
}

export const groupList = body<GroupList>("GroupList", { groupList: set(text) });
