/**
 * Who holds the kernel's lock on a file, as far as Linux tells: `/proc/locks` names the process of a POSIX lock (Java's
 * `FileChannel.tryLock`), for an open file description's lock (ours) the process is found by the file it has open. Neither
 * sees into processes of other users or containers; the lock itself does not care whose it is.
 */
import * as fs from "node:fs";
import process from "node:process";

/** Processes looked at, at most. */
const PROCESSES_MAX = 10_000;

/** A clause for an error: `process 4711 (java) holds it, by a POSIX lock as Java takes`. */
export function lockHolder(path: string): string {
  try {
    const kind = lockOf(fs.statSync(path));
    const pids = kind !== undefined && kind.pid > 0 ? [kind.pid] : holdersOfFile(fs.realpathSync(path));
    const others = pids.filter((pid) => pid !== process.pid);
    if (others.length > 0) {
      const names = others.map((pid) => `${pid} (${nameOf(pid)})`).join(", ");
      return `process ${names} holds it${kind?.type === "POSIX" ? ", by a POSIX lock as Java takes" : ""}`;
    }
    // The caller has closed its own try, so what is open here is an earlier lock.
    if (pids.length > 0) return "this process holds it already";
  } catch {
    // no /proc (another system), or the file went: then nothing is known
  }
  return "another process, or this one, holds the lock; when this machine shows none, it is another user's or runs in another container";
}

interface Held {
  readonly type: string;
  /** -1 for the lock of an open file description. */
  readonly pid: number;
}

/** Lines such as `12: POSIX  ADVISORY  WRITE 4711 08:01:1835033 0 0`: major and minor number in hex, inode in decimal. */
function lockOf({ dev, ino }: fs.Stats): Held | undefined {
  // Linux packs the device number as 12 bits of major above 8 of minor, the rest of the minor above both.
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  const place = `${hex(major)}:${hex(minor)}:${ino}`;
  for (const line of fs.readFileSync("/proc/locks", "utf8").split("\n")) {
    const [, type = "", , access, pid, where] = line.trim().split(/\s+/);
    if (where === place && access === "WRITE") return { type, pid: Number(pid) };
  }
  return undefined;
}

const hex = (number: number): string => number.toString(16).padStart(2, "0");

/** Processes that have this file open; those that we may not look into are left out. */
function holdersOfFile(path: string): number[] {
  const pids = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.slice(0, PROCESSES_MAX).flatMap((pid) => (hasOpen(pid, path) ? [Number(pid)] : []));
}

function hasOpen(pid: string, path: string): boolean {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return fs.readlinkSync(`/proc/${pid}/fd/${fd}`) === path;
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

function nameOf(pid: number): string {
  return fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim();
}
