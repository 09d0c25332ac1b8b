/** Whether bytes of the log are the record that a queue says they are. */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { MAGIC_V1, MAGIC_V2, RECORD_AT } from "../../wire/message.ts";

/** A record longer than this must itself say so before memory is taken for it. */
export const LARGE_RECORD_BYTES = 1024 * 1024;

/**
 * Records that follow each other and have so many bytes are read by themselves: a piece of the log (`read_ahead.ts`) costs as
 * much as ten such reads.
 */
export const RUN_BYTES_MIN = 8 * 1024;

/** True when the bytes at `at` are the record that stands at log offset `offset` with this size. */
export function isRecordOf(bytes: Uint8Array, at: number, size: number, offset: number): boolean {
  if (readInt32(bytes, at) !== size || readInt64(bytes, at + RECORD_AT.physicalOffset) !== offset) return false;
  const magic = readInt32(bytes, at + RECORD_AT.magic);
  return magic === MAGIC_V1 || magic === MAGIC_V2;
}
