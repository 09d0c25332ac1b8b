/**
 * Check points of this process that are not over: which messages of each were acknowledged.
 *
 * Memory only, and only to make acknowledging cheap: what counts after a crash is in the revive log. A check point that is
 * not here (from before a restart, or there are too many) is acknowledged in the log alone.
 */
import type { RemotingError } from "../../remoting/processor.ts";
import type { PopBufferMerge } from "./buffer_merge.ts";
import type { CheckPointRef, ReviveLog } from "./revive_log.ts";

/** Beyond it check points are kept in the log alone; one takes some 300 bytes. */
export const CHECK_POINTS_MAX = 200_000;

interface Host {
  readonly host: string;
  readonly port: number;
}

interface CheckPoint {
  readonly ref: CheckPointRef;
  /** Offsets handed out and not acknowledged. */
  readonly open: Set<number>;
}

interface Pending {
  readonly ref: CheckPointRef;
  readonly host: Host;
  readonly offsets: number[];
  readonly settled: Promise<void>;
  readonly settle: (fault: RemotingError | undefined) => void;
}

export const checkPointKey = ({ topic, group, queueId, startOffset, popTime }: CheckPointRef): string =>
  `${topic} ${group} ${queueId} ${startOffset} ${popTime}`;

const queueKey = ({ topic, group, queueId }: Pick<CheckPointRef, "topic" | "group" | "queueId">): string =>
  `${topic} ${group} ${queueId}`;

export class CheckPoints {
  readonly #log: ReviveLog;
  /** Those that are not written yet, and the offsets of groups behind them. */
  readonly buffer: PopBufferMerge;
  readonly #known = new Map<string, CheckPoint>();
  /** Offsets that are open, by queue and group. */
  readonly #open = new Map<string, number>();
  /** Acknowledged in this turn, to be written at its end. */
  readonly #pending = new Map<string, Pending>();

  constructor(log: ReviveLog, buffer: PopBufferMerge) {
    this.#log = log;
    this.buffer = buffer;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Messages handed out and neither acknowledged nor over, by `topic group queueId`. */
  openByQueue(): ReadonlyMap<string, number> {
    return this.#open;
  }

  /** The same of one queue. */
  openOf(queue: Pick<CheckPointRef, "topic" | "group" | "queueId">): number {
    return this.#open.get(queueKey(queue)) ?? 0;
  }

  /**
   * Messages were handed out, and the group goes on at `next`; it stays where it is when that is left out.
   * @throws RemotingError when it can't be written down.
   */
  add(ref: CheckPointRef, offsets: readonly number[], host: Host, next?: number): void {
    const isFull = this.#known.size >= CHECK_POINTS_MAX;
    const key = checkPointKey(ref);
    const isHeld = !isFull && next !== undefined && this.buffer.hold(key, ref, offsets, host, next);
    if (!isHeld) {
      this.#log.checkPoint(ref, offsets, host);
      if (next !== undefined) this.buffer.moveTo(ref, next);
    }
    if (isFull) return;
    this.#known.set(key, { ref, open: new Set(offsets) });
    this.#count(ref, offsets.length);
  }

  /** Resolves when the acknowledgement is written; rejects with RemotingError when it can't be. Repeating one does nothing. */
  acknowledge(ref: CheckPointRef, offsets: readonly number[], host: Host): Promise<void> {
    const key = checkPointKey(ref);
    const known = this.#known.get(key);
    const fresh = known === undefined ? offsets : offsets.filter((offset) => known.open.delete(offset));
    const pending = this.#pending.get(key);
    if (fresh.length === 0) return pending?.settled ?? Promise.resolve();
    if (known !== undefined) this.#count(ref, -fresh.length);
    if (known?.open.size === 0) this.#known.delete(key);
    if (this.buffer.acknowledge(key, fresh)) return Promise.resolve();
    if (pending !== undefined) {
      pending.offsets.push(...fresh);
      return pending.settled;
    }
    if (this.#pending.size === 0) void Promise.resolve().then(() => this.#flush());
    let settle: Pending["settle"] = () => {};
    const settled = new Promise<void>((resolve, reject) => {
      settle = (fault) => (fault === undefined ? resolve() : reject(fault));
    });
    this.#pending.set(key, { ref, host, offsets: [...fresh], settled, settle });
    return settled;
  }

  /** Its time is over: what is open comes again. */
  forget(ref: CheckPointRef): void {
    const key = checkPointKey(ref);
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#known.delete(key);
    this.#count(ref, -known.open.size);
  }

  #count(queue: CheckPointRef, more: number): void {
    const key = queueKey(queue);
    const open = (this.#open.get(key) ?? 0) + more;
    if (open > 0) this.#open.set(key, open);
    else this.#open.delete(key);
  }

  #flush(): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { ref, host, offsets, settle } of pending) {
      try {
        this.#log.acknowledge(ref, offsets, host);
        settle(undefined);
      } catch (fault) {
        settle(fault as RemotingError);
      }
    }
  }
}
