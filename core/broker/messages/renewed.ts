/** Messages that the broker itself puts: a stored one once more, or one of its own making. */
import { tagsCode } from "../../../wire/java_hash.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import type { StoredMessage } from "../../../wire/message_reader.ts";
import { propertyOf, removeProperty } from "../../../wire/properties.ts";
import type { MessageInput } from "../../store/message_store.ts";

/** A stored message as one to be stored again, with other properties. */
export const renewed = (stored: StoredMessage, properties: string): MessageInput => ({
  topic: stored.topic,
  queueId: stored.queueId,
  flag: stored.flag,
  sysFlag: stored.sysFlag,
  bornTimestamp: stored.bornTimestamp,
  bornHost: stored.bornHost,
  bornPort: stored.bornPort,
  storeHost: stored.storeHost,
  storePort: stored.storePort,
  reconsumeTimes: stored.reconsumeTimes,
  preparedTransactionOffset: 0,
  body: stored.body,
  properties: removeProperty(properties, MessageConst.CRC32),
  tagsCode: tagsCode(propertyOf(properties, MessageConst.TAGS)),
});

/** A record of the broker's own making: born here and now, with nothing of a sender. */
export const ownMessage = (
  own: Pick<MessageInput, "topic" | "queueId" | "bornTimestamp" | "body" | "properties" | "tagsCode">,
  { host, port }: { readonly host: string; readonly port: number },
): MessageInput => ({
  ...own,
  flag: 0,
  sysFlag: 0,
  bornHost: host,
  bornPort: port,
  storeHost: host,
  storePort: port,
  reconsumeTimes: 0,
  preparedTransactionOffset: 0,
});
