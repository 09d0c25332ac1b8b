/** Where the commands of users and access lists act: one broker, or a cluster. */
import type { CommandContext } from "../context.ts";
import { CommandError } from "../declaration.ts";
import { allOf, askAll, type BrokerOrCluster } from "../targets.ts";

/** On every broker, slaves too, since each keeps its own users. @returns their addresses */
export async function atEachBroker(
  context: CommandContext,
  { brokerAddr, clusterName = "" }: BrokerOrCluster,
  what: string,
  each: (address: string) => Promise<void>,
): Promise<string[]> {
  const addresses = brokerAddr === undefined ? await context.admin.clusters.allAddresses(clusterName) : [brokerAddr];
  await allOf(context, addresses, async (address) => {
    await each(address);
    context.print(`${what} to ${address} success.`);
  });
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
  await askAll(context, addresses, async (address) => {
    if (onlyFirst && found.length > 0) return;
    const value = await ask(address);
    if (value !== undefined) found.push({ address, value });
  });
  return found;
}

/** `a, b` */
export const commaList = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
