/** Static topics: made on one broker, and what the offsets of their physical queues are in the topic's own, logic queues. */
import type { ConsumeStats, OffsetWrapper, TopicStatsTable } from "../../../wire/bodies/consume_stats.ts";
import type { MessageQueue, QueueTable } from "../../../wire/bodies/message_queue.ts";
import {
  type LogicQueueMappingItem,
  type TopicConfigAndQueueMapping,
  type TopicQueueMappingDetail,
  topicQueueMappingDetail,
} from "../../../wire/bodies/static_topic.ts";
import type { AdminCalls } from "./admin_calls.ts";
import { createTopicHeader, type TopicConfigInput } from "./create_topic.ts";

/** The broker name of logic queues: this, and the scope of the topic. */
const MOCK_BROKER_PREFIX = "__syslo__";
const GLOBAL_SCOPE = "__global__";

export class StaticTopicAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  /** One broker's part of a static topic. @param force without the usual checks against what the broker has */
  async createStaticTopic(
    brokerAddr: string,
    config: TopicConfigInput,
    mapping: TopicQueueMappingDetail,
    force = false,
  ): Promise<void> {
    const header = { ...createTopicHeader(config), force };
    const body = topicQueueMappingDetail.encode(mapping);
    const tried = `create static topic "${config.topicName}"`;
    await this.#calls.call(tried, brokerAddr, "UPDATE_AND_CREATE_STATIC_TOPIC", header, { body });
  }
}

/** A logic queue, as its leader keeps it: stretches of physical queues, the oldest first. */
interface LogicQueue {
  readonly queue: MessageQueue;
  readonly items: readonly LogicQueueMappingItem[];
}

/** Logic queues of a topic, as the leaders with the newest mapping say. */
function logicQueues(configs: Iterable<TopicConfigAndQueueMapping>): LogicQueue[] {
  const details = [...configs].map(({ mappingDetail }) => mappingDetail).filter((each) => each !== undefined);
  const found = new Map<number, LogicQueue>();
  for (const { topic, scope, bname, hostedQueues } of details.sort((a, b) => b.epoch - a.epoch)) {
    const brokerName = MOCK_BROKER_PREFIX + (scope === GLOBAL_SCOPE ? scope.slice(2) : scope);
    for (const [queueId, items] of hostedQueues) {
      if (items.at(-1)?.bname === bname) found.set(queueId, { queue: { topic, brokerName, queueId }, items });
    }
  }
  return [...found.values()];
}

/** Bounds of the logic queues, beside those of the physical ones. */
export function withLogicBounds(stats: TopicStatsTable, configs: Iterable<TopicConfigAndQueueMapping>): TopicStatsTable {
  const offsetTable = [...stats.offsetTable];
  for (const { queue, items } of logicQueues(configs)) {
    const decided = items.filter(({ logicOffset }) => logicOffset >= 0);
    const [first] = decided;
    const last = decided.at(-1);
    const begin = first && physical(stats.offsetTable, queue.topic, first);
    const end = last && physical(stats.offsetTable, queue.topic, last);
    if (!first || !last || !begin || !end) continue;
    const minOffset = Math.max(0, logicOffset(first, begin.minOffset, true));
    const maxOffset = Math.max(0, logicOffset(last, end.maxOffset, false));
    offsetTable.push([queue, { minOffset, maxOffset, lastUpdateTimestamp: end.lastUpdateTimestamp }]);
  }
  return { ...stats, offsetTable };
}

/** How far a group is in the logic queues of one topic. */
export function logicConsumeOffsets(
  { offsetTable }: ConsumeStats,
  configs: Iterable<TopicConfigAndQueueMapping>,
): QueueTable<OffsetWrapper> {
  const found: QueueTable<OffsetWrapper> = [];
  for (const { queue, items } of logicQueues(configs)) {
    let consumed: OffsetWrapper | undefined;
    let brokerOffset: number | undefined;
    for (const item of [...items].reverse()) {
      const offsets = physical(offsetTable, queue.topic, item);
      if (offsets === undefined) continue;
      if (consumed === undefined && offsets.consumerOffset >= 0) consumed = offsets;
      if (brokerOffset === undefined && item.logicOffset >= 0) brokerOffset = logicOffset(item, offsets.brokerOffset, false);
    }
    if (consumed === undefined || brokerOffset === undefined) continue;
    // The consumer's offset stays that of the physical queue, as in Apache's tools.
    const { consumerOffset, lastTimestamp } = consumed;
    found.push([queue, { brokerOffset, consumerOffset, pullOffset: 0, lastTimestamp }]);
  }
  return found;
}

const physical = <T>(table: QueueTable<T>, topic: string, { bname, queueId }: LogicQueueMappingItem): T | undefined =>
  table.find(([queue]) => queue.topic === topic && queue.brokerName === bname && queue.queueId === queueId)?.[1];

/** @param loosely an offset beyond the stretch is its end */
function logicOffset(item: LogicQueueMappingItem, physicalOffset: number, loosely: boolean): number {
  const { logicOffset: begin, startOffset, endOffset } = item;
  if (physicalOffset < startOffset) return begin;
  const beyond = loosely && endOffset >= startOffset && endOffset < physicalOffset;
  return begin + (beyond ? endOffset : physicalOffset) - startOffset;
}
