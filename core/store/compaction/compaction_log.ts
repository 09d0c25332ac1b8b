/**
 * The compaction log of one queue of a topic whose `cleanup.policy` is COMPACTION: its messages with a key, copied from the
 * commit log as they are dispatched, and from time to time all but the newest of each key taken out (`round.ts`). Queue
 * offsets are kept, so there are gaps between them; pulls of the topic are served from here alone.
 *
 * Bases of segments grow but need not follow each other: a round leaves fewer. Records are in the page cache when they are
 * announced, and on the disk with the store's next checkpoint. Each record before `nextOffset` was looked at; those behind it
 * are found by the plain consume queue of the topic.
 */
import type { Log } from "../../runtime.ts";
import type { RoomOfOne, Tried } from "../answer_room.ts";
import { makeDirectories } from "../directories.ts";
import type { GetLimits, GetResult, GetStatus } from "../message_store.ts";
import type { OpenFiles } from "../open_files.ts";
import type { StoreSettings } from "../options.ts";
import { isRecordOf } from "../record_checks.ts";
import { type CompactionUnit, Segment, type SegmentDirectories, type SegmentSizes, segmentSizes } from "./segment.ts";

/** What is this near to the end is read on the event loop: it was just written. */
const RECENT_BYTES = 1024 * 1024;
/** Apache never answers more, whatever the client asks for. */
const PULL_BYTES_MAX = 128 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

export class CompactionLog {
  readonly topic: string;
  readonly queueId: number;
  readonly directories: SegmentDirectories;
  readonly sizes: SegmentSizes;
  readonly open: OpenFiles;
  readonly log: Log;
  /** Messages before it are here, or have no key. */
  nextOffset = 0;
  segments: Segment[] = [];
  /** Bytes of memory that count as a hot end of the log. */
  readonly #hotBytes: () => number;
  readonly #settings: StoreSettings;
  /** Directories with entries that are not on the disk. */
  #newEntries = new Set<string>();

  constructor(
    parts: { open: OpenFiles; log: Log; settings: StoreSettings; hotBytes: () => number },
    root: string,
    topic: string,
    queueId: number,
  ) {
    const { open, log, settings, hotBytes } = parts;
    this.open = open;
    this.log = log;
    this.topic = topic;
    this.queueId = queueId;
    this.#settings = settings;
    this.#hotBytes = hotBytes;
    this.directories = {
      log: `${root}/compactionLog/${topic}/${queueId}`,
      cq: `${root}/compactionCq/${topic}/${queueId}`,
    };
    this.sizes = segmentSizes(settings.compactionMappedFileSize, settings.compactionCqMappedFileSize);
  }

  get minOffset(): number {
    return this.segments.find(({ count }) => count > 0)?.firstOffset ?? 0;
  }

  /** Behind the newest record. */
  get maxOffset(): number {
    for (let i = this.segments.length - 1; i >= 0; i--) {
      const segment = this.segments[i] as Segment;
      if (segment.count > 0) return segment.lastOffset + 1;
    }
    return 0;
  }

  /**
   * Finds the segments and their ends. One with only one of its files is removed: its records come again from the commit log.
   * @throws Error naming file and key when a size is not the configured one
   */
  load(trustedBefore: number): void {
    const { files } = this.open;
    for (const name of files.list(this.directories.log)) {
      if (!/^\d{20}$/.test(name)) continue;
      const segment = new Segment(this.open, this.directories, Number(name), this.sizes);
      const cqBytes = files.stat(segment.cq.path)?.size;
      if (cqBytes === undefined) {
        this.log.error("a file of a compaction log has no queue; it is removed", { path: segment.log.path });
        segment.remove();
        continue;
      }
      this.#checkSize(segment.log.path, this.sizes.logBytes, "compactionMappedFileSize", trustedBefore);
      this.#checkSize(segment.cq.path, this.sizes.cqBytes, "compactionCqMappedFileSize", trustedBefore);
      this.segments.push(segment);
    }
    this.segments.sort((a, b) => a.base - b.base);
    for (const [i, segment] of this.segments.entries()) {
      segment.recover(trustedBefore);
      if (i < this.segments.length - 1) segment.isFull = true;
    }
    this.nextOffset = this.maxOffset;
  }

