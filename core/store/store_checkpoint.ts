/**
 * The file `checkpoint`: 4,096 bytes, of which Apache uses six int64, and we four more.
 *
 *     0 physicMsgTimestamp   8 logicsMsgTimestamp   16 indexMsgTimestamp   24 masterFlushedOffset   32 confirmPhyOffset
 *     40 logicsPhysicalOffset: the last record whose dispatch is on the disk; recovery starts there
 *
 *     48 sum of the consume queues at an orderly stop (`queues_sum.ts`), else 0   56 physicMsgTimestamp once more
 *     64 indexedOffset: the last record of which every key is in the index on the disk
 *     72 bootMark: in which running of the kernel this was written
 *
 * Apache leaves the last four as they are and changes physicMsgTimestamp: where the times at 0 and 56 differ, Apache wrote last.
 *
 * Apache moves logicsPhysicalOffset at a recovery only, and indexMsgTimestamp when an index file is full. Here both move
 * with every checkpoint: a start after a crash reads what came since and no more, and Apache, should it be the one that
 * starts, drops no index file (it drops those that end after indexMsgTimestamp).
 */
import { readInt64, writeInt64 } from "../../wire/bytes.ts";
import type { Files } from "../runtime.ts";

const FILE_BYTES = 4096;
const APACHE_BYTES = 48;
const USED_BYTES = 80;

export class StoreCheckpoint {
  physicMsgTimestamp = 0;
  logicsMsgTimestamp = 0;
  indexMsgTimestamp = 0;
  masterFlushedOffset = 0;
  confirmPhyOffset = 0;
  logicsPhysicalOffset = 0;
  /** Of the consume queues at the last orderly stop; 0 when unknown. */
  queuesSum = 0;
  /** Records before it, and it, need no key put into the index again; 0 when unknown. */
  indexedOffset = 0;
  /** See `QueueEnds.bootMark`; 0 when unknown. */
  bootMark = 0;
  /** This store wrote the file, and no Apache broker since. */
  isOurs = false;
  readonly #files: Files;
  readonly #path: string;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** False when the file is absent or can't be one; all fields are 0 then, which means: know nothing. */
  load(): boolean {
    const bytes = this.#files.read(this.#path);
    if (bytes === undefined || bytes.length < APACHE_BYTES) return false;
    const field = (at: number): number => {
      if (at + 8 > bytes.length) return 0;
      const value = readInt64(bytes, at);
      return Number.isSafeInteger(value) && value >= 0 ? value : 0;
    };
    this.physicMsgTimestamp = field(0);
    this.logicsMsgTimestamp = field(8);
    this.indexMsgTimestamp = field(16);
    this.masterFlushedOffset = field(24);
    this.confirmPhyOffset = field(32);
    this.logicsPhysicalOffset = field(40);
    this.isOurs = this.physicMsgTimestamp > 0 && field(56) === this.physicMsgTimestamp;
    this.queuesSum = this.isOurs ? field(48) : 0;
    this.indexedOffset = this.isOurs ? field(64) : 0;
    this.bootMark = this.isOurs ? field(72) : 0;
    return true;
  }

  /** Makes the file when it is absent, with nothing known. @throws RuntimeFault */
  create(): void {
    if (!this.#files.exists(this.#path)) this.#files.write(this.#path, new Uint8Array(FILE_BYTES), { sync: true });
  }

  /** Writes and syncs the file, which keeps its size and what Apache does not use of it. @throws RuntimeFault */
  async save(): Promise<void> {
    const used = new Uint8Array(USED_BYTES);
    writeInt64(used, 0, this.physicMsgTimestamp);
    writeInt64(used, 8, this.logicsMsgTimestamp);
    writeInt64(used, 16, this.indexMsgTimestamp);
    writeInt64(used, 24, this.masterFlushedOffset);
    writeInt64(used, 32, this.confirmPhyOffset);
    writeInt64(used, 40, this.logicsPhysicalOffset);
    writeInt64(used, 48, this.queuesSum);
    writeInt64(used, 56, this.physicMsgTimestamp);
    writeInt64(used, 64, this.indexedOffset);
    writeInt64(used, 72, this.bootMark);
    const file = this.#files.open(this.#path, { create: true });
    try {
      if (file.size() !== FILE_BYTES) file.truncate(FILE_BYTES);
      // 80 bytes at the start of the file lie in one sector: they change together or not at all.
      file.writeSync(used, 0);
      await file.dataSync();
    } finally {
      file.close();
    }
  }
}
