/**
 * Messages with a time of their own (Apache's TimerMessageStore). A message that is to be delivered later is parked in the
 * topic rmq_sys_wheel_timer; from there it gets a unit in the timer log and a place in the timer wheel, and when its slot
 * comes, it is put again, where it belongs.
 *
 *     timer topic --TimerEnqueue--> timer log + wheel --TimerDequeue--> TimerPut --> the real topic, or the timer topic (roll)
 *
 * This folder owns the files `timerwheel`, `timerlog/`, `config/timercheck` and the content of `config/timermetrics`, all in
 * Apache's layout. Not here: which messages are parked (the broker's send path), and when this broker is a master, which
 * `start` and `stop` follow.
 *
 * Invariants: a message has one unit at a time; a slot is not read before everything that was in the topic when its time
 * came had its chance to enter or cancel; what counts as delivered in a checkpoint is on the disk; what is delivered behind
 * a checkpoint is found in the log (`timer_delivered.ts`). So no crash loses a message, and none makes the timer deliver it
 * twice. Memory is bounded whatever waits: the pages of the wheel in use, 64 blocks of the log, a piece of one slot.
 */
import type { Log, Runtime, TimerHandle } from "../../runtime.ts";
import type { MessageStore } from "../message_store.ts";
import { TimerCheckpoint } from "./timer_checkpoint.ts";
import { findDelivered } from "./timer_delivered.ts";
import { TimerDequeue } from "./timer_dequeue.ts";
import { TimerEnqueue } from "./timer_enqueue.ts";
import { TimerLog } from "./timer_log.ts";
import { TIMER_QUEUE, TIMER_TOPIC } from "./timer_message.ts";
import { TimerMetrics } from "./timer_metrics.ts";
import { TimerProgress } from "./timer_progress.ts";
import { TimerPut } from "./timer_put.ts";
import { SpanRoom } from "./timer_records.ts";
import { recoverTimer } from "./timer_recovery.ts";
import { TimerWheel } from "./timer_wheel.ts";

/** Messages that arrive are gathered so long before they enter the wheel, ms. */
const GATHER_MS = 50;
/** After a fault of the disk, ms. */
const FAULT_DELAY_MS = 1000;
/** How long an orderly stop goes on with a slot that is begun, ms: Apache delivers a slot as a whole or again. */
const STOP_IN_SLOT_MS = 800;
/** Passes before the write time moves although the topic has more: messages due now must not wait for those of later. */
const PASSES_MAX = 16;
const SAMPLE_INTERVAL_MS = 10_000;
const EXPIRE_INTERVAL_MS = 30_000;

export interface TimerSettings {
  readonly storePathRootDir: string;
  readonly mappedFileSizeCommitLog: number;
  readonly mappedFileSizeTimerLog: number;
  readonly timerPrecisionMs: number;
  readonly timerRollWindowSlot: number;
  readonly timerFlushIntervalMs: number;
  readonly timerCongestNumEachSlot: number;
  readonly timerStopEnqueue: boolean;
  readonly timerStopDequeue: boolean;
  readonly appendTopicForTimerDeleteKey: boolean;
}

/** config/timermetrics, saved so that a crash leaves it or its backup whole. */
export interface TimerMetricsFile {
  readonly path: string;
  load<T>(parse: (text: string) => T): T | undefined;
  saveInBackground(bytes: Uint8Array): Promise<void>;
}

export interface TimerStoreParts {
  readonly runtime: Runtime;
  readonly log: Log;
  /** Live, but for timerPrecisionMs and sizes, which are read once. */
  readonly settings: TimerSettings;
  readonly store: MessageStore;
  readonly metricsFile: TimerMetricsFile;
  /** Counts a message that was put again. */
  readonly counted: (topic: string, bytes: number) => void;
  /** Counts a message that was taken in. `delayMs` from its birth until its time. */
  readonly enqueued?: (topic: string, delayMs: number) => void;
  /** Counts of topics that are gone are dropped. */
  readonly topicExists: (topic: string) => boolean;
}

