/**
 * What a pull gets: units of the consume queue from an offset on, filtered by their tags, then the records they point at,
 * in as few reads as they lie together. Statuses and offsets are Apache's (06.1).
 *
 * Recent data (written lately by this process, so in memory) is read synchronously, everything else off the event loop: a
 * consumer far behind does not slow the one at the tail.
 */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { MAGIC_V1, MAGIC_V2, RECORD_AT } from "../../wire/message.ts";
import type { Log } from "../runtime.ts";
import type { CommitLog } from "./commit_log.ts";
import { type ConsumeQueue, UNIT_BYTES } from "./consume_queue.ts";
import type { GetLimits, GetResult, GetStatus, TagsFilter } from "./message_store.ts";
import type { StoreSettings } from "./options.ts";

/** Bytes between two wanted records that are read along because that is cheaper than another read, which costs 1 µs … */
const GAP_BYTES_MAX = 4 * 1024;
/** … or 10 µs when it is off the event loop. */
const LATER_GAP_BYTES_MAX = 32 * 1024;
/** The longest single read of records that do not lie together. */
const RUN_BYTES_MAX = 512 * 1024;
/** Scratch buffers kept for the next pulls. */
const SCRATCH_COUNT_MAX = 4;
/** Apache never answers more, whatever the client asks for. */
const PULL_BYTES_MAX = 128 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

/** Records to be delivered. */
interface Selection {
  readonly offsets: number[];
  readonly sizes: number[];
  bytes: number;
  /** Queue offset behind the last unit looked at. */
  next: number;
  /** Log offset of the last unit looked at. */
  lastPhysical: number;
  /** Why nothing was selected. */
  status: GetStatus;
}

export class MessageReader {
  readonly #commitLog: CommitLog;
  readonly #settings: StoreSettings;
  readonly #log: Log;
  readonly #memoryBytes: number;
  /** Buffers for runs with gaps, not in use. */
  readonly #scratch: Uint8Array[] = [];

  constructor(commitLog: CommitLog, settings: StoreSettings, log: Log, memoryBytes: number) {
    this.#commitLog = commitLog;
    this.#settings = settings;
    this.#log = log;
    this.#memoryBytes = memoryBytes;
  }

