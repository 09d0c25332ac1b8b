/**
 * SEND_REPLY_MESSAGE and its V2: the answer of a request–reply pair. It is pushed to the client that asked
 * (REPLY_TO_CLIENT names it), over the connection of one of its producers, and stored as well with storeReplyMessageEnable.
 *
 * The sender hears whether the push arrived; that the answer is stored mends no failed push, since nobody consumes it.
 */
import type {
  ReplyMessageRequestHeader,
  SendMessageRequestHeader,
  SendMessageResponseHeader,
} from "../../../wire/headers/send.ts";
import { hostPortText } from "../../../wire/host.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { encodeMessageId } from "../../../wire/message_id.ts";
import { propertyOf, setProperty } from "../../../wire/properties.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError, type RequestContext } from "../../remoting/processor.ts";
import type { MessageInput, PutReceipt } from "../../store/message_store.ts";
import type { BrokerParts } from "../parts.ts";
import { messageTypeOf } from "./message_type.ts";
import { checkedTopic } from "./send_checks.ts";
import { PropertyScan } from "./send_properties.ts";
import { notStored } from "./send_status.ts";
import type { SendReply } from "./sent.ts";

/** As Apache's call to a client. */
const PUSH_TIMEOUT_MS = 10_000;

export function replyProcessors(
  parts: BrokerParts,
): Pick<ProcessorMap<"broker">, "SEND_REPLY_MESSAGE" | "SEND_REPLY_MESSAGE_V2"> {
  return {
    SEND_REPLY_MESSAGE: (context, { header, body }) => reply(parts, context, header, body),
    SEND_REPLY_MESSAGE_V2: (context, { header, body }) => reply(parts, context, header, body),
  };
}

async function reply(
  parts: BrokerParts,
  context: RequestContext,
  header: SendMessageRequestHeader,
  view: Uint8Array,
): Promise<SendReply> {
  const { settings, addresses, runtime } = parts;
  const config = checkedTopic(parts, context, header);
  const queueId = header.queueId < 0 ? runtime.random.below(config.writeQueueNums) : header.queueId;
  const host = addresses.storeHostFor(context.peer);
  const { remote } = context.peer;
  // The push may wait for its connection, and the bytes are the caller's only until this function first waits.
  const body = view.slice();
  const message: MessageInput = {
    topic: header.topic,
    queueId,
    flag: header.flag,
    sysFlag: 0,
    bornTimestamp: header.bornTimestamp,
    bornHost: remote.host,
    bornPort: remote.port,
    storeHost: host.host,
    storePort: host.port,
    reconsumeTimes: header.reconsumeTimes ?? 0,
    preparedTransactionOffset: 0,
    body,
    properties: header.properties ?? "",
    tagsCode: 0,
  };
  const stored = settings.storeReplyMessageEnable && body.length > 0 ? await store(parts, message) : undefined;
  await push(parts, header, message);
  const answer: SendMessageResponseHeader = {
    // Without a stored message a client must still find numbers here.
    msgId: stored === undefined ? "0" : encodeMessageId(host.host, host.port, stored.physicalOffset),
    queueId,
    queueOffset: stored?.queueOffset ?? 0,
  };
  return { header: answer, extFields: { MSG_REGION: settings.regionId, TRACE_ON: String(settings.traceOn) } };
}

async function store({ store, stats, log }: BrokerParts, message: MessageInput): Promise<PutReceipt | undefined> {
  const receipt = store.append(message);
  if (receipt.status !== "PUT_OK") {
    log.warn("a reply message can't be stored; it is pushed all the same", { topic: message.topic, reason: receipt.reason });
    return undefined;
  }
  const properties = new PropertyScan();
  properties.scan(message.properties);
  stats.sent(message.topic, messageTypeOf(properties), 1, receipt.size);
  try {
    await store.durable(receipt.endOffset, false);
  } catch (fault) {
    throw notStored(fault, store);
  }
  return receipt;
}

/** @throws RemotingError SYSTEM_ERROR when it does not reach the client that asked. */
async function push(parts: BrokerParts, header: SendMessageRequestHeader, message: MessageInput): Promise<void> {
  const { producers, runtime, log } = parts;
  const clientId = propertyOf(message.properties, MessageConst.REPLY_TO_CLIENT);
  if (clientId === undefined) throw failed(`reply message properties[${MessageConst.REPLY_TO_CLIENT}] is null`);
  const channel = producers.byClientId(clientId);
  if (channel === undefined) throw failed(`push reply message fail, channel of <${clientId}> not found.`);
  const now = runtime.clock.now();
  const pushed: ReplyMessageRequestHeader = {
    producerGroup: header.producerGroup,
    topic: header.topic,
    defaultTopic: header.defaultTopic,
    defaultTopicQueueNums: header.defaultTopicQueueNums,
    queueId: header.queueId,
    sysFlag: header.sysFlag,
    bornTimestamp: header.bornTimestamp,
    flag: header.flag,
    properties: setProperty(message.properties, MessageConst.PUSH_REPLY_TIME, String(now)),
    reconsumeTimes: header.reconsumeTimes,
    unitMode: header.unitMode === true,
    bornHost: hostPortText(message.bornHost, message.bornPort),
    storeHost: hostPortText(message.storeHost, message.storePort),
    storeTimestamp: now,
  };
  const failure = await channel.peer.invoke("PUSH_REPLY_MESSAGE_TO_CLIENT", pushed, message.body, PUSH_TIMEOUT_MS).then(
    ({ code, remark }) => (code === ResponseCode.SUCCESS ? undefined : `it answered code ${code}, ${remark ?? "no remark"}`),
    (fault: unknown) => (fault instanceof Error ? fault.message : String(fault)),
  );
  if (failure === undefined) return;
  log.warn("a reply message was not taken by the client that asked", { clientId, topic: header.topic, why: failure });
  throw failed(`push reply message to ${clientId}fail. ${failure}`);
}

const failed = (remark: string): RemotingError => new RemotingError(ResponseCode.SYSTEM_ERROR, remark);