export class TimerMessageStore {
  readonly metrics: TimerMetrics;
  readonly progress: TimerProgress;
  /** Messages a second that went into the wheel, and that were put again, over the last ten seconds. */
  enqueueTps = 0;
  dequeueTps = 0;
  readonly #parts: TimerStoreParts;
  readonly #wheel: TimerWheel;
  readonly #timerLog: TimerLog;
  readonly #checkpoint: TimerCheckpoint;
  readonly #put: TimerPut;
  readonly #enqueue: TimerEnqueue;
  readonly #dequeue: TimerDequeue;
  #loaded = false;
  #running: Promise<void> | undefined;
  #stopped = true;
  /** Wakes the loop. */
  #wake: (() => void) | undefined;
  #gather: TimerHandle | undefined;
  readonly #timers: TimerHandle[] = [];
  #saving: Promise<void> | undefined;
  /** Where a crash now would have to look for deliveries from, as long as some of the last one are to be passed over. */
  #searchFrom: number | undefined;
  /** What the last checkpoint on the disk says, to know whether there is something new. */
  #savedText = "";
  #savedDeliveries = 0;
  #sampled = { enqueued: 0, deliveries: 0 };

  constructor(parts: TimerStoreParts) {
    const { runtime, settings, log, store, counted } = parts;
    const root = settings.storePathRootDir;
    this.#parts = parts;
    this.metrics = new TimerMetrics(runtime.clock);
    this.progress = new TimerProgress(settings.timerPrecisionMs);
    this.#wheel = new TimerWheel(runtime.files, `${root}/timerwheel`, settings.timerPrecisionMs);
    this.#timerLog = new TimerLog(runtime.files, `${root}/timerlog`, settings.mappedFileSizeTimerLog);
    this.#checkpoint = new TimerCheckpoint(runtime.files, runtime.digest, `${root}/config/timercheck`);
    this.#put = new TimerPut({ runtime, log, store, progress: this.progress, counted });
    const rooms = {
      clock: runtime.clock,
      log,
      settings,
      store,
      wheel: this.#wheel,
      timerLog: this.#timerLog,
      metrics: this.metrics,
      progress: this.progress,
      put: this.#put,
      spans: new SpanRoom(),
      ...(parts.enqueued && { enqueued: parts.enqueued }),
    };
    this.#enqueue = new TimerEnqueue(rooms);
    this.#dequeue = new TimerDequeue(rooms);
    store.onArrival(({ topic }) => {
      if (topic === TIMER_TOPIC && this.#wake !== undefined)
        this.#gather ??= runtime.clock.setTimeout(() => this.#wake?.(), GATHER_MS);
    });
  }

  // ------------------------------------------------------------------------------------------------------- life cycle

  /** Recovers. The store must be loaded. @throws Error naming the file that can't be used. */
  async load(): Promise<void> {
    if (this.#loaded) return;
    const { metricsFile } = this.#parts;
    metricsFile.load((text) => this.metrics.decode(text));
    this.metrics.saved();
    this.#searchFrom = await recoverTimer({
      ...this.#parts,
      wheel: this.#wheel,
      timerLog: this.#timerLog,
      checkpoint: this.#checkpoint,
      progress: this.progress,
    });
    this.#loaded = true;
  }

