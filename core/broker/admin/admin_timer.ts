/**
 * The timer as others see it: its checkpoint (60), which slaves copy, what waits, by topic (61), and who keeps what waits
 * (5001): Apache's choice is between the wheel in files and RocksDB, and here only the wheel is.
 */
import { encodeUtf8 } from "../../../wire/bytes.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { endpointText } from "../../remoting/connection.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { TimerMessageStore } from "../../store/timer/timer_message_store.ts";
import type { AdminParts } from "./admin_parts.ts";

type TimerProcessors = Pick<ProcessorMap<"broker">, "GET_TIMER_CHECK_POINT" | "GET_TIMER_METRICS" | "SWITCH_TIMER_ENGINE">;

/** The engines as Apache's request names them. */
const ROCKSDB_TIMELINE = "R";
const FILE_TIME_WHEEL = "F";

export function timerProcessors({
  timer,
  settings,
  configuration,
  log,
}: Pick<AdminParts, "timer" | "settings" | "configuration" | "log">): TimerProcessors {
  return {
    GET_TIMER_CHECK_POINT: () => ({ body: storeOf(timer.store, "The checkpoint is null").checkpointBytes() }),
    GET_TIMER_METRICS: () => ({ body: storeOf(timer.store, "The timer message store is null").metrics.encode() }),

    /** To the wheel: it takes what is parked, also when it was told to leave it (timerStopEnqueue), for good, as in Apache. */
    SWITCH_TIMER_ENGINE({ extFields, peer }) {
      if (timer.store === undefined) throw invalid("broker timerWheelEnable is false");
      const engine = extFields["E_T"];
      if (engine === ROCKSDB_TIMELINE) throw invalid("timerRocksDBEnable must be configured true when broker start");
      if (engine !== FILE_TIME_WHEEL) throw invalid("param error");
      const remote = endpointText(peer.remote);
      if (settings.timerStopEnqueue) {
        const outcome = configuration.update(encodeUtf8("timerStopEnqueue=false"), remote);
        if (!outcome.ok) throw new RemotingError(outcome.code, outcome.remark);
      }
      log.info("the timer was switched to the wheel in files", { remote });
      return { remark: "switch timer engine success" };
    },
  };
}

const invalid = (remark: string): RemotingError => new RemotingError(ResponseCode.INVALID_PARAMETER, remark);

function storeOf(store: TimerMessageStore | undefined, remark: string): TimerMessageStore {
  if (store !== undefined) return store;
  throw new RemotingError(ResponseCode.SYSTEM_ERROR, `${remark}: timerWheelEnable is false`);
}
