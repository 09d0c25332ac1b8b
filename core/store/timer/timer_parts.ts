/** What taking messages in (`timer_enqueue.ts`) and giving them out (`timer_dequeue.ts`) both work on. */
import type { Log } from "../../runtime.ts";
import type { MessageStore } from "../message_store.ts";
import type { TimerLog } from "./timer_log.ts";
import type { TimerMetrics } from "./timer_metrics.ts";
import type { TimerProgress } from "./timer_progress.ts";
import type { TimerPut } from "./timer_put.ts";
import type { SpanRoom } from "./timer_records.ts";
import type { TimerWheel } from "./timer_wheel.ts";

export interface TimerParts {
  readonly log: Log;
  readonly store: MessageStore;
  readonly wheel: TimerWheel;
  readonly timerLog: TimerLog;
  readonly metrics: TimerMetrics;
  readonly progress: TimerProgress;
  readonly put: TimerPut;
  readonly spans: SpanRoom;
}
