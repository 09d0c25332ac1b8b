/** Messages: found by id, key or place, given to a consumer again, and who has consumed them. */
import {
  type CheckRocksdbCqWriteResult,
  checkRocksdbCqWriteResult,
  type QueryConsumeQueueResponseBody,
  queryConsumeQueueResponseBody,
} from "../../../wire/bodies/consume_queue.ts";
import { type ConsumeMessageDirectlyResult, consumeMessageDirectlyResult } from "../../../wire/bodies/running_info.ts";
import { WireError } from "../../../wire/errors.ts";
import { queryMessageResponseHeader } from "../../../wire/headers/pull.ts";
import { hostPortText } from "../../../wire/host.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeMessageId } from "../../../wire/message_id.ts";
import { decodeRecord, decodeRecords } from "../../../wire/message_reader.ts";
import { isLmq } from "../../../wire/mix_all.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { expectSuccess, MQClientError, readReply } from "../errors.ts";
import { BODY_BYTES_MAX, MessageExt } from "../message.ts";
import type { AdminCalls } from "./admin_calls.ts";

export interface QueryMessage {
  readonly topic: string;
  readonly key: string;
  /** Messages at most, of each broker. */
  readonly maxNum: number;
  /** Store times, ms since 1970. */
  readonly begin: number;
  readonly end: number;
  /** A key (the default), a unique key, or a tag. */
  readonly indexType?: "K" | "U" | "T";
  /** Where the page before ended. */
  readonly lastKey?: string | undefined;
  /** Only this cluster's brokers; its topic stands in for those that have no route. */
  readonly clusterName?: string | undefined;
}

export interface QueryResult {
  /** Store time of the last indexed message, ms since 1970. */
  readonly indexLastUpdateTimestamp: number;
  /** Possibly none. */
  readonly messageList: MessageExt[];
}

/** How far back a message is looked for by its unique key: three days. */
const UNIQUE_KEY_AGE_MS = 259_200_000;
const UNIQUE_KEY_MESSAGES_MAX = 32;

