/**
 * Reads the log from an offset on, record by record, checking each. Where no record stands, what follows is searched for one
 * that counts: the stretch between is lost, and named; without one, the log ends there.
 */

import type { RecordLayout } from "../../wire/message_reader.ts";
import { readStoreTimestamp } from "../../wire/message_reader.ts";
import type { Files } from "../runtime.ts";
import type { FileQueue } from "./file_queue.ts";
import { type RecordChecks, type RecordFrame, RecoveryReader } from "./recovery_reader.ts";
import { RecoverySearch } from "./recovery_search.ts";

/** Bytes that hold no record, with a record behind them. */
export interface LostStretch {
  readonly from: number;
  /** Where the next record begins. */
  readonly to: number;
  readonly why: string;
  /** The record at `from`, when all that does not hold is a CRC; its header may be right. */
  readonly frame: RecordFrame | undefined;
}

export interface ScanEvents {
  /** Each good record, in order. The bytes are valid during the call. */
  record(bytes: Uint8Array, layout: RecordLayout): void;
  /** Between the records around it. The frame is valid during the call. */
  lost(stretch: LostStretch): void;
  /** Now and then. @param at how far the scan has come */
  progress(at: number): void;
}

export interface ScanResult {
  /** Behind the last good record, or behind the filler that ends its file. */
  readonly end: number;
  /** Where the last good record begins; -1 when there was none. */
  readonly lastRecord: number;
  readonly lastStoreTimestamp: number;
  readonly recordCount: number;
  /** What stands at the end, when it is neither the files' end nor zeros. */
  readonly broken: string | undefined;
  /** See `SearchResult`. */
  readonly remains: ReadonlyMap<number, number>;
}

/**
 * @param isDoubtful see `SearchParts`
 * @throws RuntimeFault when the disk can't be read
 */
export async function scanLog(
  files: Files,
  commitLog: FileQueue,
  from: number,
  checks: RecordChecks,
  events: ScanEvents,
  isDoubtful: boolean,
): Promise<ScanResult> {
  const { fileSize } = commitLog;
  const reader = new RecoveryReader(commitLog, checks);
  const search = new RecoverySearch(
    { files, log: commitLog, reader: new RecoveryReader(commitLog, checks), isDoubtful },
    (place) => events.progress(place),
  );
  let at = from;
  let lastRecord = -1;
  let lastStoreTimestamp = 0;
  let recordCount = 0;

  for (;;) {
    if (commitLog.fileAt(at) === undefined) return { ...result(), broken: undefined, remains: new Map() };
    let standing = reader.standingAt(at);
    if (standing === undefined) {
      standing = await reader.load(at);
      events.progress(at);
    }
    if (standing.kind === "record") {
      events.record(standing.bytes, standing.layout);
      lastRecord = at;
      lastStoreTimestamp = readStoreTimestamp(standing.bytes, standing.layout.at);
      recordCount++;
      at += standing.layout.size;
    } else if (standing.kind === "blank") at += fileSize - (at % fileSize);
    else {
      const broken = standing.kind === "broken" ? standing : undefined;
      const { next, remains } = await search.nextRecord(at, broken?.size ?? 0, lastStoreTimestamp);
      if (next === undefined) return { ...result(), broken: broken?.why, remains };
      events.lost({ from: at, to: next, why: broken?.why ?? "no record stands there", frame: broken?.frame });
      at = next;
    }
  }

  function result(): Pick<ScanResult, "end" | "lastRecord" | "lastStoreTimestamp" | "recordCount"> {
    return { end: at, lastRecord, lastStoreTimestamp, recordCount };
  }
}
