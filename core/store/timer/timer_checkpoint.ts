/**
 * TimerCheckpoint (file `config/timercheck`, 4,096 bytes): up to where the timer's work is on the disk.
 *
 * ```
 *  0 int64 lastReadTimeMs          slots before it are delivered
 *  8 int64 lastTimerLogFlushPos    units before it are in the log and in the wheel
 * 16 int64 lastTimerQueueOffset    messages of the timer topic before it have a unit or are delivered
 * 24 int64 masterTimerQueueOffset  the same of the master
 * 32 int64 stateVersion  40 int64 timestamp  48 int64 counter       its data version
 * ```
 * So far Apache's, and the body of GET_TIMER_CHECK_POINT. Apache never touches what is behind it; there we note what a start
 * after a crash needs to deliver nothing twice:
 *
 * ```
 *  64 int64 mark   72 int64 deliveredPosition   80 int64 searchFrom   88 int64 waiting
 *  96 int32 precisionMs   100 int32 closed in order   104 int32 CRC-32 of all before
 * ```
 * The CRC covers Apache's part: when Apache has written since, ours no longer counts.
 */
import { readInt32, readInt64, writeInt32, writeInt64 } from "../../../wire/bytes.ts";
import type { Digest, FileHandle, Files } from "../../runtime.ts";

const FILE_BYTES = 4096;
/** Body of GET_TIMER_CHECK_POINT. */
const APACHE_BYTES = 56;
const OWN_AT = 64;
const CRC_AT = 104;
const USED_BYTES = 108;
/** "EDGEMQT" and a version, as a number. */
const MARK = 0x45_4447_4501;

/** What only we write. */
export interface OwnCheckpoint {
  /** Units of the slot lastReadTimeMs up to this position are delivered; -1: none. */
  readonly deliveredPosition: number;
  /** Whatever was delivered after this checkpoint stands in the log from here on. */
  readonly searchFrom: number;
  /** Units in slots from lastReadTimeMs on. */
  readonly waiting: number;
  readonly precisionMs: number;
  /** Nothing was delivered after this checkpoint. */
  readonly closed: boolean;
}

export class TimerCheckpoint {
  lastReadTimeMs = 0;
  lastTimerLogFlushPos = 0;
  lastTimerQueueOffset = 0;
  masterTimerQueueOffset = 0;
  stateVersion = 0;
  timestamp = 0;
  counter = 0;
  /** Undefined when the file is new, or Apache wrote it last. */
  own: OwnCheckpoint | undefined;
  readonly #files: Files;
  readonly #digest: Digest;
  readonly #path: string;
  #handle: FileHandle | undefined;

  constructor(files: Files, digest: Digest, path: string) {
    this.#files = files;
    this.#digest = digest;
    this.#path = path;
  }

  /** False when the file is absent or can't be one: nothing is known then. */
  load(): boolean {
    const bytes = this.#files.read(this.#path);
    if (bytes === undefined || bytes.length < APACHE_BYTES) return false;
    const field = (at: number): number => {
      const value = readInt64(bytes, at);
      return Number.isSafeInteger(value) && value >= 0 ? value : 0;
    };
    this.lastReadTimeMs = field(0);
    this.lastTimerLogFlushPos = field(8);
    this.lastTimerQueueOffset = field(16);
    this.masterTimerQueueOffset = field(24);
    this.stateVersion = field(32);
    this.timestamp = field(40);
    this.counter = field(48);
    this.own = undefined;
    if (bytes.length < USED_BYTES || readInt64(bytes, OWN_AT) !== MARK) return true;
    if (readInt32(bytes, CRC_AT) !== (this.#digest.crc32(bytes.subarray(0, CRC_AT)) | 0)) return true;
    this.own = {
      deliveredPosition: readInt64(bytes, OWN_AT + 8),
      searchFrom: readInt64(bytes, OWN_AT + 16),
      waiting: readInt64(bytes, OWN_AT + 24),
      precisionMs: readInt32(bytes, OWN_AT + 32),
      closed: readInt32(bytes, OWN_AT + 36) === 1,
    };
    return true;
  }

  /** The 56 bytes that Apache knows. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(APACHE_BYTES);
    this.#write(bytes);
    return bytes;
  }

  /** Puts the fields into the file's first sector, which changes as a whole or not at all. @throws RuntimeFault */
  async save(sync: boolean): Promise<void> {
    const bytes = new Uint8Array(USED_BYTES);
    this.#write(bytes);
    if (this.own !== undefined) {
      writeInt64(bytes, OWN_AT, MARK);
      writeInt64(bytes, OWN_AT + 8, this.own.deliveredPosition);
      writeInt64(bytes, OWN_AT + 16, this.own.searchFrom);
      writeInt64(bytes, OWN_AT + 24, this.own.waiting);
      writeInt32(bytes, OWN_AT + 32, this.own.precisionMs);
      writeInt32(bytes, OWN_AT + 36, this.own.closed ? 1 : 0);
      writeInt32(bytes, CRC_AT, this.#digest.crc32(bytes.subarray(0, CRC_AT)));
    }
    const file = this.#open();
    file.writeSync(bytes, 0);
    if (sync) await file.dataSync();
  }

  close(): void {
    this.#handle?.close();
    this.#handle = undefined;
  }

  #open(): FileHandle {
    if (this.#handle !== undefined) return this.#handle;
    const directory = this.#path.slice(0, this.#path.lastIndexOf("/"));
    this.#files.makeDirectory(directory);
    const file = this.#files.open(this.#path, { create: true });
    if (file.size() !== FILE_BYTES) {
      file.truncate(FILE_BYTES);
      this.#files.syncDirectory(directory);
    }
    this.#handle = file;
    return file;
  }

  #write(bytes: Uint8Array): void {
    writeInt64(bytes, 0, this.lastReadTimeMs);
    writeInt64(bytes, 8, this.lastTimerLogFlushPos);
    writeInt64(bytes, 16, this.lastTimerQueueOffset);
    writeInt64(bytes, 24, this.masterTimerQueueOffset);
    writeInt64(bytes, 32, this.stateVersion);
    writeInt64(bytes, 40, this.timestamp);
    writeInt64(bytes, 48, this.counter);
  }
}
