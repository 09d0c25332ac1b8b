/**
 * CONSUMER_SEND_MSG_BACK: a consumer could not consume a message. It goes to the group's retry topic after a delay, or, when
 * it has been retried often enough, to its dead letters.
 */
import type { ConsumerSendMsgBackRequestHeader } from "../../../wire/headers/send.ts";
import { tagsCode } from "../../../wire/java_hash.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { encodeMessageId } from "../../../wire/message_id.ts";
import { decodeRecord, type StoredMessage } from "../../../wire/message_reader.ts";
import { PERM_WRITE } from "../../../wire/perm_name.ts";
import { propertyOf, removeProperty, setProperty } from "../../../wire/properties.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError, type RequestContext, type TypedReply } from "../../remoting/processor.ts";
import type { MessageInput } from "../../store/message_store.ts";
import { dlqTopicOf, retryTopicOf } from "../metadata/topics_validator.ts";
import type { BrokerParts } from "../parts.ts";
import { DLQ_QUEUES, maxReconsumeTimes, RETRY_PERM } from "./retry.ts";
import { type DelayLevels, parkedMessage } from "./schedule_levels.ts";
import { brokerName, FAQ } from "./send_checks.ts";
import { notStored, putError } from "./send_status.ts";

/** The level of the first retry: 10 s. */
const FIRST_RETRY_LEVEL = 3;
const TOPIC_UNIT_SUB = 2;

type Reply = TypedReply<"CONSUMER_SEND_MSG_BACK">;

interface Target {
  readonly topic: string;
  readonly queueId: number;
  /** 0: none. */
  readonly level: number;
  readonly dead: boolean;
}

export function sendBackProcessors(
  parts: BrokerParts,
  levels: DelayLevels,
): Pick<ProcessorMap<"broker">, "CONSUMER_SEND_MSG_BACK"> {
  return { CONSUMER_SEND_MSG_BACK: (context, { header }) => sendBack(parts, levels, context, header) };
}

async function sendBack(
  parts: BrokerParts,
  levels: DelayLevels,
  context: RequestContext,
  header: ConsumerSendMsgBackRequestHeader,
): Promise<Reply> {
  const { store, stats } = parts;
  const retry = checkedRetryTopic(parts, context, header);
  if (retry === undefined) return {};
  const record = await store.recordAt(header.offset);
  if (record === undefined) {
    throw new RemotingError(ResponseCode.SYSTEM_ERROR, `look message by offset failed, ${header.offset}`);
  }
  const message = decodeRecord(record);
  const target = targetOf(parts, context, header, retry, message);
  const copy = retryCopy(parts, context, message, target);
  const stored = target.level > 0 ? parkedMessage(copy, target.level, levels) : copy;
  const receipt = store.append(stored);
  if (receipt.status !== "PUT_OK") throw putError(receipt, parts.settings, store);
  // WAIT=false: in the page cache is enough, as for every message that the broker itself puts.
  await store.durable(receipt.endOffset, false).catch((fault: unknown) => {
    throw notStored(fault, store);
  });
  const origin = propertyOf(copy.properties, MessageConst.RETRY_TOPIC) ?? message.topic;
  stats.sendBack(header.group, origin);
  stats.put(stored.topic, 1, receipt.size);
  if (target.dead) stats.deadLetter(header.group, header.originTopic ?? origin);
  return {};
}

/** The retry topic and one of its queues; undefined when the group wants no retries. In Apache's order. */
function checkedRetryTopic(
  parts: BrokerParts,
  context: RequestContext,
  header: ConsumerSendMsgBackRequestHeader,
): { topic: string; queueId: number; retryMaxTimes: number } | undefined {
  const { groups, topics, settings, runtime } = parts;
  const group = groups.findOrCreate(header.group);
  if (group === undefined) {
    throw new RemotingError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group not exist, ${header.group} ${FAQ}`);
  }
  if ((settings.brokerPermission & PERM_WRITE) === 0) {
    throw new RemotingError(ResponseCode.NO_PERMISSION, `${brokerName(parts, context)} sending message is forbidden`);
  }
  if (group.retryQueueNums <= 0) return undefined;
  const topic = retryTopicOf(header.group);
  const queueId = runtime.random.below(group.retryQueueNums);
  const config = topics.ensure(topic, group.retryQueueNums, RETRY_PERM, header.unitMode ? TOPIC_UNIT_SUB : 0);
  if ((config.perm & PERM_WRITE) === 0) {
    throw new RemotingError(ResponseCode.NO_PERMISSION, `the topic[${topic}] sending message is forbidden`);
  }
  return { topic, queueId, retryMaxTimes: group.retryMaxTimes };
}

function targetOf(
  { topics }: BrokerParts,
  context: RequestContext,
  header: ConsumerSendMsgBackRequestHeader,
  retry: { topic: string; queueId: number; retryMaxTimes: number },
  message: StoredMessage,
): Target {
  const max = maxReconsumeTimes(context.version, header.maxReconsumeTimes, retry.retryMaxTimes);
  if (message.reconsumeTimes >= max || header.delayLevel < 0) {
    const topic = dlqTopicOf(header.group);
    topics.ensure(topic, DLQ_QUEUES, RETRY_PERM, 0);
    return { topic, queueId: 0, level: 0, dead: true };
  }
  const level = header.delayLevel === 0 ? FIRST_RETRY_LEVEL + message.reconsumeTimes : header.delayLevel;
  return { topic: retry.topic, queueId: retry.queueId, level, dead: false };
}

/** The message as it is put again: where it came from is kept, the sender's wish to wait is not. */
function retryCopy(parts: BrokerParts, context: RequestContext, message: StoredMessage, target: Target): MessageInput {
  const store = parts.addresses.storeHostFor(context.peer);
  let properties = message.properties;
  if (propertyOf(properties, MessageConst.RETRY_TOPIC) === undefined) {
    properties = setProperty(properties, MessageConst.RETRY_TOPIC, message.topic);
  }
  properties = setProperty(properties, MessageConst.WAIT, "false");
  properties = setProperty(properties, MessageConst.DELAY, String(target.level));
  if ((propertyOf(properties, MessageConst.ORIGIN_MESSAGE_ID) ?? "").trim() === "") {
    const id = encodeMessageId(message.storeHost, message.storePort, message.physicalOffset);
    properties = setProperty(properties, MessageConst.ORIGIN_MESSAGE_ID, id);
  }
  return {
    topic: target.topic,
    queueId: target.queueId,
    flag: message.flag,
    sysFlag: message.sysFlag,
    bornTimestamp: message.bornTimestamp,
    bornHost: message.bornHost,
    bornPort: message.bornPort,
    storeHost: store.host,
    storePort: store.port,
    reconsumeTimes: message.reconsumeTimes + 1,
    preparedTransactionOffset: 0,
    body: message.body,
    properties: removeProperty(properties, MessageConst.CRC32),
    tagsCode: tagsCode(propertyOf(properties, MessageConst.TAGS)),
  };
}
