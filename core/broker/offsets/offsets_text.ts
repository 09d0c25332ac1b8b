/**
 * consumerOffset.json as text, in parts: one an entry of a table, so that whoever writes a large table can let other work
 * have its turn between two. The form is fastjson's; members are in alphabetical order.
 */
import type { DataVersion } from "../../../wire/bodies/topic.ts";
import { isLmq, LMQ_PREFIX, LMQ_QUEUE_ID } from "../../../wire/mix_all.ts";

/** queueId -> offset, by `topic@group`. */
export type OffsetTable = Map<string, Map<number, number>>;

export interface OffsetTables {
  readonly dataVersion: DataVersion;
  /** Topics by group. */
  readonly groupTopicMap: ReadonlyMap<string, ReadonlySet<string>>;
  readonly offsetTable: OffsetTable;
  readonly pullOffsetTable: OffsetTable;
  /** With enableLmq: the entries of offsetTable whose group is one of a light queue are written by themselves. */
  readonly lmq: boolean;
}

/** How fastjson lays out: nothing, or a line break and tabs. */
interface Style {
  line(depth: number): string;
}

export const COMPACT: Style = { line: () => "" };
export const PRETTY: Style = { line: (depth) => `\n${"\t".repeat(depth)}` };

/**
 * The tables may change between two parts: each entry is right by itself, and entries do not depend on each other.
 */
export function* offsetsText(tables: OffsetTables, style: Style): Generator<string> {
  const { counter, stateVersion, timestamp } = tables.dataVersion;
  const version = [`"counter":${counter}`, `"stateVersion":${stateVersion}`, `"timestamp":${timestamp}`];
  yield `{${style.line(1)}"dataVersion":{${style.line(2)}${version.join(`,${style.line(2)}`)}${style.line(1)}},${style.line(1)}`;
  const ordinary = <V>(table: ReadonlyMap<string, V>, isLight: (key: string) => boolean): Iterable<[string, V]> =>
    tables.lmq ? filtered(table, (key) => !isLight(key)) : table;
  yield* objectText("groupTopicMap", ordinary(tables.groupTopicMap, isLmq), style, (topics) => {
    const items = Array.from(topics, (topic) => JSON.stringify(topic));
    return `[${style.line(3)}${items.join(`,${style.line(3)}`)}${style.line(2)}]`;
  });
  yield `,${style.line(1)}`;
  if (tables.lmq) {
    const light = filtered(tables.offsetTable, hasLmqGroup);
    yield* objectText("lmqOffsetTable", light, style, (offsets) => String(offsets.get(LMQ_QUEUE_ID) ?? 0));
    yield `,${style.line(1)}`;
  }
  yield* objectText("offsetTable", ordinary(tables.offsetTable, hasLmqGroup), style, (offsets) => offsetsOfOne(offsets, style));
  yield `,${style.line(1)}`;
  yield* objectText("pullOffsetTable", tables.pullOffsetTable, style, (offsets) => offsetsOfOne(offsets, style));
  yield `${style.line(0)}}`;
}

/** True of `topic@group` when the group is one of a light queue. */
export const hasLmqGroup = (key: string): boolean => key.startsWith(LMQ_PREFIX, key.lastIndexOf("@") + 1);

function* filtered<V>(table: ReadonlyMap<string, V>, takes: (key: string) => boolean): Generator<[string, V]> {
  for (const entry of table) if (takes(entry[0])) yield entry;
}

function* objectText<V>(
  name: string,
  entries: Iterable<readonly [string, V]>,
  style: Style,
  valueText: (value: V) => string,
): Generator<string> {
  yield `"${name}":{`;
  let first = true;
  for (const [key, value] of entries) {
    yield `${first ? "" : ","}${style.line(2)}${JSON.stringify(key)}:${valueText(value)}`;
    first = false;
  }
  yield first ? "}" : `${style.line(1)}}`;
}

function offsetsOfOne(offsets: ReadonlyMap<number, number>, style: Style): string {
  if (offsets.size === 0) return "{}";
  const items = Array.from(offsets, ([queueId, offset]) => `${queueId}:${offset}`);
  return `{${style.line(3)}${items.join(`,${style.line(3)}`)}${style.line(2)}}`;
}
