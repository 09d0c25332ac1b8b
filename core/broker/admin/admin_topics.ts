/** Topics for administrators: create, change, delete, list, and what goes with a topic when it goes. */
import { topicConfigAndMappingSerializeWrapper } from "../../../wire/bodies/register_broker.ts";
import { topicConfigAndQueueMapping, topicQueueMappingDetail } from "../../../wire/bodies/static_topic.ts";
import {
  createTopicListRequestBody,
  TOPIC_FILTER_TYPES,
  type TopicConfig,
  type TopicFilterType,
  topicList,
} from "../../../wire/bodies/topic.ts";
import type { CreateTopicRequestHeader } from "../../../wire/headers/topic.ts";
import { isLmq } from "../../../wire/mix_all.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import { parseAttributes } from "../metadata/topics_attributes.ts";
import { isSystemTopicName, popRetryTopicV1, popRetryTopicV2, topicFault } from "../metadata/topics_validator.ts";
import { page } from "./admin_pages.ts";
import type { AdminParts } from "./admin_parts.ts";

type TopicProcessors = Pick<
  ProcessorMap<"broker">,
  | "UPDATE_AND_CREATE_TOPIC"
  | "UPDATE_AND_CREATE_TOPIC_LIST"
  | "UPDATE_AND_CREATE_STATIC_TOPIC"
  | "GET_ALL_TOPIC_CONFIG"
  | "GET_TOPIC_CONFIG"
  | "DELETE_TOPIC_IN_BROKER"
  | "GET_SYSTEM_TOPIC_LIST_FROM_BROKER"
  | "CLEAN_UNUSED_TOPIC"
>;

export function topicProcessors(parts: AdminParts): TopicProcessors {
  const { topics, settings, store } = parts;
  return {
    async UPDATE_AND_CREATE_TOPIC(_context, { header }) {
      const { instruments } = parts.stats;
      const { clock } = parts.runtime;
      const startedAt = clock.monotonic();
      const config = configOf(header);
      let success = false;
      try {
        checkMayUpdate(parts, config);
        if (!isSame(topics.find(config.topicName), topics.checked(config))) topics.update(config);
        success = true;
      } finally {
        instruments?.topicCreated(clock.monotonic() - startedAt, isSystemTopicName(config.topicName), success);
      }
      await parts.nameServersTold();
      return {};
    },

    async UPDATE_AND_CREATE_TOPIC_LIST(_context, { body }) {
      const { topicConfigList } = createTopicListRequestBody.decode(body);
      if (topicConfigList.length === 0) {
        throw new RemotingError(ResponseCode.INVALID_PARAMETER, "UPDATE_AND_CREATE_TOPIC_LIST: topicConfigList is empty");
      }
      for (const config of topicConfigList) checkMayUpdate(parts, config);
      topics.updateAll(topicConfigList.filter((config) => !isSame(topics.find(config.topicName), topics.checked(config))));
      await parts.nameServersTold();
      return {};
    },

    async UPDATE_AND_CREATE_STATIC_TOPIC(_context, { header, body }) {
      const config = configOf(header);
      checkMayUpdate(parts, config);
      topics.checked(config);
      topics.mappings.update({ ...topicQueueMappingDetail.decode(body), topic: config.topicName }, header.force);
      // Always: its registration tells the nameservers of the mapping.
      topics.update(config);
      await parts.nameServersTold();
      return {};
    },

    GET_ALL_TOPIC_CONFIG(_context, { header }) {
      const all = topics.all();
      const shown = page(all, {
        from: header.topicSeq,
        count: header.maxTopicNum,
        version: header.dataVersion,
        current: topics.dataVersion,
        settings,
      });
      const wrapper = {
        dataVersion: topics.dataVersion,
        mappingDataVersion: topics.mappings.dataVersion,
        topicConfigTable: shown,
        topicQueueMappingDetailMap: new Map(topics.mappings.all()),
        topicQueueMappingInfoMap: topics.mappings.infosOf(topics.mappings.all().keys()),
      };
      // Keys in quotes: clients that know no mappings pass over these members, and fastjson passes over no bare keys.
      const body = topicConfigAndMappingSerializeWrapper.encode(wrapper, { form: "strict" });
      return { header: { totalTopicNum: all.size }, body };
    },

    GET_TOPIC_CONFIG(_context, { header }) {
      const config = topics.find(header.topic);
      if (config === undefined) {
        throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `No topic in this broker. topic: ${header.topic}`);
      }
      const known = { ...config, mappingDetail: topics.mappings.find(header.topic) };
      return { body: topicConfigAndQueueMapping.encode(known, { form: "strict" }) };
    },

    async DELETE_TOPIC_IN_BROKER(_context, { header }) {
      const { topic } = header;
      if (topic.trim() === "") throw new RemotingError(ResponseCode.INVALID_PARAMETER, "The specified topic is blank.");
      if (settings.validateSystemTopicWhenUpdateTopic) refuseSystemTopic(parts, topic);
      deleteTopicWithRetries(parts, topic);
      await parts.nameServersTold();
      return {};
    },

    GET_SYSTEM_TOPIC_LIST_FROM_BROKER() {
      const names = new Set([...topics.systemTopics()]);
      for (const name of topics.all().keys()) if (isSystemTopicName(name)) names.add(name);
      return { body: topicList.encode({ topicList: names }) };
    },

    CLEAN_UNUSED_TOPIC() {
      const unknown = new Set(
        [...store.queues().keys()].filter((topic) => !topics.all().has(topic) && !topics.isSystemTopic(topic) && !isLmq(topic)),
      );
      if (unknown.size > 0) {
        parts.log.info("consume queues of unused topics removed", { topics: [...unknown].join(",") });
        store.deleteTopics(unknown);
      }
      return {};
    },
  };
}

