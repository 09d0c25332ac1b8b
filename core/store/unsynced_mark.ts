/**
 * After a write or a sync of the log that failed, the system may hold pages for clean that the disk never got (Linux does):
 * what a restart reads from them is right, no later sync puts them on the disk, and a power cut takes them from the middle
 * of the log. So a failure leaves a mark beside the log that says from where on nothing is certain, and the next start
 * writes the log from there again, as it reads it, which makes those pages dirty once more.
 *
 * The mark needs no sync of its own: a power cut takes it along with the pages, and what is read then is what the disk has.
 */
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import type { Files, Log } from "../runtime.ts";
import type { FileQueue } from "./file_queue.ts";

const BLOCK_BYTES = 1024 * 1024;

export class UnsyncedMark {
  readonly #files: Files;
  readonly #path: string;

  constructor(files: Files, storePathRootDir: string) {
    this.#files = files;
    this.#path = `${storePathRootDir}/commitlog-unsynced`;
  }

  /** @param offset everything before it is on the disk. @throws RuntimeFault */
  set(offset: number): void {
    this.#files.write(this.#path, encodeUtf8(String(offset)));
  }

  /** Undefined without a mark; a mark that can't be read says 0: nothing is certain. */
  read(): number | undefined {
    const bytes = this.#files.read(this.#path);
    if (bytes === undefined) return undefined;
    const offset = Number(decodeUtf8(bytes));
    return Number.isSafeInteger(offset) && offset >= 0 ? offset : 0;
  }

  remove(): void {
    this.#files.remove(this.#path);
  }
}

/**
 * Makes dirty again what a process before this one could not sync. @param end of the log
 * @returns where that begins; `end` without a mark @throws RuntimeFault
 */
export async function writeMarkedAgain(
  commitLog: FileQueue,
  files: Files,
  storePathRootDir: string,
  end: number,
  log: Log,
): Promise<number> {
  const mark = new UnsyncedMark(files, storePathRootDir);
  const marked = mark.read();
  if (marked === undefined) return end;
  const from = Math.min(Math.max(marked, commitLog.begin), end);
  await writeAgain(commitLog, from, end);
  mark.remove();
  log.warn("a write or sync of the commit log had failed; what followed is written to the disk again", { from, end });
  return from;
}

/** Writes `[from, to)` of the log with what is read there. @throws RuntimeFault */
async function writeAgain(log: FileQueue, from: number, to: number): Promise<void> {
  const block = new Uint8Array(Math.min(BLOCK_BYTES, to - from));
  for (let at = from; at < to; ) {
    const part = block.subarray(0, Math.min(block.length, to - at));
    const got = await log.read(part, at);
    if (got === 0) throw new Error(`Cannot read the commit log at ${at} to write it again: it should reach to ${to}`);
    log.writeSync(part.subarray(0, got), at);
    at += got;
  }
}
