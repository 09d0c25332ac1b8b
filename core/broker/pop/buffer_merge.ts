/**
 * enablePopBufferMerge: check points wait in memory for their acknowledgements. What is acknowledged as a whole within
 * popCkStayBufferTime leaves no record in the revive topic; what is not is written then, with what was acknowledged until then.
 *
 * The group's offset moves over a check point when it is done or written, in the order in which messages were handed out:
 * after a crash what waited here is handed out again, acknowledged or not, and nothing is lost. Meanwhile `latestOffset` says
 * where the next POP goes on.
 *
 * Bounded by popCkMaxBufferSize check points, and popCkOffsetMaxQueueSize of one queue and group; beyond it they are written
 * at once.
 */
import type { TimerHandle } from "../../runtime.ts";
import type { BrokerParts } from "../parts.ts";
import type { CheckPointRef, ReviveLog } from "./revive_log.ts";

/** A check point must have so long beyond popCkStayBufferTimeOut to be kept at all, as in Apache. */
const LEAST_STAY_MS = 1_500;
/** Check points are looked for so often that must be written. */
const TICK_MS = 1_000;

interface Host {
  readonly host: string;
  readonly port: number;
}

type Queue = Pick<CheckPointRef, "topic" | "group" | "queueId">;

/** The group's offset comes to `next` when this is over and all before it are. */
interface Step {
  over: boolean;
  readonly next: number;
}

/** A check point that is kept. */
interface Held {
  readonly ref: CheckPointRef;
  readonly host: Host;
  readonly offsets: readonly number[];
  readonly acknowledged: Set<number>;
  readonly step: Step;
  /** When it is to be written, in ticks of the wall clock. */
  tick: number;
}

type Parts = Pick<BrokerParts, "runtime" | "log" | "settings" | "offsets">;

const queueKey = ({ topic, group, queueId }: Queue): string => `${topic} ${group} ${queueId}`;

export class PopBufferMerge {
  readonly #parts: Parts;
  readonly #log: ReviveLog;
  readonly #held = new Map<string, Held>();
  /** Tick -> what is to be written then. */
  readonly #ticks = new Map<number, Set<string>>();
  /** Queue and group -> steps of the offset, in order. */
  readonly #steps = new Map<string, Step[]>();
  #timer: TimerHandle | undefined;

