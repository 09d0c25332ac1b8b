/** Locks that orderly consumers take on queues. */
import { body, bool, FROM_CLIENTS, list, or, text } from "../body.ts";
import { type MessageQueue, messageQueue } from "./message_queue.ts";

export type { MessageQueue } from "./message_queue.ts";

/** Body of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ. */
export interface LockBatchRequestBody {
  consumerGroup: string;
  clientId: string;
  /** False: the master asks its replicas too. */
  onlyThisBroker: boolean;
  mqSet: MessageQueue[];
}

export const lockBatchRequestBody = body<LockBatchRequestBody>(
  "LockBatchRequestBody",
  {
    consumerGroup: or(text, ""),
    clientId: or(text, ""),
    onlyThisBroker: or(bool, false),
    mqSet: list(messageQueue),
  },
  FROM_CLIENTS,
);

export type UnlockBatchRequestBody = LockBatchRequestBody;
export const unlockBatchRequestBody = lockBatchRequestBody;

/** Queues that the client holds now. */
export interface LockBatchResponseBody {
  lockOKMQSet: MessageQueue[];
}

export const lockBatchResponseBody = body<LockBatchResponseBody>("LockBatchResponseBody", { lockOKMQSet: list(messageQueue) });
