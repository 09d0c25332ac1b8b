/**
 * RECALL_MESSAGE: takes a delayed message back, by the handle that its sender got. A message that cancels it is parked in the
 * same slot; when the slot comes, neither is delivered. As in Apache the answer says that the wish is stored, not that it
 * came in time.
 */
import { encodeUtf8 } from "../../../wire/bytes.ts";
import { WireError } from "../../../wire/errors.ts";
import type { RecallMessageRequestHeader } from "../../../wire/headers/send.ts";
import { tagsCode } from "../../../wire/java_hash.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { PERM_WRITE } from "../../../wire/perm_name.ts";
import { formatProperties } from "../../../wire/properties.ts";
import { decodeRecallHandle, type RecallHandle } from "../../../wire/recall_handle.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError, type RequestContext, type TypedReply } from "../../remoting/processor.ts";
import type { MessageInput } from "../../store/message_store.ts";
import { deleteKey } from "../../store/timer/timer_message.ts";
import type { BrokerParts } from "../parts.ts";
import { notStored } from "./send_status.ts";
import type { TimerMessages } from "./timer.ts";

const RECALL_TAG = "_RECALL_TAG_";

export function recallProcessors(parts: BrokerParts, timer: TimerMessages): Pick<ProcessorMap<"broker">, "RECALL_MESSAGE"> {
  return { RECALL_MESSAGE: (context, { header }) => recall(parts, timer, context, header) };
}

/** Apache's checks, in its order. */
async function recall(
  parts: BrokerParts,
  timer: TimerMessages,
  context: RequestContext,
  header: RecallMessageRequestHeader,
): Promise<TypedReply<"RECALL_MESSAGE">> {
  const { settings, runtime, topics, store, stats } = parts;
  if (!settings.recallMessageEnable) {
    throw new RemotingError(ResponseCode.NO_PERMISSION, "recall failed, operation is forbidden: recallMessageEnable is false");
  }
  const now = runtime.clock.now();
  if (now < settings.startAcceptSendRequestTimeStamp) throw notAvailable("it opens at startAcceptSendRequestTimeStamp");
  if ((settings.brokerPermission & PERM_WRITE) === 0 && !settings.allowRecallWhenBrokerNotWriteable) {
    throw notAvailable("brokerPermission forbids to write, and allowRecallWhenBrokerNotWriteable is false");
  }
  if (topics.find(header.topic) === undefined) {
    throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `recall failed, the topic[${header.topic}] not exist`);
  }
  const handle = checkedHandle(parts, header, now);
  const message = cancellingMessage(parts, context, header, handle, now);
  const parked = parkedInSlot(timer, message, handle);
  const receipt = store.append(parked);
  if (receipt.status !== "PUT_OK") throw failed(receipt.reason);
  await store.durable(receipt.endOffset, settings.flushDiskType === "SYNC_FLUSH").catch((fault: unknown) => {
    throw notStored(fault, store);
  });
  stats.put(parked.topic, 1, receipt.size);
  return { header: { msgId: handle.messageId }, extFields: { MSG_REGION: settings.regionId } };
}

function checkedHandle({ settings }: BrokerParts, header: RecallMessageRequestHeader, now: number): RecallHandle {
  let handle: RecallHandle;
  try {
    handle = decodeRecallHandle(header.recallHandle);
  } catch (error) {
    if (error instanceof WireError) throw illegal(error.message);
    throw error;
  }
  if (handle.topic !== header.topic) throw illegal("recall failed, topic not match");
  if (handle.brokerName !== settings.brokerName) throw illegal("recall failed, broker service not available");
  const left = /^[+-]?\d{1,15}$/.test(handle.timestamp) ? Number(handle.timestamp) - now : -1;
  if (left <= 0 || left >= settings.timerMaxDelaySec * 1000) throw illegal("recall failed, timestamp invalid");
  return handle;
}

/** Its queue and body mean nothing; Apache's are the same. */
function cancellingMessage(
  parts: BrokerParts,
  context: RequestContext,
  header: RecallMessageRequestHeader,
  handle: RecallHandle,
  now: number,
): MessageInput {
  const { settings, addresses } = parts;
  const { remote } = context.peer;
  const host = addresses.storeHostFor(context.peer);
  return {
    topic: handle.topic,
    queueId: 0,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: now,
    bornHost: remote.host,
    bornPort: remote.port,
    storeHost: host.host,
    storePort: host.port,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: encodeUtf8("0"),
    properties: formatProperties([
      [MessageConst.TAGS, RECALL_TAG],
      [MessageConst.TIMER_DEL_UNIQKEY, deleteKey(handle.topic, handle.messageId, settings.appendTopicForTimerDeleteKey)],
      [MessageConst.UNIQ_KEY, handle.messageId],
      [MessageConst.TIMER_DELIVER_MS, handle.timestamp],
      [MessageConst.BORN_TIMESTAMP, String(now)],
      [MessageConst.PGROUP, header.producerGroup ?? ""],
    ]),
    tagsCode: tagsCode(RECALL_TAG),
  };
}

function parkedInSlot(timer: TimerMessages, message: MessageInput, { timestamp, messageId }: RecallHandle): MessageInput {
  try {
    return timer.park(message, {
      timerDelaySec: undefined,
      timerDelayMs: undefined,
      timerDeliverMs: timestamp,
      timerOutMs: undefined,
      timerDelete: messageId,
    });
  } catch (error) {
    if (error instanceof RemotingError) throw failed(error.message);
    throw error;
  }
}

const illegal = (remark: string): RemotingError => new RemotingError(ResponseCode.ILLEGAL_OPERATION, remark);

const notAvailable = (why: string): RemotingError =>
  new RemotingError(ResponseCode.SERVICE_NOT_AVAILABLE, `recall failed, broker service not available: ${why}`);

const failed = (why: string): RemotingError =>
  new RemotingError(ResponseCode.SYSTEM_ERROR, `recall failed, execute error: ${why}`);
