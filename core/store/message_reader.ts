/**
 * What a pull gets: units of the consume queue from an offset on, filtered by their tags, then the records they point at.
 * Statuses and offsets are Apache's.
 *
 * A consumer at the tail is served from memory, units and records, at once and without a read. Everything older is read off
 * the event loop in large pieces, with few reads in flight: a consumer far behind, or a slow disk, does not slow the one at
 * the tail.
 */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { RECORD_BYTES_MIN } from "../../wire/message.ts";
import { frameHolds } from "../../wire/message_reader.ts";
import type { AnswerRoom, RoomOfOne, Tried } from "./answer_room.ts";
import { BATCH_UNIT_BYTES, unitBase, unitBatchSize } from "./batch_consume_queue.ts";
import { BodyPool } from "./body_pool.ts";
import type { CommitLog } from "./commit_log.ts";
import { type ConsumeQueueExt, extOffsetAt } from "./consume_queue_ext.ts";
import { isHole, UNIT_BYTES } from "./consume_queue_unit.ts";
import { FilteredReader } from "./filtered_reader.ts";
import type { LogicQueue } from "./logic_queue.ts";
import type { Losses } from "./losses.ts";
import type { GetLimits, GetResult, GetStatus, RecordScan, TagsFilter } from "./message_store.ts";
import type { StoreSettings } from "./options.ts";
import { type Found, leadOf, nothing, PullEntry, UNITS_BYTES_MAX } from "./pull_entry.ts";
import { ReadAhead } from "./read_ahead.ts";
import { isRecordOf, LARGE_RECORD_BYTES, RUN_BYTES_MAX, RUN_BYTES_MIN } from "./record_checks.ts";
import { Scratch } from "./scratch.ts";

/** Apache never answers more, whatever the client asks for. */
const PULL_BYTES_MAX = 128 * 1024 * 1024;

const NOTHING = new Uint8Array(0);
const NONE: ReadonlySet<number> = new Set();

/** Records to be delivered. */
interface Selection {
  readonly offsets: number[];
  readonly sizes: number[];
  bytes: number;
  /** Messages in them: more than records when there are batches. */
  messages: number;
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
  readonly #losses: Losses;
  readonly #memoryBytes: number;
  readonly #ahead: ReadAhead;
  readonly #bodies = new BodyPool();
  readonly #entry: PullEntry;
  readonly #filtered: FilteredReader;
  readonly #units = new Scratch(UNITS_BYTES_MAX);

