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

/** Asks one after the other, and goes on with the answers of those that have one. @throws the first failure when all failed */
export async function askAll<T>(context: CommandContext, asked: readonly T[], each: (one: T) => Promise<unknown>): Promise<void> {
  const faults = await tried(asked, each, () => {});
  for (const fault of faults.values()) {
    if (faults.size === asked.length) throw fault;
    context.output.missed(fault);
  }
}

/** One of several did not answer: said, and counted unless it is simply not there. @param name of what was asked for */
export function passOver(context: CommandContext, name: string, fault: Error): void {
  if (fault instanceof MQClientError && fault.kind !== "no-route") context.output.missed(fault);
  else context.output.note(`${name}: ${fault.message}`);
}

/** Which failed, and how. */
async function tried<T>(
  asked: readonly T[],
  each: (one: T) => Promise<unknown>,
  failed: (one: T) => void,
): Promise<Map<T, MQBrokerError | MQClientError>> {
  const faults = new Map<T, MQBrokerError | MQClientError>();
  for (const one of asked) {
    try {
      await each(one);
    } catch (fault) {
      if (!(fault instanceof MQBrokerError || fault instanceof MQClientError)) throw fault;
      failed(one);
      faults.set(one, fault);
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
  const rows: { readonly title: string; readonly address: string | undefined }[] = [];
  for (const { master, slaves } of await context.admin.clusters.mastersAndSlaves(clusterName)) {
    rows.push({ title: `${indent}============Master: ${master ?? NO_MASTER}============`, address: master });
    for (const slave of slaves) {
      rows.push({
        title: `${indent}============My Master: ${master ?? NO_MASTER}=====Slave: ${slave}============`,
        address: slave,
      });
    }
  }
  await askAll(context, rows, async ({ title, address }) => {
    context.print(title);
    if (address !== undefined) await each(address);
  });
}
