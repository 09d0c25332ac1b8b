/** A topic's defaults. */
import type { TopicConfig } from "../../../wire/bodies/topic.ts";

/** A topic with as many queues to write as to read. */
export function newTopic(topicName: string, queues: number, perm: number): TopicConfig {
  return {
    topicName,
    readQueueNums: queues,
    writeQueueNums: queues,
    perm,
    topicFilterType: "SINGLE_TAG",
    topicSysFlag: 0,
    order: false,
    attributes: {},
  };
}
