import { SqlFilter } from "../../filter/sql_filter.ts";

/** Expressions that were compiled lately: each may be 64 KiB. */
export class CompiledFilters {
  readonly #max: number;
  /** The one that was asked for last is the last. */
  readonly #filters = new Map<string, SqlFilter>();

  /** @param max how many are kept */
  constructor(max: number) {
    this.#max = max;
  }

  /** @throws SqlExpressionError */
  of(expression: string): SqlFilter {
    const known = this.#filters.get(expression);
    const sql = known ?? new SqlFilter(expression);
    if (known !== undefined) this.#filters.delete(expression);
    else if (this.#filters.size >= this.#max) this.#filters.delete(this.#filters.keys().next().value as string);
    this.#filters.set(expression, sql);
    return sql;
  }
}
