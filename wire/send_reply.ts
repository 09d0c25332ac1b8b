/**
 * The fields of the answer to a SEND_MESSAGE, written one after another: what the table of `SendMessageResponseHeader` says, for
 * one message, or a batch of them, without a handle. `test/wire/reply_writer.test.ts` holds the bytes against those made by the
 * table.
 *
 * ```
 * msgId (see `message_id.ts`; of a batch one for each, with commas)   queueId   queueOffset   transactionId, where there is one
 * ```
 */
import { ascii, COMMA, copy, QUOTE, rocketmqName, wordsOf, writeDecimal, writePlain } from "./ascii.ts";
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
  /** Of the other messages of a batch. */
  readonly moreOffsets: readonly number[];
  /**
   * The transaction id is the piece `[idFrom, idTo)` of this: mostly of the message's properties, and a piece cut out would be a
   * string more for each message. Undefined without one.
   */
  readonly idText: string | undefined;
  readonly idFrom: number;
  readonly idTo: number;
}

/** Names, lengths or quotes, ids and numbers at their longest; without the transaction id. @param messages of a batch, or 1 */
export const sendReplyBytesMax = (messages: number): number => 128 + messages * (MESSAGE_ID_V6_CHARS + 1) + 2 * 16;

const JSON_MSG_ID = ascii('"msgId":"');
const JSON_QUEUE_ID = ascii('","queueId":"');
const JSON_QUEUE_OFFSET = ascii('","queueOffset":"');
const JSON_TRANSACTION_ID = ascii('","transactionId":"');

/** @returns where they end; -1 when the transaction id has a character that JSON escapes, or one beyond ASCII */
export function sendReplyJson(target: Uint8Array, view: DataView, from: number, ids: MessageIdEncoder, stored: StoredAt): number {
  const { queueId, queueOffset, idText } = stored;
  let at = copy(view, from, JSON_MSG_ID);
  at = writeIds(target, at, ids, stored);
  at = copy(view, at, JSON_QUEUE_ID);
  at = writeDecimal(target, at, queueId);
  at = copy(view, at, JSON_QUEUE_OFFSET);
  at = writeDecimal(target, at, queueOffset);
  if (idText !== undefined) {
    at = writePlain(target, copy(view, at, JSON_TRANSACTION_ID), idText, stored.idFrom, stored.idTo);
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
  stored: StoredAt,
): number {
  const { queueId, queueOffset, idText } = stored;
  let valueAt = copy(view, from, MSG_ID) + 4;
  let at = writeIds(target, valueAt, ids, stored);
  writeInt32(target, valueAt - 4, at - valueAt);
  valueAt = copy(view, at, QUEUE_ID) + 4;
  at = writeDecimal(target, valueAt, queueId);
  writeInt32(target, valueAt - 4, at - valueAt);
  valueAt = copy(view, at, QUEUE_OFFSET) + 4;
  at = writeDecimal(target, valueAt, queueOffset);
  writeInt32(target, valueAt - 4, at - valueAt);
  if (idText === undefined) return at;
  valueAt = copy(view, at, TRANSACTION_ID) + 4;
  at = writePlain(target, valueAt, idText, stored.idFrom, stored.idTo);
  if (at >= 0) writeInt32(target, valueAt - 4, at - valueAt);
  return at;
}

function writeIds(
  target: Uint8Array,
  from: number,
  ids: MessageIdEncoder,
  { storeHost, storePort, physicalOffset, moreOffsets }: StoredAt,
): number {
  let at = ids.write(target, from, storeHost, storePort, physicalOffset);
  for (let i = 0; i < moreOffsets.length; i++) {
    target[at] = COMMA;
    at = ids.write(target, at + 1, storeHost, storePort, moreOffsets[i] as number);
  }
  return at;
}
