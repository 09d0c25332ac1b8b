/** What a consumer knows of its own speed, by topic: as `mqadmin consumerStatus` prints it. */
import type { ConsumeStatus } from "../../wire/bodies/running_info.ts";
import type { Clock } from "../runtime.ts";

const MINUTE_MS = 60_000;
const BUCKETS = 6;

/** A sum over the last `spanMs`, in six pieces. */
class RollingSum {
  readonly #clock: Clock;
  readonly #pieceMs: number;
  readonly #sums = new Float64Array(BUCKETS);
  #piece: number;

  constructor(clock: Clock, spanMs: number) {
    this.#clock = clock;
    this.#pieceMs = spanMs / BUCKETS;
    this.#piece = this.#pieceOf(clock.monotonic());
  }

  /** @param now Clock.monotonic(), which costs more than the sum */
  add(value: number, now: number): void {
    this.#forget(this.#pieceOf(now));
    const at = this.#piece % BUCKETS;
    this.#sums[at] = (this.#sums[at] as number) + value;
  }

  get value(): number {
    this.#forget(this.#pieceOf(this.#clock.monotonic()));
    return this.#sums.reduce((sum, each) => sum + each, 0);
  }

  #pieceOf(now: number): number {
    return Math.floor(now / this.#pieceMs);
  }

  #forget(now: number): void {
    for (let piece = Math.max(this.#piece + 1, now - BUCKETS + 1); piece <= now; piece++) this.#sums[piece % BUCKETS] = 0;
    this.#piece = Math.max(this.#piece, now);
  }
}

class TopicStatus {
  readonly pulls: RollingSum;
  readonly pullMs: RollingSum;
  readonly pulled: RollingSum;
  readonly calls: RollingSum;
  readonly callMs: RollingSum;
  readonly consumed: RollingSum;
  readonly failed: RollingSum;
  readonly failedInHour: RollingSum;

  constructor(clock: Clock) {
    const inMinute = () => new RollingSum(clock, MINUTE_MS);
    this.pulls = inMinute();
    this.pullMs = inMinute();
    this.pulled = inMinute();
    this.calls = inMinute();
    this.callMs = inMinute();
    this.consumed = inMinute();
    this.failed = inMinute();
    this.failedInHour = new RollingSum(clock, 60 * MINUTE_MS);
  }
}

/** Topics are those of the subscription, so there are not many. */
export class ConsumeStatusCounts {
  readonly #clock: Clock;
  readonly #topics = new Map<string, TopicStatus>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A pull or POP that brought messages. */
  pulled(topic: string, messages: number, tookMs: number): void {
    const status = this.#of(topic);
    const now = this.#clock.monotonic();
    status.pulls.add(1, now);
    status.pullMs.add(tookMs, now);
    status.pulled.add(messages, now);
  }

  /** A call of the listener that ends now. @param startedAt Clock.monotonic() */
  consumed(topic: string, messages: number, startedAt: number, failed: boolean): void {
    const status = this.#of(topic);
    const now = this.#clock.monotonic();
    status.calls.add(1, now);
    status.callMs.add(now - startedAt, now);
    (failed ? status.failed : status.consumed).add(messages, now);
    if (failed) status.failedInHour.add(messages, now);
  }

  status(topic: string): ConsumeStatus {
    const { pulls, pullMs, pulled, calls, callMs, consumed, failed, failedInHour } = this.#of(topic);
    const seconds = MINUTE_MS / 1_000;
    return {
      pullRT: pullMs.value / Math.max(1, pulls.value),
      pullTPS: pulled.value / seconds,
      consumeRT: callMs.value / Math.max(1, calls.value),
      consumeOKTPS: consumed.value / seconds,
      consumeFailedTPS: failed.value / seconds,
      consumeFailedMsgs: failedInHour.value,
    };
  }

  #of(topic: string): TopicStatus {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    const status = new TopicStatus(this.#clock);
    this.#topics.set(topic, status);
    return status;
  }
}
