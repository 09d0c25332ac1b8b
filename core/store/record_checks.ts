/** Whether bytes of the log are the record that a queue says they are. */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { MAGIC_V1, MAGIC_V2, RECORD_AT } from "../../wire/message.ts";
import { UNIT_BYTES } from "./consume_queue_unit.ts";

/** A record longer than this must itself say so before memory is taken for it. */
export const LARGE_RECORD_BYTES = 1024 * 1024;

/**
 * Records that follow each other and have so many bytes are read by themselves: a piece of the log (`read_ahead.ts`) costs as
 * much as ten such reads.
 */
export const RUN_BYTES_MIN = 8 * 1024;
/** Records that follow each other are read together, up to so many bytes. */
export const RUN_BYTES_MAX = 128 * 1024;

/**
 * Where the record that ends at log offset `end` and those of the units from byte `at` on end that follow it without a gap.
 * @param endMax none of them ends behind it
 */
export function runEnd(units: Uint8Array, at: number, end: number, endMax: number): number {
  let last = end;
  for (let next = at; next < units.length && readInt64(units, next) === last; next += UNIT_BYTES) {
    const size = readInt32(units, next + 8);
    if (size <= 0 || last + size > endMax) break;
    last += size;
  }
  return last;
}

/** True when the bytes at `at` are the record that stands at log offset `offset` with this size. */
export function isRecordOf(bytes: Uint8Array, at: number, size: number, offset: number): boolean {
  if (readInt32(bytes, at) !== size || readInt64(bytes, at + RECORD_AT.physicalOffset) !== offset) return false;
  const magic = readInt32(bytes, at + RECORD_AT.magic);
  return magic === MAGIC_V1 || magic === MAGIC_V2;
}
