/** Pages of topics and groups (codes 21 and 201): a broker with many thousands of them is listed piece by piece. */
import { type DataVersion, dataVersion } from "../../../wire/bodies/topic.ts";
import { sameVersion } from "../metadata/versions.ts";
import type { BrokerSettings } from "../options.ts";

export interface PageRequest {
  /** Place of the first entry, names in order; undefined is 0. */
  readonly from: number | undefined;
  /** Entries wanted. */
  readonly count: number | undefined;
  /** JSON of the version that the caller's earlier pages had, blank for the first; with another one now, it starts over. */
  readonly version: string | undefined;
  readonly current: DataVersion;
  readonly settings: Pick<BrokerSettings, "enableSplitMetadata" | "splitMetadataSize">;
}

/**
 * The part of `table` that is asked for, `splitMetadataSize` entries at most; all of it without `enableSplitMetadata`, and for a
 * caller that knows no pages (`from`, `count` and `version` absent).
 */
export function page<T>(table: ReadonlyMap<string, T>, request: PageRequest): Map<string, T> {
  const { from = 0, count = Number.MAX_SAFE_INTEGER, version, current, settings } = request;
  const knowsPages = request.from !== undefined || request.count !== undefined || version !== undefined;
  if (!settings.enableSplitMetadata || !knowsPages) return new Map(table);
  const known = version === undefined || version.trim() === "" ? undefined : dataVersion.parse(version);
  const begin = sameVersion(known, current) ? Math.max(0, from) : 0;
  const names = [...table.keys()].sort().slice(begin, begin + Math.max(0, Math.min(count, settings.splitMetadataSize)));
  return new Map(names.map((name) => [name, table.get(name) as T]));
}
