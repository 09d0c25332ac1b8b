/** haStatus: how far a master's slaves are, or what a slave has of its master. */
import type { HARuntimeInfo } from "../../../wire/bodies/ha.ts";
import type { CommandContext } from "../context.ts";
import { command, optional, UsageError } from "../declaration.ts";
import { dateTime, format } from "../format.ts";
import { everyInterval, INTERVAL } from "./every_interval.ts";

export const haStatus = command({
  name: "haStatus",
  package: "ha",
  description: "Fetch ha runtime status data.",
  options: {
    clusterName: optional("c", "which cluster"),
    brokerAddr: optional("b", "which broker to fetch"),
    interval: INTERVAL,
  },
  example: "-n 127.0.0.1:9876 -c DefaultCluster",
  run(context, { clusterName, brokerAddr, interval }) {
    if (brokerAddr === undefined && clusterName === undefined)
      throw new UsageError("-b (--brokerAddr) or -c (--clusterName) is wanted");
    return everyInterval(context, interval, async () => {
      const { clusters, controllers } = context.admin;
      const addresses = brokerAddr === undefined ? await clusters.masterAddresses(clusterName ?? "") : [brokerAddr];
      const found = [];
      for (const address of addresses) {
        const info = await controllers.getBrokerHAStatus(address);
        if (info.master) printMaster(context, address, info);
        else printSlave(context, info);
        found.push({ address, ...info });
      }
      return found;
    });
  },
});

const TITLES = ["#SlaveAddr", "#SlaveAckOffset", "#Diff", "#TransferSpeed(KB/s)", "#Status", "#TransferFromWhere"];

function printMaster(context: CommandContext, address: string, info: HARuntimeInfo): void {
  context.print("");
  context.print(`#MasterAddr\t${address}`);
  context.print(`#MasterCommitLogMaxOffset\t${info.masterCommitLogMaxOffset}`);
  context.print(`#SlaveNum\t${info.haConnectionInfo.length}`);
  context.print(`#InSyncSlaveNum\t${info.inSyncSlaveNums}`);
  context.print(format("%-32s  %-16s %16s %16s %16s %16s", ...TITLES));
  for (const { addr, slaveAckOffset, diff, transferredByteInSecond, inSync, transferFromWhere } of info.haConnectionInfo) {
    const speed = format("%.2f", transferredByteInSecond / 1024);
    const status = inSync ? "OK" : "Fall Behind";
    context.print(format("%-32s  %-16d %16d %16s %16s %16d", addr, slaveAckOffset, diff, speed, status, transferFromWhere));
  }
}

function printSlave(context: CommandContext, { haClientRuntimeInfo }: HARuntimeInfo): void {
  const { masterAddr, maxOffset, transferredByteInSecond, lastReadTimestamp, lastWriteTimestamp, masterFlushOffset } =
    haClientRuntimeInfo;
  context.print("");
  context.print(`#MasterAddr\t${masterAddr ?? null}`);
  context.print(`#CommitLogMaxOffset\t${maxOffset}`);
  context.print(format("#TransferSpeed(KB/s)\t%.2f", transferredByteInSecond / 1024));
  context.print(`#LastReadTime\t${dateTime(lastReadTimestamp, ",")}`);
  context.print(`#LastWriteTime\t${dateTime(lastWriteTimestamp, ",")}`);
  context.print(`#MasterFlushOffset\t${masterFlushOffset}`);
}
