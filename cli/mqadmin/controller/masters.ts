/** getControllerMetaData, electMaster, cleanBrokerMetadata: who leads, who is master, who is known. */
import { command, flag, optional, required, UsageError } from "../declaration.ts";
import { integer } from "../values.ts";

export const getControllerMetaData = command({
  name: "getControllerMetaData",
  package: "controller",
  description: "Get controller cluster's metadata.",
  options: { controllerAddress: required("a", "the address of controller") },
  example: "-a 127.0.0.1:9878",
  async run(context, { controllerAddress }) {
    const metadata = await context.admin.controllers.getControllerMetaData(controllerAddress);
    const { group, controllerLeaderId, controllerLeaderAddress, peers } = metadata;
    context.print("");
    context.print(`#ControllerGroup\t${group ?? null}`);
    context.print(`#ControllerLeaderId\t${controllerLeaderId ?? null}`);
    context.print(`#ControllerLeaderAddress\t${controllerLeaderAddress ?? null}`);
    for (const peer of (peers ?? "").split(";").filter((each) => each !== "")) context.print(`#Peer:\t${peer}`);
    return metadata;
  },
});

export const electMaster = command({
  name: "electMaster",
  package: "controller",
  description: "Re-elect the specified broker as master.",
  options: {
    controllerAddress: required("a", "The address of controller"),
    brokerId: required("b", "The id of the broker which requires to become master"),
    brokerName: required("bn", "The broker name of the replicas that require to be manipulated"),
    clusterName: required("c", "the clusterName of broker"),
  },
  example: "-a 127.0.0.1:9878 -b 2 -bn broker-a -c DefaultCluster",
  async run(context, { controllerAddress, brokerId, brokerName, clusterName }) {
    const id = integer(brokerId, "brokerId", 0);
    const elected = await context.admin.controllers.electMaster(controllerAddress, clusterName, brokerName, id);
    const { masterAddress, masterEpoch, syncStateSetEpoch } = elected.header;
    context.print("");
    context.print(`#ClusterName\t${clusterName}`);
    context.print(`#BrokerName\t${brokerName}`);
    context.print(`#BrokerMasterAddr\t${masterAddress ?? null}`);
    context.print(`#MasterEpoch\t${masterEpoch ?? null}`);
    context.print(`#SyncStateSetEpoch\t${syncStateSetEpoch ?? null}`);
    for (const [member, address] of elected.members?.brokerAddrs ?? []) context.print(`\t#Broker\t${member}\t${address}`);
    return { ...elected.header, brokerAddrs: elected.members?.brokerAddrs };
  },
});

export const cleanBrokerMetadata = command({
  name: "cleanBrokerMetadata",
  package: "controller",
  description: "Clean metadata of broker on controller.",
  options: {
    controllerAddress: required("a", "The address of controller"),
    brokerControllerIdsToClean: optional(
      "b",
      "The brokerController id list which requires to clean metadata. eg: 1;2;3, means that clean broker-1, broker-2 and broker-3",
    ),
    brokerName: required("bn", "The broker name of the replicas that require to be manipulated"),
    clusterName: optional("c", "The clusterName of broker"),
    cleanLivingBroker: flag("l", "Whether clean up living brokers,default value is false"),
  },
  example: "-a 127.0.0.1:9878 -bn broker-a -c DefaultCluster -b 2;3",
  async run(context, { controllerAddress, brokerControllerIdsToClean: ids, brokerName, clusterName, cleanLivingBroker }) {
    for (const id of ids?.split(";") ?? []) integer(id.trim(), "brokerControllerIdsToClean", 0);
    if (!cleanLivingBroker && clusterName === undefined) {
      throw new UsageError("cleanLivingBroker option is false, clusterName option can not be empty");
    }
    await context.admin.controllers.cleanControllerBrokerData(controllerAddress, clusterName, brokerName, ids, cleanLivingBroker);
    context.print(`clear broker ${brokerName} metadata from controller success! `);
    return { brokerName, ids };
  },
});
