/** getSyncStateSet: which replicas are in sync with their master, as the controllers know it. */
import type { ReplicaIdentity } from "../../../wire/bodies/controller.ts";
import { command, optional, required, UsageError } from "../declaration.ts";
import { everyInterval, INTERVAL } from "./every_interval.ts";

const replicaText = ({ brokerName, brokerId, brokerAddress, alive }: ReplicaIdentity): string =>
  `ReplicaIdentity{brokerName='${brokerName}', brokerId=${brokerId}, brokerAddress='${brokerAddress}', alive=${alive}}`;

export const getSyncStateSet = command({
  name: "getSyncStateSet",
  package: "ha",
  description: "Fetch syncStateSet for target brokers.",
  options: {
    controllerAddress: required("a", "the address of controller"),
    clusterName: optional("c", "which cluster"),
    brokerName: optional("b", "which broker to fetch"),
    interval: INTERVAL,
  },
  example: "-a 127.0.0.1:9878 -b broker-a",
  run(context, { controllerAddress, clusterName, brokerName, interval }) {
    if (brokerName === undefined && clusterName === undefined)
      throw new UsageError("-b (--brokerName) or -c (--clusterName) is wanted");
    const controller = controllerAddress.split(";")[0] as string;
    return everyInterval(context, interval, async () => {
      const { clusters, controllers } = context.admin;
      const names = brokerName === undefined ? await clusters.brokerNames(clusterName ?? "") : [brokerName];
      const { replicasInfoTable } = await controllers.getInSyncStateData(controller, names);
      for (const [name, replicas] of replicasInfoTable) {
        const { masterBrokerId, masterAddress, masterEpoch, syncStateSetEpoch, inSyncReplicas, notInSyncReplicas } = replicas;
        context.print("");
        context.print(`#brokerName\t${name}`);
        context.print(`#MasterBrokerId\t${masterBrokerId ?? null}`);
        context.print(`#MasterAddr\t${masterAddress ?? null}`);
        context.print(`#MasterEpoch\t${masterEpoch ?? null}`);
        context.print(`#SyncStateSetEpoch\t${syncStateSetEpoch ?? null}`);
        context.print(`#SyncStateSetNums\t${inSyncReplicas.length}`);
        for (const each of inSyncReplicas) context.print(`\nInSyncReplica:\t${replicaText(each)}`);
        for (const each of notInSyncReplicas) context.print(`\nNotInSyncReplica:\t${replicaText(each)}`);
      }
      return replicasInfoTable;
    });
  },
});
