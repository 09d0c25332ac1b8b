/**
 * Simulated time.
 *
 * I/O (chunks, file operations, `afterTurn`) runs by itself, one event per turn of the host's event loop, so that promises
 * settle between two events just as they do on a real runtime; a test that awaits an answer simply gets it. Time itself
 * stands still until the test moves it: timers, and I/O with a delay, fire inside `advance` and its relatives, in the
 * order of their times and, at equal times, in the order in which they were set. Hence a run depends on the seed only.
 *
 * With `shuffle`, which event of a turn comes next is left to dice: no program may rely on the order in which two
 * connections, or two files, are heard of. Within one connection nothing is overtaken all the same.
 */
import { setImmediate } from "node:timers";
import type { Clock, TimerHandle } from "../../core/runtime.ts";
import type { Prng } from "./prng.ts";
import type { Scheduler } from "./scheduler.ts";

interface Event {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/** The time of a world; all its runtimes share it. */
export class SimTime implements Scheduler {
  readonly #epochMs: number;
  #elapsedMs = 0;
  #wallShiftMs = 0;
  #order = 0;
  readonly #timers = new EventHeap();
  #io: (() => void)[] = [];
  /** How many of `#io` belong to the turn that is running; the rest came up meanwhile. */
  #turn = 0;
  #afterTurn: (() => void)[] = [];
  #pumping = false;
  #moving: Promise<void> = Promise.resolve();
  /** Probability that the next I/O event of a turn is any of them instead of the first; may be changed at any time. */
  shuffle = 0;
  /** Called before each event; it may end processes. */
  beforeEvent: (() => void) | undefined;
  readonly #prng: Prng | undefined;

  /** Without `prng` there is no shuffling. */
  constructor(epochMs: number, prng?: Prng) {
    this.#epochMs = epochMs;
    this.#prng = prng;
  }

  now(): number {
    return this.#epochMs + Math.floor(this.#elapsedMs) + this.#wallShiftMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  /** The wall clock jumps by `ms` (negative: back); the monotonic one and the timers do not notice. */
  jump(ms: number): void {
    this.#wallShiftMs += ms;
  }

  at(delayMs: number, callback: () => void): TimerHandle {
    const event: Event = { at: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.push(event);
    return {
      cancel() {
        event.callback = undefined;
      },
    };
  }

  io(callback: () => void, delayMs: number): void {
    if (delayMs > 0) {
      this.at(delayMs, callback);
      return;
    }
    this.#io.push(callback);
    this.#pump();
  }

  afterTurn(callback: () => void): void {
    this.#afterTurn.push(callback);
    this.#pump();
  }

  stall(ms: number): void {
    this.#elapsedMs += ms;
  }

  /** Simulated sockets do not keep the process alive: whoever waits for them awaits a promise that I/O settles. */
  hold(): () => void {
    return () => {};
  }

  /** Lets all I/O that needs no time run, with what follows from it. */
  async settle(): Promise<void> {
    do {
      // An immediate comes after all microtasks; a promise chain that ends in new I/O is seen by the next round.
      await new Promise<void>((resolve) => setImmediate(resolve));
    } while (this.#io.length > 0 || this.#afterTurn.length > 0);
  }

  /** Moves time on by `ms`, event by event. */
  advance(ms: number): Promise<void> {
    return this.#move(async () => {
      const until = this.#elapsedMs + ms;
      while (await this.#step(until));
      // A stall may have carried time beyond the goal.
      this.#elapsedMs = Math.max(this.#elapsedMs, until);
      await this.settle();
    });
  }

  /** Moves time on, event by event, until `condition` holds. Throws when it does not within `withinMs`. */
  until(condition: () => boolean, withinMs: number): Promise<void> {
    return this.#move(async () => {
      const started = this.#elapsedMs;
      await this.settle();
      while (!condition()) {
        if (!(await this.#step(started + withinMs))) {
          throw new Error(`The condition still does not hold after ${withinMs} ms of simulated time: ${String(condition)}`);
        }
      }
    });
  }

  /** Moves time on until `promise` settles, and hands its result over. Throws when it does not within `withinMs`. */
  async resolve<T>(promise: Promise<T>, withinMs: number): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.until(() => settled, withinMs);
    return promise;
  }

