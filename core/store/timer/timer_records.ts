/**
 * Reads the messages that units or consume queue entries point at, in large pieces of the log and off the event loop: they
 * ascend, so that those of one slot often lie together.
 */

import type { MessageStore } from "../message_store.ts";
import { isRecordOf } from "../record_checks.ts";

/** Read at once: what a turn is spent on. */
const SPAN_BYTES_MAX = 512 * 1024;
/** What lies between two messages and is cheaper to read with them than apart. */
const GAP_BYTES_MAX = 32 * 1024;

export interface RecordPlace {
  readonly physicalOffset: number;
  readonly size: number;
}

/** Memory for one span, used for one after another: garbage of that size would have the collector run all the time. */
export class SpanRoom {
  #bytes: Uint8Array | undefined;

  /** Room for `bytes` bytes, until the next call. */
  take(bytes: number): Uint8Array {
    if (bytes > SPAN_BYTES_MAX) return new Uint8Array(bytes);
    this.#bytes ??= new Uint8Array(SPAN_BYTES_MAX);
    return this.#bytes.subarray(0, bytes);
  }
}

export interface RecordReading {
  readonly store: MessageStore;
  readonly spans: SpanRoom;
  /** Awaited before the memory of the records seen so far is used again. Default: nobody keeps any. */
  readonly release?: () => Promise<void>;
}

/**
 * Calls `each` with every place and its record, in order; undefined where the log has none any more. `each` may return a
 * promise, which is awaited, and false (or a promise of it) ends the reading. Records are valid until `release`.
 * @returns false when `each` ended it
 * @throws RuntimeFault when the disk fails: nothing is taken for missing because it can't be read now.
 */
export async function forEachRecord<P extends RecordPlace>(
  { store, spans, release }: RecordReading,
  places: readonly P[],
  each: (place: P, record: Uint8Array | undefined) => boolean | Promise<boolean>,
): Promise<boolean> {
  for (let first = 0; first < places.length; ) {
    const { physicalOffset: from, size } = places[first] as P;
    let end = from + size;
    let next = first + 1;
    for (; next < places.length; next++) {
      const place = places[next] as P;
      if (place.physicalOffset < end || place.physicalOffset - end > GAP_BYTES_MAX) break;
      if (place.physicalOffset + place.size - from > SPAN_BYTES_MAX) break;
      end = place.physicalOffset + place.size;
    }
    await release?.();
    const span = await readSpan(store, from, end, spans);
    if (span === undefined && next > first + 1) next = first + 1;
    for (let i = first; i < next; i++) {
      const place = places[i] as P;
      const go = each(place, span === undefined ? undefined : recordIn(span, from, place));
      if (go !== true && !(await go)) return false;
    }
    first = next;
  }
  return true;
}

/** Undefined when it begins before the log does. */
async function readSpan(store: MessageStore, from: number, end: number, spans: SpanRoom): Promise<Uint8Array | undefined> {
  try {
    return await store.readRaw(from, end - from, spans.take(end - from));
  } catch (error) {
    if (from < store.stats().minPhysicalOffset) return undefined;
    throw error;
  }
}

function recordIn(span: Uint8Array, from: number, { physicalOffset, size }: RecordPlace): Uint8Array | undefined {
  const at = physicalOffset - from;
  if (at + size > span.length || !isRecordOf(span, at, size, physicalOffset)) return undefined;
  return span.subarray(at, at + size);
}
