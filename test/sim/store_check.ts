/**
 * What must hold of a store at rest, whatever happened to it before: the log is read raw and taken apart here, and queues,
 * index and pulls are compared with what follows from it; the log itself is compared with the ledger.
 */
import type { Runtime } from "../../core/runtime.ts";
import type { GetResult, MessageStore, QueueEntry, QueueRef } from "../../core/store/message_store.ts";
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { WireError } from "../../wire/errors.ts";
import { RECORD_AT, RECORD_BYTES_MIN } from "../../wire/message.ts";
import {
  decodeRecord,
  decodeRecords,
  layoutOf,
  propertyCrcHolds,
  readRecordMark,
  type StoredMessage,
} from "../../wire/message_reader.ts";
import { must, mustEqual, SimFailure } from "./failure.ts";
import type { Entry, Ledger } from "./ledger.ts";

const BLANK = -875286124;
const READ_BYTES = 64 * 1024;

export interface CheckOptions {
  /** A start, or a checkpoint without faults, made the index complete. */
  readonly indexIsComplete: boolean;
  /** Lets time pass while the store reads. */
  readonly wait: <T>(promise: Promise<T>) => Promise<T>;
  readonly runtime: Runtime;
  /** Records of which a disk that failed did not let go. */
  readonly mayBeBack: boolean;
}

interface RawLog {
  readonly records: StoredMessage[];
  /** Stretches without a record, with records behind them. */
  readonly holes: { readonly from: number; readonly to: number }[];
}

/** The records of the log, in order, found without help of queues or index. */
export async function recordsOfLog(store: MessageStore, wait: CheckOptions["wait"]): Promise<RawLog> {
  const { minPhysicalOffset: base, maxPhysicalOffset } = store.stats();
  const log = new Uint8Array(maxPhysicalOffset - base);
  for (let at = 0; at < log.length; ) {
    const part = await wait(Promise.resolve(store.readRaw(base + at, READ_BYTES)));
    must(part.length > 0, () => `the log can't be read at ${base + at}, though it reaches to ${maxPhysicalOffset}`);
    log.set(part.subarray(0, log.length - at), at);
    at += part.length;
  }
  const found: RawLog = { records: [], holes: [] };
  let hole = -1;
  for (let at = 0; at < log.length; ) {
    const record = recordAt(log, at, base);
    const isBlank = record === undefined && hole < 0 && at + 8 <= log.length && readInt32(log, at + 4) === BLANK;
    if (record === undefined && !isBlank) {
      if (hole < 0) hole = at;
      at++;
      continue;
    }
    if (hole >= 0) found.holes.push({ from: base + hole, to: base + at });
    hole = -1;
    if (record !== undefined) found.records.push(record);
    at += Math.max(1, readInt32(log, at));
  }
  must(hole < 0, () => `no record begins at ${base + hole}, and none follows to the end of the log at ${maxPhysicalOffset}`);
  return found;
}

