/**
 * What a pull gets whose filter asks for more than the consume queue knows: each record is shown to the filter where it lies,
 * in the tail buffer or in a piece of the log that is here, and only what passes is copied.
 *
 * Units of one message only (`consume_queue.ts`); for others there is `portion_scan.ts`.
 */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { RECORD_BYTES_MIN } from "../../wire/message.ts";
import { frameHolds } from "../../wire/message_reader.ts";
import type { RoomOfOne, Tried } from "./answer_room.ts";
import type { BodyPool } from "./body_pool.ts";
import type { CommitLog } from "./commit_log.ts";
import { UNIT_BYTES } from "./consume_queue_unit.ts";
import type { LogicQueue } from "./logic_queue.ts";
import type { Losses } from "./losses.ts";
import type { GetLimits, GetResult, RecordFilter } from "./message_store.ts";
import { ReadAhead, type Stretch } from "./read_ahead.ts";
import { isRecordOf, LARGE_RECORD_BYTES, RUN_BYTES_MAX, RUN_BYTES_MIN, runEnd } from "./record_checks.ts";
import type { ScanResult } from "./scan_job.ts";
import type { Scratch } from "./scratch.ts";

/** The first buffer of an answer: what an answer has by default at most. */
export const BODY_BYTES = 256 * 1024;
/** Answers below are copied out, so that the buffer is free at once. */
const SMALL_BYTES = 4 * 1024;

const NOTHING = new Uint8Array(0);
const NO_STRETCH: Stretch = { bytes: NOTHING, base: 0, length: 0 };

export interface MatchingParts {
  readonly commitLog: CommitLog;
  readonly ahead: ReadAhead;
  readonly losses: Losses;
  readonly bodies: BodyPool;
  /** Room for records that are looked at: nothing in it is needed beyond the turn. */
  readonly runs: Scratch;
  /** How much of the log's end counts as being in memory: see `GetResult.suggestSlave`. */
  hotBytes(): number;
}

/** One pull. */
export class MatchingReader {
  readonly #parts: MatchingParts;
  readonly #queue: LogicQueue;
  #units: Uint8Array;
  #ownsUnits = false;
  readonly #limits: GetLimits;
  readonly #matches: RecordFilter;
  /** Byte of the unit of the first offset. */
  readonly #begin: number;
  /** Unit to look at next, and its queue offset. */
  #at: number;
  #next: number;
  #lastPhysical = 0;
  #looked = 0;
  #body: Uint8Array = NOTHING;
  #release: (() => void) | undefined;
  #filled = 0;
  #count = 0;

  /** @param units from the one of `offset` on, with `lead` units in front of it; those of a scratch are copied before it waits */
  constructor(
    parts: MatchingParts,
    queue: LogicQueue,
    wanted: { readonly units: Uint8Array; readonly lead: number; readonly offset: number },
    limits: GetLimits,
    matches: RecordFilter,
  ) {
    this.#parts = parts;
    this.#queue = queue;
    this.#units = wanted.units;
    this.#begin = wanted.lead * UNIT_BYTES;
    this.#at = this.#begin;
    this.#next = wanted.offset;
    this.#limits = limits;
    this.#matches = matches;
  }

