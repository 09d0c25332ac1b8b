/**
 * What a start does before the timer runs: makes log, wheel and progress agree with each other and with the commit log.
 *
 * - Units before lastTimerLogFlushPos are in the log and in the wheel. Those behind it are read again as far as they are
 *   whole and point at records that exist, and entered into the wheel; the rest is cut off.
 * - The timer topic is read on behind the message of the last unit, or behind lastTimerQueueOffset if that is later (what was
 *   due when it was seen has no unit). What was delivered without one is passed over (`timer_delivered.ts`).
 * - A wheel that is lost, was made with another precision, or points behind the end of the log (after a power cut under
 *   Apache, whose files are mapped) is made again from the whole log. If the log is lost, everything is read from the topic.
 */

import type { Log, Runtime } from "../../runtime.ts";
import type { MessageStore } from "../message_store.ts";
import type { TimerCheckpoint } from "./timer_checkpoint.ts";
import { searchStart } from "./timer_delivered.ts";
import { type PlacedTimerUnit, TIMER_MAGIC_DELETE, TIMER_UNIT_BYTES, type TimerLog } from "./timer_log.ts";
import { decodedRecord, TIMER_QUEUE, TIMER_TOPIC, waitingMessage } from "./timer_message.ts";
import type { TimerProgress } from "./timer_progress.ts";
import { forEachRecord, SpanRoom } from "./timer_records.ts";
import { TimerScan } from "./timer_scan.ts";
import { TIMER_RING_SLOTS, TIMER_SLOTS_TOTAL, type TimerWheel } from "./timer_wheel.ts";

export interface TimerRecoveryParts {
  readonly runtime: Pick<Runtime, "clock">;
  readonly log: Log;
  readonly settings: { readonly mappedFileSizeCommitLog: number };
  readonly store: MessageStore;
  readonly wheel: TimerWheel;
  readonly timerLog: TimerLog;
  readonly checkpoint: TimerCheckpoint;
  readonly progress: TimerProgress;
}

/**
 * Opens checkpoint, log and wheel and sets the progress. The store must be loaded.
 * @returns the log offset from which deliveries must be looked for; undefined when there can be none
 * @throws Error naming the file that can't be used.
 */
export async function recoverTimer(parts: TimerRecoveryParts): Promise<number | undefined> {
  const { runtime, store, wheel, timerLog, checkpoint, progress, log } = parts;
  const known = checkpoint.load();
  timerLog.load();
  const wheelKept = wheel.open();
  progress.moveWrite(runtime.clock.now());
  if (!timerLog.hasFiles && (!known || checkpoint.lastTimerLogFlushPos > 0)) return startOver(parts, wheelKept);

  const { precisionMs } = progress;
  const read = known ? checkpoint.lastReadTimeMs : progress.writeTimeMs - TIMER_SLOTS_TOTAL * precisionMs;
  progress.moveRead(read === 0 ? progress.writeTimeMs : read - (read % precisionMs));
  // The clock may have been put back: what comes now must not wait for slots that are over.
  progress.moveWrite(progress.readTimeMs);
  const { own } = checkpoint;
  const from = checkpoint.lastTimerLogFlushPos;
  const fits = wheelKept && known && (own === undefined || own.precisionMs === precisionMs) && (await endsAt(timerLog, from));
  if (fits) {
    progress.deliveredPosition = own?.deliveredPosition ?? -1;
    progress.waiting = own?.waiting ?? 0;
  }
  let last = fits ? await replay(parts, from) : undefined;
  // What Apache mapped may be ahead of its log, and it keeps no sum.
  const sum = fits && own === undefined ? await survey(parts) : progress.waiting;
  if (!fits || sum === undefined) {
    log.warn("the timer wheel is made again from the timer log", { begin: timerLog.begin });
    wheel.clear();
    progress.waiting = 0;
    last = await replay(parts, timerLog.begin);
  } else progress.waiting = sum;
  await setQueueOffset(parts, known ? checkpoint.lastTimerQueueOffset : 0, last);
  if (own !== undefined) return own.closed ? undefined : own.searchFrom;
  if (!known) return store.stats().minPhysicalOffset;
  return searchStart(store, progress.readTimeMs, parts.settings.mappedFileSizeCommitLog);
}

