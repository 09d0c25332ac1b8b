/**
 * The fields of the answer to a SEND_MESSAGE, written one after another: what the table of `SendMessageResponseHeader` says, for
 * one message without a handle. `test/wire/reply_writer.test.ts` holds the bytes against those made by the table.
 *
 * ```
 * msgId (see `message_id.ts`)   queueId   queueOffset   transactionId, where there is one
 * ```
 */
import { ascii, copy, QUOTE, rocketmqName, wordsOf, writeDecimal, writePlain } from "./ascii.ts";
import { writeInt32 } from "./bytes.ts";
import { MESSAGE_ID_V6_CHARS, type MessageIdEncoder } from "./message_id.ts";

/** Of a message that is stored. */
export interface StoredAt {
  /** IP literal. */
  readonly storeHost: string;
  readonly storePort: number;
  /** From 0 on, like the two below. */
  readonly physicalOffset: number;
  readonly queueId: number;
  readonly queueOffset: number;
}

/** Names, lengths or quotes, id and numbers at their longest; without the transaction id. */
export const SEND_REPLY_BYTES_MAX = 128 + MESSAGE_ID_V6_CHARS + 2 * 16;

const JSON_MSG_ID = ascii('"msgId":"');
const JSON_QUEUE_ID = ascii('","queueId":"');
const JSON_QUEUE_OFFSET = ascii('","queueOffset":"');
const JSON_TRANSACTION_ID = ascii('","transactionId":"');

/** @returns where they end; -1 when `transactionId` has a character that JSON escapes, or one beyond ASCII */
export function sendReplyJson(
  target: Uint8Array,
  view: DataView,
  from: number,
  ids: MessageIdEncoder,
  { storeHost, storePort, physicalOffset, queueId, queueOffset }: StoredAt,
  transactionId: string | undefined,
): number {
  let at = copy(view, from, JSON_MSG_ID);
  at = ids.write(target, at, storeHost, storePort, physicalOffset);
  at = copy(view, at, JSON_QUEUE_ID);
  at = writeDecimal(target, at, queueId);
  at = copy(view, at, JSON_QUEUE_OFFSET);
  at = writeDecimal(target, at, queueOffset);
  if (transactionId !== undefined) {
    at = writePlain(target, copy(view, at, JSON_TRANSACTION_ID), transactionId);
    if (at < 0) return -1;
  }
  target[at] = QUOTE;
  return at + 1;
}

const MSG_ID = wordsOf(rocketmqName("msgId"));
const QUEUE_ID = wordsOf(rocketmqName("queueId"));
const QUEUE_OFFSET = wordsOf(rocketmqName("queueOffset"));
const TRANSACTION_ID = wordsOf(rocketmqName("transactionId"));

/** @returns as `sendReplyJson` */
export function sendReplyRocketmq(
  target: Uint8Array,
  view: DataView,
  from: number,
  ids: MessageIdEncoder,
  { storeHost, storePort, physicalOffset, queueId, queueOffset }: StoredAt,
  transactionId: string | undefined,
): number {
  let valueAt = copy(view, from, MSG_ID) + 4;
  let at = ids.write(target, valueAt, storeHost, storePort, physicalOffset);
  writeInt32(target, valueAt - 4, at - valueAt);
  valueAt = copy(view, at, QUEUE_ID) + 4;
  at = writeDecimal(target, valueAt, queueId);
  writeInt32(target, valueAt - 4, at - valueAt);
  valueAt = copy(view, at, QUEUE_OFFSET) + 4;
  at = writeDecimal(target, valueAt, queueOffset);
  writeInt32(target, valueAt - 4, at - valueAt);
  if (transactionId === undefined) return at;
  valueAt = copy(view, at, TRANSACTION_ID) + 4;
  at = writePlain(target, valueAt, transactionId);
  if (at >= 0) writeInt32(target, valueAt - 4, at - valueAt);
  return at;
}
