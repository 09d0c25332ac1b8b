/** The host's clock and timers. `node:timers` gives handles that can be unref'd on all three runtimes. */
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from "node:timers";
import type { Clock, TimerHandle } from "../../core/runtime.ts";

/** A longer delay would fire at once (it is a signed 32-bit number inside the runtimes): 24.8 days. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** An awake loop looks for work so often: each look is a round of the event loop, and garbage. */
const LOOK_MS = 0.005;

export class HostClock implements Clock {
  #queue: (() => void)[] = [];
  #spare: (() => void)[] = [];
  /** What is asked for gets its end of turn behind the work that is under way: it needs no immediate. */
  #isLast = false;
  /** performance.now() until when the loop looks for work. */
  #awakeUntil = 0;
  #isAwake = false;

  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  setTimeout(callback: () => void, ms: number): TimerHandle {
    return new Timeout(callback, ms);
  }

  setInterval(callback: () => void, ms: number): TimerHandle {
    const timer = setInterval(callback, Math.min(ms, TIMER_MS_MAX));
    timer.unref();
    return { cancel: () => clearInterval(timer) };
  }

  /** One immediate a turn runs all callbacks of the turn, in order. */
  afterTurn(callback: () => void): void {
    if (this.#queue.push(callback) === 1 && !this.#isLast) setImmediate(this.#drain);
  }

  /**
   * Does what is taken for the last work of a turn: the callbacks that it asks for run behind its microtasks, and not after a
   * further round of the event loop, which costs a server under load a tenth of its CPU (Bun).
   */
  lastOfTurn(work: () => void): void {
    this.#isLast = true;
    try {
      work();
    } finally {
      if (this.#queue.length > 0) queueMicrotask(this.#endTurn);
      else this.#isLast = false;
    }
  }

  stayAwake(ms: number): void {
    this.#awakeUntil = Math.max(this.#awakeUntil, performance.now() + ms);
    if (this.#isAwake) return;
    this.#isAwake = true;
    setImmediate(this.#look);
  }

  readonly #look = (): void => {
    const next = performance.now() + LOOK_MS;
    while (performance.now() < next);
    this.#isAwake = next < this.#awakeUntil;
    if (this.#isAwake) setImmediate(this.#look);
  };

  readonly #endTurn = (): void => {
    this.#isLast = false;
    this.#drain();
  };

  readonly #drain = (): void => {
    const queue = this.#queue;
    // What is asked for while draining belongs to the next turn.
    this.#queue = this.#spare;
    for (let i = 0; i < queue.length; i++) {
      try {
        queue[i]!();
      } catch (error) {
        // One failing callback must not cost the others of its turn; it surfaces as an uncaught error all the same.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    queue.length = 0;
    this.#spare = queue;
  };
}

class Timeout implements TimerHandle {
  #timer: ReturnType<typeof setTimeout>;

  constructor(callback: () => void, ms: number) {
    this.#timer = this.#start(callback, ms);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  #start(callback: () => void, ms: number): ReturnType<typeof setTimeout> {
    const rest = ms - TIMER_MS_MAX;
    const timer =
      rest > 0
        ? setTimeout(() => {
            this.#timer = this.#start(callback, rest);
          }, TIMER_MS_MAX)
        : setTimeout(callback, ms);
    timer.unref();
    return timer;
  }
}