  /**
   * Adds a record; one that is there already is left alone.
   * @param record a copy: its physical offset is changed. @throws RuntimeFault; it is to be put again.
   */
  put(record: Uint8Array, unit: Pick<CompactionUnit, "queueOffset" | "tagsCode" | "storeTimestamp">): void {
    const { queueOffset, tagsCode, storeTimestamp } = unit;
    if (queueOffset < this.nextOffset) return;
    const last = this.segments.at(-1);
    if (last === undefined || !last.append(record, queueOffset, tagsCode, storeTimestamp)) {
      if (!this.#roll().append(record, queueOffset, tagsCode, storeTimestamp)) {
        this.log.error("a record is longer than a file of the compaction log; it can't be pulled", {
          topic: this.topic,
          queueId: this.queueId,
          queueOffset,
          bytes: record.length,
          key: "compactionMappedFileSize",
        });
      }
    }
    this.nextOffset = queueOffset + 1;
  }

  /** Drops the records from a queue offset on. */
  cut(queueOffset: number): void {
    while (this.maxOffset > queueOffset) {
      const segment = this.segments.findLast(({ count }) => count > 0) as Segment;
      segment.cut(segment.find(queueOffset));
    }
    if (this.nextOffset > queueOffset) this.nextOffset = queueOffset;
  }

  /** An answer without messages. */
  nothing(status: GetStatus, nextBeginOffset: number): GetResult {
    const { minOffset, maxOffset } = this;
    return { status, nextBeginOffset, minOffset, maxOffset, body: NOTHING, messageCount: 0, suggestSlave: false };
  }

  /** @param room for the answer while it waits for the disk. @returns undefined when there is none */
  get(offset: number, limits: GetLimits, room: RoomOfOne): Tried<GetResult> {
    const { minOffset, maxOffset } = this;
    const nothing = (status: GetStatus, nextBeginOffset: number) => this.nothing(status, nextBeginOffset);
    if (maxOffset === 0) return nothing("NO_MESSAGE_IN_QUEUE", 0);
    if (offset === maxOffset) return nothing("OFFSET_OVERFLOW_ONE", offset);
    if (offset > maxOffset) return nothing("OFFSET_OVERFLOW_BADLY", minOffset === 0 ? minOffset : maxOffset);
    const found = this.#select(offset, limits);
    if (found === undefined) return nothing("OFFSET_FOUND_NULL", maxOffset);
    const { segment, units } = found;
    const first = units[0] as CompactionUnit;
    const last = units[units.length - 1] as CompactionUnit;
    const end = this.segments.at(-1)?.end ?? 0;
    const answer = (body: Uint8Array): GetResult => {
      const good = this.#goodOf(body, units);
      if (good === 0) return nothing("MESSAGE_WAS_REMOVING", first.queueOffset + 1);
      const newest = units[good - 1] as CompactionUnit;
      return {
        ...nothing("FOUND", newest.queueOffset + 1),
        body: body.subarray(0, newest.position + newest.size - first.position),
        messageCount: good,
        suggestSlave: end - newest.position > this.#hotBytes(),
      };
    };
    // Records of a segment lie one behind the other.
    const bytes = last.position + last.size - first.position;
    const isRecent = segment === this.segments.at(-1) && first.position >= end - RECENT_BYTES;
    if (!isRecent && !room.has(bytes)) return undefined;
    const body = new Uint8Array(bytes);
    if (isRecent) {
      if (!segment.readSync(body, first.position)) return nothing("MESSAGE_WAS_REMOVING", last.queueOffset + 1);
      return answer(body);
    }
    return segment.read(body, first.position).then(
      (whole) => (whole ? answer(body) : nothing("MESSAGE_WAS_REMOVING", last.queueOffset + 1)),
      (error: unknown) => {
        // A round took the file away meanwhile: its records are in another now.
        if (this.segments.includes(segment)) throw error;
        return this.get(offset, limits, room);
      },
    );
  }

