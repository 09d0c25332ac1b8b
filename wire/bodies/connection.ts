/** Who is connected. */
import { body, int, list, listOf, long, map, maybe, oneOf, or, set, text } from "../body.ts";
import { LANGUAGES, type Language } from "../remoting_command.ts";
import {
  CONSUME_FROM_WHERES,
  CONSUME_TYPES,
  type ConsumeFromWhere,
  type ConsumeType,
  MESSAGE_MODELS,
  type MessageModel,
} from "./heartbeat.ts";
import { type SubscriptionData, subscriptionData } from "./subscription.ts";

export interface Connection {
  clientId: string;
  /** `host:port`, as the broker sees it. */
  clientAddr: string;
  language: Language;
  /** Version ordinal (`../version.ts`). */
  version: number;
}

export const connection = body<Connection>("Connection", {
  clientId: or(text, ""),
  clientAddr: or(text, ""),
  language: or(oneOf(LANGUAGES), "OTHER"),
  version: or(int, 0),
});

/** Answer of GET_CONSUMER_CONNECTION_LIST. */
export interface ConsumerConnection {
  connectionSet: Connection[];
  /** By topic. */
  subscriptionTable: Map<string, SubscriptionData>;
  consumeType?: ConsumeType | undefined;
  messageModel?: MessageModel | undefined;
  consumeFromWhere?: ConsumeFromWhere | undefined;
}

export const consumerConnection = body<ConsumerConnection>("ConsumerConnection", {
  connectionSet: list(connection),
  subscriptionTable: map(subscriptionData),
  consumeType: maybe(oneOf(CONSUME_TYPES)),
  messageModel: maybe(oneOf(MESSAGE_MODELS)),
  consumeFromWhere: maybe(oneOf(CONSUME_FROM_WHERES)),
});

/** Answer of GET_PRODUCER_CONNECTION_LIST. */
export interface ProducerConnection {
  connectionSet: Connection[];
}

export const producerConnection = body<ProducerConnection>("ProducerConnection", { connectionSet: list(connection) });

export interface ProducerInfo {
  clientId: string;
  remoteIP: string;
  language: Language;
  version: number;
  /** Last heartbeat, ms. */
  lastUpdateTimestamp: number;
}

export const producerInfo = body<ProducerInfo>("ProducerInfo", {
  clientId: or(text, ""),
  remoteIP: or(text, ""),
  language: or(oneOf(LANGUAGES), "OTHER"),
  version: or(int, 0),
  lastUpdateTimestamp: or(long, 0),
});

/** Answer of GET_ALL_PRODUCER_INFO, by group. */
export interface ProducerTableInfo {
  data: Map<string, ProducerInfo[]>;
}

export const producerTableInfo = body<ProducerTableInfo>("ProducerTableInfo", { data: map(listOf(producerInfo)) });

/** Which groups consumed a message (mqadmin). */
export interface ConsumeByWho {
  consumedGroup: Set<string>;
  notConsumedGroup: Set<string>;
  topic?: string | undefined;
  queueId: number;
  offset: number;
}

export const consumeByWho = body<ConsumeByWho>("ConsumeByWho", {
  consumedGroup: set(text),
  notConsumedGroup: set(text),
  topic: maybe(text),
  queueId: or(int, 0),
  offset: or(long, 0),
});
