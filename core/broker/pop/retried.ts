/** Messages of a retry topic as their consumer knows them: under the original topic, with POP_CK, which brings them back. */

import { utf8Length } from "../../../wire/bytes.ts";
import { PROPERTIES_BYTES_MAX, recordSizeBound, writeRecord } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeRecords, type StoredMessage } from "../../../wire/message_reader.ts";
import { formatExtraInfo, type PopExtraInfo } from "../../../wire/pop_info.ts";
import { propertyOf, setProperty } from "../../../wire/properties.ts";
import { renewed } from "../messages/renewed.ts";

/** Records one after another, like `body`. */
export function asOriginal(body: Uint8Array, topic: string, info: PopExtraInfo): Uint8Array {
  let end = 0;
  const records = decodeRecords(body).map((message) => {
    end += message.totalSize;
    return original(message, topic, info) ?? body.subarray(end - message.totalSize, end);
  });
  const all = new Uint8Array(records.reduce((sum, record) => sum + record.length, 0));
  let at = 0;
  for (const record of records) {
    all.set(record, at);
    at += record.length;
  }
  return all;
}

/** Undefined when POP_CK has no room beside what its producer sent: under its retry topic a client makes it by itself. */
function original(message: StoredMessage, topic: string, info: PopExtraInfo): Uint8Array | undefined {
  const { properties, queueOffset, physicalOffset, storeTimestamp, bodyCrc } = message;
  const known = propertyOf(properties, MessageConst.POP_CK) !== undefined;
  const extra = formatExtraInfo({ ...info, msgQueueOffset: queueOffset });
  const withExtra = known ? properties : setProperty(properties, MessageConst.POP_CK, extra);
  if (utf8Length(withExtra) > PROPERTIES_BYTES_MAX) return undefined;
  const input = { ...renewed(message, withExtra), topic };
  const target = new Uint8Array(recordSizeBound(input));
  return target.subarray(0, writeRecord(target, 0, input, { queueOffset, physicalOffset, storeTimestamp, bodyCrc }));
}
