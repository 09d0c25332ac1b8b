/**
 * Plans for static topics: which broker gets which logic queue, when one is made, widened or moved. Pure: a plan is computed
 * from what the brokers have, checked, and returned; `static_topic.ts` asks and applies.
 *
 * Invariants of every plan: each logic queue has one leader, the broker of its last stretch; no physical queue serves two
 * stretches; queues that stay where they are keep their number there; the number of logic queues never shrinks.
 */
import type {
  LogicQueueMappingItem,
  TopicConfigAndQueueMapping,
  TopicQueueMappingDetail,
  TopicRemappingDetailWrapper,
} from "../../../wire/bodies/static_topic.ts";
import { topicConfig } from "../../../wire/bodies/topic.ts";
import { CommandError } from "../declaration.ts";

/** By broker name. */
export type Mappings = ReadonlyMap<string, TopicConfigAndQueueMapping>;

/** A logic queue and the stretches it consists of, the oldest first. */
interface LogicQueue {
  readonly leader: string;
  readonly items: readonly LogicQueueMappingItem[];
}

const SCOPE_GLOBAL = "__global__";
/** A new epoch is at least so much newer than the last, ms. */
const EPOCH_STEP_MS = 1_000;

/** What a broker has that leads nothing of the topic. */
export function emptyMapping(topic: string, bname: string, totalQueues: number, epoch: number): TopicConfigAndQueueMapping {
  const none = { readQueueNums: 0, writeQueueNums: 0 };
  const mapping = { topic, scope: SCOPE_GLOBAL, totalQueues, bname, epoch, dirty: false };
  return {
    ...topicConfig.read({ topicName: topic }, ""),
    ...none,
    mappingDetail: { ...mapping, currIdMap: new Map(), hostedQueues: new Map() },
  };
}

/** @throws CommandError when brokers disagree. @returns the epoch and the number of queues that they agree on */
export function agreedEpoch(topic: string, mappings: Mappings): { epoch: number; totalQueues: number } {
  let first: TopicQueueMappingDetail | undefined;
  for (const [broker, { mappingDetail: detail }] of mappings) {
    if (detail === undefined)
      throw new CommandError(`Mapping info should not be null in broker ${broker}: ${topic} is no static topic there`);
    if (detail.bname !== broker) throw new CommandError(`The broker name is not equal ${broker} != ${detail.bname}`);
    if (detail.dirty) throw new CommandError(`The mapping info is dirty in broker ${broker}`);
    if (detail.topic !== topic) throw new CommandError(`The topic name is not match for broker ${broker}: ${detail.topic}`);
    first ??= detail;
    for (const field of ["scope", "epoch", "totalQueues"] as const) {
      if (detail[field] === first[field]) continue;
      throw new CommandError(`${field} does not match ${first[field]} != ${detail[field]} in ${broker}`);
    }
  }
  return { epoch: first?.epoch ?? -1, totalQueues: first?.totalQueues ?? 0 };
}

/** The logic queues, from those who lead them. @throws CommandError when one has two leaders, or none, or shares its place */
function logicQueuesOf(mappings: Mappings): Map<number, LogicQueue> {
  const queues = new Map<number, LogicQueue>();
  for (const { mappingDetail: detail } of mappings.values()) {
    for (const [id, items] of detail?.hostedQueues ?? []) {
      const leader = items.at(-1)?.bname;
      if (leader === undefined || leader !== detail?.bname) continue;
      checkStretches(id, items);
      if (queues.has(id))
        throw new CommandError(`The queue id ${id} is duplicated in broker ${leader} ${queues.get(id)?.leader}`);
      queues.set(id, { leader, items });
    }
  }
  const total = Math.max(0, ...[...mappings.values()].map(({ mappingDetail }) => mappingDetail?.totalQueues ?? 0));
  const ids = [...Array(total).keys()].filter((id) => !queues.has(id));
  if (ids.length > 0) throw new CommandError(`Nobody leads the queues ${ids.join(", ")} of ${total}`);
  checkPlaces(mappings, queues);
  return queues;
}

