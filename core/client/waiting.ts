/** Waiting that can be given up: with an AbortSignal, or until a time. */
import { bounded } from "../remoting/bounded.ts";
import type { Clock } from "../runtime.ts";
import { MQClientError } from "./errors.ts";

/** `promise`, or a rejection with the signal's reason as soon as it is aborted. What runs behind `promise` runs on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      promise.catch(() => {});
      reject(signal.reason);
      return;
    }
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const settle = () => signal.removeEventListener("abort", onAbort);
    promise.then(
      (value) => {
        settle();
        resolve(value);
      },
      (fault: unknown) => {
        settle();
        reject(fault);
      },
    );
  });
}

/** Settles after `ms`, or when `signal` is aborted. */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.setTimeout(end, signal?.aborted === true ? 0 : ms);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** `promise`, or a rejection with `late()` after `ms`. What runs behind `promise` runs on. */
export function inTime<T>(clock: Clock, promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return bounded<T>(clock, { timeoutMs: ms, late }, (resolve, reject) => void promise.then(resolve, reject));
}

/** Never leaves this module. */
const LATE = new Error("not settled in time");

/** True when `promise` settled (either way) within `ms`. @throws the signal's reason */
export async function settledWithin(clock: Clock, promise: Promise<unknown>, ms: number, signal?: AbortSignal): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await bounded<boolean>(clock, { timeoutMs: ms, late: () => LATE, signal }, (resolve) => void settled.then(resolve));
  } catch (reason) {
    if (reason === LATE) return false;
    throw reason;
  }
}

/**
 * `start()`; aborted meanwhile, `close()` ends what it began, and that is not waited for.
 * @throws what the start fails with; the signal's reason
 */
export async function startUntil(
  signal: AbortSignal | undefined,
  start: () => Promise<void>,
  close: () => Promise<void>,
): Promise<void> {
  if (signal === undefined) return start();
  signal.throwIfAborted();
  try {
    await abortable(start(), signal);
  } catch (fault) {
    // Who closes it as well waits for the same, and hears what goes wrong.
    if (signal.aborted) close().catch(() => {});
    throw fault;
  }
}

/** A start that is made once, for all who ask for it; one that failed is made again for who asks next. */
export class SharedStart {
  readonly #start: () => Promise<void>;
  #promise: Promise<void> | undefined;

  constructor(start: () => Promise<void>) {
    this.#start = start;
  }

  /** The start that goes on or succeeded; undefined without one. */
  get promise(): Promise<void> | undefined {
    return this.#promise;
  }

  /** `promise`, made now where there is none. */
  begun(): Promise<void> {
    if (this.#promise === undefined) {
      const started = this.#start();
      this.#promise = started;
      started.catch(() => {
        if (this.#promise === started) this.#promise = undefined;
      });
    }
    return this.#promise;
  }
}

/** A start that goes on when the call that began it gives up waiting. What it fails with then, the next call throws. */
export class LateStart {
  readonly #clock: Clock;
  #fault: unknown;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits for `start()`, `ms` at most. @returns false when it still goes on
   * @throws what the start fails with, or an earlier one did; the signal's reason
   */
  async within(start: () => Promise<void>, ms: number, signal: AbortSignal | undefined): Promise<boolean> {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== undefined) throw fault;
    const started = start();
    if (ms !== Number.POSITIVE_INFINITY && !(await settledWithin(this.#clock, started, ms, signal))) {
      started.catch((late: unknown) => {
        this.#fault = late;
      });
      return false;
    }
    await abortable(started, signal);
    return true;
  }
}

/** A pause that its owner can cut short. */
export class Pause {
  readonly #clock: Clock;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Settles after `ms`, or at `wake()`. One wait at a time. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimeout(() => this.wake(), ms);
      this.#wake = () => {
        timer.cancel();
        this.#wake = undefined;
        resolve();
      };
    });
  }

  wake(): void {
    this.#wake?.();
  }
}

/**
 * Back-pressure: at most `countMax` sends and `bytesMax` bytes under way (a single larger one goes alone). Who finds no room
 * waits in turn; more than `waitingMax` waiting are refused.
 */
export class InFlight {
  readonly #countMax: number;
  readonly #bytesMax: number;
  readonly #waitingMax: number;
  readonly #waiting = new Set<{ bytes: number; go: () => void }>();
  #count = 0;
  #bytes = 0;

  constructor(bounds: { countMax: number; bytesMax: number; waitingMax: number }) {
    this.#countMax = bounds.countMax;
    this.#bytesMax = bounds.bytesMax;
    this.#waitingMax = bounds.waitingMax;
  }

  get count(): number {
    return this.#count;
  }

  /** Undefined when there is room at once, so that the ordinary send waits for nothing. */
  enter(bytes: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#waiting.size === 0 && this.#fits(bytes)) {
      this.#take(bytes);
      return undefined;
    }
    if (this.#waiting.size >= this.#waitingMax) {
      throw new MQClientError(
        "overloaded",
        `Cannot send: ${this.#count} messages are under way and ${this.#waiting.size} wait. Await the sends, or raise backPressureForAsyncSendNum (${this.#countMax})`,
      );
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(entry);
        reject(signal?.reason);
      };
      const entry = {
        bytes,
        go: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      this.#waiting.add(entry);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  leave(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
    for (const entry of this.#waiting) {
      if (!this.#fits(entry.bytes)) return;
      this.#waiting.delete(entry);
      this.#take(entry.bytes);
      entry.go();
    }
  }

  #fits(bytes: number): boolean {
    return this.#count === 0 || (this.#count < this.#countMax && this.#bytes + bytes <= this.#bytesMax);
  }

  #take(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }
}
