/** resetMasterFlushOffset, getBrokerEpoch: what brokers that copy from one another have to say. */
import { epochEntryCache } from "../../../wire/bodies/ha.ts";
import type { CommandContext } from "../context.ts";
import { command, optional, required } from "../declaration.ts";
import { integer } from "../values.ts";

export const resetMasterFlushOffset = command({
  name: "resetMasterFlushOffset",
  package: "broker",
  description: "Reset master flush offset in slave.",
  options: { brokerAddr: required("b", "which broker to reset"), offset: required("o", "the offset to reset at") },
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911 -o 0",
  async run(context, { brokerAddr, offset }) {
    const masterFlushOffset = integer(offset, "offset");
    await context.admin.brokers.resetMasterFlushOffset(brokerAddr, masterFlushOffset);
    context.print(`reset master flush offset to ${masterFlushOffset} success`);
    return { brokerAddr, masterFlushOffset };
  },
});

const INTERVAL_SECONDS_DEFAULT = 3;

export const getBrokerEpoch = command({
  name: "getBrokerEpoch",
  package: "broker",
  description: "Fetch broker epoch entries.",
  options: {
    clusterName: optional("c", "which cluster"),
    brokerName: optional("b", "which broker to fetch"),
    interval: optional("i", "the interval(second) of get info"),
  },
  oneOf: ["brokerName", "clusterName"],
  example: "-n 127.0.0.1:9876 -b broker-a",
  async run(context, { clusterName, brokerName, interval }) {
    const { clusters } = context.admin;
    for (;;) {
      const addresses = await (brokerName === undefined
        ? clusters.allAddresses(clusterName ?? "")
        : clusters.addressesOfBroker(brokerName));
      context.output.emit(await printEpochs(context, addresses));
      if (interval === undefined) return undefined;
      await context.sleep((interval === "" ? INTERVAL_SECONDS_DEFAULT : integer(interval, "interval", 1)) * 1000);
    }
  },
});

async function printEpochs(context: CommandContext, addresses: readonly string[]) {
  const found = [];
  for (const brokerAddr of addresses) {
    const cache = (await context.call(brokerAddr, "GET_BROKER_EPOCH_CACHE", {})).read(epochEntryCache);
    // The newest stretch is still growing: it ends where the log ends.
    const epochList = cache.epochList.map((entry, i) =>
      i === cache.epochList.length - 1 ? { ...entry, endOffset: cache.maxOffset } : entry,
    );
    found.push({ brokerAddr, ...cache, epochList });
    context.print("");
    context.print(`#clusterName\t${cache.clusterName}`);
    context.print(`#brokerName\t${cache.brokerName}`);
    context.print(`#brokerAddr\t${brokerAddr}`);
    context.print(`#brokerId\t${cache.brokerId}`);
    for (const { epoch, startOffset, endOffset } of epochList) {
      context.print(`#Epoch: EpochEntry{epoch=${epoch}, startOffset=${startOffset}, endOffset=${endOffset}}`);
    }
  }
  return found;
}
