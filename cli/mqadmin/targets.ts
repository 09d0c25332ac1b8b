/** Which brokers a command speaks of, and Apache's way of going from one to the next. */
import { MQBrokerError, MQClientError } from "../../core/client/mod.ts";
import type { CommandContext } from "./context.ts";

export interface BrokerOrCluster {
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
}

/** Stands for a master that is not there, in Apache's output. */
export const NO_MASTER = "NO_MASTER";

/** `host:port` of the broker of -b, or of the masters of the cluster of -c. */
export async function targetsOf(context: CommandContext, { brokerAddr, clusterName }: BrokerOrCluster): Promise<string[]> {
  if (brokerAddr !== undefined) return [brokerAddr];
  return clusterName === undefined ? [] : await context.admin.clusters.masterAddresses(clusterName);
}

/** Does `each` at the broker of -b, or at all masters of the cluster of -c, and says so. @returns their addresses */
export async function eachMaster(
  context: CommandContext,
  options: BrokerOrCluster,
  done: (address: string) => string | undefined,
  each: (address: string) => Promise<unknown>,
): Promise<string[]> {
  const targets = await targetsOf(context, options);
  await allOf(context, targets, async (address) => {
    await each(address);
    const line = done(address);
    if (line !== undefined) context.print(line);
  });
  return targets;
}

/**
 * One after the other; who fails does not keep the others from their turn. @param failed prints what Apache's prints of it
 * @throws the first failure, behind the last address; further ones are on standard error by then
 */
export async function allOf(
  context: CommandContext,
  addresses: readonly string[],
  each: (address: string) => Promise<unknown>,
  failed: (address: string) => void = () => {},
): Promise<void> {
  let first: MQBrokerError | MQClientError | undefined;
  for (const address of addresses) {
    try {
      await each(address);
    } catch (fault) {
      if (!(fault instanceof MQBrokerError || fault instanceof MQClientError)) throw fault;
      failed(address);
      if (first !== undefined) context.output.note(fault.message);
      first ??= fault;
    }
  }
  if (first !== undefined) throw first;
}

/** With Apache's titles; a name without a master has its title and no more. @param indent some commands have a blank */
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
  for (const { master, slaves } of await context.admin.clusters.mastersAndSlaves(clusterName)) {
    context.print(`${indent}============Master: ${master ?? NO_MASTER}============`);
    if (master !== undefined) await each(master);
    for (const slave of slaves) {
      context.print(`${indent}============My Master: ${master ?? NO_MASTER}=====Slave: ${slave}============`);
      await each(slave);
    }
  }
}
