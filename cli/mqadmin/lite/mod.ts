import type { Command } from "../declaration.ts";
import { getBrokerLiteInfo, getParentTopicInfo, triggerLiteDispatch } from "./broker_info.ts";
import { getLiteClientInfo, getLiteGroupInfo, getLiteTopicInfo } from "./topic_info.ts";

export const liteCommands: readonly Command[] = [
  getBrokerLiteInfo,
  getParentTopicInfo,
  getLiteTopicInfo,
  getLiteClientInfo,
  getLiteGroupInfo,
  triggerLiteDispatch,
];
