/**
 * The stored record: one message in the commit log, and as PULL, QUERY and VIEW return it.
 *
 * ```
 *  0 int32 totalSize          whole record                 28 int64 physicalOffset   of byte 0
 *  4 int32 magic              V1, V2 or blank              36 int32 sysFlag
 *  8 int32 bodyCrc            CRC-32 & 0x7FFFFFFF          40 int64 bornTimestamp    ms
 * 12 int32 queueId                                         48 host  bornHost         8 or 20 bytes (sysFlag BORNHOST_V6)
 * 16 int32 flag               the user's                   .. int64 storeTimestamp   ms
 * 20 int64 queueOffset                                     .. host  storeHost        8 or 20 bytes
 * .. int32 reconsumeTimes  int64 preparedTransactionOffset  int32 bodyLength  body
 * .. int8 (V1) or int16 (V2) topicLength  topic  int16 propertiesLength  properties
 * ```
 * A host is the raw address, then the port as int32. With `enabledAppendPropCRC` the properties end with a block of 20
 * bytes, `__CRC32#` 0x01, ten digits, 0x02, whose CRC covers all before it.
 *
 * This file owns the layout: sizes, flags, and the encoder, which writes straight into the tail of the log. Reading is in
 * `message_reader.ts`, the text of the properties in `properties.ts`.
 */
import { writeInt16, writeInt32, writeInt64, writeUtf8 } from "./bytes.ts";
import { WireError } from "./errors.ts";
import { HOST_V4_BYTES, HOST_V6_BYTES, isV6, writeHost } from "./host.ts";
import { MessageConst } from "./message_const.ts";
import { removeProperty } from "./properties.ts";

export const MAGIC_V1 = -626843481;
/** Two-byte topic length. */
export const MAGIC_V2 = -626843477;
/** Fills a file whose rest is too short for the next record. */
export const MAGIC_BLANK = -875286124;

/** int32 size of the gap, int32 magic. */
export const BLANK_RECORD_BYTES = 8;

export const SYS_FLAG_COMPRESSED = 0x1;
export const SYS_FLAG_MULTI_TAGS = 0x2;
export const SYS_FLAG_TRANSACTION_MASK = 0xc;
export const SYS_FLAG_TRANSACTION_PREPARED = 0x4;
export const SYS_FLAG_TRANSACTION_COMMIT = 0x8;
export const SYS_FLAG_TRANSACTION_ROLLBACK = 0xc;
export const SYS_FLAG_BORNHOST_V6 = 0x10;
export const SYS_FLAG_STOREHOST_V6 = 0x20;
export const SYS_FLAG_NEED_UNWRAP = 0x40;
export const SYS_FLAG_INNER_BATCH = 0x80;
/** 0x100 LZ4, 0x200 ZSTD, 0x300 ZLIB, 0 the zlib of old clients. */
export const SYS_FLAG_COMPRESSION_TYPE_MASK = 0x700;

/** A record without body, topic and properties: V1, both hosts IPv4. */
export const RECORD_BYTES_MIN = 91;
/** Topics of more UTF-16 units than this make a V2 record. */
export const TOPIC_V1_CHARS_MAX = 127;
/** The length field is a signed int16. */
export const PROPERTIES_BYTES_MAX = 32_767;
/** A topic's length field holds one byte in V1. */
const TOPIC_V1_BYTES_MAX = 255;

/** Bytes that `enabledAppendPropCRC` adds: name, 0x01, ten digits, 0x02. */
export const CRC_PROPERTY_BYTES = 20;

/** Places that do not depend on the hosts' kinds. */
export const RECORD_AT = {
  totalSize: 0,
  magic: 4,
  bodyCrc: 8,
  queueId: 12,
  flag: 16,
  queueOffset: 20,
  physicalOffset: 28,
  sysFlag: 36,
  bornTimestamp: 40,
  bornHost: 48,
} as const;

/** What a message brings to the log. `MessageInput` of the store is one. */
export interface RecordInput {
  readonly topic: string;
  readonly queueId: number;
  readonly flag: number;
  /** The bits of the hosts' kinds are set and cleared by the encoder. */
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  /** IP literals. */
  readonly bornHost: string;
  readonly bornPort: number;
  readonly storeHost: string;
  readonly storePort: number;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  readonly body: Uint8Array;
  /** Text of `properties.ts`, or the same already in UTF-8. */
  readonly properties: string | Uint8Array;
  /** Pairs in UTF-8 that are stored behind `properties`, which end with 0x02: those that many messages have in common. */
  readonly commonProperties?: Uint8Array | undefined;
}

