/** A record that was appended: what its sender is told, and what waits for the dispatch. One object, as each message makes one. */
import type { DispatchRequest } from "./dispatch_request.ts";
import type { LogicQueue } from "./logic_queue.ts";
import type { MessageInput, PutReceipt } from "./message_store.ts";

export class Appended implements PutReceipt, DispatchRequest {
  readonly status = "PUT_OK";
  readonly topic: string;
  readonly queueId: number;
  readonly physicalOffset: number;
  readonly size: number;
  readonly endOffset: number;
  readonly tagsCode: number;
  readonly storeTimestamp: number;
  readonly queueOffset: number;
  readonly sysFlag: number;
  readonly properties: string;
  readonly commonProperties: Uint8Array | undefined;
  readonly batchSize: number | undefined;
  readonly queue: LogicQueue | undefined;

  /** @param queue whose next offset it got; undefined for a record that stays out of the queues */
  constructor(
    message: MessageInput,
    queue: LogicQueue | undefined,
    queueOffset: number,
    physicalOffset: number,
    endOffset: number,
    storeTimestamp: number,
    tagsCode: number,
  ) {
    this.topic = message.topic;
    this.queueId = message.queueId;
    this.physicalOffset = physicalOffset;
    this.size = endOffset - physicalOffset;
    this.endOffset = endOffset;
    this.tagsCode = tagsCode;
    this.storeTimestamp = storeTimestamp;
    this.queueOffset = queueOffset;
    this.sysFlag = message.sysFlag;
    this.properties = message.properties;
    this.commonProperties = message.commonProperties;
    this.batchSize = message.innerBatchSize;
    this.queue = queue;
  }
}
