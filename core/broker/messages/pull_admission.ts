/** What is checked before a queue is read: may this group read this queue of this topic, and what does it want of it? */
import type { SubscriptionGroupConfig } from "../../../wire/bodies/subscription_group.ts";
import type { TopicConfig } from "../../../wire/bodies/topic.ts";
import type { PullMessageRequestHeader } from "../../../wire/headers/pull.ts";
import { PERM_READ } from "../../../wire/perm_name.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError, type RequestContext } from "../../remoting/processor.ts";
import type { TagsFilter } from "../../store/message_store.ts";
import { isSystemGroup } from "../metadata/topics_validator.ts";
import type { BrokerParts, ConsumerGroup } from "../parts.ts";
import { isTagType, SubscriptionFilters, tagFilterOf } from "./pull_filter.ts";
import type { PullReply } from "./pull_hold.ts";
import { brokerName, FAQ } from "./send_checks.ts";

const FLAG_SUBSCRIPTION = 4;

/** forbiddenType of the response: what was missing. */
const FORBIDDEN = { broker: "1", group: "2", topic: "3", broadcast: "4", subscription: "5" } as const;

/** What the checks found out. */
export interface Admitted {
  readonly group: SubscriptionGroupConfig;
  readonly topic: TopicConfig;
  readonly filter: TagsFilter;
}

export class PullAdmission {
  readonly #parts: Pick<BrokerParts, "settings" | "groups" | "topics" | "consumers" | "addresses">;
  readonly #filters = new SubscriptionFilters();

  constructor(parts: Pick<BrokerParts, "settings" | "groups" | "topics" | "consumers" | "addresses">) {
    this.#parts = parts;
  }

  /**
   * In Apache's order. Refusals with a forbiddenType are replies, the others are thrown.
   * @param lite LITE_PULL_MESSAGE.
   */
  admit(context: RequestContext, header: PullMessageRequestHeader, lite: boolean): Admitted | PullReply {
    const { settings, groups, topics } = this.#parts;
    const { consumerGroup, topic } = header;
    if ((settings.brokerPermission & PERM_READ) === 0) {
      return forbidden(FORBIDDEN.broker, `${brokerName(this.#parts, context)} pulling message is forbidden`);
    }
    if (lite && !settings.litePullMessageEnable) {
      return forbidden(FORBIDDEN.broker, `${brokerName(this.#parts, context)} for lite pull consumer is forbidden`);
    }
    const group = groups.findOrCreate(consumerGroup);
    if (group === undefined) {
      throw new RemotingError(
        ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
        `subscription group [${consumerGroup}] does not exist, ${FAQ}`,
      );
    }
    if (!group.consumeEnable) return forbidden(FORBIDDEN.group, `subscription group no permission, ${consumerGroup}`);
    const topicConfig = topics.find(topic);
    if (topicConfig === undefined) {
      throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist, apply first please! ${FAQ}`);
    }
    if ((topicConfig.perm & PERM_READ) === 0) {
      return forbidden(FORBIDDEN.topic, `the topic[${topic}] pulling message is forbidden`);
    }
    if (header.queueId < 0 || header.queueId >= topicConfig.readQueueNums) {
      const { remote } = context.peer;
      throw new RemotingError(
        ResponseCode.INVALID_PARAMETER,
        `queueId[${header.queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${topicConfig.readQueueNums}] consumer:[/${remote.host}:${remote.port}]`,
      );
    }
    const filter =
      (header.sysFlag & FLAG_SUBSCRIPTION) === 0 ? this.#filterOfHeartbeat(header, group) : this.#filterOfRequest(header);
    if (typeof filter === "object") return filter;
    if (settings.rejectPullConsumerEnable) this.#checkPushConsumer(context, consumerGroup);
    return { group, topic: topicConfig, filter };
  }

  #filterOfRequest(header: PullMessageRequestHeader): TagsFilter {
    checkTagType(header.expressionType);
    try {
      return tagFilterOf(header.subscription);
    } catch {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed");
    }
  }

  #filterOfHeartbeat(header: PullMessageRequestHeader, group: SubscriptionGroupConfig): TagsFilter | PullReply {
    const { consumers, groups } = this.#parts;
    const { consumerGroup, topic } = header;
    const connected: ConsumerGroup | undefined = consumers.group(consumerGroup);
    if (connected === undefined) {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_NOT_EXIST, `the consumer's group info not exist${FAQ}`);
    }
    if (!group.consumeBroadcastEnable && connected.messageModel === "BROADCASTING") {
      return forbidden(FORBIDDEN.broadcast, `the consumer group[${consumerGroup}] can not consume by broadcast way`);
    }
    if (!groups.mayRead(consumerGroup, topic)) {
      return forbidden(FORBIDDEN.subscription, `the consumer group[${consumerGroup}] is forbidden for topic[${topic}]`);
    }
    const subscription = connected.subscriptions.get(topic);
    if (subscription === undefined) {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_NOT_EXIST, `the consumer's subscription not exist${FAQ}`);
    }
    if (subscription.subVersion < header.subVersion) {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_NOT_LATEST, "the consumer's subscription not latest");
    }
    checkTagType(subscription.expressionType);
    return this.#filters.of(subscription);
  }

  #checkPushConsumer(context: RequestContext, consumerGroup: string): void {
    const connected = this.#parts.consumers.group(consumerGroup);
    const push = connected?.consumeType === "CONSUME_PASSIVELY" && connected.channels.has(context.peer);
    if (push || isSystemGroup(consumerGroup)) return;
    throw new RemotingError(
      ResponseCode.SUBSCRIPTION_NOT_EXIST,
      `the consumer's group info not exist, or the pull consumer is rejected by server.${FAQ}`,
    );
  }
}

export const isRefusal = (admitted: Admitted | PullReply): admitted is PullReply => !("group" in admitted);

const forbidden = (type: string, remark: string): PullReply => ({
  code: ResponseCode.NO_PERMISSION,
  remark,
  extFields: { forbiddenType: type },
});

/** Only tags: expressions (SQL92) are refused as Apache does with enablePropertyFilter=false. */
function checkTagType(expressionType: string | undefined): void {
  if (isTagType(expressionType)) return;
  throw new RemotingError(
    ResponseCode.SYSTEM_ERROR,
    `The broker does not support consumer to filter message by ${expressionType}`,
  );
}
