/**
 * The three shapes of a transactional message: half (hidden in RMQ_SYS_TRANS_HALF_TOPIC until its transaction ends), renewed
 * (the same at the end of the half queue, after a check-back), and final (in its own topic, where consumers see it).
 */
import { recordSizeBound, SYS_FLAG_TRANSACTION_COMMIT, SYS_FLAG_TRANSACTION_MASK, writeRecord } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import type { StoredMessage } from "../../../wire/message_reader.ts";
import { propertyOf, removeProperty, setProperty } from "../../../wire/properties.ts";
import type { MessageInput, PutReceipt } from "../../store/message_store.ts";
import { renewed } from "../messages/renewed.ts";
import { TRANS_HALF_TOPIC } from "../metadata/topics_validator.ts";

/** Every half message lies here. */
export const HALF_QUEUE = 0;

/** @param uniqKey of the client; without one the message has no transaction id, as in Apache. */
export function halfOf(message: MessageInput, uniqKey: string | undefined): MessageInput {
  let { properties } = message;
  if (uniqKey !== undefined) properties = setProperty(properties, MessageConst.TRANSACTION_ID, uniqKey);
  properties = setProperty(properties, MessageConst.REAL_TOPIC, message.topic);
  properties = setProperty(properties, MessageConst.REAL_QID, String(message.queueId));
  return {
    ...message,
    topic: TRANS_HALF_TOPIC,
    queueId: HALF_QUEUE,
    sysFlag: message.sysFlag & ~SYS_FLAG_TRANSACTION_MASK,
    properties,
  };
}

/** Where a half message wants to go; undefined when it does not say so, or to the half topic itself. */
export function destinationOf(half: StoredMessage): { readonly topic: string; readonly queueId: number } | undefined {
  const topic = propertyOf(half.properties, MessageConst.REAL_TOPIC);
  const queueId = Number(propertyOf(half.properties, MessageConst.REAL_QID) ?? "NaN");
  if (topic === undefined || topic === TRANS_HALF_TOPIC || !Number.isInteger(queueId) || queueId < 0) return undefined;
  return { topic, queueId };
}

/** The committed message: what consumers get. TRAN_MSG, PGROUP and the transaction id stay, as in Apache. */
export function finalOf(half: StoredMessage, destination: { readonly topic: string; readonly queueId: number }): MessageInput {
  const properties = removeProperty(removeProperty(half.properties, MessageConst.REAL_TOPIC), MessageConst.REAL_QID);
  return {
    ...renewed(half, properties),
    ...destination,
    sysFlag: (half.sysFlag & ~SYS_FLAG_TRANSACTION_MASK) | SYS_FLAG_TRANSACTION_COMMIT,
    preparedTransactionOffset: half.physicalOffset,
  };
}

/** Body of CHECK_TRANSACTION_STATE: the record as it would lie in its own topic, at the place of the renewed half message. */
export function checkBody(message: MessageInput, half: StoredMessage, receipt: PutReceipt): Uint8Array {
  const target = new Uint8Array(recordSizeBound(message));
  const size = writeRecord(
    target,
    0,
    { ...message, ...destinationOf(half) },
    {
      queueOffset: receipt.queueOffset,
      physicalOffset: receipt.physicalOffset,
      storeTimestamp: half.storeTimestamp,
      bodyCrc: half.bodyCrc,
    },
  );
  return target.subarray(0, size);
}
