/** Commands that go from broker to broker: with a title for each, or only to say that it was done. */
import { brokersOf, masterAndSlavesOf, targetsOf } from "../clusters.ts";
import type { CommandContext } from "../context.ts";

export interface BrokerOrCluster {
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
}

/** Apache's titles; `each` is called with NO_MASTER where a name has no master. @param indent some commands have a blank */
export async function eachWithTitle(
  context: CommandContext,
  { brokerAddr, clusterName = "" }: BrokerOrCluster,
  each: (address: string) => Promise<void>,
  indent = "",
): Promise<void> {
  if (brokerAddr !== undefined) {
    context.print(`${indent}============${brokerAddr}============`);
    await each(brokerAddr);
    return;
  }
  for (const { master, slaves } of await masterAndSlavesOf(context, clusterName)) {
    context.print(`${indent}============Master: ${master}============`);
    await each(master);
    for (const slave of slaves) {
      context.print(`${indent}============My Master: ${master}=====Slave: ${slave}============`);
      await each(slave);
    }
  }
}

/** Does `each` at the broker, or at all masters of the cluster, and says so. @returns their addresses */
export async function eachMaster(
  context: CommandContext,
  options: BrokerOrCluster,
  done: (address: string) => string,
  each: (address: string) => Promise<unknown>,
): Promise<string[]> {
  const targets = await targetsOf(context, options);
  for (const address of targets) {
    await each(address);
    context.print(done(address));
  }
  return targets;
}

/** One broker, all brokers of a cluster, or all brokers. */
export async function brokersMeant(
  context: CommandContext,
  brokerAddr: string | undefined,
  cluster: string | undefined,
  allClusters: () => Promise<readonly string[]>,
): Promise<string[]> {
  if (brokerAddr !== undefined) return [brokerAddr];
  const clusters = cluster === undefined ? await allClusters() : [cluster];
  const lists = await Promise.all(clusters.map((name) => brokersOf(context, name)));
  return [...new Set(lists.flat())];
}
