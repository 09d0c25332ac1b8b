/**
 * The life of a server process: start, one line for what is ready, stop on SIGTERM or SIGINT.
 *
 * Exit codes: 0 after an orderly stop; 1 when it did not start (one sentence on standard error says why) or when the stop took
 * longer than STOP_MS_MAX. A second signal ends it at once, with 130.
 */
import process from "node:process";
import { consoleLog, type LogLevel } from "../adapters/shared/log.ts";
import type { LogSettings } from "../core/log_options.ts";
import type { Log, Runtime } from "../core/runtime.ts";
import { explainFailure, type Remedies } from "./failures.ts";
import { complain, hostRuntime } from "./host.ts";

/** Five seconds are promised; the last tenth is for the process to end. The broker itself gives up its steps before. */
const STOP_MS_MAX = 4_900;

/** A started server. */
export interface Running {
  stop(): Promise<void>;
}

export interface Serving {
  readonly runtime: Runtime;
  readonly log: Log;
  /** From now on these settings say which lines are written, as long as they run. */
  readonly follow: (settings: Pick<LogSettings, "logLevel">) => void;
}

/** Runs `start` and keeps the process up until a signal. `start` returns undefined when there is nothing to run (-p). */
export async function serve(
  remedies: Remedies,
  level: LogLevel,
  start: (serving: Serving) => Promise<Running | undefined>,
): Promise<void> {
  let followed: Pick<LogSettings, "logLevel"> = { logLevel: "DEFAULT" };
  const leastLevel = (): LogLevel => (followed.logLevel === "DEFAULT" ? level : (followed.logLevel.toLowerCase() as LogLevel));
  const log = consoleLog({ level: leastLevel });
  const follow = (settings: Pick<LogSettings, "logLevel">): void => {
    followed = settings;
  };
  let running: Running | undefined;
  // Signals count from the first moment: one during the start stops what the start brings up.
  const signalled = nextSignal();
  try {
    running = await start({ runtime: await hostRuntime(), log, follow });
  } catch (fault) {
    complain(explainFailure(fault, remedies));
    process.exit(1);
  }
  if (running === undefined) {
    process.exit(0);
  }
  // Timers of the runtime keep no process alive, and a listening socket need not either.
  const alive = setInterval(() => {}, 2 ** 30);
  const signal = await signalled;
  log.info("stopping", { signal });
  const late = setTimeout(() => {
    complain(
      `The stop took longer than ${STOP_MS_MAX} ms: ended without it. Nothing that was acknowledged is lost; the next start recovers the store`,
    );
    process.exit(1);
  }, STOP_MS_MAX);
  try {
    await running.stop();
  } catch (fault) {
    complain(`Cannot stop in order: ${explainFailure(fault, remedies)}`);
    process.exit(1);
  }
  clearTimeout(late);
  clearInterval(alive);
  process.exit(0);
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    let count = 0;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        count++;
        if (count > 1) {
          process.exit(130);
        }
        resolve(signal);
      });
    }
  });
}
