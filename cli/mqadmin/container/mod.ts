/** addBroker, removeBroker: the brokers of a container. */
import { type Command, command, required, UsageError } from "../declaration.ts";
import { integer } from "../values.ts";

const addBroker = command({
  name: "addBroker",
  package: "container",
  description: "Add a broker to specified container.",
  options: {
    brokerContainerAddr: required("c", "Broker container address"),
    brokerConfigPath: required("b", "Broker config path"),
  },
  example: "-c 127.0.0.1:10811 -b conf/broker.conf",
  async run(context, { brokerContainerAddr, brokerConfigPath }) {
    await context.admin.brokers.addBrokerToContainer(brokerContainerAddr, brokerConfigPath);
    context.print(`add broker to ${brokerContainerAddr} success`);
    return { brokerContainerAddr, brokerConfigPath };
  },
});

const removeBroker = command({
  name: "removeBroker",
  package: "container",
  description: "Remove a broker from specified container.",
  options: {
    brokerContainerAddr: required("c", "Broker container address"),
    brokerIdentity: required("b", "Information to identify a broker: clusterName:brokerName:brokerId(dLedgerId for dLedger)"),
  },
  example: "-c 127.0.0.1:10811 -b DefaultCluster:broker-a:0",
  async run(context, { brokerContainerAddr, brokerIdentity }) {
    const [clusterName, brokerName, id] = brokerIdentity.split(":").map((part) => part.trim());
    if (clusterName === undefined || brokerName === undefined || id === undefined) {
      throw new UsageError(`--brokerIdentity ${brokerIdentity}: allowed is clusterName:brokerName:brokerId`);
    }
    const brokerId = integer(id, "brokerIdentity", 0);
    await context.admin.brokers.removeBrokerFromContainer(brokerContainerAddr, clusterName, brokerName, brokerId);
    context.print(`remove broker from ${brokerContainerAddr} success`);
    return { clusterName, brokerName, brokerId };
  },
});

export const containerCommands: readonly Command[] = [addBroker, removeBroker];
