/**
 * A message, or a batch, between its append and its answer, and that answer. Thousands of them may wait for the disk: what is kept
 * of each is one small object; of its request it holds the text of the properties, of its record nothing.
 */
import type { SendMessageResponseHeader } from "../../../wire/headers/send.ts";
import type { MessageIdEncoder } from "../../../wire/message_id.ts";
import type { ExtFields } from "../../../wire/remoting_command.ts";
import type { FieldsWriter } from "../../../wire/reply_writer.ts";
import { sendReplyBytesMax, sendReplyJson, sendReplyRocketmq } from "../../../wire/send_reply.ts";
import { LaterReply } from "../../remoting/later_reply.ts";
import type { MessageInput, PutReceipt } from "../../store/message_store.ts";
import type { MessageType } from "./message_type.ts";

export interface SendReply {
  readonly code?: number;
  readonly header: SendMessageResponseHeader;
  readonly extFields: ExtFields;
}

const NO_OFFSETS: readonly number[] = [];

export class Sent extends LaterReply<SendReply> {
  /** Clock.monotonic() */
  readonly receivedAt: number;
  readonly type: MessageType;
  /** As stored. */
  readonly topic: string;
  readonly storedQueueId: number;
  readonly storeHost: string;
  readonly storePort: number;
  readonly count: number;
  readonly bytes: number;
  readonly physicalOffset: number;
  readonly queueOffset: number;
  /** Of the other messages of a batch. */
  readonly moreOffsets: readonly number[];
  /** As answered. */
  readonly queueId: number;
  /** The unique key is a piece of it; see `StoredAt`. */
  readonly idText: string | undefined;
  readonly idFrom: number;
  readonly idTo: number;
  batchUniqId: string | undefined;
  recallHandle: string | undefined;

  constructor(
    receivedAt: number,
    type: MessageType,
    stored: MessageInput,
    receipts: PutReceipt | readonly PutReceipt[],
    queueId: number,
    idText: string | undefined,
    idFrom = 0,
    idTo = idText?.length ?? 0,
  ) {
    super();
    const one = "status" in receipts;
    const first = one ? receipts : (receipts[0] as PutReceipt);
    this.receivedAt = receivedAt;
    this.type = type;
    this.topic = stored.topic;
    this.storedQueueId = stored.queueId;
    this.storeHost = stored.storeHost;
    this.storePort = stored.storePort;
    this.count = one ? (stored.innerBatchSize ?? 1) : receipts.length;
    this.bytes = one ? first.size : receipts.reduce((sum, { size }) => sum + size, 0);
    this.physicalOffset = first.physicalOffset;
    this.queueOffset = first.queueOffset;
    this.moreOffsets = one ? NO_OFFSETS : receipts.slice(1).map(({ physicalOffset }) => physicalOffset);
    this.queueId = queueId;
    this.idText = idText;
    this.idFrom = idFrom;
    this.idTo = idTo;
    this.batchUniqId = undefined;
    this.recallHandle = undefined;
  }
}

/** The usual answer, which writes its fields itself: no text is made of the message ids, and no object of the fields. */
class SendAnswer implements SendReply, FieldsWriter {
  readonly code: number;
  readonly extFields: ExtFields;
  readonly #sent: Sent;
  readonly #ids: MessageIdEncoder;

  constructor(code: number, extFields: ExtFields, sent: Sent, ids: MessageIdEncoder) {
    this.code = code;
    this.extFields = extFields;
    this.#sent = sent;
    this.#ids = ids;
  }

  get header(): SendMessageResponseHeader {
    return headerOf(this.#sent, this.#ids);
  }

  get fields(): FieldsWriter {
    return this;
  }

  get bytesMax(): number {
    const { moreOffsets, idFrom, idTo } = this.#sent;
    return sendReplyBytesMax(1 + moreOffsets.length) + idTo - idFrom;
  }

  json(target: Uint8Array, view: DataView, at: number): number {
    return sendReplyJson(target, view, at, this.#ids, this.#sent);
  }

  rocketmq(target: Uint8Array, view: DataView, at: number): number {
    return sendReplyRocketmq(target, view, at, this.#ids, this.#sent);
  }
}

/** @param ids one serves a processor: what ids of neighbours have in common is made once */
export function sendAnswer(code: number, extFields: ExtFields, sent: Sent, ids: MessageIdEncoder): SendReply {
  const { batchUniqId, recallHandle } = sent;
  if (batchUniqId === undefined && recallHandle === undefined) return new SendAnswer(code, extFields, sent, ids);
  return { code, header: headerOf(sent, ids), extFields };
}

function headerOf(sent: Sent, ids: MessageIdEncoder): SendMessageResponseHeader {
  const { storeHost, storePort, queueId, queueOffset, batchUniqId, recallHandle } = sent;
  const transactionId = sent.idText?.slice(sent.idFrom, sent.idTo);
  let msgId = ids.encode(storeHost, storePort, sent.physicalOffset);
  for (const offset of sent.moreOffsets) msgId += `,${ids.encode(storeHost, storePort, offset)}`;
  return { msgId, queueId, queueOffset, transactionId, batchUniqId, recallHandle };
}
