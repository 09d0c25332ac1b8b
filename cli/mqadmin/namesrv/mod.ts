import type { Command } from "../declaration.ts";
import { getNamesrvConfig, updateNamesrvConfig } from "./config.ts";
import { deleteKvConfig, updateKvConfig } from "./kv_config.ts";
import { addWritePerm, wipeWritePerm } from "./write_perm.ts";

export const namesrvCommands: readonly Command[] = [
  updateKvConfig,
  deleteKvConfig,
  wipeWritePerm,
  addWritePerm,
  getNamesrvConfig,
  updateNamesrvConfig,
];
