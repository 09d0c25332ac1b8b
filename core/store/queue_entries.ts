/** Units of a queue, of either kind, as values: for those who look into a queue and take no messages from it. */
import { BATCH_UNIT_BYTES, batchEntryAt } from "./batch_consume_queue.ts";
import { type ConsumeQueueExt, extOffsetAt } from "./consume_queue_ext.ts";
import { entryAt, isHole, UNIT_BYTES } from "./consume_queue_unit.ts";
import type { LogicQueue } from "./logic_queue.ts";
import type { QueueEntry } from "./message_store.ts";

/** At most `countMax` from queue offset `from` on, not before the queue's `minOffset`; shorter at its end. @throws RuntimeFault */
export async function entriesOf(queue: LogicQueue, from: number, countMax: number): Promise<QueueEntry[]> {
  if (queue.unitBytes === BATCH_UNIT_BYTES) {
    const batches = await queue.readLater(from, countMax);
    return Array.from({ length: batches.length / BATCH_UNIT_BYTES }, (_, i) => batchEntryAt(batches, i * BATCH_UNIT_BYTES));
  }
  // One more in front tells whether the first is a hole.
  const lead = from > queue.minOffset ? 1 : 0;
  const units = await queue.readLater(from - lead, countMax + lead);
  return Array.from({ length: units.length / UNIT_BYTES }, (_, i) => {
    const entry = withTagsCode(entryAt(units, i, from - lead + i), units, i * UNIT_BYTES + 12, queue.ext);
    return isHole(units, i * UNIT_BYTES) ? { ...entry, isHole: true } : entry;
  }).slice(lead);
}

/** An entry whose tagsCode is the address of an extended unit gets that unit's. */
function withTagsCode(entry: QueueEntry, units: Uint8Array, at: number, ext: ConsumeQueueExt | undefined): QueueEntry {
  const address = ext === undefined ? -1 : extOffsetAt(units, at);
  if (address < 0) return entry;
  const unit = ext?.get(address);
  return { ...entry, tagsCode: unit?.tagsCode ?? 0, ext: unit };
}
