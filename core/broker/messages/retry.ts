/** Names of retry and dead letter topics, and the counts that decide between them. */

import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { V3_4_9 } from "../../../wire/version.ts";

/** Queues of every `%DLQ%` topic. */
export const DLQ_QUEUES = 1;
/** Read and write. */
export const RETRY_PERM = 6;

const POP_SEPARATOR_V2 = "+";

/** The group behind a `%RETRY%` topic; of `%RETRY%<group>+<topic>` (POP, V2) too. */
export function groupOfRetryTopic(topic: string): string {
  const rest = topic.slice(RETRY_PREFIX.length);
  const separator = rest.indexOf(POP_SEPARATOR_V2);
  return separator < 0 ? rest : rest.slice(0, separator);
}

/**
 * Deliveries after which a message is dead.
 * @param version of the client: from 3.4.9 on its own count is taken.
 */
export function maxReconsumeTimes(version: number, ofHeader: number | undefined, ofGroup: number): number {
  return version >= V3_4_9 && ofHeader !== undefined ? ofHeader : ofGroup;
}
