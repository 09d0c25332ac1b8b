/**
 * All consume queues of a store: `consumequeue/<topic>/<queueId>/`. Directories and files are made when a queue's units are
 * first written, so a topic of 1,024 queues costs nothing until they are used.
 */
import type { Clock, Files } from "../runtime.ts";
import { ConsumeQueue, type QueueMemory } from "./consume_queue.ts";
import { UNIT_BYTES } from "./consume_queue_unit.ts";
import type { DispatchRequest } from "./dispatch_request.ts";
import { FileQueue } from "./file_queue.ts";
import type { QueueRef } from "./message_store.ts";
import type { OpenFiles } from "./open_files.ts";
import type { StoreSettings } from "./options.ts";

/** Windows and read blocks of all queues: beyond it those of quiet queues go. 40 units each for 20,000 queues. */
const MEMORY_BYTES_MAX = 16 * 1024 * 1024;
/** Busy queues that are looked at, in search of a quiet one, before one of them is taken. */
const PASSED_OVER_MAX = 16;

/**
 * Queues a second that a checkpoint writes and syncs: 20,000 of them are spread over 20 s instead of keeping disk and event
 * loop busy for as long as they last.
 */
const QUEUES_PER_SECOND = 1000;
/** Queues between two looks at the clock. */
const QUEUES_PER_SLICE = 50;
/** Syncs under way when the store closes and nothing else wants the disk. A checkpoint has one. */
const SYNCS_AT_ONCE = 4;

/** Several of the same, which share what there is to do. */
const atOnce = (work: () => Promise<void>): Promise<unknown> => Promise.all(Array.from({ length: SYNCS_AT_ONCE }, work));

