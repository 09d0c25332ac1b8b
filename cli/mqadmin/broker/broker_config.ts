/** getBrokerConfig, updateBrokerConfig. */

import { command, optional, required } from "../declaration.ts";
import { format } from "../format.ts";
import { allOf, eachWithTitle } from "../targets.ts";

export const getBrokerConfig = command({
  name: "getBrokerConfig",
  package: "broker",
  description: "Get broker config by cluster or special broker.",
  options: { brokerAddr: optional("b", "get which broker"), clusterName: optional("c", "get which cluster") },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911",
  async run(context, options) {
    const found = new Map<string, Map<string, string>>();
    await eachWithTitle(context, options, async (address) => {
      const config = await context.admin.brokers.getBrokerConfig(address);
      found.set(address, config);
      for (const [key, value] of config) context.print(format("%-50s=  %s", key, value));
      context.print("");
    });
    return found;
  },
});

export const updateBrokerConfig = command({
  name: "updateBrokerConfig",
  package: "broker",
  description: "Update broker's config.",
  options: {
    brokerAddr: optional("b", "update which broker"),
    clusterName: optional("c", "update which cluster"),
    updateAllBroker: optional("a", "update all brokers include slave"),
    key: required("k", "config key"),
    value: required("v", "config value"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911 -k fileReservedTime -v 48",
  async run(context, { brokerAddr, clusterName = "", updateAllBroker, key, value }) {
    const { clusters, brokers } = context.admin;
    const members = () =>
      updateAllBroker === undefined ? clusters.masterAddresses(clusterName) : clusters.allAddresses(clusterName);
    const targets = brokerAddr === undefined ? await members() : [brokerAddr];
    await allOf(context, targets, async (address) => {
      await brokers.updateBrokerConfig(address, { [key]: value });
      context.print(`update broker config success, ${address}`);
    });
    return { key, value, brokers: targets };
  },
});
