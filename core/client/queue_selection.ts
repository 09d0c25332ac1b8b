/**
 * Which queue a message goes to: round-robin, away from the broker that just failed, and with `sendLatencyFaultEnable`
 * away from brokers that were slow or broken lately, as the Java client's `MQFaultStrategy` does.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { Clock, Random } from "../runtime.ts";

/** A broker that took so long (ms) … */
const LATENCY_MAX: readonly number[] = [50, 100, 550, 1_800, 3_000, 5_000, 15_000];
/** … is passed over for so long (ms). */
const NOT_AVAILABLE_DURATION: readonly number[] = [0, 0, 2_000, 5_000, 6_000, 10_000, 30_000];
/** What a failed call counts as. */
const FAILED_LATENCY_MS = 10_000;

export class QueueSelection {
  readonly #clock: Clock;
  readonly #faultEnable: boolean;
  /** brokerName -> Clock.monotonic() from which on it is used again. Not more than there are brokers. */
  readonly #notBefore = new Map<string, number>();
  #next: number;

  constructor(clock: Clock, random: Random, sendLatencyFaultEnable: boolean) {
    this.#clock = clock;
    this.#faultEnable = sendLatencyFaultEnable;
    this.#next = random.below(0x10000);
  }

  /** @param queues not empty. @param lastBrokerName where the last try failed */
  select(queues: readonly MessageQueue[], lastBrokerName: string | undefined): MessageQueue {
    const usable = (queue: MessageQueue) => queue.brokerName !== lastBrokerName && this.#available(queue.brokerName);
    return (
      this.#firstFrom(queues, usable) ??
      this.#firstFrom(queues, ({ brokerName }) => brokerName !== lastBrokerName) ??
      (queues[this.#next % queues.length] as MessageQueue)
    );
  }

  /** What a call taught about a broker. @param startedAt Clock.monotonic() */
  learn(brokerName: string, startedAt: number, failed: boolean): void {
    if (!this.#faultEnable) return;
    const now = this.#clock.monotonic();
    const taken = failed ? FAILED_LATENCY_MS : now - startedAt;
    let duration = 0;
    for (const [i, latency] of LATENCY_MAX.entries()) if (taken >= latency) duration = NOT_AVAILABLE_DURATION[i] as number;
    if (duration === 0) this.#notBefore.delete(brokerName);
    else this.#notBefore.set(brokerName, now + duration);
  }

  #available(brokerName: string): boolean {
    return !this.#faultEnable || (this.#notBefore.get(brokerName) ?? 0) <= this.#clock.monotonic();
  }

  #firstFrom(queues: readonly MessageQueue[], usable: (queue: MessageQueue) => boolean): MessageQueue | undefined {
    for (let i = 0; i < queues.length; i++) {
      this.#next = (this.#next + 1) % 0x4000_0000;
      const queue = queues[this.#next % queues.length] as MessageQueue;
      if (usable(queue)) return queue;
    }
    return undefined;
  }
}
