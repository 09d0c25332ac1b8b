/** How far groups are behind in lite topics: counted from committed offsets when somebody asks. */
import type { LiteLagInfo } from "../../../wire/bodies/lite.ts";
import { LMQ_QUEUE_ID } from "../../../wire/mix_all.ts";
import type { BrokerParts } from "../parts.ts";
import { liteTopicOf } from "./lite_names.ts";

/** Lite topics of which the store is asked how long they wait. */
export const TIMES_MAX = 10_000;

type Parts = Pick<BrokerParts, "store" | "offsets">;

/** A lite topic that a group is behind in. */
export interface Lag {
  readonly lmqName: string;
  /** The group's offset. */
  readonly offset: number;
  readonly count: number;
}

/** Lite topics of `parent` that the group is behind in; those it never asked are not among them, as with Apache. */
export function lagsOf({ store, offsets }: Parts, group: string, parent: string): Lag[] {
  const lags: Lag[] = [];
  for (const lmqName of offsets.topicsOf(group)) {
    if (liteTopicOf(lmqName)?.parent !== parent) continue;
    const offset = offsets.query(group, lmqName, LMQ_QUEUE_ID);
    const count = offset < 0 ? 0 : store.maxOffset({ topic: lmqName, queueId: LMQ_QUEUE_ID }) - offset;
    if (count > 0) lags.push({ lmqName, offset, count });
  }
  return lags;
}

/** Store time of the first message that is not consumed, ms since 1970; -1 when it is not there. */
export const waitingSince = ({ store }: Pick<Parts, "store">, { lmqName, offset }: Lag): Promise<number> =>
  store.storeTimeAt({ topic: lmqName, queueId: LMQ_QUEUE_ID }, offset);

/** Since when the longest waiting one waits, ms since 1970; undefined when none of their messages is there any more. */
export async function oldestOf(parts: Pick<Parts, "store">, lags: readonly Lag[]): Promise<number | undefined> {
  let oldest: number | undefined;
  for (const lag of lags.slice(0, TIMES_MAX)) {
    const since = await waitingSince(parts, lag);
    if (since >= 0) oldest = Math.min(since, oldest ?? since);
  }
  return oldest;
}

/** As administrators are told. */
export async function lagInfo(parts: Parts, lag: Lag): Promise<LiteLagInfo> {
  return {
    liteTopic: liteTopicOf(lag.lmqName)?.lite ?? "",
    lagCount: lag.count,
    earliestUnconsumedTimestamp: await waitingSince(parts, lag),
  };
}
