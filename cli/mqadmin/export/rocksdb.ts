/** exportPopRecord, and exportMetadataInRocksDB, which this tool can't do. */
import type { CommandContext } from "../context.ts";
import { CommandError, command, optional, required, UsageError } from "../declaration.ts";

const EXPORT_TIMEOUT_MS = 30_000;

export const exportPopRecord = command({
  name: "exportPopRecord",
  package: "export",
  description: "Export pop consumer record",
  options: {
    clusterName: optional("c", "choose one cluster to export"),
    brokerAddr: optional("b", "choose one broker to export"),
    dryRun: optional("d", "no actual changes will be made"),
  },
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911 -d true",
  async run(context, { clusterName, brokerAddr, dryRun }) {
    if (brokerAddr === undefined && clusterName === undefined)
      throw new UsageError("-b (--brokerAddr) or -c (--clusterName) is wanted");
    // Apache's takes false for a dry run and anything else for a change; here true is a dry run.
    const dry = dryRun?.toLowerCase() === "true";
    const failed: string[] = [];
    for (const [address, brokerName] of await brokersOf(context, brokerAddr, clusterName)) {
      const what = `brokerName=${brokerName}, brokerAddr=${address}, dryRun=${dry}`;
      try {
        if (!dry) await context.admin.brokers.exportPopRecords(address, EXPORT_TIMEOUT_MS);
        context.print(`Export broker records, ${what}`);
      } catch (fault) {
        context.print(`Export broker records error, ${what}`);
        failed.push((fault as Error).message);
      }
    }
    if (failed.length > 0) throw new CommandError(failed.join("; "));
    return { dryRun: dry };
  },
});

async function brokersOf(
  context: CommandContext,
  brokerAddr: string | undefined,
  clusterName = "",
): Promise<Map<string, string>> {
  const { brokers, clusters } = context.admin;
  if (brokerAddr !== undefined) {
    return new Map([[brokerAddr, (await brokers.getBrokerConfig(brokerAddr)).get("brokerName") ?? ""]]);
  }
  const found = new Map<string, string>();
  for (const { brokerName, master, slaves } of await clusters.mastersAndSlaves(clusterName)) {
    for (const address of [master, ...slaves]) if (address !== undefined) found.set(address, brokerName);
  }
  return found;
}

export const exportMetadataInRocksDB = command({
  name: "exportMetadataInRocksDB",
  package: "export",
  description: "export RocksDB kv config (topics/subscriptionGroups). Recommend to use [mqadmin rocksDBConfigToJson]",
  options: {
    path: required("p", "Absolute path for the metadata directory"),
    configType: required("t", "Name of kv config, e.g. topics/subscriptionGroups"),
    jsonEnable: optional("j", "Json format enable, Default: false"),
  },
  example: "-p /store/config -t topics -j true",
  run(_context, { path }) {
    const reason = `${path} is a RocksDB directory, which this mqadmin can't read: let its broker export it (rocksDBConfigToJson -b host:port)`;
    return Promise.reject(new CommandError(reason));
  },
});
