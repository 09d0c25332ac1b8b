/**
 * Reading the log as recovery does: forwards, in blocks of 1 MiB off the event loop, and checking records in place.
 *
 * Memory is bounded by what is true on the disk: a record longer than a block gets a buffer of its own only after its
 * lengths, read one by one, have been found to fill it exactly.
 */
import { readInt32, readInt64, readUint16 } from "../../wire/bytes.ts";
import type { Crc32 } from "../../wire/message.ts";
import {
  BLANK_RECORD_BYTES,
  MAGIC_V1,
  RECORD_AT,
  RECORD_BYTES_MIN,
  SYS_FLAG_BORNHOST_V6,
  SYS_FLAG_STOREHOST_V6,
} from "../../wire/message.ts";
import { bodyCrcHolds, layoutOf, propertyCrcHolds, type RecordLayout, readRecordMark } from "../../wire/message_reader.ts";
import type { FileQueue } from "./file_queue.ts";

export const RECOVERY_BLOCK_BYTES = 1024 * 1024;
/** What a disk writes as a whole or not at all; pages, which a power cut takes, are made of them. */
const SECTOR_BYTES = 512;

export interface RecordChecks {
  readonly crc32: Crc32;
  /** checkCRCOnRecover */
  readonly bodyCrc: boolean;
  /** forceVerifyPropCRC */
  readonly propertyCrc: boolean;
  /** Records before it are on the disk as they were written; of those behind a crash may have taken sectors. */
  readonly wholeBefore: number;
}

/** What stands at a place of the log. `bytes` are valid until the reader is asked again. */
export type Standing =
  | { readonly kind: "record"; readonly bytes: Uint8Array; readonly layout: RecordLayout }
  /** The rest of the file is filler. */
  | { readonly kind: "blank" }
  /** Size and magic are zero, or the file ends here. */
  | { readonly kind: "nothing" }
  /** `size`: what the record says, if it fits into the file. `frame`: the record, when only a CRC does not hold. */
  | { readonly kind: "broken"; readonly why: string; readonly size: number; readonly frame?: RecordFrame };

export interface RecordFrame {
  readonly bytes: Uint8Array;
  readonly layout: RecordLayout;
}

const BLANK: Standing = { kind: "blank" };
const NOTHING: Standing = { kind: "nothing" };

export class RecoveryReader {
  readonly #files: FileQueue;
  readonly #checks: RecordChecks;
  readonly #block = new Uint8Array(RECOVERY_BLOCK_BYTES);
  #blockAt = 0;
  #blockBytes = 0;

  constructor(files: FileQueue, checks: RecordChecks) {
    this.#files = files;
    this.#checks = checks;
  }

