/** What a client tells every broker it talks to, every 30 s: its groups and what they subscribe to. */
import { body, bool, FROM_CLIENTS, int, list, named, oneOf, or, text } from "../body.ts";
import { type SubscriptionData, subscriptionData } from "./subscription.ts";

// The order is Java's: some clients (C++) send the ordinal.

/** Pull, push, POP. */
export const CONSUME_TYPES = ["CONSUME_ACTIVELY", "CONSUME_PASSIVELY", "CONSUME_POP"] as const;
export type ConsumeType = (typeof CONSUME_TYPES)[number];

export const MESSAGE_MODELS = ["BROADCASTING", "CLUSTERING", "LITE_SELECTIVE"] as const;
export type MessageModel = (typeof MESSAGE_MODELS)[number];

export const CONSUME_FROM_WHERES = [
  "CONSUME_FROM_LAST_OFFSET",
  "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
  "CONSUME_FROM_MIN_OFFSET",
  "CONSUME_FROM_MAX_OFFSET",
  "CONSUME_FROM_FIRST_OFFSET",
  "CONSUME_FROM_TIMESTAMP",
] as const;
export type ConsumeFromWhere = (typeof CONSUME_FROM_WHERES)[number];

export interface ProducerData {
  groupName: string;
}

export const producerData = body<ProducerData>("ProducerData", { groupName: or(text, "") });

export interface ConsumerData {
  groupName: string;
  consumeType: ConsumeType;
  messageModel: MessageModel;
  consumeFromWhere: ConsumeFromWhere;
  subscriptionDataSet: SubscriptionData[];
  unitMode: boolean;
}

/** Absent enums read as those of a push consumer: Apache keeps null, which then means nothing. */
export const consumerData = body<ConsumerData>("ConsumerData", {
  groupName: or(text, ""),
  consumeType: or(oneOf(CONSUME_TYPES), "CONSUME_PASSIVELY"),
  messageModel: or(oneOf(MESSAGE_MODELS), "CLUSTERING"),
  consumeFromWhere: or(oneOf(CONSUME_FROM_WHERES), "CONSUME_FROM_LAST_OFFSET"),
  subscriptionDataSet: list(subscriptionData),
  unitMode: or(bool, false),
});

export interface HeartbeatData {
  clientID: string;
  producerDataSet: ProducerData[];
  consumerDataSet: ConsumerData[];
  /** Hash of all the rest, for heartbeats v2; 0 in v1. */
  heartbeatFingerprint: number;
  /** v2: nothing changed since the heartbeat with this fingerprint, so subscriptions are left out. */
  isWithoutSub: boolean;
}

export const heartbeatData = body<HeartbeatData>(
  "HeartbeatData",
  {
    clientID: or(text, ""),
    producerDataSet: list(producerData),
    consumerDataSet: list(consumerData),
    heartbeatFingerprint: or(int, 0),
    isWithoutSub: named("withoutSub", or(bool, false)),
  },
  FROM_CLIENTS,
);
