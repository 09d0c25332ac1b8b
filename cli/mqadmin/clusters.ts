/** Which brokers a command speaks of: those of `-b`, or those of the cluster of `-c`, as the nameserver knows them. */
import { type ClusterInfo, clusterInfo } from "../../wire/bodies/route.ts";
import { MASTER_ID } from "../../wire/mix_all.ts";
import type { CommandContext } from "./context.ts";
import { CommandError } from "./declaration.ts";

/** Stands for a master that is not there, in Apache's output. */
export const NO_MASTER = "NO_MASTER";

export interface MasterAndSlaves {
  /** `host:port`, or NO_MASTER. */
  readonly master: string;
  readonly slaves: readonly string[];
}

export async function clusterInfoOf(context: CommandContext): Promise<ClusterInfo> {
  return clusterInfo.decode((await context.askNamesrv("GET_BROKER_CLUSTER_INFO", {})).body);
}

/** Broker names of a cluster, sorted. @throws CommandError when no nameserver knows it */
export function brokerNamesOf(context: CommandContext, info: ClusterInfo, clusterName: string): string[] {
  const names = info.clusterAddrTable.get(clusterName);
  if (names !== undefined) return [...names].sort();
  const known = [...info.clusterAddrTable.keys()].join(", ");
  throw new CommandError(
    `[error] Make sure the specified clusterName exists or the name server connected to is correct. ` +
      `Cluster "${clusterName}" is not known to ${context.namesrvAddrs.join(";")}, which knows ${known === "" ? "none" : known}`,
  );
}

export async function masterAndSlavesOf(context: CommandContext, clusterName: string): Promise<MasterAndSlaves[]> {
  const info = await clusterInfoOf(context);
  return brokerNamesOf(context, info, clusterName).flatMap((name) => {
    const addrs = info.brokerAddrTable.get(name)?.brokerAddrs;
    if (addrs === undefined) return [];
    const slaves = [...addrs].filter(([id]) => id !== MASTER_ID).map(([, address]) => address);
    return [{ master: addrs.get(MASTER_ID) ?? NO_MASTER, slaves }];
  });
}

/** `host:port` of the masters of a cluster. */
export async function mastersOf(context: CommandContext, clusterName: string): Promise<string[]> {
  const all = await masterAndSlavesOf(context, clusterName);
  return all.map(({ master }) => master).filter((master) => master !== NO_MASTER);
}

/** `host:port` of all brokers of a cluster, masters first within a name. */
export async function brokersOf(context: CommandContext, clusterName: string): Promise<string[]> {
  const all = await masterAndSlavesOf(context, clusterName);
  return all.flatMap(({ master, slaves }) => (master === NO_MASTER ? slaves : [master, ...slaves]));
}

/** What `-b` and `-c` name: one broker, or the masters of a cluster. */
export async function targetsOf(
  context: CommandContext,
  options: { readonly brokerAddr?: string | undefined; readonly clusterName?: string | undefined },
): Promise<string[]> {
  if (options.brokerAddr !== undefined) return [options.brokerAddr];
  return options.clusterName === undefined ? [] : await mastersOf(context, options.clusterName);
}

/** The name of the broker that is registered under an address. @throws CommandError */
export async function brokerNameOf(context: CommandContext, address: string): Promise<string> {
  const info = await clusterInfoOf(context);
  for (const [name, { brokerAddrs }] of info.brokerAddrTable) if ([...brokerAddrs.values()].includes(address)) return name;
  throw new CommandError(
    `[error] Make sure the specified broker is registered: ${context.namesrvAddrs.join(";")} knows no broker ${address}`,
  );
}

/** The master of a broker name. @throws CommandError */
export async function masterOf(context: CommandContext, brokerName: string): Promise<string> {
  const address = (await clusterInfoOf(context)).brokerAddrTable.get(brokerName)?.brokerAddrs.get(MASTER_ID);
  if (address !== undefined) return address;
  throw new CommandError(
    `No broker address for broker name ${brokerName}, say the nameservers ${context.namesrvAddrs.join(";")}`,
  );
}
