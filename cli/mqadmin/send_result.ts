/** A SendResult as Java prints it. */
import type { SendResult } from "../../core/client/mod.ts";

export function sendResultText({ sendStatus, msgId, offsetMsgId, messageQueue, queueOffset, recallHandle }: SendResult): string {
  const { topic, brokerName, queueId } = messageQueue;
  return (
    `SendResult [sendStatus=${sendStatus}, msgId=${msgId}, offsetMsgId=${offsetMsgId}, ` +
    `messageQueue=MessageQueue [topic=${topic}, brokerName=${brokerName}, queueId=${queueId}], queueOffset=${queueOffset}, ` +
    `recallHandle=${recallHandle ?? null}]`
  );
}
