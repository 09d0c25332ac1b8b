/**
 * TimerLog (`timerlog/`): one unit of 52 bytes for every message that waits in the wheel, in the order of the timer topic.
 * The units of a slot are a chain, from the newest back.
 *
 * ```
 *  0 int32 size (52)             16 int64 enqueueTimeMs          36 int32 size of the message's record
 *  4 int64 position before, -1   24 int32 outTimeMs - enqueueTimeMs  40 int32 Java hash of REAL_TOPIC
 * 12 int32 magic 1 | 2 | 4       28 int64 physical offset        44 int64 0
 * ```
 * A file ends with a blank of 16 bytes or more: int32 bytes left, int64 0, int32 magic of a blank.
 *
 * Units are gathered in memory and written in one go. What a crash takes is read again from the timer topic, whose message
 * a unit points at: the topic is the truth, the log an index into it.
 */
import { readInt32, readInt64, writeInt32, writeInt64 } from "../../../wire/bytes.ts";
import { MAGIC_BLANK } from "../../../wire/message.ts";
import type { Files } from "../../runtime.ts";
import { FileQueue } from "../file_queue.ts";
import { OpenFiles } from "../open_files.ts";

export const TIMER_UNIT_BYTES = 52;
/** Every unit has it. */
export const TIMER_MAGIC_DEFAULT = 1;
/** The time is the end of the window, not the message's: it is put into the timer topic again. */
export const TIMER_MAGIC_ROLL = 2;
/** Cancels another message of the slot. */
export const TIMER_MAGIC_DELETE = 4;

const BLANK_BYTES_MIN = 16;
/** Units gathered before a write: 52 KiB. */
const PENDING_UNITS_MAX = 1024;
/** Read at once: 63 KiB of whole units. */
const BLOCK_UNITS = 1260;
const BLOCK_BYTES = BLOCK_UNITS * TIMER_UNIT_BYTES;
/** Blocks kept for walking chains, 4 MiB: slots that lie near each other in time have their units in the same blocks. */
const BLOCKS_MAX = 64;
const OPEN_FILES_MAX = 8;

export interface TimerUnit {
  /** Of the unit that entered the slot before; -1 for the first. */
  readonly previous: number;
  readonly magic: number;
  readonly enqueueTimeMs: number;
  /** The slot's time or a little after it, ms. */
  readonly outTimeMs: number;
  readonly physicalOffset: number;
  readonly size: number;
  readonly topicHash: number;
}

export interface PlacedTimerUnit extends TimerUnit {
  readonly position: number;
}

interface Block {
  readonly bytes: Uint8Array;
  /** Bytes of it that were in the log when it was read. */
  readonly filled: number;
}

export class TimerLog {
  readonly #files: Files;
  readonly #queue: FileQueue;
  readonly #open: OpenFiles;
  readonly #pending = new Uint8Array(PENDING_UNITS_MAX * TIMER_UNIT_BYTES);
  readonly #blocks = new Map<number, Block>();
  #pendingBytes = 0;
  /** Where the next unit goes. */
  #end = 0;
  /** Everything before it is on the disk. */
  #synced = 0;

  /** @param fileSize mappedFileSizeTimerLog */
  constructor(files: Files, directory: string, fileSize: number) {
    this.#files = files;
    this.#open = new OpenFiles(files, OPEN_FILES_MAX);
    this.#queue = new FileQueue(this.#open, directory, fileSize);
  }

  /** @throws Error naming the file and the key when a file has another size or is missing. */
  load(): void {
    this.#queue.load("mappedFileSizeTimerLog", false);
  }

  get begin(): number {
    return this.#queue.begin;
  }

  get hasFiles(): boolean {
    return this.#queue.count > 0;
  }

  /** Behind the last unit. */
  get end(): number {
    return this.#end;
  }

  get synced(): number {
    return this.#synced;
  }

