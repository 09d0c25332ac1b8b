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
import { consumerFilterData } from "../../../wire/bodies/consumer_filter.ts";
import type { SubscriptionData } from "../../../wire/bodies/subscription.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import { type CqExtUnit, EXT_UNIT_BYTES_MIN } from "../../store/consume_queue_ext.ts";
import type { ConsumerFilter, ConsumerFilters } from "../filters/consumer_filters.ts";
import type { AdminParts } from "./admin_parts.ts";

/** Entries of one answer: mqadmin asks for 10 unless told otherwise. */
const ENTRIES_MAX = 10_000;

/** Apache's CheckStatus: the check is over, and found nothing wrong. */
const CHECK_OK = 0;

type ConsumeQueueProcessors = Pick<ProcessorMap<"broker">, "QUERY_CONSUME_QUEUE" | "CHECK_ROCKSDB_CQ_WRITE_PROGRESS">;

export function consumeQueueProcessors(parts: AdminParts): ConsumeQueueProcessors {
  const { store, consumers, filters } = parts;
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
      const filter = consumerGroup === undefined ? undefined : filters.find(topic, consumerGroup);
      const entries = await store.entries(queue, index, Math.max(0, Math.min(count, ENTRIES_MAX)));
      const queueData = entries.map(
        (entry): ConsumeQueueData => ({
          physicOffset: entry.physicalOffset,
          physicSize: entry.size,
          tagsCode: entry.tagsCode,
          eval: subscription !== undefined && takes(subscription, entry.tagsCode) && mayPass(filters, filter, entry.ext),
          ...(entry.ext === undefined ? {} : extendedOf(entry.ext)),
        }),
      );
      const answer: QueryConsumeQueueResponseBody = {
        subscriptionData: subscription,
        filterData: consumerGroup === undefined ? undefined : filterText(consumerGroup, topic, subscription, filter),
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

/** What the bits of an extended unit say of a group's expression: only that the message does not pass is certain. */
const mayPass = ({ bloom }: ConsumerFilters, filter: ConsumerFilter | undefined, ext: CqExtUnit | undefined): boolean => {
  const bits = filter?.data.bloomFilterData;
  if (ext?.filterBitMap === undefined || filter === undefined || !bloom.isValid(bits)) return true;
  return ext.msgStoreTime <= filter.data.bornTime || bloom.mayHit(bits, ext.filterBitMap);
};

/** Filter data exists for expressions only, so of a tag subscription it is what Java prints for null. */
function filterText(
  group: string,
  topic: string,
  subscription: SubscriptionData | undefined,
  filter: ConsumerFilter | undefined,
): string {
  if (subscription === undefined) return `${group}@${topic} is not online!`;
  return filter === undefined ? "null" : consumerFilterData.format({ ...filter.data }, { pretty: true });
}

/** An extended unit as Apache prints it: bytes with their signs, and bits from the last to the first. */
function extendedOf({ tagsCode, msgStoreTime, filterBitMap }: CqExtUnit): Pick<ConsumeQueueData, "extendDataJson" | "bitMap"> {
  if (filterBitMap === undefined) {
    return { extendDataJson: JSON.stringify({ msgStoreTime, size: EXT_UNIT_BYTES_MIN, tagsCode }) };
  }
  const size = EXT_UNIT_BYTES_MIN + filterBitMap.length;
  const unit = { filterBitMap: Array.from(new Int8Array(filterBitMap)), msgStoreTime, size, tagsCode };
  const bits = Array.from(filterBitMap, (byte) => byte.toString(2).padStart(8, "0"));
  return { extendDataJson: JSON.stringify(unit), bitMap: bits.reverse().join("") };
}
