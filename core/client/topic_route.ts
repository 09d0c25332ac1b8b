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
  /** Of a static topic: logic queue (`queueText`) -> the broker that leads it now. */
  readonly leaders: ReadonlyMap<string, string>;
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
  const leaders = ordered === undefined ? logicQueues(topic, data) : undefined;
  if (leaders === undefined) {
    return { topic, data, writeQueues, readQueues, masters, leaders: new Map(), ordered: ordered !== undefined };
  }
  const queues = [...leaders.values()].map(({ queue }) => queue).sort(compareQueues);
  const names = new Map([...leaders].map(([key, { brokerName }]) => [key, brokerName]));
  // A queue that nobody leads can't be written; who consumes it waits for its leader.
  const led = queues.filter((queue) => masters.has(names.get(queueText(queue)) ?? ""));
  return { topic, data, writeQueues: led, readQueues: queues, masters, leaders: names, ordered: true };
}

const SCOPE_GLOBAL = "__global__";
const LOGIC_QUEUE_PREFIX = "__syslo__";
/** In the place of the broker of a logic queue that nobody leads. */
const NOBODY = "__syslo__none__";

/** The broker name of a static topic's logic queues, which no broker has (`MixAll`). */
const logicBrokerName = (scope: string): string => LOGIC_QUEUE_PREFIX + (scope === SCOPE_GLOBAL ? scope.slice(2) : scope);

/** Logic queues are numbered over all brokers; which leads one, the newest mapping says. Undefined: not a static topic. */
function logicQueues(topic: string, { topicQueueMappingByBroker }: TopicRouteData) {
  if (topicQueueMappingByBroker === undefined || topicQueueMappingByBroker.size === 0) return undefined;
  const leaders = new Map<string, { queue: MessageQueue; brokerName: string; epoch: number }>();
  const newest = new Map<string, { epoch: number; totalQueues: number }>();
  for (const [brokerName, { scope, epoch, totalQueues, currIdMap }] of topicQueueMappingByBroker) {
    const known = newest.get(scope);
    if (known === undefined || epoch > known.epoch) newest.set(scope, { epoch, totalQueues });
    for (const queueId of currIdMap.keys()) {
      if (queueId < 0 || queueId >= QUEUES_MAX) continue;
      const queue = { topic, brokerName: logicBrokerName(scope), queueId };
      const key = queueText(queue);
      if ((leaders.get(key)?.epoch ?? -1) <= epoch) leaders.set(key, { queue, brokerName, epoch });
    }
  }
  for (const [scope, { totalQueues }] of newest) {
    for (let queueId = 0; queueId < Math.min(totalQueues, QUEUES_MAX); queueId++) {
      const queue = { topic, brokerName: logicBrokerName(scope), queueId };
      if (!leaders.has(queueText(queue))) leaders.set(queueText(queue), { queue, brokerName: NOBODY, epoch: -1 });
    }
  }
  return leaders;
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

/** The broker that has `queue`: its own, or of a logic queue of a static topic the one that leads it. */
export const leaderOf = ({ leaders }: TopicRoute, queue: MessageQueue): string =>
  // Most topics are not static: no text is made for those.
  leaders.size === 0 ? queue.brokerName : (leaders.get(queueText(queue)) ?? queue.brokerName);

/** Java's order of queues: topic, broker, number. All members of a group have to sort alike. */
export function compareQueues(a: MessageQueue, b: MessageQueue): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  if (a.brokerName !== b.brokerName) return a.brokerName < b.brokerName ? -1 : 1;
  return a.queueId - b.queueId;
}
