/** clusterList: every broker of every cluster, with how busy it is. */
import type { ClusterInfo } from "../../../wire/bodies/route.ts";
import type { CommandContext } from "../context.ts";
import { command, flag, optional } from "../declaration.ts";
import { format } from "../format.ts";
import { integer } from "../values.ts";

const BASE = "%-22s  %-22s  %-4s  %-22s %-16s  %16s  %30s  %-22s  %-11s  %-12s  %-8s  %-10s";
const BASE_ROW = "%-22s  %-22s  %-4s  %-22s %-16s  %16s  %30s  %-22s  %11s  %-12s  %-8s  %10s";
const MORE = "%-16s  %-32s %14s %14s %14s %14s";

interface Member {
  readonly cluster: string;
  readonly brokerName: string;
  readonly brokerId: number;
  readonly address: string;
  /** Empty when the broker does not answer. */
  readonly info: ReadonlyMap<string, string>;
}

export const clusterList = command({
  name: "clusterList",
  package: "cluster",
  description: "List cluster infos.",
  options: {
    moreStats: flag("m", "Print more stats"),
    interval: optional("i", "specify intervals numbers, it is in seconds"),
    clusterName: optional("c", "which cluster"),
  },
  example: "-n 127.0.0.1:9876",
  async run(context, { moreStats, interval, clusterName }) {
    const seconds = interval === undefined ? undefined : integer(interval, "interval", 1);
    for (;;) {
      const members = await membersOf(context, await context.admin.clusters.examineBrokerClusterInfo(), clusterName);
      if (moreStats) printMore(context, members);
      else printBase(context, members);
      context.output.emit(members);
      if (seconds === undefined) return undefined;
      await context.sleep(seconds * 1000);
    }
  },
});

async function membersOf(context: CommandContext, info: ClusterInfo, only: string | undefined): Promise<Member[]> {
  const clusters = only === undefined ? [...info.clusterAddrTable.keys()] : [only];
  const members = clusters.flatMap((cluster) =>
    [...(info.clusterAddrTable.get(cluster) ?? [])].sort().flatMap((brokerName) => {
      const addrs = [...(info.brokerAddrTable.get(brokerName)?.brokerAddrs ?? [])];
      return addrs.map(([brokerId, address]) => ({ cluster, brokerName, brokerId, address }));
    }),
  );
  return await Promise.all(
    members.map(async (member) => {
      try {
        return { ...member, info: (await context.admin.brokers.fetchBrokerRuntimeStats(member.address)).table };
      } catch (fault) {
        context.output.missed(fault as Error);
        return { ...member, info: new Map<string, string>() };
      }
    }),
  );
}

function printMore(context: CommandContext, members: readonly Member[]): void {
  const heads = ["#Cluster Name", "#Broker Name", "#InTotalYest", "#OutTotalYest", "#InTotalToday", "#OutTotalToday"];
  context.print(format(MORE, ...heads));
  for (const { cluster, brokerName, info } of members) {
    const between = (later: string, earlier: string) => {
      const sum = Number(info.get(later)) - Number(info.get(earlier));
      return Number.isFinite(sum) ? sum : 0;
    };
    context.print(
      format(
        MORE,
        cluster,
        brokerName,
        between("msgPutTotalTodayMorning", "msgPutTotalYesterdayMorning"),
        between("msgGetTotalTodayMorning", "msgGetTotalYesterdayMorning"),
        between("msgPutTotalTodayNow", "msgPutTotalTodayMorning"),
        between("msgGetTotalTodayNow", "msgGetTotalTodayMorning"),
      ),
    );
  }
}

function printBase(context: CommandContext, members: readonly Member[]): void {
  const heads = [
    ...["#Cluster Name", "#Broker Name", "#BID", "#Addr", "#Version", "#InTPS(LOAD)", "#OutTPS(LOAD)"],
    ...["#Timer(Progress)", "#PCWait(ms)", "#Hour", "#SPACE", "#ACTIVATED"],
  ];
  context.print(format(BASE, ...heads));
  for (const { cluster, brokerName, brokerId, address, info } of members) {
    const text = (key: string, fallback = info.size === 0 ? "" : "null") => info.get(key) ?? fallback;
    const number = (key: string) => Number(info.get(key) ?? 0) || 0;
    // "the last 10 s, the last minute, the last 10 minutes"
    const tps = (key: string) => Number.parseFloat(info.get(key) ?? "") || 0;
    const load = (pool: string, fallback?: string) =>
      `${text(`${pool}ThreadPoolQueueSize`, fallback)},${text(`${pool}ThreadPoolQueueHeadWaitTimeMills`, fallback)}ms`;
    const earliest = text("earliestMessageTimeStamp", "");
    context.print(
      format(
        BASE_ROW,
        cluster,
        brokerName,
        brokerId,
        address,
        text("brokerVersionDesc"),
        format("%9.2f(%s)", tps("putTps"), load("send")),
        format("%9.2f(%s|%s)", tps("getTransferredTps"), load("pull"), load("ack", info.size === 0 ? "" : "N")),
        format(
          "%d-%d(%.1fw, %.1f, %.1f)",
          number("timerReadBehind"),
          number("timerOffsetBehind"),
          number("timerCongestNum") / 10_000,
          number("timerEnqueueTps"),
          number("timerDequeueTps"),
        ),
        text("pageCacheLockTimeMills"),
        format("%.2f", earliest === "" ? 0 : (context.now() - Number(earliest)) / 3_600_000),
        format("%.4f", number("commitLogDiskRatio")),
        info.get("brokerActive") === "true",
      ),
    );
  }
}
