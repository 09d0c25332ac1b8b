/**
 * What the wall clock can be trusted with. It jumps: a device without a battery boots in 1970 and is set when it reaches the
 * network, an operator corrects an hour, a laptop wakes up. The monotonic clock does not, so the distance of the two shows
 * every jump.
 *
 * Files are dated by the wall clock, and so is their age. After a jump nothing is judged by age for a while; and what was
 * written before a jump forward is as much younger as the clock has jumped, so that a time asleep does not count as age.
 */
import type { Clock, Log } from "../runtime.ts";

/** Clocks that are slewed drift by less than 0.5 ms a second: 5 ms between two looks. */
const JUMP_MS_MIN = 2_000;
/** Jumps that are remembered; when there are more, two old ones become one. */
const JUMPS_MAX = 16;
/** No file of this program is older: a date before it comes from a clock that was not set yet. */
const PLAUSIBLE_MS_MIN = Date.UTC(2020, 0, 1);

interface Jump {
  /** What the clock said before. */
  readonly fromMs: number;
  readonly byMs: number;
}

export class WallClock {
  readonly #clock: Clock;
  readonly #log: Log;
  /** Wall clock less monotonic. */
  #distanceMs: number;
  /** Monotonic. */
  #trustedFromMs = 0;
  readonly #waitMs: () => number;
  /** Forward only, oldest first. */
  #jumps: Jump[] = [];

  /** @param waitMs for so long after a jump nothing is judged by age */
  constructor(clock: Clock, log: Log, waitMs: () => number) {
    this.#clock = clock;
    this.#log = log;
    this.#waitMs = waitMs;
    this.#trustedFromMs = clock.monotonic();
    this.#distanceMs = clock.now() - clock.monotonic();
  }

  /** Compares the clocks; to be called regularly, and before ages are asked for. */
  look(): void {
    const now = this.#clock.now();
    const monotonic = this.#clock.monotonic();
    const byMs = Math.round(now - monotonic - this.#distanceMs);
    // Also when it is small: drift adds up, and is no jump.
    this.#distanceMs = now - monotonic;
    if (Math.abs(byMs) < JUMP_MS_MIN) return;
    this.#trustedFromMs = monotonic + this.#waitMs();
    if (byMs > 0) this.#remember({ fromMs: now - byMs, byMs });
    this.#log.warn("the wall clock has jumped; no file expires by its age in this round", {
      bySeconds: Math.round(byMs / 1000),
      now: new Date(now).toISOString(),
    });
  }

  /** False for a while after a jump was found. */
  get isTrusted(): boolean {
    return this.#clock.monotonic() >= this.#trustedFromMs;
  }

  /**
   * How old the first of `datesMs` is, ms: dates (by the wall clock) of things made one after the other. A date from a clock
   * that was not set says nothing, then the next one's tells the least age; 0 when none does.
   */
  leastAgeMs(datesMs: Iterable<number>): number {
    const now = this.#clock.now();
    for (const dateMs of datesMs) {
      const wasJumpedOver = this.#jumps.filter((jump) => dateMs <= jump.fromMs);
      if (wasJumpedOver.length > 0) return now - dateMs - wasJumpedOver.reduce((sum, jump) => sum + jump.byMs, 0);
      if (dateMs >= PLAUSIBLE_MS_MIN) return now - dateMs;
    }
    return 0;
  }

  #remember(jump: Jump): void {
    this.#jumps.push(jump);
    if (this.#jumps.length <= JUMPS_MAX) return;
    const [first, second, ...rest] = this.#jumps as [Jump, Jump, ...Jump[]];
    this.#jumps = [{ fromMs: second.fromMs, byMs: first.byMs + second.byMs }, ...rest];
  }
}
