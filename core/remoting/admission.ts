/**
 * Bounds on what is under way, one lane a kind of request. Apache gives each lane a thread pool with a queue; here a lane
 * is a count of requests that were taken and not answered yet, against the same configuration key.
 */
import type { Lane } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { RemotingError } from "./processor.ts";

/** The bound of a lane, read each time so that it can change while running, and the key that sets it. */
export interface LaneLimit {
  readonly key: string;
  readonly limit: () => number;
}

export type LaneLimits = { readonly [L in Lane]?: LaneLimit };

export class Admission {
  readonly #limits: LaneLimits;
  readonly #underWay = new Map<Lane, number>();

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** Requests of the lane that wait for their answer. */
  underWay(lane: Lane): number {
    return this.#underWay.get(lane) ?? 0;
  }

  limit(lane: Lane): number {
    return this.#limits[lane]?.limit() ?? Number.POSITIVE_INFINITY;
  }

  /** @throws RemotingError SYSTEM_BUSY with the limit, its value and the value seen, when the lane is full. */
  enter(lane: Lane): void {
    const count = this.underWay(lane);
    const bound = this.#limits[lane];
    if (bound !== undefined && count >= bound.limit()) {
      throw new RemotingError(
        ResponseCode.SYSTEM_BUSY,
        `[OVERLOAD]system busy, start flow control for a while: ${count} ${lane} requests are under way, ${bound.key}=${bound.limit()}`,
      );
    }
    this.#underWay.set(lane, count + 1);
  }

  leave(lane: Lane): void {
    this.#underWay.set(lane, this.underWay(lane) - 1);
  }
}
