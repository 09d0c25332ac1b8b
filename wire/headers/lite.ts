/** Headers of lite topics (5.5). Field names are Apache's. */
import { defaulted, type HeaderCodec, header, optional, required } from "../header.ts";
import { type RpcHeader, rpcFields } from "./common.ts";

export interface GetLiteClientInfoRequestHeader {
  /** Parent topic of lite topics. */
  parentTopic?: string | undefined;
  /** Consumer group. */
  group?: string | undefined;
  /** Client id, `ip@instance`. */
  clientId?: string | undefined;
  /** Entries at most. */
  maxCount: number;
}
export const getLiteClientInfoRequestHeader: HeaderCodec<GetLiteClientInfoRequestHeader> = header<GetLiteClientInfoRequestHeader>(
  "GetLiteClientInfoRequestHeader",
  {
    parentTopic: optional.string,
    group: optional.string,
    clientId: optional.string,
    maxCount: defaulted.int(1000),
  },
);

export interface GetLiteGroupInfoRequestHeader {
  /** Consumer group. */
  group: string;
  /** One lite topic; absent: the most lagging ones. */
  liteTopic?: string | undefined;
  /** How many of the most lagging. */
  topK?: number | undefined;
}
export const getLiteGroupInfoRequestHeader: HeaderCodec<GetLiteGroupInfoRequestHeader> = header<GetLiteGroupInfoRequestHeader>(
  "GetLiteGroupInfoRequestHeader",
  {
    group: required.string,
    liteTopic: optional.string,
    topK: optional.int,
  },
);

export interface GetLiteTopicInfoRequestHeader {
  /** Parent topic of lite topics. */
  parentTopic?: string | undefined;
  /** Lite topic below `parentTopic`. */
  liteTopic?: string | undefined;
}
export const getLiteTopicInfoRequestHeader: HeaderCodec<GetLiteTopicInfoRequestHeader> = header<GetLiteTopicInfoRequestHeader>(
  "GetLiteTopicInfoRequestHeader",
  {
    parentTopic: optional.string,
    liteTopic: optional.string,
  },
);

export interface GetParentTopicInfoRequestHeader {
  /** Parent topic of lite topics. */
  topic: string;
}
export const getParentTopicInfoRequestHeader: HeaderCodec<GetParentTopicInfoRequestHeader> =
  header<GetParentTopicInfoRequestHeader>("GetParentTopicInfoRequestHeader", {
    topic: required.string,
  });

export type LiteSubscriptionCtlRequestHeader = RpcHeader;
export const liteSubscriptionCtlRequestHeader: HeaderCodec<LiteSubscriptionCtlRequestHeader> =
  header<LiteSubscriptionCtlRequestHeader>("LiteSubscriptionCtlRequestHeader", {
    ...rpcFields,
  });

export interface NotifyUnsubscribeLiteRequestHeader extends RpcHeader {
  /** Lite topic that the client is no longer subscribed to. */
  liteTopic: string;
  /** Consumer group. */
  consumerGroup: string;
  /** Client id, `ip@instance`. */
  clientId: string;
}
export const notifyUnsubscribeLiteRequestHeader: HeaderCodec<NotifyUnsubscribeLiteRequestHeader> =
  header<NotifyUnsubscribeLiteRequestHeader>("NotifyUnsubscribeLiteRequestHeader", {
    ...rpcFields,
    liteTopic: required.string,
    consumerGroup: required.string,
    clientId: required.string,
  });

export interface PopLiteMessageRequestHeader extends RpcHeader {
  /** Client id, `ip@instance`. */
  clientId: string;
  /** Consumer group. */
  consumerGroup: string;
  /** Parent topic of lite topics. */
  topic: string;
  /** Messages at most. */
  maxMsgNum: number;
  /** How long a popped message stays invisible, ms. */
  invisibleTime: number;
  /** How long the request may be held, ms. */
  pollTime: number;
  /** When the request was made, ms since 1970. */
  bornTime: number;
  /** Id of the attempt: the same id gets the same ordered messages again. */
  attemptId?: string | undefined;
}
export const popLiteMessageRequestHeader: HeaderCodec<PopLiteMessageRequestHeader> = header<PopLiteMessageRequestHeader>(
  "PopLiteMessageRequestHeader",
  {
    ...rpcFields,
    clientId: required.string,
    consumerGroup: required.string,
    topic: required.string,
    maxMsgNum: required.int,
    invisibleTime: required.long,
    pollTime: required.long,
    bornTime: required.long,
    attemptId: optional.string,
  },
);

export interface PopLiteMessageResponseHeader {
  /** When the messages were popped, ms since 1970. */
  popTime: number;
  /** How long a popped message stays invisible, ms. */
  invisibleTime: number;
  /** Revive queue that holds the check point; 999 in ordered mode. */
  reviveQid: number;
  /** `flag queueId startOffset` joined by `;`. */
  startOffsetInfo?: string | undefined;
  /** `flag queueId off1,off2` joined by `;`. */
  msgOffsetInfo?: string | undefined;
  /** `flag queueId count` joined by `;`. */
  orderCountInfo?: string | undefined;
}
export const popLiteMessageResponseHeader: HeaderCodec<PopLiteMessageResponseHeader> = header<PopLiteMessageResponseHeader>(
  "PopLiteMessageResponseHeader",
  {
    popTime: required.long,
    invisibleTime: required.long,
    reviveQid: required.int,
    startOffsetInfo: optional.string,
    msgOffsetInfo: optional.string,
    orderCountInfo: optional.string,
  },
);

export interface TriggerLiteDispatchRequestHeader {
  /** Consumer group. */
  group: string;
  /** Client id, `ip@instance`. */
  clientId?: string | undefined;
}
export const triggerLiteDispatchRequestHeader: HeaderCodec<TriggerLiteDispatchRequestHeader> =
  header<TriggerLiteDispatchRequestHeader>("TriggerLiteDispatchRequestHeader", {
    group: required.string,
    clientId: optional.string,
  });
