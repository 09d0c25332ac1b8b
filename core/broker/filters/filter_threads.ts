/**
 * Threads that ask records of the log for SQL92 filters, so that a group which reads a long backlog through one holds up nobody
 * else, and has a core of its own.
 *
 * A thread is started when it is first needed and ended when nobody has needed it for a while, with its memory. When all
 * are busy a job stands in line, of which the event loop takes one a turn: it has time for that, and what others want of it waits
 * for one at most.
 */
import type { SqlFilter } from "../../filter/sql_filter.ts";
import type { Log, Runtime, Thread, TimerHandle } from "../../runtime.ts";
import { Deferred } from "../../store/deferred.ts";
import type { ScanBeside, Scanned } from "../../store/message_store.ts";
import type { BrokerSettings } from "../options.ts";
import type { Asked, Told } from "./filter_thread.ts";

/** `package/build.mjs` knows these words: in the package the file lies elsewhere. */
const MODULE = new URL("./filter_thread.ts", import.meta.url);

/** One that is worked on, and one so that the thread finds work when it is done. */
const JOBS_MAX = 2;
/** Jobs that stand in line: each holds some 400 KiB. With more the event loop does what comes, at once. */
const LINE_MAX = 8;
/** A thread without work for so long is ended. */
const IDLE_MS = 10_000;

export interface FilterThreadsParts {
  readonly runtime: Pick<Runtime, "threads" | "clock">;
  readonly log: Log;
  readonly settings: Pick<BrokerSettings, "sqlFilterThreads">;
}

export class FilterThreads {
  readonly #parts: FilterThreadsParts;
  readonly #workers: Worker[] = [];
  /** Jobs for which no thread has time. */
  readonly #line: Job[] = [];
  /** The event loop will take one at the end of this turn. */
  #isTaking = false;
  #isOver = false;

  constructor(parts: FilterThreadsParts) {
    this.#parts = parts;
  }

  /** Threads that are there. */
  get count(): number {
    return this.#workers.length;
  }

  /** Who asks `sql` of records, up to `scannedMax` a call; undefined where there are no threads, or too much stands in line. */
  beside({ expression }: SqlFilter, scannedMax: number): ScanBeside | undefined {
    if (!this.#takes()) return undefined;
    return { scannedMax, scan: (job) => this.#scan({ expression, job }) };
  }

  /** Ends all threads; what they were at, and what waits for them, comes to nothing. */
  async close(): Promise<void> {
    this.#isOver = true;
    for (const { answer } of this.#line.splice(0)) answer.resolve(undefined);
    await Promise.all(this.#workers.splice(0).map((worker) => worker.stop()));
  }

  #takes(): boolean {
    const { settings, runtime } = this.#parts;
    return !this.#isOver && runtime.threads !== undefined && settings.sqlFilterThreads > 0 && this.#line.length < LINE_MAX;
  }

  /** Whoever was told that there is somebody may come much later, when there is nobody any more. */
  #scan(asked: Asked): Promise<Scanned> {
    if (!this.#takes()) return Promise.resolve("here");
    const answer = new Deferred<Scanned>();
    const worker = this.#line.length === 0 ? this.#free() : undefined;
    if (worker !== undefined) worker.scan({ asked, answer });
    else {
      this.#line.push({ asked, answer });
      this.#takeOneLater();
    }
    return answer.promise;
  }

  #takeOneLater(): void {
    if (this.#isTaking) return;
    this.#isTaking = true;
    this.#parts.runtime.clock.afterTurn(() => {
      this.#isTaking = false;
      this.#line.shift()?.answer.resolve("here");
      if (this.#line.length > 0) this.#takeOneLater();
    });
  }

  /** One that has time: a new one where all have work and there may be one more. */
  #free(): Worker | undefined {
    const { sqlFilterThreads } = this.#parts.settings;
    // Of those that are too many since it was lowered each is ended when it has had no work for a while.
    const [idlest] = this.#workers.slice(0, sqlFilterThreads).toSorted((a, b) => a.jobs - b.jobs);
    if (idlest?.jobs === 0) return idlest;
    if (this.#workers.length >= sqlFilterThreads) return idlest !== undefined && idlest.jobs < JOBS_MAX ? idlest : undefined;
    const worker: Worker = new Worker(
      this.#parts,
      () => (this.#workers.indexOf(worker) < this.#parts.settings.sqlFilterThreads ? this.#line.shift() : undefined),
      (fault) => this.#ended(worker, fault),
    );
    this.#workers.push(worker);
    return worker;
  }

  #ended(worker: Worker, fault: Error | undefined): void {
    const at = this.#workers.indexOf(worker);
    if (at >= 0) this.#workers.splice(at, 1);
    if (fault === undefined) return;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.log.error("a thread for SQL92 filters failed; until the next start the event loop asks them", {
      error: fault.message,
      mends: "sqlFilterThreads=0 starts none",
    });
  }
}

interface Job {
  readonly asked: Asked;
  readonly answer: Deferred<Scanned>;
}

class Worker {
  readonly #parts: FilterThreadsParts;
  readonly #next: () => Job | undefined;
  readonly #ended: (fault: Error | undefined) => void;
  readonly #thread: Thread;
  /** Of jobs that are there, in their order. */
  readonly #awaited: Deferred<Scanned>[] = [];
  /** Clock.monotonic() of the last answer. */
  #usedAt: number;
  #timer: TimerHandle | undefined;

  /** @param next a job that waits @param ended it is gone: by a fault, or because nobody needed it */
  constructor(parts: FilterThreadsParts, next: () => Job | undefined, ended: (fault: Error | undefined) => void) {
    const { threads, clock } = parts.runtime;
    if (threads === undefined) throw new Error("this runtime has no threads");
    this.#parts = parts;
    this.#next = next;
    this.#ended = ended;
    this.#thread = threads.start(MODULE, {
      message: (message) => this.#done(message as Told),
      failed: (fault) => this.#end(fault),
    });
    this.#usedAt = clock.monotonic();
    this.#watch(IDLE_MS);
  }

  get jobs(): number {
    return this.#awaited.length;
  }

  scan({ asked, answer }: Job): void {
    this.#awaited.push(answer);
    const { units, body } = asked.job;
    this.#thread.post(asked, [units, body]);
  }

  #done(told: Told): void {
    this.#usedAt = this.#parts.runtime.clock.monotonic();
    this.#awaited.shift()?.resolve(told);
    const next = this.#next();
    if (next !== undefined) this.scan(next);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    for (const answer of this.#awaited.splice(0)) answer.resolve(undefined);
    await this.#thread.stop();
  }

  #watch(ms: number): void {
    this.#timer = this.#parts.runtime.clock.setTimeout(() => {
      const idleMs = this.#parts.runtime.clock.monotonic() - this.#usedAt;
      if (this.jobs > 0) this.#watch(IDLE_MS);
      else if (idleMs < IDLE_MS) this.#watch(IDLE_MS - idleMs);
      else this.#end(undefined);
    }, ms);
  }

  #end(fault: Error | undefined): void {
    void this.stop();
    this.#ended(fault);
  }
}
