/**
 * The locks of an orderly consumer: a queue is consumed only while its broker says that this client holds it. A broker
 * forgets a lock after 60 s, so they are taken again every 20 s; one that could not be confirmed for 30 s counts as lost.
 */

import { lockBatchRequestBody, lockBatchResponseBody } from "../../wire/bodies/lock.ts";
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { TimerHandle } from "../runtime.ts";
import type { ClientInstance } from "./client_instance.ts";
import type { ProcessQueue } from "./process_queue.ts";
import { queueText, sameQueue } from "./topic_route.ts";

const INTERVAL_MS = 20_000;
const LIVE_MS = 30_000;
const TIMEOUT_MS = 1_000;

export class QueueLocks {
  readonly #client: ClientInstance;
  readonly #consumerGroup: string;
  readonly #timer: TimerHandle;
  /** Held, or to be taken again: with Clock.monotonic() of the last confirmation. */
  readonly #held = new Map<ProcessQueue, number>();

  constructor(client: ClientInstance, consumerGroup: string) {
    this.#client = client;
    this.#consumerGroup = consumerGroup;
    this.#timer = client.runtime.clock.setInterval(() => void this.#lockAgain(), INTERVAL_MS);
  }

  /** True when this client holds `queue` now. */
  async tryLock(queue: MessageQueue): Promise<boolean> {
    try {
      return (await this.#lock([queue])).has(queueText(queue));
    } catch (fault) {
      this.#client.log.warn("a queue was not locked", { queue: queueText(queue), reason: (fault as Error).message });
      return false;
    }
  }

  /** From now on the lock is kept; an older queue object of the same queue gives way. */
  keep(queue: ProcessQueue): void {
    for (const other of this.#held.keys()) if (sameQueue(other.messageQueue, queue.messageQueue)) this.#held.delete(other);
    queue.locked = true;
    queue.lastLockTimestamp = this.#client.runtime.clock.now();
    this.#held.set(queue, this.#client.runtime.clock.monotonic());
  }

  /** Lets the next member have them. Not kept any more even when the broker does not answer. */
  async unlock(queues: readonly ProcessQueue[]): Promise<void> {
    const held = queues.filter((queue) => this.#held.delete(queue));
    for (const queue of held) queue.locked = false;
    for (const ofBroker of this.#byBroker(held).values()) await this.#unlock(ofBroker.map(({ messageQueue }) => messageQueue));
  }

  /** Of `tryLock`, for a queue that is not kept after all. */
  giveBack(queue: MessageQueue): Promise<void> {
    return this.#unlock([queue]);
  }

  stop(): void {
    this.#timer.cancel();
  }

  async #lockAgain(): Promise<void> {
    const { clock } = this.#client.runtime;
    for (const [brokerName, queues] of this.#byBroker([...this.#held.keys()])) {
      try {
        const locked = await this.#lock(queues.map(({ messageQueue }) => messageQueue));
        for (const queue of queues) {
          if (!this.#held.has(queue)) continue;
          queue.locked = locked.has(queueText(queue.messageQueue));
          if (!queue.locked) continue;
          queue.lastLockTimestamp = clock.now();
          this.#held.set(queue, clock.monotonic());
        }
      } catch (fault) {
        this.#client.log.warn("locks were not confirmed", { broker: brokerName, reason: (fault as Error).message });
        for (const queue of queues) if (clock.monotonic() - (this.#held.get(queue) ?? 0) > LIVE_MS) queue.locked = false;
      }
    }
  }

  /** @param queues of one broker. @returns those that are locked, as `queueText` */
  async #lock(queues: readonly MessageQueue[]): Promise<Set<string>> {
    const [first] = queues;
    if (first === undefined) return new Set();
    const address = await this.#client.masterOf(first);
    const options = { body: this.#body(queues), timeoutMs: TIMEOUT_MS };
    const answer = await this.#client.call(`lock queues of ${first.brokerName}`, address, "LOCK_BATCH_MQ", {}, options);
    return new Set(answer.read(lockBatchResponseBody).lockOKMQSet.map(queueText));
  }

  /** @param queues of one broker, one at least */
  async #unlock(queues: readonly MessageQueue[]): Promise<void> {
    const first = queues[0] as MessageQueue;
    try {
      const address = await this.#client.masterOf(first);
      const options = { body: this.#body(queues), timeoutMs: TIMEOUT_MS };
      await this.#client.call(`unlock queues of ${this.#client.brokerNameOf(first)}`, address, "UNLOCK_BATCH_MQ", {}, options);
    } catch (fault) {
      this.#client.log.warn("queues were not unlocked; the broker does it after 60 s", { reason: (fault as Error).message });
    }
  }

  #body(mqSet: readonly MessageQueue[]): Uint8Array {
    const { clientId } = this.#client;
    return lockBatchRequestBody.encode({
      consumerGroup: this.#consumerGroup,
      clientId,
      onlyThisBroker: false,
      mqSet: [...mqSet],
    });
  }

  #byBroker(queues: readonly ProcessQueue[]): Map<string, ProcessQueue[]> {
    const brokers = new Map<string, ProcessQueue[]>();
    for (const queue of queues) {
      const brokerName = this.#client.brokerNameOf(queue.messageQueue);
      brokers.set(brokerName, [...(brokers.get(brokerName) ?? []), queue]);
    }
    return brokers;
  }
}