  /**
   * A record counts when its size lies in its file, magic and lengths are right, its own physical offset is `at`, and its
   * CRC, where that is asked for, holds. Undefined when the block has to be read first: see `load`. Split in two so that
   * records in one block cost no promise.
   */
  standingAt(at: number): Standing | undefined {
    const room = this.#roomAt(at);
    if (room < BLANK_RECORD_BYTES) return NOTHING;
    if (!this.#has(at, BLANK_RECORD_BYTES)) return undefined;
    // An int32, and known as such: an index that may be any double costs every read of a field.
    const begin = (at - this.#blockAt) | 0;
    const { kind, size, magic } = readRecordMark(this.#block, begin);
    if (kind === "blank") return BLANK;
    if (size === 0 && magic === 0) return NOTHING;
    if (kind === "end") return { kind: "broken", why: `size ${size} and magic ${magic} begin no record`, size: 0 };
    if (size < RECORD_BYTES_MIN || size > room) {
      return { kind: "broken", why: `record size ${size} is outside ${RECORD_BYTES_MIN}..${room}`, size: 0 };
    }
    if (!this.#has(at, Math.min(size, RECOVERY_BLOCK_BYTES))) return undefined;
    const physical = readInt64(this.#block, begin + RECORD_AT.physicalOffset);
    if (physical !== at) return { kind: "broken", why: `a record at ${at} says that it stands at ${physical}`, size };
    if (size > RECOVERY_BLOCK_BYTES) return undefined;
    return this.#check(this.#block.subarray(0, begin + size), begin, at);
  }

  /** Reads what `standingAt` lacked, and answers in its place. @throws RuntimeFault when the disk can't be read */
  async load(at: number): Promise<Standing> {
    if (!this.#has(at, RECOVERY_BLOCK_BYTES)) {
      this.#blockAt = at;
      this.#blockBytes = await this.#files.read(this.#block.subarray(0, Math.min(RECOVERY_BLOCK_BYTES, this.#roomAt(at))), at);
    }
    const found = this.standingAt(at);
    if (found !== undefined) return found;
    if (!this.#has(at, RECOVERY_BLOCK_BYTES)) return NOTHING;
    return this.#large(at, readInt32(this.#block, at - this.#blockAt));
  }

  /** As `standingAt`, with a block of its own where one is needed. */
  async at(at: number): Promise<Standing> {
    return this.standingAt(at) ?? (await this.load(at));
  }

  /** A record that does not fit into the block; its first megabyte is there. */
  async #large(at: number, size: number): Promise<Standing> {
    const unlike = await this.#lengthsUnlike(at, size);
    if (unlike !== undefined) return { kind: "broken", why: unlike, size };
    const record = new Uint8Array(size);
    if ((await this.#files.read(record, at)) < size) return NOTHING;
    return this.#check(record, 0, at);
  }

  /** Why the lengths in a large record do not make up its size. */
  async #lengthsUnlike(at: number, size: number): Promise<string | undefined> {
    const head = this.#block.subarray(at - this.#blockAt);
    const sysFlag = readInt32(head, RECORD_AT.sysFlag);
    const hosts = (sysFlag & SYS_FLAG_BORNHOST_V6 ? 12 : 0) + (sysFlag & SYS_FLAG_STOREHOST_V6 ? 12 : 0);
    const bodyAt = RECORD_BYTES_MIN - 3 + hosts;
    const bodyBytes = readInt32(head, bodyAt - 4);
    const topicLengthBytes = readInt32(head, RECORD_AT.magic) === MAGIC_V1 ? 1 : 2;
    const topicAt = bodyAt + bodyBytes + topicLengthBytes;
    if (bodyBytes < 0 || topicAt + 2 > size)
      return `body length ${bodyBytes} of the record at ${at} does not fit its size ${size}`;
    const field = new Uint8Array(2);
    const read = async (offset: number): Promise<number> => {
      await this.#files.read(field, at + offset);
      return readUint16(field, 0);
    };
    const topicBytes = topicLengthBytes === 1 ? (await read(topicAt - 1)) >>> 8 : await read(topicAt - 2);
    const propertiesAt = topicAt + topicBytes + 2;
    if (propertiesAt > size) return `topic length ${topicBytes} of the record at ${at} does not fit its size ${size}`;
    const propertiesBytes = await read(propertiesAt - 2);
    if (propertiesAt + propertiesBytes === size) return undefined;
    return `the lengths of the record at ${at} make ${propertiesAt + propertiesBytes} bytes, but its size is ${size}`;
  }

  /** `bytes` ends with the record. */
  #check(bytes: Uint8Array, begin: number, at: number): Standing {
    const size = bytes.length - begin;
    let layout: RecordLayout;
    try {
      layout = layoutOf(bytes, begin);
    } catch (error) {
      return { kind: "broken", why: (error as Error).message, size };
    }
    const { crc32, bodyCrc, propertyCrc } = this.#checks;
    if (bodyCrc && !bodyCrcHolds(bytes, layout, crc32)) {
      return { kind: "broken", why: `the CRC of the body at ${at} does not hold`, size, frame: { bytes, layout } };
    }
    if (propertyCrc && propertyCrcHolds(bytes, layout, crc32) === false) {
      return { kind: "broken", why: `the CRC property of the record at ${at} does not hold`, size, frame: { bytes, layout } };
    }
    const tornAt = at < this.#checks.wholeBefore ? -1 : this.#tornAt(bytes, layout, at);
    if (tornAt < 0) return { kind: "record", bytes, layout };
    const why = `the record at ${at} is torn: the sector at ${at + tornAt - begin} is empty`;
    // Without its topic nobody knows whose message it was.
    const isTopicThere = tornAt >= layout.topicAt + layout.topicBytes;
    return { kind: "broken", why, size, ...(isTopicThere ? { frame: { bytes, layout } } : {}) };
  }

  /**
   * Where in `bytes` a sector begins that never reached the disk; -1 without. It is looked for in topic and properties, over
   * which a record need not have a CRC: without any other part the lengths or the body's CRC do not hold, and no properties
   * have zeros through a whole sector. Of the last one what lies behind the record must be empty as well: had anything been
   * written there, the record's end was with it.
   */
  #tornAt(bytes: Uint8Array, { at: begin, topicAt }: RecordLayout, at: number): number {
    const end = bytes.length;
    // A place in its file, less its place in `bytes`.
    const shift = (at % this.#files.fileSize) - begin;
    for (let sector = topicAt + sectorRest(topicAt + shift); sector < end; sector += SECTOR_BYTES) {
      if (bytes[sector] !== 0) continue;
      let used = sector;
      while (used < end && used < sector + SECTOR_BYTES && bytes[used] === 0) used++;
      if (used === sector + SECTOR_BYTES || (used === end && this.#isEmpty(at + end - begin, sectorRest(end + shift))))
        return sector;
    }
    return -1;
  }

  /** Seldom asked. */
  #isEmpty(at: number, bytes: number): boolean {
    const rest = new Uint8Array(Math.min(bytes, this.#roomAt(at)));
    this.#files.readSync(rest, at);
    return rest.every((byte) => byte === 0);
  }

  #has(at: number, bytes: number): boolean {
    return at >= this.#blockAt && at + bytes <= this.#blockAt + this.#blockBytes;
  }

  #roomAt(at: number): number {
    return this.#files.fileAt(at) === undefined ? 0 : this.#files.fileSize - (at % this.#files.fileSize);
  }
}

/** Bytes from a place in a file to where the next sector begins; 0 where one does. */
const sectorRest = (place: number): number => (SECTOR_BYTES - (place % SECTOR_BYTES)) % SECTOR_BYTES;
