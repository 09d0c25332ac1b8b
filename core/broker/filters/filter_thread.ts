/** What a thread of `filter_threads.ts` runs: looks at the records of a job, in the files of the log, by a SQL92 expression. */
import { SqlFilter } from "../../filter/sql_filter.ts";
import type { ThreadMain } from "../../runtime.ts";
import { LogScan } from "../../store/log_scan.ts";
import type { RecordFilter } from "../../store/message_store.ts";
import type { ScanJob, ScanResult } from "../../store/scan_job.ts";
import { passes } from "./passes.ts";

export interface Asked {
  readonly expression: string;
  readonly job: ScanJob;
}

/** Answers come in the order of what was asked. */
export type Told = ScanResult;

/** Compiled expressions, the newest last: each may be 64 KiB. */
const COMPILED_MAX = 64;

const main: ThreadMain = ({ files, post }) => {
  const scan = new LogScan(files);
  const compiled = new Map<string, RecordFilter>();
  const filterOf = (expression: string): RecordFilter => {
    const filter = compiled.get(expression) ?? passes(new SqlFilter(expression));
    compiled.delete(expression);
    compiled.set(expression, filter);
    const [oldest = expression] = compiled.keys();
    if (compiled.size > COMPILED_MAX) compiled.delete(oldest);
    return filter;
  };
  return (message) => {
    const { expression, job } = message as Asked;
    const told: Told = scan.run(job, filterOf(expression));
    post(told, [told.units, told.body]);
  };
};

export default main;
