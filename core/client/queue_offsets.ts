/** Questions about the offsets of one queue, asked at its master; `timeoutMs` of the call there is the client's unless it is given. */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import { queryConsumerOffsetResponseHeader } from "../../wire/headers/offset.ts";
import { RETRY_PREFIX } from "../../wire/mix_all.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import type { ClientInstance } from "./client_instance.ts";
import { expectSuccess, readReply } from "./errors.ts";
import { queueText } from "./topic_route.ts";

/** Where a group begins on a queue of which it has consumed nothing. */
export type ConsumeFromWhere = "CONSUME_FROM_LAST_OFFSET" | "CONSUME_FROM_FIRST_OFFSET" | "CONSUME_FROM_TIMESTAMP";

/** The offset after the last message. */
export async function maxOffset(
  client: ClientInstance,
  queue: MessageQueue,
  signal?: AbortSignal,
  timeoutMs?: number,
): Promise<number> {
  const { topic, queueId } = queue;
  const address = await client.masterOf(queue, signal);
  const fields = { topic, queueId, committed: true, bname: client.brokerNameOf(queue) };
  return (await client.call(`find the end of ${queueText(queue)}`, address, "GET_MAX_OFFSET", fields, { signal, timeoutMs }))
    .header.offset;
}

/** The offset of the first message that is still there. */
export async function minOffset(
  client: ClientInstance,
  queue: MessageQueue,
  signal?: AbortSignal,
  timeoutMs?: number,
): Promise<number> {
  const { topic, queueId } = queue;
  const address = await client.masterOf(queue, signal);
  const fields = { topic, queueId, bname: client.brokerNameOf(queue) };
  return (await client.call(`find the begin of ${queueText(queue)}`, address, "GET_MIN_OFFSET", fields, { signal, timeoutMs }))
    .header.offset;
}

/** The offset of the first message stored at `timestamp` (ms since 1970) or later. */
export async function searchOffset(
  client: ClientInstance,
  queue: MessageQueue,
  timestamp: number,
  signal?: AbortSignal,
  timeoutMs?: number,
): Promise<number> {
  const { topic, queueId } = queue;
  const address = await client.masterOf(queue, signal);
  const fields = { topic, queueId, timestamp, bname: client.brokerNameOf(queue) };
  const tried = `find the offset of ${timestamp} in ${queueText(queue)}`;
  return (await client.call(tried, address, "SEARCH_OFFSET_BY_TIMESTAMP", fields, { signal, timeoutMs })).header.offset;
}

/** What `consumerGroup` committed; undefined when it has committed nothing. */
export async function committedOffset(client: ClientInstance, consumerGroup: string, queue: MessageQueue, signal?: AbortSignal) {
  const { topic, queueId } = queue;
  const tried = `read the offset of group "${consumerGroup}" in ${queueText(queue)}`;
  const address = await client.masterOf(queue, signal);
  const fields = { consumerGroup, topic, queueId, bname: client.brokerNameOf(queue) };
  const reply = await client.invoke(tried, address, "QUERY_CONSUMER_OFFSET", fields, { signal });
  if (reply.code === ResponseCode.QUERY_NOT_FOUND) return undefined;
  const { extFields } = expectSuccess(tried, address, reply);
  return readReply(tried, address, () => queryConsumerOffsetResponseHeader.decode(extFields)).offset;
}

/** Where a group that committed nothing begins. A retry topic is read from its begin: all of it is this group's. */
export function initialOffset(
  client: ClientInstance,
  queue: MessageQueue,
  from: { consumeFromWhere: ConsumeFromWhere; consumeTimestamp: number },
  signal?: AbortSignal,
): Promise<number> {
  if (queue.topic.startsWith(RETRY_PREFIX) || from.consumeFromWhere === "CONSUME_FROM_FIRST_OFFSET")
    return minOffset(client, queue, signal);
  if (from.consumeFromWhere === "CONSUME_FROM_LAST_OFFSET") return maxOffset(client, queue, signal);
  return searchOffset(client, queue, from.consumeTimestamp, signal);
}
