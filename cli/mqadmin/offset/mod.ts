import type { Command } from "../declaration.ts";
import { cloneGroupOffset } from "./clone_group_offset.ts";
import { getConsumerStatus } from "./get_consumer_status.ts";
import { resetOffsetByTime, resetOffsetByTimeOld, skipAccumulatedMessage } from "./reset.ts";

export const offsetCommands: readonly Command[] = [
  resetOffsetByTime,
  resetOffsetByTimeOld,
  skipAccumulatedMessage,
  cloneGroupOffset,
  getConsumerStatus,
];
