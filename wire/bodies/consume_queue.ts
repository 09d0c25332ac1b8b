/** Entries of a consume queue, as QUERY_CONSUME_QUEUE shows them. */
import { body, bool, int, list, long, maybe, or, text } from "../body.ts";
import { type SubscriptionData, subscriptionData } from "./subscription.ts";

export interface ConsumeQueueData {
  physicOffset: number;
  physicSize: number;
  /** Hash of the tag; ms of delivery in SCHEDULE_TOPIC_XXXX. */
  tagsCode: number;
  /** The extension entry of SQL92 filters, and its bit map. */
  extendDataJson?: string | undefined;
  bitMap?: string | undefined;
  /** True when the subscription takes the entry. */
  eval: boolean;
  /** Why `eval` could not be found out. */
  msg?: string | undefined;
}

export const consumeQueueData = body<ConsumeQueueData>("ConsumeQueueData", {
  physicOffset: or(long, 0),
  physicSize: or(int, 0),
  tagsCode: or(long, 0),
  extendDataJson: maybe(text),
  bitMap: maybe(text),
  eval: or(bool, false),
  msg: maybe(text),
});

export interface QueryConsumeQueueResponseBody {
  /** Of the group asked for. */
  subscriptionData?: SubscriptionData | undefined;
  filterData?: string | undefined;
  queueData: ConsumeQueueData[];
  maxQueueIndex: number;
  minQueueIndex: number;
}

export const queryConsumeQueueResponseBody = body<QueryConsumeQueueResponseBody>("QueryConsumeQueueResponseBody", {
  subscriptionData: maybe(subscriptionData),
  filterData: maybe(text),
  queueData: list(consumeQueueData),
  maxQueueIndex: or(long, 0),
  minQueueIndex: or(long, 0),
});

/** Answer of CHECK_ROCKSDB_CQ_WRITE_PROGRESS. */
export interface CheckRocksdbCqWriteResult {
  checkResult: string;
  /** 0 ok, 1 not ok, 2 in progress, 3 error. */
  checkStatus: number;
}

export const checkRocksdbCqWriteResult = body<CheckRocksdbCqWriteResult>("CheckRocksdbCqWriteResult", {
  checkResult: or(text, ""),
  checkStatus: or(int, 0),
});
