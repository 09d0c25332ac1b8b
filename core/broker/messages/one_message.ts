/**
 * A message on its way into the log, as an object that is used again: what a send stores as it came is encoded before the
 * processor returns, and nobody keeps it (`MessageStore.append`). Twenty fields, fifty thousand times a second, would be a tenth
 * of a busy broker's garbage.
 */
import { NO_BODY } from "../../../wire/remoting_command.ts";
import type { MessageInput } from "../../store/message_store.ts";

export class OneMessage implements MessageInput {
  topic = "";
  queueId = 0;
  flag = 0;
  sysFlag = 0;
  bornTimestamp = 0;
  bornHost = "";
  bornPort = 0;
  storeHost = "";
  storePort = 0;
  reconsumeTimes = 0;
  readonly preparedTransactionOffset = 0;
  body: Uint8Array = NO_BODY;
  properties = "";
  commonProperties: Uint8Array | undefined = undefined;
  tagsCode = 0;
  innerBatchSize: number | undefined = undefined;
}
