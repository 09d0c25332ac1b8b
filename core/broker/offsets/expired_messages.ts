/**
 * Messages that go before they were consumed. The store removes files by age and by space and knows no groups; here it is
 * said who loses what: an event in the log per queue and group, with counts, and a counter in the broker's runtime info.
 *
 * A group is known by an offset that it committed for the topic, or by a consumer that is connected and subscribed. One
 * that broadcasts keeps its offsets to itself and is left out. Delayed messages that are still waiting count as well.
 */
import type { Log } from "../../runtime.ts";
import type { ExpiredRange } from "../../store/message_store.ts";
import { SCHEDULE_TOPIC } from "../metadata/topics_validator.ts";
import type { Consumers, Offsets } from "../parts.ts";

export interface ExpiredMessagesParts {
  readonly log: Log;
  readonly offsets: Pick<Offsets, "groupsOf" | "query">;
  readonly consumers: Pick<Consumers, "groupsOf" | "group">;
  /** Level -> next offset in its queue (level - 1) of SCHEDULE_TOPIC_XXXX. */
  readonly delayOffsets: () => ReadonlyMap<number, number>;
}

export class ExpiredMessages {
  /** Messages that went before a group had consumed them, summed over queues and groups, since the start. */
  unconsumedCount = 0;
  readonly #parts: ExpiredMessagesParts;

  constructor(parts: ExpiredMessagesParts) {
    this.#parts = parts;
  }

  /** Called before the messages go. */
  expired(range: ExpiredRange): void {
    const { offsets, consumers, delayOffsets } = this.#parts;
    const { topic, queueId } = range;
    if (topic === SCHEDULE_TOPIC) {
      this.#lost(range, "delivery of delayed messages", delayOffsets().get(queueId + 1) ?? -1);
      return;
    }
    for (const group of new Set([...offsets.groupsOf(topic), ...consumers.groupsOf(topic)])) {
      const committed = offsets.query(group, topic, queueId);
      if (committed < 0 && consumers.group(group)?.messageModel === "BROADCASTING") continue;
      this.#lost(range, group, committed);
    }
  }

  /** @param next offset that the group has consumed up to; -1 when it has not begun */
  #lost({ topic, queueId, from, to }: ExpiredRange, group: string, next: number): void {
    const first = Math.max(from, next);
    if (first >= to) return;
    const messages = to - first;
    this.unconsumedCount += messages;
    this.#parts.log.warn("messages go before the group consumed them; a longer fileReservedTime or more disk keeps them", {
      topic,
      queueId,
      group,
      messages,
      firstOffset: first,
      lastOffset: to - 1,
    });
  }
}
