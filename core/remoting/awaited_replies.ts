/**
 * The calls of one connection whose answers are not here yet, by opaque, each with a deadline. One timer serves all of them: it
 * stands at the earliest deadline there was, and a call that is answered leaves it alone, so that a call costs no timer of its
 * own (setting and clearing one was a twentieth of what a send costs a client). At most one timer is set.
 */
import type { Clock, TimerHandle } from "../runtime.ts";
import { type PeerReply, RemotingFault } from "./processor.ts";

export interface AwaitedReply {
  readonly resolve: (reply: PeerReply) => void;
  readonly reject: (fault: RemotingFault) => void;
  /** What was asked, and how long its caller waits, ms: for the words of the rejection. */
  readonly name: string;
  readonly timeoutMs: number;
  /** Clock.monotonic() from which on nobody waits any more. */
  readonly deadline: number;
}

/** Timers of a host count whole milliseconds, and may come so much before their time. */
const EARLY_MS = 1;

export class AwaitedReplies {
  readonly #clock: Clock;
  readonly #asked: string;
  readonly #calls = new Map<number, AwaitedReply>();
  #timer: TimerHandle | undefined;
  /** When it comes; Infinity without one. */
  #timerAt = Number.POSITIVE_INFINITY;

  /** @param asked who answers, for messages */
  constructor(clock: Clock, asked: string) {
    this.#clock = clock;
    this.#asked = asked;
  }

  /** Its deadline is `timeoutMs` from now. */
  add(opaque: number, call: AwaitedReply): void {
    this.#calls.set(opaque, call);
    if (call.deadline < this.#timerAt) this.#arm(call.deadline, call.timeoutMs);
  }

  /** The call that `opaque` answers, which waits no longer; undefined when nobody waits (any more). */
  take(opaque: number): AwaitedReply | undefined {
    const call = this.#calls.get(opaque);
    if (call !== undefined) this.#calls.delete(opaque);
    return call;
  }

  /** Rejects all of them. @param fault makes one each */
  fail(fault: () => RemotingFault): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.reject(fault());
  }

  #arm(at: number, ms: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimeout(() => this.#expire(), ms);
  }

  #expire(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [opaque, call] of this.#calls) {
      if (call.deadline <= now + EARLY_MS) {
        this.#calls.delete(opaque);
        call.reject(new RemotingFault("timeout", `${this.#asked} did not answer ${call.name} within ${call.timeoutMs} ms`));
      } else if (call.deadline < next) {
        next = call.deadline;
      }
    }
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next, next - now);
  }
}
