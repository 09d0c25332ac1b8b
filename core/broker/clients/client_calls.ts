/**
 * What an administrator asks of a client and the broker passes on over the client's connection: running info (307), one
 * message consumed at once (309), offsets as the client sees them (221), offsets reset in the client (220).
 */
import type { QueueTable } from "../../../wire/bodies/message_queue.ts";
import { getConsumerStatusBody, resetOffsetBody, resetOffsetBodyForC } from "../../../wire/bodies/offset.ts";
import type { ResetOffsetRequestHeader } from "../../../wire/headers/offset.ts";
import { decodeMessageId } from "../../../wire/message_id.ts";
import { LANGUAGES } from "../../../wire/remoting_command.ts";
import type { RequestHeaderOf } from "../../../wire/requests.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { V3_0_7_SNAPSHOT, V3_1_8_SNAPSHOT } from "../../../wire/version.ts";
import { type PeerReply, type ProcessorMap, RemotingError, RemotingFault, type TypedReply } from "../../remoting/processor.ts";
import type { AdminParts } from "../admin/admin_parts.ts";

/** A client's answer is waited for so long; Apache's value. */
const CALL_TIMEOUT_MS = 10_000;
const STATUS_TIMEOUT_MS = 5_000;

export function clientCallProcessors(
  parts: AdminParts,
): Pick<ProcessorMap<"broker">, "GET_CONSUMER_RUNNING_INFO" | "CONSUME_MESSAGE_DIRECTLY"> {
  const { settings, store, topics, groups } = parts;
  return {
    GET_CONSUMER_RUNNING_INFO(_context, { header, body }) {
      return callConsumer(parts, "GET_CONSUMER_RUNNING_INFO", header.consumerGroup, header.clientId, header, body.slice());
    },

    async CONSUME_MESSAGE_DIRECTLY(_context, { header }) {
      const { msgId = "", clientId = "", consumerGroup, topic } = header;
      const { physicalOffset: offset } = decodeMessageId(msgId);
      const record = await store.recordAt(offset);
      if (record === undefined) {
        throw new RemotingError(
          ResponseCode.SYSTEM_ERROR,
          `cannot consume ${msgId} directly: there is no message at offset ${offset} of the commit log`,
        );
      }
      const forwarded = {
        ...header,
        brokerName: settings.brokerName,
        ...(topic === undefined ? {} : { topicSysFlag: topics.find(topic)?.topicSysFlag ?? 0 }),
        groupSysFlag: groups.find(consumerGroup)?.groupSysFlag ?? 0,
      };
      return callConsumer(parts, "CONSUME_MESSAGE_DIRECTLY", consumerGroup, clientId, forwarded, record);
    },
  };
}

/** Passes a request on to one client of a group, and its answer back. */
async function callConsumer<N extends "GET_CONSUMER_RUNNING_INFO" | "CONSUME_MESSAGE_DIRECTLY">(
  { consumers }: AdminParts,
  name: N,
  group: string,
  clientId: string,
  header: RequestHeaderOf<N>,
  body: Uint8Array,
): Promise<TypedReply<N>> {
  const channel = consumers.channel(group, clientId);
  if (channel === undefined) {
    throw new RemotingError(ResponseCode.SYSTEM_ERROR, `The Consumer <${group}> <${clientId}> not online`);
  }
  if (channel.version < V3_1_8_SNAPSHOT) {
    throw new RemotingError(
      ResponseCode.SYSTEM_ERROR,
      `The Consumer <${clientId}> Version <${channel.version}> too low to finish, please upgrade it to V3_1_8_SNAPSHOT`,
    );
  }
  try {
    const { code, remark, extFields, body: answer } = await channel.peer.invoke(name, header, body, CALL_TIMEOUT_MS);
    return { code, remark, body: answer, ...(extFields === undefined ? {} : { extFields }) };
  } catch (fault) {
    if (!(fault instanceof RemotingFault)) throw fault;
    throw fault.kind === "timeout"
      ? new RemotingError(ResponseCode.CONSUME_MSG_TIMEOUT, `consumer <${group}> <${clientId}> Timeout: ${fault.message}`)
      : new RemotingError(ResponseCode.SYSTEM_ERROR, `invoke consumer <${group}> <${clientId}> Exception: ${fault.message}`);
  }
}

