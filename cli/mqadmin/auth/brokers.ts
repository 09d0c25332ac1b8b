/** Where the commands of users and access lists act: one broker, or a cluster. */
import type { CommandContext } from "../context.ts";
import { CommandError } from "../declaration.ts";
import type { BrokerOrCluster } from "../targets.ts";

/** On every broker, slaves too, since each keeps its own users. @returns their addresses */
export async function atEachBroker(
  context: CommandContext,
  { brokerAddr, clusterName = "" }: BrokerOrCluster,
  what: string,
  each: (address: string) => Promise<void>,
): Promise<string[]> {
  const addresses = brokerAddr === undefined ? await context.admin.clusters.allAddresses(clusterName) : [brokerAddr];
  for (const address of addresses) {
    await each(address);
    context.print(`${what} to ${address} success.`);
  }
  return addresses;
}

/** What the broker, or the masters of the cluster, have; with `onlyFirst` the first that has something. */
export async function foundOnMasters<T>(
  context: CommandContext,
  { brokerAddr, clusterName = "" }: BrokerOrCluster,
  ask: (address: string) => Promise<T | undefined>,
  onlyFirst: boolean,
): Promise<{ address: string; value: T }[]> {
  const addresses = brokerAddr === undefined ? await context.admin.clusters.masterAddresses(clusterName) : [brokerAddr];
  if (addresses.length === 0) throw new CommandError(`cluster ${clusterName} has no master to ask`);
  const found: { address: string; value: T }[] = [];
  for (const address of addresses) {
    const value = await ask(address);
    if (value !== undefined) found.push({ address, value });
    if (value !== undefined && onlyFirst) break;
  }
  return found;
}

/** `a, b` */
export const commaList = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
