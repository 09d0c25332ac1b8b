/**
 * One round of compaction of one log: of all segments but the last, which is being written, only the newest message of each
 * key stays; an empty body says that the key is no more. The result is written beside them, in `compacting/`, and then takes
 * their place.
 *
 * A crash leaves the old segments or the new ones: `compacting/replace.json` names both, and while it is there a start takes
 * the replacement up again, which may be done any number of times. Without it what lies in `compacting/` is dropped.
 */
import { decodeUtf8, encodeUtf8, readInt32 } from "../../../wire/bytes.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { layoutOf, recordProperties } from "../../../wire/message_reader.ts";
import { propertyOf } from "../../../wire/properties.ts";
import type { Files } from "../../runtime.ts";
import type { CompactionLog } from "./compaction_log.ts";
import { OffsetMap } from "./offset_map.ts";
import { type CompactionUnit, Segment, type SegmentDirectories, segmentName } from "./segment.ts";

const MARKER = "replace.json";
/** Read at once; a longer record is read by itself. */
const BLOCK_BYTES = 512 * 1024;
const BLOCK_UNITS = 512;

export interface RoundOptions {
  /** Memory for the keys. */
  readonly memoryBytes: number;
  readonly md5: (bytes: Uint8Array) => Uint8Array;
  /** True ends the round; nothing has changed then. */
  readonly stopped: () => boolean;
}

interface Replacement {
  readonly remove: readonly string[];
  readonly add: readonly string[];
}

/**
 * @param position the highest queue offset that an earlier round saw.
 * @returns that of this round; undefined when there was nothing to do. @throws RuntimeFault; nothing has changed then
 */
export async function compact(log: CompactionLog, position: number, options: RoundOptions): Promise<number | undefined> {
  const old = log.segments.slice(0, -1);
  const fresh = old.filter((segment) => segment.lastOffset > position);
  if (fresh.length === 0) return undefined;
  const map = new OffsetMap(options.memoryBytes, (key) => options.md5(encodeUtf8(key)));
  for (const segment of fresh) {
    for await (const { record, unit } of recordsOf(segment)) {
      if (options.stopped()) return undefined;
      if (unit.queueOffset <= position) continue;
      if (!map.put(keyOf(record), unit.queueOffset)) {
        log.log.error("a compaction is given up: it has more keys than there is memory for", {
          topic: log.topic,
          queueId: log.queueId,
          keys: map.max,
          key: "maxOffsetMapSize",
        });
        return undefined;
      }
    }
  }
  const { files } = log.open;
  const beside = besideOf(log.directories);
  for (const directory of [beside.log, beside.cq]) {
    files.removeTree(directory);
    files.makeDirectory(directory);
  }
  const written: Segment[] = [];
  try {
    for (const segment of old) {
      for await (const { record, unit } of recordsOf(segment)) {
        if (options.stopped()) return undefined;
        if (stays(record, unit, map)) append(log, beside, written, record, unit);
      }
    }
    for (const segment of written) await segment.sync();
    if (options.stopped()) return undefined;
    replace(log, old, written);
  } finally {
    for (const segment of written) segment.close();
  }
  return map.lastOffset;
}

/** What a crash in the middle of a replacement left. */
export function finishReplacement(files: Files, directories: SegmentDirectories): void {
  const beside = besideOf(directories);
  const marker = files.read(`${beside.log}/${MARKER}`);
  if (marker !== undefined && marker.length > 0) apply(files, directories, JSON.parse(decodeUtf8(marker)) as Replacement);
  files.removeTree(beside.cq);
  files.removeTree(beside.log);
}

const besideOf = (directories: SegmentDirectories): SegmentDirectories => ({
  log: `${directories.log}/compacting`,
  cq: `${directories.cq}/compacting`,
});

function stays(record: Uint8Array, { queueOffset }: CompactionUnit, map: OffsetMap): boolean {
  if (queueOffset > map.lastOffset) return true;
  return queueOffset >= map.get(keyOf(record)) && layoutOf(record).bodyBytes > 0;
}

const keyOf = (record: Uint8Array): string => propertyOf(recordProperties(record, layoutOf(record)), MessageConst.KEYS) ?? "";

function append(
  log: CompactionLog,
  beside: SegmentDirectories,
  written: Segment[],
  record: Uint8Array,
  unit: CompactionUnit,
): void {
  const put = (segment: Segment | undefined): boolean =>
    segment?.append(record, unit.queueOffset, unit.tagsCode, unit.storeTimestamp) ?? false;
  if (put(written.at(-1))) return;
  const next = new Segment(log.open, beside, written.length * log.sizes.logBytes, log.sizes);
  next.create();
  written.push(next);
  put(next);
}

/** Synchronous: who reads the log sees the old segments or the new ones. */
function replace(log: CompactionLog, old: readonly Segment[], written: readonly Segment[]): void {
  const { files } = log.open;
  const beside = besideOf(log.directories);
  const replacement: Replacement = {
    remove: old.map(({ base }) => segmentName(base)),
    add: written.map(({ base }) => segmentName(base)),
  };
  files.syncDirectory(beside.cq);
  files.write(`${beside.log}/${MARKER}`, encodeUtf8(JSON.stringify(replacement)), { sync: true });
  files.syncDirectory(beside.log);
  for (const segment of [...old, ...written]) segment.close();
  apply(files, log.directories, replacement);
  files.removeTree(beside.cq);
  files.removeTree(beside.log);
  const now = written.map((from) => {
    const segment = new Segment(log.open, log.directories, from.base, log.sizes);
    segment.count = from.count;
    segment.end = from.end;
    segment.isFull = true;
    return segment;
  });
  log.segments = [...now, ...log.segments.slice(old.length)];
}

function apply(files: Files, directories: SegmentDirectories, { remove, add }: Replacement): void {
  const beside = besideOf(directories);
  const pairs = [
    [directories.log, beside.log],
    [directories.cq, beside.cq],
  ] as const;
  for (const [to, from] of pairs) {
    for (const name of add) if (files.exists(`${from}/${name}`)) files.rename(`${from}/${name}`, `${to}/${name}`);
    for (const name of remove) if (!add.includes(name)) files.remove(`${to}/${name}`);
    files.syncDirectory(to);
  }
}

/** The records of a segment, each in a buffer of its own. */
async function* recordsOf(segment: Segment): AsyncGenerator<{ record: Uint8Array; unit: CompactionUnit }> {
  for (let index = 0; index < segment.count; ) {
    const units = segment.units(index, BLOCK_UNITS);
    const first = units[0];
    if (first === undefined) throw new Error(`"${segment.cq.path}" ends before its ${segment.count} units`);
    let count = 1;
    let end = first.position + first.size;
    for (; count < units.length; count++) {
      const next = units[count] as CompactionUnit;
      if (next.position !== end || end + next.size - first.position > BLOCK_BYTES) break;
      end += next.size;
    }
    const block = new Uint8Array(end - first.position);
    if (!(await segment.read(block, first.position))) throw new Error(`"${segment.log.path}" ends before ${end - segment.base}`);
    for (const unit of units.slice(0, count)) {
      const record = block.slice(unit.position - first.position, unit.position - first.position + unit.size);
      if (readInt32(record, 0) !== unit.size) throw new Error(`"${segment.log.path}" has no record at ${unit.position}`);
      yield { record, unit };
    }
    index += count;
  }
}
