/**
 * What the store asks of a consume queue, whatever its units look like. Two kinds there are: `consume_queue.ts`, a unit a
 * message, and `batch_consume_queue.ts`, a unit a batch. The units of both begin alike:
 *
 *     int64 physicalOffset   int32 size   int64 tagsCode
 */
import type { ConsumeQueueExt } from "./consume_queue_ext.ts";
import type { QueueEntry } from "./message_store.ts";
import type { Scratch } from "./scratch.ts";

/** Runs `read`, now or when it is its turn. */
export type InTurn = <T>(read: () => Promise<T>) => Promise<T>;

export interface LogicQueue {
  readonly topic: string;
  readonly queueId: number;
  /** Where tagsCodes that are addresses point; undefined for a queue without extended units. */
  readonly ext?: ConsumeQueueExt | undefined;
  /** Bytes of a unit. */
  readonly unitBytes: number;
  /** The next message gets this queue offset; ahead of `maxOffset` by what is appended and not dispatched. */
  nextOffset: number;
  /** Behind the newest message. */
  readonly maxOffset: number;
  /** Messages before it are expired; as of the last `correctMinOffset`. */
  readonly minOffset: number;
  /** Log offset of the newest unit's message; -1 without. */
  readonly maxPhysicalOffset: number;
  /** Holes, as recovery leaves them, lie before it. */
  readonly recoveredOffset: number;

  /** True when `read` of these units does not wait for the disk. */
  isRecent(queueOffset: number, countMax: number): boolean;
  /** Raw units from the one that holds `queueOffset` on, at most `countMax`; shorter at the end of the queue. */
  read(queueOffset: number, countMax: number): Uint8Array;
  /** As `read`, when that waits for no disk; else undefined. @param scratch where the units may lie, until its next use */
  readNow(queueOffset: number, countMax: number, scratch?: Scratch): Uint8Array | undefined;
  /** As `read`, off the event loop. @param inTurn decides when a read of the disk begins; at once without */
  readLater(queueOffset: number, countMax: number, inTurn?: InTurn): Promise<Uint8Array>;
  /** The unit that holds `queueOffset`; its own offset is that of its first message. */
  entry(queueOffset: number): QueueEntry | undefined;
  /** As `entry`, off the event loop. @throws RuntimeFault */
  entryLater(queueOffset: number, inTurn?: InTurn): Promise<QueueEntry | undefined>;

  /** Lets `minOffset` follow the smallest offset of the log. */
  correctMinOffset(minPhysicalOffset: number): void;
  /** As `correctMinOffset`, off the event loop. @throws RuntimeFault */
  correctMinOffsetLater(minPhysicalOffset: number, inTurn?: InTurn): Promise<void>;
  /** True when it is known without a read that the message there is not expired, or that there is none yet. */
  knowsAlive(queueOffset: number, minPhysicalOffset: number): boolean;
  /**
   * The first queue offset whose message lies at or behind `physicalOffset`, not before `minOffset`; else `maxOffset`. Off
   * the event loop. @throws RuntimeFault
   */
  firstBehindLater(physicalOffset: number, inTurn?: InTurn): Promise<number>;
  /** Removes files whose messages are expired; returns how many. */
  removeExpiredFiles(): number;
  /** Finds the end after a start; see `ConsumeQueue.recover`. */
  recover(beforePhysical: number, cut: boolean, isWhole?: boolean): void;
  /**
   * As `recover` after an orderly stop that said where the queue ends: one read. Absent where that saves nothing.
   * @returns false when the files do not end there; nothing has changed then
   */
  recoverAt?(maxOffset: number, maxPhysicalOffset: number): boolean;
}

/** What recovery, expiry and checkpoints ask of the queues of a store. */
export interface LogicQueues {
  /** Units that could not be written, and why; undefined when there are none. The store takes no messages meanwhile. */
  readonly fault: Error | undefined;
  all(): Iterable<LogicQueue>;
  topics(): Iterable<string>;
  delete(topic: string): void;
  /** Puts everything dispatched so far on the disk. @throws RuntimeFault */
  sync(): Promise<void>;
  /** Drops light queues whose messages are all expired; returns how many. */
  dropExpired(): number;
  /** A `sync` that is under way no longer spares the disk. */
  hurry(): void;
  /** Ends a `sync` that is under way. */
  stop(): void;
  /** After `stop`: puts everything dispatched so far into the page cache at least. @throws RuntimeFault */
  leave(): Promise<void>;
}
