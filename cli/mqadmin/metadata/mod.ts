/** rocksDBConfigToJson: lets brokers that keep their configuration in RocksDB write it as JSON. */
import type { RocksDBConfigType } from "../../../core/client/mod.ts";
import type { CommandContext } from "../context.ts";
import { type Command, CommandError, command, optional, UsageError } from "../declaration.ts";

const CONFIG_TYPES: readonly RocksDBConfigType[] = ["topics", "subscriptionGroups", "consumerOffsets"];

const rocksDBConfigToJson = command({
  name: "rocksDBConfigToJson",
  package: "metadata",
  description:
    "Convert RocksDB kv config (topics/subscriptionGroups/consumerOffsets) to json. " +
    "[rpc mode] Use [-n, -c, -b, -t] to send Request to broker ( version >= 5.3.2 ) or [local mode] use [-p, -t, -j, -e] to load RocksDB. " +
    "If -e is provided, tools will export json file instead of std print",
  options: {
    configType: optional(
      "t",
      "Name of kv config, e.g. topics/subscriptionGroups/consumerOffsets. Required in local mode and default all in rpc mode.",
    ),
    configPath: optional("p", "[local mode] Absolute path to the metadata config directory"),
    exportFile: optional(
      "e",
      "[local mode] Absolute file path for exporting, auto backup existing file, not directory. If exportFile is provided, will export Json file and ignore [-j].",
    ),
    jsonEnable: optional(
      "j",
      "[local mode] Json format enable, Default: true. If exportFile is provided, will export Json file and ignore [-j].",
    ),
    nameserverAddr: optional(
      "n",
      "[rpc mode] nameserverAddr. If nameserverAddr and clusterName are provided, will ignore [-p, -e, -j, -b] args",
    ),
    cluster: optional(
      "c",
      "[rpc mode] Cluster name. If nameserverAddr and clusterName are provided, will ignore [-p, -e, -j, -b] args",
    ),
    brokerAddr: optional("b", "[rpc mode] Broker address. If brokerAddr is provided, will ignore [-p, -e, -j] args"),
  },
  example: "-n 127.0.0.1:9876 -c DefaultCluster -t topics",
  async run(context, { configType, configPath, nameserverAddr, cluster, brokerAddr }) {
    const types = typesOf(configType);
    if (nameserverAddr !== undefined) {
      context.print("Use [rpc mode] call all brokers in cluster to export to json file ");
      if (cluster === undefined) throw new UsageError("rpc mode Invalid args, please input cluster");
      return await exported(context, await context.admin.clusters.masterAddresses(cluster), types);
    }
    if (brokerAddr !== undefined) {
      context.print("Use [rpc mode] call broker to export to json file ");
      return await exported(context, [brokerAddr], types);
    }
    if (configPath === undefined) throw new UsageError("rpc mode wants -n and -c, or -b; local mode wants -p");
    throw new CommandError(
      `${configPath} is a RocksDB directory, which this mqadmin can't read: let its broker export it, with -b host:port`,
    );
  },
});

/** One type or several, joined by `;`; all unless given. */
function typesOf(text: string | undefined): readonly RocksDBConfigType[] {
  if (text === undefined) return CONFIG_TYPES;
  return text
    .split(";")
    .filter((each) => each.trim() !== "")
    .map((each) => {
      const type = CONFIG_TYPES.find((known) => known.toLowerCase() === each.trim().toLowerCase());
      if (type !== undefined) return type;
      throw new UsageError(`Invalid configType: ${each} please input topics/subscriptionGroups/consumerOffsets`);
    });
}

/** All at once; one that fails fails the command, and the others are done. */
async function exported(context: CommandContext, addresses: readonly string[], types: readonly RocksDBConfigType[]) {
  const calls = addresses.map((address) => context.admin.brokers.exportRocksDBConfigToJson(address, types));
  const failed = (await Promise.allSettled(calls)).filter((outcome) => outcome.status === "rejected");
  if (failed.length > 0) throw new CommandError(failed.map(({ reason }) => (reason as Error).message).join("; "));
  context.print("broker export done.");
  return addresses;
}

export const metadataCommands: readonly Command[] = [rocksDBConfigToJson];