/** The record that stands at `at`, and says so itself. */
function recordAt(log: Uint8Array, at: number, base: number): StoredMessage | undefined {
  if (at + RECORD_BYTES_MIN > log.length || readInt64(log, at + RECORD_AT.physicalOffset) !== base + at) return undefined;
  const size = readInt32(log, at);
  if (size < RECORD_BYTES_MIN || at + size > log.length || readRecordMark(log, at).kind !== "message") return undefined;
  try {
    return decodeRecord(log.subarray(at, at + size));
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** Compares a record with what was sent. */
export function checkRecord(record: StoredMessage, entry: Entry): void {
  const { topic, queueId, queueOffset, physicalOffset, storeTimestamp } = record;
  mustEqual(
    [topic, queueId, queueOffset, physicalOffset, storeTimestamp],
    [entry.topic, entry.queueId, entry.queueOffset, entry.physicalOffset, entry.storeTimestamp],
    `message ${entry.id}: topic, queue, queue offset, physical offset, store time`,
  );
  must(textOf(record.body) === entry.body, () => `message ${entry.id} has another body than was sent`);
}

export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** -1 when the body is none of ours. */
export const idOf = (record: StoredMessage): number => Number(/^m(\d+):/.exec(textOf(record.body))?.[1] ?? -1);

/** @throws SimFailure when anything is not as it must be. */
export async function checkStore(store: MessageStore, ledger: Ledger, options: CheckOptions): Promise<void> {
  const { wait } = options;
  const { records, holes } = await recordsOfLog(store, wait);
  const seen = new Set<number>();
  let time = 0;
  ledger.expiredBelow = Math.max(ledger.expiredBelow, store.stats().minPhysicalOffset);
  const from = ledger.expiredBelow;
  const queues = new Map<string, { queue: QueueRef; records: StoredMessage[] }>();
  for (const record of records) {
    const id = idOf(record);
    must(!seen.has(id), () => `message ${id} is in the log twice`);
    seen.add(id);
    const entry = known(ledger, id, options.mayBeBack);
    // With or without the CRC property: what a crash has torn is no message.
    must(!record.properties.includes("\0"), () => `message ${id} is served with properties that are torn`);
    checkRecord(record, entry);
    must(record.storeTimestamp >= time, () => `store time goes back at message ${id}`);
    time = record.storeTimestamp;
    if (!entry.inQueue || entry.physicalOffset < from || ledger.hidden.has(id)) continue;
    const name = `${entry.topic} ${entry.queueId}`;
    const known_ = queues.get(name) ?? { queue: entry, records: [] };
    queues.set(name, known_);
    known_.records.push(record);
  }
  for (const { from: begin, to } of holes) {
    for (const entry of [...ledger.entries.values()]) {
      if (entry.physicalOffset < begin || entry.physicalOffset >= to || entry.physicalOffset < from) continue;
      must(entry.endOffset > ledger.floorAtStart, () => `message ${entry.id} is acknowledged and lies in a hole of the log`);
      ledger.lostInHole(entry);
    }
  }
  const live = [...ledger.entries.values()].filter(({ physicalOffset }) => physicalOffset >= from);
  for (const entry of live) {
    must(seen.has(entry.id), () => `message ${entry.id} at ${entry.physicalOffset} is not in the log`);
  }
  for (const { queue, records: expected } of queues.values()) await checkQueue(store, queue, expected, ledger, wait);
  const visible = live.filter(({ id }) => !ledger.hidden.has(id));
  if (options.indexIsComplete) await checkIndex(store, visible, from, ledger, wait);
}

function known(ledger: Ledger, id: number, mayBeBack: boolean): Entry {
  const entry = ledger.entries.get(id);
  if (entry !== undefined) return entry;
  const refused = ledger.refused.get(id);
  if (refused === undefined) throw new SimFailure(`the log holds message ${id}, which was never sent, or was lost before`);
  must(mayBeBack, () => `the log holds message ${id}, whose sender was told that it is not stored`);
  ledger.refused.delete(id);
  ledger.add(refused);
  return refused;
}

async function checkQueue(
  store: MessageStore,
  queue: QueueRef,
  expected: readonly StoredMessage[],
  ledger: Ledger,
  wait: CheckOptions["wait"],
): Promise<void> {
  const name = queueName(queue);
  const { queueOffset: first, physicalOffset: from } = expected[0]!;
  const end = expected.at(-1)!.queueOffset + 1;
  checkOffsets(expected, first, end, name, ledger);
  const max = store.maxOffset(queue);
  must(max >= end && holesOnly(ledger, name, end, max), () => `${name}: max offset ${max}, the log ends before ${end}`);
  must(store.minOffset(queue) <= first, () => `${name}: min offset ${store.minOffset(queue)}, but ${first} is in the log`);
  const units = await wait(store.entries(queue, 0, 1_000_000));
  const place = ({ queueOffset, physicalOffset, size }: Omit<QueueEntry, "tagsCode">): number[] => [
    queueOffset,
    physicalOffset,
    size,
  ];
  const rebuilt = expected.map((record) => place({ ...record, size: record.totalSize }));
  const messages = units.filter((unit) => unit.physicalOffset >= from && !ledger.isHole(name, unit.queueOffset));
  mustEqual(messages.map(place), rebuilt, `${name}: the consume queue is not what a rebuild makes of the log`);
  const pulled: number[] = [];
  for (let offset = first; offset < end; ) {
    const result = await wait(Promise.resolve(store.get(queue, offset, { messagesMax: 32, bytesMax: 1 << 20 }, undefined)));
    mustEqual(result.status, "FOUND", `${name}: pull at ${offset} of ${first}..${end}`);
    pulled.push(...checkPull(result, offset, name, ledger).map(idOf));
    offset = result.nextBeginOffset;
  }
  mustEqual(pulled, expected.map(idOf), `${name}: what is pulled from its start`);
}

export const queueName = ({ topic, queueId }: QueueRef): string => `queue ${topic} ${queueId}`;

/** Dense from `from` to `to`, but for the holes that a power cut has left. */
function checkOffsets(records: readonly StoredMessage[], from: number, to: number, name: string, ledger: Ledger): void {
  let next = from;
  for (const { queueOffset } of records) {
    must(
      queueOffset >= next && holesOnly(ledger, name, next, queueOffset),
      () => `${name}: ${queueOffset} follows where ${next} should`,
    );
    next = queueOffset + 1;
  }
  must(next <= to && holesOnly(ledger, name, next, to), () => `${name}: offsets end at ${next} instead of ${to}`);
}

function holesOnly(ledger: Ledger, name: string, from: number, to: number): boolean {
  for (let offset = from; offset < to; offset++) if (!ledger.isHole(name, offset)) return false;
  return true;
}

/** The messages of a pull, which stand one after another from `offset` on. */
export function checkPull(result: GetResult, offset: number, name: string, ledger: Ledger): StoredMessage[] {
  const messages = decodeRecords(result.body);
  mustEqual(result.messageCount, messages.length, `${name}: messages of a pull`);
  checkOffsets(messages, offset, result.nextBeginOffset, name, ledger);
  return messages;
}

async function checkIndex(
  store: MessageStore,
  entries: readonly Entry[],
  from: number,
  ledger: Ledger,
  wait: CheckOptions["wait"],
): Promise<void> {
  const byKey = new Map<string, number[]>();
  for (const { topic, key, id, physicalOffset } of entries) {
    for (const text of [`${topic}#${key}`, `${topic}#u${id}`]) {
      const offsets = byKey.get(text) ?? [];
      byKey.set(text, offsets);
      offsets.push(physicalOffset);
    }
  }
  for (const [text, offsets] of byKey) {
    const { physicalOffsets } = await wait(store.query(text, 64, 0, Number.MAX_SAFE_INTEGER));
    const newest = offsets.sort((a, b) => b - a).slice(0, 64);
    // Expired messages may still be named by a file that is needed for others.
    const live = physicalOffsets.filter((offset) => offset >= from && !ledger.holePlaces.has(offset));
    mustEqual(live, newest, `index: places of "${text}"`);
  }
}

/** True when both CRCs of a record hold, so that it must be exactly what was stored. */
export function crcHolds(body: Uint8Array, runtime: Runtime): boolean {
  try {
    for (let at = 0; at < body.length; ) {
      const layout = layoutOf(body, at);
      if (propertyCrcHolds(body, layout, (bytes) => runtime.digest.crc32(bytes)) !== true) return false;
      at += layout.size;
    }
    return true;
  } catch {
    return false;
  }
}
