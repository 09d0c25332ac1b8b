/**
 * From the log to everything made of it: each record, once and in log order, to its consume queue, to the index, and to who
 * listens for arrivals. Records wait here from their append until they are written.
 */
import { decodeUtf8 } from "../../wire/bytes.ts";
import type { Log } from "../runtime.ts";
import type { ConsumeQueueKinds } from "./consume_queue_kinds.ts";
import type { DeletedTopics } from "./deleted_topics.ts";
import { type DispatchRequest, isQueued, offsetsOf } from "./dispatch_request.ts";
import type { IndexService } from "./index_service.ts";
import type { Losses } from "./losses.ts";
import type { Arrival, FilterBitMapOf } from "./message_store.ts";
import type { MultiDispatch } from "./multi_dispatch.ts";
import type { StoreSettings } from "./options.ts";

/** Dispatched records kept in the array of the waiting. */
const DONE_MAX = 4096;

export interface DispatcherParts {
  readonly log: Log;
  readonly settings: StoreSettings;
  readonly queues: ConsumeQueueKinds;
  readonly index: IndexService;
  readonly losses: Losses;
  readonly multi: MultiDispatch;
  readonly deleted: DeletedTopics;
}

export class Dispatcher {
  /** Everything before it is dispatched. */
  dispatchedOffset = 0;
  /** See `MessageStore.setFilterBitMap`. */
  filterBitMapOf: FilterBitMapOf | undefined;
  /** The newest record that was dispatched; -1 when none was. */
  lastRecordOffset = -1;
  lastStoreTimestamp = 0;
  readonly #log: Log;
  readonly #settings: StoreSettings;
  readonly #queues: ConsumeQueueKinds;
  readonly #index: IndexService;
  readonly #losses: Losses;
  readonly #multi: MultiDispatch;
  readonly #deleted: DeletedTopics;
  readonly #listeners: ((arrival: Arrival) => void)[] = [];
  /** In log order, from `#at` on. */
  #waiting: DispatchRequest[] = [];
  #at = 0;

  constructor({ log, settings, queues, index, losses, multi, deleted }: DispatcherParts) {
    this.#log = log;
    this.#settings = settings;
    this.#queues = queues;
    this.#index = index;
    this.#losses = losses;
    this.#multi = multi;
    this.#deleted = deleted;
  }

  onArrival(listener: (arrival: Arrival) => void): void {
    this.#listeners.push(listener);
  }

  /** A record was appended. */
  add(request: DispatchRequest): void {
    this.#waiting.push(request);
  }

