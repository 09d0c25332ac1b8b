/** Refusals in the log: one in so many ms, with how many there were besides. Whoever can connect can cause them. */
import type { RequestName } from "../../wire/requests.ts";
import type { Clock, Log } from "../runtime.ts";

const INTERVAL_MS = 1_000;
const NAME_LENGTH_MAX = 255;

export class RefusalLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #unlogged = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** @param user as the request names it; anything, of any length */
  note(request: RequestName, remote: string, user: string | undefined, reason: string): void {
    const now = this.#clock.monotonic();
    if (now - this.#loggedAt < INTERVAL_MS) {
      this.#unlogged++;
      return;
    }
    const fields = { request, remote, user: user?.slice(0, NAME_LENGTH_MAX), reason };
    this.#log.warn("a request was refused", this.#unlogged === 0 ? fields : { ...fields, notLogged: this.#unlogged });
    this.#loggedAt = now;
    this.#unlogged = 0;
  }
}
