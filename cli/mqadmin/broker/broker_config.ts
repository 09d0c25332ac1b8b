/** getBrokerConfig, updateBrokerConfig. */
import { formatProperties, parseProperties } from "../../../core/properties.ts";
import { encodeUtf8 } from "../../../wire/bytes.ts";
import { brokersOf, mastersOf, NO_MASTER } from "../clusters.ts";
import { eachWithTitle } from "./each_broker.ts";
import { command, optional, required } from "../declaration.ts";
import { format } from "../format.ts";

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
      if (address === NO_MASTER) return;
      const config = parseProperties((await context.call(address, "GET_BROKER_CONFIG", {})).body);
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
    const all = updateAllBroker === undefined ? mastersOf : brokersOf;
    const targets = brokerAddr === undefined ? await all(context, clusterName) : [brokerAddr];
    const body = encodeUtf8(formatProperties([[key, value]]));
    for (const address of targets) {
      await context.call(address, "UPDATE_BROKER_CONFIG", {}, body);
      context.print(`update broker config success, ${address}`);
    }
    return { key, value, brokers: targets };
  },
});
