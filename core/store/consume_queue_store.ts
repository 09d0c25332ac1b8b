/**
 * All consume queues of a store: `consumequeue/<topic>/<queueId>/`. Directories and files are made when a queue's units are
 * first written, so a topic of 1,024 queues costs nothing until they are used.
 */
import type { Files } from "../runtime.ts";
import { ConsumeQueue, type PendingUnits, UNIT_BYTES } from "./consume_queue.ts";
import type { DispatchRequest } from "./dispatch_request.ts";
import { FileQueue } from "./file_queue.ts";
import type { QueueRef } from "./message_store.ts";
import type { OpenFiles } from "./open_files.ts";
import type { StoreSettings } from "./options.ts";

/** Buffers of pending units of all queues: beyond it all are written. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024;

/** Syncs under way: two, as the thread pools of the runtimes have four threads and the log must not wait. */
const SYNCS_AT_ONCE = 2;

export class ConsumeQueueStore {
  readonly pending: PendingUnits = { bytes: 0, fault: undefined };
  readonly #files: Files;
  readonly #open: OpenFiles;
  readonly #settings: StoreSettings;
  readonly #directory: string;
  readonly #topics = new Map<string, Map<number, ConsumeQueue>>();
  /** Queues with units that are pending or not on the disk. */
  #dirty = new Set<ConsumeQueue>();
  #stopped = false;
  /** Directories with entries that a failed sync left off the disk. */
  #newDirectories = new Set<string>();

  constructor(open: OpenFiles, settings: StoreSettings) {
    this.#open = open;
    this.#files = open.files;
    this.#settings = settings;
    this.#directory = `${settings.storePathRootDir}/consumequeue`;
  }

  /** Finds the queues that have files. @throws Error naming file and key when a file has the wrong size */
  load(orderly: boolean): void {
    for (const topic of this.#files.list(this.#directory)) {
      for (const name of this.#files.list(`${this.#directory}/${topic}`)) {
        if (/^\d{1,9}$/.test(name)) this.findOrCreate(topic, Number(name)).files.load("mappedFileSizeConsumeQueue", orderly);
      }
    }
  }

  find(queue: QueueRef): ConsumeQueue | undefined {
    return this.#topics.get(queue.topic)?.get(queue.queueId);
  }

  findOrCreate(topic: string, queueId: number): ConsumeQueue {
    let queues = this.#topics.get(topic);
    if (queues === undefined) {
      queues = new Map();
      this.#topics.set(topic, queues);
    }
    let queue = queues.get(queueId);
    if (queue === undefined) {
      const size = this.#settings.mappedFileSizeConsumeQueue;
      // Apache rounds up to whole units as well.
      const fileSize = Math.ceil(size / UNIT_BYTES) * UNIT_BYTES;
      queue = new ConsumeQueue(topic, queueId, new FileQueue(this.#open, this.#pathOf(topic, queueId), fileSize), this.pending);
      queues.set(queueId, queue);
    }
    return queue;
  }

  *all(): Generator<ConsumeQueue> {
    for (const queues of this.#topics.values()) yield* queues.values();
  }

  topics(): IterableIterator<string> {
    return this.#topics.keys();
  }

  queuesOf(topic: string): ReadonlyMap<number, ConsumeQueue> | undefined {
    return this.#topics.get(topic);
  }

  /** @returns false when the request's queue offset can't be right; see `ConsumeQueue.put`. */
  put(queue: ConsumeQueue, request: DispatchRequest): boolean {
    this.#dirty.add(queue);
    return queue.put(request.queueOffset, request.physicalOffset, request.size, request.tagsCode);
  }

  /** @returns false when the queue has no unit; see `ConsumeQueue.addHole`. */
  putHole(queue: ConsumeQueue): boolean {
    this.#dirty.add(queue);
    return queue.addHole();
  }

  /** Keeps the pending units within their bound; cheap when they are. */
  trim(): void {
    if (this.pending.bytes > PENDING_BYTES_MAX) this.writeAll();
  }

  /** Writes all pending units into the page cache; on a failure the rest stays pending and `pending.fault` says why. */
  writeAll(): void {
    try {
      for (const queue of this.#dirty) queue.release();
    } catch (error) {
      this.pending.fault = error as Error;
    }
  }

  /**
   * Puts everything dispatched so far on the disk: the queues one after another, a few at a time, off the event loop.
   * @throws RuntimeFault; what was not synced is tried again by the next call
   */
  async sync(): Promise<void> {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    const directories = this.#newDirectories;
    this.#newDirectories = new Set();
    const left = dirty.values();
    const syncSome = async (): Promise<void> => {
      // The workers share one iterator: each takes the next queue that none has taken.
      for (const queue of left) {
        if (this.#stopped) throw new Error("the store closed before all consume queues were synced");
        queue.release();
        for (const directory of queue.files.takeNewDirectories()) directories.add(directory);
        const from = queue.unsyncedFrom;
        if (from < 0) continue;
        queue.unsyncedFrom = -1;
        await queue.files.dataSync(from * UNIT_BYTES, (queue.maxOffset - queue.pendingCount) * UNIT_BYTES);
      }
    };
    try {
      await Promise.all(Array.from({ length: SYNCS_AT_ONCE }, syncSome));
      for (const directory of directories) if (this.#files.exists(directory)) this.#files.syncDirectory(directory);
    } catch (error) {
      for (const queue of dirty) {
        this.#dirty.add(queue);
        if (queue.unsyncedFrom < 0) queue.unsyncedFrom = queue.recoveredOffset;
      }
      for (const directory of directories) this.#newDirectories.add(directory);
      throw error;
    }
  }

  /** Ends a `sync` that is under way; it rejects. */
  stop(): void {
    this.#stopped = true;
  }

  delete(topic: string): void {
    const queues = this.#topics.get(topic);
    if (queues === undefined) return;
    for (const queue of queues.values()) {
      this.#dirty.delete(queue);
      queue.destroy();
    }
    this.#topics.delete(topic);
    this.#files.removeTree(`${this.#directory}/${topic}`);
  }

  #pathOf(topic: string, queueId: number): string {
    return `${this.#directory}/${topic}/${queueId}`;
  }
}
