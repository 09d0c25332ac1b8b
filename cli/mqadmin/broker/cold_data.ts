/** getColdDataFlowCtrInfo, updateColdDataFlowCtrGroupConfig, removeColdDataFlowCtrGroupConfig: limits on reading old messages. */
import { CommandError, command, optional, required } from "../declaration.ts";
import { dateTime, prettyJson } from "../format.ts";
import { eachMaster, eachWithTitle } from "../targets.ts";
import { integer } from "../values.ts";

type Runtime = Record<string, Record<string, unknown>>;

export const getColdDataFlowCtrInfo = command({
  name: "getColdDataFlowCtrInfo",
  package: "broker",
  description: "Get cold data flow ctr info.",
  options: { brokerAddr: optional("b", "get from which broker"), clusterName: optional("c", "get from which cluster") },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911",
  async run(context, options) {
    const found = new Map<string, unknown>();
    const ask = async (address: string) => {
      const text = await context.admin.brokers.getColdDataFlowCtrInfo(address);
      if (text === "") {
        context.print(`Broker[${address}] has no cold ctr table !`);
        return;
      }
      const info = objectOf(text, address);
      for (const row of Object.values((info["runtimeTable"] ?? {}) as Runtime)) {
        row["lastColdReadTimeFormat"] = dateTime(Number(row["lastColdReadTimeMills"]), " ");
        row["createTimeFormat"] = dateTime(Number(row["createTimeMills"]), " ");
        delete row["lastColdReadTimeMills"];
        delete row["createTimeMills"];
      }
      found.set(address, info);
      context.print(prettyJson(info));
    };
    await eachWithTitle(context, options, ask, " ");
    return found;
  },
});

function objectOf(text: string, address: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new CommandError(`Cannot read the answer of ${address}: it is not JSON: ${text.slice(0, 200)}`);
  }
}

const target = { brokerAddr: optional("b", "update which broker"), clusterName: optional("c", "update which cluster") };

export const updateColdDataFlowCtrGroupConfig = command({
  name: "updateColdDataFlowCtrGroupConfig",
  package: "broker",
  description: "Add or update cold data flow ctr group config.",
  options: {
    ...target,
    consumerGroup: required("g", "specific consumerGroup"),
    threshold: required("v", "cold read threshold value"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911 -g GroupA -v 3145728",
  async run(context, { consumerGroup, threshold, ...options }) {
    integer(threshold, "threshold");
    const brokers = await eachMaster(
      context,
      options,
      (address) => `updateColdDataFlowCtrGroupConfig success, ${address}`,
      (address) => context.admin.brokers.updateColdDataFlowCtrGroupConfig(address, { [consumerGroup]: threshold }),
    );
    return { consumerGroup, threshold, brokers };
  },
});

export const removeColdDataFlowCtrGroupConfig = command({
  name: "removeColdDataFlowCtrGroupConfig",
  package: "broker",
  description: "Remove consumer from cold ctr config.",
  options: { ...target, consumerGroup: required("g", "the consumer group will remove from the config") },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911 -g GroupA",
  async run(context, { consumerGroup, ...options }) {
    const brokers = await eachMaster(
      context,
      options,
      (address) => `remove broker cold read threshold success, ${address}`,
      (address) => context.admin.brokers.removeColdDataFlowCtrGroupConfig(address, consumerGroup),
    );
    return { consumerGroup, brokers };
  },
});
