/** Offsets: of queues, looked up; of groups, set, reset by time, cloned. */
import type { OffsetWrapper, RollbackStats } from "../../../wire/bodies/consume_stats.ts";
import { consumeStats, topicStatsTable } from "../../../wire/bodies/consume_stats.ts";
import type { MessageQueue, QueueTable } from "../../../wire/bodies/message_queue.ts";
import { getConsumerStatusBody, resetOffsetBody } from "../../../wire/bodies/offset.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { LANGUAGE_CPP } from "../../../wire/remoting_command.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { MQBrokerError } from "../errors.ts";
import { maxOffset, minOffset, searchOffset } from "../queue_offsets.ts";
import { type AdminCalls, type BrokerOperatorResult, timeout } from "./admin_calls.ts";

export interface ResetByTime {
  readonly topic: string;
  readonly group: string;
  /** Store time to go to, ms since 1970; -1: the end of each queue. */
  readonly timestamp: number;
  /** Also forward; default true. */
  readonly isForce?: boolean;
  /** The members are clients in C++, which read another form; default false. */
  readonly isC?: boolean;
  /** Stands in for light queues and the timer's topic, which have no route. */
  readonly clusterName?: string | undefined;
}

export class OffsetAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  // ------------------------------------------------------------------------------------------------------------ queues

  /** The offset of the first message stored at `timestamp` (ms since 1970) or later; UPPER: of the last one until then. */
  async searchOffset(queue: MessageQueue, timestamp: number, boundaryType: "LOWER" | "UPPER" = "LOWER"): Promise<number> {
    const { client, signal, timeoutMs } = this.#calls;
    if (boundaryType === "LOWER") return searchOffset(client, queue, timestamp, signal, timeoutMs);
    return this.searchOffsetAt(await this.#calls.masterOf(queue), queue, timestamp, boundaryType);
  }

  /** The same, asked at this broker. */
  async searchOffsetAt(
    brokerAddr: string,
    { topic, queueId, brokerName }: MessageQueue,
    timestamp: number,
    boundaryType: "LOWER" | "UPPER" = "LOWER",
    timeoutMs?: number,
  ): Promise<number> {
    const header = { topic, queueId, timestamp, boundaryType, bname: brokerName };
    const tried = `find the offset of ${timestamp} in queue ${queueId} of topic "${topic}"`;
    const answer = await this.#calls.call(tried, brokerAddr, "SEARCH_OFFSET_BY_TIMESTAMP", header, timeout(timeoutMs));
    return answer.header.offset;
  }

  /** The offset after the last message. */
  maxOffset(queue: MessageQueue): Promise<number> {
    const { client, signal, timeoutMs } = this.#calls;
    return maxOffset(client, queue, signal, timeoutMs);
  }

  /** The offset of the first message that is still there. */
  minOffset(queue: MessageQueue): Promise<number> {
    const { client, signal, timeoutMs } = this.#calls;
    return minOffset(client, queue, signal, timeoutMs);
  }

  /** Of the first message, ms since 1970; -1 when there is none. */
  async earliestMsgStoreTime(queue: MessageQueue): Promise<number> {
    const { topic, queueId, brokerName } = queue;
    const address = await this.#calls.masterOf(queue);
    const tried = `find the time of the first message in queue ${queueId} of topic "${topic}"`;
    const header = { topic, queueId, bname: brokerName };
    return (await this.#calls.call(tried, address, "GET_EARLIEST_MSG_STORETIME", header)).header.timestamp;
  }

  // ------------------------------------------------------------------------------------------------------------ groups

  /** Stores an offset. Members that are connected go on where they are. */
  async updateConsumeOffset(brokerAddr: string, consumerGroup: string, queue: MessageQueue, offset: number): Promise<void> {
    const { topic, queueId, brokerName } = queue;
    const tried = `set the offset of group "${consumerGroup}" in queue ${queueId} of topic "${topic}"`;
    const header = { consumerGroup, topic, queueId, commitOffset: offset, bname: brokerName };
    await this.#calls.call(tried, brokerAddr, "UPDATE_CONSUMER_OFFSET", header);
  }

  /** Lets the broker tell the members of the group, or keep it for their next pull. @returns where each queue goes on */
  async resetOffsetByTimestamp(input: ResetByTime): Promise<QueueTable<number>> {
    const route = await this.#calls.routeBy(input.topic, input.clusterName);
    const addresses = this.#calls.addressesOf(route);
    return (await Promise.all(addresses.map((address) => this.#resetAt(address, input)))).flat();
  }

  /** `resetOffsetByTimestamp`, and where nobody is connected `resetOffsetByTimestampOld`. */
  async resetOffsetNew(consumerGroup: string, topic: string, timestamp: number): Promise<void> {
    const input = { topic, group: consumerGroup, timestamp };
    try {
      await this.resetOffsetByTimestamp(input);
    } catch (fault) {
      if (!(fault instanceof MQBrokerError) || fault.responseCode !== ResponseCode.CONSUMER_NOT_ONLINE) throw fault;
      await this.resetOffsetByTimestampOld(input);
    }
  }

  /** The same; says which brokers did it. A broker that never saw the group counts as done. */
  async resetOffsetNewConcurrent(group: string, topic: string, timestamp: number): Promise<BrokerOperatorResult> {
    const input = { topic, group, timestamp };
    const route = await this.#calls.route(topic);
    return this.#calls.tolerantly("resetting offsets", this.#calls.addressesOf(route), async (address) => {
      try {
        await this.#resetAt(address, input);
      } catch (fault) {
        if (!(fault instanceof MQBrokerError)) throw fault;
        if (fault.responseCode === ResponseCode.CONSUMER_NOT_ONLINE) await this.#resetOldAt(address, input);
        else if (fault.responseCode !== ResponseCode.SYSTEM_ERROR) throw fault;
      }
    });
  }

  /** Stores the offsets, for a group that nobody of is connected. */
  async resetOffsetByTimestampOld(input: ResetByTime): Promise<RollbackStats[]> {
    const route = await this.#calls.routeBy(input.topic, input.clusterName);
    const addresses = this.#calls.addressesOf(route);
    return (await Promise.all(addresses.map((address) => this.#resetOldAt(address, input)))).flat();
  }

  /** One queue on one broker: stored, and told to the members. */
  async resetOffsetByQueueId(
    brokerAddr: string,
    consumerGroup: string,
    topic: string,
    queueId: number,
    offset: number,
  ): Promise<void> {
    const tried = `reset the offset of group "${consumerGroup}" in queue ${queueId} of topic "${topic}"`;
    const committed = { consumerGroup, topic, queueId, commitOffset: offset };
    await this.#calls.call(tried, brokerAddr, "UPDATE_CONSUMER_OFFSET", committed);
    const told = { topic, group: consumerGroup, queueId, offset, timestamp: 0, isForce: false };
    await this.#calls.call(tried, brokerAddr, "INVOKE_BROKER_TO_RESET_OFFSET", told);
  }

  /** What the members of a group know, by client id. @param clientAddr only this client */
  async getConsumeStatus(topic: string, group: string, clientAddr?: string): Promise<Map<string, QueueTable<number>>> {
    const route = await this.#calls.route(topic);
    const [address] = this.#calls.addressesOf(route);
    if (address === undefined) return new Map();
    const tried = `ask the consumers of group "${group}" how far they are`;
    const header = { topic, group, clientAddr };
    const answer = await this.#calls.call(tried, address, "INVOKE_BROKER_TO_GET_CONSUMER_STATUS", header);
    return answer.body.length === 0 ? new Map() : answer.read(getConsumerStatusBody).consumerTable;
  }

  /** Gives `destGroup` the offsets of `srcGroup`. @param isOffline also in topics that no member is subscribed to */
  async cloneGroupOffset(srcGroup: string, destGroup: string, topic: string, isOffline: boolean): Promise<void> {
    const addresses = this.#calls.addressesOf(await this.#calls.route(RETRY_PREFIX + srcGroup));
    const tried = `clone the offsets of group "${srcGroup}" for group "${destGroup}"`;
    const header = { srcGroup, destGroup, topic, offline: isOffline };
    await Promise.all(addresses.map((address) => this.#calls.call(tried, address, "CLONE_GROUP_OFFSET", header)));
  }

  async #resetAt(
    address: string,
    { topic, group, timestamp, isForce = true, isC = false }: ResetByTime,
  ): Promise<QueueTable<number>> {
    const tried = `reset the offsets of group "${group}" in topic "${topic}"`;
    const header = { topic, group, timestamp, isForce, queueId: -1, offset: -1 };
    // The broker tells the members in the form that who asks for it speaks, as from Java's admin.
    const asker = isC ? { language: LANGUAGE_CPP } : {};
    const answer = await this.#calls.call(tried, address, "INVOKE_BROKER_TO_RESET_OFFSET", header, asker);
    return answer.body.length === 0 ? [] : answer.read(resetOffsetBody).offsetTable;
  }

  async #resetOldAt(address: string, input: ResetByTime): Promise<RollbackStats[]> {
    const { topic, group } = input;
    const tried = `reset the offsets of group "${group}" in topic "${topic}"`;
    const answer = await this.#calls.call(tried, address, "GET_CONSUME_STATS", { consumerGroup: group });
    const consumed = answer.read(consumeStats).offsetTable.filter(([queue]) => queue.topic === topic);
    const table = consumed.length > 0 ? consumed : await this.#untouched(address, topic);
    return Promise.all(table.map(([queue, offsets]) => this.#rollBack(address, input, queue, offsets)));
  }

  /** Every queue, as a group that consumed nothing sees it. */
  async #untouched(address: string, topic: string): Promise<QueueTable<OffsetWrapper>> {
    const answer = await this.#calls.call(`read the bounds of topic "${topic}"`, address, "GET_TOPIC_STATS_INFO", { topic });
    return answer
      .read(topicStatsTable)
      .offsetTable.map(([queue, offsets]) => [
        queue,
        { brokerOffset: offsets.maxOffset, consumerOffset: offsets.minOffset, pullOffset: 0, lastTimestamp: 0 },
      ]);
  }

  async #rollBack(
    address: string,
    { group, timestamp, isForce = true }: ResetByTime,
    queue: MessageQueue,
    { brokerOffset, consumerOffset }: OffsetWrapper,
  ): Promise<RollbackStats> {
    const timestampOffset =
      timestamp === -1 ? await this.#endOf(address, queue) : await this.searchOffsetAt(address, queue, timestamp);
    const moved = isForce || timestampOffset <= consumerOffset;
    if (moved) await this.updateConsumeOffset(address, group, queue, timestampOffset);
    const { brokerName, queueId } = queue;
    const rollbackOffset = moved ? timestampOffset : consumerOffset;
    return { brokerName, queueId, brokerOffset, consumerOffset, timestampOffset, rollbackOffset };
  }

  async #endOf(address: string, { topic, queueId, brokerName }: MessageQueue): Promise<number> {
    const header = { topic, queueId, committed: true, bname: brokerName };
    const tried = `find the end of queue ${queueId} of topic "${topic}"`;
    return (await this.#calls.call(tried, address, "GET_MAX_OFFSET", header)).header.offset;
  }
}
