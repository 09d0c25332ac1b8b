import type { Command } from "../declaration.ts";
import { deleteSubGroup, setConsumeMode } from "./group_changes.ts";
import { getConsumerConfig, updateSubGroup, updateSubGroupList } from "./group_config.ts";
import { startMonitoring } from "./monitoring.ts";
import { consumerProgress } from "./progress.ts";
import { consumer, consumerStatus } from "./status.ts";

export const consumerCommands: readonly Command[] = [
  updateSubGroup,
  updateSubGroupList,
  setConsumeMode,
  deleteSubGroup,
  consumerProgress,
  consumerStatus,
  consumer,
  startMonitoring,
  getConsumerConfig,
];
