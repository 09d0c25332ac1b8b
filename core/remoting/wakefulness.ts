/**
 * Keeps the event loop awake between the requests of one who waits for each answer before it sends the next.
 *
 * A core that has nothing to do sleeps, and on a virtual machine it takes longer to wake than the request itself takes. For a
 * sender with one request under way that is a third of its time. To look for work instead costs the rest of a core while it lasts,
 * and helps only where nobody else wants that core; so it is tried: some requests without, some with it, and what was faster is
 * kept for a while. Requests that come together, or seldom, or from several by turns, leave the loop asleep.
 */
import type { Clock } from "../runtime.ts";

/** Requests in a row, each alone in its chunk, before they are taken for such a sender. */
const ROW_MIN = 16;
/** ms from one to the next; what waits longer for its sender does not wait for us. */
const GAP_MS_MAX = 1;
/** Requests after a change whose gaps say nothing yet: the system moves threads to other cores meanwhile. */
const SETTLING_REQUESTS = 256;
/** Requests of which the gaps are compared, without and with it, and those for which the outcome holds. */
const TRIAL_REQUESTS = 512;
const HOLDING_REQUESTS = 16_384;
/** It is worth it where it makes the gaps so much shorter. */
const WORTH = 0.9;

export class Wakefulness {
  readonly #clock: Pick<Clock, "stayAwake">;
  readonly #ms: () => number;
  /** Who spoke last. */
  #sender: object | undefined;
  #lastAt = 0;
  #row = 0;
  /** Of this trial, or of what it came to. */
  #requests = 0;
  #phase: "without" | "with" | "holding" = "without";
  #withoutMs = 0;
  #withMs = 0;
  #isAwake = false;

  /** @param ms for which the loop stays awake after a request; 0 for never */
  constructor(clock: Pick<Clock, "stayAwake">, ms: () => number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  /** @param sender the connection @param requests that one chunk had @param arrivedAt Clock.monotonic() */
  took(sender: object, requests: number, arrivedAt: number): void {
    const gap = arrivedAt - this.#lastAt;
    const isOther = sender !== this.#sender;
    this.#lastAt = arrivedAt;
    this.#sender = sender;
    if (requests !== 1 || isOther || gap > GAP_MS_MAX) {
      this.#row = 0;
      return;
    }
    if (++this.#row <= ROW_MIN) return;
    const ms = this.#ms();
    if (ms <= 0) return;
    this.#count(gap);
    if (this.#isAwake) this.#clock.stayAwake?.(ms);
  }

  #count(gap: number): void {
    this.#requests++;
    if (this.#phase === "holding") {
      if (this.#requests >= HOLDING_REQUESTS) this.#tryWithout();
      return;
    }
    if (this.#requests <= SETTLING_REQUESTS) return;
    if (this.#phase === "without") this.#withoutMs += gap;
    else this.#withMs += gap;
    if (this.#requests < SETTLING_REQUESTS + TRIAL_REQUESTS) return;
    if (this.#phase === "without") this.#begin("with", true);
    else this.#begin("holding", this.#withMs < WORTH * this.#withoutMs);
  }

  #tryWithout(): void {
    this.#withoutMs = 0;
    this.#withMs = 0;
    this.#begin("without", false);
  }

  #begin(phase: "without" | "with" | "holding", isAwake: boolean): void {
    this.#phase = phase;
    this.#isAwake = isAwake;
    this.#requests = 0;
  }
}
