import type { Command } from "../declaration.ts";
import { getBrokerConfig, updateBrokerConfig } from "./broker_config.ts";
import { brokerStatus } from "./broker_status.ts";
import { cleanExpiredCQ, cleanUnusedTopic, deleteExpiredCommitLog } from "./clean.ts";
import { getColdDataFlowCtrInfo, removeColdDataFlowCtrGroupConfig, updateColdDataFlowCtrGroupConfig } from "./cold_data.ts";
import { brokerConsumeStats } from "./consume_stats.ts";
import { getBrokerEpoch, resetMasterFlushOffset } from "./replication.ts";
import { sendMsgStatus } from "./send_msg_status.ts";
import { setCommitLogReadAheadMode, switchTimerEngine } from "./store_modes.ts";

export const brokerCommands: readonly Command[] = [
  updateBrokerConfig,
  resetMasterFlushOffset,
  brokerStatus,
  sendMsgStatus,
  brokerConsumeStats,
  cleanExpiredCQ,
  deleteExpiredCommitLog,
  cleanUnusedTopic,
  getBrokerConfig,
  getBrokerEpoch,
  getColdDataFlowCtrInfo,
  updateColdDataFlowCtrGroupConfig,
  removeColdDataFlowCtrGroupConfig,
  setCommitLogReadAheadMode,
  switchTimerEngine,
];
