/**
 * Old parts of the log, read in large blocks off the event loop and kept for a moment.
 *
 * Consumers that are behind read the queues of one topic side by side: each pull wants every n-th record of the same stretch
 * of the log. With eight queues a read of just that stretch would move eight bytes for each one delivered; with the block
 * kept, the next seven pulls find it here. Blocks hold only bytes that are written, and those never change.
 */
import type { CommitLog } from "./commit_log.ts";

const BLOCK_BYTES = 512 * 1024;
/** 4 MiB. */
const BLOCKS_MAX = 8;

interface Block {
  readonly bytes: Uint8Array;
  /** Bytes that are there; fewer than all at the end of the log. */
  length: number;
}

export class ReadAhead {
  readonly #commitLog: CommitLog;
  /** By number; the least recently used first. */
  readonly #blocks = new Map<number, Block>();
  readonly #loading = new Map<number, Promise<void>>();
  readonly #free: Uint8Array[] = [];

  constructor(commitLog: CommitLog) {
    this.#commitLog = commitLog;
  }

  /** True when a record in `[a, b)` of the log is close enough for both to be read at once. */
  static isNear(a: number, b: number): boolean {
    return Math.abs(b - a) < BLOCK_BYTES / 2;
  }

  /** Copies log bytes that are here; false when some are not. */
  copy(target: Uint8Array, offset: number): boolean {
    for (let done = 0; done < target.length; ) {
      const number = Math.floor((offset + done) / BLOCK_BYTES);
      const block = this.#blocks.get(number);
      if (block === undefined) return false;
      const from = offset + done - number * BLOCK_BYTES;
      const to = Math.min(from + target.length - done, BLOCK_BYTES);
      if (to > block.length) return false;
      target.set(from === 0 && to === BLOCK_BYTES ? block.bytes : block.bytes.subarray(from, to), done);
      done += to - from;
    }
    return true;
  }

  /** Fetches the blocks that hold `[offset, offset + bytes)`; what can't be had is not here afterwards. @throws RuntimeFault */
  async load(offset: number, bytes: number): Promise<void> {
    const last = Math.floor((offset + bytes - 1) / BLOCK_BYTES);
    for (let number = Math.floor(offset / BLOCK_BYTES); number <= last; number++) {
      let loading = this.#loading.get(number);
      if (loading === undefined) {
        loading = this.#loadBlock(number).finally(() => this.#loading.delete(number));
        this.#loading.set(number, loading);
      }
      await loading;
    }
  }

  async #loadBlock(number: number): Promise<void> {
    const base = number * BLOCK_BYTES;
    const old = this.#blocks.get(number);
    if (old !== undefined) this.#drop(number, old);
    const begin = Math.max(base, this.#commitLog.minOffset);
    const length = Math.min(BLOCK_BYTES, this.#commitLog.writtenOffset - base);
    // A block that begins before the log does would have a hole: its records are read one by one.
    if (begin > base || length <= 0) return;
    const bytes = this.#free.pop() ?? new Uint8Array(BLOCK_BYTES);
    if (!(await this.#commitLog.read(bytes.subarray(0, length), base))) return;
    this.#blocks.set(number, { bytes, length });
    for (const [oldest, block] of this.#blocks) {
      if (this.#blocks.size <= BLOCKS_MAX) break;
      this.#drop(oldest, block);
    }
  }

  #drop(number: number, block: Block): void {
    this.#blocks.delete(number);
    if (this.#free.length < BLOCKS_MAX) this.#free.push(block.bytes);
  }
}
