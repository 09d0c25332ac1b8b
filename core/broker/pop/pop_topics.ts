/** Names of POP's topics, and which of them a topic is. */

import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { POP_ORDER_REVIVE_QUEUE, TOPIC_ITSELF, TOPIC_RETRY_V1, TOPIC_RETRY_V2, type TopicFlag } from "../../../wire/pop_info.ts";

/**
 * The group whose offsets say how far the revive topic is done. As Apache keeps them they are not, as everywhere else, of the
 * record to be read next, but of the last that is done: a broker that took the one for the other would pass over a check point,
 * or give back what was acknowledged.
 */
export const REVIVE_GROUP = "CID_RMQ_SYS_REVIVE_GROUP";

export const reviveTopicOf = (cluster: string): string => `rmq_sys_REVIVE_LOG_${cluster}`;

/** The first record that is not done, by the group's offset; that is -1 when it has none. */
export const firstUndone = (offset: number): number => offset + 1;

export { popRetryTopic, popRetryTopicV1, popRetryTopicV2, topicOf } from "../../../wire/pop_info.ts";

/** The flag of a topic that is `topic` itself or one of its retry topics. */
export function flagOf(topic: string, group: string): TopicFlag {
  if (!topic.startsWith(RETRY_PREFIX)) return TOPIC_ITSELF;
  return topic.startsWith(`${RETRY_PREFIX}${group}+`) ? TOPIC_RETRY_V2 : TOPIC_RETRY_V1;
}

export const isOrderRevive = (reviveQid: number): boolean => reviveQid === POP_ORDER_REVIVE_QUEUE;
