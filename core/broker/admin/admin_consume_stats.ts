/** Where topics and groups stand: codes 202, 208, 303, 315 and 317. */
import {
  type ConsumeStats,
  consumeStats,
  consumeStatsList,
  type OffsetWrapper,
  type QueueTimeSpan,
  queryConsumeTimeSpanBody,
  type TopicOffset,
  topicStatsTable,
} from "../../../wire/bodies/consume_stats.ts";
import type { QueueTable } from "../../../wire/bodies/message_queue.ts";
import { brokerStatsData } from "../../../wire/bodies/stats.ts";
import type { TopicConfig } from "../../../wire/bodies/topic.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { AdminParts } from "./admin_parts.ts";

type StatsProcessors = Pick<
  ProcessorMap<"broker">,
  "GET_TOPIC_STATS_INFO" | "GET_CONSUME_STATS" | "GET_BROKER_CONSUME_STATS" | "QUERY_CONSUME_TIME_SPAN" | "VIEW_BROKER_STATS_DATA"
>;

export function consumeStatsProcessors(parts: AdminParts): StatsProcessors {
  const { topics, groups, offsets, stats, store, settings } = parts;
  return {
    async GET_TOPIC_STATS_INFO(_context, { header }) {
      const { topic } = header;
      const config = topicOf(parts, topic);
      const offsetTable: QueueTable<TopicOffset> = [];
      for (let queueId = 0; queueId < Math.max(config.readQueueNums, config.writeQueueNums); queueId++) {
        const queue = { topic, queueId };
        const maxOffset = store.maxOffset(queue);
        const lastUpdateTimestamp = maxOffset > 0 ? Math.max(0, await store.storeTimeAt(queue, maxOffset - 1)) : 0;
        offsetTable.push([
          { topic, brokerName: settings.brokerName, queueId },
          { minOffset: Math.max(0, store.minOffset(queue)), maxOffset, lastUpdateTimestamp },
        ]);
      }
      return { body: topicStatsTable.encode({ topicPutTps: stats.topicPutTps(topic), offsetTable }) };
    },

    async GET_CONSUME_STATS(_context, { header }) {
      const { consumerGroup } = header;
      const all: ConsumeStats = { offsetTable: [], consumeTps: 0 };
      for (const topic of topicsAsked(parts, consumerGroup, header.topic, header.topicList)) {
        const config = topics.find(topic);
        if (config === undefined) continue;
        const one = await statsOf(parts, consumerGroup, config);
        all.offsetTable.push(...one.offsetTable);
        all.consumeTps += one.consumeTps;
      }
      return { body: consumeStats.encode(all) };
    },

    async GET_BROKER_CONSUME_STATS(_context, { header }) {
      const list: Map<string, ConsumeStats[]>[] = [];
      let totalDiff = 0;
      let totalInflightDiff = 0;
      for (const group of [...groups.all().keys()]) {
        const ofGroup: ConsumeStats[] = [];
        for (const topic of subscribedOnly(parts, group, offsets.topicsOf(group))) {
          const config = topics.find(topic);
          if (config === undefined || (header.isOrder && !config.order)) continue;
          const one = await statsOf(parts, group, config);
          for (const [, { brokerOffset, consumerOffset, pullOffset }] of one.offsetTable) {
            totalDiff += brokerOffset - consumerOffset;
            totalInflightDiff += pullOffset - consumerOffset;
          }
          ofGroup.push(one);
        }
        list.push(new Map([[group, ofGroup]]));
      }
      const brokerAddr = parts.registeredAddress();
      return { body: consumeStatsList.encode({ consumeStatsList: list, brokerAddr, totalDiff, totalInflightDiff }) };
    },

    async QUERY_CONSUME_TIME_SPAN(_context, { header }) {
      const { topic, group } = header;
      const config = topicOf(parts, topic);
      const consumeTimeSpanSet: QueueTimeSpan[] = [];
      for (let queueId = 0; queueId < config.writeQueueNums; queueId++) {
        const queue = { topic, queueId };
        const minTimeStamp = await store.earliestStoreTime(queue);
        const maxOffset = store.maxOffset(queue);
        const maxTimeStamp = await store.storeTimeAt(queue, maxOffset - 1);
        const consumed = offsets.query(group, topic, queueId);
        const consumeTimeStamp = consumed > 0 ? await store.storeTimeAt(queue, consumed - 1) : minTimeStamp;
        const behind = Math.max(0, consumed) < maxOffset;
        const nextTime = behind ? await store.storeTimeAt(queue, Math.max(0, consumed)) : -1;
        consumeTimeSpanSet.push({
          messageQueue: { topic, brokerName: settings.brokerName, queueId },
          minTimeStamp,
          maxTimeStamp,
          consumeTimeStamp,
          delayTime: nextTime > 0 ? parts.runtime.clock.now() - nextTime : 0,
        });
      }
      return { body: queryConsumeTimeSpanBody.encode({ consumeTimeSpanSet }) };
    },

    VIEW_BROKER_STATS_DATA(_context, { header }) {
      const { statsName, statsKey } = header;
      const data = stats.view(statsName, statsKey);
      if (data === undefined) {
        throw new RemotingError(ResponseCode.SYSTEM_ERROR, `The stats <${statsName}> <${statsKey}> not exist`);
      }
      return { body: brokerStatsData.encode(data) };
    },
  };
}

function topicOf({ topics }: AdminParts, topic: string): TopicConfig {
  const config = topics.find(topic);
  if (config === undefined) throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist`);
  return config;
}

/** `topicList` (names joined by `;`) before `topic` before everything the group has offsets for. */
function topicsAsked(
  parts: AdminParts,
  group: string,
  topic: string | undefined,
  topicList: string | undefined,
): Iterable<string> {
  const listed = (topicList ?? "").split(";").filter((name) => name.trim() !== "");
  if (listed.length > 0) return subscribedOnly(parts, group, new Set(listed));
  const one = topic === undefined || topic.trim() === "" ? parts.offsets.topicsOf(group) : new Set([topic]);
  return subscribedOnly(parts, group, one);
}

/** While consumers of the group are there, topics that they no longer subscribe to are left out. */
function subscribedOnly({ consumers }: AdminParts, group: string, names: ReadonlySet<string>): string[] {
  const live = consumers.group(group);
  if (live === undefined || live.subscriptions.size === 0) return [...names];
  return [...names].filter((name) => live.subscriptions.has(name));
}

async function statsOf(parts: AdminParts, group: string, config: TopicConfig): Promise<ConsumeStats> {
  const { offsets, store, stats, settings } = parts;
  const topic = config.topicName;
  const offsetTable: QueueTable<OffsetWrapper> = [];
  for (let queueId = 0; queueId < config.readQueueNums; queueId++) {
    const queue = { topic, queueId };
    const consumerOffset = Math.max(0, offsets.query(group, topic, queueId));
    const pullOffset = Math.max(consumerOffset, offsets.pulled(group, topic, queueId));
    const lastTimestamp = consumerOffset > 0 ? Math.max(0, await store.storeTimeAt(queue, consumerOffset - 1)) : 0;
    offsetTable.push([
      { topic, brokerName: settings.brokerName, queueId },
      { brokerOffset: store.maxOffset(queue), consumerOffset, pullOffset, lastTimestamp },
    ]);
  }
  return { offsetTable, consumeTps: stats.groupGetTps(group, topic) };
}
