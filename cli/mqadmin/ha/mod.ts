import type { Command } from "../declaration.ts";
import { haStatus } from "./ha_status.ts";
import { getSyncStateSet } from "./sync_state_set.ts";

export const haCommands: readonly Command[] = [haStatus, getSyncStateSet];
