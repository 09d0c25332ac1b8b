/**
 * The consume queues of a store, of both kinds: `consumequeue/` and `batchconsumequeue/`. A topic's kind is set when it is
 * made, by its attribute `queue.type`; queues that have files are of the kind whose directory they lie in, and a batch in
 * the log says of itself that it needs one.
 */
import { isLmq } from "../../wire/mix_all.ts";
import type { Files } from "../runtime.ts";
import { BATCH_UNIT_BYTES, BatchConsumeQueue } from "./batch_consume_queue.ts";
import type { CompactionStore } from "./compaction/compaction_store.ts";
import { ConsumeQueue } from "./consume_queue.ts";
import { ConsumeQueueExt } from "./consume_queue_ext.ts";
import type { ConsumeQueueStore } from "./consume_queue_store.ts";
import type { DispatchRequest } from "./dispatch_request.ts";
import { FileQueue } from "./file_queue.ts";
import type { LogicQueue, LogicQueues } from "./logic_queue.ts";
import type { QueueRef } from "./message_store.ts";
import type { OpenFiles } from "./open_files.ts";
import type { StoreSettings } from "./options.ts";
import type { TopicAttributes } from "./topic_attributes.ts";

export class ConsumeQueueKinds implements LogicQueues {
  readonly simple: ConsumeQueueStore;
  readonly #open: OpenFiles;
  readonly #files: Files;
  readonly #settings: StoreSettings;
  readonly #attributes: TopicAttributes;
  readonly #directory: string;
  readonly #extDirectory: string;
  readonly #batches = new Map<string, Map<number, BatchConsumeQueue>>();
  readonly #dirty = new Set<BatchConsumeQueue>();
  readonly #dirtyExts = new Set<ConsumeQueueExt>();
  /** Logs of compacted topics, which are beside their plain queues. */
  compaction: CompactionStore | undefined;
  /** Light queues there are. */
  lmqCount = 0;
  #stopped = false;

  constructor(simple: ConsumeQueueStore, open: OpenFiles, settings: StoreSettings, attributes: TopicAttributes) {
    this.simple = simple;
    this.#open = open;
    this.#files = open.files;
    this.#settings = settings;
    this.#attributes = attributes;
    this.#directory = `${settings.storePathRootDir}/batchconsumequeue`;
    this.#extDirectory = `${settings.storePathRootDir}/consumequeue_ext`;
  }

  /** Finds the queues that have files. @throws Error naming file and key when a file has the wrong size */
  load(orderly: boolean): void {
    this.simple.load(orderly);
    for (const topic of this.simple.topics()) if (isLmq(topic)) this.lmqCount++;
    // Asked once, not for each of 20,000 queues.
    const mayHaveExt = this.#settings.enableConsumeQueueExt || this.#files.exists(this.#extDirectory);
    for (const queue of mayHaveExt ? this.simple.all() : []) {
      this.#withExt(queue);
      queue.ext?.files.load("mappedFileSizeConsumeQueueExt", orderly);
    }
    for (const topic of this.#files.list(this.#directory)) {
      for (const name of this.#files.list(`${this.#directory}/${topic}`)) {
        if (!/^\d{1,9}$/.test(name)) continue;
        this.#findOrCreateBatch(topic, Number(name)).files.load("mapperFileSizeBatchConsumeQueue", orderly);
      }
    }
  }

  /** Why the last write failed; see `QueueMemory`. */
  get fault(): Error | undefined {
    return this.simple.memory.fault;
  }

  find(queue: QueueRef): LogicQueue | undefined {
    return this.#at(queue.topic, queue.queueId);
  }

