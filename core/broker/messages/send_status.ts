/** From the store's refusals to response codes: Apache's code and words first, then which limit, its value and its key. */
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError } from "../../remoting/processor.ts";
import type { MessageStore, PutRefusal } from "../../store/message_store.ts";

export function putError(refusal: PutRefusal, settings: { readonly maxMessageSize: number }, store: MessageStore): RemotingError {
  switch (refusal.status) {
    case "MESSAGE_ILLEGAL":
    case "PROPERTIES_SIZE_EXCEEDED":
      return illegalMessage(settings, refusal.reason);
    case "SERVICE_NOT_AVAILABLE":
      return notAvailable(refusal.reason, store);
    case "OS_PAGE_CACHE_BUSY":
      return new RemotingError(
        ResponseCode.SYSTEM_BUSY,
        `[PC_SYNCHRONIZED]broker busy, start flow control for a while. ${refusal.reason}`,
      );
    case "CREATE_MAPPED_FILE_FAILED":
      return new RemotingError(
        ResponseCode.SYSTEM_ERROR,
        `create mapped file failed, server is busy or broken. ${refusal.reason}`,
      );
    case "LMQ_CONSUME_QUEUE_NUM_EXCEEDED":
      return new RemotingError(
        ResponseCode.LMQ_QUOTA_EXCEEDED,
        `[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]lmq consume queue num exceeded. ${refusal.reason}`,
      );
  }
}

/**
 * The disk failed behind an append (`MessageStore.durable` rejected): the message is not stored, or not as durably as asked.
 * The sender is to try another broker.
 */
export function notStored(fault: unknown, store: MessageStore): RemotingError {
  return notAvailable(fault instanceof Error ? fault.message : String(fault), store);
}

function notAvailable(reason: string, store: MessageStore): RemotingError {
  return new RemotingError(
    ResponseCode.SERVICE_NOT_AVAILABLE,
    `service not available now. It may be caused by one of the following reasons: the broker's disk is full [${diskText(store)}], messages are put to the slave, message store has been shut down, etc. ${reason}`,
  );
}

export function illegalMessage(settings: { readonly maxMessageSize: number }, reason: string): RemotingError {
  return new RemotingError(
    ResponseCode.MESSAGE_ILLEGAL,
    `the message is illegal, maybe msg body or properties length not matched. msg body length limit ${settings.maxMessageSize}B, msg properties length limit 32KB. ${reason}`,
  );
}

/** Fractions with two decimals, as Apache prints them. */
function diskText(store: MessageStore): string {
  const { commitLogDiskPercent, consumeQueueDiskPercent } = store.stats();
  const fraction = (percent: number): string => (percent / 100).toFixed(2).padStart(5);
  const consumeQueue = fraction(consumeQueueDiskPercent);
  // The index lies beside the consume queues, under storePathRootDir.
  return `CL: ${fraction(commitLogDiskPercent)} CQ: ${consumeQueue} INDEX: ${consumeQueue}`;
}
