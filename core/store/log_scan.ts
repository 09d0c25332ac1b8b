/**
 * The records of a pull with a filter, looked at beside the event loop: where they lie in the files of the log, by way of plain
 * reads that may wait for the disk. It goes as far as all is plain; at the first unit that is not (a record that is none, a file
 * that is gone, a fault) it stops, and `matching_reader.ts` goes on there.
 *
 * `run` is a function of a job and of the files: it can be called anywhere.
 */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { RECORD_BYTES_MIN } from "../../wire/message.ts";
import { frameHolds } from "../../wire/message_reader.ts";
import type { FileHandle, Files } from "../runtime.ts";
import { UNIT_BYTES } from "./consume_queue_unit.ts";
import type { RecordFilter } from "./message_store.ts";
import { isRecordOf, RUN_BYTES_MAX, runEnd } from "./record_checks.ts";
import type { LogFile, ScanJob, ScanResult } from "./scan_job.ts";
import { wholeReads } from "./whole_reads.ts";

const NO_RUN = new Uint8Array(0);

export class LogScan {
  readonly #files: Pick<Files, "open">;
  /** Of the file that is being read. It is closed with the job: what was deleted takes room until nobody has it open. */
  #handle: FileHandle | undefined;
  #buffer = NO_RUN;
  #job!: ScanJob;
  #units = NO_RUN;
  /** What of the log is in the buffer: `[base, end)`. */
  #base = 0;
  #end = 0;

  constructor(files: Pick<Files, "open">) {
    this.#files = files;
  }

  run(job: ScanJob, matches: RecordFilter): ScanResult {
    this.#job = job;
    this.#units = new Uint8Array(job.units, 0, job.unitsBytes);
    this.#end = 0;
    this.#base = 0;
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(RUN_BYTES_MAX);
    try {
      return this.#walk(matches);
    } finally {
      this.#close();
    }
  }

  #walk(matches: RecordFilter): ScanResult {
    const { units: unitBuffer, body: bodyBuffer, unitsBytes, messagesMax, bytesMax } = this.#job;
    const units = this.#units;
    const body = new Uint8Array(bodyBuffer);
    const run = this.#buffer;
    let [at, looked, lastPhysical, count, filled] = [this.#job.from, 0, 0, 0, 0];
    let isEnough = false;
    // A unit that repeats the one before it is a hole.
    let before = at >= UNIT_BYTES ? readInt64(units, at - UNIT_BYTES) : Number.NaN;
    for (; at < unitsBytes; at += UNIT_BYTES) {
      const physical = readInt64(units, at);
      const size = readInt32(units, at + 8);
      if (physical === before) continue;
      if (physical < this.#base || physical + size > this.#end) {
        if (!this.#fetch(at, physical, size)) break;
      }
      // An int32, and known as such: an index that is a double costs the filter twice its time.
      const i = (physical - this.#base) | 0;
      if (!isRecordOf(run, i, size, physical) || !frameHolds(run, i, size)) break;
      if (matches(run, i)) {
        isEnough = count > 0 && (count >= messagesMax || filled + size > bytesMax);
        if (isEnough || filled + size > body.length) break;
        body.set(run.subarray(i, i + size), filled);
        filled += size;
        count++;
      }
      before = physical;
      lastPhysical = physical;
      looked++;
    }
    return { units: unitBuffer, unitsBytes, body: bodyBuffer, at, isEnough, looked, lastPhysical, count, filled };
  }

  /** Reads the record of the unit at `at`, and those behind it that follow without a gap. False when it can't be had. */
  #fetch(at: number, physical: number, size: number): boolean {
    const { begin, end, fileSize, files } = this.#job;
    if (size < RECORD_BYTES_MIN || size > RUN_BYTES_MAX || physical < begin || physical + size > end) return false;
    const base = physical - (physical % fileSize);
    const file = files.find((one) => one.base === base);
    const endMax = Math.min(physical + RUN_BYTES_MAX, end, base + fileSize);
    const behind = runEnd(this.#units, at + UNIT_BYTES, physical + size, endMax);
    if (file === undefined || behind > base + fileSize) return false;
    const wanted = this.#buffer.subarray(0, behind - physical);
    try {
      if (this.#handleOf(file).readSync(wanted, physical - base) !== wanted.length) return false;
    } catch {
      // Who goes on here meets it again, and says so.
      return false;
    }
    this.#base = physical;
    this.#end = behind;
    return true;
  }

  #handleOf({ path }: LogFile): FileHandle {
    if (this.#handle?.path === path) return this.#handle;
    this.#close();
    this.#handle = wholeReads(this.#files.open(path, { readOnly: true }));
    return this.#handle;
  }

  #close(): void {
    this.#handle?.close();
    this.#handle = undefined;
  }
}
