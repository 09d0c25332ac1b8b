/**
 * A store whose queues or configuration Apache keeps in RocksDB: recognised by what lies in the directory and by the keys,
 * and refused before anything is touched, with the commands that turn it into files. Started all the same, it would look
 * like a store without topics, groups and offsets, and its consumers would begin anew.
 *
 * What a 5.5.0 broker makes (seen, `test/golden/rocksdb_trees.txt`); a RocksDB directory holds a file CURRENT:
 *
 *     storeType=defaultRocksDB          consumequeue/, config/{topics,subscriptionGroups,consumerOffsets}/
 *       useSeparateStorePathForRocksdbCQ  consumequeue_rocksdb/ instead of consumequeue/
 *       useSingleRocksDBForAllConfigs     config/metadata/ instead of the three
 *     configManagerVersion=v2           config/rdb/
 *     rocksdbCQDoubleWriteEnable        with a path of its own a copy of the queues that are files: those are read
 *     any                               rocksdbstore/, empty unless a key below says otherwise
 */
import type { Files } from "../runtime.ts";
import type { StoreSettings } from "./options.ts";

const CONFIG_V1 = ["topics", "subscriptionGroups", "consumerOffsets", "metadata"];
const CONFIG_V2 = "rdb";

/**
 * Why the store at `storePathRootDir` can't be opened, as sentences with the commands that mend it (of the `mqadmin` of
 * 5.5.0, tried on such stores); undefined when it is a store of files, or none yet. Reads names only.
 */
export function rocksDbRefusal(files: Files, settings: StoreSettings): string | undefined {
  const root = settings.storePathRootDir;
  const isDatabase = (path: string): boolean => files.exists(`${root}/${path}/CURRENT`);
  const queues = ["consumequeue", "consumequeue_rocksdb"].filter(isDatabase);
  // Apart and beside queues that are files it is their copy.
  const queuesOnly = queues.includes("consumequeue") || !hasQueueFiles(files, `${root}/consumequeue`) ? queues : [];
  const config = CONFIG_V1.map((name) => `config/${name}`).filter(isDatabase);
  const newConfig = [`config/${CONFIG_V2}`].filter(isDatabase);
  const found = [...queuesOnly, ...config, ...newConfig];
  if (found.length === 0) return keyRefusal(settings);
  return [
    `Cannot open the store "${root}": it is in RocksDB form (${found.join(", ")}), which is not read here.`,
    ...(config.length > 0 ? [exportOfV1(root, config)] : []),
    ...(newConfig.length > 0 ? [EXPORT_OF_V2] : []),
    `Then stop that broker in order, move ${found.join(", ")} out of the directory, and start with storeType=default and ` +
      `configManagerVersion=v1${queuesOnly.length > 0 ? ": the consume queues are made again from the commit log" : ""}`,
  ].join(" ");
}

function hasQueueFiles(files: Files, directory: string): boolean {
  return files.list(directory).some((topic) => files.stat(`${directory}/${topic}`)?.kind === "directory");
}

function exportOfV1(root: string, config: readonly string[]): string {
  const running =
    "With its Apache broker running, `mqadmin rocksDBConfigToJson -n <nameserver> -c <cluster>` writes topics.json, " +
    `subscriptionGroup.json and consumerOffset.json into "${root}/config".`;
  // One database for all is not found by the tool's local mode.
  if (config.includes("config/metadata")) return running;
  return (
    `${running} With it stopped, so does \`mqadmin rocksDBConfigToJson -p ${root}/config -t topics -e ` +
    `${root}/config/topics.json\`, and the same with -t subscriptionGroups, -e …/subscriptionGroup.json, and with ` +
    "-t consumerOffsets, -e …/consumerOffset.json."
  );
}

const EXPORT_OF_V2 =
  "Its configuration is of configManagerVersion=v2, from which `mqadmin rocksDBConfigToJson` exports nothing: with its Apache " +
  "broker running, `mqadmin exportMetadata -n <nameserver> -c <cluster> -f <directory>` writes topics and groups into " +
  "metadata.json, whose topicConfigTable belongs into config/topics.json and whose subscriptionGroupTable into " +
  "config/subscriptionGroup.json; no command exports consumer offsets, `mqadmin resetOffsetByTime` sets them afterwards.";

/** What the keys say would wait in `rocksdbstore` and be neither delivered nor checked here. */
function keyRefusal(settings: StoreSettings): string | undefined {
  if (settings.timerRocksDBEnable) {
    return (
      "timerRocksDBEnable=true: delayed messages would wait in RocksDB, which is not read here. With the Apache broker running, " +
      "`mqadmin switchTimerEngine -b <broker> -e F` goes over to the timer wheel in files; then start with timerRocksDBEnable=false"
    );
  }
  if (settings.transRocksDBEnable) {
    return (
      "transRocksDBEnable=true: half messages would wait in RocksDB, which is not read here. Let the Apache broker end its " +
      "transactions with transRocksDBEnable=false, then start with that"
    );
  }
  return undefined;
}
