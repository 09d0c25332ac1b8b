/** statsAll: per topic and group, what came in, what went out, what waits. */
import { MQBrokerError, MQClientError } from "../../../core/client/mod.ts";
import type { BrokerStatsData } from "../../../wire/bodies/stats.ts";
import { DLQ_PREFIX, MASTER_ID, RETRY_PREFIX } from "../../../wire/mix_all.ts";
import type { CommandContext } from "../context.ts";
import { type Command, command, flag, optional } from "../declaration.ts";
import { format, front } from "../format.ts";
import { passOver } from "../targets.ts";

const statsAll = command({
  name: "statsAll",
  package: "stats",
  description: "Topic and Consumer tps stats.",
  options: { activeTopic: flag("a", "print active topic only"), topic: optional("t", "print select topic only") },
  example: "-n 127.0.0.1:9876 -a",
  async run(context, { activeTopic, topic }) {
    const { topicList } = await context.admin.topics.fetchAllTopicList();
    const ordinary = [...topicList].filter((name) => !name.startsWith(RETRY_PREFIX) && !name.startsWith(DLQ_PREFIX)).sort();
    const wanted = topic === undefined || topic === "" ? ordinary : ordinary.filter((name) => name === topic);
    const rates = ["#Accumulation", "#InTPS", "#OutTPS", "#InMsg24Hour", "#OutMsg24Hour"];
    context.print(format("%-64s  %-64s %12s %11s %11s %14s %14s", "#Topic", "#Consumer Group", ...rates));
    const rows: Row[] = [];
    for (const [i, name] of wanted.entries()) {
      context.output.progress(`topic ${i + 1} of ${wanted.length}`);
      try {
        for (const row of await rowsOf(context, name)) {
          if (activeTopic && row.inMsg24Hour <= 0 && row.outMsg24Hour <= 0) continue;
          rows.push(row);
          context.print(lineOf(row));
        }
      } catch (fault) {
        if (!(fault instanceof MQBrokerError || fault instanceof MQClientError)) throw fault;
        passOver(context, name, fault);
      }
    }
    return rows;
  },
});

interface Row {
  readonly topic: string;
  /** Empty: nobody consumes. */
  readonly group: string;
  readonly accumulation: number;
  readonly inTPS: number;
  readonly outTPS: number;
  readonly inMsg24Hour: number;
  readonly outMsg24Hour: number;
}

async function rowsOf(context: CommandContext, topic: string): Promise<Row[]> {
  const { topics, consumeStats } = context.admin;
  const route = await topics.examineTopicRouteInfo(topic);
  const masters = route.brokerDatas.map(({ brokerAddrs }) => brokerAddrs.get(MASTER_ID)).filter((each) => each !== undefined);
  const { groupList } = await topics.queryTopicConsumeByWho(topic);
  const put = await counted(context, masters, "TOPIC_PUT_NUMS", topic);
  const base = { topic, inTPS: put.tps, inMsg24Hour: put.count };
  if (groupList.size === 0) return [{ ...base, group: "", accumulation: 0, outTPS: 0, outMsg24Hour: 0 }];
  const rows = [];
  for (const group of [...groupList].sort()) {
    const got = await counted(context, masters, "GROUP_GET_NUMS", `${topic}@${group}`);
    // A group without offsets has nothing waiting.
    const offsets = await consumeStats.examineConsumeStats(group, topic).catch(() => ({ offsetTable: [] }));
    const waiting = offsets.offsetTable.reduce(
      (sum, [, { brokerOffset, consumerOffset }]) => sum + brokerOffset - consumerOffset,
      0,
    );
    rows.push({ ...base, group, accumulation: Math.max(0, waiting), outTPS: got.tps, outMsg24Hour: got.count });
  }
  return rows;
}

/** Of all brokers together; a broker that never counted this says so with an error, and counts as none. */
async function counted(context: CommandContext, masters: readonly string[], name: string, key: string) {
  let tps = 0;
  let count = 0;
  for (const address of masters) {
    const data = await context.admin.brokers.viewBrokerStatsData(address, name, key).catch((fault: Error) => {
      if (fault instanceof MQClientError) context.output.missed(fault);
      return undefined;
    });
    tps += data?.statsMinute.tps ?? 0;
    count += data === undefined ? 0 : dayOf(data);
  }
  return { tps, count };
}

/** The longest span that has counted anything yet. */
const dayOf = ({ statsDay, statsHour, statsMinute }: BrokerStatsData): number => statsDay.sum || statsHour.sum || statsMinute.sum;

function lineOf({ topic, group, accumulation, inTPS, outTPS, inMsg24Hour, outMsg24Hour }: Row): string {
  const names = [front(topic, 64), front(group, 64)];
  return group === ""
    ? format("%-64s  %-64s %12d %11.2f %11s %14d %14s", ...names, 0, inTPS, "", inMsg24Hour, "NO_CONSUMER")
    : format("%-64s  %-64s %12d %11.2f %11.2f %14d %14d", ...names, accumulation, inTPS, outTPS, inMsg24Hour, outMsg24Hour);
}

export const statsCommands: readonly Command[] = [statsAll];
