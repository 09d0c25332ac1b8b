/** Permission bits of a topic or broker, and a topic's defaults. */
import type { TopicConfig } from "../../../wire/bodies/topic.ts";

/** Queues are read in the order of their numbers (message.type PRIORITY). */
export const PERM_PRIORITY = 8;
export const PERM_READ = 4;
export const PERM_WRITE = 2;
/** New topics may be made after this one. */
export const PERM_INHERIT = 1;
export const PERM_MAX = PERM_PRIORITY | PERM_READ | PERM_WRITE | PERM_INHERIT;

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
