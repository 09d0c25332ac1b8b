import type { Command } from "../declaration.ts";
import { getControllerConfig, updateControllerConfig } from "./config.ts";
import { cleanBrokerMetadata, electMaster, getControllerMetaData } from "./masters.ts";

export const controllerCommands: readonly Command[] = [
  getControllerMetaData,
  getControllerConfig,
  updateControllerConfig,
  electMaster,
  cleanBrokerMetadata,
];