  /** One timer, when one is due up to `until`, and the I/O that follows. */
  async #step(until: number): Promise<boolean> {
    await this.settle();
    const event = this.#timers.pop(until);
    if (event === undefined) return false;
    this.#elapsedMs = Math.max(this.#elapsedMs, event.at);
    this.beforeEvent?.();
    event.callback?.();
    await this.settle();
    return true;
  }

  /** One mover at a time; a second waits for the first. */
  #move(moves: () => Promise<void>): Promise<void> {
    const moved = this.#moving.then(moves);
    this.#moving = moved.catch(() => {});
    return moved;
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(this.#runNext);
  }

  /** One I/O event; after the last of its turn, what waited for the end of the turn. */
  readonly #runNext = (): void => {
    if (this.#turn === 0) this.#turn = this.#io.length;
    try {
      if (this.#turn > 0) {
        const prng = this.#turn > 1 && this.#prng?.chance(this.shuffle) ? this.#prng : undefined;
        const next = prng === undefined ? this.#io.shift() : this.#io.splice(prng.below(this.#turn), 1)[0];
        this.#turn--;
        this.beforeEvent?.();
        next!();
      }
      if (this.#turn === 0) this.#runAfterTurn();
    } finally {
      if (this.#io.length > 0 || this.#afterTurn.length > 0) setImmediate(this.#runNext);
      else this.#pumping = false;
    }
  };

  #runAfterTurn(): void {
    const callbacks = this.#afterTurn;
    this.#afterTurn = [];
    for (const callback of callbacks) callback();
  }
}

/** The clock of one simulated process. When the process is killed, none of its callbacks runs any more. */
export class SimClock implements Clock {
  readonly #time: SimTime;
  #dead = false;

  constructor(time: SimTime) {
    this.#time = time;
  }

  now(): number {
    return this.#time.now();
  }

  monotonic(): number {
    return this.#time.monotonic();
  }

  setTimeout(callback: () => void, ms: number): TimerHandle {
    return this.#time.at(ms, () => this.#run(callback));
  }

  setInterval(callback: () => void, ms: number): TimerHandle {
    // 0 would never let time go on.
    const everyMs = Math.max(1, ms);
    let timer: TimerHandle;
    let cancelled = false;
    const again = () => {
      timer = this.#time.at(everyMs, () => {
        if (this.#dead) return;
        callback();
        if (!cancelled) again();
      });
    };
    again();
    return {
      cancel() {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  afterTurn(callback: () => void): void {
    this.#time.afterTurn(() => this.#run(callback));
  }

  /** See `SimTime`. These move the time of the whole world. */
  advance(ms: number): Promise<void> {
    return this.#time.advance(ms);
  }

  settle(): Promise<void> {
    return this.#time.settle();
  }

  until(condition: () => boolean, withinMs = 60_000): Promise<void> {
    return this.#time.until(condition, withinMs);
  }

  resolve<T>(promise: Promise<T>, withinMs = 60_000): Promise<T> {
    return this.#time.resolve(promise, withinMs);
  }

  jump(ms: number): void {
    this.#time.jump(ms);
  }

  kill(): void {
    this.#dead = true;
  }

  #run(callback: () => void): void {
    if (!this.#dead) callback();
  }
}

/** A binary heap by time, then by order of setting. */
class EventHeap {
  readonly #events: Event[] = [];

  push(event: Event): void {
    const events = this.#events;
    let at = events.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, events[parent]!)) break;
      events[at] = events[parent]!;
      at = parent;
    }
    events[at] = event;
  }

  /** The first event that was not cancelled, if it is due up to `until`. */
  pop(until: number): Event | undefined {
    for (;;) {
      const first = this.#events[0];
      if (first === undefined) return undefined;
      const live = first.callback !== undefined;
      if (live && first.at > until) return undefined;
      this.#removeFirst();
      if (live) return first;
    }
  }

  #removeFirst(): void {
    const events = this.#events;
    const last = events.pop()!;
    if (events.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && before(events[child + 1]!, events[child]!)) child++;
      if (!before(events[child]!, last)) break;
      events[at] = events[child]!;
      at = child;
    }
    events[at] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
