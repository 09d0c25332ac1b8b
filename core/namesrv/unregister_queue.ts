/**
 * Unregistrations wait here for the end of the turn, so that those of one turn sweep the topic table once. Holds at most
 * `capacity` (unRegisterBrokerQueueCapacity): when full it is emptied at once, so none is ever refused.
 */
import type { Unregistration } from "../routing/unregistration.ts";
import type { Clock } from "../runtime.ts";

export class UnregisterQueue {
  readonly #clock: Clock;
  readonly #capacity: () => number;
  readonly #apply: (batch: readonly Unregistration[]) => void;
  #waiting: Unregistration[] = [];
  #scheduled = false;

  constructor(clock: Clock, capacity: () => number, apply: (batch: readonly Unregistration[]) => void) {
    this.#clock = clock;
    this.#capacity = capacity;
    this.#apply = apply;
  }

  add(unregistration: Unregistration): void {
    this.#waiting.push(unregistration);
    if (this.#waiting.length >= this.#capacity()) {
      this.drain();
      return;
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.afterTurn(() => {
      this.#scheduled = false;
      this.drain();
    });
  }

  /** Applies what waits, now: before a registration, so that an older farewell can't take a newer arrival away. */
  drain(): void {
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#apply(batch);
  }
}
