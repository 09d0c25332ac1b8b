/** Which brokers a command speaks of, and Apache's way of going from one to the next. */
import { MQBrokerError, MQClientError } from "../../core/client/mod.ts";
import type { CommandContext } from "./context.ts";
import { PartlyDone } from "./errors.ts";

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
 * Changes something, one server after the other; who fails does not keep the others from their turn. @param failed prints what
 * Apache's prints of it
 * @throws PartlyDone behind the last address when some failed, and the first failure when all did; further ones are on standard
 * error by then
 */
export async function allOf(
  context: CommandContext,
  addresses: readonly string[],
  each: (address: string) => Promise<unknown>,
  failed: (address: string) => void = () => {},
): Promise<void> {
  const faults = await tried(addresses, each, failed);
  const [first, ...more] = faults.values();
  if (first === undefined) return;
  const done = addresses.filter((address) => !faults.has(address));
  if (done.length > 0)
    throw new PartlyDone(
      done,
      Array.from(faults, ([address, { message }]) => ({ address, error: message })),
    );
  for (const fault of more) context.output.note(fault.message);
  throw first;
}

/** Asks one server after the other, and goes on with the answers of those that have one. @throws the first failure when all failed */
export async function askAll(
  context: CommandContext,
  addresses: readonly string[],
  each: (address: string) => Promise<unknown>,
): Promise<void> {
  const faults = await tried(addresses, each, () => {});
  for (const fault of faults.values()) {
    if (faults.size === addresses.length) throw fault;
    context.output.missed(fault);
  }
}

/** Who failed, and how. */
async function tried(
  addresses: readonly string[],
  each: (address: string) => Promise<unknown>,
  failed: (address: string) => void,
): Promise<Map<string, MQBrokerError | MQClientError>> {
  const faults = new Map<string, MQBrokerError | MQClientError>();
  for (const address of addresses) {
    try {
      await each(address);
    } catch (fault) {
      if (!(fault instanceof MQBrokerError || fault instanceof MQClientError)) throw fault;
      failed(address);
      faults.set(address, fault);
    }
  }
  return faults;
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
  const titles = new Map<string, string>();
  /** Keys of titles that have no address. */
  const nobody = new Set<string>();
  for (const { master, slaves } of await context.admin.clusters.mastersAndSlaves(clusterName)) {
    const key = master ?? `${NO_MASTER} ${nobody.size}`;
    if (master === undefined) nobody.add(key);
    titles.set(key, `${indent}============Master: ${master ?? NO_MASTER}============`);
    for (const slave of slaves) {
      titles.set(slave, `${indent}============My Master: ${master ?? NO_MASTER}=====Slave: ${slave}============`);
    }
  }
  await askAll(context, [...titles.keys()], async (address) => {
    context.print(titles.get(address) as string);
    if (!nobody.has(address)) await each(address);
  });
}
