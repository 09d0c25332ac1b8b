/** How far the timer is: what its parts move together and what a checkpoint takes down. Every change is synchronous. */
export class TimerProgress {
  readonly precisionMs: number;
  /** Slots before it are delivered. A whole step, as `writeTimeMs`. */
  readTimeMs = 0;
  /** Slots before it get no more messages: what is due before it is delivered at once. Never goes back. */
  writeTimeMs = 0;
  /** Units of the slot `readTimeMs` up to this position are delivered; -1: none. */
  deliveredPosition = -1;
  /** Messages of the timer topic before it have a unit or are delivered. */
  queueOffset = 0;
  /** Units in slots from `readTimeMs` on, cancelling ones counted -1. */
  waiting = 0;
  /** Messages put again, rolled ones too, since the start. */
  deliveries = 0;
  /** Messages that went into the wheel since the start. */
  enqueued = 0;

  constructor(precisionMs: number) {
    this.precisionMs = precisionMs;
  }

  moveRead(timeMs: number): void {
    if (timeMs === this.readTimeMs) return;
    this.readTimeMs = timeMs;
    this.deliveredPosition = -1;
  }

  moveWrite(now: number): void {
    this.writeTimeMs = Math.max(this.writeTimeMs, now - (now % this.precisionMs));
  }
}