  /** Goes on at `end`; what stands behind it is made zero. Everything before it is taken to be on the disk. */
  start(end: number): void {
    if (this.#queue.count > 0) this.#queue.cut(end);
    this.#end = end;
    this.#synced = end;
    this.forgetBlocks();
  }

  /** Adds a unit and returns its position. @throws RuntimeFault when a full buffer can't be written; nothing is added. */
  append(unit: TimerUnit): number {
    const { fileSize } = this.#queue;
    if (this.#pendingBytes === this.#pending.length) this.write();
    const inFile = this.#end % fileSize;
    if (TIMER_UNIT_BYTES + BLANK_BYTES_MIN > fileSize - inFile) this.#closeFile(fileSize - inFile);
    const at = this.#pendingBytes;
    const bytes = this.#pending;
    writeInt32(bytes, at, TIMER_UNIT_BYTES);
    writeInt64(bytes, at + 4, unit.previous);
    writeInt32(bytes, at + 12, unit.magic);
    writeInt64(bytes, at + 16, unit.enqueueTimeMs);
    writeInt32(bytes, at + 24, unit.outTimeMs - unit.enqueueTimeMs);
    writeInt64(bytes, at + 28, unit.physicalOffset);
    writeInt32(bytes, at + 36, unit.size);
    writeInt32(bytes, at + 40, unit.topicHash);
    writeInt64(bytes, at + 44, 0);
    this.#pendingBytes += TIMER_UNIT_BYTES;
    const position = this.#end;
    this.#end += TIMER_UNIT_BYTES;
    return position;
  }

  /** Puts what is gathered into the page cache. @throws RuntimeFault; the units stay gathered. */
  write(): void {
    if (this.#pendingBytes === 0) return;
    this.#queue.writeSync(this.#pending.subarray(0, this.#pendingBytes), this.#end - this.#pendingBytes);
    this.#pendingBytes = 0;
  }

  /** Puts everything appended so far on the disk. @throws RuntimeFault */
  async sync(): Promise<void> {
    this.write();
    const end = this.#end;
    if (end === this.#synced) return;
    await this.#queue.dataSync(this.#synced, end);
    for (const directory of this.#queue.takeNewDirectories()) this.#files.syncDirectory(directory);
    this.#synced = end;
  }

  /**
   * Units from `from` on, which is the place of one, as far as they are whole: to the first place that holds none. Not what
   * is only gathered. @throws RuntimeFault
   */
  async *unitsFrom(from: number): AsyncGenerator<PlacedTimerUnit[]> {
    const { fileSize } = this.#queue;
    const block = new Uint8Array(BLOCK_BYTES);
    for (let at = from; at < this.#queue.end; ) {
      const base = at - (at % fileSize);
      const got = await this.#queue.read(block.subarray(0, Math.min(BLOCK_BYTES, base + fileSize - at)), at);
      const units: PlacedTimerUnit[] = [];
      let done = 0;
      for (; done + TIMER_UNIT_BYTES <= got && isUnit(block, done); done += TIMER_UNIT_BYTES) {
        units.push(unitAt(block, done, at + done));
      }
      if (units.length > 0) yield units;
      const blank = done + BLANK_BYTES_MIN <= got && readInt32(block, done + 12) === MAGIC_BLANK;
      if (!blank && done < BLOCK_BYTES) return;
      at = blank ? base + fileSize : at + done;
    }
  }

  /** The unit that ends at `position`, also across the end of a file; undefined when there is none. @throws RuntimeFault */
  async unitBefore(position: number): Promise<PlacedTimerUnit | undefined> {
    const { fileSize, begin, end } = this.#queue;
    if (position <= begin || position > end) return undefined;
    let before = position - TIMER_UNIT_BYTES;
    if (position % fileSize === 0) before = position - fileSize + this.#lastInFile;
    return this.#unitAt(before);
  }

  /** The unit at `position` when it is in memory, else undefined. */
  cachedUnit(position: number): PlacedTimerUnit | undefined {
    const inBlock = (position % this.#queue.fileSize) % BLOCK_BYTES;
    const block = this.#blocks.get(position - inBlock);
    return block === undefined ? undefined : unitIn(block, inBlock, position);
  }

  /** The unit at `position`; undefined when none is there. Everything must be written. @throws RuntimeFault */
  async unit(position: number): Promise<PlacedTimerUnit | undefined> {
    return position + TIMER_UNIT_BYTES > this.#end ? undefined : this.#unitAt(position);
  }

  async #unitAt(position: number): Promise<PlacedTimerUnit | undefined> {
    const inFile = position % this.#queue.fileSize;
    if (position < this.#queue.begin || inFile % TIMER_UNIT_BYTES !== 0) return undefined;
    const inBlock = inFile % BLOCK_BYTES;
    return unitIn(await this.#readBlock(position - inBlock), inBlock, position);
  }

  /** Gives the memory of `unit` back. */
  forgetBlocks(): void {
    this.#blocks.clear();
  }

  /** Removes files all of whose messages have left the log; the last file stays. */
  async expire(minPhysicalOffset: number): Promise<void> {
    while (this.#queue.count > 1) {
      const last = await this.unit(this.#queue.begin + this.#lastInFile);
      this.forgetBlocks();
      if (last === undefined || last.physicalOffset >= minPhysicalOffset) return;
      this.#queue.removeFirst();
    }
  }

  close(): void {
    this.#open.closeAll();
    this.forgetBlocks();
  }

  /** Where the last unit of a full file is in it. */
  get #lastInFile(): number {
    const room = this.#queue.fileSize - BLANK_BYTES_MIN;
    return room - (room % TIMER_UNIT_BYTES) - TIMER_UNIT_BYTES;
  }

  async #readBlock(start: number): Promise<Block> {
    const { fileSize } = this.#queue;
    const length = Math.min(BLOCK_BYTES, fileSize - (start % fileSize), this.#queue.end - start);
    const bytes = new Uint8Array(length);
    const block = { bytes, filled: await this.#queue.read(bytes, start) };
    if (this.#blocks.size >= BLOCKS_MAX)
      for (const oldest of this.#blocks.keys()) {
        this.#blocks.delete(oldest);
        break;
      }
    this.#blocks.set(start, block);
    return block;
  }

  #closeFile(bytesLeft: number): void {
    this.write();
    const blank = new Uint8Array(BLANK_BYTES_MIN);
    writeInt32(blank, 0, bytesLeft);
    writeInt32(blank, 12, MAGIC_BLANK);
    this.#queue.writeSync(blank, this.#end);
    this.#end += bytesLeft;
  }
}

function unitIn({ bytes, filled }: Block, at: number, position: number): PlacedTimerUnit | undefined {
  return at + TIMER_UNIT_BYTES <= filled && isUnit(bytes, at) ? unitAt(bytes, at, position) : undefined;
}

function isUnit(bytes: Uint8Array, at: number): boolean {
  const magic = readInt32(bytes, at + 12);
  return readInt32(bytes, at) === TIMER_UNIT_BYTES && (magic & ~7) === 0 && (magic & TIMER_MAGIC_DEFAULT) !== 0;
}

function unitAt(bytes: Uint8Array, at: number, position: number): PlacedTimerUnit {
  const enqueueTimeMs = readInt64(bytes, at + 16);
  return {
    position,
    previous: readInt64(bytes, at + 4),
    magic: readInt32(bytes, at + 12),
    enqueueTimeMs,
    outTimeMs: enqueueTimeMs + readInt32(bytes, at + 24),
    physicalOffset: readInt64(bytes, at + 28),
    size: readInt32(bytes, at + 36),
    topicHash: readInt32(bytes, at + 40),
  };
}
