import type { Command } from "../declaration.ts";
import { consumeMessage } from "./consume_message.ts";
import { decodeMessageId, dumpCompactionLog } from "./offline.ts";
import { printMsg, printMsgByQueue } from "./print_messages.ts";
import { queryMsgById, queryMsgByKey, queryMsgByOffset, queryMsgByUniqueKey } from "./query_messages.ts";
import { queryMsgTraceById } from "./query_trace.ts";
import { checkMsgSendRT, sendMessage } from "./send_messages.ts";

export const messageCommands: readonly Command[] = [
  queryMsgById,
  queryMsgByKey,
  queryMsgByUniqueKey,
  queryMsgByOffset,
  queryMsgTraceById,
  printMsg,
  printMsgByQueue,
  checkMsgSendRT,
  sendMessage,
  consumeMessage,
  dumpCompactionLog,
  decodeMessageId,
];