  #at(topic: string, queueId: number): LogicQueue | undefined {
    const simple = this.simple.queuesOf(topic)?.get(queueId);
    return this.#batches.size === 0 ? simple : (this.#batches.get(topic)?.get(queueId) ?? simple);
  }

  /** @param ofBatch asked for a batch: what an unknown topic's queue is made for. */
  findOrCreate(topic: string, queueId: number, ofBatch = false): LogicQueue {
    const found = this.#at(topic, queueId);
    if (found !== undefined) return found;
    // Asked once a queue: the attribute can't change while the topic lives.
    if (isLmq(topic)) {
      if (this.simple.queuesOf(topic) === undefined) this.lmqCount++;
      return this.simple.findOrCreate(topic, queueId);
    }
    const attributes = this.#attributes(topic);
    return (attributes === undefined ? ofBatch : attributes["queue.type"] === "BatchCQ")
      ? this.#findOrCreateBatch(topic, queueId)
      : this.#withExt(this.simple.findOrCreate(topic, queueId));
  }

  /** Gives a queue its extended units: where they are asked for, or were once. */
  #withExt(queue: ConsumeQueue): ConsumeQueue {
    const { enableConsumeQueueExt, mappedFileSizeConsumeQueueExt } = this.#settings;
    if (queue.ext !== undefined || isLmq(queue.topic)) return queue;
    const directory = `${this.#extDirectory}/${queue.topic}/${queue.queueId}`;
    if (!enableConsumeQueueExt && !this.#files.exists(directory)) return queue;
    queue.ext = new ConsumeQueueExt(new FileQueue(this.#open, directory, mappedFileSizeConsumeQueueExt));
    return queue;
  }

  /** @returns false when the request's queue offset can't be right; see `ConsumeQueue.put`. */
  put(queue: LogicQueue, request: DispatchRequest): boolean {
    if (queue instanceof ConsumeQueue) {
      const there = this.#putSimple(queue, request);
      if (there && this.#isCompacted(queue)) this.compaction?.put(request);
      return there;
    }
    const batch = queue as BatchConsumeQueue;
    this.#dirty.add(batch);
    batch.put(request);
    return true;
  }

  /** Asked for each message; what the topic says, once. */
  #isCompacted(queue: ConsumeQueue): boolean {
    queue.isCompacted ??= this.compaction?.knowsCompacted(queue.topic);
    return queue.isCompacted ?? false;
  }

  #putSimple(queue: ConsumeQueue, request: DispatchRequest): boolean {
    const { ext, maxOffset } = queue;
    if (!this.simple.put(queue, request)) return false;
    if (ext === undefined || !this.#settings.enableConsumeQueueExt || request.queueOffset < maxOffset) return true;
    this.#dirtyExts.add(ext);
    try {
      const offset = ext.put(request.tagsCode, request.storeTimestamp, request.filterBitMap);
      if (offset !== undefined) queue.setExtAddress(offset);
    } catch (error) {
      // The unit keeps its tagsCode; the store stops taking messages.
      this.simple.memory.fault = error as Error;
    }
    return true;
  }

  /** @returns false when the queue has no unit, or is of batches, whose units leave offsets out. */
  putHole(queue: LogicQueue): boolean {
    return queue instanceof ConsumeQueue && this.simple.putHole(queue);
  }

  *all(): Generator<LogicQueue> {
    yield* this.simple.all();
    for (const queues of this.#batches.values()) yield* queues.values();
  }

  *topics(): Generator<string> {
    yield* this.simple.topics();
    yield* this.#batches.keys();
  }

  queuesOf(topic: string): ReadonlyMap<number, LogicQueue> | undefined {
    return this.#batches.get(topic) ?? this.simple.queuesOf(topic);
  }

  /** Queues of the topics that are asked for. */
  refsOf(wanted: (topic: string) => boolean): QueueRef[] {
    const refs: QueueRef[] = [];
    for (const topic of this.simple.topics()) {
      if (!wanted(topic)) continue;
      for (const queueId of this.simple.queuesOf(topic)?.keys() ?? []) refs.push({ topic, queueId });
    }
    return refs;
  }

  /** What was found by recovery is older than this process; what it cut is for the next `sync`. */
  recovered(): void {
    this.simple.recovered();
    for (const queues of this.#batches.values()) {
      for (const queue of queues.values()) if (queue.unsyncedFrom >= 0) this.#dirty.add(queue);
    }
  }

  trim(): void {
    this.simple.trim();
  }

  async sync(): Promise<void> {
    await this.compaction?.sync();
    // Before the units that point at them.
    await this.#syncAll(this.#dirtyExts);
    await this.simple.sync();
    await this.#syncAll(this.#dirty, true);
  }

  hurry(): void {
    this.simple.hurry();
  }

  /**
   * Puts all that is `dirty` on the disk, with the entries of new files; what is added meanwhile waits for the next call.
   * @throws RuntimeFault, or, `untilStopped`, Error after `stop`; then all of it is dirty again
   */
  async #syncAll<Q extends BatchConsumeQueue | ConsumeQueueExt>(dirty: Set<Q>, untilStopped = false): Promise<void> {
    const taken = [...dirty];
    dirty.clear();
    try {
      for (const each of taken) {
        if (untilStopped && this.#stopped) throw new Error("the store closed before all consume queues were synced");
        await each.sync();
        for (const directory of each.files.takeNewDirectories()) {
          if (this.#files.exists(directory)) this.#files.syncDirectory(directory);
        }
      }
    } catch (error) {
      for (const each of taken) dirty.add(each);
      throw error;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.simple.stop();
  }

  async leave(): Promise<void> {
    // Few, and synced as they are.
    await this.compaction?.sync();
    await this.#syncAll(this.#dirtyExts);
    for (const queue of this.#dirty) await queue.sync();
    await this.simple.leave();
  }

  dropExpired(): number {
    const expired: string[] = [];
    for (const topic of this.simple.topics()) {
      if (!isLmq(topic)) continue;
      const queues = [...(this.simple.queuesOf(topic)?.values() ?? [])];
      // One that was made for a message under way has none yet.
      if (queues.every((queue) => queue.maxOffset > 0 && queue.minOffset >= queue.nextOffset)) expired.push(topic);
    }
    for (const topic of expired) this.delete(topic);
    return expired.length;
  }

  delete(topic: string): void {
    this.compaction?.delete(topic);
    for (const queue of this.simple.queuesOf(topic)?.values() ?? []) {
      if (queue.ext !== undefined) this.#dirtyExts.delete(queue.ext);
    }
    this.#files.removeTree(`${this.#extDirectory}/${topic}`);
    if (isLmq(topic) && this.simple.queuesOf(topic) !== undefined) this.lmqCount--;
    this.simple.delete(topic);
    const queues = this.#batches.get(topic);
    if (queues === undefined) return;
    for (const queue of queues.values()) {
      this.#dirty.delete(queue);
      queue.destroy();
    }
    this.#batches.delete(topic);
    this.#files.removeTree(`${this.#directory}/${topic}`);
  }

  #findOrCreateBatch(topic: string, queueId: number): BatchConsumeQueue {
    let queues = this.#batches.get(topic);
    if (queues === undefined) {
      queues = new Map();
      this.#batches.set(topic, queues);
    }
    let queue = queues.get(queueId);
    if (queue === undefined) {
      const fileSize = Math.ceil(this.#settings.mapperFileSizeBatchConsumeQueue / BATCH_UNIT_BYTES) * BATCH_UNIT_BYTES;
      const files = new FileQueue(this.#open, `${this.#directory}/${topic}/${queueId}`, fileSize);
      queue = new BatchConsumeQueue(topic, queueId, files, this.simple.memory);
      queues.set(queueId, queue);
    }
    return queue;
  }
}
