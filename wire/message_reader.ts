/**
 * Reading stored records (`message.ts` has the layout): single fields at their places, a cheap header for scans, and the
 * whole message with every length checked.
 */
import { decodeUtf8, readInt32, readInt64, readSafeInt64, readUint16 } from "./bytes.ts";
import { WireError } from "./errors.ts";
import { HOST_V4_BYTES, HOST_V6_BYTES, readHost } from "./host.ts";
import {
  CRC_PROPERTY_BYTES,
  type Crc32,
  MAGIC_BLANK,
  MAGIC_V1,
  MAGIC_V2,
  PROPERTIES_BYTES_MAX,
  RECORD_AT,
  RECORD_BYTES_MIN,
  SYS_FLAG_BORNHOST_V6,
  SYS_FLAG_STOREHOST_V6,
  writeCrcProperty,
} from "./message.ts";

/** The first 8 bytes: `BLANK_RECORD_BYTES` are enough. `kind` is "end" for a size of 0 or an unknown magic. */
export interface RecordMark {
  readonly kind: "message" | "blank" | "end";
  readonly size: number;
  readonly magic: number;
}

/** Fields with fixed places; nothing beyond byte 68 (80 with an IPv6 born host) is looked at. */
export interface RecordHeader {
  readonly totalSize: number;
  readonly magic: number;
  readonly bodyCrc: number;
  readonly queueId: number;
  readonly flag: number;
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly storeTimestamp: number;
}

/** Where the parts of variable length lie, absolute in the bytes they were found in; all checked against the record. */
export interface RecordLayout {
  readonly at: number;
  readonly size: number;
  readonly bornHostAt: number;
  readonly storeHostAt: number;
  readonly bornAddressBytes: 4 | 16;
  readonly storeAddressBytes: 4 | 16;
  readonly bodyAt: number;
  readonly bodyBytes: number;
  readonly topicAt: number;
  readonly topicBytes: number;
  readonly propertiesAt: number;
  readonly propertiesBytes: number;
}

/** One message, decoded. */
export interface StoredMessage extends RecordHeader {
  readonly topic: string;
  readonly bornHost: string;
  readonly bornPort: number;
  readonly storeHost: string;
  readonly storePort: number;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  /** As stored, perhaps compressed; a view into the bytes it was read from. */
  readonly body: Uint8Array;
  /** Text of `properties.ts`. */
  readonly properties: string;
}

/** @throws nothing; `bytes` must have 8 bytes from `at`. */
export function readRecordMark(bytes: Uint8Array, at = 0): RecordMark {
  const size = readInt32(bytes, at);
  const magic = readInt32(bytes, at + RECORD_AT.magic);
  const message = magic === MAGIC_V1 || magic === MAGIC_V2;
  if (size <= 0 || !(message || magic === MAGIC_BLANK)) return { kind: "end", size, magic };
  return { kind: message ? "message" : "blank", size, magic };
}

/** Where the store timestamp of the record at `at` begins; depends on the born host's kind. */
export function storeTimestampAt(bytes: Uint8Array, at = 0): number {
  const v6 = ((bytes[at + RECORD_AT.sysFlag + 3] as number) & SYS_FLAG_BORNHOST_V6) !== 0;
  return at + RECORD_AT.bornHost + (v6 ? HOST_V6_BYTES : HOST_V4_BYTES);
}

export const readStoreTimestamp = (bytes: Uint8Array, at = 0): number => readInt64(bytes, storeTimestampAt(bytes, at));

/** Unchecked: the bytes are known to hold a record (`readRecordMark`). For scans over many. */
export function readRecordHeader(bytes: Uint8Array, at = 0): RecordHeader {
  return {
    totalSize: readInt32(bytes, at),
    magic: readInt32(bytes, at + RECORD_AT.magic),
    bodyCrc: readInt32(bytes, at + RECORD_AT.bodyCrc),
    queueId: readInt32(bytes, at + RECORD_AT.queueId),
    flag: readInt32(bytes, at + RECORD_AT.flag),
    queueOffset: readInt64(bytes, at + RECORD_AT.queueOffset),
    physicalOffset: readInt64(bytes, at + RECORD_AT.physicalOffset),
    sysFlag: readInt32(bytes, at + RECORD_AT.sysFlag),
    bornTimestamp: readInt64(bytes, at + RECORD_AT.bornTimestamp),
    storeTimestamp: readStoreTimestamp(bytes, at),
  };
}

/**
 * Finds the parts of the record at `at` and checks that they fill it exactly.
 * @throws WireError naming the length, its value and what is allowed.
 */