function checkStretches(id: number, items: readonly LogicQueueMappingItem[]): void {
  for (const [i, { gen, queueId, startOffset, endOffset, logicOffset }] of items.entries()) {
    const next = items[i + 1];
    const wrong = (why: string) => new CommandError(`Stretch ${i} of queue ${id}: ${why}`);
    if (gen < 0 || queueId < 0 || startOffset < 0) throw wrong("The field is illegal, should not be negative");
    if (endOffset !== -1 && endOffset < startOffset) throw wrong("The endOffset is smaller than the start offset");
    if (next === undefined) continue;
    if (logicOffset < 0) throw wrong("The non-latest item has negative logic offset");
    if (next.gen <= gen) throw wrong("The gen does not increase monotonically");
    if (next.logicOffset >= 0 && next.logicOffset <= logicOffset)
      throw wrong("The base logic offset does not increase monotonically");
  }
}

function checkPlaces(mappings: Mappings, queues: ReadonlyMap<number, LogicQueue>): void {
  const taken = new Map<string, number>();
  for (const [id, { items }] of queues) {
    for (const { bname, queueId, startOffset } of items) {
      const place = `${bname}-${queueId}`;
      const other = taken.get(place);
      if (other !== undefined) throw new CommandError(`Queues ${other} and ${id} shared the same physical queue ${place}`);
      taken.set(place, id);
      const broker = mappings.get(bname);
      if (broker === undefined) throw new CommandError(`The broker of item does not exist: ${bname}`);
      if (startOffset !== 0) throw new CommandError(`The start offset does not begin from 0: ${place}`);
      if (queueId >= broker.writeQueueNums)
        throw new CommandError(`The physical queue id is overflow the write queues: ${place}`);
    }
  }
}

/** Everything that is wrong with the mappings of a plan, as an error. */
export function checkPlan(topic: string, mappings: Mappings): void {
  agreedEpoch(topic, mappings);
  logicQueuesOf(mappings);
}

/**
 * A topic made, or widened to `queueNum` queues; new queues go where the fewest are.
 * @param targets broker names. @throws CommandError
 */
export function createPlan(
  topic: string,
  queueNum: number,
  targets: ReadonlySet<string>,
  before: Mappings,
  nowMs: number,
): TopicRemappingDetailWrapper {
  for (const [broker, { mappingDetail }] of before) {
    if ((mappingDetail?.hostedQueues.size ?? 0) === 0 || targets.has(broker)) continue;
    throw new CommandError(`The existed broker ${broker} does not in target brokers`);
  }
  const { epoch: lastEpoch } = agreedEpoch(topic, before);
  const old = before.size === 0 ? new Map<number, LogicQueue>() : logicQueuesOf(before);
  if (queueNum < old.size) throw new CommandError(`Cannot decrease the queue num for static topic ${queueNum} < ${old.size}`);
  if (queueNum === old.size) throw new CommandError("The topic queue num is equal the existed queue num, do nothing");
  const counts = new Map([...targets].map((broker) => [broker, 0]));
  for (const { leader } of old.values()) counts.set(leader, (counts.get(leader) ?? 0) + 1);
  const after = copyOf(before);
  for (let id = old.size; id < queueNum; id++) {
    const broker = leastOf(counts);
    const mapping = mappingOf(after, topic, broker);
    const queueId = addPhysicalQueue(mapping);
    mapping.mappingDetail?.hostedQueues.set(id, [stretch(0, queueId, broker, 0)]);
  }
  return finished("CREATE_OR_UPDATE", topic, after, queueNum, lastEpoch, nowMs, new Set(), new Set());
}

