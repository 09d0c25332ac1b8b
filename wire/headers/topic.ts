/** Headers of topics: configuration and statistics. Field names are Apache's. */
import { defaulted, type HeaderCodec, header, optional, required } from "../header.ts";
import { type RpcHeader, rpcFields, type TopicHeader, topicFields } from "./common.ts";

export type CreateTopicListRequestHeader = RpcHeader;
export const createTopicListRequestHeader: HeaderCodec<CreateTopicListRequestHeader> = header<CreateTopicListRequestHeader>(
  "CreateTopicListRequestHeader",
  {
    ...rpcFields,
  },
);

export interface CreateTopicRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
  /** Template topic for auto-creation, TBW102. */
  defaultTopic: string;
  /** Queues that consumers see. */
  readQueueNums: number;
  /** Queues that producers see. */
  writeQueueNums: number;
  /** Bits: 4 read, 2 write, 1 inherit, 8 priority. */
  perm: number;
  /** SINGLE_TAG or MULTI_TAG. */
  topicFilterType: string;
  /** Topic bits: 1 unit, 2 unit subscription. */
  topicSysFlag?: number | undefined;
  /** Consumers rely on the order within queues (`TopicConfig.order`). */
  order: boolean;
  /** Changes to the attributes: `+key=value,-key`. */
  attributes?: string | undefined;
  /** Replaces a static topic without the usual checks. */
  force: boolean;
}
export const createTopicRequestHeader: HeaderCodec<CreateTopicRequestHeader> = header<CreateTopicRequestHeader>(
  "CreateTopicRequestHeader",
  {
    ...topicFields,
    topic: required.string,
    defaultTopic: required.string,
    readQueueNums: required.int,
    writeQueueNums: required.int,
    perm: required.int,
    topicFilterType: required.string,
    topicSysFlag: optional.int,
    order: required.boolean,
    attributes: optional.string,
    force: defaulted.boolean(false),
  },
);

export interface DeleteTopicRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
}
export const deleteTopicRequestHeader: HeaderCodec<DeleteTopicRequestHeader> = header<DeleteTopicRequestHeader>(
  "DeleteTopicRequestHeader",
  {
    ...topicFields,
    topic: required.string,
  },
);

export interface GetAllTopicConfigRequestHeader {
  /** First topic of the page. */
  topicSeq?: number | undefined;
  /** JSON of the DataVersion the caller has. */
  dataVersion?: string | undefined;
  /** Page size. */
  maxTopicNum?: number | undefined;
}
export const getAllTopicConfigRequestHeader: HeaderCodec<GetAllTopicConfigRequestHeader> = header<GetAllTopicConfigRequestHeader>(
  "GetAllTopicConfigRequestHeader",
  {
    topicSeq: optional.int,
    dataVersion: optional.string,
    maxTopicNum: optional.int,
  },
);

export interface GetAllTopicConfigResponseHeader {
  /** Topics in all. */
  totalTopicNum?: number | undefined;
}
export const getAllTopicConfigResponseHeader: HeaderCodec<GetAllTopicConfigResponseHeader> =
  header<GetAllTopicConfigResponseHeader>("GetAllTopicConfigResponseHeader", {
    totalTopicNum: optional.int,
  });

export interface GetTopicConfigRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
}
export const getTopicConfigRequestHeader: HeaderCodec<GetTopicConfigRequestHeader> = header<GetTopicConfigRequestHeader>(
  "GetTopicConfigRequestHeader",
  {
    ...topicFields,
    topic: required.string,
  },
);

export interface GetTopicStatsInfoRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
}
export const getTopicStatsInfoRequestHeader: HeaderCodec<GetTopicStatsInfoRequestHeader> = header<GetTopicStatsInfoRequestHeader>(
  "GetTopicStatsInfoRequestHeader",
  {
    ...topicFields,
    topic: required.string,
  },
);

export interface QueryTopicConsumeByWhoRequestHeader extends TopicHeader {
  /** Topic name. */
  topic: string;
}
export const queryTopicConsumeByWhoRequestHeader: HeaderCodec<QueryTopicConsumeByWhoRequestHeader> =
  header<QueryTopicConsumeByWhoRequestHeader>("QueryTopicConsumeByWhoRequestHeader", {
    ...topicFields,
    topic: required.string,
  });

export interface QueryTopicsByConsumerRequestHeader extends RpcHeader {
  /** Consumer group. */
  group: string;
}
export const queryTopicsByConsumerRequestHeader: HeaderCodec<QueryTopicsByConsumerRequestHeader> =
  header<QueryTopicsByConsumerRequestHeader>("QueryTopicsByConsumerRequestHeader", {
    ...rpcFields,
    group: required.string,
  });

export interface RegisterOrderTopicRequestHeader {
  /** Topic name. */
  topic: string;
  /** `brokerName:queues;…`. */
  orderTopicString: string;
}
export const registerOrderTopicRequestHeader: HeaderCodec<RegisterOrderTopicRequestHeader> =
  header<RegisterOrderTopicRequestHeader>("RegisterOrderTopicRequestHeader", {
    topic: required.string,
    orderTopicString: required.string,
  });