/** What the log adds. */
export interface RecordPlacement {
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly storeTimestamp: number;
  /** CRC-32 of the body as stored; only its low 31 bits are written. */
  readonly bodyCrc: number;
}

/** CRC-32 of IEEE 802.3, unsigned or signed; only the low 31 bits are used. */
export type Crc32 = (bytes: Uint8Array) => number;

/** Bytes of a record with these parts. */
export function recordSize(
  bodyBytes: number,
  topicBytes: number,
  propertiesBytes: number,
  hosts: { bornHost: string; storeHost: string },
  topicLengthBytes: 1 | 2 = 1,
): number {
  return (
    RECORD_BYTES_MIN -
    1 +
    topicLengthBytes +
    (isV6(hosts.bornHost) ? HOST_V6_BYTES - HOST_V4_BYTES : 0) +
    (isV6(hosts.storeHost) ? HOST_V6_BYTES - HOST_V4_BYTES : 0) +
    bodyBytes +
    topicBytes +
    propertiesBytes
  );
}

/** No record of `input` is longer: three bytes a character, both hosts IPv6, with the CRC block. For reserving room. */
export function recordSizeBound(input: RecordInput): number {
  const { properties } = input;
  return (
    RECORD_BYTES_MIN +
    1 +
    2 * (HOST_V6_BYTES - HOST_V4_BYTES) +
    CRC_PROPERTY_BYTES +
    1 +
    input.body.length +
    3 * input.topic.length +
    (typeof properties === "string" ? 3 * properties.length : properties.length) +
    (input.commonProperties?.length ?? 0)
  );
}

/**
 * Writes the record at `at` and returns its size. `target` needs `recordSizeBound(input)` bytes from there.
 *
 * Nothing is allocated for ASCII text. The size is known only afterwards: a caller that must know it before (the rest of
 * the file may be too short) asks `recordSize`, or writes and moves the record with `placeRecord`.
 * @param crc32 asks for the CRC property (`enabledAppendPropCRC`).
 * @param batchEntry an entry of a batch: its CRC property follows without a separator of its own, as in Apache.
 * @throws WireError when topic or properties do not fit their length fields, or a host is not an IP literal.
 */
export function writeRecord(
  target: Uint8Array,
  at: number,
  input: RecordInput,
  placement: RecordPlacement,
  crc32?: Crc32,
  batchEntry = false,
): number {
  const bornHostEnd = at + RECORD_AT.bornHost + writeHost(target, at + RECORD_AT.bornHost, input.bornHost, input.bornPort);
  const storeHostAt = bornHostEnd + 8;
  const storeHostEnd = storeHostAt + writeHost(target, storeHostAt, input.storeHost, input.storePort);
  const bodyAt = storeHostEnd + 16;
  const v2 = input.topic.length > TOPIC_V1_CHARS_MAX;
  const topicAt = bodyAt + input.body.length + (v2 ? 2 : 1);

  writeInt32(target, at + RECORD_AT.magic, v2 ? MAGIC_V2 : MAGIC_V1);
  writeInt32(target, at + RECORD_AT.bodyCrc, placement.bodyCrc & 0x7fff_ffff);
  writeInt32(target, at + RECORD_AT.queueId, input.queueId);
  writeInt32(target, at + RECORD_AT.flag, input.flag);
  writeInt64(target, at + RECORD_AT.queueOffset, placement.queueOffset);
  writeInt64(target, at + RECORD_AT.physicalOffset, placement.physicalOffset);
  writeInt32(
    target,
    at + RECORD_AT.sysFlag,
    (input.sysFlag & ~(SYS_FLAG_BORNHOST_V6 | SYS_FLAG_STOREHOST_V6)) |
      (bornHostEnd - at - RECORD_AT.bornHost === HOST_V6_BYTES ? SYS_FLAG_BORNHOST_V6 : 0) |
      (storeHostEnd - storeHostAt === HOST_V6_BYTES ? SYS_FLAG_STOREHOST_V6 : 0),
  );
  writeInt64(target, at + RECORD_AT.bornTimestamp, input.bornTimestamp);
  writeInt64(target, bornHostEnd, placement.storeTimestamp);
  writeInt32(target, storeHostEnd, input.reconsumeTimes);
  writeInt64(target, storeHostEnd + 4, input.preparedTransactionOffset);
  writeInt32(target, storeHostEnd + 12, input.body.length);
  target.set(input.body, bodyAt);

  const topicBytes = writeUtf8(target, topicAt, input.topic);
  if (v2) writeInt16(target, topicAt - 2, topicBytes);
  else if (topicBytes <= TOPIC_V1_BYTES_MAX) target[topicAt - 1] = topicBytes;
  else throw new WireError(`topic "${input.topic.slice(0, 40)}" has ${topicBytes} bytes; ${TOPIC_V1_BYTES_MAX} fit`);

  const propertiesAt = topicAt + topicBytes + 2;
  let propertiesBytes = writeProperties(target, propertiesAt, input.properties, crc32 !== undefined);
  const { commonProperties } = input;
  if (commonProperties !== undefined) propertiesBytes += writeBytes(target, propertiesAt + propertiesBytes, commonProperties);
  if (crc32 !== undefined) {
    const last = propertiesAt + propertiesBytes - 1;
    if (!batchEntry && propertiesBytes > 0 && target[last] !== 2) {
      target[last + 1] = 2;
      propertiesBytes++;
    }
    propertiesBytes += CRC_PROPERTY_BYTES;
  }
  if (propertiesBytes > PROPERTIES_BYTES_MAX) {
    throw new WireError(`the properties of a message to "${input.topic}" have ${propertiesBytes} bytes; 32767 fit`);
  }
  writeInt16(target, propertiesAt - 2, propertiesBytes);
  const size = propertiesAt + propertiesBytes - at;
  writeInt32(target, at, size);
  if (crc32 !== undefined) sealRecord(target, at, size, crc32);
  return size;
}

