/** Requests about offsets: what groups have consumed, and what a queue holds. */
import type { UpdateConsumerOffsetRequestHeader } from "../../../wire/headers/offset.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type MaybePromise, type ProcessorMap, RemotingError, type TypedReply } from "../../remoting/processor.ts";
import type { QueueRef } from "../../store/message_store.ts";
import { lmqNameOf } from "../lite/lite_names.ts";
import type { BrokerParts } from "../parts.ts";

type OffsetProcessors = Pick<
  ProcessorMap<"broker">,
  | "QUERY_CONSUMER_OFFSET"
  | "UPDATE_CONSUMER_OFFSET"
  | "GET_MAX_OFFSET"
  | "GET_MIN_OFFSET"
  | "SEARCH_OFFSET_BY_TIMESTAMP"
  | "GET_EARLIEST_MSG_STORETIME"
>;

/** Queue ids beyond any topic's. Keeps a client from filling the table of offsets. */
const QUEUE_ID_MAX = 65_535;

export function offsetProcessors(parts: BrokerParts): OffsetProcessors {
  const { store } = parts;
  return {
    QUERY_CONSUMER_OFFSET: (_context, { header }) => {
      const { consumerGroup, topic, queueId } = header;
      const offset = parts.offsets.query(consumerGroup, topic, queueId);
      if (offset >= 0) return { header: { offset } };
      return firstOffset(parts, { topic, queueId }, header.setZeroIfNotFound);
    },
    UPDATE_CONSUMER_OFFSET: (_context, { header }) => updateOffset(parts, header),
    GET_MAX_OFFSET: (_context, { header }) => ({ header: { offset: store.maxOffset(header) } }),
    // Apache answers 0 for a queue that never was, too.
    GET_MIN_OFFSET: (_context, { header }) => ({ header: { offset: Math.max(0, store.minOffset(header)) } }),
    SEARCH_OFFSET_BY_TIMESTAMP: async (_context, { header }) => {
      const { topic, liteTopic = "", queueId, timestamp } = header;
      const boundary = header.boundaryType?.toUpperCase() === "UPPER" ? "UPPER" : "LOWER";
      const isLite = liteTopic.trim() !== "";
      const queue = isLite ? { topic: lmqNameOf(topic, liteTopic), queueId } : header;
      // A lite topic without messages begins at 0.
      if (isLite && store.maxOffset(queue) <= 0) return { header: { offset: 0 } };
      return { header: { offset: await store.offsetByTime(queue, timestamp, boundary) } };
    },
    GET_EARLIEST_MSG_STORETIME: async (_context, { header }) => ({
      header: { timestamp: await store.earliestStoreTime(header) },
    }),
  };
}

/**
 * For a group without an offset: 0 when the queue still begins there and its first message is recent, so that a new group
 * reads a young topic from its beginning; otherwise the client decides by its consumeFromWhere.
 */
function firstOffset(
  parts: BrokerParts,
  queue: QueueRef,
  setZeroIfNotFound: boolean | undefined,
): MaybePromise<TypedReply<"QUERY_CONSUMER_OFFSET">> {
  if (setZeroIfNotFound === false) {
    return { code: ResponseCode.QUERY_NOT_FOUND, remark: "Not found, do not set to zero, maybe this group boot first" };
  }
  if (parts.store.minOffset(queue) > 0) return notFound();
  return isRecent(parts, queue).then((recent) => (recent ? { header: { offset: 0 } } : notFound()));
}

const notFound = (): TypedReply<"QUERY_CONSUMER_OFFSET"> => ({
  code: ResponseCode.QUERY_NOT_FOUND,
  remark: "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first",
});

/** Is the message at queue offset 0 within the part of the log that is taken to be in memory? False for an empty queue. */
async function isRecent({ runtime, settings, store }: BrokerParts, queue: QueueRef): Promise<boolean> {
  const [first] = await store.entries(queue, 0, 1);
  if (first === undefined || first.queueOffset !== 0) return false;
  const memoryBytes = (runtime.system.memory().totalBytes * settings.accessMessageInMemoryMaxRatio) / 100;
  return store.stats().maxPhysicalOffset - first.physicalOffset <= memoryBytes;
}

function updateOffset(parts: BrokerParts, header: UpdateConsumerOffsetRequestHeader): TypedReply<"UPDATE_CONSUMER_OFFSET"> {
  const { groups, topics, offsets, settings } = parts;
  const { consumerGroup, topic, queueId, commitOffset } = header;
  if (groups.find(consumerGroup) === undefined) {
    throw new RemotingError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${consumerGroup} not exist!`);
  }
  if (topics.find(topic) === undefined) throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `Topic ${topic} not exist!`);
  if (queueId < 0 || queueId > QUEUE_ID_MAX) {
    throw new RemotingError(
      ResponseCode.INVALID_PARAMETER,
      `QueueId ${queueId} is outside 0..${QUEUE_ID_MAX}, topic is ${topic}`,
    );
  }
  if (settings.useServerSideResetOffset && offsets.pendingReset(consumerGroup, topic, queueId) >= 0) {
    return { remark: "Offset has been previously reset" };
  }
  offsets.commit(consumerGroup, topic, queueId, commitOffset);
  return {};
}
