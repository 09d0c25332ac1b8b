/** What all roles and clients agree on beside codes and bytes (`MixAll`). */

/** The brokerId of a master. */
export const MASTER_ID = 0;

/** A group's topic of messages to be consumed again: `%RETRY%` and the group's name. */
export const RETRY_PREFIX = "%RETRY%";
/** A group's topic of messages that were given up. */
export const DLQ_PREFIX = "%DLQ%";

/** The template of auto-created topics: a broker that offers it makes topics on a producer's first message. */
export const AUTO_CREATE_TOPIC = "TBW102";

/** Ends remarks about things that an operator must create. */
export const SEE_FAQ = "See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";

/** Light message queues, and groups whose offsets are kept as theirs. */
export const LMQ_PREFIX = "%LMQ%";
/** A light queue has one queue. */
export const LMQ_QUEUE_ID = 0;
export const isLmq = (name: string): boolean => beginsWith(name, LMQ_PREFIX);

/** `startsWith`, whose call most names need not cost: they fall out with their first letter. For what every message is asked. */
export const beginsWith = (text: string, prefix: string): boolean =>
  text.charCodeAt(0) === prefix.charCodeAt(0) && text.startsWith(prefix);
