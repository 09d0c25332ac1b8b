/** getBrokerLiteInfo, getParentTopicInfo, triggerLiteDispatch: lite topics as their brokers count them. */
import { MQBrokerError, MQClientError } from "../../../core/client/mod.ts";
import { CommandError, command, flag, optional, required } from "../declaration.ts";
import { format, front, plainJson } from "../format.ts";
import { targetsOf } from "../targets.ts";
import { askEach, brokersOfTopic } from "./each_broker.ts";

const BROKER = "%-30s %-17s %-10s %-14s %-20s %-17s %-15s %-18s %-15s";

export const getBrokerLiteInfo = command({
  name: "getBrokerLiteInfo",
  package: "lite",
  description: "Get broker lite info.",
  options: {
    brokerAddr: optional("b", "Broker address"),
    cluster: optional("c", "Cluster name"),
    showDetail: flag("d", "Show topic and group detail info"),
  },
  oneOf: ["brokerAddr", "cluster"],
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911 -d",
  async run(context, { brokerAddr, cluster, showDetail }) {
    const counts = ["#SubscriptionCount", "#OrderInfoCount", "#CQTableSize", "#OffsetTableSize", "#eventMapSize"];
    context.print(format(BROKER, "#Broker", "#Store Type", "#Max LMQ", "#Current LMQ", ...counts));
    const addresses = await targetsOf(context, { brokerAddr, clusterName: cluster });
    return await askEach(
      context,
      addresses.map((address) => ({ brokerName: address, address })),
      ({ address }) => context.admin.liteTopics.getBrokerLiteInfo(address),
      (info, { address }) => {
        const sizes = [
          info.liteSubscriptionCount,
          info.orderInfoCount,
          info.cqTableSize,
          info.offsetTableSize,
          info.eventMapSize,
        ];
        context.print(format(BROKER, address, info.storeType ?? null, info.maxLmqNum, info.currentLmqNum, ...sizes));
        if (!showDetail) return;
        context.print(`Topic Meta: ${plainJson(info.topicMeta ?? null)}`);
        context.print(`Group Meta: ${plainJson(info.groupMeta ?? null)}`);
        context.print("");
      },
    );
  },
});

const PARENT = "%-50s %-8s %-14s %-14s %-100s ";

export const getParentTopicInfo = command({
  name: "getParentTopicInfo",
  package: "lite",
  description: "Get parent topic info.",
  options: { parentTopic: required("p", "Parent topic name") },
  example: "-n 127.0.0.1:9876 -p ParentTopic",
  async run(context, { parentTopic }) {
    const brokers = await brokersOfTopic(context, parentTopic);
    context.print(`Parent Topic Info: [${parentTopic}]`);
    context.print(format(PARENT, "#Broker Name", "#TTL", "#Lite Count", "#LMQ NUM", "#GROUPS"));
    return await askEach(
      context,
      brokers,
      ({ address }) => context.admin.liteTopics.getParentTopicInfo(address, parentTopic),
      ({ ttl, liteTopicCount, lmqNum, groups }, { brokerName }) => {
        const names = groups === undefined ? "null" : `[${[...groups].join(", ")}]`;
        context.print(format(PARENT, front(brokerName, 40), ttl, liteTopicCount, lmqNum, names));
      },
    );
  },
});

export const triggerLiteDispatch = command({
  name: "triggerLiteDispatch",
  package: "lite",
  description: "Trigger Lite Dispatch.",
  options: {
    parentTopic: required("p", "Parent topic name"),
    group: required("g", "Consumer group"),
    clientId: optional("c", "clientId (optional)"),
    brokerName: optional("b", "brokerName (optional)"),
  },
  example: "-n 127.0.0.1:9876 -p ParentTopic -g GroupA",
  async run(context, { parentTopic, group, clientId, brokerName }) {
    const all = await brokersOfTopic(context, parentTopic);
    const brokers = all.filter((each) => brokerName === undefined || each.brokerName === brokerName);
    context.print(`Group And Topic Info: [${group}] [${parentTopic}]`);
    context.print("");
    const failures: string[] = [];
    for (const { brokerName: name, address } of brokers) {
      try {
        await context.admin.liteTopics.triggerLiteDispatch(address, group, clientId);
        context.print(format("%-30s %-12s", name, "dispatched"));
      } catch (fault) {
        if (!(fault instanceof MQBrokerError || fault instanceof MQClientError)) throw fault;
        context.print(format("%-30s %-12s", name, "error"));
        failures.push(fault.message);
      }
    }
    if (failures.length > 0) throw new CommandError(failures.join("\n"));
    return { group, brokers };
  },
});