  get(queue: ConsumeQueue | undefined, offset: number, limits: GetLimits, filter: TagsFilter): GetResult | Promise<GetResult> {
    if (queue === undefined) return nothing("NO_MESSAGE_IN_QUEUE", 0, -1, 0);
    queue.correctMinOffset(this.#commitLog.minOffset);
    const { minOffset, maxOffset } = queue;
    if (maxOffset === 0) return nothing("NO_MESSAGE_IN_QUEUE", 0, -1, 0);
    if (offset < minOffset) return nothing("OFFSET_TOO_SMALL", minOffset, minOffset, maxOffset);
    if (offset === maxOffset) return nothing("OFFSET_OVERFLOW_ONE", offset, minOffset, maxOffset);
    if (offset > maxOffset) return nothing("OFFSET_OVERFLOW_BADLY", maxOffset, minOffset, maxOffset);

    // Without a filter no more units are needed than messages are wanted.
    const scanned = filter === undefined ? limits.messagesMax : this.#scannedMax(limits);
    if (queue.isRecent(offset)) return this.#deliver(queue, offset, limits, filter, queue.read(offset, scanned));
    return queue.readLater(offset, scanned).then((units) => this.#deliver(queue, offset, limits, filter, units));
  }

  #deliver(
    queue: ConsumeQueue,
    offset: number,
    limits: GetLimits,
    filter: TagsFilter,
    units: Uint8Array,
  ): GetResult | Promise<GetResult> {
    const selection = this.#select(units, offset, limits, filter);
    const first = selection.offsets[0];
    if (first === undefined) return this.#result(queue, selection, NOTHING, 0);
    // Physical offsets grow along a queue: when the first is recent, all are.
    if (this.#commitLog.isRecent(first)) return this.#readSync(queue, selection);
    return this.#readLater(queue, selection);
  }

  #scannedMax(limits: GetLimits): number {
    const bytes = Math.max(this.#settings.maxFilterMessageSize, limits.messagesMax * UNIT_BYTES);
    return Math.ceil(bytes / UNIT_BYTES);
  }

  #select(units: Uint8Array, offset: number, limits: GetLimits, filter: TagsFilter): Selection {
    const commitLog = this.#commitLog;
    const pullBytesMax = Math.min(Math.max(limits.bytesMax, 100), PULL_BYTES_MAX);
    const selection: Selection = {
      offsets: [],
      sizes: [],
      bytes: 0,
      next: offset,
      lastPhysical: 0,
      status: "NO_MATCHED_MESSAGE",
    };
    const hotFrom = commitLog.writtenOffset - this.#hotBytes();
    for (let at = 0; at < units.length; at += UNIT_BYTES) {
      const physical = readInt64(units, at);
      const size = readInt32(units, at + 8);
      if (this.#isFull(selection, size, limits.messagesMax, pullBytesMax, physical >= hotFrom)) break;
      selection.lastPhysical = physical;
      selection.next++;
      if (filter !== undefined && !filter(readInt64(units, at + 12))) continue;
      if (physical < commitLog.minOffset || physical + size > commitLog.writtenOffset) {
        if (selection.bytes === 0) selection.status = "MESSAGE_WAS_REMOVING";
        continue;
      }
      selection.offsets.push(physical);
      selection.sizes.push(size);
      selection.bytes += size;
    }
    // Only a file that vanished under us has no unit where the queue has one.
    if (units.length === 0) selection.status = "OFFSET_FOUND_NULL";
    return selection;
  }

  #isFull(selection: Selection, size: number, messagesMax: number, pullBytesMax: number, hot: boolean): boolean {
    const { bytes } = selection;
    const count = selection.offsets.length;
    if (count === 0) return false;
    if (count + 1 > messagesMax || bytes + size > pullBytesMax) return true;
    const settings = this.#settings;
    return hot
      ? bytes + size > settings.maxTransferBytesOnMessageInMemory || count > settings.maxTransferCountOnMessageInMemory - 1
      : bytes + size > settings.maxTransferBytesOnMessageInDisk || count > settings.maxTransferCountOnMessageInDisk - 1;
  }

  /** How much of the log's end counts as being in memory. */
  #hotBytes(): number {
    return (this.#memoryBytes * this.#settings.accessMessageInMemoryMaxRatio) / 100;
  }

  #readSync(queue: ConsumeQueue, selection: Selection): GetResult {
    const body = new Uint8Array(selection.bytes);
    const scratch = this.#takeScratch();
    let filled = 0;
    for (const run of runsOf(selection, GAP_BYTES_MAX)) {
      const direct = run.bytes === run.end - run.begin;
      const source = direct ? body.subarray(filled, filled + run.bytes) : scratch.subarray(0, run.end - run.begin);
      if (!this.#commitLog.readSync(source, run.begin)) continue;
      filled = this.#collect(selection, run, source, body, filled, direct);
    }
    this.#scratch.push(scratch);
    return this.#result(queue, selection, body, filled);
  }

  async #readLater(queue: ConsumeQueue, selection: Selection): Promise<GetResult> {
    const body = new Uint8Array(selection.bytes);
    const scratch = this.#takeScratch();
    let filled = 0;
    for (const run of runsOf(selection, LATER_GAP_BYTES_MAX)) {
      const direct = run.bytes === run.end - run.begin;
      const source = direct ? body.subarray(filled, filled + run.bytes) : scratch.subarray(0, run.end - run.begin);
      if (!(await this.#commitLog.read(source, run.begin))) continue;
      filled = this.#collect(selection, run, source, body, filled, direct);
    }
    // After a fault above the buffer is simply not used again.
    if (this.#scratch.length < SCRATCH_COUNT_MAX) this.#scratch.push(scratch);
    return this.#result(queue, selection, body, filled);
  }

  #takeScratch(): Uint8Array {
    return this.#scratch.pop() ?? new Uint8Array(RUN_BYTES_MAX);
  }

  /** Moves the wanted records of a run to `body`; one that is not what its unit says is left out. */
  #collect(selection: Selection, run: Run, source: Uint8Array, body: Uint8Array, filledBefore: number, direct: boolean): number {
    let filled = filledBefore;
    for (let i = run.from; i < run.to; i++) {
      const offset = selection.offsets[i] as number;
      const size = selection.sizes[i] as number;
      const at = offset - run.begin;
      if (!isRecordOf(source, at, size, offset)) {
        this.#log.warn("a consume queue points at something that is no message; it is passed over", { offset, size });
        selection.sizes[i] = 0;
        continue;
      }
      const inPlace = direct && source.byteOffset + at === body.byteOffset + filled;
      if (!inPlace) body.set(source.subarray(at, at + size), filled);
      filled += size;
    }
    return filled;
  }

  #result(queue: ConsumeQueue, selection: Selection, body: Uint8Array, filled: number): GetResult {
    const { minOffset, maxOffset } = queue;
    const suggestSlave = this.#commitLog.endOffset - selection.lastPhysical > this.#hotBytes();
    if (filled === 0) {
      const status = selection.offsets.length > 0 ? "MESSAGE_WAS_REMOVING" : selection.status;
      return { ...nothing(status, selection.next, minOffset, maxOffset), suggestSlave };
    }
    let messageCount = 0;
    let at = 0;
    for (; at < filled; messageCount++) at += readInt32(body, at);
    return {
      status: "FOUND",
      nextBeginOffset: selection.next,
      minOffset,
      maxOffset,
      body: filled === body.length ? body : body.subarray(0, filled),
      messageCount,
      suggestSlave,
    };
  }
}

/** Selected records `[from, to)`, read together as log bytes `[begin, end)`. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly begin: number;
  readonly end: number;
  /** Of the selected records; `end - begin` when they lie side by side. */
  readonly bytes: number;
}

function* runsOf({ offsets, sizes }: Selection, gapBytesMax: number): Generator<Run> {
  for (let from = 0; from < offsets.length; ) {
    const begin = offsets[from] as number;
    let end = begin;
    let bytes = 0;
    let to = from;
    for (; to < offsets.length; to++) {
      const offset = offsets[to] as number;
      const size = sizes[to] as number;
      const apart = offset !== end;
      if (to > from && (offset < end || offset - end > gapBytesMax)) break;
      // A run that lies together may be as long as the client wants it; one with gaps has a bound.
      if (to > from && (apart || bytes !== end - begin) && offset + size - begin > RUN_BYTES_MAX) break;
      end = offset + size;
      bytes += size;
    }
    yield { from, to, begin, end, bytes };
    from = to;
  }
}

/** True when the bytes at `at` are the record that stands at log offset `offset` with this size. */
export function isRecordOf(bytes: Uint8Array, at: number, size: number, offset: number): boolean {
  if (readInt32(bytes, at) !== size || readInt64(bytes, at + RECORD_AT.physicalOffset) !== offset) return false;
  const magic = readInt32(bytes, at + RECORD_AT.magic);
  return magic === MAGIC_V1 || magic === MAGIC_V2;
}

function nothing(status: GetStatus, nextBeginOffset: number, minOffset: number, maxOffset: number): GetResult {
  return { status, nextBeginOffset, minOffset, maxOffset, body: NOTHING, messageCount: 0, suggestSlave: false };
}
