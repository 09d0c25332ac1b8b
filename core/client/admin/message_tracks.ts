/** Which groups have consumed a message. */
import type { ConsumerConnection } from "../../../wire/bodies/connection.ts";
import { MASTER_ID } from "../../../wire/mix_all.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { MQBrokerError } from "../errors.ts";
import type { MessageExt } from "../message.ts";
import type { ClusterAdmin } from "./clusters.ts";
import type { ConnectionAdmin } from "./connections.ts";
import type { ConsumeStatsAdmin } from "./consume_stats.ts";
import type { TopicAdmin } from "./topics.ts";

export type TrackType =
  | "CONSUMED"
  /** Behind the group's offset, and of a tag that the group does not want. */
  | "CONSUMED_BUT_FILTERED"
  /** The group decides itself what it pulls. */
  | "PULL"
  | "NOT_CONSUME_YET"
  | "NOT_ONLINE"
  | "CONSUME_BROADCASTING"
  | "UNKNOWN";

export interface MessageTrack {
  readonly consumerGroup: string;
  readonly trackType: TrackType;
  /** Why it is not known. */
  readonly exceptionDesc?: string;
}

interface Subjects {
  readonly clusters: ClusterAdmin;
  readonly connections: ConnectionAdmin;
  readonly consumeStats: ConsumeStatsAdmin;
  readonly topics: TopicAdmin;
}

/** Of each group that consumes the message's topic; all are asked for at once. @param signal that of the subjects */
export async function messageTrackDetail(
  subjects: Subjects,
  message: MessageExt,
  signal: AbortSignal | undefined,
): Promise<MessageTrack[]> {
  const { groupList } = await subjects.topics.queryTopicConsumeByWho(message.topic);
  const tracks = await Promise.all([...groupList].map((group) => trackOf(subjects, message, group)));
  signal?.throwIfAborted();
  return tracks;
}

async function trackOf(subjects: Subjects, message: MessageExt, consumerGroup: string): Promise<MessageTrack> {
  let connection: ConsumerConnection;
  try {
    connection = await subjects.connections.examineConsumerConnectionInfo(consumerGroup);
  } catch (fault) {
    const offline = fault instanceof MQBrokerError && fault.responseCode === ResponseCode.CONSUMER_NOT_ONLINE;
    return { consumerGroup, trackType: offline ? "NOT_ONLINE" : "UNKNOWN", exceptionDesc: descriptionOf(fault) };
  }
  if (connection.consumeType === "CONSUME_ACTIVELY") return { consumerGroup, trackType: "PULL" };
  if (connection.consumeType !== "CONSUME_PASSIVELY") return { consumerGroup, trackType: "UNKNOWN" };
  try {
    if (!(await isConsumed(subjects, message, consumerGroup))) return { consumerGroup, trackType: "NOT_CONSUME_YET" };
  } catch (fault) {
    const code = fault instanceof MQBrokerError ? fault.responseCode : undefined;
    if (code === ResponseCode.BROADCAST_CONSUMPTION) return { consumerGroup, trackType: "CONSUME_BROADCASTING" };
    const trackType = code === ResponseCode.CONSUMER_NOT_ONLINE ? "NOT_ONLINE" : "UNKNOWN";
    return { consumerGroup, trackType, exceptionDesc: descriptionOf(fault) };
  }
  const tags = connection.subscriptionTable.get(message.topic)?.tagsSet ?? new Set<string>();
  const wanted = tags.size === 0 || tags.has("*") || tags.has(message.tags ?? "");
  return { consumerGroup, trackType: wanted ? "CONSUMED" : "CONSUMED_BUT_FILTERED" };
}

/** The offset that the group committed lies behind the message, on the broker that stored it. */
async function isConsumed({ consumeStats, clusters }: Subjects, message: MessageExt, group: string): Promise<boolean> {
  const { offsetTable } = await consumeStats.examineConsumeStats(group);
  const { brokerAddrTable } = await clusters.examineBrokerClusterInfo();
  return offsetTable.some(([{ topic, queueId, brokerName }, { consumerOffset }]) => {
    if (topic !== message.topic || queueId !== message.queueId || consumerOffset <= message.queueOffset) return false;
    return brokerName === message.brokerName || brokerAddrTable.get(brokerName)?.brokerAddrs.get(MASTER_ID) === message.storeHost;
  });
}

/** As Java's tools print it. */
const descriptionOf = (fault: unknown): string =>
  fault instanceof MQBrokerError ? `CODE:${fault.responseCode} DESC:${fault.remark ?? ""}` : (fault as Error).message;
