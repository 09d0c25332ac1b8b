/** What is checked before a queue is read: may this group read this queue of this topic, and what does it want of it? */

import type { SubscriptionGroupConfig } from "../../../wire/bodies/subscription_group.ts";
import type { TopicConfig } from "../../../wire/bodies/topic.ts";
import { decodeUtf8, readInt32 } from "../../../wire/bytes.ts";
import type { PullMessageRequestHeader } from "../../../wire/headers/pull.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { propertiesAt } from "../../../wire/message_reader.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { PERM_READ } from "../../../wire/perm_name.ts";
import { propertyOf } from "../../../wire/properties.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { SqlExpressionError, type SqlFilter } from "../../filter/sql_filter.ts";
import { RemotingError, type RequestContext } from "../../remoting/processor.ts";
import type { RecordFilter, TagsFilter } from "../../store/message_store.ts";
import { SQL92 } from "../filters/consumer_filters.ts";
import { passes } from "../filters/passes.ts";
import { isSystemGroup } from "../metadata/topics_validator.ts";
import type { BrokerSettings } from "../options.ts";
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
  /** What a record must pass beside `filter`; undefined for tags. */
  readonly records: RecordFilter | undefined;
  /** The expression, where `records` asks nothing else. */
  readonly sql: SqlFilter | undefined;
}

type AdmittedFilter = Pick<Admitted, "filter" | "records" | "sql">;
type AdmittedRecords = Pick<Admitted, "records" | "sql">;
type AdmissionParts = Pick<BrokerParts, "settings" | "groups" | "topics" | "consumers" | "addresses" | "filters">;

export class PullAdmission {
  readonly #parts: AdmissionParts;
  readonly #filters = new SubscriptionFilters();

  constructor(parts: AdmissionParts) {
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
    if ("code" in filter) return filter;
    if (settings.rejectPullConsumerEnable) this.#checkPushConsumer(context, consumerGroup);
    return { group, topic: topicConfig, ...filter };
  }

  #filterOfRequest(header: PullMessageRequestHeader): AdmittedFilter {
    const { topic, consumerGroup, expressionType, subscription = "" } = header;
    const isTags = isTagType(expressionType);
    if (!isTags) checkSqlServed(this.#parts.settings, expressionType);
    try {
      if (isTags) return { filter: tagFilterOf(header.subscription), records: undefined, sql: undefined };
      return { filter: undefined, ...this.#recordsOf(topic, consumerGroup, this.#parts.filters.compile(subscription)) };
    } catch (error) {
      const why = error instanceof SqlExpressionError ? `: ${error.message}` : "";
      throw new RemotingError(ResponseCode.SUBSCRIPTION_PARSE_FAILED, `parse the consumer's subscription failed${why}`);
    }
  }

  #filterOfHeartbeat(header: PullMessageRequestHeader, group: SubscriptionGroupConfig): AdmittedFilter | PullReply {
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
    if (isTagType(subscription.expressionType)) {
      return { filter: this.#filters.of(subscription), records: undefined, sql: undefined };
    }
    const records = this.#recordsOfHeartbeat(header, subscription.expressionType);
    return { filter: this.#bitsOf(topic, consumerGroup), ...records };
  }

  #recordsOfHeartbeat({ topic, consumerGroup, subVersion }: PullMessageRequestHeader, type: string): AdmittedRecords {
    checkSqlServed(this.#parts.settings, type);
    const found = this.#parts.filters.find(topic, consumerGroup);
    if (found === undefined) {
      throw new RemotingError(
        ResponseCode.FILTER_DATA_NOT_EXIST,
        "The broker's consumer filter data is not exist!Your expression may be wrong!",
      );
    }
    if (found.data.clientVersion < subVersion) {
      throw new RemotingError(ResponseCode.FILTER_DATA_NOT_LATEST, "the consumer's consumer filter data not latest");
    }
    return this.#recordsOf(topic, consumerGroup, found.sql);
  }

  /**
   * What the bits of a message's extended unit say of the group's expression: only that it does not pass is certain. A
   * message that is older than the expression says nothing.
   */
  #bitsOf(topic: string, group: string): TagsFilter {
    const { filters, settings } = this.#parts;
    if (!settings.enableCalcFilterBitMap || topic.startsWith(RETRY_PREFIX)) return undefined;
    const { data } = filters.find(topic, group) ?? {};
    const bloom = data?.bloomFilterData;
    if (data === undefined || !filters.bloom.isValid(bloom)) return undefined;
    return (_tagsCode, ext) =>
      ext?.filterBitMap === undefined || ext.msgStoreTime <= data.bornTime || filters.bloom.mayHit(bloom, ext.filterBitMap);
  }

  #recordsOf(topic: string, group: string, sql: SqlFilter): AdmittedRecords {
    const { filterSupportRetry } = this.#parts.settings;
    const asksOthers = filterSupportRetry && topic.startsWith(RETRY_PREFIX);
    return asksOthers ? { records: this.#retriesOf(group), sql: undefined } : { records: passes(sql), sql };
  }

  /** filterSupportRetry: a message that comes again is asked by the expression of the topic that it was first sent to. */
  #retriesOf(group: string): RecordFilter {
    const { filters } = this.#parts;
    return (bytes, at) => {
      const from = propertiesAt(bytes, at);
      const end = at + readInt32(bytes, at);
      const properties = decodeUtf8(bytes.subarray(from, end));
      const topic = propertyOf(properties, MessageConst.RETRY_TOPIC);
      const sql = topic === undefined ? undefined : filters.find(topic, group)?.sql;
      return sql === undefined || sql.matches(bytes, from, end);
    };
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

/** Expressions other than tags: SQL92, while enablePropertyFilter is true. */
export function checkSqlServed(settings: Pick<BrokerSettings, "enablePropertyFilter">, expressionType: string | undefined): void {
  const refusal = `The broker does not support consumer to filter message by ${expressionType}`;
  if (!settings.enablePropertyFilter) {
    const mend = expressionType === SQL92 ? "; enablePropertyFilter=true in its configuration allows it" : "";
    throw new RemotingError(ResponseCode.SYSTEM_ERROR, refusal + mend);
  }
  if (expressionType === SQL92) return;
  throw new RemotingError(ResponseCode.SUBSCRIPTION_PARSE_FAILED, `${refusal}; it knows TAG and SQL92`);
}
