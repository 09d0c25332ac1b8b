/** What a record in the log means to the consume queue, the index and the listeners (Apache's DispatchRequest). */
import { hashCode } from "../../wire/java_hash.ts";
import {
  SYS_FLAG_INNER_BATCH,
  SYS_FLAG_TRANSACTION_MASK,
  SYS_FLAG_TRANSACTION_PREPARED,
  SYS_FLAG_TRANSACTION_ROLLBACK,
} from "../../wire/message.ts";
import { MessageConst } from "../../wire/message_const.ts";
import { type RecordLayout, readRecordHeader, recordProperties, recordTopic } from "../../wire/message_reader.ts";
import { propertyOf } from "../../wire/properties.ts";
import type { LogicQueue } from "./logic_queue.ts";

/** Delayed messages wait here; the consume queue's tagsCode is the time of delivery. */
export const SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX";

export interface DispatchRequest {
  readonly topic: string;
  readonly queueId: number;
  readonly physicalOffset: number;
  readonly size: number;
  readonly tagsCode: number;
  readonly storeTimestamp: number;
  readonly queueOffset: number;
  readonly sysFlag: number;
  /** Property text; the keys are in it. */
  readonly properties: string;
  /** See `RecordInput`; absent in a record read back, whose `properties` are all there are. */
  readonly commonProperties?: Uint8Array | undefined;
  /** Which groups' expressions it passes, as bits; goes into the extended unit. Made at dispatch, see `setFilterBitMap`. */
  readonly filterBitMap?: Uint8Array | undefined;
  /** The queue that gave it its offset, where that is known: saves looking for it. */
  readonly queue?: LogicQueue | undefined;
  /** Messages in an inner batch, which begin at `queueOffset`; absent for any other message. */
  readonly batchSize?: number | undefined;
}

/** Half messages and rollbacks stay out of the consume queues and have no queue offset. */
export function isQueued(sysFlag: number): boolean {
  const transaction = sysFlag & SYS_FLAG_TRANSACTION_MASK;
  return transaction !== SYS_FLAG_TRANSACTION_PREPARED && transaction !== SYS_FLAG_TRANSACTION_ROLLBACK;
}

/** Queue offsets that a dispatched record takes: one, or as many as its batch has messages. */
export const offsetsOf = (request: Pick<DispatchRequest, "batchSize">): number => request.batchSize ?? 1;

/** The request of a record read back from the log, as recovery needs it. @param delaysMs by level, the first is level 1 */
export function requestOf(bytes: Uint8Array, layout: RecordLayout, delaysMs: readonly number[]): DispatchRequest {
  const header = readRecordHeader(bytes, layout.at);
  const topic = recordTopic(bytes, layout);
  const properties = recordProperties(bytes, layout);
  return {
    topic,
    queueId: header.queueId,
    physicalOffset: header.physicalOffset,
    size: layout.size,
    tagsCode: tagsCodeOf(topic, properties, header.storeTimestamp, delaysMs),
    storeTimestamp: header.storeTimestamp,
    queueOffset: header.queueOffset,
    sysFlag: header.sysFlag,
    properties,
    batchSize: batchSizeOf(header.sysFlag, properties),
  };
}

function tagsCodeOf(topic: string, properties: string, storeTimestamp: number, delaysMs: readonly number[]): number {
  if (topic === SCHEDULE_TOPIC && delaysMs.length > 0) {
    const level = Number.parseInt(propertyOf(properties, MessageConst.DELAY) ?? "", 10);
    if (level > 0) return storeTimestamp + (delaysMs[Math.min(level, delaysMs.length) - 1] as number);
  }
  const tags = propertyOf(properties, MessageConst.TAGS);
  return tags === undefined ? 0 : hashCode(tags);
}

/** Messages in an inner batch; undefined for a record that is none. */
export function batchSizeOf(sysFlag: number, properties: string): number | undefined {
  if ((sysFlag & SYS_FLAG_INNER_BATCH) === 0) return undefined;
  const count = Number(propertyOf(properties, MessageConst.INNER_NUM));
  return Number.isInteger(count) && count > 0 ? count : 1;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `messageDelayLevel`, as "1s 5s 10s", in ms; the first is level 1. A part that is none ends the list. */
export function delaysOf(messageDelayLevel: string): number[] {
  const delays: number[] = [];
  for (const part of messageDelayLevel.trim().split(/\s+/)) {
    const unit = UNIT_MS[part.slice(-1)];
    const count = Number(part.slice(0, -1));
    if (unit === undefined || !Number.isSafeInteger(count) || part.length < 2) break;
    delays.push(count * unit);
  }
  return delays;
}
