/** What a thread of `filter_threads.ts` runs: looks at the records of a job, in the files of the log, by a SQL92 expression. */
import type { ThreadMain } from "../../runtime.ts";
import { LogScan } from "../../store/log_scan.ts";
import type { ScanJob, ScanResult } from "../../store/scan_job.ts";
import { CompiledFilters } from "./compiled_filters.ts";
import { passes } from "./passes.ts";

export interface Asked {
  readonly expression: string;
  readonly job: ScanJob;
}

/** Answers come in the order of what was asked. */
export type Told = ScanResult;

const COMPILED_MAX = 64;

const main: ThreadMain = ({ files, post }) => {
  const scan = new LogScan(files);
  const compiled = new CompiledFilters(COMPILED_MAX);
  return (message) => {
    const { expression, job } = message as Asked;
    const told: Told = scan.run(job, passes(compiled.of(expression)));
    post(told, [told.units, told.body]);
  };
};

export default main;
