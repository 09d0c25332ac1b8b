/**
 * Which client of a group consumes a queue in order: locks of topic, queue and group that a client takes and renews
 * (LOCK_BATCH_MQ, every 20 s) and gives up (UNLOCK_BATCH_MQ). In memory only; a lock that is not renewed for 60 s is free.
 * Time is monotonic: a clock that is set back must not keep a dead client's locks.
 */
import {
  lockBatchRequestBody,
  lockBatchResponseBody,
  type MessageQueue,
  unlockBatchRequestBody,
} from "../../../wire/bodies/lock.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";

/** Without a renewal for so long a lock is free. Clients renew every 20 s. */
const LOCK_LIVES_MS = 60_000;
/** Names come from clients: what expired is thrown away this often, and there is room for no more than so many. */
const SWEEP_INTERVAL_MS = 60_000;
const LOCKS_MAX = 1_000_000;

interface Lock {
  clientId: string;
  renewedAt: number;
}

export class RebalanceLockManager {
  readonly #monotonic: () => number;
  readonly #locksMax: number;
  /** By group, then by queue. */
  readonly #groups = new Map<string, Map<string, Lock>>();
  #count = 0;
  #sweptAt: number;

  constructor(monotonic: () => number, locksMax: number = LOCKS_MAX) {
    this.#monotonic = monotonic;
    this.#locksMax = locksMax;
    this.#sweptAt = monotonic();
  }

  /**
   * Locks what is free, expired or already this client's; returns the queues that are now locked by it.
   * @throws RemotingError SYSTEM_BUSY when there are too many locks.
   */
  tryLockBatch(group: string, queues: readonly MessageQueue[], clientId: string): MessageQueue[] {
    const now = this.#monotonic();
    if (now - this.#sweptAt >= SWEEP_INTERVAL_MS) this.#sweep(now);
    if (this.#count + queues.length > this.#locksMax) {
      throw new RemotingError(
        ResponseCode.SYSTEM_BUSY,
        `cannot lock ${queues.length} queues for group[${group}]: ${this.#count} are locked and at most ${this.#locksMax} can be; locks that are not renewed end after ${LOCK_LIVES_MS / 1000} s`,
      );
    }
    let locks = this.#groups.get(group);
    if (locks === undefined) {
      locks = new Map();
      this.#groups.set(group, locks);
    }
    const held: MessageQueue[] = [];
    for (const queue of queues) {
      const key = keyOf(queue);
      const lock = locks.get(key);
      if (lock === undefined) {
        locks.set(key, { clientId, renewedAt: now });
        this.#count++;
      } else if (lock.clientId === clientId || expired(lock, now)) {
        lock.clientId = clientId;
        lock.renewedAt = now;
      } else {
        continue;
      }
      held.push(queue);
    }
    return held;
  }

  /** Frees those of the queues that this client holds. */
  unlockBatch(group: string, queues: readonly MessageQueue[], clientId: string): void {
    const locks = this.#groups.get(group);
    if (locks === undefined) return;
    for (const queue of queues) {
      const key = keyOf(queue);
      if (locks.get(key)?.clientId === clientId && locks.delete(key)) this.#count--;
    }
    if (locks.size === 0) this.#groups.delete(group);
  }

  /** False while any client of the group consumes in order. */
  isLockAllExpired(group: string): boolean {
    const locks = this.#groups.get(group);
    if (locks === undefined) return true;
    const now = this.#monotonic();
    for (const lock of locks.values()) if (!expired(lock, now)) return false;
    return true;
  }

  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const [group, locks] of this.#groups) {
      for (const [key, lock] of locks) if (expired(lock, now) && locks.delete(key)) this.#count--;
      if (locks.size === 0) this.#groups.delete(group);
    }
  }
}

/** Apache: not renewed for more than the time a lock lives. */
const expired = (lock: Lock, now: number): boolean => now - lock.renewedAt > LOCK_LIVES_MS;

const keyOf = (queue: MessageQueue): string => `${queue.queueId}@${queue.brokerName}@${queue.topic}`;

/**
 * With one broker a name, strict mode (`lockInStrictMode`) asks the same as the loose one: a quorum of one.
 */
export function lockProcessors(locks: RebalanceLockManager): Pick<ProcessorMap<"broker">, "LOCK_BATCH_MQ" | "UNLOCK_BATCH_MQ"> {
  return {
    LOCK_BATCH_MQ: (_context, { body }) => {
      const { consumerGroup, clientId, mqSet } = lockBatchRequestBody.decode(body);
      return { body: lockBatchResponseBody.encode({ lockOKMQSet: locks.tryLockBatch(consumerGroup, mqSet, clientId) }) };
    },
    UNLOCK_BATCH_MQ: (_context, { body }) => {
      const { consumerGroup, clientId, mqSet } = unlockBatchRequestBody.decode(body);
      locks.unlockBatch(consumerGroup, mqSet, clientId);
      return {};
    },
  };
}
