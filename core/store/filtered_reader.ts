/**
 * Pulls through a filter that asks for more than the consume queue knows: units from an offset on, and their records looked at
 * here (`matching_reader.ts`), or beside the event loop where there is somebody who does that (`log_scan.ts`).
 */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import type { RoomOfOne, Tried } from "./answer_room.ts";
import { UNIT_BYTES } from "./consume_queue_unit.ts";
import type { LogicQueue } from "./logic_queue.ts";
import { BODY_BYTES, type MatchingParts, MatchingReader } from "./matching_reader.ts";
import type { GetLimits, GetResult, RecordScan, ScanBeside } from "./message_store.ts";
import { type Found, leadOf, nothing, type PullEntry, UNITS_BYTES_MAX } from "./pull_entry.ts";
import type { ScanJob } from "./scan_job.ts";
import { Scratch } from "./scratch.ts";

/** Fewer are not worth the way to those who look beside the event loop; more they do not take at once. */
const BESIDE_UNITS_MIN = 128;
const BESIDE_UNITS_MAX = 6_400;
const BESIDE_UNITS_BYTES = (BESIDE_UNITS_MAX + 1) * UNIT_BYTES;
const UNIT_BUFFERS_KEPT = 4;

/** One pull. */
interface Wanted {
  readonly queue: LogicQueue;
  readonly offset: number;
  /** Units before the one of `offset` that are read with it. */
  readonly lead: 0 | 1;
  /** Units that are looked at here, with those. */
  readonly count: number;
  readonly limits: GetLimits;
  readonly scan: RecordScan;
}

export class FilteredReader {
  readonly #entry: PullEntry;
  readonly #parts: MatchingParts;
  /** For the units of one pull. */
  readonly #units = new Scratch(UNITS_BYTES_MAX);
  readonly #besideUnits = new Scratch(BESIDE_UNITS_BYTES);
  /** Buffers for units that move to a thread and back. */
  readonly #unitBuffers: ArrayBuffer[] = [];

  constructor(entry: PullEntry, parts: MatchingParts) {
    this.#entry = entry;
    this.#parts = parts;
  }

  /** See `MessageStore.getMatching`. Not for queues of batches. */
  get(queue: LogicQueue | undefined, offset: number, limits: GetLimits, scan: RecordScan): Found {
    return this.#entry.enter(queue, offset, limits.asker, (known, room) => {
      const lead = leadOf(known, offset);
      const count = Math.max(limits.messagesMax, Math.ceil(scan.scannedMax)) + lead;
      const countBeside = Math.max(count, Math.min(scan.beside?.scannedMax ?? 0, BESIDE_UNITS_MAX) + lead);
      const scratch = countBeside === count ? this.#units : this.#besideUnits;
      const wanted: Wanted = { queue: known, offset, lead, count, limits, scan };
      return this.#entry.units(known, { from: offset - lead, count: countBeside, scratch }, room, (units) => {
        const beside = this.#whoLooksBeside(wanted, units);
        return beside === undefined ? this.#lookHere(wanted, units, room) : this.#lookBeside(wanted, units, room, beside);
      });
    });
  }

  #lookHere(wanted: Wanted, units: Uint8Array, room: RoomOfOne): Tried<GetResult> {
    return this.#matcher(wanted, units.subarray(0, wanted.count * UNIT_BYTES)).run(room);
  }

  #matcher({ queue, offset, lead, limits, scan }: Wanted, units: Uint8Array): MatchingReader {
    return new MatchingReader(this.#parts, queue, { units, lead, offset }, limits, scan.matches);
  }

  /** Undefined when nobody does now, or it is not worth it: what is in the tail is looked at where it lies. */
  #whoLooksBeside({ lead, scan }: Wanted, units: Uint8Array): ScanBeside | undefined {
    if (scan.beside === undefined || units.length < BESIDE_UNITS_MIN * UNIT_BYTES) return undefined;
    const first = lead * UNIT_BYTES;
    const isInTail = this.#parts.commitLog.recentStretch(readInt64(units, first), readInt32(units, first + 8)) !== undefined;
    return isInTail ? undefined : scan.beside;
  }

  /**
   * Has records that are in the files of the log looked at beside the event loop.
   * @returns undefined when there is no room for that
   */
  #lookBeside(wanted: Wanted, found: Uint8Array, room: RoomOfOne, beside: ScanBeside): Tried<GetResult> {
    // More where maxFilterMessageSize says so.
    const unitsBytes = Math.max(found.length, BESIDE_UNITS_BYTES);
    if (!room.has(unitsBytes + BODY_BYTES)) return undefined;
    const units = (unitsBytes === BESIDE_UNITS_BYTES && this.#unitBuffers.pop()) || new ArrayBuffer(unitsBytes);
    new Uint8Array(units).set(found);
    const job = this.#job(wanted, units, found.length);
    return beside.scan(job).then(async (done) => {
      const { queue, offset, count } = wanted;
      if (done === undefined) return nothing("NO_MATCHED_MESSAGE", offset, queue.minOffset, queue.maxOffset);
      const isHere = done === "here";
      if (isHere) this.#parts.bodies.releaseOf(new Uint8Array(job.body))?.();
      const { units: buffer } = isHere ? job : done;
      const again = new Uint8Array(buffer, 0, job.unitsBytes);
      try {
        return await (isHere ? this.#lookHere(wanted, again, room) : this.#matcher(wanted, again).runBehind(done, count, room));
      } finally {
        this.#keep(buffer);
      }
    });
  }

  #job({ lead, limits }: Wanted, units: ArrayBuffer, unitsBytes: number): ScanJob {
    const log = this.#parts.commitLog;
    const { fileSize, files } = log.files;
    const view = new Uint8Array(units);
    const from = lead * UNIT_BYTES;
    const first = readInt64(view, from);
    const last = readInt64(view, unitsBytes - UNIT_BYTES);
    return {
      units,
      unitsBytes,
      from,
      body: this.#parts.bodies.take(BODY_BYTES).buffer as ArrayBuffer,
      files: files.filter(({ base }) => base + fileSize > first && base <= last).map(({ path, base }) => ({ path, base })),
      fileSize,
      begin: log.minOffset,
      end: log.writtenOffset,
      messagesMax: limits.messagesMax,
      bytesMax: limits.bytesMax,
    };
  }

  #keep(units: ArrayBuffer): void {
    if (units.byteLength === BESIDE_UNITS_BYTES && this.#unitBuffers.length < UNIT_BUFFERS_KEPT) this.#unitBuffers.push(units);
  }
}
