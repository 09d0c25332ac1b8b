/** Offsets for administrators: list (43, 45), reset (222), ask clients (223), correct (308), clone (314). */
import {
  type GetConsumerStatusBody,
  getConsumerStatusBody,
  queryCorrectionOffsetBody,
  resetOffsetBody,
} from "../../../wire/bodies/offset.ts";
import { encodeUtf8 } from "../../../wire/bytes.ts";
import type { ResetOffsetRequestHeader } from "../../../wire/headers/offset.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import { consumerStatusOf, resetInClients } from "../clients/client_calls.ts";
import type { AdminParts } from "./admin_parts.ts";

type OffsetProcessors = Pick<
  ProcessorMap<"broker">,
  | "GET_ALL_CONSUMER_OFFSET"
  | "GET_ALL_DELAY_OFFSET"
  | "INVOKE_BROKER_TO_RESET_OFFSET"
  | "INVOKE_BROKER_TO_GET_CONSUMER_STATUS"
  | "QUERY_CORRECTION_OFFSET"
  | "CLONE_GROUP_OFFSET"
>;

/** The group is beyond all others: it is not to be corrected. Apache's Long.MAX_VALUE, as far as numbers go. */
const NO_CORRECTION = Number.MAX_SAFE_INTEGER;

export function adminOffsetProcessors(parts: AdminParts): OffsetProcessors {
  const { offsets, topics, consumers, settings } = parts;
  return {
    GET_ALL_CONSUMER_OFFSET() {
      return { body: encodeUtf8(offsets.toJson()) };
    },

    GET_ALL_DELAY_OFFSET() {
      return { body: encodeUtf8(parts.schedule.toJson()) };
    },

    async INVOKE_BROKER_TO_RESET_OFFSET(context, { header }) {
      if (!settings.useServerSideResetOffset) return resetInClients(parts, header, context.language);
      return { body: await resetHere(parts, header) };
    },

    async INVOKE_BROKER_TO_GET_CONSUMER_STATUS(_context, { header }) {
      const status: GetConsumerStatusBody = {
        messageQueueTable: [],
        consumerTable: await consumerStatusOf(parts, header.group, header.topic, header.clientAddr),
      };
      return { body: getConsumerStatusBody.encode(status) };
    },

    QUERY_CORRECTION_OFFSET(_context, { header }) {
      const correctionOffsets = smallestOffsets(parts, header.topic, new Set((header.filterGroups ?? "").split(",")));
      for (const [queueId, compared] of offsets.offsetsOf(header.compareGroup, header.topic) ?? []) {
        const smallest = correctionOffsets.get(queueId);
        if (smallest !== undefined && smallest > compared) correctionOffsets.set(queueId, NO_CORRECTION);
      }
      return { body: queryCorrectionOffsetBody.encode({ correctionOffsets }) };
    },

    CLONE_GROUP_OFFSET(_context, { header }) {
      const { srcGroup, destGroup, topic = "", offline = false } = header;
      const names = topic.trim() === "" ? offsets.topicsOf(srcGroup) : new Set([topic]);
      const live = offline ? undefined : consumers.group(srcGroup);
      for (const name of names) {
        if (topics.find(name) === undefined) continue;
        if (live !== undefined && live.subscriptions.size > 0 && !live.subscriptions.has(name)) continue;
        offsets.cloneGroup(srcGroup, destGroup, name);
      }
      return {};
    },
  };
}

/** Per queue the smallest offset that any group (but those left out) has committed and that is still in the queue. */
function smallestOffsets({ offsets, store }: AdminParts, topic: string, without: ReadonlySet<string>): Map<number, number> {
  const smallest = new Map<number, number>();
  for (const group of offsets.groupsOf(topic)) {
    if (without.has(group)) continue;
    for (const [queueId, offset] of offsets.offsetsOf(group, topic) ?? []) {
      if (offset < store.minOffset({ topic, queueId })) continue;
      smallest.set(queueId, Math.min(offset, smallest.get(queueId) ?? Number.MAX_SAFE_INTEGER));
    }
  }
  return smallest;
}

/** The broker keeps the new offsets until the next pull of each queue; no client needs to be there. */
async function resetHere(parts: AdminParts, header: ResetOffsetRequestHeader): Promise<Uint8Array> {
  const { topics, groups, offsets, settings, log } = parts;
  const { topic, group, queueId, timestamp } = header;
  const config = topics.find(topic);
  if (config === undefined) throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `Topic ${topic} does not exist`);
  if (groups.find(group) === undefined) {
    throw new RemotingError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${group} does not exist`);
  }
  const reset = new Map<number, number>();
  if (queueId >= 0) {
    reset.set(queueId, explicitOffset(parts, header) ?? (await offsetAt(parts, topic, queueId, timestamp)));
  } else {
    for (let id = 0; id < config.readQueueNums; id++) reset.set(id, await offsetAt(parts, topic, id, timestamp));
  }
  if (reset.size === 0) throw new RemotingError(ResponseCode.SYSTEM_ERROR, "No queues to reset.");
  for (const [id, offset] of reset) offsets.assignReset(group, topic, id, offset);
  log.info("offsets reset", { topic, group, queues: [...reset].map(([id, offset]) => `${id}:${offset}`).join(",") });
  const { brokerName } = settings;
  return resetOffsetBody.encode({
    offsetTable: [...reset].map(([id, offset]) => [{ topic, brokerName, queueId: id }, offset]),
  });
}

/** The offset that the caller names, when it does. @throws RemotingError SYSTEM_ERROR when the queue does not have it. */
function explicitOffset({ store }: AdminParts, { topic, queueId, offset }: ResetOffsetRequestHeader): number | undefined {
  if (offset === undefined || offset === -1) return undefined;
  const min = store.minOffset({ topic, queueId });
  const max = store.maxOffset({ topic, queueId });
  if ((min >= 0 && offset < min) || offset > max + 1) {
    throw new RemotingError(ResponseCode.SYSTEM_ERROR, `Target offset ${offset} not in consume queue range [${min}-${max}]`);
  }
  return offset;
}

/** A negative time means the end of the queue. */
async function offsetAt({ store }: AdminParts, topic: string, queueId: number, timestamp: number): Promise<number> {
  const queue = { topic, queueId };
  return timestamp < 0 ? store.maxOffset(queue) : Math.max(0, await store.offsetByTime(queue, timestamp, "LOWER"));
}