export function layoutOf(bytes: Uint8Array, at = 0): RecordLayout {
  const left = bytes.length - at;
  if (left < RECORD_BYTES_MIN) throw new WireError(`${left} bytes can't hold a record; the shortest has ${RECORD_BYTES_MIN}`);
  const size = readInt32(bytes, at);
  if (size < RECORD_BYTES_MIN || size > left) {
    throw new WireError(`record size ${size} at byte ${at} is outside ${RECORD_BYTES_MIN}..${left}`);
  }
  const magic = readInt32(bytes, at + RECORD_AT.magic);
  if (magic !== MAGIC_V1 && magic !== MAGIC_V2) {
    throw new WireError(`record magic 0x${(magic >>> 0).toString(16)} at byte ${at + 4} is neither V1 nor V2`);
  }
  const end = at + size;
  const sysFlag = readInt32(bytes, at + RECORD_AT.sysFlag);
  const bornHostAt = at + RECORD_AT.bornHost;
  const bornAddressBytes = (sysFlag & SYS_FLAG_BORNHOST_V6) === 0 ? 4 : 16;
  const storeHostAt = bornHostAt + bornAddressBytes + 4 + 8;
  const storeAddressBytes = (sysFlag & SYS_FLAG_STOREHOST_V6) === 0 ? 4 : 16;
  const bodyAt = storeHostAt + storeAddressBytes + 4 + 16;
  const topicLengthBytes = magic === MAGIC_V1 ? 1 : 2;
  // What must still follow each part bounds it, so that no length field lies outside the record.
  const bodyBytes = within(bodyAt <= end ? readInt32(bytes, bodyAt - 4) : -1, end - bodyAt - topicLengthBytes - 2, "body", at);
  const topicAt = bodyAt + bodyBytes + topicLengthBytes;
  const topicLength = topicLengthBytes === 1 ? (bytes[topicAt - 1] as number) : readUint16(bytes, topicAt - 2);
  const topicBytes = within(topicLength, end - topicAt - 2, "topic", at);
  const propertiesAt = topicAt + topicBytes + 2;
  const propertiesBytes = readUint16(bytes, propertiesAt - 2);
  if (propertiesBytes > PROPERTIES_BYTES_MAX || propertiesBytes !== end - propertiesAt) {
    throw new WireError(
      `properties length ${propertiesBytes} of the record at byte ${at} is not the ${end - propertiesAt} bytes left in it`,
    );
  }
  return {
    at,
    size,
    bornHostAt,
    storeHostAt,
    bornAddressBytes,
    storeAddressBytes,
    bodyAt,
    bodyBytes,
    topicAt,
    topicBytes,
    propertiesAt,
    propertiesBytes,
  };
}

/**
 * True when the lengths of body, topic and properties fill the `size` bytes of the record at `at` exactly. A client drops
 * all that follows a record in which they do not, so this is asked before one is delivered; nothing is allocated.
 * `bytes` holds the record, whose own size and magic were found right.
 */
export function frameHolds(bytes: Uint8Array, at: number, size: number): boolean {
  const sysFlag = bytes[at + RECORD_AT.sysFlag + 3] as number;
  const hostsMore = ((sysFlag & SYS_FLAG_BORNHOST_V6) === 0 ? 0 : 12) + ((sysFlag & SYS_FLAG_STOREHOST_V6) === 0 ? 0 : 12);
  const bodyAt = RECORD_BYTES_MIN - 3 + hostsMore;
  const topicLengthBytes = readInt32(bytes, at + RECORD_AT.magic) === MAGIC_V1 ? 1 : 2;
  // Body, length of the topic, length of the properties.
  if (bodyAt + topicLengthBytes + 2 > size) return false;
  const bodyBytes = readInt32(bytes, at + bodyAt - 4);
  const topicAt = bodyAt + bodyBytes + topicLengthBytes;
  if (bodyBytes < 0 || topicAt + 2 > size) return false;
  const topicBytes = topicLengthBytes === 1 ? (bytes[at + topicAt - 1] as number) : readUint16(bytes, at + topicAt - 2);
  const propertiesAt = topicAt + topicBytes + 2;
  return propertiesAt <= size && propertiesAt + readUint16(bytes, at + propertiesAt - 2) === size;
}

/** Where the properties of the record at `at` begin, whose frame holds (`frameHolds`); they go on to its end. */
export function propertiesAt(bytes: Uint8Array, at: number): number {
  const sysFlag = bytes[at + RECORD_AT.sysFlag + 3] as number;
  const hostsMore = ((sysFlag & SYS_FLAG_BORNHOST_V6) === 0 ? 0 : 12) + ((sysFlag & SYS_FLAG_STOREHOST_V6) === 0 ? 0 : 12);
  const bodyAt = at + RECORD_BYTES_MIN - 3 + hostsMore;
  const topicAt = bodyAt + readInt32(bytes, bodyAt - 4);
  return readInt32(bytes, at + RECORD_AT.magic) === MAGIC_V1
    ? topicAt + 1 + (bytes[topicAt] as number) + 2
    : topicAt + 2 + readUint16(bytes, topicAt) + 2;
}