  /**
   * Looks on until there is enough or all units were looked at.
   * @param room for what it holds while it waits for the disk
   * @returns undefined when it would have to wait and there is none: what it holds is given back
   */
  run(room: RoomOfOne): Tried<GetResult> {
    const { commitLog } = this.#parts;
    // Valid until the end of this turn.
    let stretch: Stretch = NO_STRETCH;
    while (this.#walk(stretch)) {
      const physical = readInt64(this.#units, this.#at);
      const size = readInt32(this.#units, this.#at + 8);
      const found = commitLog.recentStretch(physical, size) ?? this.#stretchNow(physical, size);
      if (found === undefined) {
        if (room.has(Math.max(BODY_BYTES, this.#body.length) + this.#units.length + size))
          return this.#runLater(physical, size, room);
        this.#release?.();
        return undefined;
      }
      stretch = found;
    }
    return this.#result();
  }

  /**
   * As `run`, behind what was looked at elsewhere of these units; they and its body are this one's now.
   * @param unitsMax no more are looked at in all, but for one
   */
  runBehind(done: ScanResult, unitsMax: number, room: RoomOfOne): Tried<GetResult> {
    const { at, looked, lastPhysical, count, filled, body, isEnough } = done;
    this.#next += (at - this.#at) / UNIT_BYTES;
    this.#at = at;
    this.#units = this.#units.subarray(0, Math.max(at + UNIT_BYTES, unitsMax * UNIT_BYTES));
    this.#ownsUnits = true;
    this.#looked = looked;
    this.#lastPhysical = lastPhysical;
    this.#count = count;
    this.#filled = filled;
    this.#body = new Uint8Array(body);
    this.#release = this.#parts.bodies.releaseOf(this.#body);
    return isEnough ? this.#result() : this.run(room);
  }

  /** As `run`, from a record on that is not here. */
  async #runLater(physical: number, size: number, room: RoomOfOne): Promise<GetResult | undefined> {
    if (!this.#ownsUnits) this.#units = this.#units.slice();
    this.#ownsUnits = true;
    const fetched = await this.#fetch(physical, size);
    if (fetched !== undefined && !this.#take(fetched.bytes, 0, physical, size)) return this.#result();
    this.#step();
    return this.run(room);
  }

  /**
   * Looks at units as long as their records lie in `stretch`; true at one whose record lies elsewhere, false when there is
   * enough, or no unit left. Every record that a filter is asked about passes through this loop: it makes no closure and no
   * object, and is small enough to become machine code soon.
   */
  #walk({ bytes, base, length }: Stretch): boolean {
    const units = this.#units;
    const { minOffset } = this.#parts.commitLog;
    const end = base + length;
    // A unit that repeats the one before it is a hole (`isHole`).
    let before = this.#at >= UNIT_BYTES ? readInt64(units, this.#at - UNIT_BYTES) : Number.NaN;
    for (; this.#at < units.length; this.#step()) {
      const physical = readInt64(units, this.#at);
      const size = readInt32(units, this.#at + 8);
      const isHole = physical === before;
      before = physical;
      if (isHole) continue;
      if (physical < base || physical + size > end || physical < minOffset || size < RECORD_BYTES_MIN) {
        if (this.#mayBeThere(physical, size)) return true;
        continue;
      }
      // An int32, and known as such: as the difference of two doubles it would make every index into the record one, which
      // costs the filter twice its time.
      if (!this.#take(bytes, (physical - base) | 0, physical, size)) return false;
    }
    return false;
  }

  /** Whether the log has bytes where a unit says that its record is. */
  #mayBeThere(physical: number, size: number): boolean {
    const { commitLog, losses } = this.#parts;
    const { minOffset, writtenOffset, files } = commitLog;
    const { fileSize } = files;
    if (size < RECORD_BYTES_MIN || physical < 0 || size > fileSize - (physical % fileSize)) {
      losses.unreadable(physical, size);
      return false;
    }
    return physical >= minOffset && physical + size <= writtenOffset;
  }

  #step(): void {
    this.#at += UNIT_BYTES;
    this.#next++;
  }

  /** False when the record at `bytes[at]` passes and there is no more room: the next pull begins with it. */
  #take(bytes: Uint8Array, at: number, physical: number, size: number): boolean {
    if (!isRecordOf(bytes, at, size, physical) || !frameHolds(bytes, at, size)) {
      this.#parts.losses.unreadable(physical, size);
      return true;
    }
    this.#looked++;
    this.#lastPhysical = physical;
    if (!this.#matches(bytes, at)) return true;
    const { messagesMax, bytesMax } = this.#limits;
    if (this.#count > 0 && (this.#count >= messagesMax || this.#filled + size > bytesMax)) return false;
    this.#makeRoom(size);
    this.#body.set(bytes.subarray(at, at + size), this.#filled);
    this.#filled += size;
    this.#count++;
    return true;
  }

  #makeRoom(size: number): void {
    const needed = this.#filled + size;
    if (needed <= this.#body.length) return;
    const { bodies } = this.#parts;
    const larger = bodies.take(Math.max(needed, 2 * this.#body.length, BODY_BYTES));
    larger.set(this.#body.subarray(0, this.#filled));
    this.#release?.();
    this.#body = larger;
    this.#release = bodies.releaseOf(larger);
  }

  /** A record, and what follows it, that is had without waiting for the disk. */
  #stretchNow(physical: number, size: number): Stretch | undefined {
    const { ahead, commitLog } = this.#parts;
    const here = ahead.stretch(physical, size);
    // One that is so long must itself say so first.
    if (here !== undefined || size > LARGE_RECORD_BYTES) return here;
    const run = this.#runBytes(physical, size);
    if (run >= RUN_BYTES_MIN) {
      const bytes = this.#parts.runs.room(run);
      return commitLog.readCached(bytes, physical) ? { bytes, base: physical, length: run } : undefined;
    }
    const near = this.#hasNeighbour(physical);
    const piece = ahead.stretchNow(physical, size, near);
    if (piece !== undefined) return piece;
    // By itself, or across the end of a piece.
    const bytes = this.#parts.runs.room(size);
    return ahead.readNow(bytes, physical, near) ? { bytes, base: physical, length: size } : undefined;
  }

  /** How far the records of units that follow go on in the log without a gap. */
  #runBytes(physical: number, size: number): number {
    const endMax = Math.min(physical + RUN_BYTES_MAX, this.#parts.commitLog.writtenOffset);
    return runEnd(this.#units, this.#at + UNIT_BYTES, physical + size, endMax) - physical;
  }

  /** A record that is not here as a whole; undefined when it is gone or none. */
  async #fetch(physical: number, size: number): Promise<Stretch | undefined> {
    const { ahead, commitLog, losses } = this.#parts;
    if (size > LARGE_RECORD_BYTES) {
      // It must itself say that it is so long before memory is taken for it.
      const head = new Uint8Array(RECORD_BYTES_MIN);
      const there = await ahead.inTurn(() => commitLog.read(head, physical));
      if (!there || !isRecordOf(head, 0, size, physical)) {
        losses.unreadable(physical, size);
        return undefined;
      }
    }
    const bytes = new Uint8Array(size);
    const there = await ahead.read(bytes, physical, this.#hasNeighbour(physical));
    return there ? { bytes, base: physical, length: size } : undefined;
  }

  /** The next record, or the one before, is near enough to be read with this one. */
  #hasNeighbour(physical: number): boolean {
    const after = this.#at + UNIT_BYTES;
    if (after < this.#units.length && ReadAhead.isNear(physical, readInt64(this.#units, after))) return true;
    return this.#at >= UNIT_BYTES && ReadAhead.isNear(physical, readInt64(this.#units, this.#at - UNIT_BYTES));
  }

  #result(): GetResult {
    const { minOffset, maxOffset } = this.#queue;
    const { commitLog } = this.#parts;
    // Only a file that vanished under us has no unit where the queue has one.
    const nothing = this.#units.length <= this.#begin ? "OFFSET_FOUND_NULL" : "MESSAGE_WAS_REMOVING";
    const found = this.#body.subarray(0, this.#filled);
    const small = this.#filled < SMALL_BYTES;
    const body = small ? found.slice() : found;
    if (small) this.#release?.();
    return {
      status: this.#count > 0 ? "FOUND" : this.#looked > 0 ? "NO_MATCHED_MESSAGE" : nothing,
      nextBeginOffset: this.#next,
      minOffset,
      maxOffset,
      body,
      release: small ? undefined : this.#release,
      messageCount: this.#count,
      suggestSlave: commitLog.endOffset - this.#lastPhysical > this.#parts.hotBytes(),
    };
  }
}
