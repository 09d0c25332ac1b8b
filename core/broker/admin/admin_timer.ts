/** The timer as others see it: its checkpoint (60), which slaves copy, and what waits, by topic (61). */
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { TimerMessageStore } from "../../store/timer/timer_message_store.ts";
import type { AdminParts } from "./admin_parts.ts";

export function timerProcessors({
  timer,
}: Pick<AdminParts, "timer">): Pick<ProcessorMap<"broker">, "GET_TIMER_CHECK_POINT" | "GET_TIMER_METRICS"> {
  return {
    GET_TIMER_CHECK_POINT: () => ({ body: storeOf(timer.store, "The checkpoint is null").checkpointBytes() }),
    GET_TIMER_METRICS: () => ({ body: storeOf(timer.store, "The timer message store is null").metrics.encode() }),
  };
}

function storeOf(store: TimerMessageStore | undefined, remark: string): TimerMessageStore {
  if (store !== undefined) return store;
  throw new RemotingError(ResponseCode.SYSTEM_ERROR, `${remark}: timerWheelEnable is false`);
}