  /** To the disk. @throws RuntimeFault */
  async sync(): Promise<void> {
    for (const segment of [...this.segments]) if (this.segments.includes(segment)) await segment.sync();
    const directories = this.#newEntries;
    this.#newEntries = new Set();
    for (const directory of directories) {
      if (this.open.files.exists(directory)) await this.open.files.syncDirectoryLater(directory);
    }
  }

  destroy(): void {
    for (const segment of this.segments) segment.close();
    this.segments = [];
    this.nextOffset = 0;
    this.open.files.removeTree(this.directories.log);
    this.open.files.removeTree(this.directories.cq);
  }

  #select(offset: number, limits: GetLimits): { segment: Segment; units: CompactionUnit[] } | undefined {
    const settings = this.#settings;
    const bytesMax = Math.min(Math.max(limits.bytesMax, 100), PULL_BYTES_MAX);
    const end = this.segments.at(-1)?.end ?? 0;
    for (const segment of this.segments) {
      if (segment.count === 0 || segment.lastOffset < offset) continue;
      const from = segment.find(offset);
      const units: CompactionUnit[] = [];
      let bytes = 0;
      for (const unit of segment.units(from, Math.max(1, limits.messagesMax))) {
        const hot = end - unit.position <= this.#hotBytes();
        const countMax = hot ? settings.maxTransferCountOnMessageInMemory : settings.maxTransferCountOnMessageInDisk;
        const transferMax = hot ? settings.maxTransferBytesOnMessageInMemory : settings.maxTransferBytesOnMessageInDisk;
        const full = units.length >= countMax || bytes + unit.size > Math.min(bytesMax, transferMax);
        if (units.length > 0 && full) break;
        units.push(unit);
        bytes += unit.size;
      }
      return { segment, units };
    }
    return undefined;
  }

  /** How many of the units' records are in `body`, before the first that is none. */
  #goodOf(body: Uint8Array, units: readonly CompactionUnit[]): number {
    const from = (units[0] as CompactionUnit).position;
    const bad = units.findIndex(({ position, size }) => !isRecordOf(body, position - from, size, position));
    if (bad < 0) return units.length;
    this.log.error("a compaction log holds something that is no message; it is passed over", {
      topic: this.topic,
      queueId: this.queueId,
      position: units[bad]?.position,
    });
    return bad;
  }

  /** After a crash a file may be shorter: a power cut came between its creation and its first sync. */
  #checkSize(path: string, expected: number, key: string, trustedBefore: number): void {
    const { files } = this.open;
    const bytes = files.stat(path)?.size ?? 0;
    if (bytes === expected) return;
    if (bytes > expected || trustedBefore === Number.POSITIVE_INFINITY) {
      throw new Error(
        `Cannot open the store: "${path}" has ${bytes} bytes and must have ${expected}. Set ${key} to what it was written with.`,
      );
    }
    const handle = files.open(path);
    try {
      handle.truncate(expected);
    } finally {
      handle.close();
    }
  }

  #roll(): Segment {
    const last = this.segments.at(-1);
    for (const directory of [this.directories.log, this.directories.cq]) {
      if (last === undefined) for (const changed of makeDirectories(this.open.files, directory)) this.#newEntries.add(changed);
      this.#newEntries.add(directory);
    }
    const base = last === undefined ? 0 : last.base + this.sizes.logBytes;
    const segment = new Segment(this.open, this.directories, base, this.sizes);
    segment.create();
    this.segments.push(segment);
    return segment;
  }
}
