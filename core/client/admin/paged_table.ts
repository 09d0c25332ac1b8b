/** Tables of a broker that are too large for one answer: asked for by pages, from the begin again when one changes meanwhile. */
import { type DataVersion, dataVersion } from "../../../wire/bodies/topic.ts";
import { MQClientError } from "../errors.ts";

/** Rows asked for at a time, as Java's `maxPageSizeInGetMetadata`. */
export const PAGE_SIZE = 2_000;
/** A table that changes faster than it can be read is given up after so many beginnings. */
const BEGINNINGS_MAX = 10;

export interface Page<T> {
  readonly table: T;
  readonly rows: number;
  readonly dataVersion: DataVersion;
  /** Rows in all; a broker before 5.2 says none and sends all at once. */
  readonly total: number | undefined;
}

/**
 * @param ask for the page that begins with row `seq`; `version` is that of the pages before
 * @param add the rows of a later page to the first one
 */
export async function wholeTable<T>(
  ask: (seq: number, version: string | undefined) => Promise<Page<T>>,
  add: (to: T, page: T) => void,
): Promise<T> {
  for (let beginning = 0; beginning < BEGINNINGS_MAX; beginning++) {
    const first = await ask(0, undefined);
    const version = dataVersion.format(first.dataVersion);
    let rows = first.rows;
    let page = first;
    while (page.total !== undefined && rows < page.total && page.rows > 0) {
      page = await ask(rows, version);
      if (dataVersion.format(page.dataVersion) !== version) break;
      add(first.table, page.table);
      rows += page.rows;
    }
    if (dataVersion.format(page.dataVersion) === version) return first.table;
  }
  throw new MQClientError("overloaded", `The table changed ${BEGINNINGS_MAX} times while it was read: ask again later`);
}