/** There is no log: the timer topic says everything. */
async function startOver(parts: TimerRecoveryParts, wheelKept: boolean): Promise<number | undefined> {
  const { store, wheel, timerLog, progress, log } = parts;
  if (wheelKept) wheel.clear();
  timerLog.start(0);
  progress.moveRead(progress.writeTimeMs);
  await setQueueOffset(parts, 0, undefined);
  const waiting = store.maxOffset(TIMER_QUEUE) - progress.queueOffset;
  if (waiting === 0) return undefined;
  log.warn("there is no timer log; it is made again from the timer topic", { messages: waiting });
  return store.stats().minPhysicalOffset;
}

/** A unit ends at `position`, or nothing comes before it. */
async function endsAt(timerLog: TimerLog, position: number): Promise<boolean> {
  return position <= timerLog.begin || (await timerLog.unitBefore(position)) !== undefined;
}

/** Enters units from `from` on, cuts off what is none, and returns the last one. */
async function replay(parts: TimerRecoveryParts, from: number): Promise<PlacedTimerUnit | undefined> {
  const { wheel, timerLog } = parts;
  let end = Math.max(from, timerLog.begin);
  let last = await timerLog.unitBefore(end);
  for await (const units of timerLog.unitsFrom(end)) {
    const good = await pointingAtMessages(parts, units);
    await wheel.prepare(good.map(({ outTimeMs }) => outTimeMs));
    for (const unit of good) enter(parts, unit);
    last = good.at(-1) ?? last;
    if (last !== undefined) end = last.position + TIMER_UNIT_BYTES;
    if (good.length < units.length) break;
  }
  timerLog.start(end);
  return last;
}

/**
 * Those before the first that points at nothing: after a power cut the log may have what the commit log has not. Units of
 * before the checkpoint are not looked after: their messages were on the disk, and may have expired since.
 */
async function pointingAtMessages(
  { store, checkpoint }: TimerRecoveryParts,
  units: readonly PlacedTimerUnit[],
): Promise<readonly PlacedTimerUnit[]> {
  const from = units.findIndex(({ position }) => position >= checkpoint.lastTimerLogFlushPos);
  if (from < 0) return units;
  const { maxPhysicalOffset } = store.stats();
  let good = from;
  const scan = new TimerScan();
  await forEachRecord({ store, spans: new SpanRoom() }, units.slice(from), ({ physicalOffset, size }, record) => {
    if (physicalOffset + size > maxPhysicalOffset || record === undefined) return false;
    if (waitingMessage(record, scan) === undefined) return false;
    good++;
    return true;
  });
  return units.slice(0, good);
}

function enter({ wheel, progress }: TimerRecoveryParts, unit: PlacedTimerUnit): void {
  const time = wheel.slotTime(unit.outTimeMs);
  if (time < progress.readTimeMs) return;
  const slot = wheel.slot(time);
  const count = (unit.magic & TIMER_MAGIC_DELETE) === 0 ? 1 : -1;
  progress.waiting += count;
  if (slot !== undefined && slot.lastPosition >= unit.position) return;
  wheel.put(time, {
    firstPosition: slot === undefined || slot.firstPosition < 0 ? unit.position : slot.firstPosition,
    lastPosition: unit.position,
    num: (slot?.num ?? 0) + count,
    magic: slot?.magic ?? 0,
  });
}

/** How much waits in all slots; undefined when one of them points at what is not in the log. */
async function survey({ wheel, timerLog, progress }: TimerRecoveryParts): Promise<number | undefined> {
  const { readTimeMs, precisionMs } = progress;
  const to = readTimeMs + TIMER_RING_SLOTS * precisionMs;
  let waiting = 0;
  for (let from = readTimeMs; ; ) {
    const time = await wheel.nextUsed(from, to);
    if (time === undefined) return waiting;
    const slot = wheel.slot(time);
    if (slot === undefined || slot.lastPosition >= timerLog.end || slot.lastPosition < timerLog.begin) return undefined;
    waiting += slot.num;
    from = time + precisionMs;
  }
}

/** Behind what the checkpoint says, and behind the message of the last unit; inside the queue. */
async function setQueueOffset(parts: TimerRecoveryParts, saved: number, last: PlacedTimerUnit | undefined): Promise<void> {
  const { store, progress, log } = parts;
  let offset = saved;
  const record = last === undefined ? undefined : await store.recordAt(last.physicalOffset);
  if (record !== undefined) {
    const message = decodedRecord(record);
    if (message?.topic === TIMER_TOPIC) offset = Math.max(offset, message.queueOffset + 1);
  }
  const min = Math.max(0, store.minOffset(TIMER_QUEUE));
  const max = Math.max(min, store.maxOffset(TIMER_QUEUE));
  progress.queueOffset = Math.min(Math.max(offset, min), max);
  if (offset > max) log.error("the timer has read more of its topic than there is", { offset, max });
}
