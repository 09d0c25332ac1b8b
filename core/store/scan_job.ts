/** Work for `log_scan.ts`, and what it came to: nothing but values and buffers, so that it can move to a thread and back. */

/** Part of the log, in one file. */
export interface LogFile {
  readonly path: string;
  /** Log offset of its first byte. */
  readonly base: number;
}

export interface ScanJob {
  /** Units of a consume queue, one after another. */
  readonly units: ArrayBuffer;
  readonly unitsBytes: number;
  /** Byte of the first unit to look at; the unit before it is there when this is not 0. */
  readonly from: number;
  /** Room for what passes. */
  readonly body: ArrayBuffer;
  /** All files of the log that may hold a record of a unit. */
  readonly files: readonly LogFile[];
  readonly fileSize: number;
  /** The bytes of the log that are in its files. */
  readonly begin: number;
  readonly end: number;
  /** See `GetLimits`. */
  readonly messagesMax: number;
  readonly bytesMax: number;
}

export interface ScanResult {
  readonly units: ArrayBuffer;
  readonly unitsBytes: number;
  readonly body: ArrayBuffer;
  /** Byte of the first unit that was not looked at. */
  readonly at: number;
  /** What stands there passes, and there is no more room: the next pull begins with it. */
  readonly isEnough: boolean;
  /** Records that were looked at, and log offset of the last. */
  readonly looked: number;
  readonly lastPhysical: number;
  /** Records that pass, and bytes of `body` that they take. */
  readonly count: number;
  readonly filled: number;
}
