/**
 * QUERY_CONSUME_QUEUE: entries of a consume queue as they are, and whether a group's subscription takes them.
 * CHECK_ROCKSDB_CQ_WRITE_PROGRESS: whether the queues that Apache's broker writes twice, as files and in RocksDB, are alike.
 */
import {
  type ConsumeQueueData,
  checkRocksdbCqWriteResult,
  type QueryConsumeQueueResponseBody,
  queryConsumeQueueResponseBody,
} from "../../../wire/bodies/consume_queue.ts";
import type { SubscriptionData } from "../../../wire/bodies/subscription.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { AdminParts } from "./admin_parts.ts";

/** Entries of one answer: mqadmin asks for 10 unless told otherwise. */
const ENTRIES_MAX = 10_000;

/** Apache's CheckStatus: the check is over, and found nothing wrong. */
const CHECK_OK = 0;

type ConsumeQueueProcessors = Pick<ProcessorMap<"broker">, "QUERY_CONSUME_QUEUE" | "CHECK_ROCKSDB_CQ_WRITE_PROGRESS">;

export function consumeQueueProcessors(parts: AdminParts): ConsumeQueueProcessors {
  const { store, consumers } = parts;
  return {
    /**
     * Queues are written once here, so nothing can differ. Apache's broker comes to the same words, but puts them into its log
     * and answers that the check is in progress, always.
     */
    CHECK_ROCKSDB_CQ_WRITE_PROGRESS() {
      const checkResult = "It is not CombineConsumeQueueStore, no need check";
      return { body: checkRocksdbCqWriteResult.encode({ checkResult, checkStatus: CHECK_OK }) };
    },

    async QUERY_CONSUME_QUEUE(_context, { header }) {
      const { topic = "", queueId = 0, index = 0, count = 0, consumerGroup } = header;
      const queue = { topic, queueId };
      if (!(store.queues().get(topic) ?? []).includes(queueId)) {
        throw new RemotingError(ResponseCode.SYSTEM_ERROR, `${queueId}@${topic} is not exist!`);
      }
      const subscription = consumerGroup === undefined ? undefined : consumers.subscription(consumerGroup, topic);
      const entries = await store.entries(queue, index, Math.max(0, Math.min(count, ENTRIES_MAX)));
      const queueData = entries.map(
        (entry): ConsumeQueueData => ({
          physicOffset: entry.physicalOffset,
          physicSize: entry.size,
          tagsCode: entry.tagsCode,
          eval: subscription !== undefined && takes(subscription, entry.tagsCode),
        }),
      );
      const answer: QueryConsumeQueueResponseBody = {
        subscriptionData: subscription,
        filterData: consumerGroup === undefined ? undefined : filterText(consumerGroup, topic, subscription),
        queueData,
        maxQueueIndex: store.maxOffset(queue),
        minQueueIndex: store.minOffset(queue),
      };
      const remark = queueData.length > 0 ? undefined : `Index ${index} of ${queueId}@${topic} is not exist!`;
      return { remark, body: queryConsumeQueueResponseBody.encode(answer) };
    },
  };
}

const takes = (subscription: SubscriptionData, tagsCode: number): boolean =>
  subscription.expressionType !== "TAG" || subscription.subString === "*" || subscription.codeSet.has(tagsCode);

/** Filter data exists for expressions only, so of a tag subscription it is what Java prints for null. */
const filterText = (group: string, topic: string, subscription: SubscriptionData | undefined): string =>
  subscription === undefined ? `${group}@${topic} is not online!` : "null";