  /** Begins to take in and to deliver, from where it was; nothing when it does or is not loaded. */
  start(): void {
    if (!this.#loaded || this.#running !== undefined) return;
    const { clock } = this.#parts.runtime;
    this.#stopped = false;
    this.#put.start();
    this.#running = this.#run();
    this.#timers.push(
      clock.setInterval(() => this.#saveNow(), this.#parts.settings.timerFlushIntervalMs),
      clock.setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS),
      clock.setInterval(() => void this.#expire(), EXPIRE_INTERVAL_MS),
    );
  }

  /** Delivers nothing after this, and saves how far it came. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#stopped = true;
    this.#put.stop();
    for (const timer of this.#timers.splice(0)) timer.cancel();
    this.#wake?.();
    await running;
    await this.#saving;
    await this.#save(true).catch((error: unknown) => this.#fault("cannot save the timer's checkpoint", error));
    this.#running = undefined;
  }

  /** Stops and closes the files. */
  async close(): Promise<void> {
    await this.stop();
    this.#loaded = false;
    this.#wheel.close();
    this.#timerLog.close();
    this.#checkpoint.close();
  }

  get started(): boolean {
    return this.#running !== undefined;
  }

  // ------------------------------------------------------------------------------------------------------- questions

  /**
   * Too many wait for this slot already: above timerCongestNumEachSlot some messages are refused, the more the nearer it is
   * to twice as many, then all.
   */
  isReject(timeMs: number): boolean {
    const limit = this.#parts.settings.timerCongestNumEachSlot;
    // A slot counts in an int32.
    if (limit === 2 ** 31 - 1 || !this.#loaded) return false;
    const num = this.#wheel.slot(timeMs)?.num ?? 0;
    if (num <= limit) return false;
    return num >= limit * 2 || this.#parts.runtime.random.below(1000) > (1000 * (num - limit)) / (limit + 0.1);
  }

  /** The 56 bytes of GET_TIMER_CHECK_POINT, as of now. */
  checkpointBytes(): Uint8Array {
    return this.#checkpoint.encode();
  }

  /** Messages of the timer topic that are not in the wheel yet. */
  get enqueueBehind(): number {
    return this.#enqueue.behind;
  }

  /** Age of the oldest message of the timer topic that is not in the wheel, ms; 0 when all are. */
  async enqueueBehindMs(): Promise<number> {
    if (this.enqueueBehind === 0) return 0;
    const storedAt = await this.#parts.store.storeTimeAt({ topic: TIMER_TOPIC, queueId: 0 }, this.progress.queueOffset);
    return storedAt > 0 ? Math.max(0, this.#parts.runtime.clock.now() - storedAt) : 0;
  }

  /** Messages in the wheel whose time comes within `boundsS[i]` seconds and not within the one before it; ascending bounds. */
  async snapshot(boundsS: readonly number[]): Promise<number[]> {
    const counts = boundsS.map(() => 0);
    if (!this.#loaded || this.progress.waiting === 0) return counts;
    const now = this.#wheel.slotTime(this.#parts.runtime.clock.now());
    const end = now + (boundsS.at(-1) ?? 0) * 1000;
    let at = 0;
    for (let time = await this.#wheel.nextUsed(now, end); time !== undefined; ) {
      while (time >= now + (boundsS[at] ?? Number.POSITIVE_INFINITY) * 1000) at++;
      counts[at] = (counts[at] ?? 0) + Math.max(0, this.#wheel.slot(time)?.num ?? 0);
      time = await this.#wheel.nextUsed(time + this.progress.precisionMs, end);
    }
    return counts;
  }

  /** By how much delivering is late, ms. */
  get dequeueBehindMs(): number {
    const { readTimeMs, precisionMs } = this.progress;
    const behind = this.#parts.runtime.clock.now() - readTimeMs;
    return behind > 2 * precisionMs ? behind : 0;
  }

  #sample(): void {
    const { enqueued, deliveries } = this.progress;
    const before = this.#sampled;
    this.#sampled = { enqueued, deliveries };
    this.enqueueTps = ((enqueued - before.enqueued) * 1000) / SAMPLE_INTERVAL_MS;
    this.dequeueTps = ((deliveries - before.deliveries) * 1000) / SAMPLE_INTERVAL_MS;
  }

  // ------------------------------------------------------------------------------------------------------------- work

  async #run(): Promise<void> {
    const { store, runtime, settings } = this.#parts;
    const stopped = (): boolean => this.#stopped;
    const queueEnd = store.maxOffset(TIMER_QUEUE);
    this.progress.moveWrite(runtime.clock.now());
    const recoveredAt = this.progress.writeTimeMs;
    while (!this.#stopped) {
      try {
        await this.#prepare();
        if (this.#stopped) break;
        let taken = 0;
        if (!settings.timerStopEnqueue) {
          for (let i = 0, pass = 1; i < PASSES_MAX && pass > 0 && !this.#stopped; i++) {
            pass = await this.#enqueue.pass(stopped);
            taken += pass;
          }
        }
        this.progress.moveWrite(runtime.clock.now());
        const due = !settings.timerStopDequeue && (await this.#dequeue.step(stopped));
        if (this.#put.delivered !== undefined) this.#forgetDelivered(queueEnd, recoveredAt);
        if (!due && taken === 0 && !this.#stopped) await this.#sleep();
      } catch (error) {
        this.#fault("the timer can't go on; tried again in a second", error);
        this.#dequeue.reset();
        await new Promise<void>((resolve) => runtime.clock.setTimeout(resolve, FAULT_DELAY_MS));
      }
    }
    await this.#finishSlot();
  }

  /** Before anything is delivered: what the last run delivered is known, and the disk knows that this one runs. */
  async #prepare(): Promise<void> {
    if (this.#searchFrom !== undefined && this.#put.delivered === undefined) {
      const delivered = await findDelivered(this.#parts, this.#searchFrom, () => this.#stopped);
      if (this.#stopped) return;
      if (delivered.size > 0) this.#put.delivered = delivered;
      else this.#searchFrom = undefined;
    }
    if (this.#savedText === "") await this.#save(false);
  }

  /**
   * Once everything that was there at the start is dealt with, nothing of it can come again. Where the clock was put back, some
   * of it comes only when the time of its delivery comes for the second time.
   */
  #forgetDelivered(queueEnd: number, recoveredAt: number): void {
    const { queueOffset, readTimeMs } = this.progress;
    const { size = 0, latestMs = 0 } = this.#put.delivered ?? {};
    if (size > 0 && (queueOffset < queueEnd || readTimeMs < recoveredAt || readTimeMs <= latestMs)) return;
    this.#put.delivered = undefined;
    this.#searchFrom = undefined;
  }

  async #finishSlot(): Promise<void> {
    const { clock } = this.#parts.runtime;
    const until = clock.monotonic() + STOP_IN_SLOT_MS;
    try {
      while (this.#dequeue.inSlot && clock.monotonic() < until) await this.#dequeue.step(() => clock.monotonic() >= until);
      await this.#put.settle();
    } catch (error) {
      this.#fault("the timer can't finish the slot it was in", error);
    }
    this.#dequeue.reset();
  }

  /** To the next step, or until messages have come. */
  #sleep(): Promise<void> {
    const { clock } = this.#parts.runtime;
    const { precisionMs } = this.progress;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => this.#wake?.(), precisionMs - (clock.now() % precisionMs));
      this.#wake = () => {
        this.#wake = undefined;
        timer.cancel();
        this.#gather?.cancel();
        this.#gather = undefined;
        resolve();
      };
      if (this.#enqueue.behind > 0) this.#gather ??= clock.setTimeout(() => this.#wake?.(), GATHER_MS);
    });
  }

  // ------------------------------------------------------------------------------------------------------- checkpoint

  #saveNow(): void {
    this.#saving ??= this.#save(false)
      .catch((error: unknown) => this.#fault("cannot save the timer's checkpoint; tried again at the next turn", error))
      .finally(() => {
        this.#saving = undefined;
      });
  }

  /**
   * Takes down how far the timer is; first everything that the checkpoint speaks of goes to the disk.
   * @param closed nothing is delivered after it.
   * @throws RuntimeFault; what is on the disk holds on.
   */
  async #save(closed: boolean): Promise<void> {
    const { store, runtime } = this.#parts;
    if (this.#put.hasLost) return;
    // All of it at one moment.
    const { readTimeMs, queueOffset, deliveredPosition, waiting, precisionMs, deliveries } = this.progress;
    const logEnd = this.#timerLog.end;
    const { maxPhysicalOffset } = store.stats();
    const pages = this.#wheel.takeChanged();
    try {
      if (deliveries !== this.#savedDeliveries && !(await store.durable(maxPhysicalOffset, true))) {
        throw new Error("the disk takes longer than syncFlushTimeout to sync the commit log");
      }
      await this.#timerLog.sync();
      await this.#wheel.writePages(pages);
    } catch (error) {
      this.#wheel.giveBack(pages);
      throw error;
    }
    const checkpoint = this.#checkpoint;
    const text = `${logEnd} ${queueOffset} ${deliveries} ${deliveredPosition} ${closed}`;
    const changed = text !== this.#savedText;
    if (queueOffset !== checkpoint.lastTimerQueueOffset || readTimeMs !== checkpoint.lastReadTimeMs) {
      checkpoint.timestamp = runtime.clock.now();
      checkpoint.counter++;
    }
    checkpoint.lastReadTimeMs = readTimeMs;
    checkpoint.lastTimerLogFlushPos = logEnd;
    checkpoint.lastTimerQueueOffset = queueOffset;
    checkpoint.masterTimerQueueOffset = queueOffset;
    const searchFrom = this.#searchFrom ?? maxPhysicalOffset;
    checkpoint.own = { deliveredPosition, searchFrom, waiting, precisionMs, closed: closed && this.#searchFrom === undefined };
    // An idle timer's read time alone is worth no sync.
    await checkpoint.save(changed);
    this.#savedText = text;
    this.#savedDeliveries = deliveries;
    await this.#saveMetrics();
  }

  async #saveMetrics(): Promise<void> {
    if (!this.metrics.changed) return;
    this.metrics.saved();
    try {
      await this.#parts.metricsFile.saveInBackground(this.metrics.encode());
    } catch (error) {
      this.metrics.notSaved();
      this.#fault("cannot save config/timermetrics; tried again at the next turn", error);
    }
  }

  async #expire(): Promise<void> {
    this.metrics.clean(this.#parts.topicExists);
    try {
      await this.#timerLog.expire(this.#parts.store.stats().minPhysicalOffset);
    } catch (error) {
      this.#fault("cannot remove expired files of the timer log", error);
    }
  }

  #fault(what: string, error: unknown): void {
    this.#parts.log.error(what, {
      path: this.#parts.settings.storePathRootDir,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
