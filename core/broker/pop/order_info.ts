/**
 * Orderly POP: what each group was given last of each queue, and which of it is acknowledged. While something of it is open
 * and not due again, the queue is blocked for the group; there are no check points.
 *
 * Persisted as consumerOrderInfo.json in Apache's form, so that a restart does not unblock a queue.
 */
import { consumerOrderInfoWrapper, type OrderInfo } from "../../../wire/bodies/pop_revive.ts";
import { joinInfo, offsetCountPart, queueCountPart, type TopicFlag } from "../../../wire/pop_info.ts";
import type { TimerHandle } from "../../runtime.ts";
import { ConfigFile } from "../../store/config_file.ts";
import type { BrokerParts } from "../parts.ts";

/** Queues of groups kept: clients name groups as they like, but topics and groups exist. */
const QUEUES_MAX = 1_000_000;
/** What was not used for so long is dropped. */
const UNUSED_MS_MAX = 5 * 24 * 3_600_000;

export interface QueueOfGroup {
  readonly topic: string;
  readonly group: string;
  readonly queueId: number;
}

/** -1: the offset was not given out. -2: it was given out again since. */
export type CommitOutcome = number;

type Parts = Pick<BrokerParts, "runtime" | "log" | "settings" | "topics" | "groups">;

export class ConsumerOrderInfoManager {
  readonly #parts: Parts;
  /** Undefined: what was given is forgotten at a restart, and is given again. */
  readonly #file: ConfigFile | undefined;
  /** `topic@group` -> queue -> what was given. */
  readonly #table = new Map<string, Map<number, OrderInfo>>();
  #count = 0;
  #changed = false;
  #timer: TimerHandle | undefined;

  /** @param kept where it outlives a restart; Apache keeps that of lite topics in memory alone. */
  constructor(parts: Parts, kept: "file" | "memory" = "file") {
    this.#parts = parts;
    if (kept === "file") {
      const path = `${parts.settings.storePathRootDir}/config/consumerOrderInfo.json`;
      this.#file = new ConfigFile(parts.runtime.files, parts.log, path);
    }
  }

  /** Queues of groups that something was given of. */
  get count(): number {
    return this.#count;
  }

  // ----------------------------------------------------------------------------------------------------- life cycle

  /** @throws Error when the file is there and can't be read. */
  load(): void {
    const saved = this.#file?.load((text) => consumerOrderInfoWrapper.parse(text));
    for (const [key, queues] of saved?.table ?? []) {
      this.#table.set(key, queues);
      this.#count += queues.size;
    }
  }

  start(): void {
    const { clock } = this.#parts.runtime;
    this.#timer ??= clock.setInterval(() => this.persist(), this.#parts.settings.flushConsumerOffsetInterval);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.persist();
  }

