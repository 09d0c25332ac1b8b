/**
 * Inner batches: messages that are stored, and handed out, as one record, which consumers unwrap (sysFlag NEED_UNWRAP and
 * INNER_BATCH; INNER_NUM says how many there are, INNER_BASE, which the store adds, the queue offset of the first). Only
 * topics whose `queue.type` is BatchCQ hold them: a plain queue has one entry a message.
 */
import { decodeBatch } from "../../../wire/batch.ts";
import type { TopicConfig } from "../../../wire/bodies/topic.ts";
import { WireError } from "../../../wire/errors.ts";
import { SYS_FLAG_COMPRESSED, SYS_FLAG_INNER_BATCH, SYS_FLAG_NEED_UNWRAP } from "../../../wire/message.ts";
import { BATCH_SIZE_MAX } from "../../store/batch_consume_queue.ts";
import { illegalMessage } from "./send_status.ts";

/** What a client that asks to be told of inner batches reads from the flags of a record. */
export const INNER_BATCH_FLAGS = SYS_FLAG_NEED_UNWRAP | SYS_FLAG_INNER_BATCH;

export const isBatchTopic = (config: TopicConfig): boolean => config.attributes["queue.type"] === "BatchCQ";

/**
 * How many messages a single one that a client composed holds; undefined when it is an ordinary one.
 * @throws RemotingError MESSAGE_ILLEGAL when flag, count, body and topic do not agree.
 */
export function innerBatchSize(
  settings: { readonly maxMessageSize: number },
  config: TopicConfig,
  sysFlag: number,
  innerNum: string | undefined,
  body: Uint8Array,
): number | undefined {
  if ((sysFlag & SYS_FLAG_INNER_BATCH) === 0) {
    if (innerNum === undefined) return undefined;
    throw illegalMessage(settings, "It has the property INNER_NUM but is no inner batch (sysFlag 0x80).");
  }
  if (!isBatchTopic(config)) {
    throw illegalMessage(settings, `It is an inner batch, and queue.type of topic[${config.topicName}] is not BatchCQ.`);
  }
  const count = innerNum === undefined ? 1 : /^\d{1,5}$/.test(innerNum) ? Number(innerNum) : 0;
  checkCount(settings, count);
  // A compressed body is taken at its word.
  if ((sysFlag & SYS_FLAG_COMPRESSED) === 0 && (sysFlag & SYS_FLAG_NEED_UNWRAP) !== 0) {
    const entries = entriesIn(settings, body);
    if (entries !== count) throw illegalMessage(settings, `INNER_NUM is ${count} and the body holds ${entries} messages.`);
  }
  return count;
}

/** @throws RemotingError MESSAGE_ILLEGAL when a unit of the queue can't hold so many. */
export function checkCount(settings: { readonly maxMessageSize: number }, count: number): void {
  if (count >= 1 && count <= BATCH_SIZE_MAX) return;
  throw illegalMessage(settings, `An inner batch holds 1 to ${BATCH_SIZE_MAX} messages, not ${count}.`);
}

function entriesIn(settings: { readonly maxMessageSize: number }, body: Uint8Array): number {
  try {
    return decodeBatch(body).length;
  } catch (error) {
    if (error instanceof WireError) throw illegalMessage(settings, `The inner batch can't be read: ${error.message}.`);
    throw error;
  }
}
