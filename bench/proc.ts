/** What the kernel says of the server's processes: CPU time and memory, from /proc (Linux). */
import { readdirSync, readFileSync } from "node:fs";

/** The unit of utime and stime in /proc/<pid>/stat, fixed by Linux's user interface. */
const microsPerTick = 10_000;

/** User and system time of these processes together, in microseconds; `self` is the one that asks. */
export function cpuMicros(pids: readonly (number | "self")[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // the name in parentheses may hold blanks; after it utime and stime are fields 12 and 13
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * microsPerTick;
}

/**
 * The same to the nanosecond, for short spans: the sum over the threads that there are. What a thread that ended used is not in
 * it; servers end none while they serve.
 */
export function threadMicros(pids: readonly number[]): number {
  let nanos = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    }
  }
  return nanos / 1_000;
}

/** Sizes in KiB, summed over the processes. */
export interface Memory {
  /** Resident now: anonymous memory, mapped files and shared memory. */
  readonly rssKib: number;
  /** Resident and anonymous now: what the program itself has allocated, without mapped files. */
  readonly anonKib: number;
  /** The highest resident size so far. */
  readonly peakRssKib: number;
}

export function memory(pids: readonly number[]): Memory {
  const sums = { VmRSS: 0, RssAnon: 0, VmHWM: 0 };
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) {
      sums[key] += Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
    }
  }
  return { rssKib: sums.VmRSS, anonKib: sums.RssAnon, peakRssKib: sums.VmHWM };
}

/** Samples memory five times a second and keeps the highest anonymous size seen. */
export class MemoryWatch {
  peakAnonKib = 0;
  #peakRssKib = 0;
  readonly #pids: readonly number[];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#timer = setInterval(() => this.#look(), 200);
  }

  #look(): void {
    try {
      const now = memory(this.#pids);
      this.peakAnonKib = Math.max(this.peakAnonKib, now.anonKib);
      this.#peakRssKib = Math.max(this.#peakRssKib, now.peakRssKib);
    } catch {
      // a process has just ended: the last sample stands
    }
  }

  get peakRssKib(): number {
    return this.#peakRssKib;
  }

  stop(): void {
    this.#look();
    clearInterval(this.#timer);
  }
}
