/**
 * What stands behind the end of the log, and is no message, is moved to `<storePathRootDir>/commitlog-cut-<end>/`: the rest
 * of the last file as `tail`, later files under their names. It is on the disk there before it is taken from the log, so a
 * crash in between leaves it in both places, never in none. A directory that is there already is not touched: the next one
 * is called `commitlog-cut-<end>-2`.
 */
import type { FileHandle, Log, Runtime, RuntimeFault } from "../runtime.ts";
import type { FileQueue } from "./file_queue.ts";
import { RECOVERY_BLOCK_BYTES } from "./recovery_reader.ts";

export interface AsideParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly storePathRootDir: string;
  readonly commitLog: FileQueue;
}

/**
 * Afterwards every byte of the log from `end` on is zero, and the file of `end` is the last.
 * @param remains behind the last byte that is not zero, by the base of its file
 * @param why for the log
 * @throws Error naming the directory when it can't be kept there; the log is as it was
 */
export function setAside(parts: AsideParts, end: number, remains: ReadonlyMap<number, number>, why: string): void {
  const { runtime, log, commitLog } = parts;
  const { files } = runtime;
  const inEndFile = commitLog.fileAt(end);
  const behind = inEndFile === undefined ? end : inEndFile.base + commitLog.fileSize;
  const directory = remains.size > 0 ? freeName(parts, end) : "";
  const moved: string[] = [];
  let bytes = 0;
  try {
    if (remains.size > 0) files.makeDirectory(directory);
    const tailEnd = inEndFile === undefined ? undefined : remains.get(inEndFile.base);
    if (tailEnd !== undefined) {
      copy(parts, end, tailEnd, `${directory}/tail`);
      moved.push(`${directory}/tail`);
      bytes += tailEnd - end;
    }
    for (const file of commitLog.files) {
      const usedEnd = file.base >= behind ? remains.get(file.base) : undefined;
      if (usedEnd === undefined) continue;
      const to = `${directory}/${file.path.slice(file.path.lastIndexOf("/") + 1)}`;
      copy(parts, file.base, usedEnd, to);
      moved.push(to);
      bytes += usedEnd - file.base;
    }
    if (moved.length > 0) {
      files.syncDirectory(directory);
      files.syncDirectory(parts.storePathRootDir);
    }
  } catch (error) {
    throw new Error(
      `Cannot open the store: what stands behind the end of the commit log, ${end}, is no message, and keeping a copy of it ` +
        `in "${directory}" failed: ${(error as RuntimeFault).message}. Make room there, or move the last commit log files away.`,
    );
  }
  for (const path of commitLog.releaseFrom(behind)) files.remove(path);
  if (moved.length === 0) return;
  commitLog.cut(end);
  log.warn("the commit log ends before its files do; what follows is no message and was moved aside", {
    end,
    why,
    bytes,
    moved: moved.join(" "),
  });
}

function freeName({ runtime, storePathRootDir }: AsideParts, end: number): string {
  const name = `${storePathRootDir}/commitlog-cut-${end}`;
  let free = name;
  for (let i = 2; runtime.files.exists(free); i++) free = `${name}-${i}`;
  return free;
}

/** Copies `[from, to)` of the log block by block: the log may be on another disk, and zeros need take no room. */
function copy({ runtime, commitLog }: AsideParts, from: number, to: number, path: string): void {
  const target: FileHandle = runtime.files.open(path, { create: true });
  try {
    const block = new Uint8Array(RECOVERY_BLOCK_BYTES);
    for (let at = from; at < to; at += block.length) {
      const part = block.subarray(0, Math.min(block.length, to - at));
      commitLog.readSync(part, at);
      if (part.some((byte) => byte !== 0)) target.writeSync(part, at - from);
    }
    target.dataSyncSync();
  } finally {
    target.close();
  }
}
