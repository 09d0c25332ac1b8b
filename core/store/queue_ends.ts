/**
 * The file `queueEnds.json`, which an orderly stop leaves in the store's root: where each consume queue ends, so that a start
 * asks each for its last unit only, instead of searching it for its end. A start takes the file away.
 *
 * Also: when the disk can't sync all queues in the time that a stop has, they are left in the page cache, which outlives the
 * process, and the file says in which running of the kernel that was (`bootId`). A start in the same one finds all of it; any
 * other finds `abort`, as after a crash, and dispatches again from the last checkpoint. So does Apache, which knows no such file.
 */
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import type { Files, Runtime } from "../runtime.ts";
import type { LogicQueue } from "./logic_queue.ts";

/** Where a queue ends, and the log offset of its last message. */
export type QueueEnd = readonly [maxOffset: number, maxPhysicalOffset: number];

export interface LeftEnds {
  /** See `queues_sum.ts`. */
  readonly sum: number;
  /** Set when queues were left in the page cache; else they are on the disk. */
  readonly bootId?: string | undefined;
  /** By `topic/queueId`. */
  readonly ends: Readonly<Record<string, QueueEnd>>;
}

export class QueueEnds {
  readonly #files: Files;
  readonly #runtime: Runtime;
  readonly #path: string;

  constructor(runtime: Runtime, storePathRootDir: string) {
    this.#runtime = runtime;
    this.#files = runtime.files;
    this.#path = `${storePathRootDir}/queueEnds.json`;
  }

  /** Of the kernel that runs now; undefined where that can't be told. */
  get bootId(): string | undefined {
    return this.#runtime.system.bootId?.();
  }

  /** `bootId` as a number for the checkpoint; 0 where it can't be told. */
  get bootMark(): number {
    const { bootId } = this;
    return bootId === undefined ? 0 : (this.#runtime.digest.crc32(encodeUtf8(bootId)) >>> 0) + 1;
  }

  /** @param inPageCache queues are not on the disk, and `bootId` is known. @throws RuntimeFault */
  leave(queues: Iterable<LogicQueue>, sum: number, inPageCache: boolean): void {
    const ends: Record<string, QueueEnd> = {};
    for (const { topic, queueId, maxOffset, maxPhysicalOffset } of queues) {
      if (maxOffset > 0) ends[`${topic}/${queueId}`] = [maxOffset, maxPhysicalOffset];
    }
    const left: LeftEnds = { sum, ends, ...(inPageCache ? { bootId: this.bootId } : {}) };
    // A power cut makes it worthless when it is about the page cache.
    this.#files.write(this.#path, encodeUtf8(JSON.stringify(left)), { sync: !inPageCache });
  }

  /**
   * What a stop left, if it is still true: nobody wrote since, or no power was lost. Else the queues are asked.
   * @param isStopped the last stop was orderly @param queuesSum of the checkpoint
   */
  readTrue(isStopped: boolean, queuesSum: number): LeftEnds | undefined {
    const left = this.#read();
    if (left === undefined) return undefined;
    const inPageCache = left.bootId !== undefined;
    if (isStopped) return !inPageCache && left.sum === queuesSum ? left : undefined;
    return inPageCache && left.bootId === this.bootId ? left : undefined;
  }

  /** Undefined without a file, or when it is broken. */
  #read(): LeftEnds | undefined {
    const bytes = this.#files.read(this.#path);
    if (bytes === undefined) return undefined;
    try {
      const left = JSON.parse(decodeUtf8(bytes)) as LeftEnds;
      return typeof left?.sum === "number" && typeof left.ends === "object" && left.ends !== null ? left : undefined;
    } catch {
      return undefined;
    }
  }

  /** Before anything is written that makes it untrue. */
  remove(): void {
    if (this.#files.exists(this.#path)) this.#files.remove(this.#path);
  }
}
