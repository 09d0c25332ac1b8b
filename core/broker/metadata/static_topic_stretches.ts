/**
 * Stretches of a logic queue of a static topic: where it was moved, it lies in several physical queues, one after another.
 *
 *     logic      0 ........ 9 | 10 ......... 24 | 25 ...
 *     stretch    gen 0        | gen 1           | gen 2, the leader: it grows
 *     physical   a-0: 0..9    | b-3: 100..114   | a-1: 0...
 *
 * A new stretch has no logic offset yet (-1) until the one before has stopped growing; nothing can be read of it till then.
 */
import type { LogicQueueMappingItem } from "../../../wire/bodies/static_topic.ts";

type Stretches = readonly LogicQueueMappingItem[];

const isDecided = ({ logicOffset }: LogicQueueMappingItem): boolean => logicOffset >= 0;

/** It grows no more. */
export const isEnded = ({ startOffset, endOffset }: LogicQueueMappingItem): boolean => endOffset > startOffset;

/** The stretch that holds `logicOffset`, or the first one for an offset before it; undefined without any that can be read. */
export function stretchAt(items: Stretches, logicOffset: number): LogicQueueMappingItem | undefined {
  const readable = items.filter(isDecided);
  return readable.findLast((item) => logicOffset >= item.logicOffset) ?? readable[0];
}

/** The stretch behind `item`; undefined when there is none, or it can't be read yet. */
export function stretchBehind(items: Stretches, item: LogicQueueMappingItem): LogicQueueMappingItem | undefined {
  const readable = items.filter(isDecided);
  const next = items[items.findIndex(({ gen }) => gen === item.gen) + 1];
  return next !== undefined && readable.includes(next) ? next : undefined;
}

/** What is added to a physical offset of the stretch to make it a logic one. */
export const offsetDelta = ({ logicOffset, startOffset }: LogicQueueMappingItem): number => logicOffset - startOffset;

/** Physical offsets outside the stretch count as its begin or end. */
export function logicOffsetOf(item: LogicQueueMappingItem, physicalOffset: number): number {
  const { startOffset, endOffset } = item;
  const behind = endOffset >= startOffset ? Math.min(physicalOffset, endOffset) : physicalOffset;
  return Math.max(behind, startOffset) + offsetDelta(item);
}

/** Behind the last message as the mapping knows it: the begin of a stretch that grows. */
export function knownMaxOffset(item: LogicQueueMappingItem): number {
  const { startOffset, endOffset, logicOffset } = item;
  return endOffset >= startOffset ? endOffset + offsetDelta(item) : logicOffset;
}

/**
 * Why a mapping can't follow another of the same queue: what was said of a stretch stays true, but for what was not decided.
 * Undefined when it can.
 */
export function whyNotAfter(before: Stretches, after: Stretches): string | undefined {
  for (const old of before) {
    const now = after.find(({ gen }) => gen === old.gen);
    // Stretches whose messages have all expired may go.
    if (now === undefined) {
      if (old.gen < (after[0]?.gen ?? 0)) continue;
      return `stretch ${old.gen} is missing`;
    }
    const isSame =
      now.bname === old.bname &&
      now.queueId === old.queueId &&
      now.startOffset === old.startOffset &&
      (old.logicOffset < 0 || now.logicOffset === old.logicOffset) &&
      (old.endOffset < 0 || now.endOffset === old.endOffset);
    if (!isSame)
      return `stretch ${old.gen} lies in queue ${old.queueId} of ${old.bname} from ${old.startOffset} on, and can't be changed`;
  }
  return undefined;
}
