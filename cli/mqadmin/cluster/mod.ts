import type { Command } from "../declaration.ts";
import { clusterList } from "./cluster_list.ts";
import { clusterRT } from "./cluster_rt.ts";

export const clusterCommands: readonly Command[] = [clusterList, clusterRT];