/**
 * Offsets of a topic as the clients of a group see them, by client id.
 * @param onlyClient The one client to ask; all of the group when blank.
 * @throws RemotingError SYSTEM_ERROR when nobody of the group is there, or a client is too old.
 */
export async function consumerStatusOf(
  { consumers, log }: AdminParts,
  group: string,
  topic: string,
  onlyClient: string | undefined,
): Promise<Map<string, QueueTable<number>>> {
  const live = consumers.group(group);
  if (live === undefined) {
    throw new RemotingError(ResponseCode.SYSTEM_ERROR, `No Any Consumer online in the consumer group: [${group}]`);
  }
  const asked = [...live.channels.values()].filter(({ clientId }) => !onlyClient?.trim() || clientId === onlyClient);
  const old = asked.find(({ version }) => version < V3_0_7_SNAPSHOT);
  if (old !== undefined) {
    throw new RemotingError(
      ResponseCode.SYSTEM_ERROR,
      `the client does not support this feature. client=${old.clientId} version=${old.version}`,
    );
  }
  const tables = new Map<string, QueueTable<number>>();
  const answers = asked.map(async ({ clientId, peer }) => {
    let reply: PeerReply;
    try {
      reply = await peer.invoke("GET_CONSUMER_STATUS_FROM_CLIENT", { topic, group }, undefined, STATUS_TIMEOUT_MS);
    } catch (fault) {
      log.warn("a client did not tell its offsets", { group, topic, clientId, reason: (fault as Error).message });
      return;
    }
    if (reply.code !== ResponseCode.SUCCESS || reply.body.length === 0) return;
    tables.set(clientId, getConsumerStatusBody.decode(reply.body).messageQueueTable);
  });
  await Promise.all(answers);
  return tables;
}

/** useServerSideResetOffset=false: the clients of the group are told their new offsets; they must be there. */
export async function resetInClients(
  parts: AdminParts,
  header: ResetOffsetRequestHeader,
  language: number,
): Promise<TypedReply<"INVOKE_BROKER_TO_RESET_OFFSET">> {
  const { topics, offsets, store, consumers, settings } = parts;
  const { topic, group, timestamp, isForce } = header;
  const config = topics.find(topic);
  if (config === undefined) {
    throw new RemotingError(
      ResponseCode.SYSTEM_ERROR,
      `[reset-offset] reset offset failed, no topic in this broker. topic=${topic}`,
    );
  }
  const offsetTable: QueueTable<number> = [];
  for (let queueId = 0; queueId < config.writeQueueNums; queueId++) {
    const queue = { topic, queueId };
    const consumed = offsets.query(group, topic, queueId);
    if (consumed === -1) {
      throw new RemotingError(ResponseCode.SYSTEM_ERROR, `THe consumer group <${group}> not exist`);
    }
    const atTime = timestamp === -1 ? store.maxOffset(queue) : Math.max(0, await store.offsetByTime(queue, timestamp, "LOWER"));
    offsetTable.push([{ topic, brokerName: settings.brokerName, queueId }, isForce ? atTime : Math.min(atTime, consumed)]);
  }
  const live = consumers.group(group);
  if (live === undefined) {
    throw new RemotingError(
      ResponseCode.CONSUMER_NOT_ONLINE,
      `Consumer not online, so can not reset offset. Group: ${group} Topic: ${topic} Timestamp: ${timestamp}`,
    );
  }
  const isC = LANGUAGES[language] === "CPP";
  const body = isC
    ? resetOffsetBodyForC.encode({ offsetTable: offsetTable.map(([queue, offset]) => ({ ...queue, offset })) })
    : resetOffsetBody.encode({ offsetTable });
  for (const { peer, version, clientId } of live.channels.values()) {
    if (version < V3_0_7_SNAPSHOT) {
      throw new RemotingError(
        ResponseCode.SYSTEM_ERROR,
        `the client does not support this feature. client=${clientId} version=${version}`,
      );
    }
    peer.oneway("RESET_CONSUMER_CLIENT_OFFSET", { topic, group, timestamp, queueId: -1, isForce }, body);
  }
  return { body: resetOffsetBody.encode({ offsetTable }) };
}
