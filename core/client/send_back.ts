/** Giving a message that was not consumed back to the broker: into the group's retry topic, or its dead letter queue. */

import { MessageConst } from "../../wire/message_const.ts";
import type { ClientInstance } from "./client_instance.ts";
import type { MessageExt } from "./message.ts";

const TIMEOUT_MS = 5_000;
/** Apache's number of retries where none is set. */
export const RECONSUME_TIMES_DEFAULT = 16;

/**
 * CONSUMER_SEND_MSG_BACK, to the broker that stored the message.
 * @returns false when the broker did not take it; that is logged
 */
export async function sendMessageBack(
  client: ClientInstance,
  group: string,
  message: MessageExt,
  delayLevel: number,
  maxReconsumeTimes: number,
): Promise<boolean> {
  // The record lies where it was stored, wherever its logic queue has gone since.
  const known = client.brokerAddr(message.brokerName);
  const address = known ?? message.storeHost;
  const header = {
    offset: message.commitLogOffset,
    group,
    delayLevel,
    originMsgId: message.properties.get(MessageConst.ORIGIN_MESSAGE_ID) ?? message.msgId,
    originTopic: client.namespace.wrap(message.topic),
    unitMode: client.unitMode,
    maxReconsumeTimes: maxReconsumeTimes < 0 ? RECONSUME_TIMES_DEFAULT : maxReconsumeTimes,
    bname: known === undefined ? undefined : message.brokerName,
  };
  try {
    await client.call(`give message ${message.msgId} back`, address, "CONSUMER_SEND_MSG_BACK", header, { timeoutMs: TIMEOUT_MS });
    return true;
  } catch (fault) {
    client.log.warn("a message was not given back; it is consumed again here", { group, reason: (fault as Error).message });
    return false;
  }
}
