/**
 * A unit of a plain consume queue, of 20 bytes:
 *
 *     int64 physicalOffset   int32 size   int64 tagsCode          (tagsCode: hash of TAGS, or time of delivery)
 */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import type { QueueEntry } from "./message_store.ts";

export const UNIT_BYTES = 20;
/** Size of a blank unit. */
export const BLANK_SIZE = 0x7fff_ffff;

export function entryAt(units: Uint8Array, index: number, queueOffset: number): QueueEntry {
  const at = index * UNIT_BYTES;
  return {
    queueOffset,
    physicalOffset: readInt64(units, at),
    size: readInt32(units, at + 8),
    tagsCode: readInt64(units, at + 12),
  };
}

/** A unit before the start of a queue. */
export const isBlank = (entry: QueueEntry): boolean => entry.physicalOffset === 0 && entry.size === BLANK_SIZE;

/** True when the unit at `at` repeats the one before it: its message is lost. False for the first of `units`. */
export const isHole = (units: Uint8Array, at: number): boolean =>
  at >= UNIT_BYTES && readInt64(units, at) === readInt64(units, at - UNIT_BYTES);
