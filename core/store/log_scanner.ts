/** Reads the log from an offset on, record by record, checking each, to the first that is none. */
import { readInt64 } from "../../wire/bytes.ts";
import type { Crc32 } from "../../wire/message.ts";
import { BLANK_RECORD_BYTES, RECORD_AT, RECORD_BYTES_MIN } from "../../wire/message.ts";
import {
  bodyCrcHolds,
  layoutOf,
  propertyCrcHolds,
  type RecordLayout,
  readRecordMark,
  readStoreTimestamp,
} from "../../wire/message_reader.ts";
import type { FileQueue } from "./file_queue.ts";

/** Read at once; a longer record gets a buffer of its own. */
const BLOCK_BYTES = 1024 * 1024;

export interface ScanChecks {
  readonly crc32: Crc32;
  /** checkCRCOnRecover */
  readonly bodyCrc: boolean;
  /** forceVerifyPropCRC */
  readonly propertyCrc: boolean;
}

export interface ScanResult {
  /** Behind the last good record, or behind the filler that ends its file. */
  readonly end: number;
  /** Where the last good record begins; -1 when there was none. */
  readonly lastRecord: number;
  readonly lastStoreTimestamp: number;
  readonly recordCount: number;
  /** Why the scan ended before the last file's end, when it was not at plain zeros. */
  readonly broken: string | undefined;
}

/**
 * Calls `record` for each good record from `from` on, in order. A record counts when its size lies in its file, magic and
 * lengths are right, its own physical offset is where it stands and, if asked for, its CRC holds.
 * @param record the bytes are valid during the call
 * @throws RuntimeFault when the disk can't be read
 */
export async function scanLog(
  files: FileQueue,
  from: number,
  checks: ScanChecks,
  record: (bytes: Uint8Array, layout: RecordLayout) => void,
): Promise<ScanResult> {
  const { fileSize } = files;
  let block = new Uint8Array(BLOCK_BYTES);
  let blockAt = from;
  let blockBytes = 0;
  let at = from;
  let lastRecord = -1;
  let lastStoreTimestamp = 0;
  let recordCount = 0;
  let broken: string | undefined;

  const inBlock = (bytes: number): boolean => at >= blockAt && at + bytes <= blockAt + blockBytes;
  /** Makes `[at, at + bytes)` lie in the block; false at the end of the files. */
  const load = async (bytes: number): Promise<boolean> => {
    if (bytes > block.length) block = new Uint8Array(bytes);
    blockAt = at;
    const room = fileSize - (at % fileSize);
    blockBytes = await files.read(block.length <= room ? block : block.subarray(0, room), at);
    return blockBytes >= bytes;
  };

  for (;;) {
    if (files.fileAt(at) === undefined) break;
    const room = fileSize - (at % fileSize);
    if (room < BLANK_RECORD_BYTES || !(inBlock(BLANK_RECORD_BYTES) || (await load(BLANK_RECORD_BYTES)))) break;
    const mark = readRecordMark(block, at - blockAt);
    if (mark.kind === "blank") {
      at += room;
      continue;
    }
    if (mark.kind === "end") {
      if (mark.size !== 0 || mark.magic !== 0) broken = `size ${mark.size} and magic ${mark.magic} begin no record`;
      break;
    }
    if (mark.size < RECORD_BYTES_MIN || mark.size > room) {
      broken = `record size ${mark.size} is outside ${RECORD_BYTES_MIN}..${room}`;
      break;
    }
    if (!(inBlock(mark.size) || (await load(mark.size)))) break;
    const begin = at - blockAt;
    const bytes = block.subarray(0, begin + mark.size);
    const found = check(bytes, begin, at, checks);
    if (typeof found === "string") {
      broken = found;
      break;
    }
    record(bytes, found);
    lastRecord = at;
    lastStoreTimestamp = readStoreTimestamp(bytes, begin);
    recordCount++;
    at += mark.size;
  }
  return { end: at, lastRecord, lastStoreTimestamp, recordCount, broken };
}

/** The record's layout, or why it is none. `bytes` ends with the record. */
function check(bytes: Uint8Array, begin: number, offset: number, checks: ScanChecks): RecordLayout | string {
  const physical = readInt64(bytes, begin + RECORD_AT.physicalOffset);
  if (physical !== offset) return `a record at ${offset} says that it stands at ${physical}`;
  try {
    const layout = layoutOf(bytes, begin);
    if (checks.bodyCrc && !bodyCrcHolds(bytes, layout, checks.crc32)) return `the CRC of the body at ${offset} does not hold`;
    if (checks.propertyCrc && propertyCrcHolds(bytes, layout, checks.crc32) === false) {
      return `the CRC property of the record at ${offset} does not hold`;
    }
    return layout;
  } catch (error) {
    return (error as Error).message;
  }
}