export class MessageAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  // -------------------------------------------------------------------------------------------------------------- find

  /** By offsetMsgId, asked of the broker that it names. @throws MQClientError kind invalid for what is no such id */
  async viewMessageByOffsetId(topic: string, offsetMsgId: string): Promise<MessageExt> {
    const { host, port, physicalOffset } = offsetIdOf(offsetMsgId);
    const header = { topic, offset: physicalOffset };
    const address = hostPortText(host, port);
    const answer = await this.#calls.call(`find message ${offsetMsgId}`, address, "VIEW_MESSAGE_BY_ID", header);
    return new MessageExt(
      answer.read({ decode: decodeRecord }),
      "",
      this.#calls.client.runtime.compression,
      BODY_BYTES_MAX,
      true,
    );
  }

  /**
   * By offsetMsgId or, of the last three days, by unique key. @param clusterName only this cluster's brokers
   * @returns undefined when no broker has it
   */
  async viewMessage(topic: string, msgId: string, clusterName?: string): Promise<MessageExt | undefined> {
    try {
      return await this.viewMessageByOffsetId(topic, msgId);
    } catch (fault) {
      this.#calls.signal?.throwIfAborted();
      this.#calls.client.log.debug("not an offsetMsgId; looked for as a unique key", { msgId, reason: (fault as Error).message });
    }
    const begin = this.#calls.client.runtime.clock.now() - UNIQUE_KEY_AGE_MS;
    const found = await this.queryMessageByUniqKey({
      topic,
      key: msgId,
      begin,
      end: Number.MAX_SAFE_INTEGER,
      maxNum: UNIQUE_KEY_MESSAGES_MAX,
      clusterName,
    });
    return found.messageList[0];
  }

  /** By key, on all brokers of the topic; one that fails is logged and left out. */
  queryMessage(query: QueryMessage): Promise<QueryResult> {
    return this.#query(query, false);
  }

  queryMessageByUniqKey(query: Omit<QueryMessage, "indexType">): Promise<QueryResult> {
    return this.#query({ ...query, indexType: "U" }, true);
  }

  async #query(query: QueryMessage, byUniqueKey: boolean): Promise<QueryResult> {
    const { topic, key, maxNum, clusterName } = query;
    const route = await this.#calls.routeBy(topic, clusterName);
    // The queues of a light topic lie in the cluster's own one, and so does what is indexed of them.
    const header = {
      topic: isLmq(topic) && clusterName ? clusterName : topic,
      key,
      maxNum,
      beginTimestamp: query.begin,
      endTimestamp: query.end,
      indexType: query.indexType,
      lastKey: query.lastKey,
    };
    const tried = `find messages by ${byUniqueKey ? "unique key" : "key"} "${key}" in topic "${topic}"`;
    const messageList: MessageExt[] = [];
    let indexLastUpdateTimestamp = 0;
    const brokers = route.brokerDatas.filter(({ cluster }) => !clusterName || isLmq(topic) || cluster === clusterName);
    const addresses = this.#calls.addressesOf({ ...route, brokerDatas: brokers });
    await this.#calls.tolerantly("finding messages by key", addresses, async (address) => {
      const options = { timeoutMs: this.#calls.timeoutMs * 3, extFields: { _UNIQUE_KEY_QUERY: String(byUniqueKey) } };
      const reply = await this.#calls.invoke(tried, address, "QUERY_MESSAGE", header, options);
      if (reply.code === ResponseCode.QUERY_NOT_FOUND) return;
      const { body, extFields } = expectSuccess(tried, address, reply);
      const brokerName = brokers.find(({ brokerAddrs }) => [...brokerAddrs.values()].includes(address))?.brokerName ?? "";
      const { compression } = this.#calls.client.runtime;
      for (const record of readReply(tried, address, () => decodeRecords(body))) {
        const message = new MessageExt(record, brokerName, compression, BODY_BYTES_MAX, true);
        // The index knows hashes only, and an old broker does not compare.
        if (isFound(message, query, byUniqueKey)) messageList.push(message);
      }
      const { indexLastUpdateTimestamp: updated } = readReply(tried, address, () => queryMessageResponseHeader.decode(extFields));
      indexLastUpdateTimestamp = Math.max(indexLastUpdateTimestamp, updated);
    });
    return { indexLastUpdateTimestamp, messageList };
  }

  /** Entries of a consume queue from `index` on. @param consumerGroup says also which of them its subscription takes */
  async queryConsumeQueue(
    brokerAddr: string,
    topic: string,
    queueId: number,
    index: number,
    count: number,
    consumerGroup?: string,
  ): Promise<QueryConsumeQueueResponseBody> {
    const tried = `read the consume queue ${queueId} of topic "${topic}"`;
    const header = { topic, queueId, index, count, consumerGroup };
    return (await this.#calls.call(tried, brokerAddr, "QUERY_CONSUME_QUEUE", header)).read(queryConsumeQueueResponseBody);
  }

  // --------------------------------------------------------------------------------------------------------------- act

  /**
   * Lets one consumer consume a message, now.
   * @throws MQClientError kind invalid when no broker has the message
   */
  async consumeMessageDirectly(
    consumerGroup: string,
    clientId: string,
    topic: string,
    msgId: string,
    clusterName?: string,
  ): Promise<ConsumeMessageDirectlyResult> {
    const { storeHost, offsetMsgId } = await this.#found(topic, msgId, clusterName);
    const tried = `let ${clientId} of group "${consumerGroup}" consume message ${msgId}`;
    const header = { consumerGroup, clientId, topic, msgId: offsetMsgId };
    const answer = await this.#calls.call(tried, storeHost, "CONSUME_MESSAGE_DIRECTLY", header);
    return answer.read(consumeMessageDirectlyResult);
  }

  /** Puts a half message whose checks were given up among those to be checked again. @returns false when the broker can't */
  async resumeCheckHalfMessage(topic: string, msgId: string): Promise<boolean> {
    const { storeHost, offsetMsgId } = await this.#found(topic, msgId, undefined);
    const tried = `let half message ${msgId} be checked again`;
    const header = { topic, msgId: offsetMsgId };
    const reply = await this.#calls.invoke(tried, storeHost, "RESUME_CHECK_HALF_MESSAGE", header);
    if (reply.code === ResponseCode.SUCCESS) return true;
    this.#calls.client.log.warn("a half message is not checked again", { msgId, broker: storeHost, reason: reply.remark ?? "" });
    return false;
  }

  async #found(topic: string, msgId: string, clusterName: string | undefined): Promise<MessageExt> {
    const found = await this.viewMessage(topic, msgId, clusterName);
    if (found !== undefined) return found;
    throw new MQClientError("invalid", `No broker of topic "${topic}" has message ${msgId}, by offset or by unique key`);
  }

  // ----------------------------------------------------------------------------------------------------------- RocksDB

  /**
   * How far a broker that writes consume queues into RocksDB too is with it. Apache's answers that the check is in progress (2)
   * and writes the result into its log; EdgeMQ's, which writes none there, that all is well (0).
   */
  async checkRocksdbCqWriteProgress(
    brokerAddr: string,
    topic: string,
    checkStoreTime: number,
  ): Promise<CheckRocksdbCqWriteResult> {
    const tried = `compare the consume queues of topic "${topic}" with those in RocksDB`;
    const header = { topic, checkStoreTime };
    const answer = await this.#calls.call(tried, brokerAddr, "CHECK_ROCKSDB_CQ_WRITE_PROGRESS", header);
    return answer.read(checkRocksdbCqWriteResult);
  }
}

function offsetIdOf(offsetMsgId: string) {
  try {
    return decodeMessageId(offsetMsgId);
  } catch (fault) {
    if (fault instanceof WireError) throw new MQClientError("invalid", `Not an offsetMsgId: ${fault.message}`, fault);
    throw fault;
  }
}

function isFound(message: MessageExt, { key, indexType = "K" }: QueryMessage, byUniqueKey: boolean): boolean {
  if (byUniqueKey) return message.msgId === key;
  if (indexType === "T") return message.tags === key;
  if (message.properties.get(MessageConst.UNIQ_KEY) === key) return true;
  return message.keys?.split(" ").includes(key) === true;
}
