/**
 * Bounds on what is under way, one lane a kind of request. Apache gives each lane a thread pool with a queue; here a lane
 * is a count of requests that were taken and not answered yet, against the same configuration key. Apache also empties a
 * queue of what has waited too long in it; here a request that waited too long before it is taken, behind others of its
 * connection, is refused with the same words: its sender has most likely asked elsewhere by now.
 */
import type { Lane } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { RemotingError } from "./processor.ts";

/** The bound of a lane, read each time so that it can change while running, and the key that sets it. */
export interface LaneLimit {
  readonly key: string;
  readonly limit: () => number;
  /** ms that a request may wait before it is taken, and the key that sets them; no bound when left out. */
  readonly wait?: { readonly key: string; readonly ms: () => number };
}

export type LaneLimits = { readonly [L in Lane]?: LaneLimit };

export class Admission {
  readonly #limits: LaneLimits;
  readonly #underWay = new Map<Lane, { count: number }>();

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** Requests of the lane that wait for their answer. */
  underWay(lane: Lane): number {
    return this.#underWay.get(lane)?.count ?? 0;
  }

  limit(lane: Lane): number {
    return this.#limits[lane]?.limit() ?? Number.POSITIVE_INFINITY;
  }

  /**
   * @param waitedMs From the request's arrival until now.
   * @throws RemotingError SYSTEM_BUSY with the limit, its value and the value seen, when the lane is full or the request has
   * waited too long. One that has not waited at all is not refused, whatever the limit.
   */
  enter(lane: Lane, waitedMs: number): void {
    let underWay = this.#underWay.get(lane);
    if (underWay === undefined) {
      underWay = { count: 0 };
      this.#underWay.set(lane, underWay);
    }
    const { count } = underWay;
    const bound = this.#limits[lane];
    if (waitedMs > 0 && bound?.wait !== undefined && waitedMs >= bound.wait.ms()) {
      throw new RemotingError(
        ResponseCode.SYSTEM_BUSY,
        `[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: ${Math.floor(waitedMs)}ms, size of queue: ${count}, ${bound.wait.key}=${bound.wait.ms()}`,
      );
    }
    if (bound !== undefined && count >= bound.limit()) {
      throw new RemotingError(
        ResponseCode.SYSTEM_BUSY,
        `[OVERLOAD]system busy, start flow control for a while: ${count} ${lane} requests are under way, ${bound.key}=${bound.limit()}`,
      );
    }
    underWay.count++;
  }

  leave(lane: Lane): void {
    const underWay = this.#underWay.get(lane);
    if (underWay !== undefined) underWay.count--;
  }
}
