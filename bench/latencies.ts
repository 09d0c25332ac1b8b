/**
 * How long calls took, counted by the microsecond: 1 MiB however many there are, where a list of them would be a tenth of the
 * memory that a load generator is measured for.
 */
export class Latencies {
  /** Calls by their whole microseconds; the last place is for all that took longer. */
  readonly #counts = new Uint32Array(1 << 18);
  calls = 0;

  /** @param ms below a quarter of a second; longer ones count as that */
  add(ms: number): void {
    const place = Math.min(Math.round(ms * 1000), this.#counts.length - 1);
    this.#counts[place] = (this.#counts[place] as number) + 1;
    this.calls++;
  }

  /** ms that this part of all calls, 0 to 1, did not exceed; 0 of none. */
  at(part: number): number {
    if (this.calls === 0) return 0;
    const wanted = Math.floor((this.calls - 1) * part) + 1;
    let place = 0;
    for (let seen = this.#counts[0] as number; seen < wanted; seen += this.#counts[place] as number) place++;
    return place / 1000;
  }
}
