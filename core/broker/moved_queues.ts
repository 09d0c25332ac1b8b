/**
 * Requests for a logic queue that was moved between brokers: its leader, this broker, answers for all stretches. What lies in a
 * queue of its own is asked of its own processors, what lies elsewhere of that broker (with lo=false: a physical queue), as in
 * Apache. Offsets become logic ones on the way back; those in the bodies of pulled messages do so at the client (offsetDelta).
 *
 * Otherwise than Apache: a pull never reaches beyond the end of its stretch, an offset that comes with a pull is committed as a
 * logic one, and a search by time does not pass over the first message of a stretch.
 */
import type { LogicQueueMappingItem } from "../../wire/bodies/static_topic.ts";
import { REQUESTS, type RequestHeaderOf } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { RemotingError } from "../remoting/processor.ts";
import {
  isEnded,
  knownMaxOffset,
  logicOffsetOf,
  offsetDelta,
  stretchAt,
  stretchBehind,
} from "./metadata/static_topic_stretches.ts";
import type { InvokeBroker } from "./remote_brokers.ts";

const FLAG_COMMIT_OFFSET = 1;
const FLAG_SUSPEND = 2;

export type MovedName =
  | "PULL_MESSAGE"
  | "UPDATE_CONSUMER_OFFSET"
  | "QUERY_CONSUMER_OFFSET"
  | "SEARCH_OFFSET_BY_TIMESTAMP"
  | "GET_MAX_OFFSET"
  | "GET_MIN_OFFSET"
  | "GET_EARLIEST_MSG_STORETIME";

export interface MovedReply {
  readonly code?: number;
  readonly remark?: string | undefined;
  readonly header?: object;
  readonly body?: Uint8Array;
  readonly release?: (() => void) | undefined;
}

/** A processor of this broker, with a physical queue. */
export type AskHere = <N extends MovedName>(name: N, header: RequestHeaderOf<N>) => Promise<MovedReply | undefined>;

export interface MovedQueue {
  readonly topic: string;
  /** This broker. */
  readonly brokerName: string;
  /** Oldest first; the last one is here. */
  readonly items: readonly LogicQueueMappingItem[];
  readonly here: AskHere;
  readonly there: InvokeBroker;
}

/** @throws RemotingError when the broker of a stretch can't be asked, or refuses */
export async function askMoved<N extends MovedName>(
  queue: MovedQueue,
  name: N,
  header: RequestHeaderOf<N>,
): Promise<MovedReply | undefined> {
  switch (name) {
    case "PULL_MESSAGE":
      return pull(queue, header as RequestHeaderOf<"PULL_MESSAGE">);
    case "UPDATE_CONSUMER_OFFSET":
      return commit(queue, header as RequestHeaderOf<"UPDATE_CONSUMER_OFFSET">);
    case "QUERY_CONSUMER_OFFSET":
      return committed(queue, header as RequestHeaderOf<"QUERY_CONSUMER_OFFSET">);
    case "SEARCH_OFFSET_BY_TIMESTAMP":
      return search(queue, header as RequestHeaderOf<"SEARCH_OFFSET_BY_TIMESTAMP">);
    case "GET_MAX_OFFSET":
      return bound(queue, "GET_MAX_OFFSET", header as RequestHeaderOf<"GET_MAX_OFFSET">, Number.MAX_SAFE_INTEGER);
    case "GET_MIN_OFFSET":
      return bound(queue, "GET_MIN_OFFSET", header as RequestHeaderOf<"GET_MIN_OFFSET">, 0);
    default:
      return ask(
        queue,
        "GET_EARLIEST_MSG_STORETIME",
        readable(queue, 0),
        header as RequestHeaderOf<"GET_EARLIEST_MSG_STORETIME">,
      );
  }
}