function within(length: number, room: number, of: string, at: number): number {
  if (length >= 0 && length <= room) return length;
  throw new WireError(`${of} length ${length} of the record at byte ${at} is outside 0..${Math.max(0, room)}`);
}

/**
 * Decodes the record at `at`. Does not check the body's CRC: the digest is a port (`bodyCrc` is there to compare).
 * @throws WireError when a length, the magic or an offset is not what the layout says.
 */
export function decodeRecord(bytes: Uint8Array, at = 0): StoredMessage {
  const layout = layoutOf(bytes, at);
  const { bornHostAt, bornAddressBytes, storeHostAt, storeAddressBytes, bodyAt } = layout;
  const storeHostEnd = storeHostAt + storeAddressBytes + 4;
  return {
    totalSize: layout.size,
    magic: readInt32(bytes, at + RECORD_AT.magic),
    bodyCrc: readInt32(bytes, at + RECORD_AT.bodyCrc),
    queueId: readInt32(bytes, at + RECORD_AT.queueId),
    flag: readInt32(bytes, at + RECORD_AT.flag),
    queueOffset: readSafeInt64(bytes, at + RECORD_AT.queueOffset, "queue offset"),
    physicalOffset: readSafeInt64(bytes, at + RECORD_AT.physicalOffset, "physical offset"),
    sysFlag: readInt32(bytes, at + RECORD_AT.sysFlag),
    bornTimestamp: readSafeInt64(bytes, at + RECORD_AT.bornTimestamp, "born timestamp"),
    bornHost: readHost(bytes, bornHostAt, bornAddressBytes),
    bornPort: readInt32(bytes, bornHostAt + bornAddressBytes),
    storeTimestamp: readSafeInt64(bytes, storeHostAt - 8, "store timestamp"),
    storeHost: readHost(bytes, storeHostAt, storeAddressBytes),
    storePort: readInt32(bytes, storeHostAt + storeAddressBytes),
    reconsumeTimes: readInt32(bytes, storeHostEnd),
    preparedTransactionOffset: readSafeInt64(bytes, storeHostEnd + 4, "prepared transaction offset"),
    body: bytes.subarray(bodyAt, bodyAt + layout.bodyBytes),
    topic: recordTopic(bytes, layout),
    properties: recordProperties(bytes, layout),
  };
}

/**
 * Decodes records that follow each other, as a pull returns them.
 * @throws WireError as `decodeRecord`; also when bytes are left over.
 */
export function decodeRecords(bytes: Uint8Array): StoredMessage[] {
  const messages: StoredMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const message = decodeRecord(bytes, at);
    messages.push(message);
    at += message.totalSize;
  }
  return messages;
}

export const recordTopic = (bytes: Uint8Array, layout: RecordLayout): string =>
  decodeUtf8(bytes.subarray(layout.topicAt, layout.topicAt + layout.topicBytes));

export const recordProperties = (bytes: Uint8Array, layout: RecordLayout): string =>
  decodeUtf8(bytes.subarray(layout.propertiesAt, layout.propertiesAt + layout.propertiesBytes));

export const recordBody = (bytes: Uint8Array, layout: RecordLayout): Uint8Array =>
  bytes.subarray(layout.bodyAt, layout.bodyAt + layout.bodyBytes);

/** True when the record's body has the CRC that the record says. */
export const bodyCrcHolds = (bytes: Uint8Array, layout: RecordLayout, crc32: Crc32): boolean =>
  (crc32(recordBody(bytes, layout)) & 0x7fff_ffff) === readInt32(bytes, layout.at + RECORD_AT.bodyCrc);

/**
 * Checks the CRC property at the end of a record's properties (`forceVerifyPropCRC`).
 * @returns undefined when the record has none.
 */
export function propertyCrcHolds(bytes: Uint8Array, layout: RecordLayout, crc32: Crc32): boolean | undefined {
  const blockAt = layout.at + layout.size - CRC_PROPERTY_BYTES;
  if (layout.propertiesBytes < CRC_PROPERTY_BYTES) return undefined;
  const expected = new Uint8Array(CRC_PROPERTY_BYTES);
  writeCrcProperty(expected, 0, crc32(bytes.subarray(layout.at, blockAt)));
  const nameAndMarkBytes = CRC_PROPERTY_BYTES - 11;
  for (let i = 0; i < nameAndMarkBytes; i++) if (bytes[blockAt + i] !== expected[i]) return undefined;
  for (let i = nameAndMarkBytes; i < CRC_PROPERTY_BYTES; i++) if (bytes[blockAt + i] !== expected[i]) return false;
  return true;
}