function configOf(header: CreateTopicRequestHeader): TopicConfig {
  const { topicFilterType } = header;
  if (!(TOPIC_FILTER_TYPES as readonly string[]).includes(topicFilterType)) {
    throw new RemotingError(
      ResponseCode.SYSTEM_ERROR,
      `topicFilterType = [${topicFilterType}] value invalid: allowed is ${TOPIC_FILTER_TYPES.join(", ")}`,
    );
  }
  return {
    topicName: header.topic,
    readQueueNums: header.readQueueNums,
    writeQueueNums: header.writeQueueNums,
    perm: header.perm,
    topicFilterType: topicFilterType as TopicFilterType,
    topicSysFlag: header.topicSysFlag ?? 0,
    order: header.order,
    attributes: parseAttributes(header.attributes),
  };
}

function checkMayUpdate(parts: AdminParts, config: TopicConfig): void {
  const fault = topicFault(config.topicName);
  if (fault !== undefined) throw new RemotingError(ResponseCode.INVALID_PARAMETER, fault);
  if (parts.settings.validateSystemTopicWhenUpdateTopic) refuseSystemTopic(parts, config.topicName);
  if (!parts.settings.enableMixedMessageType && config.attributes["+message.type"] === "MIXED") {
    throw new RemotingError(ResponseCode.INVALID_PARAMETER, "MIXED message type is not supported.");
  }
}

function refuseSystemTopic({ topics }: AdminParts, topic: string): void {
  if (!topics.isSystemTopic(topic)) return;
  throw new RemotingError(ResponseCode.INVALID_PARAMETER, `The topic[${topic}] is conflict with system topic.`);
}

function deleteTopicWithRetries(parts: AdminParts, topic: string): void {
  const { topics, offsets, settings, store, stats, lite } = parts;
  if (lite.metadata.isParent(topic)) lite.lifecycle.removeBelow(topic);
  const doomed = [topic];
  if (settings.clearRetryTopicWhenDeleteTopic) {
    for (const group of offsets.groupsOf(topic)) {
      for (const retry of [popRetryTopicV2(topic, group), popRetryTopicV1(topic, group)]) {
        if (topics.find(retry) !== undefined) doomed.push(retry);
      }
    }
  }
  for (const name of doomed) {
    topics.delete(name);
    offsets.removeTopic(name);
    if (settings.autoDeleteUnusedStats) stats.topicDeleted(name);
  }
  // Else a crash would bring them back, and a consumer of a topic made anew would begin far behind its messages.
  offsets.persist();
  store.deleteTopics(new Set(doomed));
}

/** An update that changes nothing must not move the data version: every nameserver would be told. */
function isSame(a: TopicConfig | undefined, b: TopicConfig): boolean {
  if (a === undefined) return false;
  const keys = Object.keys(a.attributes);
  return (
    a.readQueueNums === b.readQueueNums &&
    a.writeQueueNums === b.writeQueueNums &&
    a.perm === b.perm &&
    a.topicFilterType === b.topicFilterType &&
    a.topicSysFlag === b.topicSysFlag &&
    a.order === b.order &&
    keys.length === Object.keys(b.attributes).length &&
    keys.every((key) => a.attributes[key] === b.attributes[key])
  );
}
