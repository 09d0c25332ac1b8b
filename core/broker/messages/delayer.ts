/** Where a message goes that is stored now and may be meant for later: its delay level, or its own time, says so. */
import type { MessageInput } from "../../store/message_store.ts";
import { type DelayLevels, delayLevelOf, parkedMessage } from "./schedule_levels.ts";
import { PropertyScan } from "./send_properties.ts";
import type { TimerMessages } from "./timer.ts";

/** The message itself, or as it waits. @throws RemotingError when its time can't be kept. */
export type Delayer = (message: MessageInput) => MessageInput;

export function delayer(levels: DelayLevels, timer: Pick<TimerMessages, "park">): Delayer {
  const scan = new PropertyScan();
  return (message) => {
    scan.scan(message.properties);
    const level = delayLevelOf(scan.delay);
    if (level > 0) return parkedMessage(message, level, levels);
    return scan.timer ? timer.park(message, scan) : message;
  };
}