/** What a sender is told of where its message went. @throws RemotingError NOT_LEADER_FOR_QUEUE while that has no logic offset yet */
export function sentOffset(queue: string, item: LogicQueueMappingItem, physicalOffset: number, brokerName: string): number {
  if (item.logicOffset >= 0) return logicOffsetOf(item, physicalOffset);
  throw new RemotingError(ResponseCode.NOT_LEADER_FOR_QUEUE, `${queue} convert offset error in current broker ${brokerName}`);
}

function readable({ items, topic }: MovedQueue, logicOffset: number): LogicQueueMappingItem {
  const item = stretchAt(items, logicOffset);
  if (item !== undefined) return item;
  throw new RemotingError(ResponseCode.SYSTEM_ERROR, `no stretch of this queue of ${topic} has a logic offset yet`);
}

async function ask<N extends MovedName>(
  { topic, brokerName, here, there }: MovedQueue,
  name: N,
  { bname, queueId }: LogicQueueMappingItem,
  header: RequestHeaderOf<N>,
): Promise<MovedReply | undefined> {
  if (bname === brokerName) return here(name, { ...header, queueId });
  const reply = await there(topic, bname, name, { ...header, queueId, lo: false, bname });
  const { code, remark, body, extFields } = reply;
  const isHeaderThere = extFields !== undefined && Object.keys(extFields).length > 0;
  const codec = REQUESTS[name].reply as { decode(fields: typeof extFields): object };
  return { code, remark, body, ...(isHeaderThere ? { header: codec.decode(extFields) } : {}) };
}

/** An answer that is a number. @throws RemotingError of whoever was asked */
async function askOffset<N extends MovedName>(
  queue: MovedQueue,
  name: N,
  item: LogicQueueMappingItem,
  header: RequestHeaderOf<N>,
): Promise<number> {
  const reply = await ask(queue, name, item, header);
  const { offset } = (reply?.header ?? {}) as { offset?: number };
  if (offset !== undefined && (reply?.code ?? ResponseCode.SUCCESS) === ResponseCode.SUCCESS) return offset;
  throw new RemotingError(reply?.code ?? ResponseCode.SYSTEM_ERROR, reply?.remark ?? `${name}: no answer of ${item.bname}`);
}

async function bound<N extends "GET_MAX_OFFSET" | "GET_MIN_OFFSET">(
  queue: MovedQueue,
  name: N,
  header: RequestHeaderOf<N>,
  at: number,
): Promise<MovedReply> {
  const item = readable(queue, at);
  return { header: { offset: logicOffsetOf(item, await askOffset(queue, name, item, header)) } };
}

async function search(queue: MovedQueue, header: RequestHeaderOf<"SEARCH_OFFSET_BY_TIMESTAMP">): Promise<MovedReply> {
  for (const item of queue.items) {
    if (item.logicOffset < 0) continue;
    const offset = await askOffset(queue, "SEARCH_OFFSET_BY_TIMESTAMP", item, header);
    // Everything there is older. mqadmin leaves the ends open, and room between the logic offsets.
    const isBehind = async (): Promise<boolean> =>
      offset >= (isEnded(item) ? item.endOffset : await askOffset(queue, "GET_MAX_OFFSET", item, { ...header, committed: true }));
    if (offset < 0 || (stretchBehind(queue.items, item) !== undefined && (await isBehind()))) continue;
    return { header: { offset: logicOffsetOf(item, offset) } };
  }
  return { header: { offset: knownMaxOffset(readable(queue, Number.MAX_SAFE_INTEGER)) } };
}

function commit(queue: MovedQueue, header: RequestHeaderOf<"UPDATE_CONSUMER_OFFSET">): Promise<MovedReply | undefined> {
  const item = readable(queue, header.commitOffset);
  return ask(queue, "UPDATE_CONSUMER_OFFSET", item, { ...header, commitOffset: header.commitOffset - offsetDelta(item) });
}