/** The queues spread anew over `targets`, as few of them moved as can be. @throws CommandError */
export function remappingPlan(
  topic: string,
  targets: ReadonlySet<string>,
  before: Mappings,
  nowMs: number,
): TopicRemappingDetailWrapper {
  const { epoch: lastEpoch, totalQueues } = agreedEpoch(topic, before);
  const queues = logicQueuesOf(before);
  const leading = new Map<string, number>();
  for (const { leader } of queues.values()) leading.set(leader, (leading.get(leader) ?? 0) + 1);
  const counts = new Map([...targets].map((broker) => [broker, 0]));
  for (let i = 0; i < totalQueues; i++) leastOf(counts, leading);
  const after = copyOf(before);
  const mapIn = new Set<string>();
  const mapOut = new Set<string>();
  const homeless: number[] = [];
  for (const [id, { leader }] of queues) {
    const left = counts.get(leader) ?? 0;
    if (left > 0) counts.set(leader, left - 1);
    else homeless.push(id);
  }
  for (const [broker, count] of counts) {
    for (const id of homeless.splice(0, count)) {
      const { leader, items } = queues.get(id) as LogicQueue;
      const mapping = mappingOf(after, topic, broker);
      const moved = [...items, stretch((items.at(-1)?.gen ?? 0) + 1, addPhysicalQueue(mapping), broker, -1)];
      mapIn.add(broker);
      mapOut.add(leader);
      mapping.mappingDetail?.hostedQueues.set(id, moved);
      after.get(leader)?.mappingDetail?.hostedQueues.set(id, moved);
    }
  }
  return finished("REMAPPING", topic, after, totalQueues, lastEpoch, nowMs, mapIn, mapOut);
}

/** A logic queue goes on behind its last stretch, on a round offset with room for what still arrives at the old place. */
export function nextLogicOffset(last: LogicQueueMappingItem, maxOffset: number, blockSize = 10_000): number {
  if (maxOffset < last.startOffset) {
    throw new CommandError(
      `The max offset is smaller then the start offset ${last.startOffset}: ${maxOffset} of ${last.bname}-${last.queueId}`,
    );
  }
  const end = last.logicOffset + maxOffset - last.startOffset;
  return (Math.floor(end / blockSize) + (end % blockSize < blockSize / 2 ? 1 : 2)) * blockSize;
}

/** Takes one for the broker with the fewest; among equals for the one that led the most, then by name. */
function leastOf(counts: Map<string, number>, leading: ReadonlyMap<string, number> = new Map()): string {
  const sorted = [...counts].sort(([a, i], [b, j]) => i - j || (leading.get(b) ?? 0) - (leading.get(a) ?? 0) || (a < b ? -1 : 1));
  const [broker, count] = sorted[0] ?? ["", 0];
  if (broker === "") throw new CommandError("Find none brokers, do nothing");
  counts.set(broker, count + 1);
  return broker;
}

function stretch(gen: number, queueId: number, bname: string, logicOffset: number): LogicQueueMappingItem {
  return { gen, queueId, bname, logicOffset, startOffset: 0, endOffset: -1, timeOfStart: -1, timeOfEnd: -1 };
}

function mappingOf(after: Map<string, TopicConfigAndQueueMapping>, topic: string, broker: string): TopicConfigAndQueueMapping {
  const mapping = after.get(broker) ?? emptyMapping(topic, broker, 0, 0);
  after.set(broker, mapping);
  return mapping;
}

/** @returns its number */
function addPhysicalQueue(mapping: TopicConfigAndQueueMapping): number {
  mapping.readQueueNums++;
  mapping.writeQueueNums++;
  return mapping.writeQueueNums - 1;
}

const copyOf = (mappings: Mappings): Map<string, TopicConfigAndQueueMapping> => structuredClone(new Map(mappings));

function finished(
  kind: "CREATE_OR_UPDATE" | "REMAPPING",
  topic: string,
  brokerConfigMap: Map<string, TopicConfigAndQueueMapping>,
  totalQueues: number,
  lastEpoch: number,
  nowMs: number,
  brokerToMapIn: Set<string>,
  brokerToMapOut: Set<string>,
): TopicRemappingDetailWrapper {
  const epoch = Math.max(lastEpoch + EPOCH_STEP_MS, nowMs);
  for (const { mappingDetail } of brokerConfigMap.values()) {
    if (mappingDetail !== undefined) Object.assign(mappingDetail, { epoch, totalQueues });
  }
  checkPlan(topic, brokerConfigMap);
  return { topic, type: kind, epoch, brokerConfigMap, brokerToMapIn, brokerToMapOut };
}
