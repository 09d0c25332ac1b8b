/**
 * When simulated I/O happens. The network and the disk know only this interface, so they run alike in simulated time
 * (`time.ts`) and in real time (`realScheduler`, for brokers in memory in other people's unit tests).
 */
import { clearInterval, setImmediate, setInterval } from "node:timers";
import type { Clock } from "../../core/runtime.ts";

export interface Scheduler {
  /** ms since 1970, for the times of files. */
  now(): number;
  /** Runs `callback` as an I/O event of a later turn: soon for 0 ms or less, else after the delay. */
  io(callback: () => void, delayMs: number): void;
  /** A synchronous call that takes this long: time goes on, nothing else does. */
  stall(ms: number): void;
  /** Keeps the process alive until the returned function is called, as an open socket would. */
  hold(): () => void;
}

/** The host's time: immediates and timers. `stall` does nothing, since no one simulates a slow disk in real time. */
export function realScheduler(clock: Clock): Scheduler {
  return {
    now: () => clock.now(),
    io(callback, delayMs) {
      if (delayMs > 0) clock.setTimeout(callback, delayMs);
      else setImmediate(callback);
    },
    stall() {},
    hold() {
      const timer = setInterval(() => {}, 2 ** 31 - 1);
      return () => clearInterval(timer);
    },
  };
}
