/** What is checked before a message is looked at: may this broker, this topic, this queue be sent to? In Apache's order. */
import type { TopicConfig } from "../../../wire/bodies/topic.ts";
import type { SendMessageRequestHeader } from "../../../wire/headers/send.ts";
import { RETRY_PREFIX, SEE_FAQ } from "../../../wire/mix_all.ts";
import { PERM_WRITE } from "../../../wire/perm_name.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError, type RequestContext } from "../../remoting/processor.ts";
import { isNotAllowedSendTopic, topicFault } from "../metadata/topics_validator.ts";
import type { BrokerParts } from "../parts.ts";
import { RETRY_PERM } from "./retry.ts";

/** Ends remarks about things that an operator must create, in Apache's words. */
export const FAQ = `\n${SEE_FAQ}`;

const TOPIC_UNIT = 1;
const TOPIC_UNIT_SUB = 2;

/** Names this broker as Apache's remarks do: by the address that this client knows. */
export const brokerName = (parts: Pick<BrokerParts, "addresses">, context: RequestContext): string =>
  `the broker[${parts.addresses.storeHostFor(context.peer).host}]`;

/**
 * The topic that a message with this header goes to; created when it may be.
 * @throws RemotingError for the first check that fails.
 */
export function checkedTopic(
  parts: Pick<BrokerParts, "runtime" | "log" | "settings" | "topics" | "addresses">,
  context: RequestContext,
  header: SendMessageRequestHeader,
): TopicConfig {
  const { settings, topics } = parts;
  const { topic } = header;
  if (settings.startAcceptSendRequestTimeStamp > 0) checkOpen(parts);
  let config = topics.find(topic);
  if ((settings.brokerPermission & PERM_WRITE) === 0 && config?.order === true) {
    throw new RemotingError(ResponseCode.NO_PERMISSION, `${brokerName(parts, context)} sending message is forbidden`);
  }
  // A topic that exists was checked when it was made; this saves a regular expression a message.
  if (config === undefined) {
    const fault = topicFault(topic);
    if (fault !== undefined) throw new RemotingError(ResponseCode.INVALID_PARAMETER, fault);
  }
  if (isNotAllowedSendTopic(topic)) {
    throw new RemotingError(ResponseCode.NO_PERMISSION, `Sending message to topic[${topic}] is forbidden.`);
  }
  config ??= created(parts, context, header);
  if (header.queueId >= Math.max(config.writeQueueNums, config.readQueueNums)) {
    const { remote } = context.peer;
    throw new RemotingError(
      ResponseCode.INVALID_PARAMETER,
      `request queueId[${header.queueId}] is illegal, topic[${topic}] has ${config.writeQueueNums} write and ${config.readQueueNums} read queues. Producer: ${remote.host}:${remote.port}`,
    );
  }
  return config;
}

function checkOpen({ runtime, settings }: Pick<BrokerParts, "runtime" | "settings">): void {
  const opensAt = settings.startAcceptSendRequestTimeStamp;
  if (runtime.clock.now() >= opensAt) return;
  const local = new Date(opensAt + runtime.system.utcOffsetMinutes(opensAt) * 60_000).toISOString();
  throw new RemotingError(
    ResponseCode.SYSTEM_ERROR,
    `broker unable to service, until ${local.slice(0, 10)} ${local.slice(11, 19)},${local.slice(20, 23)} (startAcceptSendRequestTimeStamp=${opensAt})`,
  );
}

function created(
  { log, settings, topics }: Pick<BrokerParts, "log" | "settings" | "topics">,
  context: RequestContext,
  header: SendMessageRequestHeader,
): TopicConfig {
  const { topic, defaultTopic } = header;
  const retry = topic.startsWith(RETRY_PREFIX);
  const unit = header.unitMode === true ? (retry ? TOPIC_UNIT_SUB : TOPIC_UNIT) : 0;
  const { remote } = context.peer;
  log.warn("the topic does not exist, a producer sends to it", { topic, producer: `${remote.host}:${remote.port}` });
  let config = topics.createOnSend(topic, defaultTopic, header.defaultTopicQueueNums, unit);
  if (config === undefined && retry) config = topics.ensure(topic, 1, RETRY_PERM, unit);
  if (config !== undefined) return config;
  const why = settings.autoCreateTopicEnable
    ? `the template topic[${defaultTopic}] does not exist on ${settings.brokerName} or does not allow to inherit from it`
    : `it is not on ${settings.brokerName}, and autoCreateTopicEnable is false there: create it with mqadmin updateTopic`;
  throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist, apply first please!${FAQ}\n${why}`);
}
