/** brokerStatus: what a broker says of its own state, key by key. */
import { command, optional } from "../declaration.ts";
import { format } from "../format.ts";
import { askAll } from "../targets.ts";

export const brokerStatus = command({
  name: "brokerStatus",
  package: "broker",
  description: "Fetch broker runtime status data.",
  options: { brokerAddr: optional("b", "Broker address"), clusterName: optional("c", "which cluster") },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911",
  async run(context, { brokerAddr, clusterName }) {
    const addresses = brokerAddr === undefined ? await context.admin.clusters.allAddresses(clusterName ?? "") : [brokerAddr];
    const found = new Map<string, Map<string, string>>();
    await askAll(context, addresses, async (address) => {
      const info = new Map(
        [...(await context.admin.brokers.fetchBrokerRuntimeStats(address)).table].sort(([a], [b]) => (a < b ? -1 : 1)),
      );
      found.set(address, info);
      const head = brokerAddr === undefined ? format("%-24s ", address) : "";
      for (const [key, value] of info) context.print(head + format("%-32s: %s", key, value));
    });
    return found;
  },
});