/** The newest stretch that the group has an offset in. */
async function committed(queue: MovedQueue, header: RequestHeaderOf<"QUERY_CONSUMER_OFFSET">): Promise<MovedReply> {
  for (const item of queue.items.toReversed()) {
    if (item.logicOffset < 0) continue;
    const reply = await ask(queue, "QUERY_CONSUMER_OFFSET", item, { ...header, setZeroIfNotFound: false });
    const { offset } = (reply?.header ?? {}) as { offset?: number };
    const code = reply?.code ?? ResponseCode.SUCCESS;
    if (code === ResponseCode.SUCCESS && offset !== undefined && offset >= 0)
      return { header: { offset: logicOffsetOf(item, offset) } };
    if (code !== ResponseCode.QUERY_NOT_FOUND && code !== ResponseCode.SUCCESS)
      throw new RemotingError(code, reply?.remark ?? "");
  }
  return { code: ResponseCode.QUERY_NOT_FOUND, remark: "Not found, maybe this group consumer boot first" };
}

async function pull(queue: MovedQueue, asked: RequestHeaderOf<"PULL_MESSAGE">): Promise<MovedReply | undefined> {
  const { topic, consumerGroup, queueId, queueOffset, commitOffset, sysFlag, maxMsgNums } = asked;
  if ((sysFlag & FLAG_COMMIT_OFFSET) !== 0 && commitOffset >= 0)
    await commit(queue, { topic, consumerGroup, queueId, commitOffset });
  const item = readable(queue, queueOffset);
  const at = queueOffset - offsetDelta(item);
  const left = isEnded(item) ? Math.max(1, item.endOffset - at) : maxMsgNums;
  // A stretch with another behind it gets no more messages to wait for; who is not asked here does not wait either.
  const isHeld = item.bname === queue.brokerName && stretchBehind(queue.items, item) === undefined;
  const flags = sysFlag & ~FLAG_COMMIT_OFFSET & (isHeld ? -1 : ~FLAG_SUSPEND);
  const header = { ...asked, queueOffset: at, maxMsgNums: Math.min(maxMsgNums, left), sysFlag: flags };
  const reply = await ask(queue, "PULL_MESSAGE", item, header);
  return reply?.header === undefined ? reply : pulled(queue, item, at, reply);
}

interface PulledHeader {
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
}

/** @param at the physical offset that was asked for */
function pulled({ items }: MovedQueue, asked: LogicQueueMappingItem, at: number, reply: MovedReply): MovedReply {
  const header = reply.header as PulledHeader;
  const isLeader = asked.gen === items.at(-1)?.gen;
  const isEarliest = asked.gen === stretchAt(items, 0)?.gen;
  let code = reply.code ?? ResponseCode.SUCCESS;
  let item = asked;
  let { nextBeginOffset, minOffset, maxOffset } = header;
  if (code !== ResponseCode.SUCCESS) {
    if (at < minOffset) {
      nextBeginOffset = minOffset;
      // Of the first stretch messages have expired: its client is to know. In the middle it simply goes on behind the gap.
      code = isEarliest ? ResponseCode.PULL_OFFSET_MOVED : ResponseCode.PULL_RETRY_IMMEDIATELY;
    } else if (isLeader && at > maxOffset) nextBeginOffset = maxOffset;
    else if (!isLeader && at >= Math.min(maxOffset, isEnded(asked) ? asked.endOffset : maxOffset)) {
      const next = stretchBehind(items, asked);
      // Without one the next stretch has no logic offset yet.
      code = next === undefined ? ResponseCode.PULL_NOT_FOUND : ResponseCode.PULL_RETRY_IMMEDIATELY;
      if (next !== undefined) {
        item = next;
        nextBeginOffset = next.startOffset;
        minOffset = next.startOffset;
        maxOffset = next.startOffset;
      }
    }
  }
  const leader = items.at(-1);
  const mended = {
    ...header,
    nextBeginOffset: logicOffsetOf(item, nextBeginOffset),
    minOffset: logicOffsetOf(item, Math.max(item.startOffset, minOffset)),
    maxOffset: Math.max(logicOffsetOf(item, maxOffset), leader === undefined ? -1 : knownMaxOffset(leader)),
    offsetDelta: offsetDelta(item),
  };
  return { ...reply, code, header: mended };
}