function writeProperties(target: Uint8Array, at: number, properties: string | Uint8Array, withoutCrc: boolean): number {
  if (typeof properties === "string") {
    return writeUtf8(target, at, withoutCrc ? removeProperty(properties, MessageConst.CRC32) : properties);
  }
  target.set(properties, at);
  return properties.length;
}

/** Returns their number. A loop: for some tens of bytes a call of `set` costs more. */
function writeBytes(target: Uint8Array, at: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) target[at + i] = bytes[i] as number;
  return bytes.length;
}

/**
 * Gives a record that was already written its final place. Records with the CRC property need `sealRecord` after it.
 * @param at where the record begins; its born host may be of either kind.
 */
export function placeRecord(
  target: Uint8Array,
  at: number,
  placement: Pick<RecordPlacement, "queueOffset" | "physicalOffset" | "storeTimestamp">,
): void {
  writeInt64(target, at + RECORD_AT.queueOffset, placement.queueOffset);
  writeInt64(target, at + RECORD_AT.physicalOffset, placement.physicalOffset);
  const v6 = ((target[at + RECORD_AT.sysFlag + 3] as number) & SYS_FLAG_BORNHOST_V6) !== 0;
  writeInt64(target, at + RECORD_AT.bornHost + (v6 ? HOST_V6_BYTES : HOST_V4_BYTES), placement.storeTimestamp);
}

/** Writes the CRC property into the last 20 bytes of a record whose other bytes are final. */
export function sealRecord(target: Uint8Array, at: number, size: number, crc32: Crc32): void {
  const blockAt = at + size - CRC_PROPERTY_BYTES;
  writeCrcProperty(target, blockAt, crc32(target.subarray(at, blockAt)));
}

/** `__CRC32#` 0x01, the decimal digits of the CRC, the least significant first, ten of them, 0x02. */
export function writeCrcProperty(target: Uint8Array, at: number, crc: number): void {
  const digitsAt = at + writeUtf8(target, at, MessageConst.CRC32) + 1;
  target[digitsAt - 1] = 1;
  let rest = crc & 0x7fff_ffff;
  for (let i = 0; i < 10; i++) {
    target[digitsAt + i] = 48 + (rest % 10);
    rest = Math.trunc(rest / 10);
  }
  target[digitsAt + 10] = 2;
}

/** Says that the file holds nothing more; `gapBytes` (8 or more) reach to its end. */
export function writeBlankRecord(target: Uint8Array, at: number, gapBytes: number): void {
  writeInt32(target, at, gapBytes);
  writeInt32(target, at + 4, MAGIC_BLANK);
}
