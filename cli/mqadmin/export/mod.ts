import type { Command } from "../declaration.ts";
import { exportConfigs } from "./export_configs.ts";
import { exportMetadata } from "./export_metadata.ts";
import { exportMetrics } from "./export_metrics.ts";
import { exportMetadataInRocksDB, exportPopRecord } from "./rocksdb.ts";

export const exportCommands: readonly Command[] = [
  exportMetadata,
  exportConfigs,
  exportMetrics,
  exportMetadataInRocksDB,
  exportPopRecord,
];
