/** The header of a request that makes a topic, and what is taken where nothing is said. */
import { type TopicConfig, topicConfig } from "../../../wire/bodies/topic.ts";
import type { CreateTopicRequestHeader } from "../../../wire/headers/topic.ts";
import { AUTO_CREATE_TOPIC } from "../../../wire/mix_all.ts";

/** A topic to be made or changed; what is left out is Apache's default. */
export type TopicConfigInput = Pick<TopicConfig, "topicName"> & Partial<TopicConfig>;

export const completedTopic = (config: TopicConfigInput): TopicConfig => ({
  ...topicConfig.read({ topicName: config.topicName }, ""),
  ...config,
});

export function createTopicHeader(input: TopicConfigInput): CreateTopicRequestHeader {
  const { topicName, attributes, ...rest } = completedTopic(input);
  const changes = Object.entries(attributes).map(([name, value]) => (value === "" ? name : `${name}=${value}`));
  return { topic: topicName, defaultTopic: AUTO_CREATE_TOPIC, ...rest, attributes: changes.join(","), force: false };
}
