/** Headers of consumer groups: configuration, subscriptions, statistics. Field names are Apache's. */
import { defaulted, type HeaderCodec, header, optional, required } from "../header.ts";
import { type RpcHeader, rpcFields, type TopicHeader, topicFields } from "./common.ts";

export interface DeleteSubscriptionGroupRequestHeader extends RpcHeader {
  /** Consumer group. */
  groupName: string;
  /** Also drops the group's offsets. */
  cleanOffset: boolean;
}
export const deleteSubscriptionGroupRequestHeader: HeaderCodec<DeleteSubscriptionGroupRequestHeader> =
  header<DeleteSubscriptionGroupRequestHeader>("DeleteSubscriptionGroupRequestHeader", {
    ...rpcFields,
    groupName: required.string,
    cleanOffset: defaulted.boolean(false),
  });

export interface GetAllSubscriptionGroupRequestHeader {
  /** First group of the page. */
  groupSeq?: number | undefined;
  /** JSON of the DataVersion the caller has. */
  dataVersion?: string | undefined;
  /** Page size. */
  maxGroupNum?: number | undefined;
}
export const getAllSubscriptionGroupRequestHeader: HeaderCodec<GetAllSubscriptionGroupRequestHeader> =
  header<GetAllSubscriptionGroupRequestHeader>("GetAllSubscriptionGroupRequestHeader", {
    groupSeq: optional.int,
    dataVersion: optional.string,
    maxGroupNum: optional.int,
  });

export interface GetAllSubscriptionGroupResponseHeader {
  /** Groups in all. */
  totalGroupNum: number;
}
export const getAllSubscriptionGroupResponseHeader: HeaderCodec<GetAllSubscriptionGroupResponseHeader> =
  header<GetAllSubscriptionGroupResponseHeader>("GetAllSubscriptionGroupResponseHeader", {
    totalGroupNum: required.int,
  });

export interface GetConsumeStatsInBrokerHeader {
  /** True: only ordered topics. */
  isOrder: boolean;
}
export const getConsumeStatsInBrokerHeader: HeaderCodec<GetConsumeStatsInBrokerHeader> = header<GetConsumeStatsInBrokerHeader>(
  "GetConsumeStatsInBrokerHeader",
  {
    isOrder: required.boolean,
  },
);

export interface GetConsumeStatsRequestHeader extends TopicHeader {
  /** Consumer group. */
  consumerGroup: string;
  /** Only this topic; absent or empty: all topics of the group. */
  topic?: string | undefined;
  /** Topics separated by `;`. */
  topicList?: string | undefined;
}
export const getConsumeStatsRequestHeader: HeaderCodec<GetConsumeStatsRequestHeader> = header<GetConsumeStatsRequestHeader>(
  "GetConsumeStatsRequestHeader",
  {
    ...topicFields,
    consumerGroup: required.string,
    topic: optional.string,
    topicList: optional.string,
  },
);

export interface GetSubscriptionGroupConfigRequestHeader extends RpcHeader {
  /** Consumer group. */
  group: string;
}
export const getSubscriptionGroupConfigRequestHeader: HeaderCodec<GetSubscriptionGroupConfigRequestHeader> =
  header<GetSubscriptionGroupConfigRequestHeader>("GetSubscriptionGroupConfigRequestHeader", {
    ...rpcFields,
    group: required.string,
  });

export interface QueryConsumeTimeSpanRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
  /** Consumer group. */
  group: string;
}
export const queryConsumeTimeSpanRequestHeader: HeaderCodec<QueryConsumeTimeSpanRequestHeader> =
  header<QueryConsumeTimeSpanRequestHeader>("QueryConsumeTimeSpanRequestHeader", {
    ...topicFields,
    topic: required.string,
    group: required.string,
  });

export interface QuerySubscriptionByConsumerRequestHeader extends TopicHeader {
  /** Consumer group. */
  group: string;
  /** Topic of the subscription. */
  topic?: string | undefined;
}
export const querySubscriptionByConsumerRequestHeader: HeaderCodec<QuerySubscriptionByConsumerRequestHeader> =
  header<QuerySubscriptionByConsumerRequestHeader>("QuerySubscriptionByConsumerRequestHeader", {
    ...topicFields,
    group: required.string,
    topic: optional.string,
  });

export interface UpdateGroupForbiddenRequestHeader extends TopicHeader {
  /** Consumer group. */
  group: string;
  /** Topic name. */
  topic: string;
  /** Whether the group may read the topic; absent asks only. */
  readable?: boolean | undefined;
}
export const updateGroupForbiddenRequestHeader: HeaderCodec<UpdateGroupForbiddenRequestHeader> =
  header<UpdateGroupForbiddenRequestHeader>("UpdateGroupForbiddenRequestHeader", {
    ...topicFields,
    group: required.string,
    topic: required.string,
    readable: optional.boolean,
  });