export class ConsumeQueueStore {
  readonly memory: QueueMemory = { bytes: 0, fault: undefined, used: (queue) => this.#inMemory.add(queue) };
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #open: OpenFiles;
  readonly #settings: StoreSettings;
  readonly #directory: string;
  readonly #topics = new Map<string, Map<number, ConsumeQueue>>();
  /** Queues with units that are pending or not on the disk. */
  #dirty = new Set<ConsumeQueue>();
  /** Queues with a window or a read block, in the order in which `trim` looks at them. */
  readonly #inMemory = new Set<ConsumeQueue>();
  #stopped = false;
  /** Ends the pause of a paced `sync`. */
  #pause: (() => void) | undefined;
  #hurries = false;
  /** Log offset of the newest message. */
  #newestPhysical = 0;
  /** Directories with entries that are not on the disk. */
  readonly #newDirectories = new Set<string>();

  constructor(clock: Clock, open: OpenFiles, settings: StoreSettings) {
    this.#clock = clock;
    this.#open = open;
    this.#files = open.files;
    this.#settings = settings;
    this.#directory = `${settings.storePathRootDir}/consumequeue`;
  }

  /** Finds the queues that have files. @throws Error naming file and key when a file has the wrong size */
  load(orderly: boolean): void {
    // New topics' entries; those of their queues and files are synced with the queues.
    if (!orderly && this.#files.exists(this.#directory)) this.#files.syncDirectory(this.#directory);
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
      queue = new ConsumeQueue(topic, queueId, new FileQueue(this.#open, this.#pathOf(topic, queueId), fileSize), this.memory);
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
    this.#newestPhysical = request.physicalOffset;
    return queue.put(request.queueOffset, request.physicalOffset, request.size, request.tagsCode);
  }

  /** @returns false when the queue has no unit; see `ConsumeQueue.addHole`. */
  putHole(queue: ConsumeQueue): boolean {
    this.#dirty.add(queue);
    return queue.addHole();
  }

  /** Keeps the memory of all queues within its bound, a few queues at a time; cheap when it is. */
  trim(): void {
    while (this.memory.bytes > MEMORY_BYTES_MAX) {
      const queue = this.#dispensable();
      if (queue === undefined) return;
      try {
        this.#release(queue);
      } catch (error) {
        // Not lost, only kept. The store takes no messages until a write succeeds.
        this.memory.fault = error as Error;
        return;
      }
    }
  }

  /** A queue without messages in the tail buffer, or the one with the most memory among those looked at. */
  #dispensable(): ConsumeQueue | undefined {
    let largest: ConsumeQueue | undefined;
    for (let passedOver = 0; passedOver < PASSED_OVER_MAX; passedOver++) {
      const [queue] = this.#inMemory;
      if (queue === undefined || queue.isQuiet(this.#newestPhysical)) return queue;
      if (largest === undefined || queue.memoryBytes > largest.memoryBytes) largest = queue;
      // To the end.
      this.#inMemory.delete(queue);
      this.#inMemory.add(queue);
    }
    return largest;
  }

  /**
   * Puts everything dispatched so far on the disk, off the event loop and at a pace of `QUEUES_PER_SECOND`, or as fast as
   * the disk can after `hurry`.
   * @throws RuntimeFault; what was not synced is tried again by the next call
   */
  async sync(): Promise<void> {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    const left = dirty.values();
    try {
      await this.#syncPaced(left);
      // Who hurries shares what is left among several.
      await atOnce(() => this.#syncRest(left));
      await atOnce(() => this.#syncDirectories());
    } catch (error) {
      for (const queue of dirty) {
        this.#dirty.add(queue);
        if (queue.unsyncedFrom < 0) queue.unsyncedFrom = queue.recoveredOffset;
      }
      throw error;
    }
  }

  /** A `sync` that is under way, and all that follow, no longer spare the disk. */
  hurry(): void {
    this.#hurries = true;
    this.#pause?.();
  }

  /** Ends with nothing left, or when somebody hurries. */
  async #syncPaced(left: Iterator<ConsumeQueue>): Promise<void> {
    const startedAt = this.#clock.monotonic();
    for (let done = 0; !this.#hurries; ) {
      const next = left.next();
      if (next.done === true) return;
      await this.#syncOne(next.value);
      if (++done % QUEUES_PER_SLICE > 0) continue;
      await this.#syncDirectories();
      const aheadMs = (done / QUEUES_PER_SECOND) * 1000 - (this.#clock.monotonic() - startedAt);
      if (aheadMs > 0 && !this.#hurries) await this.#wait(aheadMs);
    }
  }

  async #syncRest(left: Iterator<ConsumeQueue>): Promise<void> {
    for (let next = left.next(); next.done !== true; next = left.next()) await this.#syncOne(next.value);
  }

  async #syncOne(queue: ConsumeQueue): Promise<void> {
    if (this.#stopped) throw new Error("the store closed before all consume queues were synced");
    if (queue.isQuiet(this.#newestPhysical)) this.#release(queue);
    else queue.write();
    for (const directory of queue.files.takeNewDirectories()) this.#newDirectories.add(directory);
    const from = queue.unsyncedFrom;
    if (from < 0) return;
    queue.unsyncedFrom = -1;
    // Also when nothing came behind the place where it was cut.
    await queue.files.dataSync(from * UNIT_BYTES, Math.max(queue.writtenOffset, from + 1) * UNIT_BYTES);
  }

  #release(queue: ConsumeQueue): void {
    queue.release();
    this.#inMemory.delete(queue);
  }

  async #syncDirectories(): Promise<void> {
    for (const directory of this.#newDirectories) {
      this.#newDirectories.delete(directory);
      // Its topic may be deleted.
      if (!this.#files.exists(directory)) continue;
      try {
        await this.#files.syncDirectoryLater(directory);
      } catch (error) {
        if (this.#files.exists(directory)) {
          this.#newDirectories.add(directory);
          throw error;
        }
      }
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimeout(() => this.#pause?.(), ms);
      this.#pause = () => {
        timer.cancel();
        this.#pause = undefined;
        resolve();
      };
    });
  }

  /** Ends a `sync` that is under way; it rejects. */
  stop(): void {
    this.#stopped = true;
    this.#pause?.();
  }

  /** Writes what is not written, without a sync. In turns, so that who waits for no longer than so long can give up. */
  async leave(): Promise<void> {
    let done = 0;
    for (const queue of this.#dirty) {
      this.#release(queue);
      if (++done % QUEUES_PER_SLICE === 0) await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, 0));
    }
  }

  /** What was found by recovery is older than this process; what it cut is for the next `sync`. */
  recovered(): void {
    for (const queue of this.all()) {
      queue.recoveredOffset = queue.maxOffset;
      if (queue.unsyncedFrom >= 0) this.#dirty.add(queue);
    }
    delete this.memory.recoveryBlock;
  }

  /** All queues are in the page cache, but perhaps not on the disk; for the next `sync`. */
  allUnsynced(): void {
    for (const queue of this.all()) {
      if (queue.maxOffset === 0) continue;
      queue.unsyncedFrom = queue.files.begin / UNIT_BYTES;
      this.#dirty.add(queue);
    }
  }

  delete(topic: string): void {
    const queues = this.#topics.get(topic);
    if (queues === undefined) return;
    for (const queue of queues.values()) {
      this.#dirty.delete(queue);
      this.#inMemory.delete(queue);
      queue.destroy();
    }
    this.#topics.delete(topic);
    this.#files.removeTree(`${this.#directory}/${topic}`);
  }

  #pathOf(topic: string, queueId: number): string {
    return `${this.#directory}/${topic}/${queueId}`;
  }
}
