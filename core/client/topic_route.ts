/** A topic's route, turned into the queues that can be written and read, and the addresses of their brokers. */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { TopicRouteData } from "../../wire/bodies/route.ts";
import { MASTER_ID } from "../../wire/mix_all.ts";
import { PERM_READ, PERM_WRITE } from "../../wire/perm_name.ts";
import { QUEUES_MAX } from "../routing/names.ts";

export interface TopicRoute {
  readonly topic: string;
  /** What the nameserver sent, for comparing. */
  readonly data: TopicRouteData;
  /** Sorted by broker and number; only those whose broker has a master. */
  readonly writeQueues: readonly MessageQueue[];
  /** Sorted by broker and number. */
  readonly readQueues: readonly MessageQueue[];
  /** brokerName -> `host:port`. */
  readonly masters: ReadonlyMap<string, string>;
  /** True: made from `orderTopicConf` or, for a topic that is not there yet, from the template's route. */
  readonly ordered: boolean;
}

/** @param queueNumsMax of a topic to be created after a template: no more queues than the producer asks for */
export function topicRoute(topic: string, data: TopicRouteData, queueNumsMax = QUEUES_MAX): TopicRoute {
  const masters = new Map<string, string>();
  for (const { brokerName, brokerAddrs } of data.brokerDatas) {
    const address = brokerAddrs.get(MASTER_ID);
    if (address !== undefined) masters.set(brokerName, address);
  }
  const sorted = [...data.queueDatas].sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1));
  const writeQueues: MessageQueue[] = [];
  const readQueues: MessageQueue[] = [];
  const add = (into: MessageQueue[], brokerName: string, count: number) => {
    for (let queueId = 0; queueId < Math.min(count, queueNumsMax, QUEUES_MAX); queueId++)
      into.push({ topic, brokerName, queueId });
  };
  const ordered = orderOf(data.orderTopicConf);
  for (const { brokerName, perm, readQueueNums, writeQueueNums } of sorted) {
    if ((perm & PERM_READ) !== 0) add(readQueues, brokerName, readQueueNums);
    if (ordered === undefined && (perm & PERM_WRITE) !== 0 && masters.has(brokerName))
      add(writeQueues, brokerName, writeQueueNums);
  }
  for (const [brokerName, count] of ordered ?? []) add(writeQueues, brokerName, count);
  return { topic, data, writeQueues, readQueues, masters, ordered: ordered !== undefined };
}

/** `broker-a:4;broker-b:4`: the queues of an ordered topic do not move when a broker is down. */
function orderOf(text: string | undefined): [brokerName: string, queues: number][] | undefined {
  if (text === undefined || text === "") return undefined;
  return text
    .split(";")
    .map((item): [string, number] => {
      const colon = item.lastIndexOf(":");
      return [item.slice(0, colon), Number(item.slice(colon + 1))];
    })
    .filter(([brokerName, queues]) => brokerName !== "" && Number.isInteger(queues) && queues > 0);
}

export const sameQueue = (a: MessageQueue, b: MessageQueue): boolean =>
  a.queueId === b.queueId && a.brokerName === b.brokerName && a.topic === b.topic;

/** For maps, and messages: one text a queue. */
export const queueText = ({ topic, brokerName, queueId }: MessageQueue): string => `${topic}@${brokerName}@${queueId}`;

/** Java's order of queues: topic, broker, number. All members of a group have to sort alike. */
export function compareQueues(a: MessageQueue, b: MessageQueue): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  if (a.brokerName !== b.brokerName) return a.brokerName < b.brokerName ? -1 : 1;
  return a.queueId - b.queueId;
}
