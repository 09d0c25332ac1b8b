import { readInt32 } from "../../../wire/bytes.ts";
import { propertiesAt } from "../../../wire/message_reader.ts";
import type { SqlFilter } from "../../filter/sql_filter.ts";
import type { RecordFilter } from "../../store/message_store.ts";

/** Records that an expression passes. */
export const passes =
  (sql: SqlFilter): RecordFilter =>
  (bytes, at) =>
    sql.matches(bytes, propertiesAt(bytes, at), at + readInt32(bytes, at));