  constructor(commitLog: CommitLog, settings: StoreSettings, losses: Losses, memoryBytes: number, room: AnswerRoom) {
    this.#commitLog = commitLog;
    this.#settings = settings;
    this.#losses = losses;
    this.#memoryBytes = memoryBytes;
    this.#ahead = new ReadAhead(commitLog, settings);
    this.#entry = new PullEntry(commitLog, this.#ahead, room);
    this.#filtered = new FilteredReader(this.#entry, {
      commitLog,
      losses,
      ahead: this.#ahead,
      bodies: this.#bodies,
      runs: new Scratch(RUN_BYTES_MAX),
      hotBytes: () => this.#hotBytes(),
    });
  }

  get(queue: LogicQueue | undefined, offset: number, limits: GetLimits, filter: TagsFilter): Found {
    return this.#entry.enter(queue, offset, limits.asker, (known, room) => {
      // Without a filter no more units are needed than messages are wanted.
      const scanned = filter === undefined ? limits.messagesMax : this.#scannedMax(limits);
      const lead = leadOf(known, offset);
      const span = { from: offset - lead, count: scanned + lead, scratch: this.#units };
      return this.#entry.units(known, span, room, (units) => this.#deliver(known, offset, limits, filter, units, lead, room));
    });
  }

  /** As `get`, of records that pass. Not for queues of batches. */
  getMatching(queue: LogicQueue | undefined, offset: number, limits: GetLimits, scan: RecordScan): Found {
    return this.#filtered.get(queue, offset, limits, scan);
  }

  #deliver(
    queue: LogicQueue,
    offset: number,
    limits: GetLimits,
    filter: TagsFilter,
    units: Uint8Array,
    lead: 0 | 1,
    room: RoomOfOne,
  ): Tried<GetResult> {
    const selection = this.#select(units, queue, lead, offset, limits, filter);
    // Only the first can be that long: it is delivered whatever the limits are.
    if (selection.bytes > LARGE_RECORD_BYTES && (selection.sizes[0] as number) > LARGE_RECORD_BYTES) {
      if (!room.has(selection.bytes)) return undefined;
      return this.#checkLarge(selection).then(() => this.#fill(queue, selection, room));
    }
    return this.#fill(queue, selection, room);
  }

  /** Fetches what was selected; at once when that waits for no disk. @returns undefined when it does and may not */
  #fill(queue: LogicQueue, selection: Selection, room: RoomOfOne): Tried<GetResult> {
    const { offsets, sizes } = selection;
    if (offsets.length === 0) return this.#result(queue, selection, NOTHING, 0);
    const body = this.#bodies.take(selection.bytes);
    for (let i = 0, at = 0; i < offsets.length; ) {
      const from = offsets[i] as number;
      const first = i;
      let bytes = 0;
      while (i < offsets.length && offsets[i] === from + bytes) bytes += sizes[i++] as number;
      const isAll = bytes === body.length;
      const run = isAll ? body : body.subarray(at, at + bytes);
      if (!this.#runNow(run, from, isAll) && !this.#recordsNow(run, selection, first, i)) {
        if (room.has(body.length)) return this.#readLater(queue, selection, body, at, first);
        this.#bodies.releaseOf(body)?.();
        return undefined;
      }
      at += bytes;
    }
    return this.#accept(queue, selection, body, NONE);
  }

  /** Records that follow each other in the log, with one copy or read; false when that can't be, or is not worth it. */
  #runNow(run: Uint8Array, offset: number, isAll: boolean): boolean {
    if (this.#isHere(run, offset)) return true;
    const isLong = run.length >= RUN_BYTES_MIN || isAll;
    return isLong && run.length <= LARGE_RECORD_BYTES && this.#commitLog.readCached(run, offset);
  }

  /** The same records one by one, from the `first`-th selected to before the `end`-th. */
  #recordsNow(run: Uint8Array, { offsets, sizes }: Selection, first: number, end: number): boolean {
    for (let i = first, at = 0; i < end; i++) {
      const target = run.subarray(at, at + (sizes[i] as number));
      const offset = offsets[i] as number;
      const found =
        this.#isHere(target, offset) ||
        (target.length <= LARGE_RECORD_BYTES && this.#ahead.readNow(target, offset, hasNeighbour(offsets, i)));
      if (!found) return false;
      at += target.length;
    }
    return true;
  }

  #scannedMax(limits: GetLimits): number {
    const bytes = Math.max(this.#settings.maxFilterMessageSize, limits.messagesMax * UNIT_BYTES);
    return Math.ceil(bytes / UNIT_BYTES);
  }

  /** Takes the first record out of the selection if the log knows none of its size there. */
  async #checkLarge(selection: Selection): Promise<void> {
    const offset = selection.offsets[0] as number;
    const size = selection.sizes[0] as number;
    const head = new Uint8Array(RECORD_BYTES_MIN);
    const there = await this.#ahead.inTurn(() => this.#commitLog.read(head, offset));
    if (there && isRecordOf(head, 0, size, offset)) return;
    this.#losses.unreadable(offset, size);
    selection.offsets.shift();
    selection.sizes.shift();
    selection.bytes -= size;
    selection.messages = selection.offsets.length;
    if (selection.bytes === 0) selection.status = "MESSAGE_WAS_REMOVING";
  }

  /** @param lead units in front of that of `offset` */
  #select(
    units: Uint8Array,
    { unitBytes, ext }: LogicQueue,
    lead: 0 | 1,
    offset: number,
    limits: GetLimits,
    filter: TagsFilter,
  ): Selection {
    const commitLog = this.#commitLog;
    const pullBytesMax = Math.min(Math.max(limits.bytesMax, 100), PULL_BYTES_MAX);
    const selection: Selection = {
      offsets: [],
      sizes: [],
      bytes: 0,
      messages: 0,
      next: offset,
      lastPhysical: 0,
      status: "NO_MATCHED_MESSAGE",
    };
    const hotFrom = commitLog.writtenOffset - this.#hotBytes();
    const { fileSize } = commitLog.files;
    const ofBatches = unitBytes === BATCH_UNIT_BYTES;
    for (let at = lead * unitBytes; at < units.length; at += unitBytes) {
      const batch = ofBatches ? unitBatchSize(units, at) : 1;
      const physical = readInt64(units, at);
      const size = readInt32(units, at + 8);
      if (
        size < RECORD_BYTES_MIN ||
        physical < 0 ||
        size > fileSize - (physical % fileSize) ||
        (!ofBatches && isHole(units, at))
      ) {
        if (ofBatches || !isHole(units, at)) this.#losses.unreadable(physical, size);
        if (selection.bytes === 0) selection.status = "MESSAGE_WAS_REMOVING";
        selection.next = ofBatches ? unitBase(units, at) + batch : selection.next + 1;
        continue;
      }
      if (this.#isFull(selection, size, batch, limits.messagesMax, pullBytesMax, physical >= hotFrom)) break;
      selection.lastPhysical = physical;
      selection.next = ofBatches ? unitBase(units, at) + batch : selection.next + 1;
      if (filter !== undefined && !matches(filter, units, at + 12, ext)) continue;
      if (physical < commitLog.minOffset || physical + size > commitLog.writtenOffset) {
        if (selection.bytes === 0) selection.status = "MESSAGE_WAS_REMOVING";
        continue;
      }
      selection.offsets.push(physical);
      selection.sizes.push(size);
      selection.bytes += size;
      selection.messages += batch;
    }
    // Only a file that vanished under us has no unit where the queue has one.
    if (units.length <= lead * unitBytes) selection.status = "OFFSET_FOUND_NULL";
    return selection;
  }

  #isFull(selection: Selection, size: number, batch: number, messagesMax: number, pullBytesMax: number, hot: boolean): boolean {
    const { bytes, messages: count } = selection;
    if (count === 0) return false;
    if (count + batch > messagesMax || bytes + size > pullBytesMax) return true;
    const settings = this.#settings;
    return hot
      ? bytes + size > settings.maxTransferBytesOnMessageInMemory || count > settings.maxTransferCountOnMessageInMemory - 1
      : bytes + size > settings.maxTransferBytesOnMessageInDisk || count > settings.maxTransferCountOnMessageInDisk - 1;
  }

  /** How much of the log's end counts as being in memory. */
  #hotBytes(): number {
    return (this.#memoryBytes * this.#settings.accessMessageInMemoryMaxRatio) / 100;
  }

  /** Reads the selected records from the `from`-th on, which lie at `begin` in `body`. */
  async #readLater(queue: LogicQueue, selection: Selection, body: Uint8Array, begin: number, from: number): Promise<GetResult> {
    const { offsets, sizes } = selection;
    const gone = new Set<number>();
    const near: { target: Uint8Array; index: number }[] = [];
    const reads: Promise<void>[] = [];
    const read = async (target: Uint8Array, index: number, isNear: boolean): Promise<void> => {
      if (!(await this.#ahead.read(target, offsets[index] as number, isNear))) gone.add(index);
    };
    let at = begin;
    for (let index = from; index < offsets.length; index++) {
      const target = body.subarray(at, at + (sizes[index] as number));
      at += target.length;
      if (this.#isHere(target, offsets[index] as number)) continue;
      // A record with another near it is worth a piece of the log; one far from the rest is read by itself, beside others.
      if (hasNeighbour(offsets, index)) near.push({ target, index });
      else reads.push(read(target, index, false));
    }
    const readNear = async (): Promise<void> => {
      // One after another: what the first brings has the next in it.
      for (const { target, index } of near) await read(target, index, true);
    };
    await Promise.all([readNear(), ...reads]);
    return this.#accept(queue, selection, body, gone);
  }

  /** Copies a record that is in memory; false when it is not. */
  #isHere(target: Uint8Array, offset: number): boolean {
    return this.#commitLog.copyRecent(target, offset) || this.#ahead.copy(target, offset);
  }

  /**
   * The answer of records that lie in `body` as selected, but for those that are `gone`. One that is not that of its unit is
   * left out as well. As with Apache, it is the client that checks the CRC of a body.
   */
  #accept(queue: LogicQueue, selection: Selection, body: Uint8Array, gone: ReadonlySet<number>): GetResult {
    const { offsets, sizes } = selection;
    let filled = 0;
    for (let i = 0, at = 0; i < offsets.length; i++) {
      const size = sizes[i] as number;
      const offset = offsets[i] as number;
      if (gone.size === 0 || !gone.has(i)) {
        if (isRecordOf(body, at, size, offset) && frameHolds(body, at, size)) {
          // Something before it was left out.
          if (filled < at) body.copyWithin(filled, at, at + size);
          filled += size;
        } else this.#losses.unreadable(offset, size);
      }
      at += size;
    }
    return this.#result(queue, selection, body, filled);
  }

  #result(queue: LogicQueue, selection: Selection, body: Uint8Array, filled: number): GetResult {
    const { minOffset, maxOffset } = queue;
    const suggestSlave = this.#commitLog.endOffset - selection.lastPhysical > this.#hotBytes();
    if (filled === 0) {
      const status = selection.offsets.length > 0 ? "MESSAGE_WAS_REMOVING" : selection.status;
      return { ...nothing(status, selection.next, minOffset, maxOffset), suggestSlave };
    }
    let messageCount = selection.messages;
    if (filled < body.length) {
      // A record was left out, which is rare: those that are there are counted.
      messageCount = 0;
      for (let at = 0; at < filled; messageCount++) at += readInt32(body, at);
    }
    return {
      status: "FOUND",
      nextBeginOffset: selection.next,
      minOffset,
      maxOffset,
      body: filled === body.length ? body : body.subarray(0, filled),
      release: this.#bodies.releaseOf(body),
      messageCount,
      suggestSlave,
    };
  }
}

/** Asks the filter; a tagsCode that is an address stands for the extended unit there. One that is lost lets the record pass. */
function matches(filter: NonNullable<TagsFilter>, units: Uint8Array, at: number, ext: ConsumeQueueExt | undefined): boolean {
  const address = ext === undefined ? -1 : extOffsetAt(units, at);
  if (address < 0) return filter(readInt64(units, at));
  const unit = ext?.get(address);
  return unit === undefined || filter(unit.tagsCode, unit);
}

const hasNeighbour = (offsets: readonly number[], index: number): boolean =>
  isNeighbour(offsets[index] as number, offsets[index + 1]) || isNeighbour(offsets[index] as number, offsets[index - 1]);

const isNeighbour = (offset: number, other: number | undefined): boolean =>
  other !== undefined && ReadAhead.isNear(offset, other);