  /** Records before `end` are written: they are dispatched and announced. */
  written(end: number): void {
    const waiting = this.#waiting;
    let at = this.#at;
    for (; at < waiting.length; at++) {
      const request = waiting[at] as DispatchRequest;
      if (request.physicalOffset >= end) break;
      if (this.dispatch(request)) {
        this.#announce(request);
        for (const light of this.#multi.requestsOf(request)) this.#announce(light);
      }
    }
    // The array is used again once it is empty, which it is after nearly every turn. While writes never cease to be in
    // flight it is not: then what is done is cut off in large pieces.
    if (at === waiting.length) {
      waiting.length = 0;
      at = 0;
    } else if (at > DONE_MAX) {
      waiting.splice(0, at);
      at = 0;
    }
    this.#at = at;
    this.dispatchedOffset = end;
    this.#queues.trim();
  }

  /** Takes back the records from log offset `end` on, and their queue offsets; returns how many. */
  discard(end: number): number {
    const waiting = this.#waiting;
    let count = 0;
    for (let i = waiting.length - 1; i >= this.#at; i--) {
      const request = waiting[i] as DispatchRequest;
      if (request.physicalOffset < end) break;
      // Backwards, so that the smallest offset is what remains.
      if (isQueued(request.sysFlag) && !this.#deleted.covers(request.topic, request.physicalOffset)) {
        const queue = this.#queues.find(request);
        if (queue !== undefined) queue.nextOffset = request.queueOffset;
        for (const light of this.#multi.requestsOf(request)) {
          const lightQueue = this.#queues.find(light);
          if (lightQueue !== undefined && light.queueOffset < lightQueue.nextOffset) lightQueue.nextOffset = light.queueOffset;
        }
      }
      count++;
    }
    waiting.length -= count;
    return count;
  }

  /**
   * To queue and index only, as recovery needs it.
   * @param toQueues false for a record that the queues have, while the index is made again
   * @returns true when a consumer will find it in its queue
   */
  dispatch(given: DispatchRequest, toQueues = true): boolean {
    const request = this.#withBitMap(given);
    this.lastRecordOffset = request.physicalOffset;
    this.lastStoreTimestamp = request.storeTimestamp;
    if (this.#settings.messageIndexEnable) this.#index.put(request);
    if (!toQueues || !isQueued(request.sysFlag)) return false;
    for (const light of this.#multi.requestsOf(request)) this.#put(light);
    return this.#put(request);
  }

  #withBitMap(request: DispatchRequest): DispatchRequest {
    const { filterBitMapOf } = this;
    if (filterBitMapOf === undefined || !this.#settings.enableConsumeQueueExt) return request;
    const { topic, properties, commonProperties } = request;
    const all = commonProperties === undefined ? properties : properties + decodeUtf8(commonProperties);
    const filterBitMap = filterBitMapOf(topic, all);
    return filterBitMap === undefined ? request : { ...request, filterBitMap };
  }

  #put(request: DispatchRequest): boolean {
    if (this.#deleted.covers(request.topic, request.physicalOffset)) return false;
    // A queue that was deleted since has its end behind the request: that was looked at.
    const queue = request.queue ?? this.#queues.findOrCreate(request.topic, request.queueId, request.batchSize !== undefined);
    const expected = queue.maxOffset;
    if (this.#queues.put(queue, request)) {
      // A queue may begin anywhere, as what came before has expired; behind that its offsets follow each other.
      if (request.queueOffset > expected && queue.minOffset <= expected) this.#lost(request, expected, request.queueOffset);
      return true;
    }
    this.#log.error("a record's queue offset is far beyond its queue; it is not dispatched", {
      topic: request.topic,
      queueId: request.queueId,
      queueOffset: request.queueOffset,
      maxOffset: queue.maxOffset,
      physicalOffset: request.physicalOffset,
    });
    return false;
  }

  /** The record is lost, but its header, if it is right, says whose next message it was. */
  lose({ topic, queueId, queueOffset, physicalOffset, sysFlag }: DispatchRequest): void {
    if (!isQueued(sysFlag) || this.#deleted.covers(topic, physicalOffset)) return;
    const queue = this.#queues.find({ topic, queueId });
    if (queue === undefined || queue.maxOffset !== queueOffset || queue.maxPhysicalOffset >= physicalOffset) return;
    if (this.#queues.putHole(queue)) this.#lost({ topic, queueId, physicalOffset }, queueOffset, queueOffset + 1);
  }

  #lost(at: Pick<DispatchRequest, "topic" | "queueId" | "physicalOffset">, from: number, to: number): void {
    this.#losses.holes(at.topic, at.queueId, from, to, at.physicalOffset);
  }

  #announce(request: DispatchRequest): void {
    if (this.#listeners.length === 0) return;
    const { topic, queueId, queueOffset, tagsCode, storeTimestamp } = request;
    const arrival: Arrival = { topic, queueId, nextOffset: queueOffset + offsetsOf(request), tagsCode, storeTimestamp };
    for (const listener of this.#listeners) {
      try {
        listener(arrival);
      } catch (error) {
        // Who waits for this batch must not pay for a fault of another part.
        this.#log.error("a listener to arrivals failed", { topic, error: (error as Error).message });
      }
    }
  }
}
