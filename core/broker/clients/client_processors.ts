/** What clients say of themselves: HEART_BEAT (V1 and V2), UNREGISTER_CLIENT, CHECK_CLIENT_CONFIG, GET_CONSUMER_LIST_BY_GROUP. */
import { getConsumerListByGroupResponseBody } from "../../../wire/bodies/client.ts";
import { type ConsumerData, heartbeatData } from "../../../wire/bodies/heartbeat.ts";
import { checkClientRequestBody } from "../../../wire/bodies/subscription.ts";
import { PERM_READ, PERM_WRITE } from "../../../wire/perm_name.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { SqlExpressionError } from "../../filter/sql_filter.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { ConsumerFilters } from "../filters/consumer_filters.ts";
import { checkSqlServed } from "../messages/pull_admission.ts";
import { isTagType } from "../messages/pull_filter.ts";
import type { TopicConfigManager } from "../metadata/topics.ts";
import { retryTopicOf } from "../metadata/topics_validator.ts";
import type { BrokerSettings } from "../options.ts";
import type { Groups } from "../parts.ts";
import type { ClientIdentity, ConsumerManager } from "./consumers.ts";
import type { ProducerManager } from "./producers.ts";

/** Topic bit: the group of this retry topic runs in a unit. */
const UNIT_SUB_FLAG = 2;

/** Groups of one client: each may cost a topic, so one heartbeat must not bring any number of them. */
const GROUPS_MAX = 1000;

export interface ClientProcessorParts {
  readonly settings: BrokerSettings;
  readonly topics: TopicConfigManager;
  readonly groups: Groups;
  readonly consumers: ConsumerManager;
  readonly filters: Pick<ConsumerFilters, "compile">;
  readonly producers: ProducerManager;
}

export type ClientProcessors = Pick<
  ProcessorMap<"broker">,
  "HEART_BEAT" | "UNREGISTER_CLIENT" | "CHECK_CLIENT_CONFIG" | "GET_CONSUMER_LIST_BY_GROUP"
>;

export function clientProcessors(parts: ClientProcessorParts): ClientProcessors {
  const { settings, groups, consumers, producers, filters } = parts;
  return {
    HEART_BEAT(context, request) {
      const heartbeat = heartbeatData.decode(request.body);
      if (heartbeat.clientID === "") throw new RemotingError(ResponseCode.SYSTEM_ERROR, "HEART_BEAT: clientID is missing");
      const groupCount = heartbeat.consumerDataSet.length + heartbeat.producerDataSet.length;
      if (groupCount > GROUPS_MAX) {
        throw new RemotingError(
          ResponseCode.SYSTEM_ERROR,
          `HEART_BEAT of ${heartbeat.clientID.slice(0, 100)} names ${groupCount} groups; at most ${GROUPS_MAX} are taken`,
        );
      }
      const client: ClientIdentity = {
        peer: context.peer,
        clientId: heartbeat.clientID,
        language: context.language,
        version: context.version,
      };
      const isV2 = heartbeat.heartbeatFingerprint !== 0;
      let subscriptionsWanted = !isV2;
      for (const consumer of heartbeat.consumerDataSet) {
        if (settings.rejectPullConsumerEnable && consumer.consumeType === "CONSUME_ACTIVELY") continue;
        if (!prepareGroup(parts, consumer)) continue;
        const wanted = consumers.register(consumer.groupName, client, {
          consumeType: consumer.consumeType,
          messageModel: consumer.messageModel,
          consumeFromWhere: consumer.consumeFromWhere,
          subscriptions: isV2 && heartbeat.isWithoutSub ? undefined : consumer.subscriptionDataSet,
          fingerprint: heartbeat.heartbeatFingerprint,
        });
        subscriptionsWanted ||= wanted;
      }
      if (settings.enableRegisterProducer || !settings.rejectTransactionMessage) {
        for (const producer of heartbeat.producerDataSet) producers.register(producer.groupName, client);
      }
      return { extFields: { IS_SUPPORT_HEART_BEAT_V2: "true", IS_SUB_CHANGE: String(subscriptionsWanted) } };
    },

    UNREGISTER_CLIENT(context, { header }) {
      if (header.producerGroup !== undefined) producers.unregister(header.producerGroup, context.peer);
      if (header.consumerGroup !== undefined) consumers.unregister(header.consumerGroup, context.peer);
      return { extFields: {} };
    },

    CHECK_CLIENT_CONFIG(_context, request) {
      if (request.body.length === 0) return {};
      const { subscriptionData } = checkClientRequestBody.decode(request.body);
      if (subscriptionData === undefined || isTagType(subscriptionData.expressionType)) return {};
      checkSqlServed(settings, subscriptionData.expressionType);
      try {
        filters.compile(subscriptionData.subString);
      } catch (error) {
        if (!(error instanceof SqlExpressionError)) throw error;
        throw new RemotingError(ResponseCode.SUBSCRIPTION_PARSE_FAILED, error.message);
      }
      return {};
    },

    GET_CONSUMER_LIST_BY_GROUP(_context, { header }) {
      const { consumerGroup } = header;
      if (consumers.group(consumerGroup) === undefined) {
        throw new RemotingError(ResponseCode.SYSTEM_ERROR, `no consumer for this group, ${consumerGroup}`);
      }
      const consumerIdList = consumers.clientIds(consumerGroup);
      return { body: getConsumerListByGroupResponseBody.encode({ consumerIdList }), extFields: {} };
    },
  };

  /** The group and its retry topic are there after this; false when the group may not be made. */
  function prepareGroup({ topics }: ClientProcessorParts, consumer: ConsumerData): boolean {
    const group = groups.findOrCreate(consumer.groupName);
    if (group === undefined) return false;
    const order = consumer.subscriptionDataSet.some(({ topic }) => topics.find(topic)?.order === true);
    const sysFlag = consumer.unitMode ? UNIT_SUB_FLAG : 0;
    topics.ensure(retryTopicOf(consumer.groupName), group.retryQueueNums, PERM_READ | PERM_WRITE, sysFlag, order);
    return true;
  }
}
