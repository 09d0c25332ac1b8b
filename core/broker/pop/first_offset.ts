/** Where a group begins that pops from a queue for the first time. */
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import type { QueueRef } from "../../store/message_store.ts";
import type { BrokerParts } from "../parts.ts";

/** `initMode` of a POP: at the start. The other one, 1, is at the end. */
export const INIT_MIN = 0;
export const INIT_MAX = 1;

/** At the start, or with the last message; in a queue that is still in memory as a whole, with its first. */
export async function firstOffset(
  { store, settings, runtime }: Pick<BrokerParts, "store" | "settings" | "runtime">,
  queue: QueueRef,
  initMode: number,
): Promise<number> {
  const min = Math.max(0, store.minOffset(queue));
  if (initMode === INIT_MIN || queue.topic.startsWith(RETRY_PREFIX)) return min;
  if (settings.initPopOffsetByCheckMsgInMem && min === 0) {
    const [first] = await store.entries(queue, 0, 1);
    const hotBytes = (runtime.system.memory().totalBytes * settings.accessMessageInMemoryMaxRatio) / 100;
    if (first !== undefined && store.stats().maxPhysicalOffset - first.physicalOffset < hotBytes) return 0;
  }
  return Math.max(0, store.maxOffset(queue) - 1);
}