  /** Saves when something changed; a failure is logged and tried again. */
  persist(): void {
    if (!this.#changed) return;
    this.#clean();
    if (this.#file === undefined) {
      this.#changed = false;
      return;
    }
    try {
      const wrapper = { table: this.#table, orderInfoCount: this.#count, orderedConsumptionLevel: "QUEUE" };
      this.#file.save(consumerOrderInfoWrapper.format(wrapper));
      this.#changed = false;
    } catch (error) {
      this.#parts.log.error("consumerOrderInfo.json can't be written; tried again later", {
        path: this.#file.path,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  // ------------------------------------------------------------------------------------------------------ one queue

  /** Whether the queue must wait; an attempt that is repeated gets the same messages again. */
  isBlocked(queue: QueueOfGroup, attemptId: string | undefined, now: number): boolean {
    const info = this.#find(queue);
    if (info === undefined || (attemptId !== undefined && attemptId === info.a)) return false;
    return info.o.some((_, index) => !isAcked(info, index) && now < dueAgain(info, index));
  }

  /** When a blocked queue is free; undefined when it is not blocked. ms since 1970. */
  freeAt(queue: QueueOfGroup): number | undefined {
    const info = this.#find(queue);
    const due = info?.o.flatMap((_, index) => (isAcked(info, index) ? [] : [dueAgain(info, index)])) ?? [];
    return due.length === 0 ? undefined : Math.max(...due);
  }

  /** Messages were handed out. @returns what orderCountInfo says of them. */
  update(
    queue: QueueOfGroup,
    given: { readonly attemptId: string | undefined; readonly popTime: number; readonly invisibleTime: number },
    offsets: readonly number[],
    flag: TopicFlag,
    countInfo: string,
  ): string {
    const { queueId } = queue;
    const [first = 0] = offsets;
    const before = this.#find(queue);
    const info: OrderInfo = {
      popTime: given.popTime,
      i: given.invisibleTime,
      o: offsets.map((offset, index) => (index === 0 ? offset : offset - first)),
      l: this.#parts.runtime.clock.now(),
      cm: 0,
      a: given.attemptId,
      oc: before === undefined ? undefined : countsAfter(before, offsets, given.attemptId),
    };
    this.#set(queue, info);
    let text = countInfo;
    let least = info.oc?.size === offsets.length ? Number.MAX_SAFE_INTEGER : 0;
    for (const [offset, count] of info.oc ?? []) {
      text = joinInfo(text, offsetCountPart(flag, queueId, offset, count));
      least = Math.min(least, count);
    }
    return joinInfo(text, queueCountPart(flag, queueId, least));
  }

  /** A message is acknowledged. @returns the offset that the group may commit, or -1 or -2. */
  commit(queue: QueueOfGroup, offset: number, popTime: number): CommitOutcome {
    const info = this.#find(queue);
    if (info === undefined) return offset + 1;
    if (popTime !== info.popTime) return -2;
    const index = info.o.findIndex((_, i) => offsetAt(info, i) === offset);
    if (index < 0) return -1;
    if (!isAcked(info, index)) info.cm += 2 ** index;
    this.#changed = true;
    const open = info.o.findIndex((_, i) => !isAcked(info, i));
    return open < 0 ? offsetAt(info, info.o.length - 1) + 1 : offsetAt(info, open);
  }

  /** A message may be given again at another time. */
  postpone(queue: QueueOfGroup, offset: number, popTime: number, dueMs: number): void {
    const info = this.#find(queue);
    if (info === undefined || info.popTime !== popTime || !info.o.some((_, i) => offsetAt(info, i) === offset)) return;
    info.ot = (info.ot ?? new Map<number, number>()).set(offset, dueMs);
    this.#changed = true;
  }

  /** All that is open of a queue may be given again at `dueMs`; where it was not the first time, it does not count. */
  suspend(queue: QueueOfGroup, popTime: number, dueMs: number): void {
    const info = this.#find(queue);
    if (info === undefined || info.popTime !== popTime) return;
    for (const [offset, count] of info.oc ?? []) if (count > 0) info.oc?.set(offset, count - 1);
    info.ot = undefined;
    info.i = dueMs - popTime;
    this.#changed = true;
  }

  /** How often each of `offsets`, which were just given, was given before. */
  countsOf(queue: QueueOfGroup, offsets: readonly number[]): number[] {
    const counts = this.#find(queue)?.oc;
    return offsets.map((offset) => counts?.get(offset) ?? 0);
  }

  clear(queue: QueueOfGroup): void {
    const queues = this.#table.get(tableKey(queue));
    if (queues?.delete(queue.queueId) !== true) return;
    this.#count--;
    this.#changed = true;
  }

  // -------------------------------------------------------------------------------------------------------- inwards

  #find(queue: QueueOfGroup): OrderInfo | undefined {
    return this.#table.get(tableKey(queue))?.get(queue.queueId);
  }

  #set(queue: QueueOfGroup, info: OrderInfo): void {
    const key = tableKey(queue);
    const queues = this.#table.get(key) ?? new Map<number, OrderInfo>();
    if (!queues.has(queue.queueId)) {
      if (this.#count >= QUEUES_MAX)
        throw new Error(`${this.#count} queues of orderly groups are kept, ${QUEUES_MAX} are allowed`);
      this.#count++;
    }
    this.#table.set(key, queues.set(queue.queueId, info));
    this.#changed = true;
  }

  #clean(): void {
    const { topics, groups, runtime } = this.#parts;
    const before = runtime.clock.now() - UNUSED_MS_MAX;
    for (const [key, queues] of this.#table) {
      const at = key.lastIndexOf("@");
      const gone = topics.find(key.slice(0, at)) === undefined || groups.find(key.slice(at + 1)) === undefined;
      for (const [queueId, info] of queues) {
        if ((gone || info.l < before) && queues.delete(queueId)) this.#count--;
      }
      if (queues.size === 0) this.#table.delete(key);
    }
  }
}

const tableKey = ({ topic, group }: QueueOfGroup): string => `${topic}@${group}`;

const offsetAt = (info: OrderInfo, index: number): number =>
  index === 0 ? (info.o[0] as number) : (info.o[0] as number) + (info.o[index] as number);

/** Bits beyond the 31st count too: at most 32 messages are popped at once, and JavaScript's shifts have a sign. */
const isAcked = (info: OrderInfo, index: number): boolean => Math.floor(info.cm / 2 ** index) % 2 === 1;

const dueAgain = (info: OrderInfo, index: number): number => info.ot?.get(offsetAt(info, index)) ?? info.popTime + info.i;

/** How often each message was given before. */
function countsAfter(
  before: OrderInfo,
  offsets: readonly number[],
  attemptId: string | undefined,
): Map<number, number> | undefined {
  if (before.a !== undefined && before.a === attemptId) return before.oc;
  const known = new Set(before.o.map((_, index) => offsetAt(before, index)));
  const counts = new Map<number, number>();
  for (const offset of offsets) if (known.has(offset)) counts.set(offset, (before.oc?.get(offset) ?? 0) + 1);
  return counts.size === 0 ? undefined : counts;
}