  constructor(parts: Parts, log: ReviveLog) {
    this.#parts = parts;
    this.#log = log;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Where a group goes on in a queue, while its committed offset is behind. */
  latestOffset(queue: Queue): number | undefined {
    if (this.#steps.size === 0) return undefined;
    const latest = this.#steps.get(queueKey(queue))?.at(-1)?.next;
    // Without an offset the topic or group was deleted, and perhaps made anew.
    if (latest === undefined || this.#hasOffset(queue)) return latest;
    this.forgetOffset(queue);
    return undefined;
  }

  /**
   * Keeps a check point for now. False: it is to be written.
   * @param key by which it is acknowledged
   * @param next where the group goes on
   */
  hold(key: string, ref: CheckPointRef, offsets: readonly number[], host: Host, next: number): boolean {
    const { settings, runtime } = this.#parts;
    if (!settings.enablePopBufferMerge) return false;
    const now = runtime.clock.now();
    const { popCkStayBufferTime, popCkStayBufferTimeOut, popCkMaxBufferSize, popCkOffsetMaxQueueSize } = settings;
    const reviveAt = ref.popTime + ref.invisibleTime;
    if (reviveAt - now < popCkStayBufferTimeOut + LEAST_STAY_MS || this.#held.size >= popCkMaxBufferSize) return false;
    const steps = this.#steps.get(queueKey(ref)) ?? [];
    if (steps.length >= popCkOffsetMaxQueueSize || this.#held.has(key)) return false;
    const step: Step = { over: false, next };
    steps.push(step);
    this.#steps.set(queueKey(ref), steps);
    const tick = Math.floor(Math.min(ref.popTime + popCkStayBufferTime, reviveAt - popCkStayBufferTimeOut) / TICK_MS);
    this.#held.set(key, { ref, host, offsets, acknowledged: new Set(), step, tick });
    this.#enter(tick, key);
    this.#timer ??= runtime.clock.setTimeout(() => this.#tick(), TICK_MS);
    return true;
  }

  /** The group goes on at `next`, when what waits before it is over. */
  moveTo(queue: Queue, next: number): void {
    const steps = this.#steps.get(queueKey(queue));
    if (steps === undefined) this.#parts.offsets.commit(queue.group, queue.topic, queue.queueId, next);
    else steps.push({ over: true, next });
  }

  /** Acknowledges messages of a check point that is kept here. False: it is not, and the log must say. */
  acknowledge(key: string, offsets: readonly number[]): boolean {
    const held = this.#held.get(key);
    if (held === undefined) return false;
    for (const offset of offsets) held.acknowledged.add(offset);
    if (held.acknowledged.size >= held.offsets.length) this.#over(key, held);
    return true;
  }

  /** The group's offset was set anew: what waits moves it no more. */
  forgetOffset(queue: Queue): void {
    this.#steps.delete(queueKey(queue));
  }

  /** Writes all that is kept. What can't be written stays, and its messages come again after a start. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const [key, held] of [...this.#held]) this.#write(key, held);
  }

  // -------------------------------------------------------------------------------------------------------- inwards

  #tick(): void {
    const { clock } = this.#parts.runtime;
    this.#timer = undefined;
    const now = Math.floor(clock.now() / TICK_MS);
    for (const [tick, keys] of [...this.#ticks]) {
      if (tick > now && this.#parts.settings.enablePopBufferMerge) continue;
      this.#ticks.delete(tick);
      for (const key of keys) {
        const held = this.#held.get(key);
        if (held === undefined || this.#write(key, held)) continue;
        held.tick = now + 1;
        this.#enter(held.tick, key);
      }
    }
    if (this.#held.size > 0) this.#timer = clock.setTimeout(() => this.#tick(), TICK_MS);
  }

  /** False when it can't be written now. */
  #write(key: string, held: Held): boolean {
    const { ref, host, offsets, acknowledged } = held;
    try {
      this.#log.checkPoint(ref, offsets, host);
      this.#over(key, held);
      if (acknowledged.size > 0) this.#log.acknowledge(ref, [...acknowledged], host);
      return true;
    } catch (fault) {
      this.#parts.log.warn("a check point of POP can't be written now; tried again", {
        topic: ref.topic,
        group: ref.group,
        queueId: ref.queueId,
        reason: (fault as Error).message,
      });
      // With the check point written, what was acknowledged comes again; without, it is tried again.
      return !this.#held.has(key);
    }
  }

  #over(key: string, held: Held): void {
    this.#held.delete(key);
    const keys = this.#ticks.get(held.tick);
    keys?.delete(key);
    if (keys?.size === 0) this.#ticks.delete(held.tick);
    held.step.over = true;
    this.#commit(held.ref);
  }

  /** Moves the offset over all that is over at the front. */
  #commit(queue: Queue): void {
    const key = queueKey(queue);
    const steps = this.#steps.get(key);
    if (steps === undefined) return;
    const open = steps.findIndex(({ over }) => !over);
    const done = open < 0 ? steps.length : open;
    const next = steps[done - 1]?.next;
    steps.splice(0, done);
    if (steps.length === 0) this.#steps.delete(key);
    const { topic, group, queueId } = queue;
    // A topic or group that was deleted meanwhile gets no offset again.
    if (next !== undefined && this.#hasOffset(queue)) this.#parts.offsets.commit(group, topic, queueId, next);
  }

  #hasOffset({ topic, group, queueId }: Queue): boolean {
    return this.#parts.offsets.query(group, topic, queueId) >= 0;
  }

  #enter(tick: number, key: string): void {
    this.#ticks.set(tick, (this.#ticks.get(tick) ?? new Set<string>()).add(key));
  }
}
